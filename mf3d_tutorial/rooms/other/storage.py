"""Cabinets, shelves, refrigerators and counters of public buildings. Each public function is a
family of `Thing`s."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import cage, plate, trough


def steel_lockers(k: Kit) -> Thing:
    """Narrow doors with slits, on a bench or a plinth, with a sloped top."""
    count, each, d, h, z, paint, mesh = (
        k.n(2, 5),
        k.u(0.28, 0.38),
        k.u(0.42, 0.55),
        k.u(1.5, 1.9),
        k.u(0.06, 0.3),
        k.paint("painted", "steel"),
        Mesh(),
    )
    w = count * each
    mesh.box(-w / 2, w / 2, -d / 2 + 0.015, d / 2, z, h, paint)
    mesh.pair(w / 2 - 0.05, w / 2, -d / 2 + 0.05, d / 2, 0, z, paint)
    if k.chance(0.4):
        mesh.add(
            Mesh().prism([(-d / 2, 0), (d / 2, 0), (d / 2, 0.18)], -w / 2, w / 2, paint),
            0,
            0,
            h,
            yaw=np.pi / 2,
        )
    for i in range(count):
        x = i * each - w / 2
        leaf = k.pick([paint, paint, k.paint("painted")])
        mesh.box(x + 0.006, x + each - 0.006, -d / 2, -d / 2 + 0.015, z + 0.01, h - 0.01, leaf)
        for level in (h - 0.12, h - 0.16, h - 0.2, z + 0.15):
            mesh.box(
                x + each * 0.3,
                x + each * 0.7,
                -d / 2 - 0.003,
                -d / 2,
                level,
                level + 0.012,
                k.paint("rubber"),
            )
    return Thing("cabinet", mesh)


def drawer_chest(k: Kit) -> Thing:
    """Very many small drawers, or a few very flat ones for plans."""
    flat, paint, knob, mesh = k.chance(0.4), k.paint("ash", "painted"), k.paint("steel"), Mesh()
    w, d, h = (
        (k.u(0.9, 1.3), k.u(0.65, 0.85), k.u(0.7, 1.0))
        if flat
        else (k.u(0.6, 1.1), k.u(0.3, 0.4), k.u(0.8, 1.4))
    )
    columns, rows = (1, round(h / 0.07)) if flat else (round(w / 0.16), round(h / 0.14))
    mesh.block(w, d - 0.03, 0.05, h, paint, 0, 0.015).block(
        w * 0.9, d * 0.8, 0, 0.05, k.paint("rubber")
    )
    wide, tall = w / columns, (h - 0.07) / rows
    for i, j in np.ndindex(columns, rows):
        x, z = (i + 0.5) * wide - w / 2, 0.06 + j * tall
        mesh.block(wide - 0.012, 0.03, z + 0.005, z + tall - 0.005, paint, x, 0.015 - d / 2)
        mesh.block(0.04, 0.02, z + 0.03, z + 0.045, knob, x, -d / 2 - 0.01)
    return Thing("cabinet", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.7)])


def instrument_case(k: Kit) -> Thing:
    """Glass all round in a thin steel frame, glass boards inside."""
    w = k.u(0.5, 0.9)
    d = k.u(0.35, 0.45)
    h = k.u(1.3, 1.8)
    steel = k.paint("steel", "painted")
    mesh = Mesh()
    cage(mesh, w, d, 0.25, h, 0.012, steel)
    for x in (0.02 - w / 2, w / 2 - 0.02):
        for y in (0.02 - d / 2, d / 2 - 0.02):
            mesh.tube([(x, y, 0), (x, y, 0.25)], 0.012, steel, 6)
    mesh.box(-w / 2, w / 2, d / 2 - 0.02, d / 2, 0.25, h, k.paint("painted"))
    for z in np.arange(0.3, h - 0.1, k.u(0.25, 0.38)):
        mesh.block(w - 0.03, d - 0.04, z, z + 0.012, k.paint("pane"))
        for x in np.arange(-w / 2 + 0.1, w / 2 - 0.1, 0.14):
            if k.chance(0.6):
                mesh.turned(
                    x,
                    0,
                    [(0.04, z + 0.012), (0.045, z + 0.1), (0.02, z + 0.16)],
                    k.paint("moulded", "pane"),
                    8,
                )
    return Thing("cabinet", mesh)


def rolling_front(k: Kit) -> Thing:
    """An office cupboard with a tambour: a front of narrow ribs, half open."""
    w, d, h, paint, ribs, mesh = (
        k.u(0.8, 1.2),
        k.u(0.4, 0.47),
        k.u(1.0, 1.6),
        k.paint("painted", "ash"),
        k.paint("moulded"),
        Mesh(),
    )
    mesh.pair(w / 2 - 0.02, w / 2, -d / 2, d / 2, 0.04, h, paint).box(
        -w / 2, w / 2, d / 2 - 0.02, d / 2, 0.04, h, paint
    )
    for z in np.linspace(0.04, h - 0.03, 4):
        mesh.box(-w / 2, w / 2, -d / 2 + 0.03, d / 2, z, z + 0.025, paint)
    for x in np.arange(-w / 2 + 0.03, -w / 2 + w * k.u(0.4, 0.98), 0.035):
        mesh.box(x, x + 0.028, -d / 2 + 0.005, -d / 2 + 0.02, 0.07, h - 0.02, ribs)
    return Thing("cabinet", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.6)])


def library_stack(k: Kit) -> Thing:
    """Steel uprights with cantilevered boards, books with their spines to both sides."""
    w = k.u(0.85, 1.6)
    d = k.u(0.4, 0.6)
    h = k.u(1.5, 2.15)
    paint = k.paint("painted", "steel")
    mesh = Mesh()
    for x in (-w / 2 + 0.02, w / 2 - 0.02):
        mesh.tube([(x, 0, 0), (x, 0, h)], 0.025, paint, 4).prism(
            [(x - 0.02, 0), (x + 0.02, 0), (x + 0.02, 0.08), (x - 0.02, 0.08)], -d / 2, d / 2, paint
        )
    for z in np.arange(0.1, h - 0.25, k.u(0.3, 0.4)):
        mesh.prism(
            [(-w / 2, z), (w / 2, z), (w / 2, z + 0.02), (-w / 2, z + 0.02)], -d / 2, d / 2, paint
        )
        for y0, y1 in ((-d / 2 + 0.01, -0.03), (0.03, d / 2 - 0.01)):
            x, end = -w / 2 + 0.05, w / 2 - k.u(0.05, w * 0.8)
            while x < end:
                thick = k.u(0.03, 0.09)
                mesh.box(
                    x, x + thick, y0, y1, z + 0.02, z + 0.02 + k.u(0.16, 0.26), k.paint("spine")
                )
                x += thick
    return Thing("bookshelf", mesh)


def display_rack(k: Kit) -> Thing:
    """Sloped boards with magazines lying against them."""
    w = k.u(0.7, 1.1)
    d = k.u(0.38, 0.5)
    h = k.u(1.1, 1.7)
    paint = k.paint("ash", "painted")
    mesh = Mesh()
    side = [(-d / 2, 0), (d / 2, 0), (d / 2, h), (d / 2 - 0.1, h)]
    for x in (-w / 2, w / 2 - 0.02):
        mesh.add(Mesh().prism(side, 0, 0.02, paint), x + 0.02, 0, 0, yaw=np.pi / 2)
    for z in np.linspace(0.1, h - 0.35, k.n(3, 5)):
        y = -d / 2 + 0.1 + (d - 0.25) * z / h
        mesh.add(
            Mesh().box(-w / 2 + 0.02, w / 2 - 0.02, 0, 0.02, 0, 0.3, paint), 0, y, z, pitch=-0.35
        ).box(-w / 2 + 0.02, w / 2 - 0.02, y - 0.05, y + 0.02, z - 0.01, z + 0.02, paint)
        for x in np.arange(-w / 2 + 0.05, w / 2 - 0.2, 0.23):
            if k.chance(0.75):
                mesh.add(
                    Mesh().box(0, 0.2, -0.012, 0, 0.02, 0.27, k.paint("spine", "poster")),
                    x,
                    y,
                    z,
                    pitch=-0.35,
                )
    return Thing(k.pick(["bookshelf", "bookshelf", "shelf"]), mesh)


def stair_shelf(k: Kit) -> Thing:
    """Cubes piled up like stairs, open on both sides."""
    s, d, t, paint, mesh, steps = (
        k.u(0.34, 0.42),
        k.u(0.3, 0.4),
        0.03,
        k.paint("ash", "painted", "moulded"),
        Mesh(),
        k.n(2, 4),
    )
    for i in range(steps):
        for j in range(steps - i):
            x, z = (i - steps / 2) * s, j * s
            mesh.box(x, x + s, -d / 2, d / 2, z, z + t, paint).box(
                x, x + t, -d / 2, d / 2, z, z + s, paint
            ).box(x + s - t, x + s, -d / 2, d / 2, z, z + s, paint)
            if k.chance(0.6):
                mesh.block(
                    s * k.u(0.3, 0.8),
                    d * 0.7,
                    z + t,
                    z + t + s * k.u(0.3, 0.8),
                    k.paint("spine", "moulded"),
                    x + s / 2,
                )
        mesh.box(
            (i - steps / 2) * s,
            (i - steps / 2 + 1) * s,
            -d / 2,
            d / 2,
            (steps - i) * s,
            (steps - i) * s + t,
            paint,
        )
    return Thing(k.pick(["bookshelf", "bookshelf", "shelf"]), mesh)


def bottle_cooler(k: Kit) -> Thing:
    """A refrigerator with a glass door, its shelves seen through it, a sign above."""
    w = k.u(0.58, 0.75)
    d = k.u(0.6, 0.72)
    h = k.u(1.7, 2.05)
    body = k.paint("painted", "moulded")
    mesh = Mesh()
    mesh.pair(w / 2 - 0.05, w / 2, -d / 2 + 0.06, d / 2, 0.1, h, body).box(
        -w / 2, w / 2, d / 2 - 0.05, d / 2, 0.1, h, body
    )
    mesh.block(w, d, 0, 0.14, k.paint("rubber")).block(
        w, d, h - 0.25, h, k.paint("poster", "painted")
    )
    for z in np.arange(0.14, h - 0.3, 0.3):
        mesh.box(
            -w / 2 + 0.05, w / 2 - 0.05, -d / 2 + 0.1, d / 2 - 0.05, z, z + 0.015, k.paint("steel")
        )
        for x in np.arange(-w / 2 + 0.09, w / 2 - 0.06, 0.085):
            mesh.post(x, -d / 2 + 0.18, z + 0.015, z + 0.22, 0.034, k.paint("moulded", "spine"), 8)
    mesh.box(
        -w / 2 + 0.03, w / 2 - 0.03, -d / 2 + 0.02, -d / 2 + 0.035, 0.16, h - 0.27, k.paint("pane")
    )
    return Thing(
        "refrigerator",
        mesh.tube(
            [(w / 2 - 0.07, -d / 2, 0.7), (w / 2 - 0.07, -d / 2, 1.3)], 0.013, k.paint("steel"), 6
        ),
    )


def steel_cold_store(k: Kit) -> Thing:
    """A caterer's refrigerator: polished doors with sunk grips, louvres above, on round feet."""
    leaves, h, d, steel, mesh = k.n(1, 2), k.u(1.85, 2.1), k.u(0.7, 0.85), k.paint("steel"), Mesh()
    w = leaves * k.u(0.6, 0.7)
    mesh.box(-w / 2, w / 2, -d / 2 + 0.05, d / 2, 0.14, h, steel)
    for x in (-w / 2 + 0.08, w / 2 - 0.08):
        for y in (-d / 2 + 0.1, d / 2 - 0.1):
            mesh.post(x, y, 0, 0.14, 0.03, k.paint("rubber"), 10)
    for i in range(leaves):
        x0 = i * w / leaves - w / 2
        mesh.box(x0 + 0.012, x0 + w / leaves - 0.012, -d / 2, -d / 2 + 0.05, 0.16, h - 0.24, steel)
        mesh.box(x0 + 0.04, x0 + 0.07, -d / 2 - 0.004, -d / 2, 0.8, 1.35, k.paint("rubber"))
    for z in np.arange(h - 0.2, h - 0.03, 0.04):
        mesh.box(
            -w / 2 + 0.05,
            w / 2 - 0.05,
            -d / 2 + 0.03,
            -d / 2 + 0.05,
            z,
            z + 0.015,
            k.paint("rubber"),
        )
    return Thing("refrigerator", mesh)


