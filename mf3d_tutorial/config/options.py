"""Options that are given as `key=value`: declared as dataclasses, composed by Hydra, refused in one
sentence.

@dataclass
class PredictOptions:
    input: str = option(MISSING, "a scan (required)")

options = load_options(PredictOptions, ["input=scan.ply"])
"""

import argparse
import dataclasses
import difflib
import functools
import json
import operator
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

import hydra
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from mf3d_tutorial.common.command_line import program_name
from mf3d_tutorial.common.errors import ConfigError

RECIPES, BACKBONES = (
    tuple(sorted(file.stem for file in Path(__file__).with_name(group).glob("*.yaml")))
    for group in ("recipe", "backbone")
)

Options = TypeVar("Options")


def option(
    default: Any, meaning: str, path: bool = False, choices: Iterable[str] = (), **limits: float
) -> Any:
    """A config field with its one-line meaning, which `--help` prints, and what `Checked` allows.

    The value of a `path` is taken as it is given, whatever characters it has; only a leading ~ is
    the home folder. `choices`: the words that the value, or each word of a list, may be. `limits`
    of a number: `above`, `least`, `below`. None is within all of them.
    """
    metadata = {"meaning": meaning, "path": path, "choices": tuple(choices), "limits": limits}
    if isinstance(default, list | dict):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def require(condition: bool, sentence: str) -> None:
    """ConfigError with this sentence unless the condition holds."""
    if not condition:
        raise ConfigError(sentence)


def choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    """ConfigError unless the value is one of the choices."""
    require(value in choices, f"{key}={value} is not one of {', '.join(choices)}")


_LIMITS: dict[str, tuple[Callable[[Any, float], bool], str]] = {
    "above": (operator.gt, "greater than"),
    "least": (operator.ge, "at least"),
    "below": (operator.lt, "below"),
}


class Checked:
    """Base of dataclasses of options: ConfigError for a value that its `option` does not allow."""

    group: ClassVar[str] = ""

    def __init_subclass__(cls, group: str = "") -> None:
        cls.group = group or cls.group  # prefix of each key, such as "train."

    def __post_init__(self) -> None:
        for entry in dataclasses.fields(cast(Any, self)):
            key, value = self.group + entry.name, getattr(self, entry.name)
            choices, limits = entry.metadata.get("choices"), entry.metadata.get("limits", {})
            if value is None:
                continue
            if choices:
                for word in value if isinstance(value, list) else [value]:
                    choice(key, word, choices)
            rules = " and ".join(f"{_LIMITS[name][1]} {limit}" for name, limit in limits.items())
            rule = "not be negative" if limits == {"least": 0} else f"be {rules}"
            holds = all(_LIMITS[name][0](value, limit) for name, limit in limits.items())
            require(holds, f"{key}={value} must {rule}")


def load_options(schema: type[Options], overrides: list[str]) -> Options:
    """An instance of `schema`, a dataclass whose fields are `option`s or groups of them, with these
    overrides."""
    _check_keys(schema, overrides)
    overrides, paths = split_paths(schema, overrides)
    ConfigStore.instance().store(name=schema.__name__, node=schema)
    try:
        with hydra.initialize_config_module("mf3d_tutorial.config", version_base="1.3"):
            options = cast(Options, OmegaConf.to_object(hydra.compose(schema.__name__, overrides)))
    except MissingMandatoryValue as error:
        raise ConfigError(
            f"{error.full_key} is required: add {error.full_key}=... to the command"
        ) from None
    except (OmegaConfBaseException, HydraException) as error:
        raise ConfigError(explain_override_error(error)) from None
    for key, value in paths.items():
        *groups, name = key.split(".")
        setattr(functools.reduce(getattr, groups, options), name, value)
    return options


