"""Class-agnostic AP: by hand, and against the AP of a world with one class."""

import numpy as np
import pytest
import torch

from mf3d_tutorial.data import label_set
from mf3d_tutorial.evaluation.class_agnostic import ClassAgnosticAP
from mf3d_tutorial.evaluation.inference import Instances
from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP

LABELS = label_set("scannet20")
WALL, FLOOR, CABINET, BED, CHAIR = range(5)
POINTS = 200  # of each object


def instances(masks, scores, labels, queries) -> Instances:
    return Instances(
        torch.as_tensor(np.asarray(masks)),
        torch.as_tensor(scores),
        torch.as_tensor(labels),
        torch.as_tensor(queries),
    )


def room(classes: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Class and instance of each point, and the mask of each object."""
    instance = np.repeat(np.arange(len(classes)), POINTS)
    return np.array(classes)[instance], instance, instance == np.arange(len(classes))[:, None]


def ap(found: Instances, segment: np.ndarray, instance: np.ndarray) -> dict[str, float]:
    metric = ClassAgnosticAP(LABELS, LABELS.stuff)
    metric.update(found, segment, instance)
    return metric.compute()


def test_right_masks_with_wrong_names_are_right():
    segment, instance, masks = room([CABINET, BED, CHAIR])
    found = instances(masks, [0.9, 0.8, 0.7], [BED, CHAIR, CABINET], [5, 6, 7])
    assert ap(found, segment, instance) == pytest.approx({"ap": 1, "ap50": 1, "ap25": 1})
    by_class = ScanNetInstanceAP(LABELS)
    by_class.update(found.masks, found.scores, found.labels, segment, instance)
    assert by_class.compute()["ap25"] == 0


def test_a_query_counts_once_with_its_best_score():
    """Its second name is no second prediction: that would be a false one."""
    segment, instance, masks = room([CABINET, BED])
    # Query 1 is called twice before query 2, which is right, comes. Its wrong half scores less.
    found = instances(masks[[0, 0, 1]], [0.9, 0.8, 0.7], [CABINET, CHAIR, BED], [1, 1, 2])
    assert ap(found, segment, instance)["ap50"] == pytest.approx(1)
    twice = instances(masks[[0, 0, 1]], [0.9, 0.8, 0.7], [CABINET, CHAIR, BED], [1, 3, 2])
    assert ap(twice, segment, instance)["ap50"] < 1


def test_stuff_is_neither_found_nor_missed():
    segment, instance, masks = room([WALL, CABINET, FLOOR])
    found = instances(masks, [0.9, 0.8, 0.7], [WALL, CABINET, FLOOR], [0, 1, 2])
    assert ap(found, segment, instance)["ap"] == pytest.approx(1)
    # The wall's mask, called a chair, lies where nobody asks.
    named = instances(masks, [0.9, 0.8, 0.7], [CHAIR, CABINET, FLOOR], [0, 1, 2])
    assert ap(named, segment, instance)["ap"] == pytest.approx(1)


def test_an_id_with_two_classes_is_two_instances():
    segment, instance, masks = room([CABINET, BED])
    both = np.zeros_like(instance)
    assert ap(instances(masks, [0.9, 0.8], [BED, BED], [0, 1]), segment, both)[
        "ap"
    ] == pytest.approx(1)
    whole = masks.any(0, keepdims=True)
    assert ap(instances(whole, [0.9], [BED], [0]), segment, both)["ap"] < 1


def test_points_without_a_class_or_an_instance_are_void():
    segment, instance, masks = room([CABINET, BED, CHAIR])
    segment[instance == 1], instance[instance == 2] = -1, -1
    found = instances(masks, [0.9, 0.8, 0.7], [CABINET, BED, CHAIR], [0, 1, 2])
    assert ap(found, segment, instance)["ap"] == pytest.approx(1)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_ap_of_a_world_with_one_class(seed):
    """Random masks of random queries, in scenes in which everything is called a chair."""
    rng = np.random.default_rng(seed)
    ours, theirs = ClassAgnosticAP(LABELS, LABELS.stuff), ScanNetInstanceAP(LABELS)
    for _ in range(3):
        segment, instance, masks = room(rng.integers(2, 20, 6).tolist())
        predicted = masks[rng.integers(0, 6, 9)] ^ (rng.random((9, len(segment))) < 0.15)
        scores = np.sort(rng.random(9))[::-1].copy()
        labels = rng.integers(2, 20, 9)
        ours.update(instances(predicted, scores, labels, np.arange(9)), segment, instance)
        theirs.update(predicted, scores, np.full(9, CHAIR), np.full_like(segment, CHAIR), instance)
    assert ours.compute() == theirs.compute()["per_class"]["chair"]
    assert 0 < ours.compute()["ap25"] < 1


def test_a_scene_without_ground_truth_has_no_ap():
    segment, instance, masks = room([WALL])
    assert np.isnan(ap(instances(masks, [0.9], [CHAIR], [0]), segment, instance)["ap"])
