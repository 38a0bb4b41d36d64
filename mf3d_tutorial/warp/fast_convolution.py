"""WarpConvNet's sparse convolution with less Python around its kernels: the same kernels, the same
numbers.

WarpConvNet's host code takes longer for a convolution of MinkUNet18 than the GPU does: it looks
kernel maps up by hashes of offsets, builds and checks geometry objects after each layer, and
normalises its tuning keys. `SparseConv3d.forward` becomes `convolve` below, which

- keeps each kernel map with its coordinates (kernel_maps.py), and hands the same coordinate object
  on,
- asks WarpConvNet's tuning tables once which kernel is the fastest, and then calls that kernel,
- leaves a weight's gradient in the kernel's float32 (WarpConvNet rounds it to float16 and back),
- reads a tensor's `shape`, where `len` would be a Python function of PyTorch's.

What it does not know (groups, generative convolutions, kernels that are not tuned yet) goes
WarpConvNet's own way.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
import warpconvnet.nn.functional.sparse_conv.detail.autotune as _tuned
import warpconvnet.nn.functional.sparse_conv.helper as _conv
from jaxtyping import Float
from torch import Tensor, nn
from warpconvnet.constants import get_fp16_accum
from warpconvnet.geometry.base.coords import Coords
from warpconvnet.geometry.base.geometry import Geometry
from warpconvnet.geometry.coords.ops.serialization import POINT_ORDERING
from warpconvnet.geometry.coords.search.search_results import IntSearchResult
from warpconvnet.geometry.features.cat import CatFeatures
from warpconvnet.geometry.types.voxels import Voxels
from warpconvnet.nn.functional.sparse_conv.detail.backends import BwdCtx, FwdCtx
from warpconvnet.nn.modules.sparse_conv import SpatiallySparseConv
from warpconvnet.utils.benchmark_cache import SpatiallySparseConvConfig

from mf3d_tutorial.warp import cpu_convolution
from mf3d_tutorial.warp.fused_kernels import run_backward, run_forward
from mf3d_tutorial.warp.kernel_maps import grid_of, upsampled

Shape = TypeVar("Shape", bound=Geometry)
Kernel = tuple[str, dict[str, Any]]  # name and parameters of one of WarpConvNet's kernels


def with_features(
    geometry: Shape, features: Float[Tensor, "N C"], coords: Coords | None = None
) -> Shape:
    """`geometry` with other features, and coordinates, without the checks of its constructors."""
    if coords is None:
        coords = geometry.batched_coordinates
    batched = object.__new__(CatFeatures)
    batched.__dict__.update(batched_tensor=features, offsets=coords.offsets)
    new = object.__new__(type(geometry))
    new.__dict__.update(
        batched_coordinates=coords,
        batched_features=batched,
        _extra_attributes=dict(geometry._extra_attributes),
    )
    return new


def convolve(conv: SpatiallySparseConv, voxels: Voxels, target: Voxels | None = None) -> Voxels:
    """`conv(voxels)`; a transposed convolution gives features at the coordinates of `target`."""
    if not known(conv) or math.prod(conv.kernel_size) == 1:
        return _stock_forward(conv, voxels, target)
    coords, pairs, dtype, plan = prepare(conv, voxels, target)
    features, weight = voxels.feature_tensor, conv.weight
    if plan or not features.is_cuda:
        features = Convolution.apply(
            features, weight, pairs, coords.batched_tensor.shape[0], dtype, plan
        )
    else:
        features = _untuned(conv, features.to(dtype), weight.to(dtype), pairs, coords, voxels)
    return with_features(voxels, features if conv.bias is None else features + conv.bias, coords)


def known(conv: SpatiallySparseConv) -> bool:
    """Whether it is a convolution that this module can do."""
    plain = conv.groups == 1 and not conv.generative and conv.compute_dtype is None
    plain = (
        plain
        and conv.order is POINT_ORDERING.RANDOM
        and conv.stride_mode is _conv.STRIDED_CONV_MODE.STRIDE_ONLY
    )
    return plain and not torch.is_inference_mode_enabled()


def prepare(
    conv: SpatiallySparseConv, voxels: Voxels, target: Voxels | None
) -> tuple[Coords, IntSearchResult, torch.dtype, "Plan | None"]:
    """Output coordinates, pairs, the type to compute in, and the kernels (None: on the CPU, or not
    tuned yet)."""
    coords, pairs = upsampled(conv, voxels, target) if conv.transposed else grid_of(conv, voxels)
    dtype, plan = dtype_for(voxels), None
    if voxels.feature_tensor.is_cuda:
        num_in, num_out = (
            vars(each).get("_tuned_for") or each.batched_tensor.shape[0]
            for each in (voxels.batched_coordinates, coords)
        )
        plan = _plan(conv, num_in, num_out, dtype, for_graph="_count" in vars(coords))
    return coords, pairs, dtype, settled(conv, plan)


def dtype_for(voxels: Voxels) -> torch.dtype:
    """The type to compute in: that of the autocast on CUDA, else that of the features."""
    return (
        torch.get_autocast_dtype("cuda")
        if torch.is_autocast_enabled("cuda")
        else voxels.feature_tensor.dtype
    )


def settled(conv: nn.Module, plan: "Plan | None") -> "Plan | None":
    """The plan to use: `plan`, or in a backward pass the one of the forward pass.

    Under activation checkpointing a block's forward runs again inside the backward pass. Its
    kernels may have been tuned in between, but PyTorch demands the same number of saved tensors.
    """
    if torch._C._current_graph_task_id() == -1:  # no backward pass is running in this thread
        vars(conv)["_plan"] = plan
    return vars(conv)["_plan"]


def _metadata(conv: SpatiallySparseConv) -> dict[str, Any]:
    stride_mode = conv.stride_mode.value
    return {
        "conv_stride": conv.stride,
        "transposed": conv.transposed,
        "generative": False,
        "stride_mode": stride_mode,
    }


def _untuned(conv, features, weight, pairs, coords, voxels) -> Float[Tensor, "M O"]:
    """WarpConvNet's own function, which tries its kernels."""
    return _conv.UnifiedSpatiallySparseConvFunction.apply(
        features,
        weight,
        pairs,
        coords.batched_tensor.shape[0],
        conv.fwd_algo,
        conv.dgrad_algo,
        conv.wgrad_algo,
        features.dtype,
        conv.implicit_matmul_fwd_block_size,
        conv.implicit_matmul_bwd_block_size,
        voxels.tensor_stride,
        _metadata(conv),
        conv.groups,
        _accumulates_half(conv),
    )


