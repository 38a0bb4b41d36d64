"""BCE and Dice of queries' masks without the masks: (queries x points) exists only in registers,
tile by tile.

A mask logit is the product of a query and a point's mask feature, x = q . f. What BCE and Dice of
every query with every instance are made of are four sums over a scene's points: of softplus(x) and
of p = sigmoid(x), and of x and p over an instance's own points. One kernel gives them, from which
all matching costs and the losses of the matched pairs follow. For gradients two more compute x
again, for the matched queries only."""

# kernel[grid](...) starts a kernel; without Triton's types it looks like an index of a function.
# pyright: reportIndexIssue=false

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor

from mf3d_tutorial.kernels.attention import _part, dot_precision

BLOCK_K, BLOCK_N = 64, 64
# For the sums, which keep two tables of a block of queries by instances in registers; the fastest
# of seven on an H100.
SUMS = {"BLOCK_K": 128, "BLOCK_N": 32, "num_warps": 8}


@triton.jit
def _sums_kernel(
    queries, points, instance, offsets, sums, sizes, num_queries, num_instances, num_splits,
    D: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_M: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    split, scene = tl.program_id(0), tl.program_id(2)
    blocks = tl.cdiv(num_queries, BLOCK_K)
    row = (tl.program_id(1) % blocks) * BLOCK_K + tl.arange(0, BLOCK_K)
    m = (tl.program_id(1) // blocks) * BLOCK_M + tl.arange(0, BLOCK_M)
    _, first, last = _part(offsets, scene, split, num_splits, BLOCK_N)
    d, known = tl.arange(0, BLOCK_D), row < num_queries
    q = tl.load(
        queries + (scene * num_queries + row)[:, None] * D + d,
        mask=known[:, None] & (d < D),
        other=0.0,
    )
    softplus, probability = tl.zeros([BLOCK_K], tl.float32), tl.zeros([BLOCK_K], tl.float32)
    inside_x, inside_p = (
        tl.zeros([BLOCK_K, BLOCK_M], tl.float32),
        tl.zeros([BLOCK_K, BLOCK_M], tl.float32),
    )
    size = tl.zeros([BLOCK_M], tl.float32)
    for at in range(first, last, BLOCK_N):
        n = at + tl.arange(0, BLOCK_N)
        here = n < last
        f = tl.load(
            points + n.to(tl.int64)[:, None] * D + d, mask=here[:, None] & (d < D), other=0.0
        )
        own = tl.load(instance + n, mask=here, other=-1)
        x = tl.dot(q, tl.trans(f), input_precision=PRECISION)
        e = tl.exp(-tl.abs(x))
        p = tl.where(x >= 0, 1.0, e) / (1 + e)
        softplus += tl.sum(tl.where(here, tl.maximum(x, 0.0) + tl.log(1 + e), 0.0), 1)
        probability += tl.sum(tl.where(here, p, 0.0), 1)
        member = (own[:, None] == m[None, :]).to(f.dtype)
        size += tl.sum(member.to(tl.float32), 0)
        inside_x += tl.dot(x.to(f.dtype), member, input_precision=PRECISION)
        inside_p += tl.dot(p.to(f.dtype), member, input_precision=PRECISION)
    if first < last:
        place = sums + (scene * num_queries + row) * (2 * num_instances + 2)
        if tl.program_id(1) < blocks:
            tl.atomic_add(place, softplus, mask=known)
            tl.atomic_add(place + 1, probability, mask=known)
        if tl.program_id(1) % blocks == 0:
            tl.atomic_add(sizes + scene * num_instances + m, size, mask=m < num_instances)
        there = known[:, None] & (m < num_instances)
        tl.atomic_add(place[:, None] + 2 + m, inside_x, mask=there)
        tl.atomic_add(place[:, None] + 2 + num_instances + m, inside_p, mask=there)


@triton.jit
def _slope(x, own, wanted, of_bce, all_points, own_points):
    """d loss / d x: of BCE sigmoid(x) - t, of Dice what its quotient gives; t = 1 where a point is
    in the instance."""
    p = 1 / (1 + tl.exp(-x))
    t = tl.where(own == wanted, 1.0, 0.0)
    return of_bce * (p - t) + p * (1 - p) * (all_points - own_points * t)


@triton.jit
def _points_kernel(
    queries, points, instance, offsets, wanted, counts, slopes, of_points, num_rows,
    D: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    scene = tl.program_id(1)
    start, end = tl.load(offsets + scene), tl.load(offsets + scene + 1)
    n, d = start + tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_D)
    there = (n < end)[:, None] & (d < D)
    f = tl.load(points + n.to(tl.int64)[:, None] * D + d, mask=there, other=0.0)
    own = tl.load(instance + n, mask=n < end, other=-1)
    of_f = tl.zeros([BLOCK_N, BLOCK_D], tl.float32)
    for at in range(0, tl.load(counts + scene), BLOCK_K):
        row = at + tl.arange(0, BLOCK_K)
        known, place = row < num_rows, scene * num_rows + row
        q = tl.load(queries + place[:, None] * D + d, mask=known[:, None] & (d < D), other=0.0)
        slope = _slope(
            tl.dot(f, tl.trans(q), input_precision=PRECISION),
            own[:, None],
            tl.load(wanted + place, mask=known, other=-2)[None, :],
            tl.load(slopes + place * 3, mask=known, other=0.0)[None, :],
            tl.load(slopes + place * 3 + 1, mask=known, other=0.0)[None, :],
            tl.load(slopes + place * 3 + 2, mask=known, other=0.0)[None, :],
        )
        of_f += tl.dot(slope.to(f.dtype), q, input_precision=PRECISION)
    tl.store(of_points + n.to(tl.int64)[:, None] * D + d, of_f, mask=there)


@triton.jit
def _queries_kernel(
    queries, points, instance, offsets, wanted, counts, slopes, of_queries, num_rows, num_splits,
    D: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    split, scene = tl.program_id(0), tl.program_id(2)
    _, first, last = _part(offsets, scene, split, num_splits, BLOCK_N)
    row, d = tl.program_id(1) * BLOCK_K + tl.arange(0, BLOCK_K), tl.arange(0, BLOCK_D)
    count = tl.load(counts + scene)
    if (first < last) & (tl.program_id(1) * BLOCK_K < count):
        known, place = row < count, scene * num_rows + row
        q = tl.load(queries + place[:, None] * D + d, mask=known[:, None] & (d < D), other=0.0)
        target = tl.load(wanted + place, mask=known, other=-2)
        of_bce = tl.load(slopes + place * 3, mask=known, other=0.0)
        all_points = tl.load(slopes + place * 3 + 1, mask=known, other=0.0)
        own_points = tl.load(slopes + place * 3 + 2, mask=known, other=0.0)
        of_q = tl.zeros([BLOCK_K, BLOCK_D], tl.float32)
        for at in range(first, last, BLOCK_N):
            n = at + tl.arange(0, BLOCK_N)
            here = n < last
            f = tl.load(
                points + n.to(tl.int64)[:, None] * D + d, mask=here[:, None] & (d < D), other=0.0
            )
            own = tl.load(instance + n, mask=here, other=-1)
            x = tl.dot(q, tl.trans(f), input_precision=PRECISION)
            slope = _slope(
                x,
                own[None, :],
                target[:, None],
                of_bce[:, None],
                all_points[:, None],
                own_points[:, None],
            )
            of_q += tl.dot(
                slope.to(f.dtype), f, input_precision=PRECISION
            )  # f is 0 beyond the part
        tl.atomic_add(of_queries + place[:, None] * D + d, of_q, mask=known[:, None] & (d < D))


class LabelledPoints(NamedTuple):
    """The points of a batch, those of a scene together."""

    features: Float[Tensor, "N D"]
    instance: Int[Tensor, " N"]  # instance in the point's scene, from 0; -1: none
    offsets: Int[Tensor, " borders"]  # int32; on the features' device
    longest: int  # the number of points of the largest scene


def _common(dim: int, dtype: torch.dtype) -> dict[str, Any]:
    block = max(16, triton.next_power_of_2(dim))
    return {
        "D": dim,
        "BLOCK_D": block,
        "BLOCK_N": BLOCK_N,
        "PRECISION": dot_precision(dtype),
        "num_warps": 4,
    }


@torch.no_grad()
def mask_sums(
    queries: Float[Tensor, "B K D"], points: LabelledPoints, num_instances: int
) -> tuple[Float[Tensor, "B K S"], Float[Tensor, "B M"]]:
    """Sums over each query's mask, and the number of points of each of M = `num_instances`
    instances; in float32.

    The sums: of softplus(x) and p over all points, then of x over each instance's points, then of
    p; S = 2 + 2 M."""
    queries, features = queries.to(points.features.dtype).contiguous(), points.features.contiguous()
    scenes, count, dim = queries.shape
    sums = queries.new_zeros(scenes, count, 2 + 2 * num_instances, dtype=torch.float32)
    sizes = queries.new_zeros(scenes, num_instances, dtype=torch.float32)
    block = min(64, max(16, triton.next_power_of_2(num_instances)))
    blocks = triton.cdiv(count, SUMS["BLOCK_K"]) * triton.cdiv(num_instances, block)
    splits = max(1, min(32, 2048 // (scenes * blocks)))
    _sums_kernel[(splits, blocks, scenes)](
        queries, features, points.instance, points.offsets, sums, sizes,
        count, num_instances, splits,
        BLOCK_M=block, **_common(dim, features.dtype) | SUMS,
    )  # fmt: skip
    return sums, sizes


class MatchedMaskLosses(torch.autograd.Function):
    """BCE and 1 - DICE of R pairs of each scene, (B, R, 2), from their sums; the gradient, by
    kernels.

    queries (B, R, D): each pair's query; features: those of `points`, for their gradient; wanted
    (B, R), int32: each pair's instance; counts (B), int32: the number of pairs of each scene
    (further rows are padding and give 0); sums (B, R, 4): of softplus(x), p, x in the instance, p
    in the instance; sizes (B, R): points of the instance; num_points (B, 1): points of the scene.
    """

    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, features: Tensor, points: LabelledPoints,
        wanted: Tensor, counts: Tensor, sums: Tensor,
        sizes: Tensor, num_points: Tensor,
    ) -> Tensor:  # fmt: skip
        """The arguments and the result are those of the class."""
        softplus, p, own_x, own_p = sums.unbind(-1)
        denominator = p + sizes + 1
        bce, dice = (softplus - own_x) / num_points, (2 * own_p + 1) / denominator
        there = torch.arange(wanted.shape[1], device=wanted.device) < counts[:, None]
        ctx.points, ctx.dtype = points, queries.dtype
        queries = queries.to(features.dtype).contiguous()
        ctx.save_for_backward(queries, features, wanted, counts,
                              there / num_points, there * dice / denominator,
                              there * 2 / denominator)  # fmt: skip
        return torch.stack([bce, 1 - dice], -1) * there[..., None]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of queries and features."""
        queries, features, wanted, counts, of_bce, all_points, own_points = ctx.saved_tensors
        points, (scenes, rows, dim) = ctx.points, queries.shape
        of_dice = gradient[..., 1]
        slopes = torch.stack(
            [gradient[..., 0] * of_bce, of_dice * all_points, of_dice * own_points], -1
        )
        of_queries, of_features = (
            torch.zeros_like(queries, dtype=torch.float32),
            torch.empty_like(features),
        )
        common = queries, features, points.instance, points.offsets, wanted, counts, slopes
        options = {"BLOCK_K": BLOCK_K, **_common(dim, features.dtype)}
        _points_kernel[(triton.cdiv(points.longest, BLOCK_N), scenes)](
            *common, of_features, rows, **options
        )
        blocks = triton.cdiv(rows, BLOCK_K)
        splits = max(1, min(32, 2048 // (scenes * blocks)))
        _queries_kernel[(splits, blocks, scenes)](*common, of_queries, rows, splits, **options)
        return of_queries.to(ctx.dtype), of_features, *[None] * 6
