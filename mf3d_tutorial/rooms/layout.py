"""A room's plan and the rules that place things in it without letting them overlap."""

from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path as Outline

from .kit import Kit, Thing
from .mesh import Mesh, Pose

_TOUCH = 0.002  # metres by which solids may sink into each other before it counts as an overlap


@dataclass
class Placed:
    """A thing at its place, and the wall it stands at (-1: none) with the distance from that wall's
    start."""

    thing: Thing
    pose: Pose
    edge: int = -1
    along: float = 0.0


def overlap(a: np.ndarray, b: np.ndarray, touch: float = _TOUCH) -> np.ndarray:
    """(A, B) bool: which oriented boxes of `a` (A, 8+) and `b` (B, 8+) share volume (separating
    axes in the plan)."""
    a, b = a[:, None], b[None]
    hit = (np.minimum(a[..., 7], b[..., 7]) - np.maximum(a[..., 6], b[..., 6])) > touch
    dx, dy = b[..., 0] - a[..., 0], b[..., 1] - a[..., 1]
    cos = np.abs(a[..., 2] * b[..., 2] + a[..., 3] * b[..., 3])
    sin = np.abs(a[..., 2] * b[..., 3] - a[..., 3] * b[..., 2])
    for one, two in ((a, b), (b, a)):
        c, s = one[..., 2], one[..., 3]
        reach_x = one[..., 4] + two[..., 4] * cos + two[..., 5] * sin
        reach_y = one[..., 5] + two[..., 4] * sin + two[..., 5] * cos
        hit = (
            hit
            & (np.abs(dx * c + dy * s) < reach_x - touch)
            & (np.abs(dy * c - dx * s) < reach_y - touch)
        )
    return hit


