"""Large furniture: parametric families of seats, tables, beds and storage, and the appliances that stand among them.

Every family is a function of a `Kit` that returns a new `Thing` each time it is called.
"""

import numpy as np

from .kit import Kit, Thing
from .mesh import Mesh


def _legs(k: Kit, mesh: Mesh, w: float, d: float, h: float, material: int, thick: float, inset: float = 0.0) -> None:
    """Four legs under a w x d plate whose underside is at height h: round or square."""
    round_leg, x, y = k.chance(0.4), w / 2 - thick / 2 - inset, d / 2 - thick / 2 - inset
    for sx in (-1, 1):
        for sy in (-1, 1):
            if round_leg:
                mesh.post(sx * x, sy * y, 0, h, thick / 2 * k.u(0.7, 1), material, thick / 2)
            else:
                mesh.box(sx * x - thick / 2, sx * x + thick / 2, sy * y - thick / 2, sy * y + thick / 2, 0, h, material)


def chair(k: Kit, label: str = "chair") -> Thing:
    """Side chair: plate or cushion on four legs, a frame or a pedestal; solid or slatted back; sometimes arms."""
    w, d, h, t = k.u(0.4, 0.5), k.u(0.4, 0.48), k.u(0.42, 0.47), k.u(0.025, 0.06)
    frame = k.pick([k.wood, k.wood, k.metal, k.dark])()
    seat = k.pick([lambda: frame, k.plastic, k.fabric, k.fabric])()
    mesh = Mesh()
    if k.chance(0.5):
        mesh.box(-w / 2, w / 2, -d / 2, d / 2, h - t, h, seat)
    else:
        mesh.soft(-w / 2, w / 2, -d / 2, d / 2, h - t - 0.03, h, seat, 0.25)
        t += 0.03
    if k.chance(0.8):
        _legs(k, mesh, w, d, h - t, frame, k.u(0.025, 0.045), k.u(0, 0.03))
    else:
        mesh.post(0, 0, 0.03, h - t, 0.03, frame).turned(0, 0, [(k.u(0.18, 0.24), 0), (0.05, 0.04)], frame)
    top, back = h + k.u(0.32, 0.52), Mesh()
    style = k.pick(["panel", "soft", "slats", "ladder"])
    if style == "panel":
        back.box(-w / 2, w / 2, -0.012, 0.012, k.pick([0, 0.12]), top - h, seat)
    elif style == "soft":
        back.soft(-w / 2, w / 2, -0.03, 0.03, 0, top - h, seat, 0.25)
    else:
        for x in (-w / 2 + 0.02, w / 2 - 0.02):
            back.box(x - 0.015, x + 0.015, -0.015, 0.015, 0, top - h, frame)
        for i in range(3):
            z, x = (top - h) * (0.35 + 0.28 * i), w / 2 * (i - 1) * 0.5
            if style == "ladder":
                back.box(-w / 2 + 0.035, w / 2 - 0.035, -0.01, 0.01, z - 0.035, z + 0.035, seat)
            else:
                back.box(x - 0.025, x + 0.025, -0.01, 0.01, 0, top - h - 0.061, frame)
        if style == "slats":
            back.box(-w / 2, w / 2, -0.012, 0.012, top - h - 0.06, top - h, frame)
    mesh.add(back, 0, d / 2 - 0.02, h, pitch=-k.u(0.02, 0.18))
    if k.chance(0.3):
        for s in (-1, 1):
            mesh.box(s * w / 2 - 0.025, s * w / 2 + 0.025, -d * 0.35, d / 2, h + 0.19, h + 0.22, frame)
            mesh.box(s * w / 2 - 0.015, s * w / 2 + 0.015, -d * 0.3, -d * 0.22, h - t, h + 0.19, frame)
    return Thing(label, mesh)


