"""What SpaCeFormer, PointTransformerV3 and Volt, WarpConvNet's attention backbones, need besides
convolutions.

patches.py puts these in the place of WarpConvNet's own. CUDA tensors keep the compiled kernels.

    what                     here
    flash-attn               the real package on CUDA if it is installed, else torch's
                             variable-length attention (CUDA, half precision) or
                             scaled_dot_product_attention window by window
    segmented_sort           on the CPU: two stable sorts
    voxel_encode, encode     on the CPU: WarpConvNet's own variants in plain PyTorch; and from
                             each scene's own corner
    fused_rope_qkv           on the CPU: a product of complex numbers
    generate_kernel_map      in pooling too: what patches.py made of it for convolutions
"""

import functools
from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
import warpconvnet.geometry.coords.ops.serialization as _serialization
import warpconvnet.models.spaceformer.space_former as _space_former
import warpconvnet.models.volt.volt as _volt
import warpconvnet.nn.functional.flash_attn_utils as _flash
import warpconvnet.nn.functional.sparse_conv.helper as _conv
import warpconvnet.nn.functional.voxel_encode as _windows
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.attention.varlen import varlen_attn
from torch.overrides import TorchFunctionMode

_flash_attn = _flash.flash_attn  # the real package, or None
_encode_windows, _encode_curve = _windows.voxel_encode, _serialization.encode


def windowed_attention(
    qkv: Float[Tensor, "N 3 H D"],
    cu_seqlens: Int[Tensor, " borders"],
    max_seqlen: int,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    **options,
) -> Float[Tensor, "N H D"]:
    """Attention inside each of W windows, the rows `cu_seqlens[w]:cu_seqlens[w + 1]`: flash-attn's
    qkvpacked function.

    torch's variable-length attention does what the models here ask of it: no dropout, the usual
    scale.
    """
    if qkv.is_cuda and _flash_attn:
        return _flash_attn.flash_attn_varlen_qkvpacked_func(
            qkv, cu_seqlens, max_seqlen, dropout_p, softmax_scale, **options
        )
    half, usual_scale = qkv.dtype in (torch.float16, torch.bfloat16), qkv.shape[-1] ** -0.5
    if (
        qkv.is_cuda
        and half
        and not dropout_p
        and softmax_scale in (None, usual_scale)
        and qkv.shape[-1] % 8 == 0
    ):
        borders = cu_seqlens.int()
        q, k, v = qkv.unbind(1)
        out = varlen_attn(q, k, v, borders, borders, max_seqlen, max_seqlen)
        return cast(Tensor, out)  # a pair only if asked for
    return attention_by_length(qkv, cu_seqlens, dropout_p, softmax_scale)


def attention_by_length(
    qkv: Float[Tensor, "N 3 H D"],
    cu_seqlens: Int[Tensor, " borders"],
    dropout_p: float,
    scale: float | None,
) -> Float[Tensor, "N H D"]:
    """Attention in windows by scaled_dot_product_attention: those of equal length are one batch."""
    starts, lengths = cu_seqlens[:-1].long(), cu_seqlens.diff()
    rows, outputs = [], []
    for length in lengths.unique().tolist():
        row = starts[lengths == length, None] + torch.arange(length, device=qkv.device)
        q, k, v = qkv[row].permute(2, 0, 3, 1, 4)  # (windows, H, length, D) each
        out = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout_p, scale=scale)
        rows.append(row.flatten())
        outputs.append(out.transpose(1, 2).flatten(0, 1))
    return torch.cat(outputs)[torch.cat(rows).argsort()]


