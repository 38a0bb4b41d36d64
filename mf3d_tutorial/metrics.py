"""Public name of evaluation/metrics.py."""

from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP

__all__ = ["ScanNetInstanceAP"]
