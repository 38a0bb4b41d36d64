"""What all tests share: two threads, tuning tables of their own, annotations that are checked, and
no `cuda` test where CUDA cannot run."""

import importlib.util
import os
import tempfile

import pytest
import torch
from jaxtyping import install_import_hook

torch.set_num_threads(2)

# Calls within this process are checked against their annotations, shapes included. Not in the
# Triton kernels: those functions' own source is compiled.
CHECKED = ("data", "evaluation", "kernels.cuda_graphs", "model", "training", "warp")
CAN_CHECK = importlib.util.find_spec("beartype") is not None
if CAN_CHECK:
    install_import_hook([f"mf3d_tutorial.{part}" for part in CHECKED], "typecheck.checked")

# WarpConvNet keeps on disk which kernel was the fastest. Some tests ask for a certain one: that
# must not be kept.
_TABLES = tempfile.TemporaryDirectory()
os.environ.setdefault("WARPCONVNET_BENCHMARK_CACHE_DIR", _TABLES.name)


def pytest_report_header() -> str | None:
    """A GPU machine may lack beartype: its tests are worth running all the same."""
    return None if CAN_CHECK else "annotations are not checked: beartype is not installed"


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
    """Files with long tests first (several processes end together then), and no `cuda` test where
    CUDA cannot run."""
    long = {
        item.path
        for item in items
        if item.get_closest_marker("slow") or item.get_closest_marker("browser")
    }
    items.sort(key=lambda item: item.path not in long)
    cuda_tests = [item for item in items if item.get_closest_marker("cuda")]
    if cuda_tests and not cuda_works():
        for item in cuda_tests:
            item.add_marker(
                pytest.mark.skip(reason="needs CUDA and WarpConvNet's compiled extension")
            )
