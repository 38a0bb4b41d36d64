"""Cabinets of offices, schools, wards and flats. Each public function is a family: of a `Kit` it
makes a new `Thing`."""

from itertools import pairwise

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .contents import fill_board
from .parts import feet, fronts, handle, merged


def _top(w: float, d: float, h: float) -> list[tuple]:
    """The top of what is low enough to put things on."""
    return [(-w / 2, w / 2, 0.02 - d / 2, d / 2, h, 0.6)] if h < 1.5 else []


def roller_cupboard(k: Kit) -> Thing:
    """An office cupboard with a front of slats that rolls up or to the side, shut, half open or
    open."""
    w, d, h = k.u(0.7, 1.3), k.u(0.38, 0.5), k.pick([k.u(0.7, 1.2), k.u(1.3, 2.05)])
    body, t, mesh = k.paint("grey", "white", "wood", "metal", "lacquer"), 0.025, Mesh()
    slat, foot, y = k.pick([body, k.paint("grey", "white", "wood")]), k.u(0.03, 0.1), 0.03 - d / 2
    mesh.pair(w / 2 - t, w / 2, -d / 2, d / 2, 0, h, body)
    for z0, z1 in ((0, foot), (h - 0.03, h)):
        mesh.box(t - w / 2, w / 2 - t, -d / 2, d / 2, z0, z1, body)
    mesh.box(t - w / 2, w / 2 - t, d / 2 - 0.02, d / 2, foot, h, body)
    shut, upright = k.pick([1.0, 1.0, 0.0, k.u(0.2, 0.8)]), k.chance(0.5)
    if shut < 1:
        kinds = ["binders", "binders", "books", "boxes", "none", "lying"]
        levels = np.linspace(foot, h - 0.03, max(2, round(h / 0.38)) + 1)
        for z, above in pairwise(levels):
            mesh.box(t - w / 2, w / 2 - t, y + 0.02, d / 2 - 0.02, z, z + 0.02, body)
            inner = (t - w / 2, w / 2 - t, y + 0.03, d / 2 - 0.03, z + 0.02, above - z - 0.03)
            fill_board(k, mesh, *inner, kinds)
    wide = (w - 2 * t) * (shut if upright else 1.0)
    low = foot if upright else h - 0.03 - (h - 0.03 - foot) * shut
    if shut > 0:
        mesh.box(t - w / 2, t - w / 2 + wide, y, y + 0.012, low, h - 0.03, slat)
        steps = np.arange(0.0, wide - 0.02, 0.04) if upright else np.arange(low, h - 0.05, 0.04)
        for at in steps:
            if upright:
                mesh.box(t - w / 2 + at, t - w / 2 + at + 0.028, y - 0.008, y, low, h - 0.03, slat)
            else:
                mesh.box(t - w / 2, t - w / 2 + wide, y - 0.008, y, at, at + 0.028, slat)
    return Thing("cabinet", merged(mesh), _top(w, d, h))


def lockers(k: Kit) -> Thing:
    """Lockers side by side and above each other, with vents and locks: on a plinth, on feet, or
    over a bench."""
    columns, each, d, h = k.n(1, 6), k.u(0.25, 0.42), k.u(0.4, 0.55), k.u(1.6, 2.05)
    rows, w, foot = k.pick([1, 1, 2, 3, 4]), columns * each, k.pick([0.02, 0.1, k.u(0.1, 0.2)])
    body, face, mesh = (
        k.paint("grey", "white", "metal"),
        k.paint("lacquer", "grey", "plastic", "wood"),
        Mesh(),
    )
    tall, dark, steel = (h - foot) / rows, k.paint("dark"), k.paint("metal", "dark")
    mesh.box(-w / 2, w / 2, 0.015 - d / 2, d / 2, foot, h, body)
    if foot > 0.05:
        feet(k, mesh, w, d, foot)
    for i, j in np.ndindex(columns, rows):
        x0, z0 = i * each - w / 2, foot + j * tall
        mesh.box(
            x0 + 0.004,
            x0 + each - 0.004,
            -d / 2,
            0.015 - d / 2,
            z0 + 0.004,
            z0 + tall - 0.004,
            face,
        )
        for z in z0 + tall - 0.06 - 0.025 * np.arange(3):
            mesh.box(x0 + each * 0.25, x0 + each * 0.75, -d / 2 - 0.002, -d / 2, z, z + 0.008, dark)
        z = z0 + tall * 0.5
        mesh.box(x0 + each - 0.05, x0 + each - 0.03, -d / 2 - 0.02, -d / 2, z, z + 0.05, steel)
    if k.chance(0.2):
        mesh.box(-w / 2, w / 2, -d / 2 - 0.3, -d / 2 - 0.02, 0.4, 0.44, k.paint("wood"))
        mesh.pair(w / 2 - 0.08, w / 2 - 0.04, -d / 2 - 0.28, -d / 2 - 0.04, 0, 0.4, steel)
    return Thing("cabinet", merged(mesh))


