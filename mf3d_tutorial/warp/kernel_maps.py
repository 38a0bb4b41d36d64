"""Which voxels a sparse convolution connects, found once for some coordinates and kept with them.

A convolution of stride 1 hands on the coordinate object that it got; one of stride 2 gives the same
coarser one each time. So an object stands for its coordinates, and what was found for it needs no
look-up by value. On CUDA one hash table serves all convolutions that start from the same
coordinates.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import warpconvnet._C as _C
import warpconvnet.nn.functional.sparse_conv.detail.mask_gemm as _mask_gemm
import warpconvnet.nn.functional.sparse_conv.helper as _conv
from jaxtyping import Int
from torch import Tensor, nn
from warpconvnet.geometry.base.coords import Coords
from warpconvnet.geometry.coords.integer import IntCoords
from warpconvnet.geometry.coords.ops.batch_index import batch_indexed_coordinates
from warpconvnet.geometry.coords.search.packed_hashmap import PackedHashTable
from warpconvnet.geometry.coords.search.search_results import IntSearchResult
from warpconvnet.geometry.types.points import Points
from warpconvnet.geometry.types.voxels import Voxels
from warpconvnet.nn.functional.point_pool import point_pool
from warpconvnet.nn.modules.sparse_conv import SpatiallySparseConv
from warpconvnet.ops.reductions import REDUCTIONS

from mf3d_tutorial.warp.coarse_grids import LEVELS, CoarseGrids, coarse_grids, constant, z_order

# torch.compiler.disable, which wraps it, hides its arguments from type checkers.
_coords_and_pairs: Callable[..., Any] = _conv.generate_output_coords_and_kernel_map


@dataclass
class Grid:
    """Output coordinates of a convolution from some input coordinates, and the pairs of points that
    it connects."""

    # None: those of the input. (A reference to itself would be a cycle, which keeps the GPU's
    # memory until the garbage collector frees it.)
    out: IntCoords | None
    pairs: IntSearchResult
    # `pairs` for the transposed convolution, once that was asked for
    back: IntSearchResult | None = None


def grid_of(conv: SpatiallySparseConv, voxels: Voxels) -> tuple[Coords, IntSearchResult]:
    """Output coordinates and pairs of a convolution, computed once for a coordinate object."""
    coords = voxels.batched_coordinates
    grids = coords.__dict__.setdefault("_grids", {})
    key = (conv.kernel_size, conv.stride, conv.dilation)
    if key not in grids:
        quick = (
            voxels.device.type == "cuda"
            and set(conv.dilation) == {1}
            and math.prod(conv.kernel_size) <= 32
            and set(conv.stride) in ({1}, {2})
        )
        grids[key] = (_quick_grid if quick and conv.num_spatial_dims == 3 else _stock_grid)(
            conv, voxels
        )
    grid = grids[key]
    return coords if grid.out is None else grid.out, grid.pairs


def _stock_grid(conv: SpatiallySparseConv, voxels: Voxels) -> Grid:
    rows, offsets, pairs = _coords_and_pairs(voxels, conv.kernel_size, conv.dilation, conv.stride)
    return Grid(_strided(conv, voxels, rows, offsets.cpu().int()), pairs)


def _quick_grid(conv: SpatiallySparseConv, voxels: Voxels) -> Grid:
    """Output coordinates and pairs on CUDA for strides of 1 and 2, by one hash table for all
    convolutions that start from these coordinates."""
    coords = voxels.batched_coordinates
    rows, offsets = coords.batch_indexed_coordinates, coords.offsets
    table = coords.__dict__.get("_table") or coords.__dict__.setdefault(
        "_table", hash_table(rows, checked=max(voxels.tensor_stride or (1,)) == 1)
    )
    coarse = None
    if set(conv.stride) != {1}:
        place = level_of(coords)
        if place is None or place[1] == LEVELS:
            place = vars(coords)["_level"] = coarse_grids(rows, offsets), 0
        coarse = place[0], place[1] + 1
        rows, offsets = coarse[0].level(coarse[1])
    found = rows.new_empty(math.prod(conv.kernel_size), len(rows))
    find_pairs(table, rows, conv.kernel_size, conv.stride, found)
    out = _strided(conv, voxels, rows, offsets)
    if out is not None:
        vars(out)["_level"] = coarse
    return Grid(out, PairTable(found, identity_of(conv.kernel_size, conv.stride)))


def find_pairs(
    table: Any,
    rows: Int[Tensor, "M 4"],
    kernel_size: tuple[int, ...],
    stride: tuple[int, ...],
    found: Int[Tensor, "K columns"],
) -> None:
    """Write the pairs of a convolution into `found`: for each offset and output voxel (scene, x, y,
    z in steps of the stride) its input voxel, or -1. Columns behind the voxels get -1.

    `table`: the `hash_table` of the input voxels.
    """
    if set(stride) != {1}:
        rows = rows * constant((1, *stride), rows.device)
    if found.shape[1] > len(rows):
        rows = nn.functional.pad(rows, (0, 0, 0, found.shape[1] - len(rows)), value=NOWHERE)
    _C.cuhash.packed_kernel_map_size(
        table.keys_tensor,
        table.values_tensor,
        rows.contiguous(),
        constant(kernel_size, rows.device),
        found,
        len(rows),
        len(found),
        table.capacity,
        64,
        8,
    )


# Along each axis so many voxels from the origin, where no scan is: within the hash table's 18 bits.
NOWHERE = -100_000


def identity_of(kernel_size: tuple[int, ...], stride: tuple[int, ...]) -> int | None:
    """The offset that pairs each voxel with itself, if the convolution leads to the same voxels."""
    odd = all(size % 2 for size in kernel_size) and set(stride) == {1}
    return math.prod(kernel_size) // 2 if odd else None


def level_of(coords: Coords) -> tuple[CoarseGrids, int] | None:
    """The grids that these coordinates belong to, and their level there; 0: the finest."""
    return vars(coords).get("_level")


def hash_table(rows: Int[Tensor, "N 4"], checked: bool) -> PackedHashTable:
    """Which point has some coordinates. `checked`: whether they fit into the table, for which the
    host waits for the GPU."""
    if checked:
        return PackedHashTable.from_coords(rows)
    table = PackedHashTable(capacity=max(16, 2 * len(rows)), device=rows.device)
    table._allocate_storage()
    table._run_prepare()
    table._run_insert(rows.contiguous(), len(rows), rows.new_zeros(1))
    return table


def coords_of_level(grids: CoarseGrids, level: int) -> IntCoords:
    """The coordinate object of these voxels, 2^`level` times as long as the finest ones."""
    rows, offsets = grids.level(level)
    coords = IntCoords(rows[:, 1:], offsets, tensor_stride=(2**level,) * 3)
    coords._set_batch_indexed_coordinates(rows)
    vars(coords)["_level"] = grids, level
    return coords


def _strided(
    conv: SpatiallySparseConv, voxels: Voxels, rows: Int[Tensor, "M 4"], offsets: Tensor
) -> IntCoords | None:
    """The coordinate object of a convolution's output; None for stride 1, which keeps that of its
    input."""
    if set(conv.stride) == {1}:
        return None
    stride = tuple(a * b for a, b in zip(conv.stride, voxels.tensor_stride or (1, 1, 1)))
    out = IntCoords(rows[:, 1:], offsets, tensor_stride=stride)
    out._set_batch_indexed_coordinates(rows)
    return out


def pooled(points: Points, voxel_size: float) -> tuple[Voxels, Int[Tensor, " N"]]:
    """Voxels of `voxel_size` (metres) with the mean of their points' features, and the voxel of
    each point: what WarpConvNet's PointToVoxel does first."""
    size, ahead = vars(points).get("_pooled", (None, None))
    if ahead and size == voxel_size:
        return ahead
    if points.feature_tensor.is_cuda:
        return _quick_pool(points, voxel_size)
    both: Any = point_pool(
        points,
        REDUCTIONS.MEAN,
        downsample_voxel_size=voxel_size,
        return_type="voxel",
        return_to_unique=True,
        unique_method="morton",
    )
    return both[0], both[1].to_orig_indices


