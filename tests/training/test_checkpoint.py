"""Checkpoints: whole or not at all, refused if damaged or foreign, and never run."""

import dataclasses
import importlib
import os
import pickle
from pathlib import Path

import hydra
import pytest
import torch
import yaml
from helpers import assert_near, random_points, write_checkpoint
from small_run import config, quiet, write_scenes

from mf3d_tutorial.common.errors import UserError
from mf3d_tutorial.config import load_config, plain, read_config
from mf3d_tutorial.data.labels import label_set
from mf3d_tutorial.model import build_model
from mf3d_tutorial.runs import collect
from mf3d_tutorial.sweep import load_sweep
from mf3d_tutorial.training import checkpoint
from mf3d_tutorial.training.checkpoint import (
    CheckpointError,
    load_checkpoint,
    load_model,
    save_checkpoint,
)
from mf3d_tutorial.training.engine import fit

STATE = {
    "model": {"weight": torch.arange(4.0)},
    "epoch": 3,
    "config": {"train": {"lr": 1e-4}},
    "name": "tiny",
}


def test_a_saved_state_is_loaded_as_it_was(tmp_path):
    save_checkpoint(STATE, tmp_path / "last.ckpt")
    loaded = load_checkpoint(str(tmp_path / "last.ckpt"))
    assert torch.equal(loaded["model"]["weight"], STATE["model"]["weight"])
    assert {key: loaded[key] for key in ("epoch", "config", "name")} == {
        key: STATE[key] for key in ("epoch", "config", "name")
    }
    assert os.listdir(tmp_path) == ["last.ckpt"]


def test_the_state_of_an_optimiser_and_a_scaler_survives(tmp_path):
    layer = torch.nn.Linear(2, 2)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    save_checkpoint({"optimiser": optimiser.state_dict()}, tmp_path / "last.ckpt")
    loaded = load_checkpoint(tmp_path / "last.ckpt")["optimiser"]
    assert torch.equal(loaded["state"][0]["exp_avg"], optimiser.state_dict()["state"][0]["exp_avg"])
    assert loaded["param_groups"] == optimiser.state_dict()["param_groups"]


def fail(*args, **kwargs):
    raise OSError(28, "No space left on device")


def half_a_save(state, file):
    file.write(b"half of it")
    fail()


@pytest.mark.parametrize(
    ("where", "name", "replacement"),
    [
        (torch, "save", half_a_save),
        (os, "fsync", fail),
        (os, "replace", fail),
        (torch, "save", lambda *_: 1 / 0),
    ],
    ids=["full disk", "fsync", "rename", "bug"],
)
def test_a_failing_save_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, where, name, replacement
):
    path = tmp_path / "last.ckpt"
    save_checkpoint(STATE, path)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(where, name, replacement)
        with pytest.raises((OSError, ZeroDivisionError)):
            save_checkpoint({"epoch": 4}, path)
    assert path.read_bytes() == before
    assert load_checkpoint(path)["epoch"] == 3
    assert os.listdir(tmp_path) == ["last.ckpt"]
    save_checkpoint({"epoch": 4}, path)
    assert load_checkpoint(path)["epoch"] == 4


def test_the_data_reach_the_disk_before_the_name_changes(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))
        )
    save_checkpoint(STATE, tmp_path / "last.ckpt")
    assert calls[:2] == ["fsync", "replace"]


def test_a_missing_checkpoint_is_named(tmp_path):
    for path in (tmp_path / "none.ckpt", tmp_path):
        with pytest.raises(CheckpointError, match=f"there is no checkpoint {path}"):
            load_checkpoint(path)


def test_a_checkpoint_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "last.ckpt"
    save_checkpoint(STATE, path)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(
            CheckpointError, match=r"last\.ckpt is damaged or not a checkpoint \(.+\): use another"
        ) as caught:
            load_checkpoint(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"epoch: 3", b"PK\x03\x04", bytes(1000), pickle.dumps({"a": 1})]
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(
        CheckpointError, match=r"damaged or not a checkpoint|not a checkpoint of this program"
    ):
        load_checkpoint(tmp_path / "a")


@pytest.mark.parametrize(
    "foreign", [{"state_dict": {}}, {"format": "another 1"}, [1, 2], torch.zeros(3)], ids=str
)
def test_a_checkpoint_of_another_program_is_refused(tmp_path, foreign):
    torch.save(foreign, tmp_path / "a.pth")
    with pytest.raises(
        CheckpointError, match=r"a\.pth is not a checkpoint of this program: use last\.ckpt or best"
    ):
        load_checkpoint(tmp_path / "a.pth")


