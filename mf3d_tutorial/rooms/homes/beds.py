"""Beds. Each public function is a family: of a `Kit` it makes a new `Thing`."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .cloth import cover, throw


def _bedding(k: Kit, mesh: Mesh, w: float, y0: float, y1: float, base: float, h: float) -> None:
    """Mattress from y0 to the head y1, and on it a made, tossed or missing blanket and a few
    pillows."""
    mesh.soft(-w / 2, w / 2, y0, y1, base, h, k.paint("white", "cloth", "fabric"), k.u(0.05, 0.25))
    state = k.pick(["made", "made", "tossed", "folded", "none"])
    blanket = k.paint("cloth", "white", "cloth", "fabric")
    end = y1 - k.u(0.35, 0.75)
    if state in ("made", "tossed"):
        size = 0.012 if state == "made" else k.u(0.02, 0.05)
        start = y0 - 0.03 if state == "made" else y0 + k.u(0, 0.7)
        mesh.add(
            cover(
                k,
                w + 0.02,
                start,
                end,
                h + k.u(0.015, 0.06),
                k.u(0.05, max(0.06, h - base + 0.15)),
                blanket,
                size,
            )
        )
    elif state == "folded":
        mesh.soft(
            -w * 0.45,
            w * 0.45,
            y0 + 0.05,
            y0 + k.u(0.35, 0.7),
            h - 0.02,
            h + k.u(0.06, 0.15),
            blanket,
            0.4,
        )
    if k.chance(0.25):
        y = y0 + k.u(0.2, 0.7)
        side = [
            (-w / 2 - 0.05, base),
            (-w / 2 - 0.05, h + 0.05),
            (0, h + 0.06),
            (w / 2 + 0.05, h + 0.05),
            (w / 2 + 0.05, base),
        ]
        mesh.add(throw(k, y, k.u(0.3, 0.6), side, k.paint("cloth")), yaw=np.pi / 2)
    for x in (-w / 4, w / 4) if w > 1.25 else (0.0,):
        for _ in range(k.n(0, 2)):
            wide, deep = min(k.u(0.45, 0.75), w * 0.95), k.u(0.3, 0.45)
            pillow = Mesh().soft(
                -wide / 2,
                wide / 2,
                -deep / 2,
                deep / 2,
                0,
                k.u(0.09, 0.18),
                k.paint("white", "cloth"),
                0.5,
            )
            mesh.add(
                pillow, x, y1 - deep / 2 - k.u(0.02, 0.1), h, k.u(-0.2, 0.2), pitch=-k.u(0, 0.6)
            )


def _bars(k: Kit, mesh: Mesh, w: float, y: float, z0: float, z1: float, paint: int) -> None:
    """An end of a bed: two posts, a rail and bars, or a board with a rim."""
    if k.chance(0.5):
        mesh.box(-w / 2, w / 2, y - 0.02, y + 0.02, z0, z1, paint)
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
                0.12,
            )
    _bedding(k, mesh, w, -d / 2, y1, base, h)
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
    _bedding(k, mesh, w - 0.06, 0.06 - d / 2, d / 2 - 0.06, base - 0.02, h)
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
        _bedding(k, mesh, w - 2 * post, post - d / 2, d / 2 - post, base, base + k.u(0.1, 0.18))
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
    _bedding(k, mesh, w, -d / 2, d / 2 - 0.02, base, h)
    return Thing("bed", mesh, [(0.1 - w / 2, w / 2 - 0.1, 0.1 - d / 2, d / 2 - 0.7, h + 0.1, 1.0)])
