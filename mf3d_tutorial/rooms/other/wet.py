"""Bathrooms and heating of public buildings. Each public function is a family: a `Kit` in, a new
`Thing` out."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import ngon, plate, pleats, trough


def rail_toilet(k: Kit) -> Thing:
    """A conical bowl with an open seat, a flush pipe up to a cistern high on the wall or in it;
    bars to hold on to."""
    w = k.u(0.36, 0.42)
    h = k.u(0.44, 0.5)
    white = k.paint("moulded", "painted")
    steel = k.paint("steel")
    mesh = Mesh()
    bowl = (
        Mesh()
        .turned(
            0,
            0,
            [(0.3, 0), (0.24, 0.12), (0.3, 0.3), (0.5, h), (0.36, h), (0.2, h - 0.15)],
            white,
            16,
        )
        .scaled(w, 0.52, 1)
    )
    mesh.add(bowl, 0, -0.1).tube([(0, 0.24, h - 0.1), (0, 0.24, 1.2)], 0.022, steel, 8)
    z = k.u(0.85, 1.5)
    mesh.box(-0.22, 0.22, 0.14, 0.27, z, z + 0.3, white) if k.chance(0.6) else mesh.box(
        -0.09, 0.09, 0.2, 0.27, 0.85, 1.05, steel
    )
    for side in (-1, 1) if k.chance(0.5) else ():
        mesh.tube(
            [
                (side * 0.34, 0.27, 0.62),
                (side * 0.34, -0.45, 0.62),
                (side * 0.34, -0.45, 0.78),
                (side * 0.34, 0.27, 0.78),
            ],
            0.016,
            steel,
            6,
        )
    return Thing("toilet", mesh)


def box_toilet(k: Kit) -> Thing:
    """A toilet with straight sides that is one block with its cistern, as in trains and camps."""
    w, d, h, white, mesh = (
        k.u(0.36, 0.46),
        k.u(0.6, 0.72),
        k.u(0.4, 0.46),
        k.paint("moulded", "steel", "painted"),
        Mesh(),
    )
    mesh.prism(
        [(-w * 0.36, 0), (w * 0.36, 0), (w / 2, h - 0.03), (-w / 2, h - 0.03)],
        -d / 2,
        d / 2 - 0.18,
        white,
    )
    mesh.box(-w / 2, w / 2, d / 2 - 0.18, d / 2, 0, h + k.u(0.35, 0.5), white)
    mesh.add(
        plate(ngon(10, w * 1.02, d - 0.2), h - 0.03, h + 0.012, k.paint("rubber", "moulded")),
        0,
        -0.09,
    )
    return Thing("toilet", mesh)


def scrub_sink(k: Kit) -> Thing:
    """A long steel trough on the wall with several taps and a splashback."""
    taps, h, d, mesh = k.n(1, 3), k.u(0.82, 0.95), k.u(0.42, 0.55), Mesh()
    w = 0.3 + 0.45 * taps
    mesh.add(trough(k, w, d, h, taps)).box(
        -w / 2, w / 2, d / 2, d / 2 + 0.02, h - 0.18, h + k.u(0.2, 0.5), k.paint("steel", "moulded")
    )
    for x in (-w / 2 + 0.06, w / 2 - 0.06):
        mesh.add(
            Mesh().prism([(-d / 2, 0), (d / 2, -0.3), (d / 2, 0)], -0.015, 0.015, k.paint("steel")),
            x,
            0,
            h - 0.2,
            yaw=np.pi / 2,
        )
    return Thing("sink", mesh)


def font_basin(k: Kit) -> Thing:
    """A basin of six or eight sides on a straight shaft, or a tub on four legs as in a
    wash-house."""
    s = k.u(0.42, 0.6)
    h = k.u(0.78, 0.9)
    white = k.paint("moulded", "terrazzo", "painted")
    mesh = Mesh()
    if k.chance(0.5):
        n = k.pick([6, 8])
        mesh.turned(
            0,
            0,
            [
                (s * 0.2, 0),
                (s * 0.16, 0.1),
                (s * 0.16, h - 0.2),
                (s / 2, h),
                (s * 0.42, h),
                (s * 0.12, h - 0.13),
            ],
            white,
            n,
        )
    else:
        mesh.add(trough(k, s, s * 0.9, h, 1))
        for x in (-s / 2 + 0.03, s / 2 - 0.03):
            mesh.tube([(x, -s * 0.4, 0), (x, -s * 0.4, h - 0.02)], 0.018, white, 4).tube(
                [(x, s * 0.4, 0), (x, s * 0.4, h - 0.02)], 0.018, white, 4
            )
    return Thing(
        "sink",
        mesh.tube(
            [(0, s * 0.46, h - 0.1), (0, s * 0.46, h + 0.2), (0, s * 0.2, h + 0.22)],
            0.011,
            k.paint("steel"),
            6,
        ),
    )


def care_tub(k: Kit) -> Thing:
    """A hospital's tub: a trapezoid shell with a door in its side, on a broad column."""
    w, d, z, h, white, mesh = (
        k.u(1.5, 1.9),
        k.u(0.72, 0.85),
        k.u(0.3, 0.5),
        k.u(0.82, 1.0),
        k.paint("moulded", "painted"),
        Mesh(),
    )
    mesh.box(-w * 0.25, w * 0.25, -d * 0.3, d * 0.3, 0, z, k.paint("painted", "steel"))
    for y in (-d / 2, d / 2 - 0.06):
        mesh.prism([(-w * 0.4, z), (w * 0.44, z), (w / 2, h), (-w / 2, h)], y, y + 0.06, white)
    mesh.box(-w * 0.4, w * 0.44, -d / 2 + 0.06, d / 2 - 0.06, z, z + 0.05, white)
    for x, tilt in ((-w * 0.45, -0.2), (w * 0.46, 0.12)):
        mesh.add(
            Mesh().box(-0.03, 0.03, -d / 2 + 0.06, d / 2 - 0.06, 0, h - z, white),
            x,
            0,
            z,
            roll=tilt,
        )
    mesh.box(
        -w * 0.1, w * 0.25, -d / 2 - 0.012, -d / 2, z + 0.1, h - 0.03, k.paint("moulded", "pane")
    )
    return Thing("bathtub", mesh)


