"""Figures that a reader can turn and zoom: numpy arrays and a `Paint` in, a `go.Figure` out.

Points go to the page as float32 coordinates and one byte of colour each (100,000 points: 1.7 MB). Each panel is a
single trace.
"""

import textwrap
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int
from plotly.subplots import make_subplots

from mf3d_tutorial.viz.colors import Paint

CAMERA = {"eye": {"x": 0.7, "y": -1.1, "z": 1.5}, "up": {"x": 0, "y": 0, "z": 1}, "center": {"x": 0, "y": 0, "z": -0.1}}
_HIDDEN = {"visible": False, "showspikes": False}
_SERIES = ("#0077BB", "#EE7733", "#009988", "#CC3311", "#AA3377", "#33BBEE", "#BBBBBB")


def thin(groups: Int[np.ndarray, " N"], budget: int = 20_000, seed: int = 0) -> Int[np.ndarray, " K"]:
    """Which points to show, in ascending order: all, or a random `budget` of them.

    groups: the object (any number) that each point belongs to. Half of the budget is dealt out evenly among the
    objects, so that one of twenty points is still there when a wall of fifty thousand is thinned.
    """
    if len(groups) <= budget:
        return np.arange(len(groups))
    order = np.random.default_rng(seed).permutation(len(groups))
    _, group, sizes = np.unique(groups[order], return_inverse=True, return_counts=True)
    by_group = np.argsort(group, kind="stable")
    rank = np.empty(len(order), np.int64)  # of a point within its object
    rank[by_group] = np.arange(len(order)) - np.repeat(sizes.cumsum() - sizes, sizes)
    first = rank < budget // (2 * len(sizes))
    return np.sort(np.concatenate([order[first], order[~first]])[:budget])


def colorscale(paint: Paint) -> list[list]:
    """The palette as a Plotly colour scale, for `cmin=0` and `cmax=len(scale) - 1`."""
    codes = ["#{:02x}{:02x}{:02x}".format(*color) for color in paint.palette]
    codes = codes * 2 if len(codes) == 1 else codes
    return [[round(i / (len(codes) - 1), 6), code] for i, code in enumerate(codes)]


def legend(paint: Paint, width: int = 60) -> str:
    """What the colours of `paint` mean, as lines of HTML of about `width` characters."""
    words = [f"■ {name}".replace(" ", "\0") for name in paint.names.values()]
    text = "<br>".join(textwrap.wrap("  ".join(words), width)).replace("\0", "&nbsp;")
    for i in paint.names:
        text = text.replace("■", '<span style="color:rgb({},{},{})">&#9632;</span>'.format(*paint.palette[i]), 1)
    return text


def scene_trace(coord: Float[np.ndarray, "N 3"], paint: Paint, point_size: float = 2.0, **options) -> go.Scatter3d:
    """One panel's points. `options` go to the trace."""
    x, y, z = np.ascontiguousarray(coord.T, np.float32)
    scale = colorscale(paint)
    marker = {"size": point_size, "color": paint.index, "colorscale": scale, "cmin": 0, "cmax": len(scale) - 1}
    marker |= {"line": {"width": 0}, "showscale": False}
    return go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, **{"hoverinfo": "skip", **options})


