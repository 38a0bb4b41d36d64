"""The short way through WarpConvNet's convolutions against its own way."""

import copy
import gc
import weakref

import pytest
import torch
from helpers import assert_near
from torch.utils.checkpoint import checkpoint
from warpconvnet.models import MinkUNetBase
from warpconvnet.utils.benchmark_cache import SpatiallySparseConvConfig

from mf3d_tutorial.model.queries import farthest_points
from mf3d_tutorial.warp import (
    Points,
    SparseConv3d,
    Voxels,
    cpu_convolution,
    fast_blocks,
    fast_convolution,
    kernel_map,
    kernel_maps,
    use_fast_path,
)


def random_voxels(count: int = 20_000, channels: int = 8, device: str = "cpu") -> Voxels:
    """Two scenes of distinct voxels around the origin."""
    rng = torch.Generator().manual_seed(0)
    scenes = [
        torch.randint(-40, 40, (count, 3), generator=rng).unique(dim=0).int() for _ in range(2)
    ]
    features = [torch.randn(len(scene), channels, generator=rng) for scene in scenes]
    offsets = torch.tensor([0, len(scenes[0]), sum(map(len, scenes))])
    return Voxels(torch.cat(scenes).to(device), torch.cat(features).to(device), offsets=offsets)


def unet() -> MinkUNetBase:
    torch.manual_seed(0)
    return MinkUNetBase(
        8, 16, planes=(16, 16, 16, 16, 16, 16, 16, 16), layers=(1,) * 8, init_dim=16
    )


def norms_of(network: torch.nn.Module) -> list[torch.nn.BatchNorm1d]:
    return [layer for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm1d)]


def settled_unet(voxels: Voxels) -> MinkUNetBase:
    """In evaluation, with the statistics of these voxels: in training, batch norm of the coarsest
    grid's few voxels magnifies rounding; without statistics, features and gradients vanish from
    layer to layer."""
    network = unet().to(voxels.device)
    for norm in norms_of(network):
        norm.momentum = 1.0
    with torch.no_grad():
        network(voxels)
    return network.eval()


def outputs_and_gradients(
    network: torch.nn.Module, voxels: Voxels, half: bool
) -> dict[str, torch.Tensor]:
    network.zero_grad()
    with torch.autocast(voxels.device.type, torch.float16, enabled=half):
        out = network(voxels.replace(batched_features=voxels.feature_tensor.clone()))
    # float16 has no smaller gradients
    (2**14 * out.feature_tensor.float().square().mean()).backward()
    gradients = {name: parameter.grad.clone() for name, parameter in network.named_parameters()}
    return {"features": out.feature_tensor.detach().float(), **gradients}


def test_parents_are_the_voxels_that_lie_around():
    fine = random_voxels(400)
    conv = SparseConv3d(8, 8, 2, stride=2)
    cells = fine.batch_indexed_coordinates.clone()
    cells[:, 1:] = cells[:, 1:].div(4, rounding_mode="floor")
    coarse, some = conv(conv(fine)), torch.tensor([3, 0, 3])
    found = kernel_maps.parents(fine, some, coarse, 4)
    assert torch.equal(coarse.batch_indexed_coordinates[found], cells[some])


def test_a_table_of_pairs_gives_the_lists_of_pairs():
    coords = random_voxels(300).batch_indexed_coordinates
    listed = kernel_map(coords, coords, (1, 1, 1), (3, 3, 3))
    found = torch.full((27, len(coords)), -1, dtype=torch.int32)
    for offset, (start, end) in enumerate(zip(listed.offsets, listed.offsets[1:])):
        found[offset, listed.out_maps[start:end].long()] = listed.in_maps[start:end]
    pairs = kernel_maps.PairTable(found, 13)
    assert len(pairs) == 27
    assert torch.equal(pairs.offsets, listed.offsets)
    assert torch.equal(pairs.in_maps, listed.in_maps)
    assert torch.equal(pairs.out_maps, listed.out_maps)


