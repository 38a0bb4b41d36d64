"""The set loss against loops written from the formulas, and its gradient."""

import math

import pytest
import torch
from helpers import cheapest_pairs, loop_cost, loop_mask_terms, loop_probability, random_target

from mf3d_tutorial.model.maskformer import LayerOutputs
from mf3d_tutorial.training.losses import SetCriterion
from mf3d_tutorial.training.matching import Weights

CLASSES = 3
QUERIES = 5


def random_batch(*instances: int, seed: int = 0):
    """Outputs and targets of one scene a number of instances; scenes differ in size."""
    rng = torch.Generator().manual_seed(seed)
    targets = [random_target(15 + 4 * b, count, CLASSES, rng) for b, count in enumerate(instances)]
    logits = torch.randn(len(instances), QUERIES, CLASSES + 1, generator=rng) * 2
    masks = [torch.randn(QUERIES, len(target.instance), generator=rng) * 3 for target in targets]
    return (logits, masks), targets


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def loop_losses(outputs, targets, weights: Weights, no_object_weight: float) -> dict[str, float]:
    logits, masks = outputs
    cls, bce, dice = [], [], []
    for b, target in enumerate(targets):
        pairs = cheapest_pairs(loop_cost(logits[b], masks[b], target, weights))
        label = dict.fromkeys(range(QUERIES), CLASSES) | {
            q: target.labels[m].item() for q, m in pairs
        }
        weight = [no_object_weight if label[q] == CLASSES else 1.0 for q in range(QUERIES)]
        entropy = [
            -math.log(loop_probability(logits[b, q].tolist())[label[q]]) for q in range(QUERIES)
        ]
        cls.append(sum(w * e for w, e in zip(weight, entropy)) / sum(weight))
        terms = [
            loop_mask_terms(masks[b][q].tolist(), (target.instance == m).tolist()) for q, m in pairs
        ]
        if terms:
            bce.append(mean([term[0] for term in terms]))
            dice.append(mean([term[1] for term in terms]))
    values = {"cls": mean(cls), "bce": mean(bce), "dice": mean(dice)}
    return values | {"loss": sum(getattr(weights, name) * value for name, value in values.items())}


@pytest.mark.parametrize("instances", [(3,), (3, 1), (2, 0, 4), (7, 2)])
@pytest.mark.parametrize("options", [(1.0, 5.0, 5.0, 0.1), (0.5, 2.0, 3.0, 0.7)])
def test_the_losses_are_those_of_the_formulas(instances, options):
    outputs, targets = random_batch(*instances)
    losses = SetCriterion(*options)(outputs, targets)
    expected = loop_losses(outputs, targets, Weights(*options[:3]), options[3])
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value, rel=1e-5), name


def test_the_defaults_are_the_seeds():
    outputs, targets = random_batch(3, 1)
    expected = loop_losses(outputs, targets, Weights(1.0, 5.0, 5.0), 0.1)
    assert SetCriterion()(outputs, targets)["loss"].item() == pytest.approx(
        expected["loss"], rel=1e-5
    )


def test_the_gradient_is_finite_and_reaches_every_output():
    (logits, masks), targets = random_batch(3, 0)
    masks[0].data[:, 0] = 200.0  # far from the sigmoid's middle
    logits.requires_grad_()
    for mask in masks:
        mask.requires_grad_()
    SetCriterion()((logits, masks), targets)["loss"].backward()
    assert logits.grad.isfinite().all()
    assert (logits.grad.abs().sum(-1) > 0).all()
    assert masks[0].grad.isfinite().all()
    assert (masks[0].grad.abs().sum(1) > 0).sum() == 3  # the matched ones
    assert masks[1].grad is None or (masks[1].grad == 0).all()


