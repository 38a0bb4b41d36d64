"""The model against WarpConvNet's MaskFormer with the same weights, and what must not change its
outputs."""

import copy

import numpy as np
import pytest
import torch
from helpers import (
    NUM_CLASSES,
    UNET,
    PointLinear,
    assert_near,
    random_points,
    random_target,
    room,
    small_model,
)
from seed_side import seed_model

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.config import load_config
from mf3d_tutorial.model import MaskFormer3D, build_model
from mf3d_tutorial.model.backbone import build_backbone
from mf3d_tutorial.model.decoder import PositionEncoding
from mf3d_tutorial.model.queries import farthest_points
from mf3d_tutorial.training.losses import SetCriterion
from mf3d_tutorial.warp import Points, SparseConv3d

POINTWISE = ["model.backbone._target_=helpers.PointLinear", "model.backbone_voxel_size=null"]


@pytest.mark.parametrize("backbone", [POINTWISE, UNET], ids=["points", "voxels"])
def test_with_the_same_weights_it_is_warpconvnets_maskformer(backbone):
    ours = small_model(*backbone)
    theirs = seed_model(ours, ours.backbone).eval()
    points = random_points(300, 170)
    with torch.no_grad():
        logits, masks = ours(points)
        their_logits, their_masks = theirs(points)
    assert_near(logits, their_logits, 1e-4)
    assert [mask.shape for mask in masks] == [(12, 300), (12, 170)]
    for mask, their_mask in zip(masks, their_masks):
        assert_near(mask, their_mask, 1e-4)


def test_with_the_same_weights_the_gradients_are_warpconvnets():
    ours = small_model(*POINTWISE)
    theirs = seed_model(ours, ours.backbone).eval()
    theirs.backbone = copy.deepcopy(ours.backbone)
    for model in (ours, theirs):
        logits, masks = model(random_points(60, 40))
        (logits.square().sum() + sum(mask.square().sum() for mask in masks)).backward()
    assert_near(ours.backbone.linear.weight.grad, theirs.backbone.linear.weight.grad, 1e-4)
    their_embedding = theirs.mask_transformer.query_embed.weight.grad
    assert_near(ours.decoder.queries.embedding.weight.grad, their_embedding, 1e-4)


def test_a_scene_with_fewer_points_than_queries_is_not_zeroed():
    """Attention over points that each stand there four times is attention over the points: so
    theirs shows ours."""
    ours = small_model(*POINTWISE, "model.num_decoders=1")
    theirs = seed_model(ours, ours.backbone).eval()
    few = random_points(4)
    many = Points([few.coordinate_tensor.repeat(4, 1)], [few.feature_tensor.repeat(4, 1)])
    with torch.no_grad():
        logits, masks = ours(few)
        assert_near(logits, ours(many)[0], 1e-5)
        assert_near(logits, theirs(many)[0], 1e-4)
        assert_near(masks[0].repeat(1, 4), theirs(many)[1][0], 1e-4)
        zeroed = theirs(few)[0]
    difference = (logits - zeroed).abs().amax((0, 2))
    assert (difference[:4] < 1e-5).all()
    assert (difference[4:] > 1e-3).all()  # queries 4..11, which theirs cuts off from the scene


def test_every_query_sees_a_scene_of_one_point():
    model = small_model(*POINTWISE)
    coord = torch.zeros(1, 3)
    dark, bright = (model(Points([coord], [torch.full((1, 3), value)]))[0] for value in (0.0, 5.0))
    assert ((dark - bright).abs().amax((0, 2)) > 1e-3).all()


def test_permuting_queries_permutes_the_outputs():
    model = small_model(*POINTWISE)
    points, order = random_points(50), torch.randperm(12)
    logits, masks = model(points)
    with torch.no_grad():
        model.decoder.queries.embedding.weight.copy_(
            model.decoder.queries.embedding.weight[order].clone()
        )
    permuted_logits, permuted_masks = model(points)
    assert_near(permuted_logits, logits[:, order], 1e-5)
    assert_near(permuted_masks[0], masks[0][order], 1e-5)


