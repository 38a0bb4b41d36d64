"""Scenes: reading, thinning to voxels, augmentation, targets, batches.

Names are looked up on first use, so that the scene generator's worker processes do not import
torch.
"""

from importlib import import_module

_MODULES = {
    "Batch": "collation",
    "Scene": "scannet",
    "ScanNetScenes": "scannet",
    "collate": "collation",
    "Target": "targets",
    "build_target": "targets",
    "IGNORE_INDEX": "labels",
    "LabelSet": "labels",
    "label_set": "labels",
}
__all__ = list(_MODULES)


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
