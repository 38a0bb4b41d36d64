"""Generated rooms that look like ScanNet: licence-free scenes for the course, the tests and pre-training.

`make_scene(seed, split, index)` furnishes one room (recipes.py says with what, furniture.py, fixtures.py and shapes.py
make it, layout.py places it), scans it with a virtual depth camera (scan.py, paint.py) and annotates the cloud
(annotate.py). The same arguments give the same bytes, in any process.
"""

from .annotate import ARRAYS, make_scene

__all__ = ["ARRAYS", "make_scene"]