def drawer_tower(k: Kit) -> Thing:
    """Drawers only: a filing cabinet of two to five, or a tower or a wide chest of many flat
    ones."""
    kind = k.pick(["files", "files", "flat", "plans"])
    w, d = {
        "files": (k.u(0.38, 0.9), k.u(0.45, 0.65)),
        "flat": (k.u(0.28, 0.6), k.u(0.32, 0.45)),
        "plans": (k.u(0.8, 1.4), k.u(0.6, 0.95)),
    }[kind]
    tall = {"files": k.u(0.26, 0.34), "flat": k.u(0.06, 0.14), "plans": k.u(0.06, 0.1)}[kind]
    h = {"files": tall * k.n(2, 5) + 0.06, "flat": k.u(0.6, 1.4), "plans": k.u(0.5, 1.0)}[kind]
    body, mesh, foot = (
        k.paint("grey", "grey", "metal", "white", "wood", "lacquer"),
        Mesh(),
        k.u(0.02, 0.06),
    )
    face, steel = (
        k.pick([body, body, k.paint("lacquer", "wood", "plastic")]),
        k.paint("metal", "dark"),
    )
    mesh.box(-w / 2, w / 2, 0.018 - d / 2, d / 2, foot, h, body)
    feet(k, mesh, w, d, foot)
    rows, columns = (
        max(1, round((h - foot - 0.02) / tall)),
        2 if kind == "files" and w > 0.75 else 1,
    )
    grip, gap = k.pick(["plate", "bar", "slot"]), 0.004
    for i, j in np.ndindex(columns, rows):
        x0, x1 = (i / columns - 0.5) * w + gap, ((i + 1) / columns - 0.5) * w - gap
        step = (h - foot - 0.02) / rows
        z0, z1 = foot + j * step + gap, foot + (j + 1) * step - gap
        out = k.u(0.05, 0.25) if k.chance(0.04) else 0.0
        mesh.box(x0, x1, -d / 2 - out, 0.018 - d / 2, z0, z1, face)
        x, z = (x0 + x1) / 2, z1 - min(0.06, (z1 - z0) / 2)
        deep = 0.003 if grip == "slot" else 0.025
        half = 0.05 if grip == "plate" else (x1 - x0) * 0.3
        mesh.box(x - half, x + half, -d / 2 - out - deep, -d / 2 - out, z - 0.012, z + 0.012, steel)
        if kind == "files" and k.chance(0.6):
            mesh.box(
                x - 0.04,
                x + 0.04,
                -d / 2 - out - 0.004,
                -d / 2 - out,
                z - 0.08,
                z - 0.04,
                k.paint("paper white"),
            )
    label = "file cabinet" if kind == "files" else "cabinet"
    return Thing(label, merged(mesh), _top(w, d, h))


