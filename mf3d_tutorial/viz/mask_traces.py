"""What `plotly.mask_figure` draws: the points of each entry of the legend in each panel, and their
colours."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from mf3d_tutorial.viz.colors import class_paint, css, scalar_paint
from mf3d_tutorial.viz.entries import Entry, owners
from mf3d_tutorial.viz.figure_parts import thin
from mf3d_tutorial.viz.inspection import Inspection

_FEW, _MANY = 100, 1000  # points of a mask that waits, hidden, under better ones


class Trace(NamedTuple):
    """One entry of the legend in one panel: scan, truth or prediction; or, as the panel "legend",
    its line and swatch."""

    entry: int
    panel: str
    points: Int[np.ndarray, " n"]


class Color(NamedTuple):
    """Of all points of a trace, as css; or one per point, as a place in the colour scale of the
    axis named."""

    value: str | UInt8[np.ndarray, " n"]
    axis: str | None = None


def is_hidden(room: Inspection, entry: Entry) -> bool:
    """A mask that better ones cover by more than half is shown on request, and then all of it."""
    if entry.row is None or not entry.places:
        return False
    mask = room.decoded.masks[entry.places[0]]
    return bool((room.decoded.found[mask] == entry.places[0]).mean() < 0.5)


def mask_traces(room: Inspection, listed: list[Entry], budget: int) -> list[Trace]:
    """The traces that have points, entry by entry; about `budget` points in each panel, small masks
    well among them."""
    of_truth, of_found = owners(room, listed)
    last, rng = len(listed) - 1, np.random.default_rng(0)
    alone = np.array([not entry.shared for entry in listed])[of_found]
    either = np.where(of_truth < last, of_truth, np.where(alone, of_found, last))
    shown = thin(either * (last + 1) + of_found, budget)
    is_shown = np.zeros(len(either), bool)
    is_shown[shown] = True
    hidden = sum(is_hidden(room, entry) for entry in listed)
    traces = []
    for e, entry in enumerate(listed):
        scan, truth, mask = (shown[owner[shown] == e] for owner in (either, of_truth, of_found))
        if is_hidden(room, entry):
            mask = np.flatnonzero(room.decoded.masks[entry.places].any(0))
            mask = mask[is_shown[mask]] if is_shown[mask].sum() >= _FEW else mask
            mask = rng.permutation(mask)[: max(_FEW, min(_MANY, budget // hidden))]
        panels = {"scan": scan, "truth": truth, "prediction": mask}
        if not len(room.target):
            del panels["truth"]
        own = [Trace(e, panel, points) for panel, points in panels.items() if len(points)]
        # a line of its own, so that its swatch stays when points are recoloured
        traces += [Trace(e, "legend", shown[:0]), *own] if own else []
    return traces


def trace_colors(
    room: Inspection, listed: list[Entry], traces: list[Trace], query: int
) -> dict[str, list[Color]]:
    """For each way to colour, the colour of each trace. The scan keeps its own colours; class names
    are headings."""
    classes = class_paint(np.arange(len(room.labels)), room.labels).palette
    of_object = {"truth": room.paint("truth").index, "prediction": room.paint("prediction").index}
    chance = scalar_paint(room.probability(query), 0.0, 1.0).index if room.layers else None
    modes = {
        mode: []
        for mode in ("instance", "class", "RGB", "error", *(["query"] if room.layers else []))
    }
    for entry, panel, points in ((listed[e], panel, points) for e, panel, points in traces):
        rgb = Color(room.rgb.index[points], "coloraxis")
        many = panel in of_object and entry.shared
        own = Color(of_object[panel][points], "coloraxis4") if many else Color(css(entry.color))
        if panel == "legend":
            own = rgb = Color(css(entry.color))
        colors = dict.fromkeys(modes, rgb if panel == "scan" else own) | {"RGB": rgb}
        if panel != "scan" and entry.row:
            colors["class"] = Color(css(classes[room.labels.index(entry.heading)]))
        if panel == "prediction":
            # a mask of its own is painted whole, also under better ones
            own_mask = entry.row is not None and bool(entry.places)
            place = room.decoded.found[points]
            place = np.full(len(points), entry.places[0]) if own_mask else place
            error = room.errors(room.truth[points], place)
            colors["error"] = Color(error.index, "coloraxis2")
            colors["query"] = own if chance is None else Color(chance[points], "coloraxis3")
        for mode, listed_colors in modes.items():
            listed_colors.append(colors[mode])
    return modes


def own_numbers(
    room: Inspection, panel: str, points: Int[np.ndarray, " n"]
) -> Int[np.ndarray, " n"]:
    """For points of an entry that many share: the instance of each, or its query in the panel of
    the prediction."""
    if panel == "prediction":
        return room.decoded.queries[room.decoded.found[points]]
    return room.truth[points]
