"""Draw a scene of every room type of a domain from above and from inside (about a minute).

python -m tests.tools.contact_sheet --domain simple --out data_samples/contact_sheet.jpg
python -m tests.tools.contact_sheet --domain homes --seed 1 --out /tmp/homes.png
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import Delaunay, cKDTree

from mf3d_tutorial.data.labels import label_set
from mf3d_tutorial.rooms import make_scene
from mf3d_tutorial.rooms.domain import domain
from mf3d_tutorial.viz.colors import class_colors, instance_colors

WIDTH, HEIGHT = 430, 330  # pixels of a picture


def render(
    coord: np.ndarray, colors: np.ndarray, eye: np.ndarray, target: np.ndarray, focal: float
) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) u8: points as squares of about their spacing, near ones over far ones."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0, 0, 1]) / np.linalg.norm(np.cross(forward, [0, 0, 1]))
    local = (coord - eye) @ np.stack([right, np.cross(forward, right), forward], 1)
    order = np.argsort(-local[:, 2])[: np.count_nonzero(local[:, 2] > 0.5)]
    local, colors = local[order], colors[order]
    spacing = np.median(cKDTree(coord).query(coord[::50], 2)[0][:, 1])
    center = local[:, :2] / local[:, 2:] * focal + [WIDTH / 2, HEIGHT / 2]
    half = np.maximum(0.7 * spacing * focal / local[:, 2:], 0.5)
    low, high = (np.maximum(edge, 0).astype(int) for edge in (center - half, center + half + 1))
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for (x0, y0), (x1, y1), color in zip(low, high, colors):
        picture[y0:y1, x0:x1] = color
    return picture


def row(source: str, kind: str, seed: int) -> np.ndarray:
    """The four pictures of one scene side by side."""
    scene = make_scene(seed, "train", 0, small=kind == "studio", kind=kind, domain=source)
    coord, twenty = scene["coord"].astype(float), label_set("scannet20")
    middle = np.append((coord[:, :2].min(0) + coord[:, :2].max(0)) / 2, 0.8)
    reach = np.linalg.norm(np.ptp(coord[:, :2], axis=0))
    above = middle + reach * np.array([0.35, -0.75, 1.05])
    # near walls and ceiling show their backs: leave them out
    seen = ((above - coord) * scene["normal"]).sum(1) > 0
    floor, walls = (
        coord[scene["segment20"] == twenty.index(name), :2] for name in ("floor", "wall")
    )
    floor = floor[Delaunay(walls).find_simplex(floor) >= 0]  # not what is seen through a door
    room = cKDTree(coord[(coord[:, 2] > 0.9) & (coord[:, 2] < 1.8), :2]).query(floor)[0]
    away = np.linalg.norm(floor - middle[:2], axis=1)
    eye = np.append(
        floor[np.argmax(np.where(away < 0.3 * reach, away + 5 * np.minimum(room, 0.5), 0))], 1.6
    )
    views = [
        render(coord[seen], colors[seen], above, middle, 1.35 * WIDTH)
        for colors in (
            scene["color"],
            class_colors(scene["segment20"], twenty),
            instance_colors(scene["instance"]),
        )
    ]
    return np.concatenate(
        [views[0], render(coord, scene["color"], eye, middle, 0.65 * WIDTH), *views[1:]], 1
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--domain", default="homes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", help="default: all room types of the domain")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    kinds = arguments.kinds or list(domain(arguments.domain).rooms)
    sheet = Image.fromarray(
        np.concatenate([row(arguments.domain, kind, arguments.seed) for kind in kinds])
    )
    for i, kind in enumerate(kinds):
        ImageDraw.Draw(sheet).text((6, 4 + i * HEIGHT), kind, fill=(0, 0, 0))
    sheet.save(arguments.out, **({"quality": 80} if arguments.out.suffix == ".jpg" else {}))
