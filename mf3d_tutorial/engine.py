"""The training loop, to be read from top to bottom: fit() -> train_step(), validate().

    cfg = load_config(["recipe=tiny", "paths.data_dir=data_samples", "paths.output_dir=runs/first"])
    metrics = fit(cfg)

A run folder holds config.yaml, metrics.jsonl (a line for every `train.log_every` steps and every validation),
metrics.json (the result), last.ckpt (the newest epoch) and best.ckpt (the validation with the highest AP).
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler

from mf3d_tutorial.config import Config
from mf3d_tutorial.data import Batch, ScanNetScenes, collate
from mf3d_tutorial.data.transforms import training_augmentation
from mf3d_tutorial.errors import UserError
from mf3d_tutorial.inference import predict_instances
from mf3d_tutorial.losses import SetCriterion
from mf3d_tutorial.metrics import ScanNetInstanceAP
from mf3d_tutorial.model import MaskFormer3D
from mf3d_tutorial.run import Log, Progress, Run, RunFolder, as_numbers, choose_device, num_classes

if TYPE_CHECKING:
    from mf3d_tutorial.viz.live import LiveViewer


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
    viewer = open_viewer(cfg, (val_set, train_set), log)
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
            viewer.update(run, losses)
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
    viewer.close()
    return folder.finish(run, progress.seconds)


def train_step(run: Run, batch: Batch) -> dict[str, Tensor]:
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
    common = {"label_set": cfg.data.labels, "voxel_size": cfg.data.voxel_size}
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


def open_viewer(cfg: Config, datasets: Sequence[ScanNetScenes], log: Log) -> "LiveViewer | SimpleNamespace":
    """The live viewer; one that does nothing unless `viz.enabled`. ConfigError if its package is missing."""
    if not cfg.viz.enabled:
        return SimpleNamespace(update=lambda run, losses: None, close=lambda: None)
    from mf3d_tutorial.viz.live import LiveViewer

    return LiveViewer(cfg, datasets, log)


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    return torch.autocast(device.type, dtype=torch.float16, enabled=precision == "16-mixed")


def describe(metrics: dict[str, Any]) -> str:
    """One line: AP, AP50, AP25, loss."""
    numbers = {"AP": "ap", "AP50": "ap50", "AP25": "ap25", "loss": "val_loss"}
    return "  ".join(f"{title} {metrics[key]:.3f}" for title, key in numbers.items())
