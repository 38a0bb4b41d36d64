"""One scene as one html file that opens anywhere: no server, no network, a few hundred kilobytes.

The page has a point viewer of its own (viewer.js, WebGL): plotly.js alone would be 4.8 MB a page.
"""

import base64
import gzip
import html
import json
from collections.abc import Sequence
from pathlib import Path
from string import Template

import numpy as np
from jaxtyping import Float, Int, Shaped, UInt16

from mf3d_tutorial.common.atomic_files import write_text, writing
from mf3d_tutorial.viz.colors import RAMP, Paint
from mf3d_tutorial.viz.inspection import VIEWS, Inspection
from mf3d_tutorial.viz.plotly import thin

VIEWER = Path(__file__).with_name("viewer.js").read_text()


def write_report(
    path: str | Path,
    title: str,
    coord: Float[np.ndarray, "N 3"],
    panels: dict[str, Paint],
    masks: Shaped[np.ndarray, "K N"] | None = None,
    mask_names: Sequence[str] = (),
    columns: Sequence[str] = (),
    rows: Sequence[tuple[Sequence[str], int]] = (),
    groups: Int[np.ndarray, " N"] | None = None,
    budget: int = 60_000,
) -> Path:
    """Write the page and give its path. UserError if the file cannot be written.

    panels: the first three stand side by side; the right one can be changed for any.
    masks, mask_names: bool, or probabilities 0..1; each can be shown by a slider, by a click on a point or on a row.
    columns, rows: a table; a row is its cells and the number of the mask that belongs to it (-1: none).
    groups, budget: which points are shown, see `viz.plotly.thin`.
    """
    path, paints = Path(path), list(panels.values())
    shown = thin(paints[-1].index if groups is None else groups, budget)
    grid, extent, spacing = as_grid(coord[shown])
    masks = np.zeros((0, len(coord))) if masks is None else masks
    levels = [np.round(np.nan_to_num(mask[shown].astype(np.float32)) * 15).astype(np.uint8) * 17 for mask in masks]
    blob = b"".join(array.tobytes() for array in (grid, *(paint.index[shown] for paint in paints), *levels))
    head = {
        "points": len(shown),
        "extent": extent,
        "spacing": spacing,
        "panels": [
            {"name": name, "palette": paint.palette.tolist(), "names": _named(paint)} for name, paint in panels.items()
        ],
        "masks": list(mask_names),
        "ramp": RAMP,
        "columns": list(columns),
        "rows": [[list(cells), mask] for cells, mask in rows],
    }
    page = Template(Path(__file__).with_name("report.html").read_text()).substitute(
        viewer=VIEWER,
        title=html.escape(title),
        note=f"Shown: {len(shown):,} of {len(coord):,} points.",
        head=json.dumps(head).replace("<", "\\u003c"),
        data=base64.b64encode(gzip.compress(blob, mtime=0)).decode(),
    )
    with writing(path):
        write_text(page, path)
    return path


def report_scene(path: str | Path, inspection: Inspection) -> Path:
    """The page of an `Inspection`: its views, the masks that are shown, and the table of instances, worst first."""
    look = [row.query if row.query >= 0 else inspection.closest(row.instance) for row in inspection.rows]
    queries = list(dict.fromkeys([*inspection.decoded.queries.tolist(), *look]))
    return write_report(
        path,
        inspection.scene.name,
        inspection.scene.coord,
        {view: inspection.paint(view) for view in VIEWS if view != "query"},
        inspection.masks[queries].float().sigmoid().cpu().numpy(),
        [inspection.about_query(query) for query in queries],
        ["", "truth", "prediction", "score", "IoU"],
        [(row.cells, queries.index(query)) for row, query in zip(inspection.rows, look)],
        inspection.truth,
    )


def as_grid(coord: Float[np.ndarray, "N 3"]) -> tuple[UInt16[np.ndarray, "N 4"], list[float], float]:
    """What viewer.js takes: places in the box of the points, its edges (metres), the size of a point (metres)."""
    low, high = (coord.min(0), coord.max(0)) if len(coord) else (np.zeros(3), np.ones(3))
    extent = np.maximum(high - low, 1e-3).astype(float)
    grid = np.zeros((len(coord), 4), np.uint16)
    grid[:, :3] = np.round((coord - low) / extent * 65535)
    return grid, extent.tolist(), float(2 * np.sqrt(extent[0] * extent[1] / max(len(coord), 1)))


def _named(paint: Paint) -> list:
    return [[paint.palette[i].tolist(), name] for i, name in paint.names.items()]
