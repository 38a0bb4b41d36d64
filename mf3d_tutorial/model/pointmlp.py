"""A backbone that takes points as they are: small networks on single points, and maxima over cells
that grow.

The idea is PointNet++'s (Qi et al. 2017): what a point is depends on its neighbourhood, which is
described by the maximum, channel by channel, of what its points say. Here neighbourhoods are the
cells of a grid: one sort finds them, without a search, and a point takes over what its cell knows.
"""

import itertools
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mf3d_tutorial.warp import Points


def mlp(in_channels: int, out_channels: int) -> nn.Sequential:
    """Two linear layers with a LayerNorm and a GELU between them."""
    return nn.Sequential(
        nn.Linear(in_channels, out_channels),
        nn.LayerNorm(out_channels),
        nn.GELU(),
        nn.Linear(out_channels, out_channels),
    )


def cell_of_each_point(
    coord: Float[Tensor, "N 3"], scene: Int[Tensor, " N"], edge: float
) -> Int[Tensor, " N"]:
    """The number, 0 to M - 1, of the cell that a point lies in; `edge` in metres. No cell spans two
    scenes."""
    cell = torch.cat([scene[:, None], (coord / edge).floor().long()], dim=1)
    cell = cell - cell.amin(0)
    _, y, z = extent = cell[:, 1:].amax(0) + 1
    key = cell * torch.stack([extent.prod(), y * z, z, torch.ones_like(z)])
    return key.sum(1).unique(return_inverse=True)[1]


class PointMLP(nn.Module):
    """`widths`: channels of the points, then of the cells of each level; `edge`: metres of the
    first level's cells.

    Every level doubles the edge: with the defaults 0.1, 0.2, 0.4, 0.8 and 1.6 m.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        widths: Sequence[int] = (64, 64, 96, 128, 192, 256),
        edge: float = 0.1,
    ):
        super().__init__()
        self.edge = edge
        self.stem = mlp(in_channels, widths[0])
        levels = list(itertools.pairwise(widths))  # (narrow, wide): channels below and in the cells
        self.down = nn.ModuleList(mlp(narrow + 3, wide) for narrow, wide in levels)
        self.up = nn.ModuleList(mlp(wide + narrow, narrow) for narrow, wide in reversed(levels))
        self.head = nn.Linear(widths[0], out_channels)

    def forward(self, points: Points) -> Points:
        """Points with `out_channels` new features each."""
        x, coord = self.stem(points.feature_tensor), points.coordinate_tensor
        sizes = points.offsets.diff().to(coord.device)
        scene = torch.arange(len(sizes), device=coord.device).repeat_interleave(sizes)
        passed = []
        for level, down in enumerate(self.down):
            edge = self.edge * 2**level
            # shifted, lest all borders coincide
            cell = cell_of_each_point(coord + level * edge / 3, scene, edge)
            count = cell.bincount().unsqueeze(1)
            center = coord.new_zeros(len(count), 3).index_add(0, cell, coord) / count
            said = down(torch.cat([x, (coord - center[cell]) / edge], dim=1))
            passed.append((x, cell))
            index = cell[:, None].expand_as(said)
            x = said.new_zeros(len(count), said.shape[1]).scatter_reduce(
                0, index, said, "amax", include_self=False
            )
            scene = scene.new_zeros(len(count)).scatter(0, cell, scene)
            coord = center
        for up, (finer, cell) in zip(self.up, reversed(passed)):
            x = finer + up(torch.cat([x[cell], finer], dim=1))
        return points.replace(batched_features=self.head(x))
