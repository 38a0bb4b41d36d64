"""A run of seconds: scenes of random points, a U-Net with batch norm, dropout; in this process or
in others."""

import json
import multiprocessing
from pathlib import Path

import numpy as np
import torch
from helpers import PointLinear, write_scene

from mf3d_tutorial.config import Config, load_config
from mf3d_tutorial.training.checkpoint import load_checkpoint
from mf3d_tutorial.training.engine import fit

# Forked from a server that has imported everything, so that a test does not wait for it again and
# again.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["mf3d_tutorial.training.engine"])

OPTIONS = [
    *(
        "recipe=tiny",
        "model.backbone.planes=[8,8,8,8,8,8,8,8]",
        "model.backbone.init_dim=8",
        "model.hidden_dim=8",
        "model.backbone.out_channels=8",
        "model.num_heads=2",
    ),
    *(
        "model.num_decoders=2",
        "model.feature_levels=1",
        "data.stuff_classes=[]",
        "model.num_queries=12",
        "model.dim_feedforward=16",
        "model.dropout=0.1",
    ),
    *(
        "data.voxel_size=0.05",
        "model.backbone_voxel_size=0.1",
        "train.epochs=4",
        "train.eval_every=2",
    ),
    *("train.log_every=1", "train.resume=auto", "train.save_every=0.001"),
]


class PointModel(PointLinear):
    """In the place of the U-Net, without batch norm."""

    def __init__(self, in_channels: int, out_channels: int, **_unet):
        super().__init__(in_channels, out_channels)


def write_scenes(root: Path) -> Path:
    """Five train scenes, so that the last batch of an epoch is smaller, and three val scenes large
    enough for AP."""
    for index in range(5):
        write_scene(root / "train" / f"scene{index}", points=150, seed=index)
    for index in range(3):
        instance = np.arange(900) // 300
        write_scene(
            root / "val" / f"scene{index}",
            points=900,
            seed=index,
            instance=instance,
            segment20=instance + 4,
        )
    return root


def options(scenes: Path, out: Path, *overrides: str) -> list[str]:
    return [*OPTIONS, f"paths.data_dir={scenes}", f"paths.output_dir={out}", *overrides]


def config(scenes: Path, out: Path, *overrides: str) -> Config:
    return load_config(options(scenes, out, *overrides))


def quiet(_line: str) -> None:
    pass


def run(arguments: list[str]) -> None:
    """What a process of its own does. One thread: with more, sums are not added in the same order
    every time."""
    torch.set_num_threads(1)
    # of data loader processes, as everywhere but here
    multiprocessing.set_start_method("fork", force=True)
    fit(load_config(arguments), quiet)


def start(arguments: list[str]) -> multiprocessing.Process:
    process = SERVER.Process(target=run, args=(arguments,))
    process.start()
    return process


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(folder / "last.ckpt")["model"]


def rows(folder: Path) -> list[dict]:
    """The lines of metrics.jsonl, without what depends on the clock."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [
        {k: v for k, v in line.items() if k not in ("scenes_per_second", "data_wait")}
        for line in lines
    ]
