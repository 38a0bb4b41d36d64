"""Beds. Each public function is a family: of a `Kit` it makes a new `Thing`."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .cloth import cover, throw
from .parts import bedding, fronts, oval, plate


def _bars(k: Kit, mesh: Mesh, w: float, y: float, z0: float, z1: float, paint: int) -> None:
    """An end of a bed: two posts, a rail and bars, or a board on legs."""
    if k.chance(0.5):
        mesh.box(-w / 2, w / 2, y - 0.02, y + 0.02, z0, z1, paint)
        mesh.pair(w / 2 - k.u(0.04, 0.08), w / 2, y - 0.02, y + 0.02, 0, z0, paint)
        return
    r = k.u(0.012, 0.03)
    mesh.tube([(-w / 2, y, 0), (-w / 2, y, z1), (w / 2, y, z1), (w / 2, y, 0)], r, paint)
    for x in np.linspace(-w / 2, w / 2, k.n(3, 9))[1:-1]:
        mesh.tube([(x, y, z0), (x, y, z1)], r * 0.6, paint, 6)


def box_bed(k: Kit) -> Thing:
    """A thick upholstered base and a headboard of its own make, wider than the bed or buttoned."""
    w, d, h, base = k.u(0.8, 2.0), k.u(1.9, 2.15), k.u(0.45, 0.75), k.u(0.2, 0.4)
    cloth, mesh, y1 = k.paint("fabric", "cloth", "leather", "wood"), Mesh(), d / 2 - 0.12
    mesh.box(-w / 2 - 0.02, w / 2 + 0.02, -d / 2, y1, k.pick([0.0, 0.05]), base, cloth)
    wide, high = w / 2 + k.u(0, 0.35), h + k.u(0.2, 0.9)
    if k.chance(0.85):
        count = k.pick([1, 1, 2, 5])
        for i in range(count):
            x0, x1 = (2 * i / count - 1) * wide, (2 * (i + 1) / count - 1) * wide
            mesh.soft(
                x0,
                x1,
                y1,
                d / 2,
                0,
                high,
                k.pick([cloth, k.paint("wood", "fabric")]) if i == 0 else cloth,
                0.15,
            )
    bedding(k, mesh, w, -d / 2, y1, base, h)
    return Thing("bed", mesh, [(0.1 - w / 2, w / 2 - 0.1, 0.1 - d / 2, y1 - 0.62, h + 0.1, 1.0)])


def barred_bed(k: Kit) -> Thing:
    """A metal or wooden frame with bars at head and foot: old beds, guest beds, beds of a
    sickroom."""
    w, d, base = k.u(0.8, 1.6), k.u(1.9, 2.1), k.u(0.25, 0.55)
    paint, mesh, h = k.paint("metal", "white", "dark", "wood"), Mesh(), base + k.u(0.12, 0.25)
    _bars(k, mesh, w, d / 2 - 0.02, base, h + k.u(0.25, 0.7), paint)
    _bars(k, mesh, w, 0.02 - d / 2, base, h + k.u(0.0, 0.35), paint)
    mesh.pair(w / 2 - 0.05, w / 2 - 0.01, 0.02 - d / 2, d / 2 - 0.02, base - 0.08, base, paint)
    if k.chance(0.3):  # side rails
        mesh.tube(
            [
                (w / 2, -d / 4, base),
                (w / 2, -d / 4, h + 0.25),
                (w / 2, d / 3, h + 0.25),
                (w / 2, d / 3, base),
            ],
            0.014,
            paint,
        )
    bedding(k, mesh, w - 0.06, 0.06 - d / 2, d / 2 - 0.06, base - 0.02, h)
    return Thing("bed", mesh, [(0.1 - w / 2, w / 2 - 0.1, 0.1 - d / 2, d / 2 - 0.65, h + 0.1, 1.0)])


def bunk_bed(k: Kit) -> Thing:
    """Two beds above each other, or one over a free space, with rails and a ladder."""
    w, d, levels = k.u(0.85, 1.1), k.u(1.9, 2.1), [k.u(0.25, 0.4), k.u(1.15, 1.4)]
    paint, mesh, post, top = (
        k.paint("wood", "wood", "white", "metal", "lacquer"),
        Mesh(),
        k.u(0.03, 0.07),
        levels[1] + k.u(0.4, 0.6),
    )
    for x in (-w / 2, w / 2 - post):
        for y in (-d / 2, d / 2 - post):
            mesh.box(x, x + post, y, y + post, 0, top, paint)
    for base in levels[k.pick([0, 0, 0, 1]) :]:
        mesh.box(-w / 2, w / 2, -d / 2, d / 2, base - 0.1, base, paint)
        bedding(k, mesh, w - 2 * post, post - d / 2, d / 2 - post, base, base + k.u(0.1, 0.18))
    for z in (levels[1] + 0.15, top - 0.04):
        mesh.pair(w / 2 - 0.03, w / 2, post - d / 2, d / 2 - post, z - 0.04, z + 0.04, paint)
        mesh.box(-w / 2, w / 2, d / 2 - 0.03, d / 2, z - 0.04, z + 0.04, paint)
    for z in np.arange(0.25, levels[1], 0.28):
        mesh.box(-w / 2 - 0.04, -w / 2, -d / 2, 0.4 - d / 2, z, z + 0.035, paint)
    for y in (-d / 2, 0.37 - d / 2):
        mesh.box(-w / 2 - 0.04, -w / 2, y, y + 0.03, 0, levels[1] + 0.2, paint)
    return Thing("bed", mesh)


def crib(k: Kit) -> Thing:
    """A baby's bed with bars all round."""
    w = k.u(0.55, 0.75)
    d = k.u(1.15, 1.4)
    top = k.u(0.8, 1.0)
    paint = k.paint("wood", "white")
    mesh = Mesh()
    for y in (0.02 - d / 2, d / 2 - 0.02):
        mesh.box(-w / 2, w / 2, y - 0.015, y + 0.015, 0.15, top, paint)
    for x in (-w / 2, w / 2):
        mesh.tube([(x, -d / 2, top), (x, d / 2, top)], 0.015, paint).tube(
            [(x, -d / 2, 0.25), (x, d / 2, 0.25)], 0.015, paint
        )
        for y in np.linspace(-d / 2, d / 2, 11):
            mesh.tube(
                [(x, y, 0.0 if abs(y) > d / 2 - 0.01 else 0.25), (x, y, top)], 0.008, paint, 6
            )
    mesh.soft(
        0.02 - w / 2,
        w / 2 - 0.02,
        0.04 - d / 2,
        d / 2 - 0.04,
        0.3,
        0.42,
        k.paint("white", "cloth"),
        0.15,
    )
    mesh.add(cover(k, w - 0.1, 0.05 - d / 2, k.u(0, 0.3), 0.45, 0.02, k.paint("cloth")))
    return Thing("bed", mesh)


