"""Sofas of halls, waiting rooms and small flats. Each public function is a family: of a `Kit` it
makes a new `Thing`."""

from itertools import pairwise

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import pallets, plate


def _cloth(k: Kit) -> int:
    return k.paint("fabric", "fabric", "cloth", "leather")


def _cushions(k: Kit, mesh: Mesh, x0: float, x1: float, y: float, z: float, cloth: int) -> None:
    """Loose cushions in a row before a back at depth y, on a seat of height z."""
    n = max(1, round((x1 - x0) / k.u(0.4, 0.75)))
    tall, thick, power = k.u(0.3, 0.5), k.u(0.1, 0.2), k.u(0.25, 0.6)
    for i in range(n):
        if k.chance(0.1):
            continue
        a, b = x0 + (x1 - x0) * i / n, x0 + (x1 - x0) * (i + 1) / n
        paint = cloth if k.chance(0.7) else k.paint("cloth", "fabric")
        one = Mesh().soft(0.01, b - a - 0.01, -thick, 0, 0, tall, paint, power)
        lean = k.u(0.0, 0.25)
        mesh.add(one, a, y - tall * np.sin(lean), z, pitch=-lean)


def modular_sofa(k: Kit) -> Thing:
    """Low blocks side by side, some without a back, some coming forward: it may be an L or a U."""
    n, each, d = k.n(2, 4), k.u(0.6, 0.95), k.u(0.75, 1.0)
    n = min(n, int(3.2 / each))
    h, top, cloth, mesh = k.u(0.36, 0.46), k.u(0.6, 0.85), _cloth(k), Mesh()
    back, power, foot = k.u(0.12, 0.28), k.u(0.22, 0.45), k.pick([0.0, 0.02, k.u(0.05, 0.12)])
    ends = k.pick([(), (-1,), (1,), (-1, 1)])
    forward = k.pick([(), (), (0,), (n - 1,), (0, n - 1) if n > 3 else ()])
    bare = k.n(0, n - 1) if k.chance(0.25) and n > 2 else -1
    for i in range(n):
        a = (i - n / 2) * each
        b, x = a + each - 0.008, a + each / 2
        front = -d / 2 - (k.u(0.4, 0.9) if i in forward else 0)
        mesh.soft(a, b, front, d / 2, foot, h - 0.12, cloth, 0.15)
        mesh.soft(a, b, front, d / 2 - (0 if i == bare else back), h - 0.16, h, cloth, power)
        if i != bare:
            mesh.soft(a, b, d / 2 - back, d / 2, foot, top, cloth, power * 0.7)
        for y in (front + 0.1, d / 2 - 0.1) if foot > 0.04 else ():
            mesh.post(x - each * 0.35, y, 0, foot, 0.02, k.paint("dark", "wood"))
            mesh.post(x + each * 0.35, y, 0, foot, 0.02, k.paint("dark", "wood"))
    for side in ends:
        x0, x1 = sorted((side * n * each / 2, side * (n * each / 2 + k.u(0.12, 0.28))))
        mesh.soft(x0, x1, -d / 2, d / 2, foot, h + k.u(0.1, top - h), cloth, power * 0.7)
    if k.chance(0.6):
        _cushions(k, mesh, -n * each / 2 + 0.05, n * each / 2 - 0.05, d / 2 - back, h - 0.01, cloth)
    w = n * each
    return Thing(
        "couch", mesh, [(0.05 - w / 2, w / 2 - 0.05, 0.1 - d / 2, d / 2 - back - 0.15, h, 0.6)]
    )


