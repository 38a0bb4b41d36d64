"""MaskFormer3D: backbone, query decoder, and the two heads that turn a query into a class and a mask."""

from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor, nn

from mf3d_tutorial.model.backbone import build_backbone
from mf3d_tutorial.model.decoder import MaskTransformer, PositionEncoding
from mf3d_tutorial.model.warp import Points

if TYPE_CHECKING:
    from mf3d_tutorial.config import ModelConfig

Outputs = tuple[Float[Tensor, "B Q C+1"], list[Float[Tensor, "Q N_b"]]]


class MaskFormer3D(nn.Module):
    """`logits, masks = model(points)`.

    logits (B, Q, C+1): class logits of each query, the last class is "no object".
    masks: for each scene b its (Q, N_b) mask logits, the product of every query with every point's mask feature.
    """

    def __init__(self, backbone: nn.Module, decoder: MaskTransformer, num_classes: int, mask_position: bool = False):
        super().__init__()
        dim = decoder.dim
        self.backbone = backbone
        self.decoder = decoder
        self.class_head = nn.Linear(dim, num_classes + 1)
        self.mask_head = nn.Linear(dim, dim)
        self.mask_position = nn.Linear(decoder.position.channels, dim) if mask_position else None

    def forward(self, points: Points) -> Outputs:
        """The outputs after the last decoder layer."""
        return self.forward_layers(points, last_only=True)[0]

    def forward_layers(self, points: Points, last_only: bool = False) -> list[Outputs]:
        """The outputs that each decoder layer would give, in order; only those of the last layer if so asked."""
        scene = self.backbone(points)
        features, coord = scene.feature_tensor, scene.coordinate_tensor
        position = self.decoder.position(coord)
        mask_features = self.mask_head(features)
        if self.mask_position is not None:
            mask_features = mask_features + self.mask_position(position)
        mask_features = mask_features.split(scene.offsets.diff().tolist())
        layers = self.decoder(features, position, coord, mask_features)
        return [
            (self.class_head(queries), [query @ feature.T for query, feature in zip(queries, mask_features)])
            for queries in (layers[-1:] if last_only else layers)
        ]


def build_model(config: "ModelConfig", num_classes: int) -> MaskFormer3D:
    """The model that `cfg.model` describes, for C = `num_classes` classes; ConfigError if its backbone refuses."""
    backbone = build_backbone(config.backbone, config.backbone_voxel_size, config.backbone_checkpointing)
    decoder = MaskTransformer(
        config.hidden_dim,
        config.num_queries,
        config.num_heads,
        config.num_decoders,
        config.dim_feedforward,
        config.dropout,
        config.query_init,
        PositionEncoding(config.position_wavelength, config.position_bands),
        config.masked_attention,
    )
    return MaskFormer3D(backbone, decoder, num_classes, config.mask_position)
