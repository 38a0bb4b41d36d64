"""Per-point features from any importable class: a sparse network on voxels, or one that takes
points itself."""

from typing import Any

import hydra
from torch import nn

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.model.levels import STAGES, PointToLevels
from mf3d_tutorial.warp import MinkUNetBase, PointToVoxel


def build_backbone(
    config: dict[str, Any],
    voxel_size: float | None,
    checkpointing: bool = False,
    feature_levels: int = 1,
) -> nn.Module:
    """A module `Points (in_channels) -> Points (hidden_dim)`; a MinkUNet becomes a `PointToLevels`
    of `feature_levels`.

    `config` names the class (`_target_`) and its constructor arguments. With a `voxel_size`
    (metres) the class gets Voxels: points are averaged into voxels before it, and each point takes
    its voxel's feature after it. With `checkpointing` its blocks keep only their inputs and compute
    the rest again in the backward pass.
    """
    try:
        # A `_target_` among its arguments is not called.
        backbone = hydra.utils.instantiate(config, _recursive_=False, _convert_="all")
    except Exception as error:
        cause = error.__cause__ or error
        raise ConfigError(
            f"model.backbone: {config['_target_']} refuses its arguments: {cause}"
        ) from error
    if checkpointing:
        backbone.gradient_checkpointing_enable()
    offered = 1 + len(STAGES) if voxel_size and isinstance(backbone, MinkUNetBase) else 1
    if feature_levels > offered:
        raise ConfigError(
            f"model.feature_levels={feature_levels} must be at most {offered} with"
            f" {config['_target_']}: a MinkUNet with a backbone_voxel_size has"
            f" {1 + len(STAGES)}, any other backbone 1"
        )
    if voxel_size is None:
        return backbone
    if isinstance(backbone, MinkUNetBase):
        return PointToLevels(backbone, voxel_size, feature_levels, config["out_channels"])
    return PointToVoxel(backbone, voxel_size=voxel_size, concat_unpooled_pc=False)
