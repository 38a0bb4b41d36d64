"""Generate furnished rooms, scanned and annotated like ScanNet, into the layout that the course reads.

    python -m mf3d_tutorial.make_rooms --out data/rooms --train 500 --val 50 --workers 16
    python -m mf3d_tutorial.make_rooms --out data_samples --train 8 --val 4 --small --seed 2  # those shipped

About 2 s a full-size scene on one core. The same seed gives the same files on any number of workers. A run that was
stopped goes on where it was; a folder made with other settings is refused.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

VERSION = 1  # raise it whenever the same arguments would give other scenes
_UNFINISHED = ".unfinished"


class BadFolder(ValueError):
    """The output folder cannot be used; the message says why and what to do."""


def scene_name(split: str, index: int) -> str:
    return f"room{split[0]}{index:04d}_00"


def _write(job: tuple) -> str:
    """Make one scene beside its place and move it there whole."""
    out, split, index, settings = job
    from mf3d_tutorial.data.rooms import make_scene

    name = scene_name(split, index)
    part = out / _UNFINISHED / name
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for array, values in make_scene(split=split, index=index, **settings).items():
        np.save(part / f"{array}.npy", values)
    os.replace(part, out / split / name)
    return name


def _claim(out: Path, settings: dict) -> None:
    """Create or recognise the output folder; BadFolder when it holds other scenes or cannot be written."""
    record, made = out / "rooms.json", {"version": VERSION, **settings}
    try:
        if record.exists():
            found = json.loads(record.read_text())
            if found != made:
                raise BadFolder(f"{out} was made with {found}, not {made}: choose another --out or the same settings")
            return
        taken = [s for s in ("train", "val") if (out / s).is_dir() and any((out / s).iterdir())]
        if taken:
            raise BadFolder(f"{out / taken[0]} holds files that make_rooms did not make: choose another --out")
        out.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(made) + "\n")
    except (OSError, json.JSONDecodeError) as error:
        raise BadFolder(f"cannot use {out} as output folder ({error}): choose another --out") from error


def make_rooms(out: str | Path, train: int, val: int, workers: int = 1, **settings) -> list[str]:
    """Write the missing scenes of `<out>/{train,val}`; returns their names.

    `settings` are seed, small and label_noise of `make_scene`. BadFolder for a folder of other settings.
    """
    out = Path(out)
    _claim(out, settings)
    jobs = []
    for split, count in (("train", train), ("val", val)):
        (out / split).mkdir(exist_ok=True)
        missing = [i for i in range(count) if not (out / split / scene_name(split, i)).exists()]
        jobs += [(out, split, i, settings) for i in missing]
    workers, done = max(1, min(workers, len(jobs))), []
    with tqdm(total=train + val, initial=train + val - len(jobs), unit="scene", disable=None) as bar:
        for name in map(_write, jobs) if workers == 1 else _spread(jobs, workers):
            done.append(name)
            bar.update()
    shutil.rmtree(out / _UNFINISHED, ignore_errors=True)
    return sorted(done)


def _spread(jobs: list, workers: int):
    """Names of finished jobs from `workers` fresh processes, each with one BLAS thread."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(_write, jobs)


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mf3d_tutorial.make_rooms", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to write train/ and val/ into")
    parser.add_argument("--train", type=_count, required=True, help="number of training scenes")
    parser.add_argument("--val", type=_count, required=True, help="number of validation scenes")
    parser.add_argument("--seed", type=_count, default=0, help="other seeds give other rooms (default 0)")
    parser.add_argument("--workers", type=_count, default=1, help="processes (default 1)")
    parser.add_argument("--small", action="store_true", help="little rooms, coarsely scanned: 10k-25k points a scene")
    parser.add_argument(
        "--label-noise", type=_share, default=0.0, help="share of objects annotated wrongly (default 0)"
    )
    args = parser.parse_args(argv)
    settings = {"seed": args.seed, "small": args.small, "label_noise": args.label_noise}
    try:
        done = make_rooms(args.out, args.train, args.val, args.workers, **settings)
    except BadFolder as error:
        print(f"make_rooms: {error}", file=sys.stderr)
        return 2
    print(f"{len(done)} scenes written to {args.out}, {args.train + args.val - len(done)} were there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
