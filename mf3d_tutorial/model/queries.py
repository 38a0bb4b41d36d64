"""Where the queries start: learned embeddings, points of the scene, or half of each."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mf3d_tutorial.common.errors import ConfigError

CANDIDATES = 4096  # points of a scene among which farthest-point sampling chooses


class LearnedQueries(nn.Module):
    """Q embeddings, the same for every scene: each comes to stand for a kind of place or object."""

    def __init__(self, dim: int, num_queries: int, position_channels: int):
        super().__init__()
        self.embedding = nn.Embedding(num_queries, dim)

    def resize(self, num_queries: int) -> None:
        """ConfigError for another number of queries: each is a row of the embedding."""
        if num_queries != len(self.embedding.weight):
            raise ConfigError(
                f"num_queries={num_queries} does not fit a model of query_init=learned: it has its"
                f" {len(self.embedding.weight)} and no others; leave it out, or train with"
                " query_init=fps or mixed"
            )

    def forward(
        self, features: Tensor, position: Tensor, coord: Tensor, sizes: Sequence[int]
    ) -> Float[Tensor, "B Q D"]:
        """The embeddings, once for each scene."""
        return self.embedding.weight.expand(len(sizes), -1, -1)


class SampledQueries(nn.Module):
    """Each query starts as the feature and the position of one of Q points that lie far apart (as
    in Mask3D)."""

    def __init__(self, dim: int, num_queries: int, position_channels: int):
        super().__init__()
        self.num_queries = num_queries
        self.content = nn.Linear(dim, dim)
        self.position = nn.Linear(position_channels, dim)

    def resize(self, num_queries: int) -> None:
        """Sample that many points from now on."""
        self.num_queries = num_queries

    def forward(
        self,
        features: Float[Tensor, "N D"],
        position: Float[Tensor, "N P"],
        coord: Float[Tensor, "N 3"],
        sizes: Sequence[int],
    ) -> Float[Tensor, "B Q D"]:
        """The `sizes[b]` points of scene b follow one another; `position` is `coord` (metres),
        encoded."""
        candidates = self.draw(sizes, coord.device)
        chosen = candidates.gather(1, farthest_points(coord[candidates], self.num_queries))
        queries = self.content(features[chosen]) + self.position(position[chosen])
        # back to float32: under autocast the layers' output, after a LayerNorm, is float32, too
        return queries.to(self.content.weight.dtype)

    def draw(self, sizes: Sequence[int], device: torch.device) -> Int[Tensor, "B candidates"]:
        """Rows of random points of each scene; always the same ones except in training."""
        if self.training and device.type == "cuda":  # a copy from the host would have to wait
            from mf3d_tutorial.kernels.offsets import offsets_on

            offsets = offsets_on(tuple(sizes), device)
            drawn = torch.randint(2**62, (len(sizes), CANDIDATES), device=device)
            return offsets[:-1, None] + drawn % offsets.diff()[:, None]
        drawn, first = [], 0
        for size in sizes:
            generator = None if self.training else torch.Generator().manual_seed(0)
            drawn.append(first + torch.randint(size, (CANDIDATES,), generator=generator))
            first += size
        return torch.stack(drawn).to(device)


@torch.no_grad()
def farthest_points(coord: Float[Tensor, "B N 3"], count: int) -> Int[Tensor, "B count"]:
    """The first point and `count` - 1 more, each the farthest from those before it; repeats once
    all are taken."""
    if coord.is_cuda:
        from mf3d_tutorial.kernels.sampling import farthest_points

        return farthest_points(coord, count)
    scene = torch.arange(len(coord), device=coord.device)
    chosen = torch.zeros(len(coord), count, dtype=torch.long, device=coord.device)
    distance = torch.full(coord.shape[:2], torch.inf, device=coord.device)
    for i in range(1, count):
        last = coord[scene, chosen[:, i - 1]]
        distance = torch.minimum(distance, (coord - last[:, None]).square().sum(-1))
        chosen[:, i] = distance.argmax(1)
    return chosen


class MixedQueries(nn.Module):
    """Half of the queries learned, half sampled: what every room has once, such as its floor, needs
    no place to start from; of small things there are any number, anywhere."""

    def __init__(self, dim: int, num_queries: int, position_channels: int):
        super().__init__()
        self.learned = LearnedQueries(dim, num_queries // 2, position_channels)
        self.sampled = SampledQueries(dim, num_queries - num_queries // 2, position_channels)

    def resize(self, num_queries: int) -> None:
        """Keep the learned queries, and sample the rest. ConfigError if nothing is left to
        sample."""
        learned = len(self.learned.embedding.weight)
        if num_queries <= learned:
            raise ConfigError(
                f"num_queries={num_queries} must be more than {learned}, the model's learned"
                " queries"
            )
        self.sampled.resize(num_queries - learned)

    def forward(self, *points) -> Float[Tensor, "B Q D"]:
        """`points`: features, position, coord, sizes, as for LearnedQueries and SampledQueries."""
        return torch.cat([self.learned(*points), self.sampled(*points)], dim=1)


QUERY_INITS = {"learned": LearnedQueries, "fps": SampledQueries, "mixed": MixedQueries}
