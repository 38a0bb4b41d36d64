"""A MinkUNet's convolution, batch norm, sum and ReLU as one step: one call and one gradient instead
of four of each.

The kernels are those that the layers call one by one, in the same order. Where a layer is none that
is known here, or its convolution is not tuned yet, it goes the way of fast_convolution.py.
"""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from warpconvnet.geometry.base.geometry import Geometry
from warpconvnet.geometry.types.voxels import Voxels
from warpconvnet.models import mink_unet
from warpconvnet.models.mink_unet import BasicBlock, ConvBlock, ConvTrBlock, MinkUNetBase
from warpconvnet.nn.modules.sequential import Sequential
from warpconvnet.nn.modules.sparse_conv import SpatiallySparseConv

from mf3d_tutorial.kernels.cuda_graphs import cast_together
from mf3d_tutorial.warp import fast_convolution
from mf3d_tutorial.warp.counted_step import counted_step
from mf3d_tutorial.warp.unet_graphs import NotTunedError, UNetGraphs, with_stages


class _Step(torch.autograd.Function):
    """relu(norm(convolution) + residual), with or without residual and relu; `pairs` None: a
    convolution of size 1."""

    @staticmethod
    def forward(
        ctx,
        features,
        weight,
        gamma,
        beta,
        residual,
        norm: nn.BatchNorm1d,
        relu: bool,
        prepared: tuple,
        cast: Tensor | None,
    ):
        _, pairs, dtype, plan = prepared
        features = features.to(dtype).contiguous()
        cast = weight.to(dtype) if cast is None else cast
        x = fast_convolution.step_product(features, cast, prepared)
        running = (norm.running_mean, norm.running_var)
        out, mean, scale = torch.native_batch_norm(
            x, gamma, beta, *running, norm.training, norm.momentum or 0.0, norm.eps
        )
        if residual is not None:
            out += residual
        if relu:
            out.relu_()
        # needed, and left alone, in evaluation only
        running = (None, None) if norm.training else running
        ctx.save_for_backward(
            features, weight, cast, x, gamma, *running, mean, scale, out if relu else None
        )
        ctx.pairs, ctx.plan, ctx.norm = pairs, plan, (norm.training, norm.eps)
        return out

    @staticmethod
    def backward(ctx, gradient: Float[Tensor, "M O"]):
        features, weight, cast, x, gamma, running_mean, running_var, mean, scale, out = (
            ctx.saved_tensors
        )
        if out is not None:
            gradient = torch.ops.aten.threshold_backward(gradient, out, 0)
        statistics = (running_mean, running_var, mean, scale)
        of_x, of_gamma, of_beta = torch.ops.aten.native_batch_norm_backward(
            gradient, x, gamma, *statistics, *ctx.norm, [True, True, True]
        )
        grads = fast_convolution.gradients(
            of_x, features, weight, cast, ctx.pairs, ctx.plan, ctx.needs_input_grad
        )
        return (
            *grads,
            of_gamma,
            of_beta,
            gradient if ctx.needs_input_grad[4] else None,
            None,
            None,
            None,
            None,
        )


class _Running:
    """State that the steps of a network share while it runs."""

    casts: ClassVar[dict[Tensor, Tensor]] = {}  # weights in the type to compute in
    counters: ClassVar[list[Tensor] | None] = None  # of norms, to be raised in the end
    without_graphs: ClassVar[bool] = False


def network(unet: MinkUNetBase, voxels: Voxels) -> Voxels:
    """`MinkUNetBase.forward`."""
    given = None if _Running.without_graphs else _by_graphs(unet, voxels, ())
    return given[0] if given else _network(unet, voxels)


def network_and_stages(
    unet: MinkUNetBase, voxels: Voxels, stages: Sequence[str] = ()
) -> list[Voxels]:
    """The network's output, and that of some stages of it (names of its modules, in the order in
    which they run); in training by CUDA graphs if it may (unet_graphs.py), and then no forward hook
    of it is called."""
    given = _by_graphs(unet, voxels, stages)
    if given is None:
        _Running.without_graphs = True
        try:
            given = with_stages(unet, stages, lambda: unet(voxels))
        finally:
            _Running.without_graphs = False
    return given


def _by_graphs(unet: MinkUNetBase, voxels: Voxels, stages: Sequence[str]) -> list[Voxels] | None:
    graphs: UNetGraphs | None = vars(unet).get("_graphs")
    return graphs.run(unet, voxels, stages) if graphs and MinkUNetBase.forward is network else None


def _network(unet: MinkUNetBase, voxels: Voxels) -> Voxels:
    """The network without graphs; one kernel casts the weights of all convolutions, and one counts
    the batch for all norms."""
    if "_convs" not in vars(unet):  # a walk over all modules takes milliseconds
        convs = [module for module in unet.modules() if isinstance(module, SpatiallySparseConv)]
        vars(unet)["_convs"] = convs
    weights = tuple(conv.weight for conv in vars(unet)["_convs"])
    dtype = fast_convolution.dtype_for(voxels)
    if dtype != weights[0].dtype:
        with torch.no_grad():
            _Running.casts.update(zip(weights, cast_together(weights, dtype)))
    _Running.counters = counters = []
    try:
        out = _stock[MinkUNetBase](unet, voxels)
        if graphs := vars(unet).get("_graphs"):
            graphs.learn(voxels)
        return out
    finally:
        _Running.counters = None
        _Running.casts.clear()
        if counters:
            torch._foreach_add_(counters, 1)


