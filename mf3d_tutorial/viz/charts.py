"""Numbers of an evaluation as Plotly figures: what is confused with what, how good by class and
size, how honest.

Each takes a list of inspected scenes or a report of `ScanNetInstanceAP`; how to read it stands
under its title.
"""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from jaxtyping import Float

from mf3d_tutorial.data.labels import LabelSet
from mf3d_tutorial.data.scannet import Original
from mf3d_tutorial.evaluation.inference import Instances
from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP
from mf3d_tutorial.viz.figure_parts import plain
from mf3d_tutorial.viz.inspection import Inspection

_BLUE, _ORANGE, _GREY = "#0077BB", "#EE7733", "#BBBBBB"
_NONE = "(none)"
_SIZES = (100, 300, 1000, 3000, 10_000)  # points; AP does not judge what is smaller


def _titled(figure: go.Figure, title: str, reading: str, height: int) -> go.Figure:
    plain(figure, f"<b>{title}</b><br><span style='font-size:11px'>{reading}</span>", height)
    return figure.update_layout(margin={"t": 70})


def _map(
    values: Float[np.ndarray, "R C"],
    rows: Sequence[str],
    columns: Sequence[str],
    bar: str,
    **axes: str,
) -> go.Figure:
    """A matrix with names, a colorbar and the numbers on hover."""
    grid = go.Heatmap(
        z=np.asarray(values, np.float32), colorscale="Blues", zmin=0,
        colorbar={"title": {"text": bar, "side": "right"}},
        hovertemplate="%{y} · %{x}: %{z:.2f}<extra></extra>",
    )  # fmt: skip
    figure = go.Figure(grid)
    figure.update_xaxes(
        title=axes["x"], tickvals=list(range(len(columns))), ticktext=list(columns), tickangle=-40
    )
    return figure.update_yaxes(
        title=axes["y"], tickvals=list(range(len(rows))), ticktext=list(rows), autorange="reversed"
    )


def _bars(names: Sequence[str], reports: Sequence[dict[str, Any]]) -> go.Figure:
    """AP, AP50 and AP25 side by side for each name."""
    figure = go.Figure()
    for (key, title), color in zip(
        (("ap", "AP"), ("ap50", "AP50"), ("ap25", "AP25")), (_BLUE, _ORANGE, _GREY)
    ):
        figure.add_bar(
            x=list(names), y=[row[key] for row in reports], name=title, marker={"color": color}
        )
    return figure.update_yaxes(range=[0, 1], title="average precision")


def confusion_figure(rooms: Sequence[Inspection]) -> go.Figure:
    """How often an object of one class is called another, or missed, and what is invented; counts
    over all scenes."""
    counts: dict[tuple[str, str], int] = {}
    for row in (row for room in rooms for row in room.rows if row.kind != "doubled"):
        pair = (row.label or _NONE, row.found_label or _NONE)
        counts[pair] = counts.get(pair, 0) + 1
    names = [
        name for name in (*rooms[0].labels.names, _NONE) if any(name in pair for pair in counts)
    ]
    values = np.array([[counts.get((a, b), 0) for b in names] for a in names], np.float32).reshape(
        len(names), -1
    )
    shown = [html.escape(name) for name in names]
    figure = _map(values, shown, shown, "objects", x="predicted class", y="true class")
    reading = (
        "A row is what became of a class. Diagonal: matched with a mask of this class, however"
        " loosely; last column: missed;<br>last row: masks that are matched with no object, without"
        " the doubled ones."
    )
    return _titled(figure, "Confusion of classes", reading, 200 + 22 * len(names)).update_layout(
        margin={"t": 85}
    )


def class_figure(report: dict[str, Any]) -> go.Figure:
    """AP, AP50 and AP25 of each class with ground truth, best first; `report`: of
    `ScanNetInstanceAP.compute`."""
    rows = [
        (name, row)
        for name, row in report["per_class"].items()
        if row["ap"] is not None and row["ap"] == row["ap"]
    ]
    rows.sort(key=lambda item: -item[1]["ap"])
    figure = _bars([html.escape(name) for name, _ in rows], [row for _, row in rows]).update_xaxes(
        tickangle=-40
    )
    reading = (
        "High AP25, low AP: found with loose masks; low AP25: missed, misnamed, or ranked behind"
        " wrong ones."
    )
    return _titled(figure, "AP by class", reading, 360)


