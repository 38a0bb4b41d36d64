"""Attention of few queries to the many points of their own scene, for CUDA with masks or in float32.

There PyTorch has no flash attention, and its other kernels are slow with 100 queries and 50,000 keys. So it is written
out here: two products and a softmax, in as few and as well aligned passes over memory as they take, and started without
autograd's bookkeeping for each of them. (In float16 without masks flash attention it is: decoder.py, `look`.)
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

ALIGNMENT = 8  # tensor cores load rows of so many float16 numbers
PIECE = 512  # points that `sum_over_points` takes at a time in float32; a multiple of ALIGNMENT


def filled(size: int) -> int:
    """`size`, up to the next multiple of ALIGNMENT."""
    return size + -size % ALIGNMENT


def open_bias(sizes: list[int], like: Tensor) -> Float[Tensor, "1 columns"]:
    """The bias without masks: 0 for every point, -inf where columns are filled up; as `mask_bias` has it."""
    bias, first = like.new_zeros(1, sum(filled(size) for size in sizes)), 0
    for size in sizes:
        bias[:, first + size : first + filled(size)] = -torch.inf
        first += filled(size)
    return bias


@torch.no_grad()
def mask_bias(
    queries: Float[Tensor, "B Q D"], mask_features: Sequence[Float[Tensor, "N_b D"]]
) -> Float[Tensor, "Q columns"]:
    """What to add to attention's scores so that a query looks only at the points of its own mask: 0 there, else -inf.

    The scenes' columns follow one another, those of each scene filled up to a multiple of 8 with -inf. A query's mask
    is where its product with `mask_features` is positive; a query whose mask is empty may look at all points.
    """
    queries = queries.to(mask_features[0].dtype)
    widths = [filled(len(points)) for points in mask_features]
    logits = queries.new_full((queries.shape[1], sum(widths)), -torch.inf)
    scenes, largest = logits.split(widths, dim=1), []
    for query, points, scene in zip(queries, mask_features, scenes):
        torch.mm(query, points.T, out=scene[:, : len(points)])
        largest.append(scene.amax(1))
    largest = torch.stack(largest)
    least = torch.zeros_like(largest).masked_fill_(largest <= 0, -torch.inf)[..., None]
    bias = torch.zeros_like(logits)
    for scene, logit, limit in zip(bias.split(widths, dim=1), scenes, least):
        scene.masked_fill_(logit <= limit, -torch.inf)
    return bias


def sum_over_points(
    weights: Float[Tensor, "H Q K"], points: Float[Tensor, "H K d"], out: Float[Tensor, "H Q d"], scale: float = 1.0
) -> None:
    """out = scale * weights @ points; in float32 piece by piece, all pieces of a head at a time.

    In float32 cuBLAS has few threads walk over all K points of a product with so small a result. In float16 it does
    not, and pieces would be slower.
    """
    pieces = weights.shape[2] // PIECE if weights.dtype is torch.float32 else 0
    body = pieces * PIECE
    out.baddbmm_(weights[..., body:], points[:, body:], beta=0, alpha=scale)
    for head in range(len(out) if pieces else 0):
        parts = weights[head, :, :body].unflatten(1, (pieces, PIECE)).transpose(0, 1)
        out[head].add_((parts @ points[head, :body].unflatten(0, (pieces, PIECE))).sum(0), alpha=scale)


class MaskedAttention(torch.autograd.Function):
    """`MaskedAttention.apply(q, keys_and_values, bias, sizes, scale)`: attention of every scene.

    q (B, H, Q, d); keys_and_values (N + at least 8, 2, H, d), the N_b = sizes[b] points of a scene together; bias as of
    `mask_bias` or `open_bias`. Gives (B, H, Q, d). A scene's scores have as many columns as its bias: the further ones
    read the points that follow the scene's own and weigh them with 0 (which gives NaN if those are not finite).

    The softmax keeps the type of its scores, whatever the autocast: it sums in float32 anyway, and the product after it
    would round it to float16.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, keys_and_values: Tensor, bias: Tensor, sizes: list[int], scale: float) -> Tensor:
        gathered, kept, first = torch.empty_like(q), [], 0
        with torch.autocast(q.device.type, enabled=False):
            for b, columns in enumerate(bias.split([filled(size) for size in sizes], dim=1)):
                k, v = keys_and_values[first : first + columns.shape[1]].permute(1, 2, 0, 3)
                weights = torch.baddbmm(columns.expand(*q.shape[1:3], -1), q[b], k.mT, alpha=scale).softmax(-1)
                sum_over_points(weights, v, gathered[b])
                if any(ctx.needs_input_grad):
                    kept.append(weights)
                del weights  # before the next scene's are made
                first += sizes[b]
        ctx.save_for_backward(q, keys_and_values, *kept)
        ctx.sizes, ctx.scale = sizes, scale
        return gathered

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        q, keys_and_values, *weights = ctx.saved_tensors
        of_q, of_both, first = torch.empty_like(q), torch.empty_like(keys_and_values), 0
        for b, (size, weight) in enumerate(zip(ctx.sizes, weights)):
            k, v = keys_and_values[first : first + weight.shape[2]].permute(1, 2, 0, 3)
            of_k, of_v = of_both[first : first + size].permute(1, 2, 0, 3)
            torch.bmm(weight[..., :size].mT, gradient[b], out=of_v)
            of_scores = torch._softmax_backward_data(gradient[b] @ v.mT, weight, -1, weight.dtype)
            sum_over_points(of_scores, k, of_q[b], ctx.scale)
            of_k.baddbmm_(of_scores[..., :size].mT, q[b], beta=0, alpha=ctx.scale)
            first += size
        of_both[first:] = 0
        return of_q, of_both, None, None, None
