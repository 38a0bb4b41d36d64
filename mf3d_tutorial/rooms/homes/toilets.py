"""Toilets, and stalls with toilets in them. Each public function is a family: of a `Kit` it makes a
new `Thing`, often a group."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .vessels import loft, ring


def _pan(
    k: Kit, mesh: Mesh, w: float, y0: float, y1: float, h: float, white: int, hung: bool
) -> None:
    """A bowl from y0 to y1 with its rim at height h, on a foot or hung on the wall behind it; with
    seat and lid closed or open, with a seat only, or bare."""
    long, power, slim = y1 - y0, k.u(0.55, 1.0), k.u(0.26, 0.42)
    start = y0 + long * k.u(0.15, 0.4)
    if hung:
        rings = [
            ring(-w * 0.3, w * 0.3, y0 + long * 0.4, y1, h * k.u(0.2, 0.4), power),
            ring(-w * 0.45, w * 0.45, y0 + long * 0.12, y1, h * 0.6, power),
        ]
    else:
        rings = [
            ring(-w * slim * 1.1, w * slim * 1.1, start - 0.03, y1, 0, power),
            ring(-w * slim, w * slim, start, y1, h * k.u(0.25, 0.5), power),
        ]
    rings += [ring(-w / 2, w / 2, y0, y1, z, power) for z in (h - k.u(0.04, 0.12), h)]
    rings.append(ring(0.04 - w / 2, w / 2 - 0.04, y0 + 0.04, y1 - 0.08, h, power))
    rings.append(ring(-w * 0.2, w * 0.2, y0 + long * 0.3, y1 - long * 0.3, h - 0.18, power))
    loft(mesh, rings, white)
    state, seat = (
        k.pick(["closed", "closed", "open", "seat", "bare"]),
        k.pick([white, white, k.paint("wood", "dark", "lacquer")]),
    )
    outer = (-w / 2 - 0.004, w / 2 + 0.004, y0 - 0.008, y1 - 0.07)
    inner = (0.055 - w / 2, w / 2 - 0.055, y0 + 0.06, y1 - 0.13)
    if state in ("open", "seat"):
        hole = [ring(*inner, z, power) for z in (h + 0.02, h - 0.02)]
        loft(mesh, [*(ring(*outer, z, power) for z in (h, h + 0.022)), *hole], seat)
    elif state == "closed":
        rings = [ring(*outer, z, power) for z in (h, h + 0.03)]
        loft(mesh, [*rings, ring(*inner, h + k.u(0.035, 0.05), power)], seat)
    if state == "open":
        tall = y1 - y0 - 0.07
        lid = [ring(-w / 2, w / 2, -tall, 0, z, power) for z in (0.0, 0.018)]
        mesh.add(loft(Mesh(), lid, seat), 0, y1 - 0.1, h + 0.02, pitch=-np.pi / 2 - k.u(0, 0.12))


def _cistern(
    k: Kit, mesh: Mesh, w: float, y0: float, y1: float, z0: float, z1: float, white: int
) -> None:
    """A tank with a lid, and a lever, a button or a chain to flush it."""
    power = k.pick([0.05, k.u(0.1, 0.4)])
    mesh.soft(-w / 2, w / 2, y0, y1, z0, z1, white, power)
    mesh.box(-w / 2 - 0.008, w / 2 + 0.008, y0 - 0.008, y1, z1 - 0.03, z1, white)
    steel = k.paint("metal", "white", "dark")
    if k.chance(0.5):
        mesh.post(0, (y0 + y1) / 2, z1, z1 + 0.012, 0.03, steel)
    else:
        mesh.box(-w * 0.4, -w * 0.2, y0 - 0.03, y0 - 0.01, z1 - 0.09, z1 - 0.07, steel)


def _low(k: Kit, h: float) -> Thing:
    """A toilet that stands on the floor before its cistern, which sits on it or hangs a little
    above."""
    w, long, deep = k.u(0.33, 0.41), k.u(0.42, 0.55), k.u(0.13, 0.21)
    white, mesh = k.paint("white", "white", "white", "white", "plastic"), Mesh()
    back = (long + deep) / 2
    y0, y1 = -back, back - deep
    _pan(k, mesh, w, y0, y1, h, white, False)
    wide, base = k.u(0.34, 0.5), h + k.pick([-0.02, -0.02, k.u(0.02, 0.25)])
    _cistern(k, mesh, wide, y1, back, base, base + k.u(0.3, 0.42), white)
    if base > h:
        mesh.tube([(0, y1 + deep / 2, base), (0, y1 + deep / 2, h - 0.1)], 0.025, white)
    block = k.u(0.1, 0.2)
    mesh.box(-block, block, y1 - 0.04, back - k.u(0, 0.06), k.pick([0.0, h * 0.5]), h - 0.01, white)
    return Thing("toilet", mesh)


def cistern_toilet(k: Kit) -> Thing:
    """A toilet on the floor with its cistern behind it; from a child's to a raised one."""
    return _low(k, k.pick([k.u(0.36, 0.43), k.u(0.36, 0.43), k.u(0.43, 0.52), k.u(0.26, 0.34)]))


