"""What a scene's queries should find: one label per instance, and the instance of every point."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor


@dataclass
class Target:
    """The M instances of one scene. They do not overlap, so one instance index per point holds the
    same information as M masks."""

    labels: Int[Tensor, " M"]  # class index of each instance
    instance: Int[Tensor, " N"]  # 0..M-1: the instance that the point belongs to; -1: none

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def masks(self) -> Bool[Tensor, "M N"]:
        """The instances as M binary masks."""
        return torch.arange(len(self), device=self.instance.device)[:, None] == self.instance

    def map(self, change: Callable[[Tensor], Tensor]) -> "Target":
        """A target with both tensors changed, for example moved to a GPU:
        `target.map(Tensor.cuda)`."""
        return Target(change(self.labels), change(self.instance))


def build_target(
    segment: Int[Tensor, " N"],
    instance: Int[Tensor, " N"],
    num_classes: int,
    stuff_classes: Sequence[int] = (),
) -> Target:
    """The target of a scene with these per-point labels (-1: unannotated).

    An instance counts if its id is >= 0 and one of its points at least has a class. Its label is
    the most frequent class of its points (the smallest on a tie). Instances whose label is in
    `stuff_classes` are left out. Targets stand in ascending order of their instance ids.
    """
    ids, index = torch.unique(instance, return_inverse=True)
    # One column more, for points without a class.
    columns = num_classes + 1
    pairs = index * columns + segment.clamp(min=-1) + 1
    votes = torch.bincount(pairs, minlength=len(ids) * columns).view(len(ids), columns)[:, 1:]
    labels = votes.argmax(1) if len(ids) else votes.new_zeros(0)
    keep = (ids >= 0) & (votes.sum(1) > 0)
    for stuff in stuff_classes:
        keep &= labels != stuff
    new_index = torch.where(keep, keep.cumsum(0) - 1, -1)  # 0..M-1 of those that are left
    return Target(labels[keep], new_index[index].to(instance.dtype))
