"""The query decoder: queries attend to each other and to the scene, layer by layer.

Each layer is self-attention, cross-attention, feed-forward, with a residual and a LayerNorm after
each. With copied weights it computes what `warpconvnet.models.maskformer.MaskTransformer` computes,
but without padding, without an attention matrix, with the sines of the positional encoding computed
once, and without that module's zeroing of queries whose index exceeds the scene's number of points.
"""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel

from mf3d_tutorial.kernels.cuda_graphs import LayerGraphs, Step
from mf3d_tutorial.model.attention import AttentionMask, attend, attention_mask
from mf3d_tutorial.model.queries import QUERY_INITS

# Of PyTorch's attention kernels: flash where it can be had (on the CPU, and among queries in
# float16 on CUDA), else the plain one. Those left out are several times slower with 100 queries and
# 100,000 keys.
KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]


class PositionEncoding(nn.Module):
    """For each axis x (metres): cosines and sines of 2 pi 2^i x / wavelength for i = 0..bands-1,
    and x itself.

    `wavelength` is the longest one, in metres; each band halves it.
    """

    frequencies: Tensor

    def __init__(self, wavelength: float = 1.0, bands: int = 16):
        super().__init__()
        self.register_buffer(
            "frequencies", 2 * math.pi / wavelength * 2.0 ** torch.arange(bands), persistent=False
        )
        self.channels = 3 * (2 * bands + 1)

    def forward(self, coord: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch P"]:
        """P = 3 (2 bands + 1) numbers for each position in metres."""
        angles, bands = coord[..., None] * self.frequencies, len(self.frequencies)
        encoded = coord.new_empty(*coord.shape, 2 * bands + 1)
        torch.cos(angles, out=encoded[..., :bands])
        torch.sin(angles, out=encoded[..., bands : 2 * bands])
        encoded[..., 2 * bands] = coord
        return encoded.flatten(-2)


class CrossAttention(nn.Module):
    """The projections of cross-attention, by which queries gather features of their scene's points.

    It has no `forward`: `DecoderLayer` calls `project_queries`, then `attend` (attention.py), then
    `project_output`.
    """

    def __init__(self, dim: int, num_heads: int, position_channels: int):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)
        self.position = nn.Linear(position_channels, dim // num_heads)  # shared by the heads
        self.out = nn.Linear(dim, dim)

    def project_queries(self, queries: Float[Tensor, "B Q D"]) -> Float[Tensor, "B Q H d"]:
        """Each head's query vectors."""
        return self.query(queries).unflatten(-1, (self.num_heads, -1))

    def keys_and_values(
        self, features: Float[Tensor, "N D"], position: Float[Tensor, "N P"]
    ) -> Float[Tensor, "N 2 H d"]:
        """key = W_k f + W_p p + b, value = W_v f, for each head."""
        heads = (self.num_heads, -1)
        key = self.key(features).unflatten(-1, heads) + self.position(position)[:, None]
        return torch.stack([key, self.value(features).unflatten(-1, heads)], dim=1)

    def project_output(self, attended: Float[Tensor, "B Q H d"]) -> Float[Tensor, "B Q D"]:
        """The heads' results as one vector."""
        return self.out(attended.flatten(2))


def attend_to_each_other(
    m: nn.MultiheadAttention, queries: Float[Tensor, "B Q D"]
) -> Float[Tensor, "B Q D"]:
    """What `m(queries, queries, queries)` gives, without its copies: it puts queries before scenes,
    and back, and takes the projections apart one by one."""
    heads = F.linear(queries, m.in_proj_weight, m.in_proj_bias).unflatten(
        -1, (3, m.num_heads, m.head_dim)
    )
    # Flash attention takes a multiple of 8 channels; PyTorch would fill up q, k and v one by one.
    q, k, v = F.pad(heads, (0, -m.head_dim % 8)).permute(2, 0, 3, 1, 4)  # (B, H, Q, d) each
    dropout = m.dropout if m.training else 0.0
    attended = F.scaled_dot_product_attention(
        q, k, v, dropout_p=dropout, scale=m.head_dim**-0.5
    ).transpose(1, 2)
    return m.out_proj(attended[..., : m.head_dim].flatten(2))


class FeedForward(nn.Module):
    """Two linear layers with a GELU and dropout between them."""

    def __init__(self, dim: int, hidden: int, dropout: float):
        super().__init__()
        self.inner = nn.Linear(dim, hidden)
        self.dropout = nn.Dropout(dropout)
        self.outer = nn.Linear(hidden, dim)

    def forward(self, x: Float[Tensor, "B Q D"]) -> Float[Tensor, "B Q D"]:
        """Each query by itself."""
        return self.outer(self.dropout(F.gelu(self.inner(x))))


class DecoderLayer(nn.Module):
    """Self-attention, cross-attention, feed-forward network; a residual and a LayerNorm after
    each."""

    def __init__(
        self, dim: int, num_heads: int, dim_feedforward: int, dropout: float, position_channels: int
    ):
        super().__init__()
        self.self_attention = nn.MultiheadAttention(
            dim, num_heads, dropout=dropout, batch_first=True
        )
        self.cross_attention = CrossAttention(dim, num_heads, position_channels)
        self.feed_forward = FeedForward(dim, dim_feedforward, dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(3))

    def forward(
        self,
        queries: Float[Tensor, "B Q D"],
        keys_and_values: Float[Tensor, "N 2 H d"],
        sizes: Sequence[int],
        mask: AttentionMask | None = None,
        graphed: tuple[Step, Step] | None = None,
    ) -> Float[Tensor, "B Q D"]:
        """`keys_and_values` (see `CrossAttention`) of all scenes' points, the `sizes[b]` of scene b
        together. `mask`: the points that each query may attend to. `graphed`: the two steps below
        as CUDA graphs, which compute the same."""
        plain = self.self_attention_step, self.feed_forward_step
        self_attention_step, feed_forward_step = graphed or plain
        queries, q = self_attention_step(queries)
        attended = attend(q, keys_and_values, sizes, mask)
        return feed_forward_step(queries, attended)

    def self_attention_step(
        self, queries: Float[Tensor, "B Q D"]
    ) -> tuple[Float[Tensor, "B Q D"], Float[Tensor, "B Q H d"]]:
        """The queries after self-attention, and their projection for each head of cross-attention.

        Independent of the scene, with the same shapes in every step, so that a CUDA graph can run
        it.
        """
        attended = attend_to_each_other(self.self_attention, queries)
        queries = self.norms[0](queries + attended)
        return queries, self.cross_attention.project_queries(queries)

    def feed_forward_step(
        self, queries: Float[Tensor, "B Q D"], attended: Float[Tensor, "B Q H d"]
    ) -> Float[Tensor, "B Q D"]:
        """The queries after cross-attention's result `attended` is added, and after the
        feed-forward network. Independent of the scene, too."""
        queries = self.norms[1](queries + self.cross_attention.project_output(attended))
        return self.norms[2](queries + self.feed_forward(queries))


class Level(NamedTuple):
    """K points or voxels of all scenes, to which queries attend; the `sizes[b]` of scene b stand
    together."""

    features: Float[Tensor, "K D"]
    position: Float[Tensor, "K P"]
    mask_features: Float[Tensor, "K D"]  # a query's product with them is its mask
    sizes: tuple[int, ...]


class JointProjection:
    """Keys and values of all layers on CUDA, where one product of a wide, aligned table beats three
    of narrow ones.

    A level's table holds features and positions side by side, filled up with zeros to a multiple of
    8 columns: tensor cores load rows of so many. (On the CPU multiplying the zeros would cost more
    than it saves.)
    """

    def __init__(self, layers: nn.ModuleList, levels: Sequence[Level]):
        cross = [cast(CrossAttention, layer.cross_attention) for layer in layers]
        self.num_heads, padding = cross[0].num_heads, -sum(x.shape[1] for x in levels[0][:2]) % 8
        self.tables = [
            torch.cat([x, position.to(x.dtype), x.new_zeros(len(x), padding)], dim=1)
            for x, position, *_ in levels
        ]
        key, value, position_weight = (
            torch.stack([getattr(layer, name).weight for layer in cross])
            for name in ("key", "value", "position")
        )
        channels = position_weight.shape[2] + padding
        position_weight = F.pad(position_weight, (0, padding)).repeat(1, self.num_heads, 1)
        key = torch.cat([key, position_weight], dim=2)
        weight = torch.cat([key, F.pad(value, (0, channels))], dim=1)
        bias = torch.stack([layer.position.bias for layer in cross]).repeat(1, self.num_heads)
        bias = F.pad(bias, (0, value.shape[1]))
        self.weights = weight.to(self.tables[0].dtype).unbind()
        self.biases = bias.to(self.tables[0].dtype).unbind()

    def not_kept(
        self, keys_and_values: Float[Tensor, "K 2 H d"], layer: int, level: int
    ) -> saved_tensors_hooks:
        """While it is on, autograd does not keep these for the backward pass, which makes them
        again: a product takes less time than its result takes memory."""
        made = keys_and_values.data_ptr(), keys_and_values.shape
        # The backward pass runs without the autocast of the forward pass.
        half, dtype = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")

        @torch.no_grad()
        def again() -> Tensor:
            with torch.autocast("cuda", dtype, enabled=half):
                return self.keys_and_values(layer, level)

        return saved_tensors_hooks(
            # Detached: a node that kept its own output would keep itself.
            lambda x: again if (x.data_ptr(), x.shape) == made else x.detach(),
            lambda kept: again() if kept is again else kept,
        )

    def keys_and_values(self, layer: int, level: int) -> Float[Tensor, "K 2 H d"]:
        """Keys and values of one layer for one level, as by `CrossAttention.keys_and_values`."""
        both = F.linear(self.tables[level], self.weights[layer], self.biases[layer])
        return both.unflatten(1, (2, self.num_heads, -1))


class MaskTransformer(nn.Module):
    """Q queries, refined by `num_layers` decoder layers. `query_init` names where they start:
    learned, fps, mixed."""

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
            DecoderLayer(dim, num_heads, dim_feedforward, dropout, channels)
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(dim)
        self.graphs = LayerGraphs()

    def record_graphs(self, num_scenes: int, num_queries: int) -> None:
        """Train with CUDA graphs (kernels/cuda_graphs.py) on batches of so many scenes, under the
        autocast of now."""
        with sdpa_kernel(KERNELS):
            self.graphs.record(
                self.layers, self.norm.weight.new_zeros(num_scenes, num_queries, self.dim)
            )

    def forward(
        self, levels: Sequence[Level], coord: Float[Tensor, "N 3"]
    ) -> list[Float[Tensor, "B Q D"]]:
        """The normalised queries after each layer, the last one's at the end.

        The layers attend to the levels in turn (Mask3D); the last level is the points, at `coord`
        (metres). With masked attention a query of the second layer and later attends only to the
        mask that it had after the layer before (Mask2Former's idea; the product with
        `mask_features` is positive there).
        """
        features, position, _, sizes = levels[-1]
        start = queries = self.queries(features, position, coord, sizes)
        joint = JointProjection(self.layers, levels) if queries.is_cuda else None
        layers, mask = [], None
        with sdpa_kernel(KERNELS):
            graphed = self.graphs.graphed_or_none(self.layers, queries)
            for index, layer in enumerate(cast("list[DecoderLayer]", self.layers)):
                level = index % len(levels)
                features, position, mask_features, sizes = levels[level]
                if index:  # add the first queries again, as DETR adds `query_pos` in every layer
                    queries = queries + start
                    if self.masked_attention:
                        mask = attention_mask(layers[-1], mask_features, sizes)
                keep = nullcontext()
                if joint:
                    keys_and_values = joint.keys_and_values(index, level)
                    keep = joint.not_kept(keys_and_values, index, level)
                else:
                    keys_and_values = layer.cross_attention.keys_and_values(features, position)
                with keep:
                    queries = layer(queries, keys_and_values, sizes, mask, graphed[index])
                layers.append(self.norm(queries))
        return layers
