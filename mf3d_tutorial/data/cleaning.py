"""What all ways into the program agree on: colours, normals, stray points, instance ids and units
of a scan.

A function that changes something says so in the second thing that it gives back: a sentence, or ""
if all was well.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int, Num
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from mf3d_tutorial.common.errors import DataError
from mf3d_tutorial.data.placement import bounds

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048, "in": 0.0254}
# metres; beyond these the unit is doubted
_HIGHEST_ROOM, _SMALLEST_SCAN = 6, 0.5
# metres; width and height of a usual room
_LARGEST_SCAN, _HIGHEST_SCAN, _USUAL = 200, 20, np.array([6, 2.5])
# Of all points: what stands alone and has no more than this is no part of the scan; more of it may
# be noise if it is farther from the scan than the scan is long, or ten times as far.
_STRAY_SHARE, _FAR_SHARE, _VERY_FAR_SHARE = 0.001, 0.02, 0.3
_MOST_NOISE = 0.4
_STEP, _SMALL_STEP = 1.0, 0.3  # metres; at the border of the box single points matter more
_OBJECT_POINTS = 100  # points that an object has at least, as AP counts


def check_points(coord: Num[np.ndarray, "N 3"], where: str | Path) -> None:
    """DataError if there is no point or a coordinate is not a finite number."""
    if len(coord) == 0:
        raise DataError(f"{where} has no points: prepare it again or remove it")
    fine = np.abs(coord.astype(np.float64)) < 1e36  # in float32 it would be infinite
    if not fine.all():
        bad = ~fine.all(1)
        raise DataError(
            f"{where} has {bad.sum()} points whose coordinates are NaN or infinite (the first is"
            f" point {bad.argmax()}): remove these points, or prepare the scan again"
        )


def check_finite(values: Num[np.ndarray, "N 3"], where: str | Path) -> None:
    """DataError if colours or normals hold NaN or infinite numbers, which would spread over all of
    a prediction."""
    if np.isfinite(values).all():
        return
    bad = ~np.isfinite(values).all(1)
    raise DataError(
        f"{where} holds NaN or infinite numbers ({bad.sum()} of {len(values)} points, the first is"
        f" point {bad.argmax()}): repair or remove these points, or prepare the scene again"
    )


def unit_color(
    color: Num[np.ndarray, "N 3"], where: str | Path = "color"
) -> tuple[Float32[np.ndarray, "N 3"], str]:
    """RGB in 0..1. Floats and wide integers may be 0..1 (floats only), 0..255 as ScanNet's are, or
    of 10, 12 or 16 bits. Floats may miss these limits by 2 %, as interpolated colours do.

    DataError for NaN, for negative numbers and for what is above 65535.
    """
    check_finite(color, where)
    # Python floats, because 65535 is too much for a float16.
    low, high = float(color.min(initial=0)), float(color.max(initial=0))
    slack = 1.02 if color.dtype.kind == "f" else 1.0
    tops = (1, 255, 1023, 4095, 65535) if color.dtype.kind == "f" else (255, 1023, 4095, 65535)
    scale = next((top for top in tops if high <= top * slack), None)
    if scale is None or low < (1 - slack) * scale:
        raise DataError(
            f"{where} holds {low:g} to {high:g}: colours are 0..255, 0..1 or, of 16 bits, 0..65535"
        )
    unit = color.astype(np.float32) / scale
    if low < 0 or high > scale:
        said = f"colours of {low:g} to {high:g}: cut to 0..{scale}"
        return unit.clip(0, 1), said
    if scale > 255:
        bits = scale.bit_length()
        return unit, f"colours of {bits} bits (up to {high:g}): divided by {scale}"
    if color.dtype.kind != "f" and high == 1:
        return unit, (
            "colours are nearly black, 0 or 1 of 255: colours of 0..1 must be stored as floats"
        )
    return unit, ""


def unit_normals(
    normal: Num[np.ndarray, "N 3"], where: str | Path
) -> tuple[Float32[np.ndarray, "N 3"] | None, str]:
    """Normals of length 1; some of length 0 stay as they are; None if all are. DataError for
    NaN."""
    check_finite(normal, where)
    if normal.dtype.kind == "u" and normal.any():
        raise DataError(
            f"{where} holds {normal.min()} to {normal.max()} and nothing negative, like"
            " normals that are stored as colours: convert them to -1..1"
        )
    largest = np.abs(normal.astype(np.float64)).max(initial=0) or 1.0
    normal = normal.astype(np.float64) / largest  # so that no square overflows or becomes 0
    length = np.linalg.norm(normal, axis=1)
    zero = length == 0
    if zero.all():
        return None, "all normals are zero: taken to be missing"
    low, high = length[~zero].min() * largest, length.max() * largest
    if low > 0.98 and high < 1.02:
        return (normal * largest).astype(np.float32), ""
    unit = (normal / np.where(zero, 1, length)[:, None]).astype(np.float32)
    return unit, f"normals of length {low:.3g} to {high:.3g}: made 1 long"


def strays(coord: Num[np.ndarray, "N 3"]) -> tuple[Bool[np.ndarray, " N"], str]:
    """Which points (metres) are noise beside the scan, of 1,000 points or more.

    The scan is the group with most points and all that belongs to it. A group of points over 1 m
    from all others is noise if it has up to 0.1 % of all points; up to 2 %, if it is farther from
    the largest group than that is long; up to 30 %, if ten times as far. So is a group of up to
    0.1 % that is over 0.3 m outside of the box of the rest: it would move the box.

    Groups are connected cells of 1 m (or 0.3 m); cells that touch, at a corner or more, belong
    together.
    """
    none = np.zeros(len(coord), bool)
    if len(coord) * _STRAY_SHARE < 1:
        return none, ""
    group, sizes = _groups(coord, _STEP)
    stray = _far_away(coord, group, sizes)
    if stray.mean() > _MOST_NOISE:  # the scan itself is that sparse
        return none, ""
    stray |= _beside_the_box(coord, stray)
    if not stray.any():
        return none, ""
    first = stray.argmax()
    at = ", ".join(f"{value:.1f}" for value in coord[first])
    return stray, f"{stray.sum()} stray points ignored (the first is point {first}, at {at} m)"


def _far_away(
    coord: Num[np.ndarray, "N 3"], group: Int[np.ndarray, " N"], sizes: Float64[np.ndarray, " G"]
) -> Bool[np.ndarray, " N"]:
    """Points of groups that are noise by their size and their distance from the largest one."""
    if len(sizes) == 1:
        return np.zeros(len(coord), bool)
    largest = group == sizes.argmax()
    low, high = bounds(coord[largest])
    reach = np.maximum((high - low).max(), 2 * _STEP)
    gap = np.full(len(sizes), np.inf)  # each group's distance from the box of the largest one
    np.minimum.at(gap, group, np.maximum(low - coord, coord - high).max(1))
    share = sizes / len(coord)
    noise = share <= _STRAY_SHARE
    if share.max() > 0.5:
        noise |= (share <= _FAR_SHARE) & (gap > reach)
        noise |= (share <= _VERY_FAR_SHARE) & (gap > 10 * reach)
    return noise[group]


def _beside_the_box(
    coord: Num[np.ndarray, "N 3"], stray: Bool[np.ndarray, " N"]
) -> Bool[np.ndarray, " N"]:
    """Points of tiny groups, over 0.3 m outside of the box of all others; none where a tenth of the
    points is in such groups, because the scan is sparse."""
    found = np.zeros(len(coord), bool)
    rest = np.flatnonzero(~stray)
    group, sizes = _groups(coord[rest], _SMALL_STEP)
    if len(sizes) == 1:
        return found
    tiny = (sizes <= _STRAY_SHARE * len(coord))[group]
    if not tiny.any() or tiny.mean() > 0.1:
        return found
    low, high = bounds(coord[rest[~tiny]])
    few = rest[tiny]
    outside = np.maximum(low - coord[few], coord[few] - high).max(1) > _SMALL_STEP
    found[few[outside]] = True
    return found


def _groups(
    coord: Num[np.ndarray, "N 3"], step: float
) -> tuple[Int[np.ndarray, " N"], Float64[np.ndarray, " G"]]:
    """The group of each point, and the number of points of each group: see `strays`."""
    reach = 2**20  # cells from the median, beyond which all are one: the key of a cell has 63 bits
    coord = coord.astype(np.float64)
    grid = np.floor((coord - [np.median(axis) for axis in coord.T]) / step)
    grid = np.clip(grid, -reach, reach - 1).astype(np.int64)
    key = (grid + reach) @ np.array([1 << 42, 1 << 21, 1])
    _, first, cell, size = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True
    )
    cells = grid[first]
    one, two = KDTree(cells).query_pairs(1.8, output_type="ndarray").T  # sqrt(3) and a little
    touching = coo_matrix((np.ones(len(one)), (one, two)), (len(cells), len(cells)))
    _, group = connected_components(touching, directed=False)
    return group[cell.reshape(-1)], np.bincount(group, size)


def split_ids(
    segment: Int[np.ndarray, " N"], instance: Int[np.ndarray, " N"]
) -> tuple[Int[np.ndarray, " N"], str]:
    """Instance ids that differ between classes, where one id stands for objects of several classes.

    The class with most points of an id keeps it. Each other one with 100 points or more, which is
    what AP counts, is an object of its own. Where the ids of all classes, three or more, count from
    the same number without gaps, and not all to the same one, they begin anew in each class for
    certain: then so is each other one with fewer points.
    """
    known = np.flatnonzero((segment >= 0) & (instance >= 0))
    classes = int(segment.max(initial=0)) + 1
    key = instance[known].astype(np.int64) * classes + segment[known]
    key, index, count = np.unique(key, return_inverse=True, return_counts=True)
    pairs, index = np.stack([key // classes, key % classes]), index.reshape(-1)
    # sorted by id; of an id, the class with most points first
    order = np.lexsort((-count, pairs[0]))
    first = np.ones(len(order), bool)
    first[1:] = pairs[0][order][1:] != pairs[0][order][:-1]
    own = np.zeros(len(order), bool)
    own[order[~first]] = True
    if not _begin_anew(*pairs):
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


def _begin_anew(ids: Int[np.ndarray, " G"], classes: Int[np.ndarray, " G"]) -> bool:
    """Whether numbering begins anew in every class: its ids run from the smallest id of all without
    a gap. The arguments are distinct (id, class) pairs."""
    if not len(ids):
        return False
    _, index, count = np.unique(classes, return_inverse=True, return_counts=True)
    highest = np.zeros(len(count), np.int64)
    np.maximum.at(highest, index.reshape(-1), ids - ids.min() + 1)
    # each id in each class is what labels without any order look like
    return bool(len(count) >= 3 and count.max() > count.min() and (highest == count).all())


def doubt(coord: Num[np.ndarray, "N 3"]) -> str:
    """A sentence if the points (metres) are no usual size of a room; else ""."""
    low, high = bounds(coord)
    extent = high - low
    if extent[2] <= _HIGHEST_ROOM and extent.max() >= _SMALLEST_SCAN:
        return ""
    size = " x ".join(f"{length:.3g}" for length in extent)
    return f"{size} m is no usual size of a room: is the unit metres?"


def seeming_units(coord: Num[np.ndarray, "N 3"]) -> str:
    """m, cm or mm. What would be over 200 m wide and 20 m high in metres is in the unit that makes
    it more like a room.

    Width is the largest, height the least of the three extents; of each the outer 2 % of points do
    not count, nor what would be stray in metres.
    """
    few = coord[:: len(coord) // 200_000 + 1]
    for clean in (False, True):
        points = few[~strays(few)[0]] if clean else few
        extent = np.array([np.ptp(np.percentile(axis, [1, 99])) for axis in points.T])
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
