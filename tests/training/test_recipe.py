"""The parts of recipe=strong that belong to the run: averaged weights, training by the clock,
weight decay groups."""

import json
import time
from pathlib import Path

import pytest
import torch
from benchmarks.learning import ROWS
from small_run import config, quiet, rows, write_scenes

from mf3d_tutorial.config import load_config
from mf3d_tutorial.training import engine
from mf3d_tutorial.training.checkpoint import load_checkpoint, load_model
from mf3d_tutorial.training.engine import build_loader, fit, load_datasets, train_step
from mf3d_tutorial.training.run_state import Progress, Run

pytestmark = pytest.mark.usefixtures("one_thread")

POINTWISE = ["model.backbone._target_=small_run.PointModel", "model.backbone_voxel_size=null"]
STRONG = [
    "train.ema=0.9",
    "model.feature_levels=3",
    "model.query_init=mixed",
    "train.decay_all=false",
]
STRONG += [
    "data.augment=[flip,elastic,crop]",
    "loss.sample_points=100",
    "model.backbone_voxel_size=0.04",
]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes"))


def test_every_row_of_the_benchmark_is_another_recipe():
    configs = {
        row: load_config([*overrides, "paths.data_dir=x"]) for row, overrides in ROWS.items()
    }
    assert len({repr(cfg) for cfg in configs.values()}) == len(ROWS)
    baseline = ["recipe=baseline", "backbone=minkunet_6m", "paths.data_dir=x"]
    assert configs["baseline"] == load_config(baseline)


def new_run(scenes: Path, *overrides: str) -> tuple[Run, object]:
    """A run and its first batch."""
    cfg = config(scenes, Path("unused"), *overrides)
    run = Run.create(cfg, torch.device("cpu"), num_scenes=5)
    return run, next(iter(build_loader(cfg, load_datasets(cfg)[0])))


def test_averaged_weights_are_those_of_the_formula_in_float64(scenes):
    run, batch = new_run(scenes, "train.ema=0.6")
    mean = {name: value.double() for name, value in run.model.state_dict().items()}
    for step in range(8):
        train_step(run, batch)
        decay = min(0.6, (1 + step) / (10 + step))
        for name, value in run.model.state_dict().items():
            mean[name] = decay * mean[name] + (1 - decay) * value.double()
    for name, value in run.averaged.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value.double(), mean[name], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(run.averaged.class_head.weight, run.model.class_head.weight)
    assert not any(parameter.requires_grad for parameter in run.averaged.parameters())


def test_a_step_that_is_left_out_averages_the_weights_that_stayed(scenes):
    run, batch = new_run(scenes, "train.ema=0.6")
    for _ in range(2):
        train_step(run, batch)
    stayed = {name: value.double() for name, value in run.model.state_dict().items()}
    mean = {name: value.double() for name, value in run.averaged.state_dict().items()}
    batch.points.feature_tensor[:] = torch.nan
    train_step(run, batch)
    decay = 3 / 12
    for name, value in run.averaged.state_dict().items():
        if value.is_floating_point():
            wanted = decay * mean[name] + (1 - decay) * stayed[name]
            torch.testing.assert_close(value.double(), wanted, atol=1e-5, rtol=1e-5)


def test_a_stopped_run_with_all_parts_of_the_recipe_ends_as_one_that_was_not(
    scenes, tmp_path, monkeypatch
):
    fit(config(scenes, tmp_path / "whole", *STRONG), quiet)

    def failing(run, *parts, **options):
        if run.step == 7:  # in the middle of the third epoch
            raise RuntimeError
        return train_step(run, *parts, **options)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "train_step", failing)
        with pytest.raises(RuntimeError):
            fit(config(scenes, tmp_path / "parts", *STRONG), quiet)
    fit(config(scenes, tmp_path / "parts", *STRONG), quiet)
    whole, parts = (load_checkpoint(tmp_path / name / "last.ckpt") for name in ("whole", "parts"))
    for weights in ("model", "trained"):
        assert all(
            torch.equal(value, parts[weights][name]) for name, value in whole[weights].items()
        )
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")


def test_the_averaged_weights_are_validated_and_used(scenes, tmp_path, monkeypatch):
    validated = []
    real = engine.validate
    monkeypatch.setattr(
        engine, "validate", lambda model, *rest: validated.append(model) or real(model, *rest)
    )
    fit(config(scenes, tmp_path, "train.ema=0.9", "train.max_steps=3", *POINTWISE), quiet)
    state = load_checkpoint(tmp_path / "last.ckpt")
    assert not torch.equal(
        state["model"]["class_head.weight"], state["trained"]["class_head.weight"]
    )
    used = load_model(tmp_path / "last.ckpt")[0].state_dict()
    for name, value in validated[-1].state_dict().items():
        assert torch.equal(used[name], value)


