"""Small objects, appliances, sanitary ware and what hangs on walls; families as in furniture.py."""

import numpy as np

from .kit import Kit, Thing
from .mesh import Mesh

# Boxy things: label -> (width, depth, height ranges in metres, paint, front).
_BOXY = {
    "box": ((0.25, 0.55), (0.2, 0.45), (0.15, 0.45), "carton", ""),
    "crate": ((0.3, 0.5), (0.3, 0.4), (0.2, 0.32), "wood", ""),
    "storage bin": ((0.3, 0.55), (0.28, 0.4), (0.2, 0.4), "plastic", ""),
    "case of water bottles": ((0.35, 0.45), (0.25, 0.3), (0.2, 0.26), "plastic", ""),
    "tissue box": ((0.2, 0.25), (0.1, 0.13), (0.08, 0.12), "printed", ""),
    "printer": ((0.38, 0.5), (0.32, 0.42), (0.2, 0.34), "white", "slot"),
    "copier": ((0.55, 0.7), (0.55, 0.7), (0.95, 1.15), "white", "slot"),
    "computer tower": ((0.17, 0.22), (0.38, 0.48), (0.38, 0.48), "dark", "slot"),
    "speaker": ((0.16, 0.3), (0.18, 0.3), (0.3, 1.0), "dark", ""),
    "microwave": ((0.44, 0.54), (0.32, 0.4), (0.26, 0.32), "metal", "window"),
    "toaster oven": ((0.38, 0.46), (0.28, 0.34), (0.22, 0.26), "metal", "window"),
    "toaster": ((0.26, 0.32), (0.16, 0.2), (0.18, 0.21), "metal", "slot"),
    "coffee maker": ((0.18, 0.28), (0.22, 0.32), (0.3, 0.4), "dark", "slot"),
    "refrigerator": ((0.6, 0.85), (0.62, 0.75), (1.55, 1.9), "steel", "two doors"),
    "mini fridge": ((0.45, 0.52), (0.45, 0.55), (0.6, 0.9), "steel", "door"),
    "stove": ((0.56, 0.7), (0.58, 0.64), (0.86, 0.92), "steel", "oven"),
    "dishwasher": ((0.58, 0.62), (0.56, 0.62), (0.82, 0.86), "steel", "door"),
    "washing machine": ((0.58, 0.66), (0.55, 0.64), (0.84, 0.95), "white", "drum"),
    "clothes dryer": ((0.58, 0.66), (0.55, 0.64), (0.84, 0.95), "white", "drum"),
    "piano": ((1.35, 1.5), (0.55, 0.65), (1.05, 1.25), "wood", "keys"),
    "water cooler": ((0.3, 0.36), (0.3, 0.36), (0.95, 1.1), "white", "slot"),
    "mailbox": ((0.8, 1.4), (0.3, 0.4), (0.9, 1.3), "metal", "grid"),
    "alarm clock": ((0.1, 0.16), (0.06, 0.09), (0.07, 0.1), "dark", ""),
    "telephone": ((0.17, 0.22), (0.17, 0.22), (0.06, 0.1), "dark", ""),
    "projector": ((0.3, 0.4), (0.25, 0.3), (0.1, 0.14), "white", ""),
    "suitcase": ((0.38, 0.5), (0.22, 0.28), (0.55, 0.72), "plastic", "slot"),
    "laundry detergent": ((0.14, 0.2), (0.1, 0.13), (0.22, 0.3), "plastic", ""),
    "scale": ((0.28, 0.34), (0.28, 0.34), (0.03, 0.06), "white", ""),
    "paper": ((0.21, 0.3), (0.25, 0.32), (0.01, 0.05), "paper", ""),
    "tray": ((0.3, 0.45), (0.22, 0.32), (0.02, 0.05), "wood", ""),
    "keyboard": ((0.4, 0.48), (0.13, 0.18), (0.025, 0.035), "dark", ""),
    "paper cutter": ((0.35, 0.45), (0.3, 0.36), (0.05, 0.08), "wood", ""),
}
# Soft things: label -> ranges as above, and how round.
_SOFT = {
    "backpack": ((0.28, 0.36), (0.2, 0.3), (0.36, 0.5), 0.45),
    "bag": ((0.28, 0.5), (0.18, 0.32), (0.25, 0.4), 0.5),
    "purse": ((0.25, 0.34), (0.12, 0.18), (0.2, 0.3), 0.5),
    "clothes": ((0.35, 0.6), (0.3, 0.5), (0.08, 0.2), 0.8),
    "blanket": ((0.5, 0.9), (0.4, 0.6), (0.06, 0.16), 0.5),
    "towel": ((0.3, 0.45), (0.2, 0.3), (0.06, 0.12), 0.35),
    "cushion": ((0.38, 0.5), (0.38, 0.48), (0.12, 0.18), 0.55),
    "stuffed animal": ((0.2, 0.35), (0.18, 0.28), (0.2, 0.38), 0.9),
    "ball": ((0.22, 0.24), (0.22, 0.24), (0.22, 0.24), 1.0),
    "hat": ((0.22, 0.28), (0.2, 0.26), (0.1, 0.14), 0.8),
    "shoe": ((0.2, 0.26), (0.26, 0.31), (0.08, 0.14), 0.6),
    "mouse": ((0.06, 0.07), (0.1, 0.12), (0.035, 0.04), 0.8),
    "dumbbell": ((0.25, 0.35), (0.12, 0.16), (0.12, 0.16), 0.4),
}
# Turned things: label -> height range and profile (radius, share of the height), radii in metres.
_TURNED = {
    "bottle": ((0.2, 0.32), [(0.035, 0), (0.037, 0.6), (0.014, 0.8), (0.014, 1)]),
    "water bottle": ((0.2, 0.28), [(0.035, 0), (0.035, 0.8), (0.02, 1)]),
    "cup": ((0.08, 0.13), [(0.034, 0), (0.042, 1)]),
    "bowl": ((0.06, 0.11), [(0.05, 0), (0.1, 0.6), (0.12, 1)]),
    "plate": ((0.02, 0.03), [(0.07, 0), (0.13, 1)]),
    "vase": ((0.2, 0.4), [(0.05, 0), (0.09, 0.4), (0.04, 0.85), (0.05, 1)]),
    "candle": ((0.1, 0.2), [(0.035, 0), (0.035, 1)]),
    "soap dispenser": ((0.15, 0.2), [(0.035, 0), (0.035, 0.7), (0.01, 0.8), (0.01, 1)]),
    "coffee kettle": ((0.2, 0.26), [(0.09, 0), (0.1, 0.4), (0.05, 0.85), (0.02, 1)]),
    "paper towel roll": ((0.24, 0.28), [(0.06, 0), (0.06, 1)]),
    "toilet paper": ((0.1, 0.12), [(0.055, 0), (0.055, 1)]),
    "bucket": ((0.26, 0.34), [(0.11, 0), (0.15, 1)]),
    "basket": ((0.2, 0.32), [(0.15, 0), (0.2, 1)]),
    "laundry hamper": ((0.5, 0.65), [(0.18, 0), (0.23, 1)]),
    "laundry basket": ((0.28, 0.4), [(0.2, 0), (0.28, 1)]),
    "trash can": ((0.25, 0.7), [(0.11, 0), (0.16, 1)]),
    "trash bin": ((0.3, 0.65), [(0.12, 0), (0.16, 1)]),
    "bin": ((0.3, 0.5), [(0.14, 0), (0.17, 1)]),
    "recycling bin": ((0.35, 0.75), [(0.15, 0), (0.19, 1)]),
    "fire extinguisher": ((0.42, 0.55), [(0.075, 0), (0.08, 0.75), (0.03, 0.85), (0.04, 1)]),
    "plunger": ((0.45, 0.55), [(0.08, 0), (0.06, 0.2), (0.012, 0.25), (0.012, 1)]),
    "container": ((0.12, 0.25), [(0.06, 0), (0.07, 1)]),
}


