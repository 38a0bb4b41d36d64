"""Reading the ScanNet layout, thinning, augmentation, targets and batches; and every way in which a
dataset is bad."""

import contextlib
import copy
import io
import pickle
import shutil
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import write_scene

from mf3d_tutorial.common.errors import DataError
from mf3d_tutorial.data import IGNORE_INDEX, ScanNetScenes, build_target, collate, label_set
from mf3d_tutorial.data.placement import place
from mf3d_tutorial.data.scannet import Scene, voxel_downsample
from mf3d_tutorial.data.transforms import (
    augmentation,
    compose,
    random_crop,
    random_elastic,
    random_flip,
    random_gray,
    random_holes,
    random_noise,
    random_rotation,
    random_stretch,
)

# Two points in one voxel of 4 cm, one beside it, one far away below zero.
COORD = np.array(
    [[0.01, 0.01, 0.01], [0.03, 0.02, 0.01], [0.05, 0.01, 0.01], [-1.0, -1.0, 2.0]], np.float32
)


def read_scene(
    root: Path, label_set: str = "scannet20", voxel_size: float | None = None, **options
) -> Scene:
    return ScanNetScenes(root, "train", label_set, voxel_size, **options)[0]


# --- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["scannet20", "scannet200"])
def test_a_scene_is_read_as_it_was_written(tmp_path, name):
    folder = write_scene(tmp_path / "train/scene0000_00")
    scene = read_scene(tmp_path, name)
    stored = {file.stem: np.load(file) for file in folder.iterdir()}
    assert scene.name == "scene0000_00"
    np.testing.assert_array_equal(scene.coord, stored["coord"])
    np.testing.assert_allclose(scene.color, stored["color"] / 255, atol=1e-6)
    np.testing.assert_array_equal(scene.normal, stored["normal"])
    np.testing.assert_array_equal(scene.segment, stored[name.replace("scannet", "segment")])
    np.testing.assert_array_equal(scene.instance, stored["instance"])
    assert scene.coord.dtype == scene.color.dtype == scene.normal.dtype == np.float32
    assert scene.segment.dtype == scene.instance.dtype == np.int64


@pytest.mark.parametrize(
    ("dtype", "scale"), [(np.uint8, 255), (np.float32, 255), (np.float64, 255), (np.float32, 1)]
)
def test_colours_become_floats_from_0_to_1(tmp_path, dtype, scale):
    color = np.array([[0, 51, 255], [0, 102, 204]]) / 255 * scale
    write_scene(tmp_path / "train/a", points=2, color=color.astype(dtype))
    scene = read_scene(tmp_path)
    np.testing.assert_allclose(scene.color, [[0, 0.2, 1], [0, 0.4, 0.8]], atol=1e-6)
    assert scene.color.dtype == np.float32


def test_missing_optional_files_are_zeros_and_unannotated(tmp_path):
    write_scene(
        tmp_path / "train/a",
        5,
        color=None,
        normal=None,
        segment20=None,
        segment200=None,
        instance=None,
    )
    scene = read_scene(tmp_path)
    assert (scene.color == 0).all()
    assert (scene.normal == 0).all()
    assert (scene.segment == IGNORE_INDEX).all()
    assert (scene.instance == IGNORE_INDEX).all()
    assert len(scene.segment) == len(scene.color) == 5


def test_a_test_split_without_labels_gives_empty_targets(tmp_path):
    write_scene(tmp_path / "test/a", 9, segment20=None, segment200=None, instance=None)
    batch = collate([ScanNetScenes(tmp_path, "test", voxel_size=0.04)[0]])
    assert len(batch.targets[0]) == 0
    assert batch.targets[0].masks.shape == (0, len(batch.points.coordinate_tensor))


def test_a_column_of_labels_is_read_as_a_row(tmp_path):
    write_scene(tmp_path / "train/a", 3, instance=np.array([[2], [-1], [0]], np.int32))
    assert read_scene(tmp_path).instance.tolist() == [2, -1, 0]


def test_ignore_index_becomes_minus_1(tmp_path):
    write_scene(tmp_path / "train/a", 3, segment20=np.array([255, 3, -1]))
    assert read_scene(tmp_path, ignore_index=255).segment.tolist() == [-1, 3, -1]


