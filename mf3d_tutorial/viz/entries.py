"""What a reader can switch on and off: one entry for each object with the prediction that is
matched with it.

Figure, page and explorer list the same entries, in the same order, under the same names and
colours.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from mf3d_tutorial.viz.colors import SHADES, UNLABELLED
from mf3d_tutorial.viz.inspection import Inspection, Row

STUFF = (150, 150, 150)


@dataclass
class Entry:
    """A line of the legend. `instances` and `places`: of the target (0..M-1), of the shown
    predictions (0..K-1)."""

    name: str
    heading: str  # class
    color: tuple[int, int, int]
    instances: list[int]
    places: list[int]
    row: Row | None = None  # of one object, or of one prediction
    shared: bool = False  # by all of a class that have no entry of their own


def entries(inspection: Inspection, limit: int = 100) -> list[Entry]:
    """Things by class, within a class the worst IoU first; stuff; what belongs to no object.

    Of more than `limit` things the worst have an entry of their own; the others share one per
    class, after those of their class.
    """
    d, names, shades = inspection.decoded, inspection.labels.names, inspection.prediction_colors()
    rows = sorted(inspection.rows, key=lambda row: (row.kind == "found", row.iou))
    things = []
    for row in rows:
        k = row.place
        shade = shades[k] if row.instance < 0 else inspection.truth_colors[row.instance]
        places = [k] if k >= 0 else []
        instances = [row.instance] if row.instance >= 0 else []
        color = tuple(SHADES[shade].tolist())
        things.append(
            Entry(entry_name(row), row.label or row.found_label, color, instances, places, row)
        )
    rest = things[limit:]
    things = sorted(things[:limit], key=lambda e: e.row.iou) + _shared(rest)
    things.sort(key=lambda e: inspection.labels.index(e.heading))
    stuff = np.flatnonzero(np.isin(inspection.true_labels, inspection.stuff)).tolist()
    masks = sorted(
        set(np.flatnonzero(np.isin(d.labels, inspection.stuff)).tolist())
        - {row.place for row in rows}
    )
    if stuff or masks:
        title = ", ".join(names[c] for c in inspection.stuff) + " (AP leaves them out)"
        things.append(Entry(title, "stuff", STUFF, stuff, masks))
    return [*things, Entry("no object", "rest", UNLABELLED, [], [])]


def _shared(rest: list[Entry]) -> list[Entry]:
    """One entry for all of each class."""
    classes = {}
    for entry in rest:
        classes.setdefault(entry.heading, []).append(entry)
    return [
        Entry(
            f"{len(each):,} more",
            heading,
            UNLABELLED,
            [m for e in each for m in e.instances],
            [k for e in each for k in e.places],
            shared=True,
        )
        for heading, each in classes.items()
    ]


def entry_name(row: Row) -> str:
    """What the legend says of a row: object and failure, query, score and IoU."""
    what = f"{row.label} {row.instance}" if row.instance >= 0 else row.found_label
    if row.kind == "predicted":
        return f"{what}: query {row.query}, score {row.score:.2f}"
    kind = "" if row.kind == "found" else f", {row.kind}"
    if row.query < 0:
        return f"{what}{kind}"
    return f"{what}{kind}: query {row.query}, score {row.score:.2f}, IoU {row.iou:.2f}"


def owners(
    inspection: Inspection, listed: list[Entry]
) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
    """For each point the entry of its true object, and that of its best prediction; the last one
    where it has none."""
    last = len(listed) - 1
    of_instance = np.full(len(inspection.target) + 1, last)
    of_place = np.full(len(inspection.decoded.labels) + 1, last)
    for e, entry in enumerate(listed):
        of_instance[entry.instances], of_place[entry.places] = e, e
    of_instance[-1] = of_place[-1] = last
    return of_instance[inspection.truth], of_place[inspection.decoded.found]