def test_a_batch_without_instances_has_no_mask_loss_but_a_graph():
    (logits, masks), targets = random_batch(0, 0)
    logits.requires_grad_()
    for mask in masks:
        mask.requires_grad_()
    losses = SetCriterion()((logits, masks), targets)
    assert losses["bce"] == losses["dice"] == 0
    assert losses["loss"] == losses["cls"] > 0
    losses["loss"].backward()
    assert (logits.grad.abs().sum(-1) > 0).all()
    # not None: DDP waits for every parameter's gradient
    assert all((mask.grad == 0).all() for mask in masks)


def test_a_scene_without_instances_leaves_the_mask_losses_of_the_others_alone():
    (logits, masks), targets = random_batch(3, 0)
    both = SetCriterion()((logits, masks), targets)
    alone = SetCriterion()((logits[:1], masks[:1]), targets[:1])
    empty = SetCriterion()((logits[1:], masks[1:]), targets[1:])
    assert both["bce"] == alone["bce"]
    assert both["dice"] == alone["dice"]
    assert both["cls"].item() == pytest.approx((alone["cls"] + empty["cls"]).item() / 2)


def test_earlier_layers_are_matched_anew_and_added_with_their_weight():
    last, targets = random_batch(3, 2)
    first, second = random_batch(3, 2, seed=1)[0], random_batch(3, 2, seed=2)[0]
    total = SetCriterion(aux_weight=0.3)([first, second, last], targets)
    alone = [SetCriterion()(layer, targets) for layer in (first, second, last)]
    assert total["loss"].item() == pytest.approx(
        (alone[2]["loss"] + 0.3 * (alone[0]["loss"] + alone[1]["loss"])).item(), rel=1e-6
    )
    for name in ("cls", "bce", "dice"):
        assert total[name] == alone[2][name]


@pytest.mark.parametrize("points", [19, 1000])
def test_as_many_sampled_points_as_there_are_give_the_loss_of_all(points):
    layers, targets = [random_batch(3, 2, seed=seed)[0] for seed in (1, 0)], random_batch(3, 2)[1]
    want = SetCriterion(aux_weight=0.5)(layers, targets)
    got = SetCriterion(aux_weight=0.5, sample_points=points)(layers, targets)
    for name, value in want.items():
        torch.testing.assert_close(got[name], value)


def test_sampled_points_give_the_loss_of_all_on_average_and_none_are_sampled_without_gradients():
    rng = torch.Generator().manual_seed(0)
    target = random_target(400, 3, CLASSES, rng)
    masks = torch.randn(QUERIES, 400, generator=rng) - 4
    masks[:3] += 6.0 * target.masks  # good enough that the matching does not depend on the sample
    outputs, logits = [masks.requires_grad_()], torch.randn(1, QUERIES, CLASSES + 1, generator=rng)
    criterion = SetCriterion(sample_points=100)
    torch.manual_seed(0)
    draws = [criterion((logits, outputs), [target]) for _ in range(200)]
    want = SetCriterion()((logits, outputs), [target])
    assert all(draw["cls"] == want["cls"] for draw in draws)
    for name in ("bce", "dice"):
        values = torch.stack([draw[name] for draw in draws]).detach()
        assert values.std() > 0
        assert values.mean().item() == pytest.approx(want[name].item(), rel=0.03)
    (gradient,) = torch.autograd.grad(draws[0]["loss"], masks)
    assert (gradient.abs().sum(0) > 0).sum() == 100
    with torch.no_grad():
        assert criterion((logits, outputs), [target])["loss"] == want["loss"]


def test_the_loss_is_the_same_in_half_precision_and_under_autocast():
    (logits, masks), targets = random_batch(3, 2)
    half = logits.half(), [mask.half() for mask in masks]
    with torch.autocast("cpu", torch.bfloat16):
        got = SetCriterion()(half, targets)
    want = SetCriterion()((half[0].float(), [mask.float() for mask in half[1]]), targets)
    for name, value in want.items():
        assert got[name].dtype == torch.float32
        assert got[name] == value


