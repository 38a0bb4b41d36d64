"""Chairs, sofas and beds of public buildings. Each public function is a family: a `Kit` in, a new
`Thing` out."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import cage, casters, ngon, plate, tufted


def stacking_chair(k: Kit) -> Thing:
    """One piece of moulded plastic whose legs are ribs."""
    w, h, paint, mesh = k.u(0.46, 0.6), k.u(0.41, 0.46), k.paint("moulded"), Mesh()
    for x in (-w / 2, w / 2 - 0.05):
        mesh.prism([(x, 0), (x + 0.05, 0), (x + 0.05, h), (x, h)], -w / 2, 0.07 - w / 2, paint)
        mesh.prism(
            [(x, 0), (x + 0.05, 0), (x + 0.05, h + 0.22), (x, h + 0.22)], w / 2 - 0.07, w / 2, paint
        )
        mesh.box(x, x + 0.05, -w / 2, w / 2, h + 0.19, h + 0.22, paint)
    mesh.add(plate(ngon(8, w, w, np.pi / 8), h - 0.02, h, paint))
    rib = Mesh()
    for x in np.linspace(-w * 0.38, w * 0.38, 4):
        rib.prism(
            [(x - 0.045, 0), (x + 0.045, 0), (x + 0.03, 0.4), (x - 0.03, 0.4)], -0.012, 0.012, paint
        )
    return Thing("chair", mesh.add(rib, 0, w / 2 - 0.05, h, pitch=-0.2))


def beam_seating(k: Kit) -> Thing:
    """Seats of a waiting hall on one beam; every seat is a chair, as annotators would have it."""
    count = k.n(2, 4)
    each = k.u(0.52, 0.6)
    steel = k.paint("steel")
    paint = k.paint("moulded", "vinyl")
    group = Thing()
    frame = Mesh().box(-count * each / 2, count * each / 2, -0.03, 0.03, 0.3, 0.36, steel)
    for x in (-count * each / 2 + 0.2, count * each / 2 - 0.2):
        frame.prism(
            [(x - 0.02, 0), (x + 0.02, 0), (x + 0.02, 0.3), (x - 0.02, 0.3)], -0.25, 0.25, steel
        )
    group.carry(Thing("bench" if k.chance(0.3) else "furniture", frame))
    for x in each * (np.arange(count) - (count - 1) / 2):
        shell = Mesh().prism(
            [(-0.24, 0.365), (0.24, 0.365), (0.24, 0.4), (-0.24, 0.4)], -0.24, 0.22, paint
        )
        back = Mesh().prism(
            [(-0.23, 0), (0.23, 0), (0.17, 0.42), (-0.17, 0.42)], -0.015, 0.015, paint
        )
        group.carry(Thing("chair", shell.add(back, 0, 0.2, 0.41, pitch=-0.25)), x)
    return group


def folding_seat(k: Kit) -> Thing:
    """Crossed bars with cloth between them, as a director's chair or a camp stool."""
    w, d, h, r, frame, cloth, mesh = (
        k.u(0.5, 0.62),
        k.u(0.4, 0.5),
        k.u(0.42, 0.5),
        0.016,
        k.paint("ash", "steel"),
        k.paint("canvas"),
        Mesh(),
    )
    for y in (-d / 2, d / 2):
        mesh.tube([(-w / 2, y, 0), (w / 2, y, h)], r, frame, 4).tube(
            [(w / 2, y, 0), (-w / 2, y, h)], r, frame, 4
        )
    mesh.prism([(-w / 2, h), (0, h - 0.05), (w / 2, h), (0, h - 0.03)], -d / 2, d / 2, cloth)
    for x in (-w / 2, w / 2):
        mesh.tube([(x, d / 2, h), (x, d / 2, h + 0.42)], r, frame, 4).tube(
            [(x, -d / 2, h), (x, -d / 2, h + 0.2), (x, d / 2, h + 0.2)], r, frame, 4
        )
    mesh.box(-w / 2, w / 2, d / 2 - 0.006, d / 2 + 0.006, h + 0.22, h + 0.42, cloth)
    return Thing(k.pick(["chair", "chair", "folded chair"]), mesh)


