"""A scan of one's own to its instances: the files written, what is decided on the way, and what is
refused."""

import json

import numpy as np
import pytest
import torch
import trimesh
from helpers import run_main, write_checkpoint, write_mesh, write_scene

from mf3d_tutorial.data import label_set
from mf3d_tutorial.data.pointcloud import Cloud, read_cloud, write_ply
from mf3d_tutorial.evaluation import inference
from mf3d_tutorial.evaluation.inference import InferenceOptions, predict_scan
from mf3d_tutorial.predict import main
from mf3d_tutorial.training.checkpoint import load_model

LABELS = label_set("scannet20")


def outputs(model, cfg, scene) -> tuple[torch.Tensor, torch.Tensor]:
    """Query 0: a chair of all points left of x = 0.3 m. Query 1: a table of the rest, less sure.
    Query 2: nothing."""
    logits = torch.zeros(3, len(cfg.data.labels) + 1)
    logits[0, 4], logits[1, 6], logits[2, -1] = 9.0, 5.0, 9.0
    left = torch.from_numpy(scene.coord[:, 0] < 0.3)
    return logits, torch.stack([left, ~left, left]) * 8.0 - 4.0


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """`run(*overrides)` predicts with the model above and writes to tmp_path/out."""
    monkeypatch.setattr(inference, "run_model", outputs)
    write_checkpoint(tmp_path / "best.ckpt")
    common = [f"checkpoint={tmp_path}/best.ckpt", f"output={tmp_path}/out"]
    return lambda *overrides: run_main(monkeypatch, capsys, main, *common, *overrides)


def results(folder) -> tuple[list[dict], dict[str, np.ndarray]]:
    values = json.loads((folder / "instances.json").read_text())
    with np.load(folder / "masks.npz") as archive:
        return values["instances"], dict(archive)


def test_a_mesh_gives_instances_masks_and_a_coloured_mesh(tmp_path, run):
    mesh = write_mesh(tmp_path / "scan.ply")
    code, out, _ = run(f"input={tmp_path}/scan.ply")
    assert code == 0
    assert "288 points" in out
    assert f"2 instances in {tmp_path}/out/scan: 1 chair, 1 table" in out
    instances, archive = results(tmp_path / "out/scan")
    left = mesh.vertices[:, 0] < 0.3
    assert archive["masks"].tolist() == [left.tolist(), (~left).tolist()]
    assert (
        [row["label"] for row in instances]
        == ["chair", "table"]
        == [LABELS.names[c] for c in archive["labels"]]
    )
    assert [row["points"] for row in instances] == [left.sum(), (~left).sum()]
    for row, inside, score in zip(instances, (left, ~left), archive["scores"]):
        points = mesh.vertices[inside]
        np.testing.assert_allclose(row["box"]["min"], points.min(0), atol=1e-4)
        np.testing.assert_allclose(row["box"]["max"], points.max(0), atol=1e-4)
        np.testing.assert_allclose(row["centroid"], points.mean(0), atol=1e-4)
        assert row["score"] == pytest.approx(score, abs=1e-4)
    assert archive["scores"][0] > archive["scores"][1] > 0.5
    assert "<title>scan" in (tmp_path / "out/scan/report.html").read_text()
    painted = trimesh.load(tmp_path / "out/scan/instances.ply", process=False)
    np.testing.assert_array_equal(painted.faces, mesh.faces)
    np.testing.assert_array_equal(painted.vertices, mesh.vertices)
    colors = painted.visual.vertex_colors[:, :3]
    assert len(np.unique(colors[left], axis=0)) == len(np.unique(colors[~left], axis=0)) == 1
    assert (colors[left][0] != colors[~left][0]).any()
    assert run(f"input={tmp_path}/scan.ply")[0] == 0  # the same again, into the same folder


