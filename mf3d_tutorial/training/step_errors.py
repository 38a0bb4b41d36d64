"""What to say of a step that failed."""

from collections.abc import Sequence

import torch

from mf3d_tutorial.data import Batch
from mf3d_tutorial.training.distributed import world_size
from mf3d_tutorial.training.run_state import Run


def scene_names(parts: Sequence[Batch | None]) -> str:
    """The names of the scenes in these parts, for a message."""
    return ", ".join(name for part in parts if part for name in part.names)


def explain_step_error(run: Run, parts: Sequence[Batch | None], error: BaseException) -> str | None:
    """The sentence for a batch that the GPU has no room for, or that has too few voxels for batch
    norm; None for other errors."""
    if "more than 1 value per channel" in str(error):  # PyTorch's batch norm
        return (
            f"{scene_names(parts)} at step {run.step + 1}: a single voxel is left on the backbone's"
            " coarsest grid, and batch norm needs two: raise train.batch_size, lower"
            " model.backbone_voxel_size, or leave out tiny scenes"
        )
    if not isinstance(error, torch.OutOfMemoryError):
        return None
    points = sum(len(target.instance) for part in parts if part for target in part.targets)
    cure = "raise data.voxel_size, or add crop to data.augment"
    if world_size() > 1:  # several processes do not split a batch by themselves
        cure = (
            f"raise train.accumulate (now {run.cfg.train.accumulate}, at most"
            f" train.batch_size={run.cfg.train.batch_size} over the number of processes; the"
            " gradient stays the same), or data.voxel_size"
        )
    return (
        f"the GPU's memory is too small for step {run.step + 1}, {scene_names(parts)} with"
        f" {points:,} points: {cure}"
    )
