"""Counters of public buildings. Each public function is a family: of a `Kit` it makes a new
`Thing`, often a group."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .contents import fill_board
from .parts import feet
from .units import LABORATORY, base_cabinet, base_unit
from .vessels import loft


def reception_counter(k: Kit) -> Thing:
    """A desk to stand at: a high front and a plate over a lower one to work at, straight, bent or
    with a return."""
    w, d, h, low = k.u(1.2, 3.0), k.u(0.55, 0.85), k.u(1.0, 1.2), k.u(0.7, 0.78)
    front, top = (
        k.paint("wood", "front", "white", "panels", "stone", "lacquer"),
        k.paint("wood", "stone", "white"),
    )
    mesh, t, shelf = Mesh(), k.u(0.03, 0.12), k.u(0.25, 0.35)
    if k.chance(0.3):  # bent
        angle, r = np.linspace(-0.5, 0.5, 9) * k.u(0.6, 1.4), w * k.u(0.7, 1.0)
        for out, z0, z1, paint in ((0.0, 0.0, h - 0.04, front), (0.04, h - 0.04, h, top)):
            outer = np.stack([(r + out) * np.sin(angle), -(r + out) * np.cos(angle)], 1)
            inner = outer * ((r - (t if z0 == 0 else shelf)) / (r + out))
            plan = np.concatenate([outer, inner[::-1]]) + [0, r - d / 2]
            loft(mesh, [np.insert(plan, 2, z, axis=1) for z in (z0, z1)], paint)
    else:
        mesh.box(-w / 2, w / 2, -d / 2, t - d / 2, 0, h - 0.04, front)
        mesh.box(-w / 2 - 0.02, w / 2 + 0.02, -d / 2 - 0.06, shelf - d / 2, h - 0.04, h, top)
        mesh.box(0.03 - w / 2, w / 2 - 0.03, t - d / 2, d / 2, low - 0.03, low, top)
        mesh.pair(w / 2 - 0.03, w / 2, t - d / 2, d / 2, 0, h - 0.04, front)
        if k.chance(0.4):
            side, long = k.pick([-1, 1]), k.u(0.5, 1.1)
            x0, x1 = sorted((side * (w / 2 - 0.03), side * (w / 2 - 0.03 - t)))
            mesh.box(x0, x1, d / 2, d / 2 + long, 0, h - 0.04, front)
            x0, x1 = sorted((side * w / 2, side * (w / 2 - shelf)))
            mesh.box(x0, x1, d / 2, d / 2 + long, h - 0.04, h, top)
    return Thing("counter", mesh, [(-w / 3, w / 3, -d / 2, shelf - d / 2, h, 0.5)])


def shop_counter(k: Kit) -> Thing:
    """A counter to sell over: goods behind glass under a plate, or boards, sometimes with a screen
    of glass on top."""
    w, d, h = k.u(0.9, 2.4), k.u(0.45, 0.75), k.u(0.9, 1.25)
    body, top = (
        k.paint("wood", "white", "metal", "front"),
        k.paint("glass", "wood", "stone", "metal"),
    )
    mesh, base = Mesh(), k.u(0.08, 0.5) * h
    mesh.block(w, d, 0, base, body).block(w + 0.02, d + 0.02, h - 0.03, h, top)
    mesh.pair(w / 2 - 0.02, w / 2, -d / 2, d / 2, base, h - 0.03, k.pick([body, k.paint("glass")]))
    clear = k.chance(0.5)  # a camera sees through the glass: what is inside instead of the pane
    if not clear:
        mesh.box(0.02 - w / 2, w / 2 - 0.02, -d / 2, 0.01 - d / 2, base, h - 0.03, k.paint("glass"))
    mesh.box(0.02 - w / 2, w / 2 - 0.02, d / 2 - 0.02, d / 2, base, h - 0.03, body)
    for z in np.linspace(base, h - 0.03, k.n(2, 3))[:-1] if clear else ():
        inner = (0.03 - w / 2, w / 2 - 0.03, 0.05 - d / 2, d / 2 - 0.03, z, 0.25)
        fill_board(k, mesh, *inner, ["vases", "boxes", "lying", "none"])
    if k.chance(0.3):
        mesh.box(-w / 2, w / 2, 0.02 - d / 2, 0.03 - d / 2, h, h + k.u(0.3, 0.8), k.paint("glass"))
    return Thing("counter", mesh, [(-w / 2, w / 2, -d / 4, d / 2, h, 0.5)])


def laboratory_bench(k: Kit) -> Thing:
    """A bench of a laboratory or a treatment room: a worktop with a sink over cupboards, drawers or
    frames, often with a rack for bottles above it."""
    w, d, h = k.u(1.2, 3.0), k.u(0.6, 0.85), k.u(0.84, 0.96)
    if k.chance(0.5):
        group = base_unit(k, LABORATORY, w, d, h, k.n(0, 2) if w > 1.6 else k.n(0, 1))
    else:
        mesh = Mesh().block(w, d, h - k.u(0.02, 0.05), h, k.paint("white", "stone", "wood", "dark"))
        feet(k, mesh, w - 0.04, d - 0.04, h - 0.05)
        group = Thing(tops=[(-w / 2, w / 2, -d / 2, d / 2 - 0.3, h, 0.5)])
        face, wide = k.paint("front", "white", "metal"), k.u(0.4, 0.6)
        for x in k.pick([(-1,), (1,), (-1, 1)]):
            below = base_cabinet(k, "cabinet", wide, d - 0.1, h - 0.06, face, "slab", 1, k.n(1, 4))
            group.carry(below, x * (w / 2 - wide / 2 - 0.12))
        group.carry(Thing("counter", mesh))
    if k.chance(0.5):
        rack, frame, back = Mesh(), k.paint("metal", "white", "wood"), group.bounds()[1][1]
        high = k.u(0.3, 0.7)
        rack.pair(w * 0.42, w * 0.42 + 0.03, back - 0.03, back, 0, high, frame)
        for z in np.linspace(0.1, high, k.n(1, 2)):
            rack.box(-w * 0.45, w * 0.45, back - 0.25, back, z, z + 0.02, frame)
            board = (-w * 0.44, w * 0.44, back - 0.24, back - 0.04, z + 0.02, 0.2)
            fill_board(k, rack, *board, ["vases", "vases", "boxes", "none"])
        group.carry(Thing("shelf", rack), 0, 0, h + 0.41)
    return group


def serving_counter(k: Kit) -> Thing:
    """A counter of a canteen or a nurses' station: panels or cupboards behind, a rail or a ledge
    before it, open boards on the back."""
    w, d, h = k.u(1.2, 3.0), k.u(0.5, 0.75), k.u(0.86, 1.1)
    front, mesh = k.paint("metal", "white", "wood", "front", "wall tiles"), Mesh()
    mesh.block(w, d, h - 0.04, h, k.paint("metal", "stone", "wood", "white"))
    mesh.box(-w / 2, w / 2, 0.04 - d / 2, 0.08 - d / 2, 0.05, h - 0.04, front)
    mesh.pair(w / 2 - 0.03, w / 2, 0.08 - d / 2, d / 2, 0, h - 0.04, front)
    for z in np.linspace(0.1, h - 0.3, k.n(1, 3)):
        mesh.box(0.03 - w / 2, w / 2 - 0.03, 0.08 - d / 2, d / 2 - 0.03, z, z + 0.02, front)
        board = (0.04 - w / 2, w / 2 - 0.04, 0.1 - d / 2, d / 2 - 0.05, z + 0.02, 0.25)
        fill_board(k, mesh, *board, ["boxes", "vases", "lying", "binders", "none"])
    if k.chance(0.6):
        for y in np.arange(3) * 0.08:
            at = [(x, -d / 2 - 0.05 - y, h - 0.12) for x in (-w / 2, w / 2)]
            mesh.tube(at, 0.012, k.paint("metal"), 6)
        for x in (-w * 0.4, w * 0.4):
            mesh.box(x - 0.01, x + 0.01, -d / 2 - 0.22, 0.05 - d / 2, h - 0.16, h - 0.13, front)
    return Thing("counter", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.6)])
