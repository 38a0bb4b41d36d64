"""Jobs that need nothing of each other, spread over processes."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from tqdm import tqdm

from mf3d_tutorial.common.errors import UserError

Job = TypeVar("Job")


def run_jobs(
    function: Callable[[Job], Any], jobs: list[Job], workers: int, done: int
) -> Iterator[tuple[Job, Any]]:
    """(job, function(job)) of every scene, as they are finished, under a progress bar that starts
    at `done`.

    On more than one worker each is a fresh process with one BLAS thread; UserError if the system
    kills one.
    """
    workers = min(workers, len(jobs))
    with tqdm(total=done + len(jobs), initial=done, unit="scene", disable=None) as bar:
        for result in (
            _spread(function, jobs, workers)
            if workers > 1
            else ((job, function(job)) for job in jobs)
        ):
            bar.update()
            yield result


def _spread(
    function: Callable[[Job], Any], jobs: list[Job], workers: int
) -> Iterator[tuple[Job, Any]]:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    waiting = {pool.submit(function, job): job for job in jobs}
    try:
        yield from ((waiting[future], future.result()) for future in as_completed(waiting))
    except BrokenProcessPool:
        raise UserError(
            "a worker was killed, most likely because memory ran out: use fewer --workers"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)
