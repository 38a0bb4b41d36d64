"""A domain: one bundle of everything that rooms are drawn from, so that rooms of two domains have
little in common.

A domain is a folder of this package with a `domain.yaml`, which says what it is for and holds its
settings; beside it stand tables: paints.yaml (colours and materials), rooms.yaml (room types and
how they are furnished), things.csv (simple things), and modules with furniture families. A domain
may build on the tables and families of others.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import yaml

from .kit import Kit, PaintSettings, Range, Thing
from .paint import LightSettings
from .scan import ScanSettings
from .shell import ShellSettings

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Domain:
    """What the rooms of one domain are drawn from; `version` rises whenever the same seed would
    give other scenes."""

    name: str
    version: int
    families: dict[str, Callable[..., Thing]]  # furniture with a shape of its own
    things: dict[str, dict[str, str]]  # rows of things.csv
    shapes: dict[str, Callable[..., Thing]]  # what the rows' column `shape` names
    openings: ModuleType  # `door`, `window` and what hangs before a window
    paints: dict[str, list]
    rooms: dict[str, dict[str, Any]]  # room types
    steps: dict[str, list[dict]]  # and how they are furnished
    stretch: float  # each thing is so much wider, deeper and higher, or less so: exp(+-stretch)
    paint: PaintSettings
    shell: ShellSettings
    light: LightSettings
    scan: ScanSettings[Range]
    small: ScanSettings[Range]

    def make(self, k: Kit, name: str) -> Thing:
        """A new thing of that name; KeyError if the domain has none."""
        thing = self._make(k, name)
        if not self.stretch:
            return thing
        x, y, z = np.exp(k.rng.uniform(-self.stretch, self.stretch, 3))
        # what has parts that are turned keeps its plan's proportions
        return thing.stretched(x, x if thing.parts else y, z)

    def _make(self, k: Kit, name: str) -> Thing:
        if name in self.families:
            return self.families[name](k)
        row = self.things[name]
        ranges = ([float(end) for end in (row[side] or "0").split("-")] for side in "wdh")
        w, d, h = (k.u(*ends) if len(ends) == 2 else ends[0] for ends in ranges)
        label = k.pick((row["label"] or name).split("|"))
        return self.shapes[row["shape"]](k, label, w, d, h, row["paint"].split(), row["detail"])


@lru_cache
def domain(name: str) -> Domain:
    """The domain of that name; ValueError if there is none."""
    if not (_HERE / name / "domain.yaml").exists():
        raise ValueError(f"no domain {name!r}: choose a folder of {_HERE} that holds a domain.yaml")
    says = _yaml(f"{name}/domain.yaml")
    modules = [_module(path) for path in says["families"]]
    recipes = _yaml(f"{name}/rooms.yaml")
    return Domain(
        name=name,
        version=says["version"],
        families={key: family for module in modules for key, family in _families(module).items()},
        things={
            row["name"]: row for source in says["tables"] for row in _rows(f"{source}/things.csv")
        },
        shapes={
            key: shape for path in says["shapes"] for key, shape in _module(path).SHAPES.items()
        },
        openings=_module(f"{name}.openings"),
        paints={
            k: v
            for source in says["tables"]
            for k, v in _yaml(f"{source}/paints.yaml")["paints"].items()
        },
        rooms=recipes["rooms"],
        steps={kind: _flat(steps) for kind, steps in recipes["steps"].items()},
        stretch=says.get("stretch", 0.0),
        paint=PaintSettings(**says["paint"]),
        shell=ShellSettings(**says["shell"]),
        light=LightSettings(**says["light"]),
        scan=ScanSettings(**says["scan"]),
        small=ScanSettings(**says["scan"] | says["small"]),
    )


def _yaml(path: str) -> dict:
    return yaml.safe_load((_HERE / path).read_text())


def _flat(steps: list) -> list[dict]:
    """Recipe steps where a list of steps (a kit of rooms.yaml) may stand in the place of one."""
    plain = [step for item in steps for step in (_flat(item) if isinstance(item, list) else [item])]
    return [step | {"then": _flat(step["then"])} if "then" in step else step for step in plain]


def _rows(path: str) -> list[dict[str, str]]:
    lines = (_HERE / path).read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _module(path: str) -> ModuleType:
    return import_module(f"{__package__}.{path}")


def _families(module: ModuleType) -> dict[str, Callable[..., Thing]]:
    """Public functions of a module, by their name with spaces."""
    own: dict[str, Any] = {
        n: f
        for n, f in vars(module).items()
        if callable(f) and getattr(f, "__module__", "") == module.__name__
    }
    return {n.replace("_", " "): family for n, family in own.items() if not n.startswith("_")}
