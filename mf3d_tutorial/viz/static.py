"""Still pictures with matplotlib: they show on every page that renders a notebook."""

from collections.abc import Sequence

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
        axis.scatter(*image[shown].T, c=colors[shown], s=size * 9000 / max(len(coord), 1), linewidths=0)
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
