"""inspect_run: a run folder becomes a list of scenes, the worst first, and their pages."""

import re

import numpy as np
import pytest
from helpers import run_main, write_checkpoint, write_scene

from mf3d_tutorial.inspect_run import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The command with a run of random weights and two scenes; `run("key=value")` gives code,
    stdout, stderr."""
    for k in range(3):
        instance = np.arange(600) // 200
        write_scene(
            tmp_path / f"data/val/s{k}", 600, seed=k, instance=instance, segment20=instance + 4
        )
    (tmp_path / "run").mkdir()
    write_checkpoint(tmp_path / "run/best.ckpt")
    common = [
        f"run={tmp_path / 'run'}",
        f"paths.data_dir={tmp_path / 'data'}",
        "device=cpu",
        "open=false",
    ]
    return lambda *options: run_main(monkeypatch, capsys, main, *common, *options)


def test_the_list_begins_with_the_worst_scene_and_links_its_page(tmp_path, run):
    code, out, _ = run("max_pages=2", "score_threshold=0.01")
    assert code == 0
    assert str(tmp_path / "run/inspect/index.html") in out
    files = {path.name for path in (tmp_path / "run/inspect").iterdir()}
    assert {"index.html", "plotly.min.js"} < files
    assert len(files) == 4
    text = (tmp_path / "run/inspect/index.html").read_text()
    found = [int(number) for number in re.findall(r"<td>(\d+) of 3</td>", text)]
    assert len(found) == 3
    assert found == sorted(found)
    assert re.findall(r'href="(s\d\.html)"', text) == [
        name for name in re.findall(r"s\d\.html", text) if name in files
    ]


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("run=nowhere", "holds neither best.ckpt nor last.ckpt: set run to a run folder"),
        ("max_pages=0", "max_pages=0 must be at least 1"),
        ("split=test", "test"),
        ("paths.output_dir=/proc/nowhere", "cannot be written"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(run, option, sentence):
    code, _, err = run(option)
    assert code == 2
    assert sentence in err
    assert err.count("\n") == 1