def test_scenes_stand_in_order_of_their_names_and_hidden_folders_are_none(tmp_path):
    for name in ("b", "a", ".cache", "c"):
        write_scene(tmp_path / "train" / name)
    (tmp_path / "train/list.txt").write_text("a b c")
    scenes = ScanNetScenes(tmp_path, "train")
    assert [scenes[i].name for i in range(len(scenes))] == ["a", "b", "c"]


def test_the_shipped_scenes_are_fit_for_use():
    root = Path(__file__).parents[2] / "data_samples"
    for split, count in (("train", 8), ("val", 4)):
        scenes = ScanNetScenes(root, split)
        scenes.check()
        assert len(scenes) == count
        assert len(collate([scenes[0]]).targets[0]) > 3


# --- thinning --------------------------------------------------------------------------------


def test_one_point_a_voxel_is_kept_and_stands_for_the_others(tmp_path):
    write_scene(tmp_path / "train/a", points=4, coord=COORD)
    scene = read_scene(tmp_path, voxel_size=0.04)
    # the first point of each voxel
    assert sorted(map(tuple, scene.coord)) == sorted(map(tuple, COORD[[0, 2, 3]]))
    np.testing.assert_array_equal(scene.coord[scene.original.stand_in], COORD[[0, 0, 2, 3]])


def test_thinning_keeps_a_points_labels_with_it_and_all_labels_of_the_file(tmp_path):
    folder = write_scene(tmp_path / "train/a", points=500)
    scene = read_scene(tmp_path, voxel_size=0.2)
    stored = {file.stem: np.load(file) for file in folder.iterdir()}
    assert 100 < len(scene.coord) <= 6 * 6 * 5
    low, high = stored["coord"].min(0), stored["coord"].max(0)
    # of voxels: the middle of the box's bottom, as 2 m are ten voxels
    corner = np.r_[(low + high)[:2] / 2, low[2]]
    grid = np.floor((stored["coord"] - corner + 25e-6) / 0.2)
    row = {tuple(point): n for n, point in enumerate(stored["coord"])}
    source = [row[tuple(point)] for point in scene.coord]
    assert len(np.unique(grid[source], axis=0)) == len(np.unique(grid, axis=0)) == len(source)
    np.testing.assert_array_equal(grid[source][scene.original.stand_in], grid)
    np.testing.assert_array_equal(scene.segment, stored["segment20"][source])
    np.testing.assert_array_equal(scene.instance, stored["instance"][source])
    np.testing.assert_array_equal(scene.normal, stored["normal"][source])
    np.testing.assert_allclose(scene.color, stored["color"][source] / 255, atol=1e-6)
    np.testing.assert_array_equal(scene.original.segment, stored["segment20"])
    np.testing.assert_array_equal(scene.original.instance, stored["instance"])


def test_without_a_voxel_size_every_point_is_kept(tmp_path):
    write_scene(tmp_path / "train/a", points=4, coord=COORD)
    scene = read_scene(tmp_path, voxel_size=None)
    np.testing.assert_array_equal(scene.coord, COORD)
    assert scene.original.stand_in.tolist() == [0, 1, 2, 3]


# --- batches and targets ---------------------------------------------------------------------


def test_collate_puts_scenes_one_after_another(tmp_path):
    for name, points in (("a", 30), ("b", 50)):
        write_scene(tmp_path / "train" / name, points, seed=points)
    dataset = ScanNetScenes(tmp_path, "train", voxel_size=None)
    scenes = [dataset[0], dataset[1]]
    batch = collate(scenes)
    assert batch.points.offsets.tolist() == [0, 30, 80]
    np.testing.assert_array_equal(
        batch.points.coordinate_tensor, np.concatenate([place(s.coord) for s in scenes])
    )
    np.testing.assert_array_equal(
        batch.points.feature_tensor, np.concatenate([s.color for s in scenes])
    )
    assert batch.names == ["a", "b"]
    assert batch.originals[1] is scenes[1].original
    for scene, target in zip(scenes, batch.targets):
        expected = naive_target(scene.segment, scene.instance, ())
        assert (target.labels.tolist(), target.instance.tolist()) == expected
    without = collate(scenes, stuff_classes=[int(batch.targets[0].labels[0])])
    assert len(without.targets[0]) < len(batch.targets[0])


