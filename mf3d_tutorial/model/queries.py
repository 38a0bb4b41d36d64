"""Where the queries start: learned embeddings, points of the scene, or half of each."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.warp import sample_farthest

CANDIDATES = 4096  # points of a scene among which farthest-point sampling chooses


class LearnedQueries(nn.Module):
    """Q embeddings, the same for every scene: each comes to stand for a kind of place or object."""

    def __init__(self, dim: int, num_queries: int, position_channels: int):
        super().__init__()
        self.embedding = nn.Embedding(num_queries, dim)

    def resize(self, num_queries: int) -> None:
        if num_queries != len(self.embedding.weight):
            raise ConfigError(
                f"num_queries={num_queries} does not fit a model of query_init=learned: it has its "
                f"{len(self.embedding.weight)} and no others; leave it out, or train with query_init=fps or mixed"
            )

    def forward(self, features: list[Tensor], position: list[Tensor], coord: list[Tensor]) -> Float[Tensor, "B Q D"]:
        return self.embedding.weight.expand(len(features), -1, -1)


class SampledQueries(nn.Module):
    """Each query starts as the feature and the position of one of Q points that lie far apart (as in Mask3D)."""

    def __init__(self, dim: int, num_queries: int, position_channels: int):
        super().__init__()
        self.num_queries = num_queries
        self.content = nn.Linear(dim, dim)
        self.position = nn.Linear(position_channels, dim)

    def resize(self, num_queries: int) -> None:
        self.num_queries = num_queries

    def forward(self, features: list[Tensor], position: list[Tensor], coord: list[Tensor]) -> Float[Tensor, "B Q D"]:
        drawn = [self.draw(len(points)).to(points.device) for points in coord]
        farthest = farthest_points(torch.stack([points[some] for points, some in zip(coord, drawn)]), self.num_queries)
        chosen = [some[index] for some, index in zip(drawn, farthest)]
        content = self.content(torch.stack([feature[index] for feature, index in zip(features, chosen)]))
        queries = content + self.position(torch.stack([encoded[index] for encoded, index in zip(position, chosen)]))
        return queries.to(self.content.weight.dtype)  # float32 under autocast, as what the layers make of them

    def draw(self, count: int) -> Int[Tensor, " candidates"]:
        """Random ones of `count` points; always the same except in training."""
        return torch.randint(
            count, (CANDIDATES,), generator=None if self.training else torch.Generator().manual_seed(0)
        )


@torch.no_grad()
def farthest_points(coord: Float[Tensor, "B N 3"], count: int) -> Int[Tensor, "B count"]:
    """The first point and `count` - 1 more, each the farthest from those before it; repeats once all are taken."""
    if coord.is_cuda:
        return sample_farthest(coord, count)
    scene = torch.arange(len(coord), device=coord.device)
    chosen = torch.zeros(len(coord), count, dtype=torch.long, device=coord.device)
    distance = torch.full(coord.shape[:2], torch.inf, device=coord.device)
    for i in range(1, count):
        last = coord[scene, chosen[:, i - 1]]
        distance = torch.minimum(distance, (coord - last[:, None]).square().sum(-1))
        chosen[:, i] = distance.argmax(1)
    return chosen


class MixedQueries(nn.Module):
    """Half of the queries learned, half sampled: what every room has once, such as its floor, needs no place to start
    from; of small things there are any number, anywhere."""

    def __init__(self, dim: int, num_queries: int, position_channels: int):
        super().__init__()
        self.learned = LearnedQueries(dim, num_queries // 2, position_channels)
        self.sampled = SampledQueries(dim, num_queries - num_queries // 2, position_channels)

    def resize(self, num_queries: int) -> None:
        learned = len(self.learned.embedding.weight)
        if num_queries <= learned:
            raise ConfigError(f"num_queries={num_queries} must be more than {learned}, the model's learned queries")
        self.sampled.resize(num_queries - learned)

    def forward(self, *scene: list[Tensor]) -> Float[Tensor, "B Q D"]:
        return torch.cat([self.learned(*scene), self.sampled(*scene)], dim=1)


QUERY_INITS = {"learned": LearnedQueries, "fps": SampledQueries, "mixed": MixedQueries}
