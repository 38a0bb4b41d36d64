"""`match` and the costs are in training/matching.py; this is their public name."""

from mf3d_tutorial.training.matching import Pairs, Weights, cost_matrix, mask_costs, match

__all__ = ["Pairs", "Weights", "cost_matrix", "mask_costs", "match"]
