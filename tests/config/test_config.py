"""Every option and default of WarpConvNet's example, and every refusal: one sentence that names the
key."""

import json
import re
import sys
from pathlib import Path

import pytest
import yaml
from helpers import SEED_COMMANDS

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.config import (
    Config,
    allow_backbone,
    config_from_dict,
    load_config,
    plain,
    read_config,
    save_config,
    trust,
)
from mf3d_tutorial.config.options import BACKBONES, RECIPES, describe_options

DATA = "paths.data_dir=somewhere"

EXAMPLE = {  # WarpConvNet's MaskFormer example
    "paths.output_dir": "./results/maskformer",
    "train.batch_size": 2,
    "train.lr": 1e-4,
    "train.epochs": 100,
    "train.step_size": 25,
    "train.gamma": 0.5,
    "train.num_workers": 4,
    "train.log_every": 20,
    "data.label_set": "scannet20",
    "data.voxel_size": 0.04,
    "data.ignore_index": -1,
    "model.hidden_dim": 96,
    "model.num_queries": 100,
    "model.num_heads": 8,
    "model.num_decoders": 6,
    "model.dim_feedforward": 256,
    "model.dropout": 0.1,
    "model.backbone_voxel_size": 0.04,
    "model.backbone._target_": "warpconvnet.models.MinkUNet18",
    "model.backbone.in_channels": 3,
    "model.backbone.out_channels": 96,
    "loss.cls_weight": 1.0,
    "loss.bce_weight": 5.0,
    "loss.dice_weight": 5.0,
    "loss.no_object_weight": 0.1,
    "viz.enabled": False,
    "viz.port": 8080,
    "viz.interval_seconds": 10.0,
    "viz.voxel_size": 0.04,
    "viz.score_thresh": 0.5,
    "viz.mask_thresh": 0.0,
}
OURS_THAT_KEEP_ITS_BEHAVIOUR = {
    "data.stuff_classes": [],
    "data.augment": [],
    "train.schedule": "step",
    "loss.aux_weight": 0.0,
    "model.in_features": ["color"],
    "model.query_init": "learned",
    "model.mask_position": False,
}


def value_of(config, key: str):
    for part in key.split("."):
        config = config[part] if isinstance(config, dict) else getattr(config, part)
    return config


