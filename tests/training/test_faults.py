"""What can end a run, done to it on purpose; each test says what is left, and nothing that was
reached is lost."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest.mock
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import write_scene
from small_run import config, options, quiet, rows, run, start, weights, write_scenes

from mf3d_tutorial.common.errors import ConfigError, DataError, NonFiniteError, UserError
from mf3d_tutorial.data import ScanNetScenes, collate
from mf3d_tutorial.training import engine, loading
from mf3d_tutorial.training.checkpoint import CheckpointError, DamagedError, load_checkpoint
from mf3d_tutorial.training.engine import build_loader, fit, load_datasets, train_step
from mf3d_tutorial.training.run_folder import Interrupts, RunFolder
from mf3d_tutorial.training.run_state import Run

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def undisturbed(scenes, tmp_path_factory) -> Path:
    """The folder of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    process = start(options(scenes, folder))
    process.join()
    assert process.exitcode == 0
    return folder


def assert_same_end(folder: Path, undisturbed: Path) -> None:
    """Weights bit by bit, every line of metrics.jsonl once, the best validation."""
    ours, theirs = weights(folder), weights(undisturbed)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert rows(folder) == rows(undisturbed)
    best = [json.loads((path / "metrics.json").read_text())["ap"] for path in (folder, undisturbed)]
    assert best[0] == best[1]


# Buys the proof that a run can be killed at any moment: 3 x kill -9 and 2 x SIGTERM, wherever they
# hit it.
@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_as_if_nothing_had_happened(
    scenes, undisturbed, tmp_path
):
    seed = time.time_ns()
    print(f"the moments are those of random.Random({seed})")  # which pytest shows if the test fails
    moments = random.Random(seed)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        process = start(options(scenes, tmp_path))
        before = time.monotonic()
        while not (tmp_path / "last.ckpt").exists() and process.is_alive():
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 1 + time.monotonic() - before) / 2)
        os.kill(process.pid, number)
        process.join()
        assert process.exitcode in (-number, 0)
    run(options(scenes, tmp_path))
    assert_same_end(tmp_path, undisturbed)


@pytest.mark.parametrize("workers", [0, 1])
def test_sigterm_in_the_middle_of_an_epoch_loses_no_step(scenes, undisturbed, tmp_path, workers):
    more = ["train.save_every=1000", f"train.num_workers={workers}"]
    process = start(options(scenes, tmp_path, *more))
    while process.is_alive() and (
        not (tmp_path / "metrics.jsonl").exists() or len(rows(tmp_path)) < 5
    ):
        time.sleep(0.01)
    process.terminate()
    process.join()
    state = load_checkpoint(tmp_path / "last.ckpt")
    assert process.exitcode == -signal.SIGTERM
    assert state["step"] == rows(tmp_path)[-1]["step"]
    fit(config(scenes, tmp_path, *more), quiet)
    assert_same_end(tmp_path, undisturbed)


@pytest.mark.parametrize("where", ["training", "validation"])
def test_an_interrupt_as_papermill_and_ctrl_c_send_it_saves_first(
    scenes, undisturbed, tmp_path, monkeypatch, where
):
    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        if where == "training":
            real = engine.as_numbers

            def interrupted(losses):
                if len(rows(tmp_path)) == 4:
                    os.kill(os.getpid(), signal.SIGINT)
                return real(losses)

            patch.setattr(engine, "as_numbers", interrupted)
        else:
            patch.setattr(engine, "validate", lambda *_: os.kill(os.getpid(), signal.SIGINT))
        said = []
        with pytest.raises(KeyboardInterrupt):
            fit(config(scenes, tmp_path, "train.save_every=1000"), said.append)
    step = load_checkpoint(tmp_path / "last.ckpt")["step"]
    assert step == {"training": 5, "validation": 6}[where]
    assert said[-1] == f"stopped after step {step}; train.resume=auto goes on from there"
    assert signal.getsignal(signal.SIGINT) is handler
    fit(config(scenes, tmp_path), quiet)
    assert_same_end(tmp_path, undisturbed)


def test_last_ckpt_is_written_when_it_is_due_and_after_each_validation(
    scenes, tmp_path, monkeypatch
):
    """Not after each epoch: with few scenes that would cost a GPU more time than the steps."""
    written = []
    real = RunFolder.save

    def save(folder, run, name):
        written.append((name, run.epoch))
        real(folder, run, name)

    monkeypatch.setattr(RunFolder, "save", save)
    fit(config(scenes, tmp_path / "seldom", "train.save_every=1000"), quiet)
    assert [epoch for name, epoch in written if name == "last.ckpt"] == [2, 4]
    written.clear()
    fit(config(scenes, tmp_path / "often", "train.save_every=0.001"), quiet)
    assert {epoch for name, epoch in written if name == "last.ckpt"} == {0, 1, 2, 3, 4}


