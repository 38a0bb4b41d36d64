"""The options of a run: `load_config([...])`, the dataclasses behind it, and recipe/*.yaml and
backbone/*.yaml."""

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.config.schema import (
    AUGMENTATIONS,
    Config,
    InferenceConfig,
    ModelConfig,
    config_from_dict,
    load_config,
    plain,
    read_config,
    save_config,
)
from mf3d_tutorial.config.trust import allow_backbone

__all__ = [
    "AUGMENTATIONS",
    "Config",
    "ConfigError",
    "InferenceConfig",
    "ModelConfig",
    "allow_backbone",
    "config_from_dict",
    "load_config",
    "plain",
    "read_config",
    "save_config",
]
