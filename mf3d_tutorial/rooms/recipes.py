"""Furnishes rooms by the recipes of a domain's `rooms.yaml`."""

import numpy as np

from .domain import Domain
from .join import adjoin, doorway
from .kit import Kit, Thing
from .layout import Placed, Room
from .shell import add_beams, add_doors, add_windows, cover, enclose, plan, slope


def kind_of(domain: Domain, index: int) -> str:
    """Room type of the index-th scene: a low-discrepancy sequence, so that few scenes already show
    most types."""
    ends = np.cumsum([room["share"] for room in domain.rooms.values()])
    return list(domain.rooms)[
        int(np.searchsorted(ends, (0.26 + index * 0.6180339887) % 1.0 * ends[-1], side="right"))
    ]


def _follow(room: Room, steps: list[dict], anchor: Placed | None = None) -> None:
    """Carry out recipe steps, those under `then` relative to what was just placed."""
    k = room.kit
    for step in steps:
        way, names = next(iter(step.items()))
        many = step.get("n", 1)
        count = k.n(*many) if isinstance(many, list) else many
        for _ in range(1 if way == "around" else count):
            if not k.chance(
                step.get("p", 1.0) * (room.clutter if way in ("hang", "atop", "over") else 1.0)
            ):
                continue
            for _ in range(1 if anchor else 3):  # what does not fit may come smaller
                name = k.pick(names) if isinstance(names, list) else names
                thing = anchor.thing if anchor and name == "same" else k.make(name)
                if found := _place(room, way, thing, anchor, step, count):
                    break
            for placed in found:
                _follow(room, step.get("then", []), placed)


def _place(
    room: Room, way: str, thing: Thing, anchor: Placed | None, step: dict, count: int
) -> list[Placed]:
    """Place one thing (or a set of equal ones) in one of the ways of rooms.yaml; what was
    placed."""
    defaults = {"z": (1, 1), "gap": (0, 0.02), "aside": (0, 0)}
    z, gap, aside = (room.kit.u(*step.get(key, default)) for key, default in defaults.items())
    ways = {
        "wall": lambda: room.against_wall(thing, step.get("corner", 0.3)),
        "hang": lambda: room.against_wall(thing, 0.0, z),
        "floor": lambda: room.anywhere(thing, step.get("turn", 0.15)),
        "ceiling": lambda: room.anywhere(thing, 0.0, room.height - 0.011 - thing.bounds()[1][2]),
        "rows": lambda: room.rows(thing),
        "lay": lambda: room.lay(thing),
    }
    if anchor:
        ways |= {
            "beside": lambda: room.beside(anchor, thing, gap),
            "atop": lambda: room.on_top(anchor, thing, step.get("at")),
            "over": lambda: room.over(anchor, thing, z),
            "front": lambda: room.in_front(anchor, thing, gap, aside, step.get("away", False)),
            "around": lambda: room.around(anchor, thing, count),
        }
    return ways[way]()


def build(domain: Domain, rng: np.random.Generator, kind: str, clutter: float = 1.0) -> Room:
    """A furnished room of one of the domain's types; some have a second one that a doorway leads
    to.

    `clutter` scales the chance of small things on others and on walls, of corners that are not
    square, and of what is a share of rooms in `ShellSettings`.
    """
    k, shell = Kit(rng, domain), domain.shell
    room = _shape(k, kind, clutter)
    joined = doorway(room) if k.has(shell.joined * clutter) else None
    if not joined and k.has(shell.sloped * clutter):
        slope(room)
    elif k.has(shell.beams * clutter):
        add_beams(room)
    _furnish(room)
    if joined:
        second = adjoin(
            joined,
            _shape(
                k, k.pick([name for name, room in domain.rooms.items() if room["share"]]), clutter
            ),
        )
        if second:
            _furnish(second)
            room.absorb(second)
    cover(room, domain.rooms[kind]["floor"])
    return room


def _shape(k: Kit, kind: str, clutter: float) -> Room:
    """An empty room of one type."""
    shell, numbers = k.domain.shell, k.domain.rooms[kind]
    width, depth = k.u(*numbers["width"]), k.u(*numbers["depth"])
    return Room(k, kind, plan(k, width, depth, shell.odd * clutter), k.u(*shell.height), clutter)


def _furnish(room: Room) -> None:
    """Doors, windows and everything that the recipe of its type puts into a room; then its
    walls."""
    k, numbers = room.kit, room.kit.domain.rooms[room.kind]
    add_doors(room, k.n(*numbers["doors"]))
    add_windows(room, k.n(*numbers["windows"]))
    _follow(room, k.domain.steps[room.kind] + k.domain.steps["every room"])
    enclose(room, numbers["walls"])
