"""Colours: ScanNet's for classes; for instances a fixed list, dealt out so that neighbours are easy
to tell apart.

Every picture of this package paints points the same way: a `Paint` is one small number per point
and a short list of colours, so that a recolour is one byte per point.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image
from scipy.spatial import KDTree

from mf3d_tutorial.data.labels import LabelSet

UNLABELLED = (200, 200, 200)
RAMP = (220, 220, 220), (204, 51, 17)  # a number's smallest and largest value

# Paul Tol's "bright", "vibrant" and "muted" schemes (sronpersonalpages.nl/~pault), made for
# colour-blind readers.
_DISTINCT = (
    "4477AA EE6677 228833 CCBB44 66CCEE AA3377 EE7733 0077BB 33BBEE EE3377 CC3311 009988 "
    "332288 88CCEE 44AA99 117733 999933 DDCC77 CC6677 882255 AA4499"
).split()
PALETTE = np.array([[int(code[i : i + 2], 16) for i in (0, 2, 4)] for code in _DISTINCT], np.uint8)
# the colours, and each of them again, paler: for a second mask of an object
SHADES = np.vstack([PALETTE, (0.45 * PALETTE + 0.55 * 255).astype(np.uint8)])

# What a reader without green cones sees of an RGB colour (Machado, Oliveira and Fernandes 2009,
# severity 1).
_DEUTERANOPIA = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])

ERRORS = {
    "no object, none found": (225, 225, 225),
    "found": (0, 119, 187),
    "doubled: another mask is matched with the object": (102, 204, 238),
    "missed": (221, 170, 51),
    "invented": (170, 51, 119),
    "another object or class": (204, 51, 17),
}


class Paint(NamedTuple):
    """The colour of each point, as an index into at most 256 colours, and what these mean (for the
    legend)."""

    index: UInt8[np.ndarray, " N"]
    palette: UInt8[np.ndarray, "P 3"]
    names: Mapping[int, str] = MappingProxyType({})  # palette index -> meaning

    @property
    def colors(self) -> UInt8[np.ndarray, "N 3"]:
        """RGB of each point."""
        return self.palette[self.index]


def instance_colors(instance: Int[np.ndarray, " N"]) -> UInt8[np.ndarray, "N 3"]:
    """A colour for each point by its instance; grey where it has none (-1)."""
    return instance_paint(instance).colors


def class_colors(segment: Int[np.ndarray, " N"], labels: LabelSet) -> UInt8[np.ndarray, "N 3"]:
    """ScanNet's colour of each point's class; grey where it has none (-1)."""
    return class_paint(segment, labels).colors


def rgb_paint(color: Float[np.ndarray, "N 3"]) -> Paint:
    """The scan's own colours (0..1), reduced to the 256 that fit them best."""
    if not len(color):
        return Paint(np.zeros(0, np.uint8), np.zeros((1, 3), np.uint8))
    pixels = (np.clip(np.nan_to_num(color), 0, 1) * 255).astype(np.uint8)
    image = Image.fromarray(pixels[None]).quantize(256, dither=Image.Dither.NONE)
    return Paint(
        np.asarray(image).reshape(-1), np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    )


def class_paint(segment: Int[np.ndarray, " N"], labels: LabelSet) -> Paint:
    """ScanNet's colour of each point's class; grey where it has none (-1)."""
    # a label set may have more than 256 classes, a scene not
    present, index = np.unique(segment, return_inverse=True)
    palette = np.array([*labels.colors, UNLABELLED], np.uint8)[present if len(present) else [-1]]
    names = {i: labels.names[c] if c >= 0 else "none" for i, c in enumerate(present.tolist())}
    return Paint(index.astype(np.uint8), palette, names)


def instance_paint(
    instance: Int[np.ndarray, " N"], chosen: Int[np.ndarray, " M"] | None = None
) -> Paint:
    """A colour by instance, grey where there is none (-1).

    chosen: for instance m the place of its colour in SHADES (see `touching_colors`); by default m
    modulo the length of PALETTE.
    """
    places = instance % len(PALETTE) if chosen is None else np.append(chosen, 0)[instance]
    index = np.where(instance < 0, len(SHADES), places).astype(np.uint8)
    names = {len(SHADES): "none"} if (instance < 0).any() else {}
    pale = np.unique(index[(index >= len(PALETTE)) & (index < len(SHADES))])
    names |= {int(place): "pale: a second mask of the object" for place in pale[:1]}
    return Paint(index, np.vstack([SHADES, np.array([UNLABELLED], np.uint8)]), names)


