"""What explorer and html page say about a scene, and what they do with odd input."""

import base64
import dataclasses
import gzip
import json
import re
import warnings

import numpy as np
import pytest
import torch
from helpers import made_up_inspection

from mf3d_tutorial.common.errors import UserError
from mf3d_tutorial.data.labels import label_set
from mf3d_tutorial.data.scannet import Original, Scene
from mf3d_tutorial.data.targets import Target
from mf3d_tutorial.evaluation.inference import InferenceOptions, scene_instances
from mf3d_tutorial.viz.colors import PALETTE
from mf3d_tutorial.viz.explain import about_point, about_query, why
from mf3d_tutorial.viz.explorer import MaskExplorer
from mf3d_tutorial.viz.inspection import VIEWS, Inspection
from mf3d_tutorial.viz.report import report_scene, show_page


def message(explorer: MaskExplorer) -> str:
    return re.sub("<.*?>", "", explorer.status.value)


def loop_iou(mask: torch.Tensor, truth: torch.Tensor) -> float:
    pairs = list(zip(mask.tolist(), truth.tolist()))
    return sum(a and b for a, b in pairs) / max(sum(a or b for a, b in pairs), 1)


def random_inspection(points=50, instances=2, queries=6, classes=4) -> Inspection:
    """A scan of three times as many points as the model saw, whose instance ids have gaps."""
    rng, draw = torch.Generator().manual_seed(0), np.random.default_rng(0)
    logits = torch.randn(queries, 21, generator=rng) * 6
    masks = torch.randn(queries, points, generator=rng)
    index = draw.integers(-1, instances, points)
    kept = np.concatenate([np.arange(points), draw.integers(0, points, 2 * points)])
    ids = np.array([5, 9, -1])[draw.integers(0, 3, len(kept))]
    original = Original(ids, ids, kept)
    coord = draw.uniform(0, 1, (points, 3)).astype(np.float32)
    none = np.zeros((points, 3), np.float32)
    scene = Scene("random", coord, none, none, index, np.array([5, 9, -1])[index], original)
    target = Target(torch.tensor([2, 3]), torch.from_numpy(index))
    return Inspection(scene, [(logits, masks)], target, label_set("scannet20"))


def test_decoding_agrees_with_a_loop_over_queries_and_instances():
    inspection = random_inspection()
    inspection.update(score_threshold=0.2, mask_threshold=0.5)
    (logits, masks), decoded, original = (
        inspection.layers[0],
        inspection.decoded,
        inspection.scene.original,
    )
    expected = {}
    for q in range(6):
        probability, inside = logits[q].softmax(0)[:-1], masks[q] > 0.5
        score = float(probability.max() * masks[q, inside].sigmoid().mean())
        if score > 0.2:
            in_scan = inside[torch.from_numpy(original.stand_in)]
            ious = [loop_iou(in_scan, torch.from_numpy(original.instance == m)) for m in (5, 9)]
            expected[q] = (int(probability.argmax()), score, ious)
    assert sorted(decoded.queries.tolist()) == sorted(expected)
    assert len(expected) >= 3
    for k, q in enumerate(decoded.queries.tolist()):
        label, score, ious = expected[q]
        assert decoded.labels[k] == label
        assert decoded.scores[k] == pytest.approx(score)
        np.testing.assert_allclose(decoded.judgement.iou[k], ious)
    for n in range(50):
        owners = [k for k in range(len(expected)) if decoded.masks[k, n]]
        assert decoded.found[n] == (min(owners) if owners else -1)  # best score first


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.05, 0.08])
def test_masks_are_those_that_ap_judges(shift):
    room = made_up_inspection(4000)
    room.scene.coord += np.float32(shift)  # where the scan lies decides nothing
    logits, masks = (x.clone() for x in room.layers[-1])
    masks[2, torch.from_numpy(room.truth == 5)] = 5.0  # a second part, apart from the first
    room.layers[-1] = (logits, masks)
    options = InferenceOptions(largest_component=True, voxel_size=0.04)
    judged = scene_instances(logits, masks, room.scene, options)
    room.largest_component = True
    room.update(score_threshold=0.0)
    for k, q in enumerate(room.decoded.queries):
        best = int((judged.queries == q).nonzero()[0])
        np.testing.assert_array_equal(
            room.decoded.masks[k][room.scene.original.stand_in], judged.masks[best].numpy()
        )
        assert room.decoded.scores[k] == pytest.approx(judged.scores[best])
    room.largest_component = False
    room.update(score_threshold=0.0)
    assert room.decoded.masks[room.place_of(2), room.truth == 5].all()


