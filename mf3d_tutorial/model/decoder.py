"""The query decoder: learned queries look at each other and at the scene, layer by layer.

Each layer is self-attention, cross-attention, feed-forward, with a residual and a LayerNorm after each. With copied
weights it computes what `warpconvnet.models.maskformer.MaskTransformer` computes, but scene by scene: without padding,
without a B x heads x Q x N attention matrix, with the sines of the positional encoding computed once, and without that
module's zeroing of queries whose index exceeds the scene's number of points.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

NUM_FREQUENCIES = 16
POSITION_CHANNELS = 3 * (2 * NUM_FREQUENCIES + 1)


def encode_position(coord: Float[Tensor, "N 3"]) -> Float[Tensor, "N 99"]:
    """For each axis (metres): cosines and sines of 2 pi 2^i x for i = 0..15, and x itself."""
    frequencies = 2 * math.pi * 2.0 ** torch.arange(NUM_FREQUENCIES, device=coord.device)
    angles = coord[:, :, None] * frequencies
    return torch.cat([angles.cos(), angles.sin(), coord[:, :, None]], dim=-1).flatten(1)


class CrossAttention(nn.Module):
    """Queries gather features of the points of their own scene."""

    def __init__(self, dim: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)
        self.position = nn.Linear(POSITION_CHANNELS, dim // num_heads)  # shared by the heads
        self.out = nn.Linear(dim, dim)

    def forward(
        self,
        queries: Float[Tensor, "B Q D"],
        features: Float[Tensor, "N D"],
        position: Float[Tensor, "N 99"],
        sizes: list[int],
    ) -> Float[Tensor, "B Q D"]:
        """`sizes`: the number of points N_b of each scene; they follow one another in `features`."""

        def heads(x: Tensor) -> Tensor:
            return x.unflatten(-1, (self.num_heads, -1)).transpose(-2, -3)  # (..., n, D) -> (..., heads, n, D / heads)

        q = heads(self.query(queries))
        k = (heads(self.key(features)) + self.position(position)).split(sizes, dim=1)
        v = heads(self.value(features)).split(sizes, dim=1)
        scenes = [F.scaled_dot_product_attention(q[b : b + 1], k[b][None], v[b][None]) for b in range(len(sizes))]
        return self.out(torch.cat(scenes).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, dim: int, hidden: int, dropout: float):
        super().__init__()
        self.inner = nn.Linear(dim, hidden)
        self.dropout = nn.Dropout(dropout)
        self.outer = nn.Linear(hidden, dim)

    def forward(self, x: Float[Tensor, "B Q D"]) -> Float[Tensor, "B Q D"]:
        return self.outer(self.dropout(F.gelu(self.inner(x))))


class DecoderLayer(nn.Module):
    def __init__(self, dim: int, num_heads: int, dim_feedforward: int, dropout: float):
        super().__init__()
        self.self_attention = nn.MultiheadAttention(dim, num_heads, dropout=dropout, batch_first=True)
        self.cross_attention = CrossAttention(dim, num_heads)
        self.feed_forward = FeedForward(dim, dim_feedforward, dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(3))

    def forward(self, queries: Float[Tensor, "B Q D"], *scene) -> Float[Tensor, "B Q D"]:
        attended, _ = self.self_attention(queries, queries, queries, need_weights=False)
        queries = self.norms[0](queries + attended)
        queries = self.norms[1](queries + self.cross_attention(queries, *scene))
        return self.norms[2](queries + self.feed_forward(queries))


class MaskTransformer(nn.Module):
    """Q learned queries, refined by `num_layers` decoder layers."""

    def __init__(
        self, dim: int, num_queries: int, num_heads: int, num_layers: int, dim_feedforward: int, dropout: float = 0.0
    ):
        super().__init__()
        self.query_embedding = nn.Embedding(num_queries, dim)
        self.layers = nn.ModuleList(
            DecoderLayer(dim, num_heads, dim_feedforward, dropout) for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, features: Float[Tensor, "N D"], coord: Float[Tensor, "N 3"], sizes: list[int]
    ) -> list[Float[Tensor, "B Q D"]]:
        """The normalised queries after each layer, the last one's at the end."""
        position = encode_position(coord)
        queries = self.query_embedding.weight.expand(len(sizes), -1, -1)
        layers = []
        for index, layer in enumerate(self.layers):
            if index:  # every layer is told anew which query is which
                queries = queries + self.query_embedding.weight
            queries = layer(queries, features, position, sizes)
            layers.append(self.norm(queries))
        return layers
