"""Desks and tables of public buildings. Each public function is a family: a `Kit` in, a new `Thing`
out."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import casters, ngon, plate


def cubicle_desk(k: Kit) -> Thing:
    """A corner worktop between two screens of cloth; a pedestal on wheels under it."""
    w, d, h, cloth, top, mesh, high = (
        k.u(1.3, 1.7),
        k.u(0.65, 0.75),
        k.u(0.71, 0.75),
        k.paint("canvas"),
        k.paint("moulded", "ash"),
        Mesh(),
        k.u(1.05, 1.4),
    )
    mesh.box(-w / 2, w / 2, d / 2 - 0.05, d / 2, 0.08, high, cloth)
    x = k.pick([-w / 2, w / 2 - 0.05])
    mesh.box(x, x + 0.05, -d / 2, d / 2 - 0.05, 0.08, high, cloth)
    mesh.add(
        plate(
            [
                (-w / 2 + 0.06, -d / 2),
                (w / 2 - 0.06, -d / 2),
                (w / 2 - 0.06, d / 2 - 0.06),
                (-w / 2 + 0.06, d / 2 - 0.06),
            ],
            h - 0.025,
            h,
            top,
        )
    )
    post = -x / abs(x) * (w / 2 - 0.12)
    mesh.box(post - 0.04, post + 0.04, -d * 0.3, d * 0.3, 0, 0.05, k.paint("steel")).post(
        post, 0, 0.05, h - 0.03, 0.035, k.paint("steel")
    )
    mesh.block(0.38, 0.5, 0.06, 0.55, k.paint("painted"), x * 0.55, 0.05)
    return Thing("desk", mesh, [(-w / 2 + 0.1, w / 2 - 0.1, -d / 2, d / 2 - 0.1, h, 0.5)])


def lift_desk(k: Kit) -> Thing:
    """A desk that stands on two telescopic columns with long feet, at the height of a seat or of
    someone standing."""
    w, d, h, steel, mesh = (
        k.u(1.2, 1.9),
        k.u(0.7, 0.85),
        k.pick([k.u(0.66, 0.78), k.u(0.95, 1.15)]),
        k.paint("steel", "painted"),
        Mesh(),
    )
    corner = 0.06
    outline = [
        (-w / 2 + corner, -d / 2),
        (w / 2 - corner, -d / 2),
        (w / 2, -d / 2 + corner),
        (w / 2, d / 2),
        (-w / 2, d / 2),
        (-w / 2, -d / 2 + corner),
    ]
    mesh.add(plate(outline, h - 0.025, h, k.paint("ash", "moulded", "rubber")))
    for x in (-w * 0.33, w * 0.33):
        mesh.box(x - 0.035, x + 0.035, -d * 0.45, d * 0.45, 0, 0.04, steel).box(
            x - 0.045, x + 0.045, -0.04, 0.04, 0.04, h * 0.6, steel
        ).box(x - 0.03, x + 0.03, -0.025, 0.025, h * 0.6, h - 0.025, steel)
    mesh.box(-w * 0.33, w * 0.33, -0.02, 0.02, h - 0.08, h - 0.03, steel)
    return Thing("desk", mesh, [(-w / 2 + 0.05, w / 2 - 0.05, -d / 2 + 0.05, d / 2, h, 0.8)])


def pupil_desk(k: Kit) -> Thing:
    """A sloped lid over a box, on skids, with a bar that a seat might hang on."""
    w, d, h, paint, mesh = k.u(0.6, 1.15), k.u(0.48, 0.58), k.u(0.66, 0.74), k.paint("ash"), Mesh()
    mesh.box(-w / 2, w / 2, -d / 2, d / 2, h - 0.16, h - 0.06, paint)
    mesh.add(
        Mesh().box(-w / 2 - 0.01, w / 2 + 0.01, -d / 2, d / 2, 0, 0.018, paint),
        0,
        0,
        h - 0.03,
        pitch=0.1,
    )
    for x in (-w / 2 + 0.06, w / 2 - 0.06):
        mesh.tube(
            [(x, -d / 2, 0.02), (x, d / 2, 0.02), (x, d / 4, h - 0.16)],
            0.016,
            k.paint("painted", "steel"),
            6,
        ).tube([(x, -d / 3, 0.02), (x, 0, h - 0.16)], 0.016, k.paint("steel"), 6)
    return Thing("desk", mesh)


def boat_table(k: Kit) -> Thing:
    """A conference table, wide in the middle, on two drums."""
    w = k.u(1.8, 3.2)
    d = k.u(0.95, 1.3)
    h = k.u(0.71, 0.76)
    top = k.paint("ash", "moulded")
    mesh = Mesh()
    mesh.add(
        plate(
            [
                (-w / 2, -d * 0.33),
                (0, -d / 2),
                (w / 2, -d * 0.33),
                (w / 2, d * 0.33),
                (0, d / 2),
                (-w / 2, d * 0.33),
            ],
            h - 0.04,
            h,
            top,
        )
    )
    for x in (-w * 0.27, w * 0.27):
        mesh.turned(
            x,
            0,
            [(0.26, 0), (0.26, 0.04), (0.14, 0.1), (0.14, h - 0.04)],
            k.paint("steel", "rubber"),
            12,
        )
    return Thing("table", mesh, [(-w * 0.45, w * 0.45, -d * 0.3, d * 0.3, h, 0.8)])


def sided_table(k: Kit) -> Thing:
    """A plate of three, six or eight sides on three legs that cross, or a solid drum of staves."""
    n, s, h, paint, mesh = (
        k.pick([3, 6, 8]),
        k.u(0.6, 1.25),
        k.pick([k.u(0.38, 0.48), k.u(0.7, 0.76), k.u(1.0, 1.1)]),
        k.paint("moulded", "ash", "terrazzo"),
        Mesh(),
    )
    mesh.add(plate(ngon(n, s, s), h - 0.035, h, paint))
    if k.chance(0.25):
        mesh.post(0, 0, 0, h - 0.035, s * 0.22, k.paint("ash", "painted"), n)
    else:
        for a in np.arange(3) * 2.0944 + 0.3:
            c, t = np.cos(a), np.sin(a)
            mesh.tube(
                [(0.36 * s * c, 0.36 * s * t, 0), (-0.22 * s * c, -0.22 * s * t, h - 0.03)],
                0.018,
                k.paint("steel", "painted"),
                6,
            )
    label = k.pick(["table", "coffee table"]) if h < 0.5 else "table"
    return Thing(label, mesh, [(-s * 0.3, s * 0.3, -s * 0.3, s * 0.3, h, 0.8)] if n > 3 else [])


def overbed_table(k: Kit) -> Thing:
    """A plate that reaches over a bed from one column, on an H of wheels."""
    w, d, h, mesh, steel = k.u(0.7, 0.9), k.u(0.38, 0.45), k.u(0.78, 1.0), Mesh(), k.paint("steel")
    mesh.block(w, d, h - 0.025, h, k.paint("moulded", "ash")).box(
        w / 2 - 0.12, w / 2 - 0.06, -0.03, 0.03, 0.12, h - 0.025, steel
    )
    mesh.box(-w * 0.3, w / 2 - 0.06, -d / 2, 0.04 - d / 2, 0.08, 0.12, steel).box(
        -w * 0.3, w / 2 - 0.06, d / 2 - 0.04, d / 2, 0.08, 0.12, steel
    ).box(w / 2 - 0.12, w / 2 - 0.06, -d / 2, d / 2, 0.08, 0.12, steel)
    casters(mesh, w * 0.8, d, k.paint("rubber"), 0.08)
    return Thing("table", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.4)])


def picnic_table(k: Kit) -> Thing:
    """Boards and benches in one piece, as in a canteen."""
    w, h, paint, mesh = k.u(1.4, 1.9), k.u(0.72, 0.76), k.paint("ash", "painted", "moulded"), Mesh()
    for y in np.arange(-0.36, 0.37, 0.15):
        mesh.box(-w / 2, w / 2, y - 0.065, y + 0.065, h - 0.03, h, paint)
    for side in (-1, 1):
        mesh.box(-w / 2, w / 2, side * 0.68 - 0.13, side * 0.68 + 0.13, 0.42, 0.45, paint)
    for x in (-w * 0.35, w * 0.35):
        mesh.tube([(x, -0.7, 0), (x, -0.25, h - 0.03)], 0.03, paint, 4).tube(
            [(x, 0.7, 0), (x, 0.25, h - 0.03)], 0.03, paint, 4
        ).box(x - 0.03, x + 0.03, -0.75, 0.75, 0.36, 0.42, paint)
    return Thing("table", mesh, [(-w / 2, w / 2, -0.4, 0.4, h, 0.8)])
