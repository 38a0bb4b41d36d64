"""A step of fast_blocks.py for voxels whose number only the GPU knows, as CUDA graphs have them
(unet_graphs.py).

It keeps less for the backward pass, because nothing else can use a graph's memory in the meantime:
an output that is a function of the convolution's result alone is computed again.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from warpconvnet.geometry.types.voxels import Voxels
from warpconvnet.nn.modules.sparse_conv import SpatiallySparseConv

from mf3d_tutorial.warp import fast_convolution


def counted_step(
    voxels: Voxels,
    conv: SpatiallySparseConv,
    norm: nn.BatchNorm1d,
    residual: Float[Tensor, "M O"] | None,
    relu: bool,
    prepared: tuple,
    cast: Tensor | None,
) -> Voxels:
    """relu(norm(conv(voxels)) + residual) of the rows that count; zeros behind them."""
    making: list[Made] = []
    affine = conv.weight, norm.weight, norm.bias
    options = norm, relu, prepared, cast, vars(voxels).get("_made"), making
    out = _CountedStep.apply(voxels.feature_tensor, *affine, residual, *options)
    result = fast_convolution.with_features(voxels, out, prepared[0])
    if making:
        vars(result)["_made"] = making[0]
    return result


class Made(NamedTuple):
    """What a step computed its output from, if it had a ReLU and no residual."""

    x: Float[Tensor, "M O"]
    count: Int[Tensor, "1"]
    gamma: Float[Tensor, " O"]
    beta: Float[Tensor, " O"]
    mean: Float[Tensor, " O"]
    scale: Float[Tensor, " O"]

    def again(self) -> Float[Tensor, "M O"]:
        """The output."""
        return _batch_norm().apply(*self, residual=None, relu=True)


class _CountedStep(torch.autograd.Function):
    """`making` gets what the output is made from, if it can be made again from that alone; `made`:
    the same of the features."""

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
        made: Made | None,
        making: list[Made],
    ):
        coords, pairs, dtype, plan = prepared
        features = features.to(dtype).contiguous()
        cast = weight.to(dtype) if cast is None else cast
        x = fast_convolution.step_product(features, cast, prepared)
        count = vars(coords)["_count"]
        out, mean, scale = _batch_norm().normalise(x, count, norm, gamma, beta, residual, relu)
        kept = relu and residual is not None
        ctx.save_for_backward(None if made else features, weight, cast, out if kept else None)
        ctx.own = Made(x, count, gamma, beta, mean, scale)
        ctx.made, ctx.pairs, ctx.plan = made, pairs, plan
        ctx.relu, ctx.residual = relu, residual is not None
        if relu and not ctx.residual:
            making.append(ctx.own)
        return out

    @staticmethod
    def backward(ctx, gradient: Float[Tensor, "M O"]):
        features, weight, cast, out = ctx.saved_tensors
        x, count, *statistics = ctx.own
        of_x, of_gamma, of_beta, of_residual = _batch_norm().gradients(
            gradient.contiguous(), x, out, count, *statistics, ctx.relu, ctx.residual
        )
        if ctx.made:
            features = ctx.made.again()
        grads = fast_convolution.gradients(
            of_x, features, weight, cast, ctx.pairs, ctx.plan, ctx.needs_input_grad
        )
        return *grads, of_gamma, of_beta, of_residual, *(None,) * 6


def _batch_norm() -> Any:
    from mf3d_tutorial.kernels import batch_norm  # not everybody has Triton

    return batch_norm
