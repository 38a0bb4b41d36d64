"""ScanNet scenes from the preprocessed layout, downsampled to one point per voxel.

    <root>/{train,val,test}/<scene>/
        coord.npy       (N, 3) float, metres
        color.npy       (N, 3) uint8 0..255 or float (0..255, or 0..1)     optional
        normal.npy      (N, 3) float                                       optional
        segment20.npy   (N,)   int, class index of scannet20, -1: none     optional
        segment200.npy  (N,)   int, class index of scannet200, -1: none    optional
        segment.npy     (N,)   int, class index of labels.yaml, -1: none   optional
        instance.npy    (N,)   int, instance id, -1: none                  optional

A test split has no labels; where they are missing, every point is unannotated.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch.utils.data import Dataset

from mf3d_tutorial.common.errors import DataError, UserError
from mf3d_tutorial.data.arrays import read_npy
from mf3d_tutorial.data.cleaning import (
    check_points,
    doubt,
    seeming_units,
    split_ids,
    strays,
    summary,
    unit_color,
    unit_normals,
)
from mf3d_tutorial.data.labels import (
    CUSTOM,
    IGNORE_INDEX,
    LabelSet,
    custom_labels,
    label_set,
    read_classes,
)
from mf3d_tutorial.data.placement import bounds, near_origin, place
from mf3d_tutorial.data.targets import build_target

# Voxels an axis, and the largest index: WarpConvNet's Morton codes hold 16 bits, its hash keys 18
# with the sign.
_EXTENT_LIMIT, _GRID_MAX = 2**16, 2**17 - 1
READ_THREADS = 16  # threads that read scenes: numpy lets them run side by side


SCENE_ARRAYS = (
    "coord",
    "color",
    "normal",
    "segment20",
    "segment200",
    "segment",
    "instance",
    "superpoint",
)


@dataclass
class Original:
    """The labels of all P points of a scene before downsampling, and for each the index of the
    downsampled point that stands for it. AP needs them, because it counts all P points."""

    segment: Int[np.ndarray, " P"]
    instance: Int[np.ndarray, " P"]
    # Index of each point's stand-in among the N, so that prediction[stand_in] is a prediction for
    # all P; -1: a stray point.
    stand_in: Int[np.ndarray, " P"]


@dataclass
class Scene:
    """N points of one scan, with their annotation, and what is needed to go back to all of its
    points."""

    name: str
    coord: Float[np.ndarray, "N 3"]  # metres; wherever the scan lies (see placement.py)
    color: Float[np.ndarray, "N 3"]  # 0..1
    normal: Float[np.ndarray, "N 3"]
    segment: Int[np.ndarray, " N"]  # class index, -1: unannotated
    instance: Int[np.ndarray, " N"]  # instance id, -1: unannotated
    original: Original

    def without_original(self) -> "Scene":
        """The scene as if its N points were all that was scanned: without the memory for the other
        points, which only AP needs."""
        stand_in = np.arange(len(self.coord), dtype=np.int32)
        return replace(self, original=Original(self.segment, self.instance, stand_in))


class ScanNetScenes(Dataset):
    """The scenes of one split.

    `voxel_size` (metres): of all points in a voxel the first in the file is kept; None keeps every
    point. `transform(scene, rng)` is applied after that. An item's `rng` depends on the seed, the
    epoch and the index alone: index the dataset by `(epoch, index)` to draw anew each epoch, by a
    plain `index` for epoch 0.

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
        self.root = Path(root).expanduser()
        self.split = split
        self.voxel_size = voxel_size
        self.transform = transform
        self.labels = (
            label_set if isinstance(label_set, LabelSet) else _label_set(label_set, self.root)
        )
        self.ignore_index, self.seed = ignore_index, seed
        self.folders = find_scenes(self.root, split)
        self.in_memory: list[Scene] = []  # all scenes, downsampled, after `keep_in_memory`

    def __len__(self) -> int:
        return len(self.folders)

    def __getitem__(self, item: int | tuple[int, int]) -> Scene:
        epoch, index = item if isinstance(item, tuple) else (0, item)
        scene = self.in_memory[index] if self.in_memory else self.downsampled(index)
        if self.transform is None:
            return scene
        return self.transform(scene, np.random.default_rng((self.seed, epoch, index)))

    def __getitems__(self, items: Sequence[int | tuple[int, int]]) -> list[Scene] | UserError:
        """The scenes of a batch, which a data loader asks for; if one cannot be read, the error as
        a value, which the loader's process does not raise."""
        try:
            return [self[item] for item in items]
        except UserError as error:
            return error

    def downsampled(self, index: int) -> Scene:
        """Scene `index` with one point per voxel."""
        return voxel_downsample(self.read(index), self.voxel_size)

    def sizes(self) -> list[int]:
        """The number of points of each scene in its file; 1 where coord.npy cannot be read."""
        with ThreadPoolExecutor(READ_THREADS) as pool:
            return list(pool.map(_num_points, self.folders))

    def keep_in_memory(self) -> None:
        """Read and downsample every scene now, unless `check` has done so, and forget the points
        that are dropped; processes of a data loader that start later share them."""
        if not self.in_memory:
            with ThreadPoolExecutor(READ_THREADS) as pool:
                scenes = pool.map(self.downsampled, range(len(self)))
                self.in_memory = [scene.without_original() for scene in scenes]

    def read(self, index: int) -> Scene:
        """Scene `index` with all of its points but stray ones (see cleaning.py)."""
        return self._read_and_report(index)[0]

    def _read_and_report(self, index: int) -> tuple[Scene, list[str]]:
        """The scene, and what was found in it and changed."""
        folder = self.folders[index]
        coord = _load_array(folder, "coord", columns=3)
        check_points(coord, folder.name)
        if (units := seeming_units(coord)) != "m":
            size = " x ".join(f"{length:.0f}" for length in np.ptp(coord, axis=0))
            raise DataError(
                f"{folder / 'coord'}.npy, {size} large, seems to be in {units}: convert it to"
                " metres"
            )
        load = partial(_load_optional, folder, count=len(coord))
        color, said_color = unit_color(load("color", columns=3), f"{folder / 'color'}.npy")
        normal, said_normal = unit_normals(load("normal", columns=3), f"{folder / 'normal'}.npy")
        if normal is None:
            said_normal = said_normal * (folder / "normal.npy").is_file()
            normal = np.zeros(coord.shape, np.float32)
        segment, instance = load(self.labels.segment_file), load("instance")
        segment[segment == self.ignore_index] = IGNORE_INDEX
        for name, values in ((self.labels.segment_file, segment), ("instance", instance)):
            high = len(self.labels) - 1 if name != "instance" else np.iinfo(np.int32).max
            if values.min() < IGNORE_INDEX or values.max() > high:
                raise DataError(
                    f"{folder / name}.npy holds {values.min()} to {values.max()}, but"
                    f" {self.labels.name} allows {IGNORE_INDEX} to {high}: check data.label_set and"
                    " data.ignore_index, or prepare the scene again"
                )
        instance, said_ids = split_ids(segment, instance)
        stray, said_stray = strays(coord)
        if stray.any():
            coord = coord.clip(*bounds(coord[~stray]))
        coord = near_origin(coord)
        scene = without_strays(folder.name, coord, color, normal, segment, instance, stray)
        said = [said_color, said_normal, said_ids, said_stray, doubt(scene.coord)]
        return scene, [*_about_files(folder), *filter(None, said)]

    def check(
        self,
        voxel_size: float | None = None,
        stuff_classes: Sequence[int] = (),
        num_queries: int | None = None,
        log: Callable[[str], None] | None = print,
        keep: bool = False,
    ) -> None:
        """Read every scene once; DataError naming the bad ones, so that a run refuses them before
        it begins.

        `voxel_size`: the smallest one that the run will use, in metres; its grid must fit
        WarpConvNet's keys. With `num_queries`, the scenes must have objects to learn. `log` is
        told, once for each kind, what was changed, and that a scene has more objects than there are
        queries. `keep`: the scenes are kept in memory, as by `keep_in_memory`, and not read again.
        """
        in_memory: list[Scene | None] = [None] * len(self)

        def look(index: int) -> tuple[str, list[str], int]:
            try:
                scene, said = self._read_and_report(index)
                check_grid(scene, voxel_size or self.voxel_size)
                if keep:
                    in_memory[index] = voxel_downsample(scene, self.voxel_size).without_original()
            except DataError as error:
                return str(error), [], 0
            labels = torch.from_numpy(scene.segment), torch.from_numpy(scene.instance)
            objects = (
                len(build_target(*labels, len(self.labels), stuff_classes)) if num_queries else 0
            )
            if num_queries and objects > num_queries:
                said.append(
                    f"{objects} objects are more than model.num_queries={num_queries}: raise it to"
                    " find all"
                )
            return "", said, objects

        with ThreadPoolExecutor(READ_THREADS) as pool:
            problems, said, objects = zip(*pool.map(look, range(len(self))))
        if bad := [sentence for sentence in problems if sentence]:
            more = (
                f" (and {len(bad) - 1} more scenes of {self.root / self.split})"
                if len(bad) > 1
                else ""
            )
            raise DataError(bad[0] + more)
        if num_queries and not any(objects):
            raise DataError(self._why_no_objects())
        if keep:
            self.in_memory = [scene for scene in in_memory if scene]
        for line in summary(
            [(f.name, each) for f, sentences in zip(self.folders, said) for each in sentences]
        ):
            if log:
                log(line)

    def _why_no_objects(self) -> str:
        """The sentence for a split without any object to learn, with its likely cause."""
        found = {file.name for folder in self.folders for file in folder.glob("*.npy")}
        missing = [
            name
            for name in (f"{self.labels.segment_file}.npy", "instance.npy")
            if name not in found
        ]
        where = f"no scene of {self.root / self.split} has an object to learn: "
        if not missing:
            return (
                where + "no point has both an instance id and a class that is no stuff: check"
                " data.stuff_classes, data.ignore_index and the labels"
            )
        hint = (
            "; for classes of your own set data.label_set=custom" if "segment.npy" in found else ""
        )
        return (
            where + f"there is no {' and no '.join(missing)}, but {', '.join(sorted(found))}{hint}"
        )


