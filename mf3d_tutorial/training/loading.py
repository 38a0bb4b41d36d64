"""What a run reads: its datasets, checked before it begins, and the loaders of their batches."""

import os
from functools import partial

from torch.utils.data import DataLoader

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.config import Config
from mf3d_tutorial.data import ScanNetScenes, collate
from mf3d_tutorial.data.batch_sampler import SceneBatchSampler
from mf3d_tutorial.data.loader_parts import (
    BatchMaker,
    default_signals,
    little_shared_memory,
)
from mf3d_tutorial.data.transforms import augmentation
from mf3d_tutorial.training.distributed import on_main, rank, world_size
from mf3d_tutorial.training.run_state import Log
from mf3d_tutorial.warp.device import choose_device

Datasets = tuple[ScanNetScenes, ScanNetScenes]


def load_datasets(cfg: Config) -> Datasets:
    """The train and the val scenes; only the former are augmented."""
    common = {"label_set": cfg.data.labels, "voxel_size": cfg.data.voxel_size}
    common |= {"ignore_index": cfg.data.ignore_index, "seed": cfg.seed}
    train_set = ScanNetScenes(
        cfg.paths.data_dir, "train", transform=augmentation(cfg.data.augment), **common
    )
    return train_set, ScanNetScenes(cfg.paths.data_dir, "val", **common)


def check_data(cfg: Config, datasets: Datasets, log: Log = print) -> None:
    """UserError if a scene cannot be used, or if the scenes of a step cannot be dealt to all
    processes. `log` is told what was changed in scenes."""
    options, parts = cfg.train, world_size() * cfg.train.accumulate
    if options.batch_size < parts:
        raise ConfigError(
            f"train.batch_size={options.batch_size} leaves some of {world_size()} processes x"
            f" train.accumulate={options.accumulate} without a scene: give a multiple of {parts}"
        )
    last = len(datasets[0]) % options.batch_size
    if options.sync_batchnorm and world_size() > 1 and 0 < last < parts:
        raise ConfigError(
            f"train.batch_size={options.batch_size} leaves {last} of {len(datasets[0])} scenes for"
            f" the last step of an epoch, too few for {world_size()} processes x"
            f" train.accumulate={options.accumulate}, which train.sync_batchnorm needs: give"
            " another train.batch_size"
        )
    voxel_sizes = [size for size in (cfg.data.voxel_size, cfg.model.backbone_voxel_size) if size]
    for dataset, keep in zip(datasets, (cfg.data.cache, False)):
        smallest, queries = min(voxel_sizes, default=None), cfg.model.num_queries
        dataset.check(smallest, cfg.data.stuff, queries, log, keep)


def build_loader(
    cfg: Config, dataset: ScanNetScenes, shuffle: bool = False, log: Log = print
) -> DataLoader:
    """Batches with their targets: the parts of `SceneBatchSampler`, without end, or this process's
    scenes in order. `log` is told if the system has little shared memory."""
    parts, num_scenes = cfg.train.accumulate, len(dataset)
    mine = range(rank(), num_scenes, world_size())
    size = -(-cfg.train.batch_size // (world_size() * parts))
    make_batch = partial(
        collate,
        num_classes=len(cfg.data.labels),
        stuff_classes=cfg.data.stuff,
        in_features=cfg.model.in_features,
        originals=not shuffle,
    )
    sentence = little_shared_memory() if loader_processes(cfg) > 0 else ""
    if sentence and shuffle:
        log(sentence)
    return DataLoader(
        dataset,
        batch_sampler=(
            SceneBatchSampler(
                num_scenes,
                cfg.train.batch_size,
                parts,
                cfg.seed,
                rank(),
                world_size(),
                on_main(dataset.sizes),
            )
            if shuffle
            else [list(mine[first : first + size]) for first in range(0, len(mine), size)]
        ),
        num_workers=loader_processes(cfg),
        pin_memory=choose_device(cfg.device).type == "cuda",
        persistent_workers=shuffle and loader_processes(cfg) > 0,
        worker_init_fn=default_signals,
        collate_fn=BatchMaker(make_batch, as_bytes=bool(sentence)),
    )


def loader_processes(cfg: Config) -> int:
    """`train.num_workers`, or on a small host one fewer than this process's share of its cores."""
    share = len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    return min(cfg.train.num_workers, max(share - 1, 1))