@pytest.mark.parametrize("pieces", [1, 2, 3, 5, 9])
def test_a_split_batch_is_its_scenes_collated_apart(tmp_path, pieces):
    for index in range(5):
        instance = np.full(30 + index, -1) if index == 2 else None
        write_scene(tmp_path / f"train/{index}", points=30 + index, seed=index, instance=instance)
    data = ScanNetScenes(tmp_path, "train", voxel_size=None)
    scenes = [data[index] for index in range(5)]
    parts = collate(scenes).split(pieces)
    assert len(parts) == min(pieces, 5)
    sizes = [len(part.names) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    for part in parts:
        alone = collate([scenes.pop(0) for _ in part.names])
        assert part.points.offsets.equal(alone.points.offsets)
        for name in ("coordinate_tensor", "feature_tensor"):
            assert getattr(part.points, name).equal(getattr(alone.points, name))
        assert part.labels.equal(alone.labels)
        assert part.instance.equal(alone.instance)
        assert (part.counts, part.names) == (alone.counts, alone.names)
        assert len(part.originals) == len(part.names)
    assert not scenes


def test_collate_gives_the_features_that_are_asked_for(tmp_path):
    write_scene(tmp_path / "train/a", 40)
    scene = read_scene(tmp_path)
    features = collate(
        [scene], in_features=["normal", "height", "coord", "color"]
    ).points.feature_tensor.numpy()
    np.testing.assert_array_equal(features[:, :3], scene.normal)
    np.testing.assert_allclose(features[:, 3], scene.coord[:, 2] - scene.coord[:, 2].min())
    middle = (scene.coord.min(0) + scene.coord.max(0)) / 2
    np.testing.assert_allclose(features[:, 4:7], scene.coord - middle, atol=1e-6)
    np.testing.assert_array_equal(features[:, 7:], scene.color)


def naive_target(segment, instance, stuff) -> tuple[list[int], list[int]]:
    """(label of each target, target of each point), by counting."""
    labels, number = [], {}
    for one in sorted({int(i) for i in instance if i >= 0}):
        classes = [int(c) for c, i in zip(segment, instance) if i == one and c >= 0]
        if not classes:
            continue
        label = min(set(classes), key=lambda c: (-classes.count(c), c))
        if label not in stuff:
            number[one] = len(labels)
            labels.append(label)
    return labels, [number.get(int(i), -1) for i in instance]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("stuff", [(), (0, 1), (2,)])
def test_the_target_is_that_of_a_count(seed, stuff):
    rng = np.random.default_rng(seed)
    segment, instance = rng.integers(-1, 4, 40), rng.integers(-2, 9, 40) * 7
    segment[instance == 14] = -1  # an instance without a label
    target = build_target(torch.from_numpy(segment), torch.from_numpy(instance), 4, stuff)
    assert (target.labels.tolist(), target.instance.tolist()) == naive_target(
        segment, instance, stuff
    )


def test_ties_go_to_the_smallest_class_and_unlabelled_points_do_not_vote():
    segment = torch.tensor([3, 1, 3, 1, -1, -1, -1, 2])
    instance = torch.tensor([5, 5, 5, 5, 5, 5, 5, -1])
    target = build_target(segment, instance, 20)
    assert target.labels.tolist() == [1]
    assert target.instance.tolist() == [0] * 7 + [-1]


def test_a_targets_masks_are_its_instances():
    target = build_target(torch.tensor([1, 1, 2, 2]), torch.tensor([8, -1, 3, 8]), 20)
    assert len(target) == 2
    assert target.masks.tolist() == [[False, False, True, False], [True, False, False, True]]
    assert target.masks.dtype == torch.bool


def test_no_instance_at_all_is_an_empty_target():
    target = build_target(torch.tensor([1, 2]), torch.tensor([-1, -1]), 20)
    assert len(target) == 0
    assert target.masks.shape == (0, 2)
    assert target.instance.tolist() == [-1, -1]


# --- augmentation ----------------------------------------------------------------------------

ALL_FOUR = augmentation(["flip", "rotation", "scale", "color"])
CHANGED = {
    "flip": {"coord", "normal"},
    "rotation": {"coord", "normal"},
    "scale": {"coord"},
    "color": {"color"},
    "elastic": {"coord"},
    "stretch": {"coord", "normal"},
    "gray": {"color"},
    "noise": {"coord", "normal", "color"},
}


@pytest.fixture
def scene(tmp_path) -> Scene:
    write_scene(tmp_path / "train/a", points=200)
    return read_scene(tmp_path)


@pytest.mark.parametrize("names", [*([name] for name in CHANGED), [*CHANGED]], ids="-".join)
def test_a_change_keeps_what_a_scene_must_keep(scene, names):
    change = augmentation(names)
    before = copy.deepcopy(scene)
    moved = set()
    for seed in range(8):
        after = change(scene, np.random.default_rng(seed))
        for name in ("coord", "color", "normal"):
            assert getattr(after, name).shape == (200, 3)
            assert getattr(after, name).dtype == np.float32
            if not np.array_equal(getattr(after, name), getattr(before, name)):
                moved.add(name)
        np.testing.assert_allclose(np.linalg.norm(after.normal, axis=1), 1, atol=1e-5)
        assert after.color.min() >= 0
        assert after.color.max() <= 1
        for name in ("segment", "instance"):
            np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert after.original is scene.original
    for name, value in asdict(before).items():
        np.testing.assert_equal(
            asdict(scene)[name], value, err_msg=f"the input's {name} was changed"
        )
    assert moved == set().union(*(CHANGED[name] for name in names))


@pytest.mark.parametrize("change", [random_flip, random_rotation])
def test_turns_and_mirrors_keep_distances_and_carry_the_normals_along(scene, change):
    far = scene.coord + scene.normal  # where each normal points to
    for seed in range(4):
        after = change(scene, np.random.default_rng(seed))
        np.testing.assert_allclose(
            np.linalg.norm(after.coord[:1] - after.coord, axis=1),
            np.linalg.norm(scene.coord[:1] - scene.coord, axis=1),
            atol=1e-5,
        )
        np.testing.assert_allclose(
            np.linalg.norm(after.coord[:1] - (after.coord + after.normal), axis=1),
            np.linalg.norm(scene.coord[:1] - far, axis=1),
            atol=1e-5,
        )


def test_a_rotation_is_mostly_about_the_vertical_axis(scene):
    up = np.tile(np.array([[0, 0, 1]], np.float32), (200, 1))
    scene.normal = up
    for seed in range(8):
        tilted = random_rotation(scene, np.random.default_rng(seed)).normal
        assert tilted[0, 2] > np.cos(2 * np.pi / 64)


def test_an_elastic_change_bends_smoothly_and_by_centimetres(tmp_path):
    write_scene(tmp_path / "train/a", points=20_000)
    scene = read_scene(tmp_path)
    scene.coord = np.random.default_rng(0).uniform(-3, 5, (20_000, 3)).astype(np.float32)
    # a line
    scene.coord[1:2000] = scene.coord[0] + np.linspace(0.001, 0.3, 1999, dtype=np.float32)[:, None]
    moves = []
    for seed in range(4):
        bend = partial(random_elastic, waves=((0.8, 1.6),), probability=1)
        move = bend(scene, np.random.default_rng(seed)).coord - scene.coord
        assert np.isfinite(move).all()
        # neighbours 0.3 mm apart stay neighbours
        assert np.abs(np.diff(move[:2000], axis=0)).max() < 0.005
        moves.append(move)
        np.testing.assert_array_equal(
            bend(scene, np.random.default_rng(seed)).coord - scene.coord, move
        )
    # At the grid's corners the noise has 0.114 of strength 1.6 left, between them less.
    assert 0.5 * 0.114 * 1.6 < np.std(moves) < 0.114 * 1.6
    assert abs(np.mean(moves)) < 0.03
    still = random_elastic(scene, np.random.default_rng(0), probability=0)
    np.testing.assert_array_equal(still.coord, scene.coord)


def test_a_crop_keeps_the_points_around_one_with_all_that_belongs_to_them(scene):
    before, shares = copy.deepcopy(scene), []
    for seed in range(20):
        after = random_crop(scene, np.random.default_rng(seed))
        kept = [np.flatnonzero((scene.coord == point).all(1)).item() for point in after.coord]
        shares.append(len(kept) / 200)
        assert kept == sorted(set(kept))
        for name in ("coord", "color", "normal", "segment", "instance"):
            np.testing.assert_array_equal(getattr(after, name), getattr(scene, name)[kept])
        np.testing.assert_array_equal(
            after.original.segment[after.original.stand_in], after.segment
        )
        np.testing.assert_array_equal(after.original.instance, after.instance)
        if len(kept) < 200:  # some point of the room has them as its nearest ones, seen from above
            far = np.linalg.norm(scene.coord[:, None, :2] - scene.coord[None, :, :2], axis=2)
            inside = np.isin(np.arange(200), kept)
            assert (far[:, inside].max(1) <= far[:, ~inside].min(1)).any()
    assert 5 <= shares.count(1.0) <= 15
    assert min(shares) >= 0.5
    assert len(set(shares)) > 5
    for name, value in asdict(before).items():
        np.testing.assert_equal(asdict(scene)[name], value)


def test_a_stretch_keeps_normals_at_right_angles_to_their_surface(scene):
    rng = np.random.default_rng(0)
    along = np.cross(scene.normal, rng.normal(size=(200, 3)) + 5).astype(np.float32)
    ends = replace(scene, coord=scene.coord + along)
    for seed in range(4):
        after = random_stretch(scene, np.random.default_rng(seed))
        factors = (after.coord[1:] - after.coord[0]) / (scene.coord[1:] - scene.coord[0])
        np.testing.assert_allclose(factors, np.broadcast_to(factors[0], factors.shape), rtol=1e-2)
        assert (np.abs(np.log(factors[0])) <= 0.15 + 1e-3).all()
        moved = (ends.coord - scene.coord) * factors[0]
        across = (moved * after.normal).sum(1) / np.linalg.norm(moved, axis=1)
        np.testing.assert_allclose(across, 0, atol=2e-3)


def test_gray_takes_the_colours_away_from_one_scene_in_four(scene):
    spread = np.ptp(scene.color, axis=1).mean()
    left = [
        np.ptp(random_gray(scene, np.random.default_rng(seed)).color, axis=1).mean() / spread
        for seed in range(200)
    ]
    taken = [share for share in left if share < 0.99]
    assert 30 <= len(taken) <= 70
    assert max(taken) <= 0.51
    assert min(taken) <= 0.1


def test_noise_has_the_strength_it_says_and_leaves_missing_normals_missing(scene):
    many = replace(scene, normal=np.zeros_like(scene.normal))
    strengths = []
    for seed in range(50):
        after = random_noise(many, np.random.default_rng(seed))
        strengths.append((after.coord - scene.coord).std())
        assert not after.normal.any()
    assert max(strengths) <= 0.0115
    assert np.mean(strengths) == pytest.approx(0.005, abs=0.0015)


def test_holes_leave_out_balls_and_some_of_the_rest(scene):
    shares = []
    for seed in range(40):
        after = random_holes(scene, np.random.default_rng(seed), smallest=1)
        kept = [np.flatnonzero((scene.coord == point).all(1)).item() for point in after.coord]
        shares.append(len(kept) / 200)
        assert kept == sorted(set(kept))
        np.testing.assert_array_equal(
            after.original.segment[after.original.stand_in], after.segment
        )
    assert 10 <= shares.count(1.0) <= 30
    far = np.linalg.norm(scene.coord[:, None] - scene.coord[None], axis=2)
    sizes = []
    for seed in range(40):  # one ball: some point has all that is lost nearer than all that is kept
        after = random_holes(scene, np.random.default_rng(seed), count=1, smallest=1)
        lost = ~(scene.coord[:, None] == after.coord[None]).all(2).any(1)
        sizes.append(lost.sum())
        if lost.any():
            reach = far[:, lost].max(1)
            assert ((reach <= 0.4) & (reach < far[:, ~lost].min(1)))[lost].any()
    assert 5 <= np.count_nonzero(sizes) <= 20
    assert max(sizes) > 1
    thinner = [len(random_holes(scene, np.random.default_rng(s), count=0).coord) for s in range(40)]
    assert min(thinner) >= 200 * 0.6
    assert min(thinner) < 190


def test_a_crop_leaves_a_point_of_a_scene_of_one(tmp_path):
    write_scene(tmp_path / "train/a", points=1)
    assert (
        len(random_crop(read_scene(tmp_path), np.random.default_rng(0), probability=1).coord) == 1
    )


def test_compose_applies_in_order(scene):
    def add(number, scene, rng):
        return Scene(**{**vars(scene), "coord": scene.coord * 2 + number})

    after = compose(partial(add, 1), partial(add, 10))(scene, np.random.default_rng(0))
    np.testing.assert_allclose(after.coord, (scene.coord * 2 + 1) * 2 + 10)


def test_augmentation_depends_on_seed_epoch_and_index_alone(tmp_path):
    for name in "ab":
        write_scene(tmp_path / "train" / name)  # equal scenes: only the draw differs

    def coord(item, seed=0) -> np.ndarray:
        return ScanNetScenes(tmp_path, "train", voxel_size=None, transform=ALL_FOUR, seed=seed)[
            item
        ].coord

    np.testing.assert_array_equal(coord((3, 1)), coord((3, 1)))
    np.testing.assert_array_equal(coord(1), coord((0, 1)))
    different = [coord((0, 0)), coord((1, 0)), coord((0, 1)), coord((0, 0), seed=1)]
    assert all(not np.array_equal(a, b) for i, a in enumerate(different) for b in different[:i])


# --- bad input -------------------------------------------------------------------------------


class Bomb:
    """Unpickling this writes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "boom")


ROWS = np.zeros((60, 3), np.float32)
LABELS = np.zeros(60, np.int32)
BAD_ARRAYS = {
    "fewer colours": (
        {"color": ROWS[:59]},
        r"color\.npy has 59 rows but coord\.npy has 60.*prepare",
    ),
    "fewer normals": ({"normal": ROWS[:1]}, r"normal\.npy has 1 rows.*prepare"),
    "more labels": ({"segment20": np.zeros(61, int)}, r"segment20\.npy has 61 rows.*prepare"),
    "no instance ids": ({"instance": LABELS[:0]}, r"instance\.npy has 0 rows.*prepare"),
    "NaN coordinate": (
        {"coord": np.where(np.arange(60)[:, None] == 7, np.nan, ROWS)},
        "1 points.*NaN.*point 7.*prep",
    ),
    "infinite coordinate": ({"coord": ROWS + np.inf}, r"60 points.*infinite.*prepare"),
    "zero points": ({"coord": ROWS[:0]}, "no points: prepare it again or remove"),
    "coordinates of text": (
        {"coord": ROWS.astype(str)},
        r"coord\.npy holds <U\d+, where numbers are.*prepare",
    ),
    "complex coordinates": (
        {"coord": ROWS.astype(complex)},
        r"coord\.npy holds complex128.*prepare",
    ),
    "labels of floats": (
        {"segment20": LABELS * 1.0},
        r"segment20\.npy holds float64, where integers.*prepare",
    ),
    "labels of booleans": (
        {"instance": LABELS > 0},
        r"instance\.npy holds bool, where integers.*prepare",
    ),
    "two columns": (
        {"coord": ROWS[:, :2]},
        r"coord\.npy has shape \(60, 2\), where \(N, 3\).*prepare",
    ),
    "a flat array": ({"color": ROWS.reshape(-1)}, r"color\.npy has shape \(180,\).*prepare"),
    "a single number": (
        {"segment20": np.array(3)},
        r"segment20\.npy has shape \(\), where \(N,\).*prepare",
    ),
    "NaN colour": ({"color": ROWS + np.nan}, r"color\.npy holds NaN.*prepare"),
    "NaN normal": ({"normal": ROWS + np.nan}, r"normal\.npy holds NaN.*prepare"),
    "label 20 of 20": (
        {"segment20": LABELS + 20},
        r"segment20\.npy holds 20 to 20.*-1 to 19: check data\.label_set",
    ),
    "label -2": ({"segment20": LABELS - 2}, r"segment20\.npy holds -2.*check data\.label_set"),
    "instance beyond 32 bits": (
        {"instance": np.full(60, 2**40)},
        r"instance\.npy holds 1099511627776",
    ),
}


@pytest.mark.parametrize(("arrays", "sentence"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_a_bad_array_is_named_with_its_scene_and_what_to_do(tmp_path, arrays, sentence):
    write_scene(tmp_path / "train/scene0007_01", **arrays)
    dataset = ScanNetScenes(tmp_path, "train")
    for use in (lambda: dataset[0], dataset.check):
        with pytest.raises(DataError, match=sentence) as caught:
            use()
        assert "scene0007_01" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_labels_of_another_set_say_which_option_to_check(tmp_path):
    write_scene(tmp_path / "train/a", segment200=np.full(60, 200))
    assert len(read_scene(tmp_path, "scannet20").segment) == 60
    with pytest.raises(
        DataError, match=r"segment200\.npy holds 200 to 200, but scannet200 allows -1 to 199"
    ):
        read_scene(tmp_path, "scannet200")


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy_header(*shape: int) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


UNREADABLE = {
    "empty": b"",
    "text": b"these are not numbers\n",
    "random": bytes(range(256)),
    "magic alone": b"\x93NUMPY\x01\x00",
    "half the data": npy(ROWS)[:400],
    "half the header": npy(ROWS)[:60],
    "broken header": npy(ROWS).replace(b"{'descr'", b"((((((((", 1),
    "header of code": npy(ROWS).replace(b"{'descr'", b"open('x')", 1),
    "more points than memory": npy_header(10**15, 3) + bytes(60),
    "a size that is none": npy_header(-1, 3) + bytes(60),
    "an archive": npz(coord=ROWS),
    "half an archive": npz(coord=ROWS)[:100],
    "a pickle": pickle.dumps([1, 2, 3]),
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("name", ["coord", "instance"])
def test_an_unreadable_file_is_named(tmp_path, content, name):
    folder = write_scene(tmp_path / "train/a")
    (folder / f"{name}.npy").write_bytes(content)
    with pytest.raises(
        DataError, match=rf"a/{name}\.npy cannot be read .*: prepare the scene again"
    ) as caught:
        read_scene(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", range(0, 200, 9))
def test_a_file_cut_anywhere_is_refused(tmp_path, length):
    folder = write_scene(tmp_path / "train/a")
    (folder / "normal.npy").write_bytes((folder / "normal.npy").read_bytes()[:length])
    with pytest.raises(DataError, match=r"normal\.npy cannot be read"):
        read_scene(tmp_path)


def test_a_damaged_header_never_ends_in_a_traceback(tmp_path):
    folder = write_scene(tmp_path / "train/a")
    rng = np.random.default_rng(0)
    good = (folder / "coord.npy").read_bytes()
    for _ in range(300):
        bad = bytearray(good)
        for byte in rng.integers(0, 128, rng.integers(1, 5)):
            bad[byte] = rng.integers(0, 256)
        (folder / "coord.npy").write_bytes(bad)
        with contextlib.suppress(DataError):  # some damage does not show
            read_scene(tmp_path)


def test_pickled_objects_are_refused_and_not_run(tmp_path):
    trap = tmp_path / "boom"
    folder = write_scene(tmp_path / "train/a")
    np.save(folder / "color.npy", np.array([Bomb(trap)], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"color\.npy cannot be read"):
        read_scene(tmp_path)
    (folder / "color.npy").write_bytes(pickle.dumps(Bomb(trap)))
    with pytest.raises(DataError, match=r"color\.npy cannot be read"):
        read_scene(tmp_path)
    assert not trap.exists()
    np.load(folder / "color.npy", allow_pickle=True)
    assert trap.exists()  # so the trap works


def test_a_folder_without_coordinates_is_no_scene(tmp_path):
    write_scene(tmp_path / "train/a", coord=None)
    with pytest.raises(DataError, match=r"train/a has no coord\.npy: it is not a scene"):
        read_scene(tmp_path)


def test_a_missing_folder_split_or_scene_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere does not exist: set paths\.data_dir"):
        ScanNetScenes(tmp_path / "nowhere", "train")
    with pytest.raises(DataError, match=r"has no folder train/ \(it has: no folders\)"):
        ScanNetScenes(tmp_path, "train")
    (tmp_path / "val").mkdir()
    with pytest.raises(DataError, match=r"has no folder train/ \(it has: val\)"):
        ScanNetScenes(tmp_path, "train")
    with pytest.raises(DataError, match=r"val holds no scene: each is a folder with coord\.npy"):
        ScanNetScenes(tmp_path, "val")


@pytest.mark.parametrize(
    "coord",
    [
        [[0, 0, 0], [2.0, 0, 0]],
        [[0, -5.0, 0], [0, 0, 0]],
        [[0, 0, 5.0], [0, 0, 0]],
        [[0, 0, 1e30], [0, 0, 0]],
    ],
    ids=["wide", "long", "high", "huge"],
)
def test_a_voxel_size_so_small_that_the_grid_overflows_is_refused(tmp_path, coord):
    coord = np.array(coord, np.float32)
    write_scene(tmp_path / "train/scene0007_01", len(coord), coord=coord)
    dataset = ScanNetScenes(tmp_path, "train", voxel_size=2.0**-15)
    for use in (lambda: dataset[0], dataset.check):
        with pytest.raises(
            DataError, match=r"scene0007_01: with a voxel size of 3\.05.* use a larger voxel size"
        ):
            use()


def test_check_looks_at_the_smallest_voxel_size_of_the_run(tmp_path):
    write_scene(tmp_path / "train/a")
    dataset = ScanNetScenes(tmp_path, "train", voxel_size=0.04)
    dataset.check()
    with pytest.raises(DataError, match="voxel size of 1e-06"):
        dataset.check(1e-6)


def test_check_names_the_first_bad_scene_and_counts_the_others(tmp_path):
    write_scene(tmp_path / "train/a")
    write_scene(tmp_path / "train/b", coord=ROWS[:0])
    dataset = ScanNetScenes(tmp_path, "train")
    with pytest.raises(DataError, match=r"^b has no points.*remove it$"):
        dataset.check()
    write_scene(tmp_path / "train/c", normal=ROWS[:3])
    (write_scene(tmp_path / "train/d") / "coord.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"^b has no points.* \(and 2 more scenes of .*train\)$"):
        ScanNetScenes(tmp_path, "train").check()


def test_an_unknown_label_set_is_refused(tmp_path):
    write_scene(tmp_path / "train/a")
    with pytest.raises(
        ValueError, match="unknown label set 'scannet40': choose scannet20 or scannet200"
    ):
        ScanNetScenes(tmp_path, "train", "scannet40")


def test_label_sets_are_the_benchmarks():
    twenty, two_hundred = label_set("scannet20"), label_set("scannet200")
    assert (len(twenty), len(two_hundred)) == (20, 200)
    assert (twenty.stuff, two_hundred.stuff) == ((0, 1), (0, 2))
    for labels in (twenty, two_hundred):
        assert [labels.names[index] for index in labels.stuff] == ["wall", "floor"]
        assert len(set(labels.ids)) == len(set(labels.names)) == len(labels)
    assert twenty.ids == (*range(1, 13), 14, 16, 24, 28, 33, 34, 36, 39)
    assert twenty.index("chair") == 4
    with pytest.raises(KeyError, match="scannet20 has no class named 'dragon'"):
        twenty.index("dragon")


def test_downsampling_alone_refuses_what_overflows(scene):
    with pytest.raises(DataError, match="use a larger voxel size"):
        voxel_downsample(scene, 1e-9)


@pytest.mark.parametrize("checked", [True, False])
def test_scenes_kept_in_memory_are_those_of_the_disk(tmp_path, checked):
    for index in range(3):
        write_scene(tmp_path / "train" / f"scene{index}", points=200, seed=index)
    change = augmentation(["rotation", "color"])
    on_disk, kept = (
        ScanNetScenes(tmp_path, "train", voxel_size=0.2, transform=change) for _ in range(2)
    )
    if checked:
        kept.check(keep=True)
        kept._read_and_report = None  # it is read once
    kept.keep_in_memory()
    shutil.rmtree(tmp_path / "train")
    for index in range(3):
        ours = [kept[epoch, index] for epoch in (0, 1)]
        assert not np.array_equal(ours[0].coord, ours[1].coord)
        assert len(ours[0].coord) == len(kept.in_memory[index].coord) < 200
        assert len(kept.in_memory[index].original.instance) == len(ours[0].coord)
        assert np.array_equal(kept[0, index].coord, ours[0].coord)  # what was kept was not changed
    with pytest.raises(DataError):
        on_disk[0, 0]
