"""Which query answers for which instance: the cheapest one-to-one assignment.

    cost[q, m] = -cls * softmax(logits[q])[label m] + bce * BCE(mask q, mask m)
                 + dice * (1 - DICE(mask q, mask m))

BCE is a mean over the scene's points. DICE = (2 sum(p t) + 1) / (sum(p) + sum(t) + 1), with p the
sigmoid of the mask logits and t the instance's binary mask. The formulas are those of WarpConvNet's
MaskFormer example. On CUDA cuda_matching.py computes the same costs for all scenes at once.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mf3d_tutorial.common.errors import NonFiniteError
from mf3d_tutorial.data.targets import Target


@dataclass(frozen=True)
class Weights:
    """How much each term counts."""

    cls: float = 1.0
    bce: float = 5.0
    dice: float = 5.0


class Pairs(NamedTuple):
    """The assignment of one scene: query `q_idx[i]` answers for instance `t_idx[i]`. Both are
    (*L, P), with P = min(Q, M) pairs."""

    q_idx: Int[Tensor, "*_ _"]
    t_idx: Int[Tensor, "*_ _"]


def mask_costs(
    mask: Float[Tensor, "*L Q N"], target: Target
) -> tuple[Float[Tensor, "*L Q M"], Float[Tensor, "*L Q M"]]:
    """BCE and 1 - DICE of every query's mask with every instance's, without a Q x M x N tensor.

    BCE(x, t) = softplus(x) - x t, so its mean over points splits into a sum over all points and a
    sum over the instance's own points; DICE needs the latter sum of p. Both are one product with
    the instances' masks.
    """
    # Autocast is off, because sums over 100,000 points do not fit float16.
    with torch.autocast(mask.device.type, enabled=False):
        x = mask.float()
        p = x.sigmoid()
        t = target.masks.float()
        bce = (F.softplus(x).sum(-1, keepdim=True) - x @ t.T) / x.shape[-1]
        dice = (2 * (p @ t.T) + 1) / (p.sum(-1, keepdim=True) + t.sum(1) + 1)
    return bce, 1 - dice


def cost_matrix(
    logits: Float[Tensor, "*L Q classes"],
    mask: Float[Tensor, "*L Q N"],
    target: Target,
    weights: Weights,
) -> Float[Tensor, "*L Q M"]:
    """The cost of every pair of a query and an instance of one scene, in float32."""
    bce, dice = mask_costs(mask, target)
    probability = logits.float().softmax(-1)[..., target.labels]
    return -weights.cls * probability + weights.bce * bce + weights.dice * dice


@torch.no_grad()
def match(
    logits: Float[Tensor, "*L B Q classes"],
    masks: list[Float[Tensor, "*L Q _"]],
    targets: list[Target],
    weights: Weights,
) -> list[Pairs]:
    """The cheapest assignment of each of B scenes; pairs are in ascending order of their query.

    With a leading dimension L, for the outputs of L decoder layers, each layer is matched by
    itself.

    All costs go to the host in one copy, and all pairs back in another: the solver is scipy's.
    NonFiniteError if a cost is not a finite number.
    """
    costs = [cost_matrix(*scene, weights) for scene in zip(logits.unbind(-3), masks, targets)]
    flat = torch.cat([cost.flatten() for cost in costs]).cpu()
    pieces = flat.split([cost.numel() for cost in costs])
    solved = solve_assignment(
        [piece.view(cost.shape).numpy() for cost, piece in zip(costs, pieces)]
    )
    indices = torch.from_numpy(np.concatenate([pairs.ravel() for pairs in solved])).to(
        logits.device, non_blocking=True
    )
    pieces = indices.split([pairs.size for pairs in solved])
    return [Pairs(*piece.view(pairs.shape)) for piece, pairs in zip(pieces, solved)]


def solve_assignment(costs: list[Float[np.ndarray, "*L Q _"]]) -> list[Int[np.ndarray, "2 *L _"]]:
    """The queries and the instances of each matrix's cheapest assignment; NonFiniteError if a cost
    is not finite."""
    # numpy's isfinite: torch's would wake threads for this little work.
    if not all(np.isfinite(cost).all() for cost in costs):
        raise NonFiniteError(
            "the matching cost is NaN or infinite: the model's outputs are not finite (lower"
            " train.lr?)"
        )
    return [_assign_scene(cost) for cost in costs]


def _assign_scene(cost: Float[np.ndarray, "*L Q M"]) -> Int[np.ndarray, "2 *L P"]:
    *layers, num_queries, num_instances = cost.shape
    pairs = [
        linear_sum_assignment(matrix)
        for matrix in cost.reshape(math.prod(layers), num_queries, num_instances)
    ]
    return np.stack(pairs, axis=1).reshape(2, *layers, min(num_queries, num_instances))
