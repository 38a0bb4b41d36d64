"""Sweeps: every combination once, failures named and not in the way, finished runs not repeated."""

import csv
import json
import random
import sys
import threading
from pathlib import Path

import pytest

from mf3d_tutorial import runs, sweep, train
from mf3d_tutorial.common.errors import ConfigError, UserError
from mf3d_tutorial.config import load_config, save_config

JOB = Path(__file__).parents[2] / "notebooks/jobs/train.ipynb"
FILE = """
output_dir: {folder}
overrides: [recipe=tiny, paths.data_dir=data_samples]
grid: {{loss.dice_weight: [2, 5], seed: [0, 1]}}
jobs: 2
gpus: [3, 5]
"""


def write(folder, text):
    (folder / "sweep.yaml").write_text(text.format(folder=folder / "out"))
    return folder / "sweep.yaml"


@pytest.fixture
def finished(monkeypatch):
    """Stands for the training of a run: writes what it would write, or fails for dice_weight=5,
    seed=1."""
    calls, lock = [], threading.Lock()

    def call(command, env, **_):
        with lock:  # Hydra knows one composition at a time
            cfg = load_config([word for word in command if "=" in word])
        calls.append((cfg.loss.dice_weight, cfg.seed, env.get("CUDA_VISIBLE_DEVICES")))
        if cfg.loss.dice_weight == 5 and cfg.seed == 1:
            return 1
        folder = sweep.Path(cfg.paths.output_dir)
        save_config(cfg, folder / "config.yaml")
        (folder / "metrics.json").write_text(
            json.dumps({"ap": 0.1, "ap50": cfg.loss.dice_weight / 10, "steps": 7})
        )
        return 0

    monkeypatch.setattr(sweep.subprocess, "call", call)
    return calls


def test_every_combination_runs_once_and_a_failure_stops_no_other(tmp_path, finished):
    plan, said = sweep.load_sweep(write(tmp_path, FILE)), []
    assert sweep.run_sweep(plan, said.append) == ["dice_weight=5,seed=1"]
    assert sorted(call[:2] for call in finished) == [(2, 0), (2, 1), (5, 0), (5, 1)]
    assert {call[2] for call in finished} == {"3", "5"}
    assert any("dice_weight=5,seed=1: failed, see" in line for line in said)

    sweep.run_sweep(plan, said.append)
    assert [call[:2] for call in finished[4:]] == [(5, 1)]

    rows = sweep.summarise(plan.output_dir)
    assert [(row["loss.dice_weight"], row["seed"], row["ap50"]) for row in rows] == [
        (2, 0, 0.2),
        (2, 1, 0.2),
        (5, 0, 0.5),
    ]
    with open(tmp_path / "out" / "summary.csv") as file:
        assert [row["ap50"] for row in csv.DictReader(file)] == ["0.2", "0.2", "0.5"]
    assert (tmp_path / "out" / "summary.png").stat().st_size > 1000


def test_a_sweep_with_a_failed_run_prints_its_table_and_ends_with_exit_code_1(
    tmp_path, finished, capsys
):
    with pytest.raises(SystemExit) as end:
        sweep.run_and_compare(sweep.load_sweep(write(tmp_path, FILE)))
    # which Python prints, and exits with 1
    assert end.value.code == "1 runs failed: dice_weight=5,seed=1"
    assert "\ndice_weight=5,seed=0 " in capsys.readouterr().out


def test_multirun_is_a_sweep_over_the_options_with_several_values(
    tmp_path, finished, monkeypatch, capsys
):
    folder = tmp_path / "out"
    command = [
        f"paths.output_dir={folder}",
        "paths.data_dir=data_samples",
        "recipe=tiny",
        "--multirun",
    ]
    command += [
        "loss.dice_weight=2,5",
        "model.in_features=[normal,coord,color],[color,normal,coord]",
    ]
    monkeypatch.setattr(sys, "argv", ["train", *command])
    train.main()
    assert [call[:2] for call in finished] == [(2, 42), (2, 42), (5, 42), (5, 42)]
    names = [
        f"dice_weight={weight},in_features=[{order}]"
        for weight in (2, 5)
        for order in ("color,normal,coord", "normal,coord,color")
    ]
    assert sorted(path.parent.name for path in folder.glob("*/metrics.json")) == names
    assert "4 runs in" in (said := capsys.readouterr().out)
    assert all(f"\n{name} " in said for name in names)
    assert (folder / "summary.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("option", "sentence"),
    [("seed=interval(0,1)", "cannot be read"), ("sead=0,1", "no option 'sead'")],
)
def test_a_multirun_that_cannot_work_is_refused(option, sentence):
    with pytest.raises(ConfigError, match=sentence):
        sweep.multirun(["paths.data_dir=x", option])


def test_a_sample_is_a_part_of_the_grid_and_always_the_same(tmp_path):
    grid = FILE.replace("[0, 1]", str(list(range(20))))
    every = list(sweep.load_sweep(write(tmp_path, grid)).runs())
    samples = []
    for state in (1, 2):
        random.seed(state)
        samples.append(list(sweep.load_sweep(write(tmp_path, grid + "sample: 10")).runs()))
    assert samples[0] == samples[1]
    assert len(set(samples[0])) == 10
    assert set(samples[0]) < set(every)
    places = [every.index(name) for name in samples[0]]
    assert 5 < max(places) - min(places) != 9  # drawn from all over the grid, not one after another


