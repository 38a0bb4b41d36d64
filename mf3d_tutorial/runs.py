"""List the runs below a folder: the options in which they differ, and their AP.

    python -m mf3d_tutorial.runs runs
    python -m mf3d_tutorial.runs runs --csv runs.csv

Prints a table with one line per run.
"""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mf3d_tutorial.common.errors import UserError, exit_on_user_error
from mf3d_tutorial.config.options import argument_parser

RESULTS = ("ap", "ap50", "ap25", "val_loss", "steps", "train_seconds")


def collect(folder: str | Path) -> list[dict[str, Any]]:
    """One row for each run folder below `folder`, sorted by name: `run`, the options in which the
    runs differ, results.

    A run that has not ended has None for its results, and one with a damaged file is named and left
    out; UserError if there is no run at all.
    """
    folder = Path(folder)
    runs = {path.parent: run for path in folder.rglob("config.yaml") if (run := _read(path.parent))}
    if not runs:
        raise UserError(f"there is no run below {folder}: a run folder holds a config.yaml")
    first, *others = (options for options, _ in runs.values())
    keys = dict.fromkeys(key for options, _ in runs.values() for key in options)
    absent = object()
    differ = [
        key
        for key in keys
        if any(other.get(key, absent) != first.get(key, absent) for other in others)
    ]
    rows = []
    for path, (options, results) in sorted(runs.items()):
        name = str(path.relative_to(folder)) if path != folder else folder.name
        shown = {key: options.get(key) for key in differ if not key.startswith("paths.")}
        rows.append({"run": name, **shown, **results})
    return rows


def _read(run: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Options and results of a run; None, and a line on stderr, if one of the two files is
    damaged."""
    path = run / "config.yaml"
    try:
        options = _flat(cast(dict[str, Any], OmegaConf.to_container(OmegaConf.load(path))))
        path = run / "metrics.json"
        metrics = json.loads(path.read_text()) if path.exists() else {}
        return options, {key: metrics.get(key) for key in RESULTS}
    except (OSError, ValueError, AttributeError, yaml.YAMLError, OmegaConfBaseException) as error:
        print(f"left out: {path} is damaged ({str(error).splitlines()[0]})", file=sys.stderr)
        return None


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in values.items():
        flat |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return flat


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as aligned text, each option under the last part of its name."""
    titles = [key.rsplit(".", 1)[-1] for key in rows[0]]
    cells = [titles, *([_cell(*item) for item in row.items()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(titles))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in cells
    )


def _cell(key: str, value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if key in RESULTS and isinstance(value, float) else str(value)


def write_csv(rows: Sequence[dict[str, Any]], path: str | Path) -> None:
    """The rows as a CSV file with a header."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: str | Path) -> list[dict[str, Any]]:
    """The rows that `write_csv` wrote, numbers as numbers."""
    with open(path, newline="") as file:
        return [
            {key: yaml.safe_load(value) for key, value in row.items()}
            for row in csv.DictReader(file)
        ]


@exit_on_user_error
def main() -> None:
    """Print the table of the runs below a folder."""
    parser = argument_parser("runs", __doc__)
    parser.add_argument("folder", help="folder with run folders, at any depth")
    parser.add_argument("--csv", metavar="FILE", help="write the table as CSV, too")
    arguments = parser.parse_args()
    rows = collect(arguments.folder)
    print(table(rows))
    if arguments.csv:
        write_csv(rows, arguments.csv)


if __name__ == "__main__":
    main()
