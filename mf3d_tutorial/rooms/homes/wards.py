"""Beds of wards and what stands around them. Each public function is a family: of a `Kit` it makes
a new `Thing`."""

from itertools import pairwise

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .cloth import cover, folds, throw
from .parts import castors, railing, star


def _slope(k: Kit, y0: float, y1: float, head: float, knee: float) -> tuple[list, float]:
    """Side view (y, height above the frame) of a bed's four boards from foot to head, raised by
    these angles, and where the head board begins."""
    back = k.u(0.65, 0.8)
    hip = y1 - back
    thigh = 0.42
    seat = hip - 0.25
    bend = seat - thigh * np.cos(knee)
    up = thigh * np.sin(knee)
    line = [(y0, 0.0), (bend, up), (seat, 0.0), (hip, 0.0)]
    return [*line, (hip + back * np.cos(head), back * np.sin(head))], hip


def _boards(mesh: Mesh, line: list, w: float, thick: float, paint: int, power: float) -> None:
    """A mattress (or the frame below it) that follows a side view of (y, z) points."""
    for (ya, za), (yb, zb) in pairwise(line):
        long, angle = np.hypot(yb - ya, zb - za), np.arctan2(zb - za, yb - ya)
        part = Mesh().soft(-w / 2, w / 2, -0.01, long + 0.01, 0, thick, paint, power)
        mesh.add(part, 0, ya, za, pitch=angle)


def _end(k: Kit, mesh: Mesh, w: float, y: float, z0: float, z1: float, paint: int) -> None:
    """Head or foot of a ward's bed: a board with rounded top, a framed board or bars."""
    kind, edge = k.pick(["board", "board", "framed", "bars"]), k.paint("plastic", "white", "wood")
    if kind == "bars":
        railing(mesh, ((-w / 2, y), (w / 2, y)), z0, z1, 0.016, k.n(0, 6), paint)
        return
    corner = min(0.12, (z1 - z0) * 0.4)
    outline = [(-w / 2, z0), (w / 2, z0), (w / 2, z1 - corner), (w / 2 - corner, z1)]
    outline += [(corner - w / 2, z1), (-w / 2, z1 - corner)]
    mesh.prism(outline, y - 0.018, y + 0.018, edge)
    if kind == "framed":
        mesh.box(
            0.1 - w / 2,
            w / 2 - 0.1,
            y - 0.024,
            y + 0.024,
            z0 + 0.06,
            z1 - 0.08,
            k.paint("wood", "lacquer", "white"),
        )


def _rails(
    k: Kit, mesh: Mesh, x: float, y0: float, y1: float, base: float, h: float, paint: int
) -> None:
    """The rails of one side: whole or in two halves, of bars or of plastic with slots, up or
    down."""
    down = k.chance(0.35)
    z0, z1 = (base - 0.32, base + 0.02) if down else (base - 0.05, h + k.u(0.16, 0.36))
    z0 = max(z0, 0.14)
    mid, shell = (y0 + y1) / 2, k.paint("plastic", "white")
    halves = k.pick([[(y0, y1)], [(y0 + 0.05, mid - 0.05), (mid + 0.05, y1)], [(mid - 0.1, y1)]])
    kind, bars = k.pick(["bars", "bars", "lying", "shell"]), k.n(2, 6)
    for a, b in halves:
        if kind == "shell":
            for low, high in ((z0, z0 + (z1 - z0) * 0.45), (z1 - (z1 - z0) * 0.3, z1)):
                mesh.box(x - 0.015, x + 0.015, a, b, low, high, shell)
            for y in (a, (a + b) / 2 - 0.04, b - 0.08):
                mesh.box(x - 0.015, x + 0.015, y, y + 0.08, z0, z1, shell)
        else:
            count = bars if kind == "bars" else 0
            railing(mesh, ((x, a), (x, b)), z0, z1, 0.012, count, paint)


