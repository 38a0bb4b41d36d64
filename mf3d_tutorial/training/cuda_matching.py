"""Matching and mask losses of a whole batch at once on CUDA, from sums that a kernel takes without
writing the masks.

The numbers are those of `cost_matrix` (matching.py) and `mask_losses` (losses.py), which do it
scene by scene.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mf3d_tutorial.data.targets import Target
from mf3d_tutorial.kernels.offsets import offsets_on
from mf3d_tutorial.model.maskformer import LayerOutputs
from mf3d_tutorial.training.matching import Weights, solve_assignment


class CudaMatching:
    """The masks of L layers, B scenes and Q queries, and the instances to compare them with:
    `match`, then `losses`.

    Cost matrices are padded to M columns, the largest number of instances of a scene; the padding
    is cut off before the assignment. `sample`: take no more than that many random points of each
    scene.
    """

    def __init__(self, outputs: LayerOutputs, targets: list[Target], sample: int | None = None):
        from mf3d_tutorial.kernels import mask_losses

        self.kernels = mask_losses
        self.logits = outputs.logits.float()
        self.targets = targets
        self.device = outputs.logits.device
        self.queries = outputs.queries.transpose(0, 1).flatten(1, 2)  # (B, L Q, D)
        self.features, sizes = outputs.mask_features, outputs.sizes
        instance = torch.cat([target.instance for target in targets]).int()
        if sample:
            first = np.cumsum((0, *sizes[:-1])).tolist()
            drawn = [
                torch.randperm(n, device=self.device)[:sample] + at for n, at in zip(sizes, first)
            ]
            chosen, sizes = torch.cat(drawn), tuple(len(some) for some in drawn)
            self.features, instance = self.features[chosen], instance[chosen]
        self.num_instances = [len(target) for target in targets]
        self.most = max(1, *self.num_instances)
        self.num_points = self.upload(np.array(sizes, dtype=np.float32))
        offsets = offsets_on(sizes, self.device)
        self.points = mask_losses.LabelledPoints(self.features, instance, offsets, max(sizes))

    def upload(self, array: np.ndarray) -> Tensor:
        """The array on the device; the host does not wait."""
        return torch.from_numpy(array).to(self.device, non_blocking=True)

    @torch.no_grad()
    def match(self, weights: Weights) -> Int[Tensor, "L B Q"]:
        """Find the cheapest assignment of each layer and scene. Gives the target class of each
        query: "no object" if it is unmatched."""
        self.sums, self.sizes = self.kernels.mask_sums(self.queries, self.points, self.most)
        layers, scenes, num_queries, classes = self.logits.shape
        first = np.cumsum([0, *self.num_instances[:-1]])[:, None]
        column = np.minimum(first + np.arange(self.most), max(1, sum(self.num_instances)) - 1)
        every_label = torch.cat([target.labels for target in self.targets])
        if not sum(self.num_instances):
            every_label = every_label.new_zeros(1)
        labels = every_label[self.upload(column)]  # (B, M)
        softplus, p, own_x, own_p = self.sums.tensor_split([1, 2, 2 + self.most], dim=2)
        bce, dice = self.terms(softplus, p, own_x, own_p, self.sizes[:, None])
        probability = self.logits.softmax(-1).gather(
            3, labels[None, :, None].expand(layers, -1, num_queries, -1)
        )
        # (L, B, Q, M) each
        terms = (x.unflatten(1, (layers, num_queries)).transpose(0, 1) for x in (bce, dice))
        bce, dice = terms
        costs = self.to_host(-weights.cls * probability + weights.bce * bce + weights.dice * dice)
        self.solved = solve_assignment(
            [costs[:, b, :, :wanted] for b, wanted in enumerate(self.num_instances)]
        )
        rows, target_rows = [], []
        for b, (q_idx, t_idx) in enumerate(self.solved):
            rows.append(((np.arange(layers)[:, None] * scenes + b) * num_queries + q_idx).ravel())
            target_rows.append((first[b] + t_idx).ravel())
        rows, target_rows = self.upload(
            np.stack([np.concatenate(rows), np.concatenate(target_rows)])
        )
        wanted = labels.new_full((layers * scenes * num_queries,), classes - 1)
        return wanted.index_copy(0, rows, every_label[target_rows]).view(
            layers, scenes, num_queries
        )

    def terms(
        self, softplus: Tensor, p: Tensor, own_x: Tensor, own_p: Tensor, sizes: Tensor
    ) -> tuple[Tensor, Tensor]:
        """BCE and 1 - DICE from the sums of softplus(x) and p = sigmoid(x) over all points, and of
        x and p over an instance's `sizes` own ones."""
        return (softplus - own_x) / self.num_points[:, None, None], 1 - (2 * own_p + 1) / (
            p + sizes + 1
        )

    def to_host(self, tensor: Tensor) -> np.ndarray:
        """By way of pinned memory, which is several times quicker. The host waits for the GPU
        here."""
        pinned = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(
            tensor, non_blocking=True
        )
        torch.cuda.current_stream(self.device).synchronize()
        return pinned.numpy()

    def losses(self) -> Float[Tensor, "2 L"]:
        """BCE and Dice of the pairs that `match` found: a mean over the pairs of a scene, summed
        over the scenes."""
        (layers, scenes, num_queries, _), most = self.logits.shape, self.most
        numbers = [pairs[0].size for pairs in self.solved]
        # no instance in the whole batch: zero, but still a function of the model
        if not sum(numbers):
            return (self.queries.sum() + self.features.float().sum()).mul(0).expand(2, layers)
        # row[0]: query of the scene, row[1]: query of the batch, row[2]: instance of the scene. A
        # scene's pairs lie layer by layer, number / layers in each: pair i is of layer
        # i * layers // number.
        row = np.zeros((3, scenes, max(numbers)), dtype=np.int64)
        # weight of each pair in the mean over its layer
        pair_weight = np.zeros((scenes, max(numbers), layers), dtype=np.float32)
        for b, (number, (q_idx, t_idx)) in enumerate(zip(numbers, self.solved)):
            row[0, b, :number] = (np.arange(layers)[:, None] * num_queries + q_idx).ravel()
            row[2, b, :number] = t_idx.ravel()
            if number:
                pair_weight[b, np.arange(number), np.arange(number) * layers // number] = (
                    layers / number
                )
        row[1] = row[0] + np.arange(scenes)[:, None] * layers * num_queries
        query, query_of_batch, instance = self.upload(row)
        pair_weight, numbers = (
            self.upload(pair_weight),
            self.upload(np.array(numbers, dtype=np.int32)),
        )
        matched = (
            self.queries.flatten(0, 1)
            .index_select(0, query_of_batch.flatten())
            .view(scenes, -1, self.queries.shape[2])
        )
        columns = torch.stack(
            [
                torch.zeros_like(instance),
                torch.ones_like(instance),
                instance + 2,
                instance + 2 + most,
            ],
            -1,
        )
        sums = self.sums.flatten()[query_of_batch[..., None] * self.sums.shape[2] + columns]
        sizes, num_points = self.sizes.gather(1, instance), self.num_points[:, None]
        each = self.kernels.MatchedMaskLosses.apply(
            matched, self.features, self.points, instance.int(), numbers, sums, sizes, num_points
        )
        return each.flatten(0, 1).T @ pair_weight.flatten(0, 1)
