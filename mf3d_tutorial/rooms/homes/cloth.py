"""Cloth that lies, hangs and rumples; used by the families of homes."""

import numpy as np
from scipy.ndimage import zoom

from ..kit import Kit
from ..mesh import Mesh


def bumps(k: Kit, rows: int, columns: int, size: float) -> np.ndarray:
    """(rows, columns) smooth random heights of about +-size."""
    coarse = k.rng.normal(0, size, (max(2, rows // 3), max(2, columns // 3)))
    return zoom(
        coarse,
        (rows / coarse.shape[0], columns / coarse.shape[1]),
        order=1,
        grid_mode=True,
        mode="nearest",
    )


def cover(
    k: Kit, w: float, y0: float, y1: float, z: float, drop: float, paint: int, size: float = 0.012
) -> Mesh:
    """A blanket over a block w wide, from y0 to y1 with its top at height z; it hangs down on both
    sides by `drop`."""
    across = np.concatenate(
        [[-w / 2 - 0.03] * 2, np.linspace(-w / 2, w / 2, 12), [w / 2 + 0.03] * 2]
    )
    down = np.concatenate([[drop, drop / 2], np.zeros(12), [drop / 2, drop]])
    x, y = np.meshgrid(across, np.linspace(y0, y1, 14))
    height = z - down + np.abs(bumps(k, 14, 16, size))
    return Mesh().sheet(np.stack([x + bumps(k, 14, 16, 0.008), y, height], -1), paint)


def throw(k: Kit, x: float, width: float, profile: list, paint: int) -> Mesh:
    """A cloth laid over furniture: `width` wide around x, along a side view of (y, z) points."""
    y, z = np.array(profile, float).T
    shift = bumps(k, len(y), 8, 0.02)
    across = x + np.linspace(-width / 2, width / 2, 8)[None] + shift
    return Mesh().sheet(
        np.stack([across, y[:, None] + 0 * across, z[:, None] + 0.012 + np.abs(shift) / 2], -1),
        paint,
    )


def folds(k: Kit, width: float, top: float, bottom: float, paint: int) -> Mesh:
    """A curtain: folds of uneven width and depth, soft or sharp, sometimes gathered by a tie,
    hanging at y = -0.05."""
    count, sharp = max(2, int(width / k.u(0.07, 0.22))), k.pick([1.0, 1.0, k.u(0.4, 0.8)])
    n, depth, levels = count * 6 + 1, k.u(0.015, 0.05), np.linspace(bottom, top, 7)
    phase = np.cumsum(k.rng.uniform(0.6, 1.4, n)) / n * count * 2 * np.pi
    wave = np.sign(np.sin(phase)) * np.abs(np.sin(phase)) ** sharp
    wave = depth * wave[None] * (1 - 0.35 * np.linspace(0, 1, 7)[:, None]) + bumps(k, 7, n, 0.006)
    tied = k.u(0.35, 0.7) if k.chance(0.2) and top - bottom > 1.2 else 0.0
    waist = 1 - tied * np.exp(-(((levels - bottom) / (top - bottom) - 0.45) ** 2) / 0.02)
    x = np.linspace(-width / 2, width / 2, n)[None] * waist[:, None]
    y = np.clip(wave - 0.065, -0.115, -0.012)
    return Mesh().sheet(np.stack([x, y, np.repeat(levels[:, None], n, 1)], -1), paint)
