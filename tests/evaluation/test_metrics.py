"""The ScanNet AP: cases small enough to do by hand, and parity with a slow implementation in plain
loops."""

import math
import pickle
import re
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mf3d_tutorial.data.labels import label_set
from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP

FLOOR, CHAIR, TABLE, LAMP = range(4)
LABELS = SimpleNamespace(names=("floor", "chair", "table", "lamp"), stuff=(FLOOR,))
KEYS = ("ap", "ap50", "ap25")
NAN = float("nan")


def ground_truth(num_points, *objects):
    """Void but for `objects`: (first point, end, segment, instance)."""
    segment, instance = np.full(num_points, -1), np.full(num_points, -1)
    for start, end, label, number in objects:
        segment[start:end], instance[start:end] = label, number
    return segment, instance


def predictions(num_points, *found):
    """(first point, end, score[, label]) each; a chair where no label is said."""
    masks = np.zeros((len(found), num_points), dtype=bool)
    for mask, (start, end, *_) in zip(masks, found):
        mask[start:end] = True
    scores = np.array([entry[2] for entry in found], dtype=np.float64)
    labels = np.array([entry[3] if len(entry) > 3 else CHAIR for entry in found], dtype=np.int64)
    return masks, scores, labels


def evaluate(num_points, objects, found, **options):
    metric = ScanNetInstanceAP(LABELS, **options)
    metric.update(*predictions(num_points, *found), *ground_truth(num_points, *objects))
    return metric.compute()


def chair(num_points, objects, found):
    values = evaluate(num_points, objects, found)["per_class"]["chair"]
    return tuple(values[key] for key in KEYS)


def same(a, b):
    return (math.isnan(a) and math.isnan(b)) or abs(a - b) < 1e-12


ONE = [(0, 200, CHAIR, 0)]
TWO = [(0, 200, CHAIR, 0), (200, 400, CHAIR, 1)]


# ---- cases by hand --------------------------------------------------------------------------


def test_perfect_predictions_are_exactly_one():
    objects = [(0, 200, CHAIR, 0), (200, 350, TABLE, 7), (350, 450, CHAIR, 3)]
    found = [(200, 350, 0.2, TABLE), (350, 450, 0.1), (0, 200, 0.9)]
    result = evaluate(500, objects, found)
    assert [result[key] for key in KEYS] == [1.0, 1.0, 1.0]
    assert (
        result["per_class"]["chair"]
        == result["per_class"]["table"]
        == {
            "ap": 1.0,
            "ap50": 1.0,
            "ap25": 1.0,
        }
    )


def test_no_precision_envelope():
    # Sorted by score: a false positive, then a hit. Points (P, R): (1/2, 1/2), (0, 0), (1, 0) ->
    # (1/2 + 0) / 2 * 1/2.
    assert chair(1200, [*TWO, (400, 900, TABLE, 2)], [(500, 700, 0.9), (0, 200, 0.5)]) == (
        0.125,
        0.125,
        0.125,
    )


def test_curve_with_three_scores_and_one_miss():
    # Hit, false positive, hit of three objects: (P, R) = (2/3, 2/3), (1/2, 1/3), (1, 1/3), (1, 0).
    objects = [*TWO, (400, 600, CHAIR, 2), (600, 900, TABLE, 0)]
    by_hand = (2 / 3 + 1 / 2) / 2 * (1 / 3) + 1 / 3
    assert chair(900, objects, [(0, 200, 0.9), (600, 900, 0.8), (200, 400, 0.7)]) == pytest.approx(
        (by_hand,) * 3
    )


def test_equal_scores_are_one_point_of_the_curve():
    # (P, R) = (1/2, 1), (1, 0): the order among equals cannot matter.
    for found in ([(0, 200, 0.5), (200, 400, 0.5)], [(200, 400, 0.5), (0, 200, 0.5)]):
        assert chair(400, [*ONE, (200, 400, TABLE, 1)], found) == (0.75, 0.75, 0.75)


