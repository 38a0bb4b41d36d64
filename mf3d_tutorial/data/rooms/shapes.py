"""The simple things: one parametric family per shape, with sizes, paints and labels read from `things.csv`."""

import csv
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from .kit import Kit, Thing
from .mesh import Mesh


@lru_cache
def catalogue() -> dict[str, dict[str, str]]:
    """name -> row of things.csv."""
    lines = Path(__file__).with_name("things.csv").read_text().splitlines()
    return {row["name"]: row for row in csv.DictReader(line for line in lines if not line.startswith("#"))}


def simple(k: Kit, name: str) -> Thing:
    """A new member of the family `name` of things.csv; KeyError if there is none."""
    row = catalogue()[name]
    w, d, h = (k.u(*map(float, row[side].split("-"))) if row[side] else 0.0 for side in "wdh")
    label = k.pick((row["label"] or name).split("|"))
    return _SHAPES[row["shape"]](k, label, w, d, h, row["paint"].split(), row["detail"])


def legs(k: Kit, mesh: Mesh, w: float, d: float, h: float, paint: int, thick: float, inset: float = 0.0) -> None:
    """Four legs, round or square, under a w x d plate whose underside is at height h."""
    is_round, half = k.chance(0.4), thick / 2
    for x in (inset + half - w / 2, w / 2 - half - inset):
        for y in (inset + half - d / 2, d / 2 - half - inset):
            if is_round:
                mesh.post(x, y, 0, h, half * 0.8, paint, half)
            else:
                mesh.box(x - half, x + half, y - half, y + half, 0, h, paint)


def _cooker(k: Kit, mesh: Mesh, w: float, d: float, h: float, body: int, trim: int) -> float:
    """Oven door, hob and back of a stove; the height of the hob."""
    x, y = w / 2, -d / 2
    mesh.box(0.01 - x, x - 0.01, y, y + 0.02, 0.06, h - 0.01, body)
    mesh.box(-x * 0.8, x * 0.8, y - 0.008, y, h * 0.25, h * 0.6, k.paint("dark"))
    mesh.box(0.04 - x, x - 0.04, y - 0.04, y - 0.015, h * 0.7, h * 0.72, trim)
    for px, py in ((-0.25, -0.2), (0.25, -0.2), (-0.25, 0.22), (0.25, 0.22)):
        mesh.post(px * w, py * d + 0.01, h, h + 0.012, 0.085, trim, sides=14)
    mesh.box(-x, x, d / 2 - 0.05, d / 2, h, h + k.pick([0.02, 0.12, 0.2]), body)
    return h + 0.013


def _box(k: Kit, label, w, d, h, paints, front) -> Thing:
    """A box with a front: cartons, electronics, appliances."""
    body, trim, mesh, (x, y, z) = k.paint(*paints), k.paint("dark", "metal"), Mesh(), (w / 2, -d / 2, h)
    mesh.box(-x, x, y + 0.02, d / 2, 0, h, body)
    if front in ("door", "doors"):
        for low, high in pairwise([0.04, *([h * k.u(0.35, 0.68)] if front == "doors" else []), h - 0.01]):
            mesh.box(0.005 - x, x - 0.005, y, y + 0.02, low + 0.006, high - 0.006, body)
            mesh.box(x - 0.07, x - 0.045, y - 0.035, y, low + 0.06, min(high - 0.06, low + 0.5), trim)
    elif front == "window":
        mesh.box(-x * 0.8, x * 0.4, y, y + 0.02, h * 0.1, h * 0.85, k.paint("dark"))
    elif front == "oven":
        z = _cooker(k, mesh, w, d, h, body, trim)
    elif front == "drum":
        mesh.box(0.005 - x, x - 0.005, y, y + 0.02, 0.06, h, body)
        mesh.add(
            Mesh().turned(0, 0, [(0.17, 0), (0.16, 0.03), (0.12, 0.031)], trim, 20), 0, y, h * 0.5, pitch=np.pi / 2
        )
    elif front == "slot":
        mesh.box(-x * 0.8, x * 0.8, y, y + 0.02, h * 0.55, h * 0.8, trim)
    elif front == "lid":
        mesh.box(-x * 0.85, x * 0.85, y * 0.85, -y * 0.85, h, h + 0.03, k.paint("plastic", "dark"))
    elif front == "keys":
        mesh.box(-x, x, y - 0.25, y + 0.02, h * 0.5, h * 0.56, body)
        mesh.box(-x * 0.9, x * 0.9, y - 0.23, y - 0.06, h * 0.56, h * 0.575, k.paint("white"))
        for side in (-1, 1):
            mesh.box(*sorted((side * x, side * (x - 0.06))), y - 0.24, y, 0, h * 0.5, body)
    elif front == "grid":
        for i, j in np.ndindex(4, 4):
            mesh.box(
                i * w / 4 - x + 0.01,
                (i + 1) * w / 4 - x - 0.01,
                y,
                y + 0.02,
                j * h / 4 + 0.01,
                (j + 1) * h / 4 - 0.01,
                trim,
            )
    return Thing(label, mesh, [(-x, x, y + 0.02, d / 2 - 0.05, z, 0.6)] if w > 0.35 else [])


