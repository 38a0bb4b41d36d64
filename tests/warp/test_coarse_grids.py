"""Coarser grids, all found at once, against one after another."""

import math
import types

import pytest
import torch
from helpers import UNET, assert_near, random_points, small_model
from torch import Tensor
from warpconvnet.geometry.coords.search.search_results import IntSearchResult

from mf3d_tutorial.warp import (
    GRID_MAX,
    GRID_MIN,
    Points,
    SparseConv3d,
    Voxels,
    fast_convolution,
    kernel_map,
    kernel_maps,
)
from mf3d_tutorial.warp.coarse_grids import LEVELS, coarse_grids, z_order


def random_rows(*counts: int, reach: int = 20, distinct: bool = True) -> tuple[Tensor, Tensor]:
    """Voxels of some scenes, in no order within a scene, and where each scene begins."""
    rng, scenes = torch.Generator().manual_seed(0), []
    for scene, count in enumerate(counts):
        cells = torch.randint(-reach, reach, (count, 3), generator=rng)
        if distinct:
            cells = cells.unique(dim=0)
            cells = cells[torch.randperm(len(cells), generator=rng)]
        scenes.append(torch.nn.functional.pad(cells, (1, 0), value=scene).int())
    return torch.cat(scenes), torch.tensor([0, *map(len, scenes)]).cumsum(0)


def halved(rows: Tensor, times: int) -> Tensor:
    steps = torch.tensor([1, *[2**times] * 3], device=rows.device)
    return rows.div(steps, rounding_mode="floor").int()


@pytest.mark.parametrize("counts", [(500,), (300, 1, 900), (0, 40, 0, 60, 0)])
@pytest.mark.parametrize("far", [False, True])
def test_each_level_is_the_distinct_voxels_of_the_rows_in_longer_ones(counts, far):
    rows, offsets = random_rows(*counts, reach=7, distinct=False)
    if far:  # at the ends of what fits
        rows[0, 1:] = torch.tensor([GRID_MIN, GRID_MAX, 0])
        rows[-1, 1:] = torch.tensor([GRID_MAX, GRID_MIN, -1])
    grids = coarse_grids(rows, offsets)
    for level in range(LEVELS + 1):
        coarse, starts = grids.level(level)
        wanted = halved(rows, level)
        assert torch.equal(coarse.unique(dim=0), wanted.unique(dim=0))
        assert len(coarse) == len(wanted.unique(dim=0))
        sizes = torch.bincount(coarse[:, 0], minlength=len(counts))
        assert starts.tolist() == [0, *sizes.cumsum(0).tolist()]
        assert coarse[:, 0].diff().ge(0).all()
        assert (coarse.dtype, starts.dtype) == (torch.int32, torch.int32)
        assert torch.equal(coarse[grids.parents(level)], wanted)


def test_z_order_keeps_the_voxels_of_a_longer_one_together():
    rows = torch.cartesian_prod(*[torch.arange(2)], *[torch.arange(-4, 4)] * 3).int()
    rows = rows[z_order(rows).argsort()]
    for times in (1, 2):
        runs = halved(rows, times).unique_consecutive(dim=0)
        assert len(runs) == len(halved(rows, times).unique(dim=0))
    assert z_order(torch.tensor([[1, 0b11, 0b01, 0]])).item() == (1 << 54) + 0b100110


def pairs_as_rows(voxels: Voxels, out, pairs) -> set[tuple[int, ...]]:
    offset = torch.arange(len(pairs)).repeat_interleave(pairs.offsets.diff().long())
    ends = (
        voxels.batch_indexed_coordinates[pairs.in_maps.long()],
        out.batch_indexed_coordinates[pairs.out_maps.long()],
    )
    both = torch.cat([offset[:, None].to(ends[0].device), *ends], dim=1)
    return {tuple(row) for row in both.tolist()}


def search(keys, values, queries, sizes, found, count, offsets, capacity, *threads):
    """What WarpConvNet's kernel does: the row of `keys` at each offset from each query, or -1."""
    pairs = kernel_map(keys, queries, (1, 1, 1), tuple(sizes.tolist()))
    found.fill_(-1)
    for offset, (start, end) in enumerate(zip(pairs.offsets, pairs.offsets[1:])):
        found[offset, pairs.out_maps[start:end].long()] = pairs.in_maps[start:end]


@pytest.fixture
def stand_ins(monkeypatch):
    """The way of CUDA on the CPU: only the hash table and the search in it are others."""
    extension = types.SimpleNamespace(cuhash=types.SimpleNamespace(packed_kernel_map_size=search))
    monkeypatch.setattr(
        kernel_maps,
        "hash_table",
        lambda rows, checked: types.SimpleNamespace(
            keys_tensor=rows, values_tensor=None, capacity=0
        ),
    )
    monkeypatch.setattr(kernel_maps, "_C", extension)


def chain(voxels: Voxels, make_grid, times: int) -> list[tuple]:
    """Coordinates, pairs and voxels of `times` halvings in a row, and a conv of size 3 on each."""
    halve, keep, steps = SparseConv3d(8, 8, 2, stride=2), SparseConv3d(8, 8, 3), []
    for _ in range(times):
        grid = make_grid(halve, voxels)
        features = torch.zeros(len(grid.out.batched_tensor), 8, device=voxels.device)
        coarse = fast_convolution.with_features(voxels, features, grid.out)
        steps.append((voxels, coarse, grid, make_grid(keep, coarse)))
        voxels = coarse
    return steps


