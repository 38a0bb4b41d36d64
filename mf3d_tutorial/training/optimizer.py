"""What changes the weights, and how fast: AdamW and the learning-rate schedule that a config asks
for."""

from typing import Any

import torch
from torch import nn

from mf3d_tutorial.config.schema import TrainConfig


def make_optimizer(model: nn.Module, train: TrainConfig) -> torch.optim.AdamW:
    """AdamW; `train.decay_all=false` spares some parameters the weight decay (`decay_groups`)."""
    groups = model.parameters() if train.decay_all else decay_groups(model)
    return torch.optim.AdamW(groups, lr=train.lr, weight_decay=train.weight_decay, fused=True)


def decay_groups(model: nn.Module) -> list[dict[str, Any]]:
    """Parameters for an optimiser: weights of layers, and without weight decay norms, biases and
    embeddings."""
    embeddings = {module.weight for module in model.modules() if isinstance(module, nn.Embedding)}
    free = [p for p in model.parameters() if p.ndim < 2 or p in embeddings]
    decayed = [p for p in model.parameters() if p.ndim >= 2 and p not in embeddings]
    return [{"params": decayed}, {"params": free, "weight_decay": 0.0}]


def make_schedule(
    optimizer: torch.optim.Optimizer, train: TrainConfig, total_steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The learning rate of each step: drops every few epochs (`step`), or a warm-up and then half a
    cosine (`onecycle`)."""
    if train.schedule == "step":
        return torch.optim.lr_scheduler.StepLR(optimizer, train.step_size, train.gamma)
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, train.lr, total_steps=total_steps)