def floor_bed(k: Kit) -> Thing:
    """A low platform, or a mattress on the floor."""
    w, d, base = k.u(0.9, 1.8), k.u(1.9, 2.1), k.u(0.02, 0.22)
    mesh, h = Mesh(), base + k.u(0.1, 0.22)
    edge = k.pick([0.0, k.u(0.05, 0.3)])
    mesh.box(
        -w / 2 - edge,
        w / 2 + edge,
        -d / 2 - edge,
        d / 2,
        0,
        base,
        k.paint("wood", "wood", "dark", "lacquer"),
    )
    bedding(k, mesh, w, -d / 2, d / 2 - 0.02, base, h)
    return Thing("bed", mesh, [(0.1 - w / 2, w / 2 - 0.1, 0.1 - d / 2, d / 2 - 0.7, h + 0.1, 1.0)])


def hotel_bed(k: Kit) -> Thing:
    """A thick made bed, single, double or two pushed together, before a panel much wider than it,
    with a runner and many pillows."""
    double = k.pick([1, 2, 2])
    each, d, base = k.u(0.9, 1.05), k.u(2.0, 2.15), k.u(0.22, 0.38)
    w, h, mesh = each * double, base + k.u(0.2, 0.34), Mesh()
    cloth, y1, foot = (
        k.paint("fabric", "wood", "leather", "dark"),
        d / 2 - 0.06,
        k.pick([0.0, 0.08]),
    )
    sheet = k.paint("white", "white", "white", "cloth")
    mesh.box(0.08 - w / 2, w / 2 - 0.08, 0.1 - d / 2, d / 2, 0, base, k.paint("dark", "wood"))
    for i in range(double):
        x = (i - (double - 1) / 2) * each
        mesh.box(x - each / 2 + 0.004, x + each / 2 - 0.004, -d / 2, y1, foot, base, cloth)
        mesh.soft(x - each / 2 + 0.004, x + each / 2 - 0.004, -d / 2, y1, base, h, sheet, 0.15)
    side, drop = w / 2 + 0.02, base + k.u(-0.1, 0.1)
    mesh.soft(
        -side, side, -d / 2 - 0.02, y1 - k.u(0.3, 0.7), drop, h + k.u(0.03, 0.09), sheet, 0.15
    )
    if k.chance(0.5):
        a = -d / 2 + k.u(0.1, 0.25)
        over = [
            (-side - 0.03, drop),
            (-side - 0.03, h + 0.08),
            (0, h + 0.1),
            (side + 0.03, h + 0.08),
            (side + 0.03, drop),
        ]
        mesh.add(
            throw(k, a + 0.25, k.u(0.4, 0.65), over, k.paint("cloth", "fabric")), yaw=np.pi / 2
        )
    for x in (np.arange(double) - (double - 1) / 2) * each:
        for layer in range(k.n(1, 3)):
            wide, tall = each * k.u(0.55, 0.85), k.u(0.35, 0.5)
            one = Mesh().soft(
                -wide / 2,
                wide / 2,
                -0.14,
                0,
                0,
                tall,
                sheet if layer < 2 else k.paint("cloth"),
                0.5,
            )
            lean = k.u(0.2, 0.9)
            y = y1 - 0.01 - tall * np.sin(lean) - 0.15 * layer
            mesh.add(one, float(x), y, h, pitch=-lean)
    panel, high = k.paint("wood", "fabric", "leather", "lacquer"), k.u(0.85, 1.4)
    wide = w / 2 + k.pick([0.02, k.u(0.05, 0.5)])
    if k.chance(0.5):
        mesh.box(-wide, wide, y1, d / 2, k.pick([0.0, 0.3]), high, panel)
    else:
        n = k.n(2, 8)
        for i in range(n):
            mesh.soft(
                (2 * i / n - 1) * wide,
                (2 * (i + 1) / n - 1) * wide,
                y1,
                d / 2,
                0.25,
                high,
                panel,
                0.15,
            )
    return Thing("bed", mesh, [(0.1 - w / 2, w / 2 - 0.1, 0.1 - d / 2, y1 - 0.8, h + 0.1, 0.8)])


