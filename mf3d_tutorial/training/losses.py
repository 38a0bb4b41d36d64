"""The set loss: match, then cross-entropy for every query, BCE and Dice for the matched ones."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mf3d_tutorial.data.targets import Target
from mf3d_tutorial.model.maskformer import LayerOutputs, Outputs
from mf3d_tutorial.training.cuda_matching import CudaMatching
from mf3d_tutorial.training.matching import Pairs, Weights, match

Losses = dict[str, Float[Tensor, ""]]


class SetCriterion(nn.Module):
    """`criterion((logits, masks), targets) -> {"loss", "cls", "bce", "dice"}`.

    cls: cross-entropy of all Q queries of a scene, unmatched ones with the class "no object" (the
    last), which has the weight `no_object_weight`; a weighted mean over queries, then a mean over
    scenes. bce, dice: a mean over the matched pairs of a scene, then over the scenes that have any.
    loss = cls_weight cls + bce_weight bce + dice_weight dice. All in float32, whatever the
    autocast.

    These are the formulas of WarpConvNet's MaskFormer example. With `aux_weight` > 0 `outputs` may
    be the list that `MaskFormer3D.forward_layers` gives; each earlier layer's loss, matched anew,
    is then added with that weight.

    With `sample_points` masks are compared at no more than that many random points of each scene;
    at all of them where no gradient is asked for, because validation is to give the same number
    every time.

    `count` says how many scenes there are, and how many with instances, where `targets` are only a
    part of a batch: the sums of this part are divided by it, so that the parts' losses add up to
    that of the batch.

    There are two ways to the same numbers. Training on CUDA takes `cuda_losses`: all scenes at
    once, by kernels that write no masks (cuda_matching.py). The CPU, and validation on every
    device, take `scene_losses`: scene by scene, in plain PyTorch (matching.py, `mask_losses`).
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
        self,
        outputs: Outputs | list[Outputs] | LayerOutputs,
        targets: list[Target],
        count: Sequence[float] | None = None,
    ) -> Losses:
        """The four terms, in float32. `outputs`: what the model gives, or its outputs after every
        layer.

        NonFiniteError if a matching cost is not a finite number.
        """
        layers: Sequence[Outputs] = [outputs] if isinstance(outputs, tuple) else outputs
        count = count or count_scenes(targets)
        sample = self.sample_points if torch.is_grad_enabled() else None
        device = layers.logits.device if isinstance(layers, LayerOutputs) else layers[0][0].device
        with torch.autocast(device.type, enabled=False):
            if isinstance(layers, LayerOutputs) and layers.logits.is_cuda:
                cls, (bce, dice) = self.cuda_losses(layers, targets, sample)
            else:
                cls, (bce, dice) = self.scene_losses(*stacked(layers), targets, sample)
        cls, bce, dice = cls / count[0], bce / max(count[1], 1), dice / max(count[1], 1)
        loss = self.weights.cls * cls + self.weights.bce * bce + self.weights.dice * dice
        total = loss[-1] + self.aux_weight * loss[:-1].sum()
        return {"loss": total, "cls": cls[-1], "bce": bce[-1], "dice": dice[-1]}

    def scene_losses(
        self,
        logits: Float[Tensor, "L B Q classes"],
        masks: list[Float[Tensor, "L Q _"]],
        targets: list[Target],
        sample: int | None,
    ) -> tuple[Float[Tensor, " L"], Float[Tensor, "2 L"]]:
        """Cross-entropy, and BCE and Dice, of each of L layers, summed over the scenes."""
        if sample:
            masks, targets = sampled(masks, targets, sample)
        pairs = match(logits, masks, targets, self.weights)
        labels = logits.new_full(logits.shape[:3], logits.shape[-1] - 1, dtype=torch.long)
        for scene, target, (q_idx, t_idx) in zip(labels.unbind(1), targets, pairs):
            scene.scatter_(1, q_idx, target.labels[t_idx])
        return self.class_loss(logits, labels), mask_losses(masks, targets, pairs)

    def cuda_losses(
        self, outputs: LayerOutputs, targets: list[Target], sample: int | None
    ) -> tuple[Float[Tensor, " L"], Float[Tensor, "2 L"]]:
        """Cross-entropy, and BCE and Dice, as by `scene_losses`, for all scenes at once on CUDA and
        without the masks."""
        matching = CudaMatching(outputs, targets, sample)
        labels = matching.match(self.weights)
        return self.class_loss(matching.logits, labels), matching.losses()

    def class_loss(
        self, logits: Float[Tensor, "L B Q classes"], labels: Int[Tensor, "L B Q"]
    ) -> Float[Tensor, " L"]:
        """Weighted cross-entropy of each of L layers, a mean over queries, summed over the
        scenes."""
        weight = logits.new_ones(logits.shape[-1])
        weight[-1:].fill_(self.no_object_weight)  # an assignment would make the host wait
        each = F.cross_entropy(logits.flatten(0, 2), labels.flatten(), weight, reduction="none")
        means = each.view(labels.shape).sum(2) / weight[labels].sum(2)
        return means.sum(1)


