"""The live viewer without a browser: it decodes as the seed does and never changes or stops a
training."""

import builtins
import json
import socket

import pytest
import torch
from helpers import TINY_UNET, write_scene

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.config import load_config
from mf3d_tutorial.training.engine import build_loader, fit, load_datasets, train_step
from mf3d_tutorial.training.run_state import Run
from mf3d_tutorial.viz.live import LiveViewer, point_queries

pytest.importorskip("viser", reason="needs viser: pip install 'viser>=1'")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture
def options(tmp_path):
    for split in ("train", "val"):
        for k in range(2):
            write_scene(tmp_path / "data" / split / f"s{k}", 100, seed=k)
    common = [
        f"paths.data_dir={tmp_path / 'data'}",
        "train.num_workers=0",
        "device=cpu",
        "model.num_decoders=2",
    ]
    common += ["data.voxel_size=0.1", "model.backbone_voxel_size=0.2"]
    common += ["model.num_queries=8", "train.epochs=1", "train.log_every=1", *TINY_UNET]
    return [*common, f"viz.port={free_port()}", "viz.interval_seconds=0.001"]


@pytest.fixture
def watched(options, monkeypatch):
    """A viewer that believes that a browser looks on, its run, and what it logged."""
    cfg = load_config([*options, "paths.output_dir=unused", "viz.enabled=true"])
    datasets, said = load_datasets(cfg), []
    viewer = LiveViewer(cfg, datasets[::-1], said.append)
    monkeypatch.setattr(viewer.server, "get_clients", lambda: {0: "a browser"})
    run = Run.create(cfg, torch.device("cpu"), 2)
    yield viewer, run, said, next(iter(build_loader(cfg, datasets[0])))
    viewer.close()


def losses_of(folder) -> list[float]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if row["kind"] == "train"]


def test_points_go_to_queries_as_in_the_seed():
    rng = torch.Generator().manual_seed(0)
    logits, masks = torch.randn(5, 4, generator=rng) * 2, torch.randn(5, 30, generator=rng)
    for score_threshold, mask_threshold in ((0.5, 0.0), (0.2, 0.7), (0.99, 0.0), (0.0, -2.0)):
        owner = point_queries(logits, masks, score_threshold, mask_threshold)
        for n in range(30):
            kept = [q for q in range(5) if logits[q].softmax(0)[:-1].max() > score_threshold]
            best = max(
                kept, key=lambda q: float(masks[q, n] * logits[q].softmax(0)[:-1].max()), default=-1
            )
            assert owner[n] == (best if best >= 0 and masks[best, n] > mask_threshold else -1)
    masks[:, 3] = torch.nan
    assert (point_queries(logits, masks, 0.0, -9.0) == -1).all()


def test_a_training_without_a_browser_is_the_same_as_without_the_viewer(options, tmp_path):
    said = []
    fit(load_config([*options, f"paths.output_dir={tmp_path / 'a'}"]), said.append)
    assert not any("live viewer" in line for line in said)
    fit(
        load_config([*options, f"paths.output_dir={tmp_path / 'b'}", "viz.enabled=true"]),
        said.append,
    )
    assert any("live viewer: http://127.0.0.1:" in line for line in said)
    assert losses_of(tmp_path / "a") == losses_of(tmp_path / "b")


def test_pictures_change_neither_weights_nor_random_numbers(watched):
    viewer, run, said, batch = watched
    losses = train_step(run, batch)
    weights = [value.clone() for value in run.model.state_dict().values()]
    random = torch.get_rng_state()
    viewer.update(run, losses)
    assert len(viewer.history) == 1
    assert f"step 1/{run.total_steps}" in viewer.text.content
    assert run.model.training
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(weights, run.model.state_dict().values()))
    assert len(said) == 1


def test_controls_draw_and_a_new_scene_is_shown_at_the_next_step(watched):
    viewer, run, said, batch = watched
    losses = train_step(run, batch)
    viewer.update(run, losses)
    viewer.update(run, losses)
    assert len(viewer.history) == 1  # throttled: a picture costs at most 1 % of the time
    for control, value in (
        (viewer.query, 3),
        (viewer.layer, 1),
        (viewer.score, 0.0),
        (viewer.age, 7),
    ):
        control.value = value
        viewer._draw_prediction()
    assert "query 3" in viewer.text.content
    viewer.scene.value = "train/s1"
    viewer.due = 0.0
    viewer.update(run, losses)
    assert viewer.scene_name == "train/s1"
    assert len(viewer.history) == 1
    assert len(said) == 1


def test_a_viewer_that_fails_says_so_once_and_training_goes_on(watched, monkeypatch):
    viewer, run, said, batch = watched
    monkeypatch.setattr(viewer, "_take", lambda *_: 1 / 0)
    for _ in range(3):
        viewer.update(run, train_step(run, batch))
    assert said[1:] == [
        "the live viewer stopped (ZeroDivisionError: division by zero); training goes on"
    ]


def test_a_model_that_fails_in_the_viewer_is_trained_on(watched, monkeypatch):
    viewer, run, said, batch = watched
    losses = train_step(run, batch)
    with monkeypatch.context() as patch:
        patch.setattr(type(run.model), "forward_layers", lambda *_: 1 / 0)
        viewer.update(run, losses)
    assert "ZeroDivisionError" in said[-1]
    assert run.model.training


def test_a_taken_port_is_said_and_the_next_free_one_is_used(options):
    said = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        cfg = load_config([*options, "paths.output_dir=unused", f"viz.port={port}"])
        viewer = LiveViewer(cfg, load_datasets(cfg), said.append)
        viewer.close()
    assert said[0].endswith(f"(port {port} is taken)")
    assert f":{port} " not in said[0].split("(")[0]


def test_without_viser_training_is_refused_before_it_begins(options, tmp_path, monkeypatch):
    real = builtins.__import__

    def without_viser(name, *rest):
        if name == "viser":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_viser)
    with pytest.raises(ConfigError, match="pip install"):
        fit(
            load_config([*options, f"paths.output_dir={tmp_path / 'run'}", "viz.enabled=true"]),
            lambda _: None,
        )
    assert not (tmp_path / "run").exists()
