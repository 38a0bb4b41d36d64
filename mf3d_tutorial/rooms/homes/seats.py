"""Sofas, armchairs and chairs. Each public function is a family: of a `Kit` it makes a new
`Thing`."""

from dataclasses import dataclass

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .cloth import throw


@dataclass
class _Style:
    """What the parts of one suite have in common: metres, radians."""

    cloth: int
    trim: int
    depth: float
    seat: float  # height of the seat
    top: float  # height of the back
    pad: float  # thickness of the seat cushion
    back: float  # thickness of the back
    rake: float
    power: float  # roundness
    foot: float
    loose: bool  # with cushions of their own at the back


def _style(k: Kit, top: tuple[float, float]) -> _Style:
    cloth = k.paint("fabric", "fabric", "cloth", "leather")
    trim = k.pick([cloth, k.paint("wood", "metal", "fabric")])
    sizes = (
        k.u(0.75, 1.1),
        k.u(0.34, 0.5),
        k.u(*top),
        k.u(0.09, 0.2),
        k.u(0.08, 0.25),
        k.u(0.02, 0.2),
        k.u(0.15, 0.5),
    )
    return _Style(cloth, trim, *sizes, k.pick([0.0, 0.03, k.u(0.06, 0.16)]), k.chance(0.6))


def _seats(k: Kit, s: _Style, count: int, each: float) -> Mesh:
    """Seats side by side around x = 0, their back at +y."""
    mesh, w, rest = Mesh(), count * each, s.depth / 2 - s.back
    mesh.box(
        -w / 2, w / 2, -s.depth / 2 + 0.02, s.depth / 2 - 0.03, s.foot, s.seat - s.pad, s.cloth
    )
    frame = s.top - (k.u(0.05, 0.2) if s.loose else 0)
    mesh.soft(-w / 2, w / 2, rest, s.depth / 2, s.foot, frame, s.cloth, max(0.15, s.power * 0.6))
    bench = k.chance(0.2)
    for x in [0.0] if bench else each * (np.arange(count) - (count - 1) / 2):
        half = (w if bench else each) / 2 - 0.004
        mesh.soft(
            x - half,
            x + half,
            -s.depth / 2,
            rest,
            s.seat - s.pad,
            s.seat + k.u(-0.01, 0.015),
            s.cloth,
            s.power,
        )
    for x in each * (np.arange(count) - (count - 1) / 2) if s.loose else ():
        tall, thick = s.top - s.seat + k.u(-0.05, 0.05), k.u(0.1, 0.2)
        cushion = Mesh().soft(
            0.01 - each / 2, each / 2 - 0.01, -thick, 0.02, 0, tall, s.cloth, s.power + 0.15
        )
        mesh.add(cushion, x, rest, s.seat - 0.01, pitch=-s.rake)
    return mesh


def _arm(k: Kit, s: _Style, kind: str, width: float, rise: float) -> Mesh:
    """An arm from x = 0 to x = width beside a seat."""
    y0, y1, z = -s.depth / 2, s.depth / 2 - 0.05, s.seat + rise
    if kind == "rolled":
        mesh = Mesh().box(0.02, width - 0.02, y0 + 0.03, y1, s.foot, z - 0.06, s.cloth)
        return mesh.soft(0, width, y0, y1, z - 0.14, z, s.cloth, 0.9)
    if kind == "frame":
        mesh = Mesh().tube(
            [(width / 2, y0 + 0.05, 0), (width / 2, y0 + 0.05, z - 0.02)], 0.022, s.trim
        )
        mesh.tube([(width / 2, y1 - 0.05, 0), (width / 2, y1 - 0.05, z - 0.02)], 0.022, s.trim)
        return mesh.box(0, width, y0, y1, z - 0.03, z, s.trim)
    if kind == "slanted":
        return Mesh().prism(
            [(0, s.foot), (width * 0.7, s.foot), (width, z), (width * 0.3, z)], y0, y1, s.cloth
        )
    if kind == "padded":
        return Mesh().soft(0, width, y0, y1, s.foot, z, s.cloth, s.power * 1.2)
    return Mesh().box(0, width, y0, y1, s.foot, z, s.cloth)


