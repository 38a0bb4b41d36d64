"""The training loop end to end, on generated rooms, in the process and as a command."""

import json
import subprocess
import sys
import unittest.mock
from pathlib import Path

import numpy as np
import pytest
import torch

from mf3d_tutorial.common.errors import UserError, exit_on_user_error
from mf3d_tutorial.config import load_config, read_config
from mf3d_tutorial.rooms import make_scene
from mf3d_tutorial.training.checkpoint import CheckpointError, load_checkpoint
from mf3d_tutorial.training.engine import (
    Run,
    build_loader,
    fit,
    load_datasets,
    train_step,
    validate,
)

FILES = {"config.yaml", "metrics.jsonl", "metrics.json", "last.ckpt", "previous.ckpt", "best.ckpt"}


@pytest.fixture(scope="module")
def rooms(tmp_path_factory) -> Path:
    """Two train scenes and one val scene, made coarser still."""
    root = tmp_path_factory.mktemp("rooms")
    for split, count in (("train", 2), ("val", 1)):
        for index in range(count):
            folder = root / split / f"room{index}"
            folder.mkdir(parents=True)
            for name, array in make_scene(1, split, index, small=True, domain="simple").items():
                np.save(folder / f"{name}.npy", array)
    return root


NAN = torch.tensor(torch.nan, requires_grad=True)


def config(rooms: Path, out: Path, *overrides: str):
    small = [
        "data.voxel_size=0.16",
        "model.backbone_voxel_size=0.16",
        "train.eval_every=2",
        "train.log_every=1",
    ]
    return load_config(
        ["recipe=tiny", f"paths.data_dir={rooms}", f"paths.output_dir={out}", *small, *overrides]
    )


def quiet(_line: str) -> None:
    pass


# Buys the proof that model, loss, matching, optimiser, inference and AP work together: a bug in any
# of them and the model cannot learn even one room by heart.
@pytest.mark.slow
def test_one_room_can_be_learned_by_heart(rooms):
    overrides = ["train.batch_size=1", "train.epochs=80", "data.augment=[]"]
    overrides += ["data.voxel_size=0.08", "model.backbone_voxel_size=0.08"]
    cfg = config(rooms, Path("unused"), *overrides)
    train_set, _ = load_datasets(cfg)
    train_set.folders = train_set.folders[:1]
    run = Run.create(cfg, torch.device("cpu"), num_scenes=1)
    loader = build_loader(cfg, train_set)
    batch = next(iter(loader))
    for _ in range(run.total_steps):
        train_step(run, batch)
    assert validate(run.model, loader, run.criterion, run.device)["ap50"] >= 0.9


def test_a_run_leaves_its_folder_and_numbers(rooms, tmp_path):
    lines = []
    cfg = config(rooms, tmp_path / "run", "train.epochs=3")
    metrics = fit(cfg, lines.append)
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["kind"] == "train"] == [1, 2, 3]
    assert [row["epoch"] for row in rows if row["kind"] == "val"] == [2, 3]
    assert json.loads((tmp_path / "run/metrics.json").read_text())["steps"] == metrics["steps"] == 3
    assert read_config(tmp_path / "run/config.yaml") == cfg
    state = load_checkpoint(tmp_path / "run/last.ckpt")
    assert (state["epoch"], state["step"]) == (3, 3)
    assert any(line.startswith("epoch 3: AP ") for line in lines)


def test_a_resumed_run_equals_one_that_was_not_interrupted(rooms, tmp_path, one_thread):
    fit(config(rooms, tmp_path / "whole", "train.epochs=4", "model.dropout=0.1"), quiet)
    cfg = config(
        rooms, tmp_path / "parts", "train.epochs=4", "model.dropout=0.1", "train.resume=auto"
    )
    folder = tmp_path / "parts"

    class Stopped(Exception):
        pass

    def stop(line: str) -> None:
        if line.startswith("epoch 4: AP"):
            raise Stopped

    with pytest.raises(Stopped):  # after epoch 4 was computed, before it was saved
        fit(cfg, stop)
    assert load_checkpoint(folder / "last.ckpt")["epoch"] == 3
    fit(cfg, quiet)
    whole, parts = (
        load_checkpoint(tmp_path / name / "last.ckpt")["model"] for name in ("whole", "parts")
    )
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_run_is_not_written_over(rooms, tmp_path):
    cfg = config(rooms, tmp_path, "train.epochs=1")
    fit(cfg, quiet)
    with pytest.raises(UserError, match="already holds a run"):
        fit(cfg, quiet)
    other = config(rooms, tmp_path, "train.resume=auto", "model.num_queries=9")
    with pytest.raises(CheckpointError, match="another model"):
        fit(other, quiet)


