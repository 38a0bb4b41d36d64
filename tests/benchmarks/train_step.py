"""A training step of WarpConvNet's MaskFormer example and one of ours: same scenes, same weights,
in one process.

    python -m tests.benchmarks.train_step                       # on a GPU: all sizes, fp32 and fp16
    python -m tests.benchmarks.train_step --device cpu --recipe tiny --sizes 2 --voxels 0.08

Times are medians after `--warm` steps of warm-up, in which WarpConvNet benchmarks its kernels: of
`--steps` steps, which are timed four in a row. Phases are timed in steps of their own, with a
synchronisation after each, so they do not add up to the whole step. Of three lines the first is the
example's, the second ours, the third the ratio. "targets" is the work before the backbone: the
example builds its targets there, we copy what the data loader has built. First, a process of its
own compares the losses of 20 steps in float32 without dropout.
"""

import argparse
import copy
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from mf3d_tutorial.common.errors import exit_on_user_error
from mf3d_tutorial.config import load_config
from mf3d_tutorial.data import Batch, ScanNetScenes, collate
from mf3d_tutorial.training.engine import train_step
from mf3d_tutorial.training.run_state import Run
from mf3d_tutorial.warp import PointToVoxel, SparseConv3d, graph_memory, use_fast_path
from mf3d_tutorial.warp.device import autocast, choose_device
from tests.benchmarks.rooms import rooms_in
from tests.seed_side import seed_loss, seed_model, seed_targets

PHASES = ("targets", "backbone", "decoder", "loss", "backward")
ROW = 4  # steps timed together: a training loop does not wait for the end of each one either


class Side:
    """One of the two: a step, and hooks that tell where in it the time goes.

    `held`: bytes of GPU memory that were in use before it was made. (What cuBLAS takes for a stream
    stays.)
    """

    def __init__(self, step: Callable[[], Tensor], backbone, after_forward, device: torch.device):
        self.step = step
        self.backbone = backbone
        self.device = device
        self.marks = None
        self.held = 0
        backbone.register_forward_pre_hook(lambda *_: self.mark())
        backbone.register_forward_hook(lambda *_: self.mark())
        after_forward(self.mark)

    def mark(self) -> None:
        if self.marks is not None:
            self.wait()
            self.marks.append(time.perf_counter())

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def timed(self, steps: int) -> tuple[float, list[float], float]:
        """Milliseconds of a step, of its phases; gigabytes of GPU memory at the peak."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        whole = []
        for _ in range(-(-steps // ROW)):
            self.wait()
            before = time.perf_counter()
            for _ in range(ROW):
                self.step()
            self.wait()
            whole.append((time.perf_counter() - before) / ROW)
        memory = float("nan")
        if self.device.type == "cuda":
            graphs = graph_memory(self.backbone)
            memory = (torch.cuda.max_memory_allocated() - self.held + graphs) / 1e9
        phases = []
        for _ in range(steps):
            self.marks = []
            self.mark()
            self.step()
            self.mark()
            phases.append([later - sooner for sooner, later in zip(self.marks, self.marks[1:])])
            self.marks = None
        return 1e3 * median(whole), [1e3 * median(column) for column in zip(*phases)], memory


def our_side(run: Run, batch: Batch) -> Side:
    def borders(mark: Callable[[], None]) -> None:
        run.criterion.register_forward_pre_hook(lambda *_: mark())
        run.criterion.register_forward_hook(lambda *_: mark())

    return Side(lambda: train_step(run, batch)["loss"], run.model.backbone, borders, run.device)


def their_side(run: Run, batch: Batch, labels: list[tuple[Tensor, Tensor]]) -> Side:
    """The example's step: its model with the weights of `run`, AdamW, a gradient scaler;
    WarpConvNet's own layers."""
    network, voxel_size = run.model.backbone.inner_module, run.cfg.model.backbone_voxel_size
    backbone = PointToVoxel(copy.deepcopy(network), voxel_size, concat_unpooled_pc=False)
    model = seed_model(run.model, backbone, run.cfg.model.dropout).to(run.device).train()
    train, criterion, device, precision = run.cfg.train, run.criterion, run.device, run.precision
    optimizer = torch.optim.AdamW(model.parameters(), lr=train.lr, weight_decay=train.weight_decay)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "16-mixed")
    marks = []

    def step() -> Tensor:
        use_fast_path(False)
        points = batch.points.to(device)
        targets = [seed_targets(segment, instance, device) for segment, instance in labels]
        optimizer.zero_grad()
        with autocast(device, precision):
            outputs = model(points)
            marks[0]()
            loss = seed_loss(*outputs, targets, criterion.weights, criterion.no_object_weight)
            marks[0]()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        use_fast_path()
        return loss.detach()

    return Side(step, model.backbone, marks.append, device)


