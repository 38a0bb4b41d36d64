"""What the Plotly figures share: which points are shown, colour scales, legends, a plain white
layout."""

import html
import textwrap

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int

from mf3d_tutorial.viz.colors import Paint, css

CAMERA = {
    "eye": {"x": 0.7, "y": -1.1, "z": 1.5},
    "up": {"x": 0, "y": 0, "z": 1},
    "center": {"x": 0, "y": 0, "z": -0.1},
}
HIDDEN_AXIS = {"visible": False, "showspikes": False}


def extent(coord: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " 3"]:
    """The edges (metres) of the box of the points, none of them 0."""
    return np.maximum(np.ptp(coord, axis=0) if len(coord) else np.ones(3), 1e-3).astype(float)


def thin(
    groups: Int[np.ndarray, " N"], budget: int = 20_000, seed: int = 0
) -> Int[np.ndarray, " K"]:
    """Which points to show, in ascending order: all, or a random `budget` of them.

    groups: the object (any number) that each point belongs to. Half of the budget is dealt out
    evenly among the objects, so that one of twenty points is still there when a wall of fifty
    thousand is thinned.
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


def colorscale(paint: Paint) -> list[tuple[float, str]]:
    """The palette as a Plotly colour scale, for `cmin=0` and `cmax=len(scale) - 1`."""
    codes = [css(color) for color in paint.palette]
    codes = codes * 2 if len(codes) == 1 else codes
    return [(round(i / (len(codes) - 1), 6), code) for i, code in enumerate(codes)]


def legend(paint: Paint, width: int = 60) -> str:
    """What the colours of `paint` mean, as lines of HTML of about `width` characters."""
    words = [f"■ {html.escape(name)}".replace(" ", "\0") for name in paint.names.values()]
    text = "<br>".join(textwrap.wrap("  ".join(words), width)).replace("\0", "&nbsp;")
    for i in paint.names:
        text = text.replace(
            "■", '<span style="color:rgb({},{},{})">&#9632;</span>'.format(*paint.palette[i]), 1
        )
    return text


def plain(figure: go.Figure, title: str, height: int) -> go.Figure:
    """White, small margins, and without the seven kilobytes of Plotly's own template."""
    figure.update_layout(
        template=go.layout.Template(), title={"text": title, "font": {"size": 13}}, height=height
    )
    axis = {"gridcolor": "#E5E5E5", "zeroline": False, "automargin": True, "title_standoff": 12}
    figure.update_xaxes(**axis).update_yaxes(**axis)
    return figure.update_layout(
        margin={"l": 60, "r": 20, "t": 50, "b": 50}, plot_bgcolor="white", paper_bgcolor="white"
    )
