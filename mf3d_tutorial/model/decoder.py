"""The query decoder: learned queries look at each other and at the scene, layer by layer.

Each layer is self-attention, cross-attention, feed-forward, with a residual and a LayerNorm after each. With copied
weights it computes what `warpconvnet.models.maskformer.MaskTransformer` computes, but scene by scene: without padding,
without an attention matrix (except on CUDA, with masks or in float32), with the sines of the positional encoding
computed once, and without that module's zeroing of queries whose index exceeds the scene's number of points.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from mf3d_tutorial.model.attention import ALIGNMENT, MaskedAttention, filled, mask_bias, open_bias
from mf3d_tutorial.model.queries import QUERY_INITS
from mf3d_tutorial.warp.cuda_graphs import LayerGraphs

# Of PyTorch's attention kernels: flash where it can be had (on the CPU, in float16 on CUDA), else the plain one. Those
# left out are several times slower with 100 queries and 100,000 keys.
KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]


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
    """Queries gather features of the points of their own scene, in three steps: `ask`, `look`, `answer`.

    Only `look` sees the scene. The other two have the same shapes for every scene, so that a CUDA graph can run them.
    """

    def __init__(self, dim: int, num_heads: int, position_channels: int):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)
        self.position = nn.Linear(position_channels, dim // num_heads)  # shared by the heads
        self.out = nn.Linear(dim, dim)

    def forward(self, queries: Float[Tensor, "B Q D"], *scene) -> Float[Tensor, "B Q D"]:
        """`scene` is what `look` takes: the scene, sizes, bias."""
        return self.answer(self.look(self.ask(queries), *scene))

    def ask(self, queries: Float[Tensor, "B Q D"]) -> tuple[Tensor, ...]:
        """What `look` needs: (B, heads, Q, width + padding), and on CUDA the weights of its one product."""
        width = self.position.out_features
        q = self.query(queries).unflatten(-1, (self.num_heads, width)).transpose(1, 2)
        if not queries.is_cuda:
            return (q,)
        padding = -width % ALIGNMENT  # flash attention pads each tensor to this itself
        return F.pad(q, (0, padding)), *[x.to(q.dtype) for x in self.joint_weights(padding)]

    def look(
        self,
        question: Sequence[Tensor],
        scene: "Scene",
        sizes: list[int],
        bias: Float[Tensor, "Q columns"] | None = None,
    ) -> Float[Tensor, "B H Q d"]:
        """`scene`: each point's features and its encoded position, `side_by_side`.

        `sizes`: the number of points N_b of each scene; they follow one another in `scene`.
        `bias`: of the points that each query may look at, see `mask_bias`.
        """
        q, *joint_weights = question
        scale = self.position.out_features**-0.5
        if joint_weights and (bias is not None or q.dtype is torch.float32):
            both = self.joint_product(scene, *joint_weights)
            return MaskedAttention.apply(q, both, open_bias(sizes, both) if bias is None else bias, sizes, scale)
        k, v = self.keys_and_values(scene, sizes, *joint_weights)
        biases = [None] * len(sizes)
        if bias is not None:
            columns = bias.split([filled(size) for size in sizes], dim=1)
            biases = [some[:, :size] for some, size in zip(columns, sizes)]
        k, v = ([x[None] for x in both] for both in (k, v))  # flash attention wants 4 dimensions
        inputs = zip(q.split(1), k, v, biases)
        return torch.cat([F.scaled_dot_product_attention(*one, scale=scale) for one in inputs])

    def answer(self, gathered: Float[Tensor, "B H Q d"]) -> Float[Tensor, "B Q D"]:
        return self.out(gathered[..., : self.position.out_features].transpose(1, 2).flatten(2))

    def keys_and_values(
        self, scene: "Scene", sizes: list[int], *joint_weights: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Of each scene (heads, N_b, width + padding): key = W_k f + W_p p + b, value = W_v f."""
        if joint_weights:
            both = self.joint_product(scene, *joint_weights)
            whole = [x.split([*sizes, ALIGNMENT])[:-1] for x in both.unbind(1)]
        else:  # values have no position: in the joint product the CPU would take its time to multiply zeros
            heads = (self.num_heads, self.position.out_features)
            features, position = (column.split(sizes) for column in scene)
            keys = [self.key(f).unflatten(1, heads) + self.position(p)[:, None] for f, p in zip(features, position)]
            whole = keys, [self.value(f).unflatten(1, heads) for f in features]
        return tuple([x.transpose(0, 1) for x in scenes] for scenes in whole)

    def joint_product(self, scene: Float[Tensor, "R S"], weight: Tensor, bias: Tensor) -> Float[Tensor, "R 2 H W"]:
        """Keys and values of all R rows of a table made `side_by_side`, by its `joint_weights`."""
        return F.linear(scene, weight, bias).unflatten(1, (2, self.num_heads, -1))

    def joint_weights(self, padding: int) -> tuple[Float[Tensor, "2HW S"], Float[Tensor, " 2HW"]]:
        """Weight and bias of one product that gives keys and values, for scenes that lie `side_by_side`."""
        heads = (self.num_heads, self.position.out_features)
        key = self.key.weight.unflatten(0, heads)
        key = torch.cat([key, self.position.weight.expand(self.num_heads, -1, -1)], dim=-1)
        value = F.pad(self.value.weight.unflatten(0, heads), (0, self.position.in_features))
        bias = self.position.bias.expand(heads)
        weight = F.pad(torch.stack([key, value]), (0, -key.shape[-1] % ALIGNMENT, 0, padding))
        bias = F.pad(torch.stack([bias, torch.zeros_like(bias)]), (0, padding))
        return weight.flatten(0, 2), bias.flatten()


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
        """`scene` is what `CrossAttention.look` takes: the scene, sizes, bias."""
        queries, *question = self.ask(queries)
        return self.answer(queries, self.cross_attention.look(question, *scene))

    def ask(self, queries: Float[Tensor, "B Q D"]) -> tuple[Tensor, ...]:
        """Queries after they have looked at each other, and what they ask the scene."""
        attended, _ = self.self_attention(queries, queries, queries, need_weights=False)
        queries = self.norms[0](queries + attended)
        return queries, *self.cross_attention.ask(queries)

    def answer(self, queries: Float[Tensor, "B Q D"], gathered: Float[Tensor, "B H Q d"]) -> Float[Tensor, "B Q D"]:
        queries = self.norms[1](queries + self.cross_attention.answer(gathered))
        return self.norms[2](queries + self.feed_forward(queries))


