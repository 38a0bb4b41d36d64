"""What furniture is made with: one room's random choices and paints, and the `Thing` that placement moves about."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np
import yaml

from .mesh import Mesh, Pose

_ORIGIN = Pose()


@lru_cache
def table(name: str) -> dict:
    """What a YAML file of this folder holds."""
    return yaml.safe_load(Path(__file__).with_name(name).read_text())


@dataclass
class Thing:
    """One object (or a group of them) in its own frame.

    `label` is a ScanNet raw category; without a mesh of its own the thing is a group, which only carries `parts`.
    `tops` are places to put things on: (x0, x1, y0, y1, z, free height above).
    """

    label: str = ""
    mesh: Mesh = field(default_factory=Mesh)
    tops: list[tuple] = field(default_factory=list)
    parts: list[tuple["Thing", Pose]] = field(default_factory=list)

    def carry(self, part: "Thing", *pose: float) -> "Thing":
        """Add a part at x, y, z, yaw (0 where not given)."""
        self.parts.append((part, Pose(*pose)))
        return self

    def pieces(self, pose: Pose) -> Iterator[tuple[str, Mesh, Pose]]:
        """(label, mesh, pose) of every single object when the thing stands at `pose`."""
        if self.mesh.parts:
            yield self.label, self.mesh, pose
        for part, where in self.parts:
            yield from part.pieces(pose.at(*where))

    def solids(self, pose: Pose = _ORIGIN) -> np.ndarray:
        """(P, 8) oriented boxes as in `Mesh.solids`, parts included."""
        return np.concatenate([mesh.solids(where) for _, mesh, where in self.pieces(pose)])

    def bounds(self) -> np.ndarray:
        """(2, 3) low and high corner, parts included."""
        x, y, c, s, half_x, half_y, z0, z1 = self.solids().T
        reach_x, reach_y = np.abs(c) * half_x + np.abs(s) * half_y, np.abs(s) * half_x + np.abs(c) * half_y
        low, high = (x - reach_x, y - reach_y, z0), (x + reach_x, y + reach_y, z1)
        return np.stack([np.min(low, 1), np.max(high, 1)])


class Kit:
    """Random choices of one room. Pieces made by one kit often share their wood, so that a set looks like a set.

    `paints` collects the materials in use: (pattern, rgb, rgb2, size, loss); a material is its index there.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.paints = rng, []
        self._shared = {"wood": self._mix("wood"), "front": self._mix(self.pick(["lacquer", "lacquer", "wood"]))}

    def u(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def n(self, low: int, high: int) -> int:
        """Integer in low..high, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def paint(self, *names: str) -> int:
        """A material of one of these kinds of paints.yaml; "front" is what this room's fitted furniture has."""
        name = self.pick(names)
        if name in self._shared and (name == "front" or self.chance(0.65)):
            return self._shared[name]
        return self._mix(name)

    def _mix(self, name: str) -> int:
        patterns, first, second, sizes, losses = table("paints.yaml")["paints"][name]
        rgb = self._near(self.pick(list(chain(*first))))
        rgb2 = self._near(self.pick(list(chain(*second)))) if isinstance(second[0], list) else rgb * self.u(*second)
        pattern, size, loss = self.pick(patterns), self.u(*sizes), self.pick(losses)
        self.paints.append((pattern, np.clip(rgb, 4, 252), np.clip(rgb2, 4, 252), size, loss))
        return len(self.paints) - 1

    def _near(self, rgb) -> np.ndarray:
        """A colour close to `rgb`: brighter or darker as a whole, a little off in hue."""
        return np.asarray(rgb, float) * self.u(0.82, 1.1) + self.rng.normal(0, 7, 3)