def pool_ahead(points: Points, voxel_size: float) -> None:
    """Let `pooled` give these voxels at once, and their convolutions find the hash table made: all
    that the host has to wait for in a forward pass on CUDA."""
    voxels, voxel_of_point = pooled(points, voxel_size)
    vars(points)["_pooled"] = voxel_size, (voxels, voxel_of_point)
    coords = voxels.batched_coordinates
    vars(coords)["_table"] = hash_table(coords.batch_indexed_coordinates, checked=True)


def _quick_pool(points: Points, voxel_size: float) -> tuple[Voxels, Int[Tensor, " N"]]:
    """The same on CUDA by one sort, which finds the coarser voxels, too."""
    cells = (points.coordinate_tensor / voxel_size).floor().int()
    grids = coarse_grids(batch_indexed_coordinates(cells, points.offsets), points.offsets)
    (rows, offsets), voxel = grids.level(0), grids.parents(0)
    features = nn.functional.pad(points.feature_tensor, (0, 1), value=1.0)
    sums = features.new_zeros(len(rows), features.shape[1]).index_add_(0, voxel, features)
    coords = IntCoords(rows[:, 1:], offsets)
    coords._set_batch_indexed_coordinates(rows)
    vars(coords)["_level"] = grids, 0
    return Voxels(coords, sums[:, :-1] / sums[:, -1:], voxel_size=voxel_size), voxel


def parents(
    fine: Voxels, voxel_of_point: Int[Tensor, " N"], coarse: Voxels, stride: int
) -> Int[Tensor, " N"]:
    """The voxel of `coarse`, `stride` times as long as those of `fine`, that each point lies in."""
    ours, theirs = level_of(fine.batched_coordinates), level_of(coarse.batched_coordinates)
    if ours and theirs and ours[0] is theirs[0]:  # of `_quick_pool`, which was given the points
        return ours[0].parents(theirs[1])
    rows = fine.batch_indexed_coordinates
    steps = constant((1, stride, stride, stride), rows.device)
    keys, order = z_order(coarse.batch_indexed_coordinates).sort()
    found = torch.searchsorted(keys, z_order(rows.div(steps, rounding_mode="floor")))
    return order[found][voxel_of_point]


