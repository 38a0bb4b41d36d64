"""What several test modules need: random scenes, targets and files, and the formulas written as
loops."""

import itertools
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import trimesh
from torch import nn

from mf3d_tutorial.config import load_config, plain
from mf3d_tutorial.data.targets import Target
from mf3d_tutorial.model import MaskFormer3D, build_model
from mf3d_tutorial.training.checkpoint import save_checkpoint
from mf3d_tutorial.warp import Points

# A U-Net small enough for a test; four levels deep, as every MinkUNet.
TINY_UNET = [
    "model.backbone._target_=warpconvnet.models.MinkUNetBase",
    "+model.backbone.planes=[8,8,8,8,8,8,8,8]",
    "+model.backbone.layers=[1,1,1,1,1,1,1,1]",
    "+model.backbone.init_dim=8",
]

# What the page of the seed, WarpConvNet's MaskFormer example, runs; and its viewer, which
# test_live.py tries.
SEED_COMMANDS = {
    "plain": [],
    "scannet200": ["data.label_set=scannet200"],
    "sanity": [
        "train.epochs=1",
        "train.num_workers=0",
        "data.voxel_size=0.05",
        "model.backbone_voxel_size=0.05",
    ]
    + ["model.num_decoders=2", "model.dim_feedforward=128"],
    "MinkUNet34": ["model.backbone._target_=warpconvnet.models.MinkUNet34"],
    "MinkUNet50": ["model.backbone._target_=warpconvnet.models.MinkUNet50", "model.hidden_dim=128"]
    + ["model.backbone.out_channels=128"],
    "SpaCeFormer": [
        "model.backbone._target_=warpconvnet.models.SpaCeFormer",
        "+model.backbone.enc_attn_types=ssccc",
    ]
    + ["+model.backbone.dec_attn_types=ssca", "+model.backbone.use_rope=true"],
    "loss weights": ["loss.cls_weight=2.0", "loss.bce_weight=1", "loss.dice_weight=0.5"],
}


