"""Two training scenes in one (Mix3D, Nekrasov et al. 2021)."""

import numpy as np

from mf3d_tutorial.data.placement import bounds
from mf3d_tutorial.data.scannet import Original, ScanNetScenes, Scene


class MixedScenes(ScanNetScenes):
    """Scenes of which a share `mix` is joined with another random one of the split, after both
    have been transformed."""

    def __init__(self, *args, mix: float, **options):
        super().__init__(*args, **options)
        self.mix = mix

    def __getitem__(self, item: int | tuple[int, int]) -> Scene:
        epoch, index = item if isinstance(item, tuple) else (0, item)
        rng = np.random.default_rng((self.seed, epoch, index, 1))
        scene = super().__getitem__(item)
        if rng.random() >= self.mix:
            return scene
        return joined(scene, super().__getitem__((epoch, int(rng.integers(len(self))))))


def joined(scene: Scene, other: Scene) -> Scene:
    """Both scenes in one, their centres in the same place, as in Mix3D (Nekrasov et al. 2021): an
    object then says nothing about what stands beside it. Floors stay at their heights."""
    shift = _middle(scene) - _middle(other)
    after = max(scene.instance.max(initial=-1), -1) + 1
    instance = np.where(other.instance >= 0, other.instance + after, other.instance)
    segment = np.concatenate([scene.segment, other.segment])
    instance = np.concatenate([scene.instance, instance])
    original = Original(segment, instance, np.arange(len(segment)))
    coord = np.concatenate([scene.coord, other.coord + shift])
    color = np.concatenate([scene.color, other.color])
    normal = np.concatenate([scene.normal, other.normal])
    return Scene(scene.name, coord, color, normal, segment, instance, original)


def _middle(scene: Scene) -> np.ndarray:
    """The middle of the scene's box in x and y (3,), and the lowest z."""
    low, high = bounds(scene.coord)
    return np.append((low + high)[:2] / 2, low[2]).astype(np.float32)
