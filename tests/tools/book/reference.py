"""The reference pages that are made from the code: commands, configuration keys, and what autodoc
is to show."""

import contextlib
import importlib
import inspect
import io
import itertools
import pkgutil
import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any
from unittest import mock

import mf3d_tutorial
from mf3d_tutorial.__main__ import COMMANDS
from mf3d_tutorial.config import load_config, plain
from mf3d_tutorial.config.options import RECIPES

OPTION = re.compile(r"^  (?P<key>[a-z_.0-9]+) +(?P<meaning>.*) \[(?P<default>.*)\]$", re.MULTILINE)


def help_of(command: str) -> str:
    """What `--help` of a command prints."""
    module, printed = importlib.import_module(f"mf3d_tutorial.{command}"), io.StringIO()
    arguments = mock.patch("sys.argv", [f"mf3d {command}", "--help"])
    wide = mock.patch.dict("os.environ", {"COLUMNS": "100"})
    with arguments, wide, contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        module.main()
    return printed.getvalue()


def options_of(command: str) -> list[tuple[str, str, str]]:
    """Key, meaning and default of every `key=value` that a command takes."""
    return [found.group("key", "meaning", "default") for found in OPTION.finditer(help_of(command))]


def table(titles: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [
        titles,
        ["---"] * len(titles),
        *([cell.replace("|", "\\|") for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def commands() -> str:
    """A section for every command: its --help, the options in it as a table."""
    page = []
    for command in COMMANDS:
        text = OPTION.sub("", help_of(command)).rstrip()
        page += [
            f"## {command}",
            f"```text\n{text.removesuffix('options (meaning, [default]):').rstrip()}\n```",
        ]
        if options := options_of(command):
            rows = [[code(key), meaning, code(default)] for key, meaning, default in options]
            page.append(table(["option", "meaning", "default"], rows))
    return "\n\n".join(page) + "\n"


def flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and key != "backbone":
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def written(value: Any) -> str:
    """A value as one gives it on the command line."""
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    return (
        {None: "null", True: "true", False: "false"}.get(value, str(value))
        if not isinstance(value, dict)
        else ""
    )


def recipes_table() -> str:
    """The keys whose values differ between the recipes."""
    values = [
        dict(flat(plain(load_config([f"recipe={name}", "paths.data_dir=."])))) for name in RECIPES
    ]
    differ = [
        key
        for key in values[0]
        if len({str(each.get(key)) for each in values}) > 1 and key != "recipe"
    ]
    rows = [
        [code(key), *(code(written(each[key])) for each in values)]
        for key in differ
        if key != "model.backbone"
    ]
    return table(["key", *(code(f"recipe={name}") for name in RECIPES)], rows)


def configuration_tables() -> str:
    """A heading and a table for every group of keys of `train`."""
    groups: dict[str, list[list[str]]] = {}
    for key, meaning, default in options_of("train"):
        groups.setdefault(key.rpartition(".")[0], []).append([code(key), meaning, code(default)])
    parts = [
        f"## {code(group) if group else 'Without a group'}\n\n"
        + table(["key", "meaning", "default"], rows)
        for group, rows in groups.items()
    ]
    return "\n\n".join(parts)


def api_pages() -> dict[str, str]:
    """Name -> page for every package below mf3d_tutorial: what autodoc is to show of its
    modules."""
    pages = {}
    for package in pkgutil.iter_modules(mf3d_tutorial.__path__):
        if package.ispkg:
            name = f"mf3d_tutorial.{package.name}"
            modules = [name]
            # triton comes with the CUDA build of torch only
            if package.name != "kernels" or find_spec("triton"):
                inside = pkgutil.iter_modules(importlib.import_module(name).__path__)
                modules += [f"{name}.{module.name}" for module in inside if not module.ispkg]
            pages[package.name] = "\n\n".join([f"# `{name}`", *map(module_section, modules)]) + "\n"
    return pages


def module_section(name: str) -> str:
    """A heading and autodoc's directive for a module; of a package itself only its docstring."""
    _, _, module = name.removeprefix("mf3d_tutorial.").partition(".")
    heading, members = (f"## `{module}`\n\n", "\n   :members:") if module else ("", "")
    return f"{heading}```{{eval-rst}}\n.. automodule:: {name}{members}\n```"


def literal(found: re.Match) -> str:
    """`code` as reStructuredText, which needs to be told that a word may go on after it."""
    return f"``{found[1]}``" + ("\\ " if found[2] else "")


def to_rst(lines: list[str]) -> None:
    """Our docstrings' few marks as reStructuredText, in place: `code`, and indented lines as they
    are."""
    parts = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc("\n".join(lines)).rstrip()):
        for indented, group in itertools.groupby(
            block.splitlines(), lambda line: line.startswith(" ")
        ):
            text = "\n".join(group)
            marked = re.sub(r"(?<!`)`([^`]+)`(?!`)(?=(\w?))", literal, text).replace("*", r"\*")
            parts += ["::", text] if indented else [marked]
    lines[:] = [*"\n\n".join(parts).splitlines(), ""]
