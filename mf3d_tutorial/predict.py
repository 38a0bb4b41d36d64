"""Find the instances in your own scan: ply, pcd, npz or a scene folder.

A folder of such scans is read scan by scan.

    python -m mf3d_tutorial.predict input=scan.ply output=predictions       # with the shipped model
    python -m mf3d_tutorial.predict checkpoint=runs/first/best.ckpt input=scan.ply output=out

Writes <output>/<scan>/ with instances.json (label, score, points, box, centroid), instances.ply
(one colour per instance), masks.npz (masks, scores, labels) and report.html (a page to inspect the
masks). Coordinates are those of the input. Exit code 2 and one sentence if the scan cannot be used;
1 if some scans of a folder cannot be used (the others are done).
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from omegaconf import MISSING

from mf3d_tutorial.common.atomic_files import whole_folder, write_json
from mf3d_tutorial.common.errors import DataError, UserError, exit_on_user_error, memory_advice
from mf3d_tutorial.config.options import load_options, option, options_parser
from mf3d_tutorial.data import IGNORE_INDEX, LabelSet
from mf3d_tutorial.data.cleaning import UNITS
from mf3d_tutorial.data.pointcloud import READERS, Cloud, read_cloud, standardise, write_ply
from mf3d_tutorial.data.scannet import Original, Scene
from mf3d_tutorial.data.targets import Target
from mf3d_tutorial.evaluation.inference import (
    MEMORY_ADVICE,
    InferenceOptions,
    Instances,
    predict_scan,
)
from mf3d_tutorial.training.checkpoint import load_model
from mf3d_tutorial.viz.colors import instance_paint, neighbour_colors
from mf3d_tutorial.viz.inspection import Inspection
from mf3d_tutorial.viz.report import report_scene
from mf3d_tutorial.warp.device import choose_device

SHIPPED = Path(__file__).parents[1] / "data_samples" / "checkpoints" / "strong.ckpt"

# files that `write_results` writes of a scan, as a regular expression
FILES = r"instances\.(json|ply)|masks\.npz|report\.html|plotly\.min\.js"


@dataclass
class PredictOptions(InferenceOptions):
    """Options of `predict`."""

    checkpoint: str = option(
        str(SHIPPED), "best.ckpt or last.ckpt of a run; default: that of data_samples", path=True
    )
    input: str = option(
        MISSING,
        f"a scan ({' '.join(READERS)}, scene folder) or a folder of scans (required)",
        path=True,
    )
    output: str = option(MISSING, "folder to write into (required)", path=True)
    score_threshold: float = option(0.3, "leave out instances with a lower score")
    units: str = option(
        "auto",
        "unit of the input: m, cm, mm, ft, in; auto: m, or cm or mm if that fits a room",
        choices=("auto", *UNITS),
    )
    up: str = option(
        "auto",
        "up axis of the input: y or z; auto: y if the floor (most points within 5 cm) is there",
        choices=("auto", "y", "z"),
    )


def find_scans(path: Path) -> list[Path]:
    """The scan at `path`, or those in it, if it is a folder without coord.npy."""
    if not path.exists():
        raise DataError(f"there is no {path}: set input to a scan or a folder of scans")
    if path.is_file() or (path / "coord.npy").is_file():
        return [path]
    scans = [
        p
        for p in sorted(path.iterdir())
        if p.suffix.lower() in READERS or (p / "coord.npy").is_file()
    ]
    # ._scan.ply is what macOS notes about scan.ply
    hidden = [scan.name for scan in scans if scan.name[0] == "."]
    if hidden:
        print(f"skipped, as the name begins with a dot: {', '.join(hidden)}")
        scans = [scan for scan in scans if scan.name not in hidden]
    if not scans:
        raise DataError(
            f"{path} holds no scan: no {', no '.join(READERS)} and no folder with coord.npy"
        )
    return scans


def write_results(
    folder: Path, scan: str, cloud: Cloud, upright: Cloud, found: Instances, labels: LabelSet
) -> None:
    """The files of one scan (see above). `upright`: the same cloud in metres with z up, for the
    page."""
    masks, scores = found.masks.numpy(), found.scores.tolist()
    names = [labels.names[label] for label in found.labels.tolist()]
    instance, rows = np.full(len(cloud.coord), -1), []
    for mask, name, score in zip(masks, names, scores):
        points = cloud.coord[mask].astype(np.float64)
        low, high, middle = (
            values.round(4).tolist() for values in (points.min(0), points.max(0), points.mean(0))
        )
        row = {"label": name, "score": round(score, 4), "points": len(points)}
        rows.append(row | {"box": {"min": low, "max": high}, "centroid": middle})
    for k in reversed(range(len(masks))):  # the best score last, on top
        instance[masks[k]] = k
    write_json({"points": len(cloud.coord), "instances": rows}, folder / "instances.json")
    np.savez_compressed(
        folder / "masks.npz", masks=masks, scores=found.scores.numpy(), labels=found.labels.numpy()
    )

    centers = np.array([upright.coord[mask].mean(0) for mask in masks]).reshape(-1, 3)
    paint = instance_paint(instance, neighbour_colors(centers))
    write_ply(folder / "instances.ply", cloud.coord, paint.colors, cloud.faces)
    write_page(folder / "report.html", scan, upright, found, labels)


def write_page(path: Path, scan: str, upright: Cloud, found: Instances, labels: LabelSet) -> None:
    """Scan and instances side by side, to turn, to point at and to switch."""
    none = np.full(len(upright.coord), IGNORE_INDEX)
    rgb = np.full(upright.coord.shape, 0.5) if upright.color is None else upright.color
    original = Original(none, none, np.arange(len(none)))
    scene = Scene(scan, upright.coord, rgb, np.zeros_like(upright.coord), none, none, original)
    nothing = Target(torch.zeros(0, dtype=torch.long), torch.from_numpy(none))
    report_scene(path, Inspection(scene, [], nothing, labels).show(found))


def predict(options: PredictOptions) -> dict[str, str]:
    """Write the results of every scan; the reason for each that failed, by name. UserError if the
    only one fails."""
    scans = find_scans(Path(options.input))
    device = choose_device(options.device)
    model, cfg = load_model(options.checkpoint, device, options.allow_backbone)
    # Options that do not fit the model are refused before the first scan is read.
    options = options.resolved(model, cfg)
    failed = {}
    for path in scans:
        print(path)
        alone = [other.stem for other in scans].count(path.stem) == 1 and path.is_file()
        target = Path(options.output) / (path.stem if alone else path.name)
        try:
            with memory_advice(MEMORY_ADVICE), whole_folder(target, FILES) as folder:
                cloud = read_cloud(path)
                found = predict_scan(
                    model, cfg, cloud, options, options.units, options.up, log=print
                )
                found = found[found.scores >= options.score_threshold]
                upright, _ = standardise(cloud, options.units, options.up)
                write_results(folder, target.name, cloud, upright, found, cfg.data.labels)
        except UserError as error:
            if len(scans) == 1:
                raise
            failed[path.name] = str(error)
            print(f"error: {error}", file=sys.stderr)
        else:
            names = [cfg.data.labels.names[label] for label in found.labels.tolist()]
            counts = ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))
            print(f"  {len(found)} instances in {target}" + f": {counts}" * bool(names))
    return failed


@exit_on_user_error
def main() -> None:
    """Predict as the arguments say."""
    failed = predict(
        load_options(
            PredictOptions,
            options_parser(PredictOptions, "predict", __doc__).parse_args().overrides,
        )
    )
    if failed:
        print(f"{len(failed)} failed: {', '.join(failed)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
