"""WarpConvNet's sparse convolution with less Python around its kernels: the same kernels, the same numbers.

WarpConvNet's host code takes longer for a convolution of MinkUNet18 than the GPU does: it looks kernel maps up by
hashes of offsets, builds and checks geometry objects after each layer, and normalises its tuning keys.
`SparseConv3d.forward` becomes `convolve` below, which

- keeps the kernel map with the coordinates that it belongs to, and hands on the same coordinate object,
- asks WarpConvNet's tuning tables once which kernel is the fastest, and then calls that kernel,
- leaves a weight's gradient in the kernel's float32 (WarpConvNet rounds it to float16 and back).

What it does not know (groups, generative convolutions, kernels that are not tuned yet) goes WarpConvNet's own way.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import torch
import warpconvnet._C as _C
import warpconvnet.nn.functional.sparse_conv.detail.autotune as _tuned
import warpconvnet.nn.functional.sparse_conv.detail.mask_gemm as _mask_gemm
import warpconvnet.nn.functional.sparse_conv.helper as _conv
from jaxtyping import Float, Int
from torch import Tensor
from warpconvnet.constants import get_fp16_accum
from warpconvnet.geometry.base.geometry import Geometry
from warpconvnet.geometry.coords.integer import IntCoords
from warpconvnet.geometry.coords.ops.serialization import POINT_ORDERING
from warpconvnet.geometry.coords.search.packed_hashmap import PackedHashTable
from warpconvnet.geometry.coords.search.search_results import IntSearchResult
from warpconvnet.geometry.features.cat import CatFeatures
from warpconvnet.geometry.types.voxels import Voxels
from warpconvnet.nn.functional.sparse_conv.detail.backends import BwdCtx, FwdCtx, run_backward, run_forward
from warpconvnet.nn.modules.sparse_conv import SpatiallySparseConv
from warpconvnet.utils.benchmark_cache import SpatiallySparseConvConfig

Kernel = tuple[str, dict[str, Any]]  # name and parameters of one of WarpConvNet's kernels


@dataclass
class Grid:
    """Where a convolution leads from some coordinates, and the pairs of points that it connects."""

    out: IntCoords
    pairs: IntSearchResult
    back: IntSearchResult | None = None  # the same pairs for the transposed convolution, once it was asked for


def with_features(geometry: Geometry, features: Float[Tensor, "N C"], coords: IntCoords | None = None) -> Geometry:
    """`geometry` with other features, and coordinates, without the checks of its constructors."""
    coords = coords or geometry.batched_coordinates
    batched = object.__new__(CatFeatures)
    batched.__dict__.update(batched_tensor=features, offsets=coords.offsets)
    new = object.__new__(type(geometry))
    new.__dict__.update(
        batched_coordinates=coords, batched_features=batched, _extra_attributes=dict(geometry._extra_attributes)
    )
    return new


def convolve(conv: SpatiallySparseConv, voxels: Voxels, target: Voxels | None = None) -> Voxels:
    """`conv(voxels)`; a transposed convolution gives features at the coordinates of `target`."""
    plain = conv.groups == 1 and not conv.generative and conv.compute_dtype is None
    plain = plain and conv.order is POINT_ORDERING.RANDOM and conv.stride_mode is _conv.STRIDED_CONV_MODE.STRIDE_ONLY
    if not plain or math.prod(conv.kernel_size) == 1 or torch.is_inference_mode_enabled():
        return _stock_forward(conv, voxels, target)
    coords, pairs = _upsampled(conv, voxels, target) if conv.transposed else _grid(conv, voxels)
    features, weight = voxels.feature_tensor, conv.weight
    dtype = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else features.dtype
    plan = _plan(conv, len(features), len(coords.batched_tensor), dtype) if features.is_cuda else None
    if plan:
        features = _Convolution.apply(features, weight, pairs, len(coords.batched_tensor), dtype, plan)
    else:
        features = _untuned(conv, features.to(dtype), weight.to(dtype), pairs, coords, voxels)
    return with_features(voxels, features if conv.bias is None else features + conv.bias, coords)


def _grid(conv: SpatiallySparseConv, voxels: Voxels) -> tuple[IntCoords, IntSearchResult]:
    """Output coordinates and pairs of a convolution, computed once for a coordinate object."""
    coords = voxels.batched_coordinates
    grids = coords.__dict__.setdefault("_grids", {})
    key = (conv.kernel_size, conv.stride, conv.dilation)
    if key not in grids:
        quick = voxels.device.type == "cuda" and set(conv.dilation) == {1} and math.prod(conv.kernel_size) <= 32
        grids[key] = (_quick_grid if quick and conv.num_spatial_dims == 3 else _stock_grid)(conv, voxels)
    return grids[key].out, grids[key].pairs


def _stock_grid(conv: SpatiallySparseConv, voxels: Voxels) -> Grid:
    rows, offsets, pairs = _conv.generate_output_coords_and_kernel_map(
        voxels, conv.kernel_size, conv.dilation, conv.stride
    )
    return Grid(_strided(conv, voxels, rows, offsets.cpu().int()), pairs)


def _quick_grid(conv: SpatiallySparseConv, voxels: Voxels) -> Grid:
    """The same on CUDA, with one hash table for all convolutions that start from these coordinates."""
    coords = voxels.batched_coordinates
    rows, offsets = coords.batch_indexed_coordinates, coords.offsets
    table = coords.__dict__.get("_table") or coords.__dict__.setdefault("_table", _hash_table(voxels, rows))
    queries = rows
    if set(conv.stride) != {1}:
        steps = _constant((1, *conv.stride), rows.device)
        rows = _distinct_rows(rows.div(steps, rounding_mode="floor"))
        offsets = (
            torch.searchsorted(rows[:, 0].contiguous(), torch.arange(len(offsets), device=rows.device)).int().cpu()
        )
        queries = rows * steps
    found = rows.new_empty(math.prod(conv.kernel_size), len(rows))
    _C.cuhash.packed_kernel_map_size(
        table.keys_tensor,
        table.values_tensor,
        queries.contiguous(),
        _constant(conv.kernel_size, rows.device),
        found,
        len(rows),
        len(found),
        table.capacity,
        64,
        8,
    )
    odd = all(size % 2 for size in conv.kernel_size) and queries is rows
    return Grid(_strided(conv, voxels, rows, offsets), Pairs(found, len(found) // 2 if odd else None))


def _hash_table(voxels: Voxels, rows: Int[Tensor, "N 4"]) -> PackedHashTable:
    """Which point has some coordinates. Those of the finest grid are checked, which makes the host wait for the GPU."""
    if max(voxels.tensor_stride or (1,)) == 1:
        return PackedHashTable.from_coords(rows)
    table = PackedHashTable(capacity=max(16, 2 * len(rows)), device=rows.device)
    table._allocate_storage()
    table._run_prepare()
    table._run_insert(rows.contiguous(), len(rows), rows.new_zeros(1))
    return table


def _strided(conv: SpatiallySparseConv, voxels: Voxels, rows: Int[Tensor, "M 4"], offsets: Tensor) -> IntCoords:
    """The coordinate object of a convolution's output: the input's own one for stride 1."""
    if set(conv.stride) == {1}:
        return voxels.batched_coordinates
    stride = tuple(a * b for a, b in zip(conv.stride, voxels.tensor_stride or (1, 1, 1)))
    out = IntCoords(rows[:, 1:], offsets, tensor_stride=stride)
    out._set_batch_indexed_coordinates(rows)
    return out


def _distinct_rows(rows: Int[Tensor, "N 4"]) -> Int[Tensor, "M 4"]:
    """Each row once, in ascending order. A row is packed into one number, which has 18 bits for x, y and z each."""
    bits = _constant((54, 36, 18, 0), rows.device)
    middle = _constant((0, 2**17, 2**17, 2**17), rows.device)
    keys = ((rows.long() + middle) << bits).sum(1).unique()
    return (((keys[:, None] >> bits) & (2**18 - 1)) - middle).int()


@functools.cache
def _constant(values: tuple[int, ...], device: torch.device) -> Int[Tensor, " n"]:
    return torch.tensor(values, dtype=torch.int32, device=device)


class Pairs(IntSearchResult):
    """A kernel map that is the table `found` (K, M): for each offset and output point its input point, or -1.

    That is all that the fused kernels need. The lists that other kernels want are made when these ask for them.
    """

    def __init__(self, found: Int[Tensor, "K M"], identity: int | None):
        self._pair_table, self.identity_map_index = found, identity
        self._mask_data = self._reverse_mask_data = self._reduced_mask = None
        self._hashtable = self._kernel_size = None
        self._grouped_params_cache = {}

    def __len__(self) -> int:
        return len(self._pair_table)

    @functools.cached_property
    def _lists(self) -> tuple[Tensor, Tensor, Tensor]:
        offset, out = (self._pair_table >= 0).nonzero(as_tuple=True)
        counts = torch.bincount(offset, minlength=len(self))
        starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)]).int().cpu()
        return self._pair_table[offset, out], out.int(), starts

    in_maps = property(lambda self: self._lists[0])
    out_maps = property(lambda self: self._lists[1])
    offsets = property(lambda self: self._lists[2])


def _upsampled(conv: SpatiallySparseConv, voxels: Voxels, target: Voxels) -> tuple[IntCoords, IntSearchResult]:
    """Coordinates of `target`, and the pairs of the convolution that led from there, backwards."""
    coords = target.batched_coordinates
    grid = coords.__dict__.get("_grids", {}).get((conv.kernel_size, conv.stride, conv.dilation))
    if grid is None or grid.out is not voxels.batched_coordinates:
        _, _, pairs = _conv.generate_output_coords_and_kernel_map(
            voxels,
            conv.kernel_size,
            conv.dilation,
            conv.stride,
            transposed=True,
            output_spatially_sparse_tensor=target,
        )
        return coords, pairs
    if grid.back is None:
        grid.back = _backwards(grid.pairs, len(coords.batched_tensor), len(grid.out.batched_tensor))
    return coords, grid.back


def _backwards(pairs: IntSearchResult, num_in: int, num_out: int) -> IntSearchResult:
    """The same pairs with input and output exchanged."""
    if not isinstance(pairs, Pairs):
        return IntSearchResult(pairs.out_maps, pairs.in_maps, pairs.offsets)
    device = pairs._pair_table.device
    table, *_ = reverse = _mask_gemm._get_reverse_mask_data(pairs, num_in, num_out, device)
    back = Pairs(table.view(len(pairs), num_in), None)
    back._mask_data, back._reverse_mask_data = reverse, pairs._mask_data
    return back


def _metadata(conv: SpatiallySparseConv) -> dict[str, Any]:
    stride_mode = conv.stride_mode.value
    return {"conv_stride": conv.stride, "transposed": conv.transposed, "generative": False, "stride_mode": stride_mode}


def _untuned(conv, features, weight, pairs, coords, voxels) -> Float[Tensor, "M O"]:
    """WarpConvNet's own function, which tries its kernels (on the CPU it is that of warp.py)."""
    accumulate_half = get_fp16_accum() if conv.use_fp16_accum is None else conv.use_fp16_accum
    return _conv.UnifiedSpatiallySparseConvFunction.apply(
        features,
        weight,
        pairs,
        len(coords.batched_tensor),
        conv.fwd_algo,
        conv.dgrad_algo,
        conv.wgrad_algo,
        features.dtype,
        conv.implicit_matmul_fwd_block_size,
        conv.implicit_matmul_bwd_block_size,
        voxels.tensor_stride,
        _metadata(conv),
        conv.groups,
        accumulate_half,
    )


