"""Kitchens: refrigerators and counters. Each public function is a family: of a `Kit` it makes a new
`Thing`, often a group."""

from itertools import pairwise

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import feet, fronts, handle
from .units import KITCHEN, base_cabinet, base_unit, high_cabinet_row, sink_bowl, worktop


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


def _rack(k: Kit, mesh: Mesh, w: float, d: float, h: float, count: int) -> None:
    """Wire shelves of a glazed refrigerator w wide from its floor to h, with bottles and boxes."""
    for z in np.linspace(0.12, h - 0.25, count):
        mesh.box(-w / 2, w / 2, -d / 2, d / 2, z, z + 0.012, k.paint("metal", "white"))
        for x in np.arange(0.05 - w / 2, w / 2 - 0.04, k.u(0.07, 0.16)):
            paint = k.paint("plastic", "vivid", "white")
            if k.chance(0.8):
                mesh.post(x, k.u(-0.3, 0) * d, z + 0.012, z + k.u(0.1, 0.24), 0.032, paint, 6)


def glass_fridge(k: Kit) -> Thing:
    """A refrigerator with glass doors, for drinks or medicines: a lit sign or a controller above, a
    grille below."""
    w, d, h = k.u(0.5, 1.2), k.u(0.5, 0.7), k.pick([k.u(0.8, 1.0), k.u(1.6, 2.0), k.u(1.7, 2.05)])
    body, mesh, t, y = k.paint("white", "metal", "dark", "red"), Mesh(), 0.05, 0.05 - d / 2
    head = k.u(0.04, 0.25) if h > 1.2 else 0.05
    mesh.pair(w / 2 - t, w / 2, y, d / 2, 0.03, h, body)
    for y0, z0, z1 in ((y, 0.03, 0.1), (y, h - head, h), (d / 2 - t, 0.1, h - head)):
        mesh.box(t - w / 2, w / 2 - t, y0, d / 2, z0, z1, body)
    mesh.box(-w / 2, w / 2, y - 0.01, y, h - head, h, k.paint("print", "vivid", "white", "dark"))
    pane = k.paint("glass")
    clear = k.chance(0.6)  # a camera sees through the glass: what is inside instead of the panes
    if clear:
        _rack(k, mesh, w - 2 * t - 0.01, d - 0.2, h - head, k.n(2, 5) if h > 1.2 else 2)
    leaves, frame = 2 if w > 0.85 else 1, k.paint("dark", "metal", "white")
    for i in range(leaves):
        x0, x1 = (i / leaves - 0.5) * w, ((i + 1) / leaves - 0.5) * w
        for a, b, c, e in (
            (x0, x0 + 0.04, 0.1, h - head),
            (x1 - 0.04, x1, 0.1, h - head),
            (x0, x1, 0.1, 0.14),
            (x0, x1, h - head - 0.04, h - head),
        ):
            mesh.box(a, b, -d / 2, y - 0.005, c, e, frame)
        if not clear:
            mesh.box(x0 + 0.04, x1 - 0.04, y - 0.02, y - 0.01, 0.14, h - head - 0.04, pane)
        handle(k, mesh, "bar", x0, x1, -d / 2, 0.1, h - head, i == 1, frame)
    return Thing("refrigerator", mesh, [(-w / 2, w / 2, y, d / 2, h, 0.3)])


def low_fridge(k: Kit) -> Thing:
    """A refrigerator as high as a counter, or a cube, with a plate of its own on top: of one door,
    or with a small one for ice above."""
    w, d, h = k.u(0.42, 0.62), k.u(0.42, 0.62), k.pick([k.u(0.45, 0.55), k.u(0.8, 0.92)])
    body, mesh = k.paint("white", "white", "metal", "dark", "lacquer", "wood"), Mesh()
    face, gap, lid = k.pick([body, body, k.paint("metal", "lacquer")]), 0.004, k.u(0.02, 0.05)
    mesh.box(-w / 2, w / 2, 0.05 - d / 2, d / 2, 0.03, h - lid, body)
    feet(k, mesh, w, d - 0.1, 0.03)
    mesh.box(
        -w / 2, w / 2, 0.02 - d / 2, d / 2, h - lid, h, k.pick([body, k.paint("wood", "dark")])
    )
    split = k.pick([h - lid, h - lid, h * 0.72])
    grip, left = k.pick(["bar", "groove", "none", "knob"]), k.chance(0.5)
    for z0, z1 in ((0.06, split), (split, h - lid)):
        if z1 - z0 > 0.05:
            front = (-w / 2 + gap, w / 2 - gap, -d / 2, 0.05 - d / 2)
            mesh.soft(*front, z0 + gap, z1 - gap, face, 0.08)
            steel = k.paint("metal", "dark", "white")
            handle(k, mesh, grip, -w / 2, w / 2, -d / 2, z0, z1, left, steel)
    return Thing(
        k.pick(["refrigerator", "mini fridge"]), mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.4)]
    )