def step(
    conv: nn.Module,
    norm: nn.Module,
    activation: nn.Module,
    voxels: Voxels,
    target: Voxels | None = None,
    residual: Float[Tensor, "M O"] | None = None,
) -> Voxels | None:
    """activation(norm(conv(voxels)) + residual) in one step; None where that cannot be done."""
    out = _step(conv, norm, activation, voxels, target, residual)
    if out is None and "_count" in vars(voxels.batched_coordinates):
        # The layers one by one would take rows into account that do not count.
        raise NotTunedError("a convolution of it is not tuned yet, or not of a kind that is known")
    return out


def _step(
    conv: nn.Module,
    norm: nn.Module,
    activation: nn.Module,
    voxels: Voxels,
    target: Voxels | None,
    residual: Float[Tensor, "M O"] | None,
) -> Voxels | None:
    if not isinstance(conv, SpatiallySparseConv) or type(norm) is not nn.BatchNorm1d:
        return None
    plain = fast_convolution.known(conv) and conv.bias is None
    plain = plain and norm.affine and norm.track_running_stats and norm.momentum is not None
    if not plain or not isinstance(activation, nn.ReLU | nn.Identity):
        return None
    if math.prod(conv.kernel_size) == math.prod(conv.stride) == 1:
        prepared = voxels.batched_coordinates, None, fast_convolution.dtype_for(voxels), None
    else:
        prepared = fast_convolution.prepare(conv, voxels, target)
        if prepared[3] is None and voxels.feature_tensor.is_cuda:
            return None
    if residual is not None and residual.dtype != prepared[2]:
        return None
    counted = "_count" in vars(voxels.batched_coordinates)
    if counted:
        # The direct way to a kernel, which a graph can hold, and batch norm in training.
        aligned = prepared[1] is None or not (conv.in_channels % 8 or conv.out_channels % 8)
        if not aligned or not norm.training:
            return None
    if norm.training and prepared[0].batched_tensor.shape[0] < 2:
        return None  # BatchNorm1d refuses it; native_batch_norm would make its running variance NaN
    if norm.training and norm.num_batches_tracked is not None:
        if _Running.counters is None:
            norm.num_batches_tracked.add_(1)
        else:
            _Running.counters.append(norm.num_batches_tracked)
    relu, weight, affine = isinstance(activation, nn.ReLU), conv.weight, (norm.weight, norm.bias)
    cast = _Running.casts.get(weight)
    if counted:
        return counted_step(voxels, conv, norm, residual, relu, prepared, cast)
    out = _Step.apply(voxels.feature_tensor, weight, *affine, residual, norm, relu, prepared, cast)
    return fast_convolution.with_features(voxels, out, prepared[0])


def conv_block(block: ConvBlock, voxels: Voxels) -> Voxels:
    """`ConvBlock.forward` in one step, or WarpConvNet's own where that cannot be done."""
    conv, norm, activation = block
    out = step(conv, norm, activation, voxels)
    return _stock[ConvBlock](block, voxels) if out is None else out


def transposed_conv_block(block: ConvTrBlock, voxels: Voxels, target: Voxels) -> Voxels:
    """`ConvTrBlock.forward` in one step, or WarpConvNet's own."""
    norm, activation = block.norm_act
    out = step(block.conv_tr, norm, activation, voxels, target)
    return _stock[ConvTrBlock](block, voxels, target) if out is None else out


def basic_block(block: BasicBlock, voxels: Voxels) -> Voxels:
    """`BasicBlock._forward` with its second half in one step, or WarpConvNet's own."""
    residual = voxels if block.downsample is None else block.downsample(voxels)
    inner = block.conv1(voxels)
    conv, norm, _ = block.conv2
    out = step(conv, norm, _RELU, inner, residual=residual.feature_tensor)
    return block.relu(block.conv2(inner) + residual) if out is None else out


def side_by_side(*voxels: Voxels) -> Geometry:
    """WarpConvNet's `cat`, which compares the scenes' borders, by calls that take longer than the
    rest; not here, if the coordinates are the same object."""
    coords = voxels[0].batched_coordinates
    if any(each.batched_coordinates is not coords for each in voxels):
        return _stock_cat(*voxels)
    features = torch.cat([each.feature_tensor for each in voxels], dim=1)
    return fast_convolution.with_features(voxels[0], features)


_RELU = nn.ReLU()
_stock_cat = mink_unet.cat
_stock = {
    ConvBlock: Sequential.forward,
    ConvTrBlock: ConvTrBlock.forward,
    BasicBlock: BasicBlock._forward,
    MinkUNetBase: MinkUNetBase.forward,
}


def install(lean: bool) -> None:
    """Put these in the place of WarpConvNet's, or its own ones back."""
    for block, name, ours in (
        (ConvBlock, "forward", conv_block),
        (ConvTrBlock, "forward", transposed_conv_block),
        (BasicBlock, "_forward", basic_block),
        (MinkUNetBase, "forward", network),
    ):
        setattr(block, name, ours if lean else _stock[block])
    mink_unet.cat = side_by_side if lean else _stock_cat
