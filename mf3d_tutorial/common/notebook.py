"""What the notebooks do first, look at the parameters that they were given, and last, look at a
reader's answers."""

import ast
import os
import shlex
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from mf3d_tutorial.common.errors import ConfigError


def check_parameters(
    notebook: dict[str, Any],
    least: Mapping[str, float] | None = None,
    existing: Iterable[str] = (),
) -> None:
    """ConfigError for a parameter that a notebook, given as its globals(), does not have, or a
    value that cannot work.

    Its parameters cell annotates each name; what papermill puts in comes as a cell that begins with
    "# Parameters".

    least: the smallest value that a parameter may have; that of `seed` is 0.
    existing: parameters that name a file or folder which must be there.

    A leading ~ of a string becomes the home folder. A list may also be a string, as
    `papermill -p overrides "train.lr=1e-3 train.epochs=5"` gives it: its words become the list.
    """
    types = notebook["__annotations__"]
    injected = "".join(cell for cell in notebook["In"] if cell.startswith("# Parameters"))
    assigned = [line for line in ast.parse(injected).body if isinstance(line, ast.Assign)]
    for name in (ast.unparse(target) for line in assigned for target in line.targets):
        if name not in types:
            raise ConfigError(f"this notebook has no parameter {name!r}: it has {', '.join(types)}")
    for name, kind in types.items():
        value = notebook[name]
        if kind is list and isinstance(value, str):
            value = notebook[name] = shlex.split(value)
        if isinstance(value, str):
            value = notebook[name] = os.path.expanduser(value)
        if not (type(value) is kind or (kind is float and type(value) is int)):
            raise ConfigError(
                f"the parameter {name} must be of type {kind.__name__}, but it is {value!r}"
            )
    for name, smallest in {**({"seed": 0} if "seed" in types else {}), **(least or {})}.items():
        if notebook[name] < smallest:
            raise ConfigError(f"{name}={notebook[name]} must be at least {smallest}")
    for name in existing:
        path = Path(notebook[name])
        if not path.exists():
            raise ConfigError(
                f"{name}={notebook[name]!r}: there is no {path.resolve()} (paths count from"
                f" {Path.cwd()})"
            )


def check_answer(
    answer: Any, right: str, wrong: Mapping[str, str] | None = None, otherwise: str = ""
) -> str:
    """The sentence that an exercise shows for an answer. The right one is known by `digest` alone:
    a page does not give it away.

    wrong: by their digests what is wrong with answers that people often give. otherwise: a hint for
    all others.
    """
    if answer is None:
        return "not answered yet: put your answer in place of None and run the cell again"
    if digest(answer) == right:
        return "correct"
    return f"not correct: {(wrong or {}).get(digest(answer)) or otherwise}"


def digest(answer: Any) -> str:
    """The first 8 hexadecimal digits of an answer's SHA-256."""
    return sha256(str(answer).encode()).hexdigest()[:8]
