"""The state of a run and its progress line: what the loop in engine.py works on."""

import copy
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.config import Config, plain
from mf3d_tutorial.data import Batch
from mf3d_tutorial.model import MaskFormer3D, build_model
from mf3d_tutorial.training.distributed import LateSum, broadcast, data_parallel, rank, world_size
from mf3d_tutorial.training.losses import SetCriterion
from mf3d_tutorial.training.model_with_loss import ModelWithLoss
from mf3d_tutorial.training.optimizer import make_optimizer, make_schedule
from mf3d_tutorial.warp import allow_graphs, graph_memory
from mf3d_tutorial.warp.device import autocast, training_precision

Log = Callable[[str], None]


class StepResult:
    """Whether a step counts, which the GPU finds out while the host goes on with the next one."""

    def __init__(self, step: int, parts: Sequence[Batch | None], finite: Bool[Tensor, ""]):
        """`finite`, on the model's device: nothing that this step, which trained on `parts`,
        computed was NaN or infinite."""
        self.step, self.parts = step, parts
        self._finite = finite.to("cpu", non_blocking=True)  # into pinned memory
        self._copied = None
        if finite.is_cuda:
            self._copied = torch.cuda.Event(blocking=True)  # waiting for it takes no CPU time
            self._copied.record(torch.cuda.current_stream(finite.device))

    def is_finite(self) -> bool:
        """`finite`; the host waits until the GPU is done with the step."""
        if self._copied:
            self._copied.synchronize()
        return bool(self._finite)