def test_scores_are_those_after_matrix_nms():
    room = made_up_inspection(4000)
    logits, masks = (x.clone() for x in room.layers[-1])
    logits[3], masks[3] = logits[2], masks[2] - 0.1  # a doubled mask
    room.layers[-1] = (logits, masks)
    found = {}
    for nms in (False, True):
        options = InferenceOptions(matrix_nms=nms, voxel_size=0.04)
        judged = scene_instances(logits, masks, room.scene, options)
        room.matrix_nms = nms
        room.update(score_threshold=0.01)
        for query, label, score in zip(
            room.decoded.queries, room.decoded.labels, room.decoded.scores
        ):
            same = (judged.queries == int(query)) & (judged.labels == int(label))
            assert score == pytest.approx(float(judged.scores[same]))
        found[nms] = set(room.decoded.queries.tolist())
    assert found[False] >= {2, 3}
    assert found[True] == found[False] - {3}


def test_stray_points_of_a_scan_count_nowhere():
    room = made_up_inspection(4000)
    original = room.scene.original
    strays = dataclasses.replace(
        original,
        segment=np.append(original.segment, [4, 4]),
        instance=np.append(original.instance, [1, 1]),
        stand_in=np.append(original.stand_in, [-1, -1]),
    )
    scene = dataclasses.replace(room.scene, original=strays)
    other = Inspection(scene, room.layers, room.target, room.labels)
    assert (other.weights != room.weights).nnz == 0
    assert [row.iou for row in other.rows] == [row.iou for row in room.rows]


def test_every_kind_of_failure_is_named():
    inspection = made_up_inspection()
    logits, masks = (x.clone() for x in inspection.layers[-1])
    logits[6], masks[6] = logits[2], masks[2]  # finds instance 2 once more
    logits[7, 9], masks[7, inspection.target.instance == -1] = 20.0, 5.0
    masks[3, torch.where(inspection.target.instance == 3)[0][::2]] = -5.0
    inspection.layers[-1] = (logits, masks)
    inspection.update()
    kinds = {(row.instance, row.kind) for row in inspection.rows}
    assert kinds == {
        (0, "missed"),
        (1, "wrong class"),
        (2, "found"),
        (3, "loose"),
        (4, "found"),
        (5, "found"),
        (-1, "doubled"),
        (-1, "invented"),
    }
    assert [row.iou for row in inspection.rows] == sorted(row.iou for row in inspection.rows)


def test_a_failure_says_what_should_have_been():
    room = made_up_inspection()
    logits, masks = (x.clone() for x in room.layers[-1])
    logits[6], masks[6] = logits[2], masks[2] - 1  # finds instance 2 once more
    logits[7, 9], masks[7, room.target.instance == -1] = 20.0, 5.0
    masks[3, torch.where(room.target.instance == 3)[0][::3]] = -5.0
    masks[3, torch.where(room.target.instance == 3)[0][1::3]] = -5.0
    masks[4, room.target.instance == 5] = 5.0
    logits[5, 20] = 30.0
    room.layers[-1] = (logits, masks)
    room.update()
    said = {(row.kind, row.instance): why(room, row) for row in room.rows}
    assert said["wrong class", 1].endswith("The mask fits: the class should be bed")
    assert said["loose", 3].endswith("The mask leaves out much of the object")
    assert "its mask covers 33% of the object, and 100% of the mask lies on it" in said["loose", 3]
    (merged,) = (text for (kind, _), text in said.items() if kind == "merged")
    assert merged.endswith("The mask should be split: it holds table 4, door 5")
    assert said["doubled", -1].endswith(
        "Chair 2 is matched with query 2: this one should say no object"
    )
    assert said["invented", -1].endswith("It should say no object")
    assert said["missed", 0].endswith("its score is not above 0.30. Some query should say cabinet")


def test_a_prediction_has_the_color_of_its_instance_and_the_class_filter_hides_the_others():
    inspection = made_up_inspection()
    truth, found = inspection.paint("truth").colors, inspection.paint("prediction").colors
    right = np.isin(inspection.truth, [2, 3, 4, 5])
    np.testing.assert_array_equal(truth[right], found[right])
    only = inspection.paint("truth", label_set("scannet20").names[4]).index
    np.testing.assert_array_equal(only == only.max(), inspection.truth != 2)
    errors = inspection.paint("error")
    assert {errors.names[i] for i in errors.index[inspection.truth == 0]} == {"missed"}