def make_side(
    name: str, arguments: argparse.Namespace, data: Path, scenes: int, voxel: float, *overrides: str
):
    """The "example" or "ours", with the same weights, on the first scenes of `data`; the points of
    all of them."""
    options = [f"recipe={arguments.recipe}", f"paths.data_dir={data}", f"data.voxel_size={voxel}"]
    options += [
        f"model.backbone_voxel_size={voxel}",
        "model.query_init=learned",
        "model.mask_position=false",
    ]
    options += [
        "model.masked_attention=false",
        "model.position_wavelength=1",
        "model.position_bands=16",
    ]
    options += ["loss.aux_weight=0", "train.schedule=step"]
    cfg = load_config([*options, f"train.batch_size={scenes}", *overrides, *arguments.overrides])
    held = torch.cuda.memory_allocated()
    run = Run.create(cfg, choose_device(arguments.device), num_scenes=scenes)
    dataset = ScanNetScenes(data, "train", voxel_size=voxel)
    chosen = [dataset[index % len(dataset)] for index in range(scenes)]
    batch = collate(chosen, in_features=cfg.model.in_features)
    # as the loaders of both have it
    batch = batch.pin_memory() if run.device.type == "cuda" else batch
    labels = [
        (torch.from_numpy(scene.segment), torch.from_numpy(scene.instance)) for scene in chosen
    ]
    run.model.train()
    side = our_side(run, batch) if name == "ours" else their_side(run, batch, labels)
    side.held = held
    return side, sum(len(scene.coord) for scene in chosen)


def compare_losses(arguments: argparse.Namespace, data: Path, voxel: float) -> None:
    """Of ours with the example's, and of the example's with its own in a second run: sums by
    atomics differ there.

    To be called in a process with tuning tables of its own: the kernels that it asks for would get
    into the tables, and from then on everybody would be given them.
    """
    options = ("train.precision=32", "train.lr=1e-5", "model.dropout=0", "train.max_grad_norm=1e9")
    sides = [
        make_side(name, arguments, data, 2, voxel, *options)[0]
        for name in ("example", "example", "ours")
    ]
    for conv in (module for side in sides for module in side.backbone.modules()):
        if isinstance(conv, SparseConv3d):  # WarpConvNet's other kernels round float32 to float16
            conv.fwd_algo = conv.dgrad_algo = conv.wgrad_algo = "explicit_gemm"
    theirs, again, ours = zip(*([float(side.step()) for side in sides] for _ in range(20)))
    print(
        f"20 steps in float32: the example's loss falls from {theirs[0]:.4f} to {theirs[-1]:.4f};"
        " relative difference"
    )
    for name, losses in (("of ours", ours), ("of the example, run twice", again)):
        differences = [abs(loss - their) / their for loss, their in zip(losses, theirs)]
        print(f"  {name}: {differences[0]:.1e} in the first step, at most {max(differences):.1e}")


def compare_speed(
    arguments: argparse.Namespace, data: Path, scenes: int, voxel: float, precision: str
) -> None:
    rows, side = [], None
    for name in ("example", "ours"):
        side = None  # frees the other one's memory, and `collect` what refers to itself
        gc.collect()
        side, points = make_side(
            name, arguments, data, scenes, voxel, f"train.precision={precision}"
        )
        if name == "example":
            print(
                f"\nB={scenes}, {voxel * 100:g} cm, {points // scenes:,} points per scene,"
                f" {precision}"
            )
            print(
                f"{'':8}"
                + "".join(f"{title:>10}" for title in (*PHASES, "whole", "GB", "scenes/s"))
            )
        try:
            for _ in range(arguments.warm):
                side.step()
            whole, phases, memory = side.timed(arguments.steps)
        except (ValueError, RuntimeError) as error:
            use_fast_path()
            print(f"{name:8}  stops: {str(error).splitlines()[0][:100]}")
            continue
        rows.append([*phases, whole, memory, 1e3 * scenes / whole])
        print(f"{name:8}" + "".join(f"{value:10.1f}" for value in rows[-1]), flush=True)
    if len(rows) == 2:
        print(f"{'ratio':8}" + "".join(f"{ours / theirs:10.2f}" for theirs, ours in zip(*rows)))


@exit_on_user_error
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 8], help="scenes per batch")
    parser.add_argument(
        "--voxels", type=float, nargs="+", default=[0.04, 0.02], help="voxel sizes in metres"
    )
    parser.add_argument("--precisions", nargs="+", help="32, 16-mixed; on the CPU 32 alone")
    parser.add_argument("--recipe", default="baseline")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--warm", type=int, default=6)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument(
        "--data", type=Path, help="a dataset; without it, rooms of ScanNet's size are generated"
    )
    # in the process that compares them
    parser.add_argument("--losses", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    arguments = parser.parse_intermixed_args()
    device = choose_device(arguments.device)
    precisions = arguments.precisions or (
        ["32"] if arguments.device == "cpu" else ["32", "16-mixed"]
    )
    with tempfile.TemporaryDirectory() as made:
        data = arguments.data or rooms_in(Path(made), max(arguments.sizes))
        if arguments.losses:
            compare_losses(arguments, data, max(arguments.voxels))
            return
        name = (
            torch.cuda.get_device_name()
            if device.type == "cuda"
            else f"CPU, {torch.get_num_threads()} threads"
        )
        print(f"{name}, torch {torch.__version__}", flush=True)
        again = [
            sys.executable,
            "-m",
            "tests.benchmarks.train_step",
            *sys.argv[1:],
            f"--data={data}",
            "--losses",
        ]
        subprocess.run(
            again, check=True, env={**os.environ, "WARPCONVNET_BENCHMARK_CACHE_DIR": made}
        )
        for precision in precisions:
            for scenes in arguments.sizes:
                for voxel in arguments.voxels:
                    compare_speed(arguments, data, scenes, voxel, precision)


if __name__ == "__main__":
    main()
