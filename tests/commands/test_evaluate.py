"""AP on all points of a split: against the metric fed by hand, the submission files, and what is
refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import run_main, write_checkpoint, write_scene

from mf3d_tutorial import evaluate as module
from mf3d_tutorial.config import InferenceConfig, trust
from mf3d_tutorial.config.options import load_options
from mf3d_tutorial.data import ScanNetScenes, label_set
from mf3d_tutorial.data.placement import place
from mf3d_tutorial.evaluate import EvaluateOptions, evaluate, main
from mf3d_tutorial.evaluation.inference import predict_instances
from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP
from mf3d_tutorial.training.checkpoint import load_model
from mf3d_tutorial.training.engine import build_loader, validate
from mf3d_tutorial.training.losses import SetCriterion

SAMPLES = Path(__file__).parents[2] / "data_samples"

POINTS, PARTS = 4000, 8  # eight boxes of 500 points in a row, a class each


def objects(seed: int = 0, **changed) -> dict[str, np.ndarray]:
    """Arrays of a scene whose instances are boxes of 20 cm; many points share a voxel of 4 cm."""
    rng = np.random.default_rng(seed)
    instance = np.repeat(np.arange(PARTS), POINTS // PARTS).astype(np.int32)
    coord = rng.uniform(0, 0.2, (POINTS, 3)) + instance[:, None] * [0.3, 0, 0]
    arrays = {"coord": coord.astype(np.float32), "instance": instance, "segment20": instance + 2}
    arrays |= {
        "segment200": instance * 25 + 1,
        "superpoint": instance * 3 + (np.arange(POINTS) % 3).astype(np.int32),
    }
    return arrays | {"color": None, "normal": None} | changed


def outputs(model, cfg, scene) -> tuple[torch.Tensor, torch.Tensor]:
    """What a model would say that finds every object, most of its points, and every third one
    twice."""
    rng = np.random.default_rng(len(scene.coord))
    owner = np.arange(12) % PARTS
    logits = torch.from_numpy(rng.normal(0, 0.2, (12, len(cfg.data.labels) + 1))).float()
    for query, instance in enumerate(owner):
        logits[query, scene.segment[scene.instance == instance][0]] += 4 + rng.normal()
    masks = np.where(scene.instance == owner[:, None], 2.0, -2.0) + rng.normal(
        0, 1.2, (12, len(scene.coord))
    )
    return logits, torch.from_numpy(masks).float()


@pytest.fixture
def setting(tmp_path, monkeypatch, capsys):
    """(run, scenes): `run(*overrides)` evaluates two scenes of tmp_path/data with the model
    above."""
    scenes = {name: objects(seed) for seed, name in enumerate(("a_00", "b_00"))}
    for name, arrays in scenes.items():
        write_scene(tmp_path / "data/val" / name, **arrays)
    write_checkpoint(tmp_path / "best.ckpt")
    monkeypatch.setattr(module, "run_model", outputs)
    paths = [f"paths.data_dir={tmp_path}/data", f"paths.output_dir={tmp_path}/out"]

    def run(*overrides):
        return run_main(
            monkeypatch, capsys, main, f"checkpoint={tmp_path}/best.ckpt", *paths, *overrides
        )

    return run, scenes


def metrics(tmp_path) -> dict:
    return json.loads((tmp_path / "out/metrics.json").read_text())


def first_in_voxel(coord, voxel_size: float = 0.04) -> tuple[list[int], list[int]]:
    """The first point of each voxel, in the order of its indices; for every point the place of the
    one that stands."""
    cells = [
        tuple(cell) for cell in np.floor(place(coord) / np.float32(voxel_size)).astype(int).tolist()
    ]
    first = {}
    for index, cell in enumerate(cells):
        first.setdefault(cell, index)
    places = {cell: number for number, cell in enumerate(sorted(first))}
    return [first[cell] for cell in sorted(first)], [places[cell] for cell in cells]


class Thinned:
    """What `outputs` needs of a scene."""

    def __init__(self, arrays, kept, segment="segment20"):
        self.coord, self.instance, self.segment = (
            arrays[key][kept] for key in ("coord", "instance", segment)
        )


def by_hand(tmp_path, scenes, pooled: bool = False, stuff=None) -> dict:
    """The same AP, point by point: masks spread over all points, or averaged over superpoints in a
    loop."""
    from mf3d_tutorial.training.checkpoint import load_model

    cfg = load_model(tmp_path / "best.ckpt")[1]
    metric = ScanNetInstanceAP(label_set("scannet20"), stuff)
    for arrays in scenes.values():
        kept, voxel = first_in_voxel(arrays["coord"])
        logits, masks = outputs(None, cfg, Thinned(arrays, kept))
        if pooled:
            masks = masks[:, voxel].sigmoid()
            for superpoint in np.unique(arrays["superpoint"]):
                inside = arrays["superpoint"] == superpoint
                masks[:, inside] = masks[:, inside].double().mean(1, keepdim=True).float()
            masks, voxel = masks.logit(), slice(None)
        found = predict_instances(logits, masks)
        metric.update(
            found.masks[:, voxel],
            found.scores,
            found.labels,
            arrays["segment20"],
            arrays["instance"],
        )
    return metric.compute()


def same(got: dict, want: dict) -> None:
    assert {key: got[key] for key in ("ap", "ap50", "ap25")} == pytest.approx(
        {k: want[k] for k in ("ap", "ap50", "ap25")}
    )
    for name, row in want["per_class"].items():
        assert [None if np.isnan(value) else pytest.approx(value) for value in row.values()] == [
            *got["per_class"][name].values()
        ]


def test_ap_is_that_of_all_points(tmp_path, setting):
    run, scenes = setting
    code, out, _ = run()
    assert code == 0
    want = by_hand(tmp_path, scenes)
    assert 0.2 < want["ap"] < 0.9
    same(metrics(tmp_path), want)
    row = next(line.split() for line in out.splitlines() if line.startswith("chair"))
    assert row[1:] == [f"{want['per_class']['chair'][key]:.3f}" for key in ("ap", "ap50", "ap25")]
    assert "wall" not in out
    assert metrics(tmp_path)["scenes"] == 2
    class_agnostic = metrics(tmp_path)["class_agnostic"]
    assert 0.2 < class_agnostic["ap"] < 0.9
    last = next(line.split() for line in out.splitlines() if line.startswith("[class-agnostic]"))
    assert last[1:] == [f"{class_agnostic[key]:.3f}" for key in ("ap", "ap50", "ap25")]


def test_superpoints_are_reported_beside_it(tmp_path, setting):
    run, scenes = setting
    assert run("superpoints=true")[0] == 0
    report = metrics(tmp_path)
    same(report, by_hand(tmp_path, scenes))
    pooled = by_hand(tmp_path, scenes, pooled=True)
    assert pooled["ap"] > report["ap"] + 0.05
    same(report["superpoints"], pooled)


def test_stuff_classes_can_be_named(tmp_path, setting):
    run, scenes = setting
    chair = label_set("scannet20").index("chair")
    assert run(f"data.stuff_classes=[0,1,{chair}]")[0] == 0
    assert "chair" not in metrics(tmp_path)["per_class"]
    same(metrics(tmp_path), by_hand(tmp_path, scenes, stuff=(0, 1, chair)))


def test_scannet200_is_reported_by_frequency(tmp_path, setting):
    run, _ = setting
    write_checkpoint(tmp_path / "best.ckpt", "data.label_set=scannet200")
    code, out, _ = run()
    assert code == 0
    report, labels = metrics(tmp_path), label_set("scannet200")
    assert [labels.frequency.count(group) for group in ("head", "common", "tail")] == [66, 68, 66]
    for group, row in report["per_group"].items():
        rows = [
            report["per_class"][labels.names[c]]
            for c in range(1, 200, 25)
            if labels.frequency[c] == group
        ]
        assert row["ap50"] == pytest.approx(np.mean([each["ap50"] for each in rows]))
        assert f"[{group}]" in out
    assert len(report["per_group"]) == 3


# --- the benchmark's submission format -------------------------------------------------------


def read_submission(folder, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lines = [line.split() for line in (folder / f"{name}.txt").read_text().splitlines()]
    masks = [
        np.array([int(row) for row in (folder / file).read_text().split("\n")[:-1]])
        for file, _, _ in lines
    ]
    ids = label_set("scannet20").ids
    labels = np.array([ids.index(int(id)) for _, id, _ in lines])
    return np.array(masks).astype(bool), np.array([float(score) for *_, score in lines]), labels


@pytest.mark.parametrize("superpoints", [False, True])
def test_a_submission_read_back_gives_the_same_ap(tmp_path, setting, superpoints):
    run, scenes = setting
    assert run(f"export={tmp_path}/sub", f"superpoints={superpoints}")[0] == 0
    metric = ScanNetInstanceAP(label_set("scannet20"))
    for name, arrays in scenes.items():
        metric.update(
            *read_submission(tmp_path / "sub", name), arrays["segment20"], arrays["instance"]
        )
    report = metrics(tmp_path)
    same(report["superpoints"] if superpoints else report, metric.compute())
    files = sorted(path.name for path in (tmp_path / "sub").iterdir())
    assert files == ["a_00.txt", "b_00.txt", "predicted_masks"]


def test_an_export_replaces_its_own_files_only(tmp_path, setting):
    run, _ = setting
    for _ in range(2):
        assert run(f"export={tmp_path}/export")[0] == 0
    written = {
        file.relative_to(tmp_path / "export").as_posix()
        for file in (tmp_path / "export").rglob("*.*")
    }
    assert {"a_00.txt", "b_00.txt", "predicted_masks/a_00_000.txt"} <= written
    (tmp_path / "export/predicted_masks/notes.txt").touch()
    code, _, err = run(f"export={tmp_path}/export")
    assert code == 2
    assert "export holds predicted_masks/notes.txt, which this command did not write" in err
    assert all(
        (tmp_path / "export" / name).exists() for name in written | {"predicted_masks/notes.txt"}
    )


def test_a_page_is_written_for_each_scene(tmp_path, setting):
    run, _ = setting
    assert run("report=true")[0] == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "metrics.json",
        "a_00.html",
        "b_00.html",
        "plotly.min.js",
    }
    page = (tmp_path / "out/a_00.html").read_text()
    assert "a_00" in page
    assert "https://" not in page


def test_a_split_without_labels_can_be_exported_but_not_measured(tmp_path, setting):
    run, _ = setting
    arrays = objects(segment20=None, segment200=None, instance=None)
    write_scene(tmp_path / "data/test/c_00", **arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            module, "run_model", lambda *_: (torch.randn(12, 21), torch.randn(12, len(_[2].coord)))
        )
        code, _, err = run("split=test")
        assert code == 2
        assert "data/test has an instance of 100 points in instance.npy and segment20.npy" in err
        assert not (tmp_path / "out/metrics.json").exists()
        assert run("split=test", f"export={tmp_path}/sub")[0] == 0
    assert (tmp_path / "sub/c_00.txt").read_text()
    assert metrics(tmp_path)["ap"] is None


# --- refusals --------------------------------------------------------------------------------


def spoil_scene(tmp_path):
    (tmp_path / "data/val/b_00/coord.npy").write_bytes(b"\x93NUMPY")


def drop_superpoints(tmp_path):
    (tmp_path / "data/val/b_00/superpoint.npy").unlink()


def shorten_superpoints(tmp_path):
    np.save(tmp_path / "data/val/b_00/superpoint.npy", np.zeros(7, np.int32))


def cut_checkpoint(tmp_path):
    (tmp_path / "best.ckpt").write_bytes((tmp_path / "best.ckpt").read_bytes()[:900])


def other_checkpoint(tmp_path):
    torch.save({"format": "mf3d_tutorial checkpoint 1", "config": {}}, tmp_path / "best.ckpt")


def old_checkpoint(tmp_path):
    state = torch.load(tmp_path / "best.ckpt", weights_only=True)
    state["config"]["model"]["no_such_option"] = 3
    torch.save(state, tmp_path / "best.ckpt")


def block_output(tmp_path):
    (tmp_path / "out").touch()


def block_export(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/thesis.tex").touch()


@pytest.mark.parametrize(
    ("spoil", "overrides", "reason"),
    [
        (spoil_scene, [], "b_00/coord.npy cannot be read"),
        (
            drop_superpoints,
            ["superpoints=true"],
            "b_00 has no superpoint.npy, which superpoints=true needs",
        ),
        (
            shorten_superpoints,
            ["superpoints=true"],
            "b_00: superpoint has shape (7,), where (4000,) is expected",
        ),
        (cut_checkpoint, [], "best.ckpt is damaged or not a checkpoint"),
        (other_checkpoint, [], "best.ckpt holds no config or no model"),
        (old_checkpoint, [], "no_such_option"),
        (block_output, [], "out/metrics.json cannot be written"),
        (
            block_export,
            ["export={tmp}/sub"],
            "sub holds thesis.tex, which this command did not write",
        ),
        (None, ["export={tmp}/best.ckpt/sub"], "sub cannot be written"),
        (None, ["split=tset"], "has no folder tset/ (it has: val)"),
        (None, ["data.stuff_classes=[20]"], "data.stuff_classes=(20,) is outside 0..19"),
        (None, ["device=tpu"], "device=tpu is not one of auto, cpu, cuda"),
        (None, ["voxel_size=0"], "voxel_size=0.0 must be greater than 0"),
        (None, ["top_k=0"], "top_k=0 must be at least 1"),
        (None, ["num_queries=0"], "num_queries=0 must be at least 1"),
        (
            None,
            ["num_queries=9"],
            "num_queries=9 does not fit a model of query_init=learned: it has its 12",
        ),
        (None, ["superpoint=true"], "there is no option 'superpoint'; did you mean 'superpoints'?"),
        (None, ["paths.data=x"], "there is no option 'paths.data'; did you mean 'paths.data_dir'?"),
        (None, ["export"], "'export' is not of the form key=value"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_cannot_work_is_one_sentence_and_nothing_is_written(
    tmp_path, setting, spoil, overrides, reason
):
    run, _ = setting
    if spoil:
        spoil(tmp_path)
    code, _, err = run(*(override.format(tmp=tmp_path) for override in overrides))
    assert code == 2
    assert reason in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out/metrics.json").exists()
    assert not [path for path in tmp_path.rglob("*") if "unfinished" in path.name]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("out of memory"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_too_little_memory_says_which_options_help(tmp_path, setting, monkeypatch, error):
    run, _ = setting

    def fail(*_):
        raise error

    monkeypatch.setattr(module, "run_model", fail)
    code, _, err = run(f"export={tmp_path}/sub")
    assert code == 2
    assert "error: out of memory: raise voxel_size, or lower top_k" in err
    assert not (tmp_path / "sub").exists()


def test_another_error_of_torch_is_not_taken_for_one_of_memory(setting, monkeypatch):
    def fail(*_):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(module, "run_model", fail)
    with pytest.raises(RuntimeError, match="shapes differ"):
        setting[0]()


def test_a_backbone_of_ones_own_is_named_to_evaluate(tmp_path, setting, monkeypatch):
    run, _ = setting
    monkeypatch.setattr(trust, "_allowed", set())  # as in another process than that of the training
    code, _, err = run()
    assert code == 2
    assert (
        "if you trust it, name it, by allow_backbone=helpers.PointLinear for evaluate and predict"
        in err
    )
    assert run("allow_backbone=helpers.PointLinear")[0] == 0


def test_the_required_options_are_asked_for(monkeypatch, capsys):
    assert "checkpoint is required: add checkpoint=..." in run_main(monkeypatch, capsys, main)[2]
    assert "paths.data_dir is required" in run_main(monkeypatch, capsys, main, "checkpoint=x")[2]


def test_training_validates_as_evaluate_does(tmp_path):
    model, cfg = load_model(SAMPLES / "checkpoints/rooms.ckpt")
    scenes = ScanNetScenes(SAMPLES, "val", cfg.data.labels, cfg.data.voxel_size)
    scenes.folders = scenes.folders[:2]
    cfg.train.num_workers = 0
    (tmp_path / "val").mkdir()
    for folder in scenes.folders:
        (tmp_path / "val" / folder.name).symlink_to(folder.resolve())
    options = [f"checkpoint={SAMPLES}/checkpoints/rooms.ckpt", f"paths.data_dir={tmp_path}"]
    found = []
    for largest, nms in ((False, False), (True, False), (False, True)):
        inference = InferenceConfig(150 if nms else 100, nms, largest)
        metrics = validate(
            model, build_loader(cfg, scenes), SetCriterion(), torch.device("cpu"), "32", inference
        )
        wanted = [f"{name}={value}" for name, value in vars(inference).items()]
        wanted += [*options, f"paths.output_dir={tmp_path}/out"]
        evaluated = evaluate(load_options(EvaluateOptions, wanted))
        found.append({key: metrics[key] for key in ("ap", "ap50", "ap25")})
        assert found[-1]["ap50"] > 0.3
        assert found[-1] == pytest.approx({key: evaluated[key] for key in found[-1]})
    assert found[0] not in found[1:]
