"""Room types: which things go where. A recipe asks the `Room` for places and takes what fits."""

import numpy as np

from . import furniture as f
from . import objects as o
from .kit import Kit, Thing
from .layout import Placed, Room, contains, plan
from .mesh import Mesh

# kind -> (width range, depth range, share among generated rooms); metres
KINDS = {
    "bedroom": ((3.0, 4.6), (2.9, 4.4), 0.2),
    "living room": ((3.8, 6.2), (3.4, 5.2), 0.2),
    "kitchen": ((2.8, 4.8), (2.6, 4.0), 0.14),
    "bathroom": ((2.0, 3.4), (1.9, 3.0), 0.12),
    "office": ((3.0, 5.4), (2.8, 4.6), 0.16),
    "classroom": ((4.5, 7.0), (4.0, 5.8), 0.1),
    "corridor": ((4.5, 8.0), (1.6, 2.4), 0.08),
}


def _openings(room: Room, doors: int, windows: int) -> None:
    """Doors (closed, ajar or wide open) and windows with whatever hangs at them."""
    k = room.kit
    for _ in range(doors):
        w, h = k.u(0.82, 1.02), min(k.u(1.98, 2.12), room.height - 0.12)
        spot = room.open_wall(w, 0.0, h, 0.75)
        if spot is None:
            continue
        x, y, yaw = room.at_wall(*spot, 0.0)
        ajar = k.pick([0.0, 0.0, k.u(0.3, 1.7)])
        tip = np.array([x, y]) - np.array([np.cos(yaw), np.sin(yaw)]) * (w / 2)
        tip += np.array([np.cos(yaw - ajar), np.sin(yaw - ajar)]) * w
        ajar = ajar if ajar and contains(room.polygon, tip[None]).all() else 0.0
        room.put(o.door(k, w, h, ajar), x, y, 0, yaw, *spot)
    for _ in range(windows):
        w, z0 = k.u(0.7, 2.0), k.pick([k.u(0.75, 1.05), k.u(0.1, 0.5)])
        z1 = min(room.height - k.u(0.15, 0.4), z0 + k.u(0.9, 1.6))
        spot = room.open_wall(w, z0, z1, 0.14)
        if spot is None:
            continue
        x, y, yaw = room.at_wall(*spot, 0.0)
        room.put(o.window(k, w, z0, z1), x, y, 0, yaw, *spot)
        hangs = k.pick(["none", "curtains", "curtains", "blinds"]) if room.kind != "bathroom" else "blinds"
        if hangs == "curtains":
            each, top = k.u(0.3, 0.3 + w * 0.35), room.height - k.u(0.06, 0.2)
            bottom = k.pick([0.03, z0 - 0.15 if z0 > 0.3 else 0.03])
            for side in (-1, 1):
                drape = o.curtain(k, each, top, max(bottom, 0.03))
                a = spot[1] + side * (w / 2 + 0.05 - each * k.u(0, 0.4))
                if each / 2 + 0.02 < a < room.lengths[spot[0]] - each / 2 - 0.02:
                    px, py, turn = room.at_wall(spot[0], a, 0.1)
                    room.try_put(drape, px, py, 0, turn)
        elif hangs == "blinds":
            slats = k.materials.add("stripes", k.near((222, 218, 208)), k.near((190, 186, 176)), 0.06)
            drop = z1 - (z1 - z0) * k.u(0.3, 1.0)
            room.put(
                Thing("blinds", Mesh().box(-w / 2 + 0.02, w / 2 - 0.02, 0.002, 0.012, drop, z1, slats)), x, y, 0, yaw
            )


def _walls(room: Room, pictures: int, plaques: int) -> None:
    k = room.kit
    for _ in range(pictures):
        room.on_wall(o.picture(k), k.u(1.1, 1.5))
    for _ in range(plaques):
        room.on_wall(o.plaque(k), k.u(1.0, 1.8))
    if k.chance(0.4):
        room.against_wall(o.radiator(k), corner=0.0)


def _clutter(room: Room, labels: tuple, count: int, walls: float = 0.5) -> None:
    """Small things on the floor, at walls or in the open."""
    for _ in range(count):
        thing = o.small(room.kit, *labels)
        room.against_wall(thing) if room.kit.chance(walls) else room.on_floor(thing, turn=np.pi)


