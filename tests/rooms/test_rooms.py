"""The scene generator: layouts without overlaps, scans with consistent classes, and files that are
always the same."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers import run_main

from mf3d_tutorial import make_rooms as program
from mf3d_tutorial.data.labels import label_set
from mf3d_tutorial.rooms import ARRAYS, make_scene
from mf3d_tutorial.rooms.classes import indices, scannet20_of
from mf3d_tutorial.rooms.domain import domain
from mf3d_tutorial.rooms.layout import overlap
from mf3d_tutorial.rooms.mesh import Mesh
from mf3d_tutorial.rooms.recipes import build, kind_of

SHIPPED = Path(__file__).parents[2] / "data_samples"
SETTINGS = {"seed": 3, "small": True, "label_noise": 0.0}


# and how many layouts of each room type are looked at
DOMAINS = {"simple": 12, "homes": 2, "other": 2}


@pytest.fixture(scope="module", params=DOMAINS)
def layouts(request):
    source = domain(request.param)
    seeds = range(DOMAINS[request.param])
    return [
        build(source, np.random.default_rng((seed, 1)), kind)
        for kind in source.rooms
        for seed in seeds
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("rooms")
    program.make_rooms(out, 2, 1, **SETTINGS)
    return out


@pytest.fixture
def run(monkeypatch, capsys):
    """`run(*arguments)`: exit code, stdout and stderr of the command."""
    return lambda *arguments: run_main(monkeypatch, capsys, program.main, *arguments)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_furniture_does_not_interpenetrate(layouts):
    for room in layouts:
        solids = room.solids[room.solids[:, 8] >= 0]
        clash = overlap(solids, solids, touch=0.004) & (solids[:, None, 8] != solids[None, :, 8])
        pairs = {
            (room.labels[int(solids[i, 8])], room.labels[int(solids[j, 8])])
            for i, j in np.argwhere(clash)
        }
        assert not pairs, f"{room.kind}: {pairs}"


def test_furniture_stands_inside_the_room(layouts):
    for room in layouts:
        let_in = ("door", "doorframe", "window", "blinds", "beam")
        mounted = [i for i, label in enumerate(room.labels) if label in let_in]
        inside = ~np.isin(room.solids[:, 8], [-1, *mounted])
        assert room.inside(room.solids[inside, :2]).all(), room.kind
        assert room.solids[inside, 6].min() > -0.03
        assert room.solids[inside, 7].max() < room.height


def test_layouts_cover_the_classes(layouts):
    of20, of200 = indices(sorted({label for room in layouts for label in room.labels}))
    assert set(of20[of20 >= 0]) == set(range(20))
    assert len(set(of200[of200 >= 0])) >= 75
    counts = [len(room.labels) for room in layouts]
    assert 15 <= np.median(counts) <= 60


def test_touching_rows_exist(layouts):
    """Chairs in a row and equal furniture side by side are what instance segmentation finds
    hard."""
    touching = Counter()
    for room in layouts:
        solids = room.solids[room.solids[:, 8] >= 0]
        grown = solids + [0, 0, 0, 0, 0.03, 0.03, 0, 0, 0]
        for i, j in np.argwhere(overlap(grown, solids)):
            a, b = int(solids[i, 8]), int(solids[j, 8])
            if a < b and room.labels[a] == room.labels[b]:
                touching[room.labels[a]] += 1
    assert "chair" in touching, touching


@pytest.mark.parametrize("name", DOMAINS)
def test_every_thing_has_a_family(name):
    """rooms.yaml names only what can be made."""
    source, asked = domain(name), set()
    known = set(source.families) | set(source.things) | {"same"}

    def collect(steps):
        for step in steps:
            names = next(iter(step.values()))
            asked.update(names if isinstance(names, list) else [names])
            collect(step.get("then", []))

    for steps in source.steps.values():
        collect(steps)
    assert asked <= known, f"no family makes {asked - known}"


def test_nyu40_mapping():
    raw = [
        "armchair",
        "couch",
        "nightstand",
        "tv stand",
        "kitchen counter",
        "rug",
        "trash can",
        "shelf",
    ]
    of20, of200 = indices(raw)
    names20, names200 = label_set("scannet20").names, label_set("scannet200").names
    assert [names20[i] if i >= 0 else None for i in of20] == [
        "chair", "sofa", None, "otherfurniture", "counter", None, "otherfurniture", None,
    ]  # fmt: skip
    assert [names200[i] if i >= 0 else None for i in of200][2:6] == [
        "nightstand",
        "tv stand",
        "kitchen counter",
        None,
    ]
    assert set(scannet20_of()) <= set(names200)


def test_solids_are_closed_and_face_outwards():
    mesh = (
        Mesh()
        .box(0, 1, 0, 2, 0, 3, 0)
        .soft(0, 1, 0, 1, 0, 1, 0, 0.35)
        .turned(0, 0, [(1, 0), (2, 1), (1, 3)], 0)
    )
    for vertices, faces, _ in mesh.parts:
        a, b, c = (vertices[faces[:, i]] for i in range(3))
        assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6 > 0.3  # signed volume


@pytest.mark.parametrize("name", DOMAINS)
def test_scene_arrays_and_classes_agree(name):
    scene = make_scene(0, "train", 1, domain=name)
    n = len(scene["coord"])
    assert tuple(scene) == ARRAYS
    assert 15_000 < n < 220_000
    assert [scene[k].dtype for k in ARRAYS] == ["f4", "u1", "f4", "i4", "i4", "i4"]
    assert np.allclose(np.linalg.norm(scene["normal"], axis=1), 1, atol=0.01)
    assert abs(np.percentile(scene["coord"][:, 2], 1)) < 0.2
    instance, names = scene["instance"], label_set("scannet200").names
    assert set(np.unique(instance)) == set(range(-1, instance.max() + 1))
    assert (scene["segment20"][instance < 0] == -1).all()
    assert (scene["segment200"][instance < 0] == -1).all()
    for i in range(instance.max() + 1):
        (of20,), (of200,) = (
            np.unique(scene["segment20"][instance == i]),
            np.unique(scene["segment200"][instance == i]),
        )
        assert of200 == -1 or of20 == indices([names[of200]])[0][0]


def test_backs_and_undersides_are_missing():
    """Nobody scans a floor under a bed or the wall behind a wardrobe: most furniture has no face
    downwards."""
    scene = make_scene(0, "train", 0, small=True, domain="simple")
    thing = (scene["segment20"] > 1) & (scene["coord"][:, 2] > 0.1)
    assert (scene["normal"][thing, 2] < -0.9).mean() < 0.03


def test_label_noise_changes_labels_only():
    clean, noisy = (
        make_scene(0, "val", 0, small=True, domain="simple", label_noise=p) for p in (0.0, 0.5)
    )
    assert np.array_equal(clean["color"], noisy["color"])
    assert (clean["segment200"] != noisy["segment200"]).mean() > 0.02


def test_splits_differ_and_kinds_mix():
    source = domain("simple")
    assert {kind_of(source, i) for i in range(12)} == set(source.rooms) - {"studio"}
    train, val = (make_scene(0, split, 0, small=True) for split in ("train", "val"))
    assert len(train["coord"]) != len(val["coord"])
    with pytest.raises(ValueError):
        make_scene(0, "holdout", 0)


def test_shipped_scene_is_reproduced():
    """data_samples is what its README's command makes. On another processor family Embree may
    differ in the last bit of a hit, hence in a handful of points: there only the sizes are
    compared."""
    settings = json.loads((SHIPPED / "rooms.json").read_text())
    assert settings.pop("version") == program.domains()[settings["domain"]]["version"]
    scene = make_scene(split="val", index=1, **settings)
    folder = SHIPPED / "val" / program.scene_name("val", 1)
    found = {name: np.load(folder / f"{name}.npy") for name in ARRAYS}
    assert abs(len(found["coord"]) - len(scene["coord"])) <= 0.002 * len(found["coord"])
    if len(found["coord"]) == len(scene["coord"]):
        for name in ARRAYS:
            same = (found[name] == scene[name]).reshape(len(found[name]), -1).all(1).mean()
            assert same == 1 or (same > 0.99 and name != "instance"), (
                f"{name}: {same:.4f} of the points are equal"
            )


def test_shipped_scenes_fit():
    folders = sorted(path.parent for path in SHIPPED.glob("*/*/coord.npy"))
    assert Counter(folder.parent.name for folder in folders) == {"train": 8, "val": 4}
    assert (
        sum(
            path.stat().st_size
            for split in ("train", "val")
            for path in SHIPPED.glob(f"{split}/*/*")
        )
        <= 12e6
    )
    assert max(len(np.load(folder / "coord.npy", mmap_mode="r")) for folder in folders) <= 25_000


def test_same_bytes_on_two_workers(made, tmp_path):
    program.make_rooms(tmp_path, 2, 1, workers=2, **SETTINGS)
    assert contents(tmp_path) == contents(made)


def test_killed_run_goes_on(made, tmp_path):
    program.make_rooms(tmp_path, 1, 0, **SETTINGS)
    half = tmp_path / "val" / ".roomv0000_00.unfinished"
    half.mkdir()
    (half / "coord.npy").write_bytes(b"half a scene")
    done = program.make_rooms(tmp_path, 2, 1, **SETTINGS)
    assert done == ["roomt0001_00", "roomv0000_00"]
    assert contents(tmp_path) == contents(made)


def test_a_test_split_comes_on_request_and_differs_from_the_others(made, tmp_path, run):
    assert program.make_rooms(tmp_path, 1, 1, test=1, **SETTINGS) == [
        "roome0000_00",
        "roomt0000_00",
        "roomv0000_00",
    ]
    coords = [
        np.load(tmp_path / split / program.scene_name(split, 0) / "coord.npy")
        for split in ("train", "val", "test")
    ]
    assert len({len(coord) for coord in coords}) == 3
    assert not (made / "test").exists()
    assert run("--out", tmp_path, "--train", 1, "--val", 0, "--test", -1)[0] == 2


def test_other_settings_are_refused(made, run):
    before = contents(made)
    code, _, err = run("--out", made, "--train", 3, "--val", 0, "--small", "--seed", 4)
    assert code == 2
    assert "choose another --out" in err
    assert contents(made) == before


def test_foreign_folder_is_refused(tmp_path, run):
    (tmp_path / "train" / "scene0000_00").mkdir(parents=True)
    code, _, err = run("--out", tmp_path, "--train", 1, "--val", 0)
    assert code == 2
    assert "did not make" in err
    (tmp_path / "file").write_text("")
    assert run("--out", tmp_path / "file", "--train", 1, "--val", 0)[0] == 2


@pytest.mark.parametrize(
    "wrong", [["--train", "-1"], ["--train", "2", "--label-noise", "2"], ["--train", "x"]]
)
def test_bad_numbers_exit_with_2(tmp_path, wrong, run):
    assert run("--out", tmp_path, "--val", 0, *wrong)[0] == 2
    assert not list(tmp_path.iterdir())
