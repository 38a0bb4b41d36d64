"""Bathtubs and showers. Each public function is a family: of a `Kit` it makes a new `Thing`, often
a group."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .cloth import folds
from .vessels import loft, ring, tap


def _tub(
    k: Kit, w: float, d: float, h: float, rim: float, power: float, white: int, base: float = 0.0
) -> Mesh:
    """A hollow tub in one piece from `base` to h: straight or tapering sides, one sloping end."""
    inner, taper, slope = k.u(0.25, 0.7), k.u(0.0, 0.12) * (power > 0.1), k.u(0.05, 0.3)
    bottom = base + (h - base) * k.u(0.15, 0.3)
    return loft(
        Mesh(),
        [
            ring(
                taper * w - w / 2,
                w / 2 - taper * w,
                (taper - 0.5) * d,
                (0.5 - taper) * d,
                base,
                power,
            ),
            ring(-w / 2, w / 2, -d / 2, d / 2, h - 0.03, power),
            ring(-w / 2, w / 2, -d / 2, d / 2, h, power),
            ring(rim - w / 2, w / 2 - rim, rim - d / 2, d / 2 - rim, h, max(power, inner)),
            ring(
                (slope - 0.5) * w + rim, w / 2 - 2 * rim, d * 0.28 - d / 2, d * 0.22, bottom, inner
            ),
        ],
        white,
    )


def free_tub(k: Kit) -> Thing:
    """A tub that stands free: oval or angular, on the floor, on feet or on a plinth, with a tap on
    its rim or beside it."""
    w, d, h = k.u(1.35, 1.85), k.u(0.62, 0.88), k.u(0.45, 0.66)
    foot, white = k.pick([0.0, 0.0, k.u(0.08, 0.16)]), k.paint("white", "white", "lacquer", "stone")
    mesh = _tub(k, w, d, h, k.u(0.02, 0.08), k.pick([1.0, 0.7, 0.4, 0.1]), white, foot)
    if foot and k.chance(0.7):
        claw = k.paint("metal", "white", "dark")
        for x in (-w * 0.3, w * 0.3):
            for y in (-d * 0.3, d * 0.3):
                mesh.turned(x, y, [(0.03, 0), (0.045, foot * 0.5), (0.03, foot + 0.06)], claw, 8)
    elif foot:
        mesh.block(w * 0.8, d * 0.6, 0, foot + 0.02, k.paint("wood", "metal", "dark"))
    if k.chance(0.5):
        steel, x = k.paint("metal", "dark"), k.pick([0.0, -w * 0.3])
        line = [(x, d / 2 - 0.02, 0), (x, d / 2 - 0.02, h + 0.3), (x, d / 2 - 0.2, h + 0.3)]
        mesh.tube(line, 0.018, steel)
    return Thing("bathtub", mesh)


def _before(k: Kit, group: Thing, w: float, d: float, h: float) -> None:
    """What keeps the water in a tub at a wall: a curtain on a rod, a leaf of glass, or nothing."""
    front = k.pick(["curtain", "curtain", "curtain", "curtain", "glass", "none"])
    if front == "curtain":
        wide, top = w * k.u(0.2, 1.0), k.u(1.85, 2.1)
        cloth = folds(k, wide, top, k.u(0.1, h), k.paint("shower cloth"))
        side = k.pick([-1, 1]) * (w - wide) / 2
        group.carry(Thing("shower curtain", cloth), side, -d / 2 - 0.012)
        rod = [(-w / 2, 0, top + 0.02), (w / 2, 0, top + 0.02)]
        rod = Mesh().tube(rod, 0.012, k.paint("metal"))
        group.carry(Thing("shower curtain rod", rod), 0, -d / 2 - 0.06)
    elif front == "glass":
        x0, x1 = sorted((-w / 2, k.u(-0.1, 0.2) * w))
        leaf, top, side = Mesh(), h + k.u(1.1, 1.5), k.pick([-1, 1])
        leaf.box(x0, x1, 0.01 - d / 2, 0.02 - d / 2, h + 0.005, top, k.paint("glass"))
        for a, b in ((x0, x0 + 0.025), (x1 - 0.025, x1)) if k.chance(0.5) else ():
            leaf.box(a, b, 0.005 - d / 2, 0.025 - d / 2, h + 0.005, top, k.paint("metal", "white"))
        group.carry(Thing("shower door", leaf.scaled(side)))


def walled_tub(k: Kit) -> Thing:
    """A tub behind a tiled or panelled apron, long or short, wide or narrow, mostly with a curtain
    or a glass leaf before it: a group."""
    w, d, h, rim = k.u(1.2, 1.9), k.u(0.6, 0.95), k.u(0.4, 0.65), k.u(0.04, 0.12)
    white, mesh = k.paint("white", "white", "white", "lacquer"), Mesh()
    apron = k.pick([white, white, k.paint("wall tiles", "wood", "stone", "panels")])
    ledge = k.pick([0.0, 0.0, k.u(0.05, 0.25)])  # tiled, between the tub and the wall's end
    mesh.add(_tub(k, w - ledge, d - 0.02, h, rim, 0.04, white), -ledge / 2, 0.01)
    mesh.box(-w / 2, w / 2, -d / 2, 0.018 - d / 2, k.pick([0.0, 0.08]), h - k.u(0.02, 0.05), apron)
    if ledge:
        mesh.box(w / 2 - ledge, w / 2, 0.018 - d / 2, d / 2, 0, h, apron)
    if k.chance(0.5):
        tap(k, mesh, k.u(-0.3, 0.3) * w, d / 2 - rim / 2, h, 0.15, 0.12)
    else:
        x = w / 2 - ledge - rim / 2
        mesh.tube([(x, 0, h), (x, 0, h + 0.12), (x - 0.16, 0, h + 0.1)], 0.015, k.paint("metal"), 6)
    group = Thing().carry(Thing("bathtub", mesh))
    _before(k, group, w, d, h)
    return group


def hip_tub(k: Kit) -> Thing:
    """A short tub to sit in: with a step for a seat, with a door in its side, or a deep one; alone
    or with a curtain: a group."""
    w, d, white = k.u(0.95, 1.25), k.u(0.62, 0.8), k.paint("white", "white", "lacquer")
    kind, mesh = k.pick(["step", "door", "deep"]), Mesh()
    h, rim, power = (
        k.u(0.5, 0.7) if kind == "step" else k.u(0.75, 1.0),
        k.u(0.04, 0.08),
        k.pick([0.05, 0.3]),
    )
    mesh.add(_tub(k, w, d, h, rim, power, white))
    if kind != "deep":
        seat = (rim, w * 0.45 - rim, rim + 0.03 - d / 2, d / 2 - rim - 0.03)
        mesh.soft(seat[0] - w / 2, seat[1] - w / 2, *seat[2:], 0.1, h * 0.6, white, 0.2)
    if kind == "door":
        x, line = k.u(0.0, 0.15) * w, k.paint("metal", "grey", "dark")
        for a, b, z0, z1 in (
            (x, x + 0.015, 0.12, h),
            (x + w * 0.3, x + w * 0.3 + 0.015, 0.12, h),
            (x, x + w * 0.3, 0.1, 0.12),
        ):
            mesh.box(a, b, -d / 2 - 0.006, 0.01 - d / 2, z0, z1, line)
        mesh.box(x + 0.04, x + 0.07, -d / 2 - 0.04, -d / 2, h * 0.5, h * 0.8, line)
    tap(k, mesh, w * 0.3, d / 2 - rim / 2, h, 0.15, 0.12)
    group = Thing().carry(Thing("bathtub", mesh))
    if kind == "step" and power < 0.1:
        _before(k, group, w, d, h)
    return group


def corner_tub(k: Kit) -> Thing:
    """A tub that fills a corner: its front bent, straight across, or with a kink."""
    s, h, rim, white = (
        k.u(1.15, 1.5),
        k.u(0.45, 0.62),
        k.u(0.05, 0.14),
        k.paint("white", "white", "lacquer"),
    )
    side, long = k.pick([-1, 1]), k.u(1.0, 1.25)
    kind, stub = k.pick(["bent", "across", "kink"]), k.u(0.3, 0.5) * s
    if kind == "bent":
        angle = np.linspace(np.pi / 2, 0, 9)[1:-1]
        front = s * np.stack([np.cos(angle), -np.sin(angle)], 1)
    elif kind == "across":
        front = np.array([[stub, -s], [s, -stub]])
    else:
        front = np.array([[stub, -s], [s * 0.7, -s * 0.8], [s, -stub]])
    corners = np.concatenate([[[0, 0]], [[0, -s]], front, [[s, 0]]]) * [long, 1]
    # points at equal steps around it, so that all levels have the same number
    closed = np.concatenate([corners, corners[:1]])
    steps = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = np.union1d(steps[:-1], np.linspace(0, steps[-1], 24, endpoint=False))
    plan = np.stack([np.interp(at, steps, closed[:, i]) for i in (0, 1)], 1)
    middle = (plan.min(0) + plan.max(0)) / 2 * 0.9
    scale = 1 - 2 * rim / s
    round_ = middle + (plan - middle) * (scale * 0.8)
    radius = np.linalg.norm(round_ - middle, axis=1, keepdims=True)
    hollow = middle + (round_ - middle) / radius * np.minimum(radius, s * 0.42)
    levels = [(plan, 0.0), (plan, h), (middle + (plan - middle) * scale, h), (hollow, h * 0.3)]
    shell = loft(Mesh(), [np.insert(p - plan.mean(0), 2, z, axis=1) for p, z in levels], white)
    for _ in range(k.n(0, 2)):
        x, y = k.u(-0.05, 0.0) * s, k.u(0.3, 0.4) * s
        tap(k, shell, x, y, h, 0.12, 0.12)
    mesh = shell.scaled(side)
    low, high = Thing("", mesh).bounds()
    return Thing("bathtub", Mesh().add(mesh, *(-(low + high)[:2] / 2)))


def ward_tub(k: Kit) -> Thing:
    """A tub of a ward: high, on a pedestal or a lifting column, open all round."""
    w, d, h, base = k.u(1.6, 2.1), k.u(0.7, 0.85), k.u(0.7, 1.0), k.u(0.25, 0.45)
    white, mesh = k.paint("white", "white", "lacquer"), Mesh()
    mesh.add(_tub(k, w, d, h, k.u(0.03, 0.07), k.pick([0.5, 0.25]), white, base))
    frame = k.paint("white", "metal", "grey")
    if k.chance(0.5):
        mesh.block(w * k.u(0.3, 0.6), d * 0.6, 0, base + 0.05, frame)
    else:
        for x in (-w * 0.3, w * 0.3):
            mesh.box(x - 0.05, x + 0.05, -d * 0.4, d * 0.4, 0, 0.06, frame)
            mesh.block(0.1, 0.12, 0.06, base + 0.05, frame, x)
    x = k.pick([-1, 1]) * (w / 2 - 0.04)
    mesh.box(
        x - 0.04,
        x + 0.04,
        -d * 0.2,
        d * 0.2,
        h,
        h + k.u(0.05, 0.25),
        k.paint("dark", "white", "metal"),
    )
    return Thing("bathtub", mesh)


def shower_stall(k: Kit) -> Thing:
    """A tray in a corner, a shower head, and before it a curtain on one or two sides, or glass: a
    group."""
    w, d, top, steel = k.u(0.8, 1.3), k.u(0.75, 1.0), k.u(1.9, 2.1), k.paint("metal", "dark")
    tray = Mesh().block(w, d, 0, k.u(0.02, 0.16), k.paint("white", "wall tiles", "stone"))
    y, z = d / 2 - 0.03, top - 0.05
    head = Mesh().tube([(0, y, 0.9), (0, y, z), (0, d / 2 - 0.3, z)], 0.012, steel)
    head.post(0, d / 2 - 0.3, top - 0.09, top - 0.06, k.u(0.06, 0.13), steel)
    group = Thing().carry(Thing("shower floor", tray)).carry(Thing("shower", head))
    if k.chance(0.7):
        wide = w * k.u(0.35, 1.0)
        cloth = folds(k, wide, top, k.u(0.17, 0.4), k.paint("shower cloth"))
        side = k.pick([-1, 1]) * (w - wide) / 2
        return group.carry(Thing("shower curtain", cloth), side, 0.11 - d / 2)
    wall = Mesh().box(-w / 2, w / 2, -d / 2, 0.012 - d / 2, 0.17, top, k.paint("glass"))
    wall.box(0.1, 0.13, -d / 2 - 0.05, -d / 2, 0.9, 1.2, steel)
    return group.carry(Thing("shower door", wall))


def curtain_shower(k: Kit) -> Thing:
    """A shower without walls of its own: a rail in an arc of two sides, a curtain drawn along one
    or both, a tray or a drain, and a seat or a rail to hold: a group."""
    w, d, top, low = k.u(0.8, 1.4), k.u(0.8, 1.3), k.u(1.85, 2.1), k.u(0.05, 0.35)
    steel, paint, side = k.paint("metal", "white", "dark"), k.paint("shower cloth"), k.pick([-1, 1])
    tray, deep = k.paint("white", "wall tiles", "stone"), k.pick([0.006, k.u(0.02, 0.1)])
    group = Thing().carry(Thing("shower floor", Mesh().block(w - 0.04, d - 0.04, 0, deep, tray)))
    x, y = k.u(-0.2, 0.2) * w, d / 2 - 0.03
    head = Mesh().tube([(x, y, 0.9), (x, y, top - 0.1), (x, y - 0.15, top - 0.15)], 0.014, steel, 6)
    head.box(x - 0.07, x + 0.07, y - 0.04, y + 0.02, 0.95, 1.03, steel)
    group.carry(Thing("shower", head.post(x, y - 0.16, top - 0.2, top - 0.17, 0.05, steel)))
    low = max(low, deep + 0.01)
    front = w * k.u(0.3, 0.95)
    cloth = folds(k, front, top, low, paint)
    hung = Mesh().add(cloth, k.pick([-1, 1]) * (w - front) / 2, 0.06 - d / 2)
    if k.chance(0.5):
        wide = d * k.u(0.4, 0.9)
        flank = folds(k, wide, top, low, paint)
        hung.add(flank, side * (w / 2 - 0.06) + 0.06, d / 2 - wide / 2 - 0.12, yaw=np.pi / 2)
    group.carry(Thing("shower curtain", hung))
    line = [(side * w / 2, d / 2, top + 0.03), (side * w / 2, -d / 2, top + 0.03)]
    line.append((-side * w / 2, -d / 2, top + 0.03))
    return group.carry(Thing("shower curtain rod", Mesh().tube(line, 0.012, steel, 6)))