def lobby_sofa(k: Kit) -> Thing:
    """Tight pads on a slim frame of metal or wood, with or without arms: lobbies, waiting rooms."""
    seats, each, d = k.n(2, 4), k.u(0.5, 0.75), k.u(0.6, 0.8)
    w, h, top, cloth = seats * each, k.u(0.38, 0.46), k.u(0.65, 0.85), _cloth(k)
    steel, mesh, thick = k.paint("metal", "dark", "wood", "white"), Mesh(), k.u(0.09, 0.16)
    kind, low = k.pick(["posts", "skids", "beam"]), h - thick - 0.03
    mesh.box(0.02 - w / 2, w / 2 - 0.02, 0.03 - d / 2, d / 2 - 0.03, low, h - thick, steel)
    for x in np.linspace(-1, 1, 2 if seats < 4 else 3) * (w / 2 - 0.08):
        y = d / 2 - 0.06
        if kind == "skids":
            mesh.tube([(x, -y, low), (x, -y, 0.015), (x, y, 0.015), (x, y, low)], 0.018, steel, 4)
        elif kind == "posts":
            mesh.post(x, -y, 0, low, 0.02, steel).post(x, y, 0, low, 0.02, steel)
        else:
            mesh.tube([(x, -y, 0.02), (x, y, 0.02)], 0.025, steel, 4).post(
                x, 0, 0.02, low, 0.03, steel
            )
    rear, power, lean = d / 2 - 0.14, k.u(0.15, 0.3), k.u(0.05, 0.25)
    parts, gap = (1, 0.0) if k.chance(0.25) else (seats, k.pick([0.004, 0.02, 0.05]))
    for i in range(parts):
        a, b = -w / 2 + w * i / parts + gap, -w / 2 + w * (i + 1) / parts - gap
        mesh.soft(a, b, -d / 2, d / 2 - 0.04, h - thick, h, cloth, power)
        pad = Mesh().soft(a, b, -0.05, 0.07, k.pick([-0.02, 0.08]), top - h, cloth, power)
        mesh.add(pad, 0, rear, h, pitch=-lean)
        up = (top - h) * 0.6
        for x in (a + 0.2 * (b - a), a + 0.8 * (b - a)):
            y = rear + 0.07
            mesh.tube([(x, y, low), (x, y + 0.01, h), (x, y + up * lean, h + up)], 0.012, steel, 6)
    for x in (-w / 2, w / 2) if k.chance(0.6) else ():
        rise = h + k.u(0.14, 0.22)
        if k.chance(0.5):
            path = [(x, 0.1 - d / 2, low), (x, 0.1 - d / 2, rise), (x, rear, rise), (x, rear, low)]
            mesh.tube(path, 0.016, steel, 6)
            mesh.box(
                x - 0.03, x + 0.03, 0.08 - d / 2, rear, rise, rise + 0.02, k.pick([steel, cloth])
            )
        else:
            mesh.soft(x - 0.06, x + 0.06, -d / 2, rear + 0.1, low, rise, cloth, 0.2)
    return Thing("couch", mesh, [(0.08 - w / 2, w / 2 - 0.08, 0.08 - d / 2, rear - 0.14, h, 0.6)])


def slatted_sofa(k: Kit) -> Thing:
    """A wooden or metal frame with slats or bars and loose cushions: futons, porch seats."""
    w, d, h, top = k.u(1.1, 2.1), k.u(0.65, 0.9), k.u(0.3, 0.42), k.u(0.65, 0.9)
    wood, cloth, mesh, thick = (
        k.paint("wood", "wood", "white", "metal", "dark"),
        _cloth(k),
        Mesh(),
        k.u(0.09, 0.18),
    )
    base, y, post = h - thick, d / 2 - 0.05, k.u(0.04, 0.08)
    mesh.box(-w / 2, w / 2, -y, y, base - 0.06, base, wood)
    arm = h + k.u(0.14, 0.26)
    for side in (-1, 1):
        x0, x1 = sorted((side * w / 2, side * (w / 2 + post)))
        mesh.box(x0, x1, -y, post - y, 0, arm, wood).box(x0, x1, y - post, y, 0, top, wood)
        mesh.box(x0 - 0.015, x1 + 0.015, -y - 0.02, y, arm, arm + 0.03, wood)
        for t in np.linspace(post - y, y - post, k.n(2, 7))[1:-1]:
            mesh.box(x0 + 0.01, x1 - 0.01, t - 0.012, t + 0.012, base, arm, wood)
    mesh.box(-w / 2, w / 2, y - 0.03, y, top - 0.08, top, wood)
    for x in np.linspace(-w / 2, w / 2, k.n(5, 12))[1:-1]:
        mesh.box(x - 0.02, x + 0.02, y - 0.025, y - 0.005, base, top - 0.08, wood)
    n = k.pick([1, max(2, round(w / 0.65))])
    for i in range(n):
        a, b = -w / 2 + w * i / n + 0.005, -w / 2 + w * (i + 1) / n - 0.005
        mesh.soft(a, b, -y, y - 0.03, base, h, cloth, 0.2)
        pad = Mesh().soft(a, b, -thick, 0, 0, k.u(0.3, 0.48), cloth, 0.25)
        mesh.add(pad, 0, y - 0.04, h - 0.01, pitch=-k.u(0.02, 0.2))
    return Thing("couch", mesh, [(0.05 - w / 2, w / 2 - 0.05, 0.08 - y, y - thick - 0.15, h, 0.6)])


