"""Desks. Each public function is a family: of a `Kit` it makes a new `Thing`."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .chairs import tube_chair
from .parts import castors, drawers, fronts, oval, plate


def _screen(k: Kit, mesh: Mesh, x0: float, x1: float, y: float, h: float) -> None:
    """A screen of cloth, wood or glass on the rear edge of a desk of height h."""
    low = h - k.pick([0.0, 0.0, k.u(0.1, 0.4)])
    paint = k.paint("fabric", "fabric", "cloth", "lacquer", "glass", "wood")
    mesh.box(x0, x1, y - 0.015, y + k.u(0.0, 0.03), low, h + k.u(0.25, 0.65), paint)


def _ends(k: Kit, mesh: Mesh, w: float, d: float, h: float, paint: int, kind: str) -> None:
    """What carries a desk at both ends below height h: T, C, A, H or U of steel, posts, panels."""
    x, half, thick = w / 2 - k.u(0.05, 0.2), k.u(0.02, 0.045), k.u(0.02, 0.04)
    y = d / 2 - 0.04
    column = y - 0.05 if kind == "c" else k.u(-0.05, 0.05)
    if kind in ("t", "c"):
        for low, top in ((0, thick), (h - thick, h)):
            mesh.pair(x - half, x + half, -y, y, low, top, paint)
        mesh.pair(x - half, x + half, column - half, column + half, thick, h - thick, paint)
        if k.chance(0.5):  # a telescope
            mid = h * k.u(0.4, 0.7)
            mesh.pair(
                x - 1.3 * half,
                x + 1.3 * half,
                column - 1.3 * half,
                column + 1.3 * half,
                mid,
                h - thick,
                paint,
            )
    elif kind == "u":
        for low in (0, h - thick):
            mesh.pair(x - half, x + half, -y, y, low, low + thick, paint)
        for side in (-y, y - 2 * half):
            mesh.pair(x - half, x + half, side, side + 2 * half, 0, h, paint)
    elif kind == "a":
        rise = h - half
        for side in (-x, x):
            foot = [(side, -y, 0), (side, -y * 0.3, rise), (side, y * 0.3, rise), (side, y, 0)]
            mesh.tube(foot, half * 0.8, paint, 6)
            mesh.tube([(side, -y * 0.7, h * 0.4), (side, y * 0.7, h * 0.4)], half * 0.6, paint, 6)
    elif kind == "posts":
        for side in (-y, y):
            for end in (-1, 1):
                mesh.post(end * (w / 2 - 0.05), side, 0, h, half, paint, k.pick([4, 10]))
    else:
        mesh.pair(w / 2 - 0.03, w / 2 - 0.005, -d / 2, d / 2, 0, h, paint)
    if kind in ("t", "c"):
        z = h - k.u(0.0, 0.3)
        mesh.box(-x, x, column - 0.015, column + 0.015, z - 0.04, z, paint)
    elif k.chance(0.3):
        bar = k.u(0.05, d / 2 - 0.1)
        mesh.box(-x, x, bar - 0.015, bar + 0.015, h - k.u(0.04, 0.1), h, paint)


def _top(k: Kit, mesh: Mesh, w: float, d: float, h: float, paint: int) -> float:
    """The top of a desk, square, rounded or cut away before the seat; its underside."""
    t, kind = k.u(0.012, 0.045), k.pick(["square", "square", "square", "rounded", "scoop"])
    if kind == "square":
        mesh.block(w, d, h - t, h, paint)
    elif kind == "rounded":
        plate(mesh, oval(w, d, k.u(0.06, 0.25), 40), h - t, h, paint)
    else:
        cut, deep = w * k.u(0.25, 0.35), d * k.u(0.75, 0.9)
        mesh.box(-w / 2, w / 2, d / 2 - deep, d / 2, h - t, h, paint)
        for side in (1, -1):
            corner = [(cut, d / 2 - deep), (cut + 0.08, -d / 2), (w / 2, -d / 2)]
            wing = plate(Mesh(), [*corner, (w / 2, d / 2 - deep)], h - t, h, paint)
            mesh.add(wing.scaled(side))
    return h - t


def office_desk(k: Kit) -> Thing:
    """A desk on T-, C-, A- or U-legs, for sitting or raised to stand at; a screen, a panel before
    the knees or drawers below it."""
    standing = k.chance(0.25)
    w, d = k.u(1.0, 2.0), k.u(0.55, 0.95)
    h = k.u(0.85, 1.2) if standing else k.u(0.67, 0.8)
    top, mesh = k.paint("wood", "wood", "white", "white", "lacquer", "dark", "glass"), Mesh()
    under = k.pick([k.paint("metal", "dark", "white"), k.paint("wood")])
    low = _top(k, mesh, w, d, h, top)
    kinds = ["t", "c"] if standing else ["t", "t", "c", "c", "a", "u", "posts", "panels"]
    _ends(k, mesh, w, d, low, under, k.pick(kinds))
    if k.chance(0.3):
        z = low - k.u(0.15, 0.4)
        mesh.box(0.15 - w / 2, w / 2 - 0.15, d / 2 - 0.1, d / 2 - 0.08, z, low, k.paint("metal"))
    if k.chance(0.3):
        _screen(k, mesh, 0.03 - w / 2, w / 2 - 0.03, d / 2 - 0.02, h)
    if k.chance(0.3):
        x = k.pick([-1, 1]) * (w / 2 - 0.42)
        foot = low - k.u(0.12, 0.3) if standing or k.chance(0.4) else 0.03
        drawers(k, mesh, x, k.u(0.34, 0.44), min(d - 0.1, 0.6), foot, low, under, under)
    return Thing("desk", mesh, [(-w / 2, w / 2, -d / 2, d / 2 - 0.06, h, 0.9)])


def corner_desk(k: Kit) -> Thing:
    """A desk around a corner: two wings at a right angle, the inner corner square or cut."""
    w, d, h, t = k.u(1.3, 2.2), k.u(0.5, 0.8), k.u(0.7, 0.78), k.u(0.018, 0.04)
    long, wing = k.u(0.6, 1.3), k.u(0.4, 0.7)  # how far the wing comes forward, how wide it is
    top, mesh = k.paint("wood", "wood", "white", "lacquer", "dark", "glass"), Mesh()
    under = k.paint("metal", "dark", "wood", "white")
    mesh.block(w, d, h - t, h, top)
    front, inner = -d / 2 - long, w / 2 - wing
    mesh.box(inner, w / 2, front, -d / 2, h - t, h, top)
    if k.chance(0.4):
        cut = k.u(0.15, 0.4)
        bevel = [(inner - cut, -d / 2), (inner, -d / 2 - cut), (inner, -d / 2)]
        plate(mesh, bevel, h - t, h, top)
    kind = k.pick(["panels", "posts", "bars"])
    spots = [
        (0.05 - w / 2, 0.05 - d / 2),
        (0.05 - w / 2, d / 2 - 0.05),
        (w / 2 - 0.05, d / 2 - 0.05),
    ]
    spots += [(w / 2 - 0.05, front + 0.05), (inner + 0.05, front + 0.05)]
    if kind == "panels":
        mesh.box(-w / 2, 0.025 - w / 2, -d / 2, d / 2, 0, h - t, under)
        mesh.box(inner, w / 2, front, front + 0.025, 0, h - t, under)
        mesh.box(-w / 2, w / 2, d / 2 - 0.05, d / 2 - 0.03, k.u(0.0, 0.4), h - t, under)
    else:
        for x, y in spots:
            mesh.post(x, y, 0, h - t, k.u(0.02, 0.035), under, k.pick([4, 8]))
        if kind == "bars":
            mesh.box(-w / 2 + 0.03, 0.07 - w / 2, -d / 2, d / 2, 0, 0.03, under)
            mesh.box(inner, w / 2, front + 0.03, front + 0.07, 0, 0.03, under)
    if k.chance(0.5):
        drawers(
            k, mesh, 0.24 - w / 2, 0.4, d - 0.1, 0.03, h - t - 0.01, under, k.pick([top, under])
        )
    if k.chance(0.25):
        _screen(k, mesh, -w / 2, w / 2, d / 2 - 0.015, h)
    if k.chance(0.25):
        mesh.box(w / 2 - 0.02, w / 2, front, d / 2, h, h + k.u(0.3, 0.6), k.paint("fabric"))
    tops = [(-w / 2, w / 2, -d / 2, d / 2 - 0.06, h, 0.9)] * 2
    tops += [(inner, w / 2 - 0.03, front, -d / 2, h, 0.9)]
    if k.chance(0.5):
        mesh, tops = mesh.scaled(-1), [(-x1, -x0, *rest) for x0, x1, *rest in tops]
    return Thing("desk", mesh, tops)


def bench_desk(k: Kit) -> Thing:
    """Two to six seats in one or two rows with screens between them. Where gaps part the tops each
    seat is an instance, one long top is a single one."""
    seats, rows = k.n(2, 3), k.n(1, 2)
    w, d, h = min(k.u(1.0, 1.6), 3.4 / seats), k.u(0.6, 0.8), k.u(0.68, 0.8)
    top, under = k.paint("wood", "white", "white", "lacquer"), k.paint("metal", "dark", "white")
    parted, kind, wall = k.chance(0.6), k.pick(["t", "u", "a", "panels", "c"]), k.chance(0.7)
    screen, high = k.paint("fabric", "cloth", "glass", "lacquer", "wood"), h + k.u(0.25, 0.6)
    between, block = k.chance(0.4), k.chance(0.4)
    group, one, gap = Thing(), Mesh(), 0.012 if parted else 0.0
    for row in range(rows):
        for i in range(seats):
            mesh = Mesh().block(w - 2 * gap, d - 2 * gap, h - 0.025, h, top)
            _ends(k, mesh, w - 0.04, d - 0.06, h - 0.025, under, kind)
            if block:
                drawers(k, mesh, w / 2 - 0.33, 0.38, d - 0.15, 0.03, h - 0.03, under, under)
            if between and i:
                mesh.box(
                    gap - w / 2, gap + 0.02 - w / 2, -d / 2 + gap, d / 2 - gap, h, high, screen
                )
            x, y = (i - (seats - 1) / 2) * w, (row - (rows - 1) / 2) * d
            group.tops.append((x - w / 2 + 0.03, x + w / 2, y - 0.45 * d, y + 0.42 * d, h, 0.9))
            if wall and (row == 0 or not parted):
                mesh.box(
                    0.02 - w / 2, w / 2 - 0.02, d / 2 - 0.03, d / 2 - gap, h - 0.3, high, screen
                )
            if parted:
                group.carry(Thing("desk", mesh), x, y, 0, row * np.pi)
            else:
                one.add(mesh, x, y, yaw=row * np.pi)
    if parted:
        return group
    return Thing("desk", one, group.tops)


def school_desk(k: Kit) -> Thing:
    """A desk of a classroom for one or two: tubes or skids, a tray below, a lid that slopes."""
    w, d, h = k.pick([k.u(0.55, 0.8), k.u(1.1, 1.4)]), k.u(0.42, 0.6), k.u(0.55, 0.78)
    top, under = k.paint("wood", "wood", "white", "lacquer"), k.paint("metal", "dark", "lacquer")
    mesh, t = Mesh(), k.u(0.015, 0.03)
    if k.chance(0.15):
        tilt = k.u(0.08, 0.2)
        mesh.add(Mesh().block(w, d, -t, 0, top), z=h, pitch=tilt)
        h -= 0.5 * d * np.sin(tilt)
        mesh.block(w - 0.04, d - 0.08, h - 0.1, h - t, top)
    else:
        plate(mesh, oval(w, d, k.u(0.05, 0.2), 40), h - t, h, top)
    x, y, r = w / 2 - 0.05, d / 2 - 0.05, k.u(0.01, 0.02)
    kind = k.pick(["legs", "arches", "skids", "column"] if w < 1 else ["legs", "arches", "skids"])
    low = h - t - 0.005
    for side in (-x, x):
        if kind == "legs":
            for front in (-y, y):
                mesh.tube([(side * 1.04, front * 1.04, 0), (side, front, low)], r, under)
        elif kind == "arches":
            arch = [(side, -y, 0), (side, -y, low), (side, y, low), (side, y, 0)]
            mesh.tube(arch, r, under).tube([(side, -y, 0.12), (side, y, 0.12)], r, under)
        elif kind == "skids":
            back = y * k.u(0.2, 0.9)
            mesh.tube([(side, -y, low), (side, back, low), (side, back, r)], r, under)
            mesh.tube([(side, -y, r), (side, y, r)], 1.3 * r, under)
    if kind == "column":
        mesh.post(0, 0, 0.03, low, 0.03, under)
        for front in (-y, y):
            mesh.tube([(-x, front, r), (0, 0, 0.04), (x, front, r)], r, under)
    else:
        mesh.tube([(-x, y, low - 0.02), (x, y, low - 0.02)], r, under)
    if k.chance(0.5):
        z = low - k.u(0.1, 0.15)
        mesh.box(
            0.03 - x, x - 0.03, 0.02 - y, y - 0.02, z, z + 0.01, k.paint("metal", "wood", "dark")
        )
        mesh.box(0.03 - x, x - 0.03, y - 0.03, y - 0.02, z, low, under)
    return Thing("desk", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.7)])


def school_place(k: Kit) -> Thing:
    """A school desk with the chairs that belong to it, an instance each; rows of it are a class."""
    desk = school_desk(k)
    (x0, y0, _), (x1, _, _) = desk.bounds()
    seat = tube_chair(k)
    front = -seat.bounds()[0][1]
    group, gap = Thing(tops=desk.tops), k.u(0.02, 0.2)
    group.carry(desk)
    for x in (0.0,) if x1 - x0 < 1.05 else (x0 / 2, x1 / 2):
        group.carry(seat, x, y0 - gap - front, 0, np.pi)
    return group


def executive_desk(k: Kit) -> Thing:
    """A heavy desk with a drawer block at one or both ends and a panel down to the floor."""
    w, d, h, t = k.u(1.2, 2.2), k.u(0.6, 1.0), k.u(0.72, 0.8), k.u(0.025, 0.07)
    body, mesh = k.paint("wood", "wood", "dark", "white", "lacquer"), Mesh()
    edge, face = k.pick([0.0, k.u(0.02, 0.08)]), k.pick([body, k.paint("wood", "white")])
    top = k.pick([body, body, k.paint("leather", "wood", "glass")])
    mesh.block(w, d, h - t, h, body)
    if top != body:
        mesh.block(w * 0.8, d * 0.75, h, h + 0.002, top)
    block = min(k.u(0.35, 0.5), w * 0.3)
    sides = k.pick([(-1,), (1,), (-1, 1), (-1, 1)])
    foot = k.pick([0.0, 0.05, 0.1])
    for side in (-1, 1):
        if side in sides:
            x = side * (w / 2 - edge - block / 2)
            drawers(k, mesh, x, block, d - 2 * edge, foot, h - t - 0.005, body, face)
            if foot:
                mesh.block(block - 0.06, d - 0.12 - 2 * edge, 0, foot, k.paint("dark"), x)
        else:
            x0, x1 = sorted((side * (w / 2 - edge), side * (w / 2 - edge - 0.04)))
            mesh.box(x0, x1, edge - d / 2, d / 2 - edge, 0, h - t, body)
    y = d / 2 - edge
    mesh.box(edge - w / 2, w / 2 - edge, y - 0.02, y, k.pick([0.02, k.u(0.1, 0.4)]), h - t, body)
    if k.chance(0.3):
        mesh.box(block - w / 2, w / 2 - block, 0.05 - d / 2, 0, h - t - 0.1, h - t, body)
    return Thing("desk", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h + 0.002, 0.9)])


def wall_desk(k: Kit) -> Thing:
    """A board or a shallow box on a wall, on brackets or a single leg: hotels, small flats."""
    w, d, h, t = k.u(0.7, 2.2), k.u(0.3, 0.6), k.u(0.7, 0.8), k.u(0.025, 0.14)
    paint, mesh = k.paint("wood", "wood", "white", "lacquer", "stone"), Mesh()
    mesh.block(w, d, h - t, h, paint)
    metal, kind = k.paint("metal", "dark", "wood"), k.pick(["brackets", "legs", "panel", "none"])
    if kind == "brackets":
        for x in (0.12 - w / 2, w / 2 - 0.12):
            mesh.tube([(x, -d * 0.2, h - t), (x, d / 2 - 0.02, h - t - d * 0.6)], 0.014, metal, 6)
            mesh.box(x - 0.02, x + 0.02, d / 2 - 0.015, d / 2, h - t - d * 0.7, h - t, metal)
    elif kind == "legs":
        for x in k.pick([(0.05 - w / 2,), (w / 2 - 0.05,), (0.05 - w / 2, w / 2 - 0.05)]):
            mesh.post(x, 0.05 - d / 2, 0, h - t, k.u(0.012, 0.04), metal)
    elif kind == "panel":
        x = k.pick([-w / 2, w / 2 - 0.03])
        mesh.box(x, x + 0.03, -d / 2, d / 2, 0, h - t, paint)
    if k.chance(0.3):
        mesh.box(-w / 2, w / 2, d / 2 - 0.02, d / 2, h, h + k.u(0.1, 0.5), paint)
    elif k.chance(0.3):
        fronts(
            k, mesh, w, -d / 2 - 0.018, h - max(t, 0.09), h, max(1, int(w / 0.6)), 1, paint, "slab"
        )
    return Thing("desk", mesh, [(-w / 2, w / 2, -d / 2, d / 2 - 0.03, h, 0.8)])


def built_in_desk(k: Kit) -> Thing:
    """A desk between or beside towers of cupboards or shelves, sometimes with a board above."""
    w, d, h, tall = k.u(0.9, 1.6), k.u(0.45, 0.65), k.u(0.7, 0.78), k.u(1.5, 2.0)
    paint, group = k.paint("wood", "white", "front", "lacquer"), Thing()
    desk, deep = Mesh().block(w, d, h - 0.03, h, paint), d - 0.02
    desk.box(-w / 2, w / 2, d / 2 - 0.02, d / 2, h - k.u(0.1, 0.5), h - 0.03, paint)
    sides = k.pick([(-1,), (1,), (-1, 1)])
    for side in sides:
        wide = k.u(0.35, 0.7)
        tower, x = Mesh(), side * (w / 2 + wide / 2 + 0.003)
        if k.chance(0.5):
            tower.block(wide, deep - 0.02, 0, tall, paint, 0, 0.01)
            fronts(k, tower, wide, -deep / 2, 0.03, tall - 0.01, 1, k.n(1, 4), paint, "slab")
            group.carry(Thing("cabinet", tower), x, 0.01)
            continue
        tower.pair(wide / 2 - 0.02, wide / 2, -deep / 2, deep / 2, 0, tall, paint)
        tower.box(-wide / 2, wide / 2, deep / 2 - 0.015, deep / 2, 0, tall, paint)
        levels = np.linspace(0.05, tall - 0.02, k.n(4, 6))
        for z, free in zip(levels, np.diff(levels)):
            tower.block(wide - 0.04, deep, z, z + 0.02, paint)
            if k.chance(0.5):
                end, high = k.u(0.1, wide - 0.06), free * k.u(0.4, 0.85)
                start = 0.03 - wide / 2
                tower.box(
                    start,
                    start + end,
                    -deep * 0.3,
                    deep * 0.35,
                    z + 0.02,
                    z + high,
                    k.paint("print", "plastic", "carton"),
                )
        tower.block(wide - 0.04, deep, tall - 0.02, tall, paint)
        group.carry(Thing(k.pick(["bookshelf", "shelf"]), tower), x, 0.01)
    if len(sides) == 1:
        x = -sides[0] * w / 2
        desk.box(
            min(x, x + sides[0] * 0.03),
            max(x, x + sides[0] * 0.03),
            -d / 2,
            d / 2,
            0,
            h - 0.03,
            paint,
        )
    elif k.chance(0.5):
        z = k.u(1.2, 1.5)
        board = Mesh().box(0.002 - w / 2, w / 2 - 0.002, 0.0, d / 2, z, z + 0.03, paint)
        group.carry(Thing("shelf", board))
    group.carry(Thing("desk", desk))
    group.tops = [(-w / 2, w / 2, -d / 2, d / 2 - 0.03, h, 0.4)]
    return group


def secretary(k: Kit) -> Thing:
    """A writing cabinet: a flap that is let down, pigeonholes behind it, drawers or legs below."""
    w, d, h, flap = k.u(0.6, 1.1), k.u(0.35, 0.5), k.u(0.7, 0.8), k.u(0.28, 0.42)
    body, mesh = k.paint("wood", "wood", "white", "lacquer"), Mesh()
    high = h + k.u(0.25, 0.55)
    mesh.pair(w / 2 - 0.02, w / 2, -d / 2, d / 2, h, high, body)
    mesh.box(-w / 2, w / 2, d / 2 - 0.02, d / 2, h, high, body)
    mesh.block(w, d, high - 0.02, high, body)
    mesh.block(w, d, h - 0.03, h, body)
    inside = k.chance(0.8)
    for x in np.linspace(-w / 2, w / 2, k.n(3, 6))[1:-1] if inside else ():
        mesh.box(x - 0.006, x + 0.006, 0.0, d / 2, h, high, body)
    if inside:
        mesh.box(-w / 2, w / 2, 0.0, d / 2, (h + high) / 2, (h + high) / 2 + 0.012, body)
    mesh.box(
        0.02 - w / 2,
        w / 2 - 0.02,
        -d / 2 - flap,
        -d / 2,
        h - 0.02,
        h,
        k.pick([body, k.paint("leather")]),
    )
    if k.chance(0.6):
        mesh.block(w, d - 0.02, 0.06, h - 0.03, body, 0, 0.01)
        fronts(k, mesh, w, -d / 2, 0.07, h - 0.03, k.n(1, 2), k.n(2, 3), body, "slab")
        mesh.block(w - 0.06, d - 0.08, 0, 0.06, body)
    else:
        for x in (0.03 - w / 2, w / 2 - 0.03):
            for y in (0.03 - d / 2, d / 2 - 0.03):
                mesh.turned(x, y, [(0.012, 0), (0.024, h - 0.03)], body, 8)
    tops = [(0.03 - w / 2, w / 2 - 0.03, -d / 2 - flap, 0.0, h, 0.2)]
    return Thing("desk", mesh, [*tops, (-w / 2, w / 2, -d / 2, d / 2, high, 0.5)])


def rolling_pedestal(k: Kit) -> Thing:
    """A low drawer block on castors, as stands under office desks; some have a seat cushion."""
    w, d, h = k.u(0.35, 0.45), k.u(0.45, 0.62), k.u(0.48, 0.58)
    body, mesh = k.paint("metal", "white", "grey", "wood", "lacquer"), Mesh()
    drawers(k, mesh, 0, w, d, 0.06, h, body, k.pick([body, k.paint("lacquer", "wood")]))
    spots = [(x, y) for x in (0.05 - w / 2, w / 2 - 0.05) for y in (0.06 - d / 2, d / 2 - 0.06)]
    castors(mesh, spots, 0.03, k.paint("dark"))
    if k.chance(0.15):
        mesh.soft(-w / 2, w / 2, -d / 2, d / 2, h, h + 0.05, k.paint("fabric"), 0.2)
    return Thing("file cabinet", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h + 0.05, 0.8)])