def test_an_average_can_begin_where_a_run_had_none(scenes, tmp_path):
    fit(config(scenes, tmp_path, "train.max_steps=2", *POINTWISE), quiet)
    trained = load_checkpoint(tmp_path / "last.ckpt")["model"]
    run, _ = new_run(scenes, "train.ema=0.9", *POINTWISE)
    run.load_state_dict(load_checkpoint(tmp_path / "last.ckpt"))
    for model in (run.model, run.averaged):
        assert all(torch.equal(value, trained[name]) for name, value in model.state_dict().items())


def test_a_run_can_be_made_longer(scenes, tmp_path):
    fit(config(scenes, tmp_path, "train.max_steps=3", *POINTWISE), quiet)
    assert fit(config(scenes, tmp_path, "train.max_steps=9", *POINTWISE), quiet)["steps"] == 9
    last, again = (row["lr"] for row in rows(tmp_path)[2:5] if row["kind"] == "train")
    assert again > 100 * last  # the cycle's end, then the place of step 4 of 9


# --- by the clock ----------------------------------------------------------------------------


def test_the_minutes_end_a_run_and_a_resumed_one_has_the_rest(scenes, tmp_path, monkeypatch):
    monkeypatch.setattr(Progress, "seconds", property(lambda progress: 6.0 * progress.run.step))
    options = ["train.minutes=1", "train.epochs=1000", *POINTWISE]
    metrics = fit(config(scenes, tmp_path / "whole", *options), quiet)
    # three steps an epoch; the last one is cut
    assert (metrics["steps"], metrics["epochs"]) == (10, 4)
    assert rows(tmp_path / "whole")[-1]["kind"] == "val"
    fit(config(scenes, tmp_path / "parts", *options[1:], "train.minutes=0.5"), quiet)
    assert fit(config(scenes, tmp_path / "parts", *options), quiet)["steps"] == 10


def test_the_minutes_are_those_of_the_clock(scenes, tmp_path):
    start = time.monotonic()
    metrics = fit(
        config(scenes, tmp_path, "train.minutes=0.03", "train.epochs=100000", *POINTWISE), quiet
    )
    assert 1.8 <= metrics["train_seconds"] <= time.monotonic() - start < 60
    assert json.loads((tmp_path / "metrics.json").read_text())["ap"] == metrics["ap"]


@pytest.mark.parametrize("speed", [1.0, 3.0])
def test_the_learning_rate_ends_at_its_lowest_when_the_minutes_do(scenes, speed):
    """`speed`: how much faster the second half of the steps is than the first."""
    run, batch = new_run(scenes, "train.minutes=1", "train.epochs=100000", *POINTWISE)
    rates = []
    while not run.is_over:
        train_step(run, batch)
        run.seconds += 0.5 if run.seconds < 30 else 0.5 / speed
        rates.append(run.scheduler.get_last_lr()[0])
    peak = rates.index(max(rates))
    assert abs(len(rates) - 60 * (1 + speed)) <= 1
    assert max(rates) == pytest.approx(run.cfg.train.lr, rel=1e-2)
    assert 34 <= peak <= 38  # 30 % of the time
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] < 1e-3 * run.cfg.train.lr


# --- weight decay ----------------------------------------------------------------------------


def test_norms_biases_and_embeddings_are_spared_the_decay(scenes):
    run, _ = new_run(
        scenes, "train.decay_all=false", "train.weight_decay=0.05", "model.query_init=mixed"
    )
    decayed, spared = run.optimizer.param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.05, 0.0)
    names = {parameter: name for name, parameter in run.model.named_parameters()}
    found = [names[parameter] for group in (decayed, spared) for parameter in group["params"]]
    assert sorted(found) == sorted(names.values())
    norms = (torch.nn.LayerNorm, torch.nn.BatchNorm1d)
    without = [
        name
        for name, module in run.model.named_modules()
        if isinstance(module, (*norms, torch.nn.Embedding))
    ]
    expected = {
        name
        for name in names.values()
        if name.endswith("bias") or name.rsplit(".", 1)[0] in without
    }
    assert {names[parameter] for parameter in spared["params"]} == expected


def test_all_weights_decay_in_the_baseline(scenes):
    (group,) = new_run(scenes)[0].optimizer.param_groups
    assert group["weight_decay"] == 1e-4