def high_cistern_toilet(k: Kit) -> Thing:
    """An old toilet: its cistern hangs high on the wall, with a pipe down and a chain."""
    w, long, h, deep = k.u(0.33, 0.4), k.u(0.45, 0.56), k.u(0.37, 0.45), k.u(0.15, 0.22)
    white, mesh, top = (
        k.paint("white", "white", "stone"),
        Mesh(),
        k.pick([k.u(1.5, 2.0), k.u(0.9, 1.3)]),
    )
    back = long / 2 + 0.05
    _pan(k, mesh, w, -back, back - 0.1, h, white, False)
    tank = k.pick([white, k.paint("wood", "metal", "plastic")])
    _cistern(k, mesh, k.u(0.36, 0.52), back - deep, back, top - k.u(0.25, 0.35), top, tank)
    pipe = k.paint("metal", "white")
    mesh.tube(
        [(0, back - 0.05, top - 0.3), (0, back - 0.05, h - 0.08), (0, back - 0.14, h - 0.08)],
        0.022,
        pipe,
    )
    if top > 1.45:
        x, end = k.pick([-0.2, 0.2]), k.u(0.95, 1.2)
        mesh.tube([(x, back - deep, top - 0.1), (x, back - deep, end)], 0.005, pipe, 6)
        mesh.post(x, back - deep, end - 0.08, end, 0.015, k.paint("wood", "white", "dark"))
    return Thing("toilet", mesh)


def boxed_toilet(k: Kit) -> Thing:
    """A toilet that hangs before a ledge, which hides the cistern: a group of both."""
    w, long, h = k.u(0.33, 0.4), k.u(0.46, 0.58), k.u(0.38, 0.5)
    wide, deep, high = k.u(0.5, 1.3), k.u(0.12, 0.26), k.pick([k.u(0.85, 1.2), k.u(1.9, 2.1)])
    ledge, mesh = Mesh(), Mesh()
    ledge.box(
        -wide / 2, wide / 2, 0, deep, 0, high, k.paint("wall tiles", "wall tiles", "wall", "white")
    )
    if high < 1.3:
        ledge.box(
            -wide / 2, wide / 2, -0.01, deep, high, high + 0.02, k.paint("stone", "wood", "white")
        )
    _pan(k, mesh, w, -long - 0.002, -0.002, h, k.paint("white", "white", "white", "dark"), True)
    z = min(h + k.u(0.3, 0.45), high - 0.2)
    mesh.box(-0.12, 0.12, -0.012, -0.002, z, z + 0.15, k.paint("metal", "white", "dark"))
    tops = [(-wide / 2, wide / 2, 0, deep, high + 0.02, 0.4)] if high < 1.3 else []
    return Thing(tops=tops).carry(Thing("wall", ledge), 0, 0.0).carry(Thing("toilet", mesh))


def care_toilet(k: Kit) -> Thing:
    """A raised toilet with rails to hold on to, on the wall or on the floor: a group."""
    group = Thing().carry(_low(k, k.u(0.42, 0.52)))
    (_, y0, _), (_, y1, _) = group.bounds()
    steel = k.paint("metal", "white", "plastic", "dark")
    for side in k.pick([(-1, 1), (-1, 1), (1,), (-1,)]):
        x, z, low, end = side * k.u(0.31, 0.38), k.u(0.68, 0.85), k.u(0.12, 0.25), y0 + k.u(0, 0.15)
        line = [(x, y1, z), (x, end, z), (x, end, z - low), (x, y1, z - low)]
        if k.chance(0.25):  # folded up
            line = [(x, y1 - 0.06, z + a) for a in (0.0, 0.6)]
        elif k.chance(0.2):
            line = [(x, y1, z), (x, end, z), (x, end, 0.0)]
        group.carry(Thing("handicap bar", Mesh().tube(line, k.u(0.014, 0.02), steel, 6)))
    return group


def stall_row(k: Kit) -> Thing:
    """Toilets between partitions, each behind a door that is shut, ajar or open: a group."""
    count, each, d = k.n(1, 3), k.u(0.86, 1.1), k.u(1.55, 1.8)
    low, high, t = k.pick([0.0, k.u(0.1, 0.2)]), k.u(1.75, 2.05), 0.025
    paint, frame, w = (
        k.paint("lacquer", "white", "wood", "plastic", "grey"),
        k.paint("metal", "white", "dark"),
        count * each,
    )
    face = k.pick([paint, paint, k.paint("lacquer", "wood", "white")])
    make = k.pick([cistern_toilet, cistern_toilet, boxed_toilet, high_cistern_toilet, care_toilet])
    panels, leaf, group = Mesh(), k.u(0.56, 0.64), Thing()
    for x in np.linspace(-w / 2, w / 2, count + 1):
        panels.box(x - t / 2, x + t / 2, t - d / 2, d / 2, low, high, paint)
        panels.box(x - 0.03, x + 0.03, -d / 2, t - d / 2, 0, high, paint)
    panels.box(-w / 2, w / 2, -d / 2, t - d / 2, high + 0.004, high + 0.05, frame)
    for i in range(count):
        x, side = (i + 0.5) * each - w / 2, k.pick([-1, 1])
        toilet = make(k)
        (x0, _, _), (x1, back, _) = toilet.bounds()
        if x1 - x0 > each - 0.08:
            toilet = cistern_toilet(k)
            back = toilet.bounds()[1][1]
        group.carry(toilet, x, d / 2 - back)
        a, b = sorted((x - side * (each / 2 - 0.03), x + side * (each / 2 - 0.03 - leaf)))
        panels.box(a, b, -d / 2, t - d / 2, low, high, paint)  # the fixed part beside the leaf
        door = Mesh().box(0, leaf, 0, t, low, high - 0.01, face)
        door.box(leaf - 0.1, leaf - 0.06, -0.02, 0, 0.95, 1.02, frame)
        swing = k.pick([0.0, 0.0, k.u(0.2, 0.6), k.u(1.2, 1.5)])
        at = (x + side * (each / 2 - 0.044), t + 0.004 - d / 2, 0, -side * swing)
        group.carry(Thing("bathroom stall door", door.scaled(-1) if side > 0 else door), *at)
    return group.carry(Thing(k.pick(["bathroom stall", "bathroom stall", "divider"]), panels))
