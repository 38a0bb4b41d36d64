"""Furniture with a shape of its own. Each public function is a family: of a `Kit` it makes a new
`Thing`."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .shapes import legs, upholstered


def chair(k: Kit) -> Thing:
    """Plate or cushion on four legs or a pedestal; solid, soft, slatted or ladder back; sometimes
    arms."""
    w, d, h, t = k.u(0.4, 0.5), k.u(0.4, 0.48), k.u(0.42, 0.47), k.u(0.025, 0.06)
    frame, top = k.paint("wood", "wood", "metal", "dark"), k.u(0.32, 0.55)
    seat, mesh, back = k.pick([frame, k.paint("plastic", "fabric", "fabric")]), Mesh(), Mesh()
    if k.chance(0.5):
        mesh.block(w, d, h - t, h, seat)
    else:
        t += 0.03
        mesh.soft(-w / 2, w / 2, -d / 2, d / 2, h - t, h, seat, 0.25)
    if k.chance(0.8):
        legs(k, mesh, w, d, h - t, frame, k.u(0.025, 0.045), k.u(0, 0.03))
    else:
        mesh.post(0, 0, 0.03, h - t, 0.03, frame).turned(
            0, 0, [(k.u(0.18, 0.24), 0), (0.05, 0.04)], frame
        )
    style = k.pick(["panel", "soft", "slats", "ladder"])
    if style == "panel":
        back.block(w, 0.024, k.pick([0, 0.12]), top, seat)
    elif style == "soft":
        back.soft(-w / 2, w / 2, -0.03, 0.03, 0, top, seat, 0.25)
    else:
        back.pair(w / 2 - 0.035, w / 2 - 0.005, -0.015, 0.015, 0, top, frame)
        for z, x in ((top * 0.35, -w / 4), (top * 0.62, 0), (top * 0.88, w / 4)):
            if style == "ladder":
                back.block(w - 0.07, 0.02, z - 0.035, z + 0.035, seat)
            else:
                back.block(0.05, 0.02, 0, top, frame, x)
    mesh.add(back, 0, d / 2 - 0.02, h, pitch=-k.u(0.02, 0.18))
    if k.chance(0.3):
        mesh.pair(w / 2 - 0.025, w / 2 + 0.025, -d * 0.35, d / 2, h + 0.19, h + 0.22, frame)
        mesh.pair(w / 2 - 0.015, w / 2 + 0.015, -d * 0.3, -d * 0.22, h - t, h + 0.19, frame)
    return Thing("chair", mesh)


def office_chair(k: Kit) -> Thing:
    """Star base, post, soft seat and back, often arms."""
    w = k.u(0.44, 0.54)
    h = k.u(0.42, 0.52)
    cloth = k.paint("fabric", "dark")
    frame = k.paint("dark", "dark", "metal")
    mesh = Mesh().post(0, 0, 0.06, h - 0.08, 0.03, frame)
    reach = k.u(0.26, 0.32)
    tall = k.u(0.38, 0.7)
    leg = Mesh().box(0.02, reach, -0.02, 0.02, 0.05, 0.09, frame)
    leg.box(reach - 0.05, reach, -0.025, 0.025, 0, 0.05, frame)
    for i in range(5):
        mesh.add(leg, yaw=i * 2 * np.pi / 5)
    mesh.soft(-w / 2, w / 2, -w / 2, w / 2, h - 0.08, h, cloth, 0.4)
    back = Mesh().soft(-w * 0.46, w * 0.46, -0.04, 0.03, 0.06, tall, cloth, 0.4)
    mesh.add(
        back.box(-0.03, 0.03, 0.02, 0.04, -0.1, 0.2, frame),
        0,
        w / 2 - 0.02,
        h,
        pitch=-k.u(0.05, 0.2),
    )
    if k.chance(0.7):
        x, top = w / 2 + 0.01, h + k.u(0.18, 0.24)
        mesh.pair(x - 0.035, x + 0.035, -0.14, 0.12, top - 0.03, top, frame)
        mesh.pair(x - 0.015, x + 0.015, -0.03, 0.03, h - 0.06, top - 0.03, frame)
    return Thing(k.pick(["office chair", "office chair", "chair"]), mesh)


def folded_chair(k: Kit) -> Thing:
    """A folding chair leaning flat."""
    frame = k.paint("metal", "dark")
    leaning = Mesh().block(0.44, 0.04, 0.3, 0.78, k.paint("plastic", "metal", "wood"))
    leaning.pair(0.19, 0.22, -0.03, 0.03, 0.0, 0.95, frame)
    return Thing("folded chair", Mesh().add(leaning, 0, 0, 0.01, pitch=-0.12))


def sofa(k: Kit) -> Thing:
    """A sofa of two or three seats."""
    seats = k.n(2, 3)
    return upholstered(
        k, "couch", k.u(0.62, 0.75) * seats + 0.3, k.u(0.8, 1.0), 0, ["fabric"], seats
    )


def desk(k: Kit) -> Thing:
    """Work desk: side panels or legs, sometimes a drawer block under one end and a screen at its
    back."""
    w, d, h, t = k.u(1.0, 1.7), k.u(0.55, 0.8), k.u(0.7, 0.77), 0.03
    wood, mesh, drawers = k.paint("wood", "wood", "white"), Mesh(), k.pick([0, 0, -1, 1])
    under = k.pick([wood, k.paint("metal", "dark")])
    mesh.block(w, d, h - t, h, wood)
    if k.chance(0.55):
        legs(k, mesh, w, d, h - t, under, k.u(0.035, 0.06))
    else:
        mesh.pair(w / 2 - 0.03, w / 2, -d / 2, d / 2, 0, h - t, under)
    if k.chance(0.5):
        mesh.block(w - 0.14, 0.02, 0.3, h - t, under, 0, d / 2 - 0.06)
    if drawers:
        x = drawers * (w / 2 - 0.26)
        mesh.block(0.38, d - 0.11, 0.08, h - t, wood, x, -0.025)
        for z in (0.1, 0.29, 0.48):
            mesh.block(0.36, 0.015, z, z + 0.17, wood, x, -d / 2 + 0.0225)
    return Thing("desk", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.9)])


def _books(k: Kit, width: float, height: float, depth: float) -> Thing:
    """A run of standing books, one instance as annotators outline them; spines differ in height and
    colour."""
    mesh, x = Mesh(), 0.0
    while x < width - 0.02:
        t = min(k.u(0.025, 0.07), width - x)
        mesh.box(
            x,
            x + t,
            -depth / 2,
            depth / 2 - k.u(0, 0.05),
            0,
            height * k.u(0.68, 0.98),
            k.paint("plastic"),
        )
        x += t
    return Thing("book", mesh)


def bookshelf(k: Kit) -> Thing:
    """Open shelves; books are instances of their own, or (as some annotators do it) part of the
    bookshelf."""
    w, d, h, t = k.u(0.6, 1.3), k.u(0.24, 0.36), k.u(1.1, 2.1), 0.025
    wood, rows, own = k.paint("wood", "wood", "white"), int(h / k.u(0.3, 0.42)), k.chance(0.5)
    thing = Thing(k.pick(["bookshelf", "bookshelf", "shelf"]))
    levels = np.linspace(0.05, h - t, rows + 1)
    x = w / 2 - t
    thing.mesh.pair(x, w / 2, -d / 2, d / 2, 0, h, wood)
    if k.chance(0.8):
        thing.mesh.box(-x, x, d / 2 - 0.01, d / 2, 0, h, wood)
    for i, z in enumerate(levels):
        thing.mesh.box(-x, x, -d / 2, d / 2 - 0.01, z, z + t, wood)
        free = levels[i + 1] - z - t if i < rows else 0.5
        if i < rows and k.chance(0.7):
            run = _books(
                k,
                (2 * x - 0.02) * k.u(0.4, 1.0),
                min(free - 0.02, k.u(0.2, 0.3)),
                d * k.u(0.6, 0.8),
            )
            where = (0.01 - x, -0.01, z + t)
            thing.carry(run, *where) if own else thing.mesh.add(run.mesh, *where)
        else:
            thing.tops.append((-x, x, -d / 2, d / 2 - 0.02, z + t, free - 0.01))
    return thing


def bed(k: Kit) -> Thing:
    """Frame, mattress under a duvet, headboard, one or two pillows."""
    double, frame, cover = k.chance(0.6), k.paint("wood", "wood", "metal"), k.paint("cloth")
    w, d, h = k.u(1.35, 1.85) if double else k.u(0.85, 1.1), k.u(1.9, 2.1), k.u(0.42, 0.62)
    base, y1, mesh = k.u(0.16, 0.3), d / 2 - 0.06, Mesh()
    mesh.block(w, d, k.pick([0.0, base - 0.12]), base, frame)
    legs(k, mesh, w, d, base, frame, 0.07)
    mesh.soft(
        0.02 - w / 2, w / 2 - 0.02, 0.02 - d / 2, y1, base, h, k.paint("white", "cloth"), 0.15
    )
    if k.chance(0.85):
        x, drop = w / 2 + k.u(0.01, 0.05), k.u(base * 0.6, base + 0.1)
        mesh.soft(-x, x, -d / 2 - 0.02, y1 - k.u(0.5, 0.65), drop, h + k.u(0.03, 0.08), cover, 0.18)
    if k.chance(0.8):
        mesh.box(
            -w / 2, w / 2, y1, d / 2, 0, h + k.u(0.25, 0.65), k.pick([frame, k.paint("fabric")])
        )
    if k.chance(0.25):
        mesh.box(-w / 2, w / 2, -d / 2 - 0.06, -d / 2 - 0.03, 0, h + k.u(0.05, 0.2), frame)
    thing = Thing("bed", mesh, [(0.1 - w / 2, w / 2 - 0.1, 0.1 - d / 2, y1 - 0.62, h + 0.08, 1.0)])
    for x in (-w / 4, w / 4) if double else (0,):
        thing.carry(k.make("pillow"), x, y1 - 0.24, h + 0.01, k.u(-0.1, 0.1))
    return thing


def leaning_cushion(k: Kit) -> Thing:
    """A cushion that leans against a back."""
    s = k.u(0.36, 0.48)
    mesh = Mesh().soft(-s / 2, s / 2, -s / 2, s / 2, 0, k.u(0.1, 0.16), k.paint("cloth"), 0.5)
    return Thing(
        k.pick(["pillow", "cushion"]), Mesh().add(mesh, 0, 0, s * 0.45, pitch=k.u(0.9, 1.2))
    )


def fan(k: Kit) -> Thing:
    """Standing fan: foot, stem and a flat drum."""
    h, paint = k.u(0.5, 1.2), k.paint("white", "dark")
    mesh = Mesh().post(0, 0, 0, 0.03, 0.17, paint).post(0, 0.06, 0.03, h, 0.015, paint)
    return Thing(
        "fan", mesh.add(Mesh().post(0, 0, 0, 0.1, 0.2, paint, 18), 0, 0.04, h, pitch=np.pi / 2)
    )


def coat_rack(k: Kit) -> Thing:
    """A stand with hooks."""
    h, paint = k.u(1.5, 1.8), k.paint("wood", "dark", "metal")
    mesh = Mesh().post(0, 0, 0, 0.04, 0.2, paint).post(0, 0, 0.04, h, 0.025, paint)
    for y in ((-0.2, -0.03), (0.03, 0.2))[: k.n(0, 2)]:
        mesh.soft(-0.2, 0.2, *y, h - 0.95, h - 0.12, k.paint("cloth"), 0.5)
    return Thing("coat rack", mesh)


def ladder(k: Kit) -> Thing:
    """A ladder leaning on the wall behind it."""
    h, paint = k.u(1.6, 2.0), k.paint("metal", "wood")
    mesh = Mesh().pair(0.18, 0.22, -0.03, 0.03, 0, h, paint)
    for z in np.arange(0.25, h, 0.3):
        mesh.block(0.36, 0.05, z - 0.02, z + 0.02, paint)
    return Thing("ladder", Mesh().add(mesh, pitch=-0.16))


def plant(k: Kit) -> Thing:
    """Pot and lumps of foliage, sometimes on a stem."""
    h, r, green, mesh = k.u(0.3, 1.5), k.u(0.1, 0.2), k.paint("leaf"), Mesh()
    foot = min(h * 0.3, 0.35)
    mesh.turned(0, 0, [(r * 0.75, 0), (r, foot)], k.paint("plastic", "white", "wood"))
    if h > 0.7:
        mesh.post(0, 0, foot, h * 0.7, 0.02, k.paint("wood"))
    for _ in range(k.n(5, 10)):
        a, out, s = k.u(0, 6.3), k.u(0, r * 1.2), k.u(0.08, 0.17)
        leaf = Mesh().soft(-s, s, -s * 0.6, s * 0.6, -s * 0.7, s * 0.7, green, 0.9, 8)
        mesh.add(
            leaf,
            out * np.cos(a),
            out * np.sin(a),
            max(k.u(foot, h), foot + s * 0.5),
            a,
            k.u(-0.6, 0.6),
        )
    return Thing(k.pick(["plant", "potted plant"]), mesh)


def laptop(k: Kit) -> Thing:
    """An open laptop."""
    w, paint = k.u(0.32, 0.38), k.paint("dark", "metal")
    mesh = Mesh().box(-w / 2, w / 2, -0.24, 0, 0, 0.02, paint)
    lid = Mesh().block(w, 0.012, 0, 0.23, paint)
    return Thing("laptop", mesh.add(lid, 0, 0.008, 0.02, pitch=-k.u(0.1, 0.5)))


def book_pile(k: Kit) -> Thing:
    """Some books on top of each other."""
    mesh, z = Mesh(), 0.0
    for _ in range(k.n(1, 5)):
        w, d, t = k.u(0.14, 0.22), k.u(0.2, 0.3), k.u(0.015, 0.05)
        mesh.block(w, d, z, z + t, k.paint("plastic"))
        z += t
    return Thing("book", mesh)
