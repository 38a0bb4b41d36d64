"""The short way to WarpConvNet's fused kernels: on the CPU with stand-ins for them, which do what
they do."""

import math
import types

import pytest
import torch
from helpers import assert_near
from warpconvnet.nn.functional.sparse_conv.detail.backends import BwdCtx, FwdCtx

from mf3d_tutorial.warp import cpu_convolution, fused_kernels, kernel_map, kernel_maps

DTYPE = torch.bfloat16


def pair_mask(table, mask, count, words):
    bits = 1 << torch.arange(count)[:, None]
    mask.copy_((bits * (table.view(count, -1) >= 0)).sum(0))


def argsort(keys, out):
    out.copy_(keys.argsort())


def reverse(table, back, mask, num_in, num_out, count, words):
    offset, out = (table.view(count, num_out) >= 0).nonzero(as_tuple=True)
    points = table.view(count, num_out)[offset, out].long()
    back.view(count, num_in)[offset, points] = out.int()
    mask.index_add_(0, points, (1 << offset).int())


def multiply(x, weight, out, table, mask, order, count, tile, words, itself, factor, groups):
    """Writes every row once, in the order that it is given; the pairs of `itself` are not read."""
    assert (words, factor, groups) == (1, 1.0, 1)
    assert sorted(order.tolist()) == list(range(len(out)))
    out.fill_(math.nan)
    table = table.view(count, -1)
    for rows in order.long().split(64):
        total = 0
        for k in range(count):
            points = rows.int() if k == itself else table[k, rows]
            has = ((mask[rows] >> k) & 1).bool()
            assert torch.equal(has, points >= 0)
            total = total + torch.where(has[:, None], x[points.long()], 0).float() @ weight[k]
        out[rows] = total.to(out.dtype)
    return 0


def fwd(x, weight, *rest):
    return multiply(x, weight.float(), *rest)


def dgrad(gradient, weight, *rest):
    return multiply(gradient, weight.float().mT, *rest)


def wgrad(x, gradient, out, table, mask, order, reduced, count, tile, split, factor, groups):
    """Adds to what is there."""
    for rows, offsets in zip(order.long().split(32), reduced, strict=True):
        for k in range(count):
            points = table.view(count, -1)[k, rows]
            if (offsets >> k) & 1:
                here = points >= 0
                out[k] += x[points[here].long()].float().T @ gradient[rows[here]].float()
    return 0


def reduced_mask(mask, order, size, words):
    unions = []
    for rows in order.long().split(size):
        union = 0
        for offsets in mask[rows].tolist():
            union |= offsets
        unions.append(union)
    return torch.tensor(unions, dtype=torch.int32)


@pytest.fixture
def stand_ins(monkeypatch):
    gemm = types.SimpleNamespace(
        build_pair_mask_cuda=pair_mask,
        mask_argsort_cuda=argsort,
        build_reverse_mask_data_cuda=reverse,
    )
    fused = types.SimpleNamespace(
        fwd=fwd, dgrad=dgrad, wgrad=wgrad, build_reduced_mask=reduced_mask
    )
    extension = types.SimpleNamespace(gemm=gemm, mask_gemm=fused)
    for module in (fused_kernels, kernel_maps, kernel_maps._mask_gemm):
        monkeypatch.setattr(module, "_C", extension)
    monkeypatch.setattr(fused_kernels._mask_gemm, "_require_launchable", lambda *_: None)
    for known in ("_forward_tile", "_features_tile", "_weight_tile"):
        monkeypatch.setattr(fused_kernels, known, getattr(fused_kernels, known).__wrapped__)


