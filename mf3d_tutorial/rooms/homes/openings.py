"""Doors and windows of homes, and the curtains beside them."""

from itertools import pairwise

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from ..simple import openings as simple
from .cloth import folds

BEFORE_WINDOWS = ["none", "curtains", "curtains", "curtains", "blinds"]


def _leaf(k: Kit, w: float, h: float) -> Mesh:
    """A leaf from x = 0 to w: flat, with panels, with a grid of panes, of boards, or slatted."""
    paint = k.paint("white", "white", "wood", "wood", "lacquer", "boards")
    inner = k.paint("glass", "glass", "white")
    kind = k.pick(["flat", "panels", "panels", "panes", "boards", "slats"])
    steel = k.paint("metal", "dark")
    mesh = Mesh().box(0, w, 0, 0.04, 0.008, h, k.paint("boards") if kind == "boards" else paint)
    rim = k.u(0.08, 0.14)
    if kind in ("panels", "panes"):
        rows, columns = (k.n(2, 4), k.n(1, 2)) if kind == "panels" else (k.n(3, 6), k.n(2, 3))
        xs = np.linspace(rim, w - rim, columns + 1)
        zs = np.linspace(k.u(0.1, 0.9), h - rim, rows + 1)
        for x0, x1 in pairwise(xs):
            for z0, z1 in pairwise(zs):
                mesh.box(
                    x0 + 0.02,
                    x1 - 0.02,
                    -0.006,
                    0,
                    z0 + 0.02,
                    z1 - 0.02,
                    paint if kind == "panels" else inner,
                )
    elif kind == "slats":
        for z in np.arange(0.15, h - 0.15, 0.07):
            mesh.box(rim, w - rim, -0.012, 0, z, z + 0.04, paint)
    z = k.u(0.92, 1.1)
    mesh.box(w - 0.09, w - 0.06, -0.06, 0, z, z + 0.03, steel)
    return (
        mesh.box(w - 0.18, w - 0.09, -0.06, -0.045, z, z + 0.03, steel) if k.chance(0.7) else mesh
    )


def door(k: Kit, w: float, h: float, ajar: float) -> Thing:
    """Frame around an opening and the leaf, or two, in it; `ajar` radians of swing into the
    room."""
    frame, border, deep, x = k.paint("white", "white", "wood", "dark"), k.u(0.03, 0.14), 0.1, w / 2
    jamb = (
        Mesh()
        .pair(x - 0.03, x, 0, deep, 0, h, frame)
        .pair(x - 0.01, x + border, -0.018, 0, 0, h + border, frame)
    )
    jamb.box(0.03 - x, x - 0.03, 0, deep, h - 0.03, h, frame).box(
        0.01 - x, x - 0.01, -0.018, 0, h - 0.01, h + border, frame
    )
    wide = w - 0.07
    if ajar:
        return (
            Thing()
            .carry(Thing("doorframe", jamb))
            .carry(Thing("door", _leaf(k, wide, h - 0.035)), 0.035 - x, -0.02, 0, -ajar)
        )
    at = k.u(0.0, 0.06)
    if w > 1.1:
        half = _leaf(k, wide / 2 - 0.002, h - 0.035)
        jamb.add(half, 0.035 - x, at).add(half.scaled(-1), x - 0.035, at)
        return Thing("door", jamb)
    leaf = _leaf(k, wide, h - 0.035)
    return _hung(k, jamb, leaf, x, at)


def _hung(k: Kit, jamb: Mesh, leaf: Mesh, x: float, at: float) -> Thing:
    """A closed leaf with its hinges on either side, in one instance with its frame or beside it."""
    hung = (
        Mesh().add(leaf, 0.035 - x, at)
        if k.chance(0.5)
        else Mesh().add(leaf.scaled(-1), x - 0.035, at)
    )
    if k.chance(0.15):
        return Thing().carry(Thing("doorframe", jamb)).carry(Thing("door", hung), 0, 0.021)
    return Thing("door", jamb.add(hung))


def window(k: Kit, w: float, z0: float, z1: float) -> Thing:
    """A window as in `simple`, or one with small panes and a deep frame."""
    if k.chance(0.5):
        return simple.window(k, w, z0, z1)
    frame, glass, b, deep = (
        k.paint("white", "white", "wood", "dark", "lacquer"),
        k.paint("glass", "sky"),
        k.u(0.03, 0.09),
        k.u(0.02, 0.16),
    )
    mesh = Mesh().box(-w / 2, w / 2, deep, deep + 0.01, z0, z1, glass)
    for x in np.linspace((b - w) / 2, (w - b) / 2, k.n(2, 5)):
        mesh.box(x - b / 2, x + b / 2, -0.012, deep, z0, z1, frame)
    for z in np.linspace(z0 + b / 2, z1 - b / 2, k.n(2, 4)):
        mesh.box(-w / 2, w / 2, -0.012, deep, z - b / 2, z + b / 2, frame)
    return Thing("window", mesh)


def curtain(k: Kit, width: float, top: float, bottom: float) -> Thing:
    """A curtain in uneven folds."""
    return Thing("curtain", folds(k, width, top, bottom, k.paint("curtain")))