@pytest.mark.parametrize("twentieths", [5, *range(10, 19)])
def test_an_exact_tie_is_not_a_match(twentieths):
    # The object has 2000 points and the prediction is a part of it, so that the IoU is part / 2000.
    objects = [(0, 2000, CHAIR, 0)]
    steps = [k for k in range(10, 19) if k < twentieths]
    at, over = (chair(2000, objects, [(0, 100 * twentieths + extra, 0.5)]) for extra in (0, 1))
    assert at == pytest.approx((len(steps) / 9, float(twentieths > 10), float(twentieths > 5)))
    reached = len(steps) + (twentieths >= 10)
    assert over == pytest.approx((reached / 9, float(twentieths >= 10), 1.0))


def test_a_prediction_of_exactly_100_points_counts_and_of_99_does_not():
    assert chair(300, [(0, 100, CHAIR, 0)], [(0, 100, 0.5)]) == (1.0, 1.0, 1.0)
    # 99 points on a table would be a false positive above the hit; they are skipped.
    objects = [*ONE, (200, 400, TABLE, 0)]
    assert chair(400, objects, [(200, 299, 0.9), (0, 200, 0.5)]) == (1.0, 1.0, 1.0)
    assert chair(400, objects, [(200, 300, 0.9), (0, 200, 0.5)]) == (0.25, 0.25, 0.25)


def test_ground_truth_of_99_points_is_not_to_be_found():
    assert all(map(math.isnan, chair(300, [(0, 99, CHAIR, 0)], [])))
    assert chair(300, [(0, 100, CHAIR, 0)], []) == (0.0, 0.0, 0.0)
    assert chair(400, [*ONE, (200, 299, CHAIR, 1)], [(0, 200, 0.5)]) == (1.0, 1.0, 1.0)


def test_a_prediction_on_small_ground_truth_is_no_false_positive():
    small = [*ONE, (200, 299, CHAIR, 1), (299, 600, TABLE, 0)]
    # 99 of 109 points: IoU and share are both .908, so it is excused at every threshold.
    assert chair(600, small, [(200, 309, 0.9), (0, 200, 0.5)]) == (1.0, 1.0, 1.0)
    # 99 of 180 points = .55 exactly: excused only below .55.
    assert chair(600, small, [(200, 380, 0.9), (0, 200, 0.5)]) == pytest.approx(
        ((1 + 8 * 0.25) / 9, 1.0, 1.0)
    )


def test_void_and_small_ground_truth_add_up():
    # Of 150 points 60 on a small chair (IoU .4), 30 on another, 30 on void, together .80: excused
    # up to .75.
    objects = [*ONE, (200, 260, CHAIR, 1), (260, 290, CHAIR, 2), (320, 600, TABLE, 0)]
    assert chair(600, objects, [(200, 350, 0.9), (0, 200, 0.5)]) == pytest.approx(
        ((6 + 3 * 0.25) / 9, 1.0, 1.0)
    )


def test_small_ground_truth_of_another_class_excuses_nothing():
    objects = [*ONE, (200, 299, LAMP, 1), (299, 600, TABLE, 0)]
    assert chair(600, objects, [(200, 309, 0.9), (0, 200, 0.5)]) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("kind", ["segment -1", "instance -1", "stuff"])
def test_void_excuses_only_above_the_same_threshold(kind):
    # 120 of 200 points on void (.60), the others on a table: excused at .25, .50 and .55, a false
    # positive from .60.
    segment, instance = ground_truth(1000, *ONE, (320, 1000, TABLE, 0), (200, 320, CHAIR, 9))
    segment[200:320] = {"segment -1": -1, "instance -1": CHAIR, "stuff": FLOOR}[kind]
    instance[200:320] = -1 if kind == "instance -1" else 9
    metric = ScanNetInstanceAP(LABELS)
    metric.update(*predictions(1000, (200, 400, 0.9), (0, 200, 0.5)), segment, instance)
    values = metric.compute()["per_class"]["chair"]
    assert (values["ap50"], values["ap25"]) == (1.0, 1.0)
    assert values["ap"] == pytest.approx((2 * 1.0 + 7 * 0.25) / 9)


