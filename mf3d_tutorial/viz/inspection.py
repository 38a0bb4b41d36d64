"""What a model says about one scene, decoded for the eye: scored masks, who they belong to, where
they fail.

Figures, explorer and page show what an `Inspection` works out; it knows no widget. Masks are those
that AP judges: the largest connected part of each, if the run asks for it, with the scores after
Matrix NMS, if it asks for that. IoUs count all points of the scan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array
from torch import Tensor

from mf3d_tutorial.data import Scene, collate
from mf3d_tutorial.data.labels import LabelSet
from mf3d_tutorial.data.placement import place
from mf3d_tutorial.data.targets import Target
from mf3d_tutorial.evaluation.inference import (
    Instances,
    forward_scene,
    keep_largest_component,
    mask_ious,
    mask_quality,
    suppress_duplicates,
)
from mf3d_tutorial.viz.colors import (
    PALETTE,
    Paint,
    error_paint,
    instance_paint,
    neighbour_colors,
    rgb_paint,
    scalar_paint,
    touching_colors,
)
from mf3d_tutorial.viz.failures import Judgement, judge

Layers = Sequence[tuple[Float[Tensor, "Q classes"], Float[Tensor, "Q N"]]]
VIEWS = ("RGB", "truth", "prediction", "error", "query")


class Row(NamedTuple):
    """A ground-truth instance and the prediction it is matched with; one of the two may be missing
    (-1)."""

    kind: str  # a key of failures.KINDS
    instance: int  # 0..M-1
    query: int
    label: str  # class of the instance
    found_label: str
    score: float
    iou: float  # with its partner; of one without: the highest that it has
    place: int = -1  # of the prediction among those that are shown

    COLUMNS = ("what", "truth", "prediction", "score", "IoU")

    @property
    def cells(self) -> list[str]:
        """The row as text, for the columns above."""
        truth = f"{self.label} {self.instance}" if self.instance >= 0 else "–"
        query = f"{self.found_label} (query {self.query})" if self.query >= 0 else "–"
        return [
            self.kind,
            truth,
            query,
            f"{self.score:.2f}" if self.query >= 0 else "–",
            f"{self.iou:.2f}",
        ]


@dataclass
class Decoded:
    """The K predictions that are shown, best score first, and how they stand to the M instances."""

    queries: Int[np.ndarray, " K"]
    labels: Int[np.ndarray, " K"]
    scores: Float[np.ndarray, " K"]
    masks: Bool[np.ndarray, "K N"]
    found: Int[np.ndarray, " N"]  # the best prediction (0..K-1) that claims each point, -1: none
    judgement: Judgement
    broken: int  # queries left out because their outputs are not finite


class Inspection:
    """One scene with the outputs of a model; `update` decodes them, the rest reads the result off.

    layers: class and mask logits after each decoder layer that is to be looked at, the last one
    last. None at all for a scene whose instances are known already: give them to `show`.
    largest_component: keep the largest connected part of each mask, as AP does if `cfg.inference`
    says so. voxel_size: of the scene (metres); it says what is connected. matrix_nms: lower the
    scores of masks that repeat a better one, likewise.
    """

    def __init__(
        self,
        scene: Scene,
        layers: Layers,
        target: Target,
        labels: LabelSet,
        largest_component: bool = False,
        voxel_size: float | None = 0.04,
        stuff: Sequence[int] | None = None,
        matrix_nms: bool = False,
    ):
        self.scene, self.layers, self.target, self.labels = scene, list(layers), target, labels
        self.largest_component, self.voxel_size = largest_component, voxel_size
        self.matrix_nms = matrix_nms
        self.stuff = labels.stuff if stuff is None else tuple(stuff)
        self.truth = target.instance.cpu().numpy()
        self.true_labels = target.labels.cpu().numpy()
        self.centers = instance_centers(scene.coord, self.truth, len(target))
        self.truth_colors = touching_colors(scene.coord, self.truth, len(target))
        self.rgb = rgb_paint(scene.color)
        self.query = 0
        self.layer = len(self.layers) - 1
        self.score_threshold = 0.3
        self.mask_threshold = 0.0
        self.weights = self._points_of_voxels()
        if self.layers:
            self.update()

    def _points_of_voxels(self) -> csr_array:
        """(N, M + 1): how many points of the scan voxel n stands for, by instance; the last column:
        in none."""
        stand_in, instance = self.scene.original.stand_in, self.scene.original.instance
        known, first = np.unique(self.scene.instance, return_index=True)
        shape = (len(self.truth), len(self.target) + 1)
        if not len(known):
            return csr_array(shape)
        at = np.searchsorted(known, instance).clip(max=len(known) - 1)
        column = np.where(known[at] == instance, self.truth[first[at]], -1) % shape[1]
        there = stand_in >= 0  # not a stray point
        ones = np.ones(there.sum(), np.float32)
        return csr_array((ones, (stand_in[there], column[there])), shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the outputs of the layers take."""
        return sum(x.nbytes for layer in self.layers for x in layer)

    def update(
        self, layer: int = -1, score_threshold: float = 0.3, mask_threshold: float = 0.0
    ) -> None:
        """Decode a layer: each query with its most probable class, if its score is above the
        threshold."""
        self.layer = layer
        self.score_threshold = score_threshold
        self.mask_threshold = mask_threshold
        self.logits, self.masks = self.layers[layer]
        self._closest: Int[np.ndarray, " M+1"] | None = None  # worked out when it is asked for
        sound = (self.logits.isfinite().all(1) & self.masks.isfinite().all(1)).nonzero().squeeze(1)
        chance, label = self.logits[sound].float().softmax(-1)[:, :-1].max(1)
        inside, size, quality = mask_quality(self.masks[sound], mask_threshold)
        scores = torch.where(size > 0, chance * quality, 0)
        if self.matrix_nms:
            each = torch.arange(len(scores), device=scores.device)
            scores = suppress_duplicates(scores, label, each, mask_ious(inside))
        order = scores.argsort(descending=True, stable=True)
        order = order[scores[order] > score_threshold]
        self.show(
            Instances(inside[order], scores[order], label[order], sound[order]),
            len(self.logits) - len(sound),
        )

    def show(self, found: Instances, broken: int = 0) -> "Inspection":
        """Take these instances, best score first, as what is shown; gives itself."""
        masks, stand_in = found.masks.cpu().numpy().copy(), self.scene.original.stand_in
        if self.largest_component and self.voxel_size:
            counts = np.bincount(stand_in[stand_in >= 0], minlength=masks.shape[1])
            keep_largest_component(masks, place(self.scene.coord), self.voxel_size, counts)
        overlap = masks.astype(np.float32) @ self.weights
        labels, objects = found.labels.cpu().numpy(), self.weights.sum(0)[:-1]
        judgement = judge(
            overlap[:, :-1], overlap.sum(1), objects, labels, self.true_labels, self.stuff
        )
        owner = (
            np.where(masks.any(0), masks.argmax(0), -1)
            if len(masks)
            else np.full(len(self.truth), -1)
        )
        queries, scores = found.queries.cpu().numpy(), found.scores.float().cpu().numpy()
        self.decoded = Decoded(queries, labels, scores, masks, owner, judgement, broken)
        self.rows = self._rows()
        return self

    def _rows(self) -> list[Row]:
        """The table of things, worst IoU first."""
        d, names, rows = self.decoded, self.labels.names, []
        for m, label in enumerate(self.true_labels):
            match = np.flatnonzero(d.judgement.partner == m)
            if label in self.stuff:
                continue
            if not len(match):
                rows.append(
                    Row(
                        "missed",
                        m,
                        -1,
                        names[label],
                        "",
                        0.0,
                        float(d.judgement.iou[:, m].max(initial=0)),
                    )
                )
            for k in match:
                found = (
                    names[d.labels[k]],
                    float(d.scores[k]),
                    float(d.judgement.iou[k, m]),
                    int(k),
                )
                rows.append(Row(d.judgement.kinds[k], m, int(d.queries[k]), names[label], *found))
        for k in np.flatnonzero((d.judgement.partner < 0) & ~np.isin(d.labels, self.stuff)):
            found = (names[d.labels[k]], float(d.scores[k]), float(d.judgement.best[k]), int(k))
            rows.append(Row(d.judgement.kinds[k], -1, int(d.queries[k]), "", *found))
        return sorted(rows, key=lambda row: row.iou)

    def place_of(self, query: int) -> int:
        """Which of the shown predictions is of `query`; -1: none."""
        places = np.flatnonzero(self.decoded.queries == query)
        return int(places[0]) if len(places) else -1

    def prediction_colors(self) -> Int[np.ndarray, " K"]:
        """The place in SHADES of each prediction: the color of its partner, a pale one of the
        object that it finds once more, or one unlike its neighbours'."""
        d = self.decoded
        partner, second = d.judgement.partner, d.judgement.second
        alone = np.flatnonzero((partner < 0) & (second < 0))
        centers = (
            np.stack([self.scene.coord[d.masks[k]].mean(0) for k in alone])
            if len(alone)
            else np.zeros((0, 3))
        )
        colors = np.append(self.truth_colors, 0)[np.maximum(partner, second)]
        colors[second >= 0] += len(PALETTE)
        everywhere = np.vstack([self.centers, centers])
        colors[alone] = neighbour_colors(everywhere, self.truth_colors)[len(self.centers) :]
        return colors

    def probability(self, query: int) -> Float[np.ndarray, " N"]:
        """Each point's probability to be in the mask of `query`, at the layer that is shown."""
        return self.masks[query].float().sigmoid().cpu().numpy()

    def paint(self, view: str, only: str = "") -> Paint:
        """The colours of a view of `VIEWS`; `only`: the one class to show, where the view knows
        classes.

        A prediction has the colour of the instance that it is matched with. One that finds an
        instance once more has this colour, too, but paler.
        """
        d = self.decoded
        if view == "RGB":
            return self.rgb
        if view == "query":
            return scalar_paint(self.probability(self.query), 0.0, 1.0)
        truth, found = self.truth, d.found
        if only:
            label = self.labels.index(only)
            truth = np.where(np.append(self.true_labels == label, False)[truth], truth, -1)
            found = np.where(np.append(d.labels == label, False)[found], found, -1)
        if view == "truth":
            return instance_paint(truth, self.truth_colors)
        if view == "error":
            return self.errors(truth, found)
        return instance_paint(found, self.prediction_colors())

    def errors(self, truth: Int[np.ndarray, " n"], found: Int[np.ndarray, " n"]) -> Paint:
        """The view "error" of points with these instances and these predictions (-1: none)."""
        j = self.decoded.judgement
        return error_paint(truth, found, np.where(j.right, j.partner, -1), j.second)

    def closest(self, m: int) -> int:
        """The query whose mask, shown or not, has the highest IoU with instance `m`."""
        closest = self._closest
        if closest is None:
            inside = (self.masks > self.mask_threshold).cpu().numpy().astype(np.float32)
            points = inside @ self.weights
            union = points.sum(1, keepdims=True) + self.weights.sum(0) - points
            self._closest = closest = (points / np.maximum(union, 1)).argmax(0)
        return int(closest[m])


