"""What stands on boards: books, binders, boxes; used by the families of homes."""

from ..kit import Kit
from ..mesh import Mesh
from .parts import merged

_UPRIGHT = {  # thickness, height (metres) and colours of what stands on boards
    "books": ((0.015, 0.05), (0.17, 0.34), ("plastic", "print", "cloth", "leather")),
    "volumes": ((0.03, 0.06), (0.24, 0.3), ("leather", "plastic", "print")),
    "binders": ((0.05, 0.08), (0.3, 0.33), ("plastic", "dark", "print", "grey")),
    "magazines": ((0.08, 0.12), (0.24, 0.32), ("plastic", "carton", "white")),
    "boxes": ((0.12, 0.38), (0.1, 0.36), ("carton", "carton", "plastic", "white")),
}


def stand_upright(
    k: Kit, mesh: Mesh, kind: str, x0: float, x1: float, y0: float, y1: float, z: float, free: float
) -> None:
    """Books, volumes of a set, binders, magazine files or boxes from x0 to x1 on a board at z."""
    thick, tall, colours = _UPRIGHT[kind]
    alike = kind in ("volumes", "binders", "magazines") or k.chance(0.2)
    paints, row = [k.paint(*colours) for _ in range(k.n(1, 2) if alike else 4)], Mesh()
    wide, high, x = k.u(*thick), min(k.u(*tall), free * 0.97), x0
    while x < x1 - 0.012:
        if not alike:
            wide, high = k.u(*thick), min(k.u(*tall), free * 0.97)
        end = min(x + wide, x1)
        front = y0 + (0 if alike else k.u(0, 0.04))
        row.box(x, end - 0.001, front, y1, z, z + high, k.pick(paints))
        x = end + (k.u(0.0, 0.06) if kind == "boxes" else 0.0)
    mesh.parts += merged(row).parts


def fill_board(
    k: Kit,
    mesh: Mesh,
    x0: float,
    x1: float,
    y0: float,
    y1: float,
    z: float,
    free: float,
    kinds: list[str],
) -> None:
    """What stands on a board between x0 and x1: one kind of things, over its whole length or a part
    of it, "lying" for piles, "vases" for single things, "none" for nothing."""
    kind, share = k.pick(kinds), k.pick([1.0, 1.0, k.u(0.3, 0.95)])
    a, b = x0 + 0.005, x1 - 0.005
    a, b = k.pick([(a, a + share * (b - a)), (b - share * (b - a), b)])
    if kind in _UPRIGHT:
        stand_upright(k, mesh, kind, a, b, y0 + k.u(0.0, 0.06), y1, z, free)
    while kind in ("lying", "vases") and a < b - 0.08:
        wide = min(k.u(0.16, 0.3) if kind == "lying" else k.u(0.07, 0.16), b - a)
        tall = free * k.u(0.2, 0.8)
        if kind == "lying":
            for step in range(k.n(1, 4)):
                low, paint = z + step * min(0.04, tall / 4), k.paint("print", "plastic", "carton")
                mesh.box(a, a + wide, y0 + 0.02, y1, low, low + min(0.04, tall / 4), paint)
        else:
            profile = [(wide * 0.3, z), (wide * 0.5, z + tall * 0.4), (wide * 0.2, z + tall)]
            paint = k.paint("plastic", "white", "wood", "glass")
            mesh.turned(a + wide / 2, (y0 + y1) / 2, profile, paint, 8)
        a += wide + k.u(0.02, 0.3)