def office_chair(k: Kit, label: str = "office chair") -> Thing:
    """Swivel chair: star base, gas post, soft seat and back, often arms."""
    w, h, cloth, frame = k.u(0.44, 0.54), k.u(0.42, 0.52), k.fabric(), k.pick([k.dark, k.metal])()
    if k.chance(0.5):
        cloth = k.dark()
    mesh, feet = Mesh().post(0, 0, 0.06, h - 0.08, 0.03, frame), k.u(0.26, 0.32)
    for i in range(5):
        leg = Mesh().box(0.02, feet, -0.02, 0.02, 0.05, 0.09, frame)
        mesh.add(leg.box(feet - 0.05, feet, -0.025, 0.025, 0, 0.05, frame), yaw=i * 2 * np.pi / 5)
    mesh.soft(-w / 2, w / 2, -w / 2, w / 2, h - 0.08, h, cloth, 0.4)
    tall = k.u(0.38, 0.7)
    back = (
        Mesh()
        .soft(-w * 0.46, w * 0.46, -0.04, 0.03, 0.06, tall, cloth, 0.4)
        .box(-0.03, 0.03, 0.02, 0.04, -0.1, 0.2, frame)
    )
    mesh.add(back, 0, w / 2 - 0.02, h, pitch=-k.u(0.05, 0.2))
    if k.chance(0.7):
        for s in (-1, 1):
            x, top = s * (w / 2 + 0.01), h + k.u(0.18, 0.24)
            mesh.box(x - 0.035, x + 0.035, -0.14, 0.12, top - 0.03, top, frame)
            mesh.box(x - 0.015, x + 0.015, -0.03, 0.03, h - 0.06, top - 0.03, frame)
    return Thing(label, mesh)


def _upholstered(k: Kit, w: float, d: float, label: str, seats: int) -> Thing:
    """Box-built seat with arms, back and loose seat cushions: sofas and easy chairs."""
    cloth, foot = k.fabric(), k.pick([0.0, k.u(0.06, 0.14)])
    arm, back, h, top = k.u(0.1, 0.24), k.u(0.14, 0.26), k.u(0.38, 0.46), k.u(0.7, 0.95)
    power, mesh = k.u(0.12, 0.4), Mesh()
    if foot:
        _legs(k, mesh, w - 0.06, d - 0.06, foot, k.wood(), 0.05)
    mesh.box(-w / 2 + arm, w / 2 - arm, -d / 2 + 0.02, d / 2 - back, foot, h - 0.15, cloth)
    mesh.soft(-w / 2 + arm / 2, w / 2 - arm / 2, d / 2 - back, d / 2, foot, top, cloth, power * 0.7)
    each = (w - 2 * arm) / seats
    for i in range(seats):
        x = -w / 2 + arm + i * each
        mesh.soft(x, x + each, -d / 2, d / 2 - back, h - 0.15, h, cloth, power)
        if k.chance(0.7):
            cushion = Mesh().soft(0.01, each - 0.01, -0.09, 0.05, 0, top - h + k.u(-0.02, 0.06), cloth, power + 0.1)
            mesh.add(cushion, x, d / 2 - back - 0.05, h, pitch=-0.12)
    for s in (-1, 1):
        x0, x1 = sorted((s * w / 2, s * (w / 2 - arm)))
        mesh.soft(x0, x1, -d / 2, d / 2 - back * 0.5, foot, h + k.u(0.12, 0.24), cloth, power * 0.8)
    return Thing(label, mesh, [(-w / 2 + arm, w / 2 - arm, -d / 2 + 0.1, d / 2 - back - 0.12, h, 0.6)])


def sofa(k: Kit) -> Thing:
    """Two to four seats; one in three has a chaise, which makes it an L."""
    seats, d = k.n(2, 3), k.u(0.8, 1.0)
    thing = _upholstered(k, k.u(0.62, 0.75) * seats + 0.3, d, "couch", seats)
    if k.chance(0.35):
        (x0, y0, _), (x1, _, _) = thing.bounds()
        cloth, side, long, h = thing.mesh.parts[-1][2], k.pick([-1, 1]), k.u(0.5, 0.8), thing.tops[0][4]
        a, b = sorted((side * x1, side * (x1 - k.u(0.7, 0.85))))
        thing.mesh.box(a, b, y0 - long, y0, 0.04, h - 0.14, cloth).soft(a, b, y0 - long, y0, h - 0.14, h, cloth, 0.25)
    return thing


