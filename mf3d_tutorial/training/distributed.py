"""One run in several processes, each with a GPU of its own, started by torchrun.

    torchrun --nproc-per-node=4 -m mf3d_tutorial.train train.batch_size=8 paths.data_dir=scans

Every process holds the whole model and takes its share of the scenes of each step.
DistributedDataParallel averages the gradients during the backward pass, so all models stay the
same, and are the same as one process's with the whole batch, but for batch norm, which sees one
process's scenes (unless `train.sync_batchnorm`). Process 0 writes the files. Without torchrun there
is one process, and everything here costs nothing.
"""

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from mf3d_tutorial.common.errors import UserError

T = TypeVar("T")
M = TypeVar("M", bound=nn.Module)


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the other processes, if torchrun started this one."""
    launched = dist.is_torchelastic_launched()
    if launched:
        # Numbers of the host go over gloo, because NCCL would make it wait for the GPU.
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    yield
    if launched:  # not after an error: the others may be waiting for a sum that will never come
        # DistributedDataParallel must be gone by now. If it were the last to hold the group, gloo's
        # threads would be joined under Python's lock, for which one of them may be waiting.
        gc.collect()
        dist.destroy_process_group()


def rank() -> int:
    """The number of this process, from 0."""
    return int(os.environ["RANK"]) if dist.is_torchelastic_launched() else 0


def world_size() -> int:
    """The number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


class Sum:
    """Numbers that are being summed over the processes, while this one goes on."""

    def __init__(self, values: Sequence[float]):
        self._sums = torch.tensor(values, dtype=torch.float64)
        several = world_size() > 1
        self._work = dist.all_reduce(self._sums, async_op=True) if several else None

    def result(self) -> list[float]:
        """The sums; waits until all processes have told their numbers."""
        if self._work:
            self._work.wait()
        return self._sums.tolist()


class LateSum:
    """Sums over the processes that nobody waits for: a call gives the sums of the call before. The
    first one, and any with one process, gives its own."""

    def __init__(self) -> None:
        self._before: Sum | None = None

    def __call__(self, values: Sequence[float]) -> list[float]:
        now, before = Sum(values), self._before
        self._before = now
        return (before if before and world_size() > 1 else now).result()


def all_sum(values: Sequence[float]) -> list[float]:
    """Each of these numbers, summed over the processes."""
    return Sum(values).result()


def sum_over_processes(tensor: Tensor) -> Tensor:
    """`tensor`, replaced by its sum over the processes."""
    if world_size() > 1:
        dist.all_reduce(tensor)
    return tensor


def gather(value: T) -> list[T]:
    """The value of every process, in the order of their ranks."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values


def on_main(action: Callable[[], T]) -> T:
    """Run `action` in process 0 and give its result to all. A UserError there ends all processes
    and is printed once."""
    outcome: list[Any] = [None, None]  # result of `action`, and its error
    if rank() == 0:
        try:
            outcome[0] = action()
        except UserError as error:
            outcome[1] = error
    if world_size() > 1:
        dist.broadcast_object_list(outcome)
    if outcome[1]:
        raise outcome[1] if rank() == 0 else SystemExit(2)
    return outcome[0]


def broadcast(tensors: Iterable[Tensor]) -> None:
    """Replace these tensors by those of process 0."""
    for tensor in tensors if world_size() > 1 else ():
        dist.broadcast(tensor, src=0)


def data_parallel(module: M) -> M | DistributedDataParallel:
    """`module`, wrapped so that the backward pass averages its gradients over the processes while
    it goes on.

    Batch norm's statistics stay each process's own, which spares every step a message: training
    does not use them, and those of process 0 are saved, and sent to all for validation
    (`validate_run`). Without other processes it is the module.
    """
    if world_size() == 1:
        return module
    return DistributedDataParallel(module, gradient_as_bucket_view=True, broadcast_buffers=False)
