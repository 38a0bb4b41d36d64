"""Train over a grid of options, several runs at a time, and compare the results.

    python -m mf3d_tutorial.sweep notebooks/sweeps/loss_weights.yaml

The file (its paths are relative to the folder in which the command runs):

    output_dir: runs/loss_weights            # a folder per run, and summary.csv and summary.png
    notebook: notebooks/jobs/train.ipynb     # run by papermill; without it: mf3d_tutorial.train
    overrides: [recipe=tiny, paths.data_dir=data_samples]    # options of every run
    grid: {loss.dice_weight: [2, 5], seed: [0, 1]}             # one run per combination ...
    sample: 3                                # ... or per random sample of so many combinations
    parameters: {num_steps: 200}             # further notebook parameters, for every run
    jobs: 2                                  # runs at a time
    gpus: [0, 1]                             # one GPU per run; leave out on a CPU

The same command continues a stopped sweep: it skips runs that have their metrics.json and resumes
those that have a last.ckpt. If a run fails, its name is printed, its output is in its log.txt, the
others continue, and the exit code is 1.
"""

import itertools
import os
import queue
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mf3d_tutorial.common.errors import ConfigError, exit_on_user_error
from mf3d_tutorial.config import Config, load_config
from mf3d_tutorial.config.options import argument_parser, explain_override_error, split_paths
from mf3d_tutorial.runs import collect, table, write_csv


@dataclass
class Sweep:
    """The content of a sweep file; the module's docstring says what each key means."""

    output_dir: str = MISSING
    grid: dict[str, list[Any]] = MISSING
    overrides: list[str] = field(default_factory=list)
    notebook: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    sample: int | None = None
    jobs: int = 1
    gpus: list[int] = field(default_factory=list)

    def runs(self) -> dict[str, list[str]]:
        """Name of each run -> its overrides. ConfigError if a key or value cannot work, before
        anything runs."""
        combinations = [
            list(zip(self.grid, values)) for values in itertools.product(*self.grid.values())
        ]
        if self.sample is not None and self.sample < len(combinations):
            combinations = random.Random(0).sample(combinations, self.sample)
        runs = {}
        for combination in combinations:
            name = ",".join(
                f"{key.rsplit('.', 1)[-1]}={value}" for key, value in combination
            ).replace("/", "_")
            output = f"paths.output_dir={Path(self.output_dir).expanduser().absolute() / name}"
            runs[name] = [
                *self.overrides,
                *(f"{key}={value}" for key, value in combination),
                output,
            ]
            load_config(runs[name])
        return runs


