"""Random changes of a training scene. Each is a callable `(scene, rng) -> scene` that leaves its
input alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float

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


def _center(scene: Scene) -> np.ndarray:
    """The middle of the scene's bounding box."""
    low, high = bounds(scene.coord)
    return (low + high) / 2


def _rotated(scene: Scene, matrix: np.ndarray) -> Scene:
    center = _center(scene)
    coord, normal = _turned(scene.coord - center, matrix) + center, _turned(scene.normal, matrix)
    return replace(scene, coord=coord.astype(np.float32), normal=normal.astype(np.float32))


def _turned(vectors: Float[np.ndarray, "N 3"], matrix: Float[np.ndarray, "3 3"]) -> np.ndarray:
    """`vectors @ matrix.T` in float32, but in one thread: numpy's product would start as many as
    there are cores, in each of the data loader's processes, and they would wait for one another.

    Column by column, because numpy is slow where the last axis has a length of 3.
    """
    x, y, z = vectors.T
    turned = np.empty_like(vectors)
    for axis, (a, b, c) in enumerate(matrix.astype(np.float32)):
        turned[:, axis] = x * a + y * b + z * c
    return turned


def random_flip(scene: Scene, rng: np.random.Generator) -> Scene:
    """Mirror x, and y, with probability 1/2 each, about the scene's centre."""
    signs = rng.choice([-1.0, 1.0], size=2).astype(np.float32)
    center = _center(scene)
    coord, normal = scene.coord.copy(), scene.normal.copy()
    for axis, sign in enumerate(signs):
        coord[:, axis] = (coord[:, axis] - center[axis]) * sign + center[axis]
        normal[:, axis] *= sign
    return replace(scene, coord=coord, normal=normal)


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
    """Change contrast by up to `spread`, brightness by up to half of it, and each channel by up to
    `shift` (colours are 0..1)."""
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
    """Bend the scene smoothly, by the sum of one field for each (grid, strength) of `waves`, both
    in metres (values of Mask3D).

    A field is normal noise on a grid of about that spacing, blurred twice over 3 x 3 x 3 cells,
    which leaves 0.11 of it, times strength; between the grid's corners it is linear. Normals stay
    as they are.
    """
    if not waves or rng.uniform() >= probability:
        return scene
    low, high = bounds(scene.coord)
    finest = min(grid for grid, _ in waves)
    cells = np.maximum(np.ceil((high - low) / finest), 1).astype(int)  # along each axis
    field = torch.zeros(1, 3, *cells + 1)
    for grid, strength in waves:
        corners = np.ceil(cells * finest / grid).astype(int) + 1
        noise = rng.standard_normal((3, *corners + 4), np.float32)
        blurred = torch.from_numpy(_blurred(_blurred(noise)))[None]
        # All grids have their outer corners in common, so that one serves for all.
        field += strength * F.interpolate(
            blurred, field.shape[2:], mode="trilinear", align_corners=True
        )
    # -1 to 1; z, y, x
    points = (scene.coord - low) * (2 / (cells * finest)).astype(np.float32) - 1
    points = torch.from_numpy(np.ascontiguousarray(points[:, ::-1]))
    bend = F.grid_sample(field, points[None, None, None], align_corners=True)
    return replace(scene, coord=np.add(scene.coord, bend[0, :, 0, 0].T.numpy(), order="C"))


def _blurred(noise: Float[np.ndarray, "C X Y Z"]) -> Float[np.ndarray, "C X-2 Y-2 Z-2"]:
    """The mean over 3 x 3 x 3 cells; scipy's `uniform_filter` takes three times as long."""
    for axis in (1, 2, 3):
        first = np.moveaxis(noise, axis, 0)
        noise = np.moveaxis((first[:-2] + first[1:-1] + first[2:]) / 3, 0, axis)
    return noise


def random_stretch(scene: Scene, rng: np.random.Generator, spread: float = 0.15) -> Scene:
    """Stretch x, y and z about the scene's centre, each by its own factor, exp(-spread) to
    exp(spread)."""
    factors = np.exp(rng.uniform(-spread, spread, 3)).astype(np.float32)
    center = _center(scene).astype(np.float32)
    # A surface's normal stays at right angles to what lies in the surface.
    normal = _unit(scene.normal / factors)
    return replace(scene, coord=(scene.coord - center) * factors + center, normal=normal)


