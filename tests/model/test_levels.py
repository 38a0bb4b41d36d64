"""Attention to the backbone's levels, masked attention, and queries that are sampled: against loops
and formulas."""

import copy

import pytest
import torch
from helpers import SMALL, UNET, assert_near, random_points, random_target, room, small_model

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.config import load_config
from mf3d_tutorial.model import build_model, decoder
from mf3d_tutorial.model.attention import AttentionMask, attend, attention_mask
from mf3d_tutorial.model.decoder import JointProjection, Level
from mf3d_tutorial.training.losses import SetCriterion
from mf3d_tutorial.warp import Points

LEVELS = [*UNET, "model.feature_levels=4", "model.num_decoders=6", "model.mask_position=true"]
VOXEL = 0.1  # metres, as in UNET


def shifted_points(*sizes: int) -> Points:
    """Scenes with coordinates on both sides of zero."""
    points, scenes = random_points(*sizes), range(len(sizes))
    return Points(
        [points.batched_coordinates[b] - 1.3 for b in scenes],
        [points.batched_features[b] for b in scenes],
    )


def scene_of(points: Points) -> torch.Tensor:
    sizes = points.offsets.diff()
    return torch.arange(len(sizes)).repeat_interleave(sizes)


def test_each_point_lies_in_its_voxel_and_no_voxel_is_empty():
    model, points = small_model(*LEVELS), shifted_points(130, 50)
    scene, levels = model.backbone.with_levels(points)
    assert torch.equal(scene.feature_tensor, model.backbone(points).feature_tensor)
    assert len(levels) == 3
    for stride, level in zip((8, 4, 2), levels):
        edge = VOXEL * stride
        cells = (points.coordinate_tensor / VOXEL).floor().div(stride, rounding_mode="floor")
        keys = [(b, *cell) for b, cell in zip(scene_of(points).tolist(), cells.tolist())]
        assert len(level.coord) == len(level.features) == len(set(keys)) == sum(level.sizes)
        assert level.sizes == tuple(len({key for key in keys if key[0] == b}) for b in range(2))
        torch.testing.assert_close(level.coord[level.voxel], (cells + 0.5) * edge)
        assert (
            (points.coordinate_tensor - level.coord[level.voxel]).abs() <= edge / 2 + 1e-5
        ).all()
        assert (level.voxel >= level.sizes[0]).tolist() == [b == 1 for b, *_ in keys]


def test_a_levels_features_are_those_of_its_stage():
    model, points = small_model(*LEVELS), shifted_points(90)
    seen = {}
    for name in ("block5", "block6", "block7"):
        stage = model.backbone.inner_module.get_submodule(name)
        stage.register_forward_hook(
            lambda _module, _inputs, out, name=name: seen.update({name: out.feature_tensor})
        )
    _, levels = model.backbone.with_levels(points)
    for features, level, project in zip(seen.values(), levels, model.backbone.project):
        torch.testing.assert_close(level.features, project(features))


def test_a_copy_of_the_model_keeps_levels_of_its_own():
    model, points = small_model(*LEVELS), shifted_points(60)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.backbone.project[0].weight.zero_()
        assert not torch.equal(twin(points)[0], model(points)[0])


def test_a_model_whose_backbone_was_called_alone_can_be_copied():
    model, points = small_model(*LEVELS), shifted_points(60)
    features = model.backbone(points).feature_tensor
    assert torch.equal(copy.deepcopy(model).backbone(points).feature_tensor, features)


def test_masks_on_a_level_are_the_mean_mask_logits_of_its_voxels(monkeypatch):
    model, points = small_model(*LEVELS, "model.masked_attention=true"), shifted_points(130, 50)
    given, attend = [], decoder.attend
    monkeypatch.setattr(decoder, "attend", lambda *step: given.append(step[3]) or attend(*step))
    with torch.no_grad():
        outputs = model.forward_layers(points)
        levels = model.backbone.with_levels(points)[1]
    assert given[0] is None
    for index in range(1, 6):
        logits = outputs[index - 1][1]
        for b in range(2):
            means = logits[b]
            if index % 4 < 3:
                level = levels[index % 4]
                voxel = level.voxel[scene_of(points) == b] - sum(level.sizes[:b])
                means = torch.stack(
                    [logits[b][:, voxel == k].mean(1) for k in range(level.sizes[b])], 1
                )
            clear = means.abs() > 1e-5
            sizes = [len(mask[0]) for mask in logits] if index % 4 == 3 else levels[index % 4].sizes
            inside = given[index].inside.split(list(sizes), dim=1)[b]
            assert torch.equal(inside[clear], (means > 0)[clear])
            assert torch.equal(given[index].found[b], inside.any(1))


