"""Print what data_samples/README.md says of generated scenes.

python -m mf3d_tutorial.make_rooms --out DIR --train 100 --val 0 --domain simple
python -m tests.tools.room_statistics DIR
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from mf3d_tutorial.data.labels import label_set


def statistics(folders: list[Path]) -> tuple[dict[str, list], Counter, int]:
    """Name of a figure -> its values by scene (or by instance); instances of each class; number of
    the 200 classes."""
    figures, classes, of200 = {}, Counter(), set()
    for folder in folders:
        coord, instance, segment, segment200 = (
            np.load(folder / f"{name}.npy")
            for name in ("coord", "instance", "segment20", "segment200")
        )
        sizes, extent = np.bincount(instance[instance >= 0]), np.ptp(coord, axis=0)
        # without -1, which comes first
        found = segment[np.unique(instance, return_index=True)[1]][-len(sizes) :]
        for name, values in {
            "points per scene": [len(coord)],
            "instances per scene": [len(sizes)],
            "of these, in the 20 classes": [np.count_nonzero(found >= 0)],
            "points per instance": sizes,
            "instances of 100 points or more, %": [100 * np.mean(sizes >= 100)],
            "points not annotated, %": [100 * np.mean(instance < 0)],
            "longer side, m": [extent[:2].max()],
            "shorter side, m": [extent[:2].min()],
            "height, m": [extent[2]],
        }.items():
            figures.setdefault(name, []).extend(values)
        classes.update(found[found >= 0].tolist())
        of200 |= set(segment200[segment200 >= 0].tolist())
    return figures, classes, len(of200)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a folder that make_rooms has written")
    if not (folders := sorted(parser.parse_args().data.glob("*/room*"))):
        parser.error("there is no room in it")
    figures, classes, of200 = statistics(folders)
    for name, values in figures.items():
        low, middle, high = np.percentile(values, [5, 50, 95])
        print(f"{name}: {low:,.1f} / {middle:,.1f} / {high:,.1f}, mean {np.mean(values):,.1f}")
    print(f"{len(classes)} of the 20 classes, {of200} of the 200; instances per scene:")
    for index, name in enumerate(label_set("scannet20").names):
        print(f"  {name} {classes[index] / len(folders):.2f}")