@torch.no_grad()
def inspect_scene(
    model, cfg, scene: Scene, labels: LabelSet, all_layers: bool = False
) -> Inspection:
    """Run a trained model on one scene and look at the outputs of its last layer, or of all of
    them.

    What is kept for a room of N points: 4 N Q bytes, 7 MB for 18,000 points and 100 queries; with
    all layers another 2 N Q for each of the others, in float16.
    """
    batch = collate([scene], len(labels), cfg.data.stuff, cfg.model.in_features)
    layers = forward_scene(model, batch.points, cfg.train.precision, last_only=not all_layers)
    outputs = [(logits.float().cpu(), masks.half().cpu()) for logits, masks in layers[:-1]]
    logits, masks = layers[-1]
    outputs.append((logits.float().cpu(), masks.float().cpu()))
    largest, nms = cfg.inference.largest_component, cfg.inference.matrix_nms
    return Inspection(
        scene, outputs, batch.targets[0], labels, largest, cfg.data.voxel_size, matrix_nms=nms
    )


def instance_centers(
    coord: Float[np.ndarray, "N 3"], index: Int[np.ndarray, " N"], count: int
) -> Float[np.ndarray, "M 3"]:
    """The mean position of the points of each of `count` instances."""
    inside = index >= 0
    sizes = np.bincount(index[inside], minlength=count)
    sums = [np.bincount(index[inside], coord[inside, axis], count) for axis in range(3)]
    return np.stack(sums, 1) / np.maximum(sizes, 1)[:, None]