def _suite(k: Kit, s: _Style, count: int, each: float, chaise: int) -> Thing:
    """Seats with arms; `chaise` seats more go forward at the right end and make it an L (0:
    none)."""
    mesh, w, kind = (
        _seats(k, s, count, each),
        count * each,
        k.pick(["box", "padded", "rolled", "frame", "slanted", "none"]),
    )
    width, rise, right = k.u(0.07, 0.28), k.u(0.08, 0.28), w / 2
    tops = [
        (
            -w / 2 + 0.05,
            w / 2 - 0.05,
            -s.depth / 2 + 0.08,
            s.depth / 2 - s.back - 0.14,
            s.seat + 0.02,
            0.6,
        )
    ]
    if chaise:
        corner = _seats(k, s, 1, s.depth)
        side = Mesh().soft(
            s.depth / 2 - s.back,
            s.depth / 2,
            -s.depth / 2,
            s.depth / 2,
            s.foot,
            s.top - 0.1,
            s.cloth,
            0.2,
        )
        mesh.add(corner, right + s.depth / 2).add(side, right + s.depth / 2)
        mesh.add(
            _seats(k, s, chaise, each),
            right + s.depth / 2,
            -s.depth / 2 - chaise * each / 2,
            yaw=-np.pi / 2,
        )
    if kind != "none":
        mesh.add(_arm(k, s, kind, width, rise).scaled(-1), -w / 2)
        if chaise:
            end = (right + s.depth / 2, -s.depth / 2 - chaise * each)
            mesh.add(_arm(k, s, kind, width, rise), *end, yaw=-np.pi / 2)
        else:
            mesh.add(_arm(k, s, kind, width, rise), right)
    if s.foot > 0.05:
        for x in (0.06 - w / 2, w / 2 - 0.06):
            for y in (0.08 - s.depth / 2, s.depth / 2 - 0.1):
                mesh.turned(x, y, [(0.015, 0), (0.03, s.foot)], s.trim, 8)
    _soften(k, s, mesh, w)
    mirrored = k.chance(0.5)
    if mirrored and chaise:
        mesh, tops = mesh.scaled(-1), [(-x1, -x0, *rest) for x0, x1, *rest in tops]
    return Thing("couch", mesh, tops)


def _soften(k: Kit, s: _Style, mesh: Mesh, w: float) -> None:
    """A throw over seat and back, and cushions that count as part of the sofa."""
    rest = s.depth / 2 - s.back
    if k.chance(0.25) and w > 0.5:
        wide = k.u(0.3, min(0.9, w * 0.8))
        ends = [
            (-s.depth / 2 - 0.02, s.seat * 0.5),
            (-s.depth / 2 - 0.02, s.seat),
            (0, s.seat + 0.01),
            (rest - 0.16, s.seat + 0.02),
        ]
        ends += [(rest - 0.06, s.top - 0.06), (rest + 0.02, s.top + 0.01)]
        mesh.add(throw(k, k.u(-1, 1) * (w - wide) / 2, wide, ends, k.paint("cloth")))
    for _ in range(k.n(0, 3) if k.chance(0.4) else 0):
        size = min(k.u(0.3, 0.5), w * 0.7)
        pillow = Mesh().soft(
            -size / 2, size / 2, -0.08, 0.06, 0, size, k.paint("cloth", "fabric"), 0.6
        )
        mesh.add(
            pillow,
            k.u(-1, 1) * (w - size) / 2,
            rest - 0.22,
            s.seat,
            k.u(-0.3, 0.3),
            pitch=-k.u(0.1, 0.4),
        )


def couch(k: Kit) -> Thing:
    """A sofa of two to four seats."""
    return _suite(k, _style(k, (0.62, 1.0)), k.n(2, 4), k.u(0.5, 0.85), 0)


def corner_sofa(k: Kit) -> Thing:
    """A sofa around a corner."""
    return _suite(k, _style(k, (0.62, 0.95)), k.n(1, 3), k.u(0.55, 0.8), k.n(1, 2))


def easy_chair(k: Kit) -> Thing:
    """One upholstered seat: club, lounge and recliner."""
    thing = _suite(k, _style(k, (0.65, 1.15)), 1, k.u(0.5, 0.75), 0)
    return Thing(k.pick(["armchair", "armchair", "sofa chair"]), thing.mesh, thing.tops)


def tub_chair(k: Kit) -> Thing:
    """A seat inside one bent shell, or with wings beside its head."""
    r = k.u(0.32, 0.42)
    h = k.u(0.38, 0.46)
    top = k.u(0.68, 1.1)
    cloth = k.paint("fabric", "cloth", "leather")
    mesh, angles = Mesh(), np.linspace(-0.15, np.pi + 0.15, 15)
    low, rim = k.pick([0.02, 0.15]), top - k.u(0.05, 0.35) * np.abs(np.cos(angles)) ** 2
    for radius in (r, r - k.u(0.05, 0.09)):
        ring = np.stack([radius * np.cos(angles), radius * np.sin(angles), np.full(15, low)], -1)
        mesh.sheet(np.stack([ring, ring + np.stack([0 * rim, 0 * rim, rim - low], -1)]), cloth)
    mesh.soft(-r + 0.05, r - 0.05, -r, r - 0.06, h - 0.16, h, cloth, 0.5)
    mesh.post(0, 0, low, h - 0.1, r - 0.08, cloth, 14)
    for angle in (0.8, 2.4, 3.9, 5.5) if low > 0.1 else ():
        mesh.post(
            0.7 * r * np.cos(angle), 0.7 * r * np.sin(angle), 0, low, 0.02, k.paint("wood", "metal")
        )
    return Thing(k.pick(["armchair", "sofa chair"]), mesh)


