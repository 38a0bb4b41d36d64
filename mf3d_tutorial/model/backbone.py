"""Per-point features from any importable class: a sparse network on voxels, or one that takes points itself."""

from typing import Any

import hydra
from torch import nn

from mf3d_tutorial.errors import ConfigError
from mf3d_tutorial.model.warp import PointToVoxel


def build_backbone(config: dict[str, Any], voxel_size: float | None) -> nn.Module:
    """A module `Points (in_channels) -> Points (hidden_dim)`.

    `config` names the class (`_target_`) and its constructor arguments. With a `voxel_size` (metres) the class gets
    Voxels: points are averaged into voxels before it, and each point takes its voxel's feature after it.
    """
    try:
        backbone = hydra.utils.instantiate(config, _recursive_=False)  # a `_target_` among its arguments is not called
    except Exception as error:
        cause = error.__cause__ or error
        raise ConfigError(f"model.backbone: {config['_target_']} refuses its arguments: {cause}") from error
    if voxel_size is None:
        return backbone
    return PointToVoxel(backbone, voxel_size=voxel_size, concat_unpooled_pc=False)
