"""Furniture of homes: it stands on the floor, hangs together, and is as many instances as it has
seats."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from mf3d_tutorial.rooms.domain import domain
from mf3d_tutorial.rooms.homes.parts import bent, castors, oval, plate
from mf3d_tutorial.rooms.kit import Kit
from mf3d_tutorial.rooms.layout import overlap
from mf3d_tutorial.rooms.mesh import Mesh, Pose

MODULES = ("beds", "bunks", "wards", "desks", "tables", "chairs", "easy_chairs", "sofas")
NAMES = [
    name
    for name, family in domain("homes").families.items()
    if family.__module__.split(".")[-2:] in [["homes", module] for module in MODULES]
]
ON_A_WALL = ("wall desk", "bed curtain")


def made(name: str, seeds: int = 12):
    """Several things of a family, as it makes them."""
    source = domain("homes")
    return [
        source.families[name](Kit(np.random.default_rng(seed), source)) for seed in range(seeds)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_floats(name):
    """Every instance reaches the floor or the wall, and all its parts touch each other, by the
    boxes around them and but for 3 cm."""
    for thing in made(name):
        assert -0.03 < thing.bounds()[0][2] < 0.06 or name in ON_A_WALL
        for label, mesh, _ in thing.pieces(Pose()):
            low, high = (np.array([f(v, 0) for v, *_ in mesh.parts]) for f in (np.min, np.max))
            near = (low[:, None] < high[None] + 0.03).all(-1)
            groups, _ = connected_components(near & near.T)
            assert groups == 1, f"{name}: {label} falls into {groups} parts"


def test_seats_on_a_beam_are_instances_side_by_side():
    for thing in made("joined seats"):
        assert {part.label for part, _ in thing.parts} <= {"chair", "table"}
        assert len(thing.parts) >= 2
        boxes = [part.solids(where) for part, where in thing.parts]
        for a, b in pairwise(boxes):
            assert not overlap(a, b, touch=0.004).any()


def test_a_bench_is_one_desk_or_a_desk_for_each_seat():
    counts = {len(thing.parts) for thing in made("bench desk", 30)}
    assert counts <= {0, 2, 3, 4, 6}
    assert 0 in counts
    assert max(counts) > 2


def test_a_place_at_school_has_a_chair_before_its_desk():
    for thing in made("school place"):
        desk, *chairs = [
            (part.label, part.solids(where)[:, 1].mean()) for part, where in thing.parts
        ]
        assert desk[0] == "desk"
        assert all(label == "chair" and y < desk[1] - 0.2 for label, y in chairs)


def test_boards_and_shells_have_the_size_that_was_asked_for():
    (vertices, _, _) = plate(Mesh(), oval(2.0, 1.0), 0.7, 0.74, 0).parts[0]
    assert np.ptp(vertices, axis=0) == pytest.approx([2.0, 1.0, 0.04])
    assert vertices[:, 2].min() == pytest.approx(0.7)
    shell = bent(0.5, [(-0.2, 0.4), (0.2, 0.4), (0.25, 0.8)], 0.0, 0).parts[0][0]
    assert np.ptp(shell, axis=0) == pytest.approx([0.5, 0.45, 0.4])
    mesh = Mesh()
    castors(mesh, [(0.3, 0.2)], 0.05, 0)
    assert mesh.parts[0][0][:, 2].min() == pytest.approx(0.0, abs=0.003)
    assert mesh.parts[0][0][:, 2].max() == pytest.approx(0.1, abs=0.003)