def post_bed(k: Kit) -> Thing:
    """A bed with four tall posts and rails or cloth between their tops, or tall turned posts."""
    w, d, base, post = k.u(1.1, 1.9), k.u(1.95, 2.15), k.u(0.25, 0.5), k.u(0.025, 0.07)
    paint, mesh, h = k.paint("wood", "dark", "metal", "white"), Mesh(), base + k.u(0.15, 0.28)
    x, y, top, frame = w / 2 - post / 2, d / 2 - post / 2, k.u(1.2, 2.05), k.chance(0.6)
    for side in (-x, x):
        for end in (-y, y):
            if frame:
                mesh.block(post, post, 0, top, paint, side, end)
            else:
                knob = [
                    (post / 2, 0),
                    (post / 2, base),
                    (post * 0.3, h + 0.1),
                    (post * 0.55, top - 0.1),
                    (post * 0.3, top),
                ]
                mesh.turned(side, end, knob, paint, 10)
    if frame:
        for end in (-y, y):
            mesh.box(-x, x, end - post / 2, end + post / 2, top - post, top, paint)
        mesh.pair(x - post / 2, x + post / 2, -y, y, top - post, top, paint)
        cloth = k.paint("white", "cloth")
        for side, end in ((-x, -y), (x, -y), (-x, y), (x, y)) if k.chance(0.3) else ():
            mesh.soft(
                side - 0.07,
                side + 0.07,
                end - 0.07,
                end + 0.07,
                0.1,
                top,
                cloth,
                0.3,
            )
    mesh.box(-w / 2, w / 2, -d / 2, d / 2, base - k.u(0.1, 0.2), base, paint)
    mesh.box(-x, x, y - 0.02, y + 0.02, base, h + k.u(0.3, 0.6), paint)
    bedding(k, mesh, w - 2 * post - 0.02, post - d / 2, d / 2 - post - 0.03, base, h)
    return Thing("bed", mesh)