def _chassis(k: Kit, mesh: Mesh, w: float, d: float, base: float, paint: int) -> None:
    """What lifts a bed on wheels: columns, scissors or straight legs, on four wheels."""
    wheel, x, y = k.u(0.04, 0.08), w / 2 - 0.08, d / 2 - k.u(0.15, 0.35)
    spots = [(side, end) for side in (-x, x) for end in (-y, y)]
    castors(mesh, spots, wheel, k.paint("dark", "metal"))
    low, kind = 2 * wheel, k.pick(["columns", "scissors", "legs", "cover"])
    if kind == "legs":
        for side, end in spots:
            mesh.post(side, end, low - 0.02, base, 0.02, paint)
        return
    mesh.pair(x - 0.03, x + 0.03, -y - 0.05, y + 0.05, low, low + 0.05, paint)
    for end in (-y, y):
        mesh.box(-x, x, end - 0.03, end + 0.03, low, low + 0.05, paint)
    if kind == "columns":
        for end in (-y * 0.6, y * 0.6):
            mesh.block(0.14, 0.14, low, base, paint, 0, end)
            mesh.box(-x, x, end - 0.04, end + 0.04, low, low + 0.05, paint)
    elif kind == "scissors":
        for side in (-x, x):
            mesh.tube([(side, -y, low + 0.04), (side, y * 0.3, base)], 0.02, paint, 4)
            mesh.tube([(side, y, low + 0.04), (side, -y * 0.3, base)], 0.02, paint, 4)
    else:
        mesh.box(
            0.02 - x, x - 0.02, 0.1 - y, y - 0.1, low, base, k.paint("white", "plastic", "metal")
        )


def _sheets(k: Kit, mesh: Mesh, line: list, w: float, hip: float, base: float, t: float) -> None:
    """What lies on a ward's bed: a blanket that follows its boards, one thrown aside, pillows."""
    blanket, state = (
        k.paint("white", "cloth", "white", "fabric"),
        k.pick(["made", "half", "aside", "none"]),
    )
    flat = line[1][1] < 0.02
    z, y0 = base + t, line[0][0]
    if state in ("made", "half") and flat:
        start = y0 + (0.0 if state == "made" else k.u(0.2, 0.6))
        mesh.add(
            cover(
                k,
                w,
                start,
                hip - k.u(0, 0.2),
                z + 0.02,
                k.u(0.05, t + 0.12),
                blanket,
                k.u(0.008, 0.035),
            )
        )
    elif state in ("made", "half"):
        top = [(y, base + height + t) for y, height in line[:4]]
        mesh.add(throw(k, 0.0, w * k.u(0.85, 1.02), [(y0 - 0.02, z - 0.15), *top], blanket))
    elif state == "aside":
        mesh.soft(
            -w * 0.45,
            w * k.u(0.0, 0.45),
            y0 + 0.05,
            y0 + k.u(0.3, 0.8),
            z - 0.02,
            z + k.u(0.06, 0.2),
            blanket,
            0.6,
        )
    (ya, za), (yb, zb) = line[3:]
    angle, along = np.arctan2(zb - za, yb - ya), np.hypot(yb - ya, zb - za) - k.u(0.25, 0.35)
    for _ in range(k.n(1, 2)):
        wide = min(w * 0.8, k.u(0.5, 0.7))
        one = Mesh().soft(
            -wide / 2,
            wide / 2,
            -0.2,
            0.2,
            t - 0.02,
            t + k.u(0.07, 0.15),
            k.paint("white", "white", "cloth"),
            0.45,
        )
        mesh.add(
            one,
            k.u(-0.05, 0.05),
            ya + along * np.cos(angle),
            base + za + along * np.sin(angle),
            pitch=angle,
        )