def double_fridge(k: Kit) -> Thing:
    """A wide refrigerator of two or four doors, with a dispenser or a drawer or neither."""
    w, d, h, y = k.u(0.8, 1.15), k.u(0.6, 0.78), k.u(1.65, 1.95), 0.07
    body, face = (
        k.paint("metal", "dark", "white"),
        k.paint("metal", "metal", "dark", "white", "glass"),
    )
    mesh, low, mid = Mesh(), k.pick([0.07, k.u(0.5, 0.75)]), k.pick([0.0, 0.0, k.u(-0.1, 0.0)]) * w
    grip, steel, gap = k.pick(["bar", "bar", "edge", "none"]), k.paint("metal", "dark"), 0.004
    mesh.box(-w / 2, w / 2, y - d / 2, d / 2, 0.02, h, body)
    doors = [(-w / 2, mid, low, h), (mid, w / 2, low, h)]
    if low > 0.1:
        doors += k.pick(
            [[(-w / 2, w / 2, 0.07, low)], [(-w / 2, mid, 0.07, low), (mid, w / 2, 0.07, low)]]
        )
    for i, (x0, x1, z0, z1) in enumerate(doors):
        mesh.box(x0 + gap, x1 - gap, -d / 2, y - 0.006 - d / 2, z0 + gap, z1 - gap, face)
        x = x1 - 0.06 if i % 2 == 0 else x0 + 0.04
        if grip == "bar" and z1 - z0 > 0.8:
            mesh.box(x, x + 0.02, -d / 2 - 0.05, -d / 2 - 0.025, z0 + 0.2, z1 - 0.3, steel)
        elif grip == "bar":
            mesh.box(x0 + 0.1, x1 - 0.1, -d / 2 - 0.05, -d / 2 - 0.025, z1 - 0.1, z1 - 0.08, steel)
        elif grip == "edge":
            side = x1 - 0.02 if i % 2 == 0 else x0
            mesh.box(side, side + 0.02, -d / 2 - 0.002, -d / 2, z0 + gap, z1 - gap, k.paint("dark"))
    if k.chance(0.4):
        x, z = (-w / 2 + mid) / 2, k.u(0.95, 1.1)
        mesh.box(x - 0.1, x + 0.1, -d / 2 - 0.004, -d / 2, z, z + k.u(0.25, 0.4), k.paint("dark"))
    return Thing("refrigerator", mesh, [(-w / 2, w / 2, y - d / 2, d / 2, h, 0.3)])


def niche_fridge(k: Kit) -> Thing:
    """A refrigerator built into tall cupboards: in a niche between boards, or behind fronts like
    theirs."""
    w, d, h, t = k.u(0.5, 0.75), k.u(0.58, 0.68), k.u(1.9, 2.2), k.u(0.016, 0.03)
    high, foot, face = (
        k.pick([h - t - 0.02, k.u(1.2, 1.8)]),
        0.08,
        k.paint("front", "wood", "white"),
    )
    cabinet = Thing(k.pick(KITCHEN[0]))
    cabinet.mesh.pair(w / 2, w / 2 + t, -d / 2, d / 2, 0, h, face)
    cabinet.mesh.box(-w / 2, w / 2, 0.02 - d / 2, d / 2, high, high + t, face)
    if h - high > 0.2:
        top = Mesh()
        fronts(k, top, w, -d / 2, high + t, h, k.n(1, 2), 1, face, k.pick(["slab", "framed"]))
        cabinet.mesh.box(-w / 2, w / 2, 0.02 - d / 2, d / 2, high + t, h, face).add(top)
    low, mesh = k.pick([0.0, 0.0, 0.6 if high < 1.5 else 0.0]), Mesh()
    if low:
        below = base_cabinet(k, cabinet.label, w - 0.006, d, low, face, "slab", 1, k.n(1, 3))
        cabinet.mesh.add(below.mesh)
    fitted, z0 = k.chance(0.25), (low or foot) + 0.005
    skin = face if fitted else k.paint("white", "metal", "metal", "dark", "lacquer")
    y, split = -d / 2 if fitted else k.u(-0.05, 0.02) - d / 2, z0 + (high - z0) * k.u(0.3, 0.72)
    mesh.box(0.01 - w / 2, w / 2 - 0.01, y + 0.05, d / 2 - 0.02, low + 0.01, high - 0.01, skin)
    cuts = k.pick([[z0, high - 0.01], [z0, split, high - 0.01]])
    grip, left, steel = (
        k.pick(["bar", "none", "groove", "knob"]),
        k.chance(0.5),
        k.paint("metal", "dark"),
    )
    for a, b in pairwise(cuts):
        mesh.box(0.006 - w / 2, w / 2 - 0.006, y, y + 0.046, a + 0.003, b - 0.003, skin)
        handle(k, mesh, grip, -w / 2, w / 2, y, a, b, left, steel)
    grille = k.paint("dark", "metal")
    if not low:
        mesh.box(0.02 - w / 2, w / 2 - 0.02, y + 0.03, y + 0.05, 0.01, foot, grille)
    return Thing().carry(cabinet).carry(Thing("refrigerator", mesh))


