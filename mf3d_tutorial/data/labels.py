"""ScanNet's label sets: class names, raw ids and colours, in the order of the benchmark.

A class *index* (what `segment20.npy` and `segment200.npy` hold) is a position in `names`. ScanNet's
own id of that class (nyu40 for 20 classes, the raw-category id for 200) is `ids[index]`. The table
in `labels.csv` holds the facts that the benchmark publishes: github.com/ScanNet/ScanNet
(BenchmarkScripts), github.com/RozenberszkiDaniel/ScanNet200.

Classes of your own stand in labels.yaml in the dataset folder, and their indices in segment.npy of
each scene:

    names: [floor, pallet, box]                               # class index -> name
    colors: [[152, 223, 138], [140, 86, 75], [255, 187, 120]] # optional: RGB, 0..255
    stuff: [floor]                                            # optional: classes without instances
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from mf3d_tutorial.common.errors import DataError

IGNORE_INDEX = -1
CUSTOM = "custom"
LABEL_SETS = ("scannet20", "scannet200", CUSTOM)
# Colours for classes that have none; neighbours are easy to tell apart.
_COLORS = [
    (31, 119, 180),
    (255, 127, 14),
    (44, 160, 44),
    (214, 39, 40),
    (148, 103, 189),
    (140, 86, 75),
]
_COLORS += [
    (227, 119, 194),
    (188, 189, 34),
    (23, 190, 207),
    (255, 187, 120),
    (152, 223, 138),
    (197, 176, 213),
]


@dataclass(frozen=True)
class LabelSet:
    """One vocabulary of semantic classes."""

    name: str  # "scannet20", "scannet200" or "custom"
    names: tuple[str, ...]  # class index -> name
    ids: tuple[int, ...]  # class index -> ScanNet's id; 1, 2, 3 ... for classes of one's own
    colors: tuple[tuple[int, int, int], ...]  # class index -> RGB, 0..255
    segment_file: str  # the array of a scene folder that holds this set's indices
    frequency: tuple[str, ...]  # class index -> head, common or tail in scannet200; "" elsewhere
    # indices of classes without instances: wall and floor in ScanNet's benchmark
    stuff: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Class index of `name`; KeyError with the set's name if it has no such class."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(f"{self.name} has no class named {name!r}") from None


@lru_cache
def label_set(name: str) -> LabelSet:
    """The label set called `name` ("scannet20" or "scannet200"); ValueError for any other."""
    with open(Path(__file__).with_name("labels.csv"), newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label_set"] == name]
    if not rows:
        raise ValueError(f"unknown label set {name!r}: choose scannet20 or scannet200")
    names = tuple(row["name"] for row in rows)
    return LabelSet(
        name=name,
        names=names,
        ids=tuple(int(row["id"]) for row in rows),
        colors=tuple((int(row["red"]), int(row["green"]), int(row["blue"])) for row in rows),
        segment_file=name.replace("scannet", "segment"),
        frequency=tuple(row["frequency"] for row in rows),
        stuff=tuple(names.index(stuff) for stuff in ("wall", "floor")),
    )


def read_classes(root: str | Path) -> dict[str, Any]:
    """The content of <root>/labels.yaml: names, colors, stuff. DataError if it makes no label
    set."""
    path = Path(root).expanduser() / "labels.yaml"
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path}, which data.label_set=custom needs, cannot be read ({reason})"
        ) from error
    if not isinstance(values, dict):
        raise DataError(f"{path} must hold names: [...], and may hold colors and stuff")
    custom_labels(values, str(path))
    return values


def custom_labels(values: dict[str, Any], where: str = "labels.yaml") -> LabelSet:
    """The label set of classes of one's own; DataError, which begins with `where`, if they make
    none."""

    def require(condition: bool, sentence: str) -> None:
        if not condition:
            raise DataError(f"{where}: {sentence}")

    unknown = sorted(map(str, set(values) - {"names", "colors", "stuff"}))
    require(
        not unknown, f"there is no key {', '.join(unknown)}; the keys are names, colors and stuff"
    )
    names: list[str] = values.get("names") or []
    stuff: list[str] = values.get("stuff") or []
    good = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    require(
        bool(names) and good,
        "names must be a list of class names, as in names: [floor, pallet, box]",
    )
    require(len(set(names)) == len(names), "names holds a name twice")
    require(len(names) < 256, f"{len(names)} classes are too many: pictures have 256 colours")
    require(
        isinstance(stuff, list) and all(name in names for name in stuff),
        f"stuff={stuff} must be a list of names",
    )
    require(len(stuff) < len(names), "every class is stuff: nothing is left to find")
    colors = values.get("colors") or [_COLORS[index % len(_COLORS)] for index in range(len(names))]
    good = isinstance(colors, list) and len(colors) == len(names) and all(map(_is_color, colors))
    require(
        good, f"colors must be a list of {len(names)} colours, each [red, green, blue] of 0..255"
    )
    return LabelSet(
        name=CUSTOM,
        names=tuple(names),
        ids=tuple(range(1, len(names) + 1)),
        colors=tuple((red, green, blue) for red, green, blue in colors),
        segment_file="segment",
        frequency=("",) * len(names),
        stuff=tuple(names.index(name) for name in stuff),
    )


def _is_color(color: Any) -> bool:
    parts = color if isinstance(color, list | tuple) else ()
    return len(parts) == 3 and all(type(part) is int and 0 <= part <= 255 for part in parts)
