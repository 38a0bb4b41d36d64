"""What data loader processes hand over where there is little shared memory."""

import os
import shutil
from types import SimpleNamespace

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
