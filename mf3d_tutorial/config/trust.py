"""Which classes a config may have imported: to import a module runs its code, and a config may be a
stranger's."""

from mf3d_tutorial.config.options import require

# Any config file and any checkpoint may name the classes of these.
TRUSTED_PACKAGES = ("mf3d_tutorial", "warpconvnet")
# What the user named as well, in this process.
_allowed: set[str] = set()


def allow_backbone(target: str) -> None:
    """Trust this class of the user's: from now on, config files and checkpoints may name it as
    their backbone."""
    _allowed.add(target)


def require_trust(target: str) -> None:
    """ConfigError if `target` is in no trusted package and was not named by the user either."""
    require(
        target in _allowed or target.split(".")[0] in TRUSTED_PACKAGES,
        f"model.backbone._target_={target} of this config file or checkpoint was not imported,"
        f" because that runs its code: if you trust it, name it, by allow_backbone={target} for"
        " evaluate and predict, by mf3d_tutorial.config.allow_backbone in Python",
    )
