"""Checkpoints: written whole or not at all, loaded without running anything that they hold."""

import os
from pathlib import Path
from typing import Any

import torch

from mf3d_tutorial.errors import UserError

FORMAT = "mf3d_tutorial checkpoint 1"


class CheckpointError(UserError):
    """A checkpoint that is missing, damaged, or of another kind."""


def save_checkpoint(state: dict[str, Any], path: str | Path) -> None:
    """Write `state` to `path`: first to a file beside it, then by one rename, so that a crash leaves the old one."""
    path = Path(path)
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(draft, "wb") as file:
            torch.save({"format": FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """The state that `save_checkpoint` wrote; CheckpointError if it is missing, damaged or not one of ours."""
    if not Path(path).is_file():
        raise CheckpointError(f"there is no checkpoint {path}")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"the checkpoint {path} is damaged or no checkpoint ({reason}): use another") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of this program: use last.ckpt or best.ckpt of a run folder")
    return state