def _near(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Those of `others` whose surrounding square meets the one around all `boxes`: only they can
    overlap."""
    reach, radius = (np.hypot(b[:, 4], b[:, 5])[:, None] for b in (boxes, others))
    low, high = (boxes[:, :2] - reach).min(0), (boxes[:, :2] + reach).max(0)
    return others[((others[:, :2] + radius > low) & (others[:, :2] - radius < high)).all(1)]


def contains(polygon: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(P,) bool: which points (P, 2) lie inside the counter-clockwise polygon (n, 2) or on its
    edge."""
    return Outline(polygon).contains_points(points, radius=1e-9)


def _corners(boxes: np.ndarray) -> list[np.ndarray]:
    """The four corners in the plan, each (P, 2), of oriented boxes (P, 8)."""
    x, y, c, s, half_x, half_y = boxes.T[:6]
    return [
        np.stack([x + c * i * half_x - s * j * half_y, y + s * i * half_x + c * j * half_y], 1)
        for i in (-1, 1)
        for j in (-1, 1)
    ]


class Room:
    """A plan that fills with things. `solids` (S, 9) are oriented boxes as in `Mesh.solids` and the
    owner's instance (-1: floor that doors need free). Each way of placing returns what it placed,
    an empty list if nothing fits."""

    def __init__(
        self, kit: Kit, kind: str, polygon: np.ndarray, height: float, clutter: float = 1.0
    ) -> None:
        self.kit = kit
        self.kind = kind
        self.polygon = polygon
        self.height = height
        self.clutter = clutter
        ahead = np.roll(polygon, -1, 0) - polygon
        self.lengths = np.hypot(*ahead.T)
        self.tangents = ahead / self.lengths[:, None]
        self.normals = np.stack([-self.tangents[:, 1], self.tangents[:, 0]], 1)
        self.openings: list[list[tuple]] = [[] for _ in polygon]
        # walls that take no opening, since another room lies behind them
        self.blind: set[int] = set()
        self.labels: list[str] = []
        # vertices, faces, material, instance
        self.meshes: list[tuple[np.ndarray, np.ndarray, int, int]] = []
        self.solids = np.zeros((0, 9))
        self.baseboard = kit.chance(0.5)
        self.polygons = [polygon]  # of this room and of those that it has absorbed
        # wall it comes down to, its height there, its slope
        self.roof: tuple[int, float, float] | None = None

    def extent(self) -> tuple[np.ndarray, np.ndarray]:
        """Low and high corner (2,) of all polygons together."""
        corners = np.concatenate(self.polygons)
        return corners.min(0), corners.max(0)

    def area(self) -> float:
        """Square metres of the rectangle around all polygons."""
        low, high = self.extent()
        return (high - low).prod()

    def inside(self, points: np.ndarray) -> np.ndarray:
        """(P,) bool: which points (P, 2) lie in one of the polygons."""
        return np.any([contains(polygon, points) for polygon in self.polygons], 0)

    def absorb(self, other: "Room") -> None:
        """Take over all that stands in another room, which borders on this one."""
        first = len(self.labels)
        self.labels += other.labels
        self.meshes += [(v, f, m, i + first) for v, f, m, i in other.meshes]
        owner = np.where(other.solids[:, 8:] >= 0, other.solids[:, 8:] + first, -1)
        self.solids = np.concatenate([self.solids, np.concatenate([other.solids[:, :8], owner], 1)])
        self.polygons += other.polygons

    def outer(self, edge: int) -> bool:
        """Whether the whole room lies on one side of that wall."""
        return bool(((self.polygon - self.polygon[edge]) @ self.normals[edge] > -0.01).all())

    def random_edge(self) -> int:
        """A wall, long ones more often."""
        return int(self.kit.rng.choice(len(self.lengths), p=self.lengths / self.lengths.sum()))

    def at_wall(self, edge: int, along: float, off: float = 0.0, z: float = 0.0) -> Pose:
        """The pose `along` metres from the wall's start and `off` metres from it, back to the
        wall."""
        x, y = self.polygon[edge] + self.tangents[edge] * along + self.normals[edge] * off
        return Pose(
            float(x),
            float(y),
            z,
            float(np.arctan2(-self.tangents[edge][1], -self.tangents[edge][0])),
        )

    def fits(self, thing: Thing, pose: Pose, slack: float = 0.0, zones: bool = True) -> bool:
        """Whether the thing would stand inside the plan, below the ceiling and clear of everything
        placed (and, unless not `zones`, of the floor before doors and windows)."""
        boxes = thing.solids(pose)
        if (
            not self.below_ceiling(boxes)
            or not contains(self.polygon, np.concatenate(_corners(boxes))).all()
        ):
            return False
        # a re-entrant corner of the plan must not stick into the thing
        posts = np.zeros((len(self.polygon), 8))
        posts[:, :2], posts[:, 2], posts[:, 4:6], posts[:, 7] = self.polygon, 1, 0.005, self.height
        grown = boxes + [0, 0, 0, 0, slack, slack, 0, 0]
        others = self.solids if zones else self.solids[self.solids[:, 8] >= 0]
        return not overlap(boxes, posts).any() and not overlap(grown, _near(grown, others)).any()

    def below_ceiling(self, boxes: np.ndarray) -> bool:
        """Whether oriented boxes (P, 8) stay below the ceiling, and below the roof if the room has
        one."""
        if boxes[:, 7].max() > self.height - 0.01:
            return False
        if self.roof is None:
            return True
        edge, low, slope = self.roof
        off = np.min(
            [(corner - self.polygon[edge]) @ self.normals[edge] for corner in _corners(boxes)], 0
        )
        return bool((boxes[:, 7] < low + slope * off - 0.01).all())

    def draw(self, label: str, mesh: Mesh) -> None:
        """Add an instance that nothing has to keep clear of."""
        self.labels.append(label)
        self.meshes += [(v, f, m, len(self.labels) - 1) for v, f, m in mesh.parts]

    def put(self, thing: Thing, pose: Pose) -> None:
        """Place without asking."""
        for label, mesh, where in thing.pieces(pose):
            self.draw(label, Mesh().add(mesh, *where))
            self.solids = np.concatenate(
                [self.solids, np.insert(mesh.solids(where), 8, len(self.labels) - 1, axis=1)]
            )

    def try_put(
        self, thing: Thing, pose: Pose, slack=0.0, zones=True, edge=-1, along=0.0
    ) -> list[Placed]:
        """Put the thing there if it fits: what was placed, or an empty list."""
        if not self.fits(thing, pose, slack, zones):
            return []
        self.put(thing, pose)
        return [Placed(thing, pose, edge, along)]

    def anywhere(
        self, thing: Thing, turn: float, z: float = 0.0, headings: int = 4
    ) -> list[Placed]:
        """Where it is free at height z, along a direction of the room but for at most `turn`
        radians."""
        low, high = self.polygon.min(0), self.polygon.max(0)
        for _ in range(40):
            x, y = self.kit.u(low[0], high[0]), self.kit.u(low[1], high[1])
            yaw = self.kit.n(0, headings - 1) * np.pi / 2 + self.kit.u(-turn, turn)
            if found := self.try_put(thing, Pose(x, y, z, yaw), slack=0.05):
                return found
        return []

    def lay(self, rug: Thing) -> list[Placed]:
        """Anywhere on the floor; furniture stands on it."""
        found = Room(self.kit, self.kind, self.polygon, self.height).anywhere(rug, 0.1, headings=2)
        for placed in found:
            self.draw(rug.label, Mesh().add(rug.mesh, *placed.pose))
        return found

    def against_wall(self, thing: Thing, corner: float, z: float = 0.0) -> list[Placed]:
        """Back to a random wall; in `corner` of the tries right at a wall's end."""
        (x0, _, _), (x1, y1, _) = thing.bounds()
        gap = (0.02 if self.baseboard and z < 0.1 else 0.004) + self.kit.pick(
            [0, 0, 0.01, 0.04]
        ) * (z < 0.1)
        for _ in range(30):
            edge = self.random_edge()
            # local x runs against the wall's direction
            low, high = x1 + 0.02, self.lengths[edge] + x0 - 0.02
            if high <= low:
                continue
            along = self.kit.pick([low, high]) if self.kit.chance(corner) else self.kit.u(low, high)
            pose = self.at_wall(edge, along, y1 + gap, z)
            if found := self.try_put(thing, pose, edge=edge, along=along):
                return found
        return []

    def beside(self, placed: Placed, thing: Thing, gap: float) -> list[Placed]:
        """Next to something at a wall, on either side, backs in line: touching neighbours."""
        (a0, _, _), (a1, ay, _) = placed.thing.bounds()
        (b0, _, _), (b1, by, _) = thing.bounds()
        right, left = a1 - b0 + gap, a0 - b1 - gap
        for move in self.kit.pick([(right, left), (left, right)]):
            pose, along = placed.pose.at(move, ay - by), placed.along - move
            if found := self.try_put(thing, pose, edge=placed.edge, along=along):
                return found
        return []

    def over(self, placed: Placed, thing: Thing, z: float) -> list[Placed]:
        """Hung on the wall above something that stands at it, its lower edge at z."""
        if placed.edge < 0:
            return []
        along, off = placed.along + self.kit.u(-0.05, 0.05), thing.bounds()[1][1] + 0.004
        pose = self.at_wall(placed.edge, along, off, z)
        return self.try_put(thing, pose, edge=placed.edge, along=placed.along)

    def rows(self, thing: Thing) -> list[Placed]:
        """Equal things in rows through the whole room, as in a classroom."""
        (x0, y0), (x1, y1) = self.polygon.min(0) + 0.8, self.polygon.max(0) - 0.8
        step_x = np.ptp(thing.bounds()[:, 0]) + self.kit.pick([0.01, 0.4])
        step_y = self.kit.u(1.25, 1.6)
        spots = [
            Pose(x, y)
            for y in np.arange(y0 + 0.4, y1, step_y)
            for x in np.arange(x0 + 0.2, x1, step_x)
        ]
        return [placed for spot in spots for placed in self.try_put(thing, spot)]

    def on_top(self, placed: Placed, thing: Thing, at: list[float] | None = None) -> list[Placed]:
        """On one of the places that something offers. `at` gives fractions (across, to the back) of
        that place, -1 for any; without it the thing lies anywhere, a little askew."""
        yaw = self.kit.u(-0.12, 0.12) if at else self.kit.u(-0.5, 0.5)
        low, high = thing.bounds()
        mid, half = (low + high) / 2, (high - low) / 2
        c, s = np.cos(yaw), np.sin(yaw)
        half_x, half_y = half[0] * c + half[1] * abs(s), half[1] * c + half[0] * abs(s)
        middle = Pose(yaw=yaw).at(mid[0], mid[1])
        for _ in range(8 if placed.thing.tops else 0):
            x0, x1, y0, y1, z, free = self.kit.pick(placed.thing.tops)
            if high[2] - low[2] > free or x1 - x0 < 2 * half_x or y1 - y0 < 2 * half_y:
                continue
            across, back = (self.kit.u(0, 1) if share < 0 else share for share in (at or (-1, -1)))
            x = x0 + half_x + across * (x1 - x0 - 2 * half_x) - middle.x
            y = y0 + half_y + back * (y1 - y0 - 2 * half_y) - middle.y
            if found := self.try_put(thing, placed.pose.at(x, y, z - low[2], yaw)):
                return found
        return []

    def in_front(
        self, placed: Placed, thing: Thing, gap: float, aside: float, away: bool
    ) -> list[Placed]:
        """With `gap` metres of air before something's front, turned towards it or, if `away`, the
        same way."""
        ahead = (
            placed.thing.bounds()[0][1]
            - gap
            + (-thing.bounds()[1][1] if away else thing.bounds()[0][1])
        )
        yaw = (0 if away else np.pi) + self.kit.u(-0.12, 0.12)
        return self.try_put(thing, placed.pose.at(aside, ahead, 0, yaw))

    def around(self, placed: Placed, thing: Thing, most: int) -> list[Placed]:
        """Up to `most` equal chairs along the four sides, pushed in by various amounts."""
        (x0, y0, _), (x1, y1, _) = placed.thing.bounds()
        spots, found, deep = [], [], -thing.bounds()[0][1]
        for side, (length, reach) in enumerate(
            [(x1 - x0, -y0), (y1 - y0, x1), (x1 - x0, y1), (y1 - y0, -x0)]
        ):
            n = max(1, int(length / 0.62))
            spots += [
                (side * np.pi / 2, ((i + 0.5) / n - 0.5) * length, reach + deep) for i in range(n)
            ]
        for i in self.kit.rng.permutation(len(spots)):
            side, across, out = spots[i]
            for push in (self.kit.u(0.05, 0.3), self.kit.u(-0.3, -0.03)):
                seat = Pose(yaw=side).at(across, push - out, 0, np.pi + self.kit.u(-0.15, 0.15))
                if chair := self.try_put(thing, placed.pose.at(*seat)):
                    found += chair
                    break
            if len(found) >= most:
                break
        return found
