"""Draw docs/images/front.png, the picture of README: a room, the truth, and what the shipped model
finds in it.

python -m tests.tools.front_picture
"""

import argparse
from pathlib import Path

from mf3d_tutorial.checkpoint import load_model
from mf3d_tutorial.data import ScanNetScenes
from mf3d_tutorial.predict import SHIPPED
from mf3d_tutorial.viz.inspection import inspect_scene
from mf3d_tutorial.viz.static import scene_panels

ROOT = Path(__file__).parents[2]
SCENE = 3  # of data_samples/val

if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    model, cfg = load_model(SHIPPED)
    rooms = ScanNetScenes(ROOT / "data_samples", "val", voxel_size=cfg.data.voxel_size)
    room = inspect_scene(model, cfg, rooms[SCENE], rooms.labels)
    titles = {
        "RGB": "a room (points)",
        "truth": "what is in it",
        "prediction": "what the model finds",
    }
    panels = {title: room.paint(view).colors for view, title in titles.items()}
    figure = scene_panels(room.scene.coord, panels, elevation=40)
    figure.savefig(ROOT / "docs/images/front.png", dpi=100, facecolor="white")
