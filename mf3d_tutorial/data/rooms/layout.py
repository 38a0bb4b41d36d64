"""A room's plan, its walls with their openings, and the rules that place things without letting them overlap."""

from dataclasses import dataclass

import numpy as np

from .kit import Kit, Thing
from .mesh import Mesh

_TOUCH = 0.002  # metres by which solids may sink into each other before it counts as an overlap


@dataclass
class Placed:
    """A thing at its place: origin (x, y, z) and heading in the room, and the wall it stands at (-1: none)."""

    thing: Thing
    x: float
    y: float
    z: float
    yaw: float
    edge: int = -1
    along: float = 0.0

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the thing's frame is in the room."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return self.x + c * x - s * y, self.y + s * x + c * y


def solids_of(thing: Thing, x: float, y: float, z: float, yaw: float) -> np.ndarray:
    """(P, 8) oriented boxes of a thing and its parts: centre x, y, cos and sin of the heading, half sizes, z0, z1."""
    c, s = np.cos(yaw), np.sin(yaw)
    low, high = thing.mesh.solids().transpose(1, 0, 2)
    mid, half = (low + high) / 2, (high - low) / 2
    rows = np.stack(
        [x + c * mid[:, 0] - s * mid[:, 1], y + s * mid[:, 0] + c * mid[:, 1], np.full(len(mid), c),
         np.full(len(mid), s), half[:, 0], half[:, 1], z + low[:, 2], z + high[:, 2]], 1
    )  # fmt: skip
    parts = [solids_of(t, x + c * a - s * b, y + s * a + c * b, z + h, yaw + turn) for t, a, b, h, turn in thing.parts]
    return np.concatenate([rows, *parts])


def overlap(a: np.ndarray, b: np.ndarray, touch: float = _TOUCH) -> np.ndarray:
    """(A, B) bool: which oriented boxes of `a` (A, 8+) and `b` (B, 8+) share volume (separating axes in the plan)."""
    a, b = a[:, None], b[None]
    hit = (np.minimum(a[..., 7], b[..., 7]) - np.maximum(a[..., 6], b[..., 6])) > touch
    dx, dy = b[..., 0] - a[..., 0], b[..., 1] - a[..., 1]
    cos = np.abs(a[..., 2] * b[..., 2] + a[..., 3] * b[..., 3])
    sin = np.abs(a[..., 2] * b[..., 3] - a[..., 3] * b[..., 2])
    for one, two in ((a, b), (b, a)):
        c, s = one[..., 2], one[..., 3]
        reach_x = one[..., 4] + two[..., 4] * cos + two[..., 5] * sin
        reach_y = one[..., 5] + two[..., 4] * sin + two[..., 5] * cos
        hit = hit & (np.abs(dx * c + dy * s) < reach_x - touch) & (np.abs(dy * c - dx * s) < reach_y - touch)
    return hit


