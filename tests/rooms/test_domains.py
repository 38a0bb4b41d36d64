"""Domains: each makes what it names, always the same; what is tested on shares nothing with what is
trained on."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import run_main

from mf3d_tutorial import make_rooms as program
from mf3d_tutorial.rooms import ARRAYS, make_scene
from mf3d_tutorial.rooms.domain import domain
from mf3d_tutorial.rooms.kit import Kit
from mf3d_tutorial.rooms.mesh import Pose

NAMES = sorted(program.domains())
ROOMS = Path(program.__file__).with_name("rooms")


def patterns(name: str) -> set[str]:
    return {pattern for kinds, *_ in domain(name).paints.values() for pattern in kinds}


@pytest.mark.parametrize("trained_on", ["simple", "homes"])
def test_what_is_tested_on_shares_nothing_with_what_is_trained_on(trained_on):
    """Each shared set is named before it is judged: a failure shows what is shared, and nothing
    more of the domain that nobody who writes training rooms may look at."""
    theirs, other = domain(trained_on), domain("other")
    families = set(theirs.families) & set(other.families)
    functions = set(theirs.families.values()) & set(other.families.values())
    shapes = set(theirs.shapes.values()) & set(other.shapes.values())
    things = (set(theirs.things) & set(other.things)) - {"ball"}  # the name only
    rooms = set(theirs.rooms) & set(other.rooms)
    painted = patterns(trained_on) & patterns("other")
    assert not families
    assert not functions
    assert not shapes
    assert not things
    assert rooms == {"studio"}
    assert painted == {"plain"}


def test_other_imports_nothing_of_the_domains_that_are_trained_on():
    for path in ROOMS.glob("other/*.py"):
        for source in re.findall(r"^from (\S+) import", path.read_text(), re.MULTILINE):
            assert source in ("..kit", "..mesh", ".parts", "dataclasses", "itertools"), (
                f"{path.name}: {source}"
            )
    for path in [*ROOMS.glob("simple/*.py"), *ROOMS.glob("homes/*.py")]:
        assert "other" not in re.findall(r"from \.\.(\w+)", path.read_text()), path.name


@pytest.mark.parametrize("name", NAMES)
def test_every_family_and_thing_can_be_made(name):
    """Several of each: every paint that they name exists, and what they make stands on the floor
    and has a size."""
    source = domain(name)
    for seed in range(3):
        k = Kit(np.random.default_rng(seed), source)
        for what in [*source.families, *source.things]:
            thing = k.make(what)
            low, high = thing.bounds()
            assert low[2] > -0.35, what
            assert (high - low > 0.004).all(), what
            assert (high - low < 4.2).all(), what
            assert all(label for label, _, _ in thing.pieces(Pose())), what


@pytest.mark.parametrize("name", NAMES)
def test_a_scene_is_always_the_same(name):
    first, again = (make_scene(5, "val", 2, small=True, domain=name) for _ in range(2))
    assert all(np.array_equal(first[array], again[array]) for array in ARRAYS)


def test_homes_lie_anywhere_and_turned_by_any_angle():
    """Nothing may be learned from where a room's corner or the direction of its walls is."""
    corners = np.array([make_scene(1, "train", i, small=True)["coord"].min(0) for i in range(3)])
    assert np.ptp(corners[:, :2], axis=0).min() > 0.3
    assert np.abs(corners[:, 2]).max() < 0.6


def test_a_domain_that_does_not_exist_is_refused(tmp_path, monkeypatch, capsys):
    with pytest.raises(ValueError, match="no domain"):
        domain("offices")
    code, _, err = run_main(
        monkeypatch,
        capsys,
        program.main,
        "--out",
        tmp_path,
        "--train",
        1,
        "--val",
        0,
        "--domain",
        "offices",
    )
    assert code == 2
    assert "homes" in err


def test_without_embree_one_sentence_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "embreex", None)
    code, _, err = run_main(
        monkeypatch, capsys, program.main, "--out", tmp_path / "new", "--train", 1, "--val", 0
    )
    assert code == 2
    assert "pip install 'mf3d-tutorial[rooms]'" in err
    assert not (tmp_path / "new").exists()