def kitchen_row(k: Kit) -> Thing:
    """A piece of a kitchen along a wall, sometimes with cabinets or a shelf above."""
    w, d, h = k.u(0.6, 2.4), k.u(0.52, 0.7), k.u(0.84, 0.96)
    group = base_unit(k, KITCHEN, w, d, h, int(w > 0.75 and k.chance(0.6)))
    above, z = k.pick(["", "cabinets", "cabinets", "shelf"]), k.u(1.36, 1.55)
    if above == "cabinets":
        group.carry(high_cabinet_row(k, w, d, KITCHEN[0]), 0, 0, z)
    elif above == "shelf":
        board = Mesh().box(-w / 2, w / 2, d / 2 - 0.22, d / 2, 0, 0.03, k.paint("wood"))
        group.carry(Thing("shelf", board), 0, 0, z)
    return group


def kitchen_island(k: Kit) -> Thing:
    """A counter that stands free, its plate reaching over on one side: a bar."""
    basin = int(k.chance(0.35))
    return base_unit(k, KITCHEN, k.u(1.0, 2.4), k.u(0.6, 1.1), k.u(0.86, 1.08), basin)


def tea_row(k: Kit) -> Thing:
    """A small kitchen of one piece: a worktop over a cupboard with a sink and a low refrigerator,
    wall cupboards above."""
    wide, fridge_w, d, h = k.u(0.6, 1.3), k.u(0.45, 0.6), k.u(0.5, 0.62), k.u(0.86, 0.95)
    w, t, side = wide + fridge_w + 0.03, k.u(0.025, 0.04), k.pick([-1, 1])
    face, x = k.paint("front", "white", "wood"), side * (fridge_w + 0.03) / 2
    cabinet = base_cabinet(
        k,
        k.pick(KITCHEN[0]),
        wide,
        d,
        h - t,
        face,
        k.pick(["slab", "framed"]),
        k.n(1, 3),
        k.n(1, 2),
        0.22 - t,
    )
    long, bowl = d - 0.16, min(wide - 0.1, k.u(0.35, 0.6))
    hole = (x - bowl / 2, x + bowl / 2, -long / 2, long / 2)
    top = worktop(k, k.pick(KITCHEN[1]), w, d, h - t, h, [hole])
    sink = sink_bowl(k, bowl - 0.004, long - 0.004, h, k.paint("metal", "white"))
    top.carry(Thing("sink", sink), x)
    body, mesh = k.paint("white", "metal", "dark", "front"), Mesh()
    mesh.box(-fridge_w / 2, fridge_w / 2, 0.05 - d / 2, d / 2 - 0.03, 0.01, h - t - 0.02, body)
    mesh.box(-fridge_w / 2, fridge_w / 2, -d / 2, 0.046 - d / 2, 0.05, h - t - 0.03, body)
    grip = k.pick(["bar", "knob", "groove", "none"])
    handle(
        k,
        mesh,
        grip,
        -fridge_w / 2,
        fridge_w / 2,
        -d / 2,
        0.05,
        h - t,
        side < 0,
        k.paint("metal", "dark"),
    )
    group = Thing(tops=top.tops).carry(cabinet, x).carry(top)
    group.carry(Thing(k.pick(["refrigerator", "mini fridge"]), mesh), -side * (wide + 0.03) / 2)
    if k.chance(0.7):
        group.carry(high_cabinet_row(k, w, d, KITCHEN[0]), 0, 0, k.u(1.36, 1.5))
    return group


