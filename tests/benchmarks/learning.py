"""What each idea of the strong recipe is worth after the same minutes on the same GPU, with the
same backbone and data.

    python -m tests.benchmarks.learning --data data/rooms --make 500 --row seed --minutes 10
    python -m tests.benchmarks.learning --data data/rooms --row "seed + ema" --transfer house
    python -m tests.benchmarks.learning                                       # only print the table

Each command measures one row: a recipe, the baseline ("seed") with one idea of the strong recipe,
or the strong recipe without one. The run is validated once, at its end: on all val scenes of
--data, and on every scene of --transfer, which no run is trained on. The result is added to
learning.csv, which is committed. The same command continues a stopped run. Rows may be measured at
the same time, each on a GPU of its own (CUDA_VISIBLE_DEVICES). Runs that share a GPU take fewer
steps in their minutes: compare only rows with the same number in the column "beside". Further
`key=value` go to the run.
"""

import argparse
import csv
import fcntl
import os
import shlex
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import torch

from mf3d_tutorial.common.errors import exit_on_user_error
from mf3d_tutorial.config import Config, load_config
from mf3d_tutorial.config.options import load_options
from mf3d_tutorial.data.batches import fetch
from mf3d_tutorial.evaluate import EvaluateOptions, evaluate
from mf3d_tutorial.training.engine import build_loader, fit, load_datasets, train_step
from mf3d_tutorial.training.run_state import Run
from mf3d_tutorial.warp.device import choose_device

ROWS = {
    "seed": [],
    "seed + masked attention": ["model.masked_attention=true"],
    "seed + loss after every layer": ["loss.aux_weight=1"],
    "seed + 3 feature levels": ["model.feature_levels=3"],
    "seed + fps queries": ["model.query_init=fps"],
    "seed + mixed queries": ["model.query_init=mixed"],
    "seed + weights 2/5/5": ["loss.cls_weight=2"],
    "seed + normals": ["model.in_features=[color,normal]"],
    "seed + long wavelengths": ["model.position_wavelength=16", "model.position_bands=7"],
    "seed + position in masks": [
        *("model.mask_position=true", "model.position_wavelength=16", "model.position_bands=7"),
    ],
    "seed + no stuff": ["data.stuff_classes=[0,1]"],
    "seed + flip, rotation, scale, color": ["data.augment=[flip,rotation,scale,color]"],
    "seed + elastic": ["data.augment=[elastic]"],
    "seed + crop": ["data.augment=[crop]"],
    "seed + batch of 4": ["train.batch_size=4"],
    "seed + lr 1e-3": ["train.lr=1e-3"],
    "seed + onecycle, lr 1e-3": ["train.lr=1e-3", "train.schedule=onecycle"],
    "seed + decay groups": ["train.weight_decay=0.05", "train.decay_all=false"],
    "seed + ema": ["train.ema=0.998"],
    "seed + 20,000 points in the loss": ["loss.sample_points=20000"],
    "seed + largest component": ["inference.largest_component=true"],
    "strong": ["recipe=strong"],
    "strong - masked attention": ["recipe=strong", "model.masked_attention=false"],
    "strong - loss after every layer": ["recipe=strong", "loss.aux_weight=0"],
    "strong - feature levels": ["recipe=strong", "model.feature_levels=1"],
    "strong - sampled queries": ["recipe=strong", "model.query_init=learned"],
    "strong - normals": ["recipe=strong", "model.in_features=[color]"],
    "strong - position in masks": ["recipe=strong", "model.mask_position=false"],
    "strong - augmentation": ["recipe=strong", "data.augment=[]"],
    "strong - elastic, crop": ["recipe=strong", "data.augment=[flip,rotation,scale,color]"],
    "strong - onecycle": ["recipe=strong", "train.schedule=step"],
    "strong - ema": ["recipe=strong", "train.ema=0"],
    "strong - largest component": ["recipe=strong", "inference.largest_component=false"],
}
COLUMNS = (
    "date row seed minutes beside steps ap ap50 ap25 transfer_ap transfer_ap50 transfer_ap25 gpu"
    " commit command".split()
)
RESULTS = Path(__file__).with_suffix(".csv")


