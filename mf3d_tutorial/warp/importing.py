"""Import WarpConvNet, with or without CUDA.

WarpConvNet is written for CUDA: its package on the index is pure Python, without the compiled
`warpconvnet._C`, and refuses to import. Importing *this* module imports WarpConvNet all the same;
patches.py then gives CPU tensors something to run on.
"""

import contextlib
import importlib.util
import io
import os
import sys
import types
import warnings
from pathlib import Path

import torch

TESTED_VERSIONS = ("1.8.2",)

# WarpConvNet tries these kernels and keeps the fastest. The list leaves out the sm90 CuTe ones: on
# an H100 they give non-finite numbers, which costs autotuning time before they are thrown out.
_ALGORITHMS = "[mask_gemm,cute_implicit_gemm,cutlass_implicit_gemm,explicit_gemm,cute_grouped]"


class _MissingExtension(types.ModuleType):
    """Stands in for `warpconvnet._C`: importable, has nothing, and says how to get the real one."""

    gemm = cuhash = coords = utils = sampling = fma = types.SimpleNamespace()


def _extension_files() -> list[Path]:
    package = importlib.util.find_spec("warpconvnet")
    if package is None:
        raise ImportError(
            "WarpConvNet is not installed. Run `make install`, or `pip install warpconvnet==1.8.2`."
        )
    return [
        file
        for folder in package.submodule_search_locations or ()
        for file in Path(folder).glob("_C*.so")
    ]


@contextlib.contextmanager
def _environment(**values: str):
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _import_warpconvnet() -> bool:
    """Import WarpConvNet without its banner; True if its compiled extension came with it."""
    for direction in ("FWD", "DGRAD", "WGRAD"):
        os.environ.setdefault(f"WARPCONVNET_{direction}_ALGO_MODE", _ALGORITHMS)
    compiled = bool(_extension_files()) and torch.cuda.is_available()
    if not compiled:
        sys.modules["warpconvnet._C"] = _MissingExtension("warpconvnet._C")
    with (
        contextlib.redirect_stdout(io.StringIO()),
        _environment(LOG_LEVEL=os.environ.get("LOG_LEVEL", "WARNING")),
    ):
        import warpconvnet

        # WarpConvNet's loggers take their level from LOG_LEVEL when they are made
        import warpconvnet.models.spaceformer
    if warpconvnet.__version__ not in TESTED_VERSIONS:
        warnings.warn(
            f"WarpConvNet {warpconvnet.__version__} is installed, but mf3d_tutorial was tested with"
            f" {', '.join(TESTED_VERSIONS)}. If something fails inside warpconvnet, install that"
            " version.",
            stacklevel=2,
        )
    return compiled


HAS_EXTENSION = _import_warpconvnet()
