"""Closed and open storage, desks, tables, kitchens. Each public function is a family of
`Thing`s."""

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import fronts, handle


def _carcass(
    k: Kit, w: float, d: float, h: float, columns: int, rows: int, paints: list[str], label: str
) -> Thing:
    """A closed body on a plinth, on legs or flat on the floor, with a grid of fronts."""
    body, foot = k.paint(*paints), k.pick([0.0, 0.05, 0.1, k.u(0.1, 0.25) if h < 1.1 else 0.08])
    mesh, face = Mesh(), k.pick([body, body, k.paint(*paints)])
    mesh.box(-w / 2, w / 2, 0.02 - d / 2, d / 2, foot, h, body)
    if foot > 0.12:
        for x in (-w / 2 + 0.08, w / 2 - 0.08):
            for y in (0.08 - d / 2, d / 2 - 0.08):
                mesh.turned(x, y, [(0.012, 0), (0.025, foot)], k.paint("wood", "metal"), 8)
    elif foot:
        mesh.box(
            -w / 2 + 0.01,
            w / 2 - 0.01,
            0.06 - d / 2,
            d / 2,
            0,
            foot,
            k.paint("dark", "wood", "white"),
        )
    fronts(
        k,
        mesh,
        w,
        -d / 2,
        foot,
        h - k.pick([0.0, 0.03]),
        columns,
        rows,
        face,
        k.pick(["slab", "slab", "framed", "louvred", "glass"]),
    )
    if k.chance(0.3):
        mesh.box(
            -w / 2 - 0.02, w / 2 + 0.02, -d / 2 - 0.02, d / 2, h, h + 0.03, k.paint("wood", "stone")
        )
        h += 0.03
    return Thing(label, mesh, [(-w / 2, w / 2, 0.02 - d / 2, d / 2, h, 0.8)] if h < 1.5 else [])


def sideboard(k: Kit) -> Thing:
    """A low or middling cupboard."""
    w = k.u(0.7, 2.0)
    return _carcass(
        k,
        w,
        k.u(0.32, 0.52),
        k.u(0.55, 1.2),
        max(1, round(w / k.u(0.35, 0.6))),
        k.n(1, 3),
        ["wood", "wood", "lacquer", "front", "white"],
        "cabinet",
    )


def cupboard(k: Kit) -> Thing:
    """A tall cupboard whose doors might be taken for doors of the room."""
    w = k.u(0.5, 1.5)
    return _carcass(
        k,
        w,
        k.u(0.32, 0.6),
        k.u(1.6, 2.25),
        max(1, round(w / k.u(0.4, 0.7))),
        k.n(1, 2),
        ["wood", "white", "lacquer", "front"],
        "cabinet",
    )


def closet(k: Kit) -> Thing:
    """A wardrobe, as wide as a wall allows; some of its doors are mirrors, some slide."""
    w, d, h = k.u(0.8, 2.6), k.u(0.5, 0.66), k.u(1.75, 2.3)
    count, mirrors = max(2, round(w / k.u(0.4, 0.9))), k.pick([0.0, 0.0, 0.4, 1.0])
    body, foot = k.paint("wood", "white", "front", "lacquer"), k.pick([0.0, 0.08])
    mesh = Mesh().box(-w / 2, w / 2, 0.05 - d / 2, d / 2, 0, h, body)
    face, slide = k.pick([body, k.paint("wood", "lacquer", "white")]), k.chance(0.4)
    for i in range(count):
        x0, x1 = (i / count - 0.5) * w, ((i + 1) / count - 0.5) * w
        y = -d / 2 + (0.025 if slide and i % 2 else 0.0)
        mesh.box(x0 + 0.004, x1 - 0.004, y, 0.05 - d / 2, foot, h - 0.02, face)
        if k.chance(mirrors):
            mesh.box(x0 + 0.03, x1 - 0.03, y - 0.004, y, foot + 0.1, h - 0.12, k.paint("mirror"))
        elif not slide:
            handle(k, mesh, "bar", x0, x1, y, foot, h, i % 2 == 1, k.paint("metal", "dark"))
    return Thing(k.pick(["wardrobe", "wardrobe", "closet"]), mesh)


def _underframe(k: Kit, mesh: Mesh, w: float, d: float, h: float, paint: int) -> None:
    """Legs of a desk or table of height h: straight, splayed, trestles, frames, panels or a
    trunk."""
    kind, r, x, y = (
        k.pick(["straight", "splayed", "trestle", "frame", "panels", "trunk"]),
        k.u(0.015, 0.04),
        w / 2 - 0.06,
        d / 2 - 0.06,
    )
    if kind == "trunk" and w < 1.5:
        mesh.turned(
            0,
            0,
            [(min(w, d) * 0.36, 0), (0.06, 0.05), (0.05, h - 0.06), (min(w, d) * 0.3, h)],
            paint,
        )
        return
    for side in (-x, x):
        for front in (-y, y) if kind in ("straight", "splayed", "trunk") else ():
            out = 1.12 if kind == "splayed" else 1.0
            mesh.tube([(side * out, front * out, 0), (side, front, h)], r, paint, k.pick([4, 8]))
        if kind == "trestle":
            mesh.tube([(side, -y, 0), (side, 0, h), (side, y, 0)], r, paint, 4).tube(
                [(side, -y / 2, h / 2), (side, y / 2, h / 2)], r, paint, 4
            )
        elif kind == "frame":
            mesh.tube([(side, -y, h), (side, -y, r), (side, y, r), (side, y, h)], r, paint, 4)
        elif kind == "panels":
            mesh.box(side - 0.02, side + 0.02, -d / 2 + 0.01, d / 2 - 0.01, 0, h, paint)