@dataclass
class Plan:
    """The fastest kernels for one shape of convolution."""

    forward: Kernel
    features: Kernel | None  # gradient of the features
    weight: Kernel | None  # gradient of the weight
    accumulate_half: bool


_plans: dict[tuple, Plan] = {}


def _plan(conv: SpatiallySparseConv, num_in: int, num_out: int, dtype: torch.dtype) -> Plan | None:
    """What WarpConvNet's tuning found for this shape; None until it has tried forward and (with gradients) backward.

    Its tables sort numbers of voxels by powers of ten, from 10,000 on.
    """
    size = [max(math.ceil(math.log10(max(number, 1))), 4) for number in (num_in, num_out)]
    algorithms = [str(algorithm) for algorithm in (conv.fwd_algo, conv.dgrad_algo, conv.wgrad_algo)]
    shape = (*size, conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.transposed, dtype)
    key = (*shape, conv.use_fp16_accum, *algorithms, torch.is_grad_enabled())
    if key not in _plans:
        plan = _tuned_plan(conv, num_in, num_out, dtype)
        if plan is None:
            return None
        _plans[key] = plan
    return _plans[key]


def _tuned_plan(conv: SpatiallySparseConv, num_in: int, num_out: int, dtype: torch.dtype) -> Plan | None:
    half = get_fp16_accum() if conv.use_fp16_accum is None else conv.use_fp16_accum
    common = {"kernel_volume": math.prod(conv.kernel_size), "in_dtype": dtype, "use_fp16_accum": half}
    there = SpatiallySparseConvConfig(num_in, num_out, conv.in_channels, conv.out_channels, **common, **_metadata(conv))
    back = SpatiallySparseConvConfig(num_out, num_in, conv.out_channels, conv.in_channels, **common, **_metadata(conv))
    kernels = [
        _fastest(_tuned._BENCHMARK_AB_RESULTS, there, conv.fwd_algo),
        _fastest(_tuned._BENCHMARK_ABT_RESULTS, back, conv.dgrad_algo),
        _fastest(_tuned._BENCHMARK_ATB_RESULTS, there, conv.wgrad_algo),
    ]
    needed = kernels if torch.is_grad_enabled() else kernels[:1]
    return Plan(*kernels, half) if all(needed) else None


