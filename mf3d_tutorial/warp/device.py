"""Where a model runs, and in which precision: WarpConvNet's extension and kernels decide what is
possible."""

import os
import warnings
from contextlib import AbstractContextManager

import torch
import torch.distributed as dist

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.warp.patches import HAS_EXTENSION


def local_rank() -> int:
    """The number of this process among those of its machine, which is that of its GPU."""
    return int(os.environ["LOCAL_RANK"]) if dist.is_torchelastic_launched() else 0


def choose_device(name: str) -> torch.device:
    """The device called `name`; "auto" is CUDA where WarpConvNet's extension is there, else the
    CPU.

    Under torchrun each process of a machine gets a GPU of its own. ConfigError for a device that
    cannot be used.
    """
    works = HAS_EXTENSION and torch.cuda.is_available()
    if name == "auto":
        name = "cuda" if works else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device={name} is not one of auto, cpu, cuda, cuda:N") from None
    if device.type == "cuda" and not works:
        raise ConfigError(
            f"device={name} needs a GPU and WarpConvNet's CUDA extension: run `python -m"
            " mf3d_tutorial.check_env`, or leave device=auto"
        )
    if device.type == "cuda":
        # The thread of the backward pass starts without a CUDA context, takes it, and warns.
        warnings.filterwarnings("ignore", "Attempting to run cuBLAS, but there was no current")
        device = torch.device("cuda", local_rank() if device.index is None else device.index)
        if device.index >= torch.cuda.device_count():
            raise ConfigError(
                f"there is no {device}: start torchrun with"
                f" --nproc-per-node={torch.cuda.device_count()}"
            )
        torch.cuda.set_device(device)
    return device


def training_precision(name: str, device: torch.device) -> str:
    """`train.precision` with "auto" decided: "16-mixed" on CUDA, "32" on the CPU. ConfigError for
    16-mixed there."""
    if name == "16-mixed" and device.type != "cuda":
        raise ConfigError("train.precision=16-mixed needs CUDA: use train.precision=32 on the CPU")
    return inference_precision(name, device)


def inference_precision(name: str, device: torch.device) -> str:
    """The precision to run a model in that was trained with `train.precision=name`: float16 on CUDA
    only."""
    return "16-mixed" if device.type == "cuda" and name != "32" else "32"


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """PyTorch's automatic mixed precision in float16, if `precision` is "16-mixed"."""
    return torch.autocast(device.type, dtype=torch.float16, enabled=precision == "16-mixed")
