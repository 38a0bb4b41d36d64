"""ScanNet's instance-segmentation AP: the mean over classes and nine IoU thresholds, and AP at .50
and at .25.

The protocol is that of the benchmark's own evaluator (github.com/ScanNet/ScanNet,
BenchmarkScripts/3d_evaluation, `evaluate_semantic_instance.py`), down to its corner cases, so that
a number from here can stand beside a published one.

    metric = ScanNetInstanceAP(label_set("scannet20"))
    for each scene:
        metric.update(masks, scores, labels, gt_segment, gt_instance)
    metric.compute()["ap50"]

N points of a scene, K predictions, M ground-truth instances. All areas are counts of points.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

Array = np.ndarray | torch.Tensor

# IoU thresholds in twentieths: .50, .55 ... .90, then .25. "IoU above t / 20" is then a comparison
# of integers, and an IoU of exactly .65 is a tie, which no rounding of .65 can turn into a match.
TWENTIETHS = (*range(10, 19), 5)
AT_50, AT_25 = TWENTIETHS.index(10), TWENTIETHS.index(5)


class SceneTable(NamedTuple):
    """K predictions and M ground-truth instances of one class in one scene, and how they
    overlap."""

    scores: Float[np.ndarray, " K"]  # float64, in the order in which the predictions were given
    sizes: Int[np.ndarray, " K"]  # points of each prediction
    # points of each prediction outside every evaluated ground-truth instance (unannotated or stuff)
    void: Int[np.ndarray, " K"]
    overlap: Int[np.ndarray, "K M"]  # points that a prediction shares with a ground-truth instance
    # points of each ground-truth instance, in ascending instance id
    gt_sizes: Int[np.ndarray, " M"]


class ScanNetInstanceAP:
    """Collects scenes by `update` and gives the AP by `compute`.

    A scene is reduced at once to one small `SceneTable` per class, so memory does not grow with
    points. The tables are all the state there is: `tables[c]` is a list of them, and joining the
    lists of several processes is a merge.
    """

    def __init__(self, label_set, stuff: tuple[int, ...] | None = None, min_points: int = 100):
        """Evaluates the classes of `label_set` (an object with `names` and `stuff`) that are not in
        `stuff`.

        stuff: class indices that have no instances; None takes the label set's own. min_points:
        smaller predictions are skipped; smaller ground truth need not be found, and a prediction
        that covers it is not counted as false.
        """
        if min_points < 1:
            raise ValueError(f"min_points must be at least 1, got {min_points}")
        stuff = label_set.stuff if stuff is None else stuff
        outside = [index for index in stuff if not 0 <= index < len(label_set.names)]
        if outside:
            raise ValueError(
                f"stuff: class {outside[0]} is outside the label set's"
                f" 0..{len(label_set.names) - 1}"
            )
        self.names = tuple(label_set.names)
        self.min_points = min_points
        self.tables = {c: [] for c in range(len(self.names)) if c not in stuff}

    def update(
        self,
        masks: Array,
        scores: Array,
        labels: Array,
        gt_segment: Array,
        gt_instance: Array,
    ) -> None:
        """Adds one scene.

        masks: (K, N), bool: points of each prediction; they may overlap.
        scores: (K,), floats: finite confidences, any scale.
        labels: (K,), integers: class indices; predictions of a stuff class are dropped.
        gt_segment, gt_instance: class index and instance id of each point, -1 where there is none.

        Raises ValueError, and adds nothing, if an argument has the wrong type, length or range.
        """
        masks, scores, labels, gt_segment, gt_instance = self._checked(
            masks, scores, labels, gt_segment, gt_instance
        )
        point_gt, gt_class, gt_sizes = self._ground_truth(gt_segment, gt_instance)

        judged, counts = [], []
        for k in np.flatnonzero(np.isin(labels, list(self.tables))):
            shared = np.bincount(point_gt[masks[k]], minlength=len(gt_sizes) + 1)
            if shared.sum() >= self.min_points:
                judged.append(k)
                counts.append(shared)
        scores, labels = scores[judged], labels[judged]
        counts = np.array(counts, dtype=np.int64).reshape(len(judged), len(gt_sizes) + 1)

        for c in np.union1d(labels, gt_class).tolist():
            mine, found = labels == c, gt_class == c
            rows = counts[mine]
            self.tables[c].append(
                SceneTable(
                    scores[mine],
                    rows.sum(1),
                    rows[:, 0].copy(),
                    rows[:, 1:][:, found],
                    gt_sizes[found],
                )
            )

    def compute(self) -> dict:
        """{"ap", "ap50", "ap25", "per_class": {name: {"ap", "ap50", "ap25"}}} of all scenes so far,
        as floats in 0..1.

        A class without a ground-truth instance of at least `min_points` is NaN and left out of the
        means, which are NaN if no class is left.
        """
        per_class = {}
        for c, tables in self.tables.items():
            ap = np.array([_average_precision(tables, t, self.min_points) for t in TWENTIETHS])
            per_class[self.names[c]] = {
                "ap": float(np.delete(ap, AT_25).mean()),
                "ap50": float(ap[AT_50]),
                "ap25": float(ap[AT_25]),
            }
        result = {}
        for key in ("ap", "ap50", "ap25"):
            defined = [values[key] for values in per_class.values() if not np.isnan(values[key])]
            result[key] = float(np.mean(defined)) if defined else float("nan")
        return result | {"per_class": per_class}

    def _ground_truth(self, segment, instance):
        """Numbers a scene's ground-truth instances 1..M, by class and then by instance id.

        Returns the number of each point's instance, 0 for void (N,), and the class (M,) and size
        (M,) of each. A pair of class and id is an instance: an id that carries two classes is two
        of them, each with its own points.
        """
        inside = np.isin(segment, list(self.tables)) & (instance >= 0)
        ids, rank = np.unique(instance[inside], return_inverse=True)
        pairs, number = np.unique(segment[inside] * max(len(ids), 1) + rank, return_inverse=True)
        point_gt = np.zeros(len(segment), dtype=np.int64)
        point_gt[inside] = number + 1
        return point_gt, pairs // max(len(ids), 1), np.bincount(number, minlength=len(pairs))

    def _checked(self, masks, scores, labels, gt_segment, gt_instance):
        """The arguments of `update` as numpy arrays of bool, float64 and three times int64, or
        ValueError."""
        masks = _array("masks", masks, bool, "K N")
        num_predictions, num_points = masks.shape
        scores = _array("scores", scores, np.float64, "K", num_predictions)
        labels = _array("labels", labels, np.int64, "K", num_predictions)
        gt_segment = _array("gt_segment", gt_segment, np.int64, "N", num_points)
        gt_instance = _array("gt_instance", gt_instance, np.int64, "N", num_points)

        last = len(self.names) - 1
        _refuse("scores", scores, ~np.isfinite(scores), "is not finite")
        _refuse(
            "labels",
            labels,
            (labels < 0) | (labels > last),
            f"is outside the label set's 0..{last}",
        )
        outside = (gt_segment < -1) | (gt_segment > last)
        _refuse(
            "gt_segment", gt_segment, outside, f"is neither -1 nor in the label set's 0..{last}"
        )
        _refuse(
            "gt_instance",
            gt_instance,
            gt_instance < -1,
            "is below -1, which marks a point without an instance",
        )
        return masks, scores, labels, gt_segment, gt_instance


def verdicts(
    table: SceneTable, twentieths: int, min_points: int
) -> tuple[list[float], list[float]]:
    """Scores of the true and of the false positives of one class in one scene, at IoU > twentieths
    / 20.

    A prediction is ignored, neither true nor false, in two cases: it matches only ground truth
    below `min_points`; or it matches nothing, and a share above the threshold of its points lies on
    void or on such small ground truth.
    """
    union = table.sizes[:, None] + table.gt_sizes - table.overlap
    above = 20 * table.overlap > twentieths * union
    small = table.gt_sizes < min_points

    true, false = [], []
    claimed = np.zeros(len(table.scores), dtype=bool)
    for m in np.flatnonzero(~small):
        rivals = np.flatnonzero(above[:, m] & ~claimed)
        if len(rivals):
            # The benchmark's quirk: the first one given is used up, whichever score wins. So at
            # .25, where a prediction can be above the threshold with several instances, a later
            # winner may win again.
            claimed[rivals[0]] = True
            *lower, best = np.sort(table.scores[rivals]).tolist()
            true.append(best)
            false.extend(lower)

    ignored = table.void + table.overlap[:, small].sum(1)
    astray = ~above.any(1) & (20 * ignored <= twentieths * table.sizes)
    return true, false + table.scores[astray].tolist()


def _average_precision(tables: list[SceneTable], twentieths: int, min_points: int) -> float:
    """AP of one class at one threshold: the area under the precision-recall points as they are,
    with no envelope."""
    num_objects = sum(int((table.gt_sizes >= min_points).sum()) for table in tables)
    if num_objects == 0:
        return float("nan")
    matches = [verdicts(table, twentieths, min_points) for table in tables]
    true = np.sort(np.concatenate([scores for scores, _ in matches]))
    false = np.sort(np.concatenate([scores for _, scores in matches]))

    # A point for each distinct score, as the lowest that is kept, and the end point (precision 1,
    # recall 0) that the benchmark appends.
    cuts = np.union1d(true, false)
    num_true = len(true) - np.searchsorted(true, cuts)
    num_false = len(false) - np.searchsorted(false, cuts)
    precision = np.append(num_true / (num_true + num_false), 1.0)
    recall = np.append(num_true / num_objects, 0.0)
    widths = np.convolve(np.concatenate([recall[:1], recall, [0.0]]), [-0.5, 0.0, 0.5], "valid")
    return float(precision @ widths)


def _array(name: str, value, dtype: type, shape: str, length: int | None = None) -> np.ndarray:
    """`value` as a numpy array of `dtype`; ValueError if its kind of type, its rank or its length
    is another."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        # numpy has no bfloat16
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    array = np.asarray(value)
    kinds, word = {
        bool: ("b", "a bool"),
        np.float64: ("f", "a float"),
        np.int64: ("iu", "an integer"),
    }[dtype]
    if array.dtype.kind not in kinds or array.ndim != len(shape.split()):
        wanted = f"{word} array of shape ({', '.join(shape.split())})"
        raise ValueError(f"{name} must be {wanted}, got {array.dtype} of shape {array.shape}")
    if length is not None and len(array) != length:
        raise ValueError(f"{name} has length {len(array)}, but masks has {length} for {shape}")
    # masks are read row by row, and may come as columns
    return np.ascontiguousarray(array, dtype=dtype)


def _refuse(name: str, array: np.ndarray, bad: np.ndarray, why: str) -> None:
    """ValueError that points at the first bad element, if there is one."""
    if bad.any():
        where = int(bad.argmax())
        raise ValueError(f"{name}[{where}] = {array[where]} {why}")
