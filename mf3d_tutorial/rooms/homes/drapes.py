"""Curtains that are furniture: before walls, round beds, on screens. Each public function is a
family: a `Kit` in, a new `Thing` out."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .cloth import folds


def draped_rail(k: Kit) -> Thing:
    """Curtains on a rod before a wall, as beside a window, a niche or a stage: two that are drawn
    apart, or several side by side; long, or ending at a sill's height: a group."""
    w, top, low = k.u(1.0, 3.0), k.u(1.9, 2.3), k.pick([0.02, 0.05, k.u(0.6, 1.0)])
    paint, group = k.paint("curtain"), Thing()
    if k.chance(0.6):
        each = k.u(0.15, 0.42) * w
        places = [-(w - each) / 2, (w - each) / 2]
    else:
        count = k.n(2, 4)
        each, places = w / count - 0.03, (np.arange(count) + 0.5) / count * w - w / 2
    for x in places:
        group.carry(Thing("curtain", folds(k, each, top, low, paint)), x)
    ends = [(x, -0.06, top + 0.02) for x in (-w / 2 - 0.05, w / 2 + 0.05)]
    rod = Mesh().tube(ends, 0.012, k.paint("metal", "white", "wood"), 6)
    return group.carry(Thing("rail", rod))


def cubicle_curtain(k: Kit) -> Thing:
    """A curtain on a rail that goes out from the wall and may turn parallel to it, as round a bed
    of a ward or a changing cabin: drawn, half drawn or gathered at the wall: a group."""
    out, along, top, low = (
        k.u(1.2, 2.2),
        k.pick([0.0, 0.0, k.u(0.6, 1.4)]),
        k.u(1.9, 2.2),
        k.u(0.25, 0.5),
    )
    paint, group, side = k.paint("curtain"), Thing(), k.pick([-1, 1])
    share = k.pick([1.0, k.u(0.5, 0.95), k.u(0.15, 0.4)])
    # cloth of `folds` hangs at y = -0.065: here turned, so that it hangs at x = 0
    wide = out * share - 0.12
    start = k.pick([0.06, out - wide - 0.06])
    cloth = Mesh().add(folds(k, wide, top, low, paint), 0.065, -start - wide / 2, yaw=np.pi / 2)
    group.carry(Thing("curtain", cloth.scaled(-1)), 0.0)
    rail = [(0, 0, top + 0.02), (0, -out, top + 0.02)]
    if along:
        rail.append((side * along, -out, top + 0.02))
        length = along * k.u(0.3, 1.0) - 0.1
        second = folds(k, length, top, low, paint)
        group.carry(Thing("curtain", second), side * (along - length / 2), 0.065 - out)
    metal = k.paint("metal", "white")
    return group.carry(Thing("rail", Mesh().tube(rail, 0.012, metal, 6)))


def bed_screen(k: Kit) -> Thing:
    """A screen on feet: two to four frames in a zigzag, with gathered cloth in them."""
    count, w, h = k.n(2, 4), k.u(0.45, 0.75), k.u(1.5, 1.85)
    paint, cloth = k.paint("metal", "white", "wood", "dark"), k.paint("curtain", "cloth", "white")
    mesh, angle, at = Mesh(), k.u(0.15, 0.6), np.zeros(2)
    for i in range(count):
        yaw = angle if i % 2 == 0 else -angle
        posts = [(0.01, 0, 0), (0.01, 0, h), (w - 0.01, 0, h), (w - 0.01, 0, 0)]
        panel = folds(k, w - 0.06, h - 0.05, k.u(0.15, 0.35), cloth).scaled(1, 0.4)
        frame = Mesh().tube(posts, 0.012, paint, 6).add(panel, w / 2, 0.026)
        mesh.add(frame, *at, yaw=yaw)
        at = at + (w + 0.01) * np.array([np.cos(yaw), np.sin(yaw)])
    return Thing("curtain", Mesh().add(mesh, *(-at / 2)))