def armchair(k: Kit) -> Thing:
    return _upholstered(k, k.u(0.7, 0.95), k.u(0.7, 0.92), k.pick(["armchair", "armchair", "sofa chair"]), 1)


def stool(k: Kit) -> Thing:
    r, h, seat = k.u(0.15, 0.2), k.pick([k.u(0.42, 0.5), k.u(0.6, 0.76)]), k.pick([k.wood, k.fabric, k.plastic])()
    mesh = Mesh()
    if k.chance(0.5):
        _legs(k, mesh, r * 1.8, r * 1.8, h - 0.04, k.pick([k.wood, k.metal])(), 0.035)
        mesh.box(-r, r, -r, r, h - 0.04, h, seat) if k.chance(0.4) else mesh.post(0, 0, h - 0.04, h, r, seat, sides=16)
    else:
        steel = k.metal()
        mesh.post(0, 0, 0.03, h - 0.06, 0.03, steel).turned(0, 0, [(r * 1.2, 0), (0.04, 0.03)], steel)
        mesh.turned(0, 0, [(r * 0.8, h - 0.06), (r, h - 0.03), (r * 0.9, h)], seat)
    return Thing("stool", mesh)


def bench(k: Kit) -> Thing:
    w, d, h, wood = k.u(0.9, 1.6), k.u(0.32, 0.48), k.u(0.4, 0.48), k.wood()
    mesh = Mesh().box(-w / 2, w / 2, -d / 2, d / 2, h - 0.05, h, k.pick([lambda: wood, k.fabric])())
    if k.chance(0.5):
        _legs(k, mesh, w, d, h - 0.05, wood, 0.06)
    else:
        for s in (-0.85, 0.85):
            mesh.box(s * w / 2 - 0.03, s * w / 2 + 0.03, -d / 2, d / 2, 0, h - 0.05, wood)
    return Thing(k.pick(["bench", "bench", "seat"]), mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.8)])


def ottoman(k: Kit) -> Thing:
    w, d, h = k.u(0.4, 0.8), k.u(0.4, 0.6), k.u(0.34, 0.46)
    mesh = Mesh().soft(-w / 2, w / 2, -d / 2, d / 2, 0.02, h, k.fabric(), k.u(0.15, 0.5))
    return Thing("ottoman", mesh, [(-w / 4, w / 4, -d / 4, d / 4, h, 0.5)])


def table(k: Kit, label: str = "table", w=None, d=None, h=None, rounded: float = 0.25) -> Thing:
    """Rectangular or round top on four legs, two panels or a column."""
    w, d, h, t = w or k.u(1.0, 1.7), d or k.u(0.7, 0.95), h or k.u(0.7, 0.77), k.u(0.02, 0.05)
    top, under, mesh = k.pick([k.wood, k.wood, k.white, k.paint])(), k.pick([k.wood, k.metal, k.dark])(), Mesh()
    inset, is_round = 0.02, k.chance(rounded)
    if is_round:
        w = d = min(w, max(d, 0.9 * h))
        mesh.post(0, 0, h - t, h, w / 2, top, sides=28)
        inset = w * 0.16
    else:
        mesh.box(-w / 2, w / 2, -d / 2, d / 2, h - t, h, top)
    style = k.pick(["legs", "legs", "legs", "panels", "column"] if w < 2 else ["legs", "panels"])
    if style == "column":
        mesh.post(0, 0, 0.04, h - t, k.u(0.03, 0.07), under).turned(0, 0, [(min(w, d) * 0.32, 0), (0.06, 0.05)], under)
    elif style == "panels":
        for s in (-1, 1):
            x, y = s * (w / 2 - 0.08 - inset), d * (0.5 if not is_round else 0.3) - 0.05
            mesh.box(x - 0.02, x + 0.02, -y, y, 0, h - t, under)
        mesh.box(-w / 2 + 0.1 + inset, w / 2 - 0.1 - inset, -0.01, 0.01, h * 0.3, h - t - 0.05, under)
    else:
        _legs(k, mesh, w, d, h - t, under, k.u(0.035, 0.08), inset)
        if h > 0.3 and not is_round and k.chance(0.3):
            mesh.box(-w / 2 + 0.09, w / 2 - 0.09, -d / 2 + 0.09, d / 2 - 0.09, h * 0.22, h * 0.22 + 0.02, under)
    reach = 0.5 if not is_round else 0.36
    return Thing(label, mesh, [(-w * reach, w * reach, -d * reach, d * reach, h, 0.8)])