def test_void_points_enlarge_a_prediction():
    # 200 points of the object and 100 of void: IoU 2/3 matches up to .65; above, the third on void
    # excuses nothing.
    assert chair(400, ONE, [(0, 300, 0.5)]) == pytest.approx((4 / 9, 1.0, 1.0))


def test_an_instance_id_with_two_labels_is_two_instances():
    objects = [(0, 150, CHAIR, 4), (150, 300, TABLE, 4), (300, 360, LAMP, 4)]
    result = evaluate(400, objects, [(0, 150, 0.9), (150, 300, 0.9, TABLE)])
    assert result["per_class"]["chair"]["ap"] == result["per_class"]["table"]["ap"] == 1.0
    assert math.isnan(result["per_class"]["lamp"]["ap"])  # its 60 points alone are too small
    # IoU 1/2 with the chair part
    assert evaluate(400, objects, [(0, 300, 0.9)])["per_class"]["chair"]["ap50"] == 0.0


def test_predictions_labelled_stuff_vanish():
    objects = [*ONE, (200, 400, FLOOR, 1)]
    result = evaluate(400, objects, [(0, 200, 0.5), (200, 400, 0.9, FLOOR), (0, 200, 0.9, FLOOR)])
    assert result["ap"] == 1.0
    assert "floor" not in result["per_class"]
    everything = evaluate(400, objects, [(0, 200, 0.5), (200, 400, 0.9, FLOOR)], stuff=())
    assert everything["ap"] == everything["per_class"]["floor"]["ap"] == 1.0


def test_a_class_without_ground_truth_is_nan_and_left_out_of_the_mean():
    result = evaluate(600, ONE, [(0, 200, 0.5), (200, 500, 0.9, LAMP)])
    assert (
        result["per_class"]["chair"]["ap"]
        == result["ap"]
        == result["ap50"]
        == result["ap25"]
        == 1.0
    )
    assert all(math.isnan(result["per_class"]["lamp"][key]) for key in KEYS)


def test_a_class_without_predictions_is_zero_and_in_the_mean():
    result = evaluate(600, [*ONE, (200, 400, TABLE, 1)], [(0, 200, 0.5)])
    assert (result["per_class"]["table"]["ap"], result["ap"]) == (0.0, 0.5)


def test_a_class_with_only_ignored_predictions_is_zero():
    assert chair(600, ONE, [(300, 500, 0.9)]) == (0.0, 0.0, 0.0)


def test_no_scene_and_empty_scenes_are_nan():
    metric = ScanNetInstanceAP(LABELS)
    assert all(math.isnan(metric.compute()[key]) for key in KEYS)
    metric.update(*predictions(0), *ground_truth(0))
    metric.update(*predictions(50), *ground_truth(50))
    metric.update(*predictions(50, (0, 0, 0.5)), *ground_truth(50))
    assert all(math.isnan(metric.compute()[key]) for key in KEYS)


def test_duplicates_are_false_positives_and_the_best_score_is_the_hit():
    # Whichever comes first, the object's score is .9 and the duplicate is a false positive below
    # it.
    found = [(0, 200, 0.9), (0, 190, 0.4), (0, 195, 0.6)]
    for order in (found, found[::-1], found[1:] + found[:1]):
        assert chair(400, ONE, order) == (1.0, 1.0, 1.0)
    # With a second object that is found at .5, the duplicate at .6 costs: (2/3, 1), (1/2, 1/2), (1,
    # 1/2), (1, 0).
    assert chair(400, TWO, [(0, 195, 0.6), (0, 200, 0.9), (200, 400, 0.5)]) == pytest.approx(
        ((2 / 3 + 1 / 2) / 4 + 1 / 2,) * 3
    )


