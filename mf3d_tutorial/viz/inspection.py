"""What a model says about one scene, decoded for the eye: scored masks, who they belong to, where they fail.

The explorer, the live viewer and the html report show what an `Inspection` works out; it knows no widget.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mf3d_tutorial.data import Scene, collate
from mf3d_tutorial.data.labels import LabelSet
from mf3d_tutorial.data.targets import Target
from mf3d_tutorial.evaluation.inference import forward_scene, predict_instances
from mf3d_tutorial.training.matching import mask_costs
from mf3d_tutorial.viz.colors import Paint, error_paint, instance_paint, neighbour_colors, rgb_paint, scalar_paint

Layers = Sequence[tuple[Float[Tensor, "Q C+1"], Float[Tensor, "Q N"]]]
VIEWS = ("RGB", "truth", "prediction", "error", "query")


class Row(NamedTuple):
    """A ground-truth instance and the prediction it is matched with; one of the two may be missing (-1)."""

    kind: str  # found, wrong class, loose (IoU .25 to .5), missed; double (of one already found), invented
    instance: int  # 0..M-1
    query: int
    label: str  # class of the instance
    found_label: str
    score: float
    iou: float

    @property
    def cells(self) -> list[str]:
        """kind, truth, prediction, score, IoU as text."""
        truth = f"{self.label} {self.instance}" if self.instance >= 0 else "–"
        query = f"{self.found_label} (query {self.query})" if self.query >= 0 else "–"
        return [self.kind, truth, query, f"{self.score:.2f}" if self.query >= 0 else "–", f"{self.iou:.2f}"]


@dataclass
class Decoded:
    """The K queries that are shown, best score first, and how they stand to the M instances."""

    queries: Int[np.ndarray, " K"]
    labels: Int[np.ndarray, " K"]
    scores: Float[np.ndarray, " K"]
    masks: Bool[np.ndarray, "K N"]
    iou: Float[np.ndarray, "K M"]
    partner: Int[np.ndarray, " K"]  # the instance that each is matched with, -1: none
    found: Int[np.ndarray, " N"]  # the best query (0..K-1) that claims each point, -1: none
    broken: int  # queries left out because their outputs are not finite

    @property
    def best(self) -> Float[np.ndarray, " K"]:
        """The highest IoU that each has with any instance."""
        return self.iou.max(1, initial=0)


def decode(
    logits: Float[Tensor, "Q C+1"],
    masks: Float[Tensor, "Q N"],
    target: Target,
    score_threshold: float = 0.3,
    mask_threshold: float = 0.0,
) -> Decoded:
    """Each query with its most probable class, scored as `predict_instances` does, if its score is high enough.

    Queries and instances are paired one to one so that the sum of their IoUs is largest, where an IoU counts double if
    the class is right; pairs with an IoU up to .25 are dropped.
    """
    whole = (logits.isfinite().all(1) & masks.isfinite().all(1)).nonzero().squeeze(1)
    chance, label = logits[whole].float().softmax(-1)[:, :-1].max(1)
    one_class = torch.stack([chance, 1 - chance], 1).log()
    instances = predict_instances(one_class, masks[whole], len(whole), mask_threshold)
    sure = instances.scores > score_threshold
    chosen, inside = instances.queries[sure], instances.masks[sure].cpu().numpy()
    labels, truth = label[chosen].cpu().numpy(), target.instance.cpu().numpy()
    counts = [np.bincount(truth[mask] + 1, minlength=len(target) + 1) for mask in inside]
    overlap = np.array(counts, np.int64).reshape(len(inside), len(target) + 1)
    sizes = np.bincount(truth + 1, minlength=len(target) + 1)[1:]
    union = overlap.sum(1, keepdims=True) + sizes - overlap[:, 1:]
    iou = overlap[:, 1:] / np.maximum(union, 1)
    partner = np.full(len(inside), -1)
    rows, columns = linear_sum_assignment(iou * (1 + (labels[:, None] == target.labels.cpu().numpy())), maximize=True)
    good = iou[rows, columns] > 0.25
    partner[rows[good]] = columns[good]
    found = np.where(inside.any(0), inside.argmax(0), -1) if len(inside) else np.full(len(truth), -1)
    scores = instances.scores[sure].cpu().numpy()
    queries = whole[chosen].cpu().numpy()
    return Decoded(queries, labels, scores, inside, iou, partner, found, len(logits) - len(whole))


class Inspection:
    """One scene with the outputs of every decoder layer; `update` decodes, the rest reads the result off."""

    def __init__(self, scene: Scene, layers: Layers, target: Target, labels: LabelSet):
        self.scene, self.layers, self.target, self.labels = scene, layers, target, labels
        self.truth = target.instance.cpu().numpy()
        self.centers = instance_centers(scene.coord, self.truth, len(target))
        self.truth_colors = neighbour_colors(self.centers)
        self.rgb = rgb_paint(scene.color)
        self.query = 0
        self.update()

    def update(self, layer: int = -1, score_threshold: float = 0.3, mask_threshold: float = 0.0) -> None:
        self.logits, self.masks = self.layers[layer]
        self.decoded = decode(self.logits, self.masks, self.target, score_threshold, mask_threshold)
        self.rows = self._rows()

    def _rows(self) -> list[Row]:
        """The table, worst IoU first."""
        d, names, rows = self.decoded, self.labels.names, []
        for m, label in enumerate(self.target.labels.tolist()):
            match = np.flatnonzero(d.partner == m)
            if not len(match):
                best = float(d.iou[:, m].max(initial=0))
                rows.append(Row("missed", m, -1, names[label], "", 0.0, best))
                continue
            k = match[0]
            kind = "loose" if d.iou[k, m] <= 0.5 else "found" if d.labels[k] == label else "wrong class"
            row = (m, int(d.queries[k]), names[label], names[d.labels[k]], float(d.scores[k]), float(d.iou[k, m]))
            rows.append(Row(kind, *row))
        for k in np.flatnonzero(d.partner < 0):
            kind, name = "double" if d.best[k] > 0.5 else "invented", names[d.labels[k]]
            rows.append(Row(kind, -1, int(d.queries[k]), "", name, float(d.scores[k]), float(d.best[k])))
        return sorted(rows, key=lambda row: row.iou)

    def paint(self, view: str, only: str = "") -> Paint:
        """The colours of a view of `VIEWS`; `only`: the one class to show, where the view knows classes.

        A prediction has the colour of the instance that it is matched with.
        """
        d = self.decoded
        if view == "RGB":
            return self.rgb
        if view == "query":
            return scalar_paint(self.masks[self.query].float().sigmoid().cpu().numpy(), 0.0, 1.0)
        truth, found = self.truth, d.found
        if only:
            label = self.labels.index(only)
            truth = np.where(np.append(self.target.labels.cpu().numpy() == label, False)[truth], truth, -1)
            found = np.where(np.append(d.labels == label, False)[found], found, -1)
        if view == "truth":
            return instance_paint(truth, self.truth_colors)
        if view == "error":
            return error_paint(truth, found, d.partner)
        alone = np.flatnonzero(d.partner < 0)
        centers = np.stack([self.scene.coord[d.masks[k]].mean(0) for k in alone]) if len(alone) else np.zeros((0, 3))
        colors = np.append(self.truth_colors, 0)[d.partner]
        colors[alone] = neighbour_colors(np.vstack([self.centers, centers]))[len(self.centers) :]
        return instance_paint(found, colors)

    def closest(self, m: int) -> int:
        """The query whose mask has the highest Dice with instance `m`."""
        alone = Target(self.target.labels[m : m + 1], torch.where(self.target.instance == m, 0, -1))
        return int(mask_costs(self.masks, alone)[1][:, 0].nan_to_num(torch.inf).argmin())

    def about_point(self, n: int) -> str:
        """Which instance point `n` belongs to, which queries claim it, with which probability."""
        d, names, m = self.decoded, self.labels.names, self.truth[n]
        truth = f"{names[self.target.labels[m]]} {m}" if m >= 0 else "no object"
        claims = [self.about_query(int(d.queries[k])) for k in np.flatnonzero(d.masks[:, n])]
        chance = self.masks[:, n].float().sigmoid().nan_to_num().cpu().numpy()
        top = ", ".join(f"{q} ({chance[q]:.2f})" for q in np.argsort(-chance, kind="stable")[:3])
        return f"point {n}: {truth}. Shown here: {'; '.join(claims) or 'nothing'}. Strongest mask queries: {top}."

    def about_query(self, query: int) -> str:
        d, names = self.decoded, self.labels.names
        place = np.flatnonzero(d.queries == query)
        if not len(place):
            row = self.logits[query].float().softmax(-1)
            return f"query {query}: not shown (no object {row[-1]:.2f}, best class {names[row[:-1].argmax()]})"
        k = place[0]
        pair = (
            f"matched with {names[self.target.labels[d.partner[k]]]} {d.partner[k]}"
            if d.partner[k] >= 0
            else "unmatched"
        )
        return f"query {query}: {names[d.labels[k]]} {d.scores[k]:.2f}, {pair}, IoU {d.best[k]:.2f}"


@torch.no_grad()
def inspect_scene(model, cfg, scene: Scene, labels: LabelSet) -> Inspection:
    """Run a trained model on one scene, all decoder layers."""
    batch = collate([scene], len(labels), cfg.data.stuff_classes, cfg.model.in_features)
    layers = forward_scene(model, batch.points, cfg.train.precision)
    layers = [(logits.float().cpu(), masks.float().cpu()) for logits, masks in layers]
    return Inspection(scene, layers, batch.targets[0], labels)


def instance_centers(
    coord: Float[np.ndarray, "N 3"], index: Int[np.ndarray, " N"], count: int
) -> Float[np.ndarray, "M 3"]:
    """The mean position of the points of each of `count` instances."""
    inside = index >= 0
    sizes = np.bincount(index[inside], minlength=count)
    sums = [np.bincount(index[inside], coord[inside, axis], count) for axis in range(3)]
    return np.stack(sums, 1) / np.maximum(sizes, 1)[:, None]
