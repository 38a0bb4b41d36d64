"""Classes of one's own: labels.yaml through reader, training, AP, prediction and colours."""

import json

import numpy as np
import pytest
import yaml
from helpers import run_main, write_scene

from mf3d_tutorial import evaluate, predict
from mf3d_tutorial.common.errors import DataError
from mf3d_tutorial.config import load_config
from mf3d_tutorial.data import ScanNetScenes
from mf3d_tutorial.data.labels import custom_labels
from mf3d_tutorial.training.checkpoint import load_model
from mf3d_tutorial.training.engine import fit
from mf3d_tutorial.viz.colors import class_colors

CLASSES = {
    "names": ["floor", "pallet", "box"],
    "colors": [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
    "stuff": ["floor"],
}

SMALL = [
    "model.hidden_dim=32",
    "model.num_decoders=1",
    "model.num_queries=8",
    "model.backbone_voxel_size=null",
]
SMALL += [
    "model.backbone._target_=helpers.PointLinear",
    "model.backbone.out_channels=32",
    "data.label_set=custom",
]
SMALL += ["train.max_steps=2", "train.num_workers=0", "train.batch_size=1"]


def write_warehouse(root, classes: dict = CLASSES, **changed):
    """Two scenes a split: a floor, a pallet and a box of 200 points each, labelled in
    segment.npy."""
    (root / "labels.yaml").parent.mkdir(parents=True, exist_ok=True)
    (root / "labels.yaml").write_text(yaml.safe_dump(classes))
    segment = np.repeat([0, 1, 2], 200)
    for split in ("train", "val"):
        for seed in range(2):
            coord = np.random.default_rng(seed).uniform(0, 1, (600, 3)) + segment[:, None] * [
                1.5,
                0,
                0,
            ]
            arrays = {
                "coord": coord,
                "segment": segment,
                "instance": segment,
                "segment20": None,
                "segment200": None,
            }
            write_scene(root / split / f"{split}{seed}", 600, seed, **arrays | changed)
    return root


@pytest.mark.parametrize("recipe", ["baseline", "strong", "tiny"])
def test_what_is_no_target_follows_the_label_set(tmp_path, recipe):
    """Of ScanNet's sets wall and floor, whose numbers differ; of one's own what labels.yaml says;
    in the baseline nothing, as in WarpConvNet's example."""
    root = write_warehouse(tmp_path / "data")

    def stuff(*options: str) -> list[int] | None:
        return load_config(
            [f"recipe={recipe}", f"paths.data_dir={root}", *options]
        ).data.stuff_classes

    scannet = [[], []] if recipe == "baseline" else [[0, 1], [0, 2]]
    assert [stuff(), stuff("data.label_set=scannet200")] == scannet
    assert stuff("data.label_set=custom") == [0]
    assert stuff("data.label_set=custom", "data.stuff_classes=[1]") == [1]
    assert stuff("data.stuff_classes=null") == [0, 1]


def test_three_classes_are_trained_evaluated_and_predicted(tmp_path, monkeypatch, capsys):
    root = write_warehouse(tmp_path / "data")
    cfg = load_config([*SMALL, f"paths.data_dir={root}", f"paths.output_dir={tmp_path}/run"])
    assert cfg.data.stuff_classes == [0]
    metrics = fit(cfg, log=lambda line: None)
    assert metrics["steps"] == 2
    assert set(metrics["per_class"]) == {"pallet", "box"}

    (root / "labels.yaml").unlink()  # from here on the checkpoint knows
    model, saved = load_model(tmp_path / "run/best.ckpt")
    assert saved.data.labels == custom_labels(CLASSES)
    assert model.class_head.out_features == 4
    out = f"paths.output_dir={tmp_path}/eval"
    common = (monkeypatch, capsys)
    checkpoint = f"checkpoint={tmp_path}/run/best.ckpt"
    code, text, _ = run_main(
        *common, evaluate.main, checkpoint, f"paths.data_dir={root}", out, f"export={tmp_path}/sub"
    )
    assert code == 0
    assert "pallet" in text
    report = json.loads((tmp_path / "eval/metrics.json").read_text())
    assert report["ap"] == pytest.approx(metrics["ap"])
    ids = {line.split()[1] for line in (tmp_path / "sub/val0.txt").read_text().splitlines()}
    assert ids <= {"2", "3"}
    scan = f"input={root}/val/val0"
    assert (
        run_main(
            *common, predict.main, checkpoint, scan, f"output={tmp_path}/pred", "score_threshold=0"
        )[0]
        == 0
    )
    found = json.loads((tmp_path / "pred/val0/instances.json").read_text())["instances"]
    assert {row["label"] for row in found} <= set(CLASSES["names"])


def test_the_reader_knows_the_classes_of_its_folder(tmp_path):
    scenes = ScanNetScenes(write_warehouse(tmp_path), "train", "custom", voxel_size=None)
    assert scenes.labels.names == ("floor", "pallet", "box")
    assert scenes.labels.stuff == (0,)
    assert np.bincount(scenes[0].segment).tolist() == [200, 200, 200]
    assert class_colors(np.array([2, -1]), scenes.labels).tolist() == [[7, 8, 9], [200, 200, 200]]


def test_a_class_that_labels_yaml_does_not_have_is_refused(tmp_path):
    scenes = ScanNetScenes(write_warehouse(tmp_path, segment=np.full(600, 3)), "train", "custom")
    with pytest.raises(DataError, match=r"segment\.npy holds 3 to 3, but custom allows -1 to 2"):
        scenes.check()


def test_colours_and_stuff_may_be_left_out():
    labels = custom_labels({"names": [f"part {index}" for index in range(40)]})
    assert (len(labels), labels.stuff, labels.ids[-1]) == (40, (), 40)
    assert all(labels.colors[index] != labels.colors[index + 1] for index in range(39))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "cannot be read"),
        ("names: [a, b", "cannot be read"),
        ("- a\n- b\n", "must hold names: [...]"),
        (
            "colours: {}\nnames: [a]\n",
            "there is no key colours; the keys are names, colors and stuff",
        ),
        ("stuff: [a]\n", "names must be a list of class names"),
        ("names: [a, 3]\n", "names must be a list of class names"),
        ("names: [a, a]\n", "names holds a name twice"),
        (f"names: [{', '.join(f'n{i}' for i in range(256))}]\n", "256 classes are too many"),
        ("names: [a, b]\nstuff: [c]\n", "stuff=['c'] must be a list of names"),
        ("names: [a, b]\nstuff: [a, b]\n", "every class is stuff"),
        ("names: [a, b]\ncolors: [[0, 0, 0]]\n", "colors must be a list of 2 colours"),
        ("names: [a]\ncolors: [[0, 0, 256]]\n", "colors must be a list of 1 colours"),
        ("names: [a]\ncolors: red\n", "colors must be a list of 1 colours"),
    ],
)
def test_a_labels_yaml_that_makes_no_sense_is_one_sentence(tmp_path, text, reason):
    if text is not None:
        (tmp_path / "labels.yaml").write_text(text)
    with pytest.raises(DataError) as caught:
        load_config(["data.label_set=custom", f"paths.data_dir={tmp_path}"])
    assert str(tmp_path / "labels.yaml") in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_stuff_classes_must_be_among_the_custom_ones(tmp_path):
    write_warehouse(tmp_path)
    with pytest.raises(
        ValueError, match=r"data\.stuff_classes holds 3, but custom has classes 0 to 2"
    ):
        load_config(
            ["data.label_set=custom", f"paths.data_dir={tmp_path}", "data.stuff_classes=[3]"]
        )


def test_a_run_is_not_resumed_with_other_classes(tmp_path):
    root = write_warehouse(tmp_path / "data")
    options = [
        *SMALL,
        f"paths.data_dir={root}",
        f"paths.output_dir={tmp_path}/run",
        "train.resume=auto",
    ]
    fit(load_config(options), log=lambda line: None)
    (root / "labels.yaml").write_text(
        yaml.safe_dump(CLASSES | {"names": ["floor", "crate", "box"]})
    )
    with pytest.raises(ValueError, match="another model or label set"):
        fit(load_config(options), log=lambda line: None)
