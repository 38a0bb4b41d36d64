"""A MinkUNet as CUDA graphs: the same numbers as without them, whatever the number of voxels."""

import copy
import types

import pytest
import torch
from helpers import assert_near
from torch import Tensor, nn

from mf3d_tutorial.warp import (
    MinkUNetBase,
    Points,
    allow_graphs,
    counted_step,
    drop_graphs,
    fast_convolution,
    graph_memory,
    kernel_maps,
    network_and_stages,
    unet_graphs,
)

STAGES = ("block5", "block6")
# Points of the scenes of each batch. The first one runs without graphs, the second one records;
# the fifth is too small for its tables and records anew, the last one is the first of its size.
BATCHES = [(300, 200), (300, 200), (290, 200), (150, 360), (280,), (300, 205), (100, 90)]


def random_voxels(sizes: tuple[int, ...], seed: int, device: str = "cpu"):
    rng = torch.Generator().manual_seed(seed)
    coords = [torch.rand(size, 3, generator=rng) * 2.5 for size in sizes]
    features = [torch.rand(size, 6, generator=rng) for size in sizes]
    return kernel_maps._quick_pool(Points(coords, features).to(device), 0.12)[0]


def small_unet() -> MinkUNetBase:
    torch.manual_seed(0)
    planes = (8, 8, 16, 16, 16, 16, 8, 8)
    unet = MinkUNetBase(6, 16, planes=planes, layers=(1,) * 8, init_dim=8).train()
    for module in unet.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.bias)
    return unet


def loss_of(outputs: list) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    features = [x.feature_tensor.float() for x in outputs]
    return sum((x * torch.randn(x.shape, generator=rng).to(x.device)).sum() for x in features)


def step(unet: MinkUNetBase, voxels) -> tuple[list, list[Tensor], list[Tensor]]:
    """Outputs, gradients of the parameters, and buffers after a step."""
    outputs = network_and_stages(unet, voxels, STAGES)
    loss_of(outputs).backward()
    gradients = [parameter.grad.clone() for parameter in unet.parameters()]
    for parameter in unet.parameters():
        parameter.grad = None
    return outputs, gradients, [buffer.clone() for buffer in unet.buffers()]


# On the CPU: stand-ins for the search of neighbours, the batch norm and the recording.


def hash_table(rows: Tensor, checked: bool):
    return types.SimpleNamespace(rows=rows)


