"""From logits and masks to scored instances, against a straightforward loop."""

import numpy as np
import pytest
import torch
from helpers import NUM_CLASSES, UNET, loop_probability, random_points, small_model

from mf3d_tutorial.data.labels import label_set
from mf3d_tutorial.data.scannet import Original
from mf3d_tutorial.evaluation import inference
from mf3d_tutorial.evaluation.inference import (
    Instances,
    keep_largest_component,
    point_masks,
    predict_instances,
)
from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP
from mf3d_tutorial.evaluation.threaded_ap import ThreadedAP


def random_outputs(queries: int = 6, classes: int = 4, points: int = 40, seed: int = 0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(queries, classes + 1, generator=rng) * 2, torch.randn(
        queries, points, generator=rng
    ) * 2 - 1


def loop_instances(
    logits, masks, top_k=100, mask_threshold=0.0, min_points=1
) -> list[tuple[float, int, list[int]]]:
    """(score, label, points of the mask), best first."""
    candidates = []
    for q, row in enumerate(logits.tolist()):
        for label, probability in enumerate(loop_probability(row)[:-1]):
            candidates.append((probability, label, q))
    found = []
    for probability, label, q in sorted(candidates, reverse=True)[:top_k]:
        inside = [n for n, value in enumerate(masks[q].tolist()) if value > mask_threshold]
        if len(inside) >= min_points:
            quality = masks[q, inside].double().sigmoid().mean().item() if inside else 0.0
            found.append((probability * quality, label, inside))
    return sorted(found, key=lambda instance: -instance[0])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": 5},
        {"top_k": 1},
        {"mask_threshold": 1.5},
        {"mask_threshold": -1.0},
        {"min_points": 14},
    ],
    ids=str,
)
def test_instances_are_those_of_a_loop(options):
    logits, masks = random_outputs()
    found = predict_instances(logits, masks, **options)
    expected = loop_instances(logits, masks, **options)
    assert 0 < len(found) == len(expected)
    torch.testing.assert_close(found.scores, torch.tensor([score for score, _, _ in expected]))
    assert found.labels.tolist() == [label for _, label, _ in expected]
    assert [mask.nonzero().squeeze(1).tolist() for mask in found.masks] == [
        points for _, _, points in expected
    ]
    assert found.masks.dtype == torch.bool
    torch.testing.assert_close(
        found.masks, masks[found.queries] > options.get("mask_threshold", 0.0)
    )


def loop_matrix_nms(instances, counts) -> list[tuple[float, int, list[int]]]:
    """The instances, best first, with their scores after SOLOv2's linear decay."""

    def iou(j: int, k: int) -> float:
        one, two = set(instances[j][2]), set(instances[k][2])
        if instances[j][1] != instances[k][1]:
            return 0.0
        return sum(counts[n] for n in one & two) / sum(counts[n] for n in one | two)

    found = []
    for k, (score, label, points) in enumerate(instances):
        decay = 1.0
        for j in range(k):
            harm = max((iou(i, j) for i in range(j)), default=0.0)
            if harm < 1:  # j itself counts
                decay = min(decay, (1 - iou(j, k)) / (1 - harm))
        found.append((score * decay, label, points))
    return sorted(found, key=lambda instance: -instance[0])


@pytest.mark.parametrize("counted", [False, True])
def test_matrix_nms_is_that_of_a_loop(counted):
    logits, masks = random_outputs(queries=12, classes=2)
    masks[1], masks[5, :30] = masks[0] + 0.1, masks[4, :30]  # nearly or partly the same
    counts = torch.arange(1, 41) if counted else torch.ones(40, dtype=torch.long)
    options = {"top_k": 20, "counts": counts}
    plain = predict_instances(logits, masks, **options)
    expected = loop_matrix_nms(
        [
            (float(score), int(label), mask.nonzero()[:, 0].tolist())
            for score, label, mask in zip(plain.scores, plain.labels, plain.masks)
        ],
        counts.tolist(),
    )
    found = predict_instances(logits, masks, matrix_nms=True, **options)
    torch.testing.assert_close(found.scores, torch.tensor([score for score, _, _ in expected]))
    assert found.labels.tolist() == [label for _, label, _ in expected]
    assert [mask.nonzero()[:, 0].tolist() for mask in found.masks] == [e[2] for e in expected]
    assert (found.scores < plain.scores).any()


def test_a_mask_that_repeats_a_better_one_of_its_class_scores_nothing():
    logits = torch.tensor([[9.0, 0.0, 0.0], [8.0, 0.0, 0.0], [0.0, 7.0, 0.0], [6.0, 0.0, 0.0]])
    masks = torch.tensor([[5.0, 5.0, -5.0, -5.0]] * 3 + [[-5.0, -5.0, 5.0, 5.0]])
    plain, found = (predict_instances(logits, masks, 4, matrix_nms=nms) for nms in (False, True))
    assert plain.queries.tolist() == [0, 1, 2, 3]
    assert found.queries.tolist() == [0, 2, 3, 1]
    assert found.scores[-1] == 0
    assert torch.equal(found.scores[:-1], plain.scores[[0, 2, 3]])
    nothing = predict_instances(logits, masks - 9, matrix_nms=True)
    assert len(nothing) == 0