def _dress(room: Room, placed: Placed | None, labels: tuple, count: int) -> None:
    """Small things on top of something."""
    for _ in range(count):
        room.on_top(placed, o.small(room.kit, *labels), yaw=room.kit.u(-0.5, 0.5))


def _shelf(room: Room) -> Placed | None:
    k = room.kit
    shelf = room.against_wall(f.bookshelf(k))
    if shelf and k.chance(0.3):
        room.beside(shelf, f.bookshelf(k))
    _dress(room, shelf, ("box", "vase", "basket", "speaker", "stuffed animal", "container"), k.n(0, 3))
    return shelf


def _workplace(room: Room, desk: Placed | None) -> None:
    """What belongs to a desk: screens, keyboard, lamp, papers, a chair, a computer beneath."""
    if desk is None:
        return
    k = room.kit
    if k.chance(0.25):
        room.on_top(desk, o.laptop(k), (k.u(0.3, 0.7), 0.4))
    else:
        for i in range(k.pick([1, 1, 2])):
            room.on_top(desk, o.monitor(k), ((0.5, 0.05)[i], 0.9), k.u(-0.15, 0.15))
        room.on_top(desk, o.small(k, "keyboard"), (0.5, 0.2))
        room.on_top(desk, o.small(k, "mouse"), (0.8, 0.25))
    if k.chance(0.5):
        room.on_top(desk, o.lamp(k), (k.pick([0.0, 1.0]), 0.95))
    _dress(room, desk, ("paper", "cup", "telephone", "box", "bottle", "tissue box"), k.n(0, 3))
    if k.chance(0.6):
        room.on_top(desk, o.book_pile(k))
    seat = f.office_chair(k) if k.chance(0.75) else f.chair(k)
    room.in_front(desk, seat, k.u(-0.3, 0.15), k.u(-0.15, 0.15)) or room.in_front(desk, seat, 0.05)
    if k.chance(0.4):
        room.in_front(desk, o.small(k, "computer tower"), -0.5, k.u(-0.4, 0.4))


def bedroom(room: Room) -> None:
    k = room.kit
    bed = None
    for _ in range(3):
        bed = bed or room.against_wall(f.bed(k), 40, 0.4)
    if bed:
        for _ in range(k.n(1, 2)):
            stand = room.beside(bed, f.nightstand(k) if k.chance(0.75) else f.end_table(k), k.u(0.01, 0.08))
            if stand and k.chance(0.7):
                room.on_top(stand, o.lamp(k), (0.5, 0.8))
            _dress(room, stand, ("alarm clock", "cup", "tissue box", "bottle"), k.n(0, 2))
        _dress(room, bed, ("clothes", "blanket", "stuffed animal", "bag", "cushion"), k.n(0, 2))
    if k.chance(0.75):
        wardrobe = room.against_wall(f.wardrobe(k), corner=0.6)
        if wardrobe and k.chance(0.3):
            room.beside(wardrobe, f.wardrobe(k))
    if k.chance(0.6):
        dresser = room.against_wall(f.dresser(k))
        if dresser:
            room.on_wall(o.mirror(k), 1.25, dresser) if k.chance(0.5) else room.on_top(
                dresser, o.monitor(k, "tv"), (0.5, 0.7)
            )
            _dress(room, dresser, ("box", "vase", "bottle", "candle"), k.n(0, 3))
    if k.chance(0.5):
        _workplace(room, room.against_wall(f.desk(k)))
    if k.chance(0.4):
        _shelf(room)
    if k.chance(0.3):
        room.against_wall(f.armchair(k))
    _clutter(
        room,
        (
            "laundry basket",
            "trash can",
            "box",
            "backpack",
            "shoe",
            "bag",
            "suitcase",
            "laundry hamper",
            "clothes",
            "dumbbell",
        ),
        k.n(2, 5),
    )
    _walls(room, k.n(0, 3), k.n(0, 2))


