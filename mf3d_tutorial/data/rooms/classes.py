"""Which ScanNet classes a generated object has.

Objects carry a raw category. Its index in the 200 classes is the category's own; its index in the 20 classes follows
from the nyu40 id that ScanNet's `scannetv2-labels.combined.tsv` gives the category (column nyu40id). Nightstands (32),
dressers (17), shelves (15), lamps (35), monitors (40) and whatever else is not listed here have an nyu40 id outside of
the benchmark's 20, hence -1 there.
"""

import numpy as np

from ..labels import IGNORE_INDEX, label_set

_MEMBERS = """
wall: wall, shower wall, closet wall
floor: floor, shower floor
cabinet: cabinet, kitchen cabinet, file cabinet, bathroom vanity, bathroom cabinet
bed: bed, mattress
chair: chair, office chair, armchair, sofa chair, folded chair
sofa: couch
table: table, coffee table, end table, dining table
door: door, doorframe, closet door, shower door, bathroom stall door
picture: picture, poster
counter: counter, kitchen counter, bathroom counter
refrigerator: refrigerator, mini fridge
otherfurniture: trash can, trash bin, recycling bin, radiator, ottoman, bench, tv stand, wardrobe, closet, seat, crate
otherfurniture: washing machine, clothes dryer, ladder, piano, keyboard piano, stand, water cooler, rack, music stand
otherfurniture: ironing board, furniture
"""
_ALONE = ("window", "bookshelf", "desk", "curtain", "shower curtain", "toilet", "sink", "bathtub")
_ROWS = [line.split(": ") for line in _MEMBERS.strip().splitlines()]
SCANNET20_OF = {name: name for name in _ALONE} | {raw: name for name, raws in _ROWS for raw in raws.split(", ")}


def indices(raw: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Class indices (M,) i32 in scannet20 and in scannet200 of M raw categories; -1 where a set has no such class."""
    twenty, all_of = label_set("scannet20"), label_set("scannet200")
    of20 = [twenty.index(SCANNET20_OF[name]) if name in SCANNET20_OF else IGNORE_INDEX for name in raw]
    of200 = [all_of.index(name) if name in all_of.names else IGNORE_INDEX for name in raw]
    return np.array(of20, np.int32), np.array(of200, np.int32)