def button_sofa(k: Kit) -> Thing:
    """An old-fashioned sofa: rolled arms as high as its back or a back with a hump, turned feet,
    a seat of one piece."""
    w, d, h, top = k.u(1.3, 2.2), k.u(0.75, 0.95), k.u(0.4, 0.48), k.u(0.7, 1.0)
    cloth, wood, mesh, arm = _cloth(k), k.paint("wood", "dark"), Mesh(), k.u(0.14, 0.24)
    even, hump, foot, inner = k.chance(0.4), k.u(0.0, 0.18), k.u(0.06, 0.18), w / 2
    mesh.box(-inner, inner, 0.03 - d / 2, d / 2, foot, h - 0.12, cloth)
    mesh.soft(-inner, inner, -d / 2, d / 2 - 0.15, h - 0.14, h, cloth, 0.3)
    n = 12
    for i in range(n):  # the back, higher in its middle
        a, b = -inner + w * i / n, -inner + w * (i + 1) / n
        rise = top - (0 if even else hump * (2 * (i + 0.5) / n - 1) ** 2)
        mesh.soft(a - 0.02, b + 0.02, d / 2 - 0.17, d / 2, foot, rise, cloth, 0.3)
    high = top if even else h + k.u(0.15, 0.25)
    for side in (-1, 1):
        x0, x1 = sorted((side * inner, side * (inner + arm)))
        mesh.box(x0 + 0.02, x1 - 0.02, 0.03 - d / 2, d / 2 - 0.03, foot, high - 0.08, cloth)
        mesh.soft(x0 - 0.02, x1 + 0.02, -d / 2, d / 2, high - 0.2, high, cloth, 0.8)
        for y in (0.07 - d / 2, d / 2 - 0.07):
            mesh.turned(side * (inner + arm / 2), y, [(0.02, 0), (0.035, foot)], wood, 10)
    if k.chance(0.5):
        _cushions(k, mesh, 0.05 - inner, inner - 0.05, d / 2 - 0.16, h - 0.01, cloth)
    return Thing("couch", mesh, [(0.08 - inner, inner - 0.08, 0.1 - d / 2, d / 2 - 0.34, h, 0.6)])


def lounger(k: Kit) -> Thing:
    """A couch to lie on: one raised end, a mattress with bolsters, a low back or none."""
    w, d, h = k.u(1.6, 2.05), k.u(0.65, 0.95), k.u(0.36, 0.48)
    cloth, wood, mesh, thick = _cloth(k), k.paint("wood", "metal", "dark"), Mesh(), k.u(0.1, 0.2)
    low, kind = h - thick, k.pick(["end", "bolsters", "back", "back"])
    mesh.box(
        0.02 - w / 2,
        w / 2 - 0.02,
        0.02 - d / 2,
        d / 2 - 0.02,
        low - 0.06,
        low,
        k.pick([wood, cloth]),
    )
    for x in (0.08 - w / 2, w / 2 - 0.08):
        for y in (0.07 - d / 2, d / 2 - 0.07):
            mesh.turned(x, y, [(0.014, 0), (0.026, low - 0.05)], wood, 8)
    parts = k.n(1, 3)
    for i in range(parts):
        a = -w / 2 + w * i / parts
        mesh.soft(a + 0.003, a + w / parts - 0.003, -d / 2, d / 2, low, h, cloth, 0.2)
    if kind == "end":
        side = Mesh().soft(-0.08, 0.06, -d / 2, d / 2, -0.05, k.u(0.28, 0.45), cloth, 0.3)
        mesh.add(side, -w / 2 + 0.05, 0, h, roll=-k.u(0.1, 0.5))
    if kind != "back":
        r = k.u(0.07, 0.11)
        for x in k.pick([(-1,), (1,), (-1, 1)]):
            roll = Mesh().turned(0, 0, [(r, -d * 0.45), (r, d * 0.45)], cloth, 14)
            mesh.add(roll, x * (w / 2 - r - 0.1), 0, h + r - 0.01, pitch=np.pi / 2)
    else:
        long = w * k.u(0.4, 1.0)
        mesh.soft(w / 2 - long, w / 2, d / 2 - 0.14, d / 2, low, h + k.u(0.2, 0.4), cloth, 0.25)
        _cushions(k, mesh, w / 2 - long, w / 2, d / 2 - 0.14, h - 0.01, cloth)
    rest = d / 2 - (0.36 if kind == "back" else 0.05)
    return Thing("couch", mesh, [(0.3 - w / 2, w / 2 - 0.3, 0.05 - d / 2, rest, h, 0.6)])


