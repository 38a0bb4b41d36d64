"""A batch's way to the GPU, beside what the GPU still has to do for the step before."""

import functools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from mf3d_tutorial.data import Batch
from mf3d_tutorial.warp import pool_ahead


def upload(batch: Batch, device: torch.device, voxel_size: float | None) -> Batch:
    """The batch on the device, its points already pooled into voxels of `voxel_size` (metres).

    The host has to know how many voxels there are before it can start the model's kernels. In the
    stream of those kernels it would wait until the GPU is through with the step before, and after
    that the GPU would wait for the host. So copying and pooling get a stream of their own, and the
    host waits for these alone.
    """
    if device.type != "cuda":
        return batch.to(device)
    stream, own = torch.cuda.current_stream(device), _own_stream(device)
    with torch.cuda.stream(own):
        batch = batch.to(device)
        if voxel_size is not None:
            pool_ahead(batch.points, voxel_size)
    stream.wait_stream(own)
    for tensor in _tensors_in(batch, set()):
        if tensor.is_cuda:
            # Its memory is not given away before the kernels of this stream have read it.
            tensor.record_stream(stream)
    return batch


@functools.cache
def _own_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device, priority=-1)  # before the kernels of the other stream


def _tensors_in(thing: Any, seen: set[int]) -> Iterator[Tensor]:
    """All tensors that can be reached from an object by its attributes, lists and dicts."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, Tensor):
        yield thing
        return
    inner = thing if isinstance(thing, dict | list | tuple) else getattr(thing, "__dict__", {})
    for value in inner.values() if isinstance(inner, dict) else inner:
        yield from _tensors_in(value, seen)
