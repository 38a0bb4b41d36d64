"""random_flip mirrors x and y, each by itself, half of the time."""

from collections import Counter

import numpy as np
from helpers import write_scene

from mf3d_tutorial.data import ScanNetScenes
from mf3d_tutorial.data.transforms import random_flip


def test_x_and_y_are_mirrored_independently_and_z_never(tmp_path):
    write_scene(tmp_path / "train/a", points=50)
    scene = ScanNetScenes(tmp_path, "train", voxel_size=None)[0]
    found = Counter()
    for seed in range(400):
        after = random_flip(scene, np.random.default_rng(seed))
        signs = tuple(np.sign((after.normal * scene.normal).sum(0)).astype(int).tolist())
        np.testing.assert_allclose(after.normal, scene.normal * signs, atol=1e-6)
        np.testing.assert_allclose(
            np.ptp(after.coord, axis=0), np.ptp(scene.coord, axis=0), atol=1e-5
        )
        found[signs] += 1
    assert set(found) == {(x, y, 1) for x in (-1, 1) for y in (-1, 1)}
    assert all(60 < count < 140 for count in found.values())  # 100 +- 4.6 standard deviations
