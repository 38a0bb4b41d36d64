"""MaskFormer-3D tutorial: a course and a small package that teach and train 3D instance
segmentation."""

import os

# Read once, when torch starts its threads. By default a thread that waits spins, and on a machine
# with other work to do a training step then takes up to ten times longer.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
