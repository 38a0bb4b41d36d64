"""Scenes: reading, downsampling to voxels, augmentation, targets, batches.

Names are looked up on first use, so that the scene generator's worker processes do not import
torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mf3d_tutorial.data.batch import Batch, collate
    from mf3d_tutorial.data.labels import IGNORE_INDEX, LabelSet, label_set
    from mf3d_tutorial.data.scannet import ScanNetScenes, Scene
    from mf3d_tutorial.data.targets import Target, build_target

__all__ = [
    "Batch",
    "Scene",
    "ScanNetScenes",
    "collate",
    "Target",
    "build_target",
    "IGNORE_INDEX",
    "LabelSet",
    "label_set",
]


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for part in ("labels", "targets", "scannet"):  # labels first: it does without torch
        module = import_module(f"{__name__}.{part}")
        if hasattr(module, name):
            return getattr(module, name)
    return getattr(import_module(f"{__name__}.batch"), name)