def refusal(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config([DATA, *overrides])
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("recipe", [[], ["recipe=baseline"], ["recipe=seed"]])
def test_the_defaults_are_those_of_the_example(recipe):
    cfg = load_config([DATA, *recipe])
    expected = EXAMPLE | OURS_THAT_KEEP_ITS_BEHAVIOUR
    assert {key: value_of(cfg, key) for key in expected} == expected
    assert cfg.paths.data_dir == "somewhere"
    assert {key: type(value_of(cfg, key)) for key in EXAMPLE} == {
        key: type(value) for key, value in EXAMPLE.items()
    }


@pytest.mark.parametrize("key", EXAMPLE)
def test_every_key_of_the_example_can_be_set(key):
    new = {
        str: (
            "scannet200"
            if key == "data.label_set"
            else "warpconvnet.models.MinkUNet34"
            if "_target_" in key
            else "x"
        ),
        bool: True,
        int: 7,
        float: 0.25,
    }[type(EXAMPLE[key])]
    together = {
        "model.hidden_dim": ["model.hidden_dim=64"],
        "model.backbone.out_channels": ["model.hidden_dim=64", "model.backbone.out_channels=64"],
        "model.backbone.in_channels": [
            "model.backbone.in_channels=6",
            "model.in_features=[color,normal]",
        ],
        "model.num_heads": ["model.num_heads=6"],
    }
    overrides = together.get(key, [f"{key}={new}"])
    expected = next(text.split("=")[1] for text in overrides if text.startswith(key + "="))
    value = value_of(load_config([DATA, *overrides]), key)
    assert type(value) is type(EXAMPLE[key])
    assert str(value) == expected


@pytest.mark.parametrize(
    "overrides", [*SEED_COMMANDS.values(), ["viz.enabled=true", "viz.port=9000"]], ids=str
)
def test_the_commands_of_the_examples_page_are_accepted(overrides):
    cfg = load_config([DATA, *overrides])
    for override in overrides:
        key, text = override.lstrip("+").split("=")
        assert value_of(cfg, key) == yaml.safe_load(text)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_loads_and_can_be_overridden(recipe):
    assert load_config([DATA, f"recipe={recipe}"]).recipe == recipe
    assert load_config([f"recipe={recipe}", DATA, "train.epochs=3"]).train.epochs == 3


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_backbone_goes_with_every_recipe_and_its_channels_follow(recipe, backbone):
    inputs, width = "model.in_features=[color,normal,height]", "model.hidden_dim=128"
    cfg = load_config([DATA, f"recipe={recipe}", f"backbone={backbone}", inputs, width])
    channels = {
        key: value
        for key, value in cfg.model.backbone.items()
        if key in ("in_channels", "out_channels")
    }
    expected = {"volt": {"in_channels": 7}, "dgcnn": {"in_channels": 7}}
    assert channels == expected.get(backbone, {"in_channels": 7, "out_channels": 128})
    assert 128 in cfg.model.backbone.values()
    assert cfg.backbone == backbone
    assert (cfg.model.backbone_voxel_size is None) == (backbone in ("pointmlp", "dgcnn"))
    assert config_from_dict(plain(cfg)) == cfg


OLD_NAMES = [
    ("recipe", "seed", "baseline"),
    ("backbone", "strong", "minkunet_6m"),
    ("backbone", "tiny", "minkunet_1m"),
]


@pytest.mark.parametrize(("key", "old", "new"), OLD_NAMES)
def test_the_old_names_of_recipes_and_backbones_are_read(tmp_path, key, old, new):
    cfg = load_config([DATA, f"{key}={new}"])
    assert load_config([DATA, f"{key}={old}"]) == load_config([DATA, f"{key}='{old}'"]) == cfg
    assert getattr(cfg, key) == new
    values = plain(cfg) | {key: old}
    assert config_from_dict(values) == cfg
    assert values[key] == old  # the caller's
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    assert read_config(tmp_path / "config.yaml") == cfg


@pytest.mark.parametrize(
    ("recipe", "backbone"),
    [("baseline", "minkunet18"), ("tiny", "minkunet_1m"), ("strong", "minkunet_6m")],
)
def test_a_recipe_names_its_backbone_and_another_one_has_the_last_word(recipe, backbone):
    ours = load_config([DATA, f"recipe={recipe}"])
    assert ours.backbone == backbone
    assert ours == load_config([f"backbone={backbone}", f"recipe={recipe}", DATA])
    other = load_config([DATA, "backbone=pointmlp", f"recipe={recipe}"])
    assert (other.model.backbone_voxel_size, other.model.feature_levels) == (None, 1)
    assert other.train == ours.train


def test_only_channels_that_are_left_open_follow_the_model():
    backbone = load_config(
        [DATA, "+model.backbone.BLOCK=null", "model.backbone.in_channels=null"]
    ).model.backbone
    assert backbone["BLOCK"] is None
    assert backbone["in_channels"] == 3


def test_repeated_calls_do_not_disturb_one_another():
    first = load_config([DATA, "recipe=tiny", "data.stuff_classes=[0,1]"])
    second = load_config([DATA])
    first.model.backbone["in_channels"] = 99
    assert (first.recipe, second.recipe) == ("tiny", "baseline")
    assert (first.data.stuff_classes, second.data.stuff_classes) == ([0, 1], [])
    assert load_config([DATA]) == second


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "nearest"),
    [
        ("train.epoch=3", "train.epochs"),
        ("train.batchsize=3", "train.batch_size"),
        ("model.hiden_dim=96", "model.hidden_dim"),
        ("+model.num_query=5", "model.num_queries"),
        ("++data.voxelsize=0.1", "data.voxel_size"),
        ("~loss.dice_wieght", "loss.dice_weight"),
        ("loss.dice=1", "loss.dice_weight"),
        ("model.backbone_voxelsize=0.1", "model.backbone_voxel_size"),
        ("recipes=tiny", "recipe"),
        ("device_=cpu", "device"),
    ],
)
def test_an_unknown_key_is_refused_with_its_nearest_neighbour(override, nearest):
    key = override.lstrip("+~").split("=")[0]
    sentence = refusal(override if "=" in override else f"{override}=1")
    assert f"there is no option {key!r}; did you mean {nearest!r}?" in sentence


