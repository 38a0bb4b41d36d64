"""`predict_instances` and the rest are in evaluation/inference.py; this is their public name."""

from mf3d_tutorial.evaluation.inference import (
    InferenceOptions,
    Instances,
    keep_largest_component,
    predict_instances,
    predict_scan,
    run_model,
    scene_instances,
)

__all__ = [
    "InferenceOptions",
    "Instances",
    "keep_largest_component",
    "predict_instances",
    "predict_scan",
    "run_model",
    "scene_instances",
]