def coffee_table(k: Kit) -> Thing:
    return table(k, "coffee table", k.u(0.7, 1.25), k.u(0.45, 0.7), k.u(0.32, 0.46))


def end_table(k: Kit) -> Thing:
    return table(k, "end table", k.u(0.38, 0.55), k.u(0.38, 0.5), k.u(0.45, 0.62), 0.4)


def dining_table(k: Kit) -> Thing:
    return table(k, k.pick(["dining table", "table", "table"]), k.u(1.1, 2.0), k.u(0.75, 1.0))


def desk(k: Kit) -> Thing:
    """Work desk: panels or legs, sometimes a drawer block under one end and a screen at its back."""
    w, d, h, t = k.u(1.0, 1.7), k.u(0.55, 0.8), k.u(0.7, 0.77), 0.03
    wood, mesh = k.pick([k.wood, k.wood, k.white])(), Mesh()
    under = k.pick([lambda: wood, k.metal, k.dark])()
    mesh.box(-w / 2, w / 2, -d / 2, d / 2, h - t, h, wood)
    drawers = k.pick([0, 0, -1, 1])
    if k.chance(0.55):
        _legs(k, mesh, w, d, h - t, under, k.u(0.035, 0.06))
    else:
        for s in (-1, 1):
            mesh.box(*sorted((s * w / 2, s * (w / 2 - 0.03))), -d / 2, d / 2, 0, h - t, under)
    if k.chance(0.5):
        mesh.box(-w / 2 + 0.07, w / 2 - 0.07, d / 2 - 0.07, d / 2 - 0.05, 0.3, h - t, under)
    if drawers:
        x0, x1 = sorted((drawers * (w / 2 - 0.07), drawers * (w / 2 - 0.45)))
        mesh.box(x0, x1, -d / 2 + 0.03, d / 2 - 0.08, 0.08, h - t, wood)
        for i in range(3):
            z = 0.1 + i * 0.19
            mesh.box(x0 + 0.01, x1 - 0.01, -d / 2 + 0.015, -d / 2 + 0.03, z, z + 0.17, wood)
    return Thing("desk", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.9)])


