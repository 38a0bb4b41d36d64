"""What encloses a room: its plan, doors and windows in the walls and what hangs at them, walls,
floor and ceiling."""

from dataclasses import dataclass

import numpy as np

from .kit import Kit, Thing
from .layout import Room, contains, overlap
from .mesh import Mesh, Pose


@dataclass(frozen=True)
class ShellSettings:
    """What a domain's rooms look like without furniture. Metres, and shares of rooms."""

    height: list[float]
    odd: float  # chance of each corner to be cut out or chamfered
    notch: list[float]  # how much of the plan's width and depth a cut takes away
    door: list[float]  # width of a door
    tall: list[float]  # and its height
    panelled: float  # rooms with boards on the lower part of their walls
    beams: float  # rooms with beams under the ceiling
    sloped: float  # rooms under a roof: the ceiling comes down to one wall
    joined: float  # rooms with a second one that a doorway leads to


def plan(k: Kit, width: float, depth: float, odd: float) -> np.ndarray:
    """(n, 2) counter-clockwise outline: a rectangle; each corner is cut out (L, T, Z, niche) or
    chamfered with chance `odd`."""
    corners, low, high = (
        np.array([[0, 0], [width, 0], [width, depth], [0, depth]], float),
        *k.domain.shell.notch,
    )
    points, mid = [], np.array([width / 2, depth / 2])
    for i, corner in enumerate(corners):
        size = np.array([width * k.u(low, high), depth * k.u(low, high)]) * np.sign(mid - corner)
        along_x, along_y = corner + [size[0], 0], corner + [0, size[1]]
        before, after = (along_y, along_x) if i % 2 == 0 else (along_x, along_y)
        cut = k.pick(["notch", "notch", "chamfer"]) if k.chance(odd) else ""
        if cut == "notch":
            points += [before, corner + size, after]
        elif cut == "chamfer":
            points += [corner + (before - corner) * 0.6, corner + (after - corner) * 0.6]
        else:
            points.append(corner)
    return np.array(points)


def slope(room: Room) -> None:
    """Let the ceiling come down over one outer wall, from 1.2 to 3 m into the room, to a height of
    1 to 1.7 m."""
    edge, low, reach = room.random_edge(), room.kit.u(1.0, 1.7), room.kit.u(1.2, 3.0)
    if room.outer(edge):
        room.roof = (edge, low, (room.height - low) / reach)


def add_beams(room: Room) -> None:
    """Beams under the ceiling, all across the plan's bounding box, at equal distances."""
    # clear of door frames
    k, low, high = room.kit, room.polygon.min(0) + 0.03, room.polygon.max(0) - 0.03
    across = k.n(0, 1)
    paint = k.paint("wood", "wood", "ceiling", "dark")
    deep = k.u(0.08, 0.22)
    wide = k.u(0.08, 0.2)
    for at in np.arange(low[across] + k.u(0.3, 1.0), high[across] - 0.2, k.u(0.6, 1.8)):
        sides = [(low[0], high[0]), (low[1], high[1])]
        sides[across] = at, at + wide
        room.put(
            Thing("beam", Mesh().box(*sides[0], *sides[1], room.height - deep, room.height, paint)),
            Pose(),
        )


def reserve(
    room: Room, width: float, z0: float, z1: float, clear: float
) -> tuple[int, float] | None:
    """Cut an opening into a wall and keep the room before it free, `clear` metres deep: (edge,
    along)."""
    for _ in range(30):
        edge = room.random_edge()
        if edge in room.blind or room.lengths[edge] < width + 0.3:
            continue
        along = room.kit.u(width / 2 + 0.12, room.lengths[edge] - width / 2 - 0.12)
        low, high = along - width / 2, along + width / 2
        if any(low - 0.25 < b and high + 0.25 > a for a, b, *_ in room.openings[edge]):
            continue
        zone = (
            Mesh()
            .box(-width / 2, width / 2, -clear, -0.001, z0, z1, 0)
            .solids(room.at_wall(edge, along))
        )
        if (
            room.below_ceiling(zone)
            and not overlap(zone, room.solids[room.solids[:, 8] >= 0]).any()
        ):
            room.openings[edge].append((low, high, z0, z1))
            room.solids = np.concatenate([room.solids, np.append(zone, [[-1.0]], 1)])
            return edge, along
    return None


def add_doors(room: Room, count: int) -> None:
    """Doors: closed, ajar or wide open (if the leaf then stays within the room)."""
    k, shell = room.kit, room.kit.domain.shell
    for _ in range(count):
        w, h = k.u(*shell.door), min(k.u(*shell.tall), room.height - 0.12)
        ajar = k.pick([0.0, 0.0, 0.0, k.u(0.3, 1.7)])
        if spot := reserve(room, w, 0.0, h, 0.75):
            pose = room.at_wall(*spot)
            tip = pose.at(w * np.cos(ajar) - w / 2, -w * np.sin(ajar))[:2]
            leaf = Mesh().box(0, w, -0.12, 0.06, 0, h, 0).solids(pose.at(-w / 2, -0.02, 0, -ajar))
            free = (
                contains(room.polygon, np.array([tip]))[0]
                and not overlap(leaf, room.solids[room.solids[:, 8] >= 0]).any()
            )
            room.put(k.domain.openings.door(k, w, h, ajar if free else 0.0), pose)


