"""WarpConvNet's MaskFormer example, to compare with: its model; targets, matching and loss written
anew.

As its script does, targets are built by a loop over instances, and the matching spreads every
query's and every instance's mask over all points: Q x M x N numbers.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from mf3d_tutorial.model import MaskFormer3D


def seed_model(ours: MaskFormer3D, backbone: nn.Module, dropout: float = 0.0) -> nn.Module:
    """WarpConvNet's MaskFormer around `backbone`, with a copy of our decoder's and heads'
    weights."""
    from warpconvnet.models import MaskFormer

    layer = ours.decoder.layers[0]
    queries = ours.decoder.queries.embedding
    theirs = MaskFormer(
        backbone,
        hidden_dim=queries.embedding_dim,
        num_queries=queries.num_embeddings,
        num_heads=layer.cross_attention.num_heads,
        num_decoders=len(ours.decoder.layers),
        dim_feedforward=layer.feed_forward.inner.out_features,
        dropout=dropout,
        num_classes=ours.class_head.out_features - 1,
    )
    pairs = [
        (theirs.class_head, ours.class_head),
        (theirs.mask_features_head.block, ours.mask_head),
        (theirs.mask_transformer.query_embed, queries),
        (theirs.mask_transformer.norm, ours.decoder.norm),
    ]
    for their, our in zip(theirs.mask_transformer.layers, ours.decoder.layers):
        pairs += [
            (their.self_attn, our.self_attention),
            (their.self_attn_norm, our.norms[0]),
            (their.cross_attn_norm, our.norms[1]),
            (their.ffn.norm, our.norms[2]),
            (their.ffn.linear1, our.feed_forward.inner),
            (their.ffn.linear2, our.feed_forward.outer),
            (their.cross_attn.q, our.cross_attention.query),
            (their.cross_attn.proj, our.cross_attention.out),
            (their.cross_attn.to_attn.encoding[1], our.cross_attention.position),
        ]
        key_value = torch.stack(
            [our.cross_attention.key.weight.T, our.cross_attention.value.weight.T]
        )
        their.cross_attn.kv.load_state_dict({"weight": key_value})
    for their, our in pairs:
        their.load_state_dict(our.state_dict())
    return theirs


def seed_targets(
    segment: Int[Tensor, " N"], instance: Int[Tensor, " N"], device: torch.device
) -> tuple[Int[Tensor, " M"], Float[Tensor, "M N"]]:
    """Labels and masks of one scene."""
    labels, masks = [], []
    for index in instance.unique():
        mask = instance == index
        classes = segment[mask]
        classes = classes[classes >= 0]
        if index >= 0 and len(classes):
            labels.append(classes.mode().values)
            masks.append(mask)
    if not labels:
        return torch.zeros(0, dtype=torch.long, device=device), torch.zeros(
            0, len(instance), device=device
        )
    return torch.stack(labels).to(device), torch.stack(masks).to(device).float()


@torch.no_grad()
def seed_match(logits, mask, labels, masks, weights) -> tuple[Tensor, Tensor]:
    """Queries and instances of the cheapest assignment of one scene."""
    queries, instances = len(mask), len(masks)
    spread = (queries, instances, mask.shape[1])
    bce = F.binary_cross_entropy_with_logits(
        mask[:, None].expand(spread), masks[None].expand(spread), reduction="none"
    )
    probability = mask.sigmoid()
    dice = (2 * (probability @ masks.T) + 1) / (probability.sum(1)[:, None] + masks.sum(1) + 1)
    cls = -logits.softmax(-1)[:, labels]
    cost = weights.cls * cls + weights.bce * bce.mean(-1) + weights.dice * (1 - dice)
    rows, columns = linear_sum_assignment(cost.cpu().numpy())
    return torch.as_tensor(rows, device=mask.device), torch.as_tensor(columns, device=mask.device)


def seed_loss(logits, masks, targets, weights, no_object_weight: float = 0.1) -> Tensor:
    """Of a batch: `targets` are the (labels, masks) of its scenes."""
    class_weight = torch.ones(logits.shape[-1], device=logits.device)
    class_weight[-1] = no_object_weight
    total, matched = 0, []
    for scene_logits, mask, (labels, wanted) in zip(logits, masks, targets):
        classes = torch.full((len(mask),), logits.shape[-1] - 1, device=mask.device)
        if len(labels):
            q_idx, t_idx = seed_match(scene_logits, mask, labels, wanted, weights)
            classes[q_idx] = labels[t_idx]
            picked, truth = mask[q_idx], wanted[t_idx]
            probability = picked.sigmoid()
            dice = (2 * (probability * truth).sum(1) + 1) / (probability.sum(1) + truth.sum(1) + 1)
            bce = F.binary_cross_entropy_with_logits(picked, truth)
            matched.append(weights.bce * bce + weights.dice * (1 - dice).mean())
        total = total + weights.cls * F.cross_entropy(scene_logits, classes, class_weight) / len(
            masks
        )
    return total + sum(matched) / max(len(matched), 1)