def size_figure(
    predictions: Sequence[Instances],
    originals: Sequence[Original],
    labels: LabelSet,
    edges: Sequence[int] = _SIZES,
) -> go.Figure:
    """AP, AP50 and AP25 of the objects with so many points in the scan; objects of another size
    count as unannotated.

    predictions, originals: of each scene, over all of its points, as `scene_instances` gives them.
    """
    names, reports = [], []
    for low, high in zip(edges, (*edges[1:], np.inf)):
        metric, count = ScanNetInstanceAP(labels), 0
        for found, truth in zip(predictions, originals):
            ids, place, sizes = np.unique(truth.instance, return_inverse=True, return_counts=True)
            inside = (ids >= 0) & (sizes >= low) & (sizes < high)
            instance = np.where(inside[place], truth.instance, -1)
            things = inside[place] & ~np.isin(truth.segment, (-1, *labels.stuff))
            count += len(np.unique(instance[things]))
            metric.update(found.masks, found.scores, found.labels, truth.segment, instance)
        if count:
            names.append(
                f"{low:,} {'and more' if high == np.inf else f'to {high - 1:,}'}<br>({count}"
                " objects)"
            )
            reports.append(metric.compute())
    reading = (
        "Bars that rise to the right: small objects are what is missed. Mind the counts: few"
        " objects, wide swings."
    )
    figure = _bars(names, reports)
    figure.update_xaxes(title="points of the object")
    return _titled(figure, "AP by size of the object", reading, 380)


def calibration_figure(rooms: Sequence[Inspection], bins: int = 10) -> go.Figure:
    """Of the predictions that are shown with a score in each bin, the share that is "found"; and
    how many there are.

    Decode with a low `score_threshold` first, or the left half stays empty.
    """
    rows = [
        (row.score, row.kind == "found") for room in rooms for row in room.rows if row.query >= 0
    ]
    score, right = np.array(rows, float).reshape(-1, 2).T
    place = np.minimum((score * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    used = np.flatnonzero(count)
    mean, share = (
        np.bincount(place, values, bins)[used] / count[used] for values in (score, right)
    )
    error = float((count[used] * np.abs(share - mean)).sum() / max(len(score), 1))
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="calibrated", line={"color": _GREY, "dash": "dot"}
    )
    hover = "score %{x:.2f}: %{y:.2f} of %{customdata} are right<extra></extra>"
    dots = {"size": 8 + 24 * count[used] / count.max(initial=1), "color": _BLUE}
    figure.add_scatter(
        x=mean,
        y=share,
        customdata=count[used],
        hovertemplate=hover,
        mode="lines+markers",
        name="model",
        marker=dots,
    )
    figure.update_xaxes(title="score", range=[0, 1.02]).update_yaxes(
        title="share that is right", range=[0, 1.02]
    )
    reading = (
        "Below the dots: sure of too much, doubled masks included. Mean distance, by number of"
        f" masks: {error:.2f}."
    )
    return _titled(figure, "Calibration of the scores", reading, 380)


def query_figure(rooms: Sequence[Inspection], queries: Sequence[int] | None = None) -> go.Figure:
    """Mean class probability of queries (all) over the scenes, sorted by the class that each says
    most often."""
    chance = torch.stack([room.layers[-1][0].float().softmax(-1) for room in rooms]).mean(0).numpy()
    chosen = np.arange(len(chance)) if queries is None else np.asarray(queries)
    order = chosen[np.lexsort((-chance[chosen, :-1].max(1), chance[chosen, :-1].argmax(1)))]
    names = [*map(html.escape, rooms[0].labels.names), "no object"]
    figure = _map(
        chance[order].T, names, [str(q) for q in order], "probability", x="query", y="class"
    )
    figure.update_xaxes(tickangle=-90, tickfont={"size": 8})
    reading = (
        "One dark cell: a query asks for one class in every scene; a pale column: for none, or for"
        " what it gets."
    )
    return _titled(
        figure, f"What {len(order)} queries ask for, mean over {len(rooms)} scenes", reading, 520
    )