def boxy(k: Kit, label: str) -> Thing:
    """A box with a front: appliances, cartons, electronics."""
    widths, depths, heights, paint, front = _BOXY[label]
    w, d, h = k.u(*widths), k.u(*depths), k.u(*heights)
    carton = lambda: k.materials.add("plain", k.near((176, 136, 92)))  # noqa: E731
    paper = lambda: k.materials.add("text", (236, 236, 232), (150, 150, 150), 0.06)  # noqa: E731
    steel = lambda: k.pick([k.white, k.white, k.metal, k.dark])()  # noqa: E731
    maker = {"carton": carton, "paper": paper, "steel": steel}.get(paint) or getattr(k, paint)
    body, mesh = maker(), Mesh()
    mesh.box(-w / 2, w / 2, -d / 2 + 0.02, d / 2, 0, h, body)
    y0, y1, trim = -d / 2, -d / 2 + 0.02, k.pick([k.dark, k.metal])() if front else body
    if front in ("door", "two doors"):
        split = [0.04, h - 0.02] if front == "door" else [0.04, h * k.pick([0.35, 0.62, 0.68]), h - 0.01]
        for low, high in zip(split, split[1:]):
            mesh.box(-w / 2 + 0.005, w / 2 - 0.005, y0, y1, low + 0.006, high - 0.006, body)
            mesh.box(w / 2 - 0.07, w / 2 - 0.045, y0 - 0.035, y0, low + 0.06, min(high - 0.06, low + 0.5), trim)
    elif front in ("window", "oven"):
        low, high = (0.08, 0.2) if front == "window" else (0.25, 0.4)
        mesh.box(-w / 2 + 0.01, w / 2 - 0.01, y0, y1, h * 0.06, h - 0.01, body)
        mesh.box(-w * 0.4, w * (0.2 if front == "window" else 0.4), y0 - 0.008, y0, h * low, h * (1 - high), k.dark())
        if front == "oven":
            mesh.box(-w / 2 + 0.04, w / 2 - 0.04, y0 - 0.04, y0 - 0.015, h * 0.7, h * 0.72, trim)
            for x, y in ((-0.25, -0.2), (0.25, -0.2), (-0.25, 0.22), (0.25, 0.22)):
                mesh.post(x * w, y * d + 0.01, h, h + 0.012, 0.085, trim, sides=14)
            mesh.box(-w / 2, w / 2, d / 2 - 0.05, d / 2, h, h + k.pick([0.02, 0.12, 0.2]), body)
    elif front == "drum":
        door = Mesh().turned(0, 0, [(0.17, 0), (0.16, 0.03), (0.12, 0.031)], trim, 20)
        mesh.box(-w / 2 + 0.005, w / 2 - 0.005, y0, y1, 0.06, h, body)
        mesh.add(door, 0, y0, h * 0.5, pitch=np.pi / 2)
    elif front == "slot":
        mesh.box(-w * 0.4, w * 0.4, y0, y1, h * 0.55, h * 0.8, trim)
    elif front == "keys":
        mesh.box(-w / 2, w / 2, y0 - 0.25, y1, h * 0.5, h * 0.56, body)
        mesh.box(-w * 0.45, w * 0.45, y0 - 0.23, y0 - 0.06, h * 0.56, h * 0.575, k.white())
        mesh.box(-w / 2, -w / 2 + 0.06, y0 - 0.24, y1 - 0.021, 0, h * 0.5, body)
        mesh.box(w / 2 - 0.06, w / 2, y0 - 0.24, y1 - 0.021, 0, h * 0.5, body)
    elif front == "grid":
        for i in range(4):
            for j in range(4):
                x, z = -w / 2 + i * w / 4, j * h / 4
                mesh.box(x + 0.01, x + w / 4 - 0.01, y0, y1, z + 0.01, z + h / 4 - 0.01, trim)
    if label == "water cooler":
        mesh.turned(
            0, 0, [(0.13, h), (0.14, h + 0.3), (0.04, h + 0.36)], k.materials.add("plain", (170, 196, 214), loss=0.4)
        )
    return Thing(
        label, mesh, [(-w / 2, w / 2, -d / 2 + 0.02, d / 2 - 0.05, h + (0.013 if front == "oven" else 0), 0.6)]
    )


