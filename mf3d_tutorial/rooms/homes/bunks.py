"""Beds of dormitories, guests and small flats. Each public function is a family: of a `Kit` it
makes a new `Thing`."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .cloth import folds
from .parts import bedding, castors, fronts, pallets, railing


def _ladder(mesh: Mesh, x: float, y: float, top: float, out: float, r: float, paint: int) -> None:
    """A ladder of tubes at the side x of a bunk, its foot `out` metres from it."""
    side = np.sign(x) * out
    for end in (y, y + 0.35):
        mesh.tube([(x + side, end, 0), (x, end, top)], r, paint, 6)
    for t in np.linspace(0, 1, max(3, round(top / 0.27)))[1:-1]:
        at = x + side * (1 - t)
        mesh.tube([(at, y, top * t), (at, y + 0.35, top * t)], r, paint, 6)


def _steps(k: Kit, mesh: Mesh, x0: float, x1: float, y: float, top: float, paint: int) -> None:
    """Steps that are boxes with drawers, from y towards -y, up to `top`."""
    n = k.n(3, 5)
    for i in range(n):
        high = top * (n - i) / (n + 0.5)
        mesh.box(x0, x1, y - (i + 1) * 0.24, y - i * 0.24, 0, high, paint)


def tube_bunk(k: Kit) -> Thing:
    """Two or three beds above each other in a frame of metal tube, the lowest one sometimes wider,
    as in barracks, hostels and schools."""
    w, d, r = k.u(0.8, 1.0), k.u(1.9, 2.1), k.u(0.016, 0.03)
    paint, mesh, low, step = (
        k.paint("metal", "white", "dark", "lacquer"),
        Mesh(),
        k.u(0.28, 0.42),
        k.u(0.8, 1.0),
    )
    levels = [low + i * step for i in range(k.pick([2, 2, 2, 3]) if low + 2 * step < 1.95 else 2)]
    wide = k.u(0.2, 0.5) if k.chance(0.2) else 0.0
    top, x, y, bars = levels[-1] + k.u(0.3, 0.45), w / 2, d / 2, k.n(0, 6)
    for end in (-y, y):
        mesh.tube([(-x, end, 0), (-x, end, top), (x, end, top), (x, end, 0)], r, paint)
        for level in levels:
            railing(mesh, ((-x, end), (x, end)), level - 0.04, level + 0.28, r * 0.7, bars, paint)
    for i, level in enumerate(levels):
        left = x + (wide if i == 0 else 0)
        mesh.box(-left, 0.03 - left, -y, y, level - 0.06, level, paint)
        mesh.box(x - 0.03, x, -y, y, level - 0.06, level, paint)
        mesh.box(
            0.03 - left, x - 0.03, 0.03 - y, y - 0.03, level - 0.02, level, k.paint("wood", "metal")
        )
        part = Mesh()
        bedding(k, part, x + left - 0.06, 0.03 - y, y - 0.03, level, level + k.u(0.09, 0.17))
        mesh.add(part, (x - left) / 2)
        if i:
            for side in (-x, x):
                railing(
                    mesh,
                    ((side, -y + k.pick([0.0, 0.5])), (side, y)),
                    level,
                    level + 0.32,
                    r * 0.7,
                    0,
                    paint,
                )
    if wide:
        for end in (-y, y):
            mesh.post(-x - wide + r, end, 0, low + 0.2, r, paint)
    side = k.pick([-1, 1]) if not wide else 1
    _ladder(
        mesh,
        side * (x + r),
        k.pick([0.05 - y, y - 0.45]),
        levels[-1] + 0.15,
        k.u(0.0, 0.25),
        0.014,
        paint,
    )
    return Thing("bed", mesh)


def pod_bunk(k: Kit) -> Thing:
    """Bunks of boards like boxes, open at one long side, with curtains and lamps: hostels."""
    w, d, t = k.u(0.9, 1.15), k.u(1.95, 2.1), 0.03
    paint, mesh, low = k.paint("wood", "wood", "white", "lacquer"), Mesh(), k.u(0.15, 0.4)
    levels = [low, low + k.u(0.85, 1.0)]
    top, x, y = levels[1] + k.u(0.35, 0.85), w / 2, d / 2
    for end in (-y, y - t):
        mesh.box(-x, x, end, end + t, 0, top, paint)
    mesh.box(x - t, x, -y, y, 0, top, paint)
    drawers = k.chance(0.5)
    for i, level in enumerate(levels):
        mesh.box(-x, x - t, t - y, y - t, level - 0.1, level, paint)
        if i == 0 and drawers and low > 0.25:
            mesh.box(-x + 0.02, -x + 0.04, t - y, y - t, 0.03, level - 0.11, paint)
        part = Mesh()
        bedding(k, part, w - t - 0.03, t - y, y - t, level, level + k.u(0.1, 0.18))
        mesh.add(part, -t / 2)
        mesh.box(-x, t - x, y - t - k.u(0.4, 1.2), y - t, level, level + k.u(0.2, 0.6), paint)
        if k.chance(0.35):
            long, high = k.u(0.3, 1.2), (levels[1] - 0.12 if i == 0 else top)
            cloth = folds(k, long, high, level - 0.05, k.paint("curtain", "cloth"))
            mesh.add(cloth, -x - 0.015, y - long / 2 - t, yaw=-np.pi / 2)
            mesh.box(-x - 0.07, -x, y - long - t, y, high, high + 0.02, paint)
    if k.chance(0.5):
        _steps(k, mesh, -x, x, -y - 0.001, levels[1], paint)
    else:
        _ladder(
            mesh, -x - 0.02, 0.1 - y, levels[1] + 0.2, k.u(0, 0.2), 0.016, k.paint("metal", "wood")
        )
    return Thing("bed", mesh.scaled(k.pick([-1, 1])))


def loft_bed(k: Kit) -> Thing:
    """A bed on tall posts over a desk, shelves or nothing; the desk is an instance of its own."""
    w, d, base = k.u(0.85, 1.4), k.u(1.9, 2.1), k.u(1.3, 1.75)
    paint, mesh, post = k.paint("wood", "white", "metal", "dark"), Mesh(), k.u(0.035, 0.08)
    x, y, top, sides = w / 2, d / 2, base + k.u(0.25, 0.4), k.pick([4, 10])
    for side in (post / 2 - x, x - post / 2):
        for end in (post / 2 - y, y - post / 2):
            if sides == 4:
                mesh.block(post, post, 0, top, paint, side, end)
            else:
                mesh.post(side, end, 0, top, post / 2, paint, sides)
    mesh.box(-x, x, -y, y, base - k.u(0.06, 0.14), base, paint)
    bedding(k, mesh, w - 2 * post, post - y, y - post, base, base + k.u(0.08, 0.15))
    kind, bars = k.pick(["boards", "bars", "panel"]), k.n(3, 10)
    for side in (-x, x):
        long = (-y, y) if side > 0 else (0.45 - y, y)
        if kind == "bars":
            railing(mesh, ((side, long[0]), (side, long[1])), base, top, 0.014, bars, paint)
        elif kind == "boards":
            for z in (base + 0.12, top - 0.06):
                mesh.box(side - 0.012, side + 0.012, *long, z, z + 0.06, paint)
        else:
            mesh.box(side - 0.012, side + 0.012, *long, base, top, paint)
    for end in (-y, y):
        mesh.box(-x, x, end - 0.012, end + 0.012, base + 0.1, top, paint)
    if k.chance(0.4):
        _steps(k, mesh, -x, x * k.u(-0.2, 0.6), -y - 0.02, base, paint)
    else:
        _ladder(mesh, -x - 0.015, 0.05 - y, base + 0.15, k.u(0, 0.3), k.u(0.014, 0.025), paint)
    group = Thing("bed", mesh)
    if k.chance(0.6):
        deep, long, h = (
            min(k.u(0.45, 0.65), w - 2 * post - 0.05),
            d - 2 * post - 0.5,
            k.u(0.7, 0.76),
        )
        desk = (
            Mesh()
            .block(long, deep, h - 0.025, h, paint)
            .pair(long / 2 - 0.03, long / 2, -deep / 2, deep / 2, 0, h - 0.025, paint)
        )
        group.carry(
            Thing("desk", desk, [(-long / 2, long / 2, -deep / 2, deep / 2, h, 0.4)]),
            x - post - deep / 2 - 0.005,
            0.2,
            0,
            -np.pi / 2,
        )
        group.tops = [(x - post - deep, x - post, -long / 2 + 0.2, long / 2 + 0.2, h, 0.4)]
    return group


def day_bed(k: Kit) -> Thing:
    """A bed with its long side at the wall: a back and two ends of boards, bars or pads, sometimes
    a drawer or a second bed below."""
    d, w, base = k.u(0.8, 1.05), k.u(1.9, 2.1), k.u(0.25, 0.42)
    paint, mesh, h = (
        k.paint("wood", "white", "metal", "dark", "fabric"),
        Mesh(),
        base + k.u(0.1, 0.2),
    )
    x, y, top = w / 2, d / 2, h + k.u(0.15, 0.5)
    kind, bars = k.pick(["boards", "bars", "soft"]), k.n(4, 12)
    back, even = k.chance(0.75), k.chance(0.6)
    for ends, n, high in (
        (((-x, -y), (-x, y)), bars // 2, top),
        (((x, -y), (x, y)), bars // 2, top if even else h + 0.05),
        *([(((-x, y), (x, y)), bars, top + k.u(0, 0.2))] if back else []),
    ):
        (xa, ya), (xb, yb) = ends
        if kind == "bars":
            railing(mesh, ends, 0.0, high, 0.018, n, paint)
        elif kind == "boards":
            mesh.box(xa - 0.015, xb + 0.015, ya - 0.015, yb + 0.015, 0, high, paint)
        else:
            mesh.soft(xa - 0.06, xb + 0.06, ya - 0.06, yb + 0.06, 0.03, high, paint, 0.2)
    mesh.box(-x, x, -y, y, base - k.u(0.05, 0.15), base, paint)
    if k.chance(0.4):
        mesh.box(0.06 - x, x - 0.06, -y - 0.02, -y + 0.02, 0.03, base - 0.06, paint)
        if k.chance(0.3):  # pulled out, with a mattress
            out = k.u(0.3, d - 0.2)
            mesh.box(0.06 - x, x - 0.06, -y - out, -y, 0.03, 0.15, paint)
            mesh.soft(
                0.08 - x,
                x - 0.08,
                -y - out + 0.01,
                -y,
                0.15,
                base - 0.03,
                k.paint("white", "cloth"),
                0.15,
            )
    bed = Mesh()
    bedding(k, bed, d - 0.06, 0.04 - x, x - 0.04, base, h)
    mesh.add(bed, yaw=k.pick([-1, 1]) * np.pi / 2)
    for i in range(k.n(0, 4)):
        one = Mesh().soft(-0.22, 0.22, -0.14, 0, 0, k.u(0.3, 0.45), k.paint("cloth", "fabric"), 0.5)
        mesh.add(one, (i - 1.5) * 0.45, y - 0.11, h, k.u(-0.2, 0.2), pitch=-0.15)
    return Thing("bed", mesh)


def pallet_bed(k: Kit) -> Thing:
    """A mattress on pallets, on crates, on slats or on the bare floor, a little askew."""
    w, d = k.u(0.8, 1.6), k.u(1.85, 2.05)
    base, mesh, wood = (
        k.pick([0.0, k.u(0.1, 0.17), k.u(0.22, 0.34)]),
        Mesh(),
        k.paint("wood", "wood", "white"),
    )
    edge = k.pick([0.0, k.u(0.02, 0.25)])
    if base:
        pallets(mesh, w + 2 * edge, d + 2 * edge, base, wood)
    bed = Mesh()
    bedding(k, bed, w, -d / 2, d / 2 - 0.03, base, base + k.u(0.1, 0.24))
    mesh.add(bed, k.u(-edge, edge) * 0.8, yaw=k.u(-0.04, 0.04) if edge > 0.05 or not base else 0.0)
    if base and k.chance(0.3):
        mesh.box(
            -w / 2 - edge, w / 2 + edge, d / 2 + edge, d / 2 + edge + 0.1, 0, k.u(0.7, 1.1), wood
        )
    return Thing(k.pick(["bed", "mattress"]) if not base else "bed", mesh)


def camp_bed(k: Kit) -> Thing:
    """A folding bed: canvas or a thin mattress on crossed legs, arches of tube or castors."""
    w, d, h = k.u(0.65, 0.9), k.u(1.8, 2.0), k.u(0.28, 0.48)
    steel, mesh, x, y = k.paint("metal", "dark", "wood"), Mesh(), w / 2, d / 2
    cloth, r, kind = (
        k.paint("cloth", "fabric", "dark", "plastic"),
        0.013,
        k.pick(["x", "arches", "rolling"]),
    )
    for side in (-x, x):
        mesh.tube([(side, -y, h), (side, y, h)], r, steel)
    sag = np.array([0.0, -0.02, -0.03, -0.02, 0.0])
    rows = [
        np.stack([np.linspace(-x, x, 5), np.full(5, t), h + sag], -1) for t in np.linspace(-y, y, 6)
    ]
    mesh.sheet(np.array(rows), cloth)
    for end in np.linspace(0.12 - y, y - 0.12, k.n(2, 4)):
        if kind == "x":
            mesh.tube([(-x, end, 0), (x, end, h)], r, steel).tube(
                [(x, end, 0), (-x, end, h)], r, steel
            )
        else:
            low = 0.08 if kind == "rolling" else r
            mesh.tube(
                [(-x, end, h), (0.04 - x, end, low), (x - 0.04, end, low), (x, end, h)], r, steel
            )
            if kind == "rolling":
                castors(mesh, [(0.04 - x, end), (x - 0.04, end)], 0.035, k.paint("dark"))
    if kind == "rolling":
        for end in (-y, y):
            railing(mesh, ((-x, end), (x, end)), h, h + k.u(0.1, 0.35), r, k.n(0, 4), steel)
    if k.chance(0.7):
        bedding(k, mesh, w - 0.04, 0.02 - y, y - 0.02, h - 0.01, h + k.u(0.04, 0.12))
    return Thing("bed", mesh)


def cabin_bed(k: Kit) -> Thing:
    """A bed at the height of a chest, over cupboards, drawers and open shelves."""
    w, d, base = k.u(0.85, 1.1), k.u(1.9, 2.1), k.u(0.7, 1.15)
    paint, mesh, x, y = k.paint("wood", "white", "lacquer"), Mesh(), w / 2, d / 2
    mesh.box(-x, x, -y, y, base - 0.1, base, paint)
    face, start, n = k.pick([paint, k.paint("lacquer", "wood")]), -y, k.n(2, 4)
    for i in range(n):  # along its open side, at -x
        end = -y + d * (i + 1) / n
        kind = k.pick(["doors", "drawers", "open", "free"]) if i else "doors"
        mesh.box(-x, x, end - 0.02, end, 0, base - 0.1, paint)
        if kind in ("doors", "drawers"):
            front = Mesh()
            rows = 1 if kind == "doors" else 3
            fronts(k, front, end - start - 0.02, -0.02, 0.03, base - 0.11, 1, rows, face, "slab")
            mesh.add(front, -x + 0.02, (start + end) / 2, yaw=-np.pi / 2)
            mesh.box(0.02 - x, x, start, end, 0.03, base - 0.1, paint)
        elif kind == "open":
            for z in (0.03, base / 2):
                mesh.box(-x, x, start, end, z, z + 0.02, paint)
            mesh.box(x - 0.02, x, start, end, 0.0, base - 0.1, paint)
        start = end
    bedding(k, mesh, w - 0.06, 0.03 - y, y - 0.03, base, base + k.u(0.08, 0.16))
    top = base + k.u(0.22, 0.4)
    for end in (-y, y - 0.025):
        mesh.box(-x, x, end, end + 0.025, base - 0.1, top, paint)
    mesh.box(x - 0.025, x, -y, y, base - 0.1, top, paint)
    mesh.box(-x, 0.025 - x, 0.4 - y, y, base - 0.1, top, paint)
    if k.chance(0.5):
        _steps(k, mesh, -x, k.u(-0.3, 0.3) * x, -y - 0.002, base, paint)
    else:
        _ladder(mesh, -x - 0.03, 0.03 - y, base, k.u(0.0, 0.2), 0.015, paint)
    return Thing("bed", mesh.scaled(k.pick([-1, 1])))


def wall_bed(k: Kit) -> Thing:
    """A bed let down from a cupboard that frames its head."""
    w, d, h, deep = k.u(0.9, 1.65), k.u(1.9, 2.1), k.u(0.4, 0.55), k.u(0.3, 0.45)
    paint, mesh, high = k.paint("wood", "white", "lacquer", "front"), Mesh(), k.u(1.85, 2.1)
    y1, x = d / 2, w / 2
    mesh.pair(x + 0.02, x + 0.05, y1 - deep, y1, 0, high, paint)
    mesh.box(-x - 0.02, x + 0.02, y1 - deep, y1, high - 0.25, high, paint)
    mesh.box(-x - 0.02, x + 0.02, y1 - 0.02, y1, 0, high, paint)
    base = h - k.u(0.12, 0.2)
    mesh.box(-x - 0.02, x + 0.02, -d / 2, y1 - 0.02, base - k.u(0.06, 0.15), base, paint)
    for side in (-x + 0.05, x - 0.05):
        mesh.box(side - 0.02, side + 0.02, 0.1 - d / 2, 0.14 - d / 2, 0, base, k.paint("metal"))
    bedding(k, mesh, w - 0.02, 0.02 - d / 2, y1 - 0.03, base, h)
    group = Thing("bed", mesh)
    for side in k.pick([(), (-1,), (1,), (-1, 1)]):
        wide, tower = k.u(0.35, 0.6), Mesh()
        tower.block(wide, deep - 0.02, 0, high, paint, 0, 0.01)
        fronts(k, tower, wide, -deep / 2, 0.03, high - 0.01, 1, k.n(1, 3), paint, "slab")
        group.carry(Thing("cabinet", tower), side * (x + 0.053 + wide / 2), y1 - deep / 2)
    return group