def storage(
    k: Kit, label: str, w: float, d: float, h: float, columns: int, rows: int, material=None, foot=None
) -> Thing:
    """Closed storage with a grid of doors or drawers: cabinets, dressers, wardrobes, nightstands, TV stands."""
    body = k.front() if material is None else material
    face, knob = (body if k.chance(0.7) else k.paint()), k.pick([k.metal, k.dark])()
    foot = k.pick([0.0, 0.06, 0.1]) if foot is None else foot
    mesh, inset = Mesh(), 0.03 if foot else 0.0
    if foot:
        mesh.box(-w / 2 + inset, w / 2 - inset, -d / 2 + 2 * inset, d / 2, 0, foot, k.dark() if k.chance(0.5) else body)
    mesh.box(-w / 2, w / 2, -d / 2 + 0.02, d / 2, foot, h, body)
    cw, rh, handle = w / columns, (h - foot) / rows, k.pick(["bar", "knob", "none"])
    for i in range(columns):
        for j in range(rows):
            x, z = -w / 2 + i * cw, foot + j * rh
            mesh.box(x + 0.008, x + cw - 0.008, -d / 2, -d / 2 + 0.02, z + 0.008, z + rh - 0.008, face)
            cx, cz = x + cw / 2, z + rh / 2
            if rh > 1.3 * cw:
                cx = x + cw * (0.85 if i % 2 == 0 else 0.15)
            if handle == "bar" and rh > 1.3 * cw:
                mesh.box(cx - 0.01, cx + 0.01, -d / 2 - 0.025, -d / 2, cz - 0.09, cz + 0.09, knob)
            elif handle == "bar":
                mesh.box(cx - cw * 0.2, cx + cw * 0.2, -d / 2 - 0.025, -d / 2, cz - 0.01, cz + 0.01, knob)
            elif handle == "knob":
                mesh.box(cx - 0.015, cx + 0.015, -d / 2 - 0.025, -d / 2, cz - 0.015, cz + 0.015, knob)
    return Thing(label, mesh, [(-w / 2, w / 2, -d / 2 + 0.02, d / 2, h, 0.8)])


def cabinet(k: Kit, label: str = "cabinet") -> Thing:
    w = k.u(0.5, 1.2)
    return storage(k, label, w, k.u(0.35, 0.55), k.pick([k.u(0.7, 1.0), k.u(1.1, 2.0)]), 1 + (w > 0.6), k.n(1, 2))


def file_cabinet(k: Kit) -> Thing:
    rows = k.n(2, 4)
    material = k.materials.add("plain", k.near(k.pick([(150, 146, 136), (96, 98, 100), (200, 196, 184)])), loss=0.1)
    return storage(k, "file cabinet", k.u(0.38, 0.48), k.u(0.5, 0.65), rows * 0.33 + 0.05, 1, rows, material, 0.0)


def nightstand(k: Kit) -> Thing:
    return storage(k, "nightstand", k.u(0.4, 0.58), k.u(0.36, 0.46), k.u(0.45, 0.65), 1, k.n(1, 3))


def dresser(k: Kit) -> Thing:
    return storage(k, "dresser", k.u(0.8, 1.5), k.u(0.4, 0.52), k.u(0.75, 1.15), k.n(1, 2), k.n(3, 4))


def wardrobe(k: Kit) -> Thing:
    w = k.u(0.8, 1.9)
    return storage(k, k.pick(["wardrobe", "wardrobe", "closet"]), w, k.u(0.52, 0.62), k.u(1.8, 2.2), round(w / 0.5), 1)


def tv_stand(k: Kit) -> Thing:
    return storage(k, "tv stand", k.u(1.0, 1.8), k.u(0.36, 0.48), k.u(0.4, 0.6), k.n(2, 4), 1)


def books(k: Kit, width: float, height: float, depth: float) -> Thing:
    """A run of standing books, one instance as annotators outline them; spines differ in height and colour."""
    mesh, x = Mesh(), 0.0
    while x < width - 0.02:
        t = min(k.u(0.02, 0.055), width - x)
        mesh.box(x, x + t, -depth / 2, depth / 2 - k.u(0, 0.05), 0, height * k.u(0.68, 0.98), k.plastic())
        x += t
    return Thing("book", mesh)