def hospital_bed(k: Kit) -> Thing:
    """A bed on wheels: boards at head and foot, rails up or down, its back and knees raised, high
    or low, with or without a grip to pull oneself up."""
    w, d, base, t = k.u(0.8, 1.0), k.u(1.95, 2.2), k.u(0.32, 0.72), k.u(0.09, 0.18)
    paint, mesh = k.paint("white", "metal", "metal", "wood", "lacquer"), Mesh()
    _chassis(k, mesh, w, d, base - 0.05, paint)
    mesh.box(-w / 2, w / 2, 0.06 - d / 2, d / 2 - 0.06, base - 0.06, base, paint)
    head, knee = k.pick([0.0, k.u(0.1, 1.1), k.u(0.3, 1.1)]), k.pick([0.0, 0.0, k.u(0.1, 0.4)])
    line, hip = _slope(k, 0.07 - d / 2, d / 2 - 0.07, head, knee)
    _boards(
        mesh,
        [(y, base + z) for y, z in line],
        w - 0.06,
        t,
        k.paint("white", "white", "cloth", "plastic"),
        0.15,
    )
    if head:
        _boards(mesh, [(y, base + z - 0.025) for y, z in line[3:]], w - 0.1, 0.02, paint, 0.15)
    if k.chance(0.9):
        _end(k, mesh, w, d / 2 - 0.02, base - 0.05, base + t + k.u(0.2, 0.5), paint)
    if k.chance(0.85):
        _end(k, mesh, w, 0.02 - d / 2, base - 0.05, base + t + k.u(0.08, 0.32), paint)
    for side in (-1, 1):
        if k.chance(0.8):
            _rails(k, mesh, side * (w / 2 + 0.02), 0.3 - d / 2, d / 2 - 0.2, base, base + t, paint)
    _sheets(k, mesh, line, w - 0.05, hip, base, t)
    if k.chance(0.2):
        x, high = k.pick([-1, 1]) * (w / 2 - 0.1), k.u(1.7, 2.0)
        mesh.tube(
            [(x, d / 2 - 0.05, base), (x, d / 2 - 0.05, high - 0.15), (x, d / 2 - 0.5, high)],
            0.018,
            paint,
        )
        mesh.tube([(x, d / 2 - 0.5, high), (x, d / 2 - 0.5, high - 0.35)], 0.006, paint, 6)
        mesh.box(
            x - 0.06, x + 0.06, d / 2 - 0.52, d / 2 - 0.48, high - 0.4, high - 0.36, k.paint("dark")
        )
    tops = [(0.1 - w / 2, w / 2 - 0.1, 0.15 - d / 2, hip - 0.2, base + t + 0.05, 0.6)]
    return Thing("bed", mesh, [] if knee else tops)


def stretcher(k: Kit) -> Thing:
    """A narrow high bed on large wheels, or a padded couch to be examined on."""
    w, d, h, t = k.u(0.55, 0.75), k.u(1.8, 2.05), k.u(0.55, 0.95), k.u(0.05, 0.12)
    cloth, paint, mesh = (
        k.paint("leather", "dark", "plastic", "fabric"),
        k.paint("metal", "white", "wood"),
        Mesh(),
    )
    base, y, x = h - t, d / 2, w / 2
    kind, head = k.pick(["wheels", "wheels", "legs", "cabinet"]), k.pick([0.0, k.u(0.1, 0.9)])
    mesh.box(0.03 - x, x - 0.03, 0.03 - y, y - 0.03, base - 0.05, base, paint)
    if kind == "wheels":
        _chassis(k, mesh, w, d, base - 0.04, paint)
    elif kind == "legs":
        for end in (0.15 - y, y - 0.15):
            mesh.tube(
                [
                    (-x + 0.05, end, 0),
                    (-x + 0.05, end, base),
                    (x - 0.05, end, base),
                    (x - 0.05, end, 0),
                ],
                0.02,
                paint,
            )
        for side in (0.05 - x, x - 0.05):
            mesh.tube([(side, 0.15 - y, 0.2), (side, y - 0.15, 0.2)], 0.014, paint)
    else:
        mesh.box(
            0.06 - x,
            x - 0.06,
            0.15 - y,
            y - 0.15,
            0,
            base - 0.05,
            k.paint("wood", "white", "lacquer"),
        )
    hip = y - k.u(0.5, 0.75)
    back = y - hip
    line = [(-y, base), (hip, base), (hip + back * np.cos(head), base + back * np.sin(head))]
    _boards(mesh, line, w, t, cloth, 0.2)
    if k.chance(0.5):
        paper = [(yy, z + t) for yy, z in line]
        mesh.add(
            throw(
                k, 0.0, w * 0.8, [(-y - 0.01, base - 0.02), *paper], k.paint("white", "paper white")
            )
        )
    if k.chance(0.5):
        pad = Mesh().soft(
            -0.22, 0.22, -0.3, -0.05, t - 0.02, t + 0.08, k.paint("white", "leather", "cloth"), 0.4
        )
        mesh.add(pad, 0, line[2][0], line[2][1], pitch=head)
    if kind == "wheels":
        for side in (-x - 0.015, x + 0.015):
            if k.chance(0.7):
                railing(
                    mesh,
                    ((side, 0.4 - y), (side, y - 0.45)),
                    base - 0.02,
                    h + k.u(0.15, 0.3),
                    0.011,
                    k.n(0, 5),
                    paint,
                )
    return Thing("bed", mesh, [] if head else [(-x, x, -y + 0.1, hip, h, 0.6)])


