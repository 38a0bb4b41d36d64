"""Compute the AP of a trained model on all points of a split, as ScanNet's benchmark does.

    python -m mf3d_tutorial.evaluate checkpoint=runs/first/best.ckpt paths.data_dir=data_samples
    python -m mf3d_tutorial.evaluate checkpoint=best.ckpt paths.data_dir=scans export=out

Writes <paths.output_dir>/metrics.json. Exit code 2 and one sentence for anything wrong; then
nothing is written.
"""

import ctypes
import re
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import MISSING
from torch import Tensor
from tqdm import tqdm

from mf3d_tutorial.common.atomic_files import whole_folder, write_json, writing
from mf3d_tutorial.common.errors import DataError, exit_on_user_error, memory_advice
from mf3d_tutorial.config.options import load_options, option, options_parser, require
from mf3d_tutorial.data import LabelSet, ScanNetScenes
from mf3d_tutorial.data.pointcloud import read_cloud
from mf3d_tutorial.data.scannet import Scene
from mf3d_tutorial.data.targets import build_target
from mf3d_tutorial.evaluation.class_agnostic import ClassAgnosticAP
from mf3d_tutorial.evaluation.inference import (
    MEMORY_ADVICE,
    InferenceOptions,
    Instances,
    run_model,
    scene_instances,
)
from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP
from mf3d_tutorial.training.checkpoint import load_model
from mf3d_tutorial.warp.device import choose_device

KEYS = ("ap", "ap50", "ap25")


@dataclass
class EvaluatePaths:
    """Folders that scenes come from and metrics go to."""

    data_dir: str = option(
        MISSING, "dataset root with a folder for the split (required)", path=True
    )
    output_dir: str = option("./results/evaluate", "folder for metrics.json", path=True)


@dataclass
class EvaluateData:
    """Classes that AP counts."""

    stuff_classes: list[int] | None = option(
        None, "class indices that AP leaves out; null: those of the label set"
    )


@dataclass
class EvaluateOptions(InferenceOptions):
    """Options of `evaluate`."""

    checkpoint: str = option(MISSING, "best.ckpt or last.ckpt of a run (required)", path=True)
    split: str = option("val", "folder of paths.data_dir")
    export: str | None = option(
        None, "folder for the predictions in the benchmark's submission format", path=True
    )
    report: bool = option(
        False, "write a page per scene to inspect its masks, <scene>.html, beside metrics.json"
    )
    paths: EvaluatePaths = field(default_factory=EvaluatePaths)
    data: EvaluateData = field(default_factory=EvaluateData)


def evaluate(options: EvaluateOptions) -> dict[str, Any]:
    """AP, AP50, AP25: the mean over classes, "per_class", "class_agnostic" and, in scannet200,
    "per_group" (head, common, tail); also in metrics.json.

    With `options.superpoints`, "superpoints" holds the same for masks averaged over superpoints;
    these are exported.
    """
    device = choose_device(options.device)
    model, cfg = load_model(options.checkpoint, device, options.allow_backbone)
    options, labels, paths = options.resolved(model, cfg), cfg.data.labels, options.paths
    scenes = ScanNetScenes(
        paths.data_dir, options.split, labels, options.voxel_size, None, cfg.data.ignore_index
    )
    scenes.check()
    stuff = (
        labels.stuff if options.data.stuff_classes is None else tuple(options.data.stuff_classes)
    )
    require(
        all(0 <= c < len(labels) for c in stuff),
        f"data.stuff_classes={stuff} is outside 0..{len(labels) - 1}",
    )
    metrics = [
        (ScanNetInstanceAP(labels, stuff), ClassAgnosticAP(labels, stuff))
        for _ in range(1 + options.superpoints)
    ]
    result = Path(paths.output_dir) / "metrics.json"
    with writing(result):
        result.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(memory_advice(MEMORY_ADVICE))
        export = (
            stack.enter_context(whole_folder(Path(options.export), exported(scenes)))
            if options.export
            else None
        )
        for index in tqdm(range(len(scenes)), unit="scene", disable=None):
            scene = scenes[index]
            superpoints: list[np.ndarray | None] = [None]
            if options.superpoints:
                superpoints.append(read_superpoint(scenes.folders[index]))
            outputs, original = run_model(model, cfg, scene), scene.original
            for (metric, class_agnostic), superpoint in zip(metrics, superpoints):
                found = scene_instances(*outputs, scene, options, superpoint)
                metric.update(
                    found.masks, found.scores, found.labels, original.segment, original.instance
                )
                class_agnostic.update(found, original.segment, original.instance)
            if export:
                export_scene(export, scene.name, found, labels, stuff)
            if options.report:
                write_page(
                    result.parent / f"{scene.name}.html", scene, outputs, labels, stuff, options
                )
        report, *pooled = [
            {**with_groups(metric.compute(), labels), "class_agnostic": class_agnostic.compute()}
            for metric, class_agnostic in metrics
        ]
        if np.isnan(report["ap"]) and not export:
            raise DataError(
                f"no scene of {scenes.root / options.split} has an instance of 100 points in"
                f" instance.npy and {labels.segment_file}.npy, which a model of {labels.name}"
                " needs: nothing to compare with"
            )
    report |= {"superpoints": pooled[0]} if pooled else {}
    report |= {"scenes": len(scenes), "split": options.split, "checkpoint": options.checkpoint}
    with writing(result):
        write_json(report, result)
    return report


