"""Raw ScanNet to the layout: against loops over vertices, and what happens to broken scenes."""

import json
import os

import numpy as np
import pytest
from helpers import RAW_CLASSES, run_main, write_mesh, write_raw_scene

from mf3d_tutorial.common.errors import UserError
from mf3d_tutorial.data import IGNORE_INDEX, ScanNetScenes, label_set
from mf3d_tutorial.data.prepare import prepare_scene, read_label_table
from mf3d_tutorial.prepare_scannet import Job, main, prepare


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """`run(*arguments)`: exit code, stdout and stderr of preparing tmp_path/raw into
    tmp_path/out."""
    base = ["--raw", tmp_path / "raw", "--out", tmp_path / "out"]
    return lambda *arguments: run_main(monkeypatch, capsys, main, *base, *arguments)


def arrays_of(folder) -> dict[str, np.ndarray]:
    return {path.stem: np.load(path) for path in folder.iterdir()}


def loop_labels(folder, name: str) -> dict[str, list[int]]:
    """Labels of each vertex, from the groups that own its segment; the last one counts."""
    segments = json.loads((folder / f"{name}_vh_clean_2.0.010000.segs.json").read_text())[
        "segIndices"
    ]
    groups = json.loads((folder / f"{name}.aggregation.json").read_text())["segGroups"]
    rows = []
    for segment in segments:
        row = [-1, -1, -1]
        for group in groups:
            if segment in group["segments"]:
                id200, id20 = RAW_CLASSES[group["label"]]
                twenty, two_hundred = label_set("scannet20").ids, label_set("scannet200").ids
                row = [group["id"], twenty.index(id20) if id20 in twenty else -1]
                row.append(two_hundred.index(id200) if id200 in two_hundred else -1)
        rows.append(row)
    instance, segment20, segment200 = np.array(rows).T.tolist()
    return {"instance": instance, "segment20": segment20, "segment200": segment200}


def loop_normals(mesh) -> np.ndarray:
    normals = np.zeros((len(mesh.vertices), 3))
    for a, b, c in mesh.faces:
        twice_area = np.cross(
            mesh.vertices[b] - mesh.vertices[a], mesh.vertices[c] - mesh.vertices[a]
        )
        for vertex in (a, b, c):
            normals[vertex] += twice_area
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def test_a_raw_scene_becomes_the_layout(tmp_path, run):
    folder = write_raw_scene(tmp_path / "raw", "scene0000_00")
    mesh = write_mesh(tmp_path / "same.ply")
    assert run()[0] == 0
    found = arrays_of(tmp_path / "out/train/scene0000_00")
    types = {
        "coord": "f4",
        "color": "u1",
        "normal": "f4",
        "instance": "i4",
        "segment20": "i4",
        "segment200": "i4",
    }
    assert {name: array.dtype.str[1:] for name, array in found.items()} == types | {
        "superpoint": "i4"
    }
    np.testing.assert_array_equal(found["coord"], mesh.vertices)
    np.testing.assert_array_equal(found["color"], mesh.visual.vertex_colors[:, :3])
    np.testing.assert_allclose(found["normal"], loop_normals(mesh), atol=1e-5)
    labels = loop_labels(folder, "scene0000_00")
    assert {name: found[name].tolist() for name in labels} == labels
    assert set(labels["instance"]) == {-1, 3, 4, 7, 9}
    assert {-1, label_set("scannet20").index("chair")} < set(labels["segment20"])
    segments = json.loads((folder / "scene0000_00_vh_clean_2.0.010000.segs.json").read_text())[
        "segIndices"
    ]
    assert found["superpoint"].tolist() == [
        sorted(set(segments)).index(segment) for segment in segments
    ]


def test_an_instance_of_an_unmapped_class_stays_without_a_label(tmp_path, run):
    write_raw_scene(tmp_path / "raw", "scene0000_00")
    run()
    scenes = {
        name: ScanNetScenes(tmp_path / "out", "train", name).read(0)
        for name in ("scannet20", "scannet200")
    }
    lid, pillow = (scenes["scannet20"].instance == instance for instance in (9, 4))
    assert (
        set(scenes["scannet20"].segment[lid])
        == set(scenes["scannet200"].segment[lid])
        == {IGNORE_INDEX}
    )
    assert set(scenes["scannet20"].segment[pillow]) == {IGNORE_INDEX}
    assert set(scenes["scannet200"].segment[pillow]) == {label_set("scannet200").index("pillow")}


