"""Kitchen, bath and heating. Each public function is a family: of a `Kit` it makes a new `Thing`,
often a group."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .shapes import drape, storage


def radiator(k: Kit) -> Thing:
    """A panel radiator below a window or at a wall."""
    w, h, paint = k.u(0.6, 1.4), k.u(0.55, 0.75), k.paint("white")
    mesh = Mesh().box(-w / 2, w / 2, -0.08, -0.03, 0.12, h, paint)
    mesh.box(-w * 0.4, 0.04 - w * 0.4, -0.07, -0.04, 0, 0.12, paint)
    for x in np.arange(0.04 - w / 2, w / 2 - 0.03, 0.08):
        mesh.block(0.05, 0.02, 0.14, h - 0.02, paint, x, -0.09)
    return Thing("radiator", mesh)


def toilet(k: Kit) -> Thing:
    """A toilet with its cistern."""
    white, w, h = k.paint("white"), k.u(0.35, 0.4), k.u(0.38, 0.44)
    mesh = Mesh().soft(-w * 0.32, w * 0.32, -0.2, 0.24, 0, h - 0.08, white, 0.5)
    mesh.soft(-w / 2, w / 2, -0.4, 0.16, h - 0.16, h, white, 0.6)
    if k.chance(0.85):
        mesh.soft(-0.2, 0.2, 0.16, 0.34, h - 0.04, h + k.u(0.32, 0.4), white, 0.15)
    if k.chance(0.5):
        mesh.add(
            Mesh().soft(-w / 2, w / 2, -0.02, 0.02, 0, 0.4, white, 0.5), 0, 0.12, h, pitch=-0.08
        )
    return Thing("toilet", mesh)


def _basin(k: Kit, w: float, d: float, z: float, paint: int) -> Mesh:
    """A sink let into a plate at height z: bottom, four walls with a rim, and a tap behind."""
    t, low, high, steel = 0.02, z - 0.14, z + 0.012, k.paint("metal")
    mesh = (
        Mesh()
        .block(w, d, low, low + t, paint)
        .pair(w / 2 - t, w / 2, -d / 2, d / 2, low + t, high, paint)
    )
    for y in (-(d - t) / 2, (d - t) / 2):
        mesh.block(w - 2 * t, t, low + t, high, paint, 0, y)
    mesh.post(0, (d - t) / 2, high, z + 0.2, 0.014, steel)
    return mesh.box(-0.012, 0.012, d / 2 - 0.15, d / 2 - t - 0.005, z + 0.18, z + 0.2, steel)


def washbasin(k: Kit) -> Thing:
    """Pedestal or wall-hung sink."""
    h, white = k.u(0.8, 0.88), k.paint("white")
    mesh = _basin(k, k.u(0.45, 0.62), k.u(0.38, 0.48), h, white)
    if k.chance(0.6):
        mesh.turned(0, 0.05, [(0.11, 0), (0.08, 0.3), (0.1, h - 0.15)], white)
    return Thing("sink", mesh)


def _worktop(k: Kit, label: str, w: float, d: float, h: float, with_sink: bool) -> Thing:
    """Counter plate at height h, with a sink (another instance) let in."""
    stone, thing, spans, z = k.paint("stone"), Thing(label), [(-w / 2, w / 2)], h - 0.04
    if with_sink:
        sw, sd = min(k.u(0.42, 0.7), w - 0.1), d - 0.16
        x = k.u(-0.5, 0.5) * (w - sw - 0.1)
        left, right = x - sw / 2, x + sw / 2
        spans = [(-w / 2, left), (right, w / 2)]
        for y0, y1 in ((-d / 2, 0.07 - d / 2), (d / 2 - 0.09, d / 2)):
            thing.mesh.box(left, right, y0, y1, z, h, stone)
        thing.carry(Thing("sink", _basin(k, sw, sd, h, k.paint("metal", "white"))), x, -0.01)
    for x0, x1 in spans:
        thing.mesh.box(x0, x1, -d / 2, d / 2, z, h, stone)
        thing.tops.append((x0, x1, 0.02 - d / 2, d / 2 - 0.03, h, 0.45))
    return thing


def _counter(k: Kit, cabinets: str, counters: list, w: float, d: float, with_sink: bool) -> Thing:
    """Base cabinets under a worktop: a group."""
    h, doors = k.u(0.84, 0.92), f"{max(1, round(w / 0.5))} 1-2"
    base = storage(k, cabinets, w, d, h - (0.15 if with_sink else 0.05), ["front"], doors, 0.08)
    top = _worktop(k, k.pick(counters), w, d + 0.03, h, with_sink)
    return Thing(tops=top.tops).carry(base, 0, 0.015).carry(top)


def kitchen_unit(k: Kit) -> Thing:
    """Counter, with or without a sink, sometimes with cabinets on the wall above."""
    w, d, names = k.u(0.7, 1.6), k.u(0.56, 0.62), ["kitchen counter", "kitchen counter", "counter"]
    with_sink, above = w > 0.9 and k.chance(0.7), k.pick([False, True])
    group = _counter(k, "kitchen cabinet", names, w, d, with_sink)
    if above:
        doors = f"{max(1, round(w / 0.45))} 1"
        high = storage(
            k, "kitchen cabinet", w - 0.01, k.u(0.3, 0.36), k.u(0.55, 0.75), ["front"], doors, 0.0
        )
        group.carry(high, 0, d / 2 - high.bounds()[1][1], k.u(1.4, 1.5))
    return group


def vanity(k: Kit) -> Thing:
    """A bathroom cabinet with a sink in its top."""
    cabinets = k.pick(["bathroom vanity", "bathroom cabinet", "cabinet"])
    counters = ["bathroom counter", "counter"]
    return _counter(k, cabinets, counters, k.u(0.6, 1.3), k.u(0.45, 0.55), True)


def appliance_under_counter(k: Kit) -> Thing:
    """A dishwasher, oven or washing machine with its piece of worktop: a group."""
    machine = k.make(k.pick(["dishwasher", "oven", "washing machine", "mini fridge"]))
    (x0, y0, _), (x1, y1, z) = machine.bounds()
    top = _worktop(
        k, k.pick(["kitchen counter", "counter"]), x1 - x0, y1 - y0, max(0.88, z + 0.05), False
    )
    return Thing(tops=top.tops).carry(machine).carry(top, 0, (y0 + y1) / 2)


def bathtub(k: Kit) -> Thing:
    """Tub, mostly with a curtain on a rod before it: a group."""
    w = k.u(1.45, 1.75)
    d = k.u(0.68, 0.8)
    h = k.u(0.42, 0.56)
    t = 0.07
    white = k.paint("white")
    mesh = Mesh()
    for y in (-(d - t) / 2, (d - t) / 2):
        mesh.block(w, t, 0, h, white, 0, y)
    mesh.pair(w / 2 - t, w / 2, t - d / 2, d / 2 - t, 0, h, white).block(
        w - 2 * t, d - 2 * t, 0, 0.1, white
    )
    group = Thing().carry(Thing("bathtub", mesh))
    if k.chance(0.75):
        wide = w * k.u(0.35, 0.9)
        rod = Mesh().block(w, 0.02, 2.11, 2.13, k.paint("metal"), 0, -d / 2 - 0.07)
        cloth = drape(k, wide, 2.1, k.u(0.12, 0.3), "shower curtain")
        group.carry(cloth, k.pick([-1, 1]) * (w - wide) / 2, -d / 2 - 0.01).carry(
            Thing("shower curtain rod", rod)
        )
    return group


def shower(k: Kit) -> Thing:
    """Tray, shower head, and a curtain or a glass door before it: a group that stands in a
    corner."""
    w, d, steel = k.u(0.8, 1.0), k.u(0.8, 0.95), k.paint("metal")
    tray = Thing("shower floor", Mesh().block(w, d, 0, k.u(0.05, 0.15), k.paint("white")))
    head = (
        Mesh()
        .post(0, d / 2 - 0.25, 1.96, 1.99, 0.1, steel)
        .box(-0.02, 0.02, d / 2 - 0.03, d / 2, 0.9, 2.0, steel)
    )
    front = drape(k, w * k.u(0.4, 0.9), 2.0, 0.16, "shower curtain")
    if k.chance(0.5):
        leaf = Mesh().box(-w * 0.1, w / 2, -0.03, -0.01, 0.16, 1.95, k.paint("glass", "lacquer"))
        front = Thing("shower door", leaf.box(0, 0.03, -0.07, -0.03, 0.8, 1.2, steel))
    return Thing().carry(tray).carry(Thing("shower", head)).carry(front, 0, 0.08 - d / 2)
