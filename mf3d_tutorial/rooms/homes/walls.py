"""What hangs on walls or belongs to the building. Each public function is a family: a `Kit` in, a
new `Thing` out."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .cloth import bumps, folds


def _framed(k: Kit, w: float, h: float, frame: int) -> Mesh:
    """One picture: canvas, or a print in a frame, with a mount or without."""
    kind, deep = k.pick(["canvas", "framed", "framed", "mounted"]), k.u(0.015, 0.05)
    if kind == "canvas":
        return Mesh().box(-w / 2, w / 2, -deep, 0, 0, h, k.paint("motif"))
    rim = min(k.u(0.012, 0.08), w * 0.2)
    mesh = Mesh().box(-w / 2, w / 2, -deep, 0, 0, h, frame)
    if kind == "mounted":
        mesh.box(
            rim - w / 2, w / 2 - rim, -deep - 0.003, -deep, rim, h - rim, k.paint("paper white")
        )
        rim = min(rim + k.u(0.03, 0.1), w * 0.35, h * 0.35)
    return mesh.box(rim - w / 2, w / 2 - rim, -deep - 0.005, -deep, rim, h - rim, k.paint("motif"))


def art(k: Kit) -> Thing:
    """One picture of any size and shape, or a poster, which is a sheet without a frame."""
    w = k.pick([k.u(0.18, 0.4), k.u(0.3, 0.9), k.u(0.7, 1.6)])
    h = min(1.2, w * k.pick([k.u(0.6, 0.8), k.u(1.2, 1.5), 1.0, k.u(0.3, 0.5)]))
    if k.chance(0.2):
        return Thing("poster", Mesh().box(-w / 2, w / 2, -0.012, 0, 0, h, k.paint("motif")))
    return Thing("picture", _framed(k, w, h, k.paint("wood", "dark", "white", "metal", "lacquer")))


def art_group(k: Kit) -> Thing:
    """Pictures in a row, a grid or a loose cluster, an instance each."""
    group, columns, rows = Thing(), k.n(2, 4), k.n(1, 2)
    cell_w, cell_h, gap, even = k.u(0.2, 0.5), k.u(0.2, 0.5), k.u(0.01, 0.12), k.chance(0.5)
    frame = k.paint("wood", "dark", "white", "metal")
    for i, j in np.ndindex(columns, rows):
        if not even and k.chance(0.15):
            continue
        w, h = (cell_w, cell_h) if even else (cell_w * k.u(0.55, 1), cell_h * k.u(0.55, 1))
        x = (i - (columns - 1) / 2) * (cell_w + gap)
        picture = Thing(
            "picture",
            _framed(k, w, h, frame if even else k.paint("wood", "dark", "white", "lacquer")),
        )
        group.carry(picture, x, 0, j * (cell_h + gap) + (cell_h - h) * k.u(0, 1))
    return group if group.parts else art(k)


def ribbed_radiator(k: Kit) -> Thing:
    """A flat panel, or columns as in old houses, of any length and height."""
    w, h, low, paint, mesh = (
        k.u(0.4, 2.0),
        k.u(0.3, 0.9),
        k.u(0.06, 0.16),
        k.paint("white", "white", "metal", "dark", "lacquer"),
        Mesh(),
    )
    if k.chance(0.5):
        mesh.box(-w / 2, w / 2, -0.12, -0.03, low, low + h, paint)
        for x in np.arange(0.04 - w / 2, w / 2 - 0.03, k.u(0.04, 0.1)):
            mesh.box(x, x + 0.015, -0.13, -0.12, low + 0.04, low + h - 0.04, paint)
    else:
        for x in np.arange(0.03 - w / 2, w / 2 - 0.02, k.u(0.055, 0.09)):
            mesh.tube([(x, -0.1, low), (x, -0.1, low + h)], 0.022, paint, 6)
            mesh.box(x - 0.02, x + 0.02, -0.15, -0.05, low + h - 0.05, low + h, paint)
        mesh.box(-w / 2, w / 2, -0.12, -0.08, low + 0.02, low + 0.07, paint)
    mesh.tube([(w / 2 - 0.05, -0.06, 0), (w / 2 - 0.05, -0.06, low + 0.05)], 0.012, paint, 6)
    return Thing("radiator", mesh)


def fireplace(k: Kit) -> Thing:
    """A hearth in a chimney breast or a stove, with a mantel to put things on."""
    w, d, h = k.u(0.9, 1.6), k.u(0.25, 0.5), k.u(0.95, 1.3)
    body, mesh, dark = k.paint("brick", "stone", "white", "wood"), Mesh(), k.paint("dark")
    mesh.pair(w * 0.28, w / 2, -d / 2, d / 2, 0, h - 0.08, body).box(
        -w * 0.28, w * 0.28, -d / 2, d / 2, h * 0.65, h - 0.08, body
    )
    mesh.box(-w * 0.28, w * 0.28, d / 2 - 0.03, d / 2, 0, h * 0.65, dark).box(
        -w / 2, w / 2, -d / 2 - 0.25, -d / 2, 0, 0.04, body
    )
    mesh.box(
        -w / 2 - 0.08,
        w / 2 + 0.08,
        -d / 2 - 0.06,
        d / 2,
        h - 0.08,
        h,
        k.paint("wood", "stone", "white"),
    )
    return Thing("fireplace", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.8)])


def wall_curtain(k: Kit) -> Thing:
    """A curtain that hangs before a wall, an alcove or shelves."""
    w, top = k.u(0.4, 1.8), k.u(1.9, 2.3)
    return Thing("curtain", folds(k, w, top, k.u(0.02, 0.15), k.paint("curtain")))


def coat_hooks(k: Kit) -> Thing:
    """A rail with hooks and what hangs there."""
    w, group, paint = k.u(0.5, 1.3), Thing(), k.paint("wood", "white", "dark")
    group.carry(Thing("rail", Mesh().box(-w / 2, w / 2, -0.02, 0, 1.66, 1.78, paint)))
    x = -w / 2 + k.u(0, 0.1)
    while x < w / 2 - 0.28:
        wide = k.u(0.24, 0.4)
        if k.chance(0.7):
            coat = Mesh().soft(
                x,
                x + wide,
                -0.2,
                -0.03,
                k.u(0.6, 1.1),
                1.65,
                k.paint("cloth", "fabric", "dark"),
                0.5,
            )
            group.carry(Thing(k.pick(["jacket", "clothes"]), coat))
        x += wide + 0.02
    return group


def alcove_frame(k: Kit) -> Thing:
    """Mouldings on a wall that look like a door or a panel but belong to the wall."""
    w = k.u(0.5, 1.2)
    z0 = k.u(0.1, 0.9)
    z1 = k.u(1.6, 2.2)
    paint = k.paint("white", "wall", "wood")
    t = k.u(0.03, 0.08)
    mesh = Mesh().pair(w / 2 - t, w / 2, -0.02, 0, z0, z1, paint)
    for z in (z0, z1 - t):
        mesh.box(t - w / 2, w / 2 - t, -0.02, 0, z, z + t, paint)
    return Thing("wall trim", mesh)


def pipe(k: Kit) -> Thing:
    """A pipe or two in a corner, from floor to ceiling height."""
    top, r, mesh, paint = k.u(2.0, 2.3), k.u(0.015, 0.06), Mesh(), k.paint("white", "metal", "wall")
    for x in np.arange(k.n(1, 2)) * 3 * r:
        mesh.tube([(x, 0, 0), (x, 0, top)], r, paint)
    return Thing("pipe", mesh)


def laundry_pile(k: Kit) -> Thing:
    """Clothes or a blanket in a heap on the floor."""
    w, d, n = k.u(0.3, 0.8), k.u(0.25, 0.6), 9
    x, y = np.meshgrid(np.linspace(-w / 2, w / 2, n), np.linspace(-d / 2, d / 2, n))
    hill = np.clip(1.05 - (2 * x / w) ** 2 - (2 * y / d) ** 2, 0, 1) ** 0.6 * k.u(0.06, 0.25)
    heap = np.stack([x, y, hill + np.abs(bumps(k, n, n, 0.02)) * (hill > 0) + 0.004], -1)
    return Thing(k.pick(["clothes", "blanket"]), Mesh().sheet(heap, k.paint("cloth", "fabric")))


def standing_lamp(k: Kit) -> Thing:
    """A lamp on a tripod, on a bow or on a rod, its shade a drum, a cone, a ball or a dish."""
    h, paint, mesh, shade = (
        k.u(1.2, 1.9),
        k.paint("metal", "dark", "wood", "white"),
        Mesh(),
        k.paint("shade", "white", "cloth", "dark"),
    )
    x = 0.0
    kind, r = k.pick(["tripod", "bow", "rod"]), k.u(0.1, 0.25)
    if kind == "tripod":
        for angle in (0.5, 2.6, 4.7):
            mesh.tube(
                [(0.3 * np.cos(angle), 0.3 * np.sin(angle), 0), (0, 0, h - 0.2)], 0.014, paint, 6
            )
    elif kind == "bow":
        x = k.u(0.3, 0.7)
        mesh.tube(
            [(0, 0, 0.02), (0, 0, h * 0.8), (x * 0.5, 0, h), (x, 0, h - 0.1)], 0.012, paint, 6
        ).post(0, 0, 0, 0.04, 0.16, paint)
    else:
        mesh.post(0, 0, 0, 0.03, k.u(0.1, 0.16), paint).post(0, 0, 0.03, h - 0.1, 0.012, paint)
    tall = k.u(0.15, 0.35)
    return Thing("lamp", mesh.turned(x, 0, [(r, h - tall), (r * k.u(0.2, 1.0), h)], shade))


def chandelier(k: Kit) -> Thing:
    """A lamp under the ceiling: a wheel of candles, a ball, a row of dishes."""
    mesh = Mesh()
    paint = k.paint("metal", "dark", "wood", "white")
    r = k.u(0.15, 0.45)
    drop = k.u(0.2, 0.8)
    kind = k.pick(["wheel", "ball", "row"])
    mesh.tube([(0, 0, 0.1), (0, 0, drop)], 0.01, paint, 6)
    for i in range(k.n(4, 8)) if kind == "wheel" else ():
        angle = i * 0.9
        x, y = r * np.cos(angle), r * np.sin(angle)
        mesh.tube([(0, 0, 0.15), (x, y, 0.06)], 0.012, paint, 6).post(
            x, y, 0.06, 0.16, 0.03, k.paint("shade")
        )
    if kind == "ball":
        mesh.soft(-r, r, -r, r, 0, 1.4 * r, k.paint("shade", "white", "plastic"), 1)
    for x in (-r, 0, r) if kind == "row" else ():
        mesh.turned(x, 0, [(0.12, 0), (0.03, 0.14)], k.paint("shade", "dark", "metal")).tube(
            [(x, 0, 0.14), (x, 0, drop)], 0.006, paint, 6
        )
    return Thing(k.pick(["ceiling light", "light", "lamp"]), mesh)


def pinned_sheets(k: Kit) -> Thing:
    """Posters, prints and notices without a frame, pinned side by side, straight or askew: an
    instance each."""
    group, even, same, x = Thing(), k.chance(0.4), k.chance(0.6), 0.0
    w, h = k.pick([(0.21, 0.3), (0.3, 0.42), (0.42, 0.6), (0.6, 0.85)])
    for _ in range(k.n(2, 7) if h < 0.5 else k.n(2, 3)):
        wide, tall = (w, h) if same else (w * k.u(0.6, 1.3), h * k.u(0.6, 1.3))
        print_ = Mesh().box(
            -wide / 2, wide / 2, -0.008, 0, 0, tall, k.paint("motif", "print", "paper")
        )
        names = ["poster", "poster", "poster", "paper"] if tall < 0.45 else ["poster"]
        turn, lift = (0.0, 0.0) if even else (k.u(-0.06, 0.06), k.u(-0.12, 0.12))
        sheet = Thing(k.pick(names), Mesh().add(print_, roll=turn))
        (x0, _, _), (x1, _, _) = sheet.bounds()
        group.carry(sheet, x - x0, 0, lift)
        x += x1 - x0 + k.u(0.02, 0.12)
    return Thing(parts=[(part, at._replace(x=at.x - x / 2)) for part, at in group.parts])


def pin_board(k: Kit) -> Thing:
    """A board of cork, felt or metal, with notes, cards and pictures all over it."""
    w, h, deep = k.u(0.5, 2.2), k.u(0.4, 1.2), 0.02
    mesh, frame = Mesh(), k.paint("wood", "metal", "white", "dark")
    mesh.box(-w / 2, w / 2, -deep, 0, 0, h, frame)
    rim = k.u(0.01, 0.04)
    mesh.box(
        rim - w / 2,
        w / 2 - rim,
        -deep - 0.003,
        -deep,
        rim,
        h - rim,
        k.paint("cork", "fabric", "whiteboard"),
    )
    for _ in range(k.n(0, 14)):
        wide, tall = k.pick([(0.21, 0.3), (0.3, 0.21), (0.1, 0.15), (0.15, 0.1), (0.09, 0.09)])
        if wide < w - 2 * rim - 0.02 and tall < h - 2 * rim - 0.02:
            x, z = k.u(rim - w / 2, w / 2 - rim - wide), k.u(rim, h - rim - tall)
            mesh.box(
                x,
                x + wide,
                -deep - 0.009,
                -deep - 0.003,
                z,
                z + tall,
                k.paint("paper", "print", "vivid", "paper white"),
            )
    return Thing(k.pick(["bulletin board", "bulletin board", "board"]), mesh)


def divided_picture(k: Kit) -> Thing:
    """One image in two to five equal or stepped panels, or a row of small pictures: an instance
    each."""
    group, count, gap = Thing(), k.n(2, 5), k.u(0.02, 0.08)
    w, h, step = k.u(0.15, 0.5), k.u(0.25, 1.1), k.pick([0.0, 0.0, k.u(-0.1, 0.1)])
    paint, deep = k.paint("motif"), k.u(0.01, 0.04)
    for i in range(count):
        tall = h * (1 - 0.15 * abs(i - (count - 1) / 2)) if step else h
        panel = Mesh().box(
            -w / 2, w / 2, -deep, 0, 0, tall, paint if k.chance(0.8) else k.paint("motif")
        )
        group.carry(Thing("picture", panel), (i - (count - 1) / 2) * (w + gap), 0, (h - tall) / 2)
    return group


def leaning_picture(k: Kit) -> Thing:
    """A picture that stands on the floor and leans on the wall."""
    w, h, lean = k.u(0.25, 1.3), k.u(0.25, 1.4), k.u(0.05, 0.2)
    picture = _framed(k, w, h, k.paint("wood", "dark", "white", "metal"))
    return Thing("picture", Mesh().add(picture, 0, -np.sin(lean) * h, 0, pitch=-lean))


def photo_frame(k: Kit) -> Thing:
    """A small framed photograph that stands on furniture, with or without a foot behind it."""
    w, h, lean, deep = k.u(0.1, 0.32), k.u(0.1, 0.36), k.u(0.03, 0.4), k.u(0.01, 0.035)
    frame = k.paint("wood", "dark", "white", "metal", "lacquer")
    rim = min(k.u(0.008, 0.05), w * 0.3, h * 0.3)
    board = Mesh().box(-w / 2, w / 2, -deep, 0, 0, h, frame)
    board.box(rim - w / 2, w / 2 - rim, -deep - 0.004, -deep, rim, h - rim, k.paint("motif"))
    mesh = Mesh().add(board, 0, -np.sin(lean) * h / 2, 0, pitch=-lean)
    if k.chance(0.8):
        back = np.sin(lean) * h / 2
        mesh.box(-0.02, 0.02, back, back + 0.008, 0, h * 0.6, frame)
    return Thing("picture", mesh)
