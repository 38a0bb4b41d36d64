"""Kitchens and bathrooms. Each public function is a family: of a `Kit` it makes a new `Thing`,
often a group."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .cloth import folds
from .parts import fronts


def fridge(k: Kit) -> Thing:
    """One to four doors of any finish, with handles or without, notes on it or not, freestanding or
    rounded."""
    w, d, h = k.u(0.5, 0.95), k.u(0.55, 0.78), k.u(1.2, 2.05)
    body, mesh, y = (
        k.paint("white", "metal", "metal", "dark", "lacquer", "plastic", "front", "wood"),
        Mesh(),
        0.06 - d / 2,
    )
    face = k.pick([body, body, k.paint("metal", "white")])
    steel = k.paint("metal", "dark")
    split = h * k.u(0.3, 0.72)
    power, gap = k.pick([0.0, 0.0, 0.12]), k.u(0.003, 0.012)
    mesh.box(-w / 2, w / 2, y, d / 2, 0.02, h, body)
    leaves = {
        "one": [(-w / 2, w / 2, 0.06, h)],
        "two": [(-w / 2, w / 2, 0.06, split), (-w / 2, w / 2, split, h)],
        "sides": [(-w / 2, -w * 0.08, 0.06, h), (-w * 0.08, w / 2, 0.06, h)],
        "french": [(-w / 2, w / 2, 0.06, split), (-w / 2, 0, split, h), (0, w / 2, split, h)],
    }
    handle = k.pick(["bar", "short", "none"])
    for i, (x0, x1, z0, z1) in enumerate(
        leaves[
            k.pick(["one", "two", "two", "two", "sides", "french"] if w > 0.7 else ["one", "two"])
        ]
    ):
        if power:
            mesh.soft(x0 + gap, x1 - gap, -d / 2, y + 0.05, z0 + gap, z1 - gap, face, power)
        else:
            mesh.box(x0 + gap, x1 - gap, -d / 2, y, z0 + gap, z1 - gap, face)
        x = x1 - 0.07 if i % 2 == 0 else x0 + 0.05
        tall = (0.7 if handle == "bar" else 0.25) * (z1 - z0)
        low = z1 - 0.1 - tall if z0 < 0.1 else z0 + 0.08
        if handle != "none":
            mesh.box(x, x + 0.02, -d / 2 - 0.045, -d / 2 - 0.02, low, low + tall, steel)
    for _ in range(k.n(0, 6) if k.chance(0.4) else 0):
        x, z, s = k.u(-0.4, 0.3) * w, k.u(0.55, 0.9) * h, k.u(0.05, 0.2)
        mesh.box(
            x, x + s * 0.7, -d / 2 - 0.006, -d / 2, z, z + s, k.paint("paper", "print", "plastic")
        )
    return Thing("refrigerator", mesh, [(-w / 2, w / 2, y, d / 2, h, 0.35)])


def _sink_bowl(k: Kit, w: float, d: float, z: float, paint: int) -> Mesh:
    """One or two bowls let into a plate at height z, a tap behind; the plate's rim is w wide and d
    deep."""
    t, deep, mesh, steel = 0.018, k.u(0.1, 0.2), Mesh(), k.paint("metal", "metal", "dark")
    count = 2 if w > 0.65 and k.chance(0.5) else 1
    for i in range(count):
        x, wide = ((i + 0.5) / count - 0.5) * w, w / count
        mesh.block(wide, d, z - deep - t, z - deep, paint, x)
        for side in (x - wide / 2, x + wide / 2 - t):
            mesh.box(side, side + t, -d / 2, d / 2, z - deep, z + 0.012, paint)
        for y in (-d / 2, d / 2 - t):
            mesh.box(x - wide / 2, x + wide / 2, y, y + t, z - deep, z + 0.012, paint)
    y, high = d / 2 - 0.012, z + k.u(0.15, 0.4)
    reach = min(0.24, d * 0.5)
    return mesh.tube(
        [(0, y, z), (0, y, high), (0, y - reach, high), (0, y - reach, high - 0.06)], 0.012, steel
    )


def _worktop(
    k: Kit, label: str, w: float, d: float, z0: float, z: float, hole: tuple | None
) -> Thing:
    """A plate from z0 to z, around `hole` (x0, x1, y0, y1) if there is one."""
    paint, thing = k.paint("stone", "stone", "wood", "white", "dark"), Thing(label)
    spans = [(-w / 2, w / 2)]
    if hole:
        x0, x1, y0, y1 = hole
        spans = [(-w / 2, x0), (x1, w / 2)]
        thing.mesh.box(x0, x1, -d / 2, y0, z0, z, paint).box(x0, x1, y1, d / 2, z0, z, paint)
    for a, b in spans:
        thing.mesh.box(a, b, -d / 2, d / 2, z0, z, paint)
        thing.tops.append((a, b, 0.02 - d / 2, d / 2 - 0.03, z, 0.42))
    if k.chance(0.3):
        thing.mesh.box(-w / 2, w / 2, d / 2 - 0.02, d / 2, z, z + k.u(0.06, 0.4), paint)
    return thing


def _base_unit(
    k: Kit, labels: tuple[list, list], w: float, d: float, h: float, basin: bool
) -> Thing:
    """Cabinets under a worktop, with a sink let in if `basin`: a group of up to three instances."""
    deep = 0.24 if basin else k.u(0.03, 0.07)
    cabinet = Thing(k.pick(labels[0]))
    foot = k.u(0.03, 0.15)
    face = k.paint("front", "front", "wood", "white")
    cabinet.mesh.box(
        -w / 2, w / 2, 0.02 - d / 2, d / 2, foot, h - deep, k.pick([face, k.paint("white")])
    )
    cabinet.mesh.box(-w / 2, w / 2, 0.08 - d / 2, d / 2, 0, foot, k.paint("dark", "white"))
    style, columns = k.pick(["slab", "slab", "framed", "glass"]), max(1, round(w / k.u(0.35, 0.65)))
    fronts(k, cabinet.mesh, w, 0.002 - d / 2, foot, h - deep, columns, k.n(1, 3), face, style)
    hole, front = None, d + k.u(0.0, 0.05)
    if basin:
        wide, long = min(k.u(0.4, 0.95), w - 0.16), front - k.u(0.14, 0.22)
        x = k.u(-0.5, 0.5) * (w - wide - 0.1)
        hole = (x - wide / 2, x + wide / 2, -long / 2 - 0.01, long / 2 - 0.01)
    top = _worktop(k, k.pick(labels[1]), w, front, h - min(deep, k.u(0.02, 0.06)), h, hole)
    if hole:
        bowl = _sink_bowl(k, wide - 0.004, long - 0.004, h, k.paint("metal", "white", "stone"))
        top.carry(Thing("sink", bowl), x, -0.01)
    return Thing(tops=top.tops).carry(cabinet, 0, (front - d) / 2).carry(top)


KITCHEN = (
    ["kitchen cabinet", "kitchen cabinet", "cabinet"],
    ["kitchen counter", "kitchen counter", "counter"],
)
BATH = (["bathroom vanity", "bathroom cabinet", "cabinet"], ["bathroom counter", "counter"])


def kitchen_row(k: Kit) -> Thing:
    """A piece of a kitchen along a wall, sometimes with cabinets, a shelf or a hood above."""
    w, d, h = k.u(0.6, 2.4), k.u(0.52, 0.7), k.u(0.84, 0.96)
    group, above, z = (
        _base_unit(k, KITCHEN, w, d, h, w > 0.75 and k.chance(0.6)),
        k.pick(["", "cabinets", "cabinets", "shelf"]),
        k.u(1.36, 1.55),
    )
    if above == "cabinets":
        deep, tall, high = k.u(0.28, 0.4), k.u(0.4, 0.9), Thing(k.pick(KITCHEN[0]))
        face = k.paint("front", "front", "white", "wood")
        high.mesh.box(-w / 2, w / 2, d / 2 - deep, d / 2, 0, tall, face)
        fronts(
            k,
            high.mesh,
            w,
            d / 2 - deep - 0.018,
            0,
            tall,
            max(1, round(w / 0.5)),
            1,
            face,
            k.pick(["slab", "framed", "glass"]),
        )
        group.carry(high, 0, 0, z)
    elif above == "shelf":
        group.carry(
            Thing(
                "shelf", Mesh().box(-w / 2, w / 2, d / 2 - 0.22, d / 2, 0, 0.03, k.paint("wood"))
            ),
            0,
            0,
            z,
        )
    return group


def kitchen_island(k: Kit) -> Thing:
    """A counter that stands free, its plate reaching over on one side: a bar."""
    return _base_unit(k, KITCHEN, k.u(1.0, 2.4), k.u(0.6, 1.1), k.u(0.86, 1.08), k.chance(0.35))


def bar_counter(k: Kit) -> Thing:
    """A counter of one piece: a solid front under a plate, or a plate on panels."""
    w = k.u(0.9, 2.2)
    d = k.u(0.4, 0.75)
    h = k.u(0.88, 1.15)
    paint = k.paint("wood", "stone", "front", "white")
    mesh = Mesh().block(w + 0.06, d, h - k.u(0.03, 0.08), h, k.paint("stone", "wood", "dark"))
    if k.chance(0.6):
        mesh.box(-w / 2, w / 2, -d / 2 + k.u(0.05, 0.25), d / 2 - 0.02, 0, h - 0.03, paint)
    else:
        mesh.pair(w / 2 - 0.06, w / 2, -d / 2 + 0.02, d / 2 - 0.02, 0, h - 0.03, paint)
    return Thing("counter", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.6)])


def washstand(k: Kit) -> Thing:
    """A bathroom cabinet with a basin let into its top."""
    return _base_unit(k, BATH, k.u(0.6, 1.5), k.u(0.42, 0.58), k.u(0.76, 0.92), True)


def bowl_basin(k: Kit) -> Thing:
    """A round or oval basin on a column, on the wall, or on a shelf."""
    w = k.u(0.36, 0.65)
    d = k.u(0.34, 0.5)
    h = k.u(0.78, 0.92)
    white = k.paint("white", "white", "stone", "lacquer")
    profile = [(0.15, -0.16), (0.46, -0.06), (0.5, 0), (0.45, 0), (0.3, -0.1), (0.05, -0.12)]
    bowl = Mesh().turned(0, 0, profile, white, 20).scaled(w, d, 1)
    mesh = (
        Mesh()
        .add(bowl, 0, 0, h)
        .tube(
            [(0, d / 2 - 0.03, h - 0.1), (0, d / 2 - 0.03, h + 0.15), (0, d / 2 - 0.18, h + 0.14)],
            0.012,
            k.paint("metal"),
        )
    )
    kind = k.pick(["column", "wall", "shelf"])
    if kind == "column":
        mesh.turned(0, 0.04, [(0.11, 0), (0.07, 0.4), (0.1, h - 0.12)], white)
    elif kind == "shelf":
        mesh.block(w + k.u(0.1, 0.4), d + 0.06, h - 0.2, h - 0.15, k.paint("wood", "stone"))
    return Thing("sink", mesh)


def wall_toilet(k: Kit) -> Thing:
    """A toilet that hangs on the wall, or stands and has a cistern; lid up or down."""
    w, long, h, white, mesh = (
        k.u(0.33, 0.42),
        k.u(0.48, 0.62),
        k.u(0.38, 0.48),
        k.paint("white", "white", "white", "plastic"),
        Mesh(),
    )
    hung, power = k.chance(0.4), k.u(0.4, 0.9)
    mesh.soft(-w / 2, w / 2, -long / 2, long / 2 - 0.02, h - 0.18, h - 0.03, white, power)
    mesh.soft(
        -w * 0.34, w * 0.34, -long * 0.3, long / 2, 0.12 if hung else 0, h - 0.1, white, power
    )
    mesh.soft(
        -w / 2,
        w / 2,
        -long / 2 - 0.01,
        long / 2 - 0.08,
        h - 0.03,
        h,
        k.pick([white, k.paint("wood", "dark")]),
        0.7,
    )
    if k.chance(0.4):
        mesh.soft(-w / 2, w / 2, long / 2 - 0.1, long / 2 - 0.06, h, h + 0.42, white, 0.6)
    if hung:
        mesh.box(
            -0.12, 0.12, long / 2 - 0.01, long / 2, h + 0.35, h + 0.5, k.paint("metal", "white")
        )
        if k.chance(0.5):
            mesh.box(
                -0.3,
                0.3,
                long / 2,
                long / 2 + 0.15,
                0,
                h + k.u(0.5, 0.7),
                k.paint("wall tiles", "wall"),
            )
    else:
        mesh.soft(
            -0.2,
            0.2,
            long / 2 - 0.02,
            long / 2 + 0.16,
            h - 0.05,
            h + k.u(0.3, 0.45),
            white,
            k.u(0.1, 0.4),
        )
    return Thing("toilet", mesh)


def free_tub(k: Kit) -> Thing:
    """A tub of one oval shell, on the floor or on feet."""
    w, d, h, foot, white = (
        k.u(1.4, 1.85),
        k.u(0.68, 0.88),
        k.u(0.45, 0.62),
        k.pick([0.0, 0.0, 0.1]),
        k.paint("white", "white", "lacquer", "stone"),
    )
    profile = [(0.36, 0), (0.44, 0.15), (0.5, 1), (0.45, 1), (0.38, 0.4), (0.3, 0.25)]
    shell = Mesh().turned(0, 0, profile, white, 24).scaled(w, d, h)
    mesh = Mesh().add(shell, 0, 0, foot)
    for x in (-w * 0.3, w * 0.3) if foot else ():
        mesh.block(0.06, d * 0.5, 0, foot + 0.02, k.paint("metal", "white"), x)
    if k.chance(0.5):
        mesh.tube(
            [(0, d / 2 - 0.03, 0), (0, d / 2 - 0.03, h + 0.35), (0, d / 2 - 0.2, h + 0.35)],
            0.018,
            k.paint("metal", "dark"),
        )
    return Thing("bathtub", mesh)


def walled_tub(k: Kit) -> Thing:
    """A tub behind a tiled or panelled apron, mostly with a curtain or a glass leaf before it: a
    group."""
    w, d, h, rim = k.u(1.3, 1.9), k.u(0.65, 0.95), k.u(0.4, 0.65), k.u(0.05, 0.14)
    white, apron, mesh = k.paint("white"), k.paint("white", "wall tiles", "wood", "stone"), Mesh()
    mesh.box(-w / 2, w / 2, -d / 2, 0.02 - d / 2, 0, h - 0.02, apron).box(
        -w / 2, w / 2, 0.02 - d / 2, rim - d / 2, 0, h, white
    )
    mesh.box(-w / 2, w / 2, d / 2 - rim, d / 2, 0, h, white)
    mesh.pair(w / 2 - rim, w / 2, rim - d / 2, d / 2 - rim, 0, h, white).block(
        w - 2 * rim, d - 2 * rim, 0, h * 0.3, white
    )
    mesh.tube(
        [(w / 2 - 0.04, 0, h), (w / 2 - 0.04, 0, h + 0.12), (w / 2 - 0.2, 0, h + 0.1)],
        0.015,
        k.paint("metal"),
    )
    group, front = (
        Thing().carry(Thing("bathtub", mesh)),
        k.pick(["curtain", "curtain", "curtain", "curtain", "curtain", "curtain", "glass", "none"]),
    )
    if front == "curtain":
        wide, top = w * k.u(0.25, 1.0), k.u(1.85, 2.1)
        cloth = folds(k, wide, top, k.u(0.1, h), k.paint("shower cloth"))
        group.carry(
            Thing("shower curtain", cloth), k.pick([-1, 1]) * (w - wide) / 2, -d / 2 - 0.012
        )
        group.carry(
            Thing(
                "shower curtain rod",
                Mesh().tube(
                    [(-w / 2, 0, top + 0.02), (w / 2, 0, top + 0.02)], 0.012, k.paint("metal")
                ),
            ),
            0,
            -d / 2 - 0.06,
        )
    elif front == "glass":
        leaf = Mesh().box(
            -w / 2,
            k.u(-0.1, 0.2) * w,
            -d / 2 + 0.01,
            -d / 2 + 0.03,
            h + 0.005,
            h + 1.4,
            k.paint("glass"),
        )
        group.carry(Thing("shower door", leaf))
    return group


def shower_stall(k: Kit) -> Thing:
    """A tray in a corner, a shower head, and before it a curtain on one or two sides, or glass: a
    group."""
    w, d, top, steel = k.u(0.8, 1.3), k.u(0.75, 1.0), k.u(1.9, 2.1), k.paint("metal", "dark")
    tray = Thing(
        "shower floor",
        Mesh().block(w, d, 0, k.u(0.02, 0.16), k.paint("white", "wall tiles", "stone")),
    )
    head = Mesh().tube(
        [(0, d / 2 - 0.03, 0.9), (0, d / 2 - 0.03, top - 0.05), (0, d / 2 - 0.3, top - 0.05)],
        0.012,
        steel,
    )
    group = (
        Thing()
        .carry(tray)
        .carry(
            Thing(
                "shower", head.post(0, d / 2 - 0.3, top - 0.09, top - 0.06, k.u(0.06, 0.13), steel)
            )
        )
    )
    if k.chance(0.7):
        wide = w * k.u(0.35, 1.0)
        cloth = Thing(
            "shower curtain", folds(k, wide, top, k.u(0.17, 0.4), k.paint("shower cloth"))
        )
        return group.carry(cloth, k.pick([-1, 1]) * (w - wide) / 2, 0.11 - d / 2)
    wall = Mesh().box(-w / 2, w / 2, -d / 2, 0.012 - d / 2, 0.17, top, k.paint("glass"))
    return group.carry(
        Thing("shower door", wall.box(0.1, 0.13, -d / 2 - 0.05, -d / 2, 0.9, 1.2, steel))
    )


def towel_radiator(k: Kit) -> Thing:
    """Bars between two posts on a wall, sometimes with a towel over them."""
    w = k.u(0.4, 0.7)
    low = k.u(0.2, 0.7)
    high = k.u(1.3, 1.9)
    paint = k.paint("white", "metal", "dark")
    mesh = Mesh()
    mesh.pair(w / 2 - 0.03, w / 2, -0.08, -0.04, low, high, paint)
    for z in np.arange(low + 0.05, high, k.u(0.06, 0.12)):
        mesh.tube([(-w / 2, -0.06, z), (w / 2, -0.06, z)], 0.012, paint, 6)
    if k.chance(0.4):
        mesh.soft(
            -w * 0.35, w * 0.3, -0.11, -0.03, low + 0.4, low + 0.9, k.paint("cloth", "white"), 0.3
        )
    return Thing("radiator", mesh)