def test_the_walk_is_in_insertion_order():
    # Both predictions cover both objects with an IoU between .25 and .50 (or .50 itself), so at .25
    # the first object uses up the one given first and calls the other a false positive or, if it
    # scores higher, the hit; the second object then gets the other one.
    both, less = (0, 400, 0.9), (10, 390, 0.5)
    # Hits .9 and .5, false .5: (P, R) = (2/3, 1), (1, 1/2), (1, 0).
    assert chair(400, TWO, [both, less]) == pytest.approx((0.0, 0.0, (2 / 3 + 1) / 4 + 1 / 2))
    # The first object uses up .5 but scores .9; the second gets .9 once more: (2/3, 1), (1, 1), (1,
    # 0).
    assert chair(400, TWO, [less, both]) == (0.0, 0.0, 1.0)


def test_objects_are_walked_in_ascending_id():
    # The left prediction reaches both objects, the right one only object 200..400 (all above .25).
    found = [(0, 400, 0.9), (200, 400, 0.8)]
    # Object 0 first: it takes .9, object 1 is left with .8: hits .9 and .8.
    assert chair(400, TWO, found)[2] == 1.0
    # The right object first: it claims .9 and calls .8 false; nothing is left for the other: (1/2,
    # 1/2), (1, 1/2).
    assert chair(400, [(0, 200, CHAIR, 8), (200, 400, CHAIR, 3)], found)[2] == 0.5


def test_scenes_are_pooled_by_score():
    # A hit at .5 in one scene below a false positive at .9 in another, of two objects: the 0.125
    # case over two scenes.
    metric = ScanNetInstanceAP(LABELS)
    metric.update(*predictions(200, (0, 200, 0.5)), *ground_truth(200, *ONE))
    metric.update(
        *predictions(400, (200, 400, 0.9)), *ground_truth(400, *ONE, (200, 400, TABLE, 0))
    )
    assert metric.compute()["per_class"]["chair"] == {"ap": 0.125, "ap50": 0.125, "ap25": 0.125}


def test_scannet20_has_18_classes():
    labels = label_set("scannet20")
    metric = ScanNetInstanceAP(labels)
    chair = labels.index("chair")
    metric.update(*predictions(300, (0, 200, 0.5, chair)), *ground_truth(300, (0, 200, chair, 0)))
    result = metric.compute()
    assert result["ap"] == 1.0
    assert set(result["per_class"]) == set(labels.names) - {"wall", "floor"}
    assert all(
        type(result["per_class"]["chair"][key]) is type(result[key]) is float for key in KEYS
    )


# ---- types and state ------------------------------------------------------------------------


def test_compute_may_be_called_between_updates():
    metric = ScanNetInstanceAP(LABELS)
    metric.update(*predictions(200, (0, 200, 0.5)), *ground_truth(200, *ONE))
    assert metric.compute()["ap"] == metric.compute()["ap"] == 1.0
    metric.update(*predictions(200), *ground_truth(200, *ONE))
    assert metric.compute()["ap"] == 0.5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_give_what_arrays_give(dtype):
    masks, scores, labels, segment, instance = random_scene(np.random.default_rng(3))
    scores = np.round(scores * 4) / 4  # exact in every float type
    arrays = ScanNetInstanceAP(LABELS, min_points=5)
    tensors = ScanNetInstanceAP(LABELS, min_points=5)
    arrays.update(
        masks,
        scores.astype(np.float32),
        labels.astype(np.int32),
        segment.astype(np.int16),
        instance,
    )
    tensors.update(
        torch.from_numpy(masks),
        torch.from_numpy(scores).to(dtype).requires_grad_(),
        torch.from_numpy(labels),
        torch.from_numpy(segment),
        torch.from_numpy(instance).int(),
    )
    assert 0 < arrays.compute()["ap25"] < 1
    check_same(arrays.compute(), tensors.compute())