def cot_on_wheels(k: Kit) -> Thing:
    """A clear tub on a trolley for a newborn, or a ward's crib with high bars."""
    w, d, mesh = k.u(0.42, 0.6), k.u(0.75, 1.2), Mesh()
    paint, base = k.paint("white", "metal", "wood"), k.u(0.55, 0.8)
    x, y = w / 2, d / 2
    spots = [(side, end) for side in (0.04 - x, x - 0.04) for end in (0.05 - y, y - 0.05)]
    castors(mesh, spots, 0.04, k.paint("dark"))
    for side, end in spots:
        mesh.post(side, end, 0.07, base, 0.016, paint)
    if k.chance(0.5):
        mesh.box(0.02 - x, x - 0.02, 0.03 - y, y - 0.03, 0.15, base - 0.12, paint)
    else:
        mesh.box(0.02 - x, x - 0.02, 0.03 - y, y - 0.03, 0.2, 0.22, paint)
    mesh.box(-x, x, -y, y, base - 0.03, base, paint)
    top = base + k.u(0.2, 0.3) if d < 0.95 else base + k.u(0.45, 0.65)
    if d < 0.95:
        shell = k.paint("glass", "plastic")
        mesh.pair(x - 0.01, x, -y, y, base, top, shell)
        for end in (-y, y - 0.01):
            mesh.box(-x, x, end, end + 0.01, base, top, shell)
    else:
        for side in (-x, x):
            railing(mesh, ((side, -y), (side, y)), base, top, 0.012, 8, paint)
        for end in (-y, y):
            railing(mesh, ((-x, end), (x, end)), base, top + 0.1, 0.012, 4, paint)
    mesh.soft(
        0.02 - x, x - 0.02, 0.02 - y, y - 0.02, base, base + 0.07, k.paint("white", "cloth"), 0.2
    )
    mesh.soft(
        0.06 - x,
        x - 0.06,
        0.05 - y,
        k.u(-0.1, 0.2),
        base + 0.05,
        base + k.u(0.09, 0.14),
        k.paint("cloth", "white"),
        0.4,
    )
    return Thing("bed", mesh)