Scene = Float[Tensor, "N S"] | tuple[Float[Tensor, "N D"], Float[Tensor, "N P"]]


def side_by_side(features: Float[Tensor, "N D"], position: Float[Tensor, "N P"]) -> Scene:
    """Features and positions for `CrossAttention`: on CUDA in one table, filled up to a multiple of 8 columns.

    Without that tensor cores cannot load whole rows, and PyTorch takes slower kernels for the products. 8 more rows, of
    zeros, are there for `MaskedAttention`, which reads beyond a scene.
    """
    if not features.is_cuda:
        return features, position
    table = torch.cat([features, position.to(features.dtype)], dim=1)
    return F.pad(table, (0, -table.shape[1] % ALIGNMENT, 0, ALIGNMENT))


class Level(NamedTuple):
    """What queries look at: K points or voxels of all scenes, K_b of scene b."""

    features: Float[Tensor, "K D"]
    position: Float[Tensor, "K P"]
    mask_features: Sequence[Float[Tensor, "K_b D"]]  # a query's product with them is its mask


class MaskTransformer(nn.Module):
    """Q queries, refined by `num_layers` decoder layers. `query_init` names where they start: learned, fps, mixed."""

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
        self.graphs = LayerGraphs()

    def record_graphs(self, num_scenes: int, num_queries: int) -> None:
        """Train with CUDA graphs (warp/cuda_graphs.py) on batches of so many scenes, under the autocast of now."""
        with sdpa_kernel(KERNELS):
            self.graphs.record(self.layers, self.norm.weight.new_zeros(num_scenes, num_queries, self.dim))

    def forward(
        self,
        features: Float[Tensor, "N D"],
        position: Float[Tensor, "N P"],
        coord: Float[Tensor, "N 3"],
        mask_features: Sequence[Float[Tensor, "N_b D"]],
        coarser: Sequence[Level] = (),
    ) -> list[Float[Tensor, "B Q D"]]:
        """The normalised queries after each layer, the last one's at the end.

        The layers look at the `coarser` levels and the points in turn (Mask3D). With masked attention a query of the
        second layer and later looks only at the mask that it had after the layer before (Mask2Former's idea; the
        product with `mask_features` is positive there).
        """
        levels = [*coarser, Level(features, position, mask_features)]
        sizes = [len(scene) for scene in mask_features]
        scenes = [side_by_side(level.features, level.position) for level in levels]
        start = queries = self.queries(features.split(sizes), position.split(sizes), coord.split(sizes))
        layers, bias = [], None
        with sdpa_kernel(KERNELS):
            for index, (layer, ask, answer) in enumerate(self.graphs.of(self.layers, queries)):
                level = levels[index % len(levels)]
                if index:  # every layer is told anew which query is which
                    queries = queries + start
                    if self.masked_attention:
                        bias = mask_bias(layers[-1], level.mask_features)
                sizes = [len(some) for some in level.mask_features]
                queries, *question = ask(queries)
                gathered = layer.cross_attention.look(question, scenes[index % len(levels)], sizes, bias)
                queries = answer(queries, gathered)
                layers.append(self.norm(queries))
        return layers