def hoop_chair(k: Kit) -> Thing:
    """A thick round seat, turned legs, a bent hoop with spokes as back."""
    r, h, paint, mesh = k.u(0.2, 0.25), k.u(0.43, 0.47), k.paint("ash", "painted"), Mesh()
    mesh.post(0, 0, h - 0.045, h, r, paint, 18)
    for a in (0.8, 2.3, 4.0, 5.4):
        c, s = np.cos(a), np.sin(a)
        mesh.tube([(1.1 * r * c, 1.1 * r * s, 0), (0.7 * r * c, 0.7 * r * s, h)], 0.02, paint, 10)
    rise, angles = k.u(0.4, 0.55), np.linspace(0.05, 3.09, 9)
    bow = [(r * np.cos(a), r * 0.9 * np.sin(a) ** 0.5, h + rise * np.sin(a)) for a in angles]
    mesh.tube(bow, 0.013, paint, 6)
    for x, y, z in bow[2:-2]:
        mesh.tube([(x * 0.7, r * 0.8, h), (x, y, z)], 0.008, paint, 5)
    return Thing("chair", mesh)


def lab_stool(k: Kit) -> Thing:
    """A round seat on a screw with a ring for the feet, sometimes with a small back."""
    h = k.u(0.55, 0.75)
    r = k.u(0.16, 0.2)
    steel = k.paint("steel")
    seat = k.paint("vinyl")
    mesh = Mesh()
    mesh.soft(-r, r, -r, r, h - 0.07, h, seat, 0.5).post(0, 0, 0.08, h - 0.06, 0.022, steel)
    for a in np.arange(5) * 1.2566:
        mesh.tube([(0, 0, 0.12), (0.27 * np.cos(a), 0.27 * np.sin(a), 0.05)], 0.02, steel, 4)
        mesh.soft(
            0.27 * np.cos(a) - 0.025,
            0.27 * np.cos(a) + 0.025,
            0.27 * np.sin(a) - 0.025,
            0.27 * np.sin(a) + 0.025,
            0,
            0.05,
            seat,
            1,
            8,
        )
    ring = ngon(12, 0.42, 0.42)
    mesh.tube([(x, y, h * 0.4) for x, y in [*ring, ring[0]]], 0.01, steel, 5)
    if k.chance(0.6):
        mesh.tube([(0, r, h - 0.05), (0, r + 0.06, h + 0.2)], 0.015, steel, 5).soft(
            -0.17, 0.17, r + 0.02, r + 0.09, h + 0.12, h + 0.3, seat, 0.5
        )
        return Thing(k.pick(["chair", "office chair"]), mesh)
    return Thing("stool", mesh)


def swivel_seat(k: Kit) -> Thing:
    """A mesh back in a frame over a five-spoke disc; a headrest."""
    h, cloth, steel, mesh = k.u(0.44, 0.5), k.paint("vinyl", "canvas"), k.paint("steel"), Mesh()
    mesh.turned(0, 0, [(0.3, 0.03), (0.28, 0.06), (0.04, 0.1), (0.035, h - 0.1)], steel, 10)
    mesh.add(plate(ngon(6, 0.52, 0.5, 0.3), h - 0.08, h, cloth))
    back = Mesh().tube(
        [(-0.22, 0, 0), (-0.26, 0.02, 0.6), (0.26, 0.02, 0.6), (0.22, 0, 0)], 0.018, steel, 6
    )
    for z in np.arange(0.08, 0.58, 0.05):
        back.box(-0.23, 0.23, 0, 0.02, z, z + 0.03, cloth)
    if k.chance(0.6):
        back.soft(-0.14, 0.14, -0.02, 0.06, 0.64, 0.8, cloth, 0.5)
    mesh.add(back, 0, 0.24, h, pitch=-0.12)
    return Thing(k.pick(["office chair", "chair"]), mesh)


