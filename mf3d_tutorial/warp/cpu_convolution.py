"""Sparse convolution on the CPU, by plain PyTorch: which voxels it connects, and one matrix product
a kernel offset.

WarpConvNet's search for voxels calls `kernel_map` and `unique_rows` (patches.py puts them there).
`Convolution`, the autograd function in fast_convolution.py, calls `product` and `gradients`.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from torch import Tensor
from warpconvnet.geometry.coords.search.search_results import IntSearchResult

# Grid coordinates must fit WarpConvNet's packed hash keys: 18 signed bits an axis.
GRID_MIN, GRID_MAX = -(2**17), 2**17 - 1


def _check_grid(coords: Int[Tensor, "N 4"]) -> None:
    if coords.numel() and (coords[:, 1:].min() < GRID_MIN or coords[:, 1:].max() > GRID_MAX):
        raise ValueError(
            f"grid coordinates reach from {coords[:, 1:].min()} to {coords[:, 1:].max()}, but only"
            f" {GRID_MIN} to {GRID_MAX} (18 bits) fit: use a larger voxel size, or coordinates in"
            " metres near the origin"
        )


class _KeyGrid:
    """Maps each (batch, x, y, z) from `low` to `high` to a number of its own, from 0 to `size` -
    1."""

    def __init__(self, low: Int[Tensor, " 4"], high: Int[Tensor, " 4"]):
        extent = (high - low + 1).tolist()
        self.low, self.size = low, math.prod(extent)
        self.strides = torch.tensor([math.prod(extent[axis + 1 :]) for axis in range(4)])

    def __call__(self, coords: Int[Tensor, "N 4"]) -> Int[Tensor, " N"]:
        return ((coords - self.low) * self.strides).sum(1)


def unique_rows(coords: Int[Tensor, "N D"]) -> Int[Tensor, " M"]:
    """Index of the first occurrence of every distinct row, ordered by the rows' values."""
    if coords.shape[1] == 3:  # 2D convolution: (batch, x, y)
        coords = torch.nn.functional.pad(coords, (0, 1))
    _check_grid(coords)
    keys, order = _KeyGrid(coords.amin(0), coords.amax(0))(coords).sort(stable=True)
    first = torch.ones_like(keys, dtype=torch.bool)
    first[1:] = keys[1:] != keys[:-1]
    return order[first]


