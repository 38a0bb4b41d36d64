"""What WarpConvNet's compiled extension does besides convolution, in plain PyTorch."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from warpconvnet.geometry.coords.ops import serialization


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


def segment_csr(
    src: Float[Tensor, "N F"],
    indptr: Int[Tensor, " borders"],
    out: None = None,
    reduce: str = "sum",
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


def spread_bits(values: Int[Tensor, " N"]) -> Int[Tensor, " N"]:
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


def morton_code(
    coords: Int[Tensor, "N D"], order: serialization.POINT_ORDERING | str
) -> Int[Tensor, " N"]:
    """Z-order number of (x, y, z) or (batch, x, y, z) grid coordinates, counted from their smallest
    corner."""
    order = serialization.POINT_ORDERING(order)
    coords = (coords - coords.amin(0)).long()
    x, y, z = (
        coords[:, -3 + axis] for axis in serialization.POINT_ORDERING_TO_MORTON_PERMUTATIONS[order]
    )
    code = spread_bits(x) | (spread_bits(y) << 1) | (spread_bits(z) << 2)
    return code if coords.shape[1] == 3 else code | (coords[:, 0] << 48)
