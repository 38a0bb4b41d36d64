"""Batch norm of the first rows of a table, with the sum and the ReLU after it in the same pass.

How many rows count only the GPU knows (`count`), so that a CUDA graph recorded for a table of some
size serves every smaller number of voxels. Rows behind them get zeros, as outputs and as gradients.
Sums are taken in float32; variances of parts of the rows are merged as by Chan, Golub and LeVeque
(1979, "Updating formulae and a pairwise algorithm for computing sample variances").
"""

# kernel[grid](...) starts a kernel; without Triton's types it looks like an index of a function.
# pyright: reportIndexIssue=false

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor, nn

PARTS = 512  # programs that share the rows; each walks over its tiles
TILE = 4096  # numbers in a tile


@triton.jit
def _statistics_kernel(
    x, count, numbers, means, squares,
    C, PARTS: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """Number of rows of a part, their mean, and the sum of their squared distances from it."""
    part, col = tl.program_id(0), tl.program_id(1) * COLS + tl.arange(0, COLS)
    n = tl.load(count)
    done = tl.zeros([COLS], tl.float32)
    mean = tl.zeros([COLS], tl.float32)
    square = tl.zeros([COLS], tl.float32)
    for first in range(part * ROWS, n, PARTS * ROWS):
        row = first + tl.arange(0, ROWS)
        there = (row < n)[:, None]
        values = tl.load(x + row.to(tl.int64)[:, None] * C + col[None, :], mask=there, other=0.0)
        values = values.to(tl.float32)
        number = tl.minimum(n - first, ROWS).to(tl.float32)
        own = tl.sum(values, 0) / number
        distance = tl.where(there, values - own[None, :], 0.0)
        change, total = own - mean, done + number
        square += tl.sum(distance * distance, 0) + change * change * done * number / total
        mean += change * number / total
        done = total
    tl.store(numbers + part * C + col, done)
    tl.store(means + part * C + col, mean)
    tl.store(squares + part * C + col, square)


@triton.jit
def _merge_statistics_kernel(
    count, numbers, means, squares, running_mean, running_var, mean_of, scale_of,
    momentum, eps, C, PARTS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """Mean and 1 / standard deviation of all rows; the running statistics follow."""
    col = tl.program_id(0) * COLS + tl.arange(0, COLS)
    place = tl.arange(0, PARTS)[:, None] * C + col[None, :]
    n = tl.load(count).to(tl.float32)
    number, means_of_parts = tl.load(numbers + place), tl.load(means + place)
    mean = tl.sum(number * means_of_parts, 0) / n
    change = means_of_parts - mean[None, :]
    square = tl.sum(tl.load(squares + place) + number * change * change, 0)
    tl.store(mean_of + col, mean)
    tl.store(scale_of + col, 1 / tl.sqrt(square / n + eps))
    old_mean, old_var = tl.load(running_mean + col), tl.load(running_var + col)
    tl.store(running_mean + col, old_mean + momentum * (mean - old_mean))
    tl.store(running_var + col, old_var + momentum * (square / (n - 1) - old_var))


@triton.jit
def _normalise_kernel(
    x, residual, out, count, mean, scale, gamma, beta, num_rows, C,
    RESIDUAL: tl.constexpr, RELU: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    col = tl.program_id(1) * COLS + tl.arange(0, COLS)
    place = row.to(tl.int64)[:, None] * C + col[None, :]
    there = (row < tl.load(count))[:, None]
    factor = tl.load(scale + col) * tl.load(gamma + col)
    shift = tl.load(beta + col) - tl.load(mean + col) * factor
    values = tl.load(x + place, mask=there, other=0.0).to(tl.float32)
    values = values * factor[None, :] + shift[None, :]
    if RESIDUAL:
        values += tl.load(residual + place, mask=there, other=0.0).to(tl.float32)
    if RELU:
        values = tl.where(values <= 0, 0.0, values)  # NaN stays, as it does in PyTorch
    values = tl.where(there, values, 0.0)
    tl.store(out + place, values.to(out.dtype.element_ty), mask=(row < num_rows)[:, None])


@triton.jit
def _gradient_and_normalised(
    gradient, x, out, mean, scale, gamma, beta, place, col, there,
    RELU: tl.constexpr, OUT: tl.constexpr,
):  # fmt: skip
    """Of a tile: the gradient before the ReLU, and x with mean 0 and variance 1. Without OUT the
    ReLU's argument is computed again."""
    g = tl.load(gradient + place, mask=there, other=0.0).to(tl.float32)
    values = tl.load(x + place, mask=there, other=0.0).to(tl.float32)
    values = (values - tl.load(mean + col)[None, :]) * tl.load(scale + col)[None, :]
    if RELU:
        if OUT:
            before = tl.load(out + place, mask=there, other=0.0).to(tl.float32)
        else:
            before = values * tl.load(gamma + col)[None, :] + tl.load(beta + col)[None, :]
        g = tl.where(before <= 0, 0.0, g)
    return g, tl.where(there, values, 0.0)


@triton.jit
def _gradient_sums_kernel(
    gradient, x, out, count, mean, scale, gamma, beta, sums_gamma, sums_beta, C,
    RELU: tl.constexpr, OUT: tl.constexpr,
    PARTS: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    part, col = tl.program_id(0), tl.program_id(1) * COLS + tl.arange(0, COLS)
    n = tl.load(count)
    of_gamma, of_beta = tl.zeros([COLS], tl.float32), tl.zeros([COLS], tl.float32)
    for first in range(part * ROWS, n, PARTS * ROWS):
        row = first + tl.arange(0, ROWS)
        place = row.to(tl.int64)[:, None] * C + col[None, :]
        g, normalised = _gradient_and_normalised(
            gradient, x, out, mean, scale, gamma, beta, place, col, (row < n)[:, None], RELU, OUT
        )
        of_gamma += tl.sum(g * normalised, 0)
        of_beta += tl.sum(g, 0)
    tl.store(sums_gamma + part * C + col, of_gamma)
    tl.store(sums_beta + part * C + col, of_beta)


@triton.jit
def _merge_gradients_kernel(
    sums_gamma, sums_beta, of_gamma, of_beta, C, PARTS: tl.constexpr, COLS: tl.constexpr
):  # fmt: skip
    col = tl.program_id(0) * COLS + tl.arange(0, COLS)
    place = tl.arange(0, PARTS)[:, None] * C + col[None, :]
    tl.store(of_gamma + col, tl.sum(tl.load(sums_gamma + place), 0))
    tl.store(of_beta + col, tl.sum(tl.load(sums_beta + place), 0))


@triton.jit
def _gradient_kernel(
    gradient, x, out, count, mean, scale, gamma, beta, of_gamma, of_beta, of_x, of_residual,
    num_rows, C, RESIDUAL: tl.constexpr, RELU: tl.constexpr, OUT: tl.constexpr,
    ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    col = tl.program_id(1) * COLS + tl.arange(0, COLS)
    place = row.to(tl.int64)[:, None] * C + col[None, :]
    n = tl.load(count)
    there, inside = (row < n)[:, None], (row < num_rows)[:, None]
    g, normalised = _gradient_and_normalised(
        gradient, x, out, mean, scale, gamma, beta, place, col, there, RELU, OUT
    )
    if RESIDUAL:
        tl.store(of_residual + place, g.to(of_residual.dtype.element_ty), mask=inside)
    average = tl.load(of_beta + col)[None, :] + normalised * tl.load(of_gamma + col)[None, :]
    factor = tl.load(gamma + col) * tl.load(scale + col)
    result = tl.where(there, (g - average / n.to(tl.float32)) * factor[None, :], 0.0)
    tl.store(of_x + place, result.to(of_x.dtype.element_ty), mask=inside)


def _tile(channels: int) -> tuple[int, int]:
    """Rows and columns of a tile: the largest power of two, up to 128, that divides the
    channels."""
    columns = min(channels & -channels, 128)
    return TILE // max(columns, 16), columns


def normalise(
    x: Float[Tensor, "N C"],
    count: Int[Tensor, "1"],
    norm: nn.BatchNorm1d,
    gamma: Float[Tensor, " C"],
    beta: Float[Tensor, " C"],
    residual: Float[Tensor, "N C"] | None,
    relu: bool,
) -> tuple[Float[Tensor, "N C"], Float[Tensor, " C"], Float[Tensor, " C"]]:
    """relu(batch norm(x) + residual) of the first `count` rows (at least 2), with the statistics
    of these rows, and their mean and 1 / standard deviation for `gradients`.

    `norm` gives momentum and eps, and its running statistics are updated; `gamma`, `beta`: its
    weight and bias.
    """
    channels = x.shape[1]
    tile_rows, tile_cols = _tile(channels)
    parts = x.new_empty(3, PARTS, channels, dtype=torch.float32)
    mean, scale = x.new_empty(2, channels, dtype=torch.float32)
    _statistics_kernel[PARTS, channels // tile_cols](
        x, count, *parts, channels, PARTS=PARTS, ROWS=tile_rows, COLS=tile_cols
    )
    few = min(tile_cols, 16)
    _merge_statistics_kernel[(channels // few,)](
        count, *parts, norm.running_mean, norm.running_var, mean, scale,
        norm.momentum, norm.eps, channels, PARTS=PARTS, COLS=few,
    )  # fmt: skip
    return apply(x, count, gamma, beta, mean, scale, residual, relu), mean, scale


def apply(
    x: Float[Tensor, "N C"],
    count: Int[Tensor, "1"],
    gamma: Float[Tensor, " C"],
    beta: Float[Tensor, " C"],
    mean: Float[Tensor, " C"],
    scale: Float[Tensor, " C"],
    residual: Float[Tensor, "N C"] | None,
    relu: bool,
) -> Float[Tensor, "N C"]:
    """What `normalise` gives, with statistics that are known already."""
    rows, channels = x.shape
    tile_rows, tile_cols = _tile(channels)
    out = torch.empty_like(x)
    _normalise_kernel[triton.cdiv(rows, tile_rows), channels // tile_cols](
        x, residual, out, count, mean, scale, gamma, beta, rows, channels,
        RESIDUAL=residual is not None, RELU=relu, ROWS=tile_rows, COLS=tile_cols,
    )  # fmt: skip
    return out


def gradients(
    gradient: Float[Tensor, "N C"],
    x: Float[Tensor, "N C"],
    out: Float[Tensor, "N C"] | None,
    count: Int[Tensor, "1"],
    gamma: Float[Tensor, " C"],
    beta: Float[Tensor, " C"],
    mean: Float[Tensor, " C"],
    scale: Float[Tensor, " C"],
    relu: bool,
    residual: bool,
) -> tuple[
    Float[Tensor, "N C"], Float[Tensor, " C"], Float[Tensor, " C"], Float[Tensor, "N C"] | None
]:
    """Gradients of x, gamma, beta and, if asked for, the residual. `out`: what `normalise` gave;
    needed if it had both a residual and a ReLU."""
    rows, channels = x.shape
    tile_rows, tile_cols = _tile(channels)
    parts = x.new_empty(2, PARTS, channels, dtype=torch.float32)
    of_gamma, of_beta = x.new_empty(2, channels, dtype=torch.float32)
    across, options = channels // tile_cols, {"RELU": relu, "OUT": out is not None}
    _gradient_sums_kernel[PARTS, across](
        gradient, x, out, count, mean, scale, gamma, beta, *parts, channels,
        PARTS=PARTS, ROWS=tile_rows, COLS=tile_cols, **options,
    )  # fmt: skip
    few = min(tile_cols, 16)
    _merge_gradients_kernel[(channels // few,)](
        *parts, of_gamma, of_beta, channels, PARTS=PARTS, COLS=few
    )
    of_x = torch.empty_like(x)
    of_residual = torch.empty_like(x) if residual and relu else None
    _gradient_kernel[triton.cdiv(rows, tile_rows), across](
        gradient, x, out, count, mean, scale, gamma, beta, of_gamma, of_beta, of_x, of_residual,
        rows, channels,
        RESIDUAL=of_residual is not None, ROWS=tile_rows, COLS=tile_cols, **options,
    )  # fmt: skip
    if residual and not relu:
        of_residual = gradient
    return of_x, of_gamma, of_beta, of_residual