def test_the_best_score_comes_first_even_if_its_class_is_less_probable():
    logits = torch.tensor([[2.0, -9.0, 0.0], [1.5, -9.0, 0.0]])
    # the second query is sure of its points
    masks = torch.tensor([[0.1, 0.1, -5.0], [8.0, 8.0, -5.0]])
    found = predict_instances(logits, masks, top_k=2)
    assert found.masks.shape == (2, 3)
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    assert found.scores[0] > 0.8 * torch.tensor([1.5, -9.0, 0.0]).softmax(0)[0]


def test_no_object_is_never_predicted():
    logits = torch.full((3, 5), -5.0)
    logits[:, -1] = 5.0
    found = predict_instances(logits, torch.ones(3, 4))
    assert len(found) == 12
    assert found.labels.max() <= 3
    assert found.scores.max() < 1e-3


def test_empty_masks_are_dropped():
    logits, masks = random_outputs()
    found = predict_instances(logits, masks.clamp(max=-1))
    assert len(found) == 0
    assert found.masks.shape == (0, 40)


def test_exactly_min_points_are_enough():
    logits, masks = random_outputs(queries=1)
    size = int((masks > 0).sum())
    assert len(predict_instances(logits, masks, min_points=size)) == 4
    assert len(predict_instances(logits, masks, min_points=size + 1)) == 0


def test_half_precision_masks_of_200000_points_score_like_single_ones():
    logits, masks = torch.zeros(1, 3), torch.full((1, 200_000), 4.0)
    assert predict_instances(logits.half(), masks.half()).scores.isfinite().all()
    torch.testing.assert_close(
        predict_instances(logits.half(), masks.half()).scores,
        predict_instances(logits, masks).scores,
    )


def test_the_largest_component_is_that_of_a_flood_fill():
    rng = np.random.default_rng(0)
    coord = rng.uniform(0, 1.5, (400, 3)).astype(np.float32)
    masks = rng.random((5, 400)) < 0.3
    masks[4] = False
    kept = masks.copy()
    keep_largest_component(kept, coord, voxel_size=0.02)
    cells = np.floor(coord / 0.1).astype(int)
    for mask, left in zip(masks[:4], kept):
        todo, sizes = set(np.flatnonzero(mask).tolist()), []
        while todo:
            part = [todo.pop()]
            for point in part:  # grows while it is walked over
                near = [other for other in todo if abs(cells[other] - cells[point]).max() <= 1]
                part += near
                todo -= set(near)
            sizes.append(len(part))
        assert left.sum() == max(sizes) < mask.sum()
        assert not (left & ~mask).any()
    assert not kept[4].any()


def test_point_masks_are_those_of_the_largest_component_of_all_points():
    """The short way, by voxels that count for their points, against all points one by one."""
    rng = np.random.default_rng(1)
    coord = rng.uniform(0, 1.5, (300, 3)).astype(np.float32)
    original = Original(np.zeros(2000, int), np.zeros(2000, int), rng.integers(-1, 300, 2000))
    masks = rng.random((6, 300)) < 0.35
    full = masks[:, original.stand_in] & (original.stand_in >= 0)
    whole = point_masks(masks.copy(), coord, original)
    assert np.array_equal(whole, full)
    keep_largest_component(full, coord[original.stand_in], voxel_size=0.02)
    assert np.array_equal(point_masks(masks, coord, original, largest=0.02), full)
    assert full.sum() < whole.sum()


def test_a_scenes_masks_are_computed_in_the_precision_of_its_model(monkeypatch):
    """In mixed precision queries leave the decoder in float32, and a point's mask features in half
    of it."""
    monkeypatch.setattr(inference, "autocast", lambda *_: torch.autocast("cpu", torch.bfloat16))
    model, points = small_model(*UNET, "model.num_decoders=3"), random_points(60)
    layers = inference.forward_scene(model, points, "16-mixed")
    ((logits, masks),) = inference.forward_scene(model, points, "16-mixed", last_only=True)
    assert len(layers) == 3
    assert (logits.shape, masks.shape) == ((12, NUM_CLASSES + 1), (12, 60))
    assert masks.dtype is torch.bfloat16
    assert torch.equal(masks, layers[-1][1])


def test_ap_in_threads_is_that_of_one_scene_after_the_other():
    rng = np.random.default_rng(2)
    labels = label_set("scannet20")
    one, threaded = ScanNetInstanceAP(labels), ScanNetInstanceAP(labels)
    with ThreadedAP(threaded, None) as ap:
        for _ in range(30):
            instance = rng.integers(0, 4, 900)
            original = Original(instance + 3, instance, rng.permutation(900))
            masks = (instance[np.argsort(original.stand_in)] == np.arange(4)[:, None]) ^ (
                rng.random((4, 900)) < rng.uniform(0, 0.1)
            )
            found = Instances(
                torch.from_numpy(masks), torch.rand(4), torch.arange(3, 7), torch.arange(4)
            )
            ap.add(found, torch.zeros(900, 3), original)
            one.update(
                masks[:, original.stand_in], found.scores, found.labels, original.segment, instance
            )
    np.testing.assert_equal(threaded.compute(), one.compute())
    assert 0.3 < one.compute()["ap"] < 1


def test_an_error_in_a_thread_reaches_the_caller():
    original = Original(np.zeros(9, int), np.zeros(9, int), np.full(9, 99))  # no such point
    masks, index = torch.ones(1, 5, dtype=torch.bool), torch.zeros(1, dtype=torch.long)
    found = Instances(masks, torch.ones(1), index, index)
    metric = ScanNetInstanceAP(label_set("scannet20"))
    with pytest.raises(IndexError), ThreadedAP(metric, None) as ap:
        ap.add(found, torch.zeros(5, 3), original)
