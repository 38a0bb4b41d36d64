"""Two rooms side by side, with a doorway between them that one looks and walks through."""

from dataclasses import dataclass

import numpy as np

from .kit import Thing
from .layout import Room
from .mesh import Mesh
from .shell import reserve


@dataclass
class Doorway:
    """An opening without a door in an outer wall of a room; metres."""

    room: Room
    edge: int
    along: float
    width: float
    height: float
    thick: float  # of the wall between the rooms


def doorway(room: Room) -> Doorway | None:
    """Cut a doorway into an outer wall; None where there is no place for it."""
    k = room.kit
    width, height, thick = k.u(0.8, 1.8), min(k.u(2.0, 2.4), room.height - 0.1), k.u(0.08, 0.25)
    spot = reserve(room, width, 0.0, height, 0.7)
    if spot is None or not room.outer(spot[0]):
        return None
    room.blind.add(spot[0])
    frame, deep = k.paint("white", "wood", "wall"), thick / 2 - 0.001
    jamb = Mesh().pair(width / 2 - 0.02, width / 2, 0.001, 2 * deep, 0, height, frame)
    jamb.box(0.02 - width / 2, width / 2 - 0.02, 0.001, 2 * deep, height - 0.02, height, frame)
    room.put(Thing("doorframe", jamb), room.at_wall(*spot))
    return Doorway(room, *spot, width, height, thick)


def adjoin(way: Doorway, second: Room) -> Room | None:
    """The second room, turned and moved so that one of its outer walls has the doorway, too, and
    furnished from there on; None if it has no wall that is long enough."""
    room, k = way.room, second.kit
    edges = [
        e for e, long in enumerate(second.lengths) if long > way.width + 0.3 and second.outer(e)
    ]
    edges = [e for e in edges if np.abs(second.tangents[e]).max() > 0.999]  # not a chamfer
    if not edges or np.abs(room.tangents[way.edge]).max() < 0.999:
        return None
    edge = k.pick(edges)
    along = k.u(way.width / 2 + 0.12, second.lengths[edge] - way.width / 2 - 0.12)
    (a, b), (c, d) = second.tangents[edge], -room.tangents[way.edge]
    turn = np.array([[a * c + b * d, b * c - a * d], [a * d - b * c, a * c + b * d]])
    middle = (
        room.polygon[way.edge]
        + room.tangents[way.edge] * way.along
        - room.normals[way.edge] * way.thick
    )
    start = second.polygon[edge] + second.tangents[edge] * along
    moved = Room(
        k, second.kind, (second.polygon - start) @ turn.T + middle, room.height, second.clutter
    )
    moved.blind.add(edge)
    moved.openings[edge].append((along - way.width / 2, along + way.width / 2, 0.0, way.height))
    zone = (
        Mesh()
        .box(-way.width / 2, way.width / 2, -0.7, -0.001, 0, way.height, 0)
        .solids(moved.at_wall(edge, along))
    )
    moved.solids = np.append(zone, [[-1.0]], 1)
    return moved