def voxels_of(rows: Tensor, offsets: Tensor) -> Voxels:
    return Voxels(rows[:, 1:].contiguous(), torch.zeros(len(rows), 8), offsets=offsets)


def check_chain(ours: list[tuple], theirs: list[tuple]) -> None:
    first = ours[0][0]
    every = torch.arange(len(first.feature_tensor), device=first.device)
    for level, (mine, other) in enumerate(zip(ours, theirs), 1):
        (fine, coarse, grid, same), (their_fine, their_coarse, their_grid, their_same) = mine, other
        assert grid.out.offsets.tolist() == their_grid.out.offsets.tolist()
        assert grid.out.tensor_stride == their_grid.out.tensor_stride
        assert pairs_as_rows(fine, grid.out, grid.pairs) == pairs_as_rows(
            their_fine, their_grid.out, their_grid.pairs
        )
        assert pairs_as_rows(coarse, grid.out, same.pairs) == pairs_as_rows(
            their_coarse, their_grid.out, their_same.pairs
        )
        found = kernel_maps.parents(first, every, coarse, 2**level)
        wanted = halved(first.batch_indexed_coordinates, level)
        assert torch.equal(coarse.batch_indexed_coordinates[found], wanted)


def test_convolutions_in_a_row_find_the_pairs_that_they_find_one_by_one(stand_ins, monkeypatch):
    """Once more than there are levels: then levels begin anew."""
    made, make = [], kernel_maps.coarse_grids
    monkeypatch.setattr(kernel_maps, "coarse_grids", lambda *x: made.append(1) or make(*x))
    rows, offsets = random_rows(400, 300, reach=40)
    times = LEVELS + 1
    ours = chain(voxels_of(rows, offsets), kernel_maps._quick_grid, times)
    assert len(made) == 2
    check_chain(ours, chain(voxels_of(rows, offsets), kernel_maps._stock_grid, times))


@pytest.mark.cuda
def test_coarser_grids_on_cuda_are_those_of_the_cpu():
    rows, offsets = random_rows(20_000, 1, 15_000, reach=60)
    fine = voxels_of(rows, offsets)
    ours = chain(fine.to("cuda"), kernel_maps._quick_grid, LEVELS + 1)
    check_chain(ours, chain(fine, kernel_maps._stock_grid, LEVELS + 1))
    there, here = coarse_grids(rows.cuda(), offsets), coarse_grids(rows, offsets)
    for mine, theirs in zip(there, here):
        assert torch.equal(mine.cpu(), theirs)


def check_pool(points: Points) -> None:
    """On the points' device the pooling for CUDA; WarpConvNet's on the CPU. The gradient, too."""
    features, ways = points.feature_tensor.requires_grad_(), []
    for pool, some in ((kernel_maps._quick_pool, points), (kernel_maps.pooled, points.to("cpu"))):
        voxels, voxel = pool(some, 0.25)
        of_points = voxels.feature_tensor[voxel]
        slope = torch.linspace(-1, 1, of_points.numel()).view(of_points.shape).to(of_points.device)
        (gradient,) = torch.autograd.grad(of_points, features, slope)
        assert len(voxel.unique()) == len(voxels.feature_tensor)
        rows = voxels.batch_indexed_coordinates[voxel]
        ways.append([x.cpu() for x in (rows, voxels.offsets, of_points, gradient)])
        assert rows.dtype == torch.int32
    for ours, theirs in zip(*ways):
        torch.testing.assert_close(ours, theirs, check_dtype=False)


@pytest.mark.parametrize("sizes", [(3000,), (2000, 1, 900)])
def test_points_are_pooled_as_by_warpconvnet(sizes):
    check_pool(random_points(*sizes))


def test_a_network_with_levels_gives_what_it_gives_on_the_cpus_way(stand_ins, monkeypatch):
    """By the way of CUDA: points pooled and coarser grids found by one sort."""
    model, points = small_model(*UNET, "model.feature_levels=4"), random_points(900, 400)
    scene, levels = model.backbone.with_levels(points)
    sorts, sort = [], coarse_grids
    monkeypatch.setattr(kernel_maps, "coarse_grids", lambda *x: sorts.append(1) or sort(*x))
    monkeypatch.setattr("mf3d_tutorial.model.levels.pooled", kernel_maps._quick_pool)
    monkeypatch.setattr(kernel_maps, "_stock_grid", quick_or_stock(kernel_maps._stock_grid))
    got, got_levels = model.backbone.with_levels(points)
    assert len(sorts) == 1
    assert_near(got.feature_tensor, scene.feature_tensor, 1e-4)
    for ours, theirs in zip(got_levels, levels):
        assert ours.sizes == theirs.sizes
        assert torch.equal(ours.coord[ours.voxel], theirs.coord[theirs.voxel])
        assert_near(ours.features[ours.voxel], theirs.features[theirs.voxel], 1e-4)


def quick_or_stock(stock):
    """The grids that CUDA finds quickly, so; their pairs as lists, which the CPU multiplies by."""

    def grid_for(conv, voxels):
        if math.prod(conv.kernel_size) > 32:
            return stock(conv, voxels)
        grid = kernel_maps._quick_grid(conv, voxels)
        pairs = grid.pairs
        return kernel_maps.Grid(
            grid.out, IntSearchResult(pairs.in_maps, pairs.out_maps, pairs.offsets)
        )

    return grid_for


@pytest.mark.cuda
@pytest.mark.parametrize("sizes", [(3000,), (2000, 1, 900)])
def test_points_are_pooled_on_cuda_as_by_warpconvnet_on_the_cpu(sizes):
    check_pool(random_points(*sizes).to("cuda"))
