"""What hangs in, or divides, public buildings. Each public function is a family: a `Kit` in, a new
`Thing` out."""

import numpy as np

from ..kit import Kit, Thing
from ..mesh import Mesh
from .parts import casters, ngon, plate, pleats


def oval_portrait(k: Kit) -> Thing:
    """A picture in a round, oval or eight-sided frame."""
    s, n, mesh = k.u(0.35, 0.8), k.pick([8, 20]), Mesh()
    disc = (
        Mesh()
        .post(0, 0, 0, 0.025, 0.5, k.paint("gilt", "rubber"), n)
        .post(0, 0, 0.025, 0.032, 0.4, k.paint("poster"), n)
    )
    mesh.add(disc.scaled(s * k.u(0.65, 1), s, 1), 0, 0, s / 2, pitch=np.pi / 2)
    return Thing("picture", mesh)


def triptych(k: Kit) -> Thing:
    """One motif on three or more boards, an instance together."""
    count = k.n(3, 5)
    h = k.u(0.4, 1.0)
    each = k.u(0.18, 0.34)
    paint = k.paint("poster")
    mesh = Mesh()
    for i in range(count):
        x, low = (i - count / 2) * (each + 0.03), k.u(0, 0.12)
        mesh.box(x, x + each, -0.028, 0, low, low + h, paint)
    return Thing("picture", mesh)


def notice(k: Kit) -> Thing:
    """A safety poster in a deep box frame, or a banner on two rods."""
    w, h, mesh = k.u(0.3, 0.7), k.u(0.45, 1.1), Mesh()
    if k.chance(0.5):
        mesh.box(-w / 2, w / 2, -0.06, 0, 0, h, k.paint("steel", "rubber", "ash")).box(
            -w / 2 + 0.03, w / 2 - 0.03, -0.066, -0.06, 0.03, h - 0.03, k.paint("poster")
        )
    else:
        mesh.box(-w / 2, w / 2, -0.014, -0.004, 0, h, k.paint("poster"))
        for z in (0, h):
            mesh.tube(
                [(-w / 2 - 0.04, -0.012, z), (w / 2 + 0.04, -0.012, z)], 0.011, k.paint("ash"), 6
            )
    return Thing(k.pick(["poster", "picture", "picture"]), mesh)


def bay_curtain(k: Kit) -> Thing:
    """A curtain on a ceiling rail beside a bed, partly drawn, in one straight piece or around a
    corner."""
    top, bottom, long = k.u(2.0, 2.25), k.u(0.2, 0.45), k.u(0.5, 2.0)
    path = (
        [(0.0, 0.9), (0.0, 0.9 - long)] if k.chance(0.7) else [(0.0, 0.9), (0.0, -0.6), (0.5, -0.6)]
    )
    turned = pleats(k, [(y, x) for x, y in path], top, bottom, k.paint("canvas", "linen"))
    return Thing("curtain", Mesh().add(turned, yaw=-np.pi / 2))


def stage_curtain(k: Kit) -> Thing:
    """A broad drape before a wall, with a valance."""
    w, top, paint = k.u(1.0, 2.4), k.u(2.1, 2.3), k.paint("velvet", "canvas")
    mesh = pleats(k, [(-w / 2, -0.06), (w / 2, -0.06)], top, 0.02, paint)
    return Thing("curtain", mesh.box(-w / 2, w / 2, -0.12, -0.1, top - 0.2, top, paint))


def drip_stand(k: Kit) -> Thing:
    """A pole on five wheels with hooks and a bag."""
    h, steel, mesh = k.u(1.6, 2.0), k.paint("steel"), Mesh()
    mesh.post(0, 0, 0.08, h, 0.014, steel)
    for a in np.arange(5) * 1.2566:
        mesh.tube([(0, 0, 0.1), (0.28 * np.cos(a), 0.28 * np.sin(a), 0.04)], 0.015, steel, 6)
    mesh.soft(0.03, 0.15, -0.03, 0.03, h - 0.35, h - 0.08, k.paint("pane", "linen"), 0.4).tube(
        [(-0.12, 0, h), (0.12, 0, h)], 0.008, steel, 6
    )
    return Thing("stand", mesh)


def trolley(k: Kit) -> Thing:
    """Two or three trays in a cage on wheels."""
    w = k.u(0.55, 0.85)
    d = k.u(0.42, 0.55)
    h = k.u(0.8, 1.1)
    steel = k.paint("steel", "painted")
    mesh = Mesh()
    casters(mesh, w, d, k.paint("rubber"))
    for x in (-w / 2 + 0.02, w / 2 - 0.02):
        for y in (-d / 2 + 0.02, d / 2 - 0.02):
            mesh.tube([(x, y, 0.1), (x, y, h)], 0.013, steel, 6)
    levels = np.linspace(0.2, h - 0.03, k.n(2, 3))
    for z in levels:
        mesh.block(w, d, z, z + 0.02, k.paint("steel", "moulded"))
    return Thing("cart", mesh, [(-w / 2, w / 2, -d / 2, d / 2, levels[-1] + 0.02, 0.5)])