def _about_files(folder: Path) -> list[str]:
    """Sentences about files of a scene that have no name of the layout, and about missing
    colours."""
    other = sorted(
        file.name
        for file in folder.glob("*.npy")
        if file.stem not in SCENE_ARRAYS and file.name[0] != "."
    )
    said = (
        [f"{', '.join(other)}: ignored, since no array of a scene has this name"] if other else []
    )
    if not (folder / "color.npy").is_file():
        said.append("there is no color.npy: every point counts as black")
    return said


def without_strays(
    name: str,
    coord: Float[np.ndarray, "P 3"],
    color: Float[np.ndarray, "P 3"],
    normal: Float[np.ndarray, "P 3"],
    segment: Int[np.ndarray, " P"],
    instance: Int[np.ndarray, " P"],
    stray: Bool[np.ndarray, " P"],
) -> Scene:
    """The scene of the points that are no stray ones; `original` knows all P."""
    original = Original(segment, instance, np.where(stray, -1, (~stray).cumsum() - 1))
    if not stray.any():
        return Scene(name, coord, color, normal, segment, instance, original)
    arrays = (array[~stray] for array in (coord, color, normal, segment, instance))
    return Scene(name, *arrays, original=original)


def _label_set(name: str, root: Path) -> LabelSet:
    return custom_labels(read_classes(root)) if name == CUSTOM else label_set(name)


