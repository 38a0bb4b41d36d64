"""Every option of a run: name, type, default, meaning. Unknown keys and ill-typed values are
errors.

The groups and the first keys of each are those of WarpConvNet's MaskFormer example, with its
defaults; what this project adds stands below them. A *recipe* is a named set of values
(`mf3d_tutorial/config/recipe/*.yaml`):

    cfg = load_config(["recipe=tiny", "paths.data_dir=data_samples", "train.epochs=3"])
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.config.options import (
    BACKBONES,
    RECIPES,
    Checked,
    choice,
    explain_override_error,
    load_options,
    option,
    require,
)
from mf3d_tutorial.config.trust import allow_backbone
from mf3d_tutorial.data.labels import (
    CUSTOM,
    LABEL_SETS,
    LabelSet,
    custom_labels,
    label_set,
    read_classes,
)
from mf3d_tutorial.data.transforms import AUGMENTATIONS

# Channels of each per-point input that `model.in_features` can name.
FEATURE_CHANNELS = {"color": 3, "normal": 3, "height": 1, "coord": 3}
# What `data.augment=true` of old configs stands for.
OLD_AUGMENTATIONS = ("flip", "rotation", "scale", "color")

NAMED_FILES = {"recipe": RECIPES, "backbone": BACKBONES}
# Names of recipes and backbones in older command lines, config files and checkpoints, and those of
# today.
OLD_NAMES = {
    "recipe": {"seed": "baseline"},
    "backbone": {"strong": "minkunet_6m", "tiny": "minkunet_1m"},
}


@dataclass
class PathsConfig:
    """Folders that data are read from and results are written to."""

    data_dir: str = option(
        MISSING, "dataset root with train/ and val/ scene folders (required)", path=True
    )
    output_dir: str = option(
        "./results/maskformer", "run folder: config, metrics, checkpoints", path=True
    )


@dataclass
class TrainConfig(Checked, group="train."):
    """The optimiser, its schedule, and what a run writes and when."""

    batch_size: int = option(2, "scenes per step, over all processes", above=0)
    lr: float = option(1e-4, "AdamW learning rate; with schedule=onecycle its peak", above=0)
    epochs: int = option(100, "passes over the train split", above=0)
    step_size: int = option(
        25, "epochs between two drops of the learning rate (schedule=step)", above=0
    )
    gamma: float = option(0.5, "factor of each drop (schedule=step)", above=0)
    num_workers: int = option(4, "data loader processes; 0: the main process loads", least=0)
    log_every: int = option(20, "write a line of metrics.jsonl every so many steps", above=0)
    precision: str = option("auto", "32 or 16-mixed; auto is 16-mixed on CUDA and 32 on the CPU")
    schedule: str = option(
        "step",
        "step: multiply by gamma every step_size epochs; onecycle: warm up, then cosine",
        choices=("step", "onecycle"),
    )
    weight_decay: float = option(1e-4, "AdamW weight decay", least=0)
    decay_all: bool = option(True, "apply weight decay to norms, biases and embeddings, too")
    ema: float = option(
        0.0,
        "decay per step of the weights' moving average, which is evaluated and saved; 0: none",
        least=0,
        below=1,
    )
    max_grad_norm: float = option(1.0, "clip gradients to this norm", above=0)
    max_steps: int | None = option(
        None, "stop after this many optimiser steps, even before the last epoch", least=1
    )
    minutes: float | None = option(
        None,
        "stop after this many minutes, validation included, even before the last epoch",
        above=0,
    )
    eval_every: int = option(
        5, "validate with AP every so many epochs, and after the last one", above=0
    )
    resume: str = option(
        "never",
        "auto: resume from last.ckpt in the run folder if there is one; never: start anew",
        choices=("never", "auto"),
    )
    pretrained: str | None = option(
        None,
        "checkpoint of the same model that a new run takes its weights from; of the class head"
        " those of classes with the same names",
        path=True,
    )
    max_nonfinite: int = option(
        5, "stop after this many consecutive steps with a NaN or infinite loss", above=0
    )
    accumulate: int = option(
        1,
        "split each batch into this many parts, one after another: less memory, same gradient",
        above=0,
    )
    save_every: float = option(
        60.0, "write last.ckpt every so many seconds, and after each validation", above=0
    )
    sync_batchnorm: bool = option(
        False, "share batch norm statistics among all processes (torchrun and CUDA)"
    )
    tracker: str = option(
        "none",
        "where to log metrics besides metrics.jsonl: none, tensorboard or wandb",
        choices=("none", "tensorboard", "wandb"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            not self.precision.startswith("bf16"),
            "train.precision=bf16-mixed is refused: WarpConvNet's mask_gemm kernel crashes the"
            " process in bfloat16. Use 16-mixed (as fast) or 32",
        )
        choice("train.precision", self.precision, ("auto", "32", "16-mixed"))


@dataclass
class DataConfig(Checked, group="data."):
    """Scenes, their labels, and how they are changed for training."""

    label_set: str = option(
        "scannet20",
        "scannet20, scannet200, or custom: classes of <data_dir>/labels.yaml",
        choices=LABEL_SETS,
    )
    classes: dict[str, Any] = option(
        {}, "content of labels.yaml; label_set=custom fills it in, do not set it"
    )
    voxel_size: float = option(
        0.04, "downsample scenes to one point per voxel of this edge length (metres)", above=0
    )
    ignore_index: int = option(-1, "label of unannotated points in the files")
    stuff_classes: list[int] | None = option(
        [], "classes that are not targets; null: wall and floor, or `stuff` of labels.yaml"
    )
    cache: bool = option(
        False,
        "keep downsampled training scenes in memory: 6 MB for each 100,000 points that are left",
    )
    augment: list[str] = option(
        [],
        f"random changes of training scenes, in order: of {', '.join(AUGMENTATIONS)}",
        choices=AUGMENTATIONS,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.label_set == CUSTOM or not self.classes,
            "data.classes comes from labels.yaml: do not set it",
        )
        if self.label_set == CUSTOM and not self.classes:
            return  # until load_config has read labels.yaml
        if self.stuff_classes is None:
            self.stuff_classes = list(self.labels.stuff)
        count = len(self.labels)
        for index in self.stuff_classes:
            require(
                0 <= index < count,
                f"data.stuff_classes holds {index}, but {self.label_set} has classes 0 to"
                f" {count - 1}",
            )

    @property
    def stuff(self) -> list[int]:
        """`stuff_classes`, with the classes that null stands for."""
        assert self.stuff_classes is not None, "load_config has not read labels.yaml yet"
        return self.stuff_classes

    @property
    def labels(self) -> LabelSet:
        """The label set that `label_set` names, or that labels.yaml describes."""
        return (
            custom_labels(self.classes) if self.label_set == CUSTOM else label_set(self.label_set)
        )


@dataclass
class ModelConfig(Checked, group="model."):
    """The MaskFormer's size and parts, its backbone among them."""

    hidden_dim: int = option(96, "width D of the queries and of the point features", above=0)
    num_queries: int = option(
        100, "queries Q: an upper limit to the instances found in one scene", above=0
    )
    num_heads: int = option(8, "attention heads; must divide hidden_dim", above=0)
    num_decoders: int = option(6, "decoder layers", above=0)
    dim_feedforward: int = option(256, "hidden width of each layer's feed-forward network", above=0)
    dropout: float = option(
        0.1, "dropout in self-attention and feed-forward network", least=0, below=1
    )
    in_features: list[str] = option(
        ["color"],
        "input features per point: any of color, normal, height, coord",
        choices=FEATURE_CHANNELS,
    )
    query_init: str = option(
        "learned",
        "learned: one embedding per query; fps: from farthest-point samples; mixed: half each",
        choices=("learned", "fps", "mixed"),
    )
    position_wavelength: float = option(
        1.0, "longest wavelength of the positional encoding (metres)"
    )
    position_bands: int = option(
        16, "frequencies per axis of the positional encoding; each halves the wavelength"
    )
    mask_position: bool = option(False, "add the positional encoding to the mask features, too")
    masked_attention: bool = option(
        False, "from the second layer on, a query attends only to the mask it has predicted so far"
    )
    feature_levels: int = option(
        1, "feature levels that the layers attend to in turn; a MinkUNet has up to 5", above=0
    )
    backbone_voxel_size: float | None = option(
        0.04, "voxel edge (metres); null: the backbone takes points, not voxels", above=0
    )
    backbone: dict[str, Any] = option(
        {"_target_": "warpconvnet.models.MinkUNet18", "in_channels": None, "out_channels": None},
        "any importable class and its constructor arguments; channels follow in_features and"
        " hidden_dim",
    )
    backbone_checkpointing: bool = option(
        False, "recompute the backbone's activations in the backward pass: less memory, more time"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.hidden_dim % self.num_heads == 0,
            f"model.num_heads={self.num_heads} does not divide model.hidden_dim={self.hidden_dim}: "
            f"choose one of {[n for n in range(1, 17) if self.hidden_dim % n == 0]}",
        )
        target = self.backbone.get("_target_")
        require(
            isinstance(target, str),
            "model.backbone._target_ is missing: give the path of the backbone's class",
        )

    @property
    def in_channels(self) -> int:
        """Channels of the backbone's input: those of all `in_features` together."""
        return sum(FEATURE_CHANNELS[name] for name in self.in_features)