def test_gradients_reach_every_level():
    model = small_model(*LEVELS, "model.masked_attention=true").train()
    logits, masks = model(shifted_points(130, 50))
    (logits.square().mean() + sum(mask.square().mean() for mask in masks)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
    for project in model.backbone.project:
        assert project.weight.grad.abs().max() > 0


@pytest.mark.parametrize("levels", [2, 3, 4, 5])
@pytest.mark.parametrize("masked", ["false", "true"])
def test_a_batch_with_levels_gives_what_its_scenes_give(levels, masked):
    model = small_model(
        *LEVELS, f"model.feature_levels={levels}", f"model.masked_attention={masked}"
    )
    both = shifted_points(90, 5)
    with torch.no_grad():
        logits, masks = model(both)
        for b in range(2):
            alone_logits, alone_masks = model(
                Points([both.batched_coordinates[b]], [both.batched_features[b]])
            )
            assert_near(logits[b : b + 1], alone_logits)
            assert_near(masks[b], alone_masks[0])


@pytest.mark.parametrize(
    ("overrides", "offered"),
    [
        ([*UNET, "model.feature_levels=6"], 5),
        (["model.backbone._target_=helpers.PointLinear", "model.feature_levels=2"], 1),
        (["backbone=pointmlp", "model.feature_levels=2"], 1),
    ],
)
def test_more_levels_than_the_backbone_has_are_refused(overrides, offered):
    config = load_config([*SMALL, *overrides]).model
    with pytest.raises(
        ConfigError,
        match=rf"model\.feature_levels=\d must be at most {offered} with \S+: a MinkUNet",
    ):
        build_model(config, 5)


# --- masked attention ------------------------------------------------------------------------

SIZES = [50, 1, 24]


def test_a_mask_is_where_the_products_are_positive():
    rng = torch.Generator().manual_seed(0)
    queries = torch.randn(3, 12, 16, generator=rng)
    points = torch.randn(sum(SIZES), 16, generator=rng)
    queries[0, 4] = -5 * points[: SIZES[0]].mean(0)
    inside, found = attention_mask(queries, points, SIZES)
    assert inside.shape == (12, sum(SIZES))
    assert not found.all()
    for b, (scene, columns) in enumerate(zip(points.split(SIZES), inside.split(SIZES, dim=1))):
        for query, row, any_found in zip(queries[b], columns, found[b]):
            expected = [float(query @ point) > 0 for point in scene]
            assert row.tolist() == expected
            assert any_found == any(expected)


def attention_with_masks(dtype: torch.dtype, sizes: list[int], queries: int, width: int) -> tuple:
    """Random queries, keys and values, and masks from empty to whole scenes."""
    rng = torch.Generator().manual_seed(0)
    q = torch.randn(len(sizes), queries, 4, width, generator=rng).to(dtype)
    both = torch.randn(sum(sizes), 2, 4, width, generator=rng).to(dtype)
    inside = torch.rand(queries, sum(sizes), generator=rng) < torch.linspace(0, 1, queries)[:, None]
    found = torch.stack([scene.any(1) for scene in inside.split(sizes, dim=1)])
    return q, both, AttentionMask(inside, found)


def softmax_over_the_mask(
    q: torch.Tensor, both: torch.Tensor, sizes: list[int], mask: AttentionMask | None
):
    """The definition, scene by scene; a query without points in its mask attends to all."""
    outputs, first = [], 0
    for b, size in enumerate(sizes):
        k, v = both[first : first + size].permute(1, 2, 0, 3)
        scores = q[b].transpose(0, 1) @ k.mT * q.shape[-1] ** -0.5
        if mask:
            allowed = mask.inside[:, first : first + size].bool()
            allowed = torch.where(allowed.any(1, keepdim=True), allowed, True)
            scores = scores.masked_fill(~allowed, -torch.inf)
        outputs.append((scores.softmax(-1) @ v).transpose(0, 1))
        first += size
    return torch.stack(outputs)


@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_a_softmax_over_the_mask(masked):
    q, both, mask = attention_with_masks(torch.float64, SIZES, 9, 4)
    mask = mask if masked else None
    assert not mask or not mask.found[:, 0].any()
    assert_near(attend(q, both, SIZES, mask), softmax_over_the_mask(q, both, SIZES, mask), 1e-9)


def test_one_product_gives_the_keys_and_values_of_three():
    """The way of CUDA, `JointProjection`, and that of the CPU."""
    layers = small_model("model.num_decoders=3").decoder.layers
    channels = layers[0].cross_attention.position.in_features
    levels = [
        Level(torch.randn(n, 16), torch.randn(n, channels), torch.empty(0), (n,)) for n in (70, 20)
    ]
    joint = JointProjection(layers, levels)
    assert all(table.shape[1] % 8 == 0 for table in joint.tables)
    for index, layer in enumerate(layers):
        for place, level in enumerate(levels):
            separate = layer.cross_attention.keys_and_values(level.features, level.position)
            assert separate.shape == (len(level.features), 2, 4, 4)
            assert_near(joint.keys_and_values(index, place), separate, 1e-5)


def packed(inside: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    """A mask as the kernels have it: int64 words, one bit for each of 64 points of a scene."""
    words = torch.zeros(
        len(sizes), -(-max(sizes) // 64), len(inside), dtype=torch.long, device=inside.device
    )
    for scene, columns in zip(words, inside.split(sizes, dim=1)):
        columns = torch.nn.functional.pad(columns, (0, 64 * len(scene) - columns.shape[1]))
        bits = 1 << torch.arange(64, device=inside.device)
        scene.copy_((columns.unflatten(1, (-1, 64)) * bits).sum(2).T)
    return words


def unpacked(words: torch.Tensor, size: int) -> torch.Tensor:
    """(Q, size) of the (tiles, Q) words of one scene."""
    return (words.T[..., None] >> torch.arange(64) & 1).bool().flatten(1)[:, :size]


@pytest.mark.cuda
@pytest.mark.parametrize("queries", [100, 150])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_attention_on_cuda_is_that_of_float64_and_so_are_its_gradients(dtype, masked, queries):
    """With as many points as a scene has: a softmax over 30,000 of them has weights near float16's
    smallest numbers."""
    sizes = [30_001, 20_000, 5]
    q, both, mask = attention_with_masks(dtype, sizes, queries, 12)
    q = q.cuda().requires_grad_()
    both = both.cuda().requires_grad_()
    mask = AttentionMask(*(x.cuda() for x in mask))
    mask = mask if masked else None
    on_cuda = mask and AttentionMask(packed(mask.inside, sizes), mask.found.int())
    ours = attend(q, both, sizes, on_cuda)
    assert ours.dtype == dtype
    exact = [x.detach().double().requires_grad_() for x in (q, both)]
    theirs = softmax_over_the_mask(*exact, sizes, mask)
    weight = (
        torch.randn(ours.shape, generator=torch.Generator().manual_seed(1)).to(dtype).cuda() * 64
    )
    for our, their in zip(
        [ours, *torch.autograd.grad((ours * weight).sum(), (q, both))],
        [theirs, *torch.autograd.grad((theirs * weight.double()).sum(), exact)],
    ):
        assert (our - their).norm() / their.norm() < (3e-3 if dtype == torch.float16 else 1e-5)


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_masks_on_cuda_are_those_of_the_cpu(dtype):
    sizes, rng = [3001, 1, 700], torch.Generator().manual_seed(0)
    queries = torch.randn(3, 150, 48, generator=rng)
    points = torch.randn(sum(sizes), 48, generator=rng).to(dtype)
    queries[0, 4], queries[1, 149] = 0, 0
    want = attention_mask(queries.to(dtype).double(), points.double(), sizes)
    got = attention_mask(queries.cuda(), points.cuda(), sizes)
    logits = torch.cat(
        [q @ p.T for q, p in zip(queries.to(dtype).double(), points.double().split(sizes))], dim=1
    )
    clear = logits.abs() > 1e-4
    inside = torch.cat(
        [unpacked(words, size) for words, size in zip(got.inside.cpu(), sizes)], dim=1
    )
    assert torch.equal(inside[clear], want.inside[clear])
    assert torch.equal(
        got.found.cpu().bool(), torch.stack([scene.any(1) for scene in inside.split(sizes, dim=1)])
    )
    assert not got.found[0, 4]


# --- queries ---------------------------------------------------------------------------------


def starts(model, points: Points) -> torch.Tensor:
    """The queries before the first layer."""
    coord, sizes = points.coordinate_tensor, points.offsets.diff().tolist()
    features = model.backbone(points).feature_tensor
    with torch.no_grad():
        return model.decoder.queries(features, model.decoder.position(coord), coord, sizes)


def test_mixed_queries_are_learned_ones_and_sampled_ones():
    model = small_model(*UNET, "model.query_init=mixed", "model.num_queries=11")
    points = random_points(60, 40)
    queries, start = model.decoder.queries, starts(model, points)
    assert start.shape == (2, 11, 16)
    assert torch.equal(start[:, :5], queries.learned.embedding.weight.expand(2, -1, -1))
    model.decoder.queries = queries.sampled
    assert torch.equal(start[:, 5:], starts(model, points))
    assert (torch.pdist(start[0]) > 1e-3).all()


@pytest.mark.parametrize("init", ["fps", "mixed"])
def test_the_number_of_queries_can_change_after_training(init):
    model = small_model(*UNET, f"model.query_init={init}", "model.masked_attention=true")
    points = random_points(60, 40)
    few = starts(model, points)
    model.decoder.queries.resize(30)
    many = starts(model, points)
    # farthest points come in an order; more of them only follow
    assert torch.equal(many[:, :12], few)
    with torch.no_grad():
        logits, masks = model(points)
    assert logits.shape[:2] == (2, 30)
    assert [mask.shape for mask in masks] == [(30, 60), (30, 40)]


@pytest.mark.parametrize(
    ("init", "reason"), [("learned", "it has its 12 and no others"), ("mixed", "more than 6, the")]
)
def test_a_number_of_queries_that_the_model_cannot_have_is_refused(init, reason):
    queries = small_model(*UNET, f"model.query_init={init}").decoder.queries
    queries.resize(12)
    with pytest.raises(ConfigError, match=rf"^num_queries=6 .*{reason}"):
        queries.resize(6)


# --- CUDA ------------------------------------------------------------------------------------


@pytest.mark.cuda
def test_levels_are_those_of_the_cpu_on_cuda_and_train_in_half_precision():
    torch.manual_seed(0)
    options = [
        "model.feature_levels=4",
        "model.num_decoders=4",
        "model.query_init=mixed",
        "model.masked_attention=true",
    ]
    model, points = build_model(load_config(["paths.data_dir=unused", *options]).model, 20), room()
    on_cpu = model.eval().backbone.with_levels(points)[1]
    points = points.to("cuda")
    for ours, theirs in zip(model.cuda().backbone.with_levels(points)[1], on_cpu):
        assert ours.sizes == theirs.sizes
        torch.testing.assert_close(ours.coord[ours.voxel].cpu(), theirs.coord[theirs.voxel])
    target = random_target(
        len(points.coordinate_tensor), 8, 20, torch.Generator().manual_seed(0)
    ).map(torch.Tensor.cuda)
    with torch.autocast("cuda", torch.float16):
        loss = SetCriterion(aux_weight=1.0, sample_points=5000)(
            model.train().forward_layers(points), [target]
        )["loss"]
    loss.backward()
    assert loss.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
