"""What furniture is made with: one room's random choices and paints, and the `Thing` that placement moves about."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml

from .mesh import Mesh


@lru_cache
def _paints() -> dict[str, tuple]:
    """name -> patterns, colours, second colours or factors, sizes, losses: `paints.yaml`, its palettes filled in."""
    read = yaml.safe_load(Path(__file__).with_name("paints.yaml").read_text())

    def colours(names: list) -> list:
        return [rgb for name in names for rgb in (read["palettes"][name] if isinstance(name, str) else [name])]

    return {
        name: (patterns, colours(first), colours(second) if isinstance(second[0], str) else tuple(second), *rest)
        for name, (patterns, first, second, *rest) in read["paints"].items()
    }


@dataclass
class Thing:
    """One object (or a group of them) in its own frame.

    `label` is a ScanNet raw category; "" makes a group without geometry of its own, carried by `parts`:
    (thing, x, y, z, yaw) in this frame. `tops` are places to put things on: (x0, x1, y0, y1, z, free height above).
    """

    label: str
    mesh: Mesh = field(default_factory=Mesh)
    tops: list[tuple] = field(default_factory=list)
    parts: list[tuple] = field(default_factory=list)

    def bounds(self) -> np.ndarray:
        """(2, 3) low and high corner, parts included."""
        found = [self.mesh.bounds()] if self.mesh.parts else []
        for thing, x, y, z, yaw in self.parts:
            (x0, y0, z0), (x1, y1, z1) = thing.bounds()
            c, s = np.cos(yaw), np.sin(yaw)
            xs = [x + c * a - s * b for a in (x0, x1) for b in (y0, y1)]
            ys = [y + s * a + c * b for a in (x0, x1) for b in (y0, y1)]
            found.append(np.array([[min(xs), min(ys), z + z0], [max(xs), max(ys), z + z1]]))
        found = np.array(found)
        return np.stack([found[:, 0].min(0), found[:, 1].max(0)])


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
        patterns, colours, second, sizes, losses = _paints()[name]
        rgb = self._near(self.pick(colours))
        rgb2 = self._near(self.pick(second)) if isinstance(second, list) else rgb * self.u(*second)
        pattern, size, loss = self.pick(patterns), self.u(*sizes), self.pick(losses)
        self.paints.append((pattern, np.clip(rgb, 4, 252), np.clip(rgb2, 4, 252), size, loss))
        return len(self.paints) - 1

    def _near(self, rgb) -> np.ndarray:
        """A colour close to `rgb`: brighter or darker as a whole, a little off in hue."""
        return np.asarray(rgb, float) * self.u(0.82, 1.1) + self.rng.normal(0, 7, 3)