def drawer_bed(k: Kit) -> Thing:
    """A deep bed with drawers in its sides, its head a shelf, a curved board, slats or an arch."""
    w, d, base = k.u(0.85, 1.8), k.u(1.95, 2.15), k.u(0.3, 0.48)
    paint, mesh, h, y1 = (
        k.paint("wood", "white", "dark", "lacquer"),
        Mesh(),
        base + k.u(0.1, 0.24),
        d / 2 - 0.1,
    )
    mesh.box(-w / 2, w / 2, -d / 2, y1, 0.02, base, paint)
    for side in k.pick([(-1, 1), (1,), (-1,), ()]):
        chest = Mesh()
        fronts(k, chest, d - 0.3, -0.018, 0.05, base - 0.04, k.n(2, 4), 1, paint, "slab")
        mesh.add(chest, side * w / 2, -0.05, yaw=side * np.pi / 2)
    bedding(k, mesh, w - 0.04, 0.02 - d / 2, y1, base, h)
    kind, top = k.pick(["shelf", "sleigh", "slats", "arch"]), h + k.u(0.25, 0.6)
    if kind == "shelf":
        deep = k.u(0.15, 0.28)
        mesh.box(-w / 2, w / 2, y1, y1 + deep, 0, h, paint).box(
            -w / 2, w / 2, y1, y1 + deep, top - 0.03, top, paint
        )
        mesh.box(-w / 2, w / 2, y1 + deep - 0.02, y1 + deep, h, top, paint)
        for x in np.linspace(0.015 - w / 2, w / 2 - 0.015, k.n(2, 4)):
            mesh.box(x - 0.012, x + 0.012, y1, y1 + deep, h, top, paint)
    elif kind == "sleigh":
        for y, high, turn in ((y1, top, 1), (-d / 2, h + k.u(0.05, 0.25), -1)):
            curve = [(y, 0.0), (y, h), (y + turn * 0.03, (h + high) / 2), (y + turn * 0.12, high)]
            side = [np.array([[-w / 2, a, b], [w / 2, a, b]]) for a, b in curve]
            mesh.sheet(np.array(side), paint).box(
                -w / 2, w / 2, min(y, y + turn * 0.03), max(y, y + turn * 0.03), 0, h, paint
            )
            roll = Mesh().turned(0, 0, [(0.04, -w / 2), (0.04, w / 2)], paint, 12)
            mesh.add(roll, 0, y + turn * 0.12, high, roll=np.pi / 2)
    elif kind == "slats":
        mesh.pair(w / 2 - 0.06, w / 2, y1, y1 + 0.05, 0, top, paint)
        for x in np.linspace(0.06 - w / 2, w / 2 - 0.06, k.n(4, 10))[1:-1]:
            mesh.box(x - 0.02, x + 0.02, y1 + 0.015, y1 + 0.035, base, top - 0.06, paint)
        mesh.box(-w / 2, w / 2, y1, y1 + 0.05, top - 0.08, top, paint)
    else:
        arch = [
            (w / 2 * np.cos(a), h + 0.05 + (top - h) * np.sin(a)) for a in np.linspace(0, np.pi, 13)
        ]
        mesh.prism([(-w / 2, 0), (w / 2, 0), *arch], y1, y1 + 0.05, paint)
    return Thing("bed", mesh, [(0.1 - w / 2, w / 2 - 0.1, 0.1 - d / 2, y1 - 0.65, h + 0.1, 0.8)])


def round_bed(k: Kit) -> Thing:
    """A bed with rounded corners on a rounded base, with a bent padded back."""
    w, d, base = k.u(1.2, 2.0), k.u(1.95, 2.15), k.u(0.2, 0.36)
    cloth, mesh, h = k.paint("fabric", "leather", "cloth"), Mesh(), base + k.u(0.15, 0.28)
    plate(mesh, oval(w + 0.1, d, k.u(0.25, 0.5)), k.pick([0.0, 0.08]), base, cloth)
    mesh.block(w * 0.7, d * 0.8, 0, base, k.paint("dark", "wood"))
    bedding(k, mesh, w - 0.1, 0.12 - d / 2, d / 2 - 0.12, base, h)
    r, top, n = w / 2 + 0.06, h + k.u(0.25, 0.55), 8
    for i in range(n):
        a, b = -0.1 + (np.pi + 0.2) * i / n, -0.1 + (np.pi + 0.2) * (i + 1) / n
        ring = [
            ((r + q) * np.cos(t), 0.3 * (r + q) * np.sin(t))
            for q, t in ((0, a), (0.1, a), (0.1, b), (0, b))
        ]
        plate(mesh, [(p, q + d / 2 - 0.3 * r) for p, q in ring], base * 0.3, top, cloth)
    return Thing("bed", mesh)
