"""Furnishes rooms by the recipes of `rooms.yaml`."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml

from . import fixtures, furniture
from .kit import Kit, Thing
from .layout import Placed, Room
from .shapes import simple
from .shell import add_doors, add_windows, enclose, plan

_WAYS = ("wall", "floor", "ceiling", "hang", "rows", "lay", "beside", "atop", "over", "front", "around")
FAMILIES = {
    name.replace("_", " "): family
    for module in (furniture, fixtures)
    for name, family in vars(module).items()
    if callable(family) and family.__module__ == module.__name__ and not name.startswith("_")
}


@lru_cache
def recipes() -> dict:
    """The parsed `rooms.yaml`: "rooms" (type -> numbers) and "steps" (type -> list)."""
    return yaml.safe_load(Path(__file__).with_name("rooms.yaml").read_text())


def kind_of(index: int) -> str:
    """Room type of the index-th scene: a low-discrepancy sequence, so that few scenes already show most types."""
    rooms = recipes()["rooms"]
    ends = np.cumsum([room["share"] for room in rooms.values()])
    return list(rooms)[int(np.searchsorted(ends, (0.26 + index * 0.6180339887) % 1.0 * ends[-1], side="right"))]


def _follow(room: Room, steps: list[dict], anchor: Placed | None = None) -> None:
    """Carry out recipe steps, those under `then` relative to what was just placed."""
    k = room.kit
    for step in steps:
        way = next(w for w in _WAYS if w in step)
        many = step.get("n", 1)
        count = k.n(*many) if isinstance(many, list) else many
        for _ in range(1 if way == "around" else count):
            if not k.chance(step.get("p", 1.0) * (room.clutter if way in ("hang", "atop", "over") else 1.0)):
                continue
            for _ in range(1 if anchor else 3):  # what does not fit may come smaller
                name = k.pick(step[way]) if isinstance(step[way], list) else step[way]
                thing = anchor.thing if name == "same" else FAMILIES[name](k) if name in FAMILIES else simple(k, name)
                if placed := _place(room, way, thing, anchor, step, count):
                    break
            for one in placed:
                _follow(room, step.get("then", []), one)


def _place(room: Room, way: str, thing: Thing, anchor: Placed | None, step: dict, count: int) -> list[Placed]:
    """Place one thing (or a set of equal ones) in one of the _WAYS; what was placed."""
    k = room.kit
    z, gap, aside = (
        k.u(*step.get(key, default)) for key, default in (("z", (1, 1)), ("gap", (0, 0.02)), ("aside", (0, 0)))
    )
    if way == "around":
        return room.around(anchor, thing, count)
    if way == "rows":
        return room.rows(thing)
    if way == "lay":
        found = room.lay(thing)
    elif way == "wall":
        found = room.against_wall(thing, corner=step.get("corner", 0.3))
    elif way == "floor":
        found = room.anywhere(thing, step.get("turn", 0.15))
    elif way == "ceiling":
        found = room.anywhere(thing, 0.0, room.height - 0.011 - thing.bounds()[1][2])
    elif way == "hang":
        found = room.against_wall(thing, corner=0.0, z=z)
    elif way == "beside":
        found = room.beside(anchor, thing, gap)
    elif way == "atop":
        found = room.on_top(anchor, thing, step.get("at"))
    elif way == "over":
        found = room.over(anchor, thing, z)
    else:
        found = room.in_front(anchor, thing, gap, aside, "away" not in step)
    return [found] if found else []


def build(rng: np.random.Generator, kind: str, clutter: float = 1.0) -> Room:
    """A furnished room of one of the types of rooms.yaml.

    `clutter` scales the chance of small things on others and on walls, and of corners that are not square.
    """
    k, numbers = Kit(rng), recipes()["rooms"][kind]
    width, depth = k.u(*numbers["width"]), k.u(*numbers["depth"])
    room = Room(k, kind, plan(k, width, depth, 0.3 * clutter), k.u(2.35, 2.95), clutter)
    add_doors(room, k.n(*numbers["doors"]))
    add_windows(room, k.n(*numbers["windows"]))
    _follow(room, recipes()["steps"][kind])
    _follow(room, recipes()["steps"]["every room"])
    enclose(room, numbers["walls"], numbers["floor"])
    return room
