"""The model: a backbone that gives every point a feature, and queries that become instances."""

from mf3d_tutorial.model.maskformer import MaskFormer3D, build_model

__all__ = ["MaskFormer3D", "build_model"]