def split_paths(schema: type, overrides: list[str]) -> tuple[list[str], dict[str, str]]:
    """The overrides with a harmless word for each path, and the paths by their keys.

    Hydra's grammar is not for paths: it stumbles over umlauts, brackets, commas, equals signs and
    quotes. Quotes around a whole path, which that grammar asked for, are taken off, unless there is
    such a file. null is no path.
    """
    keys = {key for key, entry, _ in _fields(schema) if entry.metadata["path"]}
    harmless = []
    paths = {}
    for override in overrides:
        key, _, value = override.partition("=")
        if key.lstrip("+") not in keys or value == "null":
            harmless.append(override)
            continue
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        if quoted and not Path(value).exists():
            value = value[1:-1].replace("\\" + value[0], value[0])
        require(bool(value), f"{key}= is empty: give a path")
        require(
            "${" not in value,
            f"{key}={value} holds ${{, which a config reads as a reference: rename the folder",
        )
        paths[key.lstrip("+")] = os.path.expanduser(value)
        harmless.append(f"{key}=path")
    return harmless, paths


def path_argument(text: str) -> Path:
    """The type of a path on the command line: a leading ~ is the home folder."""
    return Path(text).expanduser()


def argument_parser(
    module: str, description: str | None, epilog: str = ""
) -> argparse.ArgumentParser:
    """For the command `module`; --help prints both texts as they are."""
    layout = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(
        program_name(module), description=description, epilog=epilog, formatter_class=layout
    )


def options_parser(schema: type, module: str, description: str | None) -> argparse.ArgumentParser:
    """For a module with `key=value` arguments, its `overrides`; --help lists the options of
    `schema`."""
    parser = argument_parser(
        module, description, "options (meaning, [default]):\n" + describe_options(schema)
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="see below")
    return parser


def describe_options(schema: type) -> str:
    """One line for every key: name, default, meaning."""
    rows = [
        (key, _shown(default), entry.metadata["meaning"]) for key, entry, default in _fields(schema)
    ]
    wide = max(len(key) for key, _, _ in rows)
    return "\n".join(f"  {key:<{wide}}  {meaning} [{default}]" for key, default, meaning in rows)


def _shown(default: Any) -> str:
    """A default as one would give it."""
    if not isinstance(default, str):
        return json.dumps(default)
    return (
        "required"
        if default == MISSING
        else os.path.relpath(default)
        if os.path.isabs(default)
        else default
    )


def _fields(config: type, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field, Any]]:
    """The key, the field and the default of every option."""
    for entry in dataclasses.fields(config):
        if isinstance(entry.type, type) and dataclasses.is_dataclass(entry.type):
            yield from _fields(entry.type, f"{prefix}{entry.name}.")
        elif "meaning" in entry.metadata:
            factory = entry.default_factory
            default = entry.default if factory is dataclasses.MISSING else factory()
            yield prefix + entry.name, entry, default


def _check_keys(schema: type, overrides: list[str]) -> None:
    """Refuse an override of a key that does not exist, with the nearest one that does."""
    defaults = {key: default for key, _, default in _fields(schema)}
    groups = {f"{key}.": default for key, default in defaults.items() if isinstance(default, dict)}
    known = [*defaults, *(group + name for group, default in groups.items() for name in default)]
    for override in overrides:
        require("=" in override, f"{override!r} is not of the form key=value")
        key = override.lstrip("+~").split("=", 1)[0]
        if key not in defaults and not key.startswith(tuple(groups)):
            near = _nearest(key, known)
            raise ConfigError(
                f"there is no option {key!r}" + (f"; did you mean {near!r}?" if near else "")
            )


def _nearest(key: str, known: list[str]) -> str | None:
    """The known key most like `key`, or whose last part is most like the last part of `key`."""
    if near := difflib.get_close_matches(key, known, n=1, cutoff=0.7):
        return near[0]
    ends = {each.rsplit(".", 1)[-1]: each for each in reversed(known)}
    near = difflib.get_close_matches(key.rsplit(".", 1)[-1], ends, n=1, cutoff=0.6)
    return ends[near[0]] if near else None


def explain_override_error(error: BaseException) -> str:
    """One sentence for a Hydra or OmegaConf error: the key and what is wrong with it."""
    # Down to the first cause that knows its key, no further: under a debugger OmegaConf makes
    # errors their own cause.
    while (
        error.__cause__ is not None
        and error.__cause__ is not error
        and not getattr(error, "full_key", None)
    ):
        error = error.__cause__
    message = str(error).strip().splitlines()[0]
    key = getattr(error, "full_key", None)
    if "is not in struct" in message:
        return f"{key} is a new argument: write +{key}=..."
    return f"{key}: {message}" if key else f"an override cannot be read: {message}"
