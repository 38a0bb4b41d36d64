"""Every function of WarpConvNet (one version, see importing.py) that this project replaces, each
with its reason.

Importing this module imports WarpConvNet and replaces them for the whole process. CUDA tensors go
to the compiled kernels as before; CPU tensors go to plain PyTorch. So every module of this project
that needs WarpConvNet takes it from this folder.
"""

import sys
import types

from mf3d_tutorial.warp.importing import HAS_EXTENSION  # isort: skip

import warpconvnet.geometry.coords.ops.serialization as _serialization
import warpconvnet.geometry.coords.ops.stride as _stride
import warpconvnet.geometry.coords.ops.voxel as _voxel
import warpconvnet.models.volt.volt as _volt
import warpconvnet.nn.functional.flash_attn_utils as _flash
import warpconvnet.nn.functional.sparse_conv.helper as _conv
import warpconvnet.nn.functional.sparse_pool as _pool
import warpconvnet.nn.functional.voxel_encode as _windows
import warpconvnet.nn.modules.attention as _attention
import warpconvnet.nn.modules.rope as _rope
import warpconvnet.nn.modules.space_attention as _space_attention
import warpconvnet.utils.optional_deps as _optional
import warpconvnet.utils.unique as _unique

from mf3d_tutorial.warp import attention, fast_blocks, fast_convolution
from mf3d_tutorial.warp.cpu_convolution import kernel_map, unique_rows
from mf3d_tutorial.warp.cpu_operations import morton_code, segment_csr, unique_codes

__all__ = ["HAS_EXTENSION", "segment_csr", "use_fast_path"]


class _ConvByDevice:
    """Takes the place of WarpConvNet's autograd function: same arguments, the tensor's device
    decides."""

    cuda = _conv.UnifiedSpatiallySparseConvFunction

    @classmethod
    def apply(cls, features, weight, kernel_map, num_out, *options):
        if features.is_cuda:
            return cls.cuda.apply(features, weight, kernel_map, num_out, *options)
        groups = options[8]
        if groups != 1:
            raise ValueError(
                f"a sparse convolution with groups={groups} needs CUDA; use groups=1 on the CPU"
            )
        return fast_convolution.Convolution.apply(
            features, weight, kernel_map, num_out, features.dtype, None
        )


def _by_device(on_cuda, on_cpu):
    """A function with `on_cuda`'s arguments that calls `on_cpu` when its first argument is a CPU
    tensor."""

    def route(tensor, *args, **kwargs):
        return (on_cuda if tensor.is_cuda else on_cpu)(tensor, *args, **kwargs)

    return route


def _kernel_map_on_cpu(
    coords, out_coords, stride, kernel_size, kernel_dilation=None, center=None, **_
):
    return kernel_map(coords, out_coords, stride, kernel_size, kernel_dilation or (1, 1, 1), center)


def _replace_for_convolution() -> None:
    """What voxels and sparse convolutions need on the CPU."""
    # Its kernel map is a hash table on the GPU. Here: integer keys, a table or a binary search.
    _conv.generate_kernel_map = _by_device(_conv.generate_kernel_map, _kernel_map_on_cpu)
    # Its autograd function calls compiled kernels. Here: gather, a matrix product per kernel
    # offset, and sums in the order of the points.
    _conv.UnifiedSpatiallySparseConvFunction = _ConvByDevice
    # A hash table again: voxels that occur several times. Here: a stable sort.
    unique_hashmap = _by_device(
        _stride.unique_hashmap, lambda coords, **_: (unique_rows(coords), None)
    )
    _stride.unique_hashmap = _voxel.unique_hashmap = unique_hashmap
    # It calls torch.unique with a `dim`, which compares row by row: 20 times slower on the CPU.
    torch_unique = _unique.unique_torch
    _unique.unique_torch = lambda x, *args, **kwargs: (
        unique_codes(x, *args, **kwargs) if x.ndim == 1 else torch_unique(x, *args, **kwargs)
    )
    # A compiled kernel. Here: bit tricks on int64.
    _serialization.morton_code = _by_device(
        _serialization.morton_code,
        lambda coords, threads_per_block=256, order=_serialization.POINT_ORDERING.MORTON_XYZ: (
            morton_code(coords, order)
        ),
    )
    # torch_scatter has no wheel on PyPI: without it pooling fails on every device.
    if not _optional.HAS_TORCH_SCATTER:
        placeholder = _optional.segment_csr
        for name, module in list(sys.modules.items()):
            ours = name.startswith("warpconvnet")
            if ours and getattr(module, "segment_csr", None) is placeholder:
                vars(module)["segment_csr"] = segment_csr


def _replace_for_attention() -> None:
    """What the backbones with attention need: SpaCeFormer, PointTransformerV3 and Volt."""
    # They insist on the package flash-attn, which is compiled for CUDA and knows no CPU.
    stand_in = types.SimpleNamespace(flash_attn_varlen_qkvpacked_func=attention.windowed_attention)
    _flash.flash_attn = _attention.flash_attn = stand_in
    # They halve the precision for flash-attn, whatever the autocast; its stand-in needs no halving.
    attention.keep_precision(_attention.PatchAttention)
    attention.keep_precision(_space_attention.SpaceAttention)
    attention.keep_precision(_volt.RoPEAttention)
    # Compiled kernels. Here: two stable sorts, and a product of complex numbers.
    compiled = _serialization._C.utils
    compiled.segmented_sort = _by_device(
        getattr(compiled, "segmented_sort", None), attention.segmented_sort
    )
    _rope.fused_rope_qkv = _by_device(_rope.fused_rope_qkv, attention.rotate_qkv)
    # Windows and curves begin at the corner of the whole batch, so that a scene's features depend
    # on the other scenes. Here: at its own corner; on the CPU in WarpConvNet's PyTorch variants.
    _windows.voxel_encode = attention.encode_windows
    _attention.encode = attention.encode_curve
    # Pooling took its kernel map from the module before the function above was put there.
    _pool.generate_kernel_map = attention.kernel_map_of_now
    # SpaCeFormer.forward: windows of the last batch are kept for good, by a dead tensor's address.
    attention.forget_windows()
    # RoPE.compute_axial_cis_efficient: a negative token number counts from the table's end.
    attention.count_tokens_from_the_smallest()


def use_fast_path(on: bool = True) -> None:
    """Put fast_convolution.py and fast_blocks.py in the place of WarpConvNet's own, or those back:
    its Python around a convolution takes longer than the GPU does."""
    fast_convolution.install(on)
    fast_blocks.install(on)


_replace_for_convolution()
_replace_for_attention()
use_fast_path()