def bookshelf(k: Kit, label: str | None = None) -> Thing:
    """Open shelves; books are instances of their own, or (as some annotators do it) part of the bookshelf."""
    label = label or k.pick(["bookshelf", "bookshelf", "shelf"])
    w, d, h, t = k.u(0.6, 1.3), k.u(0.24, 0.36), k.u(1.1, 2.1), 0.025
    wood, rows = k.pick([k.wood, k.wood, k.white])(), int(h / k.u(0.3, 0.42))
    mesh, thing = Mesh(), Thing(label)
    for x in (-w / 2, w / 2 - t):
        mesh.box(x, x + t, -d / 2, d / 2, 0, h, wood)
    if k.chance(0.8):
        mesh.box(-w / 2 + t, w / 2 - t, d / 2 - 0.01, d / 2, 0, h, wood)
    levels, own = np.linspace(0.05, h - t, rows + 1), k.chance(0.6)
    for i, z in enumerate(levels):
        mesh.box(-w / 2 + t, w / 2 - t, -d / 2, d / 2 - 0.01, z, z + t, wood)
        room, free = (levels[i + 1] - z - t if i < rows else 0.5), w - 2 * t - 0.02
        if i < rows and k.chance(0.7):
            run = books(k, free * k.u(0.4, 1.0), min(room - 0.02, k.u(0.2, 0.3)), d * k.u(0.6, 0.8))
            x = -w / 2 + t + 0.01
            thing.parts.append((run, x, 0, z + t, 0)) if own else mesh.add(run.mesh, x, 0, z + t)
        else:
            thing.tops.append((-w / 2 + t, w / 2 - t, -d / 2, d / 2 - 0.02, z + t, room - 0.01))
    thing.mesh = mesh
    return thing


def bed(k: Kit) -> Thing:
    """Frame, mattress under a duvet, headboard, one or two pillows; sometimes a blanket of its own at the foot."""
    double, label = k.chance(0.6), "bed"
    w, d, h = k.u(1.35, 1.85) if double else k.u(0.85, 1.1), k.u(1.9, 2.1), k.u(0.42, 0.62)
    frame, sheet, cover = k.wood(), k.pick([k.white, k.cloth])(), k.cloth()
    base, mesh = k.u(0.16, 0.3), Mesh()
    if k.chance(0.5):
        mesh.box(-w / 2, w / 2, -d / 2, d / 2, 0, base, frame)
    else:
        mesh.box(-w / 2, w / 2, -d / 2, d / 2, base - 0.12, base, frame)
        _legs(k, mesh, w, d, base - 0.12, frame, 0.07)
    y1 = d / 2 - 0.06
    mesh.soft(-w / 2 + 0.02, w / 2 - 0.02, -d / 2 + 0.02, y1, base, h, sheet, 0.15)
    if k.chance(0.85):
        over, drop = k.u(0.01, 0.05), k.u(base * 0.6, base + 0.1)
        mesh.soft(
            -w / 2 - over, w / 2 + over, -d / 2 - over / 2, y1 - k.u(0.35, 0.6), drop, h + k.u(0.03, 0.08), cover, 0.18
        )
        h += 0.03
    if k.chance(0.8):
        mesh.box(-w / 2, w / 2, d / 2 - 0.06, d / 2, 0, h + k.u(0.25, 0.65), k.pick([lambda: frame, k.fabric])())
    if k.chance(0.25):
        mesh.box(-w / 2, w / 2, -d / 2 - 0.05, -d / 2 - 0.03, 0, h + k.u(0, 0.15), frame)
    thing = Thing(label, mesh, [(-w / 2 + 0.1, w / 2 - 0.1, -d / 2 + 0.1, y1 - 0.6, h + 0.05, 1.0)])
    for x in (-w / 4, w / 4) if double else (0,):
        thing.parts.append((pillow(k), x, y1 - 0.24, h + 0.01, k.u(-0.1, 0.1)))
    return thing


def pillow(k: Kit, label: str = "pillow", w=None, upright: bool = False) -> Thing:
    w, d = w or k.u(0.5, 0.68), w or k.u(0.36, 0.44)
    mesh = Mesh().soft(-w / 2, w / 2, -d / 2, d / 2, 0, k.u(0.1, 0.17), k.pick([k.white, k.cloth])(), 0.5)
    return Thing(label, Mesh().add(mesh, 0, 0, d * 0.45, pitch=k.u(0.9, 1.2)) if upright else mesh)
