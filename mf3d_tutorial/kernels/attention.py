"""Attention of few queries to the many points of their own scene, with or without masks, for a
whole batch.

The scenes' points follow one another in one table; `offsets` says where each scene begins. A launch
serves all scenes and heads. A scene's points are dealt to several programs, and a second kernel
merges what they found (flash-decoding: https://pytorch.org/blog/flash-decoding/). Scores exist only
in registers; the backward pass computes them again."""

# kernel[grid](...) starts a kernel; without Triton's types it looks like an index of a function.
# pyright: reportIndexIssue=false

from typing import Any

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor

BLOCK_Q, BLOCK_N = 128, 64  # masks have a bit for each of BLOCK_N points in a word
LOG2_E = 1.4426950408889634


def splits_for(num_scenes: int, num_heads: int) -> int:
    """Into how many parts to deal each scene's points, so that all parts together keep a large GPU
    busy."""
    return max(1, min(64, 2048 // (num_scenes * num_heads)))


def dot_precision(dtype: torch.dtype) -> str:
    """For float32 three products in tf32, whose sum is as exact as float32; the argument means
    nothing in float16."""
    return "tf32x3" if dtype is torch.float32 else "tf32"


@triton.jit
def _part(offsets, scene, split, num_splits, BLOCK_N: tl.constexpr):
    """First row of a scene, and first and last row (exclusive) of one part of its points."""
    start, end = tl.load(offsets + scene), tl.load(offsets + scene + 1)
    length = tl.cdiv(tl.cdiv(end - start, num_splits), BLOCK_N) * BLOCK_N
    first = start + split * length
    return start, first, tl.minimum(first + length, end)


@triton.jit
def _mask_kernel(
    queries, points, offsets, words, found, num_queries, num_tiles,
    D: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_Q: tl.constexpr, BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    tile, scene = tl.program_id(0), tl.program_id(1)
    start, end = tl.load(offsets + scene), tl.load(offsets + scene + 1)
    first = start + tile * BLOCK_N
    if first < end:
        n, d = first + tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_D)
        bit = tl.full([BLOCK_N], 1, tl.int64) << tl.arange(0, BLOCK_N)
        f = tl.load(
            points + n.to(tl.int64)[:, None] * D + d, mask=(n < end)[:, None] & (d < D), other=0.0
        )
        for block in range(tl.cdiv(num_queries, BLOCK_Q)):
            row = block * BLOCK_Q + tl.arange(0, BLOCK_Q)
            known = row < num_queries
            place = (scene * num_queries + row)[:, None] * D + d
            q = tl.load(queries + place, mask=known[:, None] & (d < D), other=0.0)
            inside = (tl.dot(q, tl.trans(f), input_precision=PRECISION) > 0) & (n < end)
            word = tl.sum(tl.where(inside, bit, 0), 1)
            tl.store(words + (scene * num_tiles + tile) * num_queries + row, word, mask=known)
            tl.atomic_or(found + scene * num_queries + row, 1, mask=known & (word != 0))


@triton.jit
def _allowed(words, scene, tile, num_tiles, row, num_queries, known, free, BLOCK_N: tl.constexpr):
    """Which points of a tile each query may attend to."""
    word = tl.load(words + (scene * num_tiles + tile) * num_queries + row, mask=known, other=0)
    word = tl.where(free, -1, word)
    return ((word[:, None] >> tl.arange(0, BLOCK_N).to(tl.int64)) & 1) != 0


@triton.jit
def _forward_kernel(
    q, kv, words, found, offsets, part, statistics, num_queries, num_tiles, num_splits, scale,
    H: tl.constexpr, D: tl.constexpr, W: tl.constexpr, MASKED: tl.constexpr,
    BLOCK_Q: tl.constexpr, BLOCK_N: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    split, block = tl.program_id(0) % num_splits, tl.program_id(0) // num_splits
    head, scene = tl.program_id(1), tl.program_id(2)
    start, first, last = _part(offsets, scene, split, num_splits, BLOCK_N)
    row, d = block * BLOCK_Q + tl.arange(0, BLOCK_Q), tl.arange(0, W)
    known = row < num_queries
    place = ((scene * num_queries + row) * H + head)[:, None] * D + d
    query = tl.load(q + place, mask=known[:, None] & (d < D), other=0.0)
    free = row < 0
    if MASKED:
        free = tl.load(found + scene * num_queries + row, mask=known, other=0) == 0
    largest = tl.full([BLOCK_Q], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_Q], tl.float32)
    gathered = tl.zeros([BLOCK_Q, W], tl.float32)
    for at in range(first, last, BLOCK_N):
        n = at + tl.arange(0, BLOCK_N)
        here = n < last
        address = kv + (n.to(tl.int64) * (2 * H * D) + head * D)[:, None] + d
        k = tl.load(address, mask=here[:, None] & (d < D), other=0.0)
        v = tl.load(address + H * D, mask=here[:, None] & (d < D), other=0.0)
        score = tl.dot(query, tl.trans(k), input_precision=PRECISION) * scale
        score = tl.where(here, score, float("-inf"))
        if MASKED:
            tile = (at - start) // BLOCK_N
            allowed = _allowed(
                words, scene, tile, num_tiles, row, num_queries, known, free, BLOCK_N
            )
            score = tl.where(allowed, score, float("-inf"))
        new = tl.maximum(largest, tl.max(score, 1))
        finite = tl.where(new == float("-inf"), 0.0, new)
        weight = tl.exp2(score - finite[:, None])
        fade = tl.exp2(largest - finite)
        total = total * fade + tl.sum(weight, 1)
        gathered = gathered * fade[:, None] + tl.dot(
            weight.to(v.dtype), v, input_precision=PRECISION
        )
        largest = new
    place = ((scene * num_splits + split) * H + head) * num_queries + row
    tl.store(part + place[:, None] * W + d, gathered, mask=known[:, None])
    tl.store(statistics + place * 2, largest, mask=known)
    tl.store(statistics + place * 2 + 1, total, mask=known)


@triton.jit
def _merge_kernel(
    part, statistics, out, normalizer, num_queries, num_splits,
    H: tl.constexpr, D: tl.constexpr, W: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    head, scene = tl.program_id(1), tl.program_id(2)
    row, d = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK), tl.arange(0, W)
    known = row < num_queries
    largest = tl.full([BLOCK], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK], tl.float32)
    gathered = tl.zeros([BLOCK, W], tl.float32)
    for split in range(num_splits):
        place = ((scene * num_splits + split) * H + head) * num_queries + row
        highest = tl.load(statistics + place * 2, mask=known, other=0.0)
        new = tl.maximum(largest, highest)
        finite = tl.where(new == float("-inf"), 0.0, new)
        fade, share = tl.exp2(largest - finite), tl.exp2(highest - finite)
        total = total * fade + share * tl.load(statistics + place * 2 + 1, mask=known, other=1.0)
        piece = tl.load(part + place[:, None] * W + d, mask=known[:, None], other=0.0)
        gathered = gathered * fade[:, None] + share[:, None] * piece
        largest = new
    place = (scene * num_queries + row) * H + head
    tl.store(out + place[:, None] * D + d, gathered / total[:, None], mask=known[:, None] & (d < D))
    tl.store(normalizer + place, largest + tl.log2(total), mask=known)


@triton.jit
def _backward_kernel(
    q, kv, words, found, offsets, out, normalizer, of_out, of_q, of_kv,
    num_queries, num_tiles, num_splits, scale,
    H: tl.constexpr, D: tl.constexpr, W: tl.constexpr, MASKED: tl.constexpr,
    BLOCK_Q: tl.constexpr, BLOCK_N: tl.constexpr, PRECISION: tl.constexpr, LN_2: tl.constexpr,
):  # fmt: skip
    split, head, scene = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    start, first, last = _part(offsets, scene, split, num_splits, BLOCK_N)
    d = tl.arange(0, W)
    for block in range(tl.cdiv(num_queries, BLOCK_Q)):
        row = block * BLOCK_Q + tl.arange(0, BLOCK_Q)
        known = row < num_queries
        place = (scene * num_queries + row) * H + head
        there = known[:, None] & (d < D)
        query = tl.load(q + place[:, None] * D + d, mask=there, other=0.0)
        gradient = tl.load(of_out + place[:, None] * D + d, mask=there, other=0.0)
        result = tl.load(out + place[:, None] * D + d, mask=there, other=0.0)
        mean = tl.sum(gradient.to(tl.float32) * result.to(tl.float32), 1)
        norm = tl.load(normalizer + place, mask=known, other=float("inf"))
        free = row < 0
        if MASKED:
            free = tl.load(found + scene * num_queries + row, mask=known, other=0) == 0
        of_query = tl.zeros([BLOCK_Q, W], tl.float32)
        for at in range(first, last, BLOCK_N):
            n = at + tl.arange(0, BLOCK_N)
            here = n < last
            shift = (n.to(tl.int64) * (2 * H * D) + head * D)[:, None] + d
            inside = here[:, None] & (d < D)
            k = tl.load(kv + shift, mask=inside, other=0.0)
            v = tl.load(kv + shift + H * D, mask=inside, other=0.0)
            weight = tl.exp2(
                tl.dot(query, tl.trans(k), input_precision=PRECISION) * scale - norm[:, None]
            )
            weight = tl.where(here, weight, 0.0)
            if MASKED:
                tile = (at - start) // BLOCK_N
                allowed = _allowed(
                    words, scene, tile, num_tiles, row, num_queries, known, free, BLOCK_N
                )
                weight = tl.where(allowed, weight, 0.0)
            of_score = weight * (
                tl.dot(gradient, tl.trans(v), input_precision=PRECISION) - mean[:, None]
            )
            of_score = of_score.to(k.dtype)
            of_v = tl.dot(tl.trans(weight.to(k.dtype)), gradient, input_precision=PRECISION)
            of_k = tl.dot(tl.trans(of_score), query, input_precision=PRECISION) * (scale * LN_2)
            of_query += tl.dot(of_score, k, input_precision=PRECISION)
            if block > 0:
                of_k += tl.load(of_kv + shift, mask=inside, other=0.0)
                of_v += tl.load(of_kv + shift + H * D, mask=inside, other=0.0)
            tl.store(of_kv + shift, of_k, mask=inside)
            tl.store(of_kv + shift + H * D, of_v, mask=inside)
        tl.atomic_add(of_q + place[:, None] * D + d, of_query * (scale * LN_2), mask=there)


@torch.no_grad()
def attention_mask(
    queries: Float[Tensor, "B Q D"],
    points: Float[Tensor, "N D"],
    offsets: Int[Tensor, " borders"],
    longest: int,
) -> tuple[Int[Tensor, "B tiles Q"], Int[Tensor, "B Q"]]:
    """Where the product of a query and a point of its scene is positive; and whether it is
    anywhere.

    One bit a point: word t, int64, has points 64 t to 64 t + 63 of the scene. `longest`: points of
    the largest scene."""
    queries, points = queries.to(points.dtype).contiguous(), points.contiguous()
    scenes, count, dim = queries.shape
    tiles = triton.cdiv(longest, BLOCK_N)
    words = torch.empty(scenes, tiles, count, dtype=torch.long, device=points.device)
    found = torch.zeros(scenes, count, dtype=torch.int32, device=points.device)
    _mask_kernel[(tiles, scenes)](
        queries, points, offsets, words, found, count, tiles,
        D=dim, BLOCK_D=max(16, triton.next_power_of_2(dim)), BLOCK_Q=BLOCK_Q, BLOCK_N=BLOCK_N,
        PRECISION=dot_precision(points.dtype), num_warps=4,
    )  # fmt: skip
    return words, found


class SceneAttention(torch.autograd.Function):
    """`SceneAttention.apply(q, kv, offsets, allowed, found)`: attention of every query to the
    points of its scene.

    q (B, Q, H, d); kv (N, 2, H, d), keys and values; offsets (B + 1), int32; words, found: what
    `attention_mask` gives, or None and None for all points. Gives (B, Q, H, d)."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, kv: Tensor, offsets: Tensor, words: Tensor | None, found: Tensor | None
    ) -> Tensor:
        """The arguments and the result are those of the class."""
        q, kv = q.contiguous(), kv.contiguous()
        scenes, count, heads, dim = q.shape
        splits, width = splits_for(scenes, heads), max(16, triton.next_power_of_2(dim))
        part = torch.empty(
            scenes, splits, heads, count, width, dtype=torch.float32, device=q.device
        )
        statistics = torch.empty(
            scenes, splits, heads, count, 2, dtype=torch.float32, device=q.device
        )
        out, normalizer = (
            torch.empty_like(q),
            torch.empty(scenes, count, heads, dtype=torch.float32, device=q.device),
        )
        ctx.masked = words is not None
        if words is None:
            words, found = offsets[:, None], offsets
        options = {"H": heads, "D": dim, "W": width, "num_warps": 4}
        _forward_kernel[(splits * triton.cdiv(count, BLOCK_Q), heads, scenes)](
            q, kv, words, found, offsets, part, statistics,
            count, words.shape[1], splits, dim**-0.5 * LOG2_E,
            MASKED=ctx.masked, BLOCK_Q=BLOCK_Q, BLOCK_N=BLOCK_N,
            PRECISION=dot_precision(q.dtype), **options,
        )  # fmt: skip
        _merge_kernel[(triton.cdiv(count, 32), heads, scenes)](
            part, statistics, out, normalizer, count, splits, BLOCK=32, **options
        )
        ctx.save_for_backward(q, kv, offsets, words, found, out, normalizer)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of q and kv."""
        q, kv, offsets, words, found, out, normalizer = ctx.saved_tensors
        scenes, count, heads, dim = q.shape
        splits, width = splits_for(scenes, heads), max(16, triton.next_power_of_2(dim))
        of_q, of_kv = torch.zeros_like(q, dtype=torch.float32), torch.empty_like(kv)
        _backward_kernel[(splits, heads, scenes)](
            q, kv, words, found, offsets, out, normalizer, gradient.contiguous(), of_q, of_kv,
            count, words.shape[1], splits, dim**-0.5 * LOG2_E,
            H=heads, D=dim, W=width, MASKED=ctx.masked, BLOCK_Q=BLOCK_Q, BLOCK_N=BLOCK_N,
            PRECISION=dot_precision(q.dtype), LN_2=1 / LOG2_E, num_warps=8,
        )  # fmt: skip
        return of_q.to(q.dtype), of_kv, None, None, None