def _base(k: Kit, mesh: Mesh, w: float, d: float, h: float, paint: int) -> None:
    """What a chair stands on: splayed legs, a sled, a cantilever or a swivel foot."""
    kind, x, y, r = (
        k.pick(["splayed", "splayed", "sled", "cantilever", "swivel"]),
        w / 2 - 0.04,
        d / 2 - 0.04,
        k.u(0.01, 0.022),
    )
    out = k.u(0.02, 0.09)
    for side in (-x, x) if kind != "swivel" else ():
        foot = side * (1 + out / x)
        if kind == "splayed":
            mesh.tube([(foot, -y - out, 0), (side, -y, h)], r, paint).tube(
                [(foot, y + out, 0), (side, y, h)], r, paint
            )
        elif kind == "sled":
            mesh.tube(
                [(side, -y, h), (side, -y - out, r), (side, y + out, r), (side, y, h)], r, paint
            )
        else:
            mesh.tube([(side, y, r), (side, -y, r), (side, -y, h)], r, paint)
    if kind == "swivel":
        mesh.post(0, 0, 0.05, h, 0.025, paint)
        for angle in np.arange(4) * np.pi / 2 + 0.4:
            mesh.tube(
                [(0, 0, 0.07), (0.28 * np.cos(angle), 0.28 * np.sin(angle), 0.02)], 0.018, paint
            )


def dining_chair(k: Kit) -> Thing:
    """Bent shell, padded block, spindles or an open frame on any base; sometimes a jacket over the
    back."""
    w, d, h, top = k.u(0.36, 0.54), k.u(0.36, 0.52), k.u(0.4, 0.5), k.u(0.25, 0.65)
    frame, seat, mesh, back = (
        k.paint("wood", "metal", "dark", "lacquer"),
        k.paint("plastic", "wood", "fabric", "cloth", "leather"),
        Mesh(),
        Mesh(),
    )
    _base(k, mesh, w, d, h - 0.03, frame)
    style, rake = k.pick(["shell", "padded", "spindles", "frame", "bars"]), k.u(0.03, 0.3)
    if style == "shell":
        across, bend = np.linspace(-1, 1, 9), k.u(0.02, 0.16)
        lines = [
            (-d / 2, h),
            (0, h - 0.03),
            (d / 2 - 0.08, h),
            (d / 2, h + 0.07),
            (d / 2 + rake * top, h + top),
        ]
        rows = [
            np.stack(
                [across * w / 2, y - bend * across**2 * (z > h), z + bend * across**2 * (z <= h)],
                -1,
            )
            for y, z in lines
        ]
        return Thing("chair", mesh.sheet(np.array(rows), seat))
    thick = k.pick([0.02, k.u(0.04, 0.12)])
    mesh.soft(-w / 2, w / 2, -d / 2, d / 2, h - thick, h, seat, k.u(0.15, 0.4))
    if style == "padded":
        back.soft(-w / 2, w / 2, -0.04, 0.03, k.pick([-0.05, 0.1]), top, seat, k.u(0.15, 0.5))
    else:
        back.pair(w / 2 - 0.03, w / 2, -0.015, 0.015, -0.03, top, frame)
        back.box(-w / 2, w / 2, -0.02, 0.02, top - k.u(0.04, 0.2), top, frame)
    if style == "spindles":
        for x in np.linspace(-w / 2, w / 2, k.n(5, 8))[1:-1]:
            back.tube([(x * 0.8, 0, 0), (x, 0, top)], 0.009, frame, 6)
    elif style == "bars":
        for z in np.linspace(0.1, top, k.n(3, 5))[:-1]:
            back.box(-w / 2, w / 2, -0.01, 0.01, z - 0.02, z + 0.02, frame)
    if k.chance(0.08):
        back.soft(-w / 2 - 0.03, w / 2 + 0.03, -0.08, 0.08, 0.0, top + 0.03, k.paint("cloth"), 0.4)
    mesh.add(back, 0, d / 2 - 0.02, h, pitch=-rake)
    return Thing("chair", mesh)
