"""What all tests share: two threads, and no `cuda` test where CUDA cannot run."""

import pytest
import torch

torch.set_num_threads(2)


@pytest.fixture
def one_thread():
    """For bit-equal results: with two, sums over many points are not added in the same order every time."""
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(2)


def cuda_works() -> bool:
    if not torch.cuda.is_available():
        return False
    from mf3d_tutorial.model import warp

    return warp.HAS_EXTENSION


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    cuda_tests = [item for item in items if item.get_closest_marker("cuda")]
    if cuda_tests and not cuda_works():
        for item in cuda_tests:
            item.add_marker(pytest.mark.skip(reason="needs CUDA and WarpConvNet's compiled extension"))
