"""From class and mask logits to scored instances, and from those to ScanNet AP."""

from mf3d_tutorial.evaluation.inference import Instances, predict_instances
from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP

__all__ = ["Instances", "ScanNetInstanceAP", "predict_instances"]
