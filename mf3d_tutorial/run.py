"""The state of a run, its folder, and its progress line: what the loop in engine.py works on."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mf3d_tutorial.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from mf3d_tutorial.config import Config, config_from_dict, plain, save_config
from mf3d_tutorial.errors import ConfigError
from mf3d_tutorial.files import without_nan, write_json
from mf3d_tutorial.losses import SetCriterion
from mf3d_tutorial.model import MaskFormer3D, build_model
from mf3d_tutorial.model.warp import HAS_EXTENSION

Log = Callable[[str], None]


@dataclass
class Run:
    """Everything that changes while a model is trained."""

    cfg: Config
    device: torch.device
    precision: str
    model: MaskFormer3D
    criterion: SetCriterion
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    scaler: torch.amp.GradScaler
    total_steps: int
    epoch: int = 0
    step: int = 0
    nonfinite: int = 0
    best: dict[str, Any] = field(default_factory=dict)  # the validation with the highest AP so far

    @classmethod
    def create(cls, cfg: Config, device: torch.device, num_scenes: int) -> "Run":
        """A new run: seeded weights, AdamW, the learning-rate schedule, a gradient scaler for fp16."""
        torch.manual_seed(cfg.seed)
        model = build_model(cfg.model, num_classes(cfg)).to(device)
        train = cfg.train
        precision = choose_precision(train.precision, device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=train.lr, weight_decay=train.weight_decay)
        total_steps = train.epochs * math.ceil(num_scenes / train.batch_size)
        total_steps = min(total_steps, train.max_steps or total_steps)
        if train.schedule == "step":
            scheduler = torch.optim.lr_scheduler.StepLR(optimizer, train.step_size, train.gamma)
        else:
            scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, train.lr, total_steps=total_steps)
        scaler = torch.amp.GradScaler(device.type, enabled=precision == "16-mixed")
        weights = {key: getattr(cfg.loss, key) for key in cfg.loss.__dataclass_fields__}
        criterion = SetCriterion(**weights)
        return cls(cfg, device, precision, model, criterion, optimizer, scheduler, scaler, total_steps)

    @property
    def num_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    def is_best(self, metrics: dict[str, Any]) -> bool:
        """Whether these are the best metrics so far (by AP; by loss where no class has an AP); keeps them if so."""

        def rank(values: dict[str, Any]) -> tuple[float, float]:
            return (-1.0 if math.isnan(values["ap"]) else values["ap"], -values["val_loss"])

        if self.best and rank(metrics) <= rank(self.best):
            return False
        self.best = {**metrics, "epoch": self.epoch, "step": self.step}
        return True

    _STATEFUL = ("model", "optimizer", "scheduler", "scaler")

    def state_dict(self) -> dict[str, Any]:
        state = {name: getattr(self, name).state_dict() for name in self._STATEFUL}
        state |= {name: getattr(self, name) for name in ("epoch", "step", "best")}
        cuda = torch.cuda.get_rng_state_all() if self.device.type == "cuda" else []
        return {**state, "config": plain(self.cfg), "rng": {"cpu": torch.get_rng_state(), "cuda": cuda}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in self._STATEFUL:
            getattr(self, name).load_state_dict(state[name])
        self.epoch, self.step, self.best = state["epoch"], state["step"], state["best"]
        torch.set_rng_state(state["rng"]["cpu"].cpu())
        if self.device.type == "cuda" and len(state["rng"]["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all([rng.cpu() for rng in state["rng"]["cuda"]])


class RunFolder:
    """The files of a run."""

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def open(cls, cfg: Config, run: Run) -> "RunFolder":
        """The folder of a new run, or of one to go on with, which is then loaded into `run`."""
        path = Path(cfg.paths.output_dir).expanduser()
        last = path / "last.ckpt"
        if last.exists() and cfg.train.resume == "never":
            raise ConfigError(
                f"{path} already holds a run: give another paths.output_dir, or train.resume=auto to go on with it"
            )
        if last.exists():
            run.load_state_dict(matching_state(last, cfg))
        try:
            path.mkdir(parents=True, exist_ok=True)
            save_config(cfg, path / "config.yaml")
            (path / "metrics.jsonl").touch()
        except OSError as error:
            raise ConfigError(
                f"the run folder {path} cannot be written ({error.strerror}): give another paths.output_dir"
            ) from error
        return cls(path)

    def append(self, kind: str, run: Run, values: dict[str, Any]) -> None:
        """Add one line to metrics.jsonl."""
        row = {"kind": kind, "epoch": run.epoch, "step": run.step, **values}
        with open(self.path / "metrics.jsonl", "a") as file:
            file.write(json.dumps(without_nan(row)) + "\n")

    def save(self, run: Run, name: str) -> None:
        save_checkpoint(run.state_dict(), self.path / name)

    def finish(self, run: Run, seconds: float) -> dict[str, Any]:
        """Write metrics.json, whole or not at all: the best validation, and what it took."""
        metrics = {**run.best, "epochs": run.epoch, "steps": run.step, "parameters": run.num_parameters}
        metrics |= {"train_seconds": round(seconds, 1), "device": str(run.device), "recipe": run.cfg.recipe}
        write_json(metrics, self.path / "metrics.json")
        return metrics


class Progress:
    """One line every few seconds: where the run is, its loss, the time left."""

    def __init__(self, run: Run, log: Log, every_seconds: float = 10.0):
        self.run, self.log, self.every = run, log, every_seconds
        self.start = self.last = time.monotonic()
        self.first_step = run.step

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    def report(self, losses: dict[str, Tensor]) -> None:
        now = time.monotonic()
        if now - self.last < self.every:
            return
        self.last = now
        run, numbers = self.run, as_numbers(losses)
        left = (now - self.start) / (run.step - self.first_step) * (run.total_steps - run.step)
        terms = "  ".join(f"{name} {numbers[name]:.3f}" for name in ("loss", "cls", "bce", "dice"))
        self.log(f"epoch {run.epoch + 1}  step {run.step}/{run.total_steps}  {terms}  {clock(left)} left")


def num_classes(cfg: Config) -> int:
    return len(cfg.data.labels)


def choose_device(name: str) -> torch.device:
    """The device called `name`; "auto" is CUDA where WarpConvNet's extension is there, else the CPU."""
    works = HAS_EXTENSION and torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if works else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device={name} is not one of auto, cpu, cuda, cuda:N") from None
    if device.type == "cuda" and not works:
        raise ConfigError(
            f"device={name} needs a GPU and WarpConvNet's CUDA extension: run `python -m mf3d_tutorial.check_env`, or "
            "leave device=auto"
        )
    return device


def choose_precision(name: str, device: torch.device) -> str:
    if name == "auto":
        return "16-mixed" if device.type == "cuda" else "32"
    if name == "16-mixed" and device.type != "cuda":
        raise ConfigError("train.precision=16-mixed needs CUDA: use train.precision=32 on the CPU")
    return name


def matching_state(path: Path, cfg: Config) -> dict[str, Any]:
    """The checkpoint at `path`, if it comes from a run with this model; CheckpointError otherwise."""
    state = load_checkpoint(path)
    saved = config_from_dict(state["config"])
    if saved.model != cfg.model or saved.data.labels != cfg.data.labels:
        raise CheckpointError(f"{path} was trained with another model or label set: give another paths.output_dir")
    return state


def as_numbers(losses: dict[str, Tensor]) -> dict[str, float]:
    """Losses as floats, by one copy to the host."""
    return dict(zip(losses, torch.stack(list(losses.values())).tolist()))


def clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
