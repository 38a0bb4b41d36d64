"""Rooms of ScanNet's size for the benchmarks."""

import os
import subprocess
import sys
from pathlib import Path


def rooms_in(folder: Path, train: int, val: int = 1) -> Path:
    """Generate so many rooms in `folder`, which is then a dataset."""
    make = [
        sys.executable,
        "-m",
        "mf3d_tutorial.make_rooms",
        "--out",
        str(folder),
        "--val",
        str(val),
    ]
    subprocess.run([*make, "--train", str(train), "--workers", str(os.cpu_count())], check=True)
    return folder