def test_a_second_mask_of_an_object_is_not_painted_as_wrong():
    room = made_up_inspection()
    logits, masks = (x.clone() for x in room.layers[-1])
    logits[6], masks[6] = 3 * logits[2], masks[2]
    object_2 = torch.where(room.target.instance == 2)[0]
    masks[6, object_2[::3]] = -5.0  # surer, but less of the object
    room.layers[-1] = (logits, masks)
    room.update()
    points = object_2[1::3].numpy()
    d = room.decoded
    assert set(d.queries[d.found[points]]) == {6}
    assert [row.kind for row in room.rows if row.query in (6, 2)] == ["doubled", "found"]
    errors = room.paint("error")
    assert {errors.names[i] for i in errors.index[points]} == {
        "doubled: another mask is matched with the object"
    }
    shown, truth = room.paint("prediction"), room.paint("truth")
    np.testing.assert_array_equal(
        shown.index[points].astype(int), truth.index[points].astype(int) + len(PALETTE)
    )
    assert "pale: a second mask of the object" in shown.names.values()
    # the mask would not be called doubled if it named another class: then it is wrong
    logits[6] = logits[6].roll(1)
    room.update()
    errors = room.paint("error")
    assert {errors.names[i] for i in errors.index[points]} == {"another object or class"}


def test_points_and_queries_are_described():
    inspection = made_up_inspection()
    n = int(np.flatnonzero(inspection.truth == 3)[0])
    assert "sofa 3" in about_point(inspection, n)
    assert "query 3" in about_point(inspection, n)
    assert "matched with sofa 3, IoU 1.00" in about_query(inspection, 3)
    assert "not shown" in about_query(inspection, 9)


def test_controls_decode_and_paint():
    explorer = MaskExplorer([made_up_inspection(), made_up_inspection(500, seed=1)])
    assert message(explorer) == "4 of 6 instances found, 5 predictions shown"
    before = explorer.panels.index2
    explorer.query.value = 3
    assert explorer.view.value == "query"
    assert "query 3" in message(explorer)
    assert explorer.panels.index2 != before
    assert len(explorer.panels.index2) == 3000  # one byte a point
    explorer.layer.value, explorer.score.value = 1, 0.85
    assert "instances found" in message(explorer) or "no prediction" in message(explorer)
    explorer.scene.value = 1
    assert len(explorer.panels.index0) == 500
    explorer.only.value = "chair"
    explorer.pick(3)
    assert message(explorer).startswith("point ")
    explorer.pick(-1)


def test_next_failure_walks_through_them_and_starts_again():
    explorer = MaskExplorer([made_up_inspection()])
    seen = []
    for _ in range(3):
        explorer.next_failure()
        seen.append(explorer.now.rows[explorer.table.value].kind)
    assert seen == ["missed", "wrong class", "missed"]
    assert "cabinet 0 is missed" in message(explorer)


def test_a_recolor_is_one_byte_a_point_and_another_for_what_is_selected():
    explorer = MaskExplorer([made_up_inspection(50_000)], budget=50_000)
    explorer.query.value = 2
    sent = {}
    explorer.panels.observe(lambda change: sent.update({change.name: len(change.new)}))
    explorer.query.value = 7  # not shown: nothing is selected any more
    explorer.query.value = 8
    explorer.query.value = 3
    assert sent == {"index2": 50_000, "alpha": 50_000, "titles": 3}
    sent.clear()
    explorer.query.value = 8
    explorer.query.value = 9
    assert sent == {"index2": 50_000, "alpha": 0, "titles": 3}


@pytest.mark.parametrize("kind", ["html", "png"])
def test_the_view_is_exported(tmp_path, kind):
    explorer = MaskExplorer([made_up_inspection()])
    path = explorer.export(kind, tmp_path)
    assert path.stat().st_size > 5000
    assert {file.name for file in tmp_path.iterdir()} - {"plotly.min.js"} == {path.name}


def page_data(path) -> tuple[dict, bytes]:
    text = path.read_text()
    head = json.loads(re.search(r'id="head" type="application/json">(.*?)</script>', text, re.S)[1])
    return head, gzip.decompress(
        base64.b64decode(re.search(r'id="data" type="text/plain">(.*?)</script>', text)[1])
    )