def test_a_loss_that_is_not_finite_changes_nothing_and_names_the_scenes(rooms, tmp_path):
    cfg = config(rooms, tmp_path, "train.max_nonfinite=2")
    run = Run.create(cfg, torch.device("cpu"), num_scenes=2)
    batch = next(iter(build_loader(cfg, load_datasets(cfg)[0])))
    weights = [parameter.clone() for parameter in run.model.parameters()]
    run.criterion.forward = lambda *_: dict.fromkeys(("loss", "cls", "bce", "dice"), NAN)
    train_step(run, batch)
    assert all(map(torch.equal, weights, run.model.parameters()))
    with pytest.raises(UserError, match="room0, room1"):
        train_step(run, batch)


@pytest.mark.parametrize("limit", [0.01, 1e6])
def test_gradients_are_clipped_to_the_norm_that_is_asked_for(rooms, tmp_path, limit):
    cfg = config(rooms, tmp_path, f"train.max_grad_norm={limit}")
    run = Run.create(cfg, torch.device("cpu"), num_scenes=2)
    before = train_step(run, next(iter(build_loader(cfg, load_datasets(cfg)[0]))))[
        "grad_norm"
    ].item()
    after = (
        torch.cat([parameter.grad.flatten() for parameter in run.parameters]).double().norm().item()
    )
    assert 0.01 < before < 1e6
    assert after == pytest.approx(min(before, limit), rel=1e-3)


def test_the_step_schedule_lowers_the_learning_rate_every_so_many_epochs(rooms, tmp_path):
    options = [
        "train.schedule=step",
        "train.step_size=2",
        "train.gamma=0.1",
        "train.epochs=5",
        "train.lr=1e-3",
    ]
    fit(config(rooms, tmp_path, *options, "train.eval_every=100"), quiet)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    rates = [row["lr"] for row in rows if row["kind"] == "train"]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5])


def test_the_validation_loss_is_the_weighted_sum_of_its_three_terms_over_scenes(rooms, tmp_path):
    weights = ["loss.cls_weight=2", "loss.bce_weight=3", "loss.dice_weight=7", "train.batch_size=1"]
    cfg = config(rooms, tmp_path, *weights)
    run = Run.create(cfg, torch.device("cpu"), num_scenes=2)
    loader = build_loader(cfg, load_datasets(cfg)[0])
    metrics = validate(run.model, loader, run.criterion, run.device)
    run.model.eval()
    with torch.no_grad():
        each = [run.criterion(run.model(batch.points), batch.targets) for batch in loader]
    means = {
        name: sum(losses[name].item() for losses in each) / len(each)
        for name in ("cls", "bce", "dice")
    }
    assert min(means.values()) > 0
    assert {name: metrics[f"val_{name}"] for name in means} == pytest.approx(means, rel=1e-4)
    assert metrics["val_loss"] == pytest.approx(
        2 * means["cls"] + 3 * means["bce"] + 7 * means["dice"], rel=1e-4
    )


def test_both_label_sets_train(rooms, tmp_path):
    metrics = fit(config(rooms, tmp_path, "data.label_set=scannet200", "train.max_steps=1"), quiet)
    assert len(metrics["per_class"]) == 198


# One process each, because what counts is the exit code and what a user sees on stderr.
@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("paths.data_dir=nowhere", "nowhere does not exist"),
        ("train.lr=fast", "train.lr"),
        ("train.epoch=2", "did you mean 'train.epochs'"),
        ("paths.output_dir=/proc/run", "/proc/run cannot be written"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(rooms, tmp_path, override, sentence):
    command = [
        sys.executable,
        "-m",
        "mf3d_tutorial.train",
        "recipe=tiny",
        f"paths.data_dir={rooms}",
    ]
    command += [f"paths.output_dir={tmp_path / 'run'}", "train.max_steps=1", override]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_ctrl_c_ends_a_command_without_a_traceback(capsys):
    with pytest.raises(SystemExit) as end:
        exit_on_user_error(unittest.mock.Mock(side_effect=KeyboardInterrupt, __name__="main"))()
    assert end.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_bad_scenes_are_refused_before_anything_is_written(rooms, tmp_path):
    broken = tmp_path / "data/train/broken"
    broken.mkdir(parents=True)
    (tmp_path / "data/val").symlink_to(rooms / "val")
    for path in (rooms / "train/room0").iterdir():
        np.save(broken / path.name, np.load(path)[: 50 if path.stem == "color" else None])
    with pytest.raises(UserError, match=r"broken.color\.npy has 50 rows"):
        fit(config(tmp_path / "data", tmp_path / "run"), quiet)
    assert not (tmp_path / "run").exists()
