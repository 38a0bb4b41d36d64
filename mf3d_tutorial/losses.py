"""The set loss: match, then cross-entropy for every query, BCE and Dice for the matched ones."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mf3d_tutorial.data.targets import Target
from mf3d_tutorial.matching import Pairs, Weights, match
from mf3d_tutorial.model.maskformer import Outputs

Losses = dict[str, Float[Tensor, ""]]


class SetCriterion(nn.Module):
    """`criterion((logits, masks), targets) -> {"loss", "cls", "bce", "dice"}`.

    cls: cross-entropy of all Q queries of a scene, unmatched ones with the class "no object" (the last), which has
    the weight `no_object_weight`; a weighted mean over queries, then a mean over scenes.
    bce, dice: a mean over the matched pairs of a scene, then over the scenes that have any.
    loss = cls_weight cls + bce_weight bce + dice_weight dice. All in float32, whatever the autocast.

    These are the formulas of WarpConvNet's MaskFormer example. With `aux_weight` > 0 `outputs` may be the list that
    `MaskFormer3D.forward_layers` gives; each earlier layer's loss, matched anew, is then added with that weight.

    With `sample_points` masks are compared at no more than that many random points of each scene; at all of them where
    no gradient is asked for, because validation is to give the same number every time.

    `count` says how many scenes there are, and how many with instances, where `targets` are only a part of a batch:
    the sums of this part are divided by it, so that the parts' losses add up to that of the batch.
    """

    def __init__(
        self,
        cls_weight: float = 1.0,
        bce_weight: float = 5.0,
        dice_weight: float = 5.0,
        no_object_weight: float = 0.1,
        aux_weight: float = 0.0,
        sample_points: int | None = None,
    ):
        super().__init__()
        self.weights = Weights(cls_weight, bce_weight, dice_weight)
        self.no_object_weight = no_object_weight
        self.aux_weight = aux_weight
        self.sample_points = sample_points

    def forward(
        self, outputs: Outputs | list[Outputs], targets: list[Target], count: tuple[float, float] | None = None
    ) -> Losses:
        layers = outputs if isinstance(outputs, list) else [outputs]
        count = count or count_scenes(targets)
        if self.sample_points and torch.is_grad_enabled():
            layers, targets = sampled(layers, targets, self.sample_points)
        losses = self.layer_losses(layers[-1], targets, *count)
        for earlier in layers[:-1]:
            losses["loss"] = losses["loss"] + self.aux_weight * self.layer_losses(earlier, targets, *count)["loss"]
        return losses

    def layer_losses(self, outputs: Outputs, targets: list[Target], scenes: float, with_instances: float) -> Losses:
        """The losses of one decoder layer's outputs."""
        logits, masks = outputs
        with torch.autocast(logits.device.type, enabled=False):
            logits = logits.float()
            pairs = match(logits, masks, targets, self.weights)
            cls = self.class_loss(logits, targets, pairs) / scenes
            bce, dice = (term / max(with_instances, 1) for term in self.mask_losses(masks, targets, pairs))
        loss = self.weights.cls * cls + self.weights.bce * bce + self.weights.dice * dice
        return {"loss": loss, "cls": cls, "bce": bce, "dice": dice}

    def class_loss(self, logits: Float[Tensor, "B Q C+1"], targets: list[Target], pairs: list[Pairs]) -> Tensor:
        """Summed over the scenes."""
        no_object = logits.shape[-1] - 1
        labels = logits.new_full(logits.shape[:2], no_object, dtype=torch.long)
        for scene, target, (q_idx, t_idx) in zip(labels, targets, pairs):
            scene[q_idx] = target.labels[t_idx]
        weight = logits.new_ones(no_object + 1)
        weight[no_object] = self.no_object_weight
        return torch.stack([F.cross_entropy(*scene, weight) for scene in zip(logits, labels)]).sum()

    def mask_losses(self, masks: list[Tensor], targets: list[Target], pairs: list[Pairs]) -> tuple[Tensor, Tensor]:
        """BCE and Dice, summed over the scenes."""
        terms = [
            pair_losses(mask[q_idx].float(), target.masks[t_idx])
            for mask, target, (q_idx, t_idx) in zip(masks, targets, pairs)
            if len(q_idx)
        ]
        if not terms:  # no instance in the whole batch: zero, but still a function of the model
            zero = sum(mask.float().sum() for mask in masks) * 0
            return zero, zero
        bce, dice = torch.stack([torch.stack([term.mean() for term in scene]) for scene in terms]).sum(0)
        return bce, dice


def sampled(layers: list[Outputs], targets: list[Target], points: int) -> tuple[list[Outputs], list[Target]]:
    """The same for `points` random points of each scene, or all if it has fewer: the same ones after every layer."""
    chosen = [torch.randperm(len(t.instance), device=t.instance.device)[:points] for t in targets]
    layers = [(logits, [mask[:, some] for mask, some in zip(masks, chosen)]) for logits, masks in layers]
    return layers, [Target(target.labels, target.instance[some]) for target, some in zip(targets, chosen)]


def count_scenes(targets: list[Target]) -> tuple[int, int]:
    """The number of scenes, and of those that have instances."""
    return len(targets), sum(len(target) > 0 for target in targets)


def pair_losses(x: Float[Tensor, "P N"], t: Float[Tensor, "P N"]) -> tuple[Float[Tensor, " P"], Float[Tensor, " P"]]:
    """BCE (mean over points) and 1 - DICE of P pairs of mask logits and binary masks."""
    t = t.float()
    p = x.sigmoid()
    bce = F.binary_cross_entropy_with_logits(x, t, reduction="none").mean(1)
    dice = (2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)
    return bce, 1 - dice