def test_the_page_holds_figure_rows_and_masks(tmp_path):
    inspection = made_up_inspection()
    path = report_scene(tmp_path / "a.html", inspection)
    assert {file.name for file in tmp_path.iterdir()} == {"a.html", "plotly.min.js"}
    head, data = page_data(path)
    assert [row["cells"] for row in head["rows"]] == [row.cells for row in inspection.rows]
    traces = [trace for trace in head["figure"]["data"] if trace["scene"] == "scene3"]
    points = np.concatenate(
        [
            np.frombuffer(
                base64.b64decode(t["customdata"]["bdata"]),
                t["customdata"]["dtype"].replace("u", "<u"),
            )
            for t in traces
        ]
    )
    levels = np.frombuffer(data, np.uint8).reshape(-1, head["points"])
    assert levels.shape[1] == len(points)
    for row, line in zip(inspection.rows, head["rows"]):
        query = row.query if row.query >= 0 else inspection.closest(row.instance)
        assert f"query {query}" in line["why"].lower()
        np.testing.assert_allclose(
            levels[line["mask"]] / 63, inspection.probability(query)[points], atol=0.04
        )
    assert "http" not in re.sub(r"<script id.*?</script>", "", path.read_text(), flags=re.S)


def test_a_large_scene_is_a_small_page_and_names_are_escaped(tmp_path):
    rows = made_up_inspection(200_000, instances=50, queries=60, layers=1)
    rows.labels = dataclasses.replace(
        rows.labels, names=tuple(f"<b>{name}</script>" for name in rows.labels.names)
    )
    rows.scene.name = "big </script>"
    rows.update()
    path = report_scene(tmp_path / "big.html", rows)
    assert path.stat().st_size < 1.5e6
    text = path.read_text()
    assert "20,000 of 200,000 points" in text
    assert "big </script>" not in text
    assert "<b>chair" not in text
    assert text.count("</script>") == 4


def test_a_page_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"a\.html cannot be written \(.*choose another folder"):
        report_scene(tmp_path / "none" / "a.html", made_up_inspection(100))


def odd_scenes():
    yield "empty", made_up_inspection(0, instances=0), "no prediction scores above the threshold"
    many = made_up_inspection(20_000, instances=1000, queries=1000, layers=1)
    yield "a thousand instances", many, "instances found"
    broken = made_up_inspection()
    logits, masks = (x.clone() for x in broken.layers[-1])
    masks[2, 5] = torch.nan
    logits[3] = torch.inf
    broken.layers[-1] = (logits, masks)
    broken.update()
    yield "NaN", broken, "2 queries with NaN outputs are left out"
    silent = made_up_inspection()
    silent.layers = [(torch.zeros(4, 21), torch.full((4, 3000), torch.nan))]
    yield "NaN only", silent, "no prediction scores above the threshold; 4 queries"


@pytest.mark.parametrize(
    ("name", "inspection", "sentence"), [pytest.param(*odd, id=odd[0]) for odd in odd_scenes()]
)
def test_odd_input_gives_a_picture_or_a_sentence(tmp_path, name, inspection, sentence):
    explorer = MaskExplorer([inspection])
    assert sentence in message(explorer)
    explorer.next_failure()
    for view in VIEWS:
        explorer.view.value = view
    for query in range(min(4, explorer.query.max + 1)):
        explorer.show_query(query)
    if len(inspection.truth):
        explorer.pick(0)
    assert explorer.export("html", tmp_path).stat().st_size < 5e6
    assert explorer.export("png", tmp_path).exists()


def test_two_million_points_are_explored_in_part():
    explorer = MaskExplorer([made_up_inspection(2_000_000, queries=3, layers=1)])
    assert explorer.count.value == "shown: 30,000 of 2,000,000 points; 24 MB in memory, 1 layer(s)"
    assert len(explorer.panels.grid) == 8 * 30_000


def test_an_explorer_without_scenes_is_refused():
    with pytest.raises(UserError, match="no scene to explore"):
        MaskExplorer([])


def test_the_page_in_a_notebook_comes_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = show_page(made_up_inspection(300))
    assert shown.data.startswith("<div><iframe srcdoc=")
    assert "&quot;rows&quot;" in shown.data
