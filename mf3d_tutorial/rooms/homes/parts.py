"""Doors, drawers and handles of closed furniture; used by the families of homes."""

import numpy as np

from ..kit import Kit
from ..mesh import Mesh


def handle(
    k: Kit,
    mesh: Mesh,
    kind: str,
    x0: float,
    x1: float,
    y: float,
    z0: float,
    z1: float,
    left: bool,
    paint: int,
) -> None:
    """A handle on a leaf whose face is at depth y."""
    x = x0 + 0.05 if left else x1 - 0.05
    middle, tall = (z0 + z1) / 2, z1 - z0
    if kind == "bar" and tall > 0.45:
        mesh.box(
            x - 0.01,
            x + 0.01,
            y - 0.04,
            y - 0.015,
            middle - tall * 0.15,
            middle + tall * 0.15,
            paint,
        )
    elif kind == "bar":
        mesh.box(
            x0 + (x1 - x0) * 0.3,
            x1 - (x1 - x0) * 0.3,
            y - 0.035,
            y - 0.015,
            z1 - 0.06,
            z1 - 0.045,
            paint,
        )
    elif kind == "knob":
        mesh.box(x - 0.015, x + 0.015, y - 0.03, y, middle - 0.015, middle + 0.015, paint)
    elif kind == "groove":
        mesh.box(x0, x1, y - 0.001, y, z1 - 0.03, z1 - 0.005, paint)


def feet(k: Kit, mesh: Mesh, w: float, d: float, h: float) -> None:
    """Four legs, blocks or castors under a body w wide and d deep, whose underside is at height
    h."""
    paint = k.paint("metal", "dark", "wood", "white")
    kind = k.pick(["legs", "blocks", "castors"] if h < 0.14 else ["legs", "blocks"])
    for x in (0.05 - w / 2, w / 2 - 0.05):
        for y in (0.05 - d / 2, d / 2 - 0.05):
            if kind == "castors" or h < 0.06:
                mesh.box(x - 0.012, x + 0.012, y - h / 2, y + h / 2, 0, h, k.paint("dark"))
            elif kind == "legs":
                mesh.tube([(x, y, 0), (x, y, h)], 0.016, paint, 6)
            else:
                mesh.block(0.05, 0.05, 0, h, paint, x, y)


def merged(mesh: Mesh) -> Mesh:
    """One part for all of each material: placing tests a box a part, so this keeps rows of books
    and grids of doors quick."""
    parts = []
    for paint in dict.fromkeys(paint for *_, paint in mesh.parts):
        mine = [(v, f) for v, f, own in mesh.parts if own == paint]
        starts = np.cumsum([0] + [len(v) for v, _ in mine])
        faces = np.concatenate([f + start for start, (_, f) in zip(starts, mine)])
        parts.append((np.concatenate([v for v, _ in mine]), faces, paint))
    return Mesh(parts)


def fronts(
    k: Kit,
    mesh: Mesh,
    w: float,
    y: float,
    z0: float,
    z1: float,
    columns: int,
    rows: int,
    face: int,
    style: str,
) -> None:
    """A grid of doors or drawers: slab, framed, of glass, or left open; `y` is the front's
    plane."""
    knob, kind = k.paint("metal", "dark", "wood"), k.pick(["bar", "knob", "groove", "none"])
    whole, mesh = mesh, Mesh()
    cw, rh = w / columns, (z1 - z0) / rows
    for i, j in np.ndindex(columns, rows):
        x0, x1, low, high = (
            i * cw - w / 2 + 0.004,
            (i + 1) * cw - w / 2 - 0.004,
            z0 + j * rh + 0.004,
            z0 + (j + 1) * rh - 0.004,
        )
        mesh.box(x0, x1, y, y + 0.018, low, high, face)
        rim = min(0.07, cw * 0.2, rh * 0.25)
        if style in ("framed", "glass"):
            inner = face if style == "framed" else k.paint("glass", "mirror")
            mesh.box(x0 + rim, x1 - rim, y - 0.004, y, low + rim, high - rim, inner)
            for a, b, c, d in (
                (x0, x0 + rim, low, high),
                (x1 - rim, x1, low, high),
                (x0, x1, low, low + rim),
                (x0, x1, high - rim, high),
            ):
                mesh.box(a, b, y - 0.014, y, c, d, face)
        elif style == "louvred":
            for z in np.arange(low + rim, high - rim, 0.06):
                mesh.box(x0 + rim, x1 - rim, y - 0.012, y, z, z + 0.035, face)
        handle(k, mesh, kind, x0, x1, y, low, high, i % 2 == 1, knob)
    whole.parts += merged(mesh).parts
