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
    # The first of these does without torch.
    for module in ("labels", "targets", "scannet", "batch") if name in __all__ else ():
        if hasattr(found := import_module(f"{__name__}.{module}"), name):
            return getattr(found, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
