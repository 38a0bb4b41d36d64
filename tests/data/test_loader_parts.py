"""What data loader processes hand over, and which of their errors are explained."""

import os
import shutil
from types import SimpleNamespace

import pytest
import torch
from helpers import write_scene
from torch.utils.data import DataLoader

from mf3d_tutorial.data import ScanNetScenes, collate
from mf3d_tutorial.data.loader_parts import BatchMaker, fetch, little_shared_memory


def test_batches_that_are_pickled_are_the_same(tmp_path):
    for name in ("a", "b"):
        write_scene(tmp_path / "train" / name, 90, seed=ord(name))
    scenes = ScanNetScenes(tmp_path, "train")
    loaders = [
        DataLoader(scenes, 2, num_workers=1, collate_fn=make)
        for make in (BatchMaker(collate, as_bytes=True), BatchMaker(collate))
    ]
    (one,), (two,) = (list(fetch(loader)) for loader in loaders)
    assert one.names == two.names == ["a", "b"]
    assert torch.equal(one.points.coordinate_tensor, two.points.coordinate_tensor)
    assert torch.equal(one.points.feature_tensor, two.points.feature_tensor)
    assert [t.labels.tolist() for t in one.targets] == [t.labels.tolist() for t in two.targets]


def test_little_shared_memory_is_said_with_both_remedies(tmp_path, monkeypatch):
    assert little_shared_memory(os.devnull) == ""
    for free, said in ((2**40, False), (64 * 2**20, True)):
        monkeypatch.setattr(
            shutil, "disk_usage", lambda folder, free=free: SimpleNamespace(free=free)
        )
        sentence = little_shared_memory(str(tmp_path))
        assert bool(sentence) == said
    assert "only 64 MB free" in sentence
    assert "--shm-size" in sentence
    assert "train.num_workers=0" in sentence


class Broken(torch.utils.data.Dataset):
    """A dataset with a mistake of its own."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.zeros(2, 3) @ torch.zeros(2, 3)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_ones_own_is_not_taken_for_a_lack_of_memory(workers):
    loader = DataLoader(Broken(), num_workers=workers, collate_fn=BatchMaker(collate))
    with pytest.raises(RuntimeError, match="2x3 and 2x3") as caught:
        list(fetch(loader))
    assert "memory ran out" not in str(caught.value)
