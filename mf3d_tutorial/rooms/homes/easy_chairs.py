"""Chairs to rest in. Each public function is a family: of a `Kit` it makes a new `Thing`."""

from itertools import pairwise

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import star


def recliner(k: Kit) -> Thing:
    """A bulky armchair, upright or with its back down and the footrest out."""
    w, d, h, arm = k.u(0.5, 0.62), k.u(0.52, 0.62), k.u(0.42, 0.5), k.u(0.1, 0.2)
    cloth, mesh, lies = (
        k.paint("leather", "leather", "fabric", "cloth"),
        Mesh(),
        k.u(0, 1) if k.chance(0.6) else 0.0,
    )
    low, top, power = k.pick([0.0, 0.04, 0.12]), k.u(0.6, 0.8), k.u(0.2, 0.45)
    mesh.box(-w / 2, w / 2, 0.04 - d / 2, d / 2, low, h - 0.14, cloth)
    mesh.soft(-w / 2, w / 2, -d / 2, d / 2, h - 0.16, h, cloth, power)
    for side in (-1, 1):
        x0, x1 = sorted((side * w / 2, side * (w / 2 + arm)))
        mesh.soft(x0, x1, -d / 2, d / 2 + 0.05, low, h + k.u(0.12, 0.16), cloth, power)
    back, cuts = Mesh(), [0.0, *sorted([top * k.u(0.3, 0.45), top * k.u(0.6, 0.75)]), top]
    for z0, z1 in pairwise(cuts) if k.chance(0.6) else [(0.0, top)]:
        back.soft(-w / 2 - 0.02, w / 2 + 0.02, -0.1, 0.1, z0 - 0.02, z1, cloth, power)
    mesh.add(back, 0, d / 2 + 0.05, h - 0.05, pitch=-0.15 - 0.65 * lies)
    if lies:
        rest = Mesh().soft(-w / 2, w / 2, -k.u(0.35, 0.5), 0, -0.1, 0, cloth, power)
        mesh.add(rest, 0, -d / 2, h - 0.02, pitch=0.9 * (1 - lies))
        mesh.box(-w / 4, w / 4, -d / 2 - 0.14, -d / 2, h - 0.2, h - 0.12, k.paint("metal", "dark"))
    if low > 0.1:
        for x in (0.05 - w / 2, w / 2 - 0.05):
            for y in (0.07 - d / 2, d / 2 - 0.05):
                mesh.post(x, y, 0, low, 0.025, k.paint("dark", "wood"))
    return Thing(k.pick(["armchair", "armchair", "sofa chair"]), mesh)


def frame_chair(k: Kit) -> Thing:
    """An easy chair of bars or bent wood with two loose cushions: low, tall or on rockers."""
    w, d, h, top = k.u(0.5, 0.64), k.u(0.5, 0.66), k.u(0.34, 0.48), k.u(0.38, 0.75)
    wood, cloth, mesh = (
        k.paint("wood", "wood", "metal", "white", "dark"),
        k.paint("fabric", "cloth", "leather"),
        Mesh(),
    )
    x, y, r, rake = w / 2 + 0.02, d / 2, k.u(0.014, 0.026), k.u(0.15, 0.5)
    rocker, arm = k.chance(0.2), h + k.u(0.15, 0.24)
    sides, drop = k.pick([4, 8]), 0.05 if rocker else 0.0
    for side in (-x, x):
        mesh.tube([(side, -y, drop), (side, -y, arm), (side, y + 0.06, arm - 0.03)], r, wood, sides)
        mesh.tube(
            [
                (side, y * 0.9, drop),
                (side, y, h - 0.1),
                (side, y + top * np.sin(rake), h + top * 0.8),
            ],
            r,
            wood,
            sides,
        )
        mesh.tube([(side, -y, h - 0.09), (side, y, h - 0.13)], r, wood, sides)
        mesh.box(side - 0.03, side + 0.03, -y - 0.03, y * 0.7, arm, arm + 0.02, wood)
        if rocker:
            ends = np.linspace(-1, 1, 7)
            mesh.tube([(side, t * (y + 0.12), 0.015 + 0.09 * t**2) for t in ends], 0.018, wood, 6)
    for end, z in ((-y, h - 0.1), (y, h - 0.14)):
        mesh.tube([(-x, end, z), (x, end, z)], r, wood, sides)
    thick = k.u(0.07, 0.14)
    mesh.add(
        Mesh().soft(-w / 2, w / 2, -d, 0, 0, thick, cloth, 0.25), 0, y - 0.02, h - 0.11, pitch=-0.07
    )
    back = Mesh().soft(-w / 2, w / 2, -thick, 0, 0.02, top, cloth, 0.25)
    for t in np.linspace(-1, 1, k.n(3, 6)):
        back.box(t * w * 0.42 - 0.012, t * w * 0.42 + 0.012, 0, 0.015, 0, top, wood)
    mesh.add(back, 0, y - 0.01, h - 0.08, pitch=-rake)
    return Thing(k.pick(["armchair", "armchair", "chair"]), mesh)