def test_inputs_are_not_changed_and_not_kept():
    scene = random_scene(np.random.default_rng(4))
    copies = [array.copy() for array in scene]
    metric = ScanNetInstanceAP(LABELS, min_points=5)
    metric.update(*scene)
    assert all(np.array_equal(a, b) for a, b in zip(scene, copies))
    before = metric.compute()
    for array in scene:
        array[:] = 0
    check_same(metric.compute(), before)


def test_tables_can_be_pickled_and_joined():
    rng = np.random.default_rng(5)
    scenes = [random_scene(rng) for _ in range(6)]
    whole = ScanNetInstanceAP(LABELS, min_points=5)
    parts = [ScanNetInstanceAP(LABELS, min_points=5) for _ in range(2)]
    for number, scene in enumerate(scenes):
        whole.update(*scene)
        parts[number % 2].update(*scene)
    joined = pickle.loads(pickle.dumps(parts[0]))
    for c, tables in pickle.loads(pickle.dumps(parts[1].tables)).items():
        joined.tables[c].extend(tables)
    check_same(joined.compute(), whole.compute())


def test_state_is_small():
    metric = ScanNetInstanceAP(LABELS)
    objects = [(1000 * k, 1000 * k + 1000, 1 + k % 3, k) for k in range(30)]
    found = [(1000 * k, 1000 * k + 900, 0.5, 1 + k % 3) for k in range(30)]
    metric.update(*predictions(50_000, *found), *ground_truth(50_000, *objects))
    assert len(pickle.dumps(metric.tables)) < 10_000  # the masks alone have 1,500,000 bytes


# ---- bad input ------------------------------------------------------------------------------

NAMES = ("masks", "scores", "labels", "gt_segment", "gt_instance")
SCENE = dict(
    zip(
        NAMES,
        (*predictions(400, (0, 200, 0.5), (5, 300, 0.9)), *ground_truth(400, *TWO)),
        strict=True,
    )
)


def put(array, where, value):
    changed = array.copy()
    changed[where] = value
    return changed


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "masks",
            lambda a: a.astype(np.float32),
            "masks must be a bool array of shape (K, N), got float32",
        ),
        (
            "masks",
            lambda a: a.astype(np.uint8),
            "masks must be a bool array of shape (K, N), got uint8",
        ),
        (
            "masks",
            lambda a: a[0],
            "masks must be a bool array of shape (K, N), got bool of shape (400,)",
        ),
        ("masks", lambda a: a.T, "scores has length 2, but masks has 400 for K"),
        (
            "masks",
            lambda a: torch.from_numpy(a).bfloat16(),
            "masks must be a bool array of shape (K, N), got",
        ),
        ("scores", lambda a: a[:1], "scores has length 1, but masks has 2 for K"),
        (
            "scores",
            lambda a: a[:, None],
            "scores must be a float array of shape (K), got float64 of shape (2, 1)",
        ),
        ("scores", lambda a: a.astype(int), "scores must be a float array"),
        ("scores", lambda a: put(a, 1, NAN), "scores[1] = nan is not finite"),
        ("scores", lambda a: put(a, 0, -np.inf), "scores[0] = -inf is not finite"),
        ("labels", lambda a: np.append(a, 1), "labels has length 3, but masks has 2 for K"),
        ("labels", lambda a: a.astype(float), "labels must be an integer array"),
        ("labels", lambda a: put(a, 1, 4), "labels[1] = 4 is outside the label set's 0..3"),
        ("labels", lambda a: put(a, 0, -1), "labels[0] = -1 is outside the label set's 0..3"),
        ("gt_segment", lambda a: a[:-1], "gt_segment has length 399, but masks has 400 for N"),
        ("gt_segment", lambda a: a > 0, "gt_segment must be an integer array"),
        (
            "gt_segment",
            lambda a: put(a, 7, 4),
            "gt_segment[7] = 4 is neither -1 nor in the label set's 0..3",
        ),
        ("gt_segment", lambda a: put(a, 8, -100), "gt_segment[8] = -100 is neither -1 nor in"),
        ("gt_instance", lambda a: a[1:], "gt_instance has length 399, but masks has 400 for N"),
        ("gt_instance", lambda a: a.astype(np.float32), "gt_instance must be an integer array"),
        ("gt_instance", lambda a: put(a, 399, -2), "gt_instance[399] = -2 is below -1"),
    ],
)
def test_bad_input_is_refused_and_adds_nothing(name, change, message):
    metric = ScanNetInstanceAP(LABELS)
    with pytest.raises(ValueError, match=re.escape(message)):
        metric.update(**SCENE | {name: change(SCENE[name])})
    assert not any(metric.tables.values())
    metric.update(**SCENE)


