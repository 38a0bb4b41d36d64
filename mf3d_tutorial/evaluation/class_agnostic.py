"""Class-agnostic AP: how well a model finds instances, whatever it calls them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from mf3d_tutorial.data import LabelSet
from mf3d_tutorial.evaluation.inference import Instances
from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP


class _OneClass(NamedTuple):
    names: tuple[str, ...] = ("any class",)
    stuff: tuple[int, ...] = ()


class ClassAgnosticAP:
    """ScanNet's AP, with all classes that it evaluates taken for one.

    A query counts once, with its highest score among these classes: in the AP of each class it may
    be a candidate for several of them. Wrong names lower the mean over classes and not this AP. But
    every instance counts alike here, and in that mean a rare class counts as much as a common one.
    """

    def __init__(self, label_set: LabelSet, stuff: tuple[int, ...]):
        self.classes = np.setdiff1d(np.arange(len(label_set)), stuff)
        self.num_classes = len(label_set)
        self.metric = ScanNetInstanceAP(_OneClass())

    def update(
        self, found: Instances, segment: Int[np.ndarray, " N"], instance: Int[np.ndarray, " N"]
    ) -> None:
        """Adds one scene: its instances, highest score first, with masks over the N points; class
        index and instance id of each point, -1 where there is none."""
        labels, queries = found.labels.numpy(), found.queries.numpy()
        things = np.flatnonzero(np.isin(labels, self.classes))
        _, first = np.unique(queries[things], return_index=True)
        best = np.sort(things[first])
        # As in the AP of each class, an id that carries two classes is two instances.
        ids = np.where(instance >= 0, instance.astype(np.int64) * self.num_classes + segment, -1)
        self.metric.update(
            found.masks[best],
            found.scores[best],
            np.zeros(len(best), np.int64),
            np.where(np.isin(segment, self.classes), 0, -1),
            np.where(segment >= 0, ids, -1),
        )

    def compute(self) -> dict[str, float]:
        """{"ap", "ap50", "ap25"} of all scenes so far, 0..1; NaN without ground truth."""
        return self.metric.compute()["per_class"]["any class"]
