"""Which scenes make a step, and which process gets which of them."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch
from torch.utils.data import Sampler

T = TypeVar("T")

WINDOW = 8  # steps among which scenes are exchanged


class SceneBatchSampler(Sampler):
    """Yields lists of (epoch, index): this process's scenes of each step, in `parts` lists, one for
    each part of the batch that it computes in turn.

    An epoch has `steps` steps. Epochs follow one another without end, so that the processes that
    load scenes need not wait where one ends.
    Which scenes make a step depends on seed, epoch, `batch_size` and `sizes` (points of each scene)
    alone. They are dealt to all parts of all processes (`deal`); of an epoch's last scenes some may
    get none. This process is number `rank` of `world_size`.
    """

    def __init__(
        self,
        num_scenes: int,
        batch_size: int,
        parts: int = 1,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        sizes: Sequence[int] | None = None,
    ):
        self.rank, self.world_size = rank, world_size
        self.sizes = sizes or [1] * num_scenes
        self.num_scenes = num_scenes
        self.batch_size = batch_size
        self.parts = parts
        self.seed = seed
        self.steps = math.ceil(num_scenes / batch_size)
        self.start_at(0)

    def start_at(self, epoch: int, step: int = 0) -> None:
        """Give this step of this epoch next."""
        self.epoch, self.step = epoch, step

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        shares, first = self.world_size * self.parts, self.step
        for epoch in itertools.count(self.epoch):
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
            order = torch.randperm(self.num_scenes, generator=generator).tolist()
            steps = steps_of_like_size(order, self.sizes, self.batch_size)
            for number, step in enumerate(steps[first:], first):
                batch = [(epoch, index) for index in step]
                lists = deal(batch, [self.sizes[index] for index in step], shares)
                # The first list has the largest scene. Each process gets it in turn, because batch
                # norm keeps the statistics of process 0's scenes.
                turn = (epoch + number) % shares
                lists = lists[turn:] + lists[:turn]
                yield from lists[self.rank * self.parts :][: self.parts]
            first = 0


def steps_of_like_size(order: list[int], sizes: Sequence[int], batch_size: int) -> list[list[int]]:
    """The scenes of an epoch, in random `order`, in steps of `batch_size` and of about as many
    points, which can be dealt to processes evenly.

    A large scene gets a small one for a partner, and pairs of about the same size make a step.
    Scenes are exchanged among `WINDOW` steps that follow one another, so that epochs stay random.
    With fewer than 2 * WINDOW * batch_size scenes, an odd batch size, or one below 4, steps take
    them in order.
    """
    if batch_size < 4 or batch_size % 2 or len(order) < 2 * WINDOW * batch_size:
        return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    steps = []
    whole = len(order) - len(order) % batch_size
    for first in range(0, whole, WINDOW * batch_size):
        scenes = order[first : min(first + WINDOW * batch_size, whole)]
        pairs = deal(scenes, [sizes[scene] for scene in scenes], len(scenes) // 2)
        pairs.sort(key=lambda pair: sum(sizes[scene] for scene in pair))
        made = [
            [scene for pair in pairs[i : i + batch_size // 2] for scene in pair]
            for i in range(0, len(pairs), batch_size // 2)
        ]
        place = {scene: i for i, scene in enumerate(scenes)}
        steps += sorted(made, key=lambda step: min(place[scene] for scene in step))  # not by size
    return steps + ([order[whole:]] if whole < len(order) else [])


def deal(items: list[T], sizes: Sequence[int], shares: int) -> list[list[T]]:
    """The items in `shares` lists of about the same total size, for processes that wait for one
    another; their lengths differ by one at most.

    The largest items are dealt first, one to each list in turn, and of these the largest to the
    list with the smallest total.
    """
    if shares == 1:
        return [items]
    lists: list[list[T]] = [[] for _ in range(shares)]
    totals = [0] * shares
    order = sorted(range(len(items)), key=lambda i: -sizes[i])
    for first in range(0, len(order), shares):
        lightest = sorted(range(shares), key=lambda share: totals[share])
        for share, i in zip(lightest, order[first : first + shares]):
            lists[share].append(items[i])
            totals[share] += sizes[i]
    return lists