@dataclass
class Run:
    """Everything that changes while a model is trained."""

    cfg: Config
    device: torch.device
    precision: str
    model: MaskFormer3D
    criterion: SetCriterion
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    scaler: torch.amp.GradScaler
    total_steps: int
    averaged: MaskFormer3D | None  # copy with the moving average of the weights; None: no train.ema
    epoch: int = 0  # epoch in progress, from 0
    epoch_steps: int = 0  # steps done in this epoch
    step: int = 0  # steps done in all
    scenes: int = 0  # scenes trained on in all
    seconds: float = 0.0  # seconds so far, validation included
    nonfinite: int = 0  # steps in a row whose loss or gradient was not finite
    results: deque[StepResult] = field(default_factory=deque)  # of steps, still to be read
    pieces: int = 1  # pieces of each part; more than 1 once the GPU had no room for a batch
    weights_valid: bool = True  # False while the optimiser changes the weights
    best: dict[str, Any] = field(default_factory=dict)  # the validation with the highest AP so far

    @classmethod
    def create(cls, cfg: Config, device: torch.device, num_scenes: int) -> "Run":
        """A new run: seeded weights, AdamW, the learning-rate schedule, a gradient scaler for
        fp16."""
        torch.manual_seed(cfg.seed)
        model = build_model(cfg.model, len(cfg.data.labels)).to(device)
        train = cfg.train
        if train.sync_batchnorm and world_size() > 1:
            nn.SyncBatchNorm.convert_sync_batchnorm(model)  # changes the layers in place
        precision = training_precision(train.precision, device)
        if device.type == "cuda" and train.accumulate == 1:
            synchronised = train.sync_batchnorm and world_size() > 1
            if not (cfg.model.backbone_checkpointing or synchronised):
                allow_graphs(model.backbone)
            with autocast(device, precision):
                model.decoder.record_graphs(
                    -(-train.batch_size // world_size()), cfg.model.num_queries
                )
        optimizer = make_optimizer(model, train)
        total_steps = train.epochs * math.ceil(num_scenes / train.batch_size)
        total_steps = min(total_steps, train.max_steps or total_steps)
        scheduler = make_schedule(optimizer, train, total_steps)
        scaler = torch.amp.GradScaler(device.type, enabled=precision == "16-mixed")
        criterion = SetCriterion(**vars(cfg.loss))
        averaged = copy.deepcopy(model).requires_grad_(False) if train.ema else None
        return cls(
            cfg,
            device,
            precision,
            model,
            criterion,
            optimizer,
            scheduler,
            scaler,
            total_steps,
            averaged,
        )

    def share_weights(self) -> None:
        """Give the weights that process 0 has now to all processes, and to the average."""
        broadcast(self.model.state_dict().values())
        if self.averaged:
            self.averaged.load_state_dict(self.model.state_dict())

    @property
    def is_over(self) -> bool:
        """Whether all steps, or `train.minutes`, are done."""
        minutes = self.cfg.train.minutes
        return self.step >= self.total_steps or (
            minutes is not None and self.seconds >= 60 * minutes
        )

    def clock_step(self) -> int:
        """The step where the learning-rate schedule would be by the clock alone: its end is
        `train.minutes`."""
        minutes = self.cfg.train.minutes
        return int(min(self.seconds / (60 * minutes), 1) * (self.total_steps - 1)) if minutes else 0

    @torch.no_grad()
    def average(self) -> None:
        """Update the moving average of weights and statistics (after a step that left them alone,
        too). Its decay is warmed up: min(train.ema, (1 + step) / (10 + step))."""
        if self.averaged is None:
            return
        decay = min(self.cfg.train.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(*self._averaging, 1 - decay)

    @cached_property
    def _averaging(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Averaged and trained tensors, side by side."""
        models = self.averaged or self.model, self.model
        pairs = zip(*(model.state_dict().values() for model in models))
        averaged, trained = zip(*(pair for pair in pairs if pair[0].is_floating_point()))
        return averaged, trained

    @cached_property
    def parameters(self) -> list[nn.Parameter]:
        """The model's parameters, as a list."""
        return list(self.model.parameters())  # kept: a walk over all modules takes milliseconds

    @cached_property
    def model_with_loss(self) -> ModelWithLoss | DistributedDataParallel:
        """Model and criterion as one module, which `train_step` calls; with several processes its
        backward pass averages gradients over them."""
        return data_parallel(ModelWithLoss(self.model, self.criterion))

    @cached_property
    def _statistics(self) -> list[Tensor]:
        """The model's buffers, which are batch norm's means and variances and how often they were
        updated: one tensor for each type, of which the buffers become parts, so that one kernel
        copies them all."""
        lists: dict[torch.dtype, list[Tensor]] = {}
        for buffer in self.model.buffers():
            lists.setdefault(buffer.dtype, []).append(buffer)
        statistics = []
        for buffers in lists.values():
            statistics.append(torch.cat([buffer.flatten() for buffer in buffers]))
            parts = statistics[-1].split([buffer.numel() for buffer in buffers])
            for buffer, part in zip(buffers, parts):
                buffer.data = part.view(buffer.shape)
        return statistics

    @cached_property
    def _kept_statistics(self) -> list[Tensor]:
        """Memory for a copy of them, allocated once and not in each step."""
        return [torch.empty_like(statistics) for statistics in self._statistics]

    def keep_statistics(self) -> None:
        """Copy batch norm's statistics, for `restore_statistics`."""
        for kept, statistics in zip(self._kept_statistics, self._statistics):
            kept.copy_(statistics)

    def restore_statistics(self, unless: Tensor | None = None) -> None:
        """Bring back the statistics of the last `keep_statistics`; not where `unless`, a bool on
        the model's device, is true, for which the host need not wait."""
        for statistics, kept in zip(self._statistics, self._kept_statistics):
            if unless is None:
                statistics.copy_(kept)
            else:
                torch.where(unless, statistics, kept, out=statistics)

    def end_step(self) -> None:
        """Bring counters, average, scale and learning rate up to a step that is done."""
        self.average()
        self.scaler.update()
        self.step, self.epoch_steps = self.step + 1, self.epoch_steps + 1
        if self.cfg.train.schedule == "onecycle" and self.step < self.total_steps:
            # Where the clock is ahead of the steps, the schedule jumps: it ends with train.minutes.
            self.scheduler.last_epoch = max(self.step, self.clock_step()) - 1
            self.scheduler.step()
        self.weights_valid = True

    @property
    def num_parameters(self) -> int:
        """How many numbers the model learns."""
        return sum(parameter.numel() for parameter in self.parameters)

    def is_best(self, metrics: dict[str, Any]) -> bool:
        """Whether these are the best metrics so far (by AP; by loss where no class has an AP);
        keeps them if so."""

        def quality(values: dict[str, Any]) -> tuple[float, float]:
            return (-1.0 if math.isnan(values["ap"]) else values["ap"], -values["val_loss"])

        if self.best and quality(metrics) <= quality(self.best):
            return False
        self.best = {**metrics, "epoch": self.epoch + 1, "step": self.step}
        return True

    def seed_step(self) -> None:
        """Seed dropout by step and process alone: a resumed run draws what it would have drawn."""
        sequence = np.random.SeedSequence((self.cfg.seed, self.step, rank()))
        torch.manual_seed(int(sequence.generate_state(1)[0]))

    _STATEFUL = ("model", "optimizer", "scheduler", "scaler")
    _COUNTERS = ("epoch", "epoch_steps", "step", "scenes", "seconds", "best")

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to go on bit by bit from here; `model` holds the weights that are
        used afterwards."""
        state = {name: getattr(self, name).state_dict() for name in self._STATEFUL}
        if self.averaged:
            state |= {"model": self.averaged.state_dict(), "trained": state["model"]}
        state |= {name: getattr(self, name) for name in self._COUNTERS}
        return {**state, "config": plain(self.cfg)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the state that `state_dict` gave; the config's own learning rate and number of
        steps count.

        ConfigError for an option that cannot be changed between the parts of a run.
        """
        if self.averaged:
            self.averaged.load_state_dict(state["model"])
        # Only the scheduler's position is restored; its shape (rates, number of steps) comes from
        # the config.
        schedule = {name: state["scheduler"][name] for name in ("last_epoch", "_last_lr")}
        state = {**state, "model": state.get("trained", state["model"]), "scheduler": schedule}
        state.setdefault("epoch_steps", state.get("seen", 0))  # its name until 28 November 2026
        if self.scaler.is_enabled() and not state["scaler"]:  # it was trained in float32 so far
            state["scaler"] = self.scaler.state_dict()
        for key in ("decay_all", "schedule"):
            before, now = state["config"]["train"][key], getattr(self.cfg.train, key)
            if before != now:
                raise ConfigError(
                    f"train.{key} cannot change when a run resumes: it began with {before}, not"
                    f" {now}; set it as it was, or give another paths.output_dir"
                )
        options = [dict(group) for group in self.optimizer.param_groups]
        for name in self._STATEFUL:
            getattr(self, name).load_state_dict(state[name])
        for group, own in zip(self.optimizer.param_groups, options):
            # the rate at the schedule's position, scaled to the config's own train.lr
            lr = group["lr"] * own["initial_lr"] / group["initial_lr"]
            group.update({key: own[key] for key in own.keys() - {"params", "betas"}}, lr=lr)
        for name in self._COUNTERS:
            setattr(self, name, state[name])


class Progress:
    """One line every few seconds: where the run is, its loss, the time left. And how fast it
    goes."""

    def __init__(self, run: Run, log: Log, every_seconds: float = 10.0):
        self.run, self.log, self.every = run, log, every_seconds
        self.start = self.last = time.monotonic()
        self.first_step, self.earlier, self.clocks = run.step, run.seconds, LateSum()

    @property
    def seconds(self) -> float:
        """How long the run took so far, earlier parts of it included."""
        return self.earlier + time.monotonic() - self.start

    def reset(self) -> None:
        """Begin to count scenes and waiting time anew."""
        self.mark, self.waited, self.scenes = time.monotonic(), 0.0, self.run.scenes

    def timed(self, batches: Iterable) -> Iterator:
        """Yields `batches`, and counts the time spent on waiting for them."""
        self.reset()
        iterator = iter(batches)
        while True:
            before = time.monotonic()
            batch = next(iterator, None)
            self.waited += time.monotonic() - before
            if batch is None:
                return
            yield batch

    def rates(self) -> dict[str, float]:
        """Since it was last asked, or the epoch began: scenes per second, share of the time spent
        waiting for data."""
        seconds = time.monotonic() - self.mark
        rates = {
            "scenes_per_second": (self.run.scenes - self.scenes) / seconds,
            "data_wait": self.waited / seconds,
        }
        if self.run.device.type == "cuda":
            allocated = torch.cuda.max_memory_allocated(self.run.device)
            rates["gpu_gb"] = (allocated + graph_memory(self.run.model)) / 1e9
        self.reset()
        return rates

    def report(self, losses: dict[str, Tensor]) -> None:
        """Log a line, if the last one is `every` seconds old; keep the run's clock."""
        # the mean over all processes, so that all stop at the same step
        now, self.run.seconds = time.monotonic(), self.clocks([self.seconds])[0] / world_size()
        if now - self.last < self.every:
            return
        self.last = now
        run, numbers = self.run, as_numbers(losses)
        left = (now - self.start) / (run.step - self.first_step) * (run.total_steps - run.step)
        left = max(min(left, 60 * (run.cfg.train.minutes or math.inf) - run.seconds), 0)
        terms = "  ".join(f"{name} {numbers[name]:.3f}" for name in ("loss", "cls", "bce", "dice"))
        minutes, seconds = divmod(int(left), 60)
        self.log(
            f"epoch {run.epoch + 1}  step {run.step}/{run.total_steps}  {terms}"
            f"  {minutes}:{seconds:02d} left"
        )


def as_numbers(losses: dict[str, Tensor]) -> dict[str, float]:
    """Losses as floats, by one copy to the host."""
    return dict(zip(losses, torch.stack(list(losses.values())).tolist()))
