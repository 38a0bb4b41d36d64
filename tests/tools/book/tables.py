"""Tables of the Results pages that are made from committed measurements."""

import csv
from collections.abc import Iterable
from pathlib import Path

from .reference import code, table

ROOT = Path(__file__).parents[3]
LEARNING, SWEEP = ROOT / "tests/benchmarks/learning.csv", ROOT / "notebooks/sweeps/loss_weights.csv"


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def ten_minutes() -> str:
    """The runs of learning.csv that the clock ended, the best AP25 first."""
    lines = [line for line in read(LEARNING) if line["minutes"]]
    lines.sort(key=lambda line: -float(line["ap25"]))
    titles = ["row", "seed", "minutes", "steps", "AP", "AP50", "AP25", "AP50 in the house"]
    keys = "row seed minutes steps ap ap50 ap25 transfer_ap50 gpu date commit".split()
    rows = [[shown(key, line[key]) for key in keys] for line in lines]
    return table([*titles, "GPU", "date", "commit"], rows)


def ideas() -> str:
    """The runs of the tiny recipe with one idea less or more: AP of every seed, and the mean."""
    groups: dict[str, list[dict]] = {}
    for line in read(LEARNING):
        if line["row"].startswith("tiny"):
            groups.setdefault(line["row"], []).append(line)
    rows = [
        [
            row,
            *(
                cell
                for key in ("ap", "transfer_ap")
                for cell in (each(lines, key), mean(lines, key))
            ),
        ]
        for row, lines in groups.items()
    ]
    return table(["row", "AP, same kind of rooms", "mean", "AP, another kind", "mean"], rows)


def shown(key: str, value: str) -> str:
    """A cell: AP with three decimals, steps with a comma between thousands."""
    if "ap" in key and value:
        return f"{float(value):.3f}"
    if key == "steps":
        return f"{int(value):,}"
    return code(value) if key == "commit" else value


def sweep() -> str:
    """The loss-weight grid: AP of every seed of every combination."""
    groups: dict[tuple, list[dict]] = {}
    keys = ["loss.bce_weight", "loss.dice_weight", "loss.no_object_weight"]
    for line in read(SWEEP):
        groups.setdefault(tuple(line[key] for key in keys), []).append(line)
    rows = [
        [*weights, *(each(lines, key) for key in ("ap", "ap50", "ap25"))]
        for weights, lines in groups.items()
    ]
    return table([*map(code, keys), "AP of each seed", "AP50", "AP25"], rows)


def each(lines: Iterable[dict[str, str]], key: str) -> str:
    return ", ".join(f"{float(line[key]):.3f}" for line in lines)


def mean(lines: list[dict[str, str]], key: str) -> str:
    return f"{sum(float(line[key]) for line in lines) / len(lines):.3f}"


def generated() -> dict[str, str]:
    """Name -> text of every table."""
    return {
        "ideas": ideas(),
        "learning_alone": ten_minutes(),
        "loss_weights": sweep(),
    }