def soft(k: Kit, label: str) -> Thing:
    widths, depths, heights, power = _SOFT[label]
    w, d, h, cloth, mesh = k.u(*widths), k.u(*depths), k.u(*heights), k.cloth(), Mesh()
    if label == "shoe":
        for s in (-1, 1):
            mesh.soft(s * w / 2 - s * 0.1, s * w / 2, -d / 2, d / 2, 0, h, cloth, power)
    else:
        mesh.soft(-w / 2, w / 2, -d / 2, d / 2, 0, h, k.dark() if label == "mouse" else cloth, power)
    if label == "backpack":
        mesh.soft(-w * 0.35, w * 0.35, -d / 2 - 0.06, -d / 2 + 0.05, 0.02, h * 0.5, cloth, 0.4)
    elif label == "stuffed animal":
        mesh.soft(-w * 0.35, w * 0.35, -d * 0.4, d * 0.3, h * 0.9, h * 1.45, cloth, 0.95)
    return Thing(label, mesh)


def turned(k: Kit, label: str) -> Thing:
    heights, profile = _TURNED[label]
    h, wide = k.u(*heights), k.u(0.85, 1.2)
    if label in ("trash can", "recycling bin", "trash bin", "laundry hamper", "bin") and k.chance(0.45):
        w, d, paint = (
            profile[-1][0] * k.u(1.6, 2.4),
            profile[-1][0] * k.u(1.3, 1.8),
            k.pick([k.plastic, k.dark, k.metal])(),
        )
        mesh = Mesh().box(-w / 2, w / 2, -d / 2, d / 2, 0, h, paint)
        return Thing(label, mesh.box(-w * 0.4, w * 0.4, -d * 0.4, d * 0.4, h, h + 0.03, k.plastic()))
    options = {"toilet paper": [k.white], "paper towel roll": [k.white], "fire extinguisher": [k.plastic],
               "basket": [k.wood], "laundry basket": [k.white, k.plastic]}  # fmt: skip
    paint = k.pick(options.get(label, [k.plastic, k.plastic, k.white, k.metal, k.dark]))()
    if label == "fire extinguisher":
        paint = k.materials.add("plain", k.near((186, 34, 30)), loss=0.2)
    return Thing(label, Mesh().turned(0, 0, [(r * wide, z * h) for r, z in profile], paint))


