"""The folder of a run: what is written, when, and how a run that was stopped goes on from it.

`RunFolder.save` writes last.ckpt, previous.ckpt and best.ckpt. engine.py calls it, and so does
`RunFolder.__exit__` after an error. The file format and the atomic write: checkpoint.py.
"""

import contextlib
import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from mf3d_tutorial.common.atomic_files import without_nan, write_json, writing
from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.config import Config, config_from_dict, plain, save_config
from mf3d_tutorial.data import Batch
from mf3d_tutorial.training.checkpoint import (
    CheckpointError,
    DamagedError,
    load_checkpoint,
    load_pretrained,
    save_checkpoint,
)
from mf3d_tutorial.training.distributed import LateSum, all_sum, on_main, rank
from mf3d_tutorial.training.run_state import Log, Run


class RunFolder:
    """The files of a run: process 0 writes them, and holds a lock while it does.

    Whatever ends the run between `open` and the end of a `with` block, last.ckpt is written first.
    """

    def __init__(self, cfg: Config, log: Log):
        self.cfg, self.log, self.path = cfg, log, Path(cfg.paths.output_dir).expanduser()
        self.run: Run | None = None
        self.rows: TextIO | None = None  # metrics.jsonl, in process 0
        self.saved = time.monotonic()

    def __enter__(self) -> "RunFolder":
        return self

    def open(self, run: Run) -> None:
        """Begin a new run, or load into `run` the one to go on with."""
        if state := on_main(self.prepare):
            run.load_state_dict(state)
        elif path := self.cfg.train.pretrained:
            known = on_main(lambda: load_pretrained(run.model, path, self.cfg))
            run.share_weights()
            self.log(f"weights of {path}, of the class head those of {len(known)} classes")
        self.run = run
        self.log(f"run folder: {self.path}")

    def prepare(self) -> dict[str, Any] | None:
        """Lock the folder and make it ready; the state to go on from, if there is one."""
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self.rows = open(self.path / "metrics.jsonl", "a")  # noqa: SIM115  open, and locked, as long as the run
        try:
            # A record lock goes with its process, kill -9 included; flock's would live on in data
            # loader processes.
            fcntl.lockf(self.rows, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another process is training in {self.path}: wait for it, or give another"
                " paths.output_dir"
            ) from None
        except OSError:
            self.log(
                f"{self.path} is on a file system without locks: a second run in it would not be"
                " noticed"
            )
        found = [
            path for name in ("last", "previous") if (path := self.path / f"{name}.ckpt").exists()
        ]
        if found and self.cfg.train.resume == "never":
            raise ConfigError(
                f"{self.path} already holds a run: give another paths.output_dir, or"
                " train.resume=auto to go on with it"
            )
        state = newest_state(found, self.cfg, self.log)
        for draft in self.path.glob("*.tmp"):  # drafts of a process that was killed
            draft.unlink()
        save_config(self.cfg, self.path / "config.yaml")
        self.row_bytes = min(state["row_bytes"] if state else 0, self.rows.tell())
        self.rows.truncate(self.row_bytes)  # later rows are about to be written anew
        self.track = tracker(self.cfg, self.path, state["step"] if state else 0)
        return state

    def append(self, kind: str, run: Run, values: dict[str, Any]) -> None:
        """Add one line to metrics.jsonl."""
        if self.rows:
            row = {"kind": kind, "epoch": run.epoch + 1, "step": run.step, **values}
            self.rows.write(json.dumps(without_nan(row)) + "\n")
            self.rows.flush()
            self.row_bytes = os.fstat(self.rows.fileno()).st_size
            self.track(
                {
                    f"{kind}/{key}": value
                    for key, value in values.items()
                    if isinstance(value, float)
                },
                run.step,
            )

    @property
    def is_due(self) -> bool:
        """Whether last.ckpt is older than `train.save_every` seconds."""
        return time.monotonic() - self.saved > self.cfg.train.save_every

    def save(self, run: Run, name: str) -> None:
        """Write a checkpoint; the last.ckpt before this one becomes previous.ckpt."""
        if rank() == 0:
            state = {**run.state_dict(), "row_bytes": self.row_bytes}
            previous = self.path / "previous.ckpt" if name == "last.ckpt" else None
            with writing(self.path / name):
                save_checkpoint(state, self.path / name, previous)
            if name == "last.ckpt":
                self.saved = time.monotonic()

    def finish(self, run: Run, seconds: float) -> dict[str, Any]:
        """Write metrics.json, whole or not at all: the best validation, and what it took."""
        metrics = {
            **run.best,
            "epochs": run.epoch,
            "steps": run.step,
            "parameters": run.num_parameters,
        }
        metrics |= {
            "train_seconds": round(seconds, 1),
            "device": str(run.device),
            "recipe": run.cfg.recipe,
        }
        if rank() == 0:
            write_json(metrics, self.path / "metrics.json")
        return metrics

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if error and self.run and self.run.weights_valid:
            # a failing save must not hide the error that ends the run
            with contextlib.suppress(Exception):
                self.save(self.run, "last.ckpt")
                self.log(
                    f"stopped after step {self.run.step}; train.resume=auto goes on from there"
                )
        if self.rows:
            self.rows.close()


