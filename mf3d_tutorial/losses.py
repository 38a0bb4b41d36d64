"""`SetCriterion` is in training/losses.py; this is its public name."""

from mf3d_tutorial.training.losses import SetCriterion

__all__ = ["SetCriterion"]