def small(k: Kit, *labels: str) -> Thing:
    """One of the boxy, soft or turned things."""
    label = k.pick(labels)
    return (boxy if label in _BOXY else soft if label in _SOFT else turned)(k, label)


def lamp(k: Kit, tall: bool = False) -> Thing:
    """Table lamp, desk lamp or floor lamp with a drum or cone shade."""
    h, foot, shade = (k.u(1.3, 1.7) if tall else k.u(0.38, 0.62)), k.pick([k.metal, k.dark, k.wood])(), k.u(0.1, 0.18)
    cloth = k.materials.add("plain", k.near((240, 228, 196)))
    mesh = Mesh().post(0, 0, 0, 0.03, k.u(0.09, 0.14), foot).post(0, 0, 0.03, h - 0.2, 0.012 if tall else 0.025, foot)
    mesh.turned(0, 0, [(shade, h - 0.22), (shade * k.u(0.5, 1), h)], cloth)
    return Thing("lamp", mesh)


def plant(k: Kit) -> Thing:
    """Pot and foliage: a bush of leaves lumps, or long upright leaves."""
    h, r, pot = k.u(0.3, 1.5), k.u(0.1, 0.2), k.pick([k.plastic, k.white, k.wood])()
    green, mesh = k.materials.add("print", k.near((58, 96, 44)), k.near((110, 140, 70)), 0.06), Mesh()
    foot = min(h * 0.3, 0.35)
    mesh.turned(0, 0, [(r * 0.75, 0), (r, foot)], pot)
    if h > 0.7 and k.chance(0.5):
        mesh.post(0, 0, foot, h * 0.6, 0.02, k.wood())
    for _ in range(k.n(4, 8)):
        a, out, z, s = k.u(0, 6.3), k.u(0, r * 1.1), k.u(foot + 0.05, h), k.u(0.08, 0.16)
        leaf = Mesh().soft(-s, s, -s * 0.6, s * 0.6, -s * 0.8, s * 0.8, green, 0.9, 8)
        mesh.add(leaf, out * np.cos(a), out * np.sin(a), max(z, foot + s), a, k.u(-0.6, 0.6))
    return Thing(k.pick(["plant", "potted plant"]), mesh)