def living_room(room: Room) -> None:
    k = room.kit
    stand = room.against_wall(f.tv_stand(k), corner=0.1)
    if stand:
        room.on_wall(o.wall_tv(k), k.u(0.95, 1.15), stand) if k.chance(0.4) else room.on_top(
            stand, o.monitor(k, "tv"), (0.5, 0.6)
        )
        _dress(room, stand, ("speaker", "box", "vase"), k.n(0, 2))
    couch = f.sofa(k)
    couch = (stand and room.in_front(stand, couch, k.u(1.6, 2.6), k.u(-0.2, 0.2))) or room.against_wall(couch, 40, 0.2)
    if couch:
        for _ in range(k.n(0, 4)):
            room.on_top(couch, f.pillow(k, k.pick(["pillow", "cushion"]), k.u(0.36, 0.46), True), (k.u(0, 1), 1.0))
        low = room.in_front(couch, f.coffee_table(k), k.u(0.3, 0.45), k.u(-0.2, 0.2), False)
        _dress(room, low, ("cup", "tray", "bowl", "candle", "paper"), k.n(0, 3))
        if low and k.chance(0.5):
            room.on_top(low, o.book_pile(k))
        side = room.beside(couch, f.end_table(k), 0.04) if k.chance(0.6) else None
        if side:
            room.on_top(side, o.lamp(k))
    for _ in range(k.n(0, 2)):
        room.on_floor(f.armchair(k), turn=0.6) if k.chance(0.5) else room.against_wall(f.armchair(k))
    if k.chance(0.3):
        room.on_floor(f.ottoman(k))
    if k.chance(0.6):
        _shelf(room)
    if k.chance(0.35):
        table = room.on_floor(f.dining_table(k), 40, 0.5)
        if table:
            room.around(table, _set_of_chairs(k), k.n(2, 6))
    if k.chance(0.4):
        room.against_wall(f.cabinet(k))
    if k.chance(0.12):
        room.against_wall(o.small(k, "piano"))
    if k.chance(0.4):
        room.against_wall(o.lamp(k, True), corner=0.7)
    for _ in range(k.n(0, 2)):
        room.against_wall(o.plant(k), corner=0.7)
    _clutter(
        room, ("basket", "box", "trash can", "shoe", "backpack", "bag", "stuffed animal", "ball", "speaker"), k.n(1, 4)
    )
    _walls(room, k.n(1, 4), k.n(0, 2))


def _set_of_chairs(k: Kit):
    """A maker of equal chairs: one family member, copied."""
    one = f.office_chair(k) if k.chance(0.2) else f.chair(k)
    return lambda _: one


def kitchen(room: Room) -> None:
    k = room.kit
    edge = int(np.argmax(room.lengths))
    front, h, d, along = k.front(), k.u(0.84, 0.92), k.u(0.56, 0.62), 0.05
    order = [k.pick(["refrigerator", "refrigerator", "mini fridge"]), "base", "stove", "base"]
    order += [k.pick(["dishwasher", "base", "washing machine"])] if k.chance(0.6) else []
    for kind in order if k.chance(0.5) else order[::-1]:
        w = k.u(0.8, 1.6)
        if kind == "base":
            unit = f.storage(k, "kitchen cabinet", w, d, h - 0.045, max(1, round(w / 0.5)), k.n(1, 2), front, 0.08)
            unit.tops.clear()
        else:
            unit = o.small(k, kind)
            w = float(np.ptp(unit.bounds()[:, 0])) + 0.01
        where = room.at_wall(edge, along + w / 2, unit.bounds()[1][1] + 0.03)
        placed = room.try_put(unit, *where[:2], 0, where[2], edge=edge, along=along + w / 2)
        if placed is None:
            along += 0.3
            continue
        if kind in ("base", "dishwasher", "washing machine"):
            top = o.worktop(k, "kitchen counter" if k.chance(0.7) else "counter", w, d + 0.03, max(h, unit.bounds()[1][2] + 0.045),
                            k.u(0.3, 0.7) if kind == "base" and w > 0.9 else None)  # fmt: skip
            plate = _on_cabinet(room, top, edge, along + w / 2)
            _dress(room, plate, ("bottle", "bowl", "plate", "cup", "microwave", "toaster", "coffee maker", "paper towel roll",
                                 "coffee kettle", "soap dispenser", "container", "toaster oven"), k.n(1, 4))  # fmt: skip
        if kind == "stove" and k.chance(0.7):
            hood = Mesh().box(-0.3, 0.3, -0.45, 0, 0, 0.1, k.metal()).box(-0.12, 0.12, -0.28, 0, 0.1, 0.5, k.metal())
            room.on_wall(Thing("range hood", hood), 1.5, placed)
        elif kind in ("base", "dishwasher") and k.chance(0.75):
            upper = f.storage(
                k, "kitchen cabinet", w - 0.01, k.u(0.32, 0.38), k.u(0.55, 0.75), max(1, round(w / 0.45)), 1, front, 0.0
            )
            room.on_wall(upper, k.u(1.42, 1.5), placed)
        along += w + 0.005
    table = room.on_floor(f.dining_table(k), 40, 0.3)
    if table:
        room.around(table, _set_of_chairs(k), k.n(2, 6))
        _dress(room, table, ("plate", "cup", "bowl", "bottle", "vase", "tray"), k.n(0, 4))
    if k.chance(0.4):
        room.against_wall(f.cabinet(k))
    for _ in range(k.n(0, 2)):
        room.on_floor(f.stool(k))
    _clutter(
        room,
        (
            "trash can",
            "recycling bin",
            "trash bin",
            "box",
            "bucket",
            "case of water bottles",
            "paper bag" if False else "bag",
        ),
        k.n(1, 4),
        0.8,
    )
    _walls(room, k.n(0, 2), k.n(0, 3))


