"""What a recipe learns, and what each of its ideas is worth, on the same data.

    python -m tests.benchmarks.learning --data data/rooms --make 500 --row baseline --minutes 10
    python -m tests.benchmarks.learning --data data/rooms --row "strong - normals" --steps 2000
    python -m tests.benchmarks.learning                                       # only print the table

Each command measures one row: the baseline, or the strong or tiny recipe, as it is, without one of
its ideas or with one more. A run ends after `--minutes` by the clock, which should then have a GPU
for itself, or after `--steps`, whatever else runs beside it. It is validated once, at its end: on
all val scenes of --data, and on every scene of --transfer, which no run is trained on. The result
is added to learning.csv, which is committed. The same command continues a stopped run. Further
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
from mf3d_tutorial.data.loader_parts import fetch
from mf3d_tutorial.evaluate import EvaluateOptions, evaluate
from mf3d_tutorial.training.engine import build_loader, fit, load_datasets, train_step
from mf3d_tutorial.training.run_state import Run
from mf3d_tutorial.warp.device import choose_device

IDEAS = {
    "": [],
    " - masked attention": ["model.masked_attention=false"],
    " - loss after every layer": ["loss.aux_weight=0"],
    " - feature levels": ["model.feature_levels=1"],
    " - normals": ["model.in_features=[color]"],
    " - position in masks": ["model.mask_position=false"],
    " - augmentation": ["data.augment=[]"],
}
ROWS = {
    "baseline": ["recipe=baseline", "backbone=minkunet_6m"],
    **{f"strong{idea}": ["recipe=strong", *options] for idea, options in IDEAS.items()},
    "strong - sampled queries": ["recipe=strong", "model.query_init=learned"],
    "strong + stretch, gray, noise, holes": [
        "recipe=strong",
        "data.augment=[flip,rotation,scale,stretch,color,gray,noise,elastic,holes,crop]",
    ],
    "strong, batch of 24, lr 2e-3": ["recipe=strong", "train.batch_size=24", "train.lr=2e-3"],
    **{f"tiny{idea}": ["recipe=tiny", *options] for idea, options in IDEAS.items()},
    "tiny - normals": ["recipe=tiny", "model.in_features=[color,coord]"],
    "tiny + sampled queries": ["recipe=tiny", "model.query_init=mixed"],
    "tiny + wall and floor as targets": ["recipe=tiny", "data.stuff_classes=[]"],
}
COLUMNS = (
    "date row seed minutes steps ap ap50 ap25 transfer_ap transfer_ap50 transfer_ap25 gpu commit"
    " command".split()
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
    end = (
        f"train.max_steps={arguments.steps}"
        if arguments.steps
        else f"train.minutes={arguments.minutes}"
    )
    options += [end, "train.resume=auto", "data.cache=true"]
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
    if not arguments.steps:
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
        "minutes": "" if arguments.steps else arguments.minutes,
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
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, by the clock")
    parser.add_argument("--steps", type=int, help="of training, in place of minutes")
    parser.add_argument("--seed", type=int, default=0)
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