class Bomb:
    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "boom")


def test_a_checkpoint_that_holds_code_is_refused_and_not_run(tmp_path):
    trap = tmp_path / "boom"
    for save in (torch.save, lambda state, path: path.write_bytes(pickle.dumps(state))):
        save({"format": checkpoint.FORMAT, "model": Bomb(trap)}, tmp_path / "evil.ckpt")
        with pytest.raises(CheckpointError, match=r"evil\.ckpt is damaged or not a checkpoint"):
            load_checkpoint(tmp_path / "evil.ckpt")
    assert not trap.exists()
    pickle.loads((tmp_path / "evil.ckpt").read_bytes())
    assert trap.exists()  # so the trap works


def test_a_checkpoint_error_is_the_users():
    assert issubclass(CheckpointError, UserError)


def test_only_a_checkpoint_with_a_model_can_be_stripped(tmp_path):
    """A run keeps batches that gave no finite loss in a file of the same format."""
    save_checkpoint({"batches": []}, tmp_path / "nonfinite0.ckpt")
    with pytest.raises(CheckpointError, match=r"nonfinite0\.ckpt holds no model"):
        checkpoint.strip(tmp_path / "nonfinite0.ckpt", tmp_path / "small.ckpt")
    assert not (tmp_path / "small.ckpt").exists()


def test_a_stripped_checkpoint_gives_the_same_model_in_half_the_size(tmp_path):
    cfg = load_config(["recipe=tiny", "paths.data_dir=/home/me/rooms"])
    model = build_model(cfg.model, 20).eval()
    state = {"config": plain(cfg), "model": model.state_dict(), "best": {"ap": 0.5}}
    save_checkpoint(state, tmp_path / "best.ckpt")
    checkpoint.strip(tmp_path / "best.ckpt", tmp_path / "small.ckpt")
    assert (tmp_path / "small.ckpt").stat().st_size < 0.6 * (tmp_path / "best.ckpt").stat().st_size

    loaded, loaded_cfg = load_model(tmp_path / "small.ckpt")
    assert (loaded_cfg.model, loaded_cfg.data, loaded_cfg.paths.data_dir) == (
        cfg.model,
        cfg.data,
        "rooms",
    )
    assert not loaded.training
    points = random_points(50, channels=cfg.model.backbone["in_channels"])
    with torch.no_grad():
        assert_near(loaded(points)[0], model(points)[0], tolerance=0.02)


def test_weights_of_another_model_are_refused(tmp_path):
    cfg = load_config(["recipe=tiny", "paths.data_dir=x"])
    state = {"config": plain(cfg), "model": {"class_head.bias": torch.zeros(21)}}
    save_checkpoint(state, tmp_path / "best.ckpt")
    with pytest.raises(CheckpointError, match=r"the weights in .*best\.ckpt do not fit its config"):
        load_model(tmp_path / "best.ckpt")


def test_a_run_starts_from_the_weights_of_a_checkpoint_and_resumes_from_its_own(tmp_path):
    """With a learning rate of next to nothing the weights stay what they were. The stripped
    checkpoint, of half precision, is what people are given."""
    scenes = write_scenes(tmp_path / "scenes")
    first = ["train.max_steps=2", "train.lr=1e-2"]
    fit(config(scenes, tmp_path / "first", *first), quiet)
    start = tmp_path / "start.ckpt"
    checkpoint.strip(tmp_path / "first" / "last.ckpt", start)
    second = [f"train.pretrained={start}", "train.lr=1e-12", "train.ema=0.9", "train.max_steps=2"]
    lines = []
    fit(config(scenes, tmp_path / "second", *second, "seed=5"), lines.append)
    assert f"weights of {start}, of the class head those of 20 classes" in lines
    given = load_checkpoint(start)["model"]
    state = load_checkpoint(tmp_path / "second" / "last.ckpt")
    for weights in (state["model"], state["trained"]):
        for name in dict(load_model(start)[0].named_parameters()):
            torch.testing.assert_close(weights[name], given[name].float(), rtol=0, atol=1e-6)
    checkpoint.strip(tmp_path / "second" / "last.ckpt", tmp_path / "shared.ckpt")
    shared = load_checkpoint(tmp_path / "shared.ckpt")["config"]
    assert shared["train"]["pretrained"] == "start.ckpt"  # no folder of this machine
    start.unlink()
    second[-1] = "train.max_steps=3"
    fit(config(scenes, tmp_path / "second", *second, "seed=5"), quiet)
    assert load_checkpoint(tmp_path / "second" / "last.ckpt")["step"] == 3