def scenes(
    coord: Float[np.ndarray, "N 3"],
    panels: dict[str, Paint],
    groups: Int[np.ndarray, " N"] | None = None,
    budget: int = 20_000,
    height: int = 420,
    **options,
) -> go.Figure:
    """The same scene once for every entry `title -> Paint`, side by side, with a legend each.

    At most `budget` points a panel are shown (and the title says so), chosen by `thin(groups)`; by default the groups
    are the colours of the last panel. In a notebook every panel has its own camera; `MaskExplorer` links them.
    """
    paints = list(panels.values())
    shown = thin(paints[-1].index if groups is None else groups, budget)
    figure = make_subplots(
        1, len(panels), specs=[[{"type": "scene"}] * len(panels)], subplot_titles=list(panels), horizontal_spacing=0.01
    )
    texts = []
    for column, paint in enumerate(paints, start=1):
        small = Paint(paint.index[shown], paint.palette, paint.names)
        figure.add_trace(scene_trace(coord[shown], small, **options), row=1, col=column)
        place = {"x": (column - 0.5) / len(panels), "xanchor": "center", "y": 0, "yanchor": "top"}
        texts.append(legend(small, 130 // len(panels)))
        figure.add_annotation(text=texts[-1], xref="paper", yref="paper", showarrow=False, **place)
    count = f"all {len(coord):,} points" if len(shown) == len(coord) else f"{len(shown):,} of {len(coord):,} points"
    bottom = 10 + 18 * max(text.count("<br>") + 1 for text in texts)
    _plain(figure, f"shown: {count}" if len(coord) else "this scene has no points", height)
    figure.update_layout(showlegend=False, margin={"l": 0, "r": 0, "t": 60, "b": bottom})
    axes = {"aspectmode": "data", "camera": CAMERA, "xaxis": _HIDDEN, "yaxis": _HIDDEN, "zaxis": _HIDDEN}
    return figure.update_scenes(**axes, uirevision="kept")


def heat_map(
    values: Float[np.ndarray, "R C"],
    rows: Sequence[str],
    columns: Sequence[str],
    pairs: Sequence[tuple[int, int]] = (),
    title: str = "",
    row_title: str = "query",
    column_title: str = "instance",
) -> go.Figure:
    """A matrix with names: a matching cost, or the IoU of predicted with true instances (a confusion of instances).

    pairs: the (row, column) cells to frame, such as the assignment.
    """
    grid = go.Heatmap(
        z=np.asarray(values, np.float32), colorscale="Viridis", hovertemplate="%{y} · %{x}: %{z:.3f}<extra></extra>"
    )
    figure = go.Figure(grid)
    figure.update_xaxes(title=column_title, tickvals=list(range(len(columns))), ticktext=list(columns), tickangle=-40)
    figure.update_yaxes(title=row_title, tickvals=list(range(len(rows))), ticktext=list(rows), autorange="reversed")
    for row, column in pairs:
        box = {"x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
        figure.add_shape(type="rect", **box, line={"color": "#EE3377", "width": 3})
    return _plain(figure, title, max(300, min(120 + 18 * len(rows), 900)))


def pr_curves(curves: dict[str, tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]], title: str = "") -> go.Figure:
    """One line for every entry `name -> (recall, precision)`."""
    figure = go.Figure()
    for (name, (recall, precision)), color in zip(curves.items(), _SERIES * len(curves)):
        figure.add_scatter(
            x=recall, y=precision, name=name, mode="lines+markers", line={"color": color}, marker={"size": 4}
        )
    figure.update_xaxes(title="recall", range=[-0.02, 1.02]).update_yaxes(title="precision", range=[-0.02, 1.05])
    return _plain(figure, title, 360)


def training_curves(rows: Sequence[dict]) -> go.Figure:
    """Loss terms, validation AP and learning rate of a run, from the rows of its metrics.jsonl."""
    figure = make_subplots(1, 3, subplot_titles=("train loss", "validation", "learning rate"), horizontal_spacing=0.07)
    series = [(1, "train", key, key) for key in ("loss", "cls", "bce", "dice")]
    series += [(2, "val", key, name) for key, name in (("ap", "AP"), ("ap50", "AP50"), ("ap25", "AP25"))]
    for (column, kind, key, name), color in zip([*series, (3, "train", "lr", "lr")], (*_SERIES, _SERIES[0])):
        chosen = [row for row in rows if row["kind"] == kind]
        line = {"x": [row["step"] for row in chosen], "y": [row[key] for row in chosen], "line": {"color": color}}
        mode = "lines+markers" if kind == "val" else "lines"
        figure.add_scatter(**line, name=name, mode=mode, row=1, col=column)
    figure.update_xaxes(title="step").update_yaxes(type="log", row=1, col=1).update_yaxes(range=[0, 1], row=1, col=2)
    return _plain(figure, "", 320)


def _plain(figure: go.Figure, title: str, height: int) -> go.Figure:
    """White, small margins, and without the seven kilobytes of Plotly's own template."""
    figure.update_layout(template=go.layout.Template(), title={"text": title, "font": {"size": 13}}, height=height)
    axis = {"gridcolor": "#E5E5E5", "zeroline": False, "automargin": True, "title_standoff": 12}
    figure.update_xaxes(**axis).update_yaxes(**axis)
    return figure.update_layout(
        margin={"l": 60, "r": 20, "t": 50, "b": 50}, plot_bgcolor="white", paper_bgcolor="white"
    )
