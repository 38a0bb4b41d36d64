"""The simple things of `other`: few shapes, with sizes, paints and labels read from its
things.csv."""

from itertools import pairwise

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import ngon, plate


def _tapered(k: Kit, label, w, d, h, paints, lean) -> Thing:
    """A block whose sides lean in or out: bags, boxes, devices."""
    t = float(lean or 0) * w
    mesh = Mesh().prism(
        [(-w / 2 + t, 0), (w / 2 - t, 0), (w / 2, h), (-w / 2, h)], -d / 2, d / 2, k.paint(*paints)
    )
    if k.chance(0.4):
        mesh.box(
            -w * 0.3, w * 0.3, -d / 2 - 0.004, -d / 2, h * 0.3, h * 0.7, k.paint("poster", "rubber")
        )
    return Thing(
        label, mesh, [(-w * 0.35, w * 0.35, -d * 0.35, d * 0.35, h, 0.3)] if w > 0.5 else []
    )


def _drum(k: Kit, label, w, d, h, paints, sides) -> Thing:
    """A body of many sides with a waist: cans, jugs, pots."""
    waist = k.u(0.7, 1.25)
    profile = [(w * 0.4, 0), (w * 0.5, h * 0.15), (w * 0.5 * waist, h * 0.6), (w * 0.42, h)]
    return Thing(label, Mesh().turned(0, 0, profile, k.paint(*paints), int(sides or 10)))


def _pile(k: Kit, label, w, d, h, paints, count) -> Thing:
    """Flat things on each other, askew: papers, trays, folded linen."""
    n, mesh = k.n(2, int(count or 4)), Mesh()
    for i in range(n):
        layer = Mesh().box(-w / 2, w / 2, -d / 2, d / 2, 0, 0.9 * h / n, k.paint(*paints))
        mesh.add(layer, k.u(-0.02, 0.02), k.u(-0.02, 0.02), i * h / n, k.u(-0.15, 0.15))
    return Thing(label, mesh)


def _flat(k: Kit, label, w, d, h, paints, rim) -> Thing:
    """A board on a wall with a rail of its own."""
    mesh = Mesh().box(-w / 2, w / 2, -d, 0, 0, h, k.paint(*paints))
    if rim:
        for z in (0, h):
            mesh.tube([(-w / 2, -d - 0.01, z), (w / 2, -d - 0.01, z)], 0.015, k.paint(rim), 6)
    return Thing(label, mesh)


def _mat(k: Kit, label, w, d, h, paints, sides) -> Thing:
    """What lies on the floor: a rectangle or a polygon."""
    if sides:
        return Thing(
            label, Mesh().add(plate(ngon(int(sides), w, d, k.u(0, 1)), 0, h, k.paint(*paints)))
        )
    return Thing(
        label,
        Mesh().prism(
            [(-w / 2, 0), (w / 2, 0), (w / 2, h), (-w / 2, h)], -d / 2, d / 2, k.paint(*paints)
        ),
    )


def _sack(k: Kit, label, w, d, h, paints, knots) -> Thing:
    """A slack bag: a lump with smaller ones on it."""
    paint, mesh = k.paint(*paints), Mesh()
    mesh.soft(-w / 2, w / 2, -d / 2, d / 2, 0, h * 0.8, paint, 0.75, 10)
    for _ in range(k.n(1, 3)):
        x, y, s = k.u(-0.25, 0.25) * w, k.u(-0.25, 0.25) * d, k.u(0.15, 0.3) * w
        mesh.soft(x - s, x + s, y - s, y + s, h * 0.5, h, paint, 1.0, 8)
    return Thing(label, mesh)


def _steps(k: Kit, label, w, d, h, paints, count) -> Thing:
    """A stepladder or a tiered stand."""
    n, paint, mesh = int(count or 3), k.paint(*paints), Mesh()
    for i in range(n):
        y = -d / 2 + d * i / n
        mesh.box(-w / 2, w / 2, y, y + d / n, h * (i + 1) / n - 0.04, h * (i + 1) / n, paint)
    for x in (-w / 2, w / 2):
        mesh.tube([(x, -d / 2, 0), (x, d / 2, h)], 0.018, paint, 6).tube(
            [(x, d / 2, 0), (x, d / 2, h + 0.1)], 0.018, paint, 6
        )
    return Thing(label, mesh)


def _garment(k: Kit, label, w, d, h, paints, detail) -> Thing:
    """Something on a hanger: two slopes and a body that widens downwards."""
    flare = k.u(0.0, 0.08)
    outline = [
        (-w / 2 - flare, 0),
        (w / 2 + flare, 0),
        (w / 2, h * 0.85),
        (0.03, h),
        (-0.03, h),
        (-w / 2, h * 0.85),
    ]
    return Thing(label, Mesh().prism(outline, -d, -0.01, k.paint(*paints)))


def _arch(k: Kit, label, w, d, h, paints, detail) -> Thing:
    """A seat or a stand that is one bent board."""
    arc = [(w / 2 * np.cos(a), 0, h * np.sin(a) ** 0.5) for a in np.linspace(0, np.pi, 9)]
    mesh, paint = Mesh(), k.paint(*paints)
    for (x0, _, z0), (x1, _, z1) in pairwise(arc):
        mesh.prism(
            [(x1, z1 - 0.03), (x0, z0 - 0.03 if z0 > 0.03 else z0), (x0, z0 + 0.001), (x1, z1)],
            -d / 2,
            d / 2,
            paint,
        )
    return Thing(label, mesh, [(-w * 0.2, w * 0.2, -d * 0.4, d * 0.4, h, 0.4)])


SHAPES = {"tapered": _tapered, "drum": _drum, "pile": _pile, "flat": _flat, "mat": _mat,
          "sack": _sack, "steps": _steps, "garment": _garment, "arch": _arch}  # fmt: skip
