"""Parts of furniture: doors, drawers, handles, feet, taps, lofted shells, rows of books; used by
the families of homes."""

import numpy as np

from ..kit import Kit
from ..mesh import Mesh, grid_faces


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


def ring(x0, x1, y0, y1, z, power=1.0, sides=20) -> np.ndarray:
    """(sides, 3) a level outline in these bounds: an ellipse at `power` 1, towards 0 a
    rectangle."""
    angle = (np.arange(sides) + 0.5) * (2 * np.pi / sides)
    unit = np.stack([np.cos(angle), np.sin(angle)], 1)
    unit = np.sign(unit) * np.abs(unit) ** power
    unit /= np.abs(unit).max(0)
    middle, half = [(x0 + x1) / 2, (y0 + y1) / 2], [(x1 - x0) / 2, (y1 - y0) / 2]
    return np.insert(middle + unit * half, 2, z, axis=1)


def loft(mesh: Mesh, rings: list[np.ndarray], material: int) -> Mesh:
    """Add the closed surface through rings (n, 3) of equally many points; rings that go up, inwards
    and down again make a bowl."""
    n, count = len(rings[0]), len(rings)
    k, last = np.arange(n), n * (count - 1)
    ahead, ends = (k + 1) % n, np.stack([rings[0].mean(0), rings[-1].mean(0)])
    below = np.stack([ahead, k, np.full(n, n * count)], 1)
    above = np.stack([last + k, last + ahead, np.full(n, n * count + 1)], 1)
    faces = np.concatenate([grid_faces(count, n), below, above])
    mesh.parts.append((np.concatenate([*rings, ends]), faces, material))
    return mesh


def tap(k: Kit, mesh: Mesh, x: float, y: float, z: float, reach: float, high: float) -> None:
    """A tap at (x, y) on a rim at height z: a bow, an angle, or a low spout between two valves."""
    steel, kind, r = k.paint("metal", "metal", "dark"), k.pick(["bow", "angle", "valves"]), 0.012
    if kind == "bow":
        line = [(y, z), (y, z + high), (y - reach / 2, z + high + 0.03), (y - reach, z + high)]
        line.append((y - reach, z + high - 0.06))
    elif kind == "angle":
        line = [(y, z), (y, z + high * 0.7), (y - reach, z + high * 0.75)]
    else:
        line = [(y, z), (y, z + 0.07), (y - reach * 0.8, z + 0.05)]
        for side in (x - 0.07, x + 0.07):
            mesh.post(side, y, z, z + 0.06, 0.018, steel)
    mesh.tube([(x, *at) for at in line], r, steel, 6)


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


_UPRIGHT = {  # thickness, height (metres) and colours of what stands on boards
    "books": ((0.015, 0.05), (0.17, 0.34), ("plastic", "print", "cloth", "leather")),
    "volumes": ((0.03, 0.06), (0.24, 0.3), ("leather", "plastic", "print")),
    "binders": ((0.05, 0.08), (0.3, 0.33), ("plastic", "dark", "print", "grey")),
    "magazines": ((0.08, 0.12), (0.24, 0.32), ("plastic", "carton", "white")),
    "boxes": ((0.12, 0.38), (0.1, 0.36), ("carton", "carton", "plastic", "white")),
}


def stand_upright(
    k: Kit, mesh: Mesh, kind: str, x0: float, x1: float, y0: float, y1: float, z: float, free: float
) -> None:
    """Books, volumes of a set, binders, magazine files or boxes from x0 to x1 on a board at z."""
    thick, tall, colours = _UPRIGHT[kind]
    alike = kind in ("volumes", "binders", "magazines") or k.chance(0.2)
    paints, row = [k.paint(*colours) for _ in range(k.n(1, 2) if alike else 4)], Mesh()
    wide, high, x = k.u(*thick), min(k.u(*tall), free * 0.97), x0
    while x < x1 - 0.012:
        if not alike:
            wide, high = k.u(*thick), min(k.u(*tall), free * 0.97)
        end = min(x + wide, x1)
        front = y0 + (0 if alike else k.u(0, 0.04))
        row.box(x, end - 0.001, front, y1, z, z + high, k.pick(paints))
        x = end + (k.u(0.0, 0.06) if kind == "boxes" else 0.0)
    mesh.parts += merged(row).parts


def fill_board(
    k: Kit,
    mesh: Mesh,
    x0: float,
    x1: float,
    y0: float,
    y1: float,
    z: float,
    free: float,
    kinds: list[str],
) -> None:
    """What stands on a board between x0 and x1: one kind of things, over its whole length or a part
    of it, "lying" for piles, "vases" for single things, "none" for nothing."""
    kind, share = k.pick(kinds), k.pick([1.0, 1.0, k.u(0.3, 0.95)])
    a, b = x0 + 0.005, x1 - 0.005
    a, b = k.pick([(a, a + share * (b - a)), (b - share * (b - a), b)])
    if kind in _UPRIGHT:
        stand_upright(k, mesh, kind, a, b, y0 + k.u(0.0, 0.06), y1, z, free)
    while kind in ("lying", "vases") and a < b - 0.08:
        wide = min(k.u(0.16, 0.3) if kind == "lying" else k.u(0.07, 0.16), b - a)
        tall = free * k.u(0.2, 0.8)
        if kind == "lying":
            for step in range(k.n(1, 4)):
                low, paint = z + step * min(0.04, tall / 4), k.paint("print", "plastic", "carton")
                mesh.box(a, a + wide, y0 + 0.02, y1, low, low + min(0.04, tall / 4), paint)
        else:
            profile = [(wide * 0.3, z), (wide * 0.5, z + tall * 0.4), (wide * 0.2, z + tall)]
            paint = k.paint("plastic", "white", "wood", "glass")
            mesh.turned(a + wide / 2, (y0 + y1) / 2, profile, paint, 8)
        a += wide + k.u(0.02, 0.3)
