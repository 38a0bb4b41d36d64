"""What all tests share: two threads, tuning tables of their own, and no `cuda` test where CUDA
cannot run."""

import os
import tempfile

import pytest
import torch

torch.set_num_threads(2)

# WarpConvNet keeps on disk which kernel was the fastest. Some tests ask for a certain one: that
# must not be kept.
_TABLES = tempfile.TemporaryDirectory()
os.environ.setdefault("WARPCONVNET_BENCHMARK_CACHE_DIR", _TABLES.name)


@pytest.fixture
def one_thread():
    """For bit-equal results: with two, sums over many points are not added in the same order every
    time."""
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(2)


def cuda_works() -> bool:
    if not torch.cuda.is_available():
        return False
    from mf3d_tutorial.warp import HAS_EXTENSION

    return HAS_EXTENSION


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    cuda_tests = [item for item in items if item.get_closest_marker("cuda")]
    if cuda_tests and not cuda_works():
        for item in cuda_tests:
            item.add_marker(
                pytest.mark.skip(reason="needs CUDA and WarpConvNet's compiled extension")
            )
