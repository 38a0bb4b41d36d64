"""The table of docs/results/backbones.md: parameters, time and memory of a step, CPU seconds, AP
after some minutes.

    python -m tests.benchmarks.backbones --rows backbones.json                   # everything but AP
    python -m tests.benchmarks.backbones --rows backbones.json --data data/rooms --minutes 10
    python -m tests.benchmarks.backbones --rows cpu.json --device cpu --only minkunet_1m,pointmlp

Each number is written to the file --rows when it is measured; a second call measures what is
missing. Steps take one batch of two rooms of --data (without it, rooms of ScanNet's size are
generated), after as many steps of warm-up, in which WarpConvNet benchmarks its kernels. CPU seconds
are those of one prediction, at twice the voxel size. AP is that of the validation rooms after
--minutes of training with recipe=strong and any further `key=value`.
"""

import argparse
import gc
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from mf3d_tutorial.common.atomic_files import write_json
from mf3d_tutorial.common.errors import exit_on_user_error
from mf3d_tutorial.config import Config, load_config
from mf3d_tutorial.config.options import BACKBONES
from mf3d_tutorial.training.engine import build_loader, fit, load_datasets, train_step
from mf3d_tutorial.training.run_state import Run
from mf3d_tutorial.warp.device import choose_device
from tests.benchmarks.learning import warm_up
from tests.benchmarks.rooms import rooms_in

COLUMNS = {
    "parameters": "M parameters",
    "ms": "ms per step",
    "gb": "GB",
    "checkpointing_ms": "ms, checkpointing",
}
COLUMNS |= {
    "checkpointing_gb": "GB, checkpointing",
    "cpu_seconds": "CPU s a room",
    "ap": "AP",
    "ap50": "AP50",
}
WITHOUT_CHECKPOINTING = ("volt", "pointmlp", "dgcnn")


def config(name: str, arguments: argparse.Namespace, *options: str) -> Config:
    """Voxels of the backbone, if it takes any, are those of the data."""
    cfg = load_config([f"paths.data_dir={arguments.data}", f"backbone={name}", *options])
    cfg.model.backbone_voxel_size = cfg.model.backbone_voxel_size and cfg.data.voxel_size
    return cfg


def steps(name: str, arguments: argparse.Namespace, *options: str) -> dict[str, float]:
    """Milliseconds and, on CUDA, GB of a step on two rooms, without what was in use before (cuBLAS
    keeps some)."""
    gc.collect()
    held = torch.cuda.memory_allocated()
    cfg = config(
        name, arguments, f"data.voxel_size={arguments.voxel_size}", "train.num_workers=0", *options
    )
    train_set, _ = load_datasets(cfg)
    train_set.folders = train_set.folders[:2]
    device, seconds = torch.device(arguments.device), []
    run, batch = Run.create(cfg, device, 2), next(iter(build_loader(cfg, train_set))).to(device)
    for index in range(2 * arguments.steps):
        if index == arguments.steps and device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        train_step(run, batch)["loss"].item()
        seconds.append(time.perf_counter() - start)
    row = {
        "ms": 1e3 * median(seconds[arguments.steps :]),
        "points": len(batch.points.coordinate_tensor),
    }
    row["parameters"] = (
        sum(parameter.numel() for parameter in run.model.backbone.parameters()) / 1e6
    )
    return row | (
        {"gb": (torch.cuda.max_memory_allocated() - held) / 1e9} if device.type == "cuda" else {}
    )


def checkpointed_steps(name: str, arguments: argparse.Namespace) -> dict[str, float]:
    row = (
        {}
        if name in WITHOUT_CHECKPOINTING
        else steps(name, arguments, "model.backbone_checkpointing=true")
    )
    return {f"checkpointing_{key}": row[key] for key in ("ms", "gb") if key in row}


@torch.no_grad()
def prediction_on_the_cpu(name: str, arguments: argparse.Namespace) -> dict[str, float]:
    cfg = config(
        name, arguments, f"data.voxel_size={2 * arguments.voxel_size}", "train.num_workers=0"
    )
    loader, seconds = build_loader(cfg, load_datasets(cfg)[1]), []
    points = loader.collate_fn([loader.dataset[0]]).points
    model = Run.create(cfg, torch.device("cpu"), 1).model.eval()
    for _ in range(3):
        start = time.perf_counter()
        model(points)
        seconds.append(time.perf_counter() - start)
    return {"cpu_seconds": median(seconds), "cpu_points": len(points.coordinate_tensor)}


def training(name: str, arguments: argparse.Namespace) -> dict[str, float]:
    """AP after --minutes of a run that goes on where it was stopped."""
    options = [
        "recipe=strong",
        f"train.minutes={arguments.minutes}",
        "train.epochs=10000",
        "train.eval_every=10000",
    ]
    options += [
        f"device={arguments.device}",
        f"paths.output_dir={arguments.rows.with_suffix('') / name}",
    ]
    cfg = config(name, arguments, *options, "train.resume=auto", *arguments.overrides)
    warm_up(cfg, arguments.steps)
    metrics = fit(cfg)
    return {key: metrics[key] for key in ("ap", "ap50", "steps")} | {"minutes": arguments.minutes}


STAGES = {
    stage.__name__: stage for stage in (steps, checkpointed_steps, prediction_on_the_cpu, training)
}


def measure(arguments: argparse.Namespace) -> dict[str, dict]:
    rows = json.loads(arguments.rows.read_text()) if arguments.rows.exists() else {}
    stages = [stage for stage in arguments.stages if stage != "training" or arguments.minutes]
    for stage, name in itertools.product(stages, arguments.only.split(",")):
        done = rows.setdefault(name, {}).setdefault("done", [])
        if stage in done:
            continue
        try:
            rows[name] |= STAGES[stage](name, arguments)
            done.append(stage)
        except (
            Exception
        ) as error:  # the other backbones go on, and the next run tries this one again
            print(f"{name}: {stage} failed: {error}", file=sys.stderr)
        write_json(rows, arguments.rows)
        print(name, rows[name], flush=True)
    return rows


@exit_on_user_error
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=Path, required=True, help="JSON file of the numbers")
    parser.add_argument(
        "--stages", nargs="+", choices=STAGES, default=list(STAGES), help="what to measure [all]"
    )
    parser.add_argument("--only", default=",".join(BACKBONES), help="their names [%(default)s]")
    parser.add_argument("--data", type=Path, help="a dataset")
    parser.add_argument(
        "--minutes", type=float, help="of training for AP; without it, AP is left out"
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--voxel-size", type=float, default=0.02, help="metres, of the steps")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    arguments = parser.parse_intermixed_args()
    arguments.rows.parent.mkdir(parents=True, exist_ok=True)
    choose_device(arguments.device)
    with tempfile.TemporaryDirectory() as made:
        arguments.data = arguments.data or rooms_in(Path(made), 2)
        rows = measure(arguments)
    print(f"\n| `backbone=` | {' | '.join(COLUMNS.values())} |\n|---|{'---|' * len(COLUMNS)}")
    for name, row in rows.items():
        print(
            f"| `{name}` |"
            f" {' | '.join('' if row.get(key) is None else f'{row[key]:.3g}' for key in COLUMNS)} |"
        )


if __name__ == "__main__":
    main()
