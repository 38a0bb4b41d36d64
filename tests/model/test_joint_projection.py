"""Keys and values that the backward pass makes again."""

import gc
import weakref

import torch
from torch import nn

from mf3d_tutorial.model.decoder import DecoderLayer, JointProjection, Level


class Attention(torch.autograd.Function):
    """Stands in for the kernels' one: keeps its inputs and its own output."""

    @staticmethod
    def forward(ctx, q, kv):
        scores = torch.einsum("bqhd,nhd->bqhn", q, kv[:, 0]).softmax(-1)
        out = torch.einsum("bqhn,nhd->bqhd", scores, kv[:, 1])
        ctx.save_for_backward(q, kv, out)
        return out

    @staticmethod
    def backward(ctx, gradient):
        q, kv, out = ctx.saved_tensors
        with torch.enable_grad():
            q, kv = q.detach().requires_grad_(), kv.detach().requires_grad_()
            scores = torch.einsum("bqhd,nhd->bqhn", q, kv[:, 0]).softmax(-1)
            again = torch.einsum("bqhn,nhd->bqhd", scores, kv[:, 1])
        assert torch.equal(again, out)
        return torch.autograd.grad(again, (q, kv), gradient)


class Upstream(torch.autograd.Function):
    """Holds an object for its backward pass."""

    @staticmethod
    def forward(ctx, x, held):
        ctx.held = held
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class Held:
    pass


def attended(keep: bool, held: Held | None = None):
    """The parameters of a decoder layer, and what attention gives with its keys and values."""
    torch.manual_seed(0)
    layers = nn.ModuleList([DecoderLayer(8, 2, 16, 0.0, 5)])
    features, position = torch.randn(30, 8), torch.randn(30, 5)
    q = torch.randn(1, 4, 2, 4, requires_grad=True)
    joint = JointProjection(layers, [Level(features, position, features, (30,))])
    kv = joint.keys_and_values(0, 0)
    query = Upstream.apply(q, held)
    if keep:
        return list(layers.parameters()), Attention.apply(query, kv)
    with joint.not_kept(kv, 0, 0):
        return list(layers.parameters()), Attention.apply(query, kv)


def test_gradients_are_those_of_keys_and_values_that_were_kept():
    grads = []
    for keep in (True, False):
        parameters, out = attended(keep)
        out.square().sum().backward()
        grads.append([p.grad for p in parameters if p.grad is not None])
    assert len(grads[0]) >= 4
    for kept, again in zip(*grads, strict=True):
        torch.testing.assert_close(again, kept)


def test_a_forward_pass_without_a_backward_pass_leaves_nothing_behind():
    held = Held()
    gone = weakref.ref(held)
    result = attended(False, held)
    del held
    assert gone() is not None
    del result
    gc.collect()
    assert gone() is None