def partition(k: Kit) -> Thing:
    """A screen of cloth panels on feet."""
    count = k.n(1, 3)
    each = k.u(0.6, 0.9)
    h = k.u(1.3, 1.8)
    cloth = k.paint("canvas", "linen")
    mesh = Mesh()
    for i in range(count):
        x = (i - count / 2) * each
        mesh.box(x + 0.02, x + each - 0.02, -0.02, 0.02, 0.15, h, cloth)
        for post in (x + 0.01, x + each - 0.01):
            mesh.post(post, 0, 0, h, 0.014, k.paint("steel"), 6).box(
                post - 0.02, post + 0.02, -0.25, 0.25, 0, 0.03, k.paint("steel")
            )
    return Thing("divider", mesh)


def pedal_bin(k: Kit) -> Thing:
    """A bin with a domed lid, round or square, or a sack in a ring."""
    h, r, mesh, n = k.u(0.3, 0.85), k.u(0.12, 0.22), Mesh(), k.pick([4, 12])
    mesh.turned(0, 0, [(r * 0.92, 0), (r, 0.03), (r, h)], k.paint("steel", "moulded", "painted"), n)
    mesh.turned(
        0,
        0,
        [(r * 1.03, h), (r * 0.9, h + 0.05), (r * 0.3, h + 0.09)],
        k.paint("moulded", "rubber"),
        n,
    )
    return Thing(
        k.pick(["trash can", "trash can", "trash bin", "recycling bin"]),
        mesh.box(-0.04, 0.04, -r - 0.05, -r, 0.01, 0.03, k.paint("rubber")),
    )


def column(k: Kit) -> Thing:
    """A square or eight-sided pillar."""
    s, n = k.u(0.3, 0.6), k.pick([4, 8])
    return Thing(
        "column", Mesh().post(0, 0, 0, k.u(2.2, 2.5), s / 2, k.paint("plaster", "painted"), n)
    )


def tall_plant(k: Kit) -> Thing:
    """Blades that fan out of a box."""
    h, s, mesh, green = k.u(0.6, 1.7), k.u(0.25, 0.4), Mesh(), k.paint("blade")
    mesh.block(s, s, 0, s, k.paint("terrazzo", "moulded", "painted"))
    for a in k.rng.uniform(0, 6.28, k.n(7, 12)):
        reach, tall = k.u(0.1, 0.45), h * k.u(0.5, 1)
        mesh.tube(
            [
                (0, 0, s),
                (reach * 0.4 * np.cos(a), reach * 0.4 * np.sin(a), s + tall * 0.6),
                (reach * np.cos(a), reach * np.sin(a), s + tall),
            ],
            0.014,
            green,
            4,
        )
    return Thing(k.pick(["plant", "potted plant"]), mesh)


def disc_lamp(k: Kit) -> Thing:
    """A flat disc or a long tube box under the ceiling."""
    if k.chance(0.5):
        return Thing(
            "ceiling light",
            Mesh().block(k.u(0.9, 1.5), k.u(0.12, 0.3), 0, 0.08, k.paint("tube light")),
        )
    return Thing(
        "ceiling light", Mesh().add(plate(ngon(8, 0.6, 0.6), 0, 0.05, k.paint("tube light")))
    )


def wall_clock(k: Kit) -> Thing:
    """A dial of many sides."""
    s = k.u(0.28, 0.45)
    return Thing(
        "clock",
        Mesh().add(
            Mesh().post(0, 0, 0, 0.04, s / 2, k.paint("moulded"), 16), 0, 0, s / 2, pitch=np.pi / 2
        ),
    )


def screen_on_arm(k: Kit) -> Thing:
    """A monitor on a bent arm, or a flat panel on a pole with a broad foot."""
    w, tilt, mesh, paint = k.u(0.4, 0.75), k.u(-0.15, 0.15), Mesh(), k.paint("rubber")
    mesh.add(plate(ngon(6, 0.24, 0.18), 0, 0.015, paint)).tube(
        [(0, 0.05, 0.01), (0, 0.09, 0.2), (0, 0.02, 0.35)], 0.018, k.paint("steel"), 6
    )
    face = (
        Mesh()
        .box(-w / 2, w / 2, -0.02, 0.015, -w * 0.28, w * 0.28, paint)
        .box(
            -w / 2 + 0.015,
            w / 2 - 0.015,
            -0.023,
            -0.02,
            0.015 - w * 0.28,
            w * 0.28 - 0.015,
            k.paint("screen"),
        )
    )
    return Thing("monitor", mesh.add(face, 0, 0, 0.12 + w * 0.28, pitch=tilt))
