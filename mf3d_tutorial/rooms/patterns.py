"""Patterns of materials: the share of a second colour at each point of a surface.

A pattern takes grid (n, 2), surface coordinates in units of its size, uv (n, 2), the same in
metres, and a salt.
"""

from collections.abc import Callable

import numpy as np


def lattice(points: np.ndarray, salt: int) -> np.ndarray:
    """(n,) pseudo-random float32 in 0..1, the same for all points (n, d) in the same cell of size
    1."""
    mixed = np.full(len(points), salt * 0x9E3779B1 & 0xFFFFFFFF, np.uint32)
    for column in np.floor(points).astype(np.int64).T:
        mixed = (mixed ^ column.astype(np.uint32)) * np.uint32(0x85EBCA6B)
        mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    return (mixed >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


def noise(points: np.ndarray, size: float, salt: int) -> np.ndarray:
    """(n,) smooth noise in 0..1 over points (n, d), with lumps of about `size`."""
    cell = np.floor(points / size)
    t = points / size - cell
    t = t * t * (3 - 2 * t)
    total = np.zeros(len(points))
    for corner in np.ndindex(*(2,) * points.shape[1]):
        total += np.prod(np.where(corner, t, 1 - t), 1) * lattice(cell + corner, salt)
    return total


def _within(grid: np.ndarray) -> np.ndarray:
    return grid - np.floor(grid)


def _planks(grid, uv, salt):
    """Boards of their own shade, with joints."""
    row = np.floor(grid[:, 0])
    shade = lattice(np.stack([row, grid[:, 1] / 8 + row * 0.37], 1), salt)
    return np.maximum(0.75 * shade, _within(grid)[:, 0] < 0.1) + 0.25 * noise(
        grid * [3, 0.3], 1.0, salt
    )


def _carpet(grid, uv, salt):
    return 0.6 * lattice(uv / 0.02, salt) + 0.4 * noise(grid, 1.0, salt)


def _brick(grid, uv, salt):
    """Courses of bricks, each half a brick further than the one below, in mortar of the second
    colour."""
    shifted = grid * [1, 3] + np.stack(
        [0.5 * (np.floor(grid[:, 1] * 3) % 2), np.zeros(len(grid))], 1
    )
    return np.where((_within(shifted) < [0.06, 0.16]).any(1), 1.0, 0.4 * lattice(shifted, salt))


def _herringbone(grid, uv, salt):
    turned = np.where(
        (np.floor(grid[:, 0]) % 2 == 0)[:, None], grid @ [[1, 1], [1, -1]], grid @ [[1, -1], [1, 1]]
    )
    return np.maximum(0.7 * lattice(turned * [3, 0.5], salt), _within(turned * 3)[:, 0] < 0.1)


def _motif(grid, uv, salt):
    """What a painting or a photograph might show: areas of several tones."""
    broad = noise(grid * 0.5, 1.0, salt) + 0.35 * noise(grid * 2, 1.0, salt)
    return np.floor(broad * 5) % 3 / 2


def _rings(grid, uv, salt):
    return 0.5 + 0.5 * np.sin(6.28 * np.linalg.norm(_within(grid) - 0.5, axis=1) * 3)


def _weave(grid, uv, salt):
    over = np.floor(grid).sum(1) % 2 == 0
    return np.where(over, _within(grid * 3)[:, 0], _within(grid * 3)[:, 1])


def _terrazzo(grid, uv, salt):
    return np.where(noise(uv, 0.03, salt) > 0.68, lattice(uv / 0.06, salt), 0.0)


Pattern = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
PATTERNS: dict[str, Pattern] = {  # the salt is the place in this list: append only
    # grain: noise stretched along the board
    "wood": lambda grid, uv, salt: noise(grid * [2, 0.15], 1.0, salt),
    "planks": _planks,
    "tiles": lambda grid, uv, salt: np.where(
        (_within(grid) < 0.12).any(1), 1.0, 0.25 * lattice(grid, salt)
    ),
    "cloth": lambda grid, uv, salt: noise(grid, 1.0, salt),
    "stripes": lambda grid, uv, salt: _within(grid)[:, 0] < 0.5,
    "checks": lambda grid, uv, salt: (_within(grid) < 0.5).mean(1),
    "carpet": _carpet,
    "print": lambda grid, uv, salt: np.clip(3 * noise(grid, 1.0, salt) - 1, 0, 1),
    "stone": _carpet,
    "text": lambda grid, uv, salt: lattice(grid * 4, salt) < 0.3,
    "boards": lambda grid, uv, salt: np.where(
        _within(grid)[:, 0] < 0.1, 1.0, 0.4 * noise(grid * [3, 0.2], 1.0, salt)
    ),
    "brick": _brick,
    "herringbone": _herringbone,
    "motif": _motif,
    "dots": lambda grid, uv, salt: np.linalg.norm(_within(grid) - 0.5, axis=1) < 0.27,
    "marble": lambda grid, uv, salt: (
        np.abs(np.sin(4 * grid[:, 0] + 6 * noise(grid, 1.0, salt))) ** 4
    ),
    "fade": lambda grid, uv, salt: noise(uv, 1.2, salt),
    "rings": _rings,
    "weave": _weave,
    "terrazzo": _terrazzo,
    "diagonals": lambda grid, uv, salt: _within(grid.sum(1)) < 0.4,
    "lines": lambda grid, uv, salt: _within(grid)[:, 1] < 0.08,
    "patches": lambda grid, uv, salt: lattice(grid, salt),
    "scales": lambda grid, uv, salt: np.linalg.norm(
        _within(grid + [[0.5, 0]] * (np.floor(grid[:, 1:]) % 2 == 0)) - [0.5, 0], axis=1
    ),
    "fibre": lambda grid, uv, salt: noise(grid * [0.2, 6], 1.0, salt),
}