def mask_losses(
    masks: list[Float[Tensor, "L Q _"]], targets: list[Target], pairs: list[Pairs]
) -> Float[Tensor, "2 L"]:
    """BCE and Dice of each layer: a mean over the pairs of a scene, summed over the scenes."""
    sums = []
    for mask, target, (q_idx, t_idx) in zip(masks, targets, pairs):
        if not len(target):
            continue
        # offset of each layer's first row after flattening (L, Q)
        first = torch.arange(len(mask), device=mask.device)[:, None] * mask.shape[1]
        x = mask.flatten(0, 1).index_select(0, (first + q_idx).flatten()).float()
        t = t_idx.flatten()[:, None] == target.instance
        sums.append(torch.stack(pair_losses(x, t)).view(2, *q_idx.shape).mean(-1))
    if not sums:  # no instance in the whole batch: zero, but still a function of the model
        nothing = torch.stack([mask.float().sum() for mask in masks]).sum() * 0
        return nothing.expand(2, len(masks[0]))
    return torch.stack(sums).sum(0)


def stacked(
    layers: Sequence[Outputs],
) -> tuple[Float[Tensor, "L B Q classes"], list[Float[Tensor, "L Q _"]]]:
    """The outputs of all layers as tensors: class logits in float32, masks one tensor a scene."""
    if isinstance(layers, LayerOutputs):
        return layers.logits.float(), layers.masks()
    masks = [torch.stack(scene) for scene in zip(*(masks for _, masks in layers))]
    return torch.stack([logits.float() for logits, _ in layers]), masks


def sampled(
    masks: list[Tensor], targets: list[Target], points: int
) -> tuple[list[Tensor], list[Target]]:
    """Masks and targets at `points` random points of each scene, or all if it has fewer; at the
    same ones after every layer."""
    chosen = [torch.randperm(len(t.instance), device=t.instance.device)[:points] for t in targets]
    masks = [mask[..., some] for mask, some in zip(masks, chosen)]
    return masks, [
        Target(target.labels, target.instance[some]) for target, some in zip(targets, chosen)
    ]


def count_scenes(targets: list[Target]) -> tuple[int, int]:
    """The number of scenes, and of those that have instances."""
    return len(targets), sum(len(target) > 0 for target in targets)


def pair_losses(
    x: Float[Tensor, "P N"], t: Bool[Tensor, "P N"]
) -> tuple[Float[Tensor, " P"], Float[Tensor, " P"]]:
    """BCE (mean over points) and 1 - DICE of P pairs of mask logits and binary masks."""
    t = t.float()
    p = x.sigmoid()
    bce = F.binary_cross_entropy_with_logits(x, t, reduction="none").mean(1)
    dice = (2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)
    return bce, 1 - dice
