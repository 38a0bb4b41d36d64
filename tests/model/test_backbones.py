"""Every backbone by its short name, on CPU and CUDA; the seed's commands; and what
warp_attention.py replaces."""

import copy
import itertools
from pathlib import Path

import pytest
import torch
from helpers import SEED_COMMANDS, assert_near, random_points, write_scene
from torch import nn

from mf3d_tutorial.config import load_config
from mf3d_tutorial.config.options import BACKBONES
from mf3d_tutorial.model.backbone import build_backbone
from mf3d_tutorial.model.pointmlp import cell_of_each_point
from mf3d_tutorial.training.engine import build_loader, load_datasets, train_step, validate
from mf3d_tutorial.training.run_state import Run
from mf3d_tutorial.warp import (
    Points,
    SparseConv3d,
    Voxels,
    cpu_operations,
    fast_convolution,
    patches,
)
from mf3d_tutorial.warp import attention as warp_attention

# The attention networks are made small by options, with windows and patches smaller than the
# scenes.
LEVELS = ["enc_depths=[1,1,1,1,1]", "enc_channels=[16,16,16,16,16]", "enc_num_head=[2,2,2,2,2]"]
LEVELS += ["dec_depths=[1,1,1,1]", "dec_channels=[16,16,16,16]", "dec_num_head=[2,2,2,2]"]
PATCHES = ["enc_patch_size=[8,8,32,32,32]", "dec_patch_size=[8,8,32,32]"]
SMALLER = {
    "spaceformer": [*LEVELS, *PATCHES],
    "ptv3": [*LEVELS, *PATCHES],
    "volt": ["embed_dim=64", "num_heads=1", "depth=2"],
}


def small_backbone(name: str, *overrides: str) -> nn.Module:
    """What `backbone=<name>` gives, but thinner, at a voxel size of 10 cm if it takes voxels."""
    from warpconvnet.models import MinkUNetBase

    torch.manual_seed(0)
    smaller = [f"++model.backbone.{option}" for option in SMALLER.get(name, ())]
    overrides = [f"backbone={name}", "model.hidden_dim=16", *smaller, *overrides]
    model = load_config(["paths.data_dir=unused", *overrides]).model
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MinkUNetBase, "__init__", thin(MinkUNetBase.__init__))
        size = model.backbone_voxel_size and 0.1
        return build_backbone(model.backbone, size, checkpointing=model.backbone_checkpointing)


