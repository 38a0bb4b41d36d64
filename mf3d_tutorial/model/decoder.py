"""The query decoder: learned queries look at each other and at the scene, layer by layer.

Each layer is self-attention, cross-attention, feed-forward, with a residual and a LayerNorm after each. With copied
weights it computes what `warpconvnet.models.maskformer.MaskTransformer` computes, but scene by scene: without padding,
without a B x heads x Q x N attention matrix, with the sines of the positional encoding computed once, and without that
module's zeroing of queries whose index exceeds the scene's number of points.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class PositionEncoding(nn.Module):
    """For each axis x (metres): cosines and sines of 2 pi 2^i x / wavelength for i = 0..bands-1, and x itself.

    `wavelength` is the longest one, in metres; each band halves it.
    """

    def __init__(self, wavelength: float = 1.0, bands: int = 16):
        super().__init__()
        self.register_buffer("frequencies", 2 * math.pi / wavelength * 2.0 ** torch.arange(bands), persistent=False)
        self.channels = 3 * (2 * bands + 1)

    def forward(self, coord: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch P"]:
        angles = coord[..., None] * self.frequencies
        return torch.cat([angles.cos(), angles.sin(), coord[..., None]], dim=-1).flatten(-2)


class CrossAttention(nn.Module):
    """Queries gather features of the points of their own scene."""

    def __init__(self, dim: int, num_heads: int, position_channels: int):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)
        self.position = nn.Linear(position_channels, dim // num_heads)  # shared by the heads
        self.out = nn.Linear(dim, dim)

    def forward(
        self,
        queries: Float[Tensor, "B Q D"],
        features: Float[Tensor, "N D"],
        position: Float[Tensor, "N P"],
        sizes: list[int],
        masks: list[Bool[Tensor, "Q N_b"]] | None = None,
    ) -> Float[Tensor, "B Q D"]:
        """`sizes`: the number of points N_b of each scene; they follow one another in `features`.

        `masks`: the points that each query may look at; a query that may look at none looks at all.
        """

        def heads(x: Tensor) -> Tensor:
            return x.unflatten(-1, (self.num_heads, -1)).transpose(-2, -3)  # (..., n, D) -> (..., heads, n, D / heads)

        q = heads(self.query(queries))
        k = (heads(self.key(features)) + self.position(position)).split(sizes, dim=1)
        v = heads(self.value(features)).split(sizes, dim=1)
        allowed = [mask | ~mask.any(1, keepdim=True) for mask in masks] if masks else [None] * len(sizes)
        scenes = [
            F.scaled_dot_product_attention(q[b : b + 1], k[b][None], v[b][None], attn_mask=allowed[b])
            for b in range(len(sizes))
        ]
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
    def __init__(self, dim: int, num_heads: int, dim_feedforward: int, dropout: float, position_channels: int):
        super().__init__()
        self.self_attention = nn.MultiheadAttention(dim, num_heads, dropout=dropout, batch_first=True)
        self.cross_attention = CrossAttention(dim, num_heads, position_channels)
        self.feed_forward = FeedForward(dim, dim_feedforward, dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(3))

    def forward(self, queries: Float[Tensor, "B Q D"], *scene) -> Float[Tensor, "B Q D"]:
        attended, _ = self.self_attention(queries, queries, queries, need_weights=False)
        queries = self.norms[0](queries + attended)
        queries = self.norms[1](queries + self.cross_attention(queries, *scene))
        return self.norms[2](queries + self.feed_forward(queries))


class LearnedQueries(nn.Module):
    """Q embeddings, the same for every scene: each comes to stand for a kind of place or object."""

    def __init__(self, dim: int, num_queries: int, position_channels: int):
        super().__init__()
        self.embedding = nn.Embedding(num_queries, dim)

    def forward(self, features: list[Tensor], position: list[Tensor], coord: list[Tensor]) -> Float[Tensor, "B Q D"]:
        return self.embedding.weight.expand(len(features), -1, -1)


class SampledQueries(nn.Module):
    """Each query starts as the feature and the position of one of Q points that lie far apart (as in Mask3D)."""

    def __init__(self, dim: int, num_queries: int, position_channels: int):
        super().__init__()
        self.num_queries = num_queries
        self.content = nn.Linear(dim, dim)
        self.position = nn.Linear(position_channels, dim)

    def forward(self, features: list[Tensor], position: list[Tensor], coord: list[Tensor]) -> Float[Tensor, "B Q D"]:
        queries = []
        for feature, encoded, points in zip(features, position, coord):
            first = torch.randint(len(points), ()) if self.training else 0
            chosen = farthest_points(points, self.num_queries, first)
            queries.append(self.content(feature[chosen]) + self.position(encoded[chosen]))
        return torch.stack(queries)


@torch.no_grad()
def farthest_points(coord: Float[Tensor, "N 3"], count: int, first: int = 0) -> Int[Tensor, " count"]:
    """Indices of `count` points, each the farthest from those before it; repeats once every point is taken."""
    chosen = torch.zeros(count, dtype=torch.long, device=coord.device)
    chosen[0] = first
    distance = torch.full((len(coord),), torch.inf, device=coord.device)
    for i in range(1, count):
        distance = torch.minimum(distance, (coord - coord[chosen[i - 1]]).square().sum(1))
        chosen[i] = distance.argmax()
    return chosen


QUERY_INITS = {"learned": LearnedQueries, "fps": SampledQueries}


class MaskTransformer(nn.Module):
    """Q queries, refined by `num_layers` decoder layers. `query_init` names where they start: learned or fps."""

    def __init__(
        self,
        dim: int,
        num_queries: int,
        num_heads: int,
        num_layers: int,
        dim_feedforward: int,
        dropout: float = 0.0,
        query_init: str = "learned",
        position: PositionEncoding | None = None,
        masked_attention: bool = False,
    ):
        super().__init__()
        self.dim = dim
        self.masked_attention = masked_attention
        self.position = position or PositionEncoding()
        channels = self.position.channels
        self.queries = QUERY_INITS[query_init](dim, num_queries, channels)
        self.layers = nn.ModuleList(
            DecoderLayer(dim, num_heads, dim_feedforward, dropout, channels) for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(
        self,
        features: Float[Tensor, "N D"],
        position: Float[Tensor, "N P"],
        coord: Float[Tensor, "N 3"],
        mask_features: list[Float[Tensor, "N_b D"]],
    ) -> list[Float[Tensor, "B Q D"]]:
        """The normalised queries after each layer, the last one's at the end.

        With masked attention a query of the second layer and later looks only at the mask that it had after the layer
        before (Mask2Former's idea; the product with `mask_features` is positive there).
        """
        sizes = [len(scene) for scene in mask_features]
        start = queries = self.queries(features.split(sizes), position.split(sizes), coord.split(sizes))
        layers, masks = [], None
        for index, layer in enumerate(self.layers):
            if index:  # every layer is told anew which query is which
                queries = queries + start
            queries = layer(queries, features, position, sizes, masks)
            layers.append(self.norm(queries))
            if self.masked_attention:
                masks = [(query @ scene.T).detach() > 0 for query, scene in zip(layers[-1], mask_features)]
        return layers
