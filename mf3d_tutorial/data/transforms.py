"""Random changes of a training scene. Each is a callable `(scene, rng) -> scene` that leaves its input alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mf3d_tutorial.data.scannet import Scene

Transform = Callable[[Scene, np.random.Generator], Scene]


def compose(*transforms: Transform) -> Transform:
    """One transform that applies these in order."""

    def apply(scene: Scene, rng: np.random.Generator) -> Scene:
        for transform in transforms:
            scene = transform(scene, rng)
        return scene

    return apply


def _rotated(scene: Scene, matrix: np.ndarray) -> Scene:
    center = (scene.coord.min(0) + scene.coord.max(0)) / 2
    coord = (scene.coord - center) @ matrix.T + center
    return replace(scene, coord=coord.astype(np.float32), normal=(scene.normal @ matrix.T).astype(np.float32))


def random_flip(scene: Scene, rng: np.random.Generator) -> Scene:
    """Mirror x, and y, with probability 1/2 each, about the scene's centre."""
    signs = rng.choice([-1.0, 1.0], size=2)
    return _rotated(scene, np.diag([signs[0], signs[1], 1.0]))


def random_rotation(scene: Scene, rng: np.random.Generator, tilt: float = np.pi / 64) -> Scene:
    """Turn about the vertical axis by any angle, and tilt about x and y by up to `tilt` radians."""
    matrix = np.eye(3)
    for axis, limit in ((0, tilt), (1, tilt), (2, np.pi)):
        angle = rng.uniform(-limit, limit)
        i, j = (k for k in range(3) if k != axis)
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return _rotated(scene, matrix)


def random_scale(scene: Scene, rng: np.random.Generator, spread: float = 0.1) -> Scene:
    """Stretch the scene about the origin by a factor within 1 +- spread."""
    return replace(scene, coord=(scene.coord * np.float32(rng.uniform(1 - spread, 1 + spread))))


def random_color(scene: Scene, rng: np.random.Generator, spread: float = 0.2, shift: float = 0.08) -> Scene:
    """Change brightness and contrast by up to `spread`, and each channel by up to `shift` (colours are 0..1)."""
    contrast, brightness = rng.uniform(1 - spread, 1 + spread), rng.uniform(-spread, spread) / 2
    mean = scene.color.mean()
    color = (scene.color - mean) * contrast + mean + brightness + rng.uniform(-shift, shift, 3)
    return replace(scene, color=color.clip(0, 1).astype(np.float32))


training_augmentation = compose(random_flip, random_rotation, random_scale, random_color)
