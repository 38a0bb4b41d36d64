"""Checkpoints: written whole or not at all, loaded without running anything that they hold.

Here are the file format and the atomic write. When which checkpoint is written, and what is in it:
run_folder.py, and `Run.state_dict` in run_state.py.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import torch

from mf3d_tutorial.common.atomic_files import write_bytes
from mf3d_tutorial.common.errors import UserError
from mf3d_tutorial.config import Config, allow_backbone, config_from_dict
from mf3d_tutorial.model import MaskFormer3D, build_model

FORMAT = "mf3d_tutorial checkpoint 1"


class CheckpointError(UserError):
    """A checkpoint that is missing, damaged, or of another kind."""


class DamagedError(CheckpointError):
    """A file that no checkpoint can be read from."""


def save_checkpoint(state: dict[str, Any], path: str | Path, previous: Path | None = None) -> None:
    """Write `state` to `path`, whole or not at all: a crash leaves the old checkpoint.

    `previous`: what to call the old one; without it the old one is gone.
    """
    content = io.BytesIO()  # because torch.save turns a full disk into an error of its own
    torch.save({"format": FORMAT, **state}, content)
    write_bytes(content.getbuffer(), Path(path), previous)


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """The state that `save_checkpoint` wrote; CheckpointError if it is missing, damaged or not one
    of ours."""
    if not Path(path).is_file():
        raise CheckpointError(f"there is no checkpoint {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():  # checksums, which torch.load does not look at
                raise ValueError(f"the checksum of {damaged} is wrong")
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DamagedError(
            f"the checkpoint {path} is damaged or not a checkpoint ({reason}): use another"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is not a checkpoint of this program: use last.ckpt or best.ckpt of a run"
            " folder"
        )
    return state


def load_model(
    path: str | Path, device: str | torch.device = "cpu", trusted_backbone: str | None = None
) -> tuple[MaskFormer3D, Config]:
    """The trained model of a checkpoint, ready for inference, and the config it was trained with.

    `trusted_backbone`: a class that the checkpoint may name as its backbone, besides those of this
    package and WarpConvNet (config/trust.py). CheckpointError for anything but a checkpoint whose
    weights fit its config.
    """
    if trusted_backbone:
        allow_backbone(trusted_backbone)
    state = load_checkpoint(path, device)
    if not {"config", "model"} <= state.keys() or "class_head.bias" not in state["model"]:
        raise CheckpointError(
            f"{path} holds no config or no model of this program: use last.ckpt or best.ckpt of"
            " a run"
        )
    cfg = config_from_dict(state["config"])
    num_classes = len(state["model"]["class_head.bias"]) - 1
    model = build_model(cfg.model, num_classes).to(device).eval()
    try:
        model.load_state_dict(state["model"])
    except RuntimeError as error:
        raise CheckpointError(
            f"the weights in {path} do not fit its config ({error}): use another one"
        ) from error
    return model, cfg


def load_pretrained(model: MaskFormer3D, path: str | Path, cfg: Config) -> list[str]:
    """Give `model`, which `cfg` describes, the weights of a checkpoint; the names of the classes
    whose weights come with it.

    The class head has a row of weights per class, and one for "no object". A class that the
    checkpoint does not know keeps the row it has. CheckpointError if the weights do not fit, which
    names the model's options that differ.
    """
    state = load_checkpoint(path)
    if not {"config", "model"} <= state.keys() or "class_head.bias" not in state["model"]:
        raise CheckpointError(f"{path} holds no model: use last.ckpt or best.ckpt of a run")
    saved, names = config_from_dict(state["config"]), cfg.data.labels.names
    rows = {name: row for row, name in enumerate(saved.data.labels.names)}
    known = [(new, rows[name]) for new, name in enumerate(names) if name in rows]
    new_rows, old_rows = map(list, zip(*known, (-1, -1)))  # the last row is "no object"
    weights = dict(state["model"])
    try:
        for name in ("class_head.weight", "class_head.bias"):
            head = model.get_parameter(name).detach().clone()
            head[new_rows] = weights[name][old_rows].to(head)
            weights[name] = head
        model.load_state_dict(weights)
    except RuntimeError as error:
        there, here = vars(saved.model), vars(cfg.model)
        others = [f"model.{key}={there[key]}" for key in here if there[key] != here[key]]
        raise CheckpointError(
            f"{path} is of another model, with {', '.join(others) or error}: use the recipe,"
            " backbone and options that it was trained with, or leave train.pretrained out"
        ) from error
    return [names[new] for new, _ in known]


def strip(source: str | Path, target: str | Path) -> None:
    """Write a checkpoint for inference: no optimiser, no folder of this machine, floating-point
    weights as float16. CheckpointError if `source` holds no model."""
    state = load_checkpoint(source)
    if not {"config", "model", "best"} <= state.keys():
        raise CheckpointError(
            f"{source} holds no model that could be shared: use last.ckpt or best.ckpt of a run"
        )
    state["config"]["paths"] = {"data_dir": Path(state["config"]["paths"]["data_dir"]).name}
    if pretrained := state["config"]["train"].get("pretrained"):
        state["config"]["train"]["pretrained"] = Path(pretrained).name
    weights = {
        name: value.half() if value.is_floating_point() else value
        for name, value in state["model"].items()
    }
    save_checkpoint({"config": state["config"], "model": weights, "best": state["best"]}, target)
