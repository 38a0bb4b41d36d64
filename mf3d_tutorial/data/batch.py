"""Scenes put into one batch, as the model and the loss take them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mf3d_tutorial.data.placement import bounds, place
from mf3d_tutorial.data.scannet import Original, Scene
from mf3d_tutorial.data.targets import Target, build_target
from mf3d_tutorial.warp import Points


@dataclass
class Batch:
    """B scenes in one table, and what their queries should find."""

    points: Points  # B scenes; features as `model.in_features` says
    # The targets of all scenes, concatenated: one tensor is cheaper to pass between loader
    # processes than one per scene.
    labels: Int[Tensor, " M"]  # class of each instance
    instance: Int[Tensor, " N"]  # instance of each point, numbered from 0 in each scene; -1: none
    counts: list[int]  # number of instances of each scene
    names: list[str]
    originals: list[Original]  # labels of all points, on the CPU; empty in training

    @cached_property
    def targets(self) -> list[Target]:
        """One target per scene: what its queries should find."""
        sizes = self.points.offsets.diff().tolist()
        return [
            Target(*scene)
            for scene in zip(self.labels.split(self.counts), self.instance.split(sizes))
        ]

    def split(self, pieces: int) -> list["Batch"]:
        """At most `pieces` batches of nearly equal size, with the same scenes in order."""
        scenes = len(self.names)
        pieces = min(pieces, scenes)
        edges = [scenes * piece // pieces for piece in range(pieces + 1)]
        return [self._scenes(low, high) for low, high in pairwise(edges)]

    def _scenes(self, low: int, high: int) -> "Batch":
        """A batch of the scenes from number `low` up to, and without, number `high`."""
        offsets = self.points.offsets[low : high + 1]
        rows = slice(int(offsets[0]), int(offsets[-1]))
        coord, features = self.points.coordinate_tensor, self.points.feature_tensor
        first = sum(self.counts[:low])
        counts = self.counts[low:high]
        return Batch(
            Points(coord[rows], features[rows], offsets=offsets - offsets[0]),
            self.labels[first : first + sum(counts)],
            self.instance[rows],
            counts,
            self.names[low:high],
            self.originals[low:high],
        )

    def to(self, device: torch.device | str) -> "Batch":
        """A copy on the device. The host does not wait for a GPU to have it, if it comes from
        pinned memory."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """A copy in pinned memory; a DataLoader with `pin_memory=True` asks for it."""
        return self.map(Tensor.pin_memory)

    def map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The batch with `change` applied to every tensor that a GPU needs."""
        coord, features = self.points.coordinate_tensor, self.points.feature_tensor
        points = Points(change(coord), change(features), offsets=self.points.offsets)
        return Batch(
            points,
            change(self.labels),
            change(self.instance),
            self.counts,
            self.names,
            self.originals,
        )


def point_features(scene: Scene, names: Sequence[str]) -> Float[np.ndarray, "N C"]:
    """Input features of every point for the backbone, side by side in the order of `names`.

    color (3): RGB in 0..1. normal (3). height (1): metres above the lowest point. coord (3): metres
    from the middle of the scene's bounding box.
    """
    low, high = bounds(scene.coord)
    make = {
        "color": lambda: scene.color,
        "normal": lambda: scene.normal,
        "height": lambda: scene.coord[:, 2:] - low[2],
        "coord": lambda: scene.coord - (low + high) / 2,
    }
    return np.concatenate([make[name]() for name in names], axis=1, dtype=np.float32)


def collate(
    scenes: Sequence[Scene],
    num_classes: int = 20,
    stuff_classes: Sequence[int] = (),
    in_features: Sequence[str] = ("color",),
    originals: bool = True,
) -> Batch:
    """One batch: WarpConvNet Points with features (see `point_features`), and a target a scene
    (`build_target`).

    Each scene's positions are relative to the scene itself (see placement.py), here and nowhere
    else, so that training, after its augmentation, and every kind of inference agree.

    Without `originals`, which only AP needs, a data loader's process has half as much to hand over.
    """
    targets = [
        build_target(
            torch.from_numpy(s.segment), torch.from_numpy(s.instance), num_classes, stuff_classes
        )
        for s in scenes
    ]
    return Batch(
        Points(
            [torch.from_numpy(place(scene.coord)) for scene in scenes],
            [torch.from_numpy(point_features(scene, in_features)) for scene in scenes],
        ),
        torch.cat([target.labels for target in targets]),
        torch.cat([target.instance for target in targets]),
        [len(target) for target in targets],
        [scene.name for scene in scenes],
        [scene.original for scene in scenes] if originals else [],
    )