def add_windows(room: Room, count: int) -> None:
    """Windows with curtains, blinds or nothing."""
    k, openings = room.kit, room.kit.domain.openings
    for _ in range(count):
        w, z0 = k.u(0.7, 2.0), k.pick([k.u(0.75, 1.05), k.u(0.1, 0.5)])
        z1 = min(room.height - k.u(0.15, 0.4), z0 + k.u(0.9, 1.6))
        spot = reserve(room, w, z0, z1, 0.14)
        if spot is None:
            continue
        edge, middle = spot
        pose = room.at_wall(edge, middle)
        room.put(openings.window(k, w, z0, z1), pose)
        hangs = "blinds" if room.kind == "bathroom" else k.pick(openings.BEFORE_WINDOWS)
        if hangs == "blinds":
            low = z1 - (z1 - z0) * k.u(0.3, 1.0)
            room.put(
                Thing("blinds", Mesh().block(w - 0.04, 0.01, low, z1, k.paint("slats"), 0, -0.019)),
                pose,
            )
        each, bottom = k.u(0.3, 0.3 + w * 0.35), max(0.03, k.pick([0.03, z0 - 0.15]))
        for side in (-1, 1) if hangs == "curtains" else ():
            along = middle + side * (w / 2 + 0.05 - each * k.u(0, 0.4))
            if each / 2 + 0.02 < along < room.lengths[edge] - each / 2 - 0.02:
                cloth = openings.curtain(k, each, room.height - k.u(0.06, 0.2), bottom)
                room.try_put(cloth, room.at_wall(edge, along, 0.1), zones=False)


def enclose(room: Room, walls: list[str]) -> None:
    """Walls, an instance each, with the openings cut out."""
    k = room.kit
    wall, board = k.paint(*walls), k.paint("white")
    accent = k.paint("wall") if k.chance(0.25) else wall
    panels = (k.u(0.7, 1.4), k.paint("panels")) if k.has(k.domain.shell.panelled) else None
    for edge in range(len(room.lengths)):
        room.draw("wall", _wall(room, edge, accent if edge == 0 else wall, board, panels))


def cover(room: Room, floors: list[str]) -> None:
    """Floor and ceiling."""
    k, (low, high) = room.kit, room.extent()
    (x0, y0), (x1, y1) = low - 0.7, high + 0.7  # seen through open doors, too
    floor, ceiling = k.paint(*floors), k.paint("ceiling")
    room.draw("floor", Mesh().quad([[x0, y0, 0], [x1, y0, 0], [x1, y1, 0], [x0, y1, 0]], floor))
    top = room.height
    cover = Mesh().quad([[x0, y0, top], [x1, y0, top], [x1, y1, top], [x0, y1, top]], ceiling)
    if room.roof:
        edge, low, slope = room.roof
        ends = [
            room.polygon[edge] + room.tangents[edge] * along
            for along in (-9, room.lengths[edge] + 9)
        ]
        reach = room.normals[edge] * (top - low) / slope
        cover.quad(
            [
                [*ends[0], low],
                [*ends[1], low],
                [*(ends[1] + reach), top],
                [*(ends[0] + reach), top],
            ],
            ceiling,
        )
    room.draw("ceiling", cover)


def _wall(room: Room, edge: int, paint: int, board: int, panels: tuple[float, int] | None) -> Mesh:
    """One wall around its openings, with a baseboard and with other paint up to the height of its
    panels."""
    mesh, cuts, length = Mesh(), sorted(room.openings[edge]), room.lengths[edge]

    def part(a: float, b: float, low: float, high: float) -> None:
        if panels and low < panels[0] < high:
            part(a, b, low, panels[0])
            part(a, b, panels[0], high)
        elif high > low:
            mesh.quad(
                _upright(room, edge, a, b, low, high),
                panels[1] if panels and high <= panels[0] else paint,
            )

    for a, b in zip([0.0] + [cut[1] for cut in cuts], [cut[0] for cut in cuts] + [length]):
        part(a, b, 0, room.height)
        if room.baseboard:
            strip = Mesh().box((a - b) / 2, (b - a) / 2, -0.015, 0, 0, 0.08, board)
            mesh.add(strip, *room.at_wall(edge, (a + b) / 2))
    for a, b, z0, z1 in cuts:
        part(a, b, 0, z0)
        part(a, b, z1, room.height)
    return mesh


def _upright(room: Room, edge: int, a: float, b: float, z0: float, z1: float) -> list:
    """Corners of the part of a wall between a and b metres from its start, z0 and z1 above the
    floor."""
    p, q = (room.polygon[edge] + room.tangents[edge] * along for along in (a, b))
    return [[*p, z0], [*q, z0], [*q, z1], [*p, z1]]
