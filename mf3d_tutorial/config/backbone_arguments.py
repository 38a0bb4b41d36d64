"""Does `model.backbone` fit: may its class be imported, does it take these arguments, points or
voxels?"""

import inspect
import pkgutil
from typing import Any

from torch import nn

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.config.options import require
from mf3d_tutorial.config.trust import TRUSTED_PACKAGES, require_trust
from mf3d_tutorial.warp import Points

# What the width of the output is called where it is not out_channels.
WIDTH_ARGUMENTS = {"Volt": "up_mlp_dim", "DGCNNEncoder": "emb_dims"}


def complete_backbone(
    config: dict[str, Any],
    *,
    in_channels: int,
    hidden_dim: int,
    voxel_size: float | None,
    checkpointing: bool,
) -> dict[str, Any]:
    """`config`, a `model.backbone`, with the channels that it leaves open (null).

    ConfigError if it does not fit the rest of the model: the channels of its input, the width of
    its output, `model.backbone_voxel_size` and `model.backbone_checkpointing`.
    """
    backbone = import_backbone(config["_target_"])
    name, accepted = backbone.__name__, constructor_arguments(backbone)
    width = WIDTH_ARGUMENTS.get(name, "out_channels")
    config = {
        key: value
        for key, value in config.items()
        if value is not None or not key.endswith("_channels")
    }
    for key in config:
        hint = f"its width is model.backbone.{width}, and " if key == "out_channels" else ""
        require(
            accepted is None or key in accepted or key.startswith("_"),
            f"model.backbone.{key} is no argument of {name}: {hint}it takes"
            f" {', '.join(sorted(accepted or ()))}",
        )
    follow = {
        "in_channels": (in_channels, f"be {in_channels}, the channels of model.in_features"),
        width: (
            hidden_dim,
            (
                f"equal model.hidden_dim={hidden_dim}, because queries are compared with point"
                " features"
            ),
        ),
    }
    for key, (value, must) in follow.items():
        if accepted is None or key in accepted:
            given = config.setdefault(key, value)
            require(
                given == value,
                f"model.backbone.{key}={given} must {must}: leave it out, and it follows",
            )
    check_input(backbone, voxel_size)
    require(
        not checkpointing or hasattr(backbone, "gradient_checkpointing_enable"),
        "model.backbone_checkpointing=true needs a backbone that can do it (MinkUNet, SpaCeFormer,"
        f" PointTransformerV3), and {name} cannot: set it to false",
    )
    return config


def import_backbone(target: str) -> type[nn.Module]:
    """The class called `target`: a torch module of a trusted package, or one that the user named.

    ConfigError for anything else, before it is imported.
    """
    require_trust(target)
    try:
        backbone = pkgutil.resolve_name(target)
    except Exception as error:  # whatever the backbone's module raises while it is imported
        raise ConfigError(
            f"model.backbone._target_={target} cannot be imported: {error}"
        ) from error
    is_module = isinstance(backbone, type) and issubclass(backbone, nn.Module)
    require(
        is_module,
        f"model.backbone._target_={target} is no torch module: give the path of the backbone's"
        " class",
    )
    return backbone


def constructor_arguments(backbone: type[nn.Module]) -> set[str] | None:
    """The arguments that a class takes; None if it takes any.

    WarpConvNet's `**kwargs` go to the class above, which swallows what it does not know; so they
    are looked up there.
    """
    # PointTransformerV3 reads `out_channels` from **kwargs, so that its signature does not show it.
    names = {"out_channels"} if backbone.__name__ == "PointTransformerV3" else set()
    for cls in backbone.__mro__[: backbone.__mro__.index(nn.Module)]:
        parameters = (
            inspect.signature(cls.__init__).parameters.values() if "__init__" in vars(cls) else ()
        )
        names |= {parameter.name for parameter in parameters} - {"self", "kwargs"}
        if parameters and not any(
            parameter.kind is parameter.VAR_KEYWORD for parameter in parameters
        ):
            break
        if parameters and not _is_known(cls):
            return None
    return names


def check_input(backbone: type[nn.Module], voxel_size: float | None) -> None:
    """ConfigError if a class of WarpConvNet or of ours gets Points where it takes Voxels, or the
    other way round."""
    if not _is_known(backbone):
        return
    name = backbone.__name__
    first = list(inspect.signature(backbone.forward).parameters.values())[1]
    if first.annotation is Points:
        require(
            voxel_size is None,
            f"{name} takes points, not voxels: set model.backbone_voxel_size=null",
        )
    else:
        require(
            voxel_size is not None,
            f"model.backbone_voxel_size=null is for backbones that take points, and {name} takes"
            " voxels: set it to their edge in metres, for example 0.04",
        )


def _is_known(backbone: type[nn.Module]) -> bool:
    return backbone.__module__.split(".")[0] in TRUSTED_PACKAGES
