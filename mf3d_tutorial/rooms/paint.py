"""Colour of a fused cloud: the patterns of the materials, light with soft shadows, and the camera's
response."""

from dataclasses import dataclass

import numpy as np

from .kit import Range, draw
from .patterns import PATTERNS, noise


@dataclass(frozen=True)
class LightSettings:
    """Light and camera colours of a domain; what is a range is drawn for each scene."""

    lamps: Range  # how many, under the ceiling
    warm: Range  # how far a lamp's colour is from white, to red or to blue
    contrast: list[float]  # share of the light that comes straight from the lamps
    tint: list[float]  # brightness of the whole scan
    cast: Range  # and how far its white balance is off, in units of the usual
    saturation: Range
    gamma: Range
    exposure: float  # drift of brightness from frame to frame
    grain: Range  # noise of a point's colour, in units of the usual


def _details(cloud: dict, paints: list[tuple]) -> np.ndarray:
    """(n, 3) what the patterns add to the base colours."""
    added, axis = np.zeros_like(cloud["base"]), np.abs(cloud["normal"]).argmax(1)
    names, rgb, rgb2, sizes, _ = (np.array(column) for column in zip(*paints))
    for salt, (name, pattern) in enumerate(PATTERNS.items()):
        rows = np.flatnonzero(names[cloud["material"]] == name)
        material = cloud["material"][rows]
        # without the axis it faces
        uv = cloud["coord"][rows][np.arange(3) != axis[rows, None]].reshape(-1, 2)
        uv = uv + 7.3 * (material % 13)[:, None]
        share = pattern(uv / sizes[material, None], uv, salt)
        added[rows] = (rgb2 - rgb)[material] * share[:, None]
    return added


def _light(
    room, surface, cloud: dict, rng: np.random.Generator, light: LightSettings
) -> np.ndarray:
    """(n, 3) brightness: ambient light that fades in corners, and lamps with soft shadows."""
    total, lamps = np.zeros(3), round(draw(rng, light.lamps))
    start = (cloud["coord"] + 0.04 * cloud["normal"]).astype(np.float32)
    for polygon in room.polygons * lamps:
        low, high = polygon.min(0), polygon.max(0)
        spot = np.append(low + (high - low) * rng.uniform(0.25, 0.75, 2), room.height - 0.25)
        target = spot + rng.uniform(-0.35, 0.35, (len(start), 3)) * [1, 1, 0.3]
        toward = target - start
        cosine = np.einsum("ij,ij->i", toward, cloud["normal"]) / np.linalg.norm(toward, axis=1)
        warm = draw(rng, light.warm)
        bright = surface.lit(start, target.astype(np.float32)) * np.clip(cosine, 0, 1)
        total = total + bright[:, None] * np.array([1 + warm, 1, 1 - warm])
    contrast = draw(rng, light.contrast)
    return 1.03 - contrast + contrast * 1.25 * total / lamps


def _respond(rgb: np.ndarray, saturation: float, gamma: float) -> np.ndarray:
    """What a camera makes of colours; at 1 and 1 it changes nothing."""
    if (saturation, gamma) == (1, 1):
        return rgb
    grey = rgb.mean(1, keepdims=True)
    return 255 * (np.clip(grey + saturation * (rgb - grey), 0, 255) / 255) ** gamma


def paint(room, surface, cloud: dict, rng: np.random.Generator, light: LightSettings) -> np.ndarray:
    """(n, 3) u8 colours of a fused cloud (see scan.fuse) in the room it was taken of."""
    rgb = cloud["base"] + _details(cloud, room.kit.paints)
    rgb = rgb * (0.94 + 0.12 * noise(cloud["coord"], 0.5, 3))[:, None]  # dirt, uneven paint
    cast = draw(rng, light.cast) * np.array([0.015, 0.008, 0.03])
    tint = draw(rng, light.tint) * (1 + rng.normal(0, 1, 3) * cast)
    rgb = rgb * _light(room, surface, cloud, rng, light) * cloud["gain"] * tint
    rgb = _respond(rgb, draw(rng, light.saturation), draw(rng, light.gamma))
    grain = draw(rng, light.grain)
    speckle = rng.normal(0, 3 * grain, (len(rgb), 1)) + rng.normal(0, 1.5 * grain, rgb.shape)
    return np.clip(rgb + speckle, 0, 255).astype(np.uint8)