def config(arguments: argparse.Namespace, folder: Path) -> Config:
    """That of the row's run."""
    options = [
        f"paths.data_dir={arguments.data}",
        f"paths.output_dir={folder}",
        f"seed={arguments.seed}",
    ]
    options += [
        f"train.num_workers={arguments.workers}",
        "train.epochs=10000",
        "train.eval_every=10000",
    ]
    options += [
        f"train.minutes={arguments.minutes}",
        "train.resume=auto",
        "data.cache=true",
        "backbone=minkunet_6m",
    ]
    return load_config([*ROWS[arguments.row], *options, *arguments.overrides])


def warm_up(cfg: Config, steps: int) -> None:
    """Some steps of a run that is thrown away: WarpConvNet tries its kernels, which is not to be in
    our minutes."""
    scenes = load_datasets(cfg)[0]
    run = Run.create(cfg, choose_device(cfg.device), len(scenes))
    for _, batch in zip(range(steps), fetch(build_loader(cfg, scenes, shuffle=True))):
        train_step(run, batch)


def transfer(arguments: argparse.Namespace, folder: Path) -> dict:
    """AP of the trained model on the scenes of all splits of --transfer."""
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "val").mkdir()
        for scene in arguments.transfer.resolve().glob("*/*/coord.npy"):
            (Path(root) / "val" / scene.parent.name).symlink_to(scene.parent)
        options = [
            f"checkpoint={folder / 'last.ckpt'}",
            f"paths.data_dir={root}",
            f"paths.output_dir={root}",
        ]
        return evaluate(load_options(EvaluateOptions, options))


def measure(arguments: argparse.Namespace) -> dict:
    """Train and validate a row; its line of the results."""
    name = "".join(letter if letter.isalnum() else "_" for letter in arguments.row)
    folder = arguments.out / f"{name}-{arguments.seed}"
    cfg = config(arguments, folder)
    warm_up(cfg, arguments.warm_up)
    found = {"": fit(cfg)}
    if arguments.transfer:
        found["transfer_"] = transfer(arguments, folder)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    return {
        "date": date.today().isoformat(),
        "row": arguments.row,
        "seed": arguments.seed,
        "minutes": arguments.minutes,
        "beside": arguments.beside,
        "steps": found[""]["steps"],
        **{
            start + key: round(ap[key], 4)
            for start, ap in found.items()
            for key in ("ap", "ap50", "ap25")
        },
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "commit": arguments.commit or commit,
        "command": shlex.join(["python", "-m", "tests.benchmarks.learning", *sys.argv[1:]]),
    }


def append(line: dict, path: Path) -> None:
    """Add a line to the results, also while another process does."""
    with open(path, "a", newline="") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if os.fstat(file.fileno()).st_size == 0:
            writer.writeheader()
        writer.writerow(line)


def table(path: Path) -> str:
    """The results in the order of ROWS, as Markdown."""
    shown = [column for column in COLUMNS if column not in ("command", "commit", "date")]
    with open(path, newline="") as file:
        lines = sorted(
            csv.DictReader(file), key=lambda line: (list(ROWS).index(line["row"]), line["seed"])
        )
    rows = [shown, ["---"] * len(shown), *([line[column] for column in shown] for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


@exit_on_user_error
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--row", choices=list(ROWS), help="without it, the table is printed")
    parser.add_argument("--data", type=Path, help="folder of generated rooms")
    parser.add_argument(
        "--make", type=int, help="generate so many train rooms and 100 val rooms there first"
    )
    parser.add_argument(
        "--transfer", type=Path, help="other scenes in the same layout, to evaluate on"
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="of training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--beside", type=int, default=0, help="how many others share the GPU; only written down"
    )
    parser.add_argument("--warm-up", type=int, default=40, help="steps before the minutes begin")
    parser.add_argument(
        "--workers", type=int, default=min(14, os.cpu_count() - 2), help="data loader processes"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs/learning"), help="folder for the runs"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--commit", help="of the code, where there is no repository to ask")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    arguments = parser.parse_intermixed_args()
    if arguments.make:
        from mf3d_tutorial.make_rooms import make_rooms

        make_rooms(
            arguments.data,
            arguments.make,
            100,
            os.cpu_count(),
            seed=0,
            small=False,
            label_noise=0.0,
        )
    if arguments.transfer and not list(arguments.transfer.glob("*/*/coord.npy")):
        parser.error(f"--transfer {arguments.transfer} holds no scenes (SPLIT/SCENE/coord.npy)")
    if arguments.row:
        append(measure(arguments), arguments.results)
    print(table(arguments.results))


if __name__ == "__main__":
    main()
