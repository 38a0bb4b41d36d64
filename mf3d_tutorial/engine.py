"""The training loop, to be read from top to bottom: fit() -> train_step(), validate().

    cfg = load_config(["recipe=tiny", "paths.data_dir=data_samples", "paths.output_dir=runs/first"])
    metrics = fit(cfg)

A run folder holds config.yaml, metrics.jsonl (a line for every `train.log_every` steps and every validation),
metrics.json (the result), last.ckpt (the newest epoch) and best.ckpt (the validation with the highest AP).
"""

import json
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler

from mf3d_tutorial.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from mf3d_tutorial.config import Config, config_from_dict, plain, save_config
from mf3d_tutorial.data import Batch, ScanNetScenes, collate
from mf3d_tutorial.data.transforms import training_augmentation
from mf3d_tutorial.errors import ConfigError, UserError
from mf3d_tutorial.inference import predict_instances
from mf3d_tutorial.losses import SetCriterion
from mf3d_tutorial.metrics import ScanNetInstanceAP
from mf3d_tutorial.model import MaskFormer3D, build_model
from mf3d_tutorial.model.warp import HAS_EXTENSION

Log = Callable[[str], None]


def fit(cfg: Config, log: Log = print) -> dict[str, Any]:
    """Train as `cfg` says and write the run folder; what metrics.json holds is returned.

    UserError before anything is written if data, config or folder cannot be used; every scene is read once for that.
    """
    device = choose_device(cfg.device)
    train_set, val_set = load_datasets(cfg)
    voxel_sizes = [size for size in (cfg.data.voxel_size, cfg.model.backbone_voxel_size) if size]
    for dataset in (train_set, val_set):
        dataset.check(min(voxel_sizes, default=None))
    run = Run.create(cfg, device, len(train_set))
    folder = RunFolder.open(cfg, run)
    log(f"{len(train_set)} train and {len(val_set)} val scenes, {run.num_parameters / 1e6:.2f} M parameters, {device}")
    log(f"run folder: {folder.path}")

    train_loader, val_loader = build_loader(cfg, train_set, shuffle=True), build_loader(cfg, val_set)
    progress = Progress(run, log)
    while run.step < run.total_steps:
        train_loader.sampler.epoch = run.epoch
        run.model.train()
        for batch in train_loader:
            losses = train_step(run, batch)
            if run.step % cfg.train.log_every == 0:
                folder.append("train", run, {"lr": run.scheduler.get_last_lr()[0], **as_numbers(losses)})
            progress.report(losses)
            if run.step == run.total_steps:
                break
        run.epoch += 1
        if cfg.train.schedule == "step":
            run.scheduler.step()
        finished = run.step == run.total_steps
        if run.epoch % cfg.train.eval_every == 0 or finished:
            metrics = validate(run.model, val_loader, run.criterion, device, run.precision)
            folder.append("val", run, metrics)
            log(f"epoch {run.epoch}: " + describe(metrics))
            if run.is_best(metrics):
                folder.save(run, "best.ckpt")
        folder.save(run, "last.ckpt")
    return folder.finish(run, progress.seconds)


def train_step(run: "Run", batch: Batch) -> dict[str, Tensor]:
    """One optimiser step on `batch`; the losses, detached. A loss that is not finite changes no weight.

    UserError, naming the scenes, after `train.max_nonfinite` such losses in a row.
    """
    options = run.cfg.train
    batch = batch.to(run.device)
    with autocast(run.device, run.precision):
        outputs = run.model.forward_layers(batch.points, last_only=run.criterion.aux_weight == 0)
        losses = run.criterion(outputs, batch.targets)
    run.step += 1
    if losses["loss"].isfinite():
        run.nonfinite = 0
        run.optimizer.zero_grad()
        run.scaler.scale(losses["loss"]).backward()
        run.scaler.unscale_(run.optimizer)
        nn.utils.clip_grad_norm_(run.model.parameters(), options.max_grad_norm)
        run.scaler.step(run.optimizer)  # skipped by itself if a gradient is not finite
        run.scaler.update()
    else:
        run.nonfinite += 1
        if run.nonfinite >= options.max_nonfinite:
            raise UserError(
                f"the loss was not finite in {run.nonfinite} steps in a row, the last one (step {run.step}) on "
                f"{', '.join(batch.names)}: lower train.lr, or set train.precision=32"
            )
    if options.schedule == "onecycle" and run.step < run.total_steps:
        with warnings.catch_warnings():
            # The first step may be skipped, by the scaler or above. The learning rate goes on all the same.
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
            run.scheduler.step()
    return {name: loss.detach() for name, loss in losses.items()}