def test_bad_options_are_refused():
    with pytest.raises(
        ValueError, match=re.escape("stuff: class 4 is outside the label set's 0..3")
    ):
        ScanNetInstanceAP(LABELS, stuff=(0, 4))
    with pytest.raises(ValueError, match="min_points must be at least 1, got 0"):
        ScanNetInstanceAP(LABELS, min_points=0)


# ---- parity with plain loops
# --------------------------------------------------------------------------------------- Written
# from the sentences of the protocol, with sets of points, fractions and one walk per threshold.


def read_scene(masks, scores, labels, segment, instance, stuff, min_points):
    """(predictions, objects, void) as sets of point numbers."""
    objects, void = {}, set()
    for point, (c, i) in enumerate(zip(segment.tolist(), instance.tolist())):
        if c == -1 or c in stuff or i == -1:
            void.add(point)
        else:
            objects.setdefault((c, i), set()).add(point)
    found = []
    for mask, score, label in zip(masks.tolist(), scores.tolist(), labels.tolist()):
        points = {point for point, inside in enumerate(mask) if inside}
        if label not in stuff and len(points) >= min_points:
            iou = {}
            for key, members in objects.items():
                if key[0] == label:
                    iou[key] = Fraction(len(points & members), len(points | members))
            found.append({"points": points, "score": score, "label": label, "iou": iou})
    return found, objects, void


def walk(scene, c, threshold, min_points):
    """Scores of true positives and of false positives of class c in one scene."""
    found, objects, void = scene
    found = [prediction for prediction in found if prediction["label"] == c]
    true, false, claimed = [], [], set()
    for key in sorted(objects):
        if key[0] != c or len(objects[key]) < min_points:
            continue
        best = None
        for number, prediction in enumerate(found):
            if number in claimed or not prediction["iou"][key] > threshold:
                continue
            if best is None:
                claimed.add(number)
                best = prediction["score"]
            elif prediction["score"] > best:
                false.append(best)
                best = prediction["score"]
            else:
                false.append(prediction["score"])
        if best is not None:
            true.append(best)
    small = [
        members for key, members in objects.items() if key[0] == c and len(members) < min_points
    ]
    for prediction in found:
        if not any(iou > threshold for iou in prediction["iou"].values()):
            ignored = len(prediction["points"] & void)
            for members in small:
                ignored += len(prediction["points"] & members)
            if Fraction(ignored, len(prediction["points"])) <= threshold:
                false.append(prediction["score"])
    return true, false


def curve_area(true, false, num_objects):
    points = []
    for cut in sorted(set(true + false)):
        hits = sum(score >= cut for score in true)
        wrong = sum(score >= cut for score in false)
        points.append((hits / (hits + wrong), hits / num_objects))
    points.append((1.0, 0.0))
    area = 0.0
    for (p, r), (next_p, next_r) in pairwise(points):
        area += (p + next_p) / 2 * (r - next_r)
    return area