def contains(polygon: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(P,) bool: which points (P, 2) lie inside the polygon (n, 2)."""
    a, b = polygon, np.roll(polygon, -1, 0)
    x, y = points[:, :1], points[:, 1:]
    rise = np.where(b[:, 1] == a[:, 1], 1.0, b[:, 1] - a[:, 1])
    crosses = ((a[:, 1] > y) != (b[:, 1] > y)) & (x < (b[:, 0] - a[:, 0]) * (y - a[:, 1]) / rise + a[:, 0])
    return crosses.sum(1) % 2 == 1


class Room:
    """A plan that fills with things. `solids` (S, 9) are oriented boxes as in `solids_of` and the owner's instance
    (-1: floor that doors need free)."""

    def __init__(self, kit: Kit, kind: str, polygon: np.ndarray, height: float, clutter: float = 1.0) -> None:
        self.kit, self.kind, self.polygon, self.height, self.clutter = kit, kind, polygon, height, clutter
        ahead = np.roll(polygon, -1, 0) - polygon
        self.lengths = np.hypot(*ahead.T)
        self.tangents = ahead / self.lengths[:, None]
        self.normals = np.stack([-self.tangents[:, 1], self.tangents[:, 0]], 1)
        self.openings: list[list[tuple]] = [[] for _ in polygon]
        self.labels: list[str] = []
        self.meshes: list[tuple[np.ndarray, np.ndarray, int, int]] = []  # vertices, faces, material, instance
        self.solids = np.zeros((0, 9))
        self.baseboard = kit.chance(0.5)

    # -- geometry ---------------------------------------------------------------------------------------------------
    def random_edge(self) -> int:
        """A wall, long ones more often."""
        return int(self.kit.rng.choice(len(self.lengths), p=self.lengths / self.lengths.sum()))

    def at_wall(self, edge: int, along: float, off: float) -> tuple[float, float, float]:
        """(x, y, yaw) of an origin `along` metres from the wall's start and `off` metres from it, its back to it."""
        x, y = self.polygon[edge] + self.tangents[edge] * along + self.normals[edge] * off
        return float(x), float(y), float(np.arctan2(-self.tangents[edge][1], -self.tangents[edge][0]))

    def fits(
        self, thing: Thing, x: float, y: float, z: float, yaw: float, slack: float = 0.0, zones: bool = True
    ) -> bool:
        """Whether the thing would stand inside the plan, below the ceiling and clear of everything placed (and, unless
        not `zones`, of the floor before doors and windows)."""
        boxes = solids_of(thing, x, y, z, yaw)
        c, s, hx, hy = boxes[:, 2], boxes[:, 3], boxes[:, 4], boxes[:, 5]
        corners = [np.stack([boxes[:, 0] + c * i * hx - s * j * hy, boxes[:, 1] + s * i * hx + c * j * hy], 1)
                   for i in (-1, 1) for j in (-1, 1)]  # fmt: skip
        if boxes[:, 7].max() > self.height - 0.01 or not contains(self.polygon, np.concatenate(corners)).all():
            return False
        posts = np.zeros((len(self.polygon), 8))  # a re-entrant corner of the plan must not stick into the thing
        posts[:, :2], posts[:, 2], posts[:, 4:6], posts[:, 7] = self.polygon, 1, 0.005, self.height
        grown = boxes + [0, 0, 0, 0, slack, slack, 0, 0]
        others = self.solids if zones else self.solids[self.solids[:, 8] >= 0]
        return not overlap(boxes, posts).any() and not overlap(grown, others).any()

    # -- placing ----------------------------------------------------------------------------------------------------
    def put(self, thing: Thing, x, y, z, yaw, edge: int = -1, along: float = 0.0) -> Placed:
        """Place without asking: meshes, instance labels and solids of the thing and, in turn, of its parts."""
        c, s = np.cos(yaw), np.sin(yaw)
        if thing.mesh.parts:
            self.draw(thing.label, Mesh().add(thing.mesh, x, y, z, yaw))
            boxes = solids_of(Thing(thing.label, thing.mesh), x, y, z, yaw)
            owner = np.full((len(boxes), 1), len(self.labels) - 1.0)
            self.solids = np.concatenate([self.solids, np.concatenate([boxes, owner], 1)])
        for part, px, py, pz, turn in thing.parts:
            self.put(part, x + c * px - s * py, y + s * px + c * py, z + pz, yaw + turn)
        return Placed(thing, x, y, z, yaw, edge, along)

    def draw(self, label: str, mesh: Mesh) -> None:
        """Add an instance that nothing has to keep clear of."""
        self.labels.append(label)
        self.meshes += [(v, f, m, len(self.labels) - 1) for v, f, m in mesh.parts]

    def try_put(self, thing: Thing, x, y, z, yaw, slack=0.0, zones=True, **where) -> Placed | None:
        return self.put(thing, x, y, z, yaw, **where) if self.fits(thing, x, y, z, yaw, slack, zones) else None

    def lay(self, thing: Thing) -> Placed | None:
        """Lay a rug anywhere on the floor; furniture stands on it."""
        k, low, high = self.kit, self.polygon.min(0), self.polygon.max(0)
        empty = Room(k, self.kind, self.polygon, self.height)
        for _ in range(40):
            x, y, yaw = k.u(low[0], high[0]), k.u(low[1], high[1]), k.n(0, 1) * np.pi / 2 + k.u(-0.1, 0.1)
            if empty.fits(thing, x, y, 0.0, yaw):
                self.draw(thing.label, Mesh().add(thing.mesh, x, y, 0.0, yaw))
                return Placed(thing, x, y, 0.0, yaw)
        return None

    def against_wall(self, thing: Thing, corner: float, z: float = 0.0) -> Placed | None:
        """Back to a random wall; in `corner` of the tries right at a wall's end. None when no try fits."""
        (x0, _, _), (x1, y1, _) = thing.bounds()
        gap = (0.02 if self.baseboard and z < 0.1 else 0.004) + self.kit.pick([0, 0, 0.01, 0.04]) * (z < 0.1)
        for _ in range(30):
            edge = self.random_edge()
            low, high = x1 + 0.02, self.lengths[edge] + x0 - 0.02  # local x runs against the wall's direction
            if high <= low:
                continue
            along = self.kit.pick([low, high]) if self.kit.chance(corner) else self.kit.u(low, high)
            where = self.at_wall(edge, along, y1 + gap)
            if placed := self.try_put(thing, *where[:2], z, where[2], edge=edge, along=along):
                return placed
        return None

    def beside(self, placed: Placed, thing: Thing, gap: float) -> Placed | None:
        """Next to something at a wall, on either side, backs in line: touching neighbours."""
        (a0, _, _), (a1, ay, _) = placed.thing.bounds()
        (b0, _, _), (b1, by, _) = thing.bounds()
        for side in self.kit.pick([(1, -1), (-1, 1)]):
            move = a1 - b0 + gap if side > 0 else a0 - b1 - gap
            x, y = placed.point(move, ay - by)
            found = self.try_put(thing, x, y, placed.z, placed.yaw, edge=placed.edge, along=placed.along - move)
            if found:
                return found
        return None

    def over(self, placed: Placed, thing: Thing, z: float) -> Placed | None:
        """Hung on the wall above something that stands at it, its lower edge at z."""
        if placed.edge < 0:
            return None
        x, y, yaw = self.at_wall(placed.edge, placed.along + self.kit.u(-0.05, 0.05), thing.bounds()[1][1] + 0.004)
        return self.try_put(thing, x, y, z, yaw, edge=placed.edge, along=placed.along)

    def anywhere(self, thing: Thing, turn: float, z: float = 0.0) -> Placed | None:
        """Where it is free at height z, turned by at most `turn` radians from the directions of the room."""
        low, high = self.polygon.min(0), self.polygon.max(0)
        for _ in range(40):
            x, y = self.kit.u(low[0], high[0]), self.kit.u(low[1], high[1])
            yaw = self.kit.n(0, 3) * np.pi / 2 + self.kit.u(-turn, turn)
            if placed := self.try_put(thing, x, y, z, yaw, slack=0.05):
                return placed
        return None

    def rows(self, thing: Thing) -> list[Placed]:
        """Equal things in rows through the whole room, as in a classroom."""
        (x0, y0), (x1, y1) = self.polygon.min(0) + 0.8, self.polygon.max(0) - 0.8
        step_x, step_y = np.ptp(thing.bounds()[:, 0]) + self.kit.pick([0.01, 0.4]), self.kit.u(1.25, 1.6)
        spots = [(x, y) for y in np.arange(y0 + 0.4, y1, step_y) for x in np.arange(x0 + 0.2, x1, step_x)]
        return [placed for x, y in spots if (placed := self.try_put(thing, x, y, 0.0, 0.0, slack=0.0))]

    def on_top(self, placed: Placed, thing: Thing, at: list[float] | None = None) -> Placed | None:
        """On one of the places that something offers. `at` gives fractions (across, to the back) of that place, -1 for
        any; without it the thing lies anywhere, a little askew."""
        yaw = self.kit.u(-0.12, 0.12) if at else self.kit.u(-0.5, 0.5)
        c, s = np.cos(yaw), np.sin(yaw)
        low, high = thing.bounds()
        mid, half = (low + high) / 2, (high - low) / 2
        hx, hy = half[0] * c + half[1] * abs(s), half[1] * c + half[0] * abs(s)
        for _ in range(8 if placed.thing.tops else 0):
            x0, x1, y0, y1, z, free = self.kit.pick(placed.thing.tops)
            if high[2] - low[2] > free or x1 - x0 < 2 * hx or y1 - y0 < 2 * hy:
                continue
            fx, fy = (self.kit.u(0, 1) if f < 0 else f for f in (at or (-1, -1)))
            px = x0 + hx + fx * (x1 - x0 - 2 * hx) - (c * mid[0] - s * mid[1])
            py = y0 + hy + fy * (y1 - y0 - 2 * hy) - (s * mid[0] + c * mid[1])
            x, y = placed.point(px, py)
            if found := self.try_put(thing, x, y, placed.z + z - low[2], placed.yaw + yaw):
                return found
        return None

    def in_front(self, placed: Placed, thing: Thing, gap: float, aside: float, face: bool) -> Placed | None:
        """With `gap` metres of air before something's front, turned towards it or, not `face`, the same way."""
        ahead = placed.thing.bounds()[0][1] - gap + (thing.bounds()[0][1] if face else -thing.bounds()[1][1])
        x, y = placed.point(aside, ahead)
        return self.try_put(thing, x, y, 0.0, placed.yaw + np.pi * face + self.kit.u(-0.12, 0.12))

    def around(self, placed: Placed, thing: Thing, most: int) -> list[Placed]:
        """Up to `most` equal chairs along the four sides, pushed in by various amounts."""
        (x0, y0, _), (x1, y1, _) = placed.thing.bounds()
        spots, found, deep = [], [], -thing.bounds()[0][1]
        for side, (length, reach) in enumerate([(x1 - x0, -y0), (y1 - y0, x1), (x1 - x0, y1), (y1 - y0, -x0)]):
            n = max(1, int(length / 0.62))
            spots += [(side * np.pi / 2, ((i + 0.5) / n - 0.5) * length, reach + deep) for i in range(n)]
        for i in self.kit.rng.permutation(len(spots)):
            side, across, out = spots[i]
            for push in (self.kit.u(0.05, 0.3), self.kit.u(-0.3, -0.03)):
                c, s = np.cos(side), np.sin(side)
                x, y = placed.point(c * across + s * (out - push), s * across - c * (out - push))
                yaw = placed.yaw + side + np.pi + self.kit.u(-0.15, 0.15)
                if chair := self.try_put(thing, x, y, 0.0, yaw):
                    found.append(chair)
                    break
            if len(found) >= most:
                break
        return found