def _accumulates_half(conv: SpatiallySparseConv) -> bool:
    return get_fp16_accum() if conv.use_fp16_accum is None else conv.use_fp16_accum


@dataclass
class Plan:
    """The fastest kernels for one shape of convolution."""

    forward: Kernel
    features: Kernel | None  # gradient of the features
    weight: Kernel | None  # gradient of the weight
    accumulate_half: bool


_plans: dict[tuple, Plan] = {}


def _plan(
    conv: SpatiallySparseConv,
    num_in: int,
    num_out: int,
    dtype: torch.dtype,
    for_graph: bool = False,
) -> Plan | None:
    """The plan that WarpConvNet's tuning found for this shape; None until it has tried forward and
    (with gradients) backward. `for_graph`: of the kernels that a CUDA graph can hold (mask_gemm).

    Its tables sort numbers of voxels by powers of ten, from 10,000 on.
    """
    size = [max(math.ceil(math.log10(max(number, 1))), 4) for number in (num_in, num_out)]
    algorithms = [str(algorithm) for algorithm in (conv.fwd_algo, conv.dgrad_algo, conv.wgrad_algo)]
    shape = (
        *size,
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        conv.stride,
        conv.transposed,
        dtype,
    )
    key = (*shape, conv.use_fp16_accum, *algorithms, torch.is_grad_enabled(), for_graph)
    if key not in _plans:
        plan = _tuned_plan(conv, num_in, num_out, dtype, for_graph)
        if plan is None:
            return None
        _plans[key] = plan
    return _plans[key]


