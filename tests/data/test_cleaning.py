"""The rules that every scan and every scene goes through, and what is said about it."""

import numpy as np
import pytest
import torch
from helpers import write_scene

from mf3d_tutorial.common.errors import DataError
from mf3d_tutorial.data import ScanNetScenes, build_target
from mf3d_tutorial.data.cleaning import (
    seeming_units,
    split_ids,
    strays,
    summary,
    unit_color,
    unit_normals,
)
from mf3d_tutorial.data.pointcloud import Cloud, standardise

RNG = np.random.default_rng(0)
COLOR = RNG.integers(0, 256, (500, 3))


@pytest.mark.parametrize(
    ("scale", "dtype", "said"),
    [
        (1, "u1", ""),
        (1, "u2", ""),
        (1, "i8", ""),
        (1, "f4", ""),
        (1, ">f8", ""),
        (1 / 255, "f4", ""),
        (1 / 255, "f8", ""),
        (257, "u2", "colours of 16 bits (up to 65535): divided by 65535"),
        (257, "i4", "colours of 16 bits (up to 65535): divided by 65535"),
        (257, "f4", "colours of 16 bits (up to 65535): divided by 65535"),
        (1023 / 255, "f4", "colours of 10 bits (up to 1023): divided by 1023"),
        (4095 / 255, "f4", "colours of 12 bits (up to 4095): divided by 4095"),
    ],
)
def test_every_scale_of_colours_gives_the_same(scale, dtype, said):
    found, sentence = unit_color((COLOR * scale).astype(dtype))
    np.testing.assert_allclose(found, COLOR / 255, atol=1e-6)
    assert found.dtype == np.float32
    assert sentence == said


@pytest.mark.parametrize(
    ("color", "reason"),
    [
        (COLOR - 9.0, "where holds -9 to 246: colours are 0..255"),
        (COLOR - 128, "where holds -128 to 127: colours are 0..255"),
        (COLOR / 127.5 - 1, "where holds -1 to 1: colours are 0..255"),
        (COLOR * 1000, "where holds 0 to 255000: colours are 0..255"),
        (
            np.where(COLOR[7, 1] == COLOR, np.nan, COLOR / 255),
            "where holds NaN or infinite numbers",
        ),
        (np.where(COLOR == 7, np.inf, COLOR), "where holds NaN or infinite numbers"),
    ],
)
def test_colours_that_cannot_be_are_refused(color, reason):
    with pytest.raises(DataError, match=reason):
        unit_color(color, "where")


@pytest.mark.parametrize(("scale", "top"), [(1 / 255, 1), (1, 255)])
def test_floats_that_miss_their_limits_a_little_are_cut(scale, top):
    """Interpolated colours overshoot; taken for the next wider range, all would be black."""
    found, said = unit_color((COLOR * 1.02 - 2) * scale)
    np.testing.assert_allclose(found, ((COLOR * 1.02 - 2) / 255).clip(0, 1), atol=1e-6)
    assert said.endswith(f"cut to 0..{top}")


