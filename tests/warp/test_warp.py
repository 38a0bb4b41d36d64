"""WarpConvNet on CPU tensors: each replaced function against a plain loop, a dense convolution or
the CUDA kernel."""

import itertools
import os
import subprocess
import sys
import types

import pytest
import torch
import torch.nn.functional as F
from helpers import assert_near
from torch.func import functional_call

from mf3d_tutorial.warp import (
    Points,
    PointToVoxel,
    SparseConv3d,
    Voxels,
    cpu_convolution,
    cpu_operations,
    importing,
    patches,
    segment_csr,
)


def cells(count: int, seed: int, low: int = -4, high: int = 4) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, (count, 3), generator=rng).unique(dim=0).int()


def batched(*scenes: torch.Tensor) -> torch.Tensor:
    return torch.cat([F.pad(scene, (1, 0), value=b) for b, scene in enumerate(scenes)]).int()


def voxels(*scenes: torch.Tensor, channels: int = 2, seed: int = 0, **kwargs) -> Voxels:
    rng = torch.Generator().manual_seed(seed)
    features = [
        torch.randn(len(scene), channels, generator=rng, dtype=torch.float64) for scene in scenes
    ]
    return Voxels(list(scenes), features, **kwargs)


def rows(coords: torch.Tensor) -> set[tuple[int, ...]]:
    return {tuple(row) for row in coords.tolist()}


# --- kernel map ------------------------------------------------------------------------------


