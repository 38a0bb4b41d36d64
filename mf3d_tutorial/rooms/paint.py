"""Colour of a fused cloud: the patterns of the materials, light with soft shadows, and the camera's exposure."""

import numpy as np

_PATTERNS = ("wood", "planks", "tiles", "cloth", "stripes", "checks", "carpet", "print", "stone", "text")


def lattice(points: np.ndarray, salt: int) -> np.ndarray:
    """(n,) pseudo-random float32 in 0..1, the same for all points (n, d) in the same cell of size 1."""
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


def _pattern(name: str, uv: np.ndarray, scale: np.ndarray, salt: int) -> np.ndarray:
    """(n,) share of a material's second colour at surface coordinates uv (n, 2)."""
    grid = uv / scale[:, None]
    cell, within = np.floor(grid), grid - np.floor(grid)
    if name == "wood":  # grain: noise stretched along the board
        return noise(grid * [2, 0.15], 1.0, salt)
    if name == "planks":  # boards of their own shade, with joints
        row = cell[:, 0]
        shade = lattice(np.stack([row, grid[:, 1] / 8 + row * 0.37], 1), salt)
        return np.maximum(0.75 * shade, within[:, 0] < 0.1) + 0.25 * noise(grid * [3, 0.3], 1.0, salt)
    if name == "tiles":
        return np.where((within < 0.12).any(1), 1.0, 0.25 * lattice(grid, salt))
    if name == "stripes":
        return within[:, 0] < 0.5
    if name == "checks":
        return (within < 0.5).mean(1)
    if name == "text":
        return lattice(grid * 4, salt) < 0.3
    smooth = noise(grid, 1.0, salt)
    if name == "print":
        return np.clip(3 * smooth - 1, 0, 1)
    return smooth if name == "cloth" else 0.6 * lattice(uv / 0.02, salt) + 0.4 * smooth  # carpet, stone


def _details(cloud: dict, paints: list[tuple]) -> np.ndarray:
    """(n, 3) what the patterns add to the base colours."""
    added, axis = np.zeros_like(cloud["base"]), np.abs(cloud["normal"]).argmax(1)
    names, rgb, rgb2, sizes, _ = (np.array(column) for column in zip(*paints))
    for salt, name in enumerate(_PATTERNS):
        rows = np.flatnonzero(names[cloud["material"]] == name)
        material = cloud["material"][rows]
        uv = cloud["coord"][rows][np.arange(3) != axis[rows, None]].reshape(-1, 2)  # without the axis it faces
        share = _pattern(name, uv + 7.3 * (material % 13)[:, None], sizes[material], salt)
        added[rows] = (rgb2 - rgb)[material] * share[:, None]
    return added


def _light(room, surface, cloud: dict, rng: np.random.Generator) -> np.ndarray:
    """(n, 1) brightness: ambient light that fades in corners, and lamps with soft shadows."""
    low, high = room.polygon.min(0), room.polygon.max(0)
    total, lamps = 0, 3
    start = (cloud["coord"] + 0.04 * cloud["normal"]).astype(np.float32)
    for _ in range(lamps):
        spot = np.append(low + (high - low) * rng.uniform(0.25, 0.75, 2), room.height - 0.25)
        target = spot + rng.uniform(-0.35, 0.35, (len(start), 3)) * [1, 1, 0.3]
        toward = target - start
        cosine = np.einsum("ij,ij->i", toward, cloud["normal"]) / np.linalg.norm(toward, axis=1)
        total += surface.lit(start, target.astype(np.float32)) * np.clip(cosine, 0, 1)
    contrast = rng.uniform(0.3, 0.5)
    return (1.03 - contrast + contrast * 1.25 * total / lamps)[:, None]


def paint(room, surface, cloud: dict, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) u8 colours of a fused cloud (see scan.fuse) in the room it was taken of."""
    rgb = cloud["base"] + _details(cloud, room.kit.paints)
    rgb = rgb * (0.94 + 0.12 * noise(cloud["coord"], 0.5, 3))[:, None]  # dirt, uneven paint
    tint = rng.uniform(0.8, 1.04) * (1 + rng.normal(0, 1, 3) * [0.015, 0.008, 0.03])
    rgb = rgb * _light(room, surface, cloud, rng) * cloud["gain"] * tint
    return np.clip(rgb + rng.normal(0, 3, (len(rgb), 1)) + rng.normal(0, 1.5, rgb.shape), 0, 255).astype(np.uint8)
