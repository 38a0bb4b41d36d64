"""Which ScanNet classes a generated object has: in the 200 its own raw category, in the 20 what
`classes.yaml` says."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml

from mf3d_tutorial.data.labels import IGNORE_INDEX, label_set


@lru_cache
def scannet20_of() -> dict[str, str]:
    """Raw category -> its name in the 20 classes, if it has one."""
    text = Path(__file__).with_name("classes.yaml").read_text()
    return {raw: name for name, members in yaml.safe_load(text).items() for raw in members}


def indices(raw: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Class indices (M,) i32 in scannet20 and in scannet200 of M raw categories; -1 where a set has
    no such class."""

    def look_up(names: list, classes: tuple[str, ...]) -> np.ndarray:
        return np.array(
            [classes.index(name) if name in classes else IGNORE_INDEX for name in names], np.int32
        )

    of20 = list(map(scannet20_of().get, raw))
    return look_up(of20, label_set("scannet20").names), look_up(raw, label_set("scannet200").names)