def _fastest(table: dict, config: SpatiallySparseConvConfig, algorithms: Any) -> Kernel | None:
    """The fastest of these algorithms in one of WarpConvNet's tables."""
    results = table.get(config) or []
    results = [results] if isinstance(results, tuple) else results
    listed = algorithms if isinstance(algorithms, list) else [algorithms]
    names = {str(getattr(algorithm, "value", algorithm)) for algorithm in listed}
    for name, parameters, _ in results:
        if name in names or names & {"auto", "all", "trimmed"}:
            return name, parameters
    return None


class _Convolution(torch.autograd.Function):
    """A convolution by the kernels of its plan, in `dtype`."""

    @staticmethod
    def forward(ctx, features, weight, pairs: IntSearchResult, num_out: int, dtype: torch.dtype, plan: Plan):
        features, cast = features.to(dtype).contiguous(), weight.to(dtype)
        ctx.save_for_backward(features, weight, cast)
        ctx.pairs, ctx.num_out, ctx.plan = pairs, num_out, plan
        name, parameters = plan.forward
        call = FwdCtx(features, cast, pairs, num_out, dtype, parameters, use_fp16_accum=plan.accumulate_half)
        return run_forward(name, call)

    @staticmethod
    def backward(ctx, gradient: Float[Tensor, "M O"]):
        features, weight, cast = ctx.saved_tensors
        gradient = gradient.to(cast.dtype).contiguous()
        grads = [None, None]
        for index, (name, parameters) in enumerate((ctx.plan.features, ctx.plan.weight)):
            if not ctx.needs_input_grad[index]:
                continue
            call = BwdCtx(
                gradient,
                features,
                weight if index and name == "mask_gemm" else cast,  # its dtype is that of the result
                ctx.pairs,
                ctx.num_out,
                cast.dtype,
                features.device,
                (index == 0, index == 1),
                parameters,
                weight_T=cast.transpose(1, 2).contiguous() if name in _TRANSPOSED and not index else None,
                use_fp16_accum=ctx.plan.accumulate_half,
            )
            grads[index] = run_backward(name, call)[index]
        return *grads, None, None, None, None


# Kernels whose feature gradient is a forward pass with the weight transposed.
_TRANSPOSED = ("mask_gemm_fwd_as_dgrad", "cute_grouped")

_stock_forward = SpatiallySparseConv.forward
_stock_replace = Geometry.replace


def _replace(geometry: Geometry, batched_coordinates=None, batched_features=None, **attributes) -> Geometry:
    """WarpConvNet's `replace`; quick for the usual case, new features in place of the old ones."""
    usual = batched_coordinates is None and not attributes and type(geometry.batched_features) is CatFeatures
    usual = usual and isinstance(batched_features, Tensor) and batched_features.ndim == 2
    if usual and len(batched_features) == len(geometry.feature_tensor):
        return with_features(geometry, batched_features)
    return _stock_replace(geometry, batched_coordinates, batched_features, **attributes)


def install(lean: bool = True) -> None:
    """Put these in the place of WarpConvNet's, or its own ones back."""
    SpatiallySparseConv.forward = convolve if lean else _stock_forward
    Geometry.replace = _replace if lean else _stock_replace