def thin(init):
    def wrapped(self, in_channels, out_channels, planes, **options):
        options["init_dim"] = planes[0] // 4
        init(self, in_channels, out_channels, [width // 4 for width in planes], **options)

    return wrapped


@pytest.fixture(scope="module", params=BACKBONES)
def backbone(request) -> nn.Module:
    return small_backbone(request.param)


def test_features_and_gradients_are_finite(backbone):
    points = random_points(220, 150)
    out = backbone.train()(points)
    assert out.feature_tensor.shape == (370, 16)
    assert torch.equal(out.coordinate_tensor, points.coordinate_tensor)
    assert torch.equal(out.offsets, points.offsets)
    out.feature_tensor.square().mean().backward()
    assert out.feature_tensor.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in backbone.parameters())
    backbone.zero_grad()


@torch.no_grad()
def test_a_batch_gives_what_its_scenes_give(backbone):
    both = random_points(220, 150)
    together = backbone.eval()(both).feature_tensor.split([220, 150])
    for b in range(2):
        alone = backbone(
            Points([both.batched_coordinates[b]], [both.batched_features[b]])
        ).feature_tensor
        assert_near(together[b], alone, 1e-4)


@torch.no_grad()
def test_a_saved_state_gives_the_same_features(backbone):
    points, other = random_points(150), copy.deepcopy(backbone.eval())
    for parameter in other.parameters():
        parameter.mul_(0.5)
    want = backbone(points).feature_tensor
    assert not torch.allclose(other(points).feature_tensor, want)
    other.load_state_dict(backbone.state_dict())
    assert torch.equal(other(points).feature_tensor, want)


@pytest.mark.parametrize("name", ["tiny", "spaceformer", "ptv3"])
def test_checkpointing_keeps_less_and_changes_nothing(name):
    """Running means of batch norm included, which must not be moved by the second forward pass."""
    results = []
    for value in ("false", "true"):
        backbone, kept = small_backbone(name, f"model.backbone_checkpointing={value}").train(), []

        def pack(tensor, kept=kept):
            kept.append(tensor.numel())
            return tensor

        torch.manual_seed(1)  # of stochastic depth
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            out = backbone(random_points(300, 200)).feature_tensor
        size = sum(kept)
        out.square().mean().backward()
        gradients = {key: parameter.grad for key, parameter in backbone.named_parameters()}
        results.append((size, out, {**gradients, **dict(backbone.named_buffers())}))
    (size, out, values), (small_size, same_out, same_values) = results
    assert small_size < 0.8 * size
    assert torch.equal(out, same_out)
    for key, value in values.items():
        torch.testing.assert_close(same_values[key], value, msg=key)


# --- what is replaced ------------------------------------------------------------------------

LENGTHS = [3, 1, 5, 3, 8]
BORDERS = torch.tensor([0, *itertools.accumulate(LENGTHS)])


def random_qkv(*shape: int) -> torch.Tensor:
    return torch.randn(
        sum(LENGTHS), 3, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )


@pytest.mark.parametrize("scale", [None, 0.3])
def test_windowed_attention_equals_a_softmax_in_each_window(scale):
    qkv = random_qkv(2, 4).requires_grad_()
    expected = []
    for window in qkv.split(LENGTHS):
        q, k, v = window.permute(1, 2, 0, 3)
        expected.append(((q @ k.mT * (scale or 0.5)).softmax(-1) @ v).transpose(0, 1))
    got = warp_attention.windowed_attention(qkv, BORDERS, max(LENGTHS), softmax_scale=scale)
    torch.testing.assert_close(got, torch.cat(expected))
    assert torch.autograd.gradcheck(
        lambda x: warp_attention.windowed_attention(x, BORDERS, max(LENGTHS), softmax_scale=scale),
        [qkv],
    )


@pytest.mark.parametrize("name", ["spaceformer", "ptv3", "volt"])
def test_gradients_too_small_for_half_precision_are_kept(name):
    """In float32 nothing scales the loss, and a mean over 100,000 points makes gradients of this
    size."""
    gradients = []
    for factor in (1.0, 1e-9):
        backbone = small_backbone(name).eval()
        (backbone(random_points(150)).feature_tensor.square().sum() * factor).backward()
        gradients.append(
            {key: parameter.grad / factor for key, parameter in backbone.named_parameters()}
        )
    for key in (key for key in gradients[0] if "qkv.weight" in key):
        assert gradients[0][key].abs().max() > 0
        assert_near(gradients[1][key], gradients[0][key], 1e-3)


@pytest.mark.parametrize("descending", [False, True])
def test_segmented_sort_equals_sorted(descending):
    keys = torch.randint(0, 6, (sum(LENGTHS),), generator=torch.Generator().manual_seed(0))
    order, got = warp_attention.segmented_sort(keys, BORDERS, descending=descending)
    for part, want in zip(got.split(LENGTHS), keys.split(LENGTHS)):
        assert part.tolist() == sorted(want.tolist(), reverse=descending)
    assert torch.equal(keys[order], got)
    assert order.unique().numel() == len(keys)


def test_rotate_qkv_equals_a_loop():
    coords = torch.randint(
        -9, 9, (sum(LENGTHS), 3), generator=torch.Generator().manual_seed(0)
    ).int()
    theta, qkv = torch.tensor([1.0, 0.1]), random_qkv(2 * 13).float()
    got = warp_attention.rotate_qkv(qkv, coords, theta, num_heads=2, rope_dim=12)
    assert got.shape == (sum(LENGTHS), 3, 2, 13)
    expected = qkv.clone().view(got.shape)
    for n, part, head, pair in itertools.product(range(len(qkv)), range(2), range(2), range(6)):
        position = coords[n, pair // 2] - coords[:, pair // 2].min() + 1
        angle = position * theta[pair % 2]
        x, y = qkv.view(got.shape)[n, part, head, 2 * pair : 2 * pair + 2]
        expected[n, part, head, 2 * pair] = x * angle.cos() - y * angle.sin()
        expected[n, part, head, 2 * pair + 1] = x * angle.sin() + y * angle.cos()
    torch.testing.assert_close(got, expected)


def grid(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """The voxels of two scenes, `count` in the first one, and the scenes' borders."""
    rng = torch.Generator().manual_seed(seed)
    scenes = [
        torch.randint(low, low + 12, (count, 3), generator=rng).unique(dim=0).int()
        for low in (-20, 3)
    ]
    return torch.cat(scenes), torch.tensor([0, len(scenes[0]), len(scenes[0]) + len(scenes[1])])


@pytest.mark.parametrize(
    ("offset", "shift"), [("zero", (0, 0, 0)), ("xyz", (2, 2, 2)), ("xz", (2, 0, 2))]
)
def test_windows_equal_those_of_a_loop(offset, shift):
    """The shift is half a window of 5, rounded half to even."""
    coords, borders = grid(200)
    found = warp_attention.encode_windows(
        coords,
        borders,
        window_size=5,
        coord_offset=offset,
        return_perm=True,
        return_inverse=True,
        return_counts=True,
    )
    windows = {}
    for scene in range(2):
        rows = range(borders[scene], borders[scene + 1])
        corner = coords[rows.start : rows.stop].amin(0).tolist()
        for row in rows:
            cell = [(c - low + s) // 5 for c, low, s in zip(coords[row].tolist(), corner, shift)]
            windows.setdefault((scene, *cell), set()).add(row)
    expected = [windows[key] for key in sorted(windows)]
    assert [set(part.tolist()) for part in found.perm.split(found.counts.tolist())] == expected
    assert torch.equal(found.perm[found.inverse_perm], torch.arange(len(coords)))


def test_a_curve_visits_each_scene_in_the_order_of_its_codes():
    coords, borders = grid(100)
    order = patches._serialization.POINT_ORDERING.MORTON_YXZ
    found = warp_attention.encode_curve(
        coords, borders, order=order, return_perm=True, return_inverse=True
    )
    for scene in range(2):
        rows = slice(borders[scene], borders[scene + 1])
        codes = cpu_operations.morton_code(coords[rows], order)
        assert torch.equal(found.perm[rows] - borders[scene], codes.argsort())
    assert torch.equal(found.perm[found.inverse_perm], torch.arange(len(coords)))


def test_pooling_takes_the_maximum_of_eight_cells_and_unpooling_hands_it_back():
    coords, borders = grid(150)
    features = torch.randn(len(coords), 2, generator=torch.Generator().manual_seed(0))
    fine = Voxels(coords, features, offsets=borders)
    coarse = patches._pool.sparse_max_pool(fine, 2, 2)
    back = patches._pool.sparse_unpool(coarse, fine, 2, 2)
    parents = [(b, *(c // 2 for c in cell)) for b, *cell in fine.batch_indexed_coordinates.tolist()]
    for row, parent in enumerate(parents):
        family = features[[other == parent for other in parents]]
        assert torch.equal(back.feature_tensor[row], family.amax(0))
    assert len(coarse.feature_tensor) == len(set(parents))


def test_spaceformer_forgets_the_windows_of_earlier_scenes():
    backbone, kept = small_backbone("spaceformer").eval(), []
    for seed in range(3):
        backbone(random_points(150 + seed))
        kept.append(len(warp_attention._windows._ENCODE_CACHE))
    assert kept == [2, 2, 2]  # of the two fine levels


def test_volt_gives_the_same_features_left_of_zero():
    backbone, points = small_backbone("volt").eval(), random_points(200)
    # two tokens
    moved = Points([points.coordinate_tensor.double() - 10 * 0.1], [points.feature_tensor])
    there = Points([points.coordinate_tensor.double()], [points.feature_tensor])
    assert_near(backbone(moved).feature_tensor, backbone(there).feature_tensor, 1e-4)


def test_cells_are_those_of_a_loop():
    coord, scene = torch.rand(60, 3) - 0.5, torch.arange(60) // 40
    got = cell_of_each_point(coord, scene, 0.4).tolist()
    cells = [
        (s, *(int(c // 0.4) for c in point)) for s, point in zip(scene.tolist(), coord.tolist())
    ]
    assert got == [sorted(set(cells)).index(cell) for cell in cells]


# --- the seed's commands ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("scenes")
    for index, split in enumerate(("train", "train", "val")):
        write_scene(root / split / f"scene{index}", points=400, seed=index)
    return root


def run_steps(scenes: Path, device: str, steps: int, *overrides: str) -> Run:
    """So many steps on the two train scenes and a validation; every loss is finite."""
    cfg = load_config([f"paths.data_dir={scenes}", *overrides])
    train_set, val_set = load_datasets(cfg)
    run = Run.create(cfg, torch.device(device), len(train_set))
    batch = next(iter(build_loader(cfg, train_set)))
    for _ in range(steps):
        assert all(
            loss.isfinite() for name, loss in train_step(run, batch).items() if name != "grad_norm"
        )
    metrics = validate(
        run.model, build_loader(cfg, val_set), run.criterion, run.device, run.precision
    )
    assert metrics["val_loss"] < 100
    return run


@pytest.mark.slow
@pytest.mark.parametrize("command", SEED_COMMANDS.values(), ids=SEED_COMMANDS)
def test_the_commands_of_the_seeds_page_train(scenes, command):
    run_steps(scenes, "cpu", 1, *command, "train.num_workers=0")


# --- CUDA ------------------------------------------------------------------------------------


@pytest.mark.cuda
@pytest.mark.parametrize("command", SEED_COMMANDS.values(), ids=SEED_COMMANDS)
def test_the_commands_of_the_seeds_page_train_on_cuda(scenes, command):
    run_steps(scenes, "cuda", 2, *command, "train.num_workers=0")


@pytest.mark.cuda
@pytest.mark.parametrize("name", BACKBONES)
def test_cuda_features_equal_those_of_the_cpu(name):
    backbone, points = small_backbone(name).eval(), random_points(900, 500)
    if name == "dgcnn":  # in float32, which point is the 16th nearest is a matter of rounding
        backbone.double()
        scenes = [
            (points.batched_coordinates[b].double(), points.batched_features[b].double())
            for b in range(2)
        ]
        points = Points(*map(list, zip(*scenes)))
    for module in backbone.modules():
        if isinstance(module, SparseConv3d):  # WarpConvNet's other kernels round float32 to float16
            module.fwd_algo = "explicit_gemm"
    # now, because afterwards the points carry their neighbours along, on the CPU
    on_cuda = points.to("cuda")
    with torch.no_grad():
        want = backbone(points).feature_tensor
        got = backbone.cuda()(on_cuda).feature_tensor
    assert_near(got, want, 5e-3)


@pytest.mark.cuda
def test_checkpointing_trains_while_kernels_are_being_tuned(scenes):
    """A block whose kernels are tuned between its two forward passes keeps as many tensors in
    both."""
    for table in ("AB", "ABT", "ATB"):
        getattr(fast_convolution._tuned, f"_BENCHMARK_{table}_RESULTS").clear()
    fast_convolution._plans.clear()
    run = run_steps(
        scenes,
        "cuda",
        4,
        "backbone=minkunet_1m",
        "model.backbone_checkpointing=true",
        "train.num_workers=0",
    )
    assert run.nonfinite == 0
    assert fast_convolution._plans


@pytest.mark.cuda
@pytest.mark.parametrize("name", BACKBONES)
def test_five_steps_in_half_precision(name, scenes):
    run = run_steps(
        scenes, "cuda", 5, f"backbone={name}", "data.voxel_size=0.02", "train.num_workers=0"
    )
    assert run.precision == "16-mixed"
    assert all(parameter.isfinite().all() for parameter in run.model.parameters())
    assert run.nonfinite == 0


@pytest.mark.cuda
def test_cuda_attention_in_half_precision_equals_that_of_the_cpu():
    qkv, results = random_qkv(2, 16).half(), []
    for device in ("cpu", "cuda"):
        x = qkv.detach().to(device).requires_grad_()
        out = warp_attention.windowed_attention(x, BORDERS.to(device), max(LENGTHS))
        out.float().square().sum().backward()
        results.append((out.float(), x.grad.float()))
    for want, got in zip(*results):
        assert_near(got, want, 1e-2)


@pytest.mark.cuda
def test_cuda_sort_rotation_windows_and_curves_equal_those_of_the_cpu():
    keys = torch.randperm(sum(LENGTHS), generator=torch.Generator().manual_seed(0))
    want = warp_attention.segmented_sort(keys, BORDERS)
    sort = patches._serialization._C.utils.segmented_sort
    got = sort(keys.cuda(), BORDERS.cuda(), descending=False, return_indices=True)
    assert all(torch.equal(a.cpu(), b) for a, b in zip(got, want))
    coords = torch.randint(
        -9, 9, (sum(LENGTHS), 3), generator=torch.Generator().manual_seed(0)
    ).int()
    qkv, theta = random_qkv(2 * 13).float(), torch.tensor([1.0, 0.1])
    rotate = patches._rope.fused_rope_qkv
    want = rotate(qkv, coords, theta, 2, 12)
    assert_near(rotate(qkv.cuda(), coords.cuda(), theta.cuda(), 2, 12), want, 1e-4)
    coords, borders = grid(300)
    for offset in ("zero", "xyz"):
        options = {"window_size": 5, "coord_offset": offset, "encoding_method": "counting_sort"}
        options |= {"return_perm": True, "return_inverse": True, "return_counts": True}
        on_cpu, on_cuda = (
            warp_attention.encode_windows(coords.to(to), borders, **options)
            for to in ("cpu", "cuda")
        )
        assert torch.equal(on_cuda.counts.cpu(), on_cpu.counts)
        parts = (found.perm.cpu().split(on_cpu.counts.tolist()) for found in (on_cpu, on_cuda))
        assert all(set(a.tolist()) == set(b.tolist()) for a, b in zip(*parts))
    on_cpu, on_cuda = (
        warp_attention.encode_curve(
            coords.to(to), borders, order="morton_xyz", return_perm=True, return_inverse=True
        )
        for to in ("cpu", "cuda")
    )
    assert torch.equal(on_cuda.perm.cpu(), on_cpu.perm)