@dataclass
class LossConfig(Checked, group="loss."):
    """Weights of the loss, which are those of the matching cost too."""

    cls_weight: float = option(1.0, "weight of the class term, in matching cost and loss", least=0)
    bce_weight: float = option(
        5.0, "weight of the mask's binary cross-entropy, in matching cost and loss", least=0
    )
    dice_weight: float = option(
        5.0, "weight of the mask's Dice term, in matching cost and loss", least=0
    )
    no_object_weight: float = option(
        0.1, "weight of the no-object class in the cross-entropy", least=0
    )
    aux_weight: float = option(
        0.0, "weight of the loss after each earlier decoder layer; 0: none", least=0
    )
    sample_points: int | None = option(
        None, "random points per scene for matching and mask losses in training; null: all", least=1
    )


@dataclass
class InferenceConfig(Checked, group="inference."):
    """How the model's outputs become instances."""

    top_k: int = option(
        100, "maximum instances per scan, the most probable (query, class) pairs", least=1
    )
    matrix_nms: bool = option(
        False, "lower the scores of masks that repeat a better one of the same class"
    )
    largest_component: bool = option(
        False, "keep only the largest connected part of each predicted mask"
    )


@dataclass
class VizConfig(Checked, group="viz."):
    """The live viewer."""

    enabled: bool = option(False, "open the live viewer (needs the package viser)")
    port: int = option(8080, "port on this machine; if it is in use, the next free one", above=0)
    interval_seconds: float = option(10.0, "minimum seconds between two updates", above=0)
    voxel_size: float = option(0.04, "voxel edge of the scene shown (metres)", above=0)
    score_thresh: float = option(0.5, "show queries whose best class probability is above this")
    mask_thresh: float = option(0.0, "show points of a query's mask whose logit is above this")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.port < 65536, f"viz.port={self.port} must be below 65536")