def _tuned_plan(
    conv: SpatiallySparseConv, num_in: int, num_out: int, dtype: torch.dtype, for_graph: bool
) -> Plan | None:
    half = _accumulates_half(conv)
    common = {
        "kernel_volume": math.prod(conv.kernel_size),
        "in_dtype": dtype,
        "use_fp16_accum": half,
    }
    there = SpatiallySparseConvConfig(
        num_in, num_out, conv.in_channels, conv.out_channels, **common, **_metadata(conv)
    )
    back = SpatiallySparseConvConfig(
        num_out, num_in, conv.out_channels, conv.in_channels, **common, **_metadata(conv)
    )
    kernels = [
        _fastest(_tuned._BENCHMARK_AB_RESULTS, there, conv.fwd_algo, for_graph),
        _fastest(_tuned._BENCHMARK_ABT_RESULTS, back, conv.dgrad_algo, for_graph),
        _fastest(_tuned._BENCHMARK_ATB_RESULTS, there, conv.wgrad_algo, for_graph),
    ]
    forward, features, weight = kernels
    needed = (features, weight) if torch.is_grad_enabled() else ()
    return Plan(forward, features, weight, half) if forward and all(needed) else None


def _fastest(
    table: dict, config: SpatiallySparseConvConfig, algorithms: Any, for_graph: bool = False
) -> Kernel | None:
    """The fastest of these algorithms in one of WarpConvNet's tables, by its milliseconds plus, in
    float16, `_wait`; `for_graph`: among those of mask_gemm.

    In float32 kernels take longer, and the host's waits matter less: steps were 5 % slower with it
    than without it.
    """
    results = table.get(config) or []
    results = [results] if isinstance(results, tuple) else results
    listed = algorithms if isinstance(algorithms, list) else [algorithms]
    names = {str(getattr(algorithm, "value", algorithm)) for algorithm in listed}
    timed = [
        result
        for result in results
        if (result[0] in names or names & {"auto", "all", "trimmed"})
        and (result[0] == "mask_gemm" or not for_graph)
    ]
    waits = config.in_dtype is torch.float16
    quickest = min(timed, key=lambda result: result[2] + waits * _wait(result[0]), default=None)
    return quickest and quickest[:2]


def _wait(name: str) -> float:
    """Milliseconds to set against a kernel that has the host wait for the GPU, and then the GPU for
    the host: all but mask_gemm need lists of pairs, and cute_grouped copies addresses of weights at
    each call. (Estimated.)"""
    return 0.0 if name.startswith("mask_gemm") else 0.5


def product(
    features: Tensor, cast: Tensor, pairs: IntSearchResult, num_out: int, plan: Plan | None
) -> Float[Tensor, "M O"]:
    """The convolution of `features` with the weight `cast`, both of one type, by the kernel of its
    plan."""
    if plan is None:  # on the CPU
        return cpu_convolution.product(features, cast, pairs, num_out)
    call = FwdCtx(
        features,
        cast,
        pairs,
        num_out,
        cast.dtype,
        plan.forward[1],
        use_fp16_accum=plan.accumulate_half,
    )
    return _run(run_forward, plan, "forward", call, cast)


def step_product(features: Tensor, cast: Tensor, prepared: tuple) -> Float[Tensor, "M O"]:
    """The same for what `prepare` gave; without pairs, a convolution of size 1."""
    coords, pairs, _, plan = prepared
    if pairs is None:
        return features @ cast[0]
    return product(features, cast, pairs, coords.batched_tensor.shape[0], plan)