def shell_lounge(k: Kit) -> Thing:
    """A deep ball or a wing of shell on a disc."""
    r = k.u(0.4, 0.5)
    cloth = k.paint("canvas", "vinyl")
    shell = k.paint("moulded", "painted")
    mesh = Mesh()
    u, v = np.meshgrid(np.linspace(-0.2, np.pi + 0.2, 13), np.linspace(-0.9, 0.75, 8))
    points = np.stack(
        [r * np.cos(u) * np.cos(v), r * np.sin(u) * np.cos(v), 0.55 + r * np.sin(v) * 1.1], -1
    )
    mesh.sheet(points, shell).soft(-r * 0.75, r * 0.75, -r * 0.8, r * 0.6, 0.26, 0.42, cloth, 0.7)
    mesh.turned(0, 0, [(0.3, 0), (0.28, 0.03), (0.04, 0.06), (0.05, 0.28)], k.paint("steel"), 12)
    return Thing(k.pick(["armchair", "sofa chair"]), mesh)


def tufted_settee(k: Kit) -> Thing:
    """Back and arms of one height, sewn into bulges, on ball feet."""
    w, d, h, top, cloth, mesh = (
        k.u(1.5, 2.3),
        k.u(0.82, 0.95),
        k.u(0.4, 0.45),
        k.u(0.72, 0.82),
        k.paint("vinyl", "velvet"),
        Mesh(),
    )
    columns = round(w / 0.24)
    mesh.box(-w / 2 + 0.03, w / 2 - 0.03, -d / 2 + 0.05, d / 2 - 0.03, 0.1, h - 0.14, cloth)
    tufted(mesh, -w / 2, w / 2, d / 2 - 0.24, d / 2, 0.12, top, columns, cloth)
    for x in (-w / 2, w / 2 - 0.22):
        mesh.soft(x, x + 0.22, -d / 2, d / 2 - 0.1, 0.1, top - 0.08, cloth, 0.5).add(
            Mesh().post(0, 0, 0, d - 0.1, 0.12, cloth, 12),
            x + 0.11,
            d / 2 - 0.08,
            top - 0.1,
            pitch=np.pi / 2,
        )
    tufted(mesh, -w / 2 + 0.22, w / 2 - 0.22, -d / 2, d / 2 - 0.22, h - 0.14, h, k.n(1, 3), cloth)
    for x in (-w / 2 + 0.1, w / 2 - 0.1):
        mesh.soft(x - 0.05, x + 0.05, -d / 2 + 0.05, -d / 2 + 0.15, 0, 0.1, k.paint("ash"), 1, 8)
    return Thing("couch", mesh, [(-w / 2 + 0.3, w / 2 - 0.3, -d / 2 + 0.1, d / 2 - 0.32, h, 0.5)])


def block_sofa(k: Kit) -> Thing:
    """Upholstered cubes and wedges of a waiting area, in a row or at an angle, without arms."""
    count = k.n(2, 4)
    s = k.u(0.6, 0.72)
    h = k.u(0.42, 0.48)
    cloth = k.paint("vinyl", "canvas", "velvet")
    mesh = Mesh()
    for i in range(count):
        x0 = (i - count / 2) * s
        mesh.box(
            x0 + 0.004,
            x0 + s - 0.004,
            -s / 2,
            s / 2,
            0.05,
            h,
            k.pick([cloth, cloth, k.paint("vinyl")]),
        )
        if k.chance(0.8):
            mesh.box(x0 + 0.004, x0 + s - 0.004, s / 2 - 0.2, s / 2, h, h + 0.36, cloth)
    if k.chance(0.35):
        x0 = (count / 2 - 1) * s
        mesh.box(x0, x0 + s, -1.5 * s, -s / 2, 0.05, h, cloth).box(
            x0 + s - 0.18, x0 + s, -1.5 * s, -s / 2, h, h + 0.36, cloth
        )
    return Thing(
        "couch", mesh, [(-count * s / 2, count * s / 2, -s / 2 + 0.05, s / 2 - 0.25, h, 0.6)]
    )