class PointLinear(nn.Module):
    """The simplest backbone: it takes Points and looks at every point alone."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.linear = nn.Linear(in_channels, out_channels)

    def forward(self, points: Points) -> Points:
        return points.replace(batched_features=self.linear(points.feature_tensor))


def random_points(*sizes: int, seed: int = 0, channels: int = 3) -> Points:
    """One scene a size, in a box of 2 x 2 x 2 metres."""
    rng = torch.Generator().manual_seed(seed)
    return Points(
        [torch.rand(size, 3, generator=rng) * 2 for size in sizes],
        [torch.rand(size, channels, generator=rng) for size in sizes],
    )


def random_target(points: int, instances: int, classes: int, rng: torch.Generator) -> Target:
    """Every instance has a point; some points are in none."""
    instance = (
        torch.randint(-1, max(instances, 1), (points,), generator=rng)
        if instances
        else torch.full((points,), -1)
    )
    instance[:instances] = torch.arange(instances)
    return Target(torch.randint(classes, (instances,), generator=rng), instance)


def write_scene(
    folder: Path, points: int = 60, seed: int = 0, **changed: np.ndarray | None
) -> Path:
    """A scene folder of the ScanNet layout; `changed` replaces arrays, or leaves them out if
    None."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(points, 3)).astype(np.float32)
    arrays = {
        "coord": rng.uniform(0, 1, (points, 3)).astype(np.float32),
        "color": rng.integers(0, 256, (points, 3), dtype=np.uint8),
        "normal": normal / np.linalg.norm(normal, axis=1, keepdims=True),
        "segment20": rng.integers(-1, 20, points).astype(np.int16),
        "segment200": rng.integers(-1, 200, points).astype(np.int16),
        "instance": rng.integers(-1, 5, points).astype(np.int32),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in {**arrays, **changed}.items():
        if array is not None:
            np.save(folder / f"{name}.npy", array)
    return folder


def assert_near(got: torch.Tensor, want: torch.Tensor, tolerance: float = 1e-3) -> None:
    """No number differs by more than `tolerance` of the tensor's largest one."""
    assert got.shape == want.shape
    error = (
        got.detach().cpu() - want.detach().cpu()
    ).abs().max() / want.detach().abs().max().clamp(min=1e-12).cpu()
    assert error < tolerance, f"relative error {error:.1e}"


def loop_mask_terms(x: list[float], t: list[bool]) -> tuple[float, float]:
    """BCE and 1 - DICE of one mask, from their definitions, in float64."""
    p = [1 / (1 + math.exp(-value)) for value in x]
    bce = -sum(math.log(a) if b else math.log(1 - a) for a, b in zip(p, t)) / len(p)
    dice = (2 * sum(a for a, b in zip(p, t) if b) + 1) / (sum(p) + sum(t) + 1)
    return bce, 1 - dice


def loop_probability(logits: list[float]) -> list[float]:
    exponentials = [math.exp(value) for value in logits]
    return [value / sum(exponentials) for value in exponentials]


def loop_cost(logits: torch.Tensor, mask: torch.Tensor, target: Target, weights) -> np.ndarray:
    """The matching cost of one scene, query by query and instance by instance."""
    cost = np.zeros((len(logits), len(target.labels)))
    for q, m in np.ndindex(cost.shape):
        probability = loop_probability(logits[q].tolist())[target.labels[m]]
        bce, dice = loop_mask_terms(mask[q].tolist(), (target.instance == m).tolist())
        cost[q, m] = -weights.cls * probability + weights.bce * bce + weights.dice * dice
    return cost


def cheapest_pairs(cost: np.ndarray) -> list[tuple[int, int]]:
    """The cheapest one-to-one assignment, found by trying all of them."""
    if cost.shape[0] < cost.shape[1]:
        return sorted((q, m) for m, q in cheapest_pairs(cost.T))
    choices = itertools.permutations(range(cost.shape[0]), cost.shape[1])
    best = min(choices, key=lambda queries: sum(cost[q, m] for m, q in enumerate(queries)))
    return sorted((q, m) for m, q in enumerate(best))


def made_up_inspection(
    points: int = 3000, instances: int = 6, queries: int = 10, layers: int = 3, seed: int = 0
):
    """A scene of cubes in two rows, and outputs that get nearer to the truth from layer to layer.

    Instance m has the class m + 2 and its best query is m, but for instance 1, whose query says
    another class, and instance 0, which no query finds.
    """
    from mf3d_tutorial.data import label_set
    from mf3d_tutorial.data.scannet import Original, Scene
    from mf3d_tutorial.viz.inspection import Inspection

    rng = np.random.default_rng(seed)
    instance = rng.integers(-1, instances, points) if points else np.zeros(0, np.int64)
    coord = rng.uniform(0, 0.8, (points, 3)).astype(np.float32)
    row = np.where(instance < 0, rng.integers(0, instances, points), instance)
    coord[:, :2] += np.stack([row // 2, row % 2], 1)
    coord[instance < 0, 2] = 0
    classes = (np.arange(instances) + 2) % 20
    segment = np.where(instance < 0, -1, np.append(classes, -1)[instance])
    color = rng.uniform(0, 1, (points, 3)).astype(np.float32)
    original = Original(segment, instance, np.arange(points))
    scene = Scene("cubes", coord, color, np.zeros_like(coord), segment, instance, original)
    outputs = []
    for layer in range(1, layers + 1):
        logits, masks = torch.zeros(queries, 21), torch.full((queries, points), -3.0)
        logits[:, 20] = 8.0
        for m in range(1, min(instances, queries)):
            logits[m, (classes[m] + (m == 1)) % 20] = 8.0 + 4 * layer / layers
            masks[m, torch.from_numpy(instance == m)] = 6.0 * layer / layers
        outputs.append((logits, masks))
    target = Target(torch.from_numpy(classes), torch.from_numpy(instance))
    return Inspection(scene, outputs, target, label_set("scannet20"))


def write_mesh(
    path: Path,
    side: int = 12,
    faces: bool = True,
    encoding: str = "binary_little_endian",
    seed: int = 0,
):
    """A floor and a wall of side x side vertices each, 10 cm apart, written by trimesh; the
    mesh."""
    rng = np.random.default_rng(seed)
    grid = (
        np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1).reshape(-1, 2)
        * 0.1
    )
    flat = np.column_stack([grid, rng.normal(0, 0.01, len(grid))])
    vertices = np.concatenate([flat, flat[:, [0, 2, 1]] + [0, 0, 0.1]]).astype(np.float32)
    corner = np.arange(side * side).reshape(side, side)[:-1, :-1].reshape(-1)
    lower = [corner, corner + side, corner + 1]
    upper = [corner + 1, corner + side, corner + side + 1]
    square = np.concatenate([np.column_stack(lower), np.column_stack(upper)])
    colors = rng.integers(0, 256, (len(vertices), 3), dtype=np.uint8)
    triangles = np.concatenate([square, square + side * side])
    mesh = trimesh.Trimesh(vertices, triangles, vertex_colors=colors, process=False)
    thing = mesh if faces else trimesh.PointCloud(vertices, colors)
    path.write_bytes(thing.export(file_type="ply", encoding=encoding))
    return mesh


# raw_category -> id, nyu40id. A pillow is in scannet200 only; a lid is in neither.
RAW_CLASSES = {"chair": (2, 5), "floor": (3, 2), "pillow": (13, 18), "lid": (9999, 40)}


def write_raw_scene(
    root: Path, name: str, split: str = "train", seed: int = 0, **changed: bytes | None
) -> Path:
    """A scene in raw ScanNet's files, and the lists and the table that name it. `changed` replaces
    file contents.

    Its 288 vertices have random ones of 20 segments, whose ids have gaps. The groups: chair 7 (two
    of its segments are given to lid 9 after that), floor 3, pillow 4; segments 17 to 19 are in no
    group.
    """
    folder = root / ("scans_test" if split == "test" else "scans") / name
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    ids = np.arange(20) * 7 + 3
    groups = [
        (7, "chair", ids[:8]),
        (3, "floor", ids[8:12]),
        (4, "pillow", ids[12:17]),
        (9, "lid", ids[6:8]),
    ]
    groups = [
        {"id": i, "objectId": i, "segments": part.tolist(), "label": label}
        for i, label, part in groups
    ]
    write_mesh(folder / f"{name}_vh_clean_2.ply", seed=seed)
    texts = {
        "segs": {"segIndices": rng.permutation(np.resize(ids, 288)).tolist()},
        "groups": {"segGroups": groups},
    }
    if split == "test":
        texts = {}
    contents = {key: json.dumps(value).encode() for key, value in texts.items()} | changed
    endings = {
        "ply": "_vh_clean_2.ply",
        "segs": "_vh_clean_2.0.010000.segs.json",
        "groups": ".aggregation.json",
    }
    for key, content in contents.items():
        if content is None:
            (folder / f"{name}{endings[key]}").unlink(missing_ok=True)
        else:
            (folder / f"{name}{endings[key]}").write_bytes(content)
    with open(root / f"scannetv2_{split}.txt", "a") as file:
        file.write(name + "\n")
    rows = [f"{id}\t{category}\t{nyu}\n" for category, (id, nyu) in RAW_CLASSES.items()]
    # the first row of a category counts
    table = "id\traw_category\tnyu40id\n" + "".join(rows) + "1\tchair\t1\n"
    (root / "scannetv2-labels.combined.tsv").write_text(table)
    return folder


def write_checkpoint(path: Path, *overrides: str) -> Path:
    """A checkpoint with random weights, of a model that looks at every point alone."""
    torch.manual_seed(0)
    small = [
        "model.num_decoders=1",
        "model.hidden_dim=32",
        "model.num_queries=12",
        "model.backbone_voxel_size=null",
    ]
    backbone = ["model.backbone._target_=helpers.PointLinear", "model.backbone.out_channels=32"]
    cfg = load_config(["paths.data_dir=x", *small, *backbone, *overrides])
    save_checkpoint(
        {"config": plain(cfg), "model": build_model(cfg.model, len(cfg.data.labels)).state_dict()},
        path,
    )
    return path


def run_main(monkeypatch, capsys, main, *arguments) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of an entry point."""
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    try:
        main()
        code = 0
    except SystemExit as exit:
        code = exit.code
    return code, *capsys.readouterr()


NUM_CLASSES = 5
SMALL = [
    "paths.data_dir=unused",
    "model.hidden_dim=16",
    "model.backbone.out_channels=16",
    "model.num_heads=4",
    "model.num_decoders=2",
    "model.num_queries=12",
    "model.dim_feedforward=24",
    "model.dropout=0",
]
UNET = [*TINY_UNET, "model.backbone_voxel_size=0.1"]


def small_model(*overrides: str, seed: int = 0) -> MaskFormer3D:
    torch.manual_seed(seed)
    return build_model(load_config([*SMALL, *overrides]).model, NUM_CLASSES).eval()


def room(seed: int = 0) -> Points:
    """Some 20,000 points: floor, four walls and a table, one point a 4 cm cell, a little rough."""
    rng = np.random.default_rng(seed)

    def sheet(x, y, z):
        axes = [np.arange(low, high, 0.04) if high > low else [low] for low, high in (x, y, z)]
        return np.stack(np.meshgrid(*axes), -1).reshape(-1, 3)

    sheets = [sheet((0, 4), (0, 3.2), (0, 0)), sheet((1, 2.2), (1, 1.8), (0.7, 0.7))]
    sheets += [sheet((x, x), (0, 3.2), (0, 1.6)) for x in (0, 4)] + [
        sheet((0, 4), (y, y), (0, 1.6)) for y in (0, 3.2)
    ]
    coord = np.concatenate(sheets) + 0.02
    coord += rng.uniform(-0.015, 0.015, coord.shape)
    color = np.concatenate([np.full_like(part, 0.2 + 0.1 * i) for i, part in enumerate(sheets)])
    color += rng.normal(0, 0.05, color.shape)
    return Points([torch.from_numpy(coord).float()], [torch.from_numpy(color).float()])
