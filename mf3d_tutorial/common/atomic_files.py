"""Files and folders that are written whole or not at all."""

import json
import math
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mf3d_tutorial.common.errors import UserError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make an error of the file system a UserError that names `path`."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}): choose another folder, or free space"
        ) from error


@contextmanager
def whole_folder(path: Path, ours: str) -> Iterator[Path]:
    """A folder to write into, which becomes `path` at the end and vanishes on an error.

    An older `path` is replaced if it holds nothing but files whose path in it matches `ours`, a
    regular expression. UserError, before the start and again before the end, if it holds another
    file; and if it cannot be written.
    """
    _refuse_foreign_files(path, ours)
    draft = path.with_name(f".{path.name}.unfinished")
    with writing(path):
        try:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            yield draft
            _refuse_foreign_files(path, ours)
            shutil.rmtree(path, ignore_errors=True)
            os.replace(draft, path)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _refuse_foreign_files(path: Path, ours: str) -> None:
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file: choose another folder")
    for file in path.rglob("*"):
        name = file.relative_to(path).as_posix()
        if (file.is_symlink() or not file.is_dir()) and not re.fullmatch(ours, name):
            raise UserError(
                f"{path} holds {name}, which this command did not write: move it, or choose another"
                " folder"
            )


def write_bytes(content: bytes | memoryview, path: Path, previous: Path | None = None) -> None:
    """Write a file whole or not at all: first to a draft beside it, of this process alone, then by
    one rename.

    `previous`: what to call the old file; without it the old one is gone.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(draft, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if previous and path.exists():
            os.replace(path, previous)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def write_text(text: str, path: Path) -> None:
    """Write a text in UTF-8 as `write_bytes` writes."""
    write_bytes(text.encode(), path)


def write_json(values: Any, path: Path) -> None:
    """Write `values`, with null for NaN, which JSON does not have."""
    write_text(json.dumps(without_nan(values), indent=1) + "\n", path)


def without_nan(value: Any) -> Any:
    """`value` with None in place of every float that is not finite."""
    if isinstance(value, dict):
        return {key: without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