def neighbour_colors(
    centers: Float[np.ndarray, "M 3"], given: Sequence[int] | Int[np.ndarray, " K"] = ()
) -> Int[np.ndarray, " M"]:
    """A place in PALETTE for each of M instances with these centres (metres): near ones get unlike
    colours.

    given: the places of the first instances, if they have colours already.
    """
    return deal_colors(np.linalg.norm(centers[:, None] - centers, axis=-1), given=given)


def touching_colors(
    coord: Float[np.ndarray, "N 3"], instance: Int[np.ndarray, " N"], count: int
) -> Int[np.ndarray, " M"]:
    """A place in PALETTE for each of `count` instances, unlike those of the instances that it
    touches.

    Two instances are as far apart as their nearest points (metres), of 200 each. So a floor gets a
    colour unlike that of all that stands on it, which `neighbour_colors` cannot promise.
    """
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(instance == m) for m in range(count)]
    some = [coord[rng.choice(own, min(len(own), 200), replace=False)] for own in members]
    apart = np.full((count, count), np.inf)
    for m, points in enumerate(some):
        for other in range(m if len(points) else 0):
            if len(some[other]):
                apart[m, other] = apart[other, m] = KDTree(points).query(some[other])[0].min()
    return deal_colors(apart, sweeps=3)


def deal_colors(
    apart: Float[np.ndarray, "M M"],
    sweeps: int = 0,
    given: Sequence[int] | Int[np.ndarray, " K"] = (),
) -> Int[np.ndarray, " M"]:
    """A place in PALETTE for each of M instances that are so far `apart` (metres): near ones get
    unlike colours.

    Instance by instance, the colour that is least like those of the instances before it, weighed by
    nearness; then `sweeps` times again, against all others. Two colours are as like as they are to
    whichever reader sees less difference, one with all cones or one without green. given: the
    places of the first instances, which they keep.
    """
    seen = np.stack([PALETTE / 255, PALETTE / 255 @ _DEUTERANOPIA.T])
    unlike = np.linalg.norm(seen[:, :, None] - seen[:, None], axis=-1).min(0)
    like = np.exp(-unlike / 0.1)
    chosen = np.zeros(len(apart), np.int64)
    chosen[: len(given)] = given
    for sweep in range(1 + sweeps):
        for m in range(len(given), len(apart)):
            others = np.delete(np.arange(len(apart) if sweep else m + 1), m)
            near = 1 / (0.1 + apart[m, others]) ** 2
            chosen[m] = (near @ like[chosen[others]]).argmin()
    return chosen


def scalar_paint(
    values: Float[np.ndarray, " N"], low: float | None = None, high: float | None = None
) -> Paint:
    """One number per point (probability, attention, logit) from light (`low`) to red (`high`); blue
    where it is NaN."""
    finite = np.isfinite(values)
    known = values[finite] if finite.any() else np.zeros(1)
    low = float(known.min() if low is None else low)
    high = float(known.max() if high is None else high)
    scaled = (np.where(finite, values, low) - low) / max(high - low, 1e-12)
    index = np.where(finite, (scaled.clip(0, 1) * 63).round(), 64).astype(np.uint8)
    ramp = np.linspace(RAMP[0], RAMP[1], 64)
    names = {0: f"{round(low, 3):g}", 63: f"{round(high, 3):g}"} | (
        {} if finite.all() else {64: "not a number"}
    )
    return Paint(index, np.vstack([ramp, PALETTE[:1]]).astype(np.uint8), names)


def error_paint(
    truth: Int[np.ndarray, " N"],
    found: Int[np.ndarray, " N"],
    partner: Int[np.ndarray, " K"],
    second: Int[np.ndarray, " K"],
) -> Paint:
    """Where a prediction is right and how it is wrong, point by point.

    truth, found: each point's ground-truth instance and its predicted one, -1: none. partner,
    second: for each predicted instance the object of its class that it is matched with, and the one
    that it finds once more (see `Judgement.second`), -1: none.
    """
    there, claimed = truth >= 0, found >= 0
    of_partner, of_second = (np.append(of, -1)[found] == truth for of in (partner, second))
    both = there & claimed
    cases = [both & of_partner, both & of_second, both, there, claimed]
    index = np.select(cases, [1, 2, 5, 3, 4]).astype(np.uint8)
    names = {i: name for i, name in enumerate(ERRORS) if i in index}
    return Paint(index, np.array([*ERRORS.values()], np.uint8), names)


def css(color: Sequence[int]) -> str:
    """The colour (0..255) as html writes it: #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*color)
