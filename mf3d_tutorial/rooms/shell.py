"""What encloses a room: its plan, doors and windows in the walls and what hangs at them, walls, floor and ceiling."""

import numpy as np

from .kit import Kit, Thing
from .layout import Room, contains, overlap
from .mesh import Mesh
from .shapes import drape


def plan(k: Kit, width: float, depth: float, odd: float) -> np.ndarray:
    """(n, 2) counter-clockwise outline: a rectangle; each corner is cut out (L, T, Z, niche) or chamfered with chance
    `odd`."""
    corners = np.array([[0, 0], [width, 0], [width, depth], [0, depth]], float)
    points, mid = [], np.array([width / 2, depth / 2])
    for i, corner in enumerate(corners):
        size = np.array([width * k.u(0.12, 0.38), depth * k.u(0.12, 0.38)]) * np.sign(mid - corner)
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


def _reserve(room: Room, width: float, z0: float, z1: float, clear: float) -> tuple[int, float] | None:
    """Cut an opening into a wall and keep the room before it free, `clear` metres deep: (edge, along)."""
    for _ in range(30):
        edge = room.random_edge()
        if room.lengths[edge] < width + 0.3:
            continue
        along = room.kit.u(width / 2 + 0.12, room.lengths[edge] - width / 2 - 0.12)
        low, high = along - width / 2, along + width / 2
        if any(low - 0.25 < b and high + 0.25 > a for a, b, *_ in room.openings[edge]):
            continue
        zone = Mesh().box(-width / 2, width / 2, -clear, -0.001, z0, z1, 0).solids(room.at_wall(edge, along))
        if not overlap(zone, room.solids[room.solids[:, 8] >= 0]).any():
            room.openings[edge].append((low, high, z0, z1))
            room.solids = np.concatenate([room.solids, np.append(zone, [[-1.0]], 1)])
            return edge, along
    return None


def _door(k: Kit, w: float, h: float, ajar: float) -> Thing:
    """Frame around an opening and the leaf in it; `ajar` radians of swing into the room."""
    paint = k.paint("white", "white", "wood", "wood", "lacquer")
    frame, border, deep, x = k.pick([paint, k.paint("white")]), k.u(0.05, 0.09), 0.1, w / 2
    jamb = Mesh().pair(x - 0.03, x, 0, deep, 0, h, frame).pair(x - 0.01, x + border, -0.015, 0, 0, h + border, frame)
    jamb.box(0.03 - x, x - 0.03, 0, deep, h - 0.03, h, frame)
    jamb.box(0.01 - x, x - 0.01, -0.015, 0, h - 0.01, h + border, frame)
    wide, steel = w - 0.07, k.paint("metal")
    leaf = Mesh().box(0, wide, 0, 0.04, 0.008, h - 0.035, paint)
    if k.chance(0.5):
        for z0, z1 in ((0.15, 0.85), (1.0, h - 0.18)):
            leaf.box(0.12, wide - 0.12, -0.008, 0, z0, z1, paint)
    elif k.chance(0.3):
        leaf.box(0.2, wide - 0.2, -0.009, 0, 1.0, h - 0.25, k.paint("dark", "glass"))
    leaf.box(wide - 0.09, wide - 0.06, -0.06, 0, 0.98, 1.02, steel)
    leaf.box(wide - 0.18, wide - 0.09, -0.06, -0.045, 0.98, 1.02, steel)
    if ajar or k.chance(0.15):  # annotators outline the frame as an object of its own, or not
        leaf_at = (0.035 - x, -0.02 if ajar else 0.02, 0, -ajar)
        return Thing().carry(Thing("doorframe", jamb)).carry(Thing("door", leaf), *leaf_at)
    return Thing("door", jamb.add(leaf, 0.035 - x, 0.02))


def _window(k: Kit, w: float, z0: float, z1: float) -> Thing:
    """Frame, panes (which a depth camera sees badly) and sill, set into the wall (+y)."""
    frame, glass = k.paint("white", "white", "wood", "metal"), k.paint("glass")
    b, deep = 0.05, k.u(0.06, 0.14)
    window = Thing("window", Mesh().box(-w / 2, w / 2, deep, deep + 0.01, z0, z1, glass))
    for x in np.linspace((b - w) / 2, (w - b) / 2, k.n(2, 4)):
        window.mesh.box(x - b / 2, x + b / 2, -0.01, deep, z0, z1, frame)
    for z in [z0 + b / 2, z1 - b / 2] + ([z0 + (z1 - z0) * k.u(0.5, 0.7)] if k.chance(0.4) else []):
        window.mesh.box(-w / 2, w / 2, -0.01, deep, z - b / 2, z + b / 2, frame)
    sill = Mesh().box(-w / 2 - 0.04, w / 2 + 0.04, -0.12, -0.011, -0.03, 0, frame)
    return window.carry(Thing("windowsill", sill), 0, 0, z0) if k.chance(0.5) else window


