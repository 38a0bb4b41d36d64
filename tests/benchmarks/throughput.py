"""How fast training really goes: the loop of `fit` with its loader processes and augmentation, on
1, 2 ... GPUs.

    python -m tests.benchmarks.throughput                             # rooms are generated; one GPU
    python -m tests.benchmarks.throughput --gpus 1 2 --data data/rooms
    python -m tests.benchmarks.throughput --device cpu --recipes tiny --steps 3 data.voxel_size=0.3

Each row runs one process per GPU, with `--batches` scenes per step and GPU. Scenes per second, ms
per step, the share of time spent waiting for data and the peak memory are those of `--steps` steps
after `--warm` steps of warm-up, in which WarpConvNet benchmarks its kernels and the backbone's CUDA
graphs are recorded. torch.profiler then
watches a few more steps: the milliseconds in kernels per step and the number of launches. Busy is
the share of a step's time in kernels. Further `key=value` go to every run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from mf3d_tutorial.common.errors import exit_on_user_error
from mf3d_tutorial.config import Config, load_config
from mf3d_tutorial.data.loader_parts import fetch
from mf3d_tutorial.training.distributed import all_sum, process_group, rank
from mf3d_tutorial.training.engine import build_loader, load_datasets, train_step
from mf3d_tutorial.training.run_state import Progress, Run
from mf3d_tutorial.warp.device import choose_device
from tests.benchmarks.rooms import rooms_in

FINE = ["data.voxel_size=0.02", "model.backbone_voxel_size=0.02"]
RECIPES = {"strong": [], "baseline": FINE, "tiny": []}
PROFILED = 4  # steps
WIDTHS = {
    "scenes/s": ".1f",
    "ms": ".1f",
    "data wait": ".1%",
    "GB": ".2f",
    "kernels ms": ".1f",
    "launches": ".0f",
}
WIDTHS |= {"busy": ".0%"}


def measure(cfg: Config, warm: int, steps: int) -> dict[str, float] | None:
    """One row, in the process of each GPU; process 0 gets it."""
    device = choose_device(cfg.device)
    torch.set_num_threads(1)  # as `fit` has it beside loader processes
    with process_group(device):
        train_set, _ = load_datasets(cfg)
        if cfg.data.cache:
            train_set.keep_in_memory()
        run = Run.create(cfg, device, len(train_set))
        loader = build_loader(cfg, train_set, shuffle=True)
        run.model.train()
        batches = fetch(loader)
        for batch in islice(batches, warm):
            train_step(run, batch)
        wait_for(device)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        progress, start = Progress(run, print), time.perf_counter()
        for batch in progress.timed(islice(batches, steps)):
            run.seed_step()
            train_step(run, batch)
        wait_for(device)
        seconds, rates = time.perf_counter() - start, progress.rates()
        row = {"scenes/s": steps * cfg.train.batch_size / seconds, "ms": 1e3 * seconds / steps}
        row |= {"data wait": rates["data_wait"], "GB": rates.get("gpu_gb", float("nan"))}
        if device.type == "cuda":
            row |= kernels(run, list(islice(batches, PROFILED)))
            row["busy"] = row["kernels ms"] / row["ms"]
        all_sum([0.0])  # all have finished
        return row if rank() == 0 else None


def wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def kernels(run: Run, batches: list) -> dict[str, float]:
    """Milliseconds and number of the kernels, copies and fills of a step."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as watched:
        for batch in batches:
            train_step(run, batch)
        wait_for(run.device)
    on_gpu = [event for event in watched.events() if event.device_type == DeviceType.CUDA]
    events = [
        event for event in on_gpu if not event.is_user_annotation and "Optimizer." not in event.name
    ]
    busy = sum(event.self_device_time_total for event in events)
    return {"kernels ms": busy / 1e3 / len(batches), "launches": len(events) / len(batches)}


def in_processes(gpus: int, options: list[str], arguments: argparse.Namespace) -> dict[str, float]:
    """The row of a run on so many GPUs."""
    with tempfile.TemporaryDirectory() as out:
        command = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            f"--nproc-per-node={gpus}",
        ]
        command = command if gpus > 1 else [sys.executable]
        worker = [
            "-m",
            "tests.benchmarks.throughput",
            "--row",
            f"{out}/row.json",
            "--warm",
            str(arguments.warm),
        ]
        environment = {"OMP_NUM_THREADS": "1", **os.environ}
        subprocess.run(
            [*command, *worker, "--steps", str(arguments.steps), *options],
            check=True,
            env=environment,
        )
        return json.loads(Path(out, "row.json").read_text())


@exit_on_user_error
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipes", nargs="+", default=["strong", "baseline"], choices=RECIPES)
    parser.add_argument(
        "--batches", type=int, nargs="+", default=[1, 4, 16], help="scenes per step and GPU"
    )
    parser.add_argument("--gpus", type=int, nargs="+", default=[1])
    parser.add_argument("--warm", type=int, default=120)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--device", default="cuda")
    parser.add_argument(
        "--data", type=Path, help="a dataset; without it, rooms of ScanNet's size are generated"
    )
    parser.add_argument("--rooms", type=int, default=100, help="how many are generated to train on")
    # one of our own processes: where its row goes
    parser.add_argument("--row", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    arguments = parser.parse_intermixed_args()
    if arguments.row:
        row = measure(load_config(arguments.overrides), arguments.warm, arguments.steps)
        if row:
            arguments.row.write_text(json.dumps(row))
        return
    with tempfile.TemporaryDirectory() as made:
        data = arguments.data or rooms_in(Path(made), arguments.rooms)
        print(
            f"{'recipe':>9} {'GPUs':>5} {'B':>3}" + "".join(f"{name:>11}" for name in WIDTHS),
            flush=True,
        )
        for recipe in arguments.recipes:
            for gpus in arguments.gpus:
                for batch in arguments.batches:
                    options = [
                        f"recipe={recipe}",
                        f"paths.data_dir={data}",
                        f"device={arguments.device}",
                    ]
                    options += [
                        *RECIPES[recipe],
                        f"train.batch_size={gpus * batch}",
                        *arguments.overrides,
                    ]
                    row = in_processes(gpus, options, arguments)
                    numbers = "".join(
                        f"{row.get(name, float('nan')):>11{form}}" for name, form in WIDTHS.items()
                    )
                    print(f"{recipe:>9} {gpus:>5} {batch:>3}{numbers}", flush=True)


if __name__ == "__main__":
    main()