def find_scenes(root: Path, split: str) -> list[Path]:
    """The scene folders of a split, sorted by name; DataError if there is none."""
    if not root.is_dir():
        raise DataError(
            f"the dataset folder {root} does not exist: set paths.data_dir to a folder with"
            f" {split}/"
        )
    if not (root / split).is_dir():
        found = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
        raise DataError(
            f"{root} has no folder {split}/ (it has: {', '.join(found) or 'no folders'})"
        )
    folders = sorted(
        entry for entry in (root / split).iterdir() if entry.is_dir() and entry.name[0] != "."
    )
    if not folders:
        raise DataError(f"{root / split} holds no scene: each is a folder with coord.npy in it")
    return folders


def check_grid(scene: Scene, voxel_size: float | None) -> None:
    """DataError if the scene's voxel grid is too large for WarpConvNet's integer keys."""
    if voxel_size is None:
        return
    low, high = place(np.stack(bounds(scene.coord))) / voxel_size
    if max(-low.min(), high.max()) >= _GRID_MAX or (high - low).max() >= _EXTENT_LIMIT:
        raise DataError(
            f"{scene.name}: with a voxel size of {voxel_size} m its grid has"
            f" {(high - low).max():.0f} voxels along an axis and reaches index"
            f" {max(-low.min(), high.max()):.0f}, more than fit (18 bits, {_EXTENT_LIMIT} voxels):"
            " use a larger voxel size, and coordinates in metres"
        )


