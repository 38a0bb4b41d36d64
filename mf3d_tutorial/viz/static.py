"""Still pictures with matplotlib: they show on every page that renders a notebook."""

from collections.abc import Collection, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.figure import Figure

_HEIGHT_CUT = 1.4  # metres above the floor: what is higher would hide the room when it is seen from above


def project(coord: Float[np.ndarray, "N 3"], elevation: float = 70.0, azimuth: float = 30.0):
    """Image position (N, 2) and depth (N,) of points, seen from afar at these angles (degrees)."""
    up, around = np.radians(elevation), np.radians(azimuth)
    x = coord[:, 0] * np.cos(around) - coord[:, 1] * np.sin(around)
    y = coord[:, 0] * np.sin(around) + coord[:, 1] * np.cos(around)
    image = np.stack([x, y * np.sin(up) + coord[:, 2] * np.cos(up)], axis=1)
    return image, y * np.cos(up) - coord[:, 2] * np.sin(up)


def scene_panels(
    coord: Float[np.ndarray, "N 3"], panels: dict[str, Shaped[np.ndarray, "N 3"]], size: float = 4.0, **angles: float
) -> Figure:
    """The same scene from above and aside, once for every entry `title -> colour of each point` (uint8 or 0..1).

    angles: those of `project`.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(size * len(panels), size), squeeze=False)
    image, depth = project(coord, **angles)
    shown = np.flatnonzero(coord[:, 2] < coord[:, 2].min(initial=np.inf) + _HEIGHT_CUT)
    shown = shown[np.argsort(-depth[shown])]  # far points first
    for axis, (title, colors) in zip(axes[0], panels.items()):
        colors = colors / 255 if colors.dtype == np.uint8 else colors
        axis.scatter(*image[shown].T, c=colors[shown], s=8000 * size**2 / max(len(coord), 1), linewidths=0)
        axis.set_title(title)
        axis.set_aspect("equal")
        axis.axis("off")
    figure.tight_layout()
    plt.close(figure)
    return figure


def training_curves(rows: Sequence[dict], window: int = 5) -> Figure:
    """The losses and the validation AP of a run, from the rows of its metrics.jsonl."""
    train = [row for row in rows if row["kind"] == "train"]
    val = [row for row in rows if row["kind"] == "val"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
    for term in ("cls", "bce", "dice"):
        values = np.array([row[term] for row in train])
        smooth = np.convolve(values, np.ones(window) / window, "valid") if len(values) >= window else values
        left.plot([row["step"] for row in train[len(train) - len(smooth) :]], smooth, label=term)
    left.set(xlabel="step", ylabel=f"train loss terms (mean of {window} entries)", yscale="log")
    for name, title in (("ap", "AP"), ("ap50", "AP50"), ("ap25", "AP25")):
        right.plot([row["step"] for row in val], [row[name] for row in val], marker="o", label=title)
    right.set(xlabel="step", ylabel="validation AP", ylim=(0, 1))
    for axis in (left, right):
        axis.legend()
        axis.grid(alpha=0.3)
    figure.tight_layout()
    plt.close(figure)
    return figure


# The parts of the method: name -> (column, row, what comes out of it), and which part feeds which.
_PARTS = {
    "points": (0.0, 0.5, "(N, C_in)"),
    "voxels": (1.2, 0.5, "(V, C_in)"),
    "backbone": (2.4, 0.5, "(N, D)"),
    "decoder": (3.7, 1.0, "(B, Q, D)"),
    "class head": (5.1, 1.0, "(B, Q, C+1)"),
    "mask head": (5.1, 0.0, "(Q, N_b) for scene b"),
    "matching": (6.6, 1.0, "pairs (query, object)"),
    "loss": (8.0, 1.0, "one number"),
    "instances / AP": (6.8, 0.0, "masks, classes, scores"),
}
_FEEDS = {
    "points": ["voxels"],
    "voxels": ["backbone"],
    "backbone": ["decoder", "mask head"],
    "decoder": ["class head", "mask head"],
    "class head": ["matching", "instances / AP"],
    "mask head": ["matching", "instances / AP"],
    "matching": ["loss"],
}


def pipeline_figure(highlight: str | Collection[str]) -> Figure:
    """The whole method as boxes and arrows, with the parts named in `highlight` lit up; ValueError for another name.

    Parts: points, voxels, backbone, decoder, class head, mask head, matching, loss, instances / AP.
    """
    lit = {highlight} if isinstance(highlight, str) else set(highlight)
    if not lit <= set(_PARTS):
        raise ValueError(f"no part is called {min(lit - set(_PARTS))!r}: choose from {', '.join(_PARTS)}")
    figure, axis = plt.subplots(figsize=(11, 2.0))
    axis.set(xlim=(-0.6, 8.6), ylim=(-0.6, 1.6))
    axis.axis("off")
    boxes = {}
    for name, (x, y, result) in _PARTS.items():
        style = {"fc": "#FFD27F", "ec": "#CC5500", "lw": 2} if name in lit else {"fc": "#F3F3F3", "ec": "#AAAAAA"}
        text = {"ha": "center", "va": "center", "weight": "bold" if name in lit else "normal"}
        boxes[name] = axis.text(x, y, name, bbox={"boxstyle": "round,pad=0.5", **style}, **text).get_bbox_patch()
        axis.text(x, y + (0.42 if y == 1 else -0.42), result, ha="center", va="center", size=8, color="#666666")
    for name, target in ((name, target) for name, targets in _FEEDS.items() for target in targets):
        arrow = {"arrowstyle": "-|>", "color": "#999999", "patchA": boxes[name], "patchB": boxes[target]}
        axis.annotate("", _PARTS[target][:2], _PARTS[name][:2], arrowprops=arrow)
    figure.tight_layout(pad=0)
    plt.close(figure)
    return figure


def sweep_figure(rows: Sequence[dict], result: str = "ap50") -> Figure:
    """For each option that a sweep changed, the result of every run over the option's value, and the means as a line.

    rows: as `mf3d_tutorial.runs.collect` gives them. Runs without the result are left out.
    """
    keys = list(rows[0])
    keys = [key for key in keys[1 : keys.index("ap")] if key != "seed"] or keys[1 : keys.index("ap")] or ["run"]
    rows = [row for row in rows if row[result] is not None]
    figure, axes = plt.subplots(1, len(keys), figsize=(3.2 * len(keys), 3), sharey=True, squeeze=False)
    for axis, key in zip(axes[0], keys):
        values = list(dict.fromkeys(str(row[key]) for row in rows))
        found = [[row[result] for row in rows if str(row[key]) == value] for value in values]
        for place, results in enumerate(found):
            axis.plot([place] * len(results), results, "o", color="#0077BB", alpha=0.5)
        axis.plot([np.mean(results) for results in found], "_-", color="#CC5500", markersize=16)
        axis.set_xticks(range(len(values)), values)
        axis.set(xlabel=key, xlim=(-0.5, max(len(values), 1) - 0.5))
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel(result.upper())
    figure.tight_layout()
    plt.close(figure)
    return figure
