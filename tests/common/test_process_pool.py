"""Jobs over processes: every result once, the bar says how many are done, a killed worker is one
sentence."""

import os
import signal
import unittest.mock

import pytest

from mf3d_tutorial.common import process_pool
from mf3d_tutorial.common.errors import UserError


def square(number: int) -> int:
    return number * number


def die(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_is_done_once_and_the_bar_starts_at_what_was_done(monkeypatch, workers):
    bar = unittest.mock.MagicMock()
    monkeypatch.setattr(process_pool, "tqdm", bar)
    results = list(process_pool.run_jobs(square, [1, 2, 3], workers, done=4))
    assert sorted(results) == [(1, 1), (2, 4), (3, 9)]
    assert (bar.call_args.kwargs["initial"], bar.call_args.kwargs["total"]) == (4, 7)
    assert bar.return_value.__enter__.return_value.update.call_count == 3


def test_a_killed_worker_is_one_sentence():
    with pytest.raises(
        UserError,
        match="a worker was killed, most likely because memory ran out: use fewer --workers",
    ):
        list(process_pool.run_jobs(die, [1, 2], 2, done=0))
