"""What encloses a room: its plan, doors and windows in the walls and what hangs at them, walls, floor and ceiling."""

import numpy as np

from .kit import Kit, Thing
from .layout import Room, contains, overlap, solids_of
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
        zone = Thing("", Mesh().box(-width / 2, width / 2, -clear, -0.001, z0, z1, 0))
        x, y, yaw = room.at_wall(edge, along, 0.0)
        boxes = np.concatenate([solids_of(zone, x, y, 0, yaw), [[-1.0]]], 1)
        if not overlap(boxes, room.solids[room.solids[:, 8] >= 0]).any():
            room.openings[edge].append((low, high, z0, z1))
            room.solids = np.concatenate([room.solids, boxes])
            return edge, along
    return None


def _door(k: Kit, w: float, h: float, ajar: float) -> Thing:
    """Frame around an opening and the leaf in it; `ajar` radians of swing into the room."""
    paint = k.paint("white", "white", "wood", "wood", "lacquer")
    frame, border, deep, jamb = k.pick([paint, k.paint("white")]), k.u(0.05, 0.09), 0.1, Mesh()
    for side in (-1, 1):
        jamb.box(*sorted((side * (w / 2 - 0.03), side * w / 2)), 0, deep, 0, h, frame)
        jamb.box(*sorted((side * (w / 2 - 0.01), side * (w / 2 + border))), -0.015, 0, 0, h + border, frame)
    jamb.box(0.03 - w / 2, w / 2 - 0.03, 0, deep, h - 0.03, h, frame)
    jamb.box(0.01 - w / 2, w / 2 - 0.01, -0.015, 0, h - 0.01, h + border, frame)
    wide, steel = w - 0.07, k.paint("metal")
    leaf = Mesh().box(0, wide, 0, 0.04, 0.008, h - 0.035, paint)
    if k.chance(0.5):
        for z0, z1 in ((0.15, 0.85), (1.0, h - 0.18)):
            leaf.box(0.12, wide - 0.12, -0.008, 0, z0, z1, paint)
    elif k.chance(0.3):
        leaf.box(0.2, wide - 0.2, -0.009, 0, 1.0, h - 0.25, k.paint("dark", "glass"))
    leaf.box(wide - 0.09, wide - 0.06, -0.06, 0, 0.98, 1.02, steel).box(
        wide - 0.18, wide - 0.09, -0.06, -0.045, 0.98, 1.02, steel
    )
    if ajar or k.chance(0.15):  # annotators outline the frame as an object of its own, or not
        leaf_at = (Thing("door", leaf), 0.035 - w / 2, -0.02 if ajar else 0.02, 0, -ajar)
        return Thing("", parts=[(Thing("doorframe", jamb), 0, 0, 0, 0), leaf_at])
    return Thing("door", jamb.add(leaf, 0.035 - w / 2, 0.02))


def _window(k: Kit, w: float, z0: float, z1: float) -> Thing:
    """Frame, panes (which a depth camera sees badly) and sill, set into the wall (+y)."""
    frame, glass = k.paint("white", "white", "wood", "metal"), k.paint("glass")
    mesh, b, deep = Mesh(), 0.05, k.u(0.06, 0.14)
    mesh.box(-w / 2, w / 2, deep, deep + 0.01, z0, z1, glass)
    for x in np.linspace((b - w) / 2, (w - b) / 2, k.n(2, 4)):
        mesh.box(x - b / 2, x + b / 2, -0.01, deep, z0, z1, frame)
    for z in [z0 + b / 2, z1 - b / 2] + ([z0 + (z1 - z0) * k.u(0.5, 0.7)] if k.chance(0.4) else []):
        mesh.box(-w / 2, w / 2, -0.01, deep, z - b / 2, z + b / 2, frame)
    sill = Thing("windowsill", Mesh().box(-w / 2 - 0.04, w / 2 + 0.04, -0.12, -0.011, -0.03, 0, frame))
    return Thing("window", mesh, parts=[(sill, 0, 0, z0, 0)] if k.chance(0.5) else [])