def care_chair(k: Kit) -> Thing:
    """A high firm armchair of wards and care homes: a tall back, often with wings, arms of wood."""
    w, d, h, top = k.u(0.46, 0.56), k.u(0.46, 0.54), k.u(0.42, 0.54), k.u(0.55, 0.8)
    wood, cloth = k.paint("wood", "wood", "metal", "dark"), k.paint("leather", "fabric", "cloth")
    mesh, x, y, arm = Mesh(), w / 2 + 0.03, d / 2, h + k.u(0.18, 0.24)
    mesh.soft(-w / 2, w / 2, -y, y, h - 0.12, h, cloth, 0.2)
    mesh.box(-w / 2, w / 2, 0.03 - y, y, h - 0.16, h - 0.11, wood)
    back = Mesh().soft(-w / 2, w / 2, -0.05, 0.06, -0.05, top, cloth, 0.25)
    if k.chance(0.5):
        deep = k.u(0.12, 0.22)
        for side in (-1, 1):
            x0, x1 = sorted((side * (w / 2 - 0.02), side * (w / 2 + 0.05)))
            back.soft(x0, x1, -deep, 0.06, top * 0.45, top, cloth, 0.4)
    if k.chance(0.4):
        back.soft(-w * 0.35, w * 0.35, -0.1, -0.03, top - 0.25, top - 0.05, cloth, 0.4)
    mesh.add(back, 0, y - 0.02, h, pitch=-k.u(0.08, 0.25))
    closed = k.chance(0.3)
    for side in (-x, x):
        mesh.box(side - 0.02, side + 0.02, -y, 0.04 - y, 0, arm, wood)
        mesh.box(side - 0.02, side + 0.02, y - 0.02, y + 0.02, 0, arm, wood)
        mesh.box(side - 0.02, side + 0.02, -y, y, h - 0.14, h - 0.1, wood)
        mesh.box(side - 0.03, side + 0.03, -y - 0.02, y + 0.02, arm, arm + 0.03, wood)
        if closed:
            mesh.box(side - 0.015, side + 0.015, 0.04 - y, y - 0.02, h - 0.1, arm, cloth)
    return Thing(k.pick(["armchair", "armchair", "chair"]), mesh)


def treatment_chair(k: Kit) -> Thing:
    """A chair to be treated in: padded boards that recline, on a column, a box or castors."""
    w, h, t = k.u(0.5, 0.62), k.u(0.48, 0.65), k.u(0.07, 0.12)
    cloth, frame, mesh = k.paint("leather", "plastic", "fabric"), k.paint("white", "metal"), Mesh()
    lies, seat, base = k.u(0.1, 1.1), k.u(0.45, 0.55), h - t
    back = Mesh().soft(-w / 2, w / 2, -t, 0, 0, k.u(0.7, 0.85), cloth, 0.25)
    back.soft(-0.15, 0.15, -t - 0.04, -t + 0.03, 0.55, 0.75, cloth, 0.5)
    mesh.soft(-w / 2, w / 2, -seat / 2, seat / 2, base, h, cloth, 0.25)
    mesh.add(back, 0, seat / 2, base + 0.03, pitch=-lies)
    rest = Mesh().soft(-w * 0.45, w * 0.45, -k.u(0.35, 0.5), 0, -t, 0, cloth, 0.25)
    mesh.add(rest, 0, 0.02 - seat / 2, h - 0.01, pitch=1.3 * (1.1 - lies) / 1.1)
    mesh.block(w * 0.7, seat, base - 0.05, base, frame)
    if k.chance(0.4):
        mesh.block(w * 0.6, seat * 0.8, 0, base - 0.04, frame)
    elif k.chance(0.5):
        star(k, mesh, base - 0.04, k.u(0.26, 0.34), frame)
    else:
        mesh.block(w * 0.9, seat * 1.2, 0, 0.06, frame).block(0.16, 0.2, 0.05, base - 0.04, frame)
    for side in (-1, 1):
        x0, x1 = sorted((side * (w / 2 + 0.01), side * (w / 2 + 0.1)))
        mesh.box(x0, x1, -seat / 2, seat / 2, h + 0.16, h + 0.21, cloth)
        mesh.box(x0, x1, seat / 2 - 0.06, seat / 2, base - 0.03, h + 0.17, frame)
    mesh.box(
        -w / 2 - 0.06, w / 2 + 0.06, seat / 2 - 0.05, seat / 2 - 0.01, base - 0.04, base, frame
    )
    return Thing("chair", mesh)