def test_a_key_that_resembles_none_is_refused():
    assert refusal("+zzzzqq=1") == "there is no option 'zzzzqq'"


@pytest.mark.parametrize("override", ["train.epochs", "tiny", "--help"])
def test_what_is_no_override_is_refused(override):
    assert "is not of the form key=value" in refusal(override)


def test_a_new_argument_of_the_backbone_says_how_to_write_it():
    sentence = refusal("model.backbone.use_rope=true")
    assert "write +model.backbone.use_rope=..." in sentence


@pytest.mark.parametrize(
    "override",
    [
        "train.epochs=many",
        "train.epochs=1.5",
        "train.lr=fast",
        "train.batch_size=null",
        "train.batch_size=[1,2]",
        "data.voxel_size=small",
        "data.voxel_size=null",
        "data.stuff_classes=[wall]",
        "data.augment=perhaps",
        "model.hidden_dim={a: 1}",
        "model.backbone_voxel_size=none",
        "loss.cls_weight=x",
        "viz.enabled=7up",
        "seed=abc",
    ],
)
def test_a_value_of_the_wrong_type_names_its_key(override):
    assert override.split("=")[0] in refusal(override)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ["train.precision=bf16-mixed"],
            "train.precision=bf16-mixed is refused: WarpConvNet's mask_gemm kernel",
        ),
        (["train.precision=64"], "train.precision=64 is not one of auto, 32, 16-mixed"),
        (["train.schedule=linear"], "train.schedule=linear is not one of step, onecycle"),
        (["train.resume=yes please"], "train.resume=yes please is not one of never, auto"),
        (["train.batch_size=0"], "train.batch_size=0 must be greater than 0"),
        (["train.epochs=-1"], "train.epochs=-1 must be greater than 0"),
        (["train.lr=0"], "train.lr=0.0 must be greater than 0"),
        (["train.num_workers=-1"], "train.num_workers=-1 must not be negative"),
        (["train.max_steps=0"], "train.max_steps=0 must be at least 1"),
        (["train.ema=1"], "train.ema=1.0 must be at least 0 and below 1"),
        (["train.ema=-0.1"], "train.ema=-0.1 must be at least 0 and below 1"),
        (["train.minutes=0"], "train.minutes=0.0 must be greater than 0"),
        (
            ["data.augment=[flip,blur]"],
            "data.augment=blur is not one of flip, rotation, scale, color, elastic, crop",
        ),
        (["data.voxel_size=0"], "data.voxel_size=0.0 must be greater than 0"),
        (["data.voxel_size=-0.04"], "data.voxel_size=-0.04 must be greater than 0"),
        (["data.voxel_size=nan"], "data.voxel_size=nan must be greater than 0"),
        (["model.backbone_voxel_size=0"], "model.backbone_voxel_size=0.0 must be greater than 0"),
        (
            ["data.label_set=scannet40"],
            "data.label_set=scannet40 is not one of scannet20, scannet200, custom",
        ),
        (["+data.classes.names=[a]"], "data.classes comes from labels.yaml: do not set it"),
        (
            ["data.stuff_classes=[0,20]"],
            "data.stuff_classes holds 20, but scannet20 has classes 0 to 19",
        ),
        (
            ["data.stuff_classes=[-1]"],
            "data.stuff_classes holds -1, but scannet20 has classes 0 to 19",
        ),
        (
            ["data.label_set=scannet200", "data.stuff_classes=[200]"],
            "holds 200, but scannet200 has classes 0 to 199",
        ),
        (
            ["model.num_heads=7"],
            "model.num_heads=7 does not divide model.hidden_dim=96: choose one of [1, 2, 3, 4, 6,",
        ),
        (["model.num_heads=0"], "model.num_heads=0 must be greater than 0"),
        (["model.dropout=1"], "model.dropout=1.0 must be at least 0 and below 1"),
        (["model.query_init=random"], "model.query_init=random is not one of learned, fps, mixed"),
        (["model.feature_levels=0"], "model.feature_levels=0 must be greater than 0"),
        (
            ["model.in_features=[colour]"],
            "model.in_features=colour is not one of color, normal, height, coord",
        ),
        (["model.backbone.in_channels=4"], "model.backbone.in_channels=4 must be 3"),
        (
            ["model.backbone.out_channels=64"],
            "model.backbone.out_channels=64 must equal model.hidden_dim=96",
        ),
        (["backbone=null"], "backbone=null is not one of dgcnn"),
        (
            ["backbone=minkunet35"],
            "backbone=minkunet35 is not one of dgcnn, minkunet101, minkunet18",
        ),
        (
            ["+model.backbone.use_rope=true"],
            "model.backbone.use_rope is no argument of MinkUNet18: it takes BLOCK, in",
        ),
        (
            ["backbone=volt", "model.backbone.out_channels=96"],
            "its width is model.backbone.up_mlp_dim, and it takes",
        ),
        (
            ["backbone=volt", "+model.backbone.up_mlp_dim=64"],
            "up_mlp_dim=64 must equal model.hidden_dim=96",
        ),
        (
            ["backbone=volt", "model.backbone_checkpointing=true"],
            "PointTransformerV3), and Volt cannot: set it to false",
        ),
        (
            ["backbone=ptv3", "model.backbone_voxel_size=null"],
            "and PointTransformerV3 takes voxels: set it to their edge",
        ),
        (
            ["backbone=pointmlp", "model.backbone_voxel_size=0.04"],
            "PointMLP takes points, not voxels: set model.backb",
        ),
        (
            ["~model.backbone._target_=warpconvnet.models.MinkUNet18"],
            "model.backbone._target_ is missing",
        ),
        (["viz.port=65536"], "viz.port=65536 must be below 65536"),
        (["loss.dice_weight=-1"], "loss.dice_weight=-1.0 must not be negative"),
        (["loss.sample_points=0"], "loss.sample_points=0 must be at least 1"),
        (["recipe=huge"], "recipe=huge is not one of baseline, strong, tiny"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_work_is_refused_when_the_config_is_read(overrides, sentence):
    assert sentence in refusal(*overrides)


@pytest.mark.parametrize(
    "target",
    [
        "warpconvnet.models.MinkUNet99",
        "no_such_package.Net",
        "MinkUNet18",
        "no such name",
        "''",
        "os..path",
    ],
)
def test_a_backbone_that_cannot_be_imported_is_refused(target):
    assert "cannot be imported" in refusal(f"model.backbone._target_={target}")


def test_a_backbone_whose_module_fails_is_refused(tmp_path, monkeypatch):
    (tmp_path / "failing_module.py").write_text("raise ImportError('no driver today')")
    monkeypatch.syspath_prepend(tmp_path)
    sentence = refusal("model.backbone._target_=failing_module.Net")
    assert (
        "model.backbone._target_=failing_module.Net cannot be imported: no driver today" in sentence
    )
    sys.modules.pop("failing_module", None)


@pytest.fixture
def trap(tmp_path, monkeypatch) -> Path:
    """A module whose import leaves a file."""
    (tmp_path / "strangers_module.py").write_text(
        f"import pathlib, torch\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\nclass"
        " Net(torch.nn.Module):\n    def __init__(self, in_channels, out_channels):"
        " super().__init__()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(trust, "_allowed", set())
    yield tmp_path / "ran"
    sys.modules.pop("strangers_module", None)


def a_strangers_config(target: str) -> dict:
    values = plain(load_config([DATA, "model.backbone_voxel_size=null", "backbone=pointmlp"]))
    values["model"]["backbone"]["_target_"] = target
    return values


STRANGER = "strangers_module.Net"


@pytest.mark.parametrize(
    "target", [STRANGER, "strangers_module:Net", "mf3d_tutorial_.Net", "os.system", ".Net", ""]
)
def test_what_a_file_names_is_refused_before_it_is_imported(trap, tmp_path, target):
    values = a_strangers_config(target)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    for read in (lambda: config_from_dict(values), lambda: read_config(tmp_path / "config.yaml")):
        with pytest.raises(
            ConfigError, match=rf"_target_={re.escape(target)} of this config .* was not imported"
        ):
            read()
    assert not trap.exists()


def test_what_the_user_names_is_imported_and_then_files_may_name_it(trap):
    values = a_strangers_config(STRANGER)
    cfg = load_config(
        [DATA, f"model.backbone._target_={STRANGER}", "model.backbone_voxel_size=null"]
    )
    assert trap.exists()
    assert config_from_dict(plain(cfg)) == cfg
    assert config_from_dict(values).model.backbone["_target_"] == STRANGER
    with pytest.raises(ConfigError, match="was not imported"):
        config_from_dict(a_strangers_config("strangers_module.Other"))


def test_a_class_can_be_allowed_by_name(trap):
    allow_backbone(STRANGER)
    assert not trap.exists()
    assert config_from_dict(a_strangers_config(STRANGER)).model.backbone["_target_"] == STRANGER
    assert trap.exists()


def test_an_error_names_its_key_while_a_debugger_traces(monkeypatch):
    monkeypatch.setenv("OC_CAUSE", "1")  # what OmegaConf does by itself where sys.gettrace() is set
    assert refusal("train.epochs=many").startswith("train.epochs: ")


def test_the_data_folder_is_required():
    with pytest.raises(
        ConfigError,
        match=r"^paths\.data_dir is required: add paths\.data_dir=\.\.\. to the command$",
    ):
        load_config([])


@pytest.mark.parametrize(
    "override", ["train.epochs=[1", "model.backbone={_target_: ", "data.stuff_classes=${nowhere}"]
)
def test_what_cannot_be_parsed_is_one_sentence(override):
    assert refusal(override)


# --- files and help --------------------------------------------------------------------------


def test_a_saved_config_is_read_back_as_it_was(tmp_path):
    overrides = ["recipe=tiny", "data.stuff_classes=[0,1]", "train.max_steps=9"]
    cfg = load_config([DATA, *overrides, "+model.backbone.use_checkpoint=true"])
    save_config(cfg, tmp_path / "config.yaml")
    assert read_config(tmp_path / "config.yaml") == cfg
    assert config_from_dict(plain(cfg)) == cfg


@pytest.mark.parametrize(
    ("old", "new"), [(False, []), (True, ["flip", "rotation", "scale", "color"])]
)
def test_augmentation_as_older_checkpoints_name_it_is_understood(old, new):
    values = plain(load_config([DATA]))
    values["data"]["augment"] = old
    assert config_from_dict(values).data.augment == new
    assert values["data"]["augment"] is old


@pytest.mark.parametrize(
    ("group", "key", "value", "sentence"),
    [
        ("train", "epochs", "many", "train.epochs"),
        ("train", "epoch", 3, "epoch"),
        ("data", "voxel_size", 0, "data.voxel_size=0.0 must be greater than 0"),
    ],
)
def test_a_config_from_a_file_is_checked_too(group, key, value, sentence):
    values = plain(load_config([DATA]))
    values[group][key] = value
    with pytest.raises(ConfigError, match=sentence) as caught:
        config_from_dict(values)
    assert "\n" not in str(caught.value)


def test_the_help_lists_every_key_with_its_default():
    listed = {line.split()[0]: line for line in describe_options(Config).splitlines()}
    cfg = plain(load_config([DATA]))
    keys = {
        f"{group}.{key}"
        for group, values in cfg.items()
        if isinstance(values, dict)
        for key in values
    }
    assert set(listed) == keys | {"recipe", "backbone", "seed", "device"}
    for key in set(EXAMPLE) & set(listed):
        shown = EXAMPLE[key] if isinstance(EXAMPLE[key], str) else json.dumps(EXAMPLE[key])
        assert listed[key].endswith(f"[{shown}]")
    assert listed["paths.data_dir"].endswith("[required]")
