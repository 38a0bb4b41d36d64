"""Doors, drawers, boards, feet, rails and shells; used by the families of homes."""

import numpy as np

from ..kit import Kit
from ..mesh import Mesh
from .cloth import bumps, cover, throw

Points = list[tuple[float, float]]


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


def plate(mesh: Mesh, outline: Points, z0: float, z1: float, paint: int) -> Mesh:
    """A flat board of a convex outline of (x, y) points, counter-clockwise as seen from above."""
    flat = Mesh().prism([(x, -y) for x, y in reversed(outline)], z0, z1, paint)
    return mesh.add(flat, pitch=np.pi / 2)


def oval(w: float, d: float, power: float = 1.0, n: int = 28) -> Points:
    """An outline in w x d: `power` 1 is an ellipse, towards 0 it becomes a rectangle."""
    angles = (np.arange(n) + 0.5) * 2 * np.pi / n
    unit = np.stack([np.cos(angles), np.sin(angles)], 1)
    unit = np.sign(unit) * np.abs(unit) ** power
    unit = unit / np.abs(unit).max(0)
    return [(float(x) * w / 2, float(y) * d / 2) for x, y in unit]


def castors(mesh: Mesh, spots: Points, r: float, paint: int) -> None:
    """Small wheels of radius r that stand on the floor at these (x, y)."""
    for i, (x, y) in enumerate(spots):
        wheel = Mesh().post(0, 0, -0.4 * r, 0.4 * r, r, paint, 10)
        mesh.add(wheel, x, y, r, yaw=0.4 + 1.3 * i, roll=np.pi / 2)


def star(k: Kit, mesh: Mesh, h: float, reach: float, paint: int) -> None:
    """A swivel foot: four or five arms on castors or glides, and a column up to height h."""
    arms, wheel, rise = k.pick([4, 5, 5, 5]), k.u(0.022, 0.032), k.u(0.0, 0.06)
    rolling, first = k.chance(0.8), k.u(0, 1)
    low = 2 * wheel if rolling else 0.012
    for angle in first + np.arange(arms) * 2 * np.pi / arms:
        x, y = reach * np.cos(angle), reach * np.sin(angle)
        mesh.tube([(0, 0, low + 0.03 + rise), (x, y, low + 0.01)], 0.018, paint, 6)
        if rolling:
            castors(mesh, [(x, y)], wheel, paint)
        else:
            mesh.post(x, y, 0, low, 0.025, paint)
    mesh.post(0, 0, low, low + 0.1 + rise, 0.035, paint)
    mesh.post(0, 0, low + 0.1 + rise, h, k.u(0.018, 0.03), paint)


def drawers(
    k: Kit, mesh: Mesh, x: float, w: float, d: float, z0: float, z1: float, body: int, face: int
) -> None:
    """A block of drawers around x, its front at y = -d / 2."""
    block = Mesh().block(w, d - 0.02, z0, z1, body, 0, 0.01)
    fronts(k, block, w, -d / 2, z0, z1, 1, k.n(2, 4), face, "slab")
    mesh.add(block, x)


def railing(
    mesh: Mesh, ends: tuple[tuple, tuple], z0: float, z1: float, r: float, bars: int, paint: int
) -> None:
    """A frame of tubes between two (x, y), filled with upright bars (0: two lying ones)."""
    (xa, ya), (xb, yb) = ends
    mesh.tube([(xa, ya, z0), (xa, ya, z1), (xb, yb, z1), (xb, yb, z0)], r, paint)
    for t in np.linspace(0, 1, bars + 2)[1:-1]:
        x, y = xa + t * (xb - xa), ya + t * (yb - ya)
        mesh.tube([(x, y, z0), (x, y, z1)], 0.6 * r, paint, 6)
    for t in (0.0, 0.5) if bars == 0 else ():
        z = z0 + t * (z1 - z0)
        mesh.tube([(xa, ya, z), (xb, yb, z)], r, paint)


def bent(w: float, profile: Points, bend: float, paint: int, taper: float = 1.0) -> Mesh:
    """A shell w wide along a side view of (y, z) points; its sides come forward and up by `bend`,
    its last row is `taper` times as wide."""
    across, y, z = np.linspace(-1, 1, 9), *np.array(profile, float).T
    slope = np.gradient(z) / np.maximum(np.hypot(np.gradient(y), np.gradient(z)), 1e-6)
    wide = np.linspace(1, taper, len(y))
    x = across[None] * wide[:, None] * w / 2
    lift = bend * across[None] ** 2
    rows = (x, y[:, None] - lift * slope[:, None], z[:, None] + lift * (1 - slope[:, None] ** 2))
    return Mesh().sheet(np.stack(rows, -1), paint)