def naive_pairs(in_coords, out_coords, stride, kernel_size) -> set[tuple[int, int, int]]:
    """(offset k, input i, output o), found in a dictionary."""
    index = {tuple(row): i for i, row in enumerate(in_coords.tolist())}
    starts = [-(size // 2) if size % 2 else 0 for size in kernel_size]
    offsets = itertools.product(
        *(range(start, start + size) for start, size in zip(starts, kernel_size))
    )
    pairs = set()
    for k, offset in enumerate(offsets):
        for o, (b, *cell) in enumerate(out_coords.tolist()):
            i = index.get((b, *(c * s + d for c, s, d in zip(cell, stride, offset))))
            if i is not None:
                pairs.add((k, i, o))
    return pairs


def listed_pairs(result) -> list[tuple[int, int, int]]:
    return [
        (k, i, o)
        for k, (ins, outs) in enumerate(result)
        for i, o in zip(ins.tolist(), outs.tolist())
    ]


@pytest.mark.parametrize("kernel_size", [(1, 1, 1), (3, 3, 3), (2, 2, 2), (5, 3, 1), (4, 2, 3)])
@pytest.mark.parametrize("stride", [(1, 1, 1), (2, 2, 2), (1, 2, 3)])
def test_kernel_map_finds_the_pairs_of_a_dictionary_search(kernel_size, stride):
    in_coords = batched(cells(150, 1), cells(9, 2), cells(90, 3, low=-7, high=-1))
    out_coords = batched(cells(90, 4), cells(90, 5), cells(90, 6, low=-4, high=1))
    found = listed_pairs(cpu_convolution.kernel_map(in_coords, out_coords, stride, kernel_size))
    assert len(found) == len(set(found))
    assert set(found) == naive_pairs(in_coords, out_coords, stride, kernel_size)
    assert found


def test_kernel_map_names_the_identity_offset_only_where_input_and_output_are_the_same():
    coords = batched(cells(20, 0))
    result = cpu_convolution.kernel_map(coords, coords, (1, 1, 1), (3, 3, 3))
    ins, outs = result[result.identity_map_index]
    assert ins.tolist() == outs.tolist() == list(range(len(coords)))
    assert (
        cpu_convolution.kernel_map(coords, coords.flip(0), (1, 1, 1), (3, 3, 3)).identity_map_index
        is None
    )
    assert (
        cpu_convolution.kernel_map(coords, coords, (1, 1, 1), (2, 2, 2)).identity_map_index is None
    )


@pytest.mark.parametrize("size", [100, 10**6], ids=["table", "search"])
def test_positions_of_keys_are_found_with_and_without_a_table(size):
    keys = torch.randperm(100, generator=torch.Generator().manual_seed(0))[:40] * (size // 100)
    queries = torch.arange(100) * (size // 100)
    expected = [keys.tolist().index(query) if query in keys else -1 for query in queries.tolist()]
    assert cpu_convolution._positions(keys, queries, size).tolist() == expected


@pytest.mark.parametrize("cell", [2**17, -(2**17) - 1])
def test_a_grid_beyond_18_bits_is_refused_with_advice(cell):
    coords = torch.tensor([[0, 0, 0, 0], [0, 0, cell, 0]], dtype=torch.int32)
    for use in (
        lambda: cpu_convolution.kernel_map(coords, coords, (1, 1, 1), (3, 3, 3)),
        lambda: cpu_convolution.unique_rows(coords),
    ):
        with pytest.raises(ValueError, match="use a larger voxel size"):
            use()


def test_a_grid_that_fills_18_bits_works():
    coords = torch.tensor(
        [[0, *[cpu_convolution.GRID_MIN] * 3], [1, *[cpu_convolution.GRID_MAX] * 3]],
        dtype=torch.int32,
    )
    result = cpu_convolution.kernel_map(coords, coords, (1, 1, 1), (3, 3, 3))
    assert set(listed_pairs(result)) == {(13, 0, 0), (13, 1, 1)}
    assert cpu_convolution.unique_rows(coords).tolist() == [0, 1]


# --- convolutions through WarpConvNet's own module, against dense ones -----------------------

LOW, EDGE = -4, 8  # the dense grid: cells -4..3 on each axis


def dense(x: Voxels, low: int = LOW, edge: int = EDGE) -> torch.Tensor:
    grid = x.feature_tensor.new_zeros(x.batch_size, edge, edge, edge, x.num_channels)
    b, i, j, k = (x.batch_indexed_coordinates - torch.tensor([0, low, low, low])).long().T
    grid[b, i, j, k] = x.feature_tensor
    return grid.movedim(-1, 1)


def sampled(grid: torch.Tensor, coords: torch.Tensor, low: int) -> torch.Tensor:
    b, i, j, k = (coords - torch.tensor([0, low, low, low])).long().T
    return grid.movedim(1, -1)[b, i, j, k]


def dense_weight(conv: SparseConv3d) -> torch.Tensor:
    return conv.weight.unflatten(0, conv.kernel_size).movedim((3, 4), (1, 0))  # (O, I, kx, ky, kz)


@pytest.fixture
def scenes() -> tuple[torch.Tensor, torch.Tensor]:
    return cells(90, 10), cells(20, 11)


def test_submanifold_convolution_equals_a_dense_one(scenes):
    x, conv = voxels(*scenes), SparseConv3d(2, 3, 3).double()
    expected = F.conv3d(dense(x), dense_weight(conv), conv.bias, padding=1)
    out = conv(x)
    assert torch.equal(out.batch_indexed_coordinates, x.batch_indexed_coordinates)
    torch.testing.assert_close(
        out.feature_tensor, sampled(expected, x.batch_indexed_coordinates, LOW)
    )


@pytest.mark.parametrize(("kernel_size", "padding"), [(2, 0), (3, 1)])
def test_strided_convolution_equals_a_dense_one(scenes, kernel_size, padding):
    x, conv = voxels(*scenes), SparseConv3d(2, 3, kernel_size, stride=2).double()
    expected = F.conv3d(dense(x), dense_weight(conv), conv.bias, stride=2, padding=padding)
    out = conv(x)
    halved = x.batch_indexed_coordinates.clone()
    halved[:, 1:] = halved[:, 1:].div(2, rounding_mode="floor")
    assert rows(out.batch_indexed_coordinates) == rows(halved)
    assert len(out.feature_tensor) == len(rows(halved))
    assert out.tensor_stride == (2, 2, 2)
    torch.testing.assert_close(
        out.feature_tensor, sampled(expected, out.batch_indexed_coordinates, LOW // 2)
    )


@pytest.mark.parametrize("cached", [True, False], ids=["map of the way down", "new map"])
def test_transposed_convolution_onto_given_coordinates_equals_a_dense_one(scenes, cached):
    fine = voxels(*scenes)
    down = SparseConv3d(2, 4, 2, stride=2).double()
    up = SparseConv3d(4, 3, 2, stride=2, transposed=True).double()
    coarse = down(fine)
    target = fine if cached else voxels(cells(70, 12), cells(30, 13))
    expected = F.conv_transpose3d(
        dense(coarse, LOW // 2, EDGE // 2), dense_weight(up).transpose(0, 1), up.bias, stride=2
    )
    out = up(coarse, target)
    assert torch.equal(out.batch_indexed_coordinates, target.batch_indexed_coordinates)
    torch.testing.assert_close(
        out.feature_tensor, sampled(expected, target.batch_indexed_coordinates, LOW)
    )


@pytest.mark.parametrize("kind", ["submanifold", "strided", "transposed"])
def test_gradients_of_a_convolution_are_those_of_finite_differences(kind):
    fine = voxels(cells(8, 20, -1, 2), cells(3, 21, -1, 2))
    conv = {
        "submanifold": SparseConv3d(2, 2, 3, bias=False),
        "strided": SparseConv3d(2, 3, 2, stride=2),
        "transposed": SparseConv3d(2, 3, 2, stride=2, transposed=True),
    }[kind].double()
    onto = [fine] if kind == "transposed" else []
    x = SparseConv3d(2, 2, 2, stride=2).double()(fine) if kind == "transposed" else fine

    def output(features, *parameters):
        values = dict(zip(dict(conv.named_parameters()), parameters))
        return functional_call(
            conv, values, (x.replace(batched_features=features), *onto)
        ).feature_tensor

    inputs = [x.feature_tensor.detach(), *conv.parameters()]
    assert torch.autograd.gradcheck(output, [value.detach().requires_grad_() for value in inputs])


@pytest.mark.parametrize("stride", [1, 2])
def test_a_batch_gives_what_its_scenes_give(scenes, stride):
    conv = SparseConv3d(2, 3, 3, stride=stride).double()
    both = voxels(*scenes)
    together = conv(both)
    for b, scene in enumerate(scenes):
        alone = conv(Voxels([scene], [both.batched_features[b]]))
        inside = together.batch_indexed_coordinates[:, 0] == b
        got = dict(
            zip(
                map(tuple, together.coordinate_tensor[inside].tolist()),
                together.feature_tensor[inside],
            )
        )
        want = dict(zip(map(tuple, alone.coordinate_tensor.tolist()), alone.feature_tensor))
        assert got.keys() == want.keys()
        for cell in want:
            torch.testing.assert_close(got[cell], want[cell])


def test_groups_are_refused_on_the_cpu():
    with pytest.raises(ValueError, match="groups=2 needs CUDA"):
        SparseConv3d(2, 2, 3, groups=2).double()(voxels(cells(5, 0)))


def test_point_to_voxel_averages_the_points_of_a_voxel_and_gives_each_point_its_voxels_feature():
    coord = torch.rand(2, 50, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    features = torch.rand(2, 50, 2, generator=torch.Generator().manual_seed(1))
    got = PointToVoxel(torch.nn.Identity(), voxel_size=0.4, concat_unpooled_pc=False)(
        Points(list(coord), list(features))
    )
    for b in range(2):
        cell = (coord[b] / 0.4).floor()
        same = (cell[:, None] == cell[None]).all(-1).float()
        expected = same @ features[b] / same.sum(1, keepdim=True)
        torch.testing.assert_close(got.batched_features[b], expected)


# --- segments and codes ----------------------------------------------------------------------

LENGTHS = [3, 0, 1, 4, 0]  # with empty segments in the middle and at the end


def naive_reduce(src: torch.Tensor, reduce: str) -> torch.Tensor:
    parts = [
        (
            getattr(part, {"min": "amin", "max": "amax"}.get(reduce, reduce))(0)
            if len(part)
            else torch.zeros_like(src[0])
        )
        for part in src.split(LENGTHS)
    ]
    return torch.stack(parts)


@pytest.mark.parametrize("reduce", ["sum", "mean", "min", "max"])
def test_segment_csr_equals_a_loop(reduce):
    src = torch.randn(sum(LENGTHS), 3, dtype=torch.float64, requires_grad=True)
    indptr = torch.tensor([0, *itertools.accumulate(LENGTHS)])
    torch.testing.assert_close(segment_csr(src, indptr, reduce=reduce), naive_reduce(src, reduce))
    assert torch.autograd.gradcheck(lambda x: segment_csr(x, indptr, reduce=reduce), [src])
    assert segment_csr(src, indptr.int(), reduce=reduce).dtype == torch.float64


@pytest.mark.parametrize("reduce", ["min", "max"])
def test_the_gradient_of_a_tie_goes_to_the_first_row_alone(reduce):
    src = torch.tensor([[2.0], [2.0], [2.0]], requires_grad=True)
    segment_csr(src, torch.tensor([0, 3]), reduce=reduce).sum().backward()
    assert src.grad.tolist() == [[1.0], [0.0], [0.0]]


def test_an_unknown_reduction_is_refused():
    with pytest.raises(ValueError, match=r"'prod'.*choose sum, mean, min or max"):
        segment_csr(torch.zeros(2, 1), torch.tensor([0, 2]), reduce="prod")


def test_unique_codes_equals_torch_unique():
    x = torch.tensor([5, -2, 5, 0, -2, 5, 2**40])
    values, to_original, order, offsets, first = cpu_operations.unique_codes(
        x, return_to_unique_indices=True
    )
    expected, inverse, counts = x.unique(return_inverse=True, return_counts=True)
    assert torch.equal(values, expected)
    assert torch.equal(to_original, inverse)
    assert torch.equal(x[order], expected.repeat_interleave(counts))
    assert torch.equal(offsets.diff(), counts)
    assert first.tolist() == [x.tolist().index(value) for value in expected.tolist()]
    assert cpu_operations.unique_codes(x)[4] is None


@pytest.mark.parametrize("columns", [3, 4])
def test_unique_rows_equals_torch_unique(columns):
    rng = torch.Generator().manual_seed(0)
    coords = torch.randint(-2, 3, (200, columns), generator=rng).int()
    coords[:, 0] += 2  # the batch index is not negative
    first = cpu_convolution.unique_rows(coords)
    assert torch.equal(coords[first], coords.unique(dim=0))
    everything = coords.tolist()
    assert first.tolist() == [everything.index(row) for row in coords[first].tolist()]


ORDERS = list(patches._serialization.POINT_ORDERING_TO_MORTON_PERMUTATIONS)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.name)
@pytest.mark.parametrize("columns", [3, 4])
def test_morton_code_equals_a_loop_over_bits(columns, order):
    rng = torch.Generator().manual_seed(0)
    coords = torch.randint(-(2**15), 2**15, (50, columns), generator=rng).int()
    coords[:, : columns - 3] = torch.arange(50)[:, None] % 7
    axes = ["XYZ".index(letter) for letter in order.name.removeprefix("MORTON_")]
    shifted = coords.long() - coords.long().min(0).values
    for row, code in zip(shifted.tolist(), cpu_operations.morton_code(coords, order).tolist()):
        cell = row[-3:]
        expected = row[0] << 48 if columns == 4 else 0
        for bit in range(16):
            for place, axis in enumerate(axes):
                expected |= (cell[axis] >> bit & 1) << (3 * bit + place)
        assert code == expected


# --- the import ------------------------------------------------------------------------------


def test_import_without_the_extension_is_silent_and_convolves():
    code = (
        "import torch\n"
        "from mf3d_tutorial import warp\n"
        "assert not warp.HAS_EXTENSION\n"
        "coords = torch.zeros(1, 3, dtype=torch.int32)\n"
        "out = warp.SparseConv3d(2, 3, 3)(warp.Voxels([coords], [torch.ones(1, 2)]))\n"
        "assert out.feature_tensor.shape == (1, 3)\n"
    )
    # where there is an extension, it stays out of use
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=100
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_missing_extension_is_no_reason_to_fail(monkeypatch):
    monkeypatch.setattr(importing, "_extension_files", list)
    monkeypatch.setitem(sys.modules, "warpconvnet._C", None)
    assert importing._import_warpconvnet() is False
    assert isinstance(sys.modules["warpconvnet._C"], types.ModuleType)


def test_another_version_of_warpconvnet_is_named_in_a_warning(monkeypatch):
    import warpconvnet

    monkeypatch.setattr(warpconvnet, "__version__", "9.9.9")
    monkeypatch.setitem(sys.modules, "warpconvnet._C", sys.modules["warpconvnet._C"])
    with pytest.warns(UserWarning, match=r"WarpConvNet 9\.9\.9 is installed.*tested with 1\.8\.2"):
        importing._import_warpconvnet()


def test_without_warpconvnet_the_import_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importing.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="make install"):
        importing._extension_files()


def test_every_warpconvnet_module_reduces_with_our_segment_csr():
    if patches._optional.HAS_TORCH_SCATTER:
        pytest.skip("torch_scatter is installed and used")
    users = [
        m
        for name, m in sys.modules.items()
        if name.startswith("warpconvnet") and hasattr(m, "segment_csr")
    ]
    assert len(users) > 1
    assert all(module.segment_csr is segment_csr for module in users)


# --- CPU against CUDA ------------------------------------------------------------------------


@pytest.mark.cuda
@pytest.mark.parametrize("kernel_size", [(3, 3, 3), (2, 2, 2)])
@pytest.mark.parametrize("stride", [(1, 1, 1), (2, 2, 2)])
def test_cuda_kernel_map_equals_the_cpu_one(kernel_size, stride):
    in_coords, out_coords = batched(cells(90, 1), cells(9, 2)), batched(cells(40, 3), cells(30, 4))
    on_cpu, on_cuda = (
        listed_pairs(
            patches._conv.generate_kernel_map(
                in_coords.to(device), out_coords.to(device), stride, kernel_size
            )
        )
        for device in ("cpu", "cuda")
    )
    assert sorted(on_cuda) == sorted(on_cpu)


@pytest.mark.cuda
def test_cuda_unique_rows_and_morton_codes_equal_the_cpu_ones():
    coords = torch.randint(0, 30, (5000, 4), generator=torch.Generator().manual_seed(0)).int()
    on_cuda, _ = patches._stride.unique_hashmap(coords.cuda())
    assert rows(coords[on_cuda.cpu().long()]) == rows(coords[cpu_convolution.unique_rows(coords)])
    assert len(on_cuda) == len(cpu_convolution.unique_rows(coords))
    for order in ORDERS:
        for grid in (coords, coords[:, 1:]):
            codes = patches._serialization.morton_code(grid.cuda(), order=order)
            assert torch.equal(codes.cpu(), cpu_operations.morton_code(grid, order))


@pytest.mark.cuda
@pytest.mark.parametrize("reduce", ["sum", "mean", "min", "max"])
def test_cuda_segment_csr_equals_the_cpu_one(reduce):
    src = torch.randint(0, 5, (sum(LENGTHS), 3)).float()  # with ties
    indptr = torch.tensor([0, *itertools.accumulate(LENGTHS)])
    results = []
    for device in ("cpu", "cuda"):
        x = src.clone().to(device).requires_grad_()
        out = segment_csr(x, indptr.to(device), reduce=reduce)
        (out * torch.arange(len(LENGTHS), device=device)[:, None]).sum().backward()
        results.append((out.detach().cpu(), x.grad.cpu()))
    torch.testing.assert_close(results[0], results[1])


@pytest.mark.cuda
@pytest.mark.parametrize("kind", ["submanifold", "strided", "transposed"])
def test_cuda_convolution_equals_the_cpu_one(kind):
    torch.manual_seed(0)
    coords = cells(3000, 5, -12, 12)
    features = torch.randn(len(coords), 16)
    down = SparseConv3d(16, 32, 2, stride=2)
    conv = {
        "submanifold": SparseConv3d(16, 32, 3),
        "strided": SparseConv3d(16, 32, 2, stride=2),
        "transposed": SparseConv3d(32, 16, 2, stride=2, transposed=True),
    }[kind]
    results = []
    for device in ("cpu", "cuda"):
        x = features.clone().to(device).requires_grad_()
        fine = Voxels(coords.to(device), x, offsets=torch.tensor([0, len(coords)]))
        conv.to(device).zero_grad()
        out = conv(down.to(device)(fine), fine) if kind == "transposed" else conv(fine)
        # strided cells come in any order
        order = cpu_convolution.unique_rows(out.batch_indexed_coordinates.cpu()).to(device)
        values = out.feature_tensor[order]
        values.square().sum().backward()
        results.append(
            [
                value.detach().cpu().clone()
                for value in (values, x.grad, conv.weight.grad, conv.bias.grad)
            ]
        )
    for want, got in zip(*results):
        assert_near(got, want)
