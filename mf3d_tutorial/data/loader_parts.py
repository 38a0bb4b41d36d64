"""The parts of a data loader (training/loading.py): how scenes become a batch, and what the
processes that load them may do."""

import os
import pickle
import shutil
import signal
from collections.abc import Callable, Iterator

from torch.utils.data import DataLoader

from mf3d_tutorial.common.errors import UserError
from mf3d_tutorial.data.batch import Batch
from mf3d_tutorial.data.scannet import Scene


class BatchMaker:
    """A loader's `collate_fn`: what `make_batch` makes of the scenes; the error if one of them
    could not be read; None without scenes: a process may get none of an epoch's last batch.

    `as_bytes`: pickled, so that it reaches the main process without shared memory.
    """

    def __init__(self, make_batch: Callable[[list[Scene]], Batch], as_bytes: bool = False):
        self.make_batch, self.as_bytes = make_batch, as_bytes

    def __call__(self, scenes: list[Scene] | UserError) -> Batch | UserError | bytes | None:
        if isinstance(scenes, UserError):
            made = scenes
        else:
            made = self.make_batch(scenes) if scenes else None
        return pickle.dumps(made, protocol=pickle.HIGHEST_PROTOCOL) if self.as_bytes else made


def little_shared_memory(folder: str = "/dev/shm") -> str:
    """A sentence if less than 1 GiB is free for the tensors that data loader processes hand over;
    else "".

    Where it runs out, PyTorch's loader waits for ever for a batch that was never sent.
    """
    if not os.path.isdir(folder):
        return ""
    free = shutil.disk_usage(folder).free
    if free >= 2**30:
        return ""
    return (
        f"{folder} has only {free / 2**20:.0f} MB free, so batches are copied between processes,"
        " which is slower: start the container with --shm-size=8g, or set train.num_workers=0"
    )


def fetch(loader: DataLoader) -> Iterator[Batch | None]:
    """The batches of a loader whose `collate_fn` is a `BatchMaker`; one sentence for what goes
    wrong in its processes."""
    try:
        for batch in loader:
            if isinstance(batch, bytes):
                batch = pickle.loads(batch)
                if isinstance(batch, Batch) and loader.pin_memory:
                    batch = batch.pin_memory()
            if isinstance(batch, UserError):
                raise batch
            yield batch
    except RuntimeError as error:
        if not any(
            sign in str(error) for sign in ("DataLoader worker (pid", "shared memory", "torch_")
        ):
            raise
        raise UserError(
            f"a data loader process died ({' '.join(str(error).split())}): if memory ran out, lower"
            " train.num_workers; in a container give more shared memory with --shm-size=8g, or set"
            " train.num_workers=0"
        ) from error


def default_signals(_worker: int) -> None:
    """In a data loader process: SIGTERM ends it, and Ctrl-C is for the main process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
