"""The charts of notebook 06b against counts by hand."""

from collections import Counter

import numpy as np
import pytest
import torch
from helpers import made_up_inspection

from mf3d_tutorial.data.labels import label_set
from mf3d_tutorial.evaluation.inference import InferenceOptions, scene_instances
from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP
from mf3d_tutorial.viz import charts


@pytest.fixture
def rooms():
    return [made_up_inspection(seed=seed) for seed in range(2)]


def test_confusion_counts_what_became_of_each_object(rooms):
    figure = charts.confusion_figure(rooms)
    names = list(figure.layout.xaxis.ticktext)
    counts = {
        (a, b): int(figure.data[0].z[i, j])
        for i, a in enumerate(names)
        for j, b in enumerate(names)
    }
    said = Counter(
        (row.label or "(none)", row.found_label or "(none)") for room in rooms for row in room.rows
    )
    assert {pair: count for pair, count in counts.items() if count} == dict(said)
    assert counts["bed", "chair"] == counts["cabinet", "(none)"] == 2


def test_classes_stand_best_first_without_those_that_are_undefined():
    row = {"ap": 0.2, "ap50": 0.5, "ap25": 0.6}
    report = {
        "per_class": {
            "chair": row,
            "sofa": row | {"ap": float("nan")},
            "<i>bed": row | {"ap": 0.7},
            "door": row | {"ap": None},
        }
    }
    figure = charts.class_figure(report)
    assert list(figure.data[0].x) == ["&lt;i&gt;bed", "chair"]
    assert [list(bar.y) for bar in figure.data] == [[0.7, 0.2], [0.5, 0.5], [0.6, 0.6]]


def test_ap_by_size_is_that_of_the_objects_of_that_size(rooms):
    labels = label_set("scannet20")
    options = InferenceOptions(largest_component=False, voxel_size=0.04)
    predictions = [scene_instances(*room.layers[-1], room.scene, options) for room in rooms]
    originals = [room.scene.original for room in rooms]
    sizes = [np.bincount(original.instance[original.instance >= 0]) for original in originals]
    middle = int(np.median(np.concatenate(sizes)))
    figure = charts.size_figure(predictions, originals, labels, edges=(100, middle))
    metric = ScanNetInstanceAP(labels)
    for found, original, size in zip(predictions, originals, sizes):
        large = np.append(size >= middle, False)[original.instance]
        metric.update(
            found.masks,
            found.scores,
            found.labels,
            original.segment,
            np.where(large, original.instance, -1),
        )
    assert figure.data[1].y[1] == pytest.approx(metric.compute()["ap50"])
    count = sum((size >= middle).sum() for size in sizes)
    assert f"({count} objects)" in figure.data[0].x[1]


def test_calibration_is_the_share_that_is_right_in_each_bin(rooms):
    for room in rooms:
        room.update(score_threshold=0.0)
    rows = [row for room in rooms for row in room.rows if row.query >= 0]
    model = charts.calibration_figure(rooms).data[1]
    assert model.customdata.sum() == len(rows)
    for share, mean, count in zip(model.y, model.x, model.customdata):
        inside = [row for row in rows if min(int(10 * row.score), 9) == min(int(10 * mean), 9)]
        assert len(inside) == count
        assert share == pytest.approx(np.mean([row.kind == "found" for row in inside]))


def test_each_column_is_a_query(rooms):
    figure = charts.query_figure(rooms, [3, 1, 5])
    order = [int(name) for name in figure.layout.xaxis.ticktext]
    assert sorted(order) == [1, 3, 5]
    chance = torch.stack([room.layers[-1][0].softmax(-1) for room in rooms]).mean(0)
    np.testing.assert_allclose(figure.data[0].z, chance[order].T, rtol=1e-5)
    assert len(charts.query_figure(rooms).layout.xaxis.ticktext) == 10
