"""The errors that a user can cause. Entry points print their sentence and exit with code 2."""

import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps


class UserError(ValueError):
    """Something that the user can fix: the message says what is wrong, where, and what to do."""


class ConfigError(UserError):
    """A key, a value or a combination of them that cannot work."""


class DataError(UserError):
    """A dataset folder, a scene or an array that cannot be used."""


class NonFiniteError(UserError):
    """A loss, or what it is made of, that is NaN or infinite."""


def exit_on_user_error(main: Callable[[], None]) -> Callable[[], None]:
    """Make a user's error one line on stderr and exit code 2, and Ctrl-C exit code 130, in place of
    a traceback."""

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
    except (
        MemoryError,
        RuntimeError,
    ) as error:  # torch's own is a RuntimeError, on the CPU without a class
        if isinstance(error, RuntimeError) and not re.search(
            "out of memory|can't allocate memory", str(error)
        ):
            raise
        raise UserError(f"out of memory: {advice}") from error
