"""The assignment problems of matching, all at once and without the host: one program per problem.

scipy solves one after the other on the CPU, and for that the host has to wait until the GPU has the
costs, and the GPU until the host has the pairs. The algorithm is the one of scipy's
`linear_sum_assignment`, shortest augmenting paths (D. F. Crouse, "On implementing 2D rectangular
assignment algorithms", IEEE Transactions on Aerospace and Electronic Systems 52, 2016): instances
get their query in turn; whoever finds its best one taken may push others on, along the path that
costs least. Dijkstra's algorithm finds it by the reduced costs cost[q, m] - u[m] - v[q] >= 0, where
u and v are the dual variables of instances and queries.
"""

# kernel[grid](...) starts a kernel; without Triton's types it looks like an index of a function.
# pyright: reportIndexIssue=false

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor


@triton.jit
def _assign_kernel(
    costs, counts, chosen, num_scenes, num_queries, num_instances,
    BLOCK_Q: tl.constexpr, BLOCK_M: tl.constexpr,
):  # fmt: skip
    problem = tl.program_id(0).to(tl.int64)
    count = tl.load(counts + problem % num_scenes)
    costs += problem * num_queries * num_instances
    q, m = tl.arange(0, BLOCK_Q), tl.arange(0, BLOCK_M)
    # More instances than queries: further columns, which cost nothing, stand for "no query".
    column = q < tl.maximum(num_queries, count)
    owner = tl.full([BLOCK_Q], -1, tl.int32)  # the instance that has the query
    u, v = tl.zeros([BLOCK_M], tl.float64), tl.zeros([BLOCK_Q], tl.float64)
    for instance in range(count):
        done = q < 0  # queries that the shortest path to is known
        distance = tl.full([BLOCK_Q], float("inf"), tl.float64)
        before = tl.full([BLOCK_Q], -1, tl.int32)  # the query before this one on its path
        on_path = m < 0  # instances that were reached
        row, last, end = instance, -1, -1
        while end < 0:
            on_path |= m == row
            cost = tl.load(costs + q * num_instances + row, mask=q < num_queries, other=0.0)
            cost = tl.where(tl.abs(cost) < float("inf"), cost, 0.0).to(tl.float64)
            reduced = cost - tl.sum(tl.where(m == row, u, 0.0), 0) - v
            closer = column & (done == 0) & (reduced < distance)
            distance = tl.where(closer, reduced, distance)
            before = tl.where(closer, last, before)
            open_distance = tl.where(column & (done == 0), distance, float("inf"))
            step = tl.min(open_distance, 0)
            last = tl.argmin(open_distance, 0).to(tl.int32)
            u += tl.where(on_path, step, 0.0)
            v -= tl.where(done, step, 0.0)
            distance = tl.where(done, distance, distance - step)
            done |= q == last
            taken_by = tl.sum(tl.where(q == last, owner, 0), 0)
            end = tl.where(taken_by < 0, last, -1)
            row = tl.where(taken_by < 0, row, taken_by)
        # Back along the path: each query goes to the instance that had the one before.
        while end >= 0:
            previous = tl.sum(tl.where(q == end, before, 0), 0)
            pushed = tl.sum(tl.where(q == previous, owner, 0), 0)
            owner = tl.where(q == end, tl.where(previous < 0, instance, pushed), owner)
            end = previous
    tl.store(
        chosen + problem * num_instances + owner,
        q.to(tl.int64),
        mask=(owner >= 0) & (q < num_queries),
    )


@torch.no_grad()
def assign(
    costs: Float[Tensor, "L B Q M"], counts: Int[Tensor, " B"], most: int
) -> Int[Tensor, "L B M"]:
    """The query of each instance in the cheapest assignment of every layer and scene; -1: none.

    Scene b has `counts[b]` instances, at most `most`; the columns after those are not looked at. A
    cost that is not finite counts as 0.
    """
    layers, scenes, num_queries, num_instances = costs.shape
    chosen = torch.full((layers, scenes, num_instances), -1, device=costs.device)
    _assign_kernel[(layers * scenes,)](
        costs.contiguous(), counts, chosen, scenes, num_queries, num_instances,
        BLOCK_Q=triton.next_power_of_2(max(num_queries, most)),
        BLOCK_M=triton.next_power_of_2(max(most, 1)), num_warps=1,
    )  # fmt: skip
    return chosen
