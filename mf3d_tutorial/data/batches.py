"""Which scenes make a batch, and what the processes that load them may do."""

import itertools
import math
import signal
from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, Sampler

from mf3d_tutorial.common.errors import UserError
from mf3d_tutorial.data.collation import Batch


class SceneBatches(Sampler):
    """For each step, this process's scenes as (epoch, index), in `parts` lists; `steps` of them an epoch, without end.

    Epochs follow one another, so that the processes that load scenes need not wait where one ends. The order of scenes
    depends on the seed and the epoch alone. A step takes the next `batch_size`, which are dealt like cards to all parts
    of all processes; of an epoch's last scenes some may get none. This process is number `rank` of `world_size`.
    """

    def __init__(
        self, num_scenes: int, batch_size: int, parts: int = 1, seed: int = 0, rank: int = 0, world_size: int = 1
    ):
        self.rank, self.world_size = rank, world_size
        self.num_scenes, self.batch_size, self.parts, self.seed = num_scenes, batch_size, parts, seed
        self.steps = math.ceil(num_scenes / batch_size)
        self.start_at(0)

    def start_at(self, epoch: int, step: int = 0) -> None:
        """Give this step of this epoch next."""
        self.epoch, self.step = epoch, step

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        hands, first = self.world_size * self.parts, self.step
        for epoch in itertools.count(self.epoch):
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
            order = torch.randperm(self.num_scenes, generator=generator).tolist()
            for step in range(first, self.steps):
                batch = [(epoch, index) for index in order[step * self.batch_size :][: self.batch_size]]
                for part in range(self.parts):
                    yield batch[self.rank * self.parts + part :: hands]
            first = 0


def fetch(loader: DataLoader) -> Iterator[Batch | None]:
    """The loader's batches; one sentence for what goes wrong in its processes."""
    try:
        yield from loader
    except UserError as error:
        *traceback, sentence = str(error).strip().splitlines()
        raise (type(error)(sentence.partition(": ")[2]) if traceback else error) from error
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise UserError(f"a data loader process died ({error}): if memory ran out, lower train.num_workers") from error


def default_signals(_worker: int) -> None:
    """In a data loader process: SIGTERM ends it, and Ctrl-C is for the main process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
