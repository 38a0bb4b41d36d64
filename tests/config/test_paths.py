"""Options that hold paths take any path as it is given; all other options keep Hydra's grammar."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.config import load_config
from mf3d_tutorial.config.options import load_options, option, split_paths
from mf3d_tutorial.evaluate import EvaluateOptions
from mf3d_tutorial.inspect_run import InspectOptions
from mf3d_tutorial.predict import PredictOptions
from mf3d_tutorial.sweep import multirun

PATHS = [
    "Büro.ply",
    "Scan (1).ply",
    "办公室.ply",
    "a,b.ply",
    "it's.ply",
    'the "best" scan.ply',
    "runs/lr=1e-3,seed=1/best.ckpt",
    "[old] {scan}.ply",
    "a b  c",
    "c:\\scans\\room.ply",
    "50%~#&;!?*@^|<>.ply",
    "$HOME/$x.ply",
    "-1",
    "true",
    "1e3",
    "[]",
    "été/ñ/ø.pcd",
    "a:b",
    "'",
]


@dataclass
class Inner:
    folder: str = option("here", "a folder", path=True)


@dataclass
class Example:
    scan: str | None = option(None, "a scan", path=True)
    count: int = option(1, "a number")
    paths: Inner = field(default_factory=Inner)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_what_was_given(path):
    options = load_options(Example, [f"scan={path}", f"paths.folder={path}", "count=3"])
    assert (options.scan, options.paths.folder, options.count) == (path, path, 3)


def test_quotes_around_a_whole_path_are_taken_off_unless_they_are_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_options(Example, ["scan='a b'"]).scan == "a b"
    assert load_options(Example, ['scan="it\'s"']).scan == "it's"
    Path("'a b'").touch()
    assert load_options(Example, ["scan='a b'"]).scan == "'a b'"


def test_a_tilde_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert load_options(Example, ["scan=~/data"]).scan == "/home/me/data"
    assert load_options(Example, ["scan=a~b"]).scan == "a~b"


def test_null_and_defaults_stay():
    assert load_options(Example, ["scan=null"]).scan is None
    assert load_options(Example, []).paths.folder == "here"


@pytest.mark.parametrize("path", ["", "''", "a${b}"])
def test_what_is_no_path_is_one_sentence(path):
    with pytest.raises(ConfigError, match=r"^scan"):
        load_options(Example, [f"scan={path}"])


def test_a_run_and_a_sweep_take_such_paths(tmp_path):
    root, output = tmp_path / "Büro (1), lr=2", tmp_path / "it's"
    overrides = ["recipe=tiny", f"paths.data_dir={root}", f"paths.output_dir={output}"]
    cfg = load_config(overrides)
    assert (cfg.paths.data_dir, cfg.paths.output_dir) == (str(root), str(output))
    runs = multirun([*overrides, "seed=1,2"]).runs()
    assert list(runs) == ["seed=1", "seed=2"]
    assert load_config(runs["seed=2"]).paths.output_dir == str(output / "seed=2")
    assert load_config(runs["seed=2"]).paths.data_dir == str(root)


@pytest.mark.parametrize("path", PATHS)
def test_every_command_takes_any_path(path):
    """Each option whose value is a path is declared as one, in every command with key=value."""
    for schema, keys in (
        (EvaluateOptions, ["checkpoint", "export", "paths.data_dir", "paths.output_dir"]),
        (PredictOptions, ["checkpoint", "input", "output"]),
        (InspectOptions, ["run", "paths.data_dir", "paths.output_dir"]),
    ):
        harmless, paths = split_paths(schema, [f"{key}={path}" for key in keys])
        assert paths == dict.fromkeys(keys, path)
        assert harmless == [f"{key}=path" for key in keys]
