"""Figures that a reader can turn, zoom and ask: numpy arrays or an `Inspection` in, a `go.Figure`
out.

Points go to the page as short numbers: in `scenes` float32 coordinates and one byte of colour each
(100,000 points: 1.7 MB), in `mask_figure` 16 bits per coordinate, and what
hover says once per trace.
"""

import base64
import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int, Num, UInt8
from plotly.subplots import make_subplots

from mf3d_tutorial.viz.colors import (
    ERRORS,
    Paint,
    class_paint,
    error_paint,
    instance_paint,
    scalar_paint,
)
from mf3d_tutorial.viz.entries import Entry, entries
from mf3d_tutorial.viz.explain import about_entry, about_query
from mf3d_tutorial.viz.failures import FAILURES, KINDS
from mf3d_tutorial.viz.figure_parts import (
    CAMERA,
    HIDDEN_AXIS,
    colorscale,
    extent,
    legend,
    plain,
    thin,
)
from mf3d_tutorial.viz.inspection import Inspection
from mf3d_tutorial.viz.mask_traces import (
    Color,
    Trace,
    is_hidden,
    mask_traces,
    own_numbers,
    trace_colors,
)

_PIXELS = 380  # of a panel
# of RGB, errors, probabilities, many objects
_AXES = ("coloraxis", "coloraxis2", "coloraxis3", "coloraxis4")
_HINT = (
    "drag: turn, wheel: zoom, right drag: move; legend: a click hides, a double-click shows one"
    " alone"
)


def scene_trace(
    coord: Float[np.ndarray, "N 3"], paint: Paint, point_size: float = 2.0, **options
) -> go.Scatter3d:
    """One panel's points. `options` go to the trace."""
    x, y, z = np.ascontiguousarray(coord.T, np.float32)
    scale = colorscale(paint)
    marker = {
        "size": point_size,
        "color": paint.index,
        "colorscale": scale,
        "cmin": 0,
        "cmax": len(scale) - 1,
    }
    marker |= {"line": {"width": 0}, "showscale": False}
    return go.Scatter3d(
        x=x, y=y, z=z, mode="markers", marker=marker, **{"hoverinfo": "skip", **options}
    )


