"""Pieces that several families of `other` are made of; nothing here is shared with the domains that
are trained on."""

import numpy as np

from ..kit import Kit
from ..mesh import Mesh


def ngon(sides: int, w: float, d: float, turn: float = 0.0) -> list[tuple[float, float]]:
    """Corners of a regular polygon in the box w x d."""
    angles = turn + np.arange(sides) * 2 * np.pi / sides
    return [(w / 2 * np.cos(a), d / 2 * np.sin(a)) for a in angles]


def plate(outline: list, z0: float, z1: float, paint: int) -> Mesh:
    """A horizontal plate of convex outline (x, y), counter-clockwise from above."""
    return Mesh().add(
        Mesh().prism([(x, -y) for x, y in outline[::-1]], z0, z1, paint), pitch=np.pi / 2
    )


def casters(mesh: Mesh, w: float, d: float, paint: int, high: float = 0.1) -> None:
    """Four wheels."""
    for x in (0.06 - w / 2, w / 2 - 0.06):
        for y in (0.06 - d / 2, d / 2 - 0.06):
            mesh.soft(x - 0.02, x + 0.02, y - high / 2, y + high / 2, 0, high, paint, 0.8, 8)


def cage(mesh: Mesh, w: float, d: float, z0: float, z1: float, r: float, paint: int) -> None:
    """The twelve bars of a box."""
    x, y = w / 2 - r, d / 2 - r
    for z in (z0 + r, z1 - r):
        mesh.tube([(-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z), (-x, -y, z)], r, paint, 6)
    for a in (-x, x):
        for b in (-y, y):
            mesh.tube([(a, b, z0), (a, b, z1)], r, paint, 6)


def pleats(k: Kit, path: list, top: float, bottom: float, paint: int) -> Mesh:
    """Cloth in sharp, even pleats along a line of (x, y) points."""
    corners = np.array(path, float)
    lengths = np.append(0, np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1)))
    n, deep = max(4, int(lengths[-1] / k.u(0.05, 0.12))), k.u(0.015, 0.035)
    along = np.linspace(0, lengths[-1], n)
    x, y = (np.interp(along, lengths, corners[:, i]) for i in (0, 1))
    zigzag = np.where(np.arange(n) % 2 == 0, deep, -deep)
    levels = [bottom, (bottom + top) / 2, top]
    return Mesh().sheet(
        np.stack([np.stack([x, y + zigzag, np.full(n, z)], -1) for z in levels]), paint
    )


def tufted(
    mesh: Mesh,
    x0: float,
    x1: float,
    y0: float,
    y1: float,
    z0: float,
    z1: float,
    columns: int,
    paint: int,
) -> None:
    """A cushion sewn into bulges side by side."""
    for i in range(columns):
        a, b = x0 + (x1 - x0) * i / columns, x0 + (x1 - x0) * (i + 1) / columns
        mesh.soft(a, b, y0, y1, z0, z1, paint, 0.8, 12)


def trough(k: Kit, w: float, d: float, z: float, taps: int) -> Mesh:
    """A flat-bottomed steel basin that tapers, with swan-neck taps; its rim at height z."""
    steel, mesh, t = k.paint("steel", "moulded"), Mesh(), 0.015
    for side in (-1, 1):
        mesh.add(
            Mesh().box(-0.5 * t, 0.5 * t, -d / 2, d / 2, -0.18, 0, steel),
            side * (w / 2 - 0.02),
            0,
            z,
            roll=side * 0.12,
        )
        mesh.box(-w / 2, w / 2, side * (d / 2) - t / 2, side * (d / 2) + t / 2, z - 0.18, z, steel)
    mesh.block(w - 0.08, d, z - 0.19, z - 0.175, steel)
    for x in w * ((np.arange(taps) + 0.5) / taps - 0.5):
        arc = [
            (x, d / 2 - 0.03, z),
            (x, d / 2 - 0.03, z + 0.22),
            (x, d / 2 - 0.08, z + 0.3),
            (x, d / 2 - 0.16, z + 0.26),
        ]
        mesh.tube(arc, 0.011, steel, 6)
    return mesh