def test_runs_at_the_same_time_have_a_gpu_each(tmp_path, monkeypatch):
    both, pairs = threading.Barrier(2, timeout=60), []

    def call(command, env, **_):
        mine[threading.get_ident()] = env["CUDA_VISIBLE_DEVICES"]
        both.wait()  # now two are running
        pairs.append(sorted(mine.values()))
        both.wait()
        return 0

    mine = {}
    monkeypatch.setattr(sweep.subprocess, "call", call)
    assert sweep.run_sweep(sweep.load_sweep(write(tmp_path, FILE)), lambda line: None) == []
    assert pairs == [["3", "5"]] * 4


def test_a_run_whose_folder_cannot_be_made_stops_no_other(tmp_path, monkeypatch):
    """With two places and two such runs, a place that is not given back would end the sweep."""
    monkeypatch.setattr(sweep.subprocess, "call", lambda *_, **__: 0)
    plan = sweep.load_sweep(write(tmp_path, FILE))
    blocked = list(plan.runs())[:2]
    for name in blocked:
        Path(plan.output_dir).mkdir(parents=True, exist_ok=True)
        (Path(plan.output_dir) / name).write_text("a file where the folder should be")
    said = []
    assert sweep.run_sweep(plan, said.append) == blocked
    assert sum("cannot be started" in line for line in said) == 2
    assert sum(line.endswith(": done") for line in said) == len(plan.runs()) - 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("grid: {{seed: [0]}}", "output_dir"),
        (FILE + "colour: red", "colour"),
        (FILE + "sample: many", "sample|many"),
        (FILE.replace("[0, 1]", "[]"), "every key of grid needs a value"),
        ("a: [", "sweep.yaml cannot be used"),
    ],
)
def test_a_sweep_file_that_cannot_work_is_refused(tmp_path, text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        sweep.load_sweep(write(tmp_path, text))


def test_a_wrong_option_is_refused_before_anything_runs(tmp_path, finished):
    plan = sweep.load_sweep(write(tmp_path, FILE.replace("dice_weight", "dize_weight")))
    with pytest.raises(ConfigError, match=r"did you mean 'loss\.dice_weight'"):
        sweep.run_sweep(plan)
    assert not finished


def test_a_notebook_gets_its_parameters_and_the_other_options(tmp_path):
    plan = sweep.load_sweep(
        write(
            tmp_path,
            FILE + f"notebook: {JOB}\nparameters: {{{{num_steps: 2}}}}",
        )
    )
    command = sweep._command(plan, tmp_path / "x", next(iter(plan.runs().values())))
    parameters = sweep.yaml.safe_load(command[command.index("-y") + 1])
    assert (parameters["recipe"], parameters["num_steps"]) == ("tiny", 2)
    assert parameters["output_dir"] == str(tmp_path / "x")
    assert parameters["overrides"] == ["loss.dice_weight=2", "train.resume=auto"]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            "notebook: {job}\nparameters: {{{{num_stepz: 3}}}}",
            r"no parameter 'num_stepz'; it has data_dir, .*num_steps",
        ),
        ("notebook: {job}.old", r"notebook=.*train\.ipynb\.old: there is no /"),
    ],
)
def test_a_notebook_that_cannot_be_run_is_refused_before_anything_runs(
    tmp_path, finished, lines, sentence
):
    plan = sweep.load_sweep(write(tmp_path, FILE + lines.format(job=JOB)))
    with pytest.raises(ConfigError, match=sentence):
        sweep.run_sweep(plan)
    assert not finished


def test_a_sweep_over_a_notebook_without_papermill_is_one_sentence(tmp_path, monkeypatch, finished):
    monkeypatch.setattr(sweep, "find_spec", lambda name: None)
    plan = sweep.load_sweep(write(tmp_path, FILE + f"notebook: {JOB}"))
    with pytest.raises(
        ConfigError, match=r"needs papermill: pip install 'mf3d-tutorial\[notebook\]'"
    ):
        sweep.run_sweep(plan)
    assert not finished


def test_runs_are_listed_with_what_sets_them_apart(tmp_path):
    for name, lr, result in (("a", 0.1, {"ap": 0.25}), ("b", 0.2, None)):
        (tmp_path / name).mkdir()
        save_config(
            load_config(["paths.data_dir=x", f"train.lr={lr}"]), tmp_path / name / "config.yaml"
        )
        if result:
            (tmp_path / name / "metrics.json").write_text(json.dumps(result))
    rows = runs.collect(tmp_path)
    assert [(row["run"], row["train.lr"], row["ap"]) for row in rows] == [
        ("a", 0.1, 0.25),
        ("b", 0.2, None),
    ]
    title, first, second = (line.split() for line in runs.table(rows).splitlines())
    assert title == ["run", "lr", *runs.RESULTS]
    assert first[:4] == ["a", "0.1", "0.250", "-"]
    assert second[:3] == ["b", "0.2", "-"]
    with pytest.raises(UserError, match="there is no run below"):
        runs.collect(tmp_path / "a" / "none")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("config.yaml", "a: ["),
        ("config.yaml", "[1, 2]"),
        ("config.yaml", "\0"),
        ("metrics.json", '{"ap'),
    ],
)
def test_a_run_with_a_damaged_file_is_named_and_left_out(tmp_path, capsys, file, text):
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
        save_config(load_config(["paths.data_dir=x"]), tmp_path / name / "config.yaml")
    (tmp_path / "bad" / file).write_text(text)
    assert [row["run"] for row in runs.collect(tmp_path)] == ["good"]
    sentence = capsys.readouterr().err
    assert sentence.startswith(f"left out: {tmp_path / 'bad' / file} is damaged (")
    assert sentence.count("\n") == 1
