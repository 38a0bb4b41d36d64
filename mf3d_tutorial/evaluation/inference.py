"""From the model's raw outputs to scored instances, and from a scan to its instances.

    model, cfg = load_model("runs/first/best.ckpt")
    instances = predict_scan(model, cfg, read_cloud("scan.ply"))

    function           input -> output                                   used by
    predict_scan       model, cloud of P points -> Instances over P      predict
    run_model          model, Scene of N points -> logits, masks over N  evaluate, predict_scan
    scene_instances    logits, masks over N, Scene -> Instances over P   evaluate, predict_scan
    predict_instances  logits, masks over N -> Instances over N          validate, scene_instances
    point_masks        masks over N -> masks over P                      scene_instances, ThreadedAP
    forward_scene      model, Points -> logits, masks after each layer   run_model, viz

P points are all of a scan, N those that the model is given, one per voxel.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.ndimage import label
from scipy.sparse import coo_matrix
from torch import Tensor

from mf3d_tutorial.common.errors import DataError
from mf3d_tutorial.config import Config, InferenceConfig
from mf3d_tutorial.config.options import Checked, option
from mf3d_tutorial.data.batch import collate
from mf3d_tutorial.data.labels import IGNORE_INDEX
from mf3d_tutorial.data.placement import place
from mf3d_tutorial.data.pointcloud import Cloud, estimate_normals, mesh_normals, standardise
from mf3d_tutorial.data.scannet import Original, Scene, voxel_downsample, without_strays
from mf3d_tutorial.model import MaskFormer3D
from mf3d_tutorial.warp import Points
from mf3d_tutorial.warp.device import autocast, inference_precision

Options = TypeVar("Options", bound="InferenceOptions")
MEMORY_ADVICE = "raise voxel_size, or lower top_k"


@dataclass
class Instances:
    """K predicted instances of one scene, best score first. Masks may overlap."""

    masks: Bool[Tensor, "K N"]
    scores: Float[Tensor, " K"]  # 0..1
    labels: Int[Tensor, " K"]
    queries: Int[Tensor, " K"]  # the query that each mask comes from

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, chosen: Bool[Tensor, " K"]) -> "Instances":
        return Instances(
            self.masks[chosen], self.scores[chosen], self.labels[chosen], self.queries[chosen]
        )


@dataclass
class InferenceOptions(Checked):
    """How a scan becomes instances, for evaluate and predict."""

    device: str = option("auto", "auto, cpu, cuda or cuda:N; auto takes a GPU that works")
    voxel_size: float | None = option(
        None,
        "voxel edge (metres); null: as in training; larger takes less memory and time",
        above=0,
    )
    num_queries: int | None = option(
        None, "queries, for a model with query_init=fps or mixed; null: as in training", least=1
    )
    top_k: int | None = option(
        None,
        "maximum instances per scan, the most probable (query, class) pairs; null: as the"
        " checkpoint's config says",
        least=1,
    )
    matrix_nms: bool | None = option(
        None,
        "lower the scores of masks that repeat a better one of the same class; null: as the"
        " checkpoint's config says",
    )
    mask_threshold: float = option(0.0, "a point is in a mask if its logit is above this")
    min_points: int = option(1, "drop instances with fewer points")
    superpoints: bool = option(
        False, "average each mask over the scan's superpoints (superpoint.npy)"
    )
    largest_component: bool | None = option(
        None,
        "keep only the largest connected part of each mask, without speckles; null: as the"
        " checkpoint's config says",
    )
    allow_backbone: str | None = option(
        None, "your own class that the checkpoint names as its backbone"
    )

    def resolved(self: Options, model: MaskFormer3D, cfg: Config) -> Options:
        """Options with values in place of null; also gives `model` its number of queries."""
        model.decoder.queries.resize(self.num_queries or cfg.model.num_queries)
        trained = {
            name: value
            for name, value in vars(cfg.inference).items()
            if getattr(self, name) is None
        }
        return replace(self, voxel_size=self.voxel_size or cfg.data.voxel_size, **trained)


@torch.no_grad()
def predict_instances(
    logits: Float[Tensor, "Q classes"],
    masks: Float[Tensor, "Q N"],
    top_k: int = 100,
    mask_threshold: float = 0.0,
    min_points: int = 1,
    counts: Int[Tensor, " N"] | int = 1,
    matrix_nms: bool = False,
) -> Instances:
    """The `top_k` most probable (query, class) pairs, without "no object", as instances, best score
    first.

    A point is in the mask if its logit is above `mask_threshold`. score = class probability x mean
    probability of the mask's points, as Mask3D and its successors score; `matrix_nms` lowers it for
    masks that repeat a better one. Masks below `min_points` points are dropped.
    `counts`: the points that each of the N stands for, in sizes, means and IoUs.
    """
    probability = logits.float().softmax(-1)[:, :-1]
    num_classes = probability.shape[1]
    class_score, index = probability.flatten().topk(min(top_k, probability.numel()))
    query, labels = index // num_classes, index % num_classes
    inside, size, quality = mask_quality(masks, mask_threshold, counts)
    scores = class_score * quality[query]
    enough = size[query] >= min_points
    scores, labels, query = scores[enough], labels[enough], query[enough]
    if matrix_nms:
        scores = suppress_duplicates(scores, labels, query, mask_ious(inside, counts))
    order = scores.argsort(descending=True, stable=True)
    return Instances(inside[query[order]], scores[order], labels[order], query[order])


def suppress_duplicates(
    scores: Float[Tensor, " K"],
    labels: Int[Tensor, " K"],
    query: Int[Tensor, " K"],
    iou: Float[Tensor, "Q Q"],
) -> Float[Tensor, " K"]:
    """The scores of K instances after Matrix NMS: 0 for a mask that equals a better one of its
    class, as before for one that shares no point with any of these.

    `iou`: of the Q queries' masks. The linear kernel of SOLOv2 (arXiv:2003.10152), as in
    OneFormer3D (arXiv:2311.14405): a score is multiplied by the minimum of (1 - IoU_jk) / (1 - c_j)
    over all better j of k's class, where c_j is j's highest IoU with a better one of the class, 0
    if there is none. So a mask that is a duplicate itself suppresses little.
    """
    if not len(scores):
        return scores
    order = scores.argsort(descending=True, stable=True)
    alike = iou[query[order, None], query[order]] * (labels[order, None] == labels[order])
    alike = alike.triu(1)  # of a better one (row) and a worse one (column)
    compensation = alike.amax(0)[:, None]
    decay = torch.empty_like(scores)
    decay[order] = ((1 - alike) / (1 - compensation).clamp(min=1e-6)).amin(0)
    return scores * decay


def mask_ious(
    inside: Bool[Tensor, "Q N"], counts: Int[Tensor, " N"] | int = 1
) -> Float[Tensor, "Q Q"]:
    """The IoU of every pair of masks; `counts`: the points that each of the N stands for."""
    points = inside.float()
    shared = (points * counts) @ points.T
    size = shared.diagonal()
    return shared / (size[:, None] + size - shared).clamp(min=1)


def mask_quality(
    masks: Float[Tensor, "Q N"], mask_threshold: float = 0.0, counts: Int[Tensor, " N"] | int = 1
) -> tuple[Bool[Tensor, "Q N"], Int[Tensor, " Q"], Float[Tensor, " Q"]]:
    """The points of each mask, how many they are, and the mean probability of these points."""
    inside = masks > mask_threshold
    size = (inside * counts).sum(1)
    return inside, size, (masks.float().sigmoid() * inside * counts).sum(1) / size.clamp(min=1)


def predict_scan(
    model: MaskFormer3D,
    cfg: Config,
    cloud: Cloud,
    options: InferenceOptions | None = None,
    units: str = "auto",
    up: str = "auto",
    log: Callable[[str], None] = lambda line: None,
) -> Instances:
    """The instances of a scan, their masks over all of its points, on the CPU.

    `units` and `up` are those of `standardise`. `log` is told what was decided and what the scan
    lacks. UserError if the scan cannot be used.
    """
    options = (options or InferenceOptions()).resolved(model, cfg)
    standard, said = standardise(cloud, units, up)
    log(f"  {said}")
    superpoint = standard.superpoint if options.superpoints else None
    if options.superpoints and superpoint is None:
        raise DataError(
            "superpoints=true, but the scan has none: they are read from superpoint.npy of a scene"
            " folder"
        )
    scene = scene_for_model(standard, cfg, options.voxel_size, log)
    return scene_instances(*run_model(model, cfg, scene), scene, options, superpoint)


def scene_for_model(
    cloud: Cloud,
    cfg: Config,
    voxel_size: float | None,
    log: Callable[[str], None] = lambda line: None,
) -> Scene:
    """A standard cloud downsampled to voxels, with grey for missing colours, and normals if the
    model takes them."""
    coord, color, normal = cloud.coord, cloud.color, cloud.normal
    if color is None:
        color = np.full_like(coord, 0.5)
        log("  no colours: every point counts as grey")
    wanted = "normal" in cfg.model.in_features and normal is None
    if wanted and cloud.faces is not None:
        normal, wanted = mesh_normals(coord, cloud.faces), False
        log("  normals computed from the triangles")
    none = np.full(len(coord), IGNORE_INDEX)
    normal = np.zeros_like(coord) if normal is None else normal
    stray = np.zeros(len(coord), bool) if cloud.stray is None else cloud.stray
    scene = without_strays("scan", coord, color, normal, none, none, stray)
    scene = voxel_downsample(scene, voxel_size)
    if wanted:
        scene = replace(scene, normal=estimate_normals(scene.coord))
        log(
            "  no normals: estimated from each point's neighbours, turned to the middle of the scan"
        )
    return scene


@torch.no_grad()
def forward_scene(
    model: MaskFormer3D, points: Points, precision: str, last_only: bool = False
) -> list[tuple[Float[Tensor, "Q classes"], Float[Tensor, "Q N"]]]:
    """Class and mask logits of the one scene in `points` after each decoder layer, or after the
    last one only.

    In float16 on CUDA, unless the model was trained with `train.precision=32`, which is what
    `precision` says.
    """
    device = next(model.parameters()).device
    with autocast(device, inference_precision(precision, device)):
        there = cast(Points, points.to(device))  # declared to be any Geometry
        layers = model.forward_layers(there, last_only)
        # LayerOutputs computes masks lazily, so this must happen inside the autocast.
        return [(logits[0], masks[0]) for logits, masks in layers]


def run_model(
    model: MaskFormer3D, cfg: Config, scene: Scene
) -> tuple[Float[Tensor, "Q classes"], Float[Tensor, "Q N"]]:
    """Class and mask logits of one scene, after the last decoder layer."""
    batch = collate([scene], len(cfg.data.labels), in_features=cfg.model.in_features)
    return forward_scene(model, batch.points, cfg.train.precision, last_only=True)[0]


def scene_instances(
    logits: Float[Tensor, "Q classes"],
    masks: Float[Tensor, "Q N"],
    scene: Scene,
    options: InferenceOptions,
    superpoint: Int[np.ndarray, " P"] | None = None,
) -> Instances:
    """Instances of a downsampled scene, with masks over its P original points; by superpoints if
    these are given. What `options` leave open, and `resolved` has not filled in, is as by default.
    """
    largest = options.voxel_size if options.largest_component else None
    coord, original = place(scene.coord), scene.original
    settings = {
        "top_k": options.top_k or InferenceConfig().top_k,
        "mask_threshold": options.mask_threshold,
        "matrix_nms": bool(options.matrix_nms),
    }
    if superpoint is None:
        found = predict_instances(logits, masks, **settings)
        full = point_masks(found.masks.cpu().numpy(), coord, original, largest)
    else:
        masks, pool, sizes = pool_masks(masks, original.stand_in, superpoint)
        found = predict_instances(logits, masks, counts=sizes, **settings)
        full = found.masks.cpu().numpy()[:, pool]
        full[:, original.stand_in < 0] = False  # stray points
        if largest:
            keep_largest_component(full, coord[original.stand_in], largest)
    enough = torch.from_numpy(np.count_nonzero(full, axis=1) >= max(options.min_points, 1))
    found = Instances(
        torch.from_numpy(full), found.scores.cpu(), found.labels.cpu(), found.queries.cpu()
    )
    # masks of all points are large: no copy without need
    return found if enough.all() else found[enough]


def point_masks(
    masks: Bool[np.ndarray, "K N"],
    coord: Float[np.ndarray, "N 3"],
    original: Original,
    largest: float | None = None,
) -> Bool[np.ndarray, "K P"]:
    """Masks over the P original points of a scene that was downsampled to N; no mask holds a stray
    point.

    `largest`: the voxel size (metres) with which `keep_largest_component` first clears small parts
    of `masks`, in place; None: masks stay as they are.
    """
    stand_in, strays = original.stand_in, original.stand_in < 0
    if largest:
        counts = np.bincount(stand_in[~strays], minlength=len(coord))
        keep_largest_component(masks, coord, largest, counts)
    full = masks[:, stand_in]
    full[:, strays] = False
    return full


def pool_masks(
    masks: Float[Tensor, "Q N"], stand_in: Int[np.ndarray, " P"], superpoint: Int[np.ndarray, " P"]
) -> tuple[Float[Tensor, "Q S"], Int[np.ndarray, " P"], Int[Tensor, " S"]]:
    """Each superpoint's mean mask probability over its points, as logits; every point's superpoint;
    their sizes."""
    _, pool, sizes = np.unique(superpoint, return_inverse=True, return_counts=True)
    known = stand_in >= 0  # points that are not stray
    sizes = np.maximum(np.bincount(pool[known], minlength=len(sizes)), 1)
    shares = coo_matrix(
        (1 / sizes[pool[known]], (pool[known], stand_in[known])), (len(sizes), masks.shape[1])
    ).tocsr()
    pooled = shares @ masks.float().sigmoid().T.cpu().numpy()
    logits = torch.from_numpy(pooled.T.astype(np.float32)).logit(eps=1e-6)
    return logits.to(masks.device), pool, torch.from_numpy(sizes).to(masks.device)


def keep_largest_component(
    masks: Bool[np.ndarray, "K N"],
    coord: Float[np.ndarray, "N 3"],
    voxel_size: float,
    counts: Int[np.ndarray, " N"] | None = None,
) -> None:
    """Clear, in place, all of each mask but its part with most points.

    Points are connected through cells, 2.5 voxels but at least 0.1 metres long, that touch at a
    side, edge or corner. `counts`: the points that each of the N stands for, 1 if not given.
    """
    cells = np.floor(coord / max(0.1, 2.5 * voxel_size)).astype(np.int32)
    for mask in masks:
        inside = cells[mask]
        if not len(inside):
            continue
        inside -= inside.min(0)
        grid = np.zeros(inside.max(0) + 1, bool)
        grid[tuple(inside.T)] = True
        parts = np.zeros(grid.shape, np.int32)
        label(grid, np.ones((3, 3, 3)), parts)
        part = parts[tuple(inside.T)]
        points = np.bincount(part, None if counts is None else counts[mask])
        mask[mask] = part == points.argmax()
