"""The scenes of each step: all of an epoch, in steps that can be dealt to processes evenly."""

import itertools

import numpy as np
import pytest

from mf3d_tutorial.data.batch_sampler import SceneBatchSampler, deal, steps_of_like_size


def test_scenes_are_dealt_by_size():
    sizes = [90, 10, 80, 20, 70, 30, 60]
    lists = deal(list(range(7)), sizes, 2)
    assert sorted(itertools.chain(*lists)) == list(range(7))
    assert sorted(map(len, lists)) == [3, 4]
    totals = [sum(sizes[i] for i in some) for some in lists]
    assert abs(totals[0] - totals[1]) <= max(sizes[-1], 10)
    assert deal([1, 2], [5, 5], 3)[2] == []
    assert deal([3, 1, 2], [1, 2, 3], 1) == [[3, 1, 2]]


def test_steps_have_about_as_many_points_and_can_be_dealt_evenly():
    """What this buys: a step of four rooms on two GPUs, each of which waits for the other one."""
    random = np.random.default_rng(0)
    sizes = random.lognormal(11.5, 0.45, 300).astype(int).tolist()

    def spread(steps: list[list[int]]) -> tuple[float, float]:
        """Standard deviation / mean of the steps' points, and largest / mean of those of two
        processes in a step."""
        totals = [sum(sizes[scene] for scene in step) for step in steps]
        halves = [deal(step, [sizes[scene] for scene in step], 2) for step in steps]
        largest = [max(sum(sizes[scene] for scene in half) for half in both) for both in halves]
        return float(np.std(totals) / np.mean(totals)), sum(largest) / (sum(totals) / 2)

    order = random.permutation(300).tolist()
    steps = steps_of_like_size(order, sizes, 4)
    assert sorted(itertools.chain(*steps)) == list(range(300))
    assert [len(step) for step in steps] == [4] * 75
    in_turn = [order[i : i + 4] for i in range(0, 300, 4)]
    assert spread(steps)[0] < 0.7 * spread(in_turn)[0]
    assert spread(steps)[1] < 1.03 < 1.08 < spread(in_turn)[1]
    other = steps_of_like_size(random.permutation(300).tolist(), sizes, 4)
    assert len({frozenset(step) for step in steps + other}) > 145  # other steps in each epoch
    totals = [sum(sizes[scene] for scene in step) for step in steps[:8]]
    assert totals not in (sorted(totals), sorted(totals)[::-1])


@pytest.mark.parametrize(("scenes", "batch_size"), [(63, 4), (300, 2), (300, 5)])
def test_few_scenes_and_odd_steps_are_taken_in_order(scenes, batch_size):
    steps = steps_of_like_size(list(range(scenes)), list(range(scenes)), batch_size)
    assert list(itertools.chain(*steps)) == list(range(scenes))
    assert {len(step) for step in steps[:-1]} == {batch_size}


def test_the_scenes_that_are_left_at_the_end_of_an_epoch_make_the_last_step():
    steps = steps_of_like_size(list(range(70)), list(range(70)), 4)
    assert sorted(itertools.chain(*steps)) == list(range(70))
    assert [len(step) for step in steps] == [4] * 17 + [2]


@pytest.mark.parametrize("num_scenes", [60, 260])
def test_all_processes_together_get_the_scenes_of_a_step(num_scenes):
    """Whoever gets which: together they are the step's, and about as many points each."""
    sizes = [1000 * (1 + index % 7) for index in range(num_scenes)]
    whole = SceneBatchSampler(num_scenes, batch_size=16, seed=3, sizes=sizes)
    parts = [
        SceneBatchSampler(num_scenes, batch_size=16, seed=3, rank=r, world_size=4, sizes=sizes)
        for r in range(4)
    ]
    for step, *lists in zip(itertools.islice(whole, 20), *parts):
        assert sorted(step) == sorted(itertools.chain(*lists))
        totals = [sum(sizes[index] for _, index in some) for some in lists]
        if len(step) == 16:
            assert max(totals) < 1.1 * sum(totals) / 4


@pytest.mark.parametrize(("num_scenes", "batch_size"), [(7, 3), (70, 4)])
def test_epochs_follow_one_another_and_each_has_every_scene(num_scenes, batch_size):
    sizes = [100 + 37 * index % 70 for index in range(num_scenes)]
    batches = SceneBatchSampler(num_scenes, batch_size, parts=1, seed=1, sizes=sizes)
    length = batches.steps
    batches.start_at(4)
    steps = list(itertools.islice(batches, 2 * length))
    for epoch, first in ((4, 0), (5, length)):
        scenes = [scene for batch in steps[first : first + length] for scene in batch]
        assert sorted(scenes) == [(epoch, index) for index in range(num_scenes)]
    again = [[(4, index) for _, index in batch] for batch in steps[length:]]
    assert steps[:length] != again  # another order
    for epoch, step in ((4, 1), (4, length), (5, 0), (5, 2)):
        batches.start_at(epoch, step)
        assert next(iter(batches)) == steps[length * (epoch - 4) + step]


def test_each_process_gets_the_largest_scene_in_turn():
    """Batch norm keeps the statistics of process 0's scenes: they should be like all others."""
    sizes = np.random.default_rng(0).lognormal(11.5, 0.45, 400).astype(int).tolist()
    means = []
    for rank in range(4):
        batches = SceneBatchSampler(400, 4, seed=1, rank=rank, world_size=4, sizes=sizes)
        mine = itertools.chain(*itertools.islice(batches, 400))
        means.append(np.mean([sizes[index] for _, index in mine]))
    assert max(means) < 1.1 * min(means)
