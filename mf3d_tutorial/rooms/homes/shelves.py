"""Open storage: bookshelves of any build, racks, and what stands on them. Each public function is a
family: of a `Kit` it makes a new `Thing`."""

from itertools import pairwise

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .contents import fill_board, stand_upright
from .parts import feet, fronts, merged

_HOME = ["books", "books", "books", "volumes", "lying", "boxes", "vases", "magazines", "none"]
_LIBRARY = ["books", "books", "books", "books", "volumes", "magazines", "none"]
_ARCHIVE = ["binders", "binders", "boxes", "magazines", "volumes", "none"]
_STORE = ["boxes", "boxes", "boxes", "lying", "vases", "none"]


def _shelving(
    k: Kit,
    xs: np.ndarray,
    zs: np.ndarray,
    d: float,
    sides: str,
    body: int,
    kinds: list[str],
    full: float,
) -> Mesh:
    """Boards d deep at the heights zs between uprights at xs (the last z is the top's underside).
    `sides`: "panel", "posts" or "none"; `full` is the chance of a board to hold something."""
    t, mesh, back = k.u(0.015, 0.04), Mesh(), -d / 2 + k.u(0.0, 0.03)
    top = zs[-1] + t
    for x in xs if sides != "none" else ():
        if sides == "posts":
            mesh.box(x - t / 2, x + t / 2, -d / 2, t - d / 2, 0, top, body)
            mesh.box(x - t / 2, x + t / 2, d / 2 - t, d / 2, 0, top, body)
        else:
            mesh.box(x - t / 2, x + t / 2, -d / 2, d / 2, 0, top, body)
    for j, z in enumerate(zs):
        mesh.box(xs[0], xs[-1], -d / 2, d / 2 - 0.012, z, z + t, body)
        for x0, x1 in pairwise(xs) if j + 1 < len(zs) else ():
            if k.chance(full):
                free = zs[j + 1] - z - t - 0.01
                fill_board(k, mesh, x0 + t / 2, x1 - t / 2, back, d / 2 - 0.02, z + t, free, kinds)
    return mesh


def _levels(k: Kit, foot: float, h: float, low: float, high: float) -> np.ndarray:
    """Heights of boards from `foot` to h, `low` to `high` apart; sometimes more at the bottom."""
    rows = max(1, round((h - foot) / k.u(low, high)))
    steps = np.linspace(1.0, k.pick([1.0, 1.0, 0.75]), rows)
    return foot + np.concatenate([[0], np.cumsum(steps / steps.sum() * (h - foot))])


def _bays(k: Kit, w: float, low: float, high: float) -> np.ndarray:
    """Middles of the uprights of bays that are `low` to `high` wide."""
    return np.linspace(-w / 2, w / 2, max(1, round(w / k.u(low, high))) + 1)


