"""Farthest-point sampling of all scenes in one launch; WarpConvNet's starts two kernels for each
point it draws."""

# kernel[grid](...) starts a kernel; without Triton's types it looks like an index of a function.
# pyright: reportIndexIssue=false

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor


@triton.jit
def _farthest_kernel(coord, chosen, num_points, count, BLOCK: tl.constexpr):
    scene = tl.program_id(0)
    n = tl.arange(0, BLOCK)
    place = coord + (scene * num_points + n) * 3
    x = tl.load(place, mask=n < num_points, other=0.0)
    y = tl.load(place + 1, mask=n < num_points, other=0.0)
    z = tl.load(place + 2, mask=n < num_points, other=0.0)
    distance = tl.where(n < num_points, float("inf"), -1.0)
    last = scene * 0
    for i in range(count):
        tl.store(chosen + scene * count + i, last.to(tl.int64))
        center = coord + (scene * num_points + last) * 3
        dx, dy, dz = x - tl.load(center), y - tl.load(center + 1), z - tl.load(center + 2)
        distance = tl.minimum(distance, dx * dx + dy * dy + dz * dz)
        last = tl.argmax(distance, 0)


@torch.no_grad()
def farthest_points(coord: Float[Tensor, "B N 3"], count: int) -> Int[Tensor, "B count"]:
    """The first point and `count` - 1 more, each the farthest from those before it."""
    scenes, points, _ = coord.shape
    chosen = torch.empty(scenes, count, dtype=torch.long, device=coord.device)
    block = triton.next_power_of_2(points)
    _farthest_kernel[(scenes,)](
        coord.float().contiguous(), chosen, points, count, BLOCK=block, num_warps=16
    )
    return chosen
