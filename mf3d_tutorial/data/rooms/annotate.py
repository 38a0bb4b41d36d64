"""From a scanned room to a scene in the ScanNet layout: instances, classes, and what annotators leave out or get wrong."""

import numpy as np

from .classes import indices
from .recipes import build, kind_of
from .scan import ScanSettings, scan

ARRAYS = ("coord", "color", "normal", "segment20", "segment200", "instance")
_FULL = ScanSettings()
_SMALL = ScanSettings(voxel=0.043, frames=80, ceiling=0.0)
_STRUCTURE = ("wall", "floor", "ceiling")


def _blobs(coord: np.ndarray, count: int, radii: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """(N,) bool: points inside `count` balls around random points."""
    inside = np.zeros(len(coord), bool)
    for center in coord[rng.integers(0, len(coord), count)]:
        inside |= np.square(coord - center).sum(1) < rng.uniform(*radii) ** 2
    return inside


def _annotate(raw: list[str], cloud: dict, rng: np.random.Generator, label_noise: float) -> np.ndarray:
    """(N,) instance index into `raw`, -1 where nobody annotated: whole objects, mostly small ones, and patches."""
    instance, coord = cloud["instance"].copy(), cloud["coord"]
    sizes = np.bincount(instance, minlength=len(raw))
    for i, (label, size) in enumerate(zip(raw, sizes)):
        forgotten = 0.02 if label in _STRUCTURE else 0.12 if size < 300 else 0.03
        if label == "ceiling":
            forgotten = 0.4
        if rng.random() < forgotten:
            instance[instance == i] = -1
    instance[_blobs(coord, rng.integers(0, 8), (0.08, 0.3), rng)] = -1
    return instance


def make_scene(
    seed: int, split: str, index: int, small: bool = False, label_noise: float = 0.0, kind: str | None = None
):
    """One scene of the ScanNet layout, as a dict of the arrays named in ARRAYS.

    coord (N, 3) f32 metres, z up, floor at about z = 0, smallest x and y about 0; color (N, 3) u8; normal (N, 3) f32, unit;
    segment20, segment200, instance (N,) i32 with -1 = not annotated. `split` is "train" or "val" (different rooms for the
    same index); `small` gives little rooms scanned coarsely; `label_noise` is the share of objects annotated wrongly.
    """
    split_number = ("train", "val").index(split)
    rng = np.random.default_rng(np.random.SeedSequence((seed, split_number, index)))
    kind = kind or kind_of(index + 100 * split_number)
    room = build(rng, kind, rng.uniform(6.2, 8.6) if small else np.inf)
    cloud = scan(room, rng, _SMALL if small else _FULL)
    if small:  # the upper walls would be half of the points
        cloud = {key: value[cloud["coord"][:, 2] < 2.05] for key, value in cloud.items()}
    holes = _blobs(cloud["coord"], int(rng.integers(0, 12)), (0.04, 0.12), rng)
    cloud = {key: value[~holes] for key, value in cloud.items()}
    instance = _annotate(room.labels, cloud, rng, label_noise)
    present, compact = np.unique(instance, return_inverse=True)
    compact = compact - (present[0] == -1)
    of20, of200 = (np.append(classes, -1).astype(np.int32) for classes in indices(room.labels))
    turn = rng.uniform(-0.06, 0.06) if rng.random() < 0.5 else rng.uniform(-np.pi, np.pi)
    c, s = np.cos(turn), np.sin(turn)
    matrix = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    coord = np.einsum("ij,kj->ik", cloud["coord"], matrix)
    coord[:, :2] -= coord[:, :2].min(0)
    return {
        "coord": np.round(coord, 4).astype(np.float32),
        "color": cloud["color"],
        "normal": np.round(np.einsum("ij,kj->ik", cloud["normal"], matrix), 3).astype(np.float32),
        "segment20": of20[instance], "segment200": of200[instance], "instance": compact.astype(np.int32),
    }  # fmt: skip