@pytest.mark.parametrize("backbone", [POINTWISE, UNET], ids=["points", "voxels"])
def test_permuting_points_permutes_the_masks(backbone):
    model = small_model(*backbone)
    points, order = random_points(80), torch.randperm(80)
    permuted = Points([points.coordinate_tensor[order]], [points.feature_tensor[order]])
    with torch.no_grad():
        (logits, masks), (permuted_logits, permuted_masks) = model(points), model(permuted)
    assert_near(permuted_logits, logits, 1e-4)
    assert_near(permuted_masks[0], masks[0][:, order], 1e-4)


@pytest.mark.parametrize(
    "overrides", [POINTWISE, UNET, [*UNET, "model.query_init=fps"]], ids=["points", "voxels", "fps"]
)
def test_a_batch_gives_what_its_scenes_give(overrides):
    model = small_model(*overrides)
    both = random_points(90, 5)
    with torch.no_grad():
        logits, masks = model(both)
        for b in range(2):
            alone_logits, alone_masks = model(
                Points([both.batched_coordinates[b]], [both.batched_features[b]])
            )
            assert_near(logits[b : b + 1], alone_logits, 1e-4)
            assert_near(masks[b], alone_masks[0], 1e-4)


def test_forward_gives_the_last_of_all_layers():
    model = small_model(*POINTWISE, "model.num_decoders=3")
    points = random_points(40, 30)
    layers = model.forward_layers(points)
    logits, masks = model(points)
    assert len(layers) == 3
    assert torch.equal(layers[-1][0], logits)
    assert all(torch.equal(a, b) for a, b in zip(layers[-1][1], masks))
    assert not torch.allclose(layers[0][0], logits)


@pytest.mark.parametrize(
    "extra", ["model.mask_position=true", "model.position_bands=4", "model.query_init=fps"]
)
def test_a_saved_state_gives_the_same_outputs(extra, tmp_path):
    model, other = small_model(*UNET, extra, seed=0), small_model(*UNET, extra, seed=1)
    points = random_points(60)
    torch.save(model.state_dict(), tmp_path / "state")
    assert not torch.allclose(model(points)[0], other(points)[0])
    other.load_state_dict(torch.load(tmp_path / "state"))
    assert torch.equal(model(points)[0], other(points)[0])


def test_mask_position_tells_points_of_equal_features_apart():
    points = Points([torch.rand(20, 3)], [torch.ones(20, 3)])
    plain, positioned = (
        small_model(*POINTWISE, f"model.mask_position={value}") for value in ("false", "true")
    )
    assert plain(points)[1][0].std(1).max() < 1e-5
    assert positioned(points)[1][0].std(1).min() > 1e-3


def test_position_encoding_is_cosine_sine_and_the_coordinate_itself():
    encode = PositionEncoding(wavelength=2.0, bands=3)
    coord = torch.randn(4, 3, dtype=torch.float64)
    got = encode.double()(coord)
    for n, point in enumerate(coord.numpy()):
        expected = []
        for x in point:
            angles = [np.pi * 2**i * x for i in range(3)]
            expected += [*np.cos(angles), *np.sin(angles), x]
        np.testing.assert_allclose(got[n], expected, rtol=1e-6, atol=1e-6)


# --- queries from farthest points ------------------------------------------------------------


def naive_farthest(coord: np.ndarray, count: int, first: int) -> list[int]:
    chosen = [first]
    while len(chosen) < count:
        distance = [min(np.linalg.norm(point - coord[c]) for c in chosen) for point in coord]
        chosen.append(int(np.argmax(distance)))
    return chosen


