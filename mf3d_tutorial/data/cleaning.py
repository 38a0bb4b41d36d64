"""What all ways into the program agree on: colours, normals, stray points, instance ids and units
of a scan.

A function that changes something says so in the second thing that it gives back: a sentence, or ""
if all was well.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int, Num
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from mf3d_tutorial.common.errors import DataError

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
# metres; width and height of a usual room
_LARGEST_SCAN, _HIGHEST_SCAN, _USUAL = 200, 20, np.array([6, 2.5])
# of all points: what stands alone and has no more than this is no part of the scan
_STRAY_SHARE = 0.001
_OBJECT_POINTS = 100  # points that an object has at least, as AP counts


def check_points(coord: Num[np.ndarray, "N 3"], where: str | Path) -> None:
    """DataError if there is no point or a coordinate is not a finite number."""
    if len(coord) == 0:
        raise DataError(f"{where} has no points: prepare it again or remove it")
    bad = ~(np.abs(coord.astype(np.float64)) < 1e36).all(1)  # in float32 it would be infinite
    if bad.any():
        raise DataError(
            f"{where} has {bad.sum()} points whose coordinates are NaN or infinite (the first is"
            f" point {bad.argmax()}): prepare it again or remove it"
        )


def check_finite(values: Num[np.ndarray, "N 3"], where: str | Path) -> None:
    """DataError if colours or normals hold NaN or infinite numbers, which would spread over all of
    a prediction."""
    bad = ~np.isfinite(values).all(1)
    if bad.any():
        raise DataError(
            f"{where} holds NaN or infinite numbers ({bad.sum()} of {len(bad)} points, the first is"
            f" point {bad.argmax()}): mend or leave them out, or prepare the scene again"
        )


def unit_color(
    color: Num[np.ndarray, "N 3"], where: str | Path = "color"
) -> tuple[Float32[np.ndarray, "N 3"], str]:
    """RGB in 0..1. Floats and wide integers may be 0..1 (floats only), 0..255 as ScanNet's are, or
    16-bit.

    DataError for NaN, for negative numbers and for what is above 65535.
    """
    check_finite(color, where)
    # 65535 is too much for a float16
    low, high = float(color.min(initial=0)), float(color.max(initial=0))
    if low < 0 or high > 65535:
        raise DataError(
            f"{where} holds {low:g} to {high:g}: colours are 0..255, 0..1 or, of 16 bits, 0..65535"
        )
    if high > 255:
        return (
            color.astype(np.float32) / 65535,
            f"colours of 16 bits (up to {high:g}): divided by 65535",
        )
    scale = 1 if color.dtype.kind == "f" and high <= 1 else 255
    return color.astype(np.float32) / scale, ""


def unit_normals(
    normal: Num[np.ndarray, "N 3"], where: str | Path
) -> tuple[Float32[np.ndarray, "N 3"] | None, str]:
    """Normals of length 1; some of length 0 stay as they are; None if all are. DataError for
    NaN."""
    check_finite(normal, where)
    normal = normal.astype(np.float64)
    length = np.linalg.norm(normal, axis=1)
    zero = length == 0
    if zero.all():
        return None, "all normals are zero: taken to be missing"
    if np.abs(length[~zero] - 1).max() < 0.02:
        return normal.astype(np.float32), ""
    unit = (normal / np.where(zero, 1, length)[:, None]).astype(np.float32)
    return unit, f"normals of length {length[~zero].min():.3g} to {length.max():.3g}: made 1 long"


def strays(coord: Num[np.ndarray, "N 3"]) -> tuple[Bool[np.ndarray, " N"], str]:
    """Which points (metres) are noise far from the scan: groups of up to 0.1 % of all points, over
    1 m from all others.

    Groups are connected cells of 1 m; cells that touch, at a corner or more, belong together.
    """
    none = np.zeros(len(coord), bool)
    if len(coord) * _STRAY_SHARE < 1:
        return none, ""
    reach = 2**20  # cells from the median, beyond which all are one: the key of a cell has 63 bits
    grid = np.clip(np.floor(coord - np.median(coord, axis=0)), -reach, reach).astype(np.int64)
    key = (grid + reach) @ np.array([1 << 42, 1 << 21, 1])
    _, first, cell, size = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True
    )
    cells = grid[first]
    one, two = cKDTree(cells).query_pairs(1.8, output_type="ndarray").T  # sqrt(3) and a little
    touching = coo_matrix((np.ones(len(one)), (one, two)), (len(cells), len(cells)))
    _, group = connected_components(touching, directed=False)
    few = np.bincount(group, size) <= _STRAY_SHARE * len(coord)
    stray = few[group][cell.reshape(-1)]
    if not stray.any() or stray.all():
        return none, ""
    first = stray.argmax()
    at = ", ".join(f"{value:.1f}" for value in coord[first])
    return stray, f"{stray.sum()} stray points ignored (the first is point {first}, at {at} m)"


def split_ids(
    segment: Int[np.ndarray, " N"], instance: Int[np.ndarray, " N"]
) -> tuple[Int[np.ndarray, " N"], str]:
    """Instance ids that differ between classes, where one id stands for objects of several classes.

    The class with most points of an id keeps it. Each other one with 100 points or more, which is
    what AP counts, is an object of its own.
    """
    known = np.flatnonzero((segment >= 0) & (instance >= 0))
    pairs, index, count = np.unique(
        np.stack([instance[known], segment[known]]), axis=1, return_inverse=True, return_counts=True
    )
    index = index.reshape(-1)
    order = np.lexsort((-count, pairs[0]))  # by id, the class with most points first
    first = np.ones(len(order), bool)
    first[1:] = pairs[0][order][1:] != pairs[0][order][:-1]
    own = np.zeros(len(order), bool)
    own[order[~first]] = True
    own &= count >= _OBJECT_POINTS
    if not own.any():
        return instance, ""
    number = np.where(own, instance.max() + own.cumsum(), pairs[0])
    parted = instance.copy()
    parted[known] = number[index]
    shared = len(np.unique(pairs[0][own]))
    return (
        parted,
        (
            f"{shared} instance ids stand for objects of several classes: each class was given ids"
            " of its own"
        ),
    )


def seeming_units(coord: Num[np.ndarray, "N 3"]) -> str:
    """m, cm or mm. What would be over 200 m wide and 20 m high in metres is in the unit that makes
    it more like a room.

    Width is the largest, height the least of the three extents; of each the outer 2 % of points do
    not count.
    """
    low, high = np.percentile(coord[:: len(coord) // 200_000 + 1], [1, 99], axis=0)
    extent = high - low
    size = np.array([extent.max(), extent.min()])
    if size[0] <= _LARGEST_SCAN or size[1] <= _HIGHEST_SCAN:
        return "m"
    return min(("cm", "mm"), key=lambda unit: np.abs(np.log(size * UNITS[unit] / _USUAL)).sum())


def summary(sentences: Sequence[tuple[str, str]]) -> list[str]:
    """One line for each kind of sentence, of pairs (scene, sentence): the first one, and how many
    scenes there are."""
    kinds: dict[str, list[str]] = {}
    for scene, sentence in sentences:
        kind = "".join(letter for letter in sentence.partition("(")[0] if not letter.isdigit())
        kinds.setdefault(kind, []).append(f"{scene}: {sentence}")
    return [
        lines[0] + (f" (and {len(lines) - 1} more scenes)" if len(lines) > 1 else "")
        for lines in kinds.values()
    ]