def write_page(
    path: Path,
    scene: Scene,
    outputs: tuple[Tensor, Tensor],
    labels: LabelSet,
    stuff: tuple[int, ...],
    options: InferenceOptions,
) -> None:
    """One scene's truth, instances and failures as a page that opens anywhere; its masks are those
    that AP judges."""
    from mf3d_tutorial.viz.inspection import Inspection
    from mf3d_tutorial.viz.report import report_scene

    segment, instance = torch.from_numpy(scene.segment), torch.from_numpy(scene.instance)
    target = build_target(segment, instance, len(labels), stuff)
    logits, masks = (output.float().cpu() for output in outputs)
    largest, nms = bool(options.largest_component), bool(options.matrix_nms)
    room = Inspection(
        scene, [(logits, masks)], target, labels, largest, options.voxel_size, stuff, nms
    )
    room.update(mask_threshold=options.mask_threshold)
    report_scene(path, room)


def read_superpoint(folder: Path) -> np.ndarray:
    """The superpoint of each point of a scene; DataError if it has none."""
    superpoint = read_cloud(folder).superpoint
    if superpoint is None:
        raise DataError(
            f"{folder} has no superpoint.npy, which superpoints=true needs: see prepare_scannet"
        )
    return superpoint


def with_groups(report: dict[str, Any], labels: LabelSet) -> dict[str, Any]:
    """The report with the means over the head, common and tail classes that have ground truth, if
    there are any."""
    groups = {}
    for group in ("head", "common", "tail"):
        names = [
            name for name, frequency in zip(labels.names, labels.frequency) if frequency == group
        ]
        rows = [report["per_class"][name] for name in names if name in report["per_class"]]
        rows = [row for row in rows if not np.isnan(row["ap"])]
        if rows:
            groups[group] = {key: float(np.mean([row[key] for row in rows])) for key in KEYS}
    return report | ({"per_group": groups} if groups else {})


def exported(scenes: ScanNetScenes) -> str:
    """A regular expression for the files that `export_scene` writes of these scenes."""
    names = "|".join(re.escape(folder.name) for folder in scenes.folders)
    return rf"({names})\.txt|predicted_masks/({names})_\d+\.txt"


def export_scene(
    folder: Path, name: str, found: Instances, labels: LabelSet, stuff: tuple[int, ...]
) -> None:
    """<name>.txt with one line per instance (mask file, ScanNet's class id, score); mask files
    with one 0 or 1 per point."""
    (folder / "predicted_masks").mkdir(exist_ok=True)
    lines = []
    for mask, score, label in zip(
        found.masks.numpy(), found.scores.tolist(), found.labels.tolist()
    ):
        if label not in stuff:
            file = f"predicted_masks/{name}_{len(lines):03d}.txt"
            digits = np.full((len(mask), 2), ord("\n"), np.uint8)
            digits[:, 0] = mask + ord("0")
            (folder / file).write_bytes(digits.tobytes())
            lines.append(f"{file} {labels.ids[label]} {score:.9g}\n")
    (folder / f"{name}.txt").write_text("".join(lines))


def ap_table(report: dict[str, Any]) -> str:
    """A table: a row for every class with ground truth, every group, the mean over classes and, if
    the report has it, class-agnostic AP; AP, AP50, AP25, twice if pooled."""
    reports = [report, report["superpoints"]] if "superpoints" in report else [report]
    head = "  ".join(f"{title:>6}" for _ in reports for title in ("AP", "AP50", "AP25"))
    lines = [
        f"{'':<24}{head}" + ("    (right: averaged over superpoints)" if len(reports) > 1 else "")
    ]
    rows = [
        (name, [each["per_class"][name] for each in reports])
        for name, row in report["per_class"].items()
        if not np.isnan(row["ap"])
    ]
    rows += [
        (f"[{group}]", [each["per_group"][group] for each in reports])
        for group in report.get("per_group", {})
    ]
    rows.append(("[all]", reports))
    if "class_agnostic" in report:
        rows.append(("[class-agnostic]", [each["class_agnostic"] for each in reports]))
    for title, values in rows:
        numbers = [each[key] for each in values for key in KEYS]
        lines.append(f"{title:<24}" + "  ".join(f"{number:6.3f}" for number in numbers))
    return "\n".join(lines)


def free_at_once() -> None:
    """Make glibc give arrays above its default of 128 KiB back to the system as soon as they are
    freed.

    It raises that limit up to 32 MiB by itself. The heap then gets holes, as masks have another
    size in each scene.
    """
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(-3, 128 * 1024)  # -3: M_MMAP_THRESHOLD of malloc.h


@exit_on_user_error
def main() -> None:
    """Evaluate as the arguments say, and print the table."""
    free_at_once()
    options = load_options(
        EvaluateOptions, options_parser(EvaluateOptions, "evaluate", __doc__).parse_args().overrides
    )
    report = evaluate(options)
    print(f"{report['scenes']} scenes of {options.split}\n{ap_table(report)}")
    print(
        f"written: {Path(options.paths.output_dir) / 'metrics.json'}"
        + (f", {options.export}" * bool(options.export))
    )


if __name__ == "__main__":
    main()
