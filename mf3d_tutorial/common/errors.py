"""The errors that a user can cause. Entry points print their sentence and exit with code 2."""

import ast
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any


class UserError(ValueError):
    """Something that the user can mend: the message says what is wrong, where, and what to do."""


class ConfigError(UserError):
    """A key, a value or a combination of them that cannot work."""


class DataError(UserError):
    """A dataset folder, a scene or an array that cannot be used."""


class NonFiniteError(UserError):
    """A loss, or what it is made of, that is NaN or infinite."""


def check_parameters(notebook: dict[str, Any]) -> None:
    """ConfigError for a parameter that a notebook, given as its globals(), does not have, or that has another type.

    Its parameters cell annotates each name; what papermill puts in comes as a cell that begins with "# Parameters".
    """
    types = notebook["__annotations__"]
    injected = "".join(cell for cell in notebook["In"] if cell.startswith("# Parameters"))
    for name in (target.id for line in ast.parse(injected).body for target in line.targets):
        if name not in types:
            raise ConfigError(f"this notebook has no parameter {name!r}: it has {', '.join(types)}")
    for name, kind in types.items():
        value = notebook[name]
        if not (type(value) is kind or (kind is float and type(value) is int)):
            raise ConfigError(f"the parameter {name} must be of type {kind.__name__}, but it is {value!r}")


def exit_on_user_error(main: Callable[[], None]) -> Callable[[], None]:
    """Make a user's error one line on stderr and exit code 2, and Ctrl-C exit code 130, in place of a traceback."""

    @wraps(main)
    def wrapped() -> None:
        try:
            main()
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)

    return wrapped


@contextmanager
def memory_advice(advice: str) -> Iterator[None]:
    """Make "out of memory", of Python or of torch, a UserError that ends with `advice`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch's own is a RuntimeError, on the CPU without a class
        if isinstance(error, RuntimeError) and not re.search("out of memory|can't allocate memory", str(error)):
            raise
        raise UserError(f"out of memory: {advice}") from error
