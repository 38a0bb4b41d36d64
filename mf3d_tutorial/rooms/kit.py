"""What furniture is made with: one room's random choices and paints, and the `Thing` that placement
moves about."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from .mesh import Mesh, Pose

if TYPE_CHECKING:
    from .domain import Domain

_ORIGIN = Pose()
# materials that keep their look in every room
_PLAIN = ("white", "dark", "metal", "mirror", "glass", "leaf")
Range = float | list[float]  # a number, or [low, high] to draw it from


def draw(rng: np.random.Generator, value: Range) -> float:
    """A number as it is, without touching `rng`; of [low, high] a new one."""
    if not isinstance(value, list):
        return value
    low, high = value
    return float(rng.uniform(low, high))


@dataclass(frozen=True)
class PaintSettings:
    """How far the colours of a room depart from the palettes of paints.yaml."""

    bright: list[float]  # factor on a palette's colour
    hue: float  # standard deviation added to each channel, of 255
    wild: float  # share of materials with random colours and any of the domain's patterns
    shared_wood: float  # share of the wood in a room that is one and the same


@dataclass
class Thing:
    """One object (or a group of them) in its own frame.

    `label` is a ScanNet raw category; without a mesh of its own the thing is a group, which only
    carries `parts`. `tops` are places to put things on: (x0, x1, y0, y1, z, free height above).
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

    def stretched(self, x: float, y: float, z: float) -> "Thing":
        """A copy that is so many times as wide, deep and high."""
        tops = [
            (x0 * x, x1 * x, y0 * y, y1 * y, height * z, free)
            for x0, x1, y0, y1, height, free in self.tops
        ]
        parts = [
            (part.stretched(x, y, z), Pose(at.x * x, at.y * y, at.z * z, at.yaw))
            for part, at in self.parts
        ]
        return Thing(self.label, self.mesh.scaled(x, y, z), tops, parts)

    def solids(self, pose: Pose = _ORIGIN) -> np.ndarray:
        """(P, 8) oriented boxes as in `Mesh.solids`, parts included."""
        return np.concatenate([mesh.solids(where) for _, mesh, where in self.pieces(pose)])

    def bounds(self) -> np.ndarray:
        """(2, 3) low and high corner, parts included."""
        x, y, c, s, half_x, half_y, z0, z1 = self.solids().T
        reach_x = np.abs(c) * half_x + np.abs(s) * half_y
        reach_y = np.abs(s) * half_x + np.abs(c) * half_y
        low, high = (x - reach_x, y - reach_y, z0), (x + reach_x, y + reach_y, z1)
        return np.stack([np.min(low, 1), np.max(high, 1)])


class Kit:
    """Random choices of one room. Pieces made by one kit often share their wood, so that a set
    looks like a set.

    `paints` collects the materials in use: (pattern, rgb, rgb2, size, loss); a material is its
    index there.
    """

    def __init__(self, rng: np.random.Generator, domain: "Domain") -> None:
        self.rng, self.domain, self.paints = rng, domain, []
        self._shared = {
            "wood": self._mix("wood"),
            "front": self._mix(self.pick(["lacquer", "lacquer", "wood"])),
        }

    def make(self, name: str) -> Thing:
        """A new thing of the domain; KeyError if it has none of that name."""
        return self.domain.make(self, name)

    def u(self, low: float, high: float) -> float:
        """A number between low and high."""
        return float(self.rng.uniform(low, high))

    def n(self, low: int, high: int) -> int:
        """Integer in low..high, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, p: float) -> bool:
        """Whether something of probability p happens."""
        return bool(self.rng.random() < p)

    def has(self, p: float) -> bool:
        """`chance` for what some domains lack: p = 0 draws no number, so that it changes nothing
        there."""
        return p > 0 and self.chance(p)

    def pick(self, options):
        """One of the options."""
        return options[int(self.rng.integers(len(options)))]

    def paint(self, *names: str) -> int:
        """A material of one of these kinds of paints.yaml; "front" is what this room's fitted
        furniture has."""
        name = self.pick(names)
        if name in self._shared and (name == "front" or self.chance(self.domain.paint.shared_wood)):
            return self._shared[name]
        return self._mix(name)

    def _mix(self, name: str) -> int:
        second: list[Any]  # colours, or two factors of the first colour
        patterns, first, second, sizes, losses = self.domain.paints[name]
        if name not in _PLAIN and self.has(self.domain.paint.wild):
            patterns = sorted(
                {pattern for kind, *_ in self.domain.paints.values() for pattern in kind}
            )
            first, second = [[self.rng.uniform(10, 245, 3)]], [[self.rng.uniform(10, 245, 3)]]
        rgb = self._near(self.pick(list(chain(*first))))
        rgb2 = (
            self._near(self.pick(list(chain(*second))))
            if isinstance(second[0], list)
            else rgb * self.u(*second)
        )
        pattern, size, loss = self.pick(patterns), self.u(*sizes), self.pick(losses)
        self.paints.append((pattern, np.clip(rgb, 4, 252), np.clip(rgb2, 4, 252), size, loss))
        return len(self.paints) - 1

    def _near(self, rgb) -> np.ndarray:
        """A colour close to `rgb`: brighter or darker as a whole, a little off in hue."""
        settings = self.domain.paint
        return np.asarray(rgb, float) * self.u(*settings.bright) + self.rng.normal(
            0, settings.hue, 3
        )