def open_shelves(k: Kit) -> Thing:
    """Boards between sides or posts; full, half empty or empty, with a back or not, and closed
    below or not."""
    w, d, h = k.u(0.4, 2.2), k.u(0.2, 0.42), k.u(0.7, 2.3)
    body, xs = k.paint("wood", "wood", "white", "metal", "lacquer"), _bays(k, w, 0.35, 0.95)
    zs, sides = (
        _levels(k, k.pick([0.0, 0.08]), h - 0.03, 0.26, 0.45),
        k.pick(["panel"] * 3 + ["posts"]),
    )
    mesh = _shelving(k, xs, zs, d, sides, body, _HOME, k.u(0, 1.2))
    if sides == "panel" and k.chance(0.7):
        mesh.box(
            -w / 2,
            w / 2,
            d / 2 - 0.012,
            d / 2,
            0,
            h,
            k.pick([body, body, k.paint("white", "wood")]),
        )
    if k.chance(0.25):
        high = zs[k.n(1, max(1, len(zs) // 2))]
        fronts(k, mesh, w, -d / 2 - 0.018, zs[0], high, len(xs) - 1, 1, body, "slab")
    tops = [(-w / 2, w / 2, -d / 2, d / 2 - 0.02, h, 0.5)] if h < 1.6 else []
    return Thing(k.pick(["bookshelf", "bookshelf", "bookshelf", "shelf"]), merged(mesh), tops)


def low_bookcase(k: Kit) -> Thing:
    """One or two boards under a window or along a wall: a bookcase to put things on."""
    w, d, h = k.u(0.6, 2.6), k.u(0.22, 0.4), k.u(0.4, 1.0)
    body, foot = k.paint("wood", "white", "lacquer", "metal"), k.pick([0.0, 0.06, 0.12])
    xs, zs = _bays(k, w, 0.4, 1.1), _levels(k, foot, h - 0.03, 0.28, 0.42)
    mesh = _shelving(k, xs, zs, d, "panel", body, _HOME, k.u(0.5, 1.1))
    if k.chance(0.6):
        mesh.box(-w / 2, w / 2, d / 2 - 0.012, d / 2, foot, h, body)
    return Thing("bookshelf", merged(mesh), [(-w / 2, w / 2, -d / 2, d / 2 - 0.02, h + 0.03, 0.6)])


def wall_library(k: Kit) -> Thing:
    """Books up to the ceiling along a wall, in many bays, sometimes with cupboards below and a
    cornice."""
    w, d, h = k.u(1.8, 3.4), k.u(0.25, 0.38), k.u(1.9, 2.3)
    body, xs = k.paint("wood", "wood", "white", "front"), _bays(k, w, 0.5, 0.95)
    low = k.pick([0.0, 0.0, k.u(0.6, 0.9)])
    zs = _levels(k, low or k.pick([0.02, 0.08]), h - 0.04, 0.27, 0.36)
    mesh = _shelving(k, xs, zs, d, "panel", body, _LIBRARY, k.u(0.6, 1.1))
    mesh.box(-w / 2, w / 2, d / 2 - 0.012, d / 2, 0, h, body)
    if low:
        deep = d / 2 + k.u(0.0, 0.12)
        mesh.box(-w / 2, w / 2, 0.018 - deep, d / 2 - 0.012, 0, low, body)
        style = k.pick(["slab", "framed"])
        fronts(k, mesh, w, -deep, 0.05, low - 0.01, len(xs) - 1, 1, body, style)
    if k.chance(0.4):
        mesh.box(-w / 2 - 0.04, w / 2 + 0.04, -d / 2 - 0.04, d / 2, h, h + 0.06, body)
    return Thing("bookshelf", merged(mesh))


def book_stack(k: Kit) -> Thing:
    """A stack of a library: steel or wood, with books on one side or back to back on both, plates
    at the ends and above."""
    w, deep, h = k.u(1.2, 3.2), k.u(0.22, 0.3), k.pick([k.u(1.2, 1.5), k.u(1.8, 2.25)])
    body, end = (
        k.paint("grey", "white", "metal", "wood", "lacquer"),
        k.paint("wood", "white", "lacquer", "grey"),
    )
    xs, full, mesh = _bays(k, w, 0.75, 1.0), k.u(0.5, 1.1), Mesh()
    zs = _levels(k, k.u(0.05, 0.12), h - 0.04, 0.3, 0.38)
    sides, double = k.pick(["panel", "posts", "posts"]), k.chance(0.6)
    d = deep * (2 if double else 1)
    for yaw, y in ((0.0, -deep / 2), (np.pi, deep / 2)) if double else ((0.0, 0.0),):
        mesh.add(_shelving(k, xs, zs, deep, sides, body, _LIBRARY, full), 0, y, yaw=yaw)
    if k.chance(0.5):
        mesh.pair(w / 2 + 0.02, w / 2 + 0.045, -d / 2 - 0.01, d / 2 + 0.01, 0, h + 0.02, end)
    if k.chance(0.3):
        mesh.box(-w / 2, w / 2, -d / 2, d / 2, h, h + 0.03, end)
    tops = [(-w / 2, w / 2, -d / 2, d / 2, h + 0.03, 0.5)] if h < 1.55 else []
    return Thing("bookshelf", merged(mesh), tops)


def cube_shelf(k: Kit) -> Thing:
    """A grid of equal cubes: with books, boxes that fill a cube, drawers, or nothing; against a
    wall or, without a back, as a screen."""
    s, columns, rows, d = k.u(0.3, 0.42), k.n(1, 5), k.n(1, 5), k.u(0.3, 0.42)
    columns = max(columns, 2) if rows == 1 else columns
    body, t, mesh = k.paint("white", "white", "wood", "dark", "lacquer"), k.u(0.015, 0.05), Mesh()
    w, h, foot = columns * s, rows * s + t, k.pick([0.0, 0.0, 0.06])
    for x in np.linspace(-w / 2, w / 2, columns + 1):
        mesh.box(x - t / 2, x + t / 2, -d / 2, d / 2, foot, foot + h, body)
    for z in np.arange(rows + 1) * s + foot:
        mesh.box(-w / 2, w / 2, -d / 2, d / 2, z, z + t, body)
    if foot:
        feet(k, mesh, w, d, foot)
    if k.chance(0.4):
        mesh.box(-w / 2, w / 2, d / 2 - 0.01, d / 2, foot, foot + h, body)
    drawer, share = k.paint("plastic", "cloth", "carton", "wood", "fabric"), k.u(0, 0.6)
    for i, j in np.ndindex(columns, rows):
        x0, z0 = i * s - w / 2 + t / 2 + 0.004, j * s + foot + t
        x1, free = x0 + s - t - 0.008, s - t - 0.008
        if k.chance(share):
            mesh.box(
                x0, x1, 0.01 - d / 2, d / 2 - 0.02, z0, z0 + free * k.pick([0.98, 0.85]), drawer
            )
            mesh.box(
                (x0 + x1) / 2 - 0.04,
                (x0 + x1) / 2 + 0.04,
                -d / 2,
                0.01 - d / 2,
                z0 + free * 0.6,
                z0 + free * 0.7,
                k.paint("dark", "metal"),
            )
        elif k.chance(0.8):
            fill_board(k, mesh, x0, x1, 0.02 - d / 2, d / 2 - 0.02, z0, free, _HOME)
    tops = [(-w / 2, w / 2, -d / 2, d / 2, foot + h, 0.5)] if h < 1.4 else []
    return Thing("bookshelf", merged(mesh), tops)


def ladder_shelf(k: Kit) -> Thing:
    """Boards that get narrower upwards, between two leaning rails or on an A-shaped frame."""
    w, d, h, count = k.u(0.4, 0.9), k.u(0.35, 0.55), k.u(1.3, 2.0), k.n(3, 5)
    rail, board = (
        k.paint("metal", "wood", "dark", "white"),
        k.paint("wood", "wood", "white", "lacquer"),
    )
    mesh, slim = Mesh(), k.u(0.15, 0.25)
    for x in (-w / 2, w / 2):
        mesh.tube([(x, -d / 2, 0), (x, d / 2 - slim, h)], 0.015, rail, 4)
        mesh.tube([(x, d / 2 - 0.02, 0), (x, d / 2 - 0.02, h)], 0.015, rail, 4)
    for z in np.linspace(k.u(0.1, 0.4), h - k.u(0.05, 0.3), count):
        front = -d / 2 + (d - slim) * z / h
        mesh.box(0.015 - w / 2, w / 2 - 0.015, front, d / 2, z, z + 0.022, board)
        free = min(0.35, h / count - 0.04)
        if k.chance(0.85):
            fill_board(
                k,
                mesh,
                0.02 - w / 2,
                w / 2 - 0.02,
                front + 0.01,
                d / 2 - 0.03,
                z + 0.022,
                free,
                _HOME,
            )
    return Thing(k.pick(["bookshelf", "bookshelf", "shelf"]), mesh)


def wall_boards(k: Kit) -> Thing:
    """Boards on brackets or rails on the wall, one above another or stepped, with books on most."""
    w, d, rows = k.u(0.5, 1.8), k.u(0.16, 0.3), k.n(1, 4)
    board, iron = k.paint("wood", "white", "dark", "lacquer"), k.paint("metal", "dark", "white")
    mesh, step, same = Mesh(), k.u(0.26, 0.4), k.chance(0.6)
    for j in range(rows):
        half = w / 2 * (1 if same else k.u(0.5, 1))
        x = 0.0 if same else k.u(-1, 1) * (w / 2 - half)
        z = j * step
        mesh.box(x - half, x + half, -d / 2, d / 2, z, z + 0.025, board)
        for side in (-0.8, 0.8):
            at = x + side * half
            mesh.box(at - 0.012, at + 0.012, -d * 0.3, d / 2, z - 0.02, z, iron)
        fill_board(
            k, mesh, x - half, x + half, 0.02 - d / 2, d / 2 - 0.02, z + 0.025, step - 0.06, _HOME
        )
    if same and k.chance(0.5):
        mesh.pair(w * 0.38, w * 0.38 + 0.025, d / 2 - 0.015, d / 2, -0.1, rows * step, iron)
    return Thing("bookshelf" if rows > 1 else k.pick(["bookshelf", "shelf"]), mesh)


def archive_rack(k: Kit) -> Thing:
    """An office's or an archive's shelves: binders, files and boxes of one kind, in steel or
    wood."""
    w, d, h = k.u(0.7, 2.6), k.u(0.28, 0.45), k.u(0.75, 2.25)
    body, xs = k.paint("grey", "metal", "wood", "white", "lacquer"), _bays(k, w, 0.6, 1.0)
    zs, sides = (
        _levels(k, k.u(0.03, 0.12), h - 0.03, 0.35, 0.4),
        k.pick(["panel", "panel", "posts"]),
    )
    mesh = _shelving(k, xs, zs, d, sides, body, _ARCHIVE, k.u(0.5, 1.1))
    if sides == "panel" and k.chance(0.7):
        mesh.box(-w / 2, w / 2, d / 2 - 0.012, d / 2, 0, h, body)
    tops = [(-w / 2, w / 2, -d / 2, d / 2 - 0.02, h + 0.02, 0.5)] if h < 1.4 else []
    return Thing(k.pick(["bookshelf", "bookshelf", "bookshelf", "shelf"]), merged(mesh), tops)


def store_rack(k: Kit) -> Thing:
    """A rack of a storage room: deep boards on posts, with cartons and crates."""
    w, d, h = k.u(0.8, 2.4), k.u(0.35, 0.65), k.u(1.5, 2.2)
    body, xs = k.paint("metal", "metal", "grey", "wood", "lacquer"), _bays(k, w, 0.8, 1.4)
    zs = _levels(k, k.u(0.05, 0.25), h - 0.03, 0.35, 0.6)
    mesh = _shelving(k, xs, zs, d, "posts", body, _STORE, k.u(0.4, 1.1))
    return Thing(k.pick(["shelf", "shelf", "rack"]), merged(mesh))


def stepped_shelf(k: Kit) -> Thing:
    """Boxes of unequal height and width pushed together, open to the front: a shelf of a modern
    flat or of a children's corner."""
    mesh, d, x = Mesh(), k.u(0.25, 0.4), 0.0
    body, t, kinds = k.paint("wood", "white", "lacquer"), 0.018, k.pick([_HOME, _HOME, _ARCHIVE])
    for _ in range(k.n(2, 4)):
        wide, rows, s = k.u(0.3, 0.8), k.n(1, 5), k.u(0.28, 0.42)
        for z in np.arange(rows + 1) * s:
            mesh.box(x, x + wide, -d / 2, d / 2, z, z + t, body)
        for side in (x, x + wide - t):
            mesh.box(side, side + t, -d / 2, d / 2, 0, rows * s + t, body)
        for z in np.arange(rows) * s + t:
            inner = (x + t, x + wide - t, 0.01 - d / 2, d / 2 - 0.02, z, s - t - 0.01)
            fill_board(k, mesh, *inner, kinds)
        stand_upright(
            k, mesh, "books", x, x + wide * k.u(0, 0.8), -0.05, d / 2 - 0.02, rows * s + t, 0.3
        )
        x += wide
    return Thing("bookshelf", merged(Mesh().add(mesh, -x / 2)))
