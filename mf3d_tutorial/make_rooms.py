"""Generate furnished rooms, scanned and annotated like ScanNet.

    python -m mf3d_tutorial.make_rooms --out data/rooms --train 500 --val 100 --workers 16
    python -m mf3d_tutorial.make_rooms --out data/other --train 0 --val 100 --domain other
    python -m mf3d_tutorial.make_rooms --out d --train 8 --val 4 --small --seed 2 --domain simple

The second command makes rooms to test on, the third the shipped ones. The same seed gives the same
files with any number of workers. A second call continues a stopped one; a folder made with other
settings is refused.
"""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import yaml

from mf3d_tutorial.common.atomic_files import whole_folder, write_text
from mf3d_tutorial.common.errors import DataError, UserError, exit_on_user_error
from mf3d_tutorial.common.process_pool import run_jobs
from mf3d_tutorial.config.options import argument_parser, path_argument


def scene_name(split: str, index: int) -> str:
    """Folder name of a scene."""
    return f"room{'e' if split == 'test' else split[0]}{index:04d}_00"


def domains() -> dict[str, dict]:
    """Name of each domain -> what its domain.yaml says, without importing the generator."""
    files = sorted(Path(__file__).with_name("rooms").glob("*/domain.yaml"))
    return {file.parent.name: yaml.safe_load(file.read_text()) for file in files}


def _write(job: tuple[Path, str, int, dict]) -> str:
    """Make one scene, whole or not at all; its name."""
    # needs Embree and imports torch: seconds that --help does not need
    from mf3d_tutorial.rooms import make_scene

    out, split, index, settings = job
    with whole_folder(out / split / scene_name(split, index), r"\w+\.npy") as draft:
        for array, values in make_scene(split=split, index=index, **settings).items():
            np.save(draft / f"{array}.npy", values)
    return scene_name(split, index)


def _claim(out: Path, settings: dict) -> None:
    """Create or recognise the output folder; DataError when it holds other scenes or cannot be
    written."""
    record = out / "rooms.json"
    made = {"version": domains()[settings["domain"]]["version"], **settings}
    try:
        if record.exists():
            if (found := json.loads(record.read_text())) != made:
                raise DataError(
                    f"{out} was made with {found}, not {made}: choose another --out or the same"
                    " settings"
                )
            return
        for split in ("train", "val"):
            if any((out / split).glob("*")):
                raise DataError(
                    f"{out / split} holds files that make_rooms did not make: choose another --out"
                )
            (out / split).mkdir(parents=True, exist_ok=True)
        write_text(json.dumps(made) + "\n", record)
    except (OSError, json.JSONDecodeError) as error:
        raise DataError(
            f"cannot use {out} as output folder ({error}): choose another --out"
        ) from error


def make_rooms(
    out: str | Path,
    train: int,
    val: int,
    workers: int = 1,
    domain: str = "homes",
    test: int = 0,
    **settings,
) -> list[str]:
    """Write the missing scenes of `<out>/{train,val,test}`; returns their names.

    `settings` are seed, small and label_noise of `make_scene`. DataError for a folder of other
    settings; UserError if Embree, which casts the scanner's rays, is not installed.
    """
    if find_spec("embreex") is None:
        raise UserError(
            "make_rooms needs Embree to scan its rooms: pip install 'mf3d-tutorial[rooms]'"
        )
    out, settings = Path(out), {"domain": domain, **settings}
    _claim(out, settings)
    splits = {"train": train, "val": val, "test": test}
    scenes = [(split, i) for split, count in splits.items() for i in range(count)]
    jobs = [
        (out, *scene, settings)
        for scene in scenes
        if not (out / scene[0] / scene_name(*scene)).exists()
    ]
    return sorted(name for _, name in run_jobs(_write, jobs, workers, done=len(scenes) - len(jobs)))


@exit_on_user_error
def main() -> None:
    """Make rooms as the arguments say."""
    lines = "".join(f"\n  {name:<8}{says['about']}" for name, says in domains().items())
    parser = argument_parser("make_rooms", __doc__, f"domains:{lines}")
    parser.add_argument(
        "--out", type=path_argument, required=True, help="output folder for train/ and val/"
    )
    parser.add_argument("--train", type=int, required=True, help="number of training scenes")
    parser.add_argument("--val", type=int, required=True, help="number of validation scenes")
    parser.add_argument(
        "--test",
        type=int,
        default=0,
        help="number of scenes that no validation sees, for the final report (default 0)",
    )
    parser.add_argument(
        "--domain",
        choices=domains(),
        default="homes",
        help="kind of rooms, see below (default homes)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="another seed gives other rooms (default 0)"
    )
    parser.add_argument("--workers", type=int, default=1, help="worker processes (default 1)")
    parser.add_argument(
        "--small",
        action="store_true",
        help="small rooms, coarsely scanned: 10k-25k points per scene",
    )
    parser.add_argument(
        "--label-noise",
        type=float,
        default=0.0,
        help="share of wrongly annotated objects (default 0)",
    )
    args = parser.parse_args()
    if min(args.train, args.val, args.test, args.seed) < 0 or not 0 <= args.label_noise <= 1:
        raise UserError(
            "--train, --val, --test and --seed must be 0 or more, --label-noise between 0 and 1"
        )
    settings = {"seed": args.seed, "small": args.small, "label_noise": args.label_noise}
    counts = {"train": args.train, "val": args.val, "test": args.test}
    done = make_rooms(args.out, workers=args.workers, domain=args.domain, **counts, **settings)
    there = sum(counts.values()) - len(done)
    print(f"{len(done)} scenes written to {args.out}, {there} were there")


if __name__ == "__main__":
    main()
