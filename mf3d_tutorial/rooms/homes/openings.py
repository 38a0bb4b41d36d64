"""Doors and windows of homes, and the curtains beside them."""

from itertools import pairwise

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from ..simple import openings as simple
from .cloth import folds

BEFORE_WINDOWS = ["none", "curtains", "curtains", "curtains", "curtains", "blinds"]


def _glazing(k: Kit, mesh: Mesh, kind: str, w: float, h: float, rim: float, pane: int) -> None:
    """Glass let into a flush leaf: a strip, a square, a porthole, or most of it."""
    x0, x1, z0, z1 = {
        "strip": (w * 0.72, w * 0.86, h * 0.3, h * 0.85),
        "square": (w * 0.25, w * 0.75, h * 0.55, h * 0.85),
        "porthole": (w * 0.3, w * 0.7, h * 0.66, h * 0.66 + w * 0.4),
        "whole": (rim, w - rim, k.pick([rim, h * 0.4]), h - rim),
    }[kind]
    if kind == "porthole":
        disc = Mesh().post(0, 0, 0, 0.008, (x1 - x0) / 2, pane, 16)
        mesh.add(disc, w / 2, 0, (z0 + z1) / 2, pitch=np.pi / 2)
    else:
        mesh.box(x0, x1, -0.005, 0, z0, z1, pane)
        if k.chance(0.5):
            bead = k.paint("white", "wood", "metal", "dark")
            for a, b in ((x0 - 0.02, x0), (x1, x1 + 0.02)):
                mesh.box(a, b, -0.01, 0, z0 - 0.02, z1 + 0.02, bead)


def _fittings(k: Kit, mesh: Mesh, w: float, h: float) -> None:
    """A handle, knob or bar, and what doors of public buildings have more: a plate to kick, a
    closer, a sign, a rail."""
    steel, z, kind = (
        k.paint("metal", "dark", "white"),
        k.u(0.92, 1.1),
        k.pick(["lever", "lever", "knob", "bar", "plate"]),
    )
    if kind == "bar":
        mesh.tube([(w - 0.09, -0.05, z - 0.25), (w - 0.09, -0.05, z + 0.3)], 0.014, steel, 6)
    elif kind == "knob":
        mesh.soft(w - 0.105, w - 0.045, -0.065, 0, z - 0.03, z + 0.03, steel, 0.8, 8)
    else:
        mesh.box(w - 0.09, w - 0.06, -0.06, 0, z, z + 0.03, steel)
        mesh.box(w - 0.18, w - 0.09, -0.06, -0.045, z, z + 0.03, steel)
    if kind == "plate":
        mesh.box(w - 0.1, w - 0.05, -0.004, 0, z - 0.12, z + 0.1, steel)
    if k.chance(0.15):
        mesh.box(0.02, w - 0.02, -0.003, 0, 0.02, k.u(0.15, 0.35), k.paint("metal", "dark"))
    if k.chance(0.15):
        mesh.box(0.03, 0.28, -0.05, 0, h - 0.09, h - 0.03, k.paint("metal", "white"))
    if k.chance(0.12):
        x, size = w * 0.5, k.u(0.1, 0.2)
        mesh.box(x - size / 2, x + size / 2, -0.004, 0, 1.5, 1.5 + size, k.paint("print", "paper"))


def _leaf(k: Kit, w: float, h: float) -> Mesh:
    """A leaf from x = 0 to w: flush or glazed, with panels, with a grid of panes, of boards, or
    slatted; its paint may be that of the room's fitted cupboards."""
    paint = k.paint("white", "white", "wood", "wood", "lacquer", "boards", "front", "grey")
    inner = k.paint("glass", "glass", "white")
    kind = k.pick(
        ["flush", "flush", "glazed", "glazed", "panels", "panels", "panes", "boards", "slats"]
    )
    mesh = Mesh().box(0, w, 0, 0.04, 0.008, h, k.paint("boards") if kind == "boards" else paint)
    rim = k.u(0.08, 0.14)
    if kind == "glazed":
        _glazing(k, mesh, k.pick(["strip", "square", "porthole", "whole"]), w, h, rim, inner)
    elif kind in ("panels", "panes"):
        rows, columns = (k.n(1, 4), k.n(1, 2)) if kind == "panels" else (k.n(3, 6), k.n(2, 3))
        xs = np.linspace(rim, w - rim, columns + 1)
        zs = np.linspace(k.u(0.1, 0.9), h - rim, rows + 1)
        face = paint if kind == "panels" else inner
        for x0, x1 in pairwise(xs):
            for z0, z1 in pairwise(zs):
                mesh.box(x0 + 0.02, x1 - 0.02, -0.006, 0, z0 + 0.02, z1 - 0.02, face)
    elif kind == "slats":
        for z in np.arange(0.15, h - 0.15, 0.07):
            mesh.box(rim, w - rim, -0.012, 0, z, z + 0.04, paint)
    _fittings(k, mesh, w, h)
    return mesh


