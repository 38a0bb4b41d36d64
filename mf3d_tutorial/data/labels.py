"""ScanNet's label sets: class names, raw ids and colours, in the order of the benchmark.

A class *index* (what `segment20.npy` and `segment200.npy` hold) is a position in `names`. ScanNet's own id of that
class (nyu40 for 20 classes, the raw-category id for 200) is `ids[index]`. The table in `labels.csv` holds the facts
that the benchmark publishes: github.com/ScanNet/ScanNet (BenchmarkScripts), github.com/RozenberszkiDaniel/ScanNet200.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

IGNORE_INDEX = -1


@dataclass(frozen=True)
class LabelSet:
    """One vocabulary of semantic classes."""

    name: str  # "scannet20" or "scannet200"
    names: tuple[str, ...]  # class index -> name
    ids: tuple[int, ...]  # class index -> ScanNet's id
    colors: tuple[tuple[int, int, int], ...]  # class index -> RGB, 0..255
    segment_file: str  # the array of a scene folder that holds this set's indices
    stuff: tuple[int, ...]  # indices of wall and floor, which the instance benchmark leaves out

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
        stuff=tuple(names.index(stuff) for stuff in ("wall", "floor")),
    )
