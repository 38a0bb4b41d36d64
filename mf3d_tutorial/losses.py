"""Public name of training/losses.py."""

from mf3d_tutorial.training.losses import SetCriterion

__all__ = ["SetCriterion"]
