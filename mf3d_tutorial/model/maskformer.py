"""MaskFormer3D: backbone, query decoder, and the two heads that turn a query into a class and a
mask."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mf3d_tutorial.model.backbone import build_backbone
from mf3d_tutorial.model.decoder import Level, MaskTransformer, PositionEncoding
from mf3d_tutorial.model.levels import PointToLevels, VoxelLevel
from mf3d_tutorial.warp import Points

if TYPE_CHECKING:
    from mf3d_tutorial.config import ModelConfig

Outputs = tuple[Float[Tensor, "B Q classes"], list[Float[Tensor, "Q _"]]]


class LayerOutputs(Sequence):
    """The outputs of L decoder layers: a sequence of (logits, masks), each as `MaskFormer3D` gives
    them.

    Masks are products that are made when they are asked for. (Training on CUDA never does:
    kernels/mask_losses.py.)
    """

    def __init__(
        self,
        logits: Float[Tensor, "L B Q classes"],
        queries: Float[Tensor, "L B Q D"],
        mask_features: Float[Tensor, "N D"],
        sizes: Sequence[int],
    ):
        self.logits = logits
        self.queries = queries
        self.mask_features = mask_features
        self.sizes = tuple(sizes)

    def __len__(self) -> int:
        return len(self.logits)

    def __getitem__(self, index: int) -> Outputs:
        scenes = zip(self.queries[index], self.mask_features.split(self.sizes))
        return self.logits[index], [query @ points.T for query, points in scenes]

    def masks(self) -> list[Float[Tensor, "L Q _"]]:
        """The mask logits of all layers, scene by scene."""
        return [
            query @ points.T
            for query, points in zip(self.queries.unbind(1), self.mask_features.split(self.sizes))
        ]


class MaskFormer3D(nn.Module):
    """`logits, masks = model(points)`.

    logits (B, Q, C+1): class logits of each query, the last class is "no object". masks: for each
    scene b its (Q, N_b) mask logits, the product of every query with every point's mask feature.
    """

    def __init__(
        self,
        backbone: nn.Module,
        decoder: MaskTransformer,
        num_classes: int,
        mask_position: bool = False,
    ):
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

    def forward_layers(self, points: Points, last_only: bool = False) -> LayerOutputs:
        """The outputs that each decoder layer would give, in order; only those of the last layer if
        so asked."""
        # A class of WarpConvNet, unless the config names another: its convolutions run in warp/.
        if isinstance(self.backbone, PointToLevels) and self.backbone.names:
            scene, coarser = self.backbone.with_levels(points)
        else:
            scene, coarser = self.backbone(points), []
        features = scene.feature_tensor
        coord = scene.coordinate_tensor
        sizes = tuple(scene.offsets.diff().tolist())
        position = self.decoder.position(coord)
        mask_features = self.mask_head(features)
        if self.mask_position is not None:
            mask_features = mask_features + self.mask_position(position)
        levels = [self.level(voxels, mask_features) for voxels in coarser]
        levels.append(Level(features, position, mask_features, sizes))
        layers = self.decoder(levels, coord)
        queries = torch.stack(layers[-1:] if last_only else layers)
        return LayerOutputs(self.class_head(queries), queries, mask_features, sizes)

    def level(self, voxels: VoxelLevel, mask_features: Float[Tensor, "N D"]) -> Level:
        """Voxels with what tells whether they are in a query's mask: the mean mask feature of their
        points.

        A product with it is the mean of the points' mask logits, because both are linear.
        """
        with torch.no_grad():
            sums = torch.zeros(
                len(voxels.features), mask_features.shape[1] + 1, device=mask_features.device
            )
            sums.index_add_(
                0, voxels.voxel, nn.functional.pad(mask_features.float(), (0, 1), value=1)
            )
            means = (sums[:, :-1] / sums[:, -1:]).to(mask_features.dtype)
        return Level(voxels.features, self.decoder.position(voxels.coord), means, voxels.sizes)


def build_model(config: "ModelConfig", num_classes: int) -> MaskFormer3D:
    """The model that `cfg.model` describes, for C = `num_classes` classes; ConfigError if its
    backbone refuses."""
    options = config.backbone_checkpointing, config.feature_levels
    backbone = build_backbone(config.backbone, config.backbone_voxel_size, *options)
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