def test_classes_of_the_same_name_keep_their_weights_when_a_run_starts_from_a_checkpoint(tmp_path):
    given, cfg = load_model(write_checkpoint(tmp_path / "given.ckpt"))
    classes = {"names": ["crate", "table", "chair"]}
    cfg.data = dataclasses.replace(cfg.data, label_set="custom", classes=classes)
    model = build_model(cfg.model, 3)
    before = model.class_head.weight.detach().clone()
    known = checkpoint.load_pretrained(model, tmp_path / "given.ckpt", cfg)
    assert known == ["table", "chair"]
    assert torch.equal(model.class_head.weight[0], before[0])
    names = label_set("scannet20").names
    rows = [names.index("table"), names.index("chair"), 20]
    assert torch.equal(model.class_head.weight[1:], given.class_head.weight[rows])


@pytest.mark.parametrize("change", [{"hidden_dim": 48}, {"num_decoders": 2}])
def test_a_run_cannot_start_from_a_checkpoint_of_another_model(tmp_path, change):
    _, cfg = load_model(write_checkpoint(tmp_path / "given.ckpt"))
    option, value = next((key, getattr(cfg.model, key)) for key in change)
    cfg.model = dataclasses.replace(cfg.model, **change)
    cfg.model.backbone["out_channels"] = cfg.model.hidden_dim
    model = build_model(cfg.model, 20)
    with pytest.raises(CheckpointError, match=rf"another model, with model\.{option}={value}"):
        checkpoint.load_pretrained(model, tmp_path / "given.ckpt", cfg)


def test_a_backbone_is_imported_only_if_the_user_names_it(tmp_path, monkeypatch):
    (tmp_path / "module_in_a_checkpoint.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    config = plain(load_config(["recipe=tiny", "paths.data_dir=x"]))
    config["model"]["backbone"] = {"_target_": "module_in_a_checkpoint.Net"}
    save_checkpoint(
        {"config": config, "model": {"class_head.bias": torch.zeros(21)}}, tmp_path / "evil.ckpt"
    )
    with pytest.raises(
        UserError,
        match=r"module_in_a_checkpoint\.Net of this config file or checkpoint was not impo",
    ):
        load_model(tmp_path / "evil.ckpt")
    assert not (tmp_path / "ran").exists()
    importlib.import_module("module_in_a_checkpoint")
    assert (tmp_path / "ran").exists()  # so the trap works


@pytest.mark.parametrize("where", ["the backbone", "an argument of it"])
def test_a_config_that_calls_something_is_refused_and_not_run(tmp_path, where):
    trap = tmp_path / "boom"
    call = {
        "_target_": "pathlib.Path.touch",
        "_args_": [{"_target_": "pathlib.Path", "_args_": [str(trap)]}],
    }
    unet = {"_target_": "warpconvnet.models.MinkUNet18", "_recursive_": True, "BLOCK": call}
    backbone = call if where == "the backbone" else unet
    config = plain(load_config(["recipe=tiny", "paths.data_dir=x"]))
    config["model"]["backbone"] = {"out_channels": 64, **backbone}
    save_checkpoint(
        {"config": config, "model": {"class_head.bias": torch.zeros(21)}}, tmp_path / "evil.ckpt"
    )
    with pytest.raises(UserError):
        load_model(tmp_path / "evil.ckpt")
    assert not trap.exists()
    if where == "the backbone":
        hydra.utils.instantiate(call)
        assert trap.exists()  # so the trap works


def test_a_yaml_file_that_makes_objects_is_refused_and_not_run(tmp_path, capsys):
    trap, file = tmp_path / "boom", tmp_path / "config.yaml"
    file.write_text(f"output_dir: !!python/object/apply:os.mkdir [{trap}]\n")
    for load in (read_config, load_sweep):
        with pytest.raises((UserError, yaml.YAMLError), match="python/object"):
            load(file)
    with pytest.raises(UserError, match="no run"):
        collect(tmp_path)
    assert "config.yaml is damaged (could not determine a constructor" in capsys.readouterr().err
    assert not trap.exists()
    yaml.unsafe_load(file.read_text())
    assert trap.exists()  # so the trap works