def test_lines_that_the_checkpoint_does_not_know_of_are_written_anew(scenes, tmp_path):
    fit(config(scenes, tmp_path, "train.max_steps=4"), quiet)
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"kind": "train", "epoch": 3, "step": 5, "lo')  # as a killed process leaves it
    fit(config(scenes, tmp_path), quiet)
    steps = [row["step"] for row in rows(tmp_path) if row["kind"] == "train"]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) > 5


def test_a_full_disk_leaves_the_checkpoint_before_it(scenes, undisturbed, tmp_path):
    # A limit on the size of files stands for the full disk: writing fails in the same place.
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2); "
    )
    code += "from mf3d_tutorial.train import main; sys.argv[1:] = sys.argv[2:]; main()"
    fit(config(scenes, tmp_path, "train.max_steps=4"), quiet)
    size = (tmp_path / "last.ckpt").stat().st_size
    before = (tmp_path / "last.ckpt").read_bytes()
    arguments = options(scenes, tmp_path, "train.num_workers=0")
    done = subprocess.run(
        [sys.executable, "-c", code, str(size // 2), *arguments], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert re.search(
        r"last\.ckpt cannot be written \(.*\): .*free space", done.stderr.splitlines()[-1]
    )
    assert (tmp_path / "last.ckpt").read_bytes() == before
    assert not list(tmp_path.glob("*.tmp"))


def damage(path: Path) -> None:
    """One bit, in the middle of the weights."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken(scenes, undisturbed, tmp_path):
    shutil.copytree(undisturbed, tmp_path, dirs_exist_ok=True)
    for name in ("config.yaml", "metrics.json"):
        (tmp_path / name).unlink()
    damage(tmp_path / "last.ckpt")
    said = []
    fit(config(scenes, tmp_path), said.append)
    assert any(
        re.search(r"last\.ckpt is damaged .*Going on from .*previous\.ckpt", line) for line in said
    )
    assert (tmp_path / "damaged.ckpt").exists()
    assert_same_end(tmp_path, undisturbed)

    for name in ("last", "previous"):
        damage(tmp_path / f"{name}.ckpt")
    with pytest.raises(DamagedError, match=r"previous\.ckpt is damaged"):
        fit(config(scenes, tmp_path), quiet)


def test_a_kill_between_the_two_renames_of_a_save_loses_nothing(scenes, undisturbed, tmp_path):
    shutil.copytree(undisturbed, tmp_path, dirs_exist_ok=True)
    (tmp_path / "last.ckpt").unlink()
    (tmp_path / "last.ckpt.123.tmp").write_bytes(b"half of it")
    fit(config(scenes, tmp_path), quiet)
    assert_same_end(tmp_path, undisturbed)
    assert not list(tmp_path.glob("*.tmp"))


def test_a_foreign_or_stripped_checkpoint_is_refused_and_left_alone(scenes, tmp_path):
    for content, sentence in (({"weights": 1}, "not a checkpoint of this"), (None, "was stripped")):
        if content:
            torch.save(content, tmp_path / "last.ckpt")
        else:
            other = tmp_path / "other"
            fit(config(scenes, other, "train.max_steps=1"), quiet)
            engine_state = load_checkpoint(other / "last.ckpt")
            del engine_state["row_bytes"]
            torch.save(engine_state, tmp_path / "last.ckpt")
        before = (tmp_path / "last.ckpt").read_bytes()
        with pytest.raises(CheckpointError, match=sentence):
            fit(config(scenes, tmp_path), quiet)
        assert (tmp_path / "last.ckpt").read_bytes() == before


def test_a_second_run_in_the_same_folder_is_refused(scenes, undisturbed, tmp_path):
    process = start(options(scenes, tmp_path, "train.num_workers=1"))
    while process.is_alive() and not (tmp_path / "config.yaml").exists():
        time.sleep(0.01)
    with pytest.raises(ConfigError, match="another process is training in"):
        fit(config(scenes, tmp_path), quiet)
    process.join()
    assert process.exitcode == 0
    assert_same_end(tmp_path, undisturbed)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_scene_that_turns_unreadable_is_named_and_the_run_goes_on_once_it_is_mended(
    scenes, undisturbed, tmp_path, workers
):
    data = tmp_path / "data"
    out = tmp_path / "run"
    more = (f"train.num_workers={workers}", "data.cache=false")
    shutil.copytree(scenes, data)
    color = data / "train/scene3/color.npy"
    good = color.read_bytes()

    def break_it(line: str) -> None:
        if line.startswith("epoch 2:"):
            color.write_bytes(good[:100])

    with pytest.raises(DataError, match=r"scene3/color\.npy cannot be read") as caught:
        fit(config(data, out, *more), break_it)
    assert "\n" not in str(caught.value)
    assert load_checkpoint(out / "last.ckpt")["step"] >= 6
    color.write_bytes(good)
    fit(config(data, out, *more), quiet)
    assert_same_end(out, undisturbed)


def test_a_dead_loader_process_is_named_and_nothing_is_lost(scenes, undisturbed, tmp_path):
    def kill_loader(line: str) -> None:
        if line.startswith("run folder"):
            loading.ScanNetScenes.__getitem__ = lambda self, item: os.kill(
                os.getpid(), signal.SIGKILL
            )

    real = loading.ScanNetScenes.__getitem__
    try:
        with pytest.raises(
            UserError, match=r"a data loader process died .*lower train\.num_workers"
        ):
            fit(config(scenes, tmp_path, "train.num_workers=1"), kill_loader)
    finally:
        loading.ScanNetScenes.__getitem__ = real
    fit(config(scenes, tmp_path), quiet)
    assert_same_end(tmp_path, undisturbed)


def test_a_gpu_without_room_is_explained_and_nothing_is_lost(
    scenes, undisturbed, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        real = engine.MaskFormer3D.forward_layers

        def full(model, points, last_only=False):
            # the statistics of batch norm have changed by now
            outputs = real(model, points, last_only)
            if len(rows(tmp_path)) == 4:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
            return outputs

        patch.setattr(engine.MaskFormer3D, "forward_layers", full)
        with pytest.raises(
            UserError, match=r"step 5, scene\d, scene\d with \d+ points: raise data\.voxel_size"
        ):
            fit(config(scenes, tmp_path), quiet)
    fit(config(scenes, tmp_path), quiet)
    assert_same_end(tmp_path, undisturbed)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def test_the_statistics_that_come_back_are_those_kept_last(scenes, tmp_path, device):
    cfg = config(scenes, tmp_path, f"device={device}")
    run = Run.create(cfg, torch.device(device), num_scenes=5)
    buffers = list(run.model.buffers())
    assert {buffer.dtype for buffer in buffers} == {torch.float32, torch.int64}
    for _ in range(2):
        torch._foreach_add_(buffers, 1)
        run.keep_statistics()
    wanted = [buffer.clone() for buffer in buffers]
    for _ in range(2):  # as for a batch that is tried in ever smaller pieces
        torch._foreach_mul_(buffers, 3)
        run.restore_statistics()
        assert all(map(torch.equal, buffers, wanted))


def test_a_batch_that_the_gpu_has_no_room_for_is_computed_in_pieces(scenes, tmp_path, monkeypatch):
    whole = ["model.backbone._target_=small_run.PointModel", "model.backbone_voxel_size=null"]
    whole += ["train.batch_size=4", "model.dropout=0", "data.augment=[]"]
    fit(config(scenes, tmp_path / "whole", *whole), quiet)
    real, said, sizes = engine.MaskFormer3D.forward_layers, [], []

    def small_gpu(model, points, last_only=False):
        if model.training:
            sizes.append(len(points.offsets) - 1)
        if model.training and sizes[-1] > 1 and len(sizes) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return real(model, points, last_only)

    monkeypatch.setattr(engine.MaskFormer3D, "forward_layers", small_gpu)
    fit(config(scenes, tmp_path / "pieces", *whole), said.append)
    assert re.findall(r"computed in (\d+) pieces", "\n".join(said)) == ["2", "4"]
    assert sizes[:9] == [4, 1, 4, 2, 1, 1, 1, 1, 1]  # five scenes: a batch of four, one of one
    whole, pieces = rows(tmp_path / "whole"), rows(tmp_path / "pieces")
    assert [row["step"] for row in whole] == [row["step"] for row in pieces]
    for name in ("loss", "val_loss", "grad_norm"):
        values = [[row[name] for row in run if name in row] for run in (whole, pieces)]
        np.testing.assert_allclose(*values, rtol=1e-4)


@pytest.mark.parametrize("training", [True, False])
def test_graphs_are_given_up_before_a_batch_is_split(scenes, tmp_path, monkeypatch, training):
    """While there are graphs, the GPU has no room for a training step, or for a validation."""
    graphs, said, real = ["a graph"], [], engine.MaskFormer3D.forward_layers

    def small_gpu(model, points, last_only=False):
        if graphs and model.training == training:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return real(model, points, last_only)

    monkeypatch.setattr(engine.MaskFormer3D, "forward_layers", small_gpu)
    monkeypatch.setattr(engine, "graph_memory", lambda model: 5 * len(graphs))
    monkeypatch.setattr(engine, "drop_graphs", lambda model: bool(graphs and [graphs.pop()]))
    options = ["model.backbone._target_=small_run.PointModel", "model.backbone_voxel_size=null"]
    metrics = fit(config(scenes, tmp_path, *options, "train.batch_size=1"), said.append)
    assert metrics["steps"] > 0
    text = "\n".join(said)
    assert ("step 1 does not fit in the GPU's memory beside" in text) == training
    assert "pieces" not in text
    assert not graphs


@pytest.mark.cuda
def test_a_step_that_a_real_gpu_has_no_room_for_changes_nothing(scenes, tmp_path):
    cfg = config(scenes, tmp_path, "device=cuda")
    run = Run.create(cfg, torch.device("cuda"), num_scenes=5)
    batch = next(iter(build_loader(cfg, load_datasets(cfg)[0])))
    train_step(run, batch)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    # several voxels on the U-Net's coarsest grid
    coord = np.random.default_rng(0).uniform(0, 8, (3_000_000, 3))
    write_scene(tmp_path / "train" / "large", points=len(coord), coord=coord)
    large = collate(
        [ScanNetScenes(tmp_path, "train", voxel_size=None)[0]], in_features=cfg.model.in_features
    )
    torch.cuda.set_per_process_memory_fraction(0.002)  # some 280 MB of an H200
    try:
        with pytest.raises(
            UserError,
            match=r"memory is too small for step 2, large with [\d,]+ points: raise data",
        ):
            train_step(run, large)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert all(torch.equal(value, before[name]) for name, value in run.model.state_dict().items())
    train_step(run, batch)
    assert run.step == 2


@pytest.mark.parametrize("where", ["loss", "outputs", "gradient"])
def test_a_batch_that_is_not_finite_changes_nothing_and_is_kept_for_inspection(
    scenes, tmp_path, where
):
    cfg = config(scenes, tmp_path, "train.max_nonfinite=2")
    run = Run.create(cfg, torch.device("cpu"), num_scenes=5)
    batch = next(iter(build_loader(cfg, load_datasets(cfg)[0])))
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    if where == "loss":
        nan = torch.tensor(torch.nan, requires_grad=True)
        run.criterion.forward = lambda *_: dict.fromkeys(("loss", "cls", "bce", "dice"), nan)
    elif where == "outputs":
        batch.points.feature_tensor[:] = torch.nan
    else:
        run.model.class_head.weight.register_hook(lambda gradient: gradient * torch.inf)
    train_step(run, batch)
    with pytest.raises(NonFiniteError, match=r"scene0, scene1, kept in .*nonfinite0\.ckpt"):
        train_step(run, batch)
    assert all(torch.equal(value, before[name]) for name, value in run.model.state_dict().items())
    (kept,) = load_checkpoint(tmp_path / "nonfinite0.ckpt")["batches"]
    assert kept["names"] == ["scene0", "scene1"]
    assert torch.equal(kept["coordinate_tensor"], batch.points.coordinate_tensor)


def test_gradients_that_always_overflow_float16_end_the_run(scenes, tmp_path):
    run = Run.create(config(scenes, tmp_path), torch.device("cpu"), num_scenes=5)
    run.scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    batch = next(iter(build_loader(run.cfg, load_datasets(run.cfg)[0])))
    run.model.class_head.weight.register_hook(lambda gradient: gradient * torch.inf)
    before = run.model.class_head.weight.clone()
    engine.check_scale(run)
    for _ in range(22):
        train_step(run, batch)
    assert torch.equal(run.model.class_head.weight, before)
    assert run.nonfinite == 0  # the scaler's business, until its scale is next to nothing
    with pytest.raises(NonFiniteError, match=r"up to step 22: set train\.precision=32"):
        engine.check_scale(run)


def test_a_scene_of_a_single_voxel_is_named(scenes, tmp_path):
    run = Run.create(config(scenes, tmp_path), torch.device("cpu"), num_scenes=5)
    dataset = load_datasets(run.cfg)[0]
    batch = collate([dataset[0]], in_features=run.cfg.model.in_features)
    batch.points.coordinate_tensor[:] = 0.01
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    with pytest.raises(
        UserError, match="scene0 at step 1: a single voxel is left on the backbone's coarsest grid"
    ):
        train_step(run, batch)
    assert all(torch.equal(value, before[name]) for name, value in run.model.state_dict().items())


def test_a_run_goes_on_with_the_learning_rate_that_is_asked_for(scenes, tmp_path):
    options = ("train.schedule=onecycle", "train.weight_decay=0.01")
    first = Run.create(
        config(scenes, tmp_path, *options, "train.lr=1e-3"), torch.device("cpu"), num_scenes=5
    )
    batch = next(iter(build_loader(first.cfg, load_datasets(first.cfg)[0])))
    for _ in range(3):
        train_step(first, batch)
    state = first.state_dict()

    def resumed(*overrides):
        again = Run.create(config(scenes, tmp_path, *overrides), torch.device("cpu"), num_scenes=5)
        again.load_state_dict(state)
        return again.optimizer.param_groups[0]

    assert resumed(*options, "train.lr=1e-3") == first.optimizer.param_groups[0] | {
        "params": unittest.mock.ANY
    }
    group = resumed("train.schedule=onecycle", "train.lr=1e-4", "train.weight_decay=0.5")
    assert group["lr"] == pytest.approx(first.optimizer.param_groups[0]["lr"] / 10)
    assert group["max_lr"] == 1e-4
    assert group["weight_decay"] == 0.5
    with pytest.raises(
        ConfigError, match=r"train\.schedule cannot change .* began with onecycle, not step"
    ):
        resumed("train.schedule=step")


def test_a_run_that_began_in_float32_goes_on_in_float16(scenes, tmp_path):
    run = Run.create(config(scenes, tmp_path), torch.device("cpu"), num_scenes=5)
    state = run.state_dict()
    assert state["scaler"] == {}
    run.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    run.load_state_dict(state)
    assert run.scaler.get_scale() == 8.0


def test_a_state_from_before_a_counter_was_renamed_is_read(scenes, tmp_path):
    run = Run.create(config(scenes, tmp_path), torch.device("cpu"), num_scenes=5)
    state = run.state_dict() | {"epoch_steps": 2}
    state["seen"] = state.pop("epoch_steps")
    run.load_state_dict(state)
    assert run.epoch_steps == 2


def test_a_jumping_clock_changes_nothing(scenes, tmp_path, monkeypatch):
    jumps = random.Random(0)
    monkeypatch.setattr(time, "time", lambda: jumps.uniform(-1e9, 1e12))
    metrics = fit(config(scenes, tmp_path, "train.max_steps=3"), quiet)
    assert 0 < metrics["train_seconds"] < 1000


def test_ctrl_c_is_held_back_again_after_an_error_in_a_block_that_let_it_through():
    with Interrupts() as interrupts:
        with pytest.raises(DataError), interrupts.let_through():
            raise DataError("a scene turned unreadable")
        os.kill(os.getpid(), signal.SIGINT)  # would raise here, while last.ckpt is written
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_an_error_in_half_a_step_writes_no_half_a_step(scenes, tmp_path, monkeypatch):
    cfg = config(scenes, tmp_path, "train.save_every=1000")
    real = torch.optim.AdamW.step
    calls = []

    def half(optimizer, *args):
        calls.append(real(optimizer, *args))
        if len(calls) == 2:
            raise RuntimeError("CUDA error")

    monkeypatch.setattr(torch.optim.AdamW, "step", half)
    with pytest.raises(RuntimeError, match="CUDA error"):
        fit(cfg, quiet)
    assert not (tmp_path / "last.ckpt").exists()


def test_the_numbers_of_a_run_are_logged(scenes, tmp_path):
    fit(config(scenes, tmp_path, "train.max_steps=2"), quiet)
    row = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[0])
    assert row["scenes_per_second"] > 0
    assert 0 <= row["data_wait"] <= 1
    assert row["grad_norm"] > 0


class Writer(list):
    """Stands for tensorboard's SummaryWriter, which is not installed here."""

    def __init__(self, folder, purge_step):
        Writer.last = self
        self.folder, self.purge_step = folder, purge_step

    def add_scalar(self, name, value, step):
        self.append((name, step))

    def flush(self):
        pass


def test_a_tracker_gets_every_number_and_is_asked_for_if_it_is_missing(
    scenes, tmp_path, monkeypatch
):
    cfg = config(scenes, tmp_path, "train.max_steps=2", "train.tracker=tensorboard")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=r"train\.tracker=tensorboard: .*pip install tensorboard"):
        fit(cfg, quiet)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", type(sys)("tensorboard"))
    sys.modules["torch.utils.tensorboard"].SummaryWriter = Writer
    fit(cfg, quiet)
    assert {("train/loss", 1), ("train/loss", 2), ("val/ap", 2)} <= set(Writer.last)
    assert Writer.last.folder == tmp_path / "tensorboard"
