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


def plan(kit: Kit, width: float, depth: float) -> np.ndarray:
    """(n, 2) counter-clockwise outline: a rectangle whose corners may be cut out (L, T, Z, niche) or chamfered."""
    corners = np.array([[0, 0], [width, 0], [width, depth], [0, depth]], float)
    cuts = [kit.pick(["", "", "", "notch"]) if kit.chance(0.75) else kit.pick(["", "chamfer"]) for _ in range(4)]
    points, mid = [], np.array([width / 2, depth / 2])
    for i, (corner, cut) in enumerate(zip(corners, cuts)):
        size = np.array([width * kit.u(0.12, 0.38), depth * kit.u(0.12, 0.38)]) * np.sign(mid - corner)
        along_x, along_y = corner + [size[0], 0], corner + [0, size[1]]
        before, after = (along_y, along_x) if i % 2 == 0 else (along_x, along_y)
        if cut == "notch":
            points += [before, corner + size, after]
        elif cut == "chamfer":
            points += [corner + (before - corner) * 0.6, corner + (after - corner) * 0.6]
        else:
            points.append(corner)
    return np.array(points)


class Room:
    """A plan that fills with things. `solids` (S, 9) are oriented boxes as in `solids_of` and the owner's instance
    (-1: floor that doors need free)."""

    def __init__(self, kit: Kit, kind: str, polygon: np.ndarray, height: float) -> None:
        self.kit, self.kind, self.polygon, self.height = kit, kind, polygon, height
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
    def at_wall(self, edge: int, along: float, off: float) -> tuple[float, float, float]:
        """(x, y, yaw) of an origin `along` metres from the wall's start and `off` metres from it, its back to it."""
        x, y = self.polygon[edge] + self.tangents[edge] * along + self.normals[edge] * off
        return float(x), float(y), float(np.arctan2(-self.tangents[edge][1], -self.tangents[edge][0]))

    def fits(self, thing: Thing, x: float, y: float, z: float, yaw: float, slack: float = 0.0) -> bool:
        """Whether the thing would stand inside the plan, below the ceiling and clear of everything placed."""
        boxes = solids_of(thing, x, y, z, yaw)
        c, s, hx, hy = boxes[:, 2], boxes[:, 3], boxes[:, 4], boxes[:, 5]
        corners = [np.stack([boxes[:, 0] + c * i * hx - s * j * hy, boxes[:, 1] + s * i * hx + c * j * hy], 1)
                   for i in (-1, 1) for j in (-1, 1)]  # fmt: skip
        if boxes[:, 7].max() > self.height - 0.01 or not contains(self.polygon, np.concatenate(corners)).all():
            return False
        posts = np.zeros((len(self.polygon), 8))  # a re-entrant corner of the plan must not stick into the thing
        posts[:, :2], posts[:, 2], posts[:, 4:6], posts[:, 7] = self.polygon, 1, 0.005, self.height
        grown = boxes + [0, 0, 0, 0, slack, slack, 0, 0]
        return not overlap(boxes, posts).any() and not overlap(grown, self.solids).any()

    # -- placing ----------------------------------------------------------------------------------------------------
    def put(self, thing: Thing, x, y, z, yaw, edge: int = -1, along: float = 0.0) -> Placed:
        """Place without asking: meshes, instance labels and solids of the thing and, in turn, of its parts."""
        c, s = np.cos(yaw), np.sin(yaw)
        if thing.mesh.parts:
            self.labels.append(thing.label)
            self._draw(Mesh().add(thing.mesh, x, y, z, yaw), len(self.labels) - 1)
            boxes = solids_of(Thing(thing.label, thing.mesh), x, y, z, yaw)
            owner = np.full((len(boxes), 1), len(self.labels) - 1.0)
            self.solids = np.concatenate([self.solids, np.concatenate([boxes, owner], 1)])
        for part, px, py, pz, turn in thing.parts:
            self.put(part, x + c * px - s * py, y + s * px + c * py, z + pz, yaw + turn)
        return Placed(thing, x, y, z, yaw, edge, along)

    def _draw(self, mesh: Mesh, instance: int) -> None:
        self.meshes += [(v, f, m, instance) for v, f, m in mesh.parts]

    def try_put(self, thing: Thing, x, y, z, yaw, slack: float = 0.0, **where) -> Placed | None:
        return self.put(thing, x, y, z, yaw, **where) if self.fits(thing, x, y, z, yaw, slack) else None

    def against_wall(self, thing: Thing, tries: int = 24, corner: float = 0.3, z: float = 0.0) -> Placed | None:
        """Back to a random wall; in `corner` of the tries right at a wall's end. None when no try fits."""
        (x0, y0, _), (x1, y1, _) = thing.bounds()
        gap = (0.02 if self.baseboard and z < 0.1 else 0.004) + self.kit.pick([0, 0, 0.01, 0.04]) * (z < 0.1)
        for _ in range(tries):
            edge = int(self.kit.rng.choice(len(self.lengths), p=self.lengths / self.lengths.sum()))
            low, high = x1 + 0.02, self.lengths[edge] + x0 - 0.02  # local x runs against the wall's direction
            if high <= low:
                continue
            along = self.kit.pick([low, high]) if self.kit.chance(corner) else self.kit.u(low, high)
            where = self.at_wall(edge, along, y1 + gap)
            if placed := self.try_put(thing, *where[:2], z, where[2], edge=edge, along=along):
                return placed
        return None

    def beside(self, placed: Placed, thing: Thing, gap: float = 0.005) -> Placed | None:
        """Next to something at a wall, on either side, backs in line: touching neighbours."""
        (a0, _, _), (a1, ay, _) = placed.thing.bounds()
        (b0, _, _), (b1, by, _) = thing.bounds()
        for side in self.kit.pick([(1, -1), (-1, 1)]):
            move = a1 - b0 + gap if side > 0 else a0 - b1 - gap
            x = placed.x + np.cos(placed.yaw) * move - np.sin(placed.yaw) * (ay - by)
            y = placed.y + np.sin(placed.yaw) * move + np.cos(placed.yaw) * (ay - by)
            found = self.try_put(thing, x, y, placed.z, placed.yaw, edge=placed.edge, along=placed.along - move)
            if found:
                return found
        return None

    def on_wall(self, thing: Thing, z: float, over: Placed | None = None, tries: int = 16) -> Placed | None:
        """Hung on a wall with its lower edge at z: anywhere, or above something that stands at a wall."""
        if over is None:
            return self.against_wall(thing, tries, 0.0, z)
        if over.edge < 0:
            return None
        where = self.at_wall(over.edge, over.along + self.kit.u(-0.05, 0.05), thing.bounds()[1][1] + 0.004)
        return self.try_put(thing, *where[:2], z, where[2], edge=over.edge, along=over.along)

    def on_floor(self, thing: Thing, tries: int = 24, slack: float = 0.05, turn: float | None = None) -> Placed | None:
        """Anywhere free, roughly aligned with the room, or turned at will with turn=pi."""
        low, high = self.polygon.min(0), self.polygon.max(0)
        for _ in range(tries):
            x, y = self.kit.u(low[0], high[0]), self.kit.u(low[1], high[1])
            yaw = self.kit.n(0, 3) * np.pi / 2 + self.kit.u(-1, 1) * (0.15 if turn is None else turn)
            if placed := self.try_put(thing, x, y, 0.0, yaw, slack):
                return placed
        return None

    def on_top(self, placed: Placed | None, thing: Thing, at=None, yaw: float = 0.0, tries: int = 10) -> Placed | None:
        """On one of the places that something offers. `at` gives fractions (across, to the back) of that place."""
        if placed is None or not placed.thing.tops:
            return None
        (bx0, by0, bz0), (bx1, by1, bz1) = thing.bounds()
        c, s, r = np.cos(yaw), np.sin(yaw), max(abs(np.cos(yaw)), 0.0)
        hx, hy = (bx1 - bx0) / 2 * r + (by1 - by0) / 2 * abs(s), (by1 - by0) / 2 * r + (bx1 - bx0) / 2 * abs(s)
        mx, my = (bx0 + bx1) / 2, (by0 + by1) / 2
        for _ in range(tries):
            x0, x1, y0, y1, z, free = self.kit.pick(placed.thing.tops)
            if bz1 - bz0 > free or x1 - x0 < 2 * hx or y1 - y0 < 2 * hy:
                continue
            fx, fy = at or (self.kit.u(0, 1), self.kit.u(0, 1))
            px = x0 + hx + fx * (x1 - x0 - 2 * hx) - (c * mx - s * my)
            py = y0 + hy + fy * (y1 - y0 - 2 * hy) - (s * mx + c * my)
            cos, sin = np.cos(placed.yaw), np.sin(placed.yaw)
            x, y = placed.x + cos * px - sin * py, placed.y + sin * px + cos * py
            if found := self.try_put(thing, x, y, placed.z + z - bz0, placed.yaw + yaw):
                return found
            at = None
        return None

    def in_front(self, placed: Placed, thing: Thing, distance: float, aside: float = 0.0, face: bool = True):
        """`distance` metres of air before something's front, turned towards it (or away)."""
        ahead = placed.thing.bounds()[0][1] - distance + (thing.bounds()[0][1] if face else -thing.bounds()[1][1])
        x = placed.x + np.cos(placed.yaw) * aside - np.sin(placed.yaw) * ahead
        y = placed.y + np.sin(placed.yaw) * aside + np.cos(placed.yaw) * ahead
        yaw = placed.yaw + (np.pi if face else 0) + self.kit.u(-0.12, 0.12)
        return self.try_put(thing, x, y, 0.0, yaw)

    def around(self, placed: Placed, seat, most: int, tuck: float | None = None) -> int:
        """Chairs from `seat(kit)` along the four sides, pushed in by various amounts. Returns how many stand."""
        (x0, y0, _), (x1, y1, _) = placed.thing.bounds()
        count, spots = 0, []
        for side, (length, reach) in enumerate([(x1 - x0, -y0), (y1 - y0, x1), (x1 - x0, y1), (y1 - y0, -x0)]):
            n = max(1, int(length / 0.62))
            spots += [(side, (i + 0.5) / n * length - length / 2, reach) for i in range(n)]
        for i in self.kit.rng.permutation(len(spots)):
            side, across, reach = spots[i]
            thing = seat(self.kit)
            deep = -thing.bounds()[0][1]
            for push in (self.kit.u(0.05, 0.3) if tuck is None else tuck, self.kit.u(-0.3, -0.03)):
                out, a = reach + deep - push, side * np.pi / 2 + placed.yaw
                x = placed.x + np.cos(a) * across + np.sin(a) * out
                y = placed.y + np.sin(a) * across - np.cos(a) * out
                if self.try_put(thing, x, y, 0.0, a + np.pi + self.kit.u(-0.15, 0.15)):
                    count += 1
                    break
            if count >= most:
                break
        return count

    # -- shell ------------------------------------------------------------------------------------------------------
    def open_wall(self, width: float, z0: float, z1: float, clear: float, tries: int = 30) -> tuple[int, float] | None:
        """Reserve an opening in a wall and keep the room before it free, `clear` metres deep: (edge, along)."""
        for _ in range(tries):
            edge = int(self.kit.rng.choice(len(self.lengths), p=self.lengths / self.lengths.sum()))
            if self.lengths[edge] < width + 0.3:
                continue
            along = self.kit.u(width / 2 + 0.12, self.lengths[edge] - width / 2 - 0.12)
            if any(along - width / 2 - 0.25 < b and along + width / 2 + 0.25 > a for a, b, *_ in self.openings[edge]):
                continue
            zone = Thing("", Mesh().box(-width / 2, width / 2, -clear, -0.001, z0, z1, 0))
            x, y, yaw = self.at_wall(edge, along, 0.0)
            boxes = np.concatenate([solids_of(zone, x, y, 0, yaw), [[-1.0]]], 1)
            if overlap(boxes, self.solids[self.solids[:, 8] >= 0]).any():
                continue
            self.openings[edge].append((along - width / 2, along + width / 2, z0, z1))
            self.solids = np.concatenate([self.solids, boxes])
            return edge, along
        return None

    def shell(self, wall: int, accent: int, floor: int, ceiling: int) -> None:
        """Walls (one instance each), floor and ceiling, with the openings reserved so far cut out."""
        board = self.kit.white()
        for edge, length in enumerate(self.lengths):
            mesh, paint = Mesh(), accent if edge == 0 else wall
            cuts = sorted(self.openings[edge])
            for a, b in zip([0.0] + [cut[1] for cut in cuts], [cut[0] for cut in cuts] + [length]):
                mesh.parts.append(self._quad(edge, a, b, 0, self.height, paint))
                if self.baseboard:
                    x, y, yaw = self.at_wall(edge, (a + b) / 2, 0.0)
                    half = (b - a) / 2 - 0.002
                    mesh.add(Mesh().box(-half, half, -0.015, 0.0, 0, 0.08, board), x, y, 0, yaw)
            for a, b, z0, z1 in cuts:
                mesh.parts += [
                    self._quad(edge, a, b, low, high, paint) for low, high in ((0, z0), (z1, self.height)) if high > low
                ]
            self.labels.append("wall")
            self._draw(mesh, len(self.labels) - 1)
        low, high = self.polygon.min(0) - 0.7, self.polygon.max(0) + 0.7  # seen through open doors, too
        for label, z, material in (("floor", 0.0, floor), ("ceiling", self.height, ceiling)):
            corners = np.array([[low[0], low[1], z], [high[0], low[1], z], [high[0], high[1], z], [low[0], high[1], z]])
            self.labels.append(label)
            self._draw(Mesh([(corners, np.array([[0, 1, 2], [0, 2, 3]]), material)]), len(self.labels) - 1)

    def _quad(self, edge: int, a: float, b: float, z0: float, z1: float, material: int) -> tuple:
        p, q = self.polygon[edge] + self.tangents[edge] * a, self.polygon[edge] + self.tangents[edge] * b
        corners = np.array([[*p, z0], [*q, z0], [*q, z1], [*p, z1]])
        return corners, np.array([[0, 1, 2], [0, 2, 3]]), material
