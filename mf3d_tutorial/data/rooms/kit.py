"""What furniture is made with: one room's random numbers, its palette, and the `Thing` that placement moves about."""

from dataclasses import dataclass, field

import numpy as np

from .mesh import Materials, Mesh

_WOODS = [(190, 147, 100), (128, 86, 56), (208, 178, 138), (84, 58, 44), (160, 104, 66), (226, 216, 200), (112, 98, 86)]
_WALLS = [(226, 222, 212), (214, 208, 196), (200, 194, 184), (222, 214, 190), (196, 206, 206), (206, 212, 196),
          (222, 200, 184), (182, 188, 196), (238, 236, 230), (196, 178, 150)]  # fmt: skip
_CLOTHS = [(120, 118, 114), (74, 80, 92), (182, 172, 156), (214, 206, 192), (96, 66, 54), (60, 78, 110), (122, 52, 50),
           (92, 112, 84), (206, 190, 150), (44, 44, 50), (160, 128, 92), (150, 160, 176), (190, 120, 70)]  # fmt: skip
_VIVID = [(190, 44, 40), (40, 84, 160), (46, 124, 70), (226, 178, 50), (232, 232, 228), (32, 34, 38), (226, 120, 40),
          (110, 60, 130), (70, 160, 180), (206, 120, 150), (150, 110, 70), (120, 126, 132)]  # fmt: skip


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
        """(2, 3) low and high corner, parts included (a part's turn is taken into account)."""
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
    """Random choices of one room. Pieces made by one kit often share wood, so that a set looks like a set."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.materials = rng, Materials()
        self._wood = self.wood(fresh=True)
        self._front = self.paint()

    def u(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def n(self, low: int, high: int) -> int:
        """Integer in low..high, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def near(self, rgb, spread: float = 14) -> np.ndarray:
        """A colour close to `rgb`: brighter or darker as a whole, a little off in hue."""
        return np.asarray(rgb, float) * self.u(0.82, 1.12) + self.rng.normal(0, spread / 2, 3)

    def wood(self, fresh: bool = False) -> int:
        if not fresh and self.chance(0.65):
            return self._wood
        rgb = self.near(self.pick(_WOODS))
        return self.materials.add("wood", rgb, rgb * self.u(0.72, 0.92), self.u(0.04, 0.12), self.pick([0, 0, 0.1]))

    def paint(self) -> int:
        """Lacquered board: white, grey or now and then a colour."""
        rgb = self.near(self.pick(_WALLS + [(240, 240, 238)] * 6 + _VIVID[:3]))
        return self.materials.add("plain", rgb, loss=self.pick([0, 0, 0.15]))

    def front(self) -> int:
        """Material of fitted furniture: the same one all over the room."""
        return self._front if self.chance(0.5) else self._wood

    def wall(self) -> tuple:
        return self.pick(_WALLS)

    def metal(self) -> int:
        rgb = self.near(self.pick([(150, 152, 156), (190, 190, 192), (46, 46, 50), (110, 104, 96)]))
        return self.materials.add("plain", rgb, loss=self.u(0.1, 0.5))

    def dark(self) -> int:
        """Black plastic or glass, which a depth camera sees badly."""
        return self.materials.add("plain", self.near((34, 35, 38), 8), loss=self.u(0.15, 0.65))

    def white(self) -> int:
        return self.materials.add("plain", self.near((232, 232, 228), 6), loss=self.pick([0, 0.1, 0.25]))

    def plastic(self) -> int:
        return self.materials.add("plain", self.near(self.pick(_VIVID)), loss=self.pick([0, 0, 0.2]))

    def cloth(self) -> int:
        rgb = self.near(self.pick(_CLOTHS + _VIVID[:3]))
        rgb2 = self.near(self.pick(_CLOTHS)) if self.chance(0.3) else rgb * self.u(0.75, 1.2)
        pattern = self.pick(["cloth"] * 5 + ["stripes", "checks", "print", "plain"])
        return self.materials.add(pattern, rgb, rgb2, self.u(0.05, 0.2))

    def fabric(self) -> int:
        """Upholstery: plain cloth or leather."""
        rgb = self.near(self.pick(_CLOTHS))
        return self.materials.add(self.pick(["cloth", "cloth", "plain"]), rgb, rgb * 0.85, 0.08, self.pick([0, 0, 0.1]))

    def printed(self) -> int:
        """Something with a picture or writing on it."""
        colours = self.near(self.pick(_VIVID + _CLOTHS)), self.near(self.pick(_VIVID + _WALLS))
        return self.materials.add(self.pick(["print", "print", "text", "plain"]), *colours, self.u(0.08, 0.3))

    def cloth_rgb(self) -> np.ndarray:
        return self.near(self.pick(_CLOTHS + _VIVID[:4]))
