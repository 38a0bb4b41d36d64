"""The simple things: one parametric family per shape, with sizes, paints and labels read from
`things.csv`."""

from itertools import pairwise

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh, grid_faces


def legs(
    k: Kit, mesh: Mesh, w: float, d: float, h: float, paint: int, thick: float, inset: float = 0.0
) -> None:
    """Four legs, round or square, under a w x d plate whose underside is at height h."""
    is_round, half = k.chance(0.4), thick / 2
    for x in (inset + half - w / 2, w / 2 - half - inset):
        for y in (inset + half - d / 2, d / 2 - half - inset):
            if is_round:
                mesh.turned(x, y, [(half * 0.8, 0), (half, h)], paint, 8)
            else:
                mesh.block(thick, thick, 0, h, paint, x, y)


def _cooker(k: Kit, mesh: Mesh, w: float, d: float, h: float, body: int, trim: int) -> float:
    """Oven door, hob and back of a stove; the height of the hob."""
    x, y = w / 2, -d / 2
    mesh.box(0.01 - x, x - 0.01, y, y + 0.02, 0.06, h - 0.01, body)
    mesh.box(-x * 0.8, x * 0.8, y - 0.008, y, h * 0.25, h * 0.6, k.paint("dark"))
    mesh.box(0.04 - x, x - 0.04, y - 0.04, y - 0.015, h * 0.7, h * 0.72, trim)
    for px, py in ((-0.25, -0.2), (0.25, -0.2), (-0.25, 0.22), (0.25, 0.22)):
        mesh.post(px * w, py * d + 0.01, h, h + 0.012, 0.085, trim, 14)
    mesh.box(-x, x, d / 2 - 0.05, d / 2, h, h + k.pick([0.02, 0.12, 0.2]), body)
    return h + 0.013


def _box(k: Kit, label, w, d, h, paints, front) -> Thing:
    """A box with a front: cartons, electronics, appliances."""
    body, trim, mesh, (x, y, z) = (
        k.paint(*paints),
        k.paint("dark", "metal"),
        Mesh(),
        (w / 2, -d / 2, h),
    )
    mesh.box(-x, x, y + 0.02, d / 2, 0, h, body)
    if front in ("door", "doors"):
        between = [h * k.u(0.35, 0.68)] if front == "doors" else []
        borders: list[float] = [0.04, *between, h - 0.01]
        for low, high in pairwise(borders):
            mesh.box(0.005 - x, x - 0.005, y, y + 0.02, low + 0.006, high - 0.006, body)
            mesh.box(
                x - 0.07, x - 0.045, y - 0.035, y, low + 0.06, min(high - 0.06, low + 0.5), trim
            )
    elif front == "window":
        mesh.box(-x * 0.8, x * 0.4, y, y + 0.02, h * 0.1, h * 0.85, k.paint("dark"))
    elif front == "oven":
        z = _cooker(k, mesh, w, d, h, body, trim)
    elif front == "drum":
        drum = Mesh().turned(0, 0, [(0.17, 0), (0.16, 0.03), (0.12, 0.031)], trim, 20)
        mesh.box(0.005 - x, x - 0.005, y, y + 0.02, 0.06, h, body).add(
            drum, 0, y, h * 0.5, pitch=np.pi / 2
        )
    elif front == "slot":
        mesh.box(-x * 0.8, x * 0.8, y, y + 0.02, h * 0.55, h * 0.8, trim)
    elif front == "lid":
        mesh.block(w * 0.85, d * 0.85, h, h + 0.03, k.paint("plastic", "dark"))
    elif front == "keys":
        mesh.box(-x, x, y - 0.25, y + 0.02, h * 0.5, h * 0.56, body)
        mesh.box(-x * 0.9, x * 0.9, y - 0.23, y - 0.06, h * 0.56, h * 0.575, k.paint("white"))
        mesh.pair(x - 0.06, x, y - 0.24, y, 0, h * 0.5, body)
    elif front == "grid":
        for i, j in np.ndindex(4, 4):
            low, side = j * h / 4, i * w / 4 - x
            mesh.box(
                side + 0.01, side + w / 4 - 0.01, y, y + 0.02, low + 0.01, low + h / 4 - 0.01, trim
            )
    return Thing(label, mesh, [(-x, x, y + 0.02, d / 2 - 0.05, z, 0.6)] if w > 0.35 else [])


def _soft(k: Kit, label, w, d, h, paints, power) -> Thing:
    """Cushions, bags and other rounded lumps."""
    paint, power, mesh = k.paint(*paints), float(power), Mesh()
    if label == "shoe":
        for side in (-w / 2, w / 2 - 0.1):
            mesh.soft(side, side + 0.1, -d / 2, d / 2, 0, h, paint, power)
        return Thing(label, mesh)
    mesh.soft(
        -w / 2, w / 2, -d / 2, d / 2, 0, h * (0.7 if label == "stuffed animal" else 1), paint, power
    )
    if label == "backpack":
        mesh.soft(-w * 0.35, w * 0.35, -d / 2 - 0.06, -d / 2 + 0.05, 0.02, h * 0.5, paint, 0.4)
    elif label == "stuffed animal":
        mesh.soft(-w * 0.35, w * 0.35, -d * 0.4, d * 0.3, h * 0.6, h, paint, 0.95)
    return Thing(
        label,
        mesh,
        [(-w / 4, w / 4, -d / 4, d / 4, h, 0.5)] if label in ("ottoman", "mattress") else [],
    )


