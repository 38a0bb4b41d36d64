"""`ScanNetInstanceAP` and `verdicts` are in evaluation/metrics.py; these are their public names."""

from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP, verdicts

__all__ = ["ScanNetInstanceAP", "verdicts"]
