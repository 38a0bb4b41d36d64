"""Several processes are one: the same weights, the same AP, as one process with the whole batch. On
the CPU, by gloo.

The weights are compared with a model without batch norm: SyncBatchNorm, which makes batch norm
equal as well, runs on CUDA only (the last test, for two GPUs).
"""

import gc
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import write_scene
from small_run import SERVER, PointModel, config, options, quiet, rows, run, weights, write_scenes
from torch.nn.parallel import DistributedDataParallel

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.data.batch_sampler import SceneBatchSampler
from mf3d_tutorial.training import loading
from mf3d_tutorial.training.distributed import LateSum, Sum, all_sum, process_group, rank
from mf3d_tutorial.training.engine import fit

NO_BATCH_NORM = [
    *("model.backbone._target_=small_run.PointModel", "model.dropout=0"),
    *(
        "model.backbone_voxel_size=null",
        "train.batch_size=4",
        "train.max_steps=5",
        "data.augment=[]",
    ),
]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    """Two of the five train scenes have no instance."""
    root = write_scenes(tmp_path_factory.mktemp("scenes"))
    for index in (1, 2):
        write_scene(
            root / "train" / f"scene{index}", points=150, seed=index, instance=np.full(150, -1)
        )
    return root


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def member(rank: int, world_size: int, port: int, action: Callable, arguments: list[str]) -> None:
    """What torchrun would start."""
    os.environ |= {"TORCHELASTIC_RUN_ID": "test", "RANK": str(rank), "LOCAL_RANK": str(rank)}
    os.environ |= {
        "WORLD_SIZE": str(world_size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    leave = torch.distributed.destroy_process_group

    def leave_after_the_gradients() -> None:
        """As the last holder of the group, DistributedDataParallel would wait for gloo's threads
        under Python's lock, and now and then for ever."""
        assert not [each for each in gc.get_objects() if isinstance(each, DistributedDataParallel)]
        leave()

    torch.distributed.destroy_process_group = leave_after_the_gradients
    action(arguments)


def start_together(arguments: list[str], world_size: int = 2, action: Callable = run) -> list:
    port = free_port()
    processes = [
        SERVER.Process(target=member, args=(rank, world_size, port, action, arguments))
        for rank in range(world_size)
    ]
    for process in processes:
        process.start()
    return processes


def exit_codes(processes: list) -> list[int]:
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]


def assert_near(folder: Path, other: Path, rtol: float = 1e-4, atol: float = 1e-6) -> None:
    """Of all weights but those whose gradient is rounding and nothing else, which AdamW makes as
    large as any other."""
    ours, theirs = weights(folder), weights(other)
    assert list(ours) == list(theirs)
    for name in theirs:
        if name.endswith("self_attention.in_proj_bias"):  # a bias of all keys changes no softmax
            ours[name][8:16] = theirs[name][8:16]
        if name.endswith("cross_attention.position.bias"):
            continue
        torch.testing.assert_close(ours[name], theirs[name], rtol=rtol, atol=atol)
    for mine, other_row in zip(rows(folder), rows(other), strict=True):
        numbers = {key: value for key, value in other_row.items() if isinstance(value, float)}
        assert {key: mine[key] for key in numbers} == pytest.approx(numbers, rel=rtol)


@pytest.fixture(scope="module")
def alone(scenes, tmp_path_factory) -> Path:
    """The folder of one process with the whole batch."""
    folder = tmp_path_factory.mktemp("alone")
    fit(config(scenes, folder, *NO_BATCH_NORM), quiet)
    return folder


def sum_without_waiting(folder: list[str]) -> None:
    """Process 1 tells its numbers only when process 0 has gone on."""
    went_on = [Path(folder[0], name) for name in ("sum", "late sum")]

    def wait_for(file: Path) -> None:
        while rank() == 1 and not file.exists():
            time.sleep(0.01)

    with process_group(torch.device("cpu")):
        wait_for(went_on[0])
        numbers = Sum([1 + rank(), 0.5])
        went_on[0].touch()
        assert numbers.result() == numbers.result() == [3, 1]
        late = LateSum()
        assert late([1 + rank()]) == [3]
        wait_for(went_on[1])
        assert late([10 + rank()]) == [3]
        went_on[1].touch()
        assert late([100 + rank()]) == [21]
        assert all_sum([rank()]) == [1]


def test_a_sum_is_told_without_waiting_for_the_other_processes(tmp_path):
    assert exit_codes(start_together([str(tmp_path)], action=sum_without_waiting)) == [0, 0]


def test_with_one_process_a_late_sum_is_on_time():
    late = LateSum()
    assert [late([1]), late([2]), late([3])] == [[1], [2], [3]]


def test_some_process_of_a_step_has_no_instance_and_some_has_no_scene():
    """So that the test below is about these cases, too: seed 42, five scenes, of which 1 and 2 are
    without."""
    batches = SceneBatchSampler(5, batch_size=4, parts=1, seed=42)
    steps = [[index for _, index in batch] for batch in itertools.islice(batches, 5)]
    hands = [set(step[rank::2]) for step in steps for rank in range(2)]
    assert any(hand and hand <= {1, 2} for hand in hands)
    assert set() in hands


def test_two_processes_give_the_weights_of_one(scenes, alone, tmp_path):
    assert exit_codes(start_together(options(scenes, tmp_path, *NO_BATCH_NORM))) == [0, 0]
    assert_near(tmp_path, alone)


def test_parts_one_after_another_give_the_weights_of_the_whole_batch(scenes, alone, tmp_path):
    fit(config(scenes, tmp_path, *NO_BATCH_NORM, "train.accumulate=3"), quiet)
    assert_near(tmp_path, alone)


def test_sigterm_to_one_process_stops_all_at_the_same_step_and_they_go_on_from_it(scenes, tmp_path):
    """With batch norm and dropout: the statistics are the same in all processes, the dropout is
    not."""
    parts = ["train.batch_size=4", "train.accumulate=2"]
    assert exit_codes(start_together(options(scenes, tmp_path / "whole", *parts))) == [0, 0]
    processes = start_together(options(scenes, tmp_path / "parts", *parts))
    lines = tmp_path / "parts" / "metrics.jsonl"
    while processes[0].is_alive() and (not lines.exists() or len(rows(lines.parent)) < 3):
        time.sleep(0.01)
    processes[1].terminate()
    # KeyboardInterrupt in the one that got no signal
    assert exit_codes(processes) == [1, -signal.SIGTERM]
    assert exit_codes(start_together(options(scenes, tmp_path / "parts", *parts))) == [0, 0]
    ours, theirs = weights(tmp_path / "parts"), weights(tmp_path / "whole")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")


def test_four_processes_give_the_weights_of_one(scenes, alone, tmp_path):
    assert exit_codes(start_together(options(scenes, tmp_path, *NO_BATCH_NORM), 4)) == [0] * 4
    assert_near(tmp_path, alone)


# Buys the proof that a run outlives the loss of a process, and goes on with fewer of them.
@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_of_four_that_loses_one_goes_on_as_two(scenes, alone, tmp_path, how):
    arguments = options(scenes, tmp_path, *NO_BATCH_NORM)
    processes = start_together(arguments, 4)
    lines = tmp_path / "metrics.jsonl"
    while processes[0].is_alive() and (not lines.exists() or len(rows(tmp_path)) < 3):
        time.sleep(0.01)
    os.kill(processes[3].pid, how)
    codes = exit_codes(processes)
    assert codes[3] == -how
    assert 0 not in codes
    assert exit_codes(start_together(arguments)) == [0, 0]
    assert_near(tmp_path, alone)


def test_a_mistake_ends_all_processes(scenes, tmp_path):
    assert exit_codes(start_together(options(tmp_path / "nowhere", tmp_path / "run"))) == [1, 1]
    with pytest.raises(
        ConfigError, match=r"train\.batch_size=2 leaves some of 1 processes x train\.accumulate=3"
    ):
        fit(config(scenes, tmp_path / "run", "train.accumulate=3"), quiet)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("processes", "refused"), [(1, False), (2, True)])
