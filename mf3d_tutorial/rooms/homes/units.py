"""Cabinets under a worktop, with sinks let in or not: what kitchens, washrooms and laboratories are
built of; used by the families of homes."""

from itertools import pairwise

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import fronts
from .vessels import loft, ring, tap

KITCHEN = (
    ["kitchen cabinet", "kitchen cabinet", "cabinet"],
    ["kitchen counter", "kitchen counter", "counter"],
)
BATH = (["bathroom vanity", "bathroom cabinet", "cabinet"], ["bathroom counter", "counter"])
LABORATORY = (["cabinet"], ["counter"])
Hole = tuple[float, float, float, float]  # x0, x1, y0, y1


def sink_bowl(k: Kit, w: float, d: float, z: float, paint: int) -> Mesh:
    """One or two bowls let into a plate at height z, square or rounded, a tap behind; the plate's
    rim is w wide and d deep."""
    t, deep, mesh = 0.018, k.u(0.1, 0.2), Mesh()
    count = 2 if w > 0.65 and k.chance(0.5) else 1
    round_, split = k.chance(0.4), k.u(0.4, 0.6)
    edges = [-w / 2, w / 2] if count == 1 else [-w / 2, (split - 0.5) * w, w / 2]
    for x0, x1 in pairwise(edges):
        if round_:
            power, rim = k.u(0.2, 0.8), z + 0.01
            rings = [ring(x0, x1, -d / 2, d / 2, at, 0.1) for at in (z - deep - t, rim)]
            rings.append(ring(x0 + t, x1 - t, t - d / 2, d / 2 - 0.04, rim, power))
            rings.append(ring(x0 + 0.05, x1 - 0.05, 0.05 - d / 2, d / 2 - 0.07, z - deep, power))
            loft(mesh, rings, paint)
            continue
        mesh.box(x0, x1, -d / 2, d / 2, z - deep - t, z - deep, paint)
        for side in (x0, x1 - t):
            mesh.box(side, side + t, -d / 2, d / 2, z - deep, z + 0.012, paint)
        for y in (-d / 2, d / 2 - t):
            mesh.box(x0, x1, y, y + t, z - deep, z + 0.012, paint)
    tap(k, mesh, 0 if count == 1 else edges[1], d / 2 - 0.012, z, min(0.24, d * 0.5), k.u(0.1, 0.4))
    return mesh


def drainer(k: Kit, mesh: Mesh, x0: float, x1: float, d: float, z: float, paint: int) -> None:
    """A ribbed plate beside a sink, d deep, on a worktop at height z; sometimes dishes stand on
    it."""
    mesh.box(x0, x1, -d / 2, d / 2, z, z + 0.008, paint)
    for i in range(6):
        x = x0 + (i + 0.5) / 6 * (x1 - x0)
        mesh.box(x - 0.008, x + 0.008, 0.03 - d / 2, d / 2 - 0.03, z + 0.008, z + 0.014, paint)
    for _ in range(k.n(1, 4) if k.chance(0.3) else 0):
        x, y, r = k.u(x0 + 0.06, x1 - 0.06), k.u(-0.3, 0.3) * d, k.u(0.03, 0.06)
        mesh.post(x, y, z + 0.01, z + k.u(0.08, 0.2), r, k.paint("white", "plastic", "glass"))


def worktop(
    k: Kit, label: str, w: float, d: float, z0: float, z: float, holes: list[Hole]
) -> Thing:
    """A plate from z0 to z around holes, which are sorted by x."""
    paint, thing, start = k.paint("stone", "stone", "wood", "white", "dark"), Thing(label), -w / 2
    for x0, x1, y0, y1 in [*holes, (w / 2, w / 2, 0, 0)]:
        if x0 > start:
            thing.mesh.box(start, x0, -d / 2, d / 2, z0, z, paint)
            thing.tops.append((start, x0, 0.02 - d / 2, d / 2 - 0.03, z, 0.42))
        if x1 > x0:
            thing.mesh.box(x0, x1, -d / 2, y0, z0, z, paint)
            thing.mesh.box(x0, x1, y1, d / 2, z0, z, paint)
        start = x1
    if k.chance(0.3):
        thing.mesh.box(-w / 2, w / 2, d / 2 - 0.02, d / 2, z, z + k.u(0.06, 0.4), paint)
    return thing


