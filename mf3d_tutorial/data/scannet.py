"""ScanNet scenes from the preprocessed layout, thinned to one point a voxel, and batches of them.

    <root>/{train,val,test}/<scene>/coord.npy       (N, 3) float, metres
                                    color.npy       (N, 3) uint8 0..255 or float (0..255, or 0..1)   optional
                                    normal.npy      (N, 3) float                                      optional
                                    segment20.npy   (N,)   int, class index of scannet20, -1: none    optional
                                    segment200.npy  (N,)   int, class index of scannet200, -1: none   optional
                                    segment.npy     (N,)   int, class index of labels.yaml, -1: none  optional
                                    instance.npy    (N,)   int, instance id, -1: none                 optional

A test split has no labels; where they are missing, every point is unannotated.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from mf3d_tutorial.common.errors import DataError
from mf3d_tutorial.data.labels import CUSTOM, IGNORE_INDEX, LabelSet, custom_labels, label_set, read_classes
from mf3d_tutorial.data.placement import near_origin, place
from mf3d_tutorial.data.pointcloud import check_points, unit_color
from mf3d_tutorial.data.targets import Target, build_target
from mf3d_tutorial.warp import GRID_MAX, Points

_EXTENT_LIMIT = 2**16  # voxels an axis: WarpConvNet's Morton codes hold 16 bits, its hash keys 18 with the sign


@dataclass
class Original:
    """Labels of all points of a scene, and the kept point that stands for each: AP is computed on all points."""

    segment: Int[np.ndarray, " P"]
    instance: Int[np.ndarray, " P"]
    kept: Int[np.ndarray, " P"]  # prediction[kept] maps a prediction for N kept points to all P


@dataclass
class Scene:
    name: str
    coord: Float[np.ndarray, "N 3"]  # metres; wherever the scan lies (see placement.py)
    color: Float[np.ndarray, "N 3"]  # 0..1
    normal: Float[np.ndarray, "N 3"]
    segment: Int[np.ndarray, " N"]  # class index, -1: unannotated
    instance: Int[np.ndarray, " N"]  # instance id, -1: unannotated
    original: Original


@dataclass
class Batch:
    points: Points  # B scenes; features as `model.in_features` says
    labels: Int[Tensor, " M"]  # of all scenes' instances, and the instance of each point in its own scene:
    instance: Int[Tensor, " N"]  # together, because a loader's process hands over each tensor by itself
    counts: list[int]  # instances of each scene
    names: list[str]
    originals: list[Original]  # stay on the CPU; none in training

    @cached_property
    def targets(self) -> list[Target]:
        """What each scene's queries should find."""
        sizes = self.points.offsets.diff().tolist()
        return [Target(*scene) for scene in zip(self.labels.split(self.counts), self.instance.split(sizes))]

    def to(self, device: torch.device | str) -> "Batch":
        """A copy on the device. The host does not wait for a GPU to have it, if it comes from pinned memory."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """A copy in pinned memory; a DataLoader with `pin_memory=True` asks for it."""
        return self.map(Tensor.pin_memory)

    def map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        coord, features = self.points.coordinate_tensor, self.points.feature_tensor
        points = Points(change(coord), change(features), offsets=self.points.offsets)
        return Batch(points, change(self.labels), change(self.instance), self.counts, self.names, self.originals)


class ScanNetScenes(Dataset):
    """The scenes of one split.

    `voxel_size` (metres): of all points in a voxel the first in the file is kept; None keeps every point.
    `transform(scene, rng)` is applied after that. An item's `rng` depends on the seed, the epoch and the index alone:
    index the dataset by `(epoch, index)` to draw anew each epoch, by a plain `index` for epoch 0.

    Raises DataError if the folder, the split, or a scene that is read cannot be used.
    """

    def __init__(
        self,
        root: str | Path,
        split: str,
        label_set: str | LabelSet = "scannet20",
        voxel_size: float | None = 0.04,
        transform: Callable[[Scene, np.random.Generator], Scene] | None = None,
        ignore_index: int = IGNORE_INDEX,
        seed: int = 0,
    ):
        self.root, self.split, self.voxel_size, self.transform = Path(root).expanduser(), split, voxel_size, transform
        self.labels = label_set if isinstance(label_set, LabelSet) else _label_set(label_set, self.root)
        self.ignore_index, self.seed = ignore_index, seed
        self.folders = find_scenes(self.root, split)
        self.kept: list[Scene] = []  # all scenes, thinned, once `keep_in_memory` was called

    def __len__(self) -> int:
        return len(self.folders)

    def __getitem__(self, item: int | tuple[int, int]) -> Scene:
        epoch, index = item if isinstance(item, tuple) else (0, item)
        scene = self.kept[index] if self.kept else self.thinned(index)
        if self.transform is None:
            return scene
        return self.transform(scene, np.random.default_rng((self.seed, epoch, index)))

    def thinned(self, index: int) -> Scene:
        return voxel_downsample(self.read(index), self.voxel_size)

    def keep_in_memory(self) -> None:
        """Read and thin every scene now, once; processes of a data loader that start later share them."""
        with ThreadPoolExecutor(8) as pool:
            self.kept = list(pool.map(self.thinned, range(len(self))))

    def read(self, index: int) -> Scene:
        """Scene `index` with all of its points."""
        folder = self.folders[index]
        coord = _read(folder, "coord", columns=3)
        check_points(coord, folder.name)
        read = partial(_read_optional, folder, count=len(coord))
        color = read("color", columns=3)
        color = unit_color(color)
        segment, instance = read(self.labels.segment_file), read("instance")
        for name, values in ((self.labels.segment_file, segment), ("instance", instance)):
            values[values == self.ignore_index] = IGNORE_INDEX
            high = len(self.labels) - 1 if name != "instance" else np.iinfo(np.int32).max
            if values.min() < IGNORE_INDEX or values.max() > high:
                raise DataError(
                    f"{folder / name}.npy holds {values.min()} to {values.max()}, but {self.labels.name} allows "
                    f"{IGNORE_INDEX} to {high}: check data.label_set and data.ignore_index, or prepare the scene again"
                )
        original = Original(segment, instance, np.arange(len(coord)))
        return Scene(folder.name, near_origin(coord), color, read("normal", columns=3), segment, instance, original)

    def check(self, voxel_size: float | None = None) -> None:
        """Read every scene once; DataError naming the bad ones, so that a run refuses them before it begins.

        `voxel_size`: the smallest one that the run will use, in metres; its grid must fit WarpConvNet's keys.
        """

        def problem(index: int) -> str | None:
            try:
                check_grid(self.read(index), voxel_size or self.voxel_size)
            except DataError as error:
                return str(error)

        with ThreadPoolExecutor(8) as pool:
            problems = [sentence for sentence in pool.map(problem, range(len(self))) if sentence]
        if problems:
            more = f" (and {len(problems) - 1} more scenes of {self.root / self.split})" if len(problems) > 1 else ""
            raise DataError(problems[0] + more)


def _label_set(name: str, root: Path) -> LabelSet:
    return custom_labels(read_classes(root)) if name == CUSTOM else label_set(name)


def find_scenes(root: Path, split: str) -> list[Path]:
    """The scene folders of a split, sorted by name; DataError if there is none."""
    if not root.is_dir():
        raise DataError(f"the dataset folder {root} does not exist: set paths.data_dir to a folder with {split}/")
    if not (root / split).is_dir():
        found = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
        raise DataError(f"{root} has no folder {split}/ (it has: {', '.join(found) or 'no folders'})")
    folders = sorted(entry for entry in (root / split).iterdir() if entry.is_dir() and entry.name[0] != ".")
    if not folders:
        raise DataError(f"{root / split} holds no scene: each is a folder with coord.npy in it")
    return folders


def check_grid(scene: Scene, voxel_size: float | None) -> None:
    """DataError if the scene's voxel grid is too large for WarpConvNet's integer keys."""
    if voxel_size is None:
        return
    coord = place(scene.coord)
    low, high = coord.min(0) / voxel_size, coord.max(0) / voxel_size
    if max(-low.min(), high.max()) >= GRID_MAX or (high - low).max() >= _EXTENT_LIMIT:
        raise DataError(
            f"{scene.name}: with a voxel size of {voxel_size} m its grid has {(high - low).max():.0f} voxels along an "
            f"axis and reaches index {max(-low.min(), high.max()):.0f}, more than fit (18 bits, {_EXTENT_LIMIT} "
            "voxels): use a larger voxel size, and coordinates in metres"
        )


def _read(folder: Path, name: str, columns: int | None = None) -> np.ndarray:
    path = folder / f"{name}.npy"
    if not path.is_file():
        raise DataError(f"{folder} has no {name}.npy: it is no scene, or was not prepared to the end")
    try:
        with open(path, "rb") as file:  # not np.load, which would take a zip archive or a pickle as well
            array = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # a damaged header raises nearly anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{path} cannot be read ({reason}): prepare the scene again") from error
    wanted = "fiu" if columns else "iu"
    if array.dtype.kind not in wanted:
        kinds = "numbers" if columns else "integers"
        raise DataError(f"{path} holds {array.dtype}, where {kinds} are expected: prepare the scene again")
    shape = f"(N, {columns})" if columns else "(N,)"
    array = array.reshape(-1) if columns is None and array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != (2 if columns else 1) or (columns and array.shape[1] != columns):
        raise DataError(f"{path} has shape {array.shape}, where {shape} is expected: prepare the scene again")
    return array


def _read_optional(folder: Path, name: str, count: int, columns: int | None = None) -> np.ndarray:
    """Array `name` of a scene with `count` points; zeros, or -1 for labels, where its file is missing."""
    if not (folder / f"{name}.npy").is_file():
        return np.zeros((count, columns), np.float32) if columns else np.full(count, IGNORE_INDEX, np.int64)
    array = _read(folder, name, columns)
    if len(array) != count:
        raise DataError(
            f"{folder / name}.npy has {len(array)} rows but coord.npy has {count}: the files of a scene must have the "
            "same length; prepare the scene again"
        )
    if columns and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(f"{folder / name}.npy holds NaN or infinite numbers: prepare the scene again")
    if columns:
        return array if name == "color" else array.astype(np.float32)
    return array.astype(np.int64)


def voxel_downsample(scene: Scene, voxel_size: float | None) -> Scene:
    """The scene with the first point of every occupied voxel of edge `voxel_size` (metres); all points if None.

    Voxels are counted from the point of reference of placement.py, so that they do not depend on where the scan lies.
    """
    if voxel_size is None:
        return scene
    check_grid(scene, voxel_size)
    cell = np.floor(place(scene.coord) / voxel_size).astype(np.int64)
    cell -= cell.min(0)
    key = np.ravel_multi_index(cell.T, cell.max(0) + 1)
    _, first, kept = np.unique(key, return_index=True, return_inverse=True)
    thinned = {name: getattr(scene, name)[first] for name in ("coord", "color", "normal", "segment", "instance")}
    return replace(scene, **thinned, original=replace(scene.original, kept=kept.reshape(-1)))


def point_features(scene: Scene, names: Sequence[str]) -> Float[np.ndarray, "N C"]:
    """What the backbone gets of every point, side by side, in the order of `names`.

    color (3): RGB in 0..1. normal (3). height (1): metres above the lowest point. coord (3): metres from the middle
    of the scene's bounding box.
    """
    low, high = scene.coord.min(0), scene.coord.max(0)
    make = {
        "color": lambda: scene.color,
        "normal": lambda: scene.normal,
        "height": lambda: scene.coord[:, 2:] - low[2],
        "coord": lambda: scene.coord - (low + high) / 2,
    }
    return np.concatenate([make[name]() for name in names], axis=1, dtype=np.float32)


def collate(
    scenes: Sequence[Scene],
    num_classes: int = 20,
    stuff_classes: Sequence[int] = (),
    in_features: Sequence[str] = ("color",),
    originals: bool = True,
) -> Batch | None:
    """One batch: WarpConvNet Points with features (see `point_features`), and a target a scene (`build_target`).

    Each scene's positions are relative to the scene itself (see placement.py), here and nowhere else, so that training,
    after its augmentation, and every kind of inference agree.

    None without scenes, which is what a process may get of the last batch of an epoch. Without `originals`, which only
    AP needs, a data loader's process has half as much to hand over.
    """
    if not scenes:
        return None
    targets = [
        build_target(torch.from_numpy(s.segment), torch.from_numpy(s.instance), num_classes, stuff_classes)
        for s in scenes
    ]
    return Batch(
        Points(
            [torch.from_numpy(place(scene.coord)) for scene in scenes],
            [torch.from_numpy(point_features(scene, in_features)) for scene in scenes],
        ),
        torch.cat([target.labels for target in targets]),
        torch.cat([target.instance for target in targets]),
        [len(target) for target in targets],
        [scene.name for scene in scenes],
        [scene.original for scene in scenes] if originals else [],
    )