# The table (flat); for each point the offsets that it has, as bits; and an order of the points in
# which those with the same offsets stand together.
Rows = tuple[Int[Tensor, " KM"], Int[Tensor, " M"], Int[Tensor, " M"]]


def _masks(table: Int[Tensor, "K M"]) -> Int[Tensor, " M"]:
    mask = table.new_empty(table.shape[1])
    _C.gemm.build_pair_mask_cuda(table, mask, len(table), 1)
    return mask


class PairTable(IntSearchResult):
    """A kernel map that is the table `found` (K, M): for each offset and output point its input
    point, or -1; K <= 32.

    That is all that the fused kernels need. The lists that other kernels want are made when these
    ask for them. `identity`: the offset that pairs each point with itself, if the points are the
    same on both sides.
    """

    def __init__(self, found: Int[Tensor, "K M"], identity: int | None):
        self._pair_table, self.identity_map_index = found, identity
        self._mask_data = self._reverse_mask_data = None
        self._reduced_mask: Any = None
        self._hashtable = self._kernel_size = None
        self._grouped_params_cache = {}

    def __len__(self) -> int:
        return self._pair_table.shape[0]

    @property
    def by_output(self) -> Rows:
        """Table, offsets as bits, and order of the output points, for a fused kernel."""
        if self._mask_data is None:
            mask = _masks(self._pair_table)
            order = torch.empty_like(mask)
            _C.gemm.mask_argsort_cuda(mask, order)
            self._mask_data = self._pair_table.flatten(), mask, order
        return self._mask_data

    def by_input(self, num_in: int) -> Rows:
        """Table, offsets as bits, and order of the input points, `num_in` of them: the table leads
        from them to the output points.

        If the points are the same on both sides, the way back by an offset is the way there by the
        opposite one: the table upside down. Points that had the same offsets still do, so they keep
        their order.
        """
        if self._reverse_mask_data is None and self.identity_map_index is not None:
            table = self._pair_table.flip(0)
            self._reverse_mask_data = table.flatten(), _masks(table), self.by_output[2]
        if self._reverse_mask_data is None:
            table, num_out = self.by_output[0], self._pair_table.shape[1]
            self._reverse_mask_data = _mask_gemm._build_reverse_mask_data(
                table, num_in, num_out, len(self), table.device
            )
        return self._reverse_mask_data

    @property
    def reduced_mask(self) -> Int[Tensor, " blocks"]:
        """The union of the offsets of each 32 output points, in their order."""
        if self._reduced_mask is None:
            _, mask, order = self.by_output
            self._reduced_mask = _C.mask_gemm.build_reduced_mask(mask, order, 32, 1)
        return self._reduced_mask

    @functools.cached_property
    def _lists(self) -> tuple[Tensor, Tensor, Tensor]:
        offset, out = (self._pair_table >= 0).nonzero(as_tuple=True)
        counts = torch.bincount(offset, minlength=len(self))
        starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)]).int().cpu()
        return self._pair_table[offset, out], out.int(), starts

    # attributes of the base class, of type Tensor
    in_maps: Any = property(lambda self: self._lists[0])
    out_maps: Any = property(lambda self: self._lists[1])
    offsets: Any = property(lambda self: self._lists[2])


def upsampled(
    conv: SpatiallySparseConv, voxels: Voxels, target: Voxels | None
) -> tuple[Coords, IntSearchResult]:
    """Coordinates of `target`, and the pairs of the convolution that led from there, backwards."""
    if target is None:
        raise ValueError("a transposed convolution needs the voxels that its output stands at")
    coords = target.batched_coordinates
    grid = coords.__dict__.get("_grids", {}).get((conv.kernel_size, conv.stride, conv.dilation))
    if grid is None or grid.out is not voxels.batched_coordinates:
        _, _, pairs = _coords_and_pairs(
            voxels,
            conv.kernel_size,
            conv.dilation,
            conv.stride,
            transposed=True,
            output_spatially_sparse_tensor=target,
        )
        return coords, pairs
    if grid.back is None:
        grid.back = _backwards(grid.pairs, coords.batched_tensor.shape[0])
    return coords, grid.back


def _backwards(pairs: IntSearchResult, num_in: int) -> IntSearchResult:
    """`pairs` with input and output exchanged."""
    if not isinstance(pairs, PairTable):
        return IntSearchResult(pairs.out_maps, pairs.in_maps, pairs.offsets)
    table, *_ = reverse = pairs.by_input(num_in)
    back = PairTable(table.view(len(pairs), num_in), None)
    back._mask_data, back._reverse_mask_data = reverse, pairs.by_output
    return back