def slat_futon(k: Kit) -> Thing:
    """A folded mattress in a wooden frame with slatted ends."""
    w = k.u(1.6, 2.1)
    d = k.u(0.85, 1.0)
    paint = k.paint("ash")
    cloth = k.paint("canvas", "velvet")
    mesh = Mesh()
    for x in (-w / 2, w / 2 - 0.06):
        for z in (0.08, 0.28, 0.48, 0.62):
            mesh.box(x, x + 0.06, -d / 2, d / 2, z, z + 0.07, paint)
        mesh.box(x, x + 0.06, -d / 2, 0.07 - d / 2, 0, 0.6, paint).box(
            x, x + 0.06, d / 2 - 0.07, d / 2, 0, 0.6, paint
        )
    mesh.box(-w / 2 + 0.06, w / 2 - 0.06, -d / 2 + 0.04, d / 2, 0.2, 0.26, paint)
    mesh.soft(-w / 2 + 0.07, w / 2 - 0.07, -d / 2 + 0.02, d / 2 - 0.12, 0.26, 0.42, cloth, 0.35)
    fold = Mesh().soft(-w / 2 + 0.07, w / 2 - 0.07, -0.08, 0.08, 0, 0.5, cloth, 0.35)
    return Thing(
        "couch",
        mesh.add(fold, 0, d / 2 - 0.14, 0.42, pitch=-0.25),
        [(-w / 2 + 0.1, w / 2 - 0.1, -d / 2 + 0.1, d / 2 - 0.3, 0.42, 0.5)],
    )


def ward_bed(k: Kit) -> Thing:
    """A bed on wheels: a mattress in bent sections, boards of plastic at both ends, rails that
    fold, a lifting pole."""
    w, d, base, mesh = k.u(0.9, 1.02), k.u(2.05, 2.2), k.u(0.45, 0.62), Mesh()
    white, steel = k.paint("moulded", "painted"), k.paint("steel")
    casters(mesh, w, d - 0.3, steel, 0.14)
    mesh.box(-w / 2 + 0.1, w / 2 - 0.1, -d / 2 + 0.25, d / 2 - 0.25, 0.14, 0.28, steel).post(
        0, 0, 0.28, base, 0.08, steel
    )
    head, knee, y, z = k.u(0, 0.8), k.u(0, 0.25), -d / 2 + 0.08, base
    for length, tilt in ((0.62, knee), (0.55, -knee), (d - 0.16 - 1.17, head)):
        part = (
            Mesh()
            .soft(-w / 2 + 0.04, w / 2 - 0.04, 0, length, 0.03, 0.17, k.paint("linen"), 0.2)
            .box(-w / 2 + 0.04, w / 2 - 0.04, 0, length, 0, 0.03, steel)
        )
        mesh.add(part, 0, y, z, pitch=tilt)
        y, z = y + length * np.cos(tilt), z + length * np.sin(tilt)
    mesh.soft(-0.3, 0.3, y - 0.42, y - 0.06, z + 0.05, z + 0.2, k.paint("linen"), 0.6)
    for end, high in ((-d / 2, base + 0.35), (d / 2 - 0.05, base + 0.5)):
        mesh.prism(
            [(-w / 2, base - 0.1), (w / 2, base - 0.1), (w / 2 - 0.1, high), (0.1 - w / 2, high)],
            end,
            end + 0.05,
            white,
        )
    for side in (-1, 1) if k.chance(0.7) else ():
        for level in (0.25, 0.4):
            mesh.tube(
                [(side * w / 2, -0.1, base + level), (side * w / 2, 0.7, base + level)],
                0.014,
                steel,
                6,
            )
        mesh.tube(
            [(side * w / 2, -0.1, base), (side * w / 2, -0.1, base + 0.4)], 0.012, steel, 6
        ).tube([(side * w / 2, 0.7, base), (side * w / 2, 0.7, base + 0.4)], 0.012, steel, 6)
    if k.chance(0.4):
        mesh.tube(
            [
                (0.2, d / 2, 0.3),
                (0.2, d / 2, 1.9),
                (0.2, d / 2 - 0.7, 2.0),
                (0.2, d / 2 - 0.75, 1.7),
            ],
            0.018,
            steel,
            6,
        )
    return Thing("bed", mesh)


