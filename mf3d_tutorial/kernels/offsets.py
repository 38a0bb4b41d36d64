"""Where each scene's rows begin in a table that holds those of a whole batch."""

import functools

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor


@functools.lru_cache(maxsize=16)  # a step asks for the same few levels many times
def offsets_on(sizes: tuple[int, ...], device: torch.device) -> Int[Tensor, " borders"]:
    """The first row of each scene, and the end of the last one; int32."""
    return torch.from_numpy(np.cumsum((0, *sizes), dtype=np.int32)).to(device, non_blocking=True)