def pallets(mesh: Mesh, w: float, d: float, h: float, wood: int) -> None:
    """Pallets below w x d, one or two layers up to height h: boards across blocks."""
    layers = 1 if h < 0.2 else 2
    each = h / layers
    for layer in range(layers):
        z = layer * each
        for x in np.linspace(0.06 - w / 2, w / 2 - 0.06, max(3, round(w / 0.55))):
            mesh.box(x - 0.05, x + 0.05, -d / 2, d / 2, z, z + each - 0.02, wood)
        for y in np.linspace(-d / 2, d / 2 - 0.1, max(3, round(d / 0.16))):
            mesh.box(-w / 2, w / 2, y, y + 0.1, z + each - 0.02, z + each, wood)


def heap(k: Kit, w: float, d: float, paint: int) -> Mesh:
    """A blanket left in a heap around the origin."""
    n = 11
    x, y = np.meshgrid(np.linspace(-w / 2, w / 2, n), np.linspace(-d / 2, d / 2, n))
    hill = np.clip(1.02 - (2 * x / w) ** 4 - (2 * y / d) ** 4, 0, 1) ** 0.4
    rough = np.abs(bumps(k, n, n, 0.06)) + k.u(0.02, 0.08)
    return Mesh().sheet(np.stack([x + bumps(k, n, n, 0.02), y, hill * rough - 0.01], -1), paint)


def bedding(k: Kit, mesh: Mesh, w: float, y0: float, y1: float, base: float, h: float) -> None:
    """Mattress from y0 to the head y1, and on it a made, tossed or missing blanket and a few
    pillows."""
    mesh.soft(-w / 2, w / 2, y0, y1, base, h, k.paint("white", "cloth", "fabric"), k.u(0.15, 0.3))
    state = k.pick(["made", "made", "tossed", "folded", "heap", "none"])
    blanket = k.paint("cloth", "white", "cloth", "fabric")
    end = y1 - k.u(0.35, 0.75)
    if state in ("made", "tossed"):
        size = 0.012 if state == "made" else k.u(0.02, 0.05)
        start = y0 - 0.03 if state == "made" else y0 + k.u(0, 0.7)
        mesh.add(
            cover(
                k,
                w + 0.02,
                start,
                end,
                h + k.u(0.015, 0.06),
                k.u(0.05, max(0.06, min(h - base + 0.15, h))),
                blanket,
                size,
            )
        )
    elif state == "folded":
        mesh.soft(
            -w * 0.45,
            w * 0.45,
            y0 + 0.05,
            y0 + k.u(0.35, 0.7),
            h - 0.02,
            h + k.u(0.06, 0.15),
            blanket,
            0.4,
        )
    elif state == "heap":
        mesh.add(
            heap(k, w * k.u(0.5, 0.9), k.u(0.5, 1.0), blanket), k.u(-0.05, 0.05) * w, y0 + 0.6, h
        )
    if k.chance(0.25):
        y = y0 + k.u(0.2, 0.7)
        side = [
            (-w / 2 - 0.05, base),
            (-w / 2 - 0.05, h + 0.05),
            (0, h + 0.06),
            (w / 2 + 0.05, h + 0.05),
            (w / 2 + 0.05, base),
        ]
        mesh.add(throw(k, y, k.u(0.3, 0.6), side, k.paint("cloth")), yaw=np.pi / 2)
    for x in (-w / 4, w / 4) if w > 1.25 else (0.0,):
        for _ in range(k.n(0, 2)):
            wide, deep = min(k.u(0.45, 0.75), w * 0.95), k.u(0.3, 0.45)
            pillow = Mesh().soft(
                -wide / 2,
                wide / 2,
                -deep / 2,
                deep / 2,
                0,
                k.u(0.09, 0.18),
                k.paint("white", "cloth"),
                0.5,
            )
            lean = k.u(0, 0.6)  # its upper edge against the head
            y = y1 - deep / 2 - k.u(0.02, 0.1)
            mesh.add(pillow, x, y, h + 0.4 * deep * np.sin(lean), k.u(-0.2, 0.2), pitch=lean)
