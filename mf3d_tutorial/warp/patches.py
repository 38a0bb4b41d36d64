"""Import WarpConvNet without CUDA, too, and make a few of its functions look at the device of their
tensor.

WarpConvNet is written for CUDA: its package on the index is pure Python, without the compiled
`warpconvnet._C`, and refuses to import. Importing *this* module imports WarpConvNet all the same
and makes a few of its functions look at the device of their tensor. CUDA tensors go to the compiled
kernels as before; CPU tensors go to the plain PyTorch below. So every module of this project that
needs WarpConvNet takes it from here, or imports this file first.

    what                     on CPU tensors
    generate_kernel_map      integer keys, looked up in a table or by a binary search
    sparse convolution       gather, a matrix product per kernel offset, sums in the order of points
    unique_hashmap           a stable sort
    morton_code              bit tricks on int64
    segment_csr              index_add / scatter (also on CUDA without torch_scatter)
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
from jaxtyping import Float, Int
from torch import Tensor

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
        for folder in package.submodule_search_locations
        for file in Path(folder).glob("_C*.so")
    ]


@contextlib.contextmanager
def _environment(**values: str):
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    yield
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

        # its loggers take their level from LOG_LEVEL when they are made
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

import warpconvnet.geometry.coords.ops.serialization as _serialization  # noqa: E402
import warpconvnet.geometry.coords.ops.stride as _stride  # noqa: E402
import warpconvnet.geometry.coords.ops.voxel as _voxel  # noqa: E402
import warpconvnet.nn.functional.sparse_conv.helper as _conv  # noqa: E402
import warpconvnet.utils.optional_deps as _optional  # noqa: E402
import warpconvnet.utils.unique as _unique  # noqa: E402

from mf3d_tutorial.warp import attention, fast_blocks, fast_convolution  # noqa: E402
from mf3d_tutorial.warp.cpu_convolution import SparseConvGEMM, kernel_map, unique_rows  # noqa: E402


def unique_codes(
    x: Int[Tensor, " N"], dim: int = 0, stable: bool = True, return_to_unique_indices: bool = False
):
    """WarpConvNet's `unique_torch` for a vector: values, and the index maps between points and
    values (five tensors).

    One stable sort gives all of them; torch.unique with a `dim` compares row by row, 20 times
    slower on the CPU.
    """
    values, order = x.sort(stable=True)
    first = torch.ones_like(values, dtype=torch.bool)
    first[1:] = values[1:] != values[:-1]
    starts = first.nonzero().squeeze(1)
    to_original = torch.empty_like(order).scatter_(0, order, first.cumsum(0) - 1)
    offsets = torch.cat([starts, starts.new_tensor([len(x)])])
    return (
        values[first],
        to_original,
        order,
        offsets,
        order[starts] if return_to_unique_indices else None,
    )


class _ConvByDevice:
    """Takes the place of WarpConvNet's autograd function: same arguments, the tensor's device
    decides."""

    cuda = _conv.UnifiedSpatiallySparseConvFunction

    @classmethod
    def apply(cls, features, weight, kernel_map, num_out, *options):
        if features.is_cuda:
            return cls.cuda.apply(features, weight, kernel_map, num_out, *options)
        groups = options[8]
        if groups != 1:
            raise ValueError(
                f"a sparse convolution with groups={groups} needs CUDA; use groups=1 on the CPU"
            )
        return SparseConvGEMM.apply(features, weight, kernel_map, num_out)


def segment_csr(
    src: Float[Tensor, "N F"], indptr: Int[Tensor, " M+1"], out: None = None, reduce: str = "sum"
) -> Float[Tensor, "M F"]:
    """Reduce the rows `indptr[m]:indptr[m + 1]` of `src` to row m: torch_scatter's function of this
    name.

    `reduce` is sum, mean, min or max; an empty segment gives 0. The gradient of min and max goes to
    one row, the first of equals (torch.segment_reduce shares it, which WarpConvNet warns of).
    """
    indptr = indptr.to(src.device, torch.int64)
    counts = indptr.diff()
    rows = torch.arange(len(counts), device=src.device).repeat_interleave(
        counts, output_size=len(src)
    )
    if reduce in ("sum", "mean"):
        total = src.new_zeros(len(counts), *src.shape[1:]).index_add(0, rows, src)
        return total if reduce == "sum" else total / counts.clamp(min=1).to(src.dtype).unsqueeze(-1)
    if reduce not in ("min", "max"):
        raise ValueError(f"segment_csr cannot reduce by {reduce!r}: choose sum, mean, min or max")
    with torch.no_grad():
        index = rows.unsqueeze(-1).expand_as(src)
        best = src.new_zeros(len(counts), src.shape[1]).scatter_reduce(
            0, index, src, f"a{reduce}", include_self=False
        )
        position = torch.arange(len(src), device=src.device).unsqueeze(-1).expand_as(src)
        position = torch.where(src == best[rows], position, len(src))
        chosen = position.new_full(best.shape, len(src)).scatter_reduce(0, index, position, "amin")
    return torch.cat([src, src.new_zeros(1, src.shape[1])]).gather(0, chosen)


def _spread_bits(values: Int[Tensor, " N"]) -> Int[Tensor, " N"]:
    """Put two zero bits between the bits of a number below 2**21."""
    for shift, mask in (
        (32, 0x1F00000000FFFF),
        (16, 0x1F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        values = (values | (values << shift)) & mask
    return values


def morton_code(coords: Int[Tensor, "N D"], order: Tensor | str) -> Int[Tensor, " N"]:
    """Z-order number of (x, y, z) or (batch, x, y, z) grid coordinates, counted from their smallest
    corner."""
    order = _serialization.POINT_ORDERING(order)
    coords = (coords - coords.amin(0)).long()
    x, y, z = (
        coords[:, -3 + axis] for axis in _serialization.POINT_ORDERING_TO_MORTON_PERMUTATIONS[order]
    )
    code = _spread_bits(x) | (_spread_bits(y) << 1) | (_spread_bits(z) << 2)
    return code if coords.shape[1] == 3 else code | (coords[:, 0] << 48)


def _by_device(on_cuda, on_cpu):
    """A function with `on_cuda`'s arguments that calls `on_cpu` when its first argument is a CPU
    tensor."""

    def route(tensor, *args, **kwargs):
        return (on_cuda if tensor.is_cuda else on_cpu)(tensor, *args, **kwargs)

    return route


def _install() -> None:
    def kernel_map_on_cpu(
        coords, out_coords, stride, kernel_size, kernel_dilation=None, center=None, **_
    ):
        return kernel_map(
            coords, out_coords, stride, kernel_size, kernel_dilation or (1, 1, 1), center
        )

    _conv.generate_kernel_map = _by_device(_conv.generate_kernel_map, kernel_map_on_cpu)
    _conv.UnifiedSpatiallySparseConvFunction = _ConvByDevice
    unique_hashmap = _by_device(
        _stride.unique_hashmap, lambda coords, **_: (unique_rows(coords), None)
    )
    _stride.unique_hashmap = _voxel.unique_hashmap = unique_hashmap
    torch_unique = _unique.unique_torch
    _unique.unique_torch = lambda x, *args, **kwargs: (
        unique_codes(x, *args, **kwargs) if x.ndim == 1 else torch_unique(x, *args, **kwargs)
    )
    cpu_morton = lambda coords, threads_per_block=256, order=None: morton_code(coords, order)  # noqa: E731
    _serialization.morton_code = _by_device(_serialization.morton_code, cpu_morton)
    if not _optional.HAS_TORCH_SCATTER:
        placeholder = _optional.segment_csr
        for name, module in list(sys.modules.items()):
            if (
                name.startswith("warpconvnet")
                and getattr(module, "segment_csr", None) is placeholder
            ):
                module.segment_csr = segment_csr
    use_fast_path()
    attention.install(_by_device)


def use_fast_path(on: bool = True) -> None:
    """Put fast_convolution.py and fast_blocks.py in the place of WarpConvNet's own, or those
    back."""
    fast_convolution.install(on)
    fast_blocks.install(on)


_install()