def lab_cooler(k: Kit) -> Thing:
    """A waist-high refrigerator with a control panel, a lock and a bulging door."""
    w = k.u(0.55, 0.65)
    d = k.u(0.55, 0.65)
    h = k.u(0.82, 1.1)
    body = k.paint("moulded", "painted")
    mesh = Mesh()
    mesh.box(-w / 2, w / 2, -d / 2 + 0.09, d / 2, 0.03, h, body).soft(
        -w / 2, w / 2, -d / 2, -d / 2 + 0.13, 0.04, h - 0.14, body, 0.25
    )
    mesh.box(-w / 2, w / 2, -d / 2 + 0.04, -d / 2 + 0.09, h - 0.13, h, k.paint("rubber", "steel"))
    return Thing(
        k.pick(["refrigerator", "refrigerator", "mini fridge"]),
        mesh,
        [(-w / 2, w / 2, -d / 2 + 0.1, d / 2, h, 0.6)],
    )


def reception(k: Kit) -> Thing:
    """A counter of two levels, bent in three straight pieces, its front panelled."""
    w, d, h, top, body, mesh = (
        k.u(1.6, 2.6),
        k.u(0.6, 0.75),
        k.u(1.0, 1.18),
        k.paint("terrazzo", "ash", "moulded"),
        k.paint("ash", "painted"),
        Mesh(),
    )
    bend = k.u(0.2, 0.5)
    for x0, y0, x1, y1 in (
        (-w / 2, bend, -w / 5, 0),
        (-w / 5, 0, w / 5, 0),
        (w / 5, 0, w / 2, bend),
    ):
        across = np.array([y1 - y0, x0 - x1]) / np.hypot(x1 - x0, y1 - y0)
        along = np.array([[x0, y0], [x1, y1]])
        front, ledge, low = along + across * 0.02, along - across * 0.26, along - across * d
        mesh.add(plate([*front, ledge[1], ledge[0]], h - 0.05, h, top)).add(
            plate([*(along), *(along - across * 0.05)[::-1]], 0, h - 0.05, body)
        )
        mesh.add(
            plate(
                [along[0] - across * 0.05, along[1] - across * 0.05, low[1], low[0]],
                h - 0.36,
                h - 0.32,
                top,
            )
        )
    return Thing(
        "counter",
        mesh,
        [(-w / 5, w / 5, 0.3, d - 0.05, h - 0.32, 0.4), (-w / 5, w / 5, 0.02, 0.24, h, 0.5)],
    )