def scenes(
    coord: Float[np.ndarray, "N 3"],
    panels: dict[str, Paint],
    groups: Int[np.ndarray, " N"] | None = None,
    budget: int = 20_000,
    height: int = 420,
    **options,
) -> go.Figure:
    """The same scene once for every entry `title -> Paint`, side by side, each with its legend.

    At most `budget` points per panel are shown (and the title says so), chosen by `thin(groups)`;
    by default the groups are the colours of the last panel. In a notebook every panel has its own
    camera; `MaskExplorer` links them.
    """
    paints = list(panels.values())
    shown = thin(paints[-1].index if groups is None else groups, budget)
    figure = make_subplots(
        1,
        len(panels),
        specs=[[{"type": "scene"}] * len(panels)],
        subplot_titles=list(panels),
        horizontal_spacing=0.01,
    )
    texts = []
    for column, paint in enumerate(paints, start=1):
        small = Paint(paint.index[shown], paint.palette, paint.names)
        figure.add_trace(scene_trace(coord[shown], small, **options), row=1, col=column)
        place = {"x": (column - 0.5) / len(panels), "xanchor": "center", "y": 0, "yanchor": "top"}
        texts.append(legend(small, 130 // len(panels)))
        figure.add_annotation(text=texts[-1], xref="paper", yref="paper", showarrow=False, **place)
    count = (
        f"all {len(coord):,} points"
        if len(shown) == len(coord)
        else f"{len(shown):,} of {len(coord):,} points"
    )
    bottom = 10 + 18 * max(text.count("<br>") + 1 for text in texts)
    plain(figure, f"shown: {count}" if len(coord) else "this scene has no points", height)
    figure.update_layout(showlegend=False, margin={"l": 0, "r": 0, "t": 60, "b": bottom})
    axes = {
        "aspectmode": "data",
        "camera": CAMERA,
        "xaxis": HIDDEN_AXIS,
        "yaxis": HIDDEN_AXIS,
        "zaxis": HIDDEN_AXIS,
    }
    return figure.update_scenes(**axes, uirevision="kept")


def mask_figure(
    room: Inspection, query: int | None = None, budget: int = 20_000, height: int = 620
) -> go.Figure:
    """Scan, truth and prediction of a scene; without ground truth, the scan and the prediction.

    A line of the legend is an object with the prediction that is matched with it, under its class,
    the worst IoU first; a click hides it in all panels, a double-click shows it alone. Masks that
    better ones cover wait there, hidden. Buttons colour by instance, class, RGB, error, or the
    probability of one `query` (`room.query`); the slider removes what scores less. Hover tells what
    a point belongs to. All of this works in a saved page, too.

    budget: points in each panel, and again as many at most for the hidden masks.
    """
    listed, query = entries(room), room.query if query is None else query
    traces = mask_traces(room, listed, budget)
    colors = trace_colors(room, listed, traces, query)
    panels = ("scan", "truth", "prediction") if len(room.target) else ("scan", "prediction")
    figure = go.Figure()
    size = _point_size(room.scene.coord, budget)
    coord = _millimetres(room.scene.coord)
    last_class = None
    for i, (e, panel, points) in enumerate(traces):
        entry, (color, axis) = listed[e], colors["instance"][i]
        # a trace needs a point to be listed: one without a place is not drawn
        x, y, z = [[None]] * 3 if panel == "legend" else coord[points].T
        scene = _scene(0 if panel == "legend" else panels.index(panel))
        place = {"scene": scene, "x": x, "y": y, "z": z, "mode": "markers"}
        place |= {
            "marker": {
                "symbol": "square",
                "size": size,
                "line": {"width": 0},
                "color": color,
                "coloraxis": axis,
            }
        }
        place |= {"customdata": points.astype(np.min_scalar_type(len(room.truth)))}
        if entry.shared and panel != "legend":
            both = np.stack([points, own_numbers(room, panel, points)], 1)
            place["customdata"] = both.astype(np.min_scalar_type(both.max()))
        heading = {
            "showlegend": panel == "legend",
            "legendgroup": str(e),
            "name": html.escape(entry.name),
        }
        if panel == "legend" and entry.heading != last_class:
            heading["legendgrouptitle"] = {"text": html.escape(entry.heading)}
            last_class = entry.heading
        follows = _of_prediction(entry, panel)
        visible = "legendonly" if follows and is_hidden(room, entry) else True
        figure.add_scatter3d(
            **place, **heading, visible=visible, hovertemplate=about_entry(room, entry, panel)
        )
    notes = _notes(room, query)
    titles = _titles(room, sum(len(points) for _, panel, points in traces if panel == "scan"))
    _lay_out(figure, room, [titles[panel] for panel in panels], notes["instance"], height)
    changed = [i for i, trace in enumerate(traces) if trace.panel != "scan"]
    buttons = [_button(name, each, changed, notes[name]) for name, each in colors.items()]
    menu = {
        "type": "buttons",
        "direction": "right",
        "x": 0,
        "y": 1.02,
        "xanchor": "left",
        "yanchor": "bottom",
    }
    figure.update_layout(updatemenus=[{**menu, "buttons": buttons, "pad": {"b": 18}}])
    value = {"prefix": "score above ", "font": {"size": 12}, "offset": 4}
    slider = {
        "currentvalue": value,
        "font": {"size": 9},
        "x": 0.5,
        "len": 0.4,
        "y": 1.035,
        "yanchor": "bottom",
    }
    steps = _score_steps(room, listed, traces)
    figure.update_layout(
        sliders=[{**slider, "steps": steps, "ticklen": 3, "pad": {"t": 0}}] if steps else []
    )
    return figure


def _scene(place: int) -> str:
    return f"scene{place + 1}" if place else "scene"


def _millimetres(coord: Num[np.ndarray, "N 3"]) -> Num[np.ndarray, "N 3"]:
    """Whole millimetres from the lowest corner on; float32 where a scene is wider than 65 m."""
    places = np.round((coord - coord.min(0, initial=np.inf)) * 1000)
    return places.astype(np.uint16 if places.max(initial=0) < 65_000 else np.float32)


def _point_size(coord: Num[np.ndarray, "N 3"], budget: int) -> float:
    """Pixels, so that the points of a floor touch."""
    edges = extent(coord)
    spacing = 2 * np.sqrt(edges[0] * edges[1] / max(min(len(coord), budget), 1))
    return round(float(np.clip(_PIXELS * spacing / np.linalg.norm(edges), 1.5, 6)), 1)


def _of_prediction(entry: Entry, panel: str) -> bool:
    """Traces that are shown and hidden with the prediction: its points, and its line in the legend
    if no object shares it."""
    return panel == "prediction" or (panel == "legend" and not entry.instances)


def _encoded(values: UInt8[np.ndarray, " n"]) -> str:
    return base64.b64encode(values.tobytes()).decode()


def _button(name: str, colors: list[Color], changed: list[int], note: str) -> dict[str, Any]:
    """Recolours the traces `changed`, shows the colorbar where colour is a number, and says what
    the colours mean."""
    values = [
        color if isinstance(color, str) else {"dtype": "u1", "bdata": _encoded(color)}
        for color, _ in colors
    ]
    style = {
        "marker.color": [values[i] for i in changed],
        "marker.coloraxis": [colors[i].axis for i in changed],
    }
    layout = {"coloraxis3.showscale": name == "query", "annotations[0].text": note}
    return {"label": name, "method": "update", "args": [style, layout, changed]}


def _notes(room: Inspection, query: int) -> dict[str, str]:
    """What the colours of each button mean, as lines of html."""
    kinds = (
        [kind for kind in FAILURES if any(row.kind == kind for row in room.rows)]
        if len(room.target)
        else []
    )
    classes = class_paint(np.unique([*room.true_labels, *room.decoded.labels]), room.labels)
    truth, found = np.array([[-1, 0, 0, -1, 0, 0], [-1, 0, -1, 0, 1, 2]])
    every = error_paint(truth, found, np.array([0, -1, -1]), np.array([-1, -1, 0]))
    doubled = (room.decoded.judgement.second >= 0).any()
    return {
        "instance": "<br>".join(f"<b>{kind}</b>: {KINDS[kind]}" for kind in kinds)
        + "<br><b>pale</b>: a second mask of the object that has this colour" * bool(doubled),
        "class": legend(classes, 150),
        "RGB": "the scan's own colours",
        "error": legend(every, 150),
        "query": (
            html.escape(f"mask probability of {about_query(room, query)}") if room.layers else ""
        ),
    }


def _score_steps(
    room: Inspection, listed: list[Entry], traces: list[Trace]
) -> list[dict[str, Any]]:
    """The slider: at each step the predictions of things that score less are taken away."""
    scores = {e: entry.row.score for e, entry in enumerate(listed) if entry.row and entry.places}
    masks = [
        i
        for i, (e, panel, _) in enumerate(traces)
        if e in scores and _of_prediction(listed[e], panel)
    ]
    lowest = np.floor(20 * min(scores.values(), default=1))
    steps = []
    for cut in np.arange(lowest, 20) / 20:
        visible = [
            scores[e] > cut and ("legendonly" if is_hidden(room, listed[e]) else True)
            for e, _, _ in (traces[i] for i in masks)
        ]
        steps.append(
            {"label": f"{cut:.2f}", "method": "restyle", "args": [{"visible": visible}, masks]}
        )
    return steps


def _titles(room: Inspection, count: int) -> dict[str, str]:
    """What each panel shows."""
    shown = len(room.decoded.queries)
    found, objects = (
        sum(test)
        for test in zip(*((r.kind == "found", r.instance >= 0) for r in room.rows), (0, 0))
    )
    masks = f"{shown} masks" if room.layers else f"{shown} instances"
    return {
        "scan": (
            "scan: "
            + (f"{count:,} of " if count < len(room.truth) else "")
            + f"{len(room.truth):,} points"
        ),
        "truth": f"truth: {objects} objects",
        "prediction": (
            f"prediction: {masks}" + f", {found} of {objects} found" * bool(len(room.target))
        ),
    }


def _lay_out(
    figure: go.Figure, room: Inspection, titles: Sequence[str], note: str, height: int
) -> None:
    """Panels side by side under one camera to start with; what colours mean below; the legend at
    the right."""
    width, paper = 0.77 / len(titles), {"xref": "paper", "yref": "paper", "showarrow": False}
    plain(figure, f"<b>{html.escape(room.scene.name)}</b>   {_HINT}", height)
    figure.layout["title"].update(x=0.005, xanchor="left", y=0.985, yanchor="top")
    below = {
        "x": 0,
        "y": 0,
        "xanchor": "left",
        "yanchor": "top",
        "align": "left",
        "font": {"size": 11},
    }
    figure.add_annotation(text=note, **paper, **below)
    for place, title in enumerate(titles):
        domain = {"x": [place * width, (place + 1) * width - 0.005], "y": [0, 0.94]}
        axes = {"xaxis": HIDDEN_AXIS, "yaxis": HIDDEN_AXIS, "zaxis": HIDDEN_AXIS}
        scene = {
            "domain": domain,
            "aspectmode": "data",
            "camera": CAMERA,
            "uirevision": "kept",
            **axes,
        }
        figure.update_layout({_scene(place): scene})
        middle = {"x": (place + 0.5) * width, "y": 0.95, "xanchor": "center", "yanchor": "bottom"}
        figure.add_annotation(text=f"<b>{title}</b>", **paper, **middle)
    ramp = scalar_paint(np.array([np.nan, 0.0]), 0.0, 1.0).palette
    palettes = [
        room.rgb.palette,
        np.array([*ERRORS.values()], np.uint8),
        ramp,
        instance_paint(np.zeros(0, int)).palette,
    ]
    for axis, palette in zip(_AXES, palettes):
        scale = colorscale(Paint(np.zeros(0, np.uint8), palette))
        figure.update_layout(
            {axis: {"colorscale": scale, "cmin": 0, "cmax": len(scale) - 1, "showscale": False}}
        )
    bar = {
        "tickvals": [0, 31.5, 63],
        "ticktext": ["0", "½", "1"],
        "x": 0.765,
        "len": 0.5,
        "thickness": 10,
    }
    figure.layout["coloraxis3"]["colorbar"] = {
        **bar,
        "title": {"text": "probability", "side": "right"},
    }
    lines = {"font": {"size": 11}, "itemsizing": "constant", "tracegroupgap": 0, "x": 0.82, "y": 1}
    margin = {"l": 0, "r": 0, "t": 110, "b": 20 + 15 * (note.count("<br>") + 1)}
    figure.update_layout(legend=lines, margin=margin, hoverlabel={"align": "left"})
