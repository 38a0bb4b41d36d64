"""What can be wrong with an instance, defined once: explorer, page, figures and notebooks all use
these words.

K predictions, M ground-truth objects. Overlaps count points of the scan. Two thresholds are all
there is: above an IoU of .25 a prediction is *about* an object (AP25), above .5 it *fits* (AP50).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num
from scipy.optimize import linear_sum_assignment

ABOUT, FITS = 0.25, 0.5  # IoU
KINDS = {
    "found": "IoU above .5 with its object, and the right class",
    "wrong class": "IoU above .5 with its object, but another class",
    "loose": "IoU of .25 to .5 with its object",
    "merged": (
        "one mask with more than half of two objects or more, each at least a tenth of the mask"
    ),
    "missed": "no prediction is matched with the object: none that is free has an IoU above .25",
    "doubled": "IoU above .25 with an object that another prediction is matched with",
    "invented": "no IoU above .25 with any object",
    "predicted": "there is no ground truth to compare with",
}
FAILURES = tuple(kind for kind in KINDS if kind not in ("found", "predicted"))


class Judgement(NamedTuple):
    """How K predictions stand to M objects."""

    iou: Float[np.ndarray, "K M"]
    cover: Float[np.ndarray, "K M"]  # share of the object that lies in the mask
    share: Float[np.ndarray, "K M"]  # share of the mask that lies on the object
    partner: Int[np.ndarray, " K"]  # the object that each prediction is matched with, -1: none
    # the object that each doubled prediction names rightly, though another is matched; -1: none
    second: Int[np.ndarray, " K"]
    right: Bool[np.ndarray, " K"]  # matched with an object of the class that it says
    # of each prediction, a key of KINDS; an object that is nobody's partner is "missed"
    kinds: list[str]

    @property
    def best(self) -> Float[np.ndarray, " K"]:
        """The highest IoU that each has with any object."""
        return self.iou.max(1, initial=0)


def merged(
    cover: Float[np.ndarray, "*K M"], share: Float[np.ndarray, "*K M"]
) -> Bool[np.ndarray, "*K M"]:
    """The objects that a mask holds: more than half of each, and each more than a tenth of the
    mask."""
    return (cover > 0.5) & (share > 0.1)


def judge(
    overlap: Num[np.ndarray, "K M"],
    mask_sizes: Num[np.ndarray, " K"],
    object_sizes: Num[np.ndarray, " M"],
    found_labels: Int[np.ndarray, " K"],
    true_labels: Int[np.ndarray, " M"],
    stuff: tuple[int, ...] = (),
) -> Judgement:
    """Match predictions and objects one to one, so that the sum of their IoUs is largest, and name
    each failure.

    An IoU counts double if the class is right, and a pair with an IoU up to .25 is none. What is
    predicted to be a thing is compared with things only: AP knows no object of a stuff class.
    """
    thing, same = ~np.isin(found_labels, stuff), found_labels[:, None] == true_labels
    overlap = np.where(thing[:, None] & np.isin(true_labels, stuff), 0, overlap)
    iou = overlap / np.maximum(mask_sizes[:, None] + object_sizes - overlap, 1)
    cover = overlap / np.maximum(object_sizes, 1)
    share = overlap / np.maximum(mask_sizes, 1)[:, None]
    rows, columns = linear_sum_assignment(np.where(iou > ABOUT, iou * (1 + same), 0), maximize=True)
    partner = np.full(len(iou), -1)
    about = iou[rows, columns] > ABOUT
    partner[rows[about]] = columns[about]
    several = merged(cover, share).sum(1) > 1
    kinds = [_kind(iou[k], partner[k], same[k], several[k]) for k in range(len(iou))]
    same = np.pad(same, ((0, 0), (0, 1)))  # the last column: no object
    of_class = np.pad(iou, ((0, 0), (0, 1))) * same
    doubled = (np.array(kinds) == "doubled") & (of_class.max(1) > ABOUT)
    second = np.where(doubled, of_class.argmax(1), -1)
    right = same[np.arange(len(iou)), partner]
    return Judgement(iou, cover, share, partner, second, right, kinds)


def _kind(
    iou: Float[np.ndarray, " M"], partner: int, same: Bool[np.ndarray, " M"], several: bool
) -> str:
    fits = partner >= 0 and iou[partner] > FITS
    if fits and same[partner]:
        return "found"
    if several:
        return "merged"
    if partner >= 0:
        return "wrong class" if fits else "loose"
    if not len(iou):
        return "predicted"
    return "doubled" if iou.max() > ABOUT else "invented"
