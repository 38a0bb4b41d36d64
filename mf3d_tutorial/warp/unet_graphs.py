"""A MinkUNet's forward and backward pass as two CUDA graphs.

The host takes longer to start the hundreds of kernels of such a network one by one than the GPU to
run them. A graph starts them all by one call, but always with the same memory: so voxels come in
tables of fixed size, larger than a batch needs, and the kernels learn on the GPU how many rows
count. Rows behind them have no neighbours, so convolutions skip them, and kernels/batch_norm.py
leaves them out. A graph serves all batches that fit into its tables and fill at least two thirds
of them; others get graphs of their own from their second batch on, which work in the same memory
where it suffices.

Only training uses them, where each forward pass is followed by its backward pass before the next
one begins, in half precision: the kernels of float32 need lists of pairs on the host. They have to
be asked for (`allow_graphs`); whatever does not fit goes the way without them. Weights may be
changed and loaded in place, but not replaced by other tensors.
"""

import math
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from warpconvnet.geometry.coords.integer import IntCoords
from warpconvnet.geometry.types.voxels import Voxels
from warpconvnet.models import mink_unet
from warpconvnet.models.mink_unet import MinkUNetBase

from mf3d_tutorial.warp.coarse_grids import LEVELS, CoarseGrids
from mf3d_tutorial.warp.fast_convolution import dtype_for, with_features
from mf3d_tutorial.warp.kernel_maps import (
    Grid,
    PairTable,
    coords_of_level,
    find_pairs,
    hash_table,
    identity_of,
    level_of,
)

# Kernel size, stride and dilation of a convolution: the key of its pairs (kernel_maps.py).
Geometry = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
SLACK = 1.05  # the share of coarser voxels differs from batch to batch
SPARE = 1.15  # room in tables that are larger than all before
FULL = 0.66  # of a table: a batch with fewer voxels gets a graph of its own
LARGE = 0.05  # of the GPU's memory: graphs that work in more are dropped for a larger one
TRIALS = 8  # of recording a graph, in a row
FEWEST = 64  # finest voxels that a graph is worth


class NotTunedError(RuntimeError):
    """WarpConvNet has not yet chosen a kernel that a graph can hold."""


def allow_graphs(model: nn.Module) -> None:
    """Let each of WarpConvNet's own MinkUNets in the model record graphs when it is trained."""
    for module in model.modules():
        if isinstance(module, MinkUNetBase) and type(module).__module__ == mink_unet.__name__:
            vars(module)["_graphs"] = UNetGraphs()


def drop_graphs(model: nn.Module) -> bool:
    """Give up the model's graphs, and record no more; whether there were any. Their memory is free
    once no backward pass needs them any more."""
    owners = [graphs for module in model.modules() if (graphs := vars(module).get("_graphs"))]
    had = any(graphs.recorded for graphs in owners)
    for graphs in owners:
        graphs.drop()
    return had


def graph_memory(model: nn.Module) -> int:
    """Bytes of GPU memory that the model's graphs work in, which PyTorch counts as free."""
    owners = (vars(module).get("_graphs") for module in model.modules())
    return sum(graphs.bytes for graphs in owners if graphs)


