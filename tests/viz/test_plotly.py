"""Paints and figures: what a reader sees is what the arrays say, small masks and odd input
included."""

import json

import numpy as np
import plotly.graph_objects as go

from mf3d_tutorial.data.labels import label_set
from mf3d_tutorial.viz import figure_parts as parts
from mf3d_tutorial.viz import plotly as figures
from mf3d_tutorial.viz.colors import (
    PALETTE,
    UNLABELLED,
    Paint,
    class_paint,
    error_paint,
    instance_paint,
    neighbour_colors,
    rgb_paint,
    scalar_paint,
    touching_colors,
)


def random_scene(points=500, instances=5, seed=0):
    rng = np.random.default_rng(seed)
    coord = rng.uniform(0, 4, (points, 3)).astype(np.float32)
    return (
        coord,
        rng.uniform(0, 1, (points, 3)).astype(np.float32),
        rng.integers(-1, instances, points),
    )


def shown_colors(trace: go.Scatter3d) -> np.ndarray:
    """What plotly.js makes of a trace's numbers, by its own rule: linear between the stops of the
    scale."""
    stops = np.array([stop for stop, _ in trace.marker.colorscale])
    codes = np.array(
        [[int(code[i : i + 2], 16) for i in (1, 3, 5)] for _, code in trace.marker.colorscale]
    )
    place = (trace.marker.color - trace.marker.cmin) / (trace.marker.cmax - trace.marker.cmin)
    return np.stack([np.interp(place, stops, codes[:, c]) for c in range(3)], 1).round()


def test_every_point_gets_the_color_of_its_paint_in_the_figure():
    coord, color, instance = random_scene()
    paints = {
        "RGB": rgb_paint(color),
        "instances": instance_paint(instance),
        "number": scalar_paint(coord[:, 2]),
    }
    figure = figures.scenes(coord, paints)
    assert len(figure.data) == 3
    for trace, paint in zip(figure.data, paints.values()):
        assert np.abs(shown_colors(trace) - paint.colors).max() <= 1
        np.testing.assert_array_equal(np.stack([trace.x, trace.y, trace.z], 1), coord)


def test_a_hundred_thousand_points_take_less_than_two_megabytes():
    coord, color, _ = random_scene(100_000)
    text = figures.scenes(coord, {"RGB": rgb_paint(color)}, budget=100_000).to_json()
    assert len(text.replace("\\u002f", "/")) < 1.8e6  # so escaped in html only
    trace = json.loads(text)["data"][0]
    assert (trace["x"]["dtype"], trace["marker"]["color"]["dtype"]) == ("f4", "u1")


def test_thinning_keeps_small_objects_whole_and_the_title_says_how_many_are_shown():
    group = np.zeros(154_231, np.int64)
    group[:20], group[20:60] = 7, -3
    shown = parts.thin(group, 20_000)
    assert len(shown) == len(np.unique(shown)) == 20_000
    assert (np.diff(shown) > 0).all()
    assert (group[shown] == 7).sum() == 20
    assert (group[shown] == -3).sum() == 40
    coord = np.zeros((len(group), 3), np.float32)
    figure = figures.scenes(coord, {"all": instance_paint(group)}, groups=group)
    assert figure.layout.title.text == "shown: 20,000 of 154,231 points"


def test_thinning_a_thousand_objects_keeps_each():
    group = np.repeat(np.arange(1000), np.r_[np.full(999, 15), 50_000])
    kept = np.bincount(group[parts.thin(group, 10_000)], minlength=1000)
    assert kept.sum() == 10_000
    assert kept.min() >= 5


def test_the_scans_colors_survive_their_palette():
    _, color, _ = random_scene(3000)
    flat = np.repeat(color[:200], 5, axis=0)
    assert np.abs(rgb_paint(flat).colors - (flat * 255).astype(int)).max() <= 1  # 200 colours fit
    assert np.abs(rgb_paint(color).colors / 255 - color).mean() < 0.1


def test_classes_have_scannets_colors_and_names():
    labels = label_set("scannet200")
    paint = class_paint(np.array([0, 199, -1]), labels)
    np.testing.assert_array_equal(paint.colors, [labels.colors[0], labels.colors[199], UNLABELLED])
    assert list(paint.names.values()) == ["none", labels.names[0], labels.names[199]]
    assert len(class_paint(np.zeros(0, int), labels).colors) == 0
    for name in paint.names.values():
        assert name.replace(" ", "&nbsp;") in parts.legend(paint)


