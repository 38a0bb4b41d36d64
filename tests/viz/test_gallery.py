"""Buys that the gallery of notebook 06 has every failure of a room, worst first, and draws it."""

import matplotlib.pyplot as plt
import torch
from helpers import made_up_inspection

from mf3d_tutorial.viz.gallery import KINDS, close_up, gallery


def room_with_failures():
    room = made_up_inspection()
    logits, masks = (x.clone() for x in room.layers[-1])
    logits[6], masks[6] = 3 * logits[2], masks[2]
    masks[6, torch.where(room.target.instance == 2)[0][::3]] = -5.0  # finds instance 2 once more
    logits[7, 9], masks[7, room.target.instance == -1] = 20.0, 5.0
    masks[3, torch.where(room.target.instance == 3)[0][::2]] = -5.0
    room.layers[-1] = (logits, masks)
    room.update()
    return room


def test_the_gallery_has_each_failure_of_each_room_worst_first():
    rooms = [room_with_failures(), made_up_inspection()]
    found = gallery(rooms)
    assert tuple(found) == KINDS
    named = [(i, row.kind) for i, room in enumerate(rooms) for row in room.rows]
    for kind in KINDS[:-1]:
        cases = found[kind]
        assert sorted(case.room for case in cases) == [i for i, name in named if name == kind]
        assert [case.how_bad for case in cases] == sorted(
            (case.how_bad for case in cases), reverse=True
        )
    (double,) = found["doubled"]
    d = rooms[0].decoded
    assert d.queries[double.masks].tolist() == [6, 2]  # the double first
    assert double.objects == [2]


def test_a_close_up_names_the_objects_and_says_how_the_masks_fit():
    rooms = [room_with_failures()]
    found = gallery(rooms)
    figure = close_up(rooms, found["doubled"][0])
    titles = [axis.get_title() for axis in figure.axes]
    j, (k, *_) = rooms[0].decoded.judgement, found["doubled"][0].masks
    assert titles[:2] == ["room 0", "true: chair 2"]
    assert f"IoU {j.iou[k, 2]:.2f}, cover {j.cover[k, 2]:.2f}" in titles[2]
    assert len(close_up(rooms, found["invented"][0]).axes) == 3
    assert len(close_up(rooms, found["missed"][0]).axes) >= 2
    plt.close("all")
