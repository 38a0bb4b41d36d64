"""`mask_figure`, without a browser: what is in it, under which names, how large it is, and what odd
input gives."""

import html
import json

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from helpers import made_up_inspection

from mf3d_tutorial.data.labels import label_set
from mf3d_tutorial.data.targets import Target
from mf3d_tutorial.evaluation.inference import Instances
from mf3d_tutorial.viz.colors import PALETTE, css
from mf3d_tutorial.viz.entries import entries
from mf3d_tutorial.viz.failures import judge
from mf3d_tutorial.viz.inspection import Inspection
from mf3d_tutorial.viz.mask_traces import is_hidden, mask_traces, trace_colors
from mf3d_tutorial.viz.plotly import mask_figure


def points_of(figure: go.Figure, scene: str) -> list[int]:
    return sorted(
        n
        for trace in figure.data
        if trace.scene == scene and not trace.showlegend
        for n in trace.customdata.reshape(len(trace.customdata), -1)[:, 0].tolist()
    )


def group_of(figure: go.Figure, text: str) -> list[go.Scatter3d]:
    """The line in the legend whose name begins with `text`, and the traces that it switches."""
    group = next(trace.legendgroup for trace in figure.data if trace.name.startswith(text))
    return [trace for trace in figure.data if trace.legendgroup == group]


def test_each_object_is_one_entry_with_its_points_in_every_panel():
    room = made_up_inspection()
    figure = mask_figure(room)
    for scene in ("scene", "scene2"):
        assert points_of(figure, scene) == list(range(3000))  # each point once
    line, scan, truth, prediction = group_of(figure, "sofa 3")
    inside = np.flatnonzero(room.truth == 3)
    for trace in (scan, truth, prediction):
        np.testing.assert_array_equal(np.sort(trace.customdata), inside)
        np.testing.assert_array_equal(
            trace.x,
            np.round((room.scene.coord[trace.customdata, 0] - room.scene.coord[:, 0].min()) * 1000),
        )
    assert not any(trace.showlegend for trace in (scan, truth, prediction))
    assert line.name == "sofa 3: query 3, score 0.98, IoU 1.00"
    assert line.legendgrouptitle.text == "sofa"
    assert line.x == (None,)
    assert "query 3 says sofa" in truth.hovertemplate
    assert "matched with sofa 3, IoU 1.00" in truth.hovertemplate
    assert "class: sofa 0.98, no object 0.02" in truth.hovertemplate
    missed = group_of(figure, "cabinet 0, missed")
    assert len(missed) == 3  # nothing is predicted there
    assert "nearest is query 0, class: wall" in missed[1].hovertemplate


def test_a_swatch_stays_in_the_color_of_its_object():
    room = made_up_inspection()
    figure = mask_figure(room)
    colors = {entry.name: entry.color for entry in entries(room)}
    lines = [i for i, trace in enumerate(figure.data) if trace.showlegend]
    for button in figure.layout.updatemenus[0].buttons:
        style, _, changed = button.args
        for i in lines:
            color = style["marker.color"][changed.index(i)]
            assert isinstance(color, str)
            if button.label != "class":
                assert color == css(colors[figure.data[i].name])


def test_more_than_a_hundred_things_share_an_entry_per_class_and_keep_their_numbers():
    room = made_up_inspection(20_000, instances=300, queries=300, layers=1)
    figure = mask_figure(room)
    shared = [entry for entry in entries(room) if entry.shared]
    assert len(shared) > 5
    assert sum(entry.row is not None for entry in entries(room)) == 100
    for entry in shared:
        group = next(
            t.legendgroup
            for t in figure.data
            if t.name == entry.name and f"<b>{entry.heading} " in t.hovertemplate
        )
        _, scan, truth, prediction = (t for t in figure.data if t.legendgroup == group)
        assert "query %{customdata[1]}" in prediction.hovertemplate
        for trace in (scan, truth):
            np.testing.assert_array_equal(
                trace.customdata[:, 1], room.truth[trace.customdata[:, 0]]
            )
        assert set(truth.customdata[:, 1].tolist()) == set(entry.instances)
        found = room.decoded.queries[entry.places].tolist()
        assert set(prediction.customdata[:, 1].tolist()) == set(found)


def test_a_mask_under_a_better_one_waits_hidden_and_whole():
    room = made_up_inspection()
    logits, masks = (x.clone() for x in room.layers[-1])
    logits[6], masks[6] = logits[2], masks[2] - 1
    room.layers[-1] = (logits, masks)
    room.update()
    line, double = group_of(mask_figure(room), "chair, doubled: query 6")
    assert line.visible == double.visible == "legendonly"
    np.testing.assert_array_equal(np.sort(double.customdata), np.flatnonzero(room.truth == 2))


def test_buttons_recolor_and_the_slider_removes_what_scores_less():
    room = made_up_inspection()
    figure = mask_figure(room, query=3)
    buttons = {button.label: button.args for button in figure.layout.updatemenus[0].buttons}
    assert list(buttons) == ["instance", "class", "RGB", "error", "query"]
    style, layout, changed = buttons["query"]
    assert layout["coloraxis3.showscale"]
    assert "query 3" in layout["annotations[0].text"]
    assert all(figure.data[i].scene != "scene" or figure.data[i].showlegend for i in changed)
    assert len(style["marker.color"]) == len(changed)
    room_scores = {k: row.score for k, row in enumerate(room.rows) if row.query >= 0}
    for step in figure.layout.sliders[0].steps:
        shown = [value for value in step.args[0]["visible"] if value is not False]
        assert len(shown) == sum(score > float(step.label) for score in room_scores.values())