def reference(scenes, names, stuff, min_points):
    scenes = [read_scene(*scene, stuff, min_points) for scene in scenes]
    per_class, everything = {}, {key: [] for key in KEYS}
    for c, name in enumerate(names):
        if c in stuff:
            continue
        num_objects = 0
        for _, objects, _ in scenes:
            num_objects += sum(
                key[0] == c and len(members) >= min_points for key, members in objects.items()
            )
        values = {}
        for threshold in [Fraction(k, 20) for k in range(10, 19)] + [Fraction(1, 4)]:
            true, false = [], []
            for scene in scenes:
                more_true, more_false = walk(scene, c, threshold, min_points)
                true, false = true + more_true, false + more_false
            values[threshold] = curve_area(true, false, num_objects) if num_objects else NAN
        at25, at50 = values.pop(Fraction(1, 4)), values[Fraction(1, 2)]
        per_class[name] = {"ap": sum(values.values()) / 9, "ap50": at50, "ap25": at25}
        if num_objects:
            for key in KEYS:
                everything[key].append(per_class[name][key])
    result = {
        key: sum(values) / len(values) if values else NAN for key, values in everything.items()
    }
    return result | {"per_class": per_class}


def random_scene(rng, scale=1):
    """Runs of points as ground truth, predictions made from one or two of its instances by dropping
    and adding runs.

    Many sizes are around 5 * scale, the size test of the callers, and few distinct scores make
    ties.
    """
    lengths = (
        np.concatenate([rng.integers(1, 14, 9), rng.integers(3, 7, 5)])[rng.permutation(14)] * scale
    )
    lengths -= rng.integers(0, 2, 14) * (scale > 1)
    segment = np.repeat(rng.choice([-1, FLOOR, CHAIR, CHAIR, CHAIR, TABLE, LAMP], 14), lengths)
    instance = np.repeat(rng.choice([-1, 0, 1, 2, 3, 50], 14), lengths)
    num_points, num_predictions = len(segment), int(rng.integers(0, 13))
    masks = np.zeros((num_predictions, num_points), dtype=bool)
    labels = rng.integers(0, 4, num_predictions)
    for k in range(num_predictions):
        for _ in range(rng.integers(1, 3)):
            seed = rng.integers(num_points)
            masks[k] |= (instance == instance[seed]) & (segment == segment[seed])
            labels[k] = max(segment[seed], 0) if rng.random() < 0.8 else labels[k]
        for value in (True, False):
            start = rng.integers(num_points)
            masks[k, start : start + rng.integers(0, 6) * scale] = value
    scores = (
        rng.choice([0.125, 0.25, 0.5, 0.75], num_predictions)
        if rng.random() < 0.5
        else rng.random(num_predictions)
    )
    return masks, scores, labels, segment, instance


def check_same(result, wanted):
    assert set(result["per_class"]) == set(wanted["per_class"])
    for name, values in [("mean", wanted), *wanted["per_class"].items()]:
        got = result if name == "mean" else result["per_class"][name]
        for key in KEYS:
            assert same(got[key], values[key]), (
                f"{key} of {name}: {got[key]} instead of {values[key]}"
            )


@pytest.mark.parametrize(("min_points", "scale", "sets"), [(5, 1, 250), (100, 20, 50)])
@pytest.mark.parametrize("stuff", [(FLOOR,), ()])
def test_parity_with_plain_loops(min_points, scale, sets, stuff):
    rng = np.random.default_rng(min_points + len(stuff))
    values = []
    for _ in range(sets):
        scenes = [random_scene(rng, scale) for _ in range(rng.integers(1, 4))]
        metric = ScanNetInstanceAP(LABELS, stuff=stuff, min_points=min_points)
        for scene in scenes:
            metric.update(*scene)
        result = metric.compute()
        check_same(result, reference(scenes, LABELS.names, stuff, min_points))
        values.append(result["ap25"])
    # The scenes are worth comparing: few without an object, and most neither hopeless nor perfect.
    assert np.mean([0 < value < 1 for value in values]) > 0.7
