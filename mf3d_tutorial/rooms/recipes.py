"""Furnishes rooms by the recipes of `rooms.yaml`."""

import numpy as np

from . import fixtures, furniture
from .kit import Kit, Thing, table
from .layout import Placed, Room
from .shapes import simple
from .shell import add_doors, add_windows, enclose, plan

FAMILIES = {
    name.replace("_", " "): family
    for module in (furniture, fixtures)
    for name, family in vars(module).items()
    if callable(family) and family.__module__ == module.__name__ and not name.startswith("_")
}


def kind_of(index: int) -> str:
    """Room type of the index-th scene: a low-discrepancy sequence, so that few scenes already show most types."""
    rooms = table("rooms.yaml")["rooms"]
    ends = np.cumsum([room["share"] for room in rooms.values()])
    return list(rooms)[int(np.searchsorted(ends, (0.26 + index * 0.6180339887) % 1.0 * ends[-1], side="right"))]


def _follow(room: Room, steps: list[dict], anchor: Placed | None = None) -> None:
    """Carry out recipe steps, those under `then` relative to what was just placed."""
    k = room.kit
    for step in steps:
        way, names = next(iter(step.items()))
        many = step.get("n", 1)
        count = k.n(*many) if isinstance(many, list) else many
        for _ in range(1 if way == "around" else count):
            if not k.chance(step.get("p", 1.0) * (room.clutter if way in ("hang", "atop", "over") else 1.0)):
                continue
            for _ in range(1 if anchor else 3):  # what does not fit may come smaller
                name = k.pick(names) if isinstance(names, list) else names
                thing = anchor.thing if name == "same" else FAMILIES[name](k) if name in FAMILIES else simple(k, name)
                if found := _place(room, way, thing, anchor, step, count):
                    break
            for placed in found:
                _follow(room, step.get("then", []), placed)


def _place(room: Room, way: str, thing: Thing, anchor: Placed | None, step: dict, count: int) -> list[Placed]:
    """Place one thing (or a set of equal ones) in one of the ways of rooms.yaml; what was placed."""
    defaults = {"z": (1, 1), "gap": (0, 0.02), "aside": (0, 0)}
    z, gap, aside = (room.kit.u(*step.get(key, default)) for key, default in defaults.items())
    ways = {
        "wall": lambda: room.against_wall(thing, step.get("corner", 0.3)),
        "hang": lambda: room.against_wall(thing, 0.0, z),
        "floor": lambda: room.anywhere(thing, step.get("turn", 0.15)),
        "ceiling": lambda: room.anywhere(thing, 0.0, room.height - 0.011 - thing.bounds()[1][2]),
        "rows": lambda: room.rows(thing),
        "lay": lambda: room.lay(thing),
        "beside": lambda: room.beside(anchor, thing, gap),
        "atop": lambda: room.on_top(anchor, thing, step.get("at")),
        "over": lambda: room.over(anchor, thing, z),
        "front": lambda: room.in_front(anchor, thing, gap, aside, step.get("away", False)),
        "around": lambda: room.around(anchor, thing, count),
    }
    return ways[way]()


def build(rng: np.random.Generator, kind: str, clutter: float = 1.0) -> Room:
    """A furnished room of one of the types of rooms.yaml.

    `clutter` scales the chance of small things on others and on walls, and of corners that are not square.
    """
    k, numbers, steps = Kit(rng), table("rooms.yaml")["rooms"][kind], table("rooms.yaml")["steps"]
    width, depth = k.u(*numbers["width"]), k.u(*numbers["depth"])
    room = Room(k, kind, plan(k, width, depth, 0.3 * clutter), k.u(2.35, 2.95), clutter)
    add_doors(room, k.n(*numbers["doors"]))
    add_windows(room, k.n(*numbers["windows"]))
    _follow(room, steps[kind] + steps["every room"])
    enclose(room, numbers["walls"], numbers["floor"])
    return room