def add_doors(room: Room, count: int) -> None:
    """Doors: closed, ajar or wide open (if the leaf then stays within the room)."""
    k = room.kit
    for _ in range(count):
        w, h, ajar = k.u(0.82, 1.02), min(k.u(1.98, 2.12), room.height - 0.12), k.pick([0.0, 0.0, 0.0, k.u(0.3, 1.7)])
        if spot := _reserve(room, w, 0.0, h, 0.75):
            pose = room.at_wall(*spot)
            tip = pose.at(w * np.cos(ajar) - w / 2, -w * np.sin(ajar))[:2]
            room.put(_door(k, w, h, ajar if contains(room.polygon, [tip])[0] else 0.0), pose)


def add_windows(room: Room, count: int) -> None:
    """Windows with curtains, blinds or nothing."""
    k = room.kit
    for _ in range(count):
        w, z0 = k.u(0.7, 2.0), k.pick([k.u(0.75, 1.05), k.u(0.1, 0.5)])
        z1 = min(room.height - k.u(0.15, 0.4), z0 + k.u(0.9, 1.6))
        spot = _reserve(room, w, z0, z1, 0.14)
        if spot is None:
            continue
        edge, middle = spot
        pose = room.at_wall(edge, middle)
        room.put(_window(k, w, z0, z1), pose)
        hangs = "blinds" if room.kind == "bathroom" else k.pick(["none", "none", "curtains", "blinds"])
        if hangs == "blinds":
            low = z1 - (z1 - z0) * k.u(0.3, 1.0)
            room.put(Thing("blinds", Mesh().block(w - 0.04, 0.01, low, z1, k.paint("slats"), 0, -0.019)), pose)
        each, bottom = k.u(0.3, 0.3 + w * 0.35), max(0.03, k.pick([0.03, z0 - 0.15]))
        for side in (-1, 1) if hangs == "curtains" else ():
            along = middle + side * (w / 2 + 0.05 - each * k.u(0, 0.4))
            if each / 2 + 0.02 < along < room.lengths[edge] - each / 2 - 0.02:
                cloth = drape(k, each, room.height - k.u(0.06, 0.2), bottom)
                room.try_put(cloth, room.at_wall(edge, along, 0.1), zones=False)


def enclose(room: Room, walls: list[str], floors: list[str]) -> None:
    """Walls (an instance each, with the openings cut out), floor and ceiling."""
    k = room.kit
    wall, board = k.paint(*walls), k.paint("white")
    accent = k.paint("wall") if k.chance(0.25) else wall
    for edge, length in enumerate(room.lengths):
        mesh, paint, cuts = Mesh(), accent if edge == 0 else wall, sorted(room.openings[edge])
        for a, b in zip([0.0] + [cut[1] for cut in cuts], [cut[0] for cut in cuts] + [length]):
            mesh.quad(_upright(room, edge, a, b, 0, room.height), paint)
            if room.baseboard:
                strip = Mesh().box((a - b) / 2, (b - a) / 2, -0.015, 0, 0, 0.08, board)
                mesh.add(strip, *room.at_wall(edge, (a + b) / 2))
        for a, b, z0, z1 in cuts:
            for low, high in ((0, z0), (z1, room.height)):
                if high > low:
                    mesh.quad(_upright(room, edge, a, b, low, high), paint)
        room.draw("wall", mesh)
    (x0, y0), (x1, y1) = room.polygon.min(0) - 0.7, room.polygon.max(0) + 0.7  # seen through open doors, too
    for label, z, paint in (("floor", 0.0, k.paint(*floors)), ("ceiling", room.height, k.paint("ceiling"))):
        room.draw(label, Mesh().quad([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]], paint))


def _upright(room: Room, edge: int, a: float, b: float, z0: float, z1: float) -> list:
    """Corners of the part of a wall between a and b metres from its start, z0 and z1 above the floor."""
    p, q = (room.polygon[edge] + room.tangents[edge] * along for along in (a, b))
    return [[*p, z0], [*q, z0], [*q, z1], [*p, z1]]