def glass_cabinet(k: Kit) -> Thing:
    """Shelves behind glass: a show case, a cabinet for medicines or instruments, a glazed
    bookcase."""
    w, d, h = k.u(0.4, 1.3), k.u(0.28, 0.45), k.pick([k.u(0.8, 1.2), k.u(1.5, 2.1)])
    frame, t, mesh = k.paint("metal", "white", "wood", "wood", "dark"), k.u(0.02, 0.05), Mesh()
    low = k.pick([0.08, 0.08, h * k.u(0.25, 0.45)])
    for x in (-w / 2, w / 2 - t):
        mesh.box(x, x + t, -d / 2, d / 2, 0, h, k.pick([frame, k.paint("glass")]))
        mesh.box(x, x + t, -d / 2, t - d / 2, 0, h, frame)
    for z0, z1 in ((0.03, low), (h - 0.04, h)):
        mesh.box(t - w / 2, w / 2 - t, 0.004 - d / 2, d / 2, z0, z1, frame)
    mesh.box(
        -w / 2, w / 2, d / 2 - 0.012, d / 2, low, h, k.paint("white", "mirror", "wood", "glass")
    )
    if low > 0.2:
        fronts(k, mesh, w, -d / 2 - 0.018, 0.05, low, max(1, round(w / 0.45)), 1, frame, "slab")
    kinds = ["vases", "vases", "books", "boxes", "lying", "volumes", "none"]
    levels = np.linspace(low, h - 0.04, max(2, round((h - low) / k.u(0.25, 0.4))) + 1)
    clear = k.chance(0.6)  # a camera sees through the glass: what is inside instead of the panes
    for z, above in pairwise(levels) if clear else ():
        mesh.box(
            t - w / 2,
            w / 2 - t,
            0.04 - d / 2,
            d / 2 - 0.012,
            z,
            z + 0.01,
            k.paint("glass", "white"),
        )
        inner = (t - w / 2, w / 2 - t, 0.05 - d / 2, d / 2 - 0.03, z + 0.01, above - z - 0.03)
        fill_board(k, mesh, *inner, kinds)
    leaves, pane = max(1, round(w / 0.5)), k.paint("glass")
    for i in range(leaves):
        x0, x1 = (i / leaves - 0.5) * w, ((i + 1) / leaves - 0.5) * w
        if not clear:
            mesh.box(x0 + t, x1 - t, 0.006 - d / 2, 0.01 - d / 2, low, h - 0.04, pane)
        for a, b in ((x0, x0 + t), (x1 - t, x1)):
            mesh.box(a, b, -d / 2, 0.02 - d / 2, low, h - 0.04, frame)
        handle(k, mesh, "knob", x0, x1, -d / 2, low, h, i % 2 == 1, k.paint("metal", "dark"))
    return Thing("cabinet", merged(mesh), _top(w, d, h))


def fitted_cupboards(k: Kit) -> Thing:
    """Cupboards built in along a wall, up to a door's height or more, their doors panelled or flush
    as those of rooms, with small ones above."""
    w, d, h = k.u(1.0, 3.4), k.u(0.4, 0.66), k.u(1.95, 2.3)
    face, mesh = k.paint("white", "white", "wood", "wall", "front", "lacquer"), Mesh()
    columns, foot = max(2, round(w / k.u(0.42, 0.75))), k.pick([0.0, 0.06, 0.1])
    style = k.pick(["slab", "slab", "framed", "framed", "louvred"])
    split = k.pick([h, h, h * k.u(0.75, 0.85)])
    mesh.box(-w / 2, w / 2, 0.018 - d / 2, d / 2, 0, h, face)
    fronts(k, mesh, w, -d / 2, foot, split, columns, 1, face, style)
    if split < h:
        fronts(k, mesh, w, -d / 2, split, h, columns, 1, face, style)
    return Thing(k.pick(["cabinet", "cabinet", "wardrobe", "closet"]), mesh)


def sliding_wardrobe(k: Kit) -> Thing:
    """A wardrobe with two or three wide doors that slide: of mirror, lacquered glass, wood, or in
    fields of two materials; shut or a little open."""
    count, each, d, h = k.n(2, 3), k.u(0.6, 1.05), k.u(0.55, 0.68), k.u(1.95, 2.3)
    w, t = count * each, 0.03
    body, rail, mesh = (
        k.paint("wood", "white", "dark", "front"),
        k.paint("metal", "dark", "white"),
        Mesh(),
    )
    mesh.pair(w / 2 - t, w / 2, -d / 2, d / 2, 0, h, body)
    mesh.box(t - w / 2, w / 2 - t, -d / 2, d / 2, h - t, h, body)
    mesh.box(t - w / 2, w / 2 - t, 0.12 - d / 2, d / 2, 0, h - t, k.pick([body, k.paint("dark")]))
    mesh.box(t - w / 2, w / 2 - t, -d / 2, 0.1 - d / 2, 0, 0.05, rail)
    panes, kind = k.n(1, 4), k.pick(["mirror", "mirror", "plain", "mixed"])
    colours = [k.paint("lacquer", "wood", "front", "glass"), k.paint("lacquer", "white", "mirror")]
    for i in range(count):
        x0 = i * each - w / 2 + t * (i == 0)
        x1, y = x0 + each - t * (i == 0) - t * (i == count - 1), 0.02 + 0.035 * (i % 2) - d / 2
        move = k.u(-0.3, 0.3) * each if k.chance(0.2) and 0 < i < count - 1 else 0.0
        x0, x1 = x0 + move, x1 + move
        edges = np.linspace(0.06, h - t - 0.01, panes + 1)
        for j, (z0, z1) in enumerate(pairwise(edges)):
            paint = (
                k.paint("mirror") if kind == "mirror" else colours[j % 2 if kind == "mixed" else 0]
            )
            mesh.box(x0 + 0.015, x1 - 0.015, y, y + 0.02, z0, z1, paint)
            mesh.box(x0, x1, y - 0.006, y + 0.02, z0 - 0.008, z0 + 0.008, rail)
        for a in (x0, x1 - 0.02):
            mesh.box(a, a + 0.02, y - 0.012, y + 0.02, 0.055, h - t, rail)
    return Thing(k.pick(["wardrobe", "wardrobe", "closet"]), merged(mesh))