@dataclass
class Config:
    """All options of a run."""

    # For Hydra: a recipe's file names the backbone's file in turn, which therefore has the last
    # word.
    defaults: list[Any] = field(
        default_factory=lambda: ["_self_", {"recipe": "baseline"}], compare=False
    )
    recipe: str = option("baseline", f"named set of values: {' or '.join(RECIPES)}")
    backbone: str | None = option(
        None, f"short name of a model.backbone: {', '.join(BACKBONES)}; null: the recipe's"
    )
    seed: int = option(42, "seed of every random number generator")
    device: str = option("auto", "auto, cpu, cuda or cuda:N; auto takes a GPU that works")
    paths: PathsConfig = field(default_factory=PathsConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    inference: InferenceConfig = field(default_factory=InferenceConfig)
    viz: VizConfig = field(default_factory=VizConfig)


def load_config(overrides: list[str]) -> Config:
    """The config that these `key=value` overrides give; ConfigError, naming the key, for anything
    that is wrong.

    A backbone that the overrides name is imported, whatever it is; one that a file names only if it
    is trusted.
    """
    cfg = load_options(Config, [_named_file(override) for override in overrides])
    if cfg.data.label_set == CUSTOM:
        classes = read_classes(cfg.paths.data_dir)
        stuff = cfg.data.stuff_classes or None
        cfg.data = dataclasses.replace(cfg.data, classes=classes, stuff_classes=stuff)
    return _checked(cfg, named_by_the_user=True)


def _named_file(override: str) -> str:
    """The override; of a recipe or a backbone with its name of today, or ConfigError if there is
    none of that name."""
    key, _, value = override.partition("=")
    if key not in NAMED_FILES:
        return override
    name = _name_of_today(key, value.strip("'\""))
    choice(key, name, NAMED_FILES[key])
    return f"{key}={name}"


def _name_of_today(key: str, name: str) -> str:
    return OLD_NAMES[key].get(name, name)


def _checked(cfg: Config, named_by_the_user: bool = False) -> Config:
    """`cfg` with its backbone checked and completed (the import takes seconds, so not in
    ModelConfig itself)."""
    from mf3d_tutorial.config.backbone_arguments import complete_backbone

    model = cfg.model
    if named_by_the_user:
        allow_backbone(model.backbone["_target_"])
    model.backbone = complete_backbone(
        model.backbone,
        in_channels=model.in_channels,
        hidden_dim=model.hidden_dim,
        voxel_size=model.backbone_voxel_size,
        checkpointing=model.backbone_checkpointing,
    )
    return cfg


def save_config(cfg: Config, path: str | Path) -> None:
    """Write `cfg` as yaml; `read_config` gives the same config back."""
    OmegaConf.save(OmegaConf.create(plain(cfg)), path)


def read_config(path: str | Path) -> Config:
    """The config that `save_config` wrote."""
    return config_from_dict(cast(dict[str, Any], OmegaConf.to_container(OmegaConf.load(path))))


def config_from_dict(values: dict[str, Any]) -> Config:
    """A validated config from plain values, such as a checkpoint holds."""
    values = {
        **values,
        **{key: _name_of_today(key, values[key]) for key in OLD_NAMES if values.get(key)},
    }
    augment = values.get("data", {}).get("augment")
    if isinstance(augment, bool):  # a config from before each change had a name
        values = {
            **values,
            "data": {**values["data"], "augment": list(OLD_AUGMENTATIONS) if augment else []},
        }
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Config), values)
        return _checked(cast(Config, OmegaConf.to_object(merged)))
    except OmegaConfBaseException as error:
        raise ConfigError(explain_override_error(error)) from None


def plain(cfg: Config) -> dict[str, Any]:
    """The config as nested dicts of plain values, for yaml and checkpoints."""
    values = dataclasses.asdict(cfg)
    values.pop("defaults")
    return values