def test_twenty_thousand_points_a_panel_are_a_page_below_one_and_a_half_megabytes(tmp_path):
    room = made_up_inspection(40_000, instances=100, queries=120, layers=1)
    figure = mask_figure(room)
    assert len(points_of(figure, "scene")) == 20_000
    figure.write_html(tmp_path / "a.html", include_plotlyjs="directory")
    assert (tmp_path / "a.html").stat().st_size <= 1.5e6
    assert "20,000 of 40,000 points" in figure.layout.annotations[1].text


def without_truth() -> Inspection:
    room = made_up_inspection()
    return Inspection(
        room.scene,
        room.layers,
        Target(torch.zeros(0, dtype=torch.long), torch.full((3000,), -1)),
        room.labels,
    )


def without_predictions() -> Inspection:
    room = made_up_inspection()
    room.update(score_threshold=0.999)
    return room


def with_odd_colors() -> Inspection:
    room = made_up_inspection()
    room.scene.color[:] = np.nan
    return Inspection(room.scene, room.layers, room.target, room.labels)


ODD = {
    "no points": lambda: made_up_inspection(0, instances=0),
    "one object": lambda: made_up_inspection(500, instances=1),
    "a thousand objects": lambda: made_up_inspection(
        20_000, instances=1000, queries=1000, layers=1
    ),
    "two million points": lambda: made_up_inspection(2_000_000, queries=3, layers=1),
    "no truth": without_truth,
    "no predictions": without_predictions,
    "NaN colours": with_odd_colors,
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_input_gives_a_figure(kind):
    room = ODD[kind]()
    figure = mask_figure(room)
    assert len(figure.to_json()) < 2e6
    assert len(figure.data) <= 490  # 100 things, 20 classes, stuff, rest: a line and three panels
    listed = [trace for trace in figure.data if trace.showlegend]
    assert len(listed) == len({trace.legendgroup for trace in figure.data})
    if kind == "a thousand objects":
        assert "more" in " ".join(trace.name for trace in listed)
    if kind == "no truth":
        assert {trace.scene for trace in figure.data} == {"scene", "scene2"}
        assert {row.kind for row in room.rows} == {"predicted"}


def test_instances_that_are_known_already_are_shown():
    room = made_up_inspection()
    masks = torch.from_numpy(np.stack([room.truth == 2, room.truth == 3]))
    known = Inspection(room.scene, [], room.target, room.labels)
    known.show(
        Instances(masks, torch.tensor([0.9, 0.4]), torch.tensor([4, 5]), torch.tensor([7, 7]))
    )
    names = [trace.name for trace in mask_figure(known).data if trace.showlegend]
    assert "chair 2: query 7, score 0.90, IoU 1.00" in names
    assert "sofa 3: query 7, score 0.40, IoU 1.00" in names


def test_names_of_classes_are_escaped():
    room = made_up_inspection()
    names = tuple(f"<i>{name}" for name in room.labels.names)
    room.labels = type(room.labels)(**{**vars(room.labels), "names": names})
    room.update()
    text = json.dumps(mask_figure(room).to_plotly_json(), default=str)
    assert "<i>" not in text
    assert html.escape("<i>sofa") in text


def test_entries_are_grouped_by_class_worst_first_and_neighbours_differ():
    room = made_up_inspection(6000, instances=24, queries=30)
    listed = [entry for entry in entries(room) if entry.row]
    order = [(room.labels.index(entry.heading), entry.row.iou) for entry in listed]
    assert order == sorted(order)
    colors = {entry.row.instance: entry.color for entry in listed if entry.row.instance >= 0}
    assert len(colors) == 22  # two are walls or floors
    assert all(colors[m] != colors[m + 1] for m in range(23) if {m, m + 1} <= set(colors))
    assert set(colors.values()) <= {tuple(color) for color in PALETTE.tolist()}


@pytest.mark.parametrize(
    ("overlap", "labels", "kinds", "partner"),
    [
        ([[80, 0]], [4], ["found"], [0]),
        ([[80, 0]], [5], ["wrong class"], [0]),
        ([[40, 0]], [4], ["loose"], [0]),
        ([[60, 80]], [4], ["merged"], [1]),
        ([[80, 0], [60, 0]], [4, 4], ["found", "doubled"], [0, -1]),
        ([[10, 0]], [4], ["invented"], [-1]),
        ([[0, 80]], [0], ["wrong class"], [1]),  # called wall: AP knows no such prediction
        # below .25, the right class does not help
        ([[30, 0], [40, 0]], [4, 5], ["invented", "loose"], [-1, 0]),
    ],
)
def test_each_failure_has_one_name(overlap, labels, kinds, partner):
    overlap = np.array(overlap)
    sizes = np.where(overlap.sum(1) == 30, 70, overlap.sum(1))
    found = judge(
        overlap,
        sizes,
        np.array([100, 100]),
        np.array(labels),
        np.array([4, 4]),
        label_set("scannet20").stuff,
    )
    assert found.kinds == kinds
    assert found.partner.tolist() == partner


def test_figure_and_view_paint_errors_alike():
    room = made_up_inspection()
    listed = entries(room)
    traces = mask_traces(room, listed, 10**6)
    colors = trace_colors(room, listed, traces, 0)["error"]
    whole = room.paint("error")
    compared = set()
    for (e, panel, points), color in zip(traces, colors):
        if panel == "prediction" and not is_hidden(room, listed[e]):
            np.testing.assert_array_equal(color.value, whole.index[points])
            compared |= set(points.tolist())
    assert compared == set(range(len(room.truth)))