def _soft(k: Kit, label, w, d, h, paints, power) -> Thing:
    """Cushions, bags and other rounded lumps."""
    paint, power, mesh = k.paint(*paints), float(power), Mesh()
    if label == "shoe":
        for side in (-1, 1):
            mesh.soft(*sorted((side * w / 2, side * (w / 2 - 0.1))), -d / 2, d / 2, 0, h, paint, power)
        return Thing(label, mesh)
    mesh.soft(-w / 2, w / 2, -d / 2, d / 2, 0, h * (0.7 if label == "stuffed animal" else 1), paint, power)
    if label == "backpack":
        mesh.soft(-w * 0.35, w * 0.35, -d / 2 - 0.06, -d / 2 + 0.05, 0.02, h * 0.5, paint, 0.4)
    elif label == "stuffed animal":
        mesh.soft(-w * 0.35, w * 0.35, -d * 0.4, d * 0.3, h * 0.6, h, paint, 0.95)
    return Thing(label, mesh, [(-w / 4, w / 4, -d / 4, d / 4, h, 0.5)] if label in ("ottoman", "mattress") else [])


def _turned(k: Kit, label, w, d, h, paints, profile) -> Thing:
    """Solids of revolution: bottles, cups, bins."""
    wide, pairs = k.u(0.85, 1.2), [map(float, pair.split(":")) for pair in profile.split()]
    return Thing(label, Mesh().turned(0, 0, [(r * wide, z * h) for r, z in pairs], k.paint(*paints)))


def _panel(k: Kit, label, w, d, h, paints, frames) -> Thing:
    """Flat things on walls, framed or not."""
    face, mesh = k.paint(*paints), Mesh()
    mesh.box(-w / 2, w / 2, -d, 0, 0, h, k.paint(*frames.split()) if frames else face)
    if frames:
        rim = min(k.u(0.015, 0.05), w * 0.1)
        mesh.box(rim - w / 2, w / 2 - rim, -d - 0.004, -d, rim, h - rim, face)
    return Thing(label, mesh, [(-w / 2, w / 2, -d, -0.01, h, 0.3)] if d > 0.19 and h < 0.1 else [])


def storage(k: Kit, label, w, d, h, paints, grid, foot: float | None = None) -> Thing:
    """Closed storage with a grid of doors or drawers: cabinets, dressers, wardrobes, nightstands, TV stands."""
    body = k.paint(*paints)
    face, knob = (body if k.chance(0.7) else k.paint("lacquer", "wood")), k.paint("metal", "dark")
    columns, rows = (k.n(*map(int, (part + "-" + part).split("-")[:2])) for part in grid.split())
    foot = k.pick([0.0, 0.06, 0.1]) if foot is None and h > 0.6 else foot or 0.0
    mesh = Mesh().box(-w / 2, w / 2, -d / 2 + 0.02, d / 2, foot, h, body)
    if foot:
        mesh.box(-w / 2 + 0.02, w / 2 - 0.02, -d / 2 + 0.06, d / 2, 0, foot, k.paint("dark", "wood"))
    cw, rh, handle, y = w / columns, (h - foot) / rows, k.pick(["bar", "knob", "none"]), -d / 2
    for i, j in np.ndindex(columns, rows):
        x, z, upright = i * cw - w / 2, foot + j * rh, rh > 1.3 * cw
        mesh.box(x + 0.008, x + cw - 0.008, y, y + 0.02, z + 0.008, z + rh - 0.008, face)
        cx, cz = x + cw * (0.5 if not upright else 0.85 if i % 2 == 0 else 0.15), z + rh / 2
        dx, dz = {"bar": (0.01, 0.09) if upright else (cw * 0.2, 0.01), "knob": (0.015, 0.015), "none": (0, 0)}[handle]
        if dx:
            mesh.box(cx - dx, cx + dx, y - 0.025, y, cz - dz, cz + dz, knob)
    return Thing(label, mesh, [(-w / 2, w / 2, y + 0.02, d / 2, h, 0.8)])