class UNetGraphs:
    """The graphs of one network, by the capacity of their finest table."""

    def __init__(self):
        self.recorded: dict[int, Recorded] = {}
        self.seen: Counter[int] = Counter()  # batches without a graph, by the bits of their size
        self.geometries: list[list[Geometry]] | None = None  # of each level's convolutions
        self.gradients: list[Tensor] = []  # of the parameters, in the same memory in all graphs
        self.pool: Any = None
        self.stream: Any = None  # of all recordings: memory is shared within a stream only
        self.bytes, self.failed, self.off = 0, 0, False
        self.replays = [0]  # how often a forward pass was replayed

    def __deepcopy__(self, memo: dict) -> "UNetGraphs":
        return UNetGraphs()  # a copied network has other parameters

    def drop(self) -> None:
        """Give up the graphs, and record no more."""
        self.__init__()
        self.off = True

    def run(self, unet: MinkUNetBase, voxels: Voxels, stages: Sequence[str]) -> list[Voxels] | None:
        """What the network and these stages (names of its modules) give; None if that is not for a
        graph."""
        place = level_of(voxels.batched_coordinates)
        wanted = unet.training and torch.is_grad_enabled() and not self.off
        half = dtype_for(voxels) in (torch.float16, torch.bfloat16)
        if place is None or place[1] or not wanted or not half:
            return None
        if voxels.feature_tensor.requires_grad:
            return None
        parameters = _parameters(unet)
        # A graph would write over the gradients of another backward pass.
        if any(parameter.grad is not None for parameter in parameters):
            return None
        grids = place[0]
        sizes = grids.sizes()
        if sizes[0] < FEWEST or min(sizes) < 2:
            return None
        holding = [
            capacity
            for capacity, recorded in self.recorded.items()
            if sizes[0] >= FULL * capacity and recorded.holds(sizes, dtype_for(voxels), stages)
        ]
        if holding:
            capacity = min(holding)
        else:
            self.seen[sizes[0].bit_length()] += 1
            # The first batch goes without: WarpConvNet chooses its kernels.
            if self.geometries is None or self.seen[sizes[0].bit_length()] < 2:
                return None
            capacity = self._capacity(sizes[0])
            if not self._record(unet, voxels, grids, sizes, capacity, stages):
                return None
        recorded = self.recorded[capacity]
        recorded.fill(voxels, grids, sizes)
        outputs = _Replay.apply(recorded, sizes, *parameters)
        return recorded.as_voxels(voxels, grids, outputs)

    def _capacity(self, number: int) -> int:
        """The capacity of new tables for so many finest voxels. Those within the largest ones are
        few, and cost little memory. The first ones fit; larger ones leave room, because still
        larger batches may come."""
        if number <= (most := max(self.recorded, default=0)):
            return min(capacity_for(number, parts=4), most)
        return capacity_for(math.ceil(number * SPARE) if self.recorded else number, parts=16)

    def learn(self, voxels: Voxels) -> None:
        """Remember which convolutions a network without graphs has done on each level."""
        if self.off or self.geometries is not None:
            return
        self.geometries = geometries_of(voxels.batched_coordinates)
        self.off = self.geometries is None

    def _record(
        self,
        unet: MinkUNetBase,
        voxels: Voxels,
        grids: CoarseGrids,
        sizes: list[int],
        capacity: int,
        stages: Sequence[str],
    ) -> bool:
        """Record a graph for tables of this capacity; whether that was possible."""
        factor = SLACK * capacity / sizes[0]
        capacities = [capacity, *(math.ceil(size * factor / 8) * 8 for size in sizes[1:])]
        if capacity in self.recorded:  # one of its coarser tables is too small
            before = self.recorded[capacity].capacities
            capacities = [max(pair) for pair in zip(capacities, before)]
        try:
            recorded = Recorded(self, voxels, capacities, sizes, stages)
            recorded.fill(voxels, grids, sizes)
            recorded.trial(unet)
            self.recorded.pop(capacity, None)
            # Its larger tables find no room in the memory of the others, but theirs would in its.
            largest = capacity > max(self.recorded, default=0)
            large = largest and self.bytes > LARGE * _memory(voxels.device)
            if self.pool is not None and (large or not self.recorded):
                torch.cuda.synchronize(voxels.device)  # none of them runs any more
                self.recorded.clear()
                self.gradients, self.pool, self.bytes = [], None, 0
            needed = recorded.record(unet, self)
            self.bytes = self.bytes + needed if largest else max(self.bytes, needed)
            self.failed = 0
            self.recorded[capacity] = recorded
            return True
        except RuntimeError as error:  # memory runs out, or a kernel cannot be recorded
            self.failed += 1
            if isinstance(error, NotTunedError) and self.failed < TRIALS:
                return False
            reason = str(error).splitlines()[0]
        warnings.warn(
            f"the backbone's CUDA graph was not recorded ({reason}): training goes on without, and"
            " each step may take longer",
            stacklevel=2,
        )
        self.drop()
        torch.cuda.empty_cache()
        return False