def test_groups_that_are_repeated_give_the_same_instances(tmp_path, run):
    folder = write_raw_scene(tmp_path / "raw", "scene0000_00")
    once = loop_labels(folder, "scene0000_00")
    path = folder / "scene0000_00.aggregation.json"
    groups = json.loads(path.read_text())["segGroups"]
    path.write_text(
        json.dumps({"segGroups": groups + [group | {"id": group["id"] + 31} for group in groups]})
    )
    run()
    found = arrays_of(tmp_path / "out/train/scene0000_00")
    assert found["segment20"].tolist() == once["segment20"]
    assert len(set(zip(once["instance"], found["instance"].tolist()))) == len(set(once["instance"]))


def test_the_test_split_has_no_labels(tmp_path, run):
    write_raw_scene(tmp_path / "raw", "scene0700_00", "test")
    segments = json.dumps({"segIndices": [5] * 288}).encode()
    write_raw_scene(tmp_path / "raw", "scene0701_00", "test", segs=segments)
    assert run()[0] == 0
    assert set(arrays_of(tmp_path / "out/test/scene0700_00")) == {"coord", "color", "normal"}
    assert set(arrays_of(tmp_path / "out/test/scene0701_00")) == {
        "coord",
        "color",
        "normal",
        "superpoint",
    }
    assert len(ScanNetScenes(tmp_path / "out", "test")) == 2


def test_points_without_triangles_get_normals_of_their_neighbourhood(tmp_path):
    folder = write_raw_scene(tmp_path, "scene0000_00")
    mesh = write_mesh(folder / "scene0000_00_vh_clean_2.ply", faces=False)
    normal = prepare_scene(folder, read_label_table(tmp_path / "scannetv2-labels.combined.tsv"))[
        "normal"
    ]
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-5)
    assert np.median(np.abs((normal * loop_normals(mesh)).sum(1))) > 0.95