def newest_state(paths: list[Path], cfg: Config, log: Log) -> dict[str, Any] | None:
    """The state of the first of these checkpoints that is not damaged; None if there is none at
    all.

    CheckpointError for one that is not damaged, but of another model or program.
    """
    for path in paths:
        try:
            state = load_checkpoint(path)
        except DamagedError as error:
            if path == paths[-1]:
                raise
            log(f"{error}. Going on from {paths[-1]}")
            # Left as last.ckpt, it would replace the good previous.ckpt at the next save.
            path.replace(path.with_name("damaged.ckpt"))
            continue
        saved = config_from_dict(state["config"])
        if saved.model != cfg.model or saved.data.labels != cfg.data.labels:
            raise CheckpointError(
                f"{path} was trained with another model or label set: give another paths.output_dir"
            )
        if "row_bytes" not in state:
            raise CheckpointError(
                f"{path} was stripped, or is of an older version: give another paths.output_dir"
            )
        return state
    return None


def tracker(cfg: Config, path: Path, step: int) -> Callable[[dict[str, float], int], None]:
    """A function that sends the numbers of a line of metrics.jsonl to `train.tracker`."""
    name = cfg.train.tracker
    try:
        if name == "tensorboard":
            from torch.utils.tensorboard import SummaryWriter

            writer = SummaryWriter(path / name, purge_step=step + 1)

            def write(numbers: dict[str, float], step: int) -> None:
                for key, value in numbers.items():
                    writer.add_scalar(key, value, step)
                writer.flush()

            return write
        if name == "wandb":
            import wandb

            return wandb.init(
                project="mf3d_tutorial", name=path.name, dir=path, config=plain(cfg)
            ).log
    except ImportError as error:
        raise ConfigError(f"train.tracker={name}: {error}; run `pip install {name}`") from error
    return lambda numbers, step: None


def dump_batch(run: Run, parts: Sequence[Batch | None], step: int) -> Path:
    """Write what this process had of the batch of a step into the run folder, for
    `load_checkpoint`; the file's path."""
    path = Path(run.cfg.paths.output_dir).expanduser() / f"nonfinite{rank()}.ckpt"
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = ("coordinate_tensor", "feature_tensor", "offsets")
    batches = [
        {
            **{name: getattr(part.points, name) for name in tensors},
            "names": part.names,
            "targets": [vars(target) for target in part.targets],
        }
        for part in parts
        if part
    ]
    save_checkpoint({"step": step, "batches": batches}, path)
    return path


class Interrupts:
    """Holds SIGTERM and Ctrl-C (which Jupyter's stop button is) back until a step is done; passes
    them on at the end.

    A KeyboardInterrupt then leaves the loop, in all processes at the same step, whichever of them
    got the signal; at once where `hold` is False, for what takes long and changes nothing.
    """

    def __init__(self) -> None:
        self.caught: int | None = None
        self.any_told = LateSum()
        self.hold = True
        self.handlers = {}

    def __enter__(self) -> "Interrupts":
        # Python lets only the main thread install signal handlers, and only it receives signals.
        if threading.current_thread() is threading.main_thread():
            self.handlers = {
                number: signal.signal(number, self.note)
                for number in (signal.SIGTERM, signal.SIGINT)
            }
        return self

    def note(self, number: int, _frame: Any) -> None:
        """The handler of both signals: keep the signal's number for `check`."""
        self.caught = number
        if not self.hold:
            self.hold = True  # a second signal may come while last.ckpt is written
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def let_through(self) -> Iterator[None]:
        """A signal ends the run at once in this block, which may take long and changes nothing."""
        self.hold = False
        try:
            yield
        finally:
            self.hold = True  # last.ckpt is written after an error, too

    def check(self, wait: bool = False) -> None:
        """KeyboardInterrupt if any process was told to stop; with several processes one call late,
        unless all `wait` for one another."""
        told = all_sum if wait else self.any_told
        if told([self.caught is not None])[0]:
            raise KeyboardInterrupt

    def __exit__(self, *_: Any) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        if self.caught == signal.SIGTERM:
            signal.raise_signal(signal.SIGTERM)