def test_farthest_points_equals_a_loop():
    coord = torch.rand(40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scenes = torch.stack([coord, coord.flip(0)])
    expected = [naive_farthest(scene.numpy(), 15, 0) for scene in scenes]
    assert farthest_points(scenes, 15).tolist() == expected


@pytest.mark.cuda
def test_farthest_points_on_cuda_are_those_of_the_cpu():
    coord = torch.rand(3, 4096, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(farthest_points(coord.cuda(), 60).cpu(), farthest_points(coord, 60))


def test_farthest_points_takes_every_point_before_it_repeats():
    (chosen,) = farthest_points(torch.rand(1, 4, 3, generator=torch.Generator().manual_seed(0)), 10)
    assert sorted(chosen[:4].tolist()) == [0, 1, 2, 3]
    assert len(chosen) == 10
    assert set(chosen.tolist()) <= {0, 1, 2, 3}


@pytest.mark.parametrize("size", [1, 7, 100])
def test_farthest_point_queries_give_finite_outputs_and_gradients(size):
    model = small_model(*UNET, "model.query_init=fps").train()
    logits, masks = model(random_points(size, 40))
    assert logits.shape == (2, 12, NUM_CLASSES + 1)
    (logits.sum() + sum(mask.sum() for mask in masks)).backward()
    assert logits.isfinite().all()
    assert all(mask.isfinite().all() for mask in masks)
    assert model.decoder.queries.content.weight.grad.isfinite().all()


# --- backbones -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "named"),
    [({"planes": [8]}, "MinkUNetBase"), ({"no_such_argument": 1}, "no_such_argument")],
)
def test_a_backbone_that_refuses_its_arguments_is_a_config_error(arguments, named):
    target = {
        "_target_": (
            "warpconvnet.models.MinkUNetBase" if "planes" in arguments else "helpers.PointLinear"
        )
    }
    with pytest.raises(
        ConfigError, match=rf"model\.backbone: \S+ refuses its arguments: .*{named}"
    ) as caught:
        build_backbone({**target, "in_channels": 3, "out_channels": 8, **arguments}, 0.04)
    assert "\n" not in str(caught.value)


def test_without_a_voxel_size_the_backbone_takes_the_points():
    assert isinstance(small_model(*POINTWISE).backbone, PointLinear)


# --- CUDA ------------------------------------------------------------------------------------


def outputs_and_gradients(model: MaskFormer3D, device: str) -> dict[str, torch.Tensor]:
    model.to(device)
    logits, (mask,) = model(room().to(device))
    (logits.square().mean() + mask.square().mean()).backward()
    gradients = {
        f"gradient of {name}": parameter.grad for name, parameter in model.named_parameters()
    }
    return {"logits": logits.detach(), "mask": mask.detach(), **gradients}


def default_model(training: bool) -> MaskFormer3D:
    torch.manual_seed(0)
    config = load_config(["paths.data_dir=unused", "model.dropout=0"]).model
    return build_model(config, 20).train(training)


@pytest.mark.cuda
@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_the_default_model_is_the_same_on_cpu_and_cuda(training):
    model = default_model(training)
    assert 15_000 < len(room().coordinate_tensor) < 25_000
    want = outputs_and_gradients(copy.deepcopy(model), "cpu")
    for module in model.modules():
        if isinstance(module, SparseConv3d):  # WarpConvNet's other kernels round float32 to float16
            module.fwd_algo = module.dgrad_algo = module.wgrad_algo = "explicit_gemm"
    got = outputs_and_gradients(model, "cuda")
    wrong = []
    for name, value in want.items():
        # the softmax cancels it: its gradient is zero but for noise
        if name.endswith("cross_attention.position.bias"):
            continue
        # the deepest BatchNorms have few voxels and magnify rounding
        if training and name.startswith("gradient"):
            continue
        error = (got[name].cpu() - value).abs().max() / value.abs().max()
        if not error < 1e-3:
            wrong.append(f"{name}: {error:.1e}")
    assert not wrong


@pytest.mark.cuda
@pytest.mark.slow
def test_the_default_kernels_give_the_default_models_outputs():
    model = default_model(training=True)
    want = outputs_and_gradients(copy.deepcopy(model), "cpu")
    got = outputs_and_gradients(model, "cuda")
    for name in ("logits", "mask"):
        assert_near(got[name], want[name], 1e-2)


@pytest.mark.cuda
def test_half_precision_training_is_finite_on_cuda():
    torch.manual_seed(0)
    model = build_model(load_config(["paths.data_dir=unused"]).model, 20).cuda()
    points = room().to("cuda")
    target = random_target(
        len(points.coordinate_tensor), 8, 20, torch.Generator().manual_seed(0)
    ).map(torch.Tensor.cuda)
    with torch.autocast("cuda", torch.float16):
        outputs = model(points)
        losses = SetCriterion()(outputs, [target])
    assert outputs[1][0].dtype == torch.float16
    assert losses["loss"].dtype == torch.float32
    losses["loss"].backward()
    assert all(loss.isfinite() for loss in losses.values())
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