def work_desk(k: Kit) -> Thing:
    """A desk on any underframe, with drawers, a shelf above, or a second wing that makes it an
    L."""
    w, d, h, t = k.u(0.8, 2.0), k.u(0.45, 0.9), k.u(0.68, 0.82), k.u(0.02, 0.05)
    top, mesh = k.paint("wood", "wood", "white", "lacquer", "dark", "glass"), Mesh()
    under = k.pick([top, k.paint("metal", "dark", "wood")])
    mesh.block(w, d, h - t, h, top)
    _underframe(k, mesh, w, d, h - t, under)
    for side in k.pick([(), (-1,), (1,), (-1, 1)]) if w > 1.0 else ():
        block, x = Mesh().block(0.36, d - 0.08, 0.04, h - t, under), side * (w / 2 - 0.2)
        fronts(
            k,
            block,
            0.36,
            0.02 - d / 2,
            0.05,
            h - t - 0.01,
            1,
            k.n(2, 4),
            k.pick([top, under]),
            "slab",
        )
        mesh.add(block, x)
    tops = [(-w / 2, w / 2, -d / 2, d / 2, h, 0.9)]
    if k.chance(0.2):
        long, side = k.u(0.5, 1.0), k.pick([-1, 1])
        x0, x1 = sorted((side * w / 2, side * (w / 2 - d * 0.8)))
        mesh.box(x0, x1, -d / 2 - long, -d / 2, h - t, h, top).box(
            x0 + 0.03, x1 - 0.03, -d / 2 - long, 0.04 - d / 2 - long, 0, h - t, under
        )
    elif k.chance(0.25):
        high = h + k.u(0.25, 0.6)
        mesh.pair(w / 2 - 0.03, w / 2, d / 2 - 0.24, d / 2, h, high, top).box(
            -w / 2, w / 2, d / 2 - 0.24, d / 2, high, high + 0.02, top
        )
        tops = [
            (-w / 2, w / 2, -d / 2, d / 2 - 0.25, h, 0.9),
            (-w / 2, w / 2, d / 2 - 0.22, d / 2, high + 0.02, 0.4),
        ]
    return Thing("desk", mesh, tops)


def _table(k: Kit, w: float, d: float, h: float, label: str) -> Thing:
    """A rectangular, round or oval plate on any underframe."""
    top = k.paint("wood", "wood", "white", "glass", "stone", "lacquer", "dark")
    mesh = Mesh()
    t = k.u(0.015, 0.07)
    oval = k.chance(0.3)
    if oval:
        mesh.add(Mesh().post(0, 0, h - t, h, 0.5, top, 24).scaled(w, d))
    else:
        mesh.block(w, d, h - t, h, top)
    _underframe(
        k,
        mesh,
        w * (0.68 if oval else 1),
        d * (0.68 if oval else 1),
        h - t,
        k.paint("wood", "metal", "dark", "white"),
    )
    if k.chance(0.1) and not oval:
        mesh.block(w + 0.02, d + 0.02, h, h + 0.006, k.paint("cloth")).block(
            w * 0.8, d * 0.75, h * 0.2, h * 0.22, top
        )
    reach = 0.34 if oval else 0.48
    return Thing(label, mesh, [(-w * reach, w * reach, -d * reach, d * reach, h + 0.006, 0.8)])


def eating_table(k: Kit) -> Thing:
    """A table to sit at."""
    w = k.u(0.7, 2.1)
    return _table(k, w, min(w, k.u(0.65, 1.1)), k.u(0.7, 0.8), k.pick(["table", "dining table"]))


def low_table(k: Kit) -> Thing:
    """A coffee table."""
    w = k.u(0.5, 1.4)
    return _table(
        k,
        w,
        min(w, k.u(0.4, 0.9)),
        k.u(0.25, 0.52),
        k.pick(["coffee table", "coffee table", "table"]),
    )


def side_table(k: Kit) -> Thing:
    """A little table beside a bed or a sofa."""
    w = k.u(0.3, 0.55)
    return _table(
        k,
        w,
        min(w, k.u(0.28, 0.5)),
        k.u(0.4, 0.75),
        k.pick(["end table", "end table", "nightstand"]),
    )