def base_cabinet(
    k: Kit,
    label: str,
    w: float,
    d: float,
    h: float,
    face: int,
    style: str,
    columns: int,
    rows: int,
    sunk: float = 0.0,
) -> Thing:
    """A cabinet on a plinth, its fronts at y = -d / 2, without a worktop; its upper `sunk` metres
    are panels round an empty space for basins."""
    cabinet, foot, top = Thing(label), k.u(0.03, 0.15), h
    body, h = k.pick([face, k.paint("white")]), h - sunk
    if sunk:
        cabinet.mesh.box(-w / 2, w / 2, 0.004 - d / 2, 0.02 - d / 2, h, top, face)
        cabinet.mesh.pair(w / 2 - 0.016, w / 2, 0.02 - d / 2, d / 2, h, top, body)
    cabinet.mesh.box(-w / 2, w / 2, 0.02 - d / 2, d / 2, foot, h, body)
    cabinet.mesh.box(-w / 2, w / 2, 0.08 - d / 2, d / 2, 0, foot, k.paint("dark", "white"))
    fronts(k, cabinet.mesh, w, 0.002 - d / 2, foot, h, columns, rows, face, style)
    return cabinet


def base_unit(
    k: Kit, labels: tuple[list, list], w: float, d: float, h: float, basins: int
) -> Thing:
    """Cabinets under a worktop, with some basins let in side by side: a group of instances. The
    sink of a wide kitchen unit may have a drainer."""
    sunk, thick = 0.24 if basins else 0.0, k.u(0.02, 0.06)
    face, style = k.paint("front", "front", "wood", "white"), k.pick(["slab", "slab", "framed"])
    columns = max(1, round(w / k.u(0.35, 0.65)))
    name, style = k.pick(labels[0]), k.pick([style, style, "glass"])
    cabinet = base_cabinet(
        k, name, w, d, h - thick, face, style, columns, k.n(1, 3), max(0.0, sunk - thick)
    )
    front, holes, sinks = d + k.u(0.0, 0.05), [], []
    long, each = front - k.u(0.14, 0.22), w / max(1, basins)
    wide, paint = min(k.u(0.4, 0.95), each - 0.16), k.paint("metal", "metal", "white", "stone")
    for i in range(basins):
        x = (i + 0.5) * each - w / 2 + (k.u(-0.5, 0.5) * (w - wide - 0.1) if basins == 1 else 0)
        holes.append((x - wide / 2, x + wide / 2, -long / 2 - 0.01, long / 2 - 0.01))
        bowl, side = sink_bowl(k, wide - 0.004, long - 0.004, h, paint), k.pick([-1, 1])
        ends = sorted((x + side * wide / 2, side * (w / 2 - 0.03)))
        if labels is KITCHEN and basins == 1 and ends[1] - ends[0] > 0.3 and k.chance(0.6):
            a, b = (end - x for end in ends)
            if side > 0:
                b = min(b, a + 0.6)
            else:
                a = max(a, b - 0.6)
            drainer(k, bowl, a, b, long - 0.02, h, paint)
        sinks.append((Thing("sink", bowl), x, -0.01))
    top = worktop(k, k.pick(labels[1]), w, front, h - thick, h, holes)
    for sink, x, y in sinks:
        top.carry(sink, x, y)
    return Thing(tops=top.tops).carry(cabinet, 0, (front - d) / 2).carry(top)


def high_cabinet_row(k: Kit, w: float, d: float, labels: list[str]) -> Thing:
    """Wall cupboards w wide over a unit d deep, their lower edge at height 0."""
    deep, tall, high = k.u(0.28, 0.4), k.u(0.4, 0.9), Thing(k.pick(labels))
    face, style = k.paint("front", "front", "white", "wood"), k.pick(["slab", "framed", "glass"])
    high.mesh.box(-w / 2, w / 2, d / 2 - deep, d / 2, 0, tall, face)
    columns = max(1, round(w / k.u(0.35, 0.6)))
    fronts(k, high.mesh, w, d / 2 - deep - 0.018, 0, tall, columns, k.pick([1, 1, 2]), face, style)
    return high