def canteen_line(k: Kit) -> Thing:
    """A serving counter: a steel box with a tray rail before it and a glass guard above."""
    w, d, h, steel, mesh = k.u(1.3, 2.4), k.u(0.65, 0.8), k.u(0.85, 0.92), k.paint("steel"), Mesh()
    mesh.box(-w / 2, w / 2, -d / 2 + 0.22, d / 2, 0.12, h, k.paint("painted", "ash")).box(
        -w / 2, w / 2, -d / 2 + 0.2, d / 2, h - 0.04, h, steel
    )
    mesh.box(-w / 2 + 0.05, w / 2 - 0.05, -d / 2 + 0.3, d / 2, 0, 0.12, k.paint("rubber"))
    for y in (-d / 2 + 0.02, -d / 2 + 0.09, -d / 2 + 0.16):
        mesh.tube([(-w / 2, y, h - 0.06), (w / 2, y, h - 0.06)], 0.014, steel, 6)
    for x in (-w / 2 + 0.05, 0, w / 2 - 0.05):
        mesh.tube([(x, 0.05, h), (x, -0.05, h + 0.4)], 0.012, steel, 6)
    mesh.add(
        Mesh().box(-w / 2, w / 2, 0, 0.01, 0, 0.34, k.paint("pane")), 0, -0.1, h + 0.1, pitch=0.3
    )
    return Thing("counter", mesh, [(-w / 2, w / 2, 0.1, d / 2, h, 0.4)])