@pytest.mark.cuda
def test_the_loss_of_a_200000_point_mask_is_finite_under_cuda_autocast():
    from mf3d_tutorial.data.targets import Target

    features = torch.full((200_000, 8), 0.5, device="cuda", requires_grad=True)
    target = Target(torch.tensor([1]), torch.zeros(200_000, dtype=torch.long)).map(
        torch.Tensor.cuda
    )
    with torch.autocast("cuda", torch.float16):
        mask = torch.ones(QUERIES, 8, device="cuda") @ features.T
        assert mask.dtype == torch.float16
        losses = SetCriterion()(
            (torch.zeros(1, QUERIES, CLASSES + 1, device="cuda"), [mask]), [target]
        )
    losses["loss"].backward()
    probability = 1 / (1 + math.exp(-4))
    assert losses["bce"].item() == pytest.approx(-math.log(probability), rel=1e-3)
    dice = (2 * probability * 200_000 + 1) / ((probability + 1) * 200_000 + 1)
    assert losses["dice"].item() == pytest.approx(1 - dice, rel=1e-3)
    assert features.grad.isfinite().all()


@pytest.mark.cuda
@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
@pytest.mark.parametrize("instances", [(30, 41, 12), (3, 0, 130), (0, 0, 0)])
def test_the_loss_without_masks_on_cuda_is_that_of_the_masks_in_float64(instances, half):
    """As the model gives its outputs, the kernels take sums; as a list, plain PyTorch writes every
    mask."""
    rng = torch.Generator().manual_seed(0)
    sizes, targets = (3001, 20_000, 777), []
    for count, size in zip(instances, sizes):
        targets.append(random_target(size, count, CLASSES, rng).map(torch.Tensor.cuda))
    queries, features = (
        torch.randn(*shape, 48, generator=rng) for shape in ((3, 3, 100), (sum(sizes),))
    )
    inputs = [torch.randn(3, 3, 100, CLASSES + 1, generator=rng), queries, features / 4]
    inputs = [x.cuda().half() if half else x.cuda() for x in inputs]
    exact = [x.double().requires_grad_() for x in inputs]
    inputs = [x.requires_grad_() for x in inputs]
    criterion = SetCriterion(aux_weight=0.5)
    with torch.autocast("cuda", torch.float16, enabled=half):
        ours = criterion(LayerOutputs(*inputs, sizes), targets)
    theirs = criterion(list(LayerOutputs(*exact, sizes)), targets)
    for name, value in theirs.items():
        assert ours[name].item() == pytest.approx(value.item(), rel=1e-3 if half else 1e-5), name
    gradients = (
        torch.autograd.grad(1024 * one["loss"], x) for one, x in ((ours, inputs), (theirs, exact))
    )
    for our, their in zip(*gradients):
        assert (our - their).norm() <= (5e-3 if half else 1e-4) * their.norm()


@pytest.mark.cuda
def test_as_many_sampled_points_as_there_are_give_the_loss_of_all_on_cuda():
    rng = torch.Generator().manual_seed(0)
    targets = [random_target(size, 5, CLASSES, rng).map(torch.Tensor.cuda) for size in (70, 40)]
    inputs = [
        torch.randn(*shape, generator=rng).cuda()
        for shape in ((2, 2, 9, CLASSES + 1), (2, 2, 9, 16), (110, 16))
    ]
    outputs = LayerOutputs(*(x.requires_grad_() for x in inputs), (70, 40))
    want, got = (
        SetCriterion(aux_weight=0.5, sample_points=points)(outputs, targets)
        for points in (None, 100)
    )
    for name, value in want.items():
        torch.testing.assert_close(got[name], value)
    few = SetCriterion(sample_points=10)(outputs, targets)["loss"]
    (gradient,) = torch.autograd.grad(few, outputs.mask_features)
    assert (gradient.abs().sum(1) > 0).sum() == 20