def _run(run: Callable, plan: Plan, step: str, call: FwdCtx | BwdCtx, cast: Tensor) -> Any:
    """The kernel of a plan's step; from now on the plainest one if it refuses this call, as
    WarpConvNet does it."""
    name, _ = getattr(plan, step)
    try:
        return run(name, call)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        if name == "explicit_gemm":
            raise
        warnings.warn(
            f"WarpConvNet's kernel {name} failed ({error}): explicit_gemm takes its place",
            stacklevel=2,
        )
        setattr(plan, step, ("explicit_gemm", {}))
        return run("explicit_gemm", replace(call, weight=cast, params={}))


def gradients(
    gradient: Tensor,
    features: Tensor,
    weight: Tensor,
    cast: Tensor,
    pairs: IntSearchResult | None,
    plan: Plan | None,
    needed: tuple[bool, ...],
) -> Sequence[Tensor | None]:
    """Gradients of the features and of the weight. `weight`: the parameter, in float32; `cast`: the
    same in the type to compute in. `pairs` None: of a convolution of size 1."""
    if pairs is None:
        return gradient @ cast[0].T, (features.T @ gradient).to(weight.dtype)[None]
    gradient = gradient.to(cast.dtype).contiguous()
    if plan is None:  # on the CPU
        return cpu_convolution.gradients(gradient, features, cast, pairs)
    grads = [None, None]
    for index, step in enumerate(("features", "weight")):
        if not needed[index]:
            continue
        name, parameters = getattr(plan, step)
        call = BwdCtx(
            gradient,
            features,
            weight if index and name == "mask_gemm" else cast,  # the gradient gets this dtype
            pairs,
            gradient.shape[0],
            cast.dtype,
            features.device,
            (index == 0, index == 1),
            parameters,
            weight_T=cast.transpose(1, 2).contiguous()
            if name in _TRANSPOSED and not index
            else None,
            use_fp16_accum=plan.accumulate_half,
        )
        grads[index] = _run(run_backward, plan, step, call, cast)[index]
    return grads


# Kernels whose feature gradient is a forward pass with the weight transposed.
_TRANSPOSED = ("mask_gemm_fwd_as_dgrad", "cute_grouped")


class Convolution(torch.autograd.Function):
    """A convolution by the kernels of its plan (on the CPU by plain PyTorch), in `dtype`."""

    @staticmethod
    def forward(
        ctx,
        features,
        weight,
        pairs: IntSearchResult,
        num_out: int,
        dtype: torch.dtype,
        plan: Plan | None,
    ):
        """(M, O): the convolution's output at its M = `num_out` points."""
        features, cast = features.to(dtype).contiguous(), weight.to(dtype)
        ctx.save_for_backward(features, weight, cast)
        ctx.pairs, ctx.plan = pairs, plan
        return product(features, cast, pairs, num_out, plan)

    @staticmethod
    def backward(ctx, gradient: Float[Tensor, "M O"]):
        """Gradients of the features and of the weight."""
        features, weight, cast = ctx.saved_tensors
        needed = ctx.needs_input_grad
        grads = gradients(gradient, features, weight, cast, ctx.pairs, ctx.plan, needed)
        return *grads, None, None, None, None


_stock_forward = SpatiallySparseConv.forward
_stock_replace = Geometry.replace


def _replace(
    geometry: Geometry, batched_coordinates=None, batched_features=None, **attributes
) -> Geometry:
    """WarpConvNet's `replace`; quick for the usual case, new features in place of the old ones."""
    usual = (
        batched_coordinates is None
        and not attributes
        and type(geometry.batched_features) is CatFeatures
    )
    if (
        usual
        and isinstance(batched_features, Tensor)
        and batched_features.ndim == 2
        and len(batched_features) == len(geometry.feature_tensor)
    ):
        return with_features(geometry, batched_features)
    return _stock_replace(geometry, batched_coordinates, batched_features, **attributes)


def install(lean: bool = True) -> None:
    """Put these in the place of WarpConvNet's, or its own ones back."""
    for owner, name, ours, stock in (
        (SpatiallySparseConv, "forward", convolve, _stock_forward),
        (Geometry, "replace", _replace, _stock_replace),
    ):
        setattr(owner, name, ours if lean else stock)
