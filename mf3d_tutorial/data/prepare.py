"""Raw ScanNet scenes to the arrays of the layout (see scannet.py), for both label sets at once.

<scans>/<scene>/<scene>_vh_clean_2.ply                      mesh: coord, color, normal
                <scene>_vh_clean_2.0.010000.segs.json       segment of every vertex: superpoint
                <scene>.aggregation.json                    groups of segments: instance, segment*
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from mf3d_tutorial.common.errors import DataError
from mf3d_tutorial.data.labels import IGNORE_INDEX, label_set
from mf3d_tutorial.data.pointcloud import estimate_normals, mesh_normals, read_cloud

LABEL_TABLE = "scannetv2-labels.combined.tsv"
# raw category -> class index in scannet20 and in scannet200, -1: none
Indices = dict[str, tuple[int, int]]


def read_label_table(path: Path) -> Indices:
    """Class indices of each raw category of ScanNet's table; of several rows of a category the
    first one counts."""
    twenty, two_hundred = label_set("scannet20").ids, label_set("scannet200").ids
    found: Indices = {}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                ids = ((twenty, int(row["nyu40id"])), (two_hundred, int(row["id"])))
                one, other = (ids.index(id) if id in ids else IGNORE_INDEX for ids, id in ids)
                found.setdefault(row["raw_category"], (one, other))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"ScanNet's label table {path} cannot be read ({error!r}): name the folder that holds"
            " it by --meta"
        ) from error
    return found


def prepare_scene(folder: Path, table: Indices, annotated: bool = True) -> dict[str, np.ndarray]:
    """The arrays of the raw scene in `folder`; without `annotated` (test split) there are no
    labels.

    superpoint holds the rank of a vertex's segment id: 0, 1, 2 ... DataError, naming the file, for
    what is broken.
    """
    mesh = folder / f"{folder.name}_vh_clean_2.ply"
    if not mesh.is_file():
        raise DataError(f"{mesh} is missing: download the scene again")
    cloud = read_cloud(mesh)
    coord = cloud.coord.astype(np.float32)
    if cloud.faces is not None:
        cloud.normal = mesh_normals(coord, cloud.faces)
    elif cloud.normal is None:
        cloud.normal = estimate_normals(coord)
    arrays: dict[str, np.ndarray] = {"coord": coord, "normal": cloud.normal.astype(np.float32)}
    if cloud.color is not None:
        arrays["color"] = cloud.color
    segments = folder / f"{folder.name}_vh_clean_2.0.010000.segs.json"
    if annotated or segments.is_file():
        ids, superpoint = _read_segments(segments, len(coord))
        arrays["superpoint"] = superpoint.astype(np.int32)
    if annotated:
        arrays |= _read_labels(folder / f"{folder.name}.aggregation.json", ids, superpoint, table)
    return arrays


def _read_json(path: Path, key: str) -> list:
    """The list that stands under `key`."""
    if not path.is_file():
        raise DataError(f"{path} is missing: download the scene again")
    try:
        values: Any = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(f"{path} is not valid JSON ({error}): download the scene again") from error
    if not isinstance(values, dict) or not isinstance(values.get(key), list):
        raise DataError(f"{path} has no list {key!r}: is it the right file?")
    return values[key]


def _read_segments(path: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct segment ids, ascending, and for each vertex the position of its own among
    them."""
    indices = _read_json(path, "segIndices")
    try:
        ids, superpoint = np.unique(np.array(indices, dtype=np.int64), return_inverse=True)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{path}: 'segIndices' must hold integers only ({error})") from error
    if len(indices) != count:
        raise DataError(
            f"{path} has {len(indices)} vertices but the mesh has {count}: download the scene again"
        )
    return ids, superpoint


def _read_labels(
    path: Path, ids: np.ndarray, superpoint: np.ndarray, table: Indices
) -> dict[str, np.ndarray]:
    """instance, segment20, segment200. A segment that stands in several groups belongs to the last
    of them.

    (So scene0217_00, whose groups stand in the file twice, has each instance once.)
    """
    rank = {id: position for position, id in enumerate(ids.tolist())}
    labels = np.full((len(ids), 3), IGNORE_INDEX, np.int32)
    for number, group in enumerate(_read_json(path, "segGroups")):
        try:
            members = [rank[segment] for segment in group["segments"] if segment in rank]
            labels[members] = (
                group["id"],
                *table.get(group["label"], (IGNORE_INDEX, IGNORE_INDEX)),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"{path}: group {number} has no valid id, segments or label ({error!r})"
            ) from error
    instance, segment20, segment200 = labels[superpoint].T.copy()
    return {"instance": instance, "segment20": segment20, "segment200": segment200}
