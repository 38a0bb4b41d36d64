"""Matching and mask losses of a whole batch at once on CUDA, from sums that a kernel takes without
writing the masks.

The numbers are those of `cost_matrix` (matching.py) and `mask_losses` (losses.py), which do it
scene by scene. The host only starts kernels here: it never waits for the GPU.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mf3d_tutorial.data.targets import Target
from mf3d_tutorial.kernels.offsets import offsets_on
from mf3d_tutorial.model.maskformer import LayerOutputs
from mf3d_tutorial.training.matching import Weights


class CudaMatching:
    """The masks of L layers, B scenes and Q queries, and the instances to compare them with:
    `match`, then `losses`.

    Cost matrices are padded to M columns, the largest number of instances of a scene; the
    assignment leaves the padding out. `sample`: take no more than that many random points of each
    scene.
    """

    def __init__(self, outputs: LayerOutputs, targets: list[Target], sample: int | None = None):
        from mf3d_tutorial.kernels import assignment, mask_losses

        self.kernels, self.assign = mask_losses, assignment.assign
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
        self.counts = self.upload(np.array(self.num_instances, dtype=np.int32))
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
        costs = -weights.cls * probability + weights.bce * bce + weights.dice * dice
        self.not_finite = costs.sum() * 0  # NaN if a cost is none; else 0
        self.query = self.assign(costs, self.counts, self.most)
        # The label of each query; those of instances without a query go to a place behind the last.
        places = layers * scenes * num_queries
        place = torch.arange(0, places, num_queries, device=self.device).view(layers, scenes, 1)
        place = torch.where(self.query < 0, places, place + self.query)
        wanted = labels.new_full((places + 1,), classes - 1)
        wanted[place] = labels.expand_as(place)
        return wanted[:-1].view(layers, scenes, num_queries)

    def terms(
        self, softplus: Tensor, p: Tensor, own_x: Tensor, own_p: Tensor, sizes: Tensor
    ) -> tuple[Tensor, Tensor]:
        """BCE and 1 - DICE from the sums of softplus(x) and p = sigmoid(x) over all points, and of
        x and p over an instance's `sizes` own ones."""
        return (softplus - own_x) / self.num_points[:, None, None], 1 - (2 * own_p + 1) / (
            p + sizes + 1
        )

    def losses(self) -> Float[Tensor, "2 L"]:
        """BCE and Dice of the pairs that `match` found: a mean over the pairs of a scene, summed
        over the scenes. NaN if a matching cost was not finite."""
        layers, scenes, num_queries, _ = self.logits.shape
        pairs = [min(num_queries, number) for number in self.num_instances]  # in each layer
        # no instance in the whole batch: zero, but still a function of the model
        if not sum(pairs):
            return (self.queries.sum() + self.features.float().sum()).mul(0).expand(2, layers)
        # A scene's pairs lie layer by layer, and behind them padding up to the longest row.
        number = self.counts.clamp(max=num_queries)[:, None]
        scene = torch.arange(scenes, device=self.device)[:, None]
        pair = torch.arange(layers * max(pairs), device=self.device)
        there = pair < layers * number
        layer = (pair // number.clamp(min=1)).clamp(max=layers - 1)
        instance = pair % number.clamp(min=1)
        if self.most > num_queries:  # some instances have no query: those that have one come first
            instance = (self.query < 0).sort(dim=-1, stable=True).indices[layer, scene, instance]
        query = self.query[layer, scene, instance].clamp(min=0)
        query_of_batch = (scene * layers + layer) * num_queries + query
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
                instance + 2 + self.most,
            ],
            -1,
        )
        sums = self.sums.flatten()[query_of_batch[..., None] * self.sums.shape[2] + columns]
        each = self.kernels.MatchedMaskLosses.apply(
            matched,
            self.features,
            self.points,
            instance.int(),
            layers * number[:, 0],
            sums,
            self.sizes.gather(1, instance),
            self.num_points[:, None],
        )
        # weight of each pair in the mean over its layer
        of_layer = layer[..., None] == torch.arange(layers, device=self.device)
        weight = of_layer * (there / number.clamp(min=1))[..., None]
        return each.flatten(0, 1).T @ weight.flatten(0, 1) + self.not_finite
