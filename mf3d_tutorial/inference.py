"""From the model's raw outputs to scored instances."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass
class Instances:
    """K predicted instances of one scene, best score first. Masks may overlap."""

    masks: Bool[Tensor, "K N"]
    scores: Float[Tensor, " K"]  # 0..1
    labels: Int[Tensor, " K"]
    queries: Int[Tensor, " K"]  # the query that each mask comes from

    def __len__(self) -> int:
        return len(self.scores)


@torch.no_grad()
def predict_instances(
    logits: Float[Tensor, "Q C+1"],
    masks: Float[Tensor, "Q N"],
    top_k: int = 100,
    mask_threshold: float = 0.0,
    min_points: int = 1,
) -> Instances:
    """The `top_k` best (query, class) pairs, without "no object", as instances.

    A point is in the mask if its logit is above `mask_threshold`. score = class probability x mean probability of the
    mask's points, as Mask3D and its successors score. Masks below `min_points` points are dropped.
    """
    probability = logits.float().softmax(-1)[:, :-1]
    num_classes = probability.shape[1]
    class_score, index = probability.flatten().topk(min(top_k, probability.numel()))
    query, labels = index // num_classes, index % num_classes
    inside = masks > mask_threshold
    size = inside.sum(1)
    quality = (masks.float().sigmoid() * inside).sum(1) / size.clamp(min=1)
    scores = class_score * quality[query]
    order = scores.argsort(descending=True, stable=True)
    order = order[size[query[order]] >= min_points]
    return Instances(inside[query[order]], scores[order], labels[order], query[order])
