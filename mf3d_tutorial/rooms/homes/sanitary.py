"""Toilets, basins and what stands beside them. Each public function is a family: of a `Kit` it
makes a new `Thing`, often a group."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import feet
from .units import BATH, base_cabinet, base_unit, sink_bowl, worktop
from .vessels import loft, ring, tap


def washstand(k: Kit) -> Thing:
    """A bathroom cabinet with a basin let into its top."""
    return base_unit(k, BATH, k.u(0.6, 1.5), k.u(0.42, 0.58), k.u(0.76, 0.92), 1)


def _bowl(k: Kit, mesh: Mesh, w: float, d: float, z: float, paint: int, depth: float) -> None:
    """A basin from z - depth to z around x = y = 0, oval to rectangular, its rim wider at the
    back."""
    power, t, back = k.pick([1.0, 0.7, 0.35, 0.15]), k.u(0.015, 0.04), k.u(0.04, 0.12)
    low, slim = z - depth, k.u(0.5, 0.95)
    rings = [
        ring(-w * slim * 0.4, w * slim * 0.4, -d * 0.35, d / 2 - 0.01, low, power),
        ring(-w / 2, w / 2, -d / 2, d / 2, z - depth * k.u(0.1, 0.6), power),
        ring(-w / 2, w / 2, -d / 2, d / 2, z, power),
        ring(t - w / 2, w / 2 - t, t - d / 2, d / 2 - min(back, d * 0.3), z, power),
        ring(-w * 0.35, w * 0.35, -d * 0.33, d / 2 - back - 0.03, z - depth * 0.7, power),
    ]
    loft(mesh, rings, paint)


def bowl_basin(k: Kit) -> Thing:
    """A round or oval basin on a column, on the wall, or on a shelf."""
    w, d, h = k.u(0.36, 0.65), k.u(0.34, 0.5), k.u(0.78, 0.92)
    white = k.paint("white", "white", "stone", "lacquer")
    profile = [(0.15, -0.16), (0.46, -0.06), (0.5, 0), (0.45, 0), (0.3, -0.1), (0.05, -0.12)]
    mesh = Mesh().add(Mesh().turned(0, 0, profile, white, 20).scaled(w, d, 1), 0, 0, h)
    tap(k, mesh, 0, d / 2 - 0.03, h, 0.15, k.u(0.1, 0.25))
    kind = k.pick(["column", "wall", "shelf"])
    if kind == "column":
        mesh.turned(0, 0.04, [(0.11, 0), (0.07, 0.4), (0.1, h - 0.12)], white)
    elif kind == "shelf":
        mesh.block(w + k.u(0.1, 0.4), d + 0.06, h - 0.2, h - 0.15, k.paint("wood", "stone"))
    return Thing("sink", mesh)


def wall_basin(k: Kit) -> Thing:
    """A basin on the wall, from a hand basin to a wide one: with a trap, half a column, a whole
    one, or a cupboard below it."""
    w = k.pick([k.u(0.28, 0.42), k.u(0.45, 0.7), k.u(0.7, 1.0)])
    d, h, depth = min(w * k.u(0.65, 0.9), 0.52), k.u(0.76, 0.94), k.u(0.1, 0.2)
    white, mesh = k.paint("white", "white", "white", "stone", "lacquer"), Mesh()
    _bowl(k, mesh, w, d, h, white, depth)
    tap(k, mesh, k.pick([0, 0, w * 0.25]), d / 2 - 0.03, h, d * 0.4, k.u(0.06, 0.2))
    kind, low = k.pick(["trap", "trap", "half", "column", "cupboard"]), h - depth
    if kind == "trap":
        steel = k.paint("metal", "white", "dark")
        line = [(0, 0, low), (0, 0, low - 0.12), (0, d / 2, low - 0.12)]
        mesh.tube(line, 0.018, steel, 6).post(0, 0, low - 0.18, low - 0.08, 0.035, steel)
    elif kind == "cupboard":
        unit = Mesh().box(-w * 0.45, w * 0.45, 0.06 - d / 2, d / 2, k.u(0.05, 0.4), low - 0.004, 0)
        face = [(v, f, k.paint("front", "wood", "white")) for v, f, _ in unit.parts]
        return Thing().carry(Thing(k.pick(BATH[0]), Mesh(face))).carry(Thing("sink", mesh))
    else:
        r, foot = k.u(0.07, 0.12), 0.0 if kind == "column" else low - k.u(0.25, 0.4)
        levels = [(foot, 1.0), (foot + 0.15, 0.75), (low + 0.02, 1.2)]
        loft(mesh, [ring(-r * s, r * s, -r * s, d / 2 - 0.01, z, 0.8) for z, s in levels], white)
    return Thing("sink", mesh)


def trough(k: Kit) -> Thing:
    """One long basin with several taps, of stone, steel or ceramics, on brackets, legs or a
    plinth."""
    w, d, h, deep = k.u(1.0, 2.6), k.u(0.38, 0.55), k.u(0.7, 0.95), k.u(0.14, 0.3)
    paint, mesh = k.paint("white", "metal", "stone", "white"), Mesh()
    rim = [ring(-w / 2, w / 2, -d / 2, d / 2, z, 0.05) for z in (h - deep, h)]
    t, back = k.u(0.02, 0.05), k.u(0.05, 0.1)
    rim.append(ring(t - w / 2, w / 2 - t, t - d / 2, d / 2 - back, h, 0.1))
    rim.append(
        ring(2 * t - w / 2, w / 2 - 2 * t, 2 * t - d / 2, d / 2 - back - t, h - deep + 0.03, 0.1)
    )
    loft(mesh, rim, paint)
    count = max(2, round(w / k.u(0.5, 0.8)))
    for i in range(count):
        tap(k, mesh, ((i + 0.5) / count - 0.5) * w, d / 2 - back / 2, h, d * 0.35, k.u(0.08, 0.25))
    under = k.pick(["brackets", "legs", "plinth"])
    if under == "legs":
        feet(k, mesh, w, d, h - deep)
    elif under == "plinth":
        mesh.block(w * 0.9, d * 0.6, 0, h - deep, k.paint("wall tiles", "white", "stone"))
    else:
        mesh.pair(w * 0.3, w * 0.3 + 0.05, -d * 0.2, d / 2, h - deep - 0.12, h - deep, paint)
    if k.chance(0.4):
        splash = k.paint("metal", "white", "wall tiles")
        mesh.box(-w / 2, w / 2, d / 2 - 0.02, d / 2, h, h + k.u(0.1, 0.4), splash)
    return Thing("sink", mesh)


def basin_row(k: Kit) -> Thing:
    """Two to four sinks in one counter: over cupboards, on panels, or on brackets."""
    count, each, d, h = k.n(2, 4), k.u(0.6, 0.85), k.u(0.45, 0.6), k.u(0.78, 0.92)
    w = count * each
    if k.chance(0.4):
        return base_unit(k, BATH, w, d, h, count)
    bowl, long, apron = each - k.u(0.15, 0.25), d - k.u(0.12, 0.18), k.u(0.05, 0.2)
    middles = (np.arange(count) + 0.5) * each - w / 2
    holes = [(x - bowl / 2, x + bowl / 2, -long / 2 - 0.01, long / 2 - 0.01) for x in middles]
    top, paint = (
        worktop(k, k.pick(BATH[1]), w, d, h - 0.04, h, holes),
        k.paint("white", "metal", "stone"),
    )
    panel = top.mesh.parts[0][2]
    top.mesh.box(-w / 2, w / 2, -d / 2, 0.02 - d / 2, h - 0.04 - apron, h - 0.04, panel)
    if k.chance(0.5):
        top.mesh.pair(w / 2 - 0.03, w / 2, 0.02 - d / 2, d / 2, 0, h - 0.04, panel)
    for x in middles:
        sink = sink_bowl(k, bowl - 0.004, long - 0.004, h, paint)
        top.carry(Thing("sink", sink), x, -0.01)
    return Thing(tops=top.tops).carry(top)


def utility_sink(k: Kit) -> Thing:
    """A deep sink for buckets and laundry: on legs, on the wall near the floor, or on a low
    base."""
    w, d, deep = k.u(0.4, 0.75), k.u(0.38, 0.55), k.u(0.22, 0.38)
    h = k.pick([k.u(0.78, 0.92), k.u(0.45, 0.65)])
    paint, mesh, t = k.paint("white", "metal", "stone"), Mesh(), 0.02
    rings = [ring(-w / 2, w / 2, -d / 2, d / 2, z, 0.1) for z in (h - deep, h)]
    rings.append(ring(t - w / 2, w / 2 - t, t - d / 2, d / 2 - t, h, 0.15))
    rings.append(ring(0.05 - w / 2, w / 2 - 0.05, 0.05 - d / 2, d / 2 - 0.05, h - deep + 0.03, 0.3))
    loft(mesh, rings, paint)
    mesh.box(-w / 2, w / 2, d / 2 - 0.015, d / 2, h, h + k.u(0.05, 0.3), paint)
    tap(k, mesh, 0, d / 2 - 0.03, h + 0.05, d * 0.4, k.u(0.15, 0.35))
    if k.chance(0.6):
        feet(k, mesh, w, d, h - deep)
    else:
        mesh.block(w * 0.8, d * 0.7, 0, h - deep, k.paint("wall tiles", "white", "metal"))
    if k.chance(0.4):  # a grate that folds down
        for x in np.linspace(0.05 - w / 2, w / 2 - 0.05, 7):
            mesh.tube([(x, 0.02 - d / 2, h + 0.01), (x, d / 2 - 0.05, h + 0.01)], 0.006, paint, 6)
    return Thing("sink", mesh)


def urinal(k: Kit) -> Thing:
    """A urinal on the wall, sometimes with a board beside it."""
    w, d, low, high = k.u(0.3, 0.4), k.u(0.28, 0.38), k.u(0.3, 0.55), k.u(0.85, 1.15)
    mesh, white, power = Mesh(), k.paint("white", "white", "metal"), k.u(0.5, 1.0)
    back, lip = d / 2, low + k.u(0.2, 0.3)
    rings = [
        ring(-w * 0.25, w * 0.25, back - d * 0.5, back, low, power),
        ring(-w / 2, w / 2, -d / 2, back, lip - 0.05, power),
        ring(-w / 2, w / 2, -d / 2, back, lip, power),
        ring(-w * 0.38, w * 0.38, 0.05 - d / 2, back - 0.08, lip, power),
        ring(-w * 0.25, w * 0.25, 0.1 - d / 2, back - 0.1, low + 0.1, power),
    ]
    loft(mesh, rings, white)
    mesh.soft(-w / 2, w / 2, back - 0.09, back, lip - 0.05, high, white, 0.3)
    mesh.post(0, back - 0.05, high, high + 0.15, 0.015, k.paint("metal"))
    return Thing("urinal", mesh)


def towel_radiator(k: Kit) -> Thing:
    """Bars between two posts on a wall, sometimes with a towel over them."""
    w, low, high = k.u(0.4, 0.7), k.u(0.2, 0.7), k.u(1.3, 1.9)
    paint, mesh = k.paint("white", "metal", "dark"), Mesh()
    mesh.pair(w / 2 - 0.03, w / 2, -0.08, -0.04, low, high, paint)
    for z in np.arange(low + 0.05, high, k.u(0.06, 0.12)):
        mesh.tube([(-w / 2, -0.06, z), (w / 2, -0.06, z)], 0.012, paint, 6)
    if k.chance(0.4):
        cloth, z = k.paint("cloth", "white"), low + 0.4
        mesh.soft(-w * 0.35, w * 0.3, -0.11, -0.03, z, z + 0.5, cloth, 0.3)
    return Thing("radiator", mesh)


def vessel_basin(k: Kit) -> Thing:
    """One or two bowls that stand on a plate over a cupboard, a table's frame, or nothing: a
    group."""
    count, d, h = k.pick([1, 1, 2]), k.u(0.42, 0.58), k.u(0.68, 0.85)
    w, t = count * k.u(0.55, 0.9), k.u(0.02, 0.08)
    top, tall = worktop(k, k.pick(BATH[1]), w, d, h - t, h, []), k.u(0.09, 0.17)
    bowl_w, bowl_d = min(k.u(0.34, 0.6), w / count - 0.08), k.u(0.3, 0.4)
    white, under = (
        k.paint("white", "white", "stone", "lacquer", "metal"),
        k.pick(["cupboard", "frame", "wall"]),
    )
    for i in range(count):
        mesh = Mesh()
        _bowl(k, mesh, bowl_w, bowl_d, tall, white, tall)
        if k.chance(0.5):
            tap(k, mesh, 0, bowl_d / 2 - 0.03, tall, bowl_d * 0.4, 0.12)
        top.carry(Thing("sink", mesh), ((i + 0.5) / count - 0.5) * w, -0.02, h)
    if k.chance(0.5):
        x = k.u(-0.4, 0.4) * w
        top.mesh.post(
            x, d / 2 - 0.03, h, h + tall + k.u(0.05, 0.15), 0.014, k.paint("metal", "dark")
        )
    group = Thing(tops=top.tops).carry(top)
    if under == "cupboard":
        face, name = k.paint("front", "wood", "white"), k.pick(BATH[0])
        sizes = (w - k.u(0, 0.1), d - 0.02, h - t)
        columns = max(1, round(w / 0.45))
        group.carry(
            base_cabinet(k, name, *sizes, face, k.pick(["slab", "framed"]), columns, k.n(1, 2))
        )
    elif under == "frame":
        feet(k, top.mesh, w, d, h - t)
        top.mesh.block(w - 0.08, d - 0.08, 0.2, 0.22, k.paint("wood", "metal"))
    return group


def steel_sink(k: Kit) -> Thing:
    """A sink of a canteen's kitchen: one or two deep bowls and a drainer in one table of steel on
    legs, with a board below."""
    w, d, h, count = k.u(0.8, 1.9), k.u(0.5, 0.7), k.u(0.84, 0.95), k.n(1, 2)
    steel, mesh, deep = k.paint("metal", "metal", "white"), Mesh(), k.u(0.2, 0.3)
    wide, side = min(k.u(0.4, 0.55), w / count - 0.1), k.pick([-1, 1])
    edge = side * (w / 2 - 0.05)
    for i in range(count):
        x0, x1 = sorted((edge - side * i * wide, edge - side * (i + 1) * wide))
        rings = [ring(x0, x1, 0.05 - d / 2, d / 2 - 0.09, z, 0.1) for z in (h - deep, h)]
        rings += [
            ring(x0 + 0.02, x1 - 0.02, 0.07 - d / 2, d / 2 - 0.11, z, 0.15)
            for z in (h, h - deep + 0.02)
        ]
        loft(mesh, rings, steel)
    bowls = sorted((edge, edge - side * count * wide))
    for a, b, y0, y1 in (
        (-w / 2, bowls[0], -d / 2, d / 2),
        (bowls[1], w / 2, -d / 2, d / 2),
        (*bowls, -d / 2, 0.05 - d / 2),
        (*bowls, d / 2 - 0.09, d / 2),
    ):
        mesh.box(a, b, y0, y1, h - 0.04, h, steel)
    mesh.box(-w / 2, w / 2, d / 2 - 0.02, d / 2, h, h + k.u(0.03, 0.3), steel)
    tap(k, mesh, (bowls[0] + bowls[1]) / 2, d / 2 - 0.05, h, 0.22, k.u(0.2, 0.4))
    feet(k, mesh, w, d, h - 0.04)
    if k.chance(0.6):
        mesh.block(w - 0.1, d - 0.1, 0.15, 0.17, steel)
    return Thing("sink", mesh)
