"""Convert raw ScanNet into the layout that training and evaluation read.

Writes the labels of both label sets, and superpoints.

    python -m mf3d_tutorial.prepare_scannet --raw /data/scannet_raw --out /data/scannet --workers 8

The folder --raw holds scans/<scene>/ (and scans_test/<scene>/); --meta holds the split lists
scannetv2_{train,val,test}.txt and scannetv2-labels.combined.tsv. A second call continues a stopped
one. Exit code 0: all scenes are there; 1: some could not be prepared (each is named); 2: nothing
could be done.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from mf3d_tutorial.common.atomic_files import whole_folder, writing
from mf3d_tutorial.common.errors import DataError, UserError, exit_on_user_error
from mf3d_tutorial.common.process_pool import run_jobs
from mf3d_tutorial.config.options import argument_parser, path_argument
from mf3d_tutorial.data.prepare import LABEL_TABLE, Indices, prepare_scene, read_label_table

SPLITS = ("train", "val", "test")


class Job(NamedTuple):
    """One scene: where its raw files are, where it goes, and the label table."""

    raw: Path
    out: Path
    split: str
    name: str
    table: Indices


def prepare_one(job: Job) -> str | None:
    """Write one scene, whole or not at all; the reason if that is impossible."""
    try:
        folders = [job.raw / scans / job.name for scans in ("scans", "scans_test")]
        folder = next((folder for folder in folders if folder.is_dir()), None)
        if folder is None:
            raise DataError(f"{folders[0]} does not exist, but scannetv2_{job.split}.txt names it")
        arrays = prepare_scene(folder, job.table, annotated=job.split != "test")
        with whole_folder(job.out / job.split / job.name, r"\w+\.npy") as draft:
            for name, values in arrays.items():
                np.save(draft / f"{name}.npy", values)
    except (UserError, OSError, MemoryError) as error:
        return str(error) or "out of memory: use fewer --workers"
    return None


def find_jobs(raw: Path, out: Path, meta: Path) -> list[Job]:
    """A job for every scene that the split lists name; DataError if lists or label table cannot be
    used."""
    if not raw.is_dir():
        raise DataError(f"the folder {raw} does not exist: set --raw to the one that holds scans/")
    table = read_label_table(meta / LABEL_TABLE)
    lists = {split: meta / f"scannetv2_{split}.txt" for split in SPLITS}
    jobs = [
        Job(raw, out, split, name, table)
        for split, path in lists.items()
        if path.is_file()
        for name in dict.fromkeys(path.read_text().split())
    ]
    if not jobs:
        raise DataError(
            f"{meta} has no scannetv2_train.txt, _val.txt or _test.txt with a scene: set --meta to"
            " the splits"
        )
    return jobs


def prepare(jobs: list[Job], workers: int) -> dict[str, str]:
    """Prepare the scenes that are not there yet; the reason for each that failed, by name."""
    missing = [job for job in jobs if not (job.out / job.split / job.name).exists()]
    failed = {}
    for job, reason in run_jobs(prepare_one, missing, workers, done=len(jobs) - len(missing)):
        if reason:
            failed[job.name] = reason
            tqdm.write(f"{job.name}: {reason}", file=sys.stderr)
    return failed


@exit_on_user_error
def main() -> None:
    """Prepare the scenes that the arguments name."""
    parser = argument_parser("prepare_scannet", __doc__)
    parser.add_argument(
        "--raw",
        type=path_argument,
        required=True,
        metavar="DIR",
        help="folder with scans/ and scans_test/",
    )
    parser.add_argument(
        "--out",
        type=path_argument,
        required=True,
        metavar="DIR",
        help="output folder for train/, val/ and test/",
    )
    parser.add_argument(
        "--meta",
        type=path_argument,
        metavar="DIR",
        help="folder with split lists and label table (default: that of --raw)",
    )
    parser.add_argument("--workers", type=int, default=1, help="worker processes (default 1)")
    arguments = parser.parse_args()
    jobs = find_jobs(arguments.raw, arguments.out, arguments.meta or arguments.raw)
    with writing(arguments.out):
        for split in {job.split for job in jobs}:
            (arguments.out / split).mkdir(parents=True, exist_ok=True)
    failed = prepare(jobs, arguments.workers)
    print(f"{len(jobs) - len(failed)} of {len(jobs)} scenes are in {arguments.out}")
    if failed:
        print(f"{len(failed)} failed: {', '.join(sorted(failed))}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
