"""Doors and windows of public buildings, and what hangs before them."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import pleats

BEFORE_WINDOWS = ["none", "none", "curtains", "curtains", "blinds"]


def _leaf(k: Kit, w: float, h: float) -> Mesh:
    """A leaf from x = 0 to w: steel with kick plates and a slot of glass, a frame around glass, or
    ribbed."""
    paint, steel, mesh, kind = (
        k.paint("painted", "laminate", "steel"),
        k.paint("steel"),
        Mesh(),
        k.pick(["slot", "slot", "glazed", "ribbed", "port"]),
    )
    if kind == "glazed":
        mesh.box(0, w, 0, 0.05, 0.008, 0.25, paint).box(0, w, 0, 0.05, h - 0.1, h, paint).box(
            0.08, w - 0.08, 0.02, 0.03, 0.25, h - 0.1, k.paint("pane")
        )
        mesh.box(0, 0.08, 0, 0.05, 0.25, h - 0.1, paint).box(
            w - 0.08, w, 0, 0.05, 0.25, h - 0.1, paint
        )
    else:
        mesh.box(0, w, 0, 0.05, 0.008, h, paint).box(0.02, w - 0.02, -0.004, 0, 0.02, 0.28, steel)
    if kind == "slot":
        mesh.box(w * 0.72, w * 0.84, -0.004, 0, 0.95, 1.75, k.paint("pane"))
    elif kind == "ribbed":
        for x in np.arange(0.08, w - 0.1, 0.12):
            mesh.prism(
                [(x, 0.35), (x + 0.06, 0.35), (x + 0.06, h - 0.1), (x, h - 0.1)], -0.012, 0, paint
            )
    elif kind == "port":
        mesh.add(
            Mesh().post(0, 0, 0, 0.012, 0.17, k.paint("pane"), 16), w / 2, 0, 1.5, pitch=np.pi / 2
        )
    z = k.u(0.95, 1.1)
    if k.chance(0.5):
        return mesh.tube([(w * 0.1, -0.06, z), (w * 0.9, -0.06, z)], 0.014, steel, 6)
    return mesh.tube(
        [
            (w - 0.08, 0, z - 0.2),
            (w - 0.08, -0.05, z - 0.18),
            (w - 0.08, -0.05, z + 0.18),
            (w - 0.08, 0, z + 0.2),
        ],
        0.013,
        steel,
        6,
    )


def door(k: Kit, w: float, h: float, ajar: float) -> Thing:
    """A steel frame flush with the wall, with one leaf or two; `ajar` radians of swing into the
    room."""
    frame, x, deep = k.paint("painted", "steel"), w / 2, 0.14
    jamb = (
        Mesh()
        .pair(x - 0.05, x + 0.01, -0.008, deep, 0, h, frame)
        .box(0.05 - x, x - 0.05, -0.008, deep, h - 0.05, h, frame)
    )
    if ajar:
        return (
            Thing()
            .carry(Thing("doorframe", jamb))
            .carry(Thing("door", _leaf(k, w - 0.12, h - 0.06)), 0.055 - x, -0.035, 0, -ajar)
        )
    leaves = 2 if w > 1.25 else 1
    leaf, wide = _leaf(k, (w - 0.11) / leaves, h - 0.06), w - 0.11
    hung = Mesh().add(leaf, -wide / 2, 0.03)
    if leaves == 2:
        hung.add(leaf.scaled(-1), wide / 2, 0.03)
    return Thing("door", jamb.add(hung))


def window(k: Kit, w: float, z0: float, z1: float) -> Thing:
    """A band of glass behind a few mullions, a low rail of steel, tinted or not."""
    frame, deep, mesh = k.paint("steel", "painted", "rubber"), k.u(0.03, 0.1), Mesh()
    mesh.box(-w / 2, w / 2, deep, deep + 0.012, z0, z1, k.paint("pane"))
    for x in np.arange(-w / 2, w / 2 - 0.08, k.u(0.35, 0.9)):
        mesh.prism([(x, z0), (x + 0.04, z0), (x + 0.04, z1), (x, z1)], -0.005, deep, frame)
    for z in (z0, z0 + (z1 - z0) * k.u(0.15, 0.35), z1 - 0.04):
        mesh.box(-w / 2, w / 2, -0.005, deep, z, z + 0.04, frame)
    return Thing(
        "window",
        mesh.prism(
            [(w / 2 - 0.04, z0), (w / 2, z0), (w / 2, z1), (w / 2 - 0.04, z1)], -0.005, deep, frame
        ),
    )


def curtain(k: Kit, width: float, top: float, bottom: float) -> Thing:
    """A curtain in even pleats."""
    return Thing(
        "curtain",
        pleats(
            k,
            [(-width / 2, -0.055), (width / 2, -0.055)],
            top,
            bottom,
            k.paint("canvas", "linen", "velvet"),
        ),
    )