def test_floats_that_were_cut_to_0_and_1_are_said_to_be_nearly_black():
    _, said = unit_color(COLOR // 255)
    assert said.startswith("colours are nearly black, 0 or 1 of 255")


def test_black_stays_black():
    found, sentence = unit_color(np.zeros((4, 3), np.uint8))
    assert not found.any()
    assert sentence == ""


UNIT = RNG.normal(size=(500, 3))
UNIT /= np.linalg.norm(UNIT, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("length", "dtype"),
    [(1, "f4"), (1, ">f8"), (127, "i1"), (127, "f4"), (1e-200, "f8"), (1e200, "f8")],
)
def test_normals_of_every_length_give_the_same(length, dtype):
    found, sentence = unit_normals(
        (np.round(UNIT * 127) if dtype == "i1" else UNIT * length).astype(dtype), "where"
    )
    np.testing.assert_allclose(found, UNIT, atol=0.01 if dtype == "i1" else 1e-5)
    assert sentence.startswith("normals of length") == (length != 1)


def test_normals_of_length_zero_are_missing_ones_if_all_are():
    assert unit_normals(UNIT * 0, "where") == (None, "all normals are zero: taken to be missing")
    some = np.where(np.arange(500)[:, None] < 9, 0, UNIT * 2)
    found, _ = unit_normals(some, "where")
    assert not found[:9].any()
    np.testing.assert_allclose(found[9:], UNIT[9:], atol=1e-6)


def test_normals_that_are_stored_as_colours_are_refused():
    with pytest.raises(DataError, match=r"where holds .* and nothing negative, like normals"):
        unit_normals(((UNIT + 1) * 127.5).astype("u1"), "where")


@pytest.mark.parametrize("normal", [np.nan, np.inf])
def test_normals_that_are_no_numbers_are_refused_with_the_point(normal):
    bad = UNIT.copy()
    bad[7, 2] = normal
    with pytest.raises(
        DataError, match=r"where holds NaN or infinite.* \(1 of 500 points, the first is point 7\)"
    ):
        unit_normals(bad, "where")


def room(points: int = 5000) -> np.ndarray:
    """Floor and walls of 4 x 5 x 2.5 m."""
    coord = RNG.uniform(0, 1, (points, 3)) * [4, 5, 2.5]
    side = RNG.integers(0, 3, points)
    coord[side == 0, 2] = 0
    coord[side == 1, 0] = 0
    return coord


@pytest.mark.parametrize(
    "far", [[5, 0, 50], [100, -80, 30], [5000, 0, 0], [1e9, 1e9, 1e9], [-1e30, 0, 0]], ids=str
)
def test_stray_points_are_found_and_counted(far):
    coord = np.concatenate([room(), np.add(far, [[0, 0, 0], [0.1, 0, 0]])])
    stray, said = strays(coord)
    assert np.flatnonzero(stray).tolist() == [5000, 5001]
    assert said.startswith("2 stray points ignored (the first is point 5000, at")


NOISE = {
    "0.8 m below the floor": [[2, 2, -0.8]],
    "a cluster of 1 %": RNG.normal(0, 0.3, (50, 3)) + [40, 0, 0],
    "three clusters": np.repeat([[30, 0, 0], [0, -40, 2], [5, 5, 60]], 20, axis=0),
    "noise of 3 % all over 100 m": RNG.uniform(-50, 50, (150, 3)) * [1, 1, -1] - [0, 0, 60],
    "a beam": np.linspace([7, 0, 1], [47, 0, 1], 80),
    "a tenth at the origin of a map": np.tile([-5e5, -5.4e6, -300], (500, 1)),
}


@pytest.mark.parametrize("case", NOISE)
def test_noise_of_all_kinds_is_stray(case):
    coord = room()
    stray, said = strays(np.concatenate([coord, NOISE[case]]))
    assert not stray[:5000].any()
    assert stray[5000:].all()
    assert said.startswith(f"{len(NOISE[case])} stray points ignored (the first is point 5000")


def test_points_at_the_origin_of_a_map_do_not_change_the_unit():
    coord = np.concatenate([room() + [5e5, 5.4e6, 300], np.zeros((500, 3))])
    assert seeming_units(coord) == "m"


def test_what_is_part_of_the_scan_is_no_stray_point():
    for coord in (room(), room(10), room(1), np.zeros((5000, 3))):
        assert not strays(coord)[0].any()
    two_rooms = np.concatenate([room(), room(2000) + [30, 0, 0]])
    assert not strays(two_rooms)[0].any()
    next_door = np.concatenate([room(), room(60) * [0.5, 0.2, 1] + [6, 0, 0]])  # through a door
    assert not strays(next_door)[0].any()
    behind_a_sofa = np.concatenate([room(), [[2, 2, 1.4]]])  # alone, but within the box
    assert not strays(behind_a_sofa)[0].any()
    spread = RNG.uniform(0, 500, (5000, 3))  # nothing but noise: there is no scan to keep
    assert not strays(spread)[0].any()


@pytest.mark.parametrize("far", [10.0, 50.0, 5000.0])
def test_a_stray_point_leaves_the_scan_as_it_was(far):
    coord = room()
    clean, _ = standardise(Cloud(coord))
    found, said = standardise(Cloud(np.concatenate([coord, [[far, -far, far]]])))
    np.testing.assert_allclose(found.coord[:-1], clean.coord, atol=1e-6)
    assert found.stray.sum() == found.stray[-1] == 1
    assert "1 stray points ignored" in said
    assert np.ptp(found.coord, axis=0).max() < 5.1


def test_a_stray_point_of_a_scene_has_no_prediction(tmp_path):
    coord = np.concatenate([room(), [[60, 0, 0]]]).astype(np.float32)
    write_scene(tmp_path / "train/a", len(coord), coord=coord)
    scenes = ScanNetScenes(tmp_path, "train", voxel_size=0.1)
    said = []
    scenes.check(log=said.append)
    scene = scenes[0]
    assert said == ["a: 1 stray points ignored (the first is point 5000, at 60.0, 0.0, 0.0 m)"]
    assert scene.original.stand_in[-1] == -1
    assert scene.coord.max() < 6
    back = scene.coord[scene.original.stand_in[:-1]]
    assert np.abs(back - coord[:-1]).max() < 0.1001


@pytest.mark.parametrize(("scale", "units"), [(1, "m"), (100, "cm"), (1000, "mm")])
@pytest.mark.parametrize("size", [(4, 5, 2.5), (30, 20, 3), (8, 3, 2.2), (4, 4, 0.7)])
def test_units_are_found_for_rooms_of_all_sizes(scale, units, size):
    assert seeming_units(room() / [4, 5, 2.5] * size * scale + [9000, -80, 7]) == units


def test_a_large_flat_site_in_metres_is_in_metres():
    assert seeming_units(RNG.uniform(0, 1, (999, 3)) * [600, 400, 15]) == "m"


@pytest.mark.parametrize(("scale", "units"), [(100, "cm"), (1000, "mm")])
def test_scenes_that_are_not_in_metres_are_refused_before_training(tmp_path, scale, units):
    write_scene(tmp_path / "train/a", 5000, coord=room() * scale)
    with pytest.raises(
        DataError, match=rf"coord\.npy, .* large, seems to be in {units}: convert it to metres"
    ):
        ScanNetScenes(tmp_path, "train").check()


def per_class_ids() -> tuple[np.ndarray, np.ndarray]:
    """Seven objects of three classes, whose ids begin anew in each class, of 150 points each."""
    segment = np.repeat([2, 2, 2, 3, 3, 4, 4], 150)
    return segment, np.repeat([0, 1, 2, 0, 1, 0, 1], 150)


def test_ids_that_begin_anew_in_each_class_are_as_many_objects(tmp_path):
    segment, instance = per_class_ids()
    parted, said = split_ids(segment, instance)
    truth = np.repeat(np.arange(7), 150)
    same = parted[:, None] == parted
    np.testing.assert_array_equal(same, truth[:, None] == truth)
    assert (
        said == "2 instance ids stand for objects of several classes: each class was given ids of"
        " its own"
    )
    write_scene(tmp_path / "train/a", len(segment), segment20=segment, instance=instance)
    scene = ScanNetScenes(tmp_path, "train", voxel_size=None)[0]
    assert (
        len(build_target(torch.from_numpy(scene.segment), torch.from_numpy(scene.instance), 20))
        == 7
    )


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("points", [1, 20, 99])
def test_ids_that_begin_anew_are_parted_however_small_the_objects(start, points):
    segment = np.repeat([2, 2, 2, 3, 3, 4, 4, 9], points)
    instance = np.repeat([0, 1, 2, 0, 1, 0, 1, -1], points) + start
    instance[segment == 9] = -1
    parted, said = split_ids(segment, instance)
    assert len(np.unique(parted[parted >= 0])) == 7
    assert said


def test_noise_of_labels_is_not_taken_for_ids_that_begin_anew():
    """Ten objects of five classes with ids of their own, and 5 % of labels wrong."""
    segment, instance = np.repeat(np.arange(10) % 5, 300), np.repeat(np.arange(10), 300)
    wrong = RNG.choice(3000, 150, replace=False)
    segment[wrong] = RNG.integers(0, 4, 150)
    assert not split_ids(segment, instance)[1]


def test_a_scene_of_no_usual_size_is_doubted_before_training(tmp_path):
    for name, scale in (("feet", 3.281), ("metres", 1), ("kilometres", 0.001)):
        write_scene(tmp_path / "train" / name, 5000, coord=room() * scale)
    said = []
    ScanNetScenes(tmp_path, "train").check(log=said.append)
    assert [line.partition(":")[0] for line in said] == ["feet"]
    assert "m is no usual size of a room: is the unit metres? (and 1 more scenes)" in said[0]


def test_files_of_unknown_names_and_missing_colours_are_said(tmp_path):
    write_scene(tmp_path / "train/a", 60, color=None, colors=np.zeros((60, 3)))
    said = []
    ScanNetScenes(tmp_path, "train").check(log=said.append)
    assert said == [
        "a: colors.npy: ignored, since no array of a scene has this name",
        "a: there is no color.npy: every point counts as black",
    ]


def test_some_points_of_another_class_do_not_split_an_object():
    segment, instance = np.repeat([2, 3, -1], [900, 99, 500]), np.zeros(1499, int)
    assert split_ids(segment, instance) == (instance, "") or not split_ids(segment, instance)[1]


def test_ignore_index_is_about_labels_only(tmp_path):
    write_scene(
        tmp_path / "train/a",
        4,
        segment20=np.array([255, 3, 255, 2]),
        instance=np.array([255, 255, 1, -1]),
    )
    scene = ScanNetScenes(tmp_path, "train", voxel_size=None, ignore_index=255)[0]
    assert scene.segment.tolist() == [-1, 3, -1, 2]
    assert scene.instance.tolist() == [255, 255, 1, -1]


NO_OBJECTS = {
    "another label set": (
        {"segment20": None, "segment": np.ones(60, int)},
        "set data.label_set=custom",
    ),
    "another name": (
        {"instance": None, "instances": np.ones(60, int)},
        r"there is no instance\.npy, .*instances\.npy",
    ),
    "no ids": ({"instance": np.full(60, -1)}, "no point has both an instance id and a class"),
    "no labels": ({"segment20": np.full(60, -1)}, "no point has both an instance id and a class"),
    "stuff": ({"segment20": np.zeros(60, int)}, "check data.stuff_classes"),
}


@pytest.mark.parametrize("case", NO_OBJECTS)
def test_a_split_without_objects_is_refused_with_the_likely_cause(tmp_path, case):
    arrays, reason = NO_OBJECTS[case]
    write_scene(tmp_path / "train/a", **arrays)
    with pytest.raises(DataError, match=r"^no scene of .*train has an object to learn.*" + reason):
        ScanNetScenes(tmp_path, "train").check(stuff_classes=[0], num_queries=10)


def test_more_objects_than_queries_is_said_once(tmp_path):
    for name in ("a", "b", "c"):
        write_scene(tmp_path / "train" / name, seed=3)
    said = []
    ScanNetScenes(tmp_path, "train").check(num_queries=4, log=said.append)
    assert said == [
        "a: 5 objects are more than model.num_queries=4: raise it to find all (and 2 more scenes)"
    ]


def test_a_summary_has_a_line_for_each_kind():
    lines = summary(
        [
            ("a", "3 stray points ignored (at 1)"),
            ("b", "17 stray points ignored (at 2)"),
            ("b", "other"),
        ]
    )
    assert lines == ["a: 3 stray points ignored (at 1) (and 1 more scenes)", "b: other"]