def soaking_tub(k: Kit) -> Thing:
    """Deep and short: a barrel of staves, a round pool with a broad rim, or a square box of
    boards."""
    r, h, paint, mesh, n = (
        k.u(0.45, 0.68),
        k.u(0.6, 0.85),
        k.paint("ash", "moulded", "terrazzo"),
        Mesh(),
        k.pick([4, 10, 20]),
    )
    mesh.turned(0, 0, [(r * 0.92, 0), (r, h), (r * 0.88, h), (r * 0.84, 0.25)], paint, n)
    if n == 10:
        for z in (h * 0.25, h * 0.8):
            mesh.post(0, 0, z, z + 0.03, r * 1.01, k.paint("steel"), 10)
    shell = Mesh().add(mesh, yaw=np.pi / 4 if n == 4 else 0)
    return Thing("bathtub", shell)


def rail_shower(k: Kit) -> Thing:
    """A drain in a tiled square, a hose, a stool; around it a curtain on a bent rail: a group."""
    w = k.u(0.9, 1.2)
    d = k.u(0.85, 1.1)
    top = k.u(1.95, 2.15)
    steel = k.paint("steel")
    group = Thing()
    group.carry(Thing("shower floor", Mesh().block(w, d, 0, 0.015, k.paint("mosaic"))))
    hose = Mesh().tube(
        [
            (0.1, d / 2 - 0.04, 1.0),
            (0.25, d / 2 - 0.08, 0.75),
            (0.0, d / 2 - 0.05, 1.1),
            (0.0, d / 2 - 0.05, 1.9),
        ],
        0.01,
        steel,
        5,
    )
    group.carry(
        Thing("shower", hose.box(-0.06, 0.06, d / 2 - 0.14, d / 2 - 0.06, 1.86, 1.94, steel))
    )
    far, share = 0.06 - d / 2, k.u(0.4, 1.0)
    path = [(-w / 2 + 0.05, far), (-w / 2 + 0.05 + (w - 0.1) * share, far)]
    group.carry(
        Thing("shower curtain", pleats(k, path, top, k.u(0.05, 0.3), k.paint("vinyl sheet")))
    )
    return group.carry(
        Thing(
            "shower curtain rod",
            Mesh().tube(
                [(-w / 2, far, top + 0.06), (w / 2, far, top + 0.06), (w / 2, d / 2, top + 0.06)],
                0.012,
                steel,
                6,
            ),
        )
    )


def tub_screen(k: Kit) -> Thing:
    """A care tub or a soaking tub and a curtain on a hoop above it: a group."""
    tub = k.pick([care_tub, soaking_tub])(k)
    (x0, y0, _), (x1, _, z) = tub.bounds()
    y, low, high = y0 - 0.08, z * k.u(0.2, 0.9), k.u(1.9, 2.1)
    span = (x1 - x0) * k.u(0.35, 0.9)
    curtain = Thing(
        "shower curtain", pleats(k, [(x0, y), (x0 + span, y)], high, low, k.paint("vinyl sheet"))
    )
    return Thing().carry(tub).carry(curtain)


def convector(k: Kit) -> Thing:
    """A low heater with louvres along the floor."""
    w, h, paint, mesh = k.u(0.8, 2.2), k.u(0.16, 0.32), k.paint("painted", "steel"), Mesh()
    mesh.box(-w / 2, w / 2, -0.1, 0, 0.06, h, paint)
    for x in np.arange(-w / 2 + 0.05, w / 2 - 0.05, 0.05):
        mesh.box(x, x + 0.02, -0.09, -0.02, h, h + 0.006, k.paint("rubber"))
    return Thing("radiator", mesh)


def top_loader(k: Kit) -> Thing:
    """A washing machine with a lid on top and a console behind it."""
    w = k.u(0.42, 0.68)
    d = k.u(0.58, 0.68)
    h = k.u(0.88, 1.0)
    white = k.paint("moulded", "painted")
    mesh = Mesh()
    mesh.prism([(-w / 2, 0.04), (w / 2, 0.04), (w / 2, h), (-w / 2, h)], -d / 2, d / 2, white).box(
        -w / 2, w / 2, d / 2 - 0.1, d / 2, h, h + 0.14, k.paint("rubber", "moulded")
    )
    return Thing(
        k.pick(["washing machine", "clothes dryer"]),
        mesh.box(
            -w / 2 + 0.04,
            w / 2 - 0.04,
            -d / 2 + 0.03,
            d / 2 - 0.14,
            h,
            h + 0.02,
            k.paint("pane", "moulded"),
        ),
    )
