"""Doors, windows and what hangs before them."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .shapes import drape as curtain

__all__ = ["BEFORE_WINDOWS", "curtain", "door", "window"]

BEFORE_WINDOWS = ["none", "none", "curtains", "blinds"]


def door(k: Kit, w: float, h: float, ajar: float) -> Thing:
    """Frame around an opening and the leaf in it; `ajar` radians of swing into the room."""
    paint = k.paint("white", "white", "wood", "wood", "lacquer")
    frame, border, deep, x = k.pick([paint, k.paint("white")]), k.u(0.05, 0.09), 0.1, w / 2
    jamb = (
        Mesh()
        .pair(x - 0.03, x, 0, deep, 0, h, frame)
        .pair(x - 0.01, x + border, -0.015, 0, 0, h + border, frame)
    )
    jamb.box(0.03 - x, x - 0.03, 0, deep, h - 0.03, h, frame)
    jamb.box(0.01 - x, x - 0.01, -0.015, 0, h - 0.01, h + border, frame)
    wide, steel = w - 0.07, k.paint("metal")
    leaf = Mesh().box(0, wide, 0, 0.04, 0.008, h - 0.035, paint)
    if k.chance(0.5):
        for z0, z1 in ((0.15, 0.85), (1.0, h - 0.18)):
            leaf.box(0.12, wide - 0.12, -0.008, 0, z0, z1, paint)
    elif k.chance(0.3):
        leaf.box(0.2, wide - 0.2, -0.009, 0, 1.0, h - 0.25, k.paint("dark", "glass"))
    leaf.box(wide - 0.09, wide - 0.06, -0.06, 0, 0.98, 1.02, steel)
    leaf.box(wide - 0.18, wide - 0.09, -0.06, -0.045, 0.98, 1.02, steel)
    if ajar or k.chance(0.15):  # annotators outline the frame as an object of its own, or not
        leaf_at = (0.035 - x, -0.02 if ajar else 0.02, 0, -ajar)
        return Thing().carry(Thing("doorframe", jamb)).carry(Thing("door", leaf), *leaf_at)
    return Thing("door", jamb.add(leaf, 0.035 - x, 0.02))


def window(k: Kit, w: float, z0: float, z1: float) -> Thing:
    """Frame, panes (which a depth camera sees badly) and sill, set into the wall (+y)."""
    frame, glass = k.paint("white", "white", "wood", "metal"), k.paint("glass")
    b, deep = 0.05, k.u(0.06, 0.14)
    window = Thing("window", Mesh().box(-w / 2, w / 2, deep, deep + 0.01, z0, z1, glass))
    for x in np.linspace((b - w) / 2, (w - b) / 2, k.n(2, 4)):
        window.mesh.box(x - b / 2, x + b / 2, -0.01, deep, z0, z1, frame)
    for z in [z0 + b / 2, z1 - b / 2] + ([z0 + (z1 - z0) * k.u(0.5, 0.7)] if k.chance(0.4) else []):
        window.mesh.box(-w / 2, w / 2, -0.01, deep, z - b / 2, z + b / 2, frame)
    sill = Mesh().box(-w / 2 - 0.04, w / 2 + 0.04, -0.12, -0.011, -0.03, 0, frame)
    return window.carry(Thing("windowsill", sill), 0, 0, z0) if k.chance(0.5) else window
