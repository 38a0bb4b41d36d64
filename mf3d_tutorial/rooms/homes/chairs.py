"""Chairs of offices, schools, wards and halls. Each public function is a family: of a `Kit` it
makes a new `Thing`."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import bent, castors, star


def swivel_chair(k: Kit) -> Thing:
    """An office chair: low for tasks, of mesh, padded and tall with a headrest; many arms."""
    w, d, h = k.u(0.42, 0.56), k.u(0.4, 0.52), k.u(0.4, 0.58)
    cloth, frame = (
        k.paint("fabric", "dark", "dark", "leather", "cloth"),
        k.paint("dark", "dark", "metal", "white"),
    )
    mesh, thick = Mesh(), k.u(0.04, 0.12)
    star(k, mesh, h - thick, k.u(0.24, 0.34), frame)
    mesh.block(w * 0.5, d * 0.5, h - thick - 0.05, h - thick, frame)
    mesh.soft(-w / 2, w / 2, -d / 2, d / 2, h - thick, h, cloth, k.u(0.2, 0.55))
    kind, back = k.pick(["task", "task", "mesh", "tall", "boss", "none"]), Mesh()
    top = k.u(0.3, 0.5) if kind == "task" else k.u(0.5, 0.8)
    lift, wide = k.u(0.05, 0.2), w * k.u(0.75, 1.0)
    if kind == "task":
        back.soft(-wide / 2, wide / 2, -0.04, 0.03, lift, top, cloth, k.u(0.3, 0.7))
    elif kind == "mesh":
        curve = [(0.0, 0.05), (-0.03, 0.2), (-0.01, 0.4), (0.04, top)]
        back.add(bent(wide, curve, k.u(0.02, 0.08), cloth, k.u(0.7, 1.0)))
        back.pair(wide / 2 - 0.03, wide / 2 - 0.01, -0.06, -0.02, 0.05, top * 0.9, frame)
    elif kind == "tall":
        for low, high in ((0.03, top * 0.45), (top * 0.45, top)):
            back.soft(-wide / 2, wide / 2, -0.06, 0.05, low, high + 0.02, cloth, 0.35)
    elif kind == "boss":
        back.soft(-w / 2, w / 2, -0.07, 0.07, -0.02, top, cloth, 0.3)
    if kind in ("mesh", "tall", "task") and k.chance(0.3):
        back.soft(-0.15, 0.15, -0.05, 0.03, top + 0.03, top + 0.18, cloth, 0.5)
        back.box(-0.02, 0.02, 0.0, 0.03, top - 0.1, top + 0.1, frame)
    if kind != "none":
        back.box(-0.035, 0.035, 0.03, 0.055, -0.1, top * 0.6, frame)
        mesh.box(-0.035, 0.035, 0, d / 2 + 0.02, h - thick - 0.04, h - thick - 0.01, frame)
        mesh.add(back, 0, d / 2 - 0.03, h, pitch=-k.u(0.0, 0.25))
        _arms(k, mesh, w / 2 + 0.03, d, h, frame, k.pick(["none", "t", "t", "loop"]))
    label = "stool" if kind == "none" else k.pick(["office chair", "office chair", "chair"])
    return Thing(label, mesh)


def _arms(k: Kit, mesh: Mesh, x: float, d: float, h: float, frame: int, kind: str) -> None:
    """A pair of arms at x on both sides of a seat of height h and depth d."""
    top, long = h + k.u(0.16, 0.27), k.u(0.2, 0.3)
    for side in (-x, x) if kind == "loop" else ():
        y0, y1 = -d * 0.3, d * 0.4
        loop = [(side, y0, h - 0.03), (side, y0 - 0.03, top), (side, y1, top), (side, y1, h - 0.03)]
        mesh.tube(loop, 0.015, frame, 6)
    if kind == "t":
        mesh.pair(x - 0.012, x + 0.012, -0.04, 0.04, h - 0.06, top - 0.02, frame)
        mesh.box(-x, x, -0.03, 0.03, h - 0.07, h - 0.05, frame)
    if kind != "none":
        mesh.pair(x - 0.035, x + 0.035, -long / 2 - 0.04, long / 2, top - 0.02, top + 0.01, frame)


def _shells(k: Kit, mesh: Mesh, w: float, d: float, h: float, top: float, paint: int) -> float:
    """Seat and back: one shell, two plates with air between them, pads, or slats. How far the back
    leans at its top."""
    rake, bend = k.u(0.05, 0.25) * top, k.u(0.0, 0.05)
    kind = k.pick(["one", "two", "two", "pads", "slats"])
    front, rear = -d / 2, d / 2
    if kind == "one":
        side = [
            (front, h - 0.02),
            (front + 0.05, h),
            (0.0, h - 0.02),
            (rear - 0.05, h),
            (rear, h + 0.06),
        ]
        side += [(rear + rake * 0.5, h + top * 0.55), (rear + rake, h + top)]
        mesh.add(bent(w, side, bend, paint, k.u(0.75, 1.0)))
        return rake
    lift = k.u(0.08, 0.24)
    if kind == "slats":
        mesh.pair(w * 0.3, w * 0.3 + 0.02, front, rear, h - 0.035, h - 0.015, paint)
        for y in np.linspace(front, rear - 0.06, 5):
            mesh.box(-w / 2, w / 2, y, y + d / 6.5, h - 0.015, h, paint)
        for t in np.linspace(lift / top, 0.9, 3):
            y, z = rear + rake * t, h + top * t
            mesh.box(-w / 2, w / 2, y - 0.01, y + 0.01, z, z + top * 0.12, paint)
    elif kind == "two":
        side = [(front, h - 0.03), (front + 0.04, h), (0, h - 0.01), (rear, h + 0.01)]
        mesh.add(bent(w, side, bend * 0.4, paint))
        back = [
            (rear + rake * lift / top, h + lift),
            (rear + rake * 0.6, h + (lift + top) / 2),
            (rear + rake, h + top),
        ]
        mesh.add(bent(w, back, bend + 0.01, paint, k.u(0.85, 1.0)))
    else:
        mesh.soft(-w / 2, w / 2, front, rear, h - k.u(0.04, 0.08), h, paint, 0.25)
        pad = Mesh().soft(-w / 2, w / 2, -0.03, 0.03, lift, top, paint, 0.3)
        mesh.add(pad, 0, rear - 0.01, h, pitch=-rake / top)
    return rake


def tube_chair(k: Kit) -> Thing:
    """A stacking chair of bent tube: four legs, skids, a cantilever or crossed legs; with arms or a
    tablet to write on."""
    w, d, h, top = k.u(0.38, 0.5), k.u(0.36, 0.48), k.u(0.38, 0.48), k.u(0.3, 0.5)
    steel, seat = (
        k.paint("metal", "metal", "dark", "white", "lacquer"),
        k.paint("plastic", "wood", "fabric", "cloth", "leather", "white"),
    )
    mesh, r = Mesh(), k.u(0.008, 0.016)
    x, y, low, rear = w / 2 - 0.01, d / 2 - 0.02, h - 0.035, d / 2 + k.u(0.0, 0.08)
    kind, high = (
        k.pick(["legs", "legs", "skids", "cantilever", "cantilever", "crossed"]),
        h + top * 0.95,
    )
    lean = _shells(k, mesh, w, d, h, top, seat) * 0.95 + 0.012
    for side in (-x, x):
        out = side * k.u(1.0, 1.12)
        if kind == "legs":
            mesh.tube([(out, -y - 0.03, 0), (side, -y, low), (side, y, low)], r, steel)
            mesh.tube([(out, rear + 0.05, 0), (side, y, low)], r, steel)
        elif kind == "skids":
            mesh.tube(
                [
                    (side, y, low),
                    (side, -y, low),
                    (out, -y - 0.02, r),
                    (out, rear, r),
                    (side, y, low),
                ],
                r,
                steel,
            )
        elif kind == "cantilever":
            mesh.tube(
                [(side, rear, r), (side, -y, r), (side, -y - 0.03, low), (side, y, low)],
                r * 1.2,
                steel,
            )
        else:
            mesh.tube([(side, -y, 0), (side, y, low)], r, steel).tube(
                [(side, rear, 0), (side, -y, low)], r, steel
            )
        mesh.tube([(side, y, low), (side, d / 2 + lean, high)], r, steel)
    if kind == "cantilever":
        mesh.tube([(-x, rear, r), (x, rear, r)], r * 1.2, steel)
    for bar in (-y, y):
        mesh.tube([(-x, bar, low), (x, bar, low)], r, steel)
    if k.chance(0.3):
        z = h + k.u(0.18, 0.25)
        for side in (-x - 0.02, x + 0.02):
            mesh.tube([(side, -y, low), (side, -y, z), (side, d / 2, z)], r, steel)
            mesh.box(side - 0.02, side + 0.02, -y, y * 0.8, z, z + 0.02, k.pick([steel, seat]))
    elif k.chance(0.15):
        z = h + 0.24
        mesh.tube([(x + 0.02, 0, low), (x + 0.02, -y, z)], r, steel)
        mesh.box(
            -0.05, x + 0.12, -y - 0.2, -y + 0.12, z, z + 0.018, k.paint("wood", "white", "lacquer")
        )
    return Thing("chair", mesh)


def joined_seats(k: Kit) -> Thing:
    """Two to five seats on one beam, each an instance, as in waiting rooms."""
    count, w, d, h = k.n(2, 5), k.u(0.44, 0.58), k.u(0.42, 0.52), k.u(0.4, 0.47)
    steel, paint = (
        k.paint("metal", "dark", "white"),
        k.paint("plastic", "metal", "wood", "fabric", "leather", "cloth"),
    )
    arms, table, top = k.pick(["none", "between", "ends"]), k.chance(0.15), k.u(0.32, 0.5)
    group, seat = Thing(), Mesh()
    seat.box(0.001 - w / 2, w / 2 - 0.001, -0.035, 0.035, h - 0.13, h - 0.07, steel)
    seat.block(0.2, 0.24, h - 0.07, h - 0.03, steel)
    seat.box(-0.03, 0.03, 0.0, d / 2, h - 0.1, h - 0.06, steel)
    lean = _shells(k, seat, w - 0.07, d, h, top, paint) * 0.9 + 0.02
    for x in (-0.1, 0.1):
        seat.tube(
            [(x, 0, h - 0.09), (x, d / 2, h - 0.06), (x, d / 2 + lean, h + top * 0.9)],
            0.012,
            steel,
        )
    board = k.n(0, count - 1) if table and count > 2 else -1
    for i in range(count):
        mesh = Mesh().add(seat)
        if i == board:
            mesh = Mesh([seat.parts[j] for j in range(2)]).block(
                w - 0.05, d, h - 0.03, h, k.paint("wood", "white", "dark")
            )
        for side in (-1, 1):
            last = (i, side) in ((0, -1), (count - 1, 1))
            x = side * (w / 2 - 0.02)
            if (arms == "between" and (side > 0 or last)) or (arms == "ends" and last):
                mesh.box(
                    x - 0.015,
                    x + 0.015,
                    -0.16,
                    0.14,
                    h + 0.17,
                    h + 0.19,
                    k.pick([steel, steel, paint]),
                )
                mesh.box(x - 0.012, x + 0.012, -0.02, 0.02, h - 0.07, h + 0.17, steel)
        if i in (0, count - 1) or (count > 3 and i == count // 2):
            mesh.tube([(0, -d / 2, 0.015), (0, 0, 0.05), (0, d / 2 + 0.03, 0.015)], 0.02, steel, 4)
            mesh.box(-0.025, 0.025, -0.03, 0.03, 0.04, h - 0.13, steel)
        group.carry(Thing("table" if i == board else "chair", mesh), (i - (count - 1) / 2) * w)
    return group


def wheelchair(k: Kit) -> Thing:
    """A wheelchair: two large wheels or four small ones, slings, arm pads, grips, foot plates."""
    w, d, h, top = k.u(0.4, 0.5), k.u(0.4, 0.46), k.u(0.44, 0.52), k.u(0.38, 0.5)
    steel, cloth, mesh = (
        k.paint("metal", "metal", "dark", "lacquer"),
        k.paint("dark", "dark", "fabric", "leather"),
        Mesh(),
    )
    big, x, rear, tyre = k.u(0.26, 0.31), w / 2, d / 2 - 0.02, k.paint("dark")
    if k.chance(0.2):
        castors(mesh, [(-x, rear), (x, rear)], 0.1, tyre)
    else:
        rim = [
            (0, rear + big * np.sin(a), big + 0.012 + big * np.cos(a))
            for a in np.linspace(0, 2 * np.pi, 15)
        ]
        for side in (-x - 0.06, x + 0.06):
            mesh.add(Mesh().tube(rim, 0.014, tyre, 6), side)
            for a in np.arange(6) * np.pi / 6:
                y, z = 0.95 * big * np.sin(a), 0.95 * big * np.cos(a)
                mesh.tube(
                    [(side, rear - y, big - z + 0.01), (side, rear + y, big + z + 0.01)],
                    0.004,
                    steel,
                    4,
                )
        mesh.tube([(-x - 0.06, rear, big), (x + 0.06, rear, big)], 0.012, steel)
    castors(mesh, [(-x, -d / 2), (x, -d / 2)], k.u(0.06, 0.09), tyre)
    mesh.soft(-x, x, -d / 2, d / 2, h - 0.04, h, cloth, 0.2)
    mesh.add(bent(w, [(d / 2, h), (d / 2 + 0.04, h + top)], -0.04, cloth))
    arm = h + k.u(0.2, 0.25)
    for side in (-x, x):
        mesh.tube(
            [
                (side, d / 2, 0.12),
                (side, d / 2 + 0.04, h + top),
                (side, d / 2 + 0.16, h + top + 0.02),
            ],
            0.013,
            steel,
        )
        frame = [
            (side, d / 2, arm),
            (side, -d / 2 + 0.05, arm),
            (side, -d / 2, h - 0.03),
            (side, -d / 2, 0.14),
        ]
        mesh.tube(frame, 0.013, steel).tube(
            [(side, -d / 2, h - 0.03), (side, d / 2, h - 0.03)], 0.013, steel
        )
        mesh.box(side - 0.03, side + 0.03, -d / 2 + 0.08, d / 4, arm, arm + 0.03, cloth)
        mesh.tube([(side * 0.9, -d / 2, h - 0.03), (side * 0.8, -d / 2 - 0.22, 0.13)], 0.012, steel)
        mesh.box(
            min(side * 0.75, side * 0.1),
            max(side * 0.75, side * 0.1),
            -d / 2 - 0.34,
            -d / 2 - 0.17,
            0.11,
            0.13,
            tyre,
        )
    return Thing("chair", mesh)


def folding_chair(k: Kit) -> Thing:
    """A folding chair, open: crossed legs, a plate to sit on and one to lean on."""
    w, d, h, top = k.u(0.38, 0.46), k.u(0.36, 0.42), k.u(0.42, 0.46), k.u(0.3, 0.42)
    bar, seat, mesh = (
        k.paint("metal", "wood", "dark", "white"),
        k.paint("wood", "plastic", "metal", "fabric"),
        Mesh(),
    )
    x, r = w / 2, k.u(0.009, 0.016)
    for side in (-x, x):
        mesh.tube(
            [(side, -d / 2 - 0.02, 0), (side, d / 2 - 0.06, h), (side, d / 2 + 0.04, h + top)],
            r,
            bar,
        )
        mesh.tube([(side * 0.9, d / 2 + 0.06, 0), (side * 0.9, 0.06 - d / 2, h - 0.02)], r, bar)
    for y, z in ((-d / 2 + 0.03, 0.12), (d / 2, 0.14)):
        mesh.tube([(-x * 0.95, y, z), (x * 0.95, y, z)], r * 0.8, bar, 6)
    mesh.box(0.02 - x, x - 0.02, -d / 2, d / 2 - 0.08, h - 0.025, h, seat)
    low = top * k.u(0.4, 0.65)
    lean = 0.1 / top
    mesh.add(Mesh().box(-x, x, -0.012, 0.006, low, top, seat), 0, d / 2 - 0.06, h, pitch=-lean)
    return Thing(k.pick(["chair", "chair", "folded chair"]), mesh)


def round_stool(k: Kit) -> Thing:
    """A round seat on castors, or on four legs with a ring for the feet."""
    r, h, mesh = k.u(0.15, 0.2), k.u(0.42, 0.8), Mesh()
    steel, seat = k.paint("metal", "dark", "white"), k.paint("leather", "wood", "plastic", "fabric")
    mesh.turned(0, 0, [(r * 0.9, h - 0.07), (r, h - 0.05), (r, h - 0.01), (r * 0.85, h)], seat, 18)
    if k.chance(0.5):
        star(k, mesh, h - 0.07, k.u(0.2, 0.27), steel)
    else:
        for a in 0.4 + np.arange(4) * np.pi / 2:
            x, y = np.cos(a), np.sin(a)
            mesh.tube(
                [(1.15 * r * x, 1.15 * r * y, 0), (0.7 * r * x, 0.7 * r * y, h - 0.07)],
                0.012,
                steel,
            )
        ring = [(r * np.cos(a), r * np.sin(a), h * 0.35) for a in np.linspace(0, 2 * np.pi, 13)]
        mesh.tube(ring, 0.01, steel, 6)
    return Thing("stool", mesh)
