"""Masked attention of a decoder layer, forward and backward: PyTorch's own operations, and ours.

    python -m tests.benchmarks.masked_attention                               # on a GPU, in float16
    python -m tests.benchmarks.masked_attention --precision 32
    python -m tests.benchmarks.masked_attention --device cpu --points 9000 9000 --queries 40

Each query's mask is a tenth of its scene. Three ways, on the same tensors:
`scaled_dot_product_attention` with a mask; scores, `masked_fill` and softmax under autocast, scene
by scene; `attend`, all scenes at once on CUDA. Making the masks is not timed. Prints the median
time until the device is done, its ratio to that of the second way, the peak memory on CUDA, and the
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
from mf3d_tutorial.model.attention import attend, attention_mask
from mf3d_tutorial.warp.device import choose_device

Way = Callable[[Tensor, Tensor], Tensor]


def ways(mask_queries: Tensor, mask_features: Tensor, sizes: list[int]) -> dict[str, Way]:
    """Each takes q (B, Q, H, d) and keys and values (N, 2, H, d), and gives (B, Q, H, d)."""
    masks = [
        queries @ points.T > 0 for queries, points in zip(mask_queries, mask_features.split(sizes))
    ]
    mask = attention_mask(mask_queries, mask_features, sizes)

    def scenes(q: Tensor, both: Tensor) -> list[tuple[Tensor, ...]]:
        scenes = (scene.permute(1, 2, 0, 3) for scene in both.split(sizes))
        return [(query.transpose(0, 1)[None], k[None], v[None]) for query, (k, v) in zip(q, scenes)]

    def fused(q: Tensor, both: Tensor) -> Tensor:
        pairs = zip(scenes(q, both), masks)
        return torch.cat(
            [F.scaled_dot_product_attention(*scene, mask) for scene, mask in pairs]
        ).transpose(1, 2)

    def plain(q: Tensor, both: Tensor) -> Tensor:
        outputs = []
        for (query, key, value), mask in zip(scenes(q, both), masks):
            scores = ((query * query.shape[-1] ** -0.5) @ key.mT).masked_fill(~mask, -torch.inf)
            outputs.append(scores.softmax(-1) @ value)
        return torch.cat(outputs).transpose(1, 2)

    def ours(q: Tensor, both: Tensor) -> Tensor:
        return attend(q, both, sizes, mask)

    return {"scaled_dot_product_attention": fused, "scores, softmax": plain, "here": ours}


@exit_on_user_error
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument(
        "--precision", choices=["16-mixed", "32"], default="16-mixed", help="on CUDA [%(default)s]"
    )
    parser.add_argument(
        "--points",
        type=int,
        nargs="+",
        default=[50_001, 40_003, 50_002, 45_007],
        help="of each scene",
    )
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--width", type=int, default=32, help="of a head")
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    on_gpu = device.type == "cuda"
    half = on_gpu and arguments.precision == "16-mixed"
    dtype, shape = torch.float16 if half else torch.float32, (arguments.heads, arguments.width)
    rng, points = torch.Generator().manual_seed(0), sum(arguments.points)
    q = torch.randn(len(arguments.points), arguments.queries, *shape, generator=rng)
    q = q.to(device, dtype).requires_grad_()
    both = torch.randn(points, 2, *shape, generator=rng).to(device, dtype).requires_grad_()
    mask_queries = torch.randn(len(arguments.points), arguments.queries, 16, generator=rng)
    mask_features = torch.randn(points, 16, generator=rng)
    # a tenth of the products is positive
    mask_queries[..., 0], mask_features[:, 0] = 1, -1.28 * 15**0.5
    wait = torch.cuda.synchronize if on_gpu else lambda: None
    found = {}
    for name, way in (
        all_ways := ways(mask_queries.to(device), mask_features.to(device), arguments.points)
    ).items():
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
        difference = (found[name] - found["scores, softmax"]).abs().max() / found[
            "scores, softmax"
        ].abs().max()
        memory = f"  {gigabytes[name]:5.2f} GB" if on_gpu else ""
        print(
            f"{name:30}{1e3 * median(times):9.2f} ms  ratio"
            f" {median(times) / reference:5.2f}{memory}  {difference:.0e}"
        )


if __name__ == "__main__":
    main()
