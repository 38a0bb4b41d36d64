"""Which ScanNet classes a generated object has.

Objects carry a raw category. Its index in the 200 classes is the category's own; its index in the 20 classes follows
from the nyu40 id that ScanNet's `scannetv2-labels.combined.tsv` gives the category (column nyu40id). Nightstands (32),
dressers (17), shelves (15), lamps (35), monitors (40) and whatever else is not listed here have an nyu40 id outside of
the benchmark's 20, hence -1 there.
"""

import numpy as np

from ..labels import IGNORE_INDEX, label_set

_SAME = ("wall floor cabinet bed chair table door window bookshelf picture counter desk curtain refrigerator toilet sink "
         "bathtub").split() + ["shower curtain"]  # fmt: skip
_MEMBERS = {
    "wall": ["shower wall", "closet wall"],
    "floor": ["shower floor"],
    "cabinet": ["kitchen cabinet", "file cabinet", "bathroom vanity", "bathroom cabinet"],
    "bed": ["mattress"],
    "chair": ["office chair", "armchair", "sofa chair", "folded chair"],
    "sofa": ["couch"],
    "table": ["coffee table", "end table", "dining table"],
    "door": ["doorframe", "closet door", "shower door", "bathroom stall door"],
    "picture": ["poster"],
    "counter": ["kitchen counter", "bathroom counter"],
    "refrigerator": ["mini fridge"],
    "otherfurniture": ["trash can", "trash bin", "recycling bin", "radiator", "ottoman", "bench", "tv stand", "wardrobe",
                       "closet", "seat", "washing machine", "clothes dryer", "ladder", "piano", "keyboard piano", "stand",
                       "water cooler", "rack", "music stand", "ironing board", "furniture", "crate"],
}  # fmt: skip
SCANNET20_OF = {name: name for name in _SAME} | {raw: name for name, raws in _MEMBERS.items() for raw in raws}


def indices(raw: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Class indices (M,) i32 in scannet20 and in scannet200 of M raw categories; -1 where a set has no such class."""
    twenty, all_of = label_set("scannet20"), label_set("scannet200")
    of20 = [twenty.index(SCANNET20_OF[name]) if name in SCANNET20_OF else IGNORE_INDEX for name in raw]
    of200 = [all_of.index(name) if name in all_of.names else IGNORE_INDEX for name in raw]
    return np.array(of20, np.int32), np.array(of200, np.int32)
