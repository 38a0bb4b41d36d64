"""Expand masks to all points in threads, while the model runs on the next scenes, and feed them to
the AP metric in order."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from jaxtyping import Float
from torch import Tensor

from mf3d_tutorial.data.scannet import Original
from mf3d_tutorial.evaluation.inference import Instances, point_masks
from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP

THREADS = 4


class ThreadedAP:
    """Updates `metric` with the scenes that `add` gets, in their order, by the end of a `with`
    block. The threads run `point_masks`; the metric itself runs in the caller.

    `largest`: the voxel size (metres) with which only the largest part of each mask counts; None:
    masks count as they are.
    """

    def __init__(self, metric: ScanNetInstanceAP, largest: float | None):
        self.metric, self.largest = metric, largest
        self.pool = ThreadPoolExecutor(THREADS)
        self.waiting: deque[tuple[Future, tuple]] = deque()

    def __enter__(self) -> "ThreadedAP":
        return self

    def add(self, found: Instances, coord: Float[Tensor, "N 3"], original: Original) -> None:
        """One scene's instances, with masks over the N points of `coord` (on the CPU)."""
        masks = found.masks.cpu().numpy()
        full = self.pool.submit(point_masks, masks, coord.numpy(), original, self.largest)
        rest = found.scores.cpu(), found.labels.cpu(), original.segment, original.instance
        self.waiting.append((full, rest))
        self._take(2 * THREADS)  # masks of all points are large: few of them wait

    def _take(self, most: int) -> None:
        """Update the metric until no more than `most` scenes wait."""
        while len(self.waiting) > most:
            full, rest = self.waiting.popleft()
            self.metric.update(full.result(), *rest)

    def __exit__(self, kind: object, *_: object) -> None:
        self.pool.shutdown(cancel_futures=kind is not None)
        if kind is None:
            self._take(0)