def over_bed_table(k: Kit) -> Thing:
    """A narrow top on one column at its side, above a foot on wheels that goes under a bed."""
    w, d, h = k.u(0.65, 0.95), k.u(0.36, 0.48), k.u(0.7, 1.08)
    steel, mesh, x, r = k.paint("metal", "white", "dark"), Mesh(), w / 2 - 0.08, k.u(0.02, 0.03)
    mesh.block(w, d, h - k.u(0.015, 0.03), h, k.paint("wood", "wood", "white", "lacquer"))
    for y in (0.04 - d / 2, d / 2 - 0.04):
        mesh.box(-x, x, y - 0.02, y + 0.02, 2 * r, 2 * r + 0.03, steel)
        castors(mesh, [(-x, y), (x, y)], r, k.paint("dark"))
    mesh.box(x - 0.03, x + 0.03, 0.04 - d / 2, d / 2 - 0.04, 2 * r, 2 * r + 0.03, steel)
    mesh.box(x - 0.03, x + 0.03, -0.04, 0.04, 2 * r + 0.03, h - 0.05, steel)
    mesh.box(-x * 0.6, x + 0.03, -0.05, 0.05, h - 0.06, h - 0.03, steel)
    if k.chance(0.3):
        mesh.box(
            0.02 - x,
            x - 0.05,
            0.03 - d / 2,
            d / 2 - 0.03,
            h - 0.16,
            h - 0.06,
            k.paint("white", "wood"),
        )
    mesh = mesh.scaled(k.pick([-1, 1]))
    return Thing("table", mesh, [(-w / 2, w / 2, -d / 2, d / 2, h, 0.6)])


def infusion_pole(k: Kit) -> Thing:
    """A pole on a star foot with hooks and a bag or a device."""
    h, steel, mesh = k.u(1.5, 2.0), k.paint("metal", "white"), Mesh()
    star(k, mesh, h, k.u(0.2, 0.3), steel)
    mesh.tube([(-0.1, 0, h), (0, 0, h - 0.03), (0.1, 0, h)], 0.006, steel, 6)
    if k.chance(0.6):
        mesh.soft(0.06, 0.16, -0.02, 0.02, h - 0.3, h - 0.02, k.paint("white", "plastic"), 0.5)
    if k.chance(0.4):
        mesh.box(
            -0.08, 0.08, -0.16, -0.02, h * 0.6, h * 0.6 + 0.25, k.paint("white", "grey", "plastic")
        )
    return Thing(k.pick(["stand", "rack"]), mesh)


def bed_curtain(k: Kit) -> Thing:
    """A curtain beside a bed, at a right angle to the wall, that hangs from a rail."""
    long, top = k.pick([k.u(0.4, 0.9), k.u(1.2, 2.2)]), k.u(1.95, 2.15)
    cloth = folds(k, long, top, k.u(0.1, 0.4), k.paint("curtain", "cloth", "white"))
    mesh = Mesh().add(cloth, -0.06, k.u(-0.2, 0), yaw=np.pi / 2)
    mesh.box(-0.015, 0.015, -1.0, 1.0, top, top + 0.03, k.paint("metal", "white"))
    return Thing("curtain", mesh)


def folding_screen(k: Kit) -> Thing:
    """Two to four panels of cloth in frames that stand in a zigzag, or one panel on feet."""
    h, paint, cloth = (
        k.u(1.3, 1.85),
        k.paint("metal", "white", "wood", "dark"),
        k.paint("cloth", "fabric", "white", "wood", "lacquer"),
    )
    mesh, panels, w, z = Mesh(), k.n(1, 4), k.u(0.45, 0.7), k.pick([0.06, 0.3])
    if panels == 1:
        w = k.u(0.9, 1.8)
        mesh.pair(w / 2 - 0.04, w / 2 - 0.01, -0.22, 0.22, 0, 0.03, paint)
    x, side, bend = 0.0, 1, k.u(0.2, 0.6) if panels > 1 else 0.0
    for _ in range(panels):
        panel = Mesh().box(0.02, w - 0.02, -0.008, 0.008, z, h - 0.02, cloth)
        for a in (0.0, w - 0.025):
            panel.box(a, a + 0.025, -0.0125, 0.0125, 0.0, h, paint)
        panel.box(0, w, -0.0125, 0.0125, h - 0.02, h, paint)
        y = -side * w * np.sin(bend) / 2
        mesh.add(panel, x - (w / 2 if panels == 1 else 0), y, yaw=side * bend)
        x, side = x + w * np.cos(bend), -side
    return Thing("divider", mesh)