def find_pairs(table, rows: Tensor, kernel_size, stride, found: Tensor) -> None:
    rows = nn.functional.pad(rows, (0, 0, 0, found.shape[1] - len(rows)), value=-999)
    factors = torch.tensor([2**48, 2**32, 2**16, 1])
    keys, order = ((table.rows.long() + 1000) * factors).sum(1).sort()
    offsets = torch.cartesian_prod(*(torch.arange(size) - (size - 1) // 2 for size in kernel_size))
    for k, offset in enumerate(offsets):
        wanted = rows.long() * torch.tensor([1, *stride])
        wanted[:, 1:] += offset
        wanted = ((wanted + 1000) * factors).sum(1)
        place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
        found[k] = torch.where(keys[place] == wanted, order[place], -1)


class PlainPairs(kernel_maps.PairTable):
    @property
    def by_output(self):
        return self._pair_table.flatten(), None, None

    def by_input(self, num_in: int):
        table = self._pair_table
        back = table.new_full((len(table), num_in), -1)
        offset, out = (table >= 0).nonzero(as_tuple=True)
        back[offset, table[offset, out].long()] = out.int()
        return back.flatten(), None, None


def grid_of(conv, voxels):
    grids = vars(voxels.batched_coordinates).setdefault("_grids", {})
    key = (conv.kernel_size, conv.stride, conv.dilation)
    if key not in grids:
        grids[key] = kernel_maps._quick_grid(conv, voxels)
    return voxels.batched_coordinates if grids[key].out is None else grids[key].out, grids[
        key
    ].pairs


class PlainBatchNorm:
    """kernels/batch_norm.py in PyTorch."""

    def normalise(self, x, count, norm, gamma, beta, residual, relu):
        running = norm.running_mean, norm.running_var, True, norm.momentum, norm.eps
        _, mean, scale = torch.native_batch_norm(x[: int(count)], gamma, beta, *running)
        return self.apply(x, count, gamma, beta, mean, scale, residual, relu), mean, scale

    def apply(self, x, count, gamma, beta, mean, scale, residual, relu):
        out = (x - mean) * scale * gamma + beta
        out = out if residual is None else out + residual
        out = out.relu() if relu else out
        out[int(count) :] = 7.0  # these rows count nowhere
        return out

    def gradients(self, gradient, x, out, count, gamma, beta, mean, scale, relu, residual):
        n = int(count)
        if relu:
            if out is None:
                out = self.apply(x, count, gamma, beta, mean, scale, None, False)
            gradient = gradient * (out > 0)
        of_x, of_gamma, of_beta = torch.ops.aten.native_batch_norm_backward(
            gradient[:n], x[:n], gamma, None, None, mean, scale, True, 1e-5, [True] * 3
        )
        behind = torch.zeros_like(x[n:])
        of_residual = torch.cat([gradient[:n], behind]) if residual else None
        return torch.cat([of_x, behind]), of_gamma, of_beta, of_residual


class Replay:
    def __init__(self, replay):
        self.replay = replay


def record(self, unet: MinkUNetBase, owner) -> int:
    leaves = {name: p.detach().requires_grad_() for name, p in unet.named_parameters()}
    buffers = [buffer.clone() for buffer in unet.buffers()]
    outputs, self.levels = self._forward(unet, leaves)
    for buffer, before in zip(unet.buffers(), buffers):
        buffer.copy_(before)
    self.outputs = [x.detach().clone() for x in outputs]
    self.gradients = [torch.full_like(x, 7.0) for x in outputs]  # of an earlier step
    current = []

    def forward():
        with torch.enable_grad():
            current[:], _ = self._forward(unet, leaves)
        for memory, new in zip(self.outputs, current):
            memory.copy_(new.detach())

    def backward():
        found = torch.autograd.grad(current, list(leaves.values()), self.gradients)
        for memory, new in zip(self.of_parameters, found):
            memory.copy_(new)

    owner.pool = "the pool"
    owner.gradients = owner.gradients or [torch.empty_like(leaf) for leaf in leaves.values()]
    self.of_parameters = owner.gradients

    self.forward_graph, self.backward_graph = Replay(forward), Replay(backward)
    return 5


@pytest.fixture
def stand_ins(monkeypatch):
    for module in (kernel_maps, unet_graphs):
        monkeypatch.setattr(module, "hash_table", hash_table)
        monkeypatch.setattr(module, "find_pairs", find_pairs)
        monkeypatch.setattr(module, "PairTable", PlainPairs)
    monkeypatch.setattr(fast_convolution, "grid_of", grid_of)
    monkeypatch.setattr(counted_step, "_batch_norm", PlainBatchNorm)
    monkeypatch.setattr(unet_graphs, "dtype_for", lambda voxels: torch.float16)
    monkeypatch.setattr(unet_graphs.Recorded, "record", record)
    monkeypatch.setattr(unet_graphs.Recorded, "trial", lambda self, unet: None)
    monkeypatch.setattr(unet_graphs, "_memory", lambda device: 1000)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)


def test_padded_tables_change_nothing(stand_ins):
    unet = small_unet()
    plain = copy.deepcopy(unet)
    allow_graphs(unet)
    for seed, sizes in enumerate(BATCHES):
        ours, *our_numbers = step(unet, random_voxels(sizes, seed))
        theirs, *their_numbers = step(plain, random_voxels(sizes, seed))
        for our, their in zip(ours, theirs, strict=True):
            assert torch.equal(our.coordinate_tensor, their.coordinate_tensor)
            assert torch.equal(our.offsets, their.offsets)
            assert our.tensor_stride == their.tensor_stride
            assert_near(our.feature_tensor, their.feature_tensor, 1e-4)
        for our, their in zip(our_numbers, their_numbers):
            for mine, other in zip(our, their, strict=True):
                assert_near(mine.double(), other.double(), 1e-3)
    graphs = vars(unet)["_graphs"]
    assert list(graphs.recorded) == [512, 320]
    assert graph_memory(unet) == 5
    assert drop_graphs(unet)
    assert graph_memory(unet) == 0
    step(unet, random_voxels(BATCHES[0], 0))
    assert not graphs.recorded


def test_levels_of_the_same_size_are_told_apart(stand_ins):
    """As with small voxels, where the coarser ones hold about as many points each."""
    unet = small_unet()
    plain = copy.deepcopy(unet)
    allow_graphs(unet)
    for seed in range(2):
        rng = torch.Generator().manual_seed(seed)
        points = Points([torch.rand(200, 3, generator=rng) * 40], [torch.rand(200, 6)])
        voxels = [kernel_maps._quick_pool(points, 0.1)[0] for _ in range(2)]
        ours, theirs = step(unet, voxels[0])[0], step(plain, voxels[1])[0]
        for our, their in zip(ours, theirs, strict=True):
            assert our.tensor_stride == their.tensor_stride
            assert torch.equal(our.coordinate_tensor, their.coordinate_tensor)
            assert_near(our.feature_tensor, their.feature_tensor)
    [recorded] = vars(unet)["_graphs"].recorded.values()
    assert len(set(recorded.capacities)) < 5


def test_a_backward_pass_after_another_forward_pass_is_refused(stand_ins):
    unet = small_unet()
    allow_graphs(unet)
    for seed in range(2):
        step(unet, random_voxels(BATCHES[0], seed))
    first = network_and_stages(unet, random_voxels(BATCHES[0], 2))[0]
    network_and_stages(unet, random_voxels(BATCHES[0], 3))
    with pytest.raises(RuntimeError, match="has run again before this backward pass"):
        first.feature_tensor.sum().backward()


def test_a_networks_own_forward_and_hooks_are_called(stand_ins):
    class Doubled(MinkUNetBase):
        def forward(self, voxels):
            out = super().forward(voxels)
            return fast_convolution.with_features(out, 2 * out.feature_tensor)

    unet = small_unet()
    twice, called = copy.deepcopy(unet), []
    twice.__class__ = Doubled
    twice.register_forward_hook(lambda *_: called.append(1))
    [one] = network_and_stages(unet, random_voxels(BATCHES[0], 0))
    [two] = network_and_stages(twice, random_voxels(BATCHES[0], 0))
    assert_near(two.feature_tensor, 2 * one.feature_tensor)
    assert called == [1]


def test_a_batch_that_is_not_finite_spoils_no_other(stand_ins):
    unet = small_unet()
    plain = copy.deepcopy(unet)
    allow_graphs(unet)
    for seed in range(2):
        for each in (unet, plain):
            step(each, random_voxels(BATCHES[0], seed))
    bad = random_voxels(BATCHES[3], 3)
    bad.feature_tensor[:] = torch.nan
    kept = [buffer.clone() for buffer in unet.buffers()]
    outputs, gradients, _ = step(unet, bad)
    assert all(x.feature_tensor.isnan().all() for x in outputs)
    assert any(gradient.isnan().any() for gradient in gradients)
    for buffer, before in zip(unet.buffers(), kept):  # as a training step does it
        buffer.copy_(before)
    fewer = random_voxels(BATCHES[2], 2)
    assert len(fewer.feature_tensor) < len(bad.feature_tensor)
    for our, their in zip(step(unet, fewer)[1], step(plain, random_voxels(BATCHES[2], 2))[1]):
        assert_near(our, their)


@pytest.mark.parametrize(("memory", "left"), [(1000, 2), (50, 1)])
def test_larger_graphs_take_the_place_of_large_ones(stand_ins, monkeypatch, memory, left):
    """Each works in 5 bytes."""
    unet = small_unet()
    allow_graphs(unet)
    monkeypatch.setattr(unet_graphs, "_memory", lambda device: memory)
    for seed, sizes in enumerate([(300, 200), (300, 200), (400, 400), (400, 400), (500, 400)]):
        step(unet, random_voxels(sizes, seed))
    graphs = vars(unet)["_graphs"]
    assert len(graphs.recorded) == left
    assert graph_memory(unet) == 5 * left
    assert max(graphs.recorded) > 1.1 * 760  # with room for the last batch


def test_a_table_that_is_too_small_is_recorded_anew(stand_ins):
    unet = small_unet()
    allow_graphs(unet)
    for seed in range(2):
        step(unet, random_voxels(BATCHES[0], seed))
    [recorded] = vars(unet)["_graphs"].recorded.values()
    recorded.capacities[2] = 8
    step(unet, random_voxels(BATCHES[0], 2))
    [again] = vars(unet)["_graphs"].recorded.values()
    assert again is not recorded
    assert again.capacities[2] > 8


def test_a_network_that_cannot_be_recorded_goes_on_without(stand_ins, monkeypatch):
    def fails(self, unet, owner):
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(unet_graphs.Recorded, "record", fails)
    unet = small_unet()
    plain = copy.deepcopy(unet)
    allow_graphs(unet)
    step(unet, random_voxels(BATCHES[0], 0))
    with pytest.warns(UserWarning, match="not recorded .no memory.: training goes on without"):
        _, ours, _ = step(unet, random_voxels(BATCHES[0], 1))
    _, theirs, _ = step(plain, random_voxels(BATCHES[0], 1))
    for our, their in zip(ours, theirs):
        assert_near(our, their)


def test_gradients_that_are_there_already_are_kept(stand_ins):
    """A second backward pass adds to the first one's gradients, which lie in a graph's memory."""
    unet = small_unet()
    allow_graphs(unet)
    for seed in range(2):
        step(unet, random_voxels(BATCHES[0], seed))
    once = step(unet, random_voxels(BATCHES[0], 2))[1]
    for _ in range(2):
        loss_of(network_and_stages(unet, random_voxels(BATCHES[0], 2), STAGES)).backward()
    for parameter, gradient in zip(unet.parameters(), once):
        assert_near(parameter.grad, 2 * gradient)


def test_capacities_hold_their_numbers_and_waste_a_sixteenth_at_most():
    for number in (2, 7, 8, 9, 100, 131_072, 131_073, 147_456, 1_900_000):
        capacity = unet_graphs.capacity_for(number, 16)
        assert number <= capacity <= max(number * 1.0626, number + 7)


@pytest.mark.cuda
def test_graphs_give_what_the_network_gives_without_them():
    """Both round to float16, in another order: neither is farther from float32 than the other."""
    unet = small_unet().cuda()
    exact, plain = copy.deepcopy(unet), copy.deepcopy(unet)
    batches = [tuple(10 * size for size in sizes) for sizes in BATCHES]
    with torch.autocast("cuda", torch.float16):
        for seed in range(3):  # kernels are chosen
            step(copy.deepcopy(plain), random_voxels(batches[0], seed, "cuda"))
    allow_graphs(unet)
    errors = []
    for seed, sizes in enumerate(batches):
        with torch.autocast("cuda", torch.float16):
            ours, *our_numbers = step(unet, random_voxels(sizes, seed, "cuda"))
            theirs, *their_numbers = step(plain, random_voxels(sizes, seed, "cuda"))
        wanted, *numbers = step(exact, random_voxels(sizes, seed, "cuda"))
        rows = [[x.feature_tensor for x in given] for given in (ours, theirs, wanted)]
        rows = list(zip(*rows, strict=True))
        rows += [
            triple
            for lists in zip(our_numbers, their_numbers, numbers)
            for triple in zip(*lists, strict=True)
        ]
        for our, their, exactly in rows:
            scale = exactly.double().abs().max()
            both = (x.double() - exactly.double() for x in (our, their))
            errors.append([(x.square().mean().sqrt() / scale).item() for x in both])
            assert errors[-1][0] < 0.05 + 5 * errors[-1][1], (seed, tuple(our.shape), errors[-1])
    error, usual = torch.tensor(errors).mean(0).tolist()
    assert error < 1.2 * usual + 1e-4
    graphs = vars(unet)["_graphs"]
    assert not graphs.off
    assert graphs.recorded
    assert graph_memory(unet) > 0
    assert drop_graphs(unet)


@pytest.mark.cuda
@pytest.mark.parametrize(("channels", "dtype"), [(24, torch.float32), (256, torch.float16)])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("with_residual", [False, True])
def test_batch_norm_of_the_first_rows(channels, dtype, relu, with_residual):
    from mf3d_tutorial.kernels import batch_norm

    torch.manual_seed(0)
    rows, count = 70_000, 61_234
    x = (3 * torch.randn(rows, channels, device="cuda") + 5).to(dtype)
    x[count:] = torch.nan
    residual = torch.randn(rows, channels, device="cuda").to(dtype) if with_residual else None
    gradient = torch.randn(rows, channels, device="cuda").to(dtype)
    norm = nn.BatchNorm1d(channels, device="cuda")
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    exact = copy.deepcopy(norm).double()
    number = torch.tensor([count], dtype=torch.int32, device="cuda")
    weight, bias = norm.weight.detach(), norm.bias.detach()
    out, mean, scale = batch_norm.normalise(x, number, norm, weight, bias, residual, relu)
    kept = out if relu and with_residual else None
    grads = batch_norm.gradients(
        gradient, x, kept, number, weight, bias, mean, scale, relu, with_residual
    )

    inputs = [x[:count].double().requires_grad_()]
    if with_residual:
        inputs.append(residual[:count].double().requires_grad_())
    expected = exact(inputs[0]) + (inputs[1] if with_residual else 0)
    if relu:
        # where the output was rounded to zero, its gradient is none either
        expected = expected * (out[:count] > 0)
    (expected * gradient[:count].double()).sum().backward()
    tolerance = 1e-4 if dtype is torch.float32 else 2e-3
    assert_near(out[:count].double(), expected.detach(), tolerance)
    assert (out[count:] == 0).all()
    assert (grads[0][count:] == 0).all()
    assert_near(grads[0][:count].double(), inputs[0].grad, tolerance)
    assert_near(grads[1].double(), exact.weight.grad, tolerance)
    assert_near(grads[2].double(), exact.bias.grad, tolerance)
    if with_residual:
        assert_near(grads[3][:count].double(), inputs[1].grad, tolerance)
    assert_near(norm.running_mean.double(), exact.running_mean, 1e-5)
    assert_near(norm.running_var.double(), exact.running_var, 1e-5)

    x[17] = torch.nan
    out, mean, scale = batch_norm.normalise(x, number, norm, weight, bias, residual, relu)
    assert out[:count].isnan().all()
    kept = out if relu and with_residual else None
    of_x, *_ = batch_norm.gradients(
        gradient, x, kept, number, weight, bias, mean, scale, relu, with_residual
    )
    assert of_x[:count].isnan().all()
    assert (of_x[count:] == 0).all()