def random_noise(
    scene: Scene,
    rng: np.random.Generator,
    coord: float = 0.01,
    normal: float = 0.2,
    color: float = 0.06,
) -> Scene:
    """Add a scanner's noise: normal noise for each point, in metres, parts of a unit vector, and
    colours (0..1); how strong it is, up to these values, differs between scenes."""

    # PyTorch's normal numbers take less than half of the time that numpy's take.
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))

    def noisy(values: np.ndarray, most: float) -> np.ndarray:
        noise = torch.randn(values.shape, generator=generator).numpy()
        return values + np.float32(rng.uniform(0, most)) * noise

    known = scene.normal.any(1, keepdims=True)  # a missing normal stays zero
    return replace(
        scene,
        coord=noisy(scene.coord, coord),
        normal=_unit(noisy(scene.normal, normal)) * known,
        color=noisy(scene.color, color).clip(0, 1),
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (N, 3) of length 1; zero stays zero."""
    length = np.sqrt(np.einsum("nj,nj->n", vectors, vectors))
    return (vectors / np.maximum(length, 1e-6)[:, None]).astype(np.float32)


def random_gray(scene: Scene, rng: np.random.Generator, probability: float = 0.25) -> Scene:
    """Take at least half of the colour away: what an object is must show in its shape."""
    if rng.uniform() >= probability:
        return scene
    share = np.float32(rng.uniform(0.5, 1))
    gray = scene.color.mean(1, keepdims=True)
    return replace(scene, color=scene.color + share * (gray - scene.color))


def random_holes(
    scene: Scene,
    rng: np.random.Generator,
    count: int = 10,
    radius: tuple[float, float] = (0.1, 0.4),
    smallest: float = 0.7,
    probability: float = 0.5,
) -> Scene:
    """Leave out what a scanner may miss: all points within `radius` metres of up to `count` random
    ones, and some of the rest, of which a share of `smallest` or more stays."""
    if rng.uniform() >= probability:
        return scene
    keep = rng.random(len(scene.coord), np.float32) < rng.uniform(smallest, 1)
    for center in scene.coord[rng.integers(len(scene.coord), size=rng.integers(count + 1))]:
        away = scene.coord - center
        keep &= np.einsum("nj,nj->n", away, away) > rng.uniform(*radius) ** 2
    return _subset(scene, np.flatnonzero(keep)) if keep.any() else scene


def random_crop(
    scene: Scene, rng: np.random.Generator, smallest: float = 0.5, probability: float = 0.5
) -> Scene:
    """Keep a random share, `smallest` or more, of the points: those around a random one, as seen
    from above."""
    if rng.uniform() >= probability:
        return scene
    center = scene.coord[rng.integers(len(scene.coord)), :2]
    x, y = (scene.coord[:, :2] - center).T
    distance = x * x + y * y
    size = max(1, int(len(distance) * rng.uniform(smallest, 1)))
    return _subset(scene, np.sort(np.argpartition(distance, size - 1)[:size]))


def _subset(scene: Scene, keep: np.ndarray) -> Scene:
    """The scene with the points of these indices alone; the others might never have been there,
    for `original`, too."""
    segment, instance = scene.segment.take(keep), scene.instance.take(keep)
    original = Original(segment, instance, np.arange(len(keep)))
    coord, color, normal = (
        array.take(keep, axis=0) for array in (scene.coord, scene.color, scene.normal)
    )
    return Scene(scene.name, coord, color, normal, segment, instance, original)


# What `data.augment` can name.
AUGMENTATIONS: dict[str, Transform] = {
    "flip": random_flip,
    "rotation": random_rotation,
    "scale": random_scale,
    "color": random_color,
    "elastic": random_elastic,
    "crop": random_crop,
    "stretch": random_stretch,
    "gray": random_gray,
    "noise": random_noise,
    "holes": random_holes,
}


def augmentation(names: Sequence[str]) -> Transform:
    """The changes of these names (keys of `AUGMENTATIONS`), one after the other."""
    return compose(*(AUGMENTATIONS[name] for name in names))
