"""Scenes a second of one machine's GPUs: 1, 2, 4 of them, each with the same number of scenes a step.

    python -m tests.benchmarks.multi_gpu --gpus 1 2 4                     # rooms are generated, 2 cm, 2 scenes a GPU
    python -m tests.benchmarks.multi_gpu --gpus 1 2 --device cpu --steps 12 recipe=tiny data.voxel_size=0.3

Further `key=value` go to every run. The number is the median over all steps but the first third, in which WarpConvNet
tries its kernels; one line of metrics.jsonl is one step.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.benchmarks.rooms import rooms_in


def measure(gpus: int, data: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Scenes a second, share of waiting for data, GPU memory, with so many processes."""
    with tempfile.TemporaryDirectory() as out:
        options = ["data.voxel_size=0.02", "model.backbone_voxel_size=0.02", *arguments.overrides]
        options += [f"paths.data_dir={data}", f"paths.output_dir={out}", f"device={arguments.device}"]
        options += [f"train.batch_size={gpus * arguments.batch}", f"train.max_steps={arguments.steps}"]
        options += ["train.epochs=1000000", "train.eval_every=1000000", "train.log_every=1"]
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={gpus}"]
        environment = {"OMP_NUM_THREADS": "1", **os.environ}
        subprocess.run([*command, "-m", "mf3d_tutorial.train", *options], check=True, env=environment)
        lines = [json.loads(line) for line in (Path(out) / "metrics.jsonl").read_text().splitlines()]
    rows = [line for line in lines if line["kind"] == "train"][arguments.steps // 3 :]
    return {
        key: median(row[key] for row in rows) for key in rows[0] if key in ("scenes_per_second", "data_wait", "gpu_gb")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--batch", type=int, default=2, help="scenes a step and GPU")
    parser.add_argument("--steps", type=int, default=90)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", type=Path, help="a dataset; without it, rooms of ScanNet's size are generated")
    parser.add_argument("--rooms", type=int, default=32, help="how many are generated to train on")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    arguments = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as made:
        data = arguments.data or rooms_in(Path(made), arguments.rooms)
        first = None
        for gpus in arguments.gpus:
            row = measure(gpus, data, arguments)
            speed, memory = row["scenes_per_second"], row.get("gpu_gb", float("nan"))
            first = first or speed
            print(f"\n{'GPUs':>4} {'scenes/s':>9} {'times':>6} {'data wait':>10} {'GB':>6}")
            print(f"{gpus:>4} {speed:>9.2f} {speed / first:>6.2f} {row['data_wait']:>10.1%} {memory:>6.1f}", flush=True)


if __name__ == "__main__":
    main()
