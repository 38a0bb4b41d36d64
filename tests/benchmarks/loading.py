"""What a data loader's process does for a room in memory, on one core.

    python -m tests.benchmarks.loading                       # recipe=strong, rooms are generated
    python -m tests.benchmarks.loading --data data/rooms 'data.augment=[flip,rotation,noise]'

Milliseconds per room of each change of `data.augment`, and of `collate`, which builds the targets,
too: the median of `--passes` passes over all rooms, after one of warm-up. The last line says how
many such cores keep up with a GPU.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np
import torch

from mf3d_tutorial.common.errors import exit_on_user_error
from mf3d_tutorial.config import Config, load_config
from mf3d_tutorial.data import ScanNetScenes, collate
from mf3d_tutorial.data.transforms import AUGMENTATIONS
from tests.benchmarks.rooms import rooms_in


def one_pass(dataset: ScanNetScenes, cfg: Config, epoch: int) -> dict[str, float]:
    """Milliseconds per room of each part, and of all."""
    seconds: dict[str, float] = defaultdict(float)
    scenes = []
    for index, scene in enumerate(dataset.in_memory):
        rng = np.random.default_rng((cfg.seed, epoch, index))
        for name in cfg.data.augment:
            before = time.perf_counter()
            scene = AUGMENTATIONS[name](scene, rng)
            seconds[name] += time.perf_counter() - before
        scenes.append(scene)
    options = len(cfg.data.labels), cfg.data.stuff, cfg.model.in_features
    for first in range(0, len(scenes), cfg.train.batch_size):
        before = time.perf_counter()
        collate(scenes[first : first + cfg.train.batch_size], *options, originals=False)
        seconds["collate"] += time.perf_counter() - before
    seconds["all"] = sum(seconds.values())
    return {name: 1e3 * total / len(dataset) for name, total in seconds.items()}


@exit_on_user_error
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, help="a dataset; without it, rooms of ScanNet's size are generated"
    )
    parser.add_argument("--rooms", type=int, default=48, help="how many are generated")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--rate", type=float, default=400, help="rooms per second of a GPU")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    arguments = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        data = arguments.data or rooms_in(Path(made), arguments.rooms)
        cfg = load_config([f"paths.data_dir={data}", "recipe=strong", *arguments.overrides])
        dataset = ScanNetScenes(data, "train", cfg.data.labels, cfg.data.voxel_size)
        dataset.keep_in_memory()
    points = np.mean([len(scene.coord) for scene in dataset.in_memory])
    print(f"{len(dataset)} rooms of {points:,.0f} points at {cfg.data.voxel_size} m")
    passes = [one_pass(dataset, cfg, epoch) for epoch in range(1 + arguments.passes)][1:]
    parts = {name: median(each[name] for each in passes) for name in passes[0]}
    for name, milliseconds in parts.items():
        print(f"{name:>10} {milliseconds:7.2f} ms")
    cores = arguments.rate * parts["all"] / 1e3
    print(f"{arguments.rate:g} rooms per second take {cores:.1f} cores")


if __name__ == "__main__":
    main()
