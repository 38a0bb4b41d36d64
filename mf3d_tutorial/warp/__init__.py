"""WarpConvNet on any device: the only folder that knows its insides. Importing it imports and
patches WarpConvNet."""

# First, because it makes WarpConvNet importable.
from mf3d_tutorial.warp.patches import HAS_EXTENSION, segment_csr, use_fast_path  # isort: skip

from warpconvnet.geometry.types.points import Points
from warpconvnet.geometry.types.voxels import Voxels
from warpconvnet.models.mink_unet import MinkUNetBase
from warpconvnet.nn.modules.sparse_conv import SparseConv3d
from warpconvnet.nn.modules.sparse_pool import PointToVoxel

from mf3d_tutorial.warp.cpu_convolution import GRID_MAX, GRID_MIN, kernel_map
from mf3d_tutorial.warp.kernel_maps import packed

__all__ = [
    "GRID_MAX",
    "GRID_MIN",
    "HAS_EXTENSION",
    "MinkUNetBase",
    "PointToVoxel",
    "Points",
    "SparseConv3d",
    "Voxels",
    "kernel_map",
    "packed",
    "segment_csr",
    "use_fast_path",
]