class _NoHalving(TorchFunctionMode):
    """Inside, a cast to float16 does nothing: flash-attn needs it, the functions above do not.

    In float32 training there is no gradient scaler, so gradients that pass a float16 tensor would
    become zero.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is Tensor.half or (
            function is Tensor.to and len(args) == 2 and args[1] is torch.float16
        ):
            return args[0]
        return function(*args, **(kwargs or {}))


def keep_precision(attention: type) -> None:
    """Leave the queries, keys and values of this class in their precision, unless the real
    flash-attn takes them, which needs half."""
    forward = attention.forward

    @functools.wraps(forward)
    def wrapped(self, *args, **kwargs):
        if _flash_attn and self.proj.weight.is_cuda:
            return forward(self, *args, **kwargs)
        with _NoHalving():
            return forward(self, *args, **kwargs)

    attention.forward = wrapped


def segmented_sort(
    keys: Int[Tensor, " N"], segment_offsets: Int[Tensor, " borders"], descending: bool = False, **_
) -> tuple[Int[Tensor, " N"], Int[Tensor, " N"]]:
    """The indices that sort the keys of each segment, and the sorted keys; segments keep their
    places."""
    lengths = segment_offsets.diff().long()
    segment = torch.arange(len(lengths)).repeat_interleave(lengths)
    order = keys.sort(stable=True, descending=descending).indices
    order = order[segment[order].sort(stable=True).indices]
    return order, keys[order]


def rotate_qkv(
    qkv: Float[Tensor, "N 3 C"],
    coords: Int[Tensor, "N 3"],
    theta: Float[Tensor, " T"],
    num_heads: int,
    rope_dim: int,
) -> Float[Tensor, "N 3 H D"]:
    """Rotary position encoding in 3D: it turns pairs of the first `rope_dim` = 6 T channels of each
    query and key head.

    T pairs belong to each axis; the angle of pair t is theta[t] times the voxel's coordinate on
    that axis.
    """
    heads = qkv.unflatten(-1, (num_heads, -1))
    position = (coords - coords.amin(0) + 1).float()
    angle = (position[:, :, None] * theta.float()).flatten(1)  # (N, 3 T)
    turn = torch.polar(torch.ones_like(angle), angle)[:, None, None]
    pairs = torch.view_as_complex(
        heads[:, :2, :, :rope_dim].float().unflatten(-1, (-1, 2)).contiguous()
    )
    turned = torch.view_as_real(pairs * turn).flatten(-2).to(qkv.dtype)
    turned = torch.cat([turned, heads[:, :2, :, rope_dim:]], dim=-1)
    return torch.cat([turned, heads[:, 2:]], dim=1)


def from_corner(coords: Int[Tensor, "N 3"], offsets: Int[Tensor, " borders"]) -> Int[Tensor, "N 3"]:
    """Coordinates counted from the smallest of their scene, so that a scene's windows do not depend
    on its batch."""
    return torch.cat([scene - scene.amin(0) for scene in coords.split(offsets.diff().tolist())])


def encode_windows(coords: Int[Tensor, "N 3"], batch_offsets: Int[Tensor, " borders"], **options):
    """WarpConvNet's `voxel_encode`: which window a voxel lies in, and the order that puts windows
    together."""
    if not coords.is_cuda:
        options["encoding_method"] = "ravel_fast"
    return _encode_windows(from_corner(coords, batch_offsets), batch_offsets, **options)


def encode_curve(coords: Int[Tensor, "N 3"], batch_offsets: Int[Tensor, " borders"], **options):
    """WarpConvNet's `encode`: the place of a voxel on a space-filling curve, and the order along
    it."""
    return _encode_curve(from_corner(coords, batch_offsets), batch_offsets, **options)


def kernel_map_of_now(coords, out_coords, in_to_out_stride_ratio, *args, **kwargs):
    """Pooling's kernel map, by the function that patches.py has put in place by then."""
    generate = cast(Callable, _conv.generate_kernel_map)  # a decorator hides the arguments
    return generate(coords, out_coords, in_to_out_stride_ratio, *args, **kwargs)


def forget_windows() -> None:
    """Forget the windows of the last batch: WarpConvNet keeps them for good, by the address of a
    tensor long gone."""
    forward = _space_former.SpaCeFormer.forward

    def wrapped(self, x):
        _windows.clear_encode_cache()
        return forward(self, x)

    _space_former.SpaCeFormer.forward = wrapped


def count_tokens_from_the_smallest() -> None:
    """Count tokens from the smallest one: they index a table, in which a negative number counts
    from the end."""
    lookup = _volt.RoPE.compute_axial_cis_efficient
    _volt.RoPE.compute_axial_cis_efficient = lambda self, indices: lookup(
        self, indices - indices.amin(0)
    )
