"""The distinct voxels among given ones, and those 2, 4, 8 and 16 times as long, of all scenes,
found by one sort.

In Z-order (Morton order) the voxels that lie in a longer one stand together, however long it is: a
longer voxel begins where the number of its place differs from the one before. So all levels are
counted at once, and the host waits for the GPU once.
"""

import functools
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from mf3d_tutorial.warp.cpu_operations import spread_bits

LEVELS = 4  # beside the distinct ones; as often as a MinkUNet doubles its voxels


class CoarseGrids(NamedTuple):
    """R voxels of all levels, finest first, those of a level and of a scene together."""

    rows: Int[Tensor, "R 4"]  # scene, x, y, z
    starts: Int[Tensor, "L borders"]  # first row of each scene of each level, and its end; CPU
    order: Int[Tensor, " N"]  # Z-order of the given voxels
    row: Int[Tensor, "L N"]  # of the voxel of each level that the given voxel order[i] lies in

    def level(self, level: int) -> tuple[Int[Tensor, "M 4"], Int[Tensor, " borders"]]:
        """The distinct voxels 2^`level` times as long, and the first of each scene."""
        starts = self.starts[level]
        return self.rows[starts[0] : starts[-1]], (starts - starts[0]).int()

    def sizes(self) -> list[int]:
        """How many voxels each level has."""
        return (self.starts[:, -1] - self.starts[:, 0]).tolist()

    def parents(self, level: int) -> Int[Tensor, " N"]:
        """Which of these voxels each given one lies in."""
        found = torch.empty_like(self.order)
        found[self.order] = self.row[level] - int(self.starts[level, 0])
        return found


def coarse_grids(rows: Int[Tensor, "N 4"], offsets: Int[Tensor, " borders"]) -> CoarseGrids:
    """`rows`: scene, x, y, z of voxels, those of scene b from `offsets[b]` (CPU) on."""
    count, levels = len(rows), range(LEVELS + 1)
    keys, order = z_order(rows).sort()
    # the place of the voxel of each level, then whether it is the first of its kind
    keys = keys >> constant(tuple(3 * level for level in levels), rows.device)[:, None]
    first = torch.ones(keys.numel() + 1, dtype=torch.bool, device=rows.device)
    torch.ne(keys[:, 1:], keys[:, :-1], out=first[:-1].view_as(keys)[:, 1:])
    row = first.cumsum(0) - 1
    # sorting moved none from scene to scene
    borders = torch.arange(len(levels))[:, None] * count + offsets
    starts = row[borders.to(rows.device, non_blocking=True)].cpu()
    row = row[:-1]
    shifts = constant(tuple(shift for k in levels for shift in (0, k, k, k)), rows.device)
    found = rows.new_empty(int(starts[-1, -1]), 4)
    found[row] = (rows[order] >> shifts.view(-1, 1, 4)).flatten(0, 1)
    return CoarseGrids(found, starts, order, row.view_as(keys))


def z_order(rows: Int[Tensor, "N 4"]) -> Int[Tensor, " N"]:
    """The scene's number, then the bits of x, y and z in turn, of 18 each."""
    spread = _spread(rows.device)[rows[:, 1:] & (2**18 - 1)]
    place = (spread << constant((2, 1, 0), rows.device)).sum(1)
    return place + (rows[:, 0].long() << 54)


@functools.cache
def _spread(device: torch.device) -> Int[Tensor, " numbers"]:
    """The numbers of 18 bits with two zeros before each bit."""
    return spread_bits(torch.arange(2**18, device=device))


@functools.cache
def constant(values: tuple[int, ...], device: torch.device) -> Int[Tensor, " n"]:
    """These numbers on the device, copied there once."""
    return torch.tensor(values, dtype=torch.int32, device=device)
