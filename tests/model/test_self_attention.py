"""Self-attention of the queries against PyTorch's `nn.MultiheadAttention` with the same weights."""

import pytest
import torch
from helpers import assert_near
from torch import Tensor, nn
from torch.nn.attention import sdpa_kernel

from mf3d_tutorial.model.decoder import KERNELS, attend_to_each_other


def both_ways(
    dim: int, heads: int, dropout: float = 0.0, device: str = "cpu", half: bool = False
) -> list[tuple[Tensor, ...]]:
    """Result and gradients of PyTorch's way and of ours."""
    torch.manual_seed(0)
    m = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
    for bias in (m.in_proj_bias, m.out_proj.bias):
        nn.init.normal_(bias)
    m, x = m.to(device), torch.randn(3, 20, dim).to(device).requires_grad_()
    slope, ways = torch.randn(3, 20, dim).to(device), []
    for way in (lambda: m(x, x, x, need_weights=False)[0], lambda: attend_to_each_other(m, x)):
        torch.manual_seed(1)  # of dropout
        with sdpa_kernel(KERNELS), torch.autocast(device, torch.float16, enabled=half):
            out = way()
        ways.append((out, *torch.autograd.grad(out.float(), [x, *m.parameters()], slope)))
    return ways


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize(("dim", "heads"), [(96, 8), (64, 4), (6, 2)])  # 12, 16 and 3 channels
def test_queries_attend_to_each_other_as_in_pytorch(dim, heads, dropout):
    for theirs, ours in zip(*both_ways(dim, heads, dropout)):
        assert ours.shape == theirs.shape
        assert_near(ours, theirs, 1e-6)


@pytest.mark.cuda
@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
@pytest.mark.parametrize(("dim", "heads"), [(96, 8), (64, 4)])
def test_queries_attend_to_each_other_as_in_pytorch_on_cuda(dim, heads, half):
    for theirs, ours in zip(*both_ways(dim, heads, device="cuda", half=half)):
        assert ours.dtype == theirs.dtype
        assert_near(ours, theirs, 1e-2 if half else 1e-4)