def wheeled_locker(k: Kit) -> Thing:
    """A bedside cabinet of a ward on castors: a drawer, an open box, a door, a rail at the side or
    a leaf that folds out."""
    w, d, h, foot = k.u(0.4, 0.55), k.u(0.38, 0.5), k.u(0.75, 0.95), k.u(0.07, 0.12)
    body, face, mesh, t = (
        k.paint("white", "wood", "grey", "lacquer"),
        k.paint("lacquer", "wood", "white"),
        Mesh(),
        0.02,
    )
    a, b = foot + (h - foot) * k.u(0.4, 0.5), h - k.u(0.13, 0.2)
    mesh.pair(w / 2 - t, w / 2, 0.018 - d / 2, d / 2, foot, h - t, body)
    mesh.box(t - w / 2, w / 2 - t, d / 2 - t, d / 2, foot, h - t, body)
    for z in (foot, a, b):
        mesh.box(t - w / 2, w / 2 - t, 0.018 - d / 2, d / 2 - t, z, z + t, body)
    mesh.box(
        -w / 2 - 0.01,
        w / 2 + 0.01,
        -d / 2,
        d / 2,
        h - t,
        h,
        k.pick([body, k.paint("wood", "plastic")]),
    )
    fronts(k, mesh, w, -d / 2, foot, a, 1, 1, face, "slab")
    fronts(k, mesh, w, -d / 2, b, h - t, 1, 1, face, "slab")
    if k.chance(0.5):
        fronts(k, mesh, w, -d / 2, a, b, 1, 1, face, "slab")
    for x in (0.05 - w / 2, w / 2 - 0.05):
        for y in (0.07 - d / 2, d / 2 - 0.05):
            mesh.box(x - 0.012, x + 0.012, y - 0.04, y + 0.04, 0, foot, k.paint("dark", "grey"))
    if k.chance(0.4):
        x, steel = k.pick([-1, 1]) * (w / 2 + 0.04), k.paint("metal", "white")
        mesh.tube([(x, 0.05 - d / 2, h - 0.1), (x, d / 2 - 0.05, h - 0.1)], 0.01, steel, 6)
    elif k.chance(0.3):
        x = k.pick([-1, 1]) * (w / 2 + 0.03)
        mesh.box(x - 0.01, x + 0.01, 0.04 - d / 2, d / 2 - 0.04, h - 0.45, h - 0.03, body)
    return Thing("cabinet", mesh, _top(w, d, h))


def apothecary(k: Kit) -> Thing:
    """A chest with a great many small drawers, on a base or on legs."""
    w, d, h, s = k.u(0.5, 1.6), k.u(0.28, 0.45), k.u(0.7, 1.4), k.u(0.13, 0.24)
    foot = k.pick([0.04, k.u(0.1, 0.3)])
    body, mesh = k.paint("wood", "wood", "white", "lacquer"), Mesh()
    mesh.box(-w / 2, w / 2, 0.018 - d / 2, d / 2, foot, h, body)
    feet(k, mesh, w, d, foot)
    columns, rows = max(2, round(w / s)), max(2, round((h - foot) / s))
    fronts(
        k,
        mesh,
        w,
        -d / 2,
        foot,
        h - 0.02,
        columns,
        rows,
        k.pick([body, k.paint("wood", "lacquer")]),
        "slab",
    )
    return Thing("cabinet", mesh, _top(w, d, h))