GROUPS = {"segGroups": [{"id": 0, "objectId": 0, "segments": [3], "label": "chair"}]}
PLY = b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nend_header\n0\n"
BROKEN = {
    "no mesh": ({"ply": None}, "scene0001_00_vh_clean_2.ply is missing"),
    "cut mesh": ({"ply": PLY}, "_vh_clean_2.ply is truncated: it holds 1 of 2 vertex records"),
    "other mesh": ({"ply": b"solid x"}, "_vh_clean_2.ply is not a PLY file"),
    "no segments": ({"segs": None}, "0.010000.segs.json is missing"),
    "cut segments": ({"segs": b'{"segIndices": [1, 2'}, "segs.json is not valid JSON"),
    "binary segments": ({"segs": b"\xff\xfe\x00"}, "segs.json is not valid JSON"),
    "list of segments": ({"segs": b"[1, 2]"}, "segs.json has no list 'segIndices'"),
    "other key": ({"segs": b'{"seg": [1]}'}, "segs.json has no list 'segIndices'"),
    "other count": ({"segs": b'{"segIndices": [1]}'}, "has 1 vertices but the mesh has 288"),
    "words": (
        {"segs": b'{"segIndices": ["a"]}'},
        "'segIndices' must hold integers only",
    ),
    "no groups": ({"groups": None}, "scene0001_00.aggregation.json is missing"),
    "other groups": ({"groups": b'{"segGroups": 3}'}, "aggregation.json has no list 'segGroups'"),
    "group without segments": (
        {"groups": b'{"segGroups": [{"id": 0, "label": "x"}]}'},
        "group 0 has no valid id, segments",
    ),
    "group that is none": (
        {"groups": b'{"segGroups": ["chair"]}'},
        "group 0 has no valid id, segments or label",
    ),
    "group with a word for an id": (
        {"groups": json.dumps(GROUPS).replace('"id": 0', '"id": "a"').encode()},
        "group 0 has no valid id, segments or label",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_scene_is_named_and_the_others_go_on(tmp_path, run, case):
    changed, reason = BROKEN[case]
    for name, files in (("scene0000_00", {}), ("scene0001_00", changed), ("scene0002_00", {})):
        write_raw_scene(tmp_path / "raw", name, **files)
    code, out, err = run()
    assert code == 1
    line, summary = err.strip().splitlines()
    assert line.startswith("scene0001_00: ")
    assert reason in line
    assert summary == "1 failed: scene0001_00"
    assert "2 of 3 scenes are in" in out
    assert sorted(os.listdir(tmp_path / "out/train")) == ["scene0000_00", "scene0002_00"]


def test_a_scene_that_is_listed_but_not_there_is_named(tmp_path, run):
    write_raw_scene(tmp_path / "raw", "scene0000_00")
    (tmp_path / "raw/scannetv2_val.txt").write_text("scene0011_00\n")
    code, _, err = run()
    assert code == 1
    assert "scans/scene0011_00 does not exist, but scannetv2_val.txt names it" in err


def test_a_second_run_does_only_what_is_missing(tmp_path, run):
    write_raw_scene(tmp_path / "raw", "scene0000_00")
    broken = write_raw_scene(tmp_path / "raw", "scene0001_00", groups=b"{")
    assert run()[0] == 1
    done = tmp_path / "out/train/scene0000_00/coord.npy"
    before = done.stat().st_mtime_ns
    (broken / "scene0001_00.aggregation.json").write_text(json.dumps(GROUPS))
    (tmp_path / "out/train/.scene0001_00.unfinished").mkdir()  # of a run that was killed
    assert run()[0] == 0
    assert done.stat().st_mtime_ns == before
    assert sorted(os.listdir(tmp_path / "out/train")) == ["scene0000_00", "scene0001_00"]


def test_a_full_disk_leaves_no_half_scene(tmp_path, run, monkeypatch):
    write_raw_scene(tmp_path / "raw", "scene0000_00")
    real = np.save

    def save(path, values):
        if path.stem == "normal":
            raise OSError(28, "No space left on device")
        real(path, values)

    monkeypatch.setattr(np, "save", save)
    code, _, err = run()
    assert code == 1
    assert "scene0000_00 cannot be written (No space left on device)" in err
    assert os.listdir(tmp_path / "out/train") == []


def test_several_workers_write_the_same_files(tmp_path, run):
    for index in range(3):
        write_raw_scene(tmp_path / "raw", f"scene000{index}_00", seed=index)
    assert run()[0] == 0
    assert run("--out", tmp_path / "two", "--workers", 2)[0] == 0
    files = sorted(path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.npy"))
    assert len(files) == 21
    for file in files:
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


class Deadly:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (1,)


def test_a_killed_worker_is_one_sentence(tmp_path):
    jobs = [Job(tmp_path, tmp_path, "train", name, Deadly()) for name in ("a", "b")]
    with pytest.raises(
        UserError,
        match="a worker was killed, most likely because memory ran out: use fewer --workers",
    ):
        prepare(jobs, 2)


def test_too_little_memory_for_one_scene_is_its_reason(tmp_path, run, monkeypatch):
    write_raw_scene(tmp_path / "raw", "scene0000_00")

    def prepare(*_, **__):
        raise MemoryError

    monkeypatch.setattr("mf3d_tutorial.prepare_scannet.prepare_scene", prepare)
    code, _, err = run()
    assert code == 1
    assert "scene0000_00: out of memory: use fewer --workers" in err


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda raw: raw.rename(raw.parent / "other"), "raw does not exist: set --raw"),
        (lambda raw: (raw / "scannetv2-labels.combined.tsv").unlink(), "label table"),
        (
            lambda raw: (raw / "scannetv2-labels.combined.tsv").write_text("id\tname\n1\tchair\n"),
            "label table",
        ),
        (lambda raw: (raw / "scannetv2_train.txt").unlink(), "has no scannetv2_train.txt"),
        (lambda raw: (raw.parent / "out").touch(), "out cannot be written"),
    ],
    ids=["no folder", "no table", "other table", "no lists", "no access"],
)
def test_what_stops_every_scene_is_one_sentence_and_exit_code_2(tmp_path, run, spoil, reason):
    write_raw_scene(tmp_path / "raw", "scene0000_00")
    spoil(tmp_path / "raw")
    code, _, err = run()
    assert code == 2
    assert reason in err
    assert len(err.strip().splitlines()) == 1
    assert not list((tmp_path / "out").glob("*"))


def test_lists_and_table_may_stand_in_another_folder(tmp_path, run):
    write_raw_scene(tmp_path / "raw", "scene0000_00")
    (tmp_path / "meta").mkdir()
    for path in (tmp_path / "raw").glob("scannetv2*"):
        path.rename(tmp_path / "meta" / path.name)
    assert run("--meta", tmp_path / "meta")[0] == 0
