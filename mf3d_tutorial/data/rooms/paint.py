"""Colour of a fused cloud: the patterns of the materials, light with soft shadows, and the camera's exposure."""

import numpy as np

_PATTERNS = ("wood", "planks", "tiles", "cloth", "stripes", "checks", "carpet", "print", "stone", "text")


def lattice(cells: np.ndarray, salt: int) -> np.ndarray:
    """(n,) pseudo-random float32 in 0..1 for integer cells (n, d), the same for the same cell."""
    mixed = np.full(len(cells), salt * 0x9E3779B1 & 0xFFFFFFFF, np.uint32)
    for column in cells.T:
        mixed = (mixed ^ column.astype(np.uint32)) * np.uint32(0x85EBCA6B)
        mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    return (mixed >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


def noise(points: np.ndarray, size: float, salt: int) -> np.ndarray:
    """(n,) smooth noise in 0..1 over points (n, d), with lumps of about `size`."""
    scaled = points / size
    cell = np.floor(scaled).astype(np.int64)
    t = scaled - cell
    t = t * t * (3 - 2 * t)
    total = np.zeros(len(points))
    for corner in np.ndindex(*(2,) * points.shape[1]):
        weight = np.prod(np.where(corner, t, 1 - t), 1)
        total += weight * lattice(cell + np.array(corner), salt)
    return total


def _pattern(name: str, uv: np.ndarray, scale: np.ndarray, salt: int) -> np.ndarray:
    """(n,) share of a material's second colour at surface coordinates uv (n, 2)."""
    u, v = uv[:, 0] / scale, uv[:, 1] / scale
    cells = np.stack([np.floor(u), np.floor(v)], 1).astype(np.int64)
    if name == "wood":  # grain: noise stretched along the board
        return noise(np.stack([u * 2, v * 0.15], 1), 1.0, salt)
    if name == "planks":  # boards of their own shade, with joints
        row = np.floor(u).astype(np.int64)
        shade = lattice(np.stack([row, np.floor(v / 8 + row * 0.37).astype(np.int64)], 1), salt)
        return np.maximum(0.75 * shade, (u - row < 0.1) * 1.0) + 0.25 * noise(np.stack([u * 3, v * 0.3], 1), 1.0, salt)
    if name == "tiles":
        joint = (u - np.floor(u) < 0.12) | (v - np.floor(v) < 0.12)
        return np.where(joint, 1.0, 0.25 * lattice(cells, salt))
    if name == "stripes":
        return (u - np.floor(u) < 0.5) * 1.0
    if name == "checks":
        return ((u - np.floor(u) < 0.5).astype(float) + (v - np.floor(v) < 0.5)) / 2
    if name == "print":
        return np.clip(3 * noise(np.stack([u, v], 1), 1.0, salt) - 1, 0, 1)
    if name == "text":
        return (lattice(np.stack([np.floor(u * 4), np.floor(v * 4)], 1).astype(np.int64), salt) < 0.3) * 1.0
    if name in ("carpet", "stone"):
        fine = lattice(np.floor(uv / 0.02).astype(np.int64), salt)
        return 0.6 * fine + 0.4 * noise(np.stack([u, v], 1), 1.0, salt)
    return noise(np.stack([u, v], 1), 1.0, salt)  # cloth


def _details(cloud: dict, paints: list[tuple]) -> np.ndarray:
    """(n, 3) what the patterns add to the base colours."""
    added = np.zeros_like(cloud["base"])
    axis = np.abs(cloud["normal"]).argmax(1)
    extra = np.array([rgb2 - rgb for _, rgb, rgb2, *_ in paints])
    sizes = np.array([size for *_, size, _ in paints])
    pattern = np.array([_PATTERNS.index(name) if name in _PATTERNS else -1 for name, *_ in paints])[cloud["material"]]
    for number, name in enumerate(_PATTERNS):
        rows = np.flatnonzero(pattern == number)
        point, material = cloud["coord"][rows], cloud["material"][rows]
        uv = np.where(axis[rows, None] == 2, point[:, :2], np.where(axis[rows, None] == 0, point[:, 1:], point[:, ::2]))
        uv = uv + 7.3 * (material % 13)[:, None]
        share = _pattern(name, uv, sizes[material], number)
        added[rows] = extra[material] * share[:, None]
    return added


def _light(room, surface, cloud: dict, rng: np.random.Generator) -> np.ndarray:
    """(n, 1) brightness: ambient light that fades in corners, and lamps with soft shadows."""
    low, high = room.polygon.min(0), room.polygon.max(0)
    total, lamps = np.zeros(len(cloud["coord"])), 3
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