def _num_points(folder: Path) -> int:
    try:
        return max(1, len(np.load(folder / "coord.npy", mmap_mode="r")))
    except Exception:  # a damaged header raises nearly anything; whoever reads the scene says so
        return 1


def _load_array(folder: Path, name: str, columns: int | None = None) -> np.ndarray:
    path = folder / f"{name}.npy"
    if not path.is_file():
        raise DataError(
            f"{folder} has no {name}.npy: it is not a scene, or its preparation was interrupted"
        )
    try:
        array = read_npy(path)
    except Exception as error:  # a damaged header raises nearly anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{path} cannot be read ({reason}): prepare the scene again") from error
    wanted = "fiu" if columns else "iu"
    if array.dtype.kind not in wanted:
        kinds = "numbers" if columns else "integers"
        raise DataError(
            f"{path} holds {array.dtype}, where {kinds} are expected: prepare the scene again"
        )
    shape = f"(N, {columns})" if columns else "(N,)"
    array = (
        array.reshape(-1) if columns is None and array.ndim == 2 and array.shape[1] == 1 else array
    )
    if array.ndim != (2 if columns else 1) or (columns and array.shape[-1] != columns):
        raise DataError(
            f"{path} has shape {array.shape}, where {shape} is expected: prepare the scene again"
        )
    return array


def _load_optional(folder: Path, name: str, count: int, columns: int | None = None) -> np.ndarray:
    """Array `name` of a scene with `count` points; zeros, or -1 for labels, where its file is
    missing."""
    if not (folder / f"{name}.npy").is_file():
        return (
            np.zeros((count, columns), np.float32)
            if columns
            else np.full(count, IGNORE_INDEX, np.int64)
        )
    array = _load_array(folder, name, columns)
    if len(array) != count:
        raise DataError(
            f"{folder / name}.npy has {len(array)} rows but coord.npy has {count}: the files of a"
            " scene must have the same length; prepare the scene again"
        )
    return array if columns else array.astype(np.int64)


def voxel_downsample(scene: Scene, voxel_size: float | None) -> Scene:
    """The scene with the first point of every occupied voxel of edge `voxel_size` (metres); all
    points if None.

    Voxels are counted from the point of reference of placement.py, so that they do not depend on
    where the scan lies.
    """
    if voxel_size is None:
        return scene
    check_grid(scene, voxel_size)
    cell = np.floor(place(scene.coord) / voxel_size).astype(np.int64)
    low, high = bounds(cell)
    key = np.ravel_multi_index((cell - low).T, high - low + 1)
    _, first, voxel = np.unique(key, return_index=True, return_inverse=True)
    arrays = {
        name: getattr(scene, name)[first]
        for name in ("coord", "color", "normal", "segment", "instance")
    }
    before = scene.original.stand_in
    stand_in = np.where(before < 0, -1, voxel.reshape(-1)[before])
    return replace(scene, **arrays, original=replace(scene.original, stand_in=stand_in))
