"""The assignment against brute force, the cost against a loop written from the formulas."""

import numpy as np
import pytest
import torch
from helpers import assert_near, cheapest_pairs, loop_cost, random_target

from mf3d_tutorial.common.errors import UserError
from mf3d_tutorial.data.targets import Target
from mf3d_tutorial.training.matching import Weights, cost_matrix, match

WEIGHTS = Weights(1.0, 5.0, 5.0)
CLASSES = 4


def random_scene(queries: int, points: int, instances: int, seed: int):
    rng = torch.Generator().manual_seed(seed)
    target = random_target(points, instances, CLASSES, rng)
    logits = torch.randn(queries, CLASSES + 1, generator=rng)
    return logits, torch.randn(queries, points, generator=rng) * 3, target


def pairs_of(assignment) -> list[tuple[int, int]]:
    return list(zip(assignment.q_idx.tolist(), assignment.t_idx.tolist()))


@pytest.mark.parametrize(
    "weights", [WEIGHTS, Weights(2.0, 0.0, 0.0), Weights(0.0, 1.0, 0.0), Weights(0.0, 0.0, 3.0)]
)
@pytest.mark.parametrize(("queries", "points", "instances"), [(4, 30, 3), (2, 7, 5), (3, 1, 1)])
def test_the_cost_is_that_of_the_formulas(weights, queries, points, instances):
    logits, mask, target = random_scene(queries, points, instances, seed=queries)
    cost = cost_matrix(logits, mask, target, weights)
    assert cost.dtype == torch.float32
    np.testing.assert_allclose(cost, loop_cost(logits, mask, target, weights), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("queries", "instances"), [(5, 3), (6, 6), (4, 1), (3, 5), (1, 4)])
@pytest.mark.parametrize("seed", range(4))
def test_the_assignment_is_the_cheapest_of_all_permutations(queries, instances, seed):
    scenes = [random_scene(queries, 20 + b, instances, seed=10 * seed + b) for b in range(2)]
    logits, masks, targets = zip(*scenes)
    found = match(torch.stack(logits), list(masks), list(targets), WEIGHTS)
    for scene, assignment in zip(scenes, found):
        assert pairs_of(assignment) == cheapest_pairs(loop_cost(*scene, WEIGHTS))
        assert len(assignment.q_idx) == min(queries, instances)


def test_permuting_queries_permutes_the_assignment():
    logits, mask, target = random_scene(8, 50, 5, seed=0)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    before = match(logits[None], [mask], [target], WEIGHTS)[0]
    after = match(logits[order][None], [mask[order]], [target], WEIGHTS)[0]
    assert sorted((order[q].item(), t) for q, t in pairs_of(after)) == pairs_of(before)


def test_a_perfect_query_gets_its_instance():
    target = Target(torch.tensor([2, 1]), torch.tensor([0, 0, 1, 1, -1]))
    mask = torch.full((3, 5), -9.0)
    mask[2, :2] = mask[0, 2:4] = 9.0
    logits = torch.zeros(3, CLASSES + 1)
    assert pairs_of(match(logits[None], [mask], [target], WEIGHTS)[0]) == [(0, 1), (2, 0)]


@pytest.mark.parametrize("sizes", [(0,), (0, 3), (3, 0, 0), (0, 0)])
def test_scenes_without_instances_have_no_pairs(sizes):
    logits, masks, targets = zip(
        *[random_scene(4, 10 + b, size, seed=b) for b, size in enumerate(sizes)]
    )
    found = match(torch.stack(logits), list(masks), list(targets), WEIGHTS)
    assert [len(assignment.q_idx) for assignment in found] == list(sizes)
    assert [len(assignment.t_idx) for assignment in found] == list(sizes)


def test_the_pairs_can_index_tensors_and_carry_no_gradient():
    logits, mask, target = random_scene(4, 10, 2, seed=0)
    q_idx, t_idx = match(logits[None].requires_grad_(), [mask.requires_grad_()], [target], WEIGHTS)[
        0
    ]
    assert q_idx.dtype == t_idx.dtype == torch.int64
    assert mask[q_idx].shape == target.masks[t_idx].shape == (2, 10)


def big_scene(points: int = 200_000):
    """Query 0 covers all of an instance that fills the scene: sums of 200,000 overflow float16 at
    65,504."""
    mask = torch.stack(
        [torch.full((points,), 4.0), torch.full((points,), -4.0), torch.zeros(points)]
    )
    instance = torch.zeros(points, dtype=torch.long)
    instance[:10] = 1
    return torch.zeros(3, CLASSES + 1), mask, Target(torch.tensor([0, 1]), instance)


def test_the_cost_of_a_200000_point_mask_in_half_precision_is_right():
    logits, mask, target = big_scene()
    cost = cost_matrix(logits.half(), mask.half(), target, WEIGHTS)
    # atol: BCE is the difference of two sums of 800,000, in float32.
    np.testing.assert_allclose(cost, loop_cost(logits, mask, target, WEIGHTS), rtol=1e-3, atol=5e-3)
    assert pairs_of(match(logits.half()[None], [mask.half()], [target], WEIGHTS)[0])[0] == (0, 0)


def test_autocast_does_not_change_the_cost():
    scene = random_scene(6, 3000, 4, seed=0)
    with torch.autocast("cpu", torch.bfloat16):
        under_autocast = cost_matrix(*scene, WEIGHTS)
    assert torch.equal(under_autocast, cost_matrix(*scene, WEIGHTS))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["logits", "mask"])
def test_outputs_that_are_not_finite_are_a_user_error(value, where):
    logits, mask, target = random_scene(4, 10, 2, seed=0)
    (logits if where == "logits" else mask)[1, 1] = value
    with pytest.raises(UserError, match="NaN or infinite"):
        match(logits[None], [mask], [target], WEIGHTS)


@pytest.mark.cuda
def test_cuda_autocast_does_not_change_the_cost_of_a_200000_point_mask():
    logits, mask, target = big_scene()
    expected = cost_matrix(logits, mask, target, WEIGHTS)
    queries, features = torch.eye(3).cuda(), mask.T.contiguous().cuda()
    with torch.autocast("cuda", torch.float16):
        on_cuda = queries @ features.T
        assert on_cuda.dtype == torch.float16
        cost = cost_matrix(logits.cuda(), on_cuda, target.map(torch.Tensor.cuda), WEIGHTS)
        pairs = match(logits.cuda()[None], [on_cuda], [target.map(torch.Tensor.cuda)], WEIGHTS)[0]
    assert cost.isfinite().all()
    assert_near(cost, expected)
    assert pairs.q_idx.is_cuda
    assert pairs_of(pairs) == pairs_of(match(logits[None], [mask], [target], WEIGHTS)[0])
