"""WarpConvNet on any device: the only folder that knows its insides. Importing it imports and
patches WarpConvNet.

The way of a convolution of a MinkUNet, called by WarpConvNet's network:

    fast_blocks.py: conv_block, basic_block    in the place of forward of WarpConvNet's blocks
      fast_blocks.py: step                     convolution, batch norm, residual and ReLU in one
        fast_convolution.py: prepare           output coordinates, pairs, kernels to run
          kernel_maps.py: grid_of              keeps the pairs with the coordinates that they are of
            cpu_convolution.py: kernel_map     on the CPU; on CUDA kernel_maps.py: _quick_grid
              coarse_grids.py: coarse_grids    on CUDA all coarser grids at once
        fast_convolution.py: product           (and `gradients`, on the way back)
          cpu_convolution.py: product          on the CPU; on CUDA fast_convolution.py: _run

A convolution that is in no such block begins at fast_convolution.py: convolve.
"""

# First, because it makes WarpConvNet importable.
from mf3d_tutorial.warp.patches import HAS_EXTENSION, segment_csr, use_fast_path  # isort: skip

from warpconvnet.geometry.types.points import Points
from warpconvnet.geometry.types.voxels import Voxels
from warpconvnet.models.mink_unet import MinkUNetBase
from warpconvnet.nn.modules.sparse_conv import SparseConv3d
from warpconvnet.nn.modules.sparse_pool import PointToVoxel

from mf3d_tutorial.warp.cpu_convolution import GRID_MAX, GRID_MIN, kernel_map
from mf3d_tutorial.warp.fast_blocks import network_and_stages
from mf3d_tutorial.warp.kernel_maps import parents, pool_ahead, pooled
from mf3d_tutorial.warp.unet_graphs import allow_graphs, drop_graphs, graph_memory

__all__ = [
    "GRID_MAX",
    "GRID_MIN",
    "HAS_EXTENSION",
    "MinkUNetBase",
    "PointToVoxel",
    "Points",
    "SparseConv3d",
    "Voxels",
    "allow_graphs",
    "drop_graphs",
    "graph_memory",
    "kernel_map",
    "network_and_stages",
    "parents",
    "pool_ahead",
    "pooled",
    "segment_csr",
    "use_fast_path",
]
