"""From a scanned room to a scene of the ScanNet layout: instances, classes, and what annotators
miss or get wrong."""

import numpy as np
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from .classes import indices
from .domain import domain as domain_of
from .kit import Range
from .recipes import build, kind_of
from .scan import ScanSettings, scan

ARRAYS = ("coord", "color", "normal", "segment20", "segment200", "instance")
_FORGOTTEN = {"floor": 0.0, "wall": 0.003, "ceiling": 0.4}  # chance that nobody annotated it


def _balls(
    coord: np.ndarray, count: int, radii: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """(N,) bool: points inside `count` balls around random points."""
    inside = np.zeros(len(coord), bool)
    for center in coord[rng.integers(0, len(coord), count)]:
        inside |= np.square(coord - center).sum(1) < rng.uniform(*radii) ** 2
    return inside


def _leave_out(
    labels: list[str], instance: np.ndarray, coord: np.ndarray, rng: np.random.Generator
) -> None:
    """Set to -1, in place, what nobody annotated: some objects (mostly small ones), patches, and
    mere traces."""
    instance[_balls(coord, int(rng.integers(0, 8)), (0.08, 0.25), rng)] = -1
    sizes = np.bincount(instance[instance >= 0], minlength=len(labels))
    for i, (label, size) in enumerate(zip(labels, sizes)):
        forgotten = _FORGOTTEN.get(label, 0.1 if size < 300 else 0.02)
        if rng.random() < forgotten or size < 20:
            instance[instance == i] = -1


def _blunder(
    labels: list[str],
    instance: np.ndarray,
    coord: np.ndarray,
    rng: np.random.Generator,
    share: float,
) -> None:
    """Annotate a share of the objects wrongly, in place: another class, one with a neighbour, or
    beyond its edge."""
    for i, label in enumerate(labels):
        mine = instance == i
        if label in _FORGOTTEN or not mine.any() or rng.random() >= share:
            continue
        mistake, others = rng.integers(3), np.flatnonzero(~mine & (instance >= 0))
        near, _ = KDTree(coord[mine]).query(coord[others])
        if mistake == 0:
            labels[i] = labels[int(rng.integers(len(labels)))]
        elif mistake == 1:
            instance[mine] = instance[others[near.argmin()]]
        else:
            instance[others[near < 0.08]] = i


def _frame(
    cloud: dict, rng: np.random.Generator, settings: ScanSettings[Range]
) -> tuple[np.ndarray, np.ndarray]:
    """coord (N, 3) and normal (N, 3) in the scan's own frame, whose axes and origin have little to
    do with the room."""
    square = rng.random() < settings.square
    turn = Rotation.from_euler(
        "z", rng.uniform(-0.06, 0.06) if square else rng.uniform(-np.pi, np.pi)
    )
    coord = turn.apply(cloud["coord"])
    coord[:, :2] -= coord[:, :2].min(0)
    if settings.origin:
        coord[:, :2] += rng.uniform(-settings.origin, settings.origin, 2)
    normal = np.round(turn.apply(cloud["normal"]), 3).astype(np.float32, order="C")
    return np.round(coord, 4).astype(np.float32, order="C"), normal


def make_scene(
    seed: int,
    split: str,
    index: int,
    small: bool = False,
    label_noise: float = 0.0,
    kind: str | None = None,
    domain: str = "homes",
) -> dict[str, np.ndarray]:
    """One scene of the ScanNet layout, as a dict of the arrays named in ARRAYS.

    coord (N, 3) f32 metres, z up, floor at about z = 0; color (N, 3) u8; normal (N, 3) f32, unit
    length; segment20, segment200, instance (N,) i32 with -1 = not annotated. `split` is "train",
    "val" or "test": other rooms for the same index. `small` gives studio flats scanned coarsely,
    without the upper walls; `label_noise` is the share of objects annotated wrongly; `kind` asks
    for a room type of the domain's rooms.yaml. ValueError for another split or domain, KeyError for
    another kind.
    """
    split_number, source = ("train", "val", "test").index(split), domain_of(domain)
    settings = source.small if small else source.scan
    rng = np.random.default_rng(np.random.SeedSequence((seed, split_number, index)))
    kind = kind or ("studio" if small else kind_of(source, index + 100 * split_number))
    room = build(source, rng, kind, clutter=0.4 if small else 1.0)
    cloud = scan(room, rng, settings, source.light)
    fewest, most = settings.holes
    keep = ~_balls(cloud["coord"], int(rng.integers(fewest, most)), (0.04, 0.12), rng)
    if small:
        keep &= cloud["coord"][:, 2] < 2.05
    cloud = {key: value[keep] for key, value in cloud.items()}
    instance, labels = cloud["instance"], list(room.labels)
    _leave_out(labels, instance, cloud["coord"], rng)
    _blunder(labels, instance, cloud["coord"], rng, label_noise)
    of20, of200 = (np.append(classes, -1).astype(np.int32) for classes in indices(labels))
    present, number = np.unique(instance, return_inverse=True)
    coord, normal = _frame(cloud, rng, settings)
    return {
        "coord": coord,
        "color": cloud["color"],
        "normal": normal,
        "segment20": of20[instance],
        "segment200": of200[instance],
        "instance": (number - (present[0] == -1)).astype(np.int32),
    }