def monitor(k: Kit, label: str = "monitor") -> Thing:
    w = k.u(0.46, 0.68) if label == "monitor" else k.u(0.8, 1.4)
    h, paint, lift = w * 0.58, k.dark(), k.u(0.08, 0.16) if label == "monitor" else 0.05
    mesh = Mesh().box(-w / 2, w / 2, -0.025, 0.02, lift, lift + h, paint)
    mesh.box(-w * 0.2, w * 0.2, -0.1, 0.1, 0, 0.02, paint).box(-0.04, 0.04, 0.021, 0.05, 0.02, lift + h * 0.5, paint)
    return Thing(label, mesh)


def laptop(k: Kit) -> Thing:
    w, paint = k.u(0.32, 0.38), k.pick([k.dark, k.metal])()
    lid = Mesh().box(-w / 2, w / 2, -0.006, 0.006, 0, 0.23, paint)
    mesh = Mesh().box(-w / 2, w / 2, -0.24, 0, 0, 0.02, paint).add(lid, 0, 0.008, 0.02, pitch=-k.u(0.1, 0.5))
    return Thing("laptop", mesh)


def book_pile(k: Kit) -> Thing:
    mesh, z = Mesh(), 0.0
    for _ in range(k.n(1, 5)):
        w, d, t = k.u(0.14, 0.22), k.u(0.2, 0.3), k.u(0.015, 0.05)
        mesh.box(-w / 2, w / 2, -d / 2, d / 2, z, z + t, k.plastic())
        z += t
    return Thing("book", mesh)


def flat(k: Kit, label: str, w: float, h: float, t: float, face: int, frame: int | None = None) -> Thing:
    """A framed panel hung on a wall: pictures, mirrors, boards, screens, clocks."""
    mesh = Mesh().box(-w / 2, w / 2, -t, 0, 0, h, face if frame is None else frame)
    if frame is not None:
        b = min(0.03, w * 0.1)
        mesh.box(-w / 2 + b, w / 2 - b, -t - 0.004, -t, b, h - b, face)
    return Thing(label, mesh)


def picture(k: Kit) -> Thing:
    w, h = k.u(0.3, 1.1), k.u(0.3, 0.9)
    if k.chance(0.25):
        return flat(k, "poster", w, h, 0.012, k.printed())
    return flat(k, "picture", w, h, k.u(0.02, 0.045), k.printed(), k.pick([k.wood, k.dark, k.white])())


def mirror(k: Kit) -> Thing:
    glass = k.materials.add("plain", k.near((190, 196, 198)), loss=0.6)
    return flat(k, "mirror", k.u(0.4, 1.0), k.u(0.5, 1.0), 0.025, glass, k.pick([k.wood, k.metal])())


def board(k: Kit, label: str) -> Thing:
    colour = {"blackboard": (44, 60, 52), "bulletin board": (176, 132, 90), "board": (150, 110, 80)}.get(
        label, (240, 241, 240)
    )
    loss = 0.3 if label == "whiteboard" else 0.05
    pattern, second = ("print", k.near((200, 190, 170))) if label == "bulletin board" else ("plain", None)
    face = k.materials.add(pattern, k.near(colour, 6), second, 0.2, loss)
    return flat(k, label, k.u(1.2, 2.6), k.u(0.9, 1.25), 0.03, face, k.pick([k.metal, k.wood])())