def _on_cabinet(room: Room, top: Thing, edge: int, along: float) -> Placed | None:
    """Lay a worktop on the units at a wall."""
    where = room.at_wall(edge, along, top.bounds()[1][1] + 0.015)
    return room.try_put(top, *where[:2], 0, where[2], edge=edge, along=along)


def bathroom(room: Room) -> None:
    k = room.kit
    if k.chance(0.75):
        tub = room.against_wall(o.bathtub(k), 40, 0.8)
        if tub and k.chance(0.7):
            (x0, y0, _), (x1, _, z) = tub.thing.bounds()
            drape = o.curtain(
                k, (x1 - x0) * k.u(0.4, 0.9), min(room.height - 0.1, 2.1), k.u(0.15, 0.3), "shower curtain"
            )
            drop = Thing(
                "",
                parts=[
                    (drape, 0, y0 + 0.0, 0, 0),
                    (
                        Thing("shower curtain rod", Mesh().box(x0, x1, y0 - 0.07, y0 - 0.05, 2.11, 2.13, k.metal())),
                        0,
                        0,
                        0,
                        0,
                    ),
                ],
            )
            c, s = np.cos(tub.yaw), np.sin(tub.yaw)
            room.try_put(drop, tub.x + s * 0.06, tub.y - c * 0.06, 0, tub.yaw)
    toilet = room.against_wall(o.toilet(k), 40, 0.3)
    if k.chance(0.6):
        w, d, h = k.u(0.6, 1.3), k.u(0.45, 0.55), k.u(0.8, 0.88)
        unit = f.storage(
            k, k.pick(["bathroom vanity", "bathroom cabinet", "cabinet"]), w, d, h - 0.16, max(1, round(w / 0.45)), 1
        )
        unit.tops.clear()
        vanity = room.against_wall(unit, 40)
        if vanity:
            plate = o.worktop(k, k.pick(["bathroom counter", "counter"]), w, d + 0.02, h, 0.5)
            top = _on_cabinet(room, plate, vanity.edge, vanity.along)
            _dress(room, top, ("soap dispenser", "bottle", "cup", "tissue box", "towel"), k.n(0, 3))
    else:
        vanity = room.against_wall(o.sink(k), 40)
    if vanity:
        room.on_wall(o.mirror(k), k.u(1.1, 1.25), vanity)
    if toilet:
        room.beside(toilet, o.small(k, "trash can", "toilet paper", "plunger"), 0.1)
    if k.chance(0.35):
        machine = room.against_wall(o.small(k, "washing machine"))
        if machine and k.chance(0.4):
            room.beside(machine, o.small(k, "clothes dryer"), 0.01)
        _dress(room, machine, ("laundry detergent", "laundry basket", "towel"), k.n(0, 2))
    for _ in range(k.n(1, 3)):
        room.on_wall(o.hanging(k), k.u(0.8, 1.1))
    _clutter(
        room,
        ("trash can", "laundry hamper", "scale", "bucket", "toilet paper", "plunger", "laundry basket"),
        k.n(1, 3),
        0.8,
    )
    _walls(room, k.n(0, 1), k.n(0, 2))


