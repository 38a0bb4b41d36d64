"""Masked attention of a decoder layer, forwards and backwards: of PyTorch's own operations, and ours.

    python -m tests.benchmarks.masked_attention                                        # on a GPU, in float16
    python -m tests.benchmarks.masked_attention --precision 32
    python -m tests.benchmarks.masked_attention --device cpu --points 9000 9000 --queries 40 --heads 4 --width 16

Each query's mask is a tenth of its scene. Three ways, in turn, the same tensors: `scaled_dot_product_attention` with a
mask; scores, `masked_fill`, softmax under autocast, one scene after the other; `MaskedAttention`. Medians of the host's
time until the device is done, their ratio to the second way's, on CUDA the most memory that one of them takes, and the
largest difference from the second way's result.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor

from mf3d_tutorial.common.errors import exit_on_user_error
from mf3d_tutorial.model.attention import ALIGNMENT, MaskedAttention, filled
from mf3d_tutorial.warp.device import choose_device

Way = Callable[[Tensor, Tensor], Tensor]


def ways(masks: list[Tensor], scale: float, dtype: torch.dtype) -> dict[str, Way]:
    sizes = [mask.shape[1] for mask in masks]
    columns = [F.pad(mask, (0, filled(size) - size)) for mask, size in zip(masks, sizes)]
    allowed = torch.cat(columns, dim=1)
    bias = torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill_(~allowed, -torch.inf)

    def scenes(q: Tensor, both: Tensor) -> list[tuple[Tensor, ...]]:
        keys, values = (x.split([*sizes, ALIGNMENT])[:-1] for x in both.unbind(1))
        return [(q[b : b + 1], keys[b].transpose(0, 1)[None], values[b].transpose(0, 1)[None]) for b in range(len(q))]

    def fused(q: Tensor, both: Tensor) -> Tensor:
        pairs = zip(scenes(q, both), masks)
        return torch.cat([F.scaled_dot_product_attention(*scene, mask, scale=scale) for scene, mask in pairs])

    def plain(q: Tensor, both: Tensor) -> Tensor:
        outputs = []
        for (query, key, value), mask in zip(scenes(q, both), masks):
            scores = ((query * scale) @ key.mT).masked_fill(~mask, -torch.inf)
            outputs.append(scores.softmax(-1) @ value)
        return torch.cat(outputs)

    def ours(q: Tensor, both: Tensor) -> Tensor:
        return MaskedAttention.apply(q, both, bias, sizes, scale)

    return {"scaled_dot_product_attention": fused, "scores, softmax": plain, "here": ours}


@exit_on_user_error
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", choices=["16-mixed", "32"], default="16-mixed", help="on CUDA [%(default)s]")
    parser.add_argument("--points", type=int, nargs="+", default=[50_001, 40_003, 50_002, 45_007], help="of each scene")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--width", type=int, default=32, help="of a head")
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    on_gpu = device.type == "cuda"
    half = on_gpu and arguments.precision == "16-mixed"
    dtype, shape = torch.float16 if half else torch.float32, (arguments.queries, arguments.width)
    rng = torch.Generator().manual_seed(0)
    q = torch.randn(len(arguments.points), arguments.heads, *shape, generator=rng).to(device, dtype).requires_grad_()
    both = torch.randn(sum(arguments.points) + ALIGNMENT, 2, arguments.heads, arguments.width, generator=rng)
    both = both.to(device, dtype).requires_grad_()
    masks = [(torch.rand(arguments.queries, size, generator=rng) < 0.1).to(device) for size in arguments.points]
    wait = torch.cuda.synchronize if on_gpu else lambda: None
    found = {}
    for name, way in (all_ways := ways(masks, arguments.width**-0.5, dtype)).items():
        with torch.autocast(device.type, torch.float16, enabled=half):
            found[name] = way(q, both).float()
    seconds, gigabytes = {name: [] for name in all_ways}, dict.fromkeys(all_ways, 0.0)
    for step in range(arguments.steps + 4):
        for name, way in all_ways.items():
            if on_gpu:
                torch.cuda.reset_peak_memory_stats()
            wait()
            start = time.perf_counter()
            with torch.autocast(device.type, torch.float16, enabled=half):
                gathered = way(q, both)
            torch.autograd.grad((gathered.float() ** 2).sum(), (q, both))
            wait()
            if step >= 4:
                seconds[name].append(time.perf_counter() - start)
            if on_gpu:
                gigabytes[name] = torch.cuda.max_memory_allocated() / 1e9
    reference = median(seconds["scores, softmax"])
    for name, times in seconds.items():
        difference = (found[name] - found["scores, softmax"]).abs().max() / found["scores, softmax"].abs().max()
        memory = f"  {gigabytes[name]:5.2f} GB" if on_gpu else ""
        print(
            f"{name:30}{1e3 * median(times):9.2f} ms  ratio {median(times) / reference:5.2f}{memory}  {difference:.0e}"
        )


if __name__ == "__main__":
    main()