def _turned(k: Kit, label, w, d, h, paints, profile) -> Thing:
    """Solids of revolution: bottles, cups, bins."""
    wide, pairs = k.u(0.85, 1.2), [map(float, pair.split(":")) for pair in profile.split()]
    return Thing(
        label, Mesh().turned(0, 0, [(r * wide, z * h) for r, z in pairs], k.paint(*paints))
    )


def _panel(k: Kit, label, w, d, h, paints, frames) -> Thing:
    """Flat things on walls, framed or not."""
    face, mesh = k.paint(*paints), Mesh()
    mesh.box(-w / 2, w / 2, -d, 0, 0, h, k.paint(*frames.split()) if frames else face)
    if frames:
        rim = min(k.u(0.015, 0.05), w * 0.1)
        mesh.box(rim - w / 2, w / 2 - rim, -d - 0.004, -d, rim, h - rim, face)
    return Thing(label, mesh, [(-w / 2, w / 2, -d, -0.01, h, 0.3)] if d > 0.19 and h < 0.1 else [])


def storage(k: Kit, label, w, d, h, paints, grid, foot: float | None = None) -> Thing:
    """Closed storage with a grid of doors or drawers: cabinets, dressers, wardrobes, nightstands,
    TV stands."""
    body = k.paint(*paints)
    face, knob = (body if k.chance(0.7) else k.paint("lacquer", "wood")), k.paint("metal", "dark")
    columns, rows = (k.n(*map(int, (part + "-" + part).split("-")[:2])) for part in grid.split())
    foot = k.pick([0.0, 0.06, 0.1]) if foot is None and h > 0.6 else foot or 0.0
    y, cw, rh = -d / 2, w / columns, (h - foot) / rows
    mesh, upright = Mesh().box(-w / 2, w / 2, y + 0.02, d / 2, foot, h, body), rh > 1.3 * cw
    if foot:
        mesh.box(0.02 - w / 2, w / 2 - 0.02, y + 0.06, d / 2, 0, foot, k.paint("dark", "wood"))
    # bar, knob, no handle
    size = k.pick([(0.02, 0.18) if upright else (cw * 0.4, 0.02), (0.03, 0.03), None])
    for i, j in np.ndindex(columns, rows):
        x, z = i * cw - w / 2, foot + j * rh
        mesh.box(x + 0.008, x + cw - 0.008, y, y + 0.02, z + 0.008, z + rh - 0.008, face)
        if size:
            x = x + cw * (0.5 if not upright else 0.85 if i % 2 == 0 else 0.15)
            z = z + (rh - size[1]) / 2
            mesh.block(size[0], 0.025, z, z + size[1], knob, x, y - 0.0125)
    return Thing(label, mesh, [(-w / 2, w / 2, y + 0.02, d / 2, h, 0.8)])


def _table(k: Kit, label, w, d, h, paints, rounded) -> Thing:
    """Rectangular or round plate on four legs, two panels or a column: tables, stools, benches,
    carts."""
    top = k.paint(*paints)
    under = k.paint("wood", "metal", "dark")
    mesh = Mesh()
    t = k.u(0.02, 0.05)
    is_round, inset = k.chance(float(rounded)), 0.02
    if is_round:
        w = d = min(w, max(d, 0.9 * h if h < 0.8 else d))
        inset = w * 0.16
        mesh.post(0, 0, h - t, h, w / 2, top, 28)
    else:
        mesh.block(w, d, h - t, h, top)
    style = k.pick(["legs", "legs", "legs", "panels", "column"] if w < 1.6 else ["legs", "panels"])
    if style == "column":
        mesh.post(0, 0, 0.04, h - t, k.u(0.03, 0.06), under).turned(
            0, 0, [(min(w, d) * 0.36, 0), (0.06, 0.04)], under
        )
    elif style == "panels":
        x, y = w / 2 - 0.04 - inset, d * (0.3 if is_round else 0.5) - 0.04
        mesh.pair(x - 0.02, x + 0.02, -y, y, 0, h - t, under)
        mesh.box(0.02 - x, x - 0.02, -0.01, 0.01, h * 0.3, h - t - 0.05, under)
    else:
        thick = min(k.u(0.035, 0.08), w * 0.12)
        legs(k, mesh, w, d, h - t, under, thick, inset)
        if label == "cart" or (not is_round and k.chance(0.25)):
            edge = 2 * (thick + inset + 0.01)
            mesh.block(w - edge, d - edge, h * 0.22, h * 0.22 + 0.02, under)
    reach = 0.36 if is_round else 0.5
    return Thing(label, mesh, [(-w * reach, w * reach, -d * reach, d * reach, h, 0.8)])


