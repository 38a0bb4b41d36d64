"""Folders are written whole or not at all, and nothing that a user put there goes away."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mf3d_tutorial.common.atomic_files import whole_folder, without_nan, write_json, write_text
from mf3d_tutorial.common.errors import UserError

OURS = r"[ab]\.txt|masks/\d+\.txt"


def write(path: Path, *names: str, then: Callable[[Path], object] = lambda draft: None) -> None:
    with whole_folder(path, OURS) as draft:
        (draft / "masks").mkdir()
        for name in names:
            (draft / name).write_text(name)
        then(draft)


def content(path: Path) -> set[str]:
    return {file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir()}


def test_a_folder_of_ours_is_replaced_whole(tmp_path):
    write(tmp_path / "out", "a.txt", "masks/1.txt", "masks/2.txt")
    write(tmp_path / "out", "b.txt", "masks/3.txt")
    assert content(tmp_path) == {"out/b.txt", "out/masks/3.txt"}


def test_an_empty_folder_is_used(tmp_path):
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", "a.txt")
    assert content(tmp_path) == {"out/a.txt"}


@pytest.mark.parametrize(
    "name", ["notes.txt", "masks/notes.txt", "a.txt.bak", ".hidden", "thesis/a.txt"]
)
def test_a_folder_with_a_file_of_the_users_is_left_as_it_is(tmp_path, name):
    write(tmp_path / "out", "a.txt", "masks/1.txt")
    (tmp_path / "out" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "out" / name).write_text("mine")
    before, begun = content(tmp_path), []
    with pytest.raises(UserError, match=rf"out holds {name}, which this command did not write"):
        write(tmp_path / "out", "b.txt", then=begun.append)
    assert not begun  # refused before hours of work, not after them
    assert content(tmp_path) == before


def test_links_are_files_of_the_users(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="out holds link"):
        write(tmp_path / "out", "a.txt")


def test_a_file_that_comes_while_we_write_is_kept(tmp_path):
    def put_notes(_draft: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out/notes.txt").touch()

    with pytest.raises(UserError, match=r"out holds notes\.txt"):
        write(tmp_path / "out", "a.txt", then=put_notes)
    assert content(tmp_path) == {"out/notes.txt"}


def test_an_error_leaves_the_folder_before_it_and_no_draft(tmp_path):
    write(tmp_path / "out", "a.txt")
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "out", "b.txt", then=lambda _draft: 1 / 0)
    assert content(tmp_path) == {"out/a.txt"}


def test_a_file_is_not_replaced_by_a_folder(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(UserError, match="out is a file: choose another folder"):
        write(tmp_path / "out", "a.txt")


def test_json_has_null_for_what_is_not_finite(tmp_path):
    write_json(
        {"ap": float("nan"), "per_class": {"chair": {"ap": float("inf"), "n": 3}}},
        tmp_path / "m.json",
    )
    written = json.loads((tmp_path / "m.json").read_text(), parse_constant=pytest.fail)
    assert written == {"ap": None, "per_class": {"chair": {"ap": None, "n": 3}}}
    assert without_nan([float("nan"), 1.5, {"a": float("-inf")}]) == [None, 1.5, {"a": None}]
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]


def test_two_processes_that_write_one_file_have_a_draft_each(tmp_path, monkeypatch):
    drafts = []
    rename = os.replace
    monkeypatch.setattr(
        os, "replace", lambda draft, path: (drafts.append(draft), rename(draft, path))
    )
    for process in (11, 12):
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        write_text(f"process {process}: 4 m²", tmp_path / "page.html")
    assert [draft.name for draft in drafts] == ["page.html.11.tmp", "page.html.12.tmp"]
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "process 12: 4 m²"


def test_a_text_that_cannot_be_written_leaves_the_old_file(tmp_path, monkeypatch):
    write_text("old", tmp_path / "metrics.json")

    def full_disk(_file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_text("new", tmp_path / "metrics.json")
    assert (tmp_path / "metrics.json").read_text() == "old"
    assert content(tmp_path) == {"metrics.json"}
