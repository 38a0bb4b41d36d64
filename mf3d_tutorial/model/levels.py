"""What a MinkUNet computes on its coarser grids, for decoder layers to look at."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn

from mf3d_tutorial.warp import (
    MinkUNetBase,
    Points,
    PointToVoxel,
    network_and_stages,
    parents,
    pooled,
)


class VoxelLevel(NamedTuple):
    """Voxels of all scenes, those of a scene together."""

    features: Float[Tensor, "K D"]
    coord: Float[Tensor, "K 3"]  # metres, the middle of each voxel
    sizes: tuple[int, ...]  # voxels of each scene
    voxel: Int[Tensor, " N"]  # index of the voxel that contains the point


# Stages of the decoder of WarpConvNet's MinkUNet: its module's name, and how many input voxels long
# a voxel is there.
STAGES = (("block4", 16), ("block5", 8), ("block6", 4), ("block7", 2))


class PointToLevels(PointToVoxel):
    """A MinkUNet whose inner features can be looked at: `with_levels(points) -> Points,
    [VoxelLevel, ...]`.

    `num_levels` includes the finest level, the points themselves. The other `num_levels` - 1 are
    stages of the network's decoder, coarse to fine, projected to `dim` channels.
    """

    def __init__(self, network: MinkUNetBase, voxel_size: float, num_levels: int, dim: int):
        # Declared for BaseSpatialModule, it takes any module.
        super().__init__(network, voxel_size, concat_unpooled_pc=False)  # pyright: ignore[reportArgumentType]
        self.inner_module: MinkUNetBase
        stages = STAGES[len(STAGES) + 1 - num_levels :]
        self.names = tuple(name for name, _ in stages)
        self.strides = tuple(stride for _, stride in stages)
        self.project = nn.ModuleList(
            nn.Linear(network.PLANES[int(name[-1]) - 1], dim) for name in self.names
        )

    def forward(self, points: Points) -> Points:
        """Each point gets the feature of its voxel, which the network computes from the mean of the
        voxel's points."""
        finest, voxel_of_point = pooled(points, self.voxel_size)
        [out] = network_and_stages(self.inner_module, finest)
        return points.replace(batched_features=out.feature_tensor[voxel_of_point])

    def with_levels(self, points: Points) -> tuple[Points, list[VoxelLevel]]:
        """Features of the points, and of the voxels of each coarser level, coarse to fine."""
        finest, voxel_of_point = pooled(points, self.voxel_size)
        out, *stages = network_and_stages(self.inner_module, finest, self.names)
        return points.replace(batched_features=out.feature_tensor[voxel_of_point]), [
            VoxelLevel(
                project(voxels.feature_tensor),
                (voxels.coordinate_tensor + 0.5) * (self.voxel_size * stride),
                tuple(voxels.offsets.diff().tolist()),
                parents(finest, voxel_of_point, voxels, stride),
            )
            for voxels, stride, project in zip(stages, self.strides, self.project)
        ]
