"""The loop, and what it keeps: `fit(cfg)` trains as a config says. Read engine.py from top to
bottom."""

from mf3d_tutorial.training.engine import build_loader, fit, load_datasets, train_step, validate
from mf3d_tutorial.training.run_state import Run

__all__ = ["Run", "build_loader", "fit", "load_datasets", "train_step", "validate"]
