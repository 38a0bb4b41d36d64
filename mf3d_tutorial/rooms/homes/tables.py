"""Tables for many and for standing, folding ones and low ones. Each public function is a family: of
a `Kit` it makes a new `Thing`."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import Points, castors, oval, plate, star


def _outline(k: Kit, kind: str, w: float, d: float) -> Points:
    """The outline of a table top in w x d."""
    x, y = w / 2, d / 2
    if kind == "boat":
        bow, across = k.u(0.6, 0.85), np.linspace(-1, 1, 9)
        side = [(float(t) * x, float(-y * (bow + (1 - bow) * (1 - t**2)))) for t in across]
        return side + [(-a, -b) for a, b in side]
    if kind == "race":
        angles = np.linspace(-np.pi / 2, np.pi / 2, 10)
        right = [(x - y + y * np.cos(t), y * np.sin(t)) for t in angles]
        return right + [(-a, -b) for a, b in right]
    if kind == "trapezoid":
        return [(-x, -y), (x, -y), (x * k.u(0.45, 0.7), y), (-x * k.u(0.45, 0.7), y)]
    if kind == "chamfered":
        cut = min(x, y) * k.u(0.15, 0.6)
        half = [(x - cut, -y), (x, cut - y), (x, y - cut), (x - cut, y)]
        return half + [(-a, -b) for a, b in half]
    if kind == "half":
        bow = [(x * np.cos(t), d * np.sin(t) - y) for t in np.linspace(0, np.pi, 14)]
        return bow
    return oval(w, d, {"oval": 1.0, "soft": 0.5, "round": 1.0, "square": 0.08}[kind], 36)


def _foot(k: Kit, mesh: Mesh, x: float, reach: float, h: float, paint: int) -> None:
    """A column below a table: on a disc, a square plate, a cross, a star or a cone."""
    kind, r = k.pick(["disc", "plate", "cross", "star", "cone", "drum"]), k.u(0.025, 0.06)
    if kind == "star":
        part = Mesh()
        star(k, part, h, reach, paint)
        mesh.add(part, x)
        return
    if kind == "drum":
        mesh.turned(x, 0, [(reach * 0.6, 0), (reach * k.u(0.4, 0.7), h)], paint, 18)
        return
    if kind == "disc":
        mesh.post(x, 0, 0, 0.02, reach, paint, 20)
    elif kind == "plate":
        mesh.block(1.7 * reach, 1.7 * reach, 0, 0.02, paint, x)
    elif kind == "cone":
        mesh.turned(x, 0, [(reach, 0), (reach * 0.9, 0.02), (r, 0.2)], paint, 18)
    else:
        for dx, dy in ((1, 1), (1, -1)):
            ends = [(x - dx * reach * 0.7, -dy * reach * 0.7, 0.02), (x, 0, 0.05)]
            mesh.tube([*ends, (x + dx * reach * 0.7, dy * reach * 0.7, 0.02)], 0.02, paint, 4)
    mesh.post(x, 0, 0.01, h, r, paint, 10)
    mesh.block(0.3, 0.3, h - 0.015, h, paint, x)


def _under(k: Kit, mesh: Mesh, w: float, d: float, h: float, paint: int, kind: str) -> None:
    """What carries a long top: panels, trunks, columns, Y- or T-ends, posts, arches, crosses."""
    x, y = w * k.u(0.28, 0.42), d * 0.4
    if kind == "columns":
        for at in np.linspace(-1, 1, 2 if w < 2.4 else 3) * w * 0.32:
            _foot(k, mesh, float(at), min(0.4 * d, 0.35), h, paint)
    elif kind == "trunks":
        half = k.u(0.1, 0.25)
        mesh.pair(x - half, x + half, -y * 0.7, y * 0.7, 0, h, paint)
    elif kind == "panels":
        mesh.pair(x, x + k.u(0.02, 0.06), -y, y, 0, h, paint)
        mesh.box(-x, x, -0.015, 0.015, h * k.u(0.2, 0.6), h, paint)
    elif kind == "t":
        for low, high in ((0, 0.04), (h - 0.04, h)):
            mesh.pair(x - 0.04, x + 0.04, -y, y, low, high, paint)
        for side in k.pick([(0.0,), (-0.12, 0.12)]):
            mesh.pair(x - 0.03, x + 0.03, side - 0.03, side + 0.03, 0.04, h - 0.04, paint)
        if k.chance(0.5):
            mesh.box(-x, x, -0.03, 0.03, h - 0.1, h - 0.05, paint)
    elif kind == "crosses":
        r = k.u(0.02, 0.045)
        for side in (-x, x):
            mesh.tube([(side, -y, 0.6 * r), (side, y, h - r)], r, paint, 4)
            mesh.tube([(side, y, 0.6 * r), (side, -y, h - r)], r, paint, 4)
        mesh.tube([(-x, 0, h / 2), (x, 0, h / 2)], r * 0.7, paint, 4)
    elif kind == "arches":
        r = k.u(0.015, 0.03)
        for side in (-x, x):
            arch = [
                (side * 1.1, -y, 0),
                (side, -y * 0.9, h),
                (side, y * 0.9, h),
                (side * 1.1, y, 0),
            ]
            mesh.tube(arch, r, paint)
    elif kind == "trestles":
        for side in (-x, x):
            for out in (-0.14, 0.14):
                for end in (-y, y):
                    mesh.tube([(side + out, end, 0), (side, end * 0.9, h)], 0.022, paint, 4)
                mesh.tube(
                    [(side + out * 0.7, -y, h * 0.3), (side + out * 0.7, y, h * 0.3)],
                    0.015,
                    paint,
                    4,
                )
            mesh.box(side - 0.03, side + 0.03, -y, y, h - 0.06, h, paint)
    else:
        for side in (-1, 1):
            for end in (-1, 1):
                mesh.turned(
                    side * x,
                    end * y * 0.9,
                    [(k.u(0.015, 0.05), 0), (0.045, h)],
                    paint,
                    k.pick([4, 10]),
                )
        if k.chance(0.4):
            mesh.pair(x - 0.015, x + 0.015, -y * 0.9, y * 0.9, h - 0.09, h, paint)
            for end in (-y * 0.9, y * 0.9):
                mesh.box(-x, x, end - 0.012, end + 0.012, h - 0.09, h, paint)


def _set(k: Kit, label: str, kind: str, w: float, d: float, h: float, under: str) -> Thing:
    """A table of an outline and an underframe."""
    top = k.paint("wood", "wood", "white", "lacquer", "glass", "dark", "stone")
    mesh, t = Mesh(), k.u(0.012, 0.06)
    plate(mesh, _outline(k, kind, w, d), h - t, h, top)
    paint = k.pick([top, k.paint("metal", "dark", "white", "wood")])
    # what stays below a top with cut corners
    wide, deep = {"half": (0.6, 0.7), "trapezoid": (0.62, 0.8), "chamfered": (0.85, 0.85)}.get(
        kind, (0.75, 0.7) if kind in ("oval", "round", "race", "soft") else (1, 1)
    )
    _under(k, mesh, w * wide, d * deep, h - t, paint, under)
    reach = 0.34 if kind in ("oval", "round", "half", "trapezoid") else 0.45
    return Thing(label, mesh, [(-w * reach, w * reach, -d * reach, d * reach, h, 0.8)])


def conference_table(k: Kit) -> Thing:
    """A table for many in a meeting room: boat, oval, racetrack, chamfered or square."""
    kind = k.pick(["boat", "race", "oval", "soft", "square", "square", "chamfered"])
    under = k.pick(["columns", "trunks", "panels", "t", "posts"])
    w = k.u(1.5, 3.3)
    return _set(k, "table", kind, w, min(w, k.u(0.8, 1.5)), k.u(0.7, 0.78), under)


def group_table(k: Kit) -> Thing:
    """A light table of seminars and canteens: round, half round, trapezoid or square."""
    kind = k.pick(["round", "half", "trapezoid", "square", "square", "chamfered"])
    w = k.u(0.7, 1.5)
    d = w if kind == "round" else k.u(0.5, min(0.9, w))
    under = k.pick(["posts", "arches", "t", "columns"] if w > 1.1 else ["posts", "arches"])
    return _set(k, "table", kind, w, d, k.u(0.6, 0.78), under)


def trestle_table(k: Kit) -> Thing:
    """A board on trestles or crossed legs."""
    w, under = k.u(1.1, 2.4), k.pick(["trestles", "trestles", "crosses"])
    return _set(
        k, k.pick(["table", "dining table"]), "square", w, k.u(0.6, 1.0), k.u(0.7, 0.8), under
    )


def column_table(k: Kit) -> Thing:
    """A small top on one column: cafes, hotel rooms, or tall to stand at."""
    w, tall = k.u(0.5, 1.2), k.chance(0.4)
    h, d = k.u(0.92, 1.14) if tall else k.u(0.66, 0.78), w * k.pick([1.0, 1.0, k.u(0.6, 0.9)])
    top, mesh, t = (
        k.paint("wood", "white", "stone", "lacquer", "glass", "dark"),
        Mesh(),
        k.u(0.015, 0.05),
    )
    kind = k.pick(["round", "round", "square", "chamfered", "soft"])
    plate(mesh, _outline(k, kind, w, d), h - t, h, top)
    _foot(k, mesh, 0.0, d * k.u(0.3, 0.42), h - t, k.paint("metal", "dark", "wood", "white"))
    return Thing("table", mesh, [(-w * 0.34, w * 0.34, -d * 0.34, d * 0.34, h, 0.8)])


def bar_table(k: Kit) -> Thing:
    """A long tall table or a shelf at a wall to stand or sit high at, with a rail for the feet."""
    w, d, h, t = k.u(1.0, 2.4), k.u(0.38, 0.8), k.u(0.9, 1.12), k.u(0.025, 0.08)
    top, under = k.paint("wood", "white", "dark", "stone"), k.paint("metal", "dark", "wood")
    mesh, x, y = Mesh().block(w, d, h - t, h, top), w / 2 - 0.08, d / 2 - 0.06
    if k.chance(0.5):
        for side in (-x, x):
            mesh.tube(
                [(side, -y, h - t), (side, -y, 0.02), (side, y, 0.02), (side, y, h - t)],
                0.022,
                under,
                4,
            )
        mesh.tube([(-x, y, 0.22), (x, y, 0.22)], 0.018, under)
    elif k.chance(0.5):
        mesh.pair(x, x + 0.05, -d / 2, d / 2, 0, h - t, top)
        mesh.box(-x, x, d / 2 - 0.03, d / 2, 0, h - t, top)
    else:
        for side in (-x, x):
            for end in (-y, y):
                mesh.post(side, end, 0, h - t, k.u(0.02, 0.04), under, 4)
        for end in (-y, y):
            mesh.tube([(-x, end, 0.25), (x, end, 0.25)], 0.018, under, 4)
    return Thing("table", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.8)])


def folding_table(k: Kit) -> Thing:
    """A thin top on folding arches of tube, now and then folded and leaning at a wall."""
    w, d, h = k.u(1.0, 1.9), k.u(0.5, 0.85), k.u(0.68, 0.76)
    top, steel, mesh = (
        k.paint("white", "wood", "plastic", "lacquer"),
        k.paint("metal", "dark"),
        Mesh(),
    )
    plate(mesh, oval(w, d, 0.08, 36), h - 0.03, h, top)
    mesh.block(w - 0.06, d - 0.06, h - 0.06, h - 0.03, steel)
    rolling, kind = k.chance(0.3), k.pick(["arch", "t", "x"])
    for side in (-1, 1):
        x, y = side * (w / 2 - k.u(0.08, 0.25)), d / 2 - 0.06
        foot, low = x + side * 0.04, 0.06 if rolling else 0.015
        if kind == "arch":
            mesh.tube(
                [(foot, -y, low), (x, -y, h - 0.05), (x, y, h - 0.05), (foot, y, low)], 0.014, steel
            )
            mesh.tube([(foot, -y, 0.15), (foot, y, 0.15)], 0.01, steel)
        elif kind == "t":
            mesh.box(foot - 0.02, foot + 0.02, -y, y, low, low + 0.035, steel)
            mesh.box(foot - 0.02, foot + 0.02, -0.04, 0.04, low, h - 0.05, steel)
        else:
            mesh.tube([(x, -y, low), (x, y, h - 0.05)], 0.014, steel)
            mesh.tube([(x - side * 0.03, y, low), (x - side * 0.03, -y, h - 0.05)], 0.014, steel)
        mesh.tube(
            [(x, 0, 0.3 if kind != "x" else h * 0.5), (x - side * 0.35, 0, h - 0.06)],
            0.008,
            steel,
            6,
        )
        if rolling:
            castors(mesh, [(foot, -y), (foot, y)], 0.03, k.paint("dark"))
    if k.chance(0.12):
        flat = (
            Mesh()
            .block(w, 0.07, 0, d, top)
            .pair(w / 2 - 0.12, w / 2 - 0.1, -0.06, -0.04, 0.05, d - 0.05, steel)
        )
        return Thing("table", Mesh().add(flat, y=0.0, z=0.02, pitch=-0.15))
    return Thing("table", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.8)])


def block_table(k: Kit) -> Thing:
    """A low table without legs: a block, a drum, a hollow cube, two boards, a tray on a frame."""
    w, h = k.u(0.45, 1.3), k.u(0.25, 0.5)
    d, mesh = min(w, k.u(0.45, 0.9)), Mesh()
    paint, kind = (
        k.paint("wood", "wood", "white", "lacquer", "stone", "dark"),
        k.pick(["block", "drum", "hollow", "decks", "tray", "pebble"]),
    )
    if kind == "block":
        mesh.block(w, d, k.pick([0.0, 0.04]), h, paint)
        if k.chance(0.5):
            mesh.block(w - 0.08, 0.01, 0.08, h - 0.06, k.paint("dark", "wood"), 0, -d / 2)
    elif kind == "drum":
        w = d = min(w, 0.9)
        mesh.turned(
            0, 0, [(w * 0.42, 0), (w / 2, h * k.u(0.2, 0.8)), (w * k.u(0.4, 0.5), h)], paint, 24
        )
    elif kind == "hollow":
        mesh.block(w, d, h - 0.04, h, paint).block(w, d, 0.0, 0.04, paint)
        mesh.pair(w / 2 - 0.04, w / 2, -d / 2, d / 2, 0.04, h - 0.04, paint)
    elif kind == "decks":
        z = h * k.u(0.25, 0.6)
        mesh.block(w, d, h - 0.03, h, k.pick([paint, k.paint("glass")])).block(
            w * 0.9, d * 0.9, z, z + 0.03, paint
        )
        mesh.pair(w / 2 - 0.09, w / 2 - 0.04, 0.04 - d / 2, 0.09 - d / 2, 0, h - 0.03, paint)
        mesh.pair(w / 2 - 0.09, w / 2 - 0.04, d / 2 - 0.09, d / 2 - 0.04, 0, h - 0.03, paint)
    elif kind == "tray":
        r, metal = 0.012, k.paint("metal", "dark")
        plate(mesh, oval(w, d, 1.0), h - 0.05, h - 0.035, paint)
        for t in np.linspace(0, np.pi, 3)[:2]:
            x, y = 0.42 * w * np.cos(t + 0.7), 0.42 * d * np.sin(t + 0.7)
            mesh.tube([(x, y, h - 0.04), (-0.8 * x, -0.8 * y, r)], r, metal).tube(
                [(-x, -y, h - 0.04), (0.8 * x, 0.8 * y, r)], r, metal
            )
    else:
        plate(mesh, oval(w, d, k.u(0.6, 1.0)), h - k.u(0.03, 0.08), h, paint)
        for angle in k.u(0, 2) + np.arange(3) * 2.1:
            mesh.turned(
                0.28 * w * np.cos(angle),
                0.28 * d * np.sin(angle),
                [(k.u(0.02, 0.06), 0), (0.05, h - 0.03)],
                paint,
                12,
            )
    return Thing(
        k.pick(["coffee table", "coffee table", "table"]),
        mesh,
        [(-w * 0.35, w * 0.35, -d * 0.35, d * 0.35, h, 0.8)],
    )


def leaf_table(k: Kit) -> Thing:
    """A table whose leaves hang down or are up, or one joined to its benches."""
    w, d, h, mesh = k.u(0.3, 0.7), k.u(0.7, 1.0), k.u(0.7, 0.78), Mesh()
    paint, t, leaf = k.paint("wood", "wood", "white", "lacquer"), k.u(0.02, 0.035), k.u(0.3, 0.6)
    if k.chance(0.25):
        w, seat, bench = k.u(1.2, 1.9), k.u(0.42, 0.47), d / 2 + k.u(0.28, 0.4)
        mesh.block(w, d, h - t, h, paint)
        for side in (-1, 1):
            mesh.block(w, 0.26, seat - 0.035, seat, paint, 0, side * bench)
            x = side * w * 0.38
            for end in (-1, 1):
                mesh.tube([(x, end * (bench - 0.05), 0), (x, end * d * 0.3, h - t)], 0.03, paint, 4)
            mesh.box(x - 0.02, x + 0.02, -bench, bench, seat - 0.1, seat - 0.035, paint)
            mesh.box(x - 0.02, x + 0.02, -d * 0.45, d * 0.45, h - t - 0.07, h - t, paint)
        return Thing("table", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.8)])
    mesh.block(w, d, h - t, h, paint)
    x, y, round_leaf = w / 2 - 0.04, d / 2 - 0.08, k.chance(0.4)
    for side in (-1, 1):
        for end in (-y, y):
            mesh.post(side * x, end, 0, h - t, k.u(0.018, 0.03), paint, k.pick([4, 10]))
        mesh.box(min(0, side * x), max(0, side * x), -y, y, h - t - 0.1, h - t, paint)
        if k.chance(0.5):
            mesh.box(side * w / 2 - 0.012, side * w / 2 + 0.012, -d / 2, d / 2, h - leaf, h, paint)
            continue
        edge = [(0.0, -d / 2), (leaf, -d / 2), (leaf, d / 2), (0.0, d / 2)]
        if round_leaf:
            bow = np.linspace(-np.pi / 2, np.pi / 2, 10)
            edge = [(leaf * float(np.cos(a)), d / 2 * float(np.sin(a))) for a in bow]
        wing = plate(Mesh(), edge, h - t, h, paint).scaled(side)
        mesh.add(wing, side * w / 2)
        if k.chance(0.7):
            out = side * (w / 2 + leaf * 0.7)
            mesh.tube([(out, 0, 0), (out, 0, h - t)], 0.018, paint, 4)
            mesh.box(min(out, 0), max(out, 0), -0.015, 0.015, h - t - 0.06, h - t, paint)
    return Thing(k.pick(["table", "dining table"]), mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.8)])