def test_neighbours_are_unlike_for_readers_with_and_without_green_cones():
    rng = np.random.default_rng(0)
    centers = rng.uniform(0, 8, (60, 3)) * [1, 1, 0.2]
    chosen = neighbour_colors(centers)
    np.testing.assert_array_equal(chosen, neighbour_colors(centers))
    # a new object changes no other
    np.testing.assert_array_equal(chosen[:30], neighbour_colors(centers[:30]))
    distance = np.linalg.norm(centers[:, None] - centers, axis=-1) + 99 * np.eye(60)
    dealt = PALETTE[chosen].astype(float)
    in_turn = PALETTE[np.arange(60) % len(PALETTE)].astype(float)
    nearest = distance.argmin(1)
    green_blind = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])
    for view in (np.eye(3), green_blind.T):
        contrast = np.linalg.norm((dealt - dealt[nearest]) @ view, axis=1)
        assert contrast.min() > 40
        assert np.median(contrast) > np.median(
            np.linalg.norm((in_turn - in_turn[nearest]) @ view, axis=1)
        )


def test_a_floor_is_unlike_all_that_stands_on_it():
    floor = np.stack(np.meshgrid(np.arange(40), np.arange(40), [0]), -1).reshape(-1, 3) * 0.1
    corners = [np.array([x, y, 0.1]) for x in (0.0, 1.9, 3.8) for y in (0.0, 1.9, 3.8)]
    things = [corner + np.eye(3) * 0.1 for corner in corners]
    coord = np.concatenate([floor, *things])
    instance = np.repeat(np.arange(10), [len(floor), *map(len, things)])
    chosen = touching_colors(coord, instance, 10)
    unlike = np.linalg.norm(PALETTE[chosen[1:]].astype(float) - PALETTE[chosen[0]], axis=1)
    assert unlike.min() > 60
    with_a_mask = neighbour_colors(np.array([*corners, [0.1, 0.0, 0.1]]), given=chosen[1:])
    np.testing.assert_array_equal(with_a_mask[:-1], chosen[1:])
    assert with_a_mask[-1] != chosen[1]


def test_errors_are_named_point_by_point():
    truth = np.array([-1, 0, 0, 0, 1, -1, 0, 1])
    found = np.array([-1, 0, -1, 1, 1, 0, 2, 2])
    paint = error_paint(truth, found, np.array([0, -1, -1]), second=np.array([-1, -1, 0]))
    said = [paint.names[i] for i in paint.index]
    assert said == [
        "no object, none found",
        "found",
        "missed",
        "another object or class",
        "another object or class",
        "invented",
        "doubled: another mask is matched with the object",
        "another object or class",
    ]
    assert set(error_paint(truth, np.full(8, -1), *np.zeros((2, 0), int)).names.values()) == {
        "no object, none found",
        "missed",
    }


def test_numbers_that_are_not_finite_have_a_color_of_their_own():
    paint = scalar_paint(np.array([0.0, np.nan, 1.0, -np.inf]))
    np.testing.assert_array_equal(paint.colors[[1, 3]], PALETTE[[0, 0]])
    assert list(paint.names.values()) == ["0", "1", "not a number"]
    assert len(scalar_paint(np.full(3, np.nan)).colors) == 3
    assert len(np.unique(scalar_paint(np.full(3, 2.0)).index)) == 1


def test_an_empty_scene_is_a_figure_that_says_so():
    none = np.zeros((0, 3), np.float32)
    panels = {"RGB": rgb_paint(none), "instances": instance_paint(np.zeros(0, int))}
    figure = figures.scenes(none, panels)
    assert figure.layout.title.text == "this scene has no points"
    assert json.loads(figure.to_json())["data"]


def test_two_million_points_and_a_thousand_instances_are_shown_in_part():
    coord, color, instance = random_scene(2_000_000, 1000)
    figure = figures.scenes(
        coord, {"RGB": rgb_paint(color), "instances": instance_paint(instance)}, groups=instance
    )
    assert figure.layout.title.text == "shown: 20,000 of 2,000,000 points"
    assert len(figure.to_json()) < 1e6


def test_a_palette_of_one_color_is_shown():
    trace = figures.scene_trace(
        np.zeros((2, 3)), Paint(np.zeros(2, np.uint8), np.array([[1, 2, 3]], np.uint8))
    )
    np.testing.assert_array_equal(shown_colors(trace), [[1, 2, 3], [1, 2, 3]])