def corner_cupboard(k: Kit) -> Thing:
    """A cupboard with five sides that fills a corner."""
    s, h, cut = k.u(0.6, 0.95), k.pick([k.u(0.75, 1.0), k.u(1.7, 2.1)]), k.u(0.25, 0.4)
    body, mesh = k.paint("wood", "wood", "white", "lacquer"), Mesh()
    plan, steps = np.array([[0, 0], [0, -s], [cut, -s], [s, -cut], [s, 0]]), 2
    levels = [np.insert(plan, 2, z, axis=1) for z in np.linspace(0.02, h, steps)]
    from_front, long = np.array([cut, -s]), np.hypot(s - cut, s - cut)
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4]])
    n, k_ = len(plan), np.arange(len(plan))
    around = np.concatenate(
        [
            np.stack([k_, (k_ + 1) % n, k_ + n], 1),
            np.stack([(k_ + 1) % n, (k_ + 1) % n + n, k_ + n], 1),
        ]
    )
    mesh.parts.append(
        (np.concatenate(levels), np.concatenate([faces[:, ::-1], faces + n, around]), body)
    )
    leaf, middle = Mesh(), from_front + [long * 0.3536, long * 0.3536]
    fronts(
        k,
        leaf,
        long - 0.03,
        -0.018,
        0.06,
        h - 0.03,
        k.n(1, 2),
        k.n(1, 2),
        body,
        k.pick(["slab", "framed", "glass"]),
    )
    mesh.add(leaf, *middle, yaw=np.pi / 4)
    return Thing(
        "cabinet",
        Mesh().add(mesh, -s / 2, s / 2),
        [(-s / 4, s / 4, 0, s / 2 - 0.05, h, 0.6)] if h < 1.5 else [],
    )


def wall_cupboard(k: Kit) -> Thing:
    """A cupboard that hangs on a wall: of wood, lacquered, glazed, or with a mirror."""
    w, d, h = k.u(0.4, 1.6), k.u(0.16, 0.4), k.u(0.35, 0.85)
    body, mesh = k.paint("wood", "white", "front", "lacquer", "grey"), Mesh()
    mesh.box(-w / 2, w / 2, 0.018 - d / 2, d / 2, 0, h, body)
    style, columns = k.pick(["slab", "slab", "framed", "glass"]), max(1, round(w / k.u(0.3, 0.5)))
    fronts(
        k,
        mesh,
        w,
        -d / 2,
        0,
        h,
        columns,
        k.pick([1, 1, 2]),
        k.pick([body, k.paint("front", "mirror", "white")]),
        style,
    )
    return Thing(k.pick(["cabinet", "kitchen cabinet", "bathroom cabinet"]), mesh)


def chest(k: Kit) -> Thing:
    """A low chest with a lid, flat or bowed, with bands or a panelled front, on feet or on the
    floor."""
    w, d, h, foot = k.u(0.7, 1.4), k.u(0.38, 0.6), k.u(0.4, 0.62), k.pick([0.0, 0.05])
    body, iron, mesh = (
        k.paint("wood", "wood", "lacquer", "cloth"),
        k.paint("dark", "metal", "leather"),
        Mesh(),
    )
    mesh.box(-w / 2, w / 2, -d / 2, d / 2, foot, h - 0.06, body)
    if foot:
        feet(k, mesh, w, d, foot)
    bow = k.pick([0.0, 0.0, k.u(0.05, 0.12)])
    if bow:
        angle = np.linspace(0, np.pi, 9)
        outline = np.stack([-d / 2 * np.cos(angle), h - 0.055 + bow * np.sin(angle)], 1)
        lid = Mesh().prism([tuple(p) for p in outline], -w / 2 - 0.01, w / 2 + 0.01, body)
        mesh.add(lid, yaw=np.pi / 2)
    else:
        mesh.box(
            -w / 2 - 0.015, w / 2 + 0.015, -d / 2 - 0.015, d / 2, h - 0.055, h, k.pick([body, iron])
        )
    for x in (-w * 0.3, w * 0.3) if k.chance(0.5) else ():
        mesh.box(x - 0.02, x + 0.02, -d / 2 - 0.006, -d / 2, foot, h - 0.06, iron)
    return Thing(k.pick(["cabinet", "furniture"]), mesh, [] if bow else _top(w, d, h))