def kernel_map(
    in_coords: Int[Tensor, "N 4"],
    out_coords: Int[Tensor, "M 4"],
    stride: tuple[int, int, int],
    kernel_size: tuple[int, int, int],
    dilation: tuple[int, int, int] = (1, 1, 1),
    center: tuple[int, int, int] | None = None,
) -> IntSearchResult:
    """For every kernel offset k the pairs (i, o) with `in[i] == out[o] * stride + offset[k]`.

    Coordinates are (batch, x, y, z) in int32. Offsets run z fastest; an odd kernel is centred, an
    even one starts at 0, as WarpConvNet's CUDA search does. The pairs of offset k are `in_maps,
    out_maps[offsets[k]:offsets[k + 1]]`.
    """
    _check_grid(in_coords)
    if center is None:
        middle = tuple((size - 1) // 2 if size % 2 else 0 for size in kernel_size)
    else:
        middle = center
    axes = [(torch.arange(size) - c) * d for size, c, d in zip(kernel_size, middle, dilation)]
    # (K, 4), the batch index stays
    steps = torch.nn.functional.pad(torch.cartesian_prod(*axes), (1, 0)).int()
    starts = out_coords * torch.tensor((1, *stride), dtype=torch.int32)
    grid = _KeyGrid(
        torch.minimum(in_coords.amin(0), starts.amin(0) + steps.amin(0)),
        torch.maximum(in_coords.amax(0), starts.amax(0) + steps.amax(0)),
    )
    queries = grid(starts) + (steps * grid.strides).sum(1, keepdim=True)  # (K, M): keys are linear
    found = _positions(grid(in_coords), queries.flatten(), grid.size)
    pairs = (found >= 0).nonzero().squeeze(1)
    counts = (found.view(len(queries), -1) >= 0).sum(1)
    identity = None
    if (
        all(size % 2 for size in kernel_size)
        and torch.equal(in_coords, out_coords)
        and set(stride) == {1}
    ):
        identity = len(queries) // 2
    return IntSearchResult(
        found[pairs],
        (pairs % len(out_coords)).int(),
        torch.cat([counts.new_zeros(1), counts.cumsum(0)]).int(),
        identity_map_index=identity,
    )


def _positions(keys: Int[Tensor, " N"], queries: Int[Tensor, " M"], size: int) -> Int[Tensor, " M"]:
    """Index of each query (0 <= query < size) among the distinct keys; -1: not there."""
    # a table of all keys is several times quicker, and takes at most 512 bytes a point
    if size <= 128 * len(keys):
        table = queries.new_full((size,), -1, dtype=torch.int32)
        table[keys] = torch.arange(len(keys), dtype=torch.int32)
        return table[queries]
    keys, order = keys.sort()
    nearest = torch.searchsorted(keys, queries).clamp_(max=len(keys) - 1)
    return torch.where(keys[nearest] == queries, order[nearest], -1).int()


def product(
    features: Float[Tensor, "N I"],
    weight: Float[Tensor, "K I O"],
    pairs: IntSearchResult,
    num_out: int,
) -> Float[Tensor, "M O"]:
    """The convolution; a part at a time, which stays in the processor's cache."""
    counts = pairs.offsets.diff().tolist()
    products = features.new_empty(len(pairs.in_maps), weight.shape[2])
    for i, w, part in zip(pairs.in_maps.split(counts), weight, products.split(counts)):
        torch.mm(features.index_select(0, i), w, out=part)
    return _sum_of_pairs(products, pairs, "out_maps", num_out)


def gradients(
    gradient: Float[Tensor, "M O"],
    features: Float[Tensor, "N I"],
    weight: Float[Tensor, "K I O"],
    pairs: IntSearchResult,
) -> tuple[Float[Tensor, "N I"], Float[Tensor, "K I O"]]:
    """Gradients of the features and of the weight."""
    counts = pairs.offsets.diff().tolist()
    of_weight = torch.empty_like(weight)
    products = features.new_empty(len(pairs.in_maps), weight.shape[1])
    split = (pairs.in_maps.split(counts), pairs.out_maps.split(counts), products.split(counts))
    for i, o, part, w, of_w in zip(*split, weight, of_weight):
        grad = gradient.index_select(0, o)
        torch.mm(features.index_select(0, i).T, grad, out=of_w)
        torch.mm(grad, w.T, out=part)
    return _sum_of_pairs(products, pairs, "in_maps", len(features)), of_weight


def _sum_of_pairs(
    products: Float[Tensor, "P C"], pairs: IntSearchResult, end: str, count: int
) -> Tensor:
    """For each of `count` points the sum over the pairs that have it at this end (in_maps or
    out_maps).

    The pairs' order by points is kept with the map, which serves several layers. Sums over such an
    order are some thirty times faster than index_add_.
    """
    if end not in (orders := pairs.__dict__.setdefault("cpu_orders", {})):
        orders[end] = _by_point(getattr(pairs, end), count)
    order, starts = orders[end]
    return torch.nn.functional.embedding_bag(
        order, products, starts, mode="sum", include_last_offset=True
    )


def _by_point(
    index: Int[Tensor, " P"], count: int
) -> tuple[Int[Tensor, " P"], Int[Tensor, " borders"]]:
    """The order of pairs by point, `index.argsort(stable=True)`, and where each point's begin.

    scipy's change from rows to columns is a counting sort, ten times faster than sorting.
    """
    row = csr_array(
        (np.arange(len(index), dtype=np.int32), index.numpy(), [0, len(index)]), shape=(1, count)
    )
    columns = row.tocsc()
    return torch.from_numpy(columns.data), torch.from_numpy(columns.indptr)
