"""Generated rooms that look like ScanNet: licence-free scenes for the course, the tests and
pre-training.

`make_scene(seed, split, index, domain=...)` furnishes one room (recipes.py), scans it with a
virtual depth camera (scan.py, paint.py) and annotates the cloud (annotate.py). What it draws from
is a domain (domain.py), a folder each: `simple` made the shipped rooms, `homes` is for training,
`other` only for testing. The same arguments give the same bytes, in any process.
"""

from .annotate import ARRAYS, make_scene

__all__ = ["ARRAYS", "make_scene"]
