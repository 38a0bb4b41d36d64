"""Colours: ScanNet's for classes; for instances a fixed list in which neighbours are easy to tell apart."""

import numpy as np
from jaxtyping import Int, UInt8

from mf3d_tutorial.data.labels import LabelSet

UNLABELLED = (200, 200, 200)

# Paul Tol's "bright", "vibrant" and "muted" schemes (sronpersonalpages.nl/~pault), made for colour-blind readers.
_DISTINCT = (
    "4477AA EE6677 228833 CCBB44 66CCEE AA3377 EE7733 0077BB 33BBEE EE3377 CC3311 009988 "
    "332288 88CCEE 44AA99 117733 999933 DDCC77 CC6677 882255 AA4499"
).split()
PALETTE = np.array([[int(code[i : i + 2], 16) for i in (0, 2, 4)] for code in _DISTINCT], np.uint8)


def instance_colors(instance: Int[np.ndarray, " N"]) -> UInt8[np.ndarray, "N 3"]:
    """A colour for each point by its instance; grey where it has none (-1)."""
    colors = PALETTE[instance % len(PALETTE)]
    colors[instance < 0] = UNLABELLED
    return colors


def class_colors(segment: Int[np.ndarray, " N"], labels: LabelSet) -> UInt8[np.ndarray, "N 3"]:
    """ScanNet's colour of each point's class; grey where it has none (-1)."""
    return np.array([*labels.colors, UNLABELLED], np.uint8)[segment]
