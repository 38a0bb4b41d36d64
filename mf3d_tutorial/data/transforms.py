"""Random changes of a training scene. Each is a callable `(scene, rng) -> scene` that leaves its
input alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import uniform_filter

from mf3d_tutorial.data.placement import bounds
from mf3d_tutorial.data.scannet import Original, Scene

Transform = Callable[[Scene, np.random.Generator], Scene]


def compose(*transforms: Transform) -> Transform:
    """One transform that applies these in order."""

    def apply(scene: Scene, rng: np.random.Generator) -> Scene:
        for transform in transforms:
            scene = transform(scene, rng)
        return scene

    return apply


def _rotated(scene: Scene, matrix: np.ndarray) -> Scene:
    low, high = bounds(scene.coord)
    center = (low + high) / 2
    coord, normal = _turned(scene.coord - center, matrix) + center, _turned(scene.normal, matrix)
    return replace(scene, coord=coord.astype(np.float32), normal=normal.astype(np.float32))


def _turned(vectors: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`vectors @ matrix.T` in float32, but in one thread: numpy's product would start as many as
    there are cores, in each of the data loader's processes, and they would wait for one another."""
    return np.einsum("nj,ij->ni", vectors, matrix.astype(np.float32))


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


def random_color(
    scene: Scene, rng: np.random.Generator, spread: float = 0.2, shift: float = 0.08
) -> Scene:
    """Change brightness and contrast by up to `spread`, and each channel by up to `shift` (colours
    are 0..1)."""
    contrast, brightness = rng.uniform(1 - spread, 1 + spread), rng.uniform(-spread, spread) / 2
    mean = scene.color.mean()
    color = (scene.color - mean) * contrast + mean + brightness + rng.uniform(-shift, shift, 3)
    return replace(scene, color=color.clip(0, 1).astype(np.float32))


def random_elastic(
    scene: Scene,
    rng: np.random.Generator,
    waves: tuple[tuple[float, float], ...] = ((0.2, 0.4), (0.8, 1.6)),
    probability: float = 0.95,
) -> Scene:
    """Bend the scene smoothly, once for each (grid, strength) of `waves`, both in metres (values of
    Mask3D).

    Normal noise on a grid is blurred twice over 3 x 3 x 3 cells, which leaves 0.11 of it, times
    strength, and points move by what lies between the grid's corners. Normals stay as they are.
    """
    coord = scene.coord
    for grid, strength in waves if rng.uniform() < probability else ():
        cell = (coord - bounds(coord)[0]) / grid + 2
        noise = rng.normal(size=(3, *np.ceil(bounds(cell)[1]).astype(int) + 3)).astype(np.float32)
        noise = uniform_filter(
            uniform_filter(noise, (0, 3, 3, 3), mode="constant"), (0, 3, 3, 3), mode="constant"
        )
        coord = coord + strength * _between_corners(noise, cell)
    return replace(scene, coord=coord.astype(np.float32))


def _between_corners(noise: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Trilinear interpolation of three grids (3, X, Y, Z) at points (N, 3), counted in cells; (N,
    3).

    By torch, which takes the grids together: ten times quicker than scipy's `map_coordinates` of
    each.
    """
    # -1 to 1
    place = torch.from_numpy(
        (2 * cell / (np.array(noise.shape[1:]) - 1) - 1)[:, ::-1].astype(np.float32)
    )
    values = F.grid_sample(
        torch.from_numpy(noise)[None], place[None, None, None], align_corners=True
    )
    return values[0, :, 0, 0].T.numpy()


def random_crop(
    scene: Scene, rng: np.random.Generator, smallest: float = 0.5, probability: float = 0.5
) -> Scene:
    """Keep a random share, `smallest` or more, of the points: those around a random one, as seen
    from above."""
    if rng.uniform() >= probability:
        return scene
    center = scene.coord[rng.integers(len(scene.coord)), :2]
    distance = np.square(scene.coord[:, :2] - center).sum(1)
    keep = np.sort(np.argsort(distance)[: max(1, int(len(distance) * rng.uniform(smallest, 1)))])
    segment, instance = scene.segment[keep], scene.instance[keep]
    original = Original(segment, instance, np.arange(len(keep)))
    return Scene(
        scene.name,
        scene.coord[keep],
        scene.color[keep],
        scene.normal[keep],
        segment,
        instance,
        original,
    )


def augmentation(names: Sequence[str]) -> Transform:
    """The changes of these names (flip, rotation, scale, color, elastic, crop), one after the
    other."""
    return compose(*(globals()[f"random_{name}"] for name in names))
