"""WarpConvNet's fused kernels (mask_gemm) for half precision, with less Python around them and no
zeros in front of them.

A fused kernel computes a convolution in one launch from a table of pairs (kernel_maps.py).
WarpConvNet fills each result with zeros first. But the kernels of a convolution and of its
features' gradient write each number once: each block writes its rows and columns, whatever the
pairs, and none leaves early (csrc/mask_gemm/include). Only those of the weight's gradient add to
what is there.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
import warpconvnet._C as _C
import warpconvnet.nn.functional.sparse_conv.detail.mask_gemm as _mask_gemm
from warpconvnet.nn.functional.sparse_conv.detail import backends
from warpconvnet.nn.functional.sparse_conv.detail.backends import BwdCtx, FwdCtx

from mf3d_tutorial.warp.kernel_maps import PairTable


def run_forward(name: str, call: FwdCtx) -> Any:
    """A convolution by WarpConvNet's kernel of this name; mask_gemm is started directly where
    it can be, the others by WarpConvNet's own function."""
    pairs, weight = _pairs(name, call), call.weight
    if pairs is None:
        return backends.run_forward(name, call)
    out = call.in_features.new_empty(call.num_out_coords, weight.shape[2])
    tile = _forward_tile(call.params.get("tile_id", 41))
    _launch(_C.mask_gemm.fwd, call.in_features, weight, out, *pairs.by_output, *_last(pairs, tile))
    return out


def run_backward(name: str, call: BwdCtx) -> Any:
    """The gradient of the features or that of the weight, whichever is asked for, by the kernel of
    this name as in `run_forward`."""
    pairs, gradient, features = _pairs(name, call), call.grad_output, call.in_features
    if pairs is None:
        return backends.run_backward(name, call)
    if call.needs_input_grad[0]:
        tuned = call.params.get("tile_id")
        tile = _features_tile(tuned, *call.weight.shape[1:], call.use_fp16_accum)
        out, rows = torch.empty_like(features), pairs.by_input(features.shape[0])
        _launch(_C.mask_gemm.dgrad, gradient, call.weight, out, *rows, *_last(pairs, tile))
        return out, None
    out = features.new_zeros(call.weight.shape, dtype=torch.float32)
    tile, split = _weight_tile(call.params.get("tile_id", 0)), call.params.get("split_k", 64)
    rows = *pairs.by_output, pairs.reduced_mask
    _launch(_C.mask_gemm.wgrad, features, gradient, out, *rows, len(pairs), tile, split, 1.0, 1)
    return None, out.to(call.weight.dtype)


def _pairs(name: str, call: FwdCtx | BwdCtx) -> PairTable | None:
    """The pairs of a call that can go the short way."""
    half = call.in_features.dtype in (torch.float16, torch.bfloat16)
    aligned = all(
        channels % 8 == 0 for channels in call.weight.shape[1:]
    )  # other numbers need other kernels
    known, pairs = name == "mask_gemm" and half and aligned, call.kernel_map
    return pairs if known and isinstance(pairs, PairTable) else None


def _launch(kernel: Callable[..., int], *arguments: Any) -> None:
    if status := kernel(*arguments):
        raise RuntimeError(f"status {status}")


def _last(pairs: PairTable, tile: int) -> tuple:
    """The last arguments of a kernel: number of offsets, its own number, words of a mask, the
    offset that pairs each point with itself, factor, groups."""
    itself = -1 if pairs.identity_map_index is None else pairs.identity_map_index
    return len(pairs), tile, 1, itself, 1.0, 1


# Which kernel WarpConvNet takes for a tuned number. RuntimeError for one that this GPU cannot run.


@functools.cache
def _forward_tile(tile: int) -> int:
    _mask_gemm._require_launchable("forward", tile, _mask_gemm._METADATA_ABSENT_FWD_LAUNCH_IDS)
    return tile


@functools.cache
def _features_tile(tuned: int | None, c_in: int, c_out: int, accumulate_half: bool) -> int:
    parameters = {"tile_id": tuned}
    tile, _ = _mask_gemm._select_dgrad_tile(
        False, parameters, 1, False, 8, c_in, c_out, accumulate_half
    )
    _mask_gemm._require_launchable("dgrad", tile, _mask_gemm._METADATA_ABSENT_DGRAD_LAUNCH_IDS)
    return tile


@functools.cache
def _weight_tile(tile: int) -> int:
    tile = tile if tile in {73, *_mask_gemm.known_tile_ids("wgrad")} else 0
    _mask_gemm._require_launchable("wgrad", tile, _mask_gemm._METADATA_ABSENT_WGRAD_LAUNCH_IDS)
    return tile