def pairs_of(size: int, stride: int):
    """The same pairs as lists and as a table, with the numbers of points on both sides."""
    rng = torch.Generator().manual_seed(0)
    coords = torch.randint(-5, 6, (500, 3), generator=rng).unique(dim=0)
    coords = coords[torch.randperm(len(coords), generator=rng)]
    coords = torch.nn.functional.pad(coords, (1, 0)).int()
    out = coords if stride == 1 else coords.div(stride, rounding_mode="floor").unique(dim=0).int()
    listed = kernel_map(coords, out, (stride,) * 3, (size,) * 3)
    table = torch.full((size**3, len(out)), -1, dtype=torch.int32)
    for offset, (start, end) in enumerate(zip(listed.offsets, listed.offsets[1:])):
        table[offset, listed.out_maps[start:end].long()] = listed.in_maps[start:end]
    pairs = kernel_maps.PairTable(table, listed.identity_map_index)
    return listed, pairs, len(coords), len(out)


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (2, 2), (1, 1)])
@pytest.mark.parametrize("backwards", [False, True])
def test_they_get_what_they_need(stand_ins, size, stride, backwards):
    listed, pairs, num_in, num_out = pairs_of(size, stride)
    if backwards:
        listed, pairs = (kernel_maps._backwards(one, num_in) for one in (listed, pairs))
        num_in, num_out = num_out, num_in
    rng = torch.Generator().manual_seed(1)
    x, weight, gradient = (
        torch.randn(*shape, generator=rng).to(DTYPE)
        for shape in ((num_in, 8), (size**3, 8, 16), (num_out, 16))
    )
    out = fused_kernels.run_forward(
        "mask_gemm", FwdCtx(x, weight, pairs, num_out, DTYPE, {"tile_id": 41})
    )
    assert out.dtype == DTYPE
    exact = x.float(), weight.float()
    assert_near(out.float(), cpu_convolution.product(*exact, listed, num_out), 1e-2)
    want = cpu_convolution.gradients(gradient.float(), *exact, listed)
    for index in range(2):
        call = BwdCtx(
            gradient, x, exact[1] if index else weight, pairs, num_out, DTYPE, x.device,
            (index == 0, index == 1), {},
        )  # fmt: skip
        got = fused_kernels.run_backward("mask_gemm", call)
        assert got[1 - index] is None
        assert got[index].dtype == (torch.float32 if index else DTYPE)
        assert_near(got[index].float(), want[index], 1e-2)


def test_the_way_back_between_the_same_points_is_the_table_upside_down(stand_ins):
    _, pairs, count, _ = pairs_of(3, 1)
    table, mask, order = pairs.by_input(count)
    theirs = kernel_maps._mask_gemm._build_reverse_mask_data(
        pairs.by_output[0], count, count, 27, table.device
    )
    assert torch.equal(table, theirs[0])
    assert torch.equal(mask, theirs[1])
    # neighbours in the order have the same offsets as often as after a sort
    changes = [(mask[by.long()].diff() != 0).sum() for by in (order, theirs[2])]
    assert changes[0] == changes[1]


def test_other_calls_go_warpconvnets_way(monkeypatch):
    taken = []
    for name in ("run_forward", "run_backward"):
        monkeypatch.setattr(fused_kernels.backends, name, lambda *call: taken.append(call))
    _, pairs, count, _ = pairs_of(3, 1)
    weight = torch.zeros(27, 8, 8, dtype=DTYPE)
    for name, x, w, table in (
        ("explicit_gemm", weight[0], weight, pairs),
        ("mask_gemm", weight[0].float(), weight.float(), pairs),
        ("mask_gemm", weight[0], weight[..., :5], pairs),
        ("mask_gemm", weight[0], weight, kernel_map),
    ):
        there = FwdCtx(x, w, table, count, DTYPE, {})
        back = BwdCtx(x, x, w, table, count, DTYPE, x.device, (True, False), {})
        fused_kernels.run_forward(name, there)
        fused_kernels.run_backward(name, back)
        assert taken == [(name, there), (name, back)]
        taken.clear()


def test_a_kernel_that_reports_a_failure_is_an_error(stand_ins, monkeypatch):
    monkeypatch.setattr(fused_kernels._C.mask_gemm, "fwd", lambda *_: 3)
    _, pairs, count, _ = pairs_of(3, 1)
    x, weight = torch.zeros(count, 8, dtype=DTYPE), torch.zeros(27, 8, 8, dtype=DTYPE)
    with pytest.raises(RuntimeError, match="status 3"):
        fused_kernels.run_forward("mask_gemm", FwdCtx(x, weight, pairs, count, DTYPE, {}))