def office(room: Room) -> None:
    k = room.kit
    for _ in range(k.n(1, 3)):
        desk = room.against_wall(f.desk(k), 30, 0.5)
        _workplace(room, desk)
        if desk and k.chance(0.4):
            _workplace(room, room.beside(desk, f.desk(k)))
    if k.chance(0.25):
        first = room.on_floor(f.desk(k), 30, 0.4, 0.0)
        _workplace(room, first)
    if k.chance(0.7):
        files = room.against_wall(f.file_cabinet(k))
        for _ in range(k.n(0, 3)):
            files = files and room.beside(files, f.file_cabinet(k))
        _dress(room, files, ("printer", "box", "paper"), 1)
    for _ in range(k.n(0, 2)):
        _shelf(room)
    if k.chance(0.35):
        room.against_wall(o.small(k, "printer", "copier", "mini fridge", "water cooler"))
    if k.chance(0.35):
        table = room.on_floor(f.table(k))
        if table:
            room.around(table, _set_of_chairs(k), k.n(1, 4))
    if k.chance(0.2):
        room.against_wall(f.sofa(k))
    if k.chance(0.6):
        room.on_wall(o.board(k, k.pick(["whiteboard", "whiteboard", "bulletin board", "board"])), k.u(0.9, 1.1))
    if k.chance(0.5):
        room.against_wall(o.plant(k), corner=0.7)
    if k.chance(0.4):
        room.on_floor(f.chair(k))
    _clutter(
        room,
        ("trash can", "recycling bin", "box", "backpack", "bag", "storage bin", "computer tower", "crate"),
        k.n(2, 5),
        0.7,
    )
    _walls(room, k.n(0, 2), k.n(0, 3))


def classroom(room: Room) -> None:
    """A meeting table with chairs around it, or rows of desks; boards and a screen."""
    k = room.kit
    seat = _set_of_chairs(k)
    if k.chance(0.5):
        w, d = k.u(1.8, 3.2), k.u(0.95, 1.3)
        table = room.on_floor(f.table(k, "table", w, d, rounded=0.05), 60, 0.45, 0.04)
        if table:
            room.around(table, seat, k.n(5, 12))
            _dress(room, table, ("paper", "cup", "telephone", "bottle", "projector"), k.n(0, 4))
            for _ in range(k.n(0, 2)):
                room.on_top(table, o.laptop(k))
    else:
        proto, low, high = (
            f.table(k, "table", k.u(1.1, 1.5), k.u(0.5, 0.65), rounded=0.0),
            room.polygon.min(0),
            room.polygon.max(0),
        )
        for y in np.arange(low[1] + 1.3, high[1] - 0.9, k.u(1.25, 1.6)):
            for x in np.arange(low[0] + 1.0, high[0] - 0.8, np.ptp(proto.bounds()[:, 0]) + k.pick([0.01, 0.4])):
                table = room.try_put(proto, x, y, 0, 0.0)
                for aside in (-0.32, 0.32) if table else ():
                    room.in_front(table, seat(k), k.u(-0.25, 0.1), aside)
    room.on_wall(o.board(k, k.pick(["whiteboard", "blackboard", "whiteboard"])), 0.9)
    if k.chance(0.4):
        room.on_wall(o.flat(k, "projector screen", 1.8, 1.3, 0.03, k.white()), 1.0)
    if k.chance(0.4):
        room.on_wall(o.wall_tv(k), 1.2)
    if k.chance(0.5):
        room.on_wall(o.board(k, "bulletin board"), 1.0)
    seats = [room.against_wall(seat(k))]
    for _ in range(k.n(0, 4)):  # a row of chairs along the wall, arm to arm
        seats.append(seats[-1] and room.beside(seats[-1], seat(k), 0.005))
    for _ in range(k.n(0, 2)):
        room.against_wall(f.cabinet(k))
    _clutter(room, ("trash can", "recycling bin", "backpack", "box", "bag"), k.n(1, 4), 0.7)
    _walls(room, k.n(0, 2), k.n(1, 3))


def corridor(room: Room) -> None:
    k = room.kit
    for _ in range(k.n(0, 2)):
        row = room.against_wall(f.cabinet(k))
        for _ in range(k.n(0, 3)):
            row = row and room.beside(row, f.cabinet(k))
    for maker in (f.bench, lambda k: o.small(k, "water cooler"), lambda k: o.small(k, "copier"), lambda k: o.small(k, "mailbox"),
                  f.chair, o.plant, f.bookshelf):  # fmt: skip
        if k.chance(0.35):
            first = room.against_wall(maker(k))
            if first and k.chance(0.4):
                room.beside(first, maker(k))
    for _ in range(k.n(0, 2)):
        room.on_wall(o.board(k, k.pick(["bulletin board", "whiteboard", "board"])), 1.0)
    _clutter(room, ("trash can", "recycling bin", "fire extinguisher", "box", "bin", "crate", "shoe"), k.n(2, 5), 1.0)
    _walls(room, k.n(1, 4), k.n(2, 5))