def test_a_last_step_with_too_few_scenes_is_refused_where_batch_norm_is_joined(
    scenes, tmp_path, monkeypatch, processes, refused
):
    """Five scenes, the last of them alone in its step; with one process nothing is joined."""
    monkeypatch.setattr(loading, "world_size", lambda: processes)
    cfg = config(scenes, tmp_path, "train.batch_size=4", "train.sync_batchnorm=true")
    datasets = loading.load_datasets(cfg)
    if refused:
        with pytest.raises(ConfigError, match="leaves 1 of 5 scenes for the last step"):
            loading.check_data(cfg, datasets)
    else:
        loading.check_data(cfg, datasets)


# Buys the proof that the commands of the README for several machines work: two agents, which find
# each other by TCP.
@pytest.mark.slow
def test_two_torchrun_agents_train_together(scenes, alone, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
    command += [
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint=127.0.0.1:{free_port()}",
        "-m",
        "mf3d_tutorial.train",
    ]
    command += options(scenes, tmp_path, *NO_BATCH_NORM)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    pipes = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
        "env": environment,
    }
    agents = [subprocess.Popen(command, **pipes) for _ in range(2)]
    said = [agent.communicate(timeout=200)[0] for agent in agents]
    assert [agent.returncode for agent in agents] == [0, 0], said
    assert "".join(said).count("best validation, of epoch") == 1
    assert_near(tmp_path, alone)


class NormModel(PointModel):
    """With a batch norm, which is that of one process only as SyncBatchNorm.

    It stands before the linear layer: behind it, it would leave that one's bias without a gradient.
    """

    def __init__(self, in_channels: int, out_channels: int, **_unet):
        super().__init__(in_channels, out_channels)
        self.norm = torch.nn.BatchNorm1d(in_channels)

    def forward(self, points):
        return super().forward(points.replace(batched_features=self.norm(points.feature_tensor)))


@pytest.mark.cuda
@pytest.mark.slow
def test_two_gpus_give_the_weights_of_one(scenes, tmp_path):
    """NCCL and SyncBatchNorm, which gloo and the CPU cannot show."""
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    changed = [
        "model.backbone._target_=test_distributed.NormModel",
        "train.precision=32",
        "device=cuda",
    ]
    changed += ["train.batch_size=5"]  # SyncBatchNorm needs a scene in every process of every step
    for gpus, name in ((1, "one"), (2, "two")):
        command = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            f"--nproc-per-node={gpus}",
        ]
        command += [
            "-m",
            "mf3d_tutorial.train",
            *options(scenes, tmp_path / name, *NO_BATCH_NORM, *changed),
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run(
            [*command, "train.sync_batchnorm=true"], check=True, env=environment, timeout=300
        )
    assert_near(tmp_path / "two", tmp_path / "one", rtol=1e-2, atol=1e-4)