def test_a_stray_point_is_in_no_mask_and_in_no_box(tmp_path, run):
    coord = np.concatenate([np.random.default_rng(0).uniform(0, 1, (3000, 3)), [[50, 0, 0]]])
    np.savez(tmp_path / "scan.npz", coord=coord, superpoint=np.arange(3001) // 7)
    for extra in ([], ["superpoints=true"]):
        code, out, _ = run(f"input={tmp_path}/scan.npz", "up=z", *extra)
        assert code == 0
        assert "1 stray points ignored (the first is point 3000, at 50.0, 0.0, 0.0 m)" in out
        instances, archive = results(tmp_path / "out/scan")
        assert archive["masks"].shape[1] == 3001
        assert archive["masks"][:, :3000].any()
        assert not archive["masks"][:, 3000].any()
        assert max(row["box"]["max"][0] for row in instances) <= 1


def test_millimetres_with_y_up_give_the_same_in_their_own_coordinates(tmp_path, run):
    mesh = write_mesh(tmp_path / "scan.ply", side=12)
    coord = (mesh.vertices[:, [0, 2, 1]] * [1000, 1000, -1000]).astype(np.float32)
    write_ply(tmp_path / "phone.ply", coord, mesh.visual.vertex_colors[:, :3], None)
    assert run(f"input={tmp_path}/scan.ply")[0] == 0
    assert run(f"input={tmp_path}/phone.ply", "units=mm", "up=y")[0] == 0
    (ours, one), (theirs, two) = results(tmp_path / "out/scan"), results(tmp_path / "out/phone")
    np.testing.assert_array_equal(one["masks"], two["masks"])
    x, _, z = theirs[0]["centroid"]
    np.testing.assert_allclose([x / 1000, z / -1000], ours[0]["centroid"][:2], atol=1e-4)


@pytest.mark.parametrize("kind", ["folder", "npz", "pcd"])
def test_other_kinds_of_scans_are_read(tmp_path, run, kind):
    folder = write_scene(tmp_path / "a.scan", coord=np.random.default_rng(0).uniform(0, 1, (60, 3)))
    path, name = folder, "a.scan"
    coord = np.load(folder / "coord.npy")
    if kind == "npz":
        path, name = tmp_path / "b.npz", "b"
        np.savez(path, coord=coord)
    elif kind == "pcd":
        path, name = tmp_path / "b.pcd", "b"
        head = "FIELDS x y z\nSIZE 8 8 8\nTYPE F F F\nCOUNT 1 1 1\nPOINTS 60\nDATA binary\n"
        path.write_bytes(head.encode() + coord.astype("<f8").tobytes())
    assert run(f"input={path}")[0] == 0
    np.testing.assert_array_equal(
        results(tmp_path / "out" / name)[1]["masks"][0], coord[:, 0] < 0.3
    )


def test_the_score_threshold_decides_what_is_kept(tmp_path, run):
    write_mesh(tmp_path / "scan.ply")
    run(f"input={tmp_path}/scan.ply", "score_threshold=0.95")
    assert [row["label"] for row in results(tmp_path / "out/scan")[0]] == ["chair"]
    assert run(f"input={tmp_path}/scan.ply", "score_threshold=1")[1].endswith(
        "0 instances in " + f"{tmp_path}/out/scan\n"
    )
    instances, archive = results(tmp_path / "out/scan")
    assert instances == []
    assert archive["masks"].shape == (0, 288)


def test_a_folder_of_scans_goes_on_after_a_bad_one(tmp_path, run):
    (tmp_path / "in").mkdir()
    write_mesh(tmp_path / "in/a.ply")
    (tmp_path / "in/b.ply").write_bytes(b"not a ply")
    (tmp_path / "in/notes.txt").touch()
    np.savez(tmp_path / "in/a.npz", coord=np.zeros((1, 3)))
    write_scene(tmp_path / "in/c")
    code, _, err = run(f"input={tmp_path}/in")
    assert code == 1
    assert "in/b.ply is not a PLY file" in err
    assert err.endswith("1 failed: b.ply\n")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.npz", "a.ply", "c"]
    assert run(f"input={tmp_path}/in/a.ply")[0] == 0
    assert run(f"input={tmp_path}/in/a.ply")[0] == 0  # a second time: its own results are replaced


# --- predict_scan ----------------------------------------------------------------------------


def test_what_a_scan_lacks_is_made_up_and_said(tmp_path):
    features = ["model.in_features=[color,normal]", "model.backbone.in_channels=6"]
    model, cfg = load_model(write_checkpoint(tmp_path / "best.ckpt", *features))
    mesh = write_mesh(tmp_path / "mesh.ply", side=30)
    said = []
    cloud = read_cloud(tmp_path / "mesh.ply")
    with_faces = predict_scan(model, cfg, cloud, log=said.append)
    assert "  normals computed from the triangles" in said
    given = predict_scan(
        model, cfg, Cloud(cloud.coord, cloud.color, mesh.vertex_normals), log=said.append
    )
    assert len(said) == 3
    torch.testing.assert_close(with_faces.scores, given.scores, atol=0.02, rtol=0)
    predict_scan(model, cfg, Cloud(cloud.coord), log=said.append)
    assert "no colours: every point counts as grey" in said[-2]
    assert "no normals: estimated" in said[-1]
    assert with_faces.masks.shape[1] == len(cloud.coord)


def line(*spans: tuple[float, float], spacing: float = 0.02) -> np.ndarray:
    """Points on the x axis, from start to end of each span, in metres."""
    x = np.concatenate([np.arange(start, end, spacing) for start, end in spans])
    return np.column_stack([x, np.zeros((len(x), 2))])


def test_speckles_are_removed_on_request_or_by_the_recipe(monkeypatch, tmp_path):
    # a gap of 7 cm is none; the last two are speckles
    coord = line((0, 1.0), (1.05, 1.5), (2, 2.1), (3, 3.04))

    def everything(model, cfg, scene):
        return torch.tensor([[5.0] + [0.0] * 20]), torch.full((1, len(scene.coord)), 4.0)

    monkeypatch.setattr(inference, "run_model", everything)
    model, cfg = load_model(write_checkpoint(tmp_path / "best.ckpt"))
    plain = predict_scan(model, cfg, Cloud(coord), InferenceOptions(top_k=1), up="z")
    cleaned = predict_scan(
        model, cfg, Cloud(coord), InferenceOptions(top_k=1, largest_component=True), up="z"
    )
    assert plain.masks.all()
    assert coord[cleaned.masks[0].numpy(), 0].tolist() == coord[coord[:, 0] < 1.9, 0].tolist()
    cfg.inference.largest_component = True  # a recipe's wish; an option of this prediction wins
    assert torch.equal(
        predict_scan(model, cfg, Cloud(coord), InferenceOptions(top_k=1), up="z").masks,
        cleaned.masks,
    )
    uncleaned = InferenceOptions(top_k=1, largest_component=False)
    assert predict_scan(model, cfg, Cloud(coord), uncleaned, up="z").masks.all()
    few = InferenceOptions(top_k=1, largest_component=True, min_points=len(coord))
    assert len(predict_scan(model, cfg, Cloud(coord), few, up="z")) == 0


def test_a_mask_follows_the_superpoints_on_request(monkeypatch, tmp_path):
    coord = line((0, 1.0))
    superpoint = np.where(coord[:, 0] < 0.5, 4, 9)

    def ragged(model, cfg, scene):
        sure = torch.from_numpy(scene.coord[:, 0] < 0.6) & (torch.arange(len(scene.coord)) % 3 > 0)
        return torch.tensor([[5.0] + [0.0] * 20]), (sure * 8.0 - 4.0)[None]

    monkeypatch.setattr(inference, "run_model", ragged)
    model, cfg = load_model(write_checkpoint(tmp_path / "best.ckpt"))
    options = InferenceOptions(top_k=1, superpoints=True)
    found = predict_scan(model, cfg, Cloud(coord, superpoint=superpoint), options, up="z")
    assert found.masks[0].tolist() == (superpoint == 4).tolist()


def test_a_larger_voxel_size_leaves_fewer_points_to_the_model(monkeypatch, tmp_path):
    seen = []

    def count(model, cfg, scene):
        seen.append(len(scene.coord))
        return outputs(model, cfg, scene)

    monkeypatch.setattr(inference, "run_model", count)
    model, cfg = load_model(write_checkpoint(tmp_path / "best.ckpt"))
    for voxel_size in (None, 0.2):
        found = predict_scan(
            model, cfg, Cloud(line((0, 1))), InferenceOptions(voxel_size=voxel_size), up="z"
        )
        assert found.masks.shape[1] == 50
    assert seen == [26, 6]  # voxels count from the middle


# --- refusals --------------------------------------------------------------------------------


def test_another_number_of_queries_holds_for_one_call(tmp_path, monkeypatch):
    model, cfg = load_model(write_checkpoint(tmp_path / "best.ckpt", "model.query_init=fps"))
    seen, real = [], inference.scene_instances
    monkeypatch.setattr(
        inference,
        "scene_instances",
        lambda logits, *rest: seen.append(len(logits)) or real(logits, *rest),
    )
    cloud = Cloud(line((0, 1)))
    for options in (None, InferenceOptions(num_queries=30), InferenceOptions(num_queries=3), None):
        predict_scan(model, cfg, cloud, options, up="z")
    assert seen == [12, 30, 3, 12]


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["input={tmp}/none.ply"], "there is no"),
        (["input={tmp}/empty"], "empty holds no scan"),
        (["input={tmp}/bad.ply"], "bad.ply is truncated: it holds 0 of 5 vertex records"),
        (
            ["input={tmp}/best.ckpt"],
            "best.ckpt is neither a scene folder nor one of .ply, .pcd, .npz",
        ),
        (["input={tmp}/scan.ply", "superpoints=true"], "superpoints=true, but the scan has none"),
        (
            ["input={tmp}/scan.ply", "num_queries=9"],
            "num_queries=9 does not fit a model of query_init=learned",
        ),
        (["input={tmp}/scan.ply", "units=inch"], "units=inch is not one of auto, m, cm, mm"),
        (["input={tmp}/scan.ply", "up=x"], "up=x is not one of auto, y, z"),
        (["input={tmp}/scan.ply", "score_treshold=1"], "did you mean 'score_threshold'?"),
        (
            ["input={tmp}/scan.ply", "checkpoint={tmp}/bad.ply"],
            "bad.ply is damaged or not a checkpoint",
        ),
        (["input={tmp}/scan.ply", "output={tmp}/scan.ply"], "cannot be written"),
        (
            ["input={tmp}/scan.ply", "output={tmp}/taken"],
            "taken/scan holds thesis.tex, which this command did not write",
        ),
        (["input={tmp}/scan.ply", "voxel_size=0.000001"], "use a larger voxel size"),
        ([], "input is required"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_nothing_is_written(tmp_path, run, overrides, reason):
    write_mesh(tmp_path / "scan.ply")
    (tmp_path / "bad.ply").write_bytes(
        b"ply\nformat ascii 1.0\nelement vertex 5\nproperty float x\nend_header\n"
    )
    (tmp_path / "empty").mkdir()
    (tmp_path / "taken/scan").mkdir(parents=True)
    (tmp_path / "taken/scan/thesis.tex").touch()
    code, _, err = run(*(override.format(tmp=tmp_path) for override in overrides))
    assert code == 2
    assert reason in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.glob("out/*"))
    assert (tmp_path / "taken/scan/thesis.tex").exists()
    assert not [path for path in tmp_path.rglob("*") if "unfinished" in path.name]


def test_too_little_memory_says_which_options_help(tmp_path, run, monkeypatch):
    write_mesh(tmp_path / "scan.ply")

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(inference, "run_model", fail)
    code, _, err = run(f"input={tmp_path}/scan.ply")
    assert (code, err) == (2, "error: out of memory: raise voxel_size, or lower top_k\n")


@pytest.mark.cuda
def test_a_gpu_finds_the_instances_that_the_cpu_finds(tmp_path):
    write_mesh(tmp_path / "scan.ply")
    path = write_checkpoint(tmp_path / "best.ckpt", "train.precision=32")
    cloud = read_cloud(tmp_path / "scan.ply")
    cpu, cuda = (predict_scan(*load_model(path, device), cloud) for device in ("cpu", "cuda"))
    torch.testing.assert_close(cpu.scores, cuda.scores, atol=1e-3, rtol=0)
