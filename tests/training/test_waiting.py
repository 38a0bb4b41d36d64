"""On a GPU the host goes on with a step while the GPU works on the one before."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import random_points
from scipy.optimize import linear_sum_assignment
from small_run import config, write_scenes

from mf3d_tutorial.common.errors import NonFiniteError
from mf3d_tutorial.data import Batch
from mf3d_tutorial.training import engine
from mf3d_tutorial.training.engine import (
    build_loader,
    load_datasets,
    read_results,
    train_step,
)
from mf3d_tutorial.training.run_state import Run
from mf3d_tutorial.training.upload import upload
from mf3d_tutorial.warp import pooled

pytestmark = pytest.mark.cuda


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(
    ("queries", "counts"),
    [(100, (30, 0, 17, 64)), (5, (9, 5, 0, 2)), (300, (1, 200, 300, 3)), (1, (1, 2))],
)
def test_the_assignment_is_as_cheap_as_scipys(queries, counts, ties):
    from mf3d_tutorial.kernels.assignment import assign

    rng = np.random.default_rng(queries)
    costs = rng.normal(size=(3, len(counts), queries, max(counts))).astype(np.float32)
    costs = costs.round() if ties else costs
    got = assign(torch.from_numpy(costs).cuda(), torch.tensor(counts).int().cuda(), max(counts))
    for layer in range(3):
        for scene, count in enumerate(counts):
            cost, query = costs[layer, scene, :, :count], got[layer, scene].cpu().numpy()
            rows, columns = linear_sum_assignment(cost)
            assert (query[count:] == -1).all()
            found = np.flatnonzero(query >= 0)
            assert len(found) == len(set(query[found])) == min(queries, count)
            assert cost[query[found], found].sum() == pytest.approx(cost[rows, columns].sum())
            if not ties:
                assert dict(zip(found, query[found])) == dict(zip(columns, rows))


def test_costs_that_are_not_finite_do_not_hang_the_gpu():
    from mf3d_tutorial.kernels.assignment import assign

    costs = torch.randn(1, 4, 20, 8, device="cuda")
    costs[0, 0], costs[0, 1, 3:9], costs[0, 2] = torch.nan, torch.inf, -torch.inf
    query = assign(costs, torch.full((4,), 8).int().cuda(), 8)
    assert all(len(set(scene.tolist())) == 8 for scene in query[0])


def test_a_batch_that_is_not_finite_is_noticed_one_step_later(scenes, tmp_path):
    cfg = config(scenes, tmp_path, "train.max_nonfinite=2", "device=cuda")
    run = Run.create(cfg, torch.device("cuda"), num_scenes=5)
    loader = build_loader(cfg, load_datasets(cfg)[0], shuffle=True)
    batches = [batch for _, batch in zip(range(2), loader)]
    train_step(run, batches[0])
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    batches[1].points.feature_tensor[:] = torch.nan
    train_step(run, batches[1])
    assert run.nonfinite == 0
    train_step(run, batches[1])
    assert run.nonfinite == 1
    assert all(torch.equal(value, before[name]) for name, value in run.model.state_dict().items())
    with pytest.raises(NonFiniteError, match=rf"step 3\) on {batches[1].names[0]}"):
        read_results(run)


def test_an_uploaded_batch_keeps_its_memory_until_the_gpu_has_read_it():
    batches, wanted = [], []
    for seed in range(6):
        points = random_points(2000 + seed, 3000, seed=seed)
        batch = Batch(points, torch.zeros(0).long(), torch.zeros(0).long(), [0, 0], ["", ""], [])
        batches.append(batch.pin_memory())
        voxels, voxel = pooled(batch.to("cuda").points, 0.1)
        wanted.append((voxels.feature_tensor.double().sum(), voxel.sum()))
    busy, sums = torch.randn(4096, 4096, device="cuda"), []
    for batch in batches:
        for _ in range(20):  # what the GPU still has to do when the host is done with the batch
            busy = busy @ busy / 64
        voxels, voxel = pooled(upload(batch, torch.device("cuda"), 0.1).points, 0.1)
        sums.append((voxels.feature_tensor.double().sum(), voxel.sum()))
        del voxels, voxel
    for got, want in zip(sums, wanted):
        assert got[0].item() == pytest.approx(want[0].item())
        assert got[1] == want[1]


def test_the_host_starts_a_step_without_waiting_for_the_gpu(scenes, tmp_path, monkeypatch):
    options = ["model.query_init=mixed", "model.feature_levels=3", "train.ema=0.9"]
    options += ["train.decay_all=false", "device=cuda", "train.batch_size=4", "loss.aux_weight=1"]
    options += ["model.masked_attention=true", "model.mask_position=true"]
    cfg = config(scenes, tmp_path, *options)
    run = Run.create(cfg, torch.device("cuda"), num_scenes=5)
    batch = next(iter(build_loader(cfg, load_datasets(cfg)[0], shuffle=True)))
    for _ in range(12):  # in which WarpConvNet tunes its kernels
        train_step(run, batch)

    def waiting(*arguments):  # `upload` waits for its own stream alone
        torch.cuda.set_sync_debug_mode("default")
        try:
            return upload(*arguments)
        finally:
            torch.cuda.set_sync_debug_mode("warn")

    monkeypatch.setattr(engine, "upload", waiting)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            train_step(run, batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    said = [
        f"{Path(warning.filename).name}:{warning.lineno}: {warning.message}"
        for warning in caught
        if "called a synchronizing CUDA operation" in str(warning.message)
    ]
    assert not said
