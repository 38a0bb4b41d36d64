"""Where a scan lies must not matter: the model is given positions relative to the scan.

The point of reference is the middle of the bottom of the scan's box: the middle in x and y, the
lowest point in z. Downsampling counts its voxels from there, and `collate`, which all batches come
from, gives the model positions from there.
"""

import numpy as np
from jaxtyping import Float, Float32, Num

# Metres: the coordinates that the point of reference gets. It is about where it lay in the rooms of
# the shipped models' training, before positions were relative. The 25 micrometres keep coordinates
# that are rounded to whole tenths of a millimetre off the borders between voxels, where the last
# bit of a float would decide.
REFERENCE = np.array([2.0, 2.0, 0.0]) + 25e-6
_FAR = 100  # metres


def bounds(
    coord: Num[np.ndarray, "N 3"],
) -> tuple[Num[np.ndarray, "3"], Num[np.ndarray, "3"]]:
    """The lowest and the highest coordinates; axis by axis, which numpy does over ten times as fast
    as `coord.min(0)`."""
    return np.array([axis.min() for axis in coord.T]), np.array([axis.max() for axis in coord.T])


def place(coord: Float[np.ndarray, "N 3"]) -> Float32[np.ndarray, "N 3"]:
    """The N >= 1 positions (metres) after the shift that brings the middle of their box's bottom to
    `REFERENCE`.

    It does not turn anything: a scan that is turned by 90 degrees about z gives the same positions,
    turned.
    """
    low, high = bounds(coord)
    middle = (low.astype(np.float64) + high) / 2
    return (coord - [middle[0], middle[1], low[2]] + REFERENCE).astype(np.float32)


def near_origin(coord: Num[np.ndarray, "N 3"]) -> Float32[np.ndarray, "N 3"]:
    """Coordinates in float32, moved to the origin by whole metres if they reach beyond 100 m, where
    float32 would round them."""
    if np.abs(coord).max() > _FAR:
        coord = coord - np.floor(bounds(coord)[0].astype(np.float64))
    return coord.astype(np.float32)
