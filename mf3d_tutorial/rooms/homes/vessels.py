"""Shells that hold water, and taps: what basins, tubs and toilets are made of; used by the families
of homes."""

import numpy as np

from ..kit import Kit
from ..mesh import Mesh, grid_faces


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
