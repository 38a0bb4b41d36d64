"""Attention of few queries to the many points of their own scene, for a batch whose scenes lie in
one table.

In plain PyTorch it goes scene by scene; on CUDA kernels take all scenes at once
(kernels/attention.py).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from mf3d_tutorial.kernels.offsets import offsets_on


class AttentionMask(NamedTuple):
    """Which points a query may attend to: those inside its mask, or all of its scene if no point is
    inside."""

    inside: Shaped[Tensor, "..."]  # (Q, N), bool; on CUDA packed as bits, see kernels/attention.py
    found: Shaped[Tensor, "B Q"]  # whether any point is inside


@torch.no_grad()
def attention_mask(
    queries: Float[Tensor, "B Q D"], mask_features: Float[Tensor, "N D"], sizes: Sequence[int]
) -> AttentionMask:
    """The mask of each query: the points of its scene whose product with `mask_features` is
    positive.

    The `sizes[b]` points of scene b follow one another.
    """
    if queries.is_cuda:
        from mf3d_tutorial.kernels import attention

        offsets = offsets_on(tuple(sizes), queries.device)
        return AttentionMask(*attention.attention_mask(queries, mask_features, offsets, max(sizes)))
    scenes = [
        query @ points.T > 0 for query, points in zip(queries, mask_features.split(list(sizes)))
    ]
    return AttentionMask(
        torch.cat(scenes, dim=1), torch.stack([inside.any(1) for inside in scenes])
    )


def attend(
    q: Float[Tensor, "B Q H d"],
    keys_and_values: Float[Tensor, "N 2 H d"],
    sizes: Sequence[int],
    mask: AttentionMask | None = None,
) -> Float[Tensor, "B Q H d"]:
    """softmax(q k / sqrt(d)) v over the points of each query's scene, for each of H heads."""
    if q.is_cuda:
        from mf3d_tutorial.kernels.attention import SceneAttention

        return SceneAttention.apply(
            q, keys_and_values, offsets_on(tuple(sizes), q.device), *(mask or (None, None))
        )
    allowed = [None] * len(sizes)
    if mask:
        allowed = [
            scene | ~found[:, None]
            for scene, found in zip(mask.inside.split(list(sizes), dim=1), mask.found)
        ]
    outputs = []
    for query, scene, permitted in zip(q, keys_and_values.split(list(sizes)), allowed):
        # (1, H, N_b, d): flash attention wants 4 dimensions
        k, v = scene.permute(1, 2, 0, 3)[:, None]
        outputs.append(
            F.scaled_dot_product_attention(query.transpose(0, 1)[None], k, v, permitted)[
                0
            ].transpose(0, 1)
        )
    return torch.stack(outputs)