def add_doors(room: Room, count: int) -> None:
    """Doors: closed, ajar or wide open (if the leaf then stays within the room)."""
    k = room.kit
    for _ in range(count):
        w, h, ajar = k.u(0.82, 1.02), min(k.u(1.98, 2.12), room.height - 0.12), k.pick([0.0, 0.0, 0.0, k.u(0.3, 1.7)])
        if spot := _reserve(room, w, 0.0, h, 0.75):
            x, y, yaw = room.at_wall(*spot, 0.0)
            hinge = np.array([x, y]) - np.array([np.cos(yaw), np.sin(yaw)]) * (w / 2)
            tip = hinge + np.array([np.cos(yaw - ajar), np.sin(yaw - ajar)]) * w
            room.put(_door(k, w, h, ajar if contains(room.polygon, tip[None])[0] else 0.0), x, y, 0, yaw, *spot)


def add_windows(room: Room, count: int) -> None:
    """Windows with curtains, blinds or nothing."""
    k = room.kit
    for _ in range(count):
        w, z0 = k.u(0.7, 2.0), k.pick([k.u(0.75, 1.05), k.u(0.1, 0.5)])
        z1 = min(room.height - k.u(0.15, 0.4), z0 + k.u(0.9, 1.6))
        spot = _reserve(room, w, z0, z1, 0.14)
        if spot is None:
            continue
        x, y, yaw = room.at_wall(*spot, 0.0)
        room.put(_window(k, w, z0, z1), x, y, 0, yaw, *spot)
        hangs = "blinds" if room.kind == "bathroom" else k.pick(["none", "none", "curtains", "blinds"])
        if hangs == "blinds":
            low = z1 - (z1 - z0) * k.u(0.3, 1.0)
            slats = Mesh().box(0.02 - w / 2, w / 2 - 0.02, -0.024, -0.014, low, z1, k.paint("slats"))
            room.put(Thing("blinds", slats), x, y, 0, yaw)
        each, bottom = k.u(0.3, 0.3 + w * 0.35), max(0.03, k.pick([0.03, z0 - 0.15]))
        for side in (-1, 1) if hangs == "curtains" else ():
            along = spot[1] + side * (w / 2 + 0.05 - each * k.u(0, 0.4))
            if each / 2 + 0.02 < along < room.lengths[spot[0]] - each / 2 - 0.02:
                px, py, turn = room.at_wall(spot[0], along, 0.1)
                cloth = drape(k, each, room.height - k.u(0.06, 0.2), bottom)
                room.try_put(cloth, px, py, 0, turn, zones=False)


def enclose(room: Room, walls: list[str], floors: list[str]) -> None:
    """Walls (an instance each, with the openings cut out), floor and ceiling."""
    k = room.kit
    wall, board = k.paint(*walls), k.paint("white")
    accent = k.paint("wall") if k.chance(0.25) else wall
    for edge, length in enumerate(room.lengths):
        mesh, paint, cuts = Mesh(), accent if edge == 0 else wall, sorted(room.openings[edge])
        for a, b in zip([0.0] + [cut[1] for cut in cuts], [cut[0] for cut in cuts] + [length]):
            mesh.parts.append(_quad(room, edge, a, b, 0, room.height, paint))
            if room.baseboard:
                x, y, yaw = room.at_wall(edge, (a + b) / 2, 0.0)
                mesh.add(Mesh().box((a - b) / 2, (b - a) / 2, -0.015, 0.0, 0, 0.08, board), x, y, 0, yaw)
        for a, b, z0, z1 in cuts:
            spans = [(low, high) for low, high in ((0, z0), (z1, room.height)) if high > low]
            mesh.parts += [_quad(room, edge, a, b, low, high, paint) for low, high in spans]
        room.draw("wall", mesh)
    (x0, y0), (x1, y1) = room.polygon.min(0) - 0.7, room.polygon.max(0) + 0.7  # seen through open doors, too
    for label, z, paint in (("floor", 0.0, k.paint(*floors)), ("ceiling", room.height, k.paint("ceiling"))):
        corners = np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]])
        room.draw(label, Mesh([(corners, np.array([[0, 1, 2], [0, 2, 3]]), paint)]))


def _quad(room: Room, edge: int, a: float, b: float, z0: float, z1: float, paint: int) -> tuple:
    p, q = room.polygon[edge] + room.tangents[edge] * a, room.polygon[edge] + room.tangents[edge] * b
    return np.array([[*p, z0], [*q, z0], [*q, z1], [*p, z1]]), np.array([[0, 1, 2], [0, 2, 3]]), paint
