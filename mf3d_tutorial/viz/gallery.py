"""Search inspected rooms for failures, worst first, and look at one of them close up."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from mf3d_tutorial.data.placement import place
from mf3d_tutorial.evaluation.inference import keep_largest_component
from mf3d_tutorial.viz.colors import instance_paint
from mf3d_tutorial.viz.failures import ABOUT, merged
from mf3d_tutorial.viz.inspection import Inspection, Row
from mf3d_tutorial.viz.static import scene_panels

SPECKLED = "speckled"
KINDS = ("missed", "invented", "merged", "doubled", "loose", "wrong class", SPECKLED)
_PIECE = 0.8  # of a mask: if its largest connected piece is less, it is speckled
_MARGIN = 0.5  # metres around what a close-up is about
_MASKS = 3  # in a close-up


class Case(NamedTuple):
    """A failure: `how_bad` compares it with others of its kind (the larger, the worse)."""

    kind: str
    how_bad: float
    room: int
    objects: list[int]  # that are involved, of the target
    masks: list[int]  # that are involved, of the shown predictions: the one in question first


def gallery(rooms: Sequence[Inspection]) -> dict[str, list[Case]]:
    """The failures of each of `KINDS` in these rooms, worst first.

    "Speckled" comes on top of the names that a `Judgement` gives: a mask of a thing, not merged,
    whose largest connected piece is less than 80 % of it.
    """
    found: dict[str, list[Case]] = {kind: [] for kind in KINDS}
    for i, room in enumerate(rooms):
        for row in room.rows:
            if row.kind in found:
                found[row.kind].append(_case(room, i, row))
        found[SPECKLED] += _speckled(room, i)
    return {kind: sorted(each, key=lambda case: -case.how_bad) for kind, each in found.items()}


def _case(room: Inspection, i: int, row: Row) -> Case:
    j, k, m = room.decoded.judgement, row.place, row.instance
    if row.kind == "missed":  # the larger, the worse; beside it, the mask that has most of it
        return Case(
            row.kind, (room.truth == m).sum(), i, [m], j.cover[:, m].argsort()[-1:].tolist()
        )
    if row.kind == "merged":
        objects = np.flatnonzero(merged(j.cover[k], j.share[k]))
        return Case(row.kind, len(objects) + j.share[k, objects].sum(), i, objects.tolist(), [k])
    if row.kind == "doubled":  # all masks of that object
        m = int(j.iou[k].argmax())
        masks = np.flatnonzero(j.iou[:, m] > ABOUT)
        others = [int(other) for other in masks if other != k]
        return Case(row.kind, len(masks) + j.iou[masks, m].min(), i, [m], [k, *others])
    return Case(row.kind, row.score, i, [m] if m >= 0 else [], [k])


def _speckled(room: Inspection, i: int) -> Iterator[Case]:
    d, pieces = room.decoded, room.decoded.masks.copy()
    if not len(room.target) or not room.voxel_size:
        return
    keep_largest_component(pieces, place(room.scene.coord), room.voxel_size)
    sizes, kept = d.masks.sum(1), pieces.sum(1)
    for k in np.flatnonzero((kept < _PIECE * sizes) & ~np.isin(d.labels, room.stuff)).tolist():
        if d.judgement.kinds[k] != "merged":
            m = int(d.judgement.iou[k].argmax())
            yield Case(SPECKLED, sizes[k] - kept[k], i, [m], [k])


def close_up(rooms: Sequence[Inspection], case: Case) -> Figure:
    """The scan, the true objects of a case, and each of its masks (at most three) with its IoU,
    cover and share, in the colour of the first of the objects."""
    room = rooms[case.room]
    d, names = room.decoded, room.labels.names
    truth = np.where(np.isin(room.truth, case.objects), room.truth, -1)
    masks = case.masks[:_MASKS]
    about = (truth >= 0) | (d.masks[masks].any(0) & (case.kind != "missed"))
    coord = room.scene.coord
    low, high = coord[about].min(0) - _MARGIN, coord[about].max(0) + _MARGIN
    near = ((coord > low) & (coord < high)).all(1)
    objects = [f"{names[room.true_labels[m]]} {m}" for m in case.objects]
    panels = {
        f"room {case.room}": room.paint("RGB").colors,
        f"true: {', '.join(objects) or 'no object'}": instance_paint(
            truth, room.truth_colors
        ).colors,
    }
    for k in masks:
        j = d.judgement
        m = case.objects[0] if case.objects else j.iou[k].argmax()
        title = (
            f"query {d.queries[k]}: {names[d.labels[k]]}, {d.scores[k]:.2f}\nIoU {j.iou[k, m]:.2f},"
            f" cover {j.cover[k, m]:.2f},\nshare {j.share[k, m]:.2f}"
            f" ({names[room.true_labels[m]]} {m})"
        )
        number, colors = (m, room.truth_colors) if case.objects else (0, None)
        panels[title] = instance_paint(np.where(d.masks[k], number, -1), colors).colors
    return scene_panels(
        coord[near], {title: each[near] for title, each in panels.items()}, size=2.9
    )