def load_sweep(path: str | Path) -> Sweep:
    """The sweep that a yaml file describes; ConfigError naming the file and the key if it cannot be
    used."""
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Sweep), OmegaConf.load(path))
        sweep = cast(Sweep, OmegaConf.to_object(merged))
    except (OSError, ValueError, yaml.YAMLError, OmegaConfBaseException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise ConfigError(f"the sweep file {path} cannot be used: {reason}") from error
    if not all(sweep.grid.values()) or sweep.jobs < 1:
        raise ConfigError(
            f"the sweep file {path} cannot be used: every key of grid needs a value, and jobs must"
            " be > 0"
        )
    return sweep


def multirun(overrides: list[str]) -> Sweep:
    """The sweep that Hydra's --multirun makes of `key=a,b` among these overrides."""
    overrides, paths = split_paths(Config, overrides)
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
        grid = {
            each.get_key_element(): list(each.sweep_string_iterator())
            for each in parsed
            if each.is_sweep_override()
        }
    except HydraException as error:
        raise ConfigError(explain_override_error(error)) from None
    fixed = [
        each.input_line or ""
        for each in parsed
        if not each.is_sweep_override() and each.key_or_group not in paths
    ]
    fixed += [f"{key}={path}" for key, path in paths.items()]
    first = load_config(fixed + [f"{key}={values[0]}" for key, values in grid.items()])
    return Sweep(str(Path(first.paths.output_dir).expanduser()), grid, fixed)


def run_sweep(sweep: Sweep, log=print) -> list[str]:
    """Run what has no metrics.json yet; the names of the runs that failed."""
    if sweep.notebook is not None:
        check_notebook(sweep.notebook, sweep.parameters)
    runs, folder = sweep.runs(), Path(sweep.output_dir)
    waiting = [name for name in runs if not (folder / name / "metrics.json").exists()]
    commands = {name: _command(sweep, folder / name, runs[name]) for name in waiting}
    log(
        f"{len(runs)} runs in {folder}, {len(runs) - len(waiting)} of them done, {sweep.jobs} at a"
        " time"
    )
    gpus = queue.SimpleQueue()
    for number in range(sweep.jobs):
        gpus.put(sweep.gpus[number % len(sweep.gpus)] if sweep.gpus else None)

    def execute(name: str) -> bool:
        gpu = gpus.get()
        environment = (
            os.environ if gpu is None else {**os.environ, "CUDA_VISIBLE_DEVICES": str(gpu)}
        )
        try:
            (folder / name).mkdir(parents=True, exist_ok=True)
            with open(folder / name / "log.txt", "w") as output:
                code = subprocess.call(
                    commands[name], stdout=output, stderr=subprocess.STDOUT, env=environment
                )
        except OSError as error:
            log(f"{name}: failed, it cannot be started ({error})")
            return False
        finally:
            gpus.put(gpu)
        log(f"{name}: " + ("done" if code == 0 else f"failed, see {folder / name / 'log.txt'}"))
        return code == 0

    with ThreadPoolExecutor(sweep.jobs) as pool:
        outcomes = list(pool.map(execute, waiting))
    return [name for name, succeeded in zip(waiting, outcomes) if not succeeded]


def check_notebook(path: str, parameters: dict[str, Any]) -> None:
    """ConfigError if there is no such notebook, no papermill to run it, or a parameter that it does
    not have: papermill only warns of those."""
    if find_spec("papermill") is None:
        raise ConfigError(
            "a sweep over a notebook needs papermill: pip install 'mf3d-tutorial[notebook]'"
        )
    from papermill import inspect_notebook

    if not Path(path).is_file():
        raise ConfigError(f"notebook={path}: there is no {Path(path).absolute()}")
    known = inspect_notebook(path)
    if unknown := [name for name in parameters if name not in known]:
        raise ConfigError(
            f"parameters of the sweep file: {path} has no parameter {unknown[0]!r}; it has"
            f" {', '.join(known)}"
        )


def _command(sweep: Sweep, folder: Path, overrides: list[str]) -> list[str]:
    overrides = [*overrides, "train.resume=auto"]
    if sweep.notebook is None:
        return [sys.executable, "-m", "mf3d_tutorial.train", *overrides]
    # The notebook runs in its own folder, so paths are made absolute; what it has parameters for,
    # it gets by them.
    cfg, own = load_config(overrides), ("recipe=", "paths.data_dir=", "paths.output_dir=", "seed=")
    parameters = {
        "recipe": cfg.recipe,
        "seed": cfg.seed,
        "data_dir": str(Path(cfg.paths.data_dir).absolute()),
    }
    parameters |= {"output_dir": str(folder.absolute()), "label_set_name": cfg.data.label_set}
    parameters["overrides"] = [option for option in overrides if not option.startswith(own)]
    parameters |= sweep.parameters
    notebook = Path(sweep.notebook)
    command = [sys.executable, "-m", "papermill", str(notebook), str(folder / notebook.name)]
    command += ["-y", yaml.safe_dump(parameters), "--cwd", str(notebook.parent)]
    return [*command, "--no-progress-bar", "--log-output"]


def summarise(folder: str | Path) -> list[dict[str, Any]]:
    """The rows of `runs.collect`, written to summary.csv and drawn into summary.png."""
    from mf3d_tutorial.viz.static import sweep_figure

    rows = collect(folder)
    write_csv(rows, Path(folder) / "summary.csv")
    sweep_figure(rows).savefig(Path(folder) / "summary.png", dpi=100)
    return rows


def run_and_compare(sweep: Sweep) -> None:
    """Run the sweep and print its table; exit code 1, naming them, if runs failed."""
    failed = run_sweep(sweep)
    print(table(summarise(sweep.output_dir)))
    if failed:
        sys.exit(f"{len(failed)} runs failed: {'; '.join(failed)}")


@exit_on_user_error
def main() -> None:
    """Run the sweep of a file."""
    parser = argument_parser("sweep", __doc__)
    parser.add_argument("file", help="the sweep file")
    run_and_compare(load_sweep(parser.parse_args().file))


if __name__ == "__main__":
    main()