def _table(k: Kit, label, w, d, h, paints, rounded) -> Thing:
    """Rectangular or round plate on four legs, two panels or a column: tables, stools, benches, carts."""
    top, under, mesh, t = k.paint(*paints), k.paint("wood", "metal", "dark"), Mesh(), k.u(0.02, 0.05)
    is_round, inset = k.chance(float(rounded)), 0.02
    if is_round:
        w = d = min(w, max(d, 0.9 * h if h < 0.8 else d))
        inset = w * 0.16
        mesh.post(0, 0, h - t, h, w / 2, top, sides=28)
    else:
        mesh.box(-w / 2, w / 2, -d / 2, d / 2, h - t, h, top)
    style = k.pick(["legs", "legs", "legs", "panels", "column"] if w < 1.6 else ["legs", "panels"])
    if style == "column":
        mesh.post(0, 0, 0.04, h - t, k.u(0.03, 0.06), under).turned(0, 0, [(min(w, d) * 0.36, 0), (0.06, 0.04)], under)
    elif style == "panels":
        x, y = w / 2 - 0.04 - inset, d * (0.3 if is_round else 0.5) - 0.04
        for side in (-1, 1):
            mesh.box(side * x - 0.02, side * x + 0.02, -y, y, 0, h - t, under)
        mesh.box(0.02 - x, x - 0.02, -0.01, 0.01, h * 0.3, h - t - 0.05, under)
    else:
        thick = min(k.u(0.035, 0.08), w * 0.12)
        legs(k, mesh, w, d, h - t, under, thick, inset)
        if label == "cart" or (not is_round and k.chance(0.25)):
            edge = thick + inset + 0.01
            mesh.box(edge - w / 2, w / 2 - edge, edge - d / 2, d / 2 - edge, h * 0.22, h * 0.22 + 0.02, under)
    reach = 0.36 if is_round else 0.5
    return Thing(label, mesh, [(-w * reach, w * reach, -d * reach, d * reach, h, 0.8)])


def _rug(k: Kit, label, w, d, h, paints, detail) -> Thing:
    return Thing(label, Mesh().box(-w / 2, w / 2, -d / 2, d / 2, 0, h, k.paint(*paints)))


def _hanging(k: Kit, label, w, d, h, paints, detail) -> Thing:
    """Cloth on a hook or rail."""
    mesh = Mesh().soft(-w / 2, w / 2, -d, -0.005, 0, h, k.paint(*paints), 0.35)
    return Thing(label, mesh.box(-w / 2 - 0.04, w / 2 + 0.04, -0.03, -0.01, h + 0.005, h + 0.02, k.paint("metal")))


def drape(k: Kit, width: float, top: float, bottom: float, label: str = "curtain") -> Thing:
    """A curtain of the given width, hanging in folds from `top` to `bottom`."""
    mesh = Mesh().sheet(
        -width / 2, width / 2, bottom, top, k.u(0.025, 0.045), max(1.0, width / 0.16), k.paint("cloth"), -0.06
    )
    return Thing(label, mesh)


_SHAPES = {"box": _box, "soft": _soft, "turned": _turned, "panel": _panel, "storage": storage, "table": _table,
           "rug": _rug, "hanging": _hanging}  # fmt: skip