_RECIPES = {"bedroom": bedroom, "living room": living_room, "kitchen": kitchen, "bathroom": bathroom, "office": office,
            "classroom": classroom, "corridor": corridor}  # fmt: skip


def _rugs(room: Room) -> None:
    """Flat things last: they go under nothing, but lie between what stands."""
    k = room.kit
    if room.kind in ("bathroom", "corridor", "kitchen") and k.chance(0.5):
        room.on_floor(o.rug(k, "mat", k.u(0.5, 0.9), k.u(0.35, 0.6)))
    elif room.kind in ("bedroom", "living room") and k.chance(0.5):
        room.on_floor(o.rug(k, "rug", k.u(1.0, 2.2), k.u(0.8, 1.6)), 30)


def kind_of(index: int) -> str:
    """Room type of the index-th scene: a low-discrepancy sequence, so that few scenes already show most types."""
    ends = np.cumsum([share for *_, share in KINDS.values()])
    return list(KINDS)[int(np.searchsorted(ends, (0.1 + index * 0.6180339887) % 1.0 * ends[-1], side="right"))]


def build(rng: np.random.Generator, kind: str, area: float = np.inf) -> Room:
    """A furnished room of a type of KINDS, its plan shrunk to at most about `area` square metres."""
    k, (widths, depths, _) = Kit(rng), KINDS[kind]
    height = k.u(2.35, 2.9) if kind != "classroom" else k.u(2.6, 3.1)
    width, depth = k.u(*widths), k.u(*depths)
    shrink = min(1.0, np.sqrt(area / (width * depth)))
    room = Room(k, kind, plan(k, width * shrink, depth * shrink), height)
    doors, windows = (
        (k.n(3, 5), k.n(0, 1)) if kind == "corridor" else (k.n(1, 2), k.n(0 if kind == "bathroom" else 1, 2))
    )
    _openings(room, doors, windows)
    _RECIPES[kind](room)
    _rugs(room)
    wall = k.materials.add("cloth", k.near(k.wall(), 8), k.near(k.wall(), 8) * 0.98, 0.6)
    wall_rgb = k.materials.rows[wall][1]
    k.materials.rows[wall] = (*k.materials.rows[wall][:2], wall_rgb * 0.95, *k.materials.rows[wall][3:])
    accent = k.materials.add("plain", k.near(k.wall())) if k.chance(0.25) else wall
    if kind == "bathroom" and k.chance(0.6):
        wall = accent = k.materials.add("tiles", k.near((222, 222, 216)), k.near((180, 178, 170)), k.u(0.15, 0.3), 0.1)
    room.shell(wall, accent, _floor(k, kind), k.materials.add("plain", k.near((232, 230, 224), 6)))
    return room


def _floor(k: Kit, kind: str) -> int:
    options = {"bathroom": ["tiles"], "kitchen": ["tiles", "planks"], "office": ["carpet", "planks", "carpet"],
               "classroom": ["carpet", "tiles"], "corridor": ["tiles", "carpet", "planks"]}  # fmt: skip
    pattern = k.pick(options.get(kind, ["planks", "planks", "carpet"]))
    if pattern == "planks":
        rgb = k.near(k.pick([(176, 140, 100), (150, 110, 74), (110, 78, 54), (196, 170, 136), (150, 138, 124)]))
        return k.materials.add("planks", rgb, rgb * k.u(0.68, 0.85), k.u(0.08, 0.18), k.pick([0, 0.05]))
    if pattern == "tiles":
        rgb = k.near(k.pick([(206, 202, 192), (160, 156, 148), (186, 170, 146), (120, 118, 116)]))
        return k.materials.add("tiles", rgb, rgb * k.u(0.7, 0.85), k.u(0.25, 0.5), k.pick([0, 0.1]))
    rgb = k.near(k.pick([(120, 120, 124), (150, 140, 124), (90, 96, 110), (168, 154, 136)]))
    return k.materials.add("carpet", rgb, rgb * 0.8, 0.4)