@torch.no_grad()
def validate(
    model: MaskFormer3D, loader: DataLoader, criterion: SetCriterion, device: torch.device, precision: str = "32"
) -> dict[str, Any]:
    """Mean losses and ScanNet AP over a loader's scenes.

    AP is computed on every point of a scene, each with the prediction of the point that stands for its voxel.
    """
    model.eval()
    metric = ScanNetInstanceAP(loader.dataset.labels)
    losses = []
    for batch in loader:
        batch = batch.to(device)
        with autocast(device, precision):
            logits, masks = model(batch.points)
            losses.append(as_numbers(criterion((logits, masks), batch.targets)))
        for scene_logits, scene_masks, original in zip(logits, masks, batch.originals):
            instances = predict_instances(scene_logits, scene_masks)
            full = instances.masks.cpu().numpy()[:, original.kept]
            metric.update(full, instances.scores, instances.labels, original.segment, original.instance)
    model.train()
    means = {f"val_{name}": sum(loss[name] for loss in losses) / len(losses) for name in losses[0]}
    return {**metric.compute(), **means}


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
        draft = self.path / "metrics.json.tmp"
        draft.write_text(json.dumps(without_nan(metrics), indent=1) + "\n")
        os.replace(draft, self.path / "metrics.json")
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


class ShuffledScenes(Sampler):
    """Every scene once, in an order that depends on the seed and the epoch alone; gives `(epoch, index)`."""

    def __init__(self, num_scenes: int, seed: int):
        self.num_scenes, self.seed, self.epoch = num_scenes, seed, 0

    def __len__(self) -> int:
        return self.num_scenes

    def __iter__(self) -> Iterator[tuple[int, int]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.num_scenes, generator=generator).tolist()
        return iter([(self.epoch, index) for index in order])


def load_datasets(cfg: Config) -> tuple[ScanNetScenes, ScanNetScenes]:
    """The train and the val scenes; only the former are augmented."""
    common = {"label_set": cfg.data.label_set, "voxel_size": cfg.data.voxel_size}
    common |= {"ignore_index": cfg.data.ignore_index, "seed": cfg.seed}
    transform = training_augmentation if cfg.data.augment else None
    train_set = ScanNetScenes(cfg.paths.data_dir, "train", transform=transform, **common)
    return train_set, ScanNetScenes(cfg.paths.data_dir, "val", **common)


def build_loader(cfg: Config, dataset: ScanNetScenes, shuffle: bool = False) -> DataLoader:
    """Batches of `train.batch_size` scenes with their targets."""
    return DataLoader(
        dataset,
        batch_size=cfg.train.batch_size,
        sampler=ShuffledScenes(len(dataset), cfg.seed) if shuffle else None,
        num_workers=cfg.train.num_workers,
        collate_fn=partial(
            collate,
            num_classes=num_classes(cfg),
            stuff_classes=cfg.data.stuff_classes,
            in_features=cfg.model.in_features,
        ),
    )


def num_classes(cfg: Config) -> int:
    return 200 if cfg.data.label_set == "scannet200" else 20


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


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    return torch.autocast(device.type, dtype=torch.float16, enabled=precision == "16-mixed")


def matching_state(path: Path, cfg: Config) -> dict[str, Any]:
    """The checkpoint at `path`, if it comes from a run with this model; CheckpointError otherwise."""
    state = load_checkpoint(path)
    saved = config_from_dict(state["config"])
    if saved.model != cfg.model or saved.data.label_set != cfg.data.label_set:
        raise CheckpointError(f"{path} was trained with another model or label set: give another paths.output_dir")
    return state


def as_numbers(losses: dict[str, Tensor]) -> dict[str, float]:
    """Losses as floats, by one copy to the host."""
    return dict(zip(losses, torch.stack(list(losses.values())).tolist()))


def without_nan(value: Any) -> Any:
    """The same with None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def describe(metrics: dict[str, Any]) -> str:
    """One line: AP, AP50, AP25, loss."""
    numbers = {"AP": "ap", "AP50": "ap50", "AP25": "ap25", "loss": "val_loss"}
    return "  ".join(f"{title} {metrics[key]:.3f}" for title, key in numbers.items())


def clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
