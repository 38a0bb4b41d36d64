"""Still pictures with matplotlib: they show on every page that renders a notebook."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mf3d_tutorial.viz.colors import PALETTE, UNLABELLED, Paint, touching_colors

# for 0..1
HEAT = LinearSegmentedColormap.from_list("heat", ["#D8D8D8", "#FDAE61", "#D7301F", "#67000D"])
# metres above the floor: what is higher would hide the room when it is seen from above
_HEIGHT_CUT = 1.4
_MARGIN = 0.4  # metres around the points that a picture is cropped to


def instance_palette(
    coord: Float[np.ndarray, "N 3"], instance: Int[np.ndarray, " N"]
) -> UInt8[np.ndarray, "M+1 3"]:
    """A colour for each instance 0..M-1, unlike the colours of those close to it; the last row is
    grey.

    `palette[instance]` colours the points: an instance of -1 takes the last row.
    """
    places = touching_colors(coord, instance, instance.max(initial=-1) + 1)
    return np.vstack([PALETTE[places], np.array([UNLABELLED], np.uint8)])


def project(coord: Float[np.ndarray, "N 3"], elevation: float = 70.0, azimuth: float = 30.0):
    """Image position (N, 2) and depth (N,) of points, seen from afar at these angles (degrees)."""
    up, around = np.radians(elevation), np.radians(azimuth)
    x = coord[:, 0] * np.cos(around) - coord[:, 1] * np.sin(around)
    y = coord[:, 0] * np.sin(around) + coord[:, 1] * np.cos(around)
    image = np.stack([x, y * np.sin(up) + coord[:, 2] * np.cos(up)], axis=1)
    return image, y * np.cos(up) - coord[:, 2] * np.sin(up)


def scene_panels(
    coord: Float[np.ndarray, "N 3"],
    panels: Mapping[str, Shaped[np.ndarray, "N ..."]],
    size: float = 4.0,
    bar: str | None = None,
    focus: Bool[np.ndarray, " N"] | None = None,
    legend: Paint | None = None,
    **angles: float,
) -> Figure:
    """The same scene, seen obliquely from above, once for every entry `title -> value of each
    point`.

    A panel's values are colours (N, 3), uint8 or 0..1, or numbers (N,) from 0 to 1; `bar` labels
    the colour bar of the numbers, and `legend` is a paint whose names are listed below with their
    colours. The pictures are cropped to the points in `focus`. angles: those of `project`.
    """
    figure, axes = plt.subplots(
        1,
        len(panels),
        figsize=(size * len(panels) + 0.9 * bool(bar), size),
        squeeze=False,
        layout="constrained",
    )
    image, depth = project(coord, **angles)
    shown = np.flatnonzero(coord[:, 2] < coord[:, 2].min(initial=np.inf) + _HEIGHT_CUT)
    shown = shown[np.argsort(-depth[shown])]  # far points first
    window, zoom = _window(image, shown, focus)
    for axis, (title, values) in zip(axes[0], panels.items()):
        colors = HEAT(values.clip(0, 1))[:, :3] if values.ndim == 1 else values
        colors = colors / 255 if colors.dtype == np.uint8 else colors
        area = 8000 * size**2 * zoom / max(len(coord), 1)
        axis.scatter(*image[shown].T, c=colors[shown], s=area, linewidths=0)
        axis.set_title(title)
        axis.set_aspect("equal")
        axis.axis("off")
        if focus is not None:
            axis.set(xlim=window[:, 0], ylim=window[:, 1])
    if bar:
        figure.colorbar(ScalarMappable(cmap=HEAT), ax=axes, label=bar, shrink=0.8)
    if legend:
        named = [(legend.palette[i] / 255, name) for i, name in legend.names.items()]
        handles = [Patch(color=color, label=name) for color, name in named]
        columns = int(size * len(panels) / 1.5)
        figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=8)
    plt.close(figure)
    return figure


def _window(
    image: np.ndarray, shown: np.ndarray, focus: np.ndarray | None
) -> tuple[np.ndarray, float]:
    """The corners (2, 2) of the part of the image to look at, and how much larger it is drawn than
    the whole."""
    inside = shown if focus is None or not focus[shown].any() else shown[focus[shown]]
    if not len(inside):
        return np.zeros((2, 2)), 1.0
    low, high = image[inside].min(0) - _MARGIN, image[inside].max(0) + _MARGIN
    half = (high - low).max() / 2  # a square, so that all panels have one size
    middle = (low + high) / 2
    return np.stack([middle - half, middle + half]), float(
        np.ptp(image[shown], axis=0).max() / (2 * half)
    )


def training_curves(rows: Sequence[dict], window: int = 5) -> Figure:
    """The losses and the validation AP of a run, from the rows of its metrics.jsonl."""
    train = [row for row in rows if row["kind"] == "train"]
    val = [row for row in rows if row["kind"] == "val"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
    for term in ("cls", "bce", "dice"):
        values = np.array([row[term] for row in train])
        smooth = (
            np.convolve(values, np.ones(window) / window, "valid")
            if len(values) >= window
            else values
        )
        left.plot([row["step"] for row in train[len(train) - len(smooth) :]], smooth, label=term)
    left.set(xlabel="step", ylabel=f"train loss terms (mean of {window} entries)", yscale="log")
    for name, title in (("ap", "AP"), ("ap50", "AP50"), ("ap25", "AP25")):
        right.plot(
            [row["step"] for row in val], [row[name] for row in val], marker="o", label=title
        )
    right.set(xlabel="step", ylabel="validation AP", ylim=(0, 1))
    for axis in (left, right):
        axis.legend()
        axis.grid(alpha=0.3)
    figure.tight_layout()
    plt.close(figure)
    return figure


Part = tuple[float, float, str]  # column, row, and what comes out of it

# The parts of the method, and which part feeds which.
_PARTS: dict[str, Part] = {
    "points": (0.0, 0.5, "(N, C_in)"),
    "voxels": (1.15, 0.5, "(V, C_in)"),
    "backbone": (2.35, 0.5, "U-Net: (V, D)"),
    "back to points": (3.8, 0.5, "(N, D)"),
    "decoder": (5.2, 1.0, "(B, Q, D)"),
    "class head": (6.5, 1.0, "(B, Q, C+1)"),
    "mask head": (6.5, 0.0, "(Q, N_b) for scene b"),
    "matching": (7.9, 1.0, "(query, instance)"),
    "loss": (9.3, 1.0, "one number"),
    "instances / AP": (8.1, 0.0, "masks, classes, scores"),
    "targets": (9.3, 1.8, "annotated: M classes and masks"),
}
_FEEDS = {
    "points": ["voxels"],
    "voxels": ["backbone"],
    "backbone": ["back to points"],
    "back to points": ["decoder", "mask head"],
    "decoder": ["class head", "mask head"],
    "class head": ["matching", "instances / AP"],
    "mask head": ["matching", "instances / AP"],
    "matching": ["loss"],
    "targets": ["matching", "loss"],
}

# One layer of the decoder.
_LAYER: dict[str, Part] = {
    "queries": (0.0, 0.0, "(Q, D)"),
    "self-attention": (1.6, 0.0, "queries look at each other"),
    "+ norm": (3.0, 0.0, ""),
    "cross-attention": (4.6, 0.0, ""),
    "+  norm": (6.1, 0.0, ""),
    "FFN": (7.2, 0.0, "each query alone"),
    "+   norm": (8.3, 0.0, ""),
    "queries ": (9.6, 0.0, "(Q, D)"),
    "points": (3.9, -1.1, "keys: features + positions; values: features"),
    "mask so far": (6.1, -1.1, "which points are allowed"),
}
_LAYER_FEEDS = {
    "queries": ["self-attention"],
    "self-attention": ["+ norm"],
    "+ norm": ["cross-attention"],
    "cross-attention": ["+  norm"],
    "+  norm": ["FFN"],
    "FFN": ["+   norm"],
    "+   norm": ["queries "],
    "points": ["cross-attention"],
    "mask so far": ["cross-attention"],
}
_RESIDUALS = (("queries", "+ norm"), ("+ norm", "+  norm"), ("+  norm", "+   norm"))


def pipeline_figure(highlight: str | Collection[str]) -> Figure:
    """The whole method as boxes and arrows, with the parts named in `highlight` lit up; ValueError
    for another name.

    Parts: points, voxels, backbone, back to points, decoder, class head, mask head, matching, loss,
    instances / AP, targets.
    """
    lit = {highlight} if isinstance(highlight, str) else set(highlight)
    if not lit <= set(_PARTS):
        raise ValueError(
            f"no part is called {min(lit - set(_PARTS))!r}: choose from {', '.join(_PARTS)}"
        )
    figure, axis = plt.subplots(figsize=(11.5, 2.7))
    axis.set(xlim=(-0.5, 9.9), ylim=(-0.6, 2.4))
    _boxes_and_arrows(
        axis, _PARTS, _FEEDS, lit, above={"decoder", "class head", "matching", "targets"}
    )
    return _finished(figure)


def decoder_layer_figure() -> Figure:
    """One decoder layer as boxes and arrows; the arcs are the residual connections."""
    figure, axis = plt.subplots(figsize=(11.5, 2.6))
    axis.set(xlim=(-0.6, 10.2), ylim=(-1.7, 0.9))
    boxes = _boxes_and_arrows(
        axis, _LAYER, _LAYER_FEEDS, {"self-attention", "cross-attention", "FFN"}, above=()
    )
    for begin, end in _RESIDUALS:
        style = {"arrowstyle": "-|>", "color": "#4477AA", "connectionstyle": "arc3,rad=-0.4"}
        axis.annotate(
            "",
            _LAYER[end][:2],
            _LAYER[begin][:2],
            arrowprops=style | {"patchA": boxes[begin], "patchB": boxes[end]},
        )
    return _finished(figure)


def unet_figure(
    voxels: Mapping[str, int], channels: Mapping[str, int], strides: Mapping[str, int]
) -> Figure:
    """A U-Net's stages, first to last, as boxes with their numbers: down on the left, up on the
    right, skips across."""
    names, depth = list(voxels), [int(np.log2(strides[name])) for name in voxels]
    bottom = int(np.argmax(depth))
    parts = {
        name: ((i - bottom) * 1.15, -float(level), "")
        for i, (name, level) in enumerate(zip(names, depth))
    }
    figure, axis = plt.subplots(figsize=(11, 4.4))
    axis.set(
        xlim=(parts[names[0]][0] - 1.6, parts[names[-1]][0] + 1.6), ylim=(-max(depth) - 0.6, 0.4)
    )
    boxes = _boxes_and_arrows(
        axis, parts, {a: [b] for a, b in pairwise(names)}, {names[bottom]}, above=()
    )
    grey = {"size": 9, "color": "#666666"}
    for name, (x, y, _) in parts.items():
        text = f"{voxels[name]:,}".replace(",", " ") + f" voxels\n{channels[name]} channels"
        side = -1 if x < 0 else 1
        place = (x + 0.42 * side, y) if x else (0, y - 0.42)
        axis.text(
            *place, text, ha={-1: "right", 1: "left"}[side] if x else "center", va="center", **grey
        )
    for name in names[:bottom]:
        twin = next(other for other in names[bottom + 1 :] if strides[other] == strides[name])
        style = {
            "arrowstyle": "-|>",
            "color": "#4477AA",
            "ls": "--",
            "patchA": boxes[name],
            "patchB": boxes[twin],
        }
        axis.annotate("", parts[twin][:2], parts[name][:2], arrowprops=style)
        axis.text(
            0,
            parts[name][1] + 0.07,
            f"skip, stride {strides[name]}",
            ha="center",
            size=8,
            color="#4477AA",
        )
    axis.text(parts[names[0]][0], -max(depth), "down: convolutions of stride 2", ha="left", **grey)
    axis.text(parts[names[-1]][0], -max(depth), "up: transposed convolutions", ha="right", **grey)
    return _finished(figure)


def _boxes_and_arrows(
    axis: Axes,
    parts: dict[str, Part],
    feeds: Mapping[str, Sequence[str]],
    lit: Collection[str],
    above: Collection[str],
) -> dict[str, Patch]:
    """Draws them, what comes out of the parts `above` over its box; the box of each part by its
    name."""
    axis.axis("off")
    boxes = {}
    for name, (x, y, result) in parts.items():
        style = (
            {"fc": "#FFD27F", "ec": "#CC5500", "lw": 2}
            if name in lit
            else {"fc": "#F3F3F3", "ec": "#AAAAAA"}
        )
        text: dict[str, Any] = {
            "ha": "center",
            "va": "center",
            "weight": "bold" if name in lit else "normal",
        }
        label = " ".join(name.split())  # parts of one name differ in their blanks
        boxes[name] = axis.text(
            x, y, label, bbox={"boxstyle": "round,pad=0.5", **style}, **text
        ).get_bbox_patch()
        place = y + (0.42 if name in above else -0.42)
        axis.text(x, place, result, ha="center", va="center", size=8, color="#666666")
    for name, target in ((name, target) for name, targets in feeds.items() for target in targets):
        arrow = {
            "arrowstyle": "-|>",
            "color": "#999999",
            "patchA": boxes[name],
            "patchB": boxes[target],
        }
        axis.annotate("", parts[target][:2], parts[name][:2], arrowprops=arrow)
    return boxes


def _finished(figure: Figure) -> Figure:
    figure.tight_layout(pad=0)
    plt.close(figure)
    return figure


def sweep_figure(rows: Sequence[dict], result: str = "ap50") -> Figure:
    """For each option that a sweep changed, the result of every run over the option's value; grey
    lines join runs that differ in nothing else, orange ones the means.

    rows: as `mf3d_tutorial.runs.collect` gives them. Runs without the result are left out.
    """
    keys = list(rows[0])
    varied = keys[1 : keys.index("ap")]
    keys = [key for key in varied if key != "seed"] or varied or ["run"]
    rows = [row for row in rows if row[result] is not None]
    figure, axes = plt.subplots(
        1, len(keys), figsize=(3.2 * len(keys), 3), sharey=True, squeeze=False
    )
    for axis, key in zip(axes[0], keys):
        values = list(dict.fromkeys(str(row[key]) for row in rows))
        blocks: dict[tuple, list[tuple[int, float]]] = {}
        for row in rows:
            others = tuple(str(row[other]) for other in varied if other != key)
            blocks.setdefault(others, []).append((values.index(str(row[key])), row[result]))
        for block in blocks.values():
            axis.plot(*zip(*sorted(block)), "-", color="#888888", lw=0.7, alpha=0.6)
            axis.plot(*zip(*block), "o", color="#0077BB", alpha=0.5)
        found = [[row[result] for row in rows if str(row[key]) == value] for value in values]
        axis.plot([np.mean(results) for results in found], "_-", color="#CC5500", markersize=16)
        axis.set_xticks(range(len(values)), values)
        axis.set(xlabel=key, xlim=(-0.5, max(len(values), 1) - 0.5))
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel(result.upper())
    figure.tight_layout()
    plt.close(figure)
    return figure