def wall_tv(k: Kit) -> Thing:
    w = k.u(0.85, 1.5)
    return flat(k, "tv", w, w * 0.57, k.u(0.04, 0.08), k.dark())


def plaque(k: Kit) -> Thing:
    """Small things on walls."""
    label, w, h, t, paint = k.pick([
        ("clock", 0.3, 0.3, 0.04, k.white), ("calendar", 0.3, 0.45, 0.012, k.printed), ("sign", 0.35, 0.22, 0.015, k.printed),
        ("light switch", 0.09, 0.13, 0.012, k.white), ("paper towel dispenser", 0.28, 0.38, 0.2, k.metal),
        ("fire alarm", 0.13, 0.17, 0.06, k.plastic), ("decoration", 0.35, 0.35, 0.05, k.plastic),
        ("vent", 0.4, 0.25, 0.02, k.white), ("paper", 0.22, 0.3, 0.006, k.white), ("power outlet", 0.09, 0.13, 0.012, k.white),
    ])  # fmt: skip
    return flat(k, label, w * k.u(0.9, 1.2), h * k.u(0.9, 1.2), t, paint())


def radiator(k: Kit) -> Thing:
    w, h, paint, mesh = k.u(0.6, 1.4), k.u(0.45, 0.65), k.white(), Mesh()
    mesh.box(-w / 2, w / 2, -0.08, -0.03, 0.12, h + 0.1, paint)
    for i in range(int(w / 0.08)):
        x = -w / 2 + 0.04 + i * 0.08
        mesh.box(x - 0.025, x + 0.025, -0.1, -0.08, 0.14, h + 0.08, paint)
    return Thing(
        "radiator",
        mesh.box(-w / 2, -w / 2 + 0.03, -0.07, -0.04, 0, 0.12, paint).box(
            w / 2 - 0.03, w / 2, -0.07, -0.04, 0, 0.12, paint
        ),
    )


def curtain(k: Kit, width: float, top: float, bottom: float, label: str = "curtain") -> Thing:
    cloth = k.cloth() if label == "curtain" or k.chance(0.5) else k.white()
    return Thing(
        label, Mesh().sheet(-width / 2, width / 2, bottom, top, k.u(0.025, 0.045), max(1.0, width / 0.16), cloth, -0.06)
    )


def toilet(k: Kit) -> Thing:
    white, w, h = k.white(), k.u(0.35, 0.4), k.u(0.38, 0.44)
    mesh = Mesh().soft(-w * 0.32, w * 0.32, -0.2, 0.24, 0, h - 0.08, white, 0.5)
    mesh.soft(-w / 2, w / 2, -0.4, 0.16, h - 0.16, h, white, 0.6)
    if k.chance(0.85):
        mesh.soft(-0.2, 0.2, 0.16, 0.34, h - 0.04, h + k.u(0.32, 0.4), white, 0.15)
    if k.chance(0.5):
        lid = Mesh().soft(-w / 2, w / 2, -0.02, 0.02, 0, 0.4, white, 0.5)
        mesh.add(lid, 0, 0.12, h, pitch=-0.08)
    return Thing("toilet", mesh)


def basin(k: Kit, mesh: Mesh, w: float, d: float, z: float, paint: int, steel: int) -> Mesh:
    """A sink let into a plate at height z: rim, four inner walls, bottom, and a tap behind."""
    t, deep = 0.02, 0.14
    mesh.box(-w / 2, w / 2, -d / 2, d / 2, z - deep, z - deep + t, paint)
    for s in (-1, 1):
        mesh.box(*sorted((s * w / 2, s * (w / 2 - t))), -d / 2, d / 2, z - deep + t, z + 0.012, paint)
        mesh.box(-w / 2 + t, w / 2 - t, *sorted((s * d / 2, s * (d / 2 - t))), z - deep + t, z + 0.012, paint)
    mesh.post(0, d / 2 - t / 2, z + 0.012, z + 0.2, 0.014, steel)
    return mesh.box(-0.012, 0.012, d / 2 - 0.15, d / 2 - t - 0.005, z + 0.18, z + 0.2, steel)