def exam_couch(k: Kit) -> Thing:
    """A narrow vinyl couch on a frame or a cupboard, with a roll of paper over it."""
    w = k.u(0.6, 0.72)
    d = k.u(1.8, 1.95)
    h = k.u(0.62, 0.82)
    steel = k.paint("steel", "painted")
    mesh = Mesh()
    cage(mesh, w - 0.08, d - 0.2, 0, h - 0.1, 0.018, steel)
    vinyl = k.paint("vinyl")
    mesh.box(-w / 2, w / 2, -d / 2, d / 2 - 0.55, h - 0.1, h, vinyl)
    mesh.add(
        Mesh().box(-w / 2, w / 2, 0, 0.55, -0.1, 0, vinyl), 0, d / 2 - 0.55, h, pitch=k.u(0.2, 0.7)
    )
    mesh.box(-0.22, 0.22, -d / 2 - 0.004, d / 2 - 0.56, h, h + 0.006, k.paint("linen"))
    return Thing("bed", mesh)


def locker_bunk(k: Kit) -> Thing:
    """Dormitory bed of tubes: one or two levels with flat meshes, lockers beneath, thin folded
    mattresses."""
    w, d, r, paint, mesh, levels = (
        k.u(0.78, 0.9),
        k.u(1.92, 2.02),
        k.u(0.02, 0.03),
        k.paint("painted", "steel"),
        Mesh(),
        [k.u(0.42, 0.55), k.u(1.35, 1.5)],
    )
    count = k.n(1, 2)
    cage(mesh, w, d, 0, levels[count - 1] + k.u(0.25, 0.4), r, paint)
    for z in levels[:count]:
        mesh.block(w - 0.02, d - 0.02, z - 0.05, z, paint).box(
            -w / 2 + 0.04,
            w / 2 - 0.04,
            -d / 2 + 0.05,
            d / 2 - 0.05,
            z,
            z + 0.09,
            k.paint("linen", "canvas"),
        )
        mesh.box(
            -w / 2 + 0.06,
            w / 2 - 0.06,
            -d / 2 + 0.1,
            -d / 2 + 0.45,
            z + 0.09,
            z + 0.19,
            k.paint("canvas"),
        )
        mesh.soft(-0.25, 0.25, d / 2 - 0.42, d / 2 - 0.1, z + 0.08, z + 0.18, k.paint("linen"), 0.7)
    if k.chance(0.5):
        mesh.block(w - 0.1, d * 0.7, 0.02, levels[0] - 0.06, k.paint("painted"))
    return Thing("bed", mesh)


def canopy_bed(k: Kit) -> Thing:
    """Four turned posts and a frame that carries cloth."""
    w = k.u(1.3, 1.7)
    d = k.u(2.0, 2.1)
    top = k.u(1.75, 2.05)
    paint = k.paint("ash", "painted")
    mesh = Mesh()
    for x in (-w / 2, w / 2):
        for y in (-d / 2, d / 2):
            mesh.turned(
                x, y, [(0.045, 0), (0.06, 0.3), (0.03, 0.6), (0.045, 1.0), (0.025, top)], paint, 10
            )
        mesh.tube([(x, -d / 2, top), (x, d / 2, top)], 0.018, paint, 6)
    mesh.block(w, d, 0.3, 0.42, paint).soft(
        -w / 2 + 0.05,
        w / 2 - 0.05,
        -d / 2 + 0.05,
        d / 2 - 0.05,
        0.42,
        0.66,
        k.paint("linen", "velvet"),
        0.3,
    )
    mesh.prism(
        [(-w / 2, 0.4), (w / 2, 0.4), (w / 2, 1.0), (0, 1.35), (-w / 2, 1.0)],
        d / 2 - 0.04,
        d / 2,
        paint,
    )
    if k.chance(0.6):
        mesh.block(w, d, top, top + 0.02, k.paint("canvas", "velvet"))
    for x in (-w / 4, w / 4):
        mesh.add(
            Mesh().post(0, 0, -0.3, 0.3, 0.09, k.paint("velvet", "linen"), 12),
            x,
            d / 2 - 0.2,
            0.73,
            roll=np.pi / 2,
        )
    return Thing("bed", mesh)