@pytest.mark.parametrize("kind", [Points, Voxels])
def test_replaced_features_give_what_warpconvnet_gives(kind):
    voxels = random_voxels(50)
    coord = voxels.coordinate_tensor if kind is Voxels else voxels.coordinate_tensor.float()
    geometry = kind(coord, voxels.feature_tensor, offsets=voxels.offsets)
    features = torch.randn(len(coord), 3)
    ours, theirs = (
        geometry.replace(batched_features=features),
        fast_convolution._stock_replace(geometry, None, features),
    )
    assert type(ours) is type(theirs) is kind
    assert ours.feature_tensor is theirs.feature_tensor is features
    assert ours.batched_coordinates is theirs.batched_coordinates
    assert ours.extra_attributes == theirs.extra_attributes
    with pytest.raises(AssertionError):  # what does not fit is WarpConvNet's to refuse
        geometry.replace(batched_features=features[1:])


def test_a_network_gives_what_it_gives_without_the_short_way():
    network, voxels = unet(), random_voxels(2000)
    ours = outputs_and_gradients(network, voxels, half=False)
    use_fast_path(False)
    theirs = outputs_and_gradients(network, voxels, half=False)
    use_fast_path()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-6)


def test_layers_hand_the_coordinates_on():
    voxels = random_voxels(500)
    assert unet()(voxels).batched_coordinates is voxels.batched_coordinates
    coarse = voxels.batched_coordinates
    while further := [grid.out for grid in coarse._grids.values() if grid.out is not None]:
        (coarse,) = further
    assert coarse.tensor_stride == (16, 16, 16)


def test_coordinates_are_freed_with_their_voxels():
    """Not when Python next looks for cycles: until then a GPU would keep every batch's kernel
    maps."""
    gc.disable()
    try:
        voxels = random_voxels(500)
        out = unet()(voxels)
        alive = weakref.ref(voxels.batched_coordinates)
        del voxels, out
        assert alive() is None
    finally:
        gc.enable()


def test_a_kernel_that_stops_the_host_must_be_much_faster():
    def quickest(algorithms, *results, dtype=torch.float16):
        config = SpatiallySparseConvConfig(1000, 1000, 16, 16, kernel_volume=27, in_dtype=dtype)
        table = {config: [(name, {"tile": i}, ms) for i, (name, ms) in enumerate(results)]}
        return fast_convolution._fastest(table, config, algorithms)

    slow, slower = ("cute_grouped", 0.1), ("explicit_gemm", 0.2)
    assert quickest("auto", slow, slower, ("mask_gemm", 0.5)) == ("mask_gemm", {"tile": 2})
    assert quickest("auto", slow, slower, ("mask_gemm", 0.7)) == ("cute_grouped", {"tile": 0})
    assert quickest("auto", slow, ("mask_gemm", 0.2), dtype=torch.float32) == (
        "cute_grouped",
        {"tile": 0},
    )
    assert quickest("explicit_gemm", slow, slower, ("mask_gemm", 0.1)) == (
        "explicit_gemm",
        {"tile": 1},
    )
    assert quickest("auto") is None


def test_a_block_that_is_computed_again_for_its_gradients_keeps_its_plan():
    conv, plans, seen = torch.nn.Identity(), iter("abcd"), []

    def block(x):
        seen.append(fast_convolution.settled(conv, next(plans)))
        return x.sin()

    x = torch.ones(3, requires_grad=True)
    for _ in range(2):
        checkpoint(block, x, use_reentrant=False).sum().backward()
    assert seen == ["a", "a", "c", "c"]