def sink(k: Kit) -> Thing:
    """Pedestal or wall-hung wash basin."""
    w, d, h, white = k.u(0.45, 0.62), k.u(0.38, 0.48), k.u(0.8, 0.88), k.white()
    mesh = basin(k, Mesh(), w, d, h, white, k.metal())
    if k.chance(0.6):
        mesh.turned(0, 0.05, [(0.11, 0), (0.08, 0.3), (0.1, h - 0.15)], white)
    return Thing("sink", mesh)


def worktop(k: Kit, label: str, w: float, d: float, h: float, sink_at: float | None) -> Thing:
    """Counter plate (its own instance) at height h, with a sink (another one) let in at `sink_at`, 0..1 across."""
    stone = k.materials.add(k.pick(["stone", "plain", "wood"]), k.near(k.pick([(90, 88, 86), (196, 188, 176), (150, 120, 90)])),
                            k.near((130, 124, 118)), 0.08, k.pick([0, 0.2]))  # fmt: skip
    thing, t, steel = Thing(label), 0.04, k.metal()
    if sink_at is None:
        thing.mesh.box(-w / 2, w / 2, -d / 2, d / 2, h - t, h, stone)
        thing.tops.append((-w / 2, w / 2, -d / 2 + 0.02, d / 2, h, 0.45))
    else:
        sw, sd = min(k.u(0.42, 0.7), w - 0.1), d - 0.16
        x = (sink_at - 0.5) * (w - sw - 0.1)
        for x0, x1 in ((-w / 2, x - sw / 2), (x + sw / 2, w / 2)):
            thing.mesh.box(x0, x1, -d / 2, d / 2, h - t, h, stone)
            thing.tops.append((x0, x1, -d / 2 + 0.02, d / 2, h, 0.45))
        thing.mesh.box(x - sw / 2, x + sw / 2, -d / 2, -d / 2 + 0.07, h - t, h, stone)
        thing.mesh.box(x - sw / 2, x + sw / 2, d / 2 - 0.09, d / 2, h - t, h, stone)
        bowl = basin(k, Mesh(), sw, sd, h, k.pick([lambda: steel, k.white])(), steel)
        thing.parts.append((Thing("sink", bowl), x, -0.01, 0, 0))
    if k.chance(0.4):
        thing.mesh.box(-w / 2, w / 2, d / 2 - 0.015, d / 2, h, h + 0.1, stone)
        thing.tops = [(a, b, c, e - 0.03, z, f) for a, b, c, e, z, f in thing.tops]
    return thing


def bathtub(k: Kit) -> Thing:
    w, d, h, t, white = k.u(1.45, 1.75), k.u(0.68, 0.8), k.u(0.42, 0.56), 0.07, k.white()
    mesh = Mesh().box(-w / 2, w / 2, -d / 2, -d / 2 + t, 0, h, white).box(-w / 2, w / 2, d / 2 - t, d / 2, 0, h, white)
    mesh.box(-w / 2, -w / 2 + t, -d / 2 + t, d / 2 - t, 0, h, white).box(
        w / 2 - t, w / 2, -d / 2 + t, d / 2 - t, 0, h, white
    )
    return Thing("bathtub", mesh.box(-w / 2 + t, w / 2 - t, -d / 2 + t, d / 2 - t, 0, 0.1, white))


def rug(k: Kit, label: str, w: float, d: float) -> Thing:
    pattern = k.pick(["print", "stripes", "checks", "carpet"])
    paint = k.materials.add(pattern, k.cloth_rgb(), k.cloth_rgb(), k.u(0.08, 0.3))
    return Thing(label, Mesh().box(-w / 2, w / 2, -d / 2, d / 2, 0, k.u(0.006, 0.015), paint))