def cushion_bench(k: Kit) -> Thing:
    """A bench along a wall, a box, boards on legs or pallets, with cushions to sit and lean on."""
    w, d, h = k.u(1.1, 2.8), k.u(0.42, 0.85), k.u(0.3, 0.46)
    wood, cloth, mesh = k.paint("wood", "wood", "white", "lacquer"), _cloth(k), Mesh()
    kind, thick = k.pick(["box", "legs", "pallets"]), k.u(0.05, 0.16)
    low = h - thick
    if kind == "box":
        mesh.box(-w / 2, w / 2, -d / 2, d / 2, 0, low, wood)
        n = max(1, round(w / 0.7))
        for i in range(n):
            a = -w / 2 + w * i / n
            mesh.box(a + 0.01, a + w / n - 0.01, -d / 2 - 0.015, -d / 2, 0.03, low - 0.02, wood)
    elif kind == "legs":
        mesh.box(-w / 2, w / 2, -d / 2, d / 2, low - 0.04, low, wood)
        for x in np.linspace(0.06 - w / 2, w / 2 - 0.06, 2 if w < 1.8 else 3):
            mesh.box(x - 0.03, x + 0.03, 0.03 - d / 2, d / 2 - 0.03, 0, low - 0.04, wood)
    else:
        pallets(mesh, w, d, low, wood)
    n, top, back = max(1, round(w / k.u(0.5, 1.0))), k.u(0.65, 1.1), k.chance(0.4)
    for i in range(n):
        a = -w / 2 + w * i / n
        mesh.soft(
            a + 0.004, a + w / n - 0.004, -d / 2, d / 2 - 0.02, low, h, cloth, k.u(0.15, 0.35)
        )
    if back:
        high = k.paint("wood", "fabric", "leather")
        for i in range(n):
            a = -w / 2 + w * i / n
            mesh.soft(a, a + w / n - 0.006, d / 2 - 0.02, d / 2 + 0.07, 0.0, top, high, 0.15)
    if back or k.chance(0.8):
        _cushions(k, mesh, -w / 2, w / 2, d / 2 - 0.03, h - 0.005, cloth)
    rest = d / 2 - 0.3
    tops = [(-w / 2, w / 2, -d / 2, rest, h, 0.6)] if rest > 0.05 else []
    return Thing("couch", mesh, tops)


def round_sofa(k: Kit) -> Thing:
    """A sofa around a part of a circle, with a back along its outer side or without."""
    r, wide, h = k.u(0.9, 1.4), k.u(0.5, 0.7), k.u(0.38, 0.46)
    span, cloth, mesh = k.u(0.9, 1.5), _cloth(k), Mesh()
    top, foot, base = h + k.u(0.2, 0.4), 0.0, k.chance(0.8)
    cuts = np.linspace(np.pi / 2 - span / 2 * 1.2, np.pi / 2 + span / 2 * 1.2, 9)
    for a, b in pairwise(cuts):
        for inner, outer, low, high in ((r - wide, r, foot, h),) + (
            ((r - 0.02, r + 0.14, foot, top),) if base else ()
        ):
            ring = [(inner, a), (outer, a), (outer, b), (inner, b)]
            plate(mesh, [(q * np.cos(t), q * np.sin(t) - r) for q, t in ring], low, high, cloth)
    return Thing("couch", mesh)
