"""Scenes per second and peak memory of inference, from points on the device to `Instances`.

    python -m tests.benchmarks.inference data.voxel_size=0.02 model.backbone_voxel_size=0.02
    python -m tests.benchmarks.inference --device cpu --data data_samples --checkpoint rooms.ckpt

A scene with a given number of points is made of the data's first scene: downsampled to
data.voxel_size, repeated side by side, and cut. Times are medians of `--repeat` predictions after
`--warm` ones. Memory is the peak above the model itself: of allocated tensors on CUDA, of the
process on the CPU. Without a checkpoint the weights are random, which changes neither.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from mf3d_tutorial.common.errors import exit_on_user_error
from mf3d_tutorial.config import load_config
from mf3d_tutorial.data import ScanNetScenes
from mf3d_tutorial.data.batch import point_features
from mf3d_tutorial.data.scannet import Scene
from mf3d_tutorial.evaluation.inference import predict_instances
from mf3d_tutorial.model import MaskFormer3D, build_model
from mf3d_tutorial.training.checkpoint import load_model
from mf3d_tutorial.warp import Points
from mf3d_tutorial.warp.device import autocast, choose_device, training_precision
from tests.benchmarks.rooms import rooms_in


def tiled(scene: Scene, in_features: list[str], count: int) -> Points:
    """`count` points of rooms that stand in a row along x, a metre apart."""
    coord = torch.from_numpy(scene.coord)
    features = torch.from_numpy(point_features(scene, in_features))
    width = float(coord[:, 0].max() - coord[:, 0].min()) + 1
    rooms = range(-(-count // len(coord)))
    shifted = torch.cat([coord + torch.tensor([room * width, 0, 0]) for room in rooms])
    return Points([shifted[:count]], [features.repeat(len(rooms), 1)[:count]])


def peak_memory(device: torch.device) -> float:
    """GB, the highest so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def timed(model: MaskFormer3D, points: Points, device: torch.device, precision: str) -> float:
    """Seconds of one prediction."""
    start = time.perf_counter()
    with autocast(device, precision):
        logits, masks = model(points)
    predict_instances(logits[0], masks[0]).scores.cpu()  # which waits for the device
    return time.perf_counter() - start


@exit_on_user_error
@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--points", type=int, nargs="+", default=[50_000, 150_000, 1_000_000], help="ascending"
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--checkpoint", help="a trained model, in place of key=value")
    parser.add_argument("--warm", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument(
        "--data", type=Path, help="a dataset; without it, a room of ScanNet's size is generated"
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    arguments = parser.parse_intermixed_args()
    device = choose_device(arguments.device)
    with tempfile.TemporaryDirectory() as made:
        data = arguments.data or rooms_in(Path(made), 1)
        if arguments.checkpoint:
            model, cfg = load_model(arguments.checkpoint, device)
        else:
            cfg = load_config([f"paths.data_dir={data}", *arguments.overrides])
            model = build_model(cfg.model, len(cfg.data.labels)).to(device).eval()
        scene = ScanNetScenes(data, "train", voxel_size=cfg.data.voxel_size)[0]
    precision = training_precision("auto", device)
    name = (
        torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"CPU, {torch.get_num_threads()} threads"
    )
    print(
        f"{name}, torch {torch.__version__}, precision {precision}, voxels of"
        f" {cfg.data.voxel_size} m"
    )
    before = peak_memory(device)
    for count in arguments.points:
        points = tiled(scene, cfg.model.in_features, count).to(device)
        seconds = [
            timed(model, points, device, precision)
            for _ in range(arguments.warm + arguments.repeat)
        ]
        took, added = median(seconds[arguments.warm :]), peak_memory(device) - before
        print(
            f"{count:9,} points: {1 / took:6.2f} scenes/s, {1e3 * took:7.1f} ms, {added:6.2f} GB",
            flush=True,
        )


if __name__ == "__main__":
    main()