def door(k: Kit, w: float, h: float, ajar: float) -> Thing:
    """Frame around an opening and the leaf, or two, in it; `ajar` radians of swing into the room.
    Some slide: then they are open by a share of their width."""
    frame, border, deep, x = (
        k.paint("white", "white", "wood", "dark", "grey", "front"),
        k.pick([k.u(0.005, 0.03), k.u(0.03, 0.14)]),
        0.1,
        w / 2,
    )
    jamb = (
        Mesh()
        .pair(x - 0.03, x, 0, deep, 0, h, frame)
        .pair(x - 0.01, x + border, -0.018, 0, 0, h + border, frame)
    )
    jamb.box(0.03 - x, x - 0.03, 0, deep, h - 0.03, h, frame).box(
        0.01 - x, x - 0.01, -0.018, 0, h - 0.01, h + border, frame
    )
    wide, at, double = w - 0.07, k.u(0.0, 0.06), w > 1.1
    if ajar:
        swing = _leaf(k, wide / 2 - 0.002 if double else wide, h - 0.035)
        if double:  # the other leaf is shut
            jamb.add(swing.scaled(-1), x - 0.035, at)
        group = Thing().carry(Thing("doorframe", jamb))
        return group.carry(Thing("door", swing), 0.035 - x, -0.02, 0, -ajar)
    if double:
        half = _leaf(k, wide / 2 - 0.002, h - 0.035)
        jamb.add(half, 0.035 - x, at).add(half.scaled(-1), x - 0.035, at)
        return Thing("door", jamb)
    if k.chance(0.15):
        return Thing("door", jamb.add(_pocketed(k, wide, h - 0.035), 0.035 - x, at))
    leaf = _leaf(k, wide, h - 0.035)
    return _hung(k, jamb, leaf, x, at)


def _pocketed(k: Kit, w: float, h: float) -> Mesh:
    """What one sees of a leaf from x = 0 to w that slides into the wall, on either side."""
    seen = w * k.pick([1.0, k.u(0.15, 0.9)])
    mesh = Mesh().box(
        0, seen, 0, 0.04, 0.008, h, k.paint("white", "wood", "lacquer", "glass", "front")
    )
    if k.chance(0.4) and seen > 0.3:
        mesh.box(
            0.1, seen - 0.1, -0.004, 0, k.u(0.15, 1.0), h - 0.15, k.paint("glass", "wood", "white")
        )
    mesh.box(seen - 0.07, seen - 0.04, -0.01, 0, 0.9, 1.15, k.paint("metal", "dark"))
    return mesh if k.chance(0.5) else Mesh().add(mesh.scaled(-1), w)


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
    """A curtain in uneven folds, or gathered to a narrow bundle; sometimes a flat panel, or
    short."""
    kind = k.pick(["folds", "folds", "folds", "bundle", "panel"])
    paint = k.paint("curtain", "curtain", "curtain", "white")
    if k.chance(0.12):
        bottom = max(bottom, top - k.u(0.9, 1.4))
    if kind == "panel":
        mesh = Mesh().box(-width / 2, width / 2, -0.03, -0.02, bottom, top, paint)
        for x in np.arange(0.15 - width / 2, width / 2, k.u(0.2, 0.5)):
            mesh.box(x, x + 0.006, -0.034, -0.03, bottom, top, paint)
        return Thing("curtain", mesh)
    if kind == "bundle":
        width = min(width, k.u(0.14, 0.3))
    return Thing("curtain", folds(k, width, top, bottom, paint))