def _rug(k: Kit, label, w, d, h, paints, detail) -> Thing:
    return Thing(label, Mesh().block(w, d, 0, h, k.paint(*paints)))


def _hanging(k: Kit, label, w, d, h, paints, detail) -> Thing:
    """Cloth on a hook or rail."""
    mesh = Mesh().soft(-w / 2, w / 2, -d, -0.005, 0, h, k.paint(*paints), 0.35)
    return Thing(
        label,
        mesh.box(-w / 2 - 0.04, w / 2 + 0.04, -0.03, -0.01, h + 0.005, h + 0.02, k.paint("metal")),
    )


def _screen(k: Kit, label, w, lift, h, paints, detail) -> Thing:
    """Monitor or TV on a foot that lifts it."""
    h, paint = w * 0.58, k.paint(*paints)
    mesh = (
        Mesh()
        .box(-w / 2, w / 2, -0.025, 0.02, lift, lift + h, paint)
        .block(w * 0.4, 0.2, 0, 0.02, paint)
    )
    return Thing(label, mesh.box(-0.04, 0.04, 0.021, 0.05, 0.02, lift + h * 0.5, paint))


def _lamp(k: Kit, label, w, d, h, paints, detail) -> Thing:
    """Drum or cone shade on a stem."""
    foot, shade, thin = k.paint(*paints), k.u(0.1, 0.18), 0.012 if h > 1 else k.u(0.015, 0.05)
    mesh = Mesh().post(0, 0, 0, 0.03, k.u(0.09, 0.14), foot).post(0, 0, 0.03, h - 0.2, thin, foot)
    return Thing(
        label, mesh.turned(0, 0, [(shade, h - 0.22), (shade * k.u(0.5, 1), h)], k.paint("shade"))
    )


def upholstered(k: Kit, label, w, d, h, paints, seats) -> Thing:
    """Box-built seats with arms, back and loose cushions; several are sometimes made an L by a
    chaise."""
    cloth = k.paint(*paints)
    foot = k.pick([0.0, k.u(0.06, 0.14)])
    power = k.u(0.12, 0.4)
    seats = int(seats)
    arm = k.u(0.1, 0.24)
    back = k.u(0.14, 0.26)
    h = k.u(0.38, 0.46)
    top = k.u(0.7, 0.95)
    mesh = Mesh()
    if foot:
        legs(k, mesh, w - 0.06, d - 0.06, foot, k.paint("wood"), 0.05)
    front, rest, each, loose = -d / 2, d / 2 - back, (w - 2 * arm) / seats, k.chance(0.7)
    mesh.box(arm - w / 2, w / 2 - arm, front + 0.02, rest, foot, h - 0.15, cloth)
    mesh.soft((arm - w) / 2, (w - arm) / 2, rest, d / 2, foot, top, cloth, power * 0.7)
    for x in arm - w / 2 + each * np.arange(seats):
        mesh.soft(x, x + each, front, rest, h - 0.15, h, cloth, power)
        if loose:
            cushion = Mesh().soft(
                0.01, each - 0.01, -0.09, 0.05, 0, top - h + k.u(-0.02, 0.06), cloth, power + 0.1
            )
            mesh.add(cushion, x, rest - 0.05, h, pitch=-0.12)
    for x in (-w / 2, w / 2 - arm):
        mesh.soft(
            x, x + arm, front, d / 2 - back * 0.5, foot, h + k.u(0.12, 0.24), cloth, power * 0.8
        )
    if seats > 1 and k.chance(0.35):
        x, y = k.pick([-w / 2, w / 2 - each]), front - k.u(0.5, 0.8)
        mesh.box(x, x + each, y, front, 0.04, h - 0.14, cloth)
        mesh.soft(x, x + each, y, front, h - 0.14, h, cloth, 0.25)
    return Thing(label, mesh, [(arm - w / 2, w / 2 - arm, front + 0.1, rest - 0.12, h, 0.6)])


def drape(k: Kit, width: float, top: float, bottom: float, label: str = "curtain") -> Thing:
    """A curtain of the given width, hanging in folds from `top` to `bottom`."""
    depth, folds = k.u(0.025, 0.045), max(1.0, width / 0.16)
    n = int(folds * 8)
    wave = depth * np.sin(np.linspace(0, 2 * np.pi * folds, n + 1)) - 0.06
    rows = [
        np.stack([np.linspace(-width / 2, width / 2, n + 1), wave, np.full(n + 1, z)], 1)
        for z in (bottom, top)
    ]
    return Thing(
        label, Mesh([(np.concatenate(rows), grid_faces(2, n + 1, closed=False), k.paint("cloth"))])
    )


SHAPES = {
    "box": _box,
    "soft": _soft,
    "turned": _turned,
    "panel": _panel,
    "storage": storage,
    "table": _table,
    "rug": _rug,
    "hanging": _hanging,
    "screen": _screen,
    "lamp": _lamp,
    "upholstered": upholstered,
}
