"""`ScanNetInstanceAP` is in evaluation/metrics.py; this is its public name."""

from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP

__all__ = ["ScanNetInstanceAP"]