def test_a_network_casts_all_weights_at_once_and_counts_its_batches(monkeypatch):
    network, voxels, casts = unet(), random_voxels(500), []
    theirs = network(voxels).feature_tensor
    counters = [norm.num_batches_tracked for norm in norms_of(network)]
    assert len(counters) > 20
    assert all(counter == 1 for counter in counters)
    for conv in network.modules():
        if isinstance(conv, SparseConv3d) and conv.bias is None:
            conv.double()  # so that float32, the type of the features, is another
    step = fast_blocks._Step.apply
    monkeypatch.setattr(fast_blocks._Step, "apply", lambda *x: casts.append(x[-1]) or step(*x))
    assert torch.equal(network(voxels).feature_tensor, theirs)
    assert [cast.dtype for cast in casts] == [torch.float32] * len(counters)
    assert all(counter == 2 for counter in counters)
    network.conv0(voxels)  # by itself a layer does without it
    assert casts[-1] is None
    assert counters[0] == 3
    assert (fast_blocks._Running.casts, fast_blocks._Running.counters) == ({}, None)


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("with_residual", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_a_step_is_its_layers_one_after_another(training, with_residual, relu):
    rng = torch.Generator().manual_seed(0)
    norm = torch.nn.BatchNorm1d(6, dtype=torch.float64).train(training)
    norm.running_mean += 0.3
    twin = copy.deepcopy(norm)
    x, weight, residual = (
        torch.randn(*shape, generator=rng, dtype=torch.float64, requires_grad=True)
        for shape in ((50, 4), (1, 4, 6), (50, 6))
    )
    inputs = [x, weight, *([residual] if with_residual else [])]
    residual = residual if with_residual else None
    prepared = (None, None, torch.float64, None)
    ours = fast_blocks._Step.apply(
        x, weight, norm.weight, norm.bias, residual, norm, relu, prepared, None
    )
    theirs = twin(x @ weight[0]) + (residual if with_residual else 0)
    theirs = theirs.relu() if relu else theirs
    torch.testing.assert_close(ours, theirs)
    slope = torch.randn(50, 6, generator=rng, dtype=torch.float64)
    ours = torch.autograd.grad(ours, [*inputs, *norm.parameters()], slope)
    torch.testing.assert_close(
        ours, torch.autograd.grad(theirs, [*inputs, *twin.parameters()], slope)
    )
    torch.testing.assert_close(
        (norm.running_mean, norm.running_var), (twin.running_mean, twin.running_var)
    )


def test_a_convolution_on_the_cpu_sums_over_its_pairs():
    coords = random_voxels(300).batch_indexed_coordinates
    pairs = kernel_map(coords, coords[coords[:, 3] < coords[:, 3].max()], (1, 1, 1), (2, 2, 2))
    num_out, rng = int(pairs.out_maps.max()) + 1, torch.Generator().manual_seed(0)
    offset = torch.arange(8).repeat_interleave(pairs.offsets.diff().long())
    features = torch.randn(len(coords), 4, generator=rng, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(8, 4, 8, generator=rng, dtype=torch.float64, requires_grad=True)
    each = torch.einsum("pi,pio->po", features[pairs.in_maps.long()], weight[offset])
    theirs = each.new_zeros(num_out, 8).index_add(0, pairs.out_maps.long(), each)
    ours = cpu_convolution.product(features.detach(), weight.detach(), pairs, num_out)
    torch.testing.assert_close(ours, theirs.detach())
    slope = torch.randn(num_out, 8, generator=rng, dtype=torch.float64)
    ours = cpu_convolution.gradients(slope, features.detach(), weight.detach(), pairs)
    torch.testing.assert_close(ours, torch.autograd.grad(theirs, (features, weight), slope))


def test_a_kernel_that_fails_is_replaced_by_the_plainest():
    plan = fast_convolution.Plan(("mask_gemm", {"tile": 3}), None, None, False)
    weight = torch.ones(1)
    calls = []

    def run(name, call):
        calls.append((name, call.params))
        if name != "explicit_gemm" or plan.accumulate_half:
            raise RuntimeError("status 7")
        return call.weight

    def convolve():
        call = fast_convolution.FwdCtx(weight, weight.double(), None, 1, None, plan.forward[1])
        return fast_convolution._run(run, plan, "forward", call, weight)

    with pytest.warns(
        UserWarning, match=r"mask_gemm failed \(status 7\): explicit_gemm takes its place"
    ):
        assert convolve() is weight  # of the type to compute in
    convolve()
    assert calls == [("mask_gemm", {"tile": 3}), ("explicit_gemm", {}), ("explicit_gemm", {})]
    plan.accumulate_half = True  # which makes that one fail, too
    with pytest.raises(RuntimeError, match="status 7"):
        convolve()


def test_pairs_are_ordered_by_point():
    index = torch.randint(50, (400,), generator=torch.Generator().manual_seed(0)).int()
    order, starts = cpu_convolution._by_point(index, 60)
    assert torch.equal(order.long(), index.argsort(stable=True))
    assert torch.equal(
        starts.long(),
        torch.cat([torch.zeros(1), torch.bincount(index, minlength=60).cumsum(0)]).long(),
    )


def test_batch_norm_of_a_single_voxel_is_refused():
    voxels = Voxels(
        torch.zeros(1, 3, dtype=torch.int32), torch.ones(1, 8), offsets=torch.tensor([0, 1])
    )
    with pytest.raises(ValueError, match="more than 1 value"):
        unet()(voxels)


@pytest.mark.cuda
def test_on_a_gpu_a_network_in_float16_gives_what_it_gives_without_the_short_way():
    voxels = random_voxels(device="cuda")
    network = settled_unet(voxels)
    use_fast_path(False)
    # and tries the kernels
    theirs = outputs_and_gradients(copy.deepcopy(network), voxels, half=True)
    use_fast_path()
    fast_convolution._plans.clear()
    ours = outputs_and_gradients(network, voxels, half=True)
    assert fast_convolution._plans
    for name, value in theirs.items():
        assert_near(ours[name], value, 1e-1)  # kernels differ by 0.045 on an H200
    with torch.no_grad(), torch.autocast("cuda", torch.float16):
        assert_near(network(voxels).feature_tensor, theirs["features"], 2e-2)


@pytest.mark.cuda
def test_on_a_gpu_a_network_in_training_gives_what_it_gives_without_the_short_way():
    """By the one kernel that does not round float32 to float16."""
    voxels = random_voxels(device="cuda")
    network = unet().cuda()
    for conv in (module for module in network.modules() if isinstance(module, SparseConv3d)):
        conv.fwd_algo = conv.dgrad_algo = conv.wgrad_algo = "explicit_gemm"
    use_fast_path(False)
    twin = copy.deepcopy(network)
    theirs = outputs_and_gradients(twin, voxels, half=False)
    use_fast_path()
    fast_convolution._plans.clear()
    ours = outputs_and_gradients(network, voxels, half=False)
    assert fast_convolution._plans
    for name, value in (theirs | dict(twin.named_buffers())).items():
        assert_near((ours | dict(network.named_buffers()))[name], value, 5e-3)


@pytest.mark.cuda
@pytest.mark.parametrize("stride", [1, 2])
def test_on_a_gpu_the_pairs_are_those_of_the_cpu(stride):
    conv = SparseConv3d(8, 8, 3 if stride == 1 else 2, stride=stride)
    sets = []
    for device in ("cpu", "cuda"):
        voxels = random_voxels(3000, device=device)
        out, pairs = kernel_maps.grid_of(conv, voxels)
        ends = (
            voxels.batch_indexed_coordinates[pairs.in_maps.long()],
            out.batch_indexed_coordinates[pairs.out_maps.long()],
        )
        offset = torch.arange(len(pairs)).repeat_interleave(pairs.offsets.diff().long()).to(device)
        sets.append({tuple(row) for row in torch.cat([offset[:, None], *ends], dim=1).tolist()})
        assert out.offsets.tolist() == [
            0,
            *torch.bincount(out.batch_indexed_coordinates[:, 0]).cumsum(0).tolist(),
        ]
    assert sets[0] == sets[1]


@pytest.mark.cuda
def test_on_a_gpu_the_farthest_points_are_those_of_the_cpu():
    coord = torch.rand(3, 700, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(farthest_points(coord.cuda(), 40).cpu(), farthest_points(coord, 40))