def capacity_for(number: int, parts: int) -> int:
    """A multiple of 8 that holds `number` rows, and is at most 1 / `parts` larger, or 7 rows."""
    step = max(8, 2 ** (number.bit_length() - 1) // parts)
    return -(-number // step) * step


def geometries_of(coords: Any) -> list[list[Geometry]] | None:
    """The geometries of the convolutions from each level, finest first; None if some pairs are not
    in a table, or levels are not as in a MinkUNet."""
    geometries, level = [], coords
    while level is not None:
        grids = vars(level).get("_grids", {})
        if not all(isinstance(grid.pairs, PairTable) for grid in grids.values()):
            return None
        geometries.append(list(grids))
        coarser = [grid.out for grid in grids.values() if grid.out is not None]
        if len(coarser) > 1:
            return None
        level = coarser[0] if coarser else None
    return geometries if len(geometries) == LEVELS + 1 else None


@dataclass
class Table:
    """Memory for the pairs of one convolution, from a level to itself or to the next."""

    level: int
    geometry: Geometry
    found: Tensor  # (K, capacity of the level that it leads to)

    @property
    def coarser(self) -> bool:
        """Whether it leads to the next level."""
        return set(self.geometry[1]) != {1}


class Recorded:
    """Two graphs, and the memory that they read from and write to."""

    def __init__(
        self,
        owner: UNetGraphs,
        voxels: Voxels,
        capacities: list[int],
        sizes: list[int],
        stages: Sequence[str],
    ):
        features = voxels.feature_tensor
        self.replays, self.capacities, self.stages = owner.replays, capacities, tuple(stages)
        self.dtype = dtype_for(voxels)
        self.features = features.new_zeros(capacities[0], features.shape[1])
        self.counts = torch.tensor(sizes, dtype=torch.int32, device=features.device)
        # without the batch's coordinates, which would be kept with it
        nothing = IntCoords(self.counts.new_zeros(1, 3), torch.tensor([0, 1]))
        self.template = with_features(voxels, self.features, nothing)
        self.tuned_for = sizes  # WarpConvNet knows the kernels for these numbers of voxels
        self.tables = [
            Table(level, geometry, self._memory(level, geometry))
            for level, geometries in enumerate(owner.geometries or [])
            for geometry in geometries
        ]

    def _memory(self, level: int, geometry: Geometry) -> Tensor:
        kernel_size, stride, _ = geometry
        columns = self.capacities[level + (set(stride) != {1})]
        return self.counts.new_empty(math.prod(kernel_size), columns)

    def holds(self, sizes: list[int], dtype: torch.dtype, stages: Sequence[str]) -> bool:
        """Whether so many voxels of each level fit, and the graph is for such a call."""
        fits = all(size <= capacity for size, capacity in zip(sizes, self.capacities))
        return fits and dtype == self.dtype and tuple(stages) == self.stages

    def fill(self, voxels: Voxels, grids: CoarseGrids, sizes: list[int]) -> None:
        """Put a batch's features, numbers of voxels and pairs where the graphs read them."""
        self.features[: sizes[0]].copy_(voxels.feature_tensor)
        self.features[sizes[0] :].zero_()  # an earlier batch may have left NaN there
        self.counts.copy_(torch.tensor(sizes, dtype=torch.int32), non_blocking=True)
        finest = vars(voxels.batched_coordinates).get("_table")
        tables = [finest or hash_table(grids.level(0)[0], checked=True)]
        tables += [hash_table(grids.level(k)[0], checked=False) for k in range(1, LEVELS + 1)]
        for table in self.tables:
            rows, _ = grids.level(table.level + table.coarser)
            kernel_size, stride, _ = table.geometry
            find_pairs(tables[table.level], rows, kernel_size, stride, table.found)

    def static_voxels(self) -> tuple[Voxels, list[IntCoords]]:
        """The voxels in the graphs' memory, with the pairs of all convolutions still to be worked
        out; the coordinates of each level (mere placeholders, but for what is kept with them)."""
        levels = []
        for level, capacity in enumerate(self.capacities):
            place = self.counts.new_zeros(1, 3).expand(capacity, 3)
            coords = IntCoords(place, torch.tensor([0, capacity]), tensor_stride=(2**level,) * 3)
            vars(coords).update(
                _grids={},
                _count=self.counts[level : level + 1],
                _tuned_for=self.tuned_for[level],
            )
            levels.append(coords)
        for table in self.tables:
            kernel_size, stride, _ = table.geometry
            pairs = PairTable(table.found, identity_of(kernel_size, stride))
            out = levels[table.level + 1] if table.coarser else None
            vars(levels[table.level])["_grids"][table.geometry] = Grid(out, pairs)
        return with_features(self.template, self.features, levels[0]), levels

    def trial(self, unet: MinkUNetBase) -> None:
        """Both passes without a graph, in which kernels are compiled and loaded; NotTunedError if
        one is missing. Batch norm's statistics stay."""
        buffers = list(unet.buffers())
        kept = [buffer.clone() for buffer in buffers]
        leaves = _leaves(unet)
        try:
            with torch.autocast("cuda", self.dtype, cache_enabled=False):
                outputs, _ = self._forward(unet, leaves)
                torch.autograd.grad(outputs, list(leaves.values()), [x * 0 for x in outputs])
        finally:
            for buffer, before in zip(buffers, kept):
                buffer.copy_(before)

    def record(self, unet: MinkUNetBase, owner: UNetGraphs) -> int:
        """Record both graphs; the bytes of memory that they work in, beside what is kept here."""
        device, leaves = self.features.device, _leaves(unet)
        if owner.pool is None:
            owner.pool, owner.stream = torch.cuda.graph_pool_handle(), torch.cuda.Stream(device)
        current = torch.cuda.current_stream(device)
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        options = {"pool": owner.pool, "stream": owner.stream}
        options["capture_error_mode"] = "thread_local"  # other threads copy batches meanwhile
        self.forward_graph, self.backward_graph = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        try:
            with (
                torch.cuda.device(device),
                torch.autocast("cuda", self.dtype, cache_enabled=False),
            ):
                with torch.cuda.graph(self.forward_graph, **options):
                    outputs, self.levels = self._forward(unet, leaves)
                self.outputs = [x.detach() for x in outputs]
                self.gradients = [torch.zeros_like(x) for x in self.outputs]
                with torch.cuda.graph(self.backward_graph, **options):
                    found = torch.autograd.grad(outputs, list(leaves.values()), self.gradients)
                    if owner.gradients:
                        torch._foreach_copy_(owner.gradients, found)
        finally:
            torch.cuda.set_stream(current)  # a graph that cannot begin leaves its own
        owner.gradients = owner.gradients or list(found)
        self.of_parameters = owner.gradients
        del outputs, found
        return torch.cuda.max_memory_allocated(device) - torch.cuda.memory_allocated(device)

    def _forward(
        self, unet: MinkUNetBase, leaves: dict[str, Tensor]
    ) -> tuple[list[Tensor], list[int]]:
        """Features that the network and the stages give, and the level of each."""
        voxels, levels = self.static_voxels()
        out, *stages = with_stages(
            unet, self.stages, lambda: functional_call(unet, leaves, (voxels,))
        )
        given = [out, *stages]
        level_of_object = {id(coords): level for level, coords in enumerate(levels)}
        places = [level_of_object[id(x.batched_coordinates)] for x in given]
        return [x.feature_tensor for x in given], places

    def as_voxels(
        self, voxels: Voxels, grids: CoarseGrids, outputs: Sequence[Tensor]
    ) -> list[Voxels]:
        """The outputs with the coordinates of the batch."""
        return [
            with_features(voxels, features, coords_of_level(grids, level) if level else None)
            for features, level in zip(outputs, self.levels)
        ]


class _Replay(torch.autograd.Function):
    """The network's outputs, as a function of its parameters."""

    @staticmethod
    def forward(ctx, recorded: Recorded, sizes: list[int], *parameters: Tensor):
        recorded.forward_graph.replay()
        recorded.replays[0] += 1
        ctx.recorded, ctx.sizes, ctx.replay = recorded, sizes, recorded.replays[0]
        ctx.set_materialize_grads(False)
        return tuple(
            features[: sizes[level]].detach()
            for features, level in zip(recorded.outputs, recorded.levels)
        )

    @staticmethod
    def backward(ctx, *gradients: Tensor | None):
        recorded: Recorded = ctx.recorded
        if ctx.replay != recorded.replays[0]:
            raise RuntimeError(
                "a CUDA graph of the backbone has run again before this backward pass: call"
                " backward before the next forward pass, or train with train.accumulate=2, which"
                " does without graphs"
            )
        for static, gradient, level in zip(recorded.gradients, gradients, recorded.levels):
            size = ctx.sizes[level]
            if gradient is None:
                static.zero_()
            else:
                static[:size].copy_(gradient)
                static[size:].zero_()
        recorded.backward_graph.replay()
        return None, None, *(gradient.detach() for gradient in recorded.of_parameters)


def with_stages(
    unet: MinkUNetBase, stages: Sequence[str], run: Callable[[], Voxels]
) -> list[Voxels]:
    """What `run` gives, which runs the network, and what the stages (names of its modules) gave
    on the way."""
    found: list[Voxels] = []

    def keep(_module: nn.Module, _inputs: Any, output: Voxels) -> None:
        found.append(output)

    hooks = [unet.get_submodule(name).register_forward_hook(keep) for name in stages]
    try:
        return [run(), *found]
    finally:
        for hook in hooks:
            hook.remove()


def _memory(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).total_memory


def _leaves(unet: MinkUNetBase) -> dict[str, Tensor]:
    """The parameters' memory as other tensors: were they recorded themselves, their gradients would
    from then on be summed up on the stream of the recording."""
    return {name: p.detach().requires_grad_() for name, p in unet.named_parameters()}


def _parameters(unet: MinkUNetBase) -> list[nn.Parameter]:
    if "_parameter_list" not in vars(unet):  # a walk over all modules takes milliseconds
        vars(unet)["_parameter_list"] = list(unet.parameters())
    return vars(unet)["_parameter_list"]