def hanging(k: Kit, label: str = "towel") -> Thing:
    """Cloth on a hook or rail: towels, jackets."""
    w, h, cloth = (
        (k.u(0.3, 0.6), k.u(0.4, 0.8), k.cloth()) if label == "towel" else (k.u(0.4, 0.5), k.u(0.7, 0.95), k.cloth())
    )
    mesh = Mesh().soft(-w / 2, w / 2, -0.05 if label == "towel" else -0.14, -0.005, 0, h, cloth, 0.35)
    return Thing(label, mesh.box(-w / 2 - 0.04, w / 2 + 0.04, -0.03, -0.01, h + 0.005, h + 0.02, k.metal()))


def window(k: Kit, w: float, z0: float, z1: float) -> Thing:
    """Frame, panes (which a depth camera sees badly) and sill, set into the wall (+y)."""
    frame = k.pick([k.white, k.white, k.wood, k.metal])()
    glass = k.materials.add("plain", k.near((222, 230, 236), 8), loss=k.u(0.3, 0.9))
    mesh, b, deep = Mesh(), 0.05, k.u(0.06, 0.14)
    mesh.box(-w / 2, w / 2, deep, deep + 0.01, z0, z1, glass)
    for x in np.linspace(-w / 2 + b / 2, w / 2 - b / 2, k.n(2, 4)):
        mesh.box(x - b / 2, x + b / 2, -0.01, deep, z0, z1, frame)
    for z in (z0 + b / 2, z1 - b / 2):
        mesh.box(-w / 2, w / 2, -0.01, deep, z - b / 2, z + b / 2, frame)
    if k.chance(0.4):
        z = z0 + (z1 - z0) * k.pick([0.5, 0.7])
        mesh.box(-w / 2, w / 2, deep - 0.03, deep, z - 0.025, z + 0.025, frame)
    thing = Thing("window", mesh)
    if k.chance(0.5):
        thing.parts.append(
            (Thing("windowsill", Mesh().box(-w / 2 - 0.04, w / 2 + 0.04, -0.12, 0, -0.03, 0, frame)), 0, -0.011, z0, 0)
        )
    return thing


def door(k: Kit, w: float, h: float, ajar: float) -> Thing:
    """Frame around an opening and the leaf in it; `ajar` radians of swing into the room."""
    paint = k.pick([k.white, k.white, k.wood, k.wood, k.paint])()
    frame = paint if k.chance(0.5) else k.white()
    border, deep, jamb = k.u(0.05, 0.09), 0.1, Mesh()
    for s in (-1, 1):
        jamb.box(*sorted((s * (w / 2 - 0.03), s * w / 2)), 0, deep, 0, h, frame)
        jamb.box(*sorted((s * (w / 2 - 0.01), s * (w / 2 + border))), -0.015, 0, 0, h + border, frame)
    jamb.box(-w / 2 + 0.03, w / 2 - 0.03, 0, deep, h - 0.03, h, frame).box(
        -w / 2 + 0.01, w / 2 - 0.01, -0.015, 0, h - 0.01, h + border, frame
    )
    leaf, width = Mesh().box(0, w - 0.07, 0, 0.04, 0.008, h - 0.035, paint), w - 0.07
    if k.chance(0.5):
        for z0, z1 in ((0.15, 0.85), (1.0, h - 0.18)):
            leaf.box(0.12, width - 0.12, -0.008, 0, z0, z1, paint)
    if k.chance(0.15):
        leaf.box(0.2, width - 0.2, -0.009, -0.001, 1.0, h - 0.25, k.dark())
    steel = k.metal()
    leaf.box(width - 0.09, width - 0.06, -0.06, 0, 0.98, 1.02, steel).box(
        width - 0.18, width - 0.06, -0.06, -0.045, 0.98, 1.02, steel
    )
    turned_leaf = Mesh().add(leaf, -w / 2 + 0.035, 0.02 if ajar == 0 else -0.02, 0, -ajar)
    if k.chance(0.45):
        return Thing("", parts=[(Thing("doorframe", jamb), 0, 0, 0, 0), (Thing("door", turned_leaf), 0, 0, 0, 0)])
    jamb.parts += turned_leaf.parts
    return Thing("door", jamb)