def lab_bench(k: Kit) -> Thing:
    """A worktop of tiles or stone on drawers, a two-level rack along its back, a little trough with
    a curved tap."""
    w, d, h, top, body, group = (
        k.u(1.3, 2.2),
        k.u(0.7, 0.82),
        k.u(0.86, 0.94),
        k.paint("terrazzo", "rubber", "moulded"),
        k.paint("painted", "ash"),
        Thing(),
    )
    base = Mesh().box(-w / 2 + 0.02, w / 2 - 0.02, -d / 2 + 0.05, d / 2, 0.1, h - 0.2, body)
    for i in range(round(w / 0.45)):
        x0 = -w / 2 + 0.02 + i * (w - 0.04) / round(w / 0.45)
        base.box(
            x0 + 0.01,
            x0 + (w - 0.04) / round(w / 0.45) - 0.01,
            -d / 2 + 0.03,
            -d / 2 + 0.05,
            0.12,
            h - 0.22,
            k.pick([body, body, k.paint("painted")]),
        )
    group.carry(Thing(k.pick(["cabinet", "kitchen cabinet"]), base))
    x = k.u(-0.3, 0.3) * w
    plan = [(-w / 2, x - 0.2), (x + 0.2, w / 2)]
    counter = Thing(k.pick(["counter", "kitchen counter"]))
    for a, b in plan:
        counter.mesh.box(a, b, -d / 2, d / 2, h - 0.06, h, top)
        counter.tops.append((a, b, -d / 2 + 0.02, d / 2 - 0.2, h, 0.35))
    counter.mesh.box(x - 0.2, x + 0.2, -d / 2, -0.15, h - 0.06, h, top).box(
        x - 0.2, x + 0.2, 0.2, d / 2, h - 0.06, h, top
    )
    for z in (h + 0.35, h + 0.65):
        counter.mesh.box(
            -w / 2, w / 2, d / 2 - 0.16, d / 2, z, z + 0.025, k.paint("pane", "painted")
        )
    counter.mesh.pair(w / 2 - 0.03, w / 2, d / 2 - 0.1, d / 2 - 0.05, h, h + 0.7, k.paint("steel"))
    return (
        Thing(tops=counter.tops)
        .carry(group)
        .carry(counter)
        .carry(Thing("sink", trough(k, 0.39, 0.34, h, 1)), x, 0.025)
    )
