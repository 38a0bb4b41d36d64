"""Read the npy files of a scene folder, as training, `evaluate` and `predict` do."""

from contextlib import suppress
from pathlib import Path

import numpy as np


def read_npy(path: Path) -> np.ndarray:
    """The array of an npy file. Not by np.load, which would take a zip archive or a pickle as well.

    Python 3.11 now and then refuses a sound header with SystemError, when several threads parse
    one (python/cpython#106905): the next try reads it.
    """

    def read() -> np.ndarray:
        with open(path, "rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    for _ in range(4):
        with suppress(SystemError):
            return read()
    return read()