def corner_kitchen(k: Kit) -> Thing:
    """Worktops in an L over cabinets, with a sink in one arm and a hob in the other."""
    w, d, h, t = k.u(1.6, 2.8), k.u(0.55, 0.66), k.u(0.85, 0.95), k.u(0.025, 0.05)
    arm, side, paint = k.u(0.7, 1.7), k.pick([-1, 1]), k.paint("stone", "wood", "white", "dark")
    face, style, name = (
        k.paint("front", "front", "white", "wood"),
        k.pick(["slab", "framed"]),
        k.pick(KITCHEN[0]),
    )
    main = w - d
    cabinet = base_cabinet(
        k, name, main, d, h - t, face, style, max(1, round(main / 0.5)), k.n(1, 2), 0.22 - t
    )
    x, long, bowl = -side * d / 2, d - 0.16, min(main - 0.3, k.u(0.45, 0.9))
    hole = (x - bowl / 2, x + bowl / 2, -long / 2, long / 2)
    top = Thing(k.pick(KITCHEN[1]))
    x0, x1 = sorted((side * w / 2, side * (w / 2 - d)))
    for a, b, y0, y1 in (
        (-w / 2, hole[0], -d / 2, d / 2),
        (hole[1], w / 2, -d / 2, d / 2),
        (hole[0], hole[1], -d / 2, hole[2]),
        (hole[0], hole[1], hole[3], d / 2),
        (x0, x1, -d / 2 - arm, -d / 2),
    ):
        top.mesh.box(a, b, y0, y1, h - t, h, paint)
    top.tops = [
        (x0, x1, -d / 2 - arm, 0, h, 0.45),
        (-w / 2, hole[0], 0.1 - d / 2, d / 2 - 0.03, h, 0.4),
    ]
    sink = sink_bowl(k, bowl - 0.004, long - 0.004, h, k.paint("metal", "metal", "white", "stone"))
    top.carry(Thing("sink", sink), x)
    wing = base_cabinet(k, name, arm, d, h - t, face, style, max(1, round(arm / 0.5)), k.n(1, 3))
    if k.chance(0.6):
        hob, reach = k.u(0.2, 0.26), k.u(0.25, 0.3)
        y = -d / 2 - arm / 2
        top.mesh.box(
            x0 + d / 2 - hob, x0 + d / 2 + hob, y - reach, y + reach, h, h + 0.006, k.paint("dark")
        )
    cabinet = Thing(name, Mesh().add(cabinet.mesh, x))
    cabinet.mesh.add(wing.mesh, side * (w - d) / 2, -d / 2 - arm / 2 - 0.002, yaw=-side * np.pi / 2)
    return Thing(tops=top.tops).carry(cabinet).carry(top)


def breakfast_bar(k: Kit) -> Thing:
    """A counter of two heights: a worktop, and before it a higher plate on a wall to sit at."""
    w, d, h, rise = k.u(1.0, 2.4), k.u(0.5, 0.7), k.u(0.85, 0.95), k.u(0.12, 0.25)
    group, t = base_unit(k, KITCHEN, w, d, h, int(k.chance(0.4))), 0.1
    back = group.bounds()[1][1]
    front, paint = (
        k.paint("front", "wood", "wall", "brick", "panels"),
        k.paint("wood", "stone", "white"),
    )
    bar = Mesh().box(-w / 2, w / 2, back + 0.004, back + t, 0, h + rise, front)
    bar.box(
        -w / 2 - 0.03,
        w / 2 + 0.03,
        back + 0.004,
        back + k.u(0.25, 0.4),
        h + rise,
        h + rise + 0.04,
        paint,
    )
    return (
        Thing(tops=group.tops)
        .carry(Thing("counter", bar))
        .carry(Thing("", Mesh(), [], group.parts))
    )


def bar_counter(k: Kit) -> Thing:
    """A counter of one piece: a solid front under a plate, or a plate on panels."""
    w, d, h = k.u(0.9, 2.2), k.u(0.4, 0.75), k.u(0.88, 1.15)
    paint = k.paint("wood", "stone", "front", "white")
    mesh = Mesh().block(w + 0.06, d, h - k.u(0.03, 0.08), h, k.paint("stone", "wood", "dark"))
    if k.chance(0.6):
        mesh.box(-w / 2, w / 2, -d / 2 + k.u(0.05, 0.25), d / 2 - 0.02, 0, h - 0.03, paint)
    else:
        mesh.pair(w / 2 - 0.06, w / 2, -d / 2 + 0.02, d / 2 - 0.02, 0, h - 0.03, paint)
    return Thing("counter", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.6)])
