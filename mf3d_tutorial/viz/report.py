"""One scene as an html page that opens anywhere, without server and network: figure, table of
failures, reasons.

Plotly's script (4.8 MB) lies beside the pages of a folder, once: send it along with the page.
"""

import base64
import gzip
import html
import json
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import plotly.graph_objects as go
from IPython.display import HTML
from jaxtyping import Int
from plotly.offline import get_plotlyjs

from mf3d_tutorial.common.atomic_files import write_text, writing
from mf3d_tutorial.viz.entries import Entry, entries
from mf3d_tutorial.viz.explain import about_query, why
from mf3d_tutorial.viz.failures import KINDS
from mf3d_tutorial.viz.figure_parts import extent
from mf3d_tutorial.viz.inspection import Inspection, Row
from mf3d_tutorial.viz.plotly import mask_figure

PLOTLY = "plotly.min.js"
LINK_CAMERAS = Path(__file__).with_name("link_cameras.js").read_text()


def report_scene(path: str | Path, room: Inspection, budget: int = 20_000) -> Path:
    """Write the page of a scene, and Plotly's script beside it if it is not there yet; gives the
    page's path.

    The table has a row for each object and each prediction without one, worst IoU first; a click on
    it, or on a point, shows the object in scan and truth, the mask of its query as probabilities,
    and why it is what it is. UserError if a file cannot be written.
    """
    path = Path(path)
    page, script = _page(room, budget, f'<script src="{PLOTLY}"></script>'), path.with_name(PLOTLY)
    with writing(path):
        write_text(page, path)
    if not script.exists():
        with writing(script):
            write_text(get_plotlyjs(), script)
    return path


def show_page(room: Inspection, budget: int = 20_000, height: int = 1000) -> HTML:
    """The same page inside a live notebook: displayed, it takes 6 MB there, so clear it before you
    save.

    (Plotly's own widget, FigureWidget of 7.1, shows nothing in JupyterLab 4.6 once a figure has
    buttons or a slider.)
    """
    page = html.escape(_page(room, budget, f"<script>{get_plotlyjs()}</script>"), quote=True)
    # in a div: of an iframe alone IPython warns that there is a class IFrame, which takes no text
    frame = f'<iframe srcdoc="{page}" style="width: 100%; height: {height}px; border: 0"></iframe>'
    return HTML(f"<div>{frame}</div>")


def _page(room: Inspection, budget: int, script: str) -> str:
    """The html of a page; `script`: the element that brings Plotly."""
    listed = entries(room)
    figure = mask_figure(room, budget=budget)
    last = f"scene{3 if len(room.target) else 2}"  # the panel of the prediction
    points = np.concatenate(
        [np.zeros(0, int), *(_points(trace) for trace in figure.data if trace.scene == last)]
    )
    queries = list(dict.fromkeys(_query(room, row) for row in room.rows)) if room.layers else []
    levels = [
        np.round(np.nan_to_num(room.probability(query)[points]) * 15) * 4.2 for query in queries
    ]
    blob = b"".join(np.round(level).astype(np.uint8).tobytes() for level in levels)
    head = {
        "figure": json.loads(figure.to_json() or ""),
        "visible": [trace.visible is True for trace in figure.data],
        "sizes": [len(trace.customdata) for trace in figure.data],
        "points": len(points),
        "extent": (1000 * extent(room.scene.coord)).tolist(),
        "columns": Row.COLUMNS,
        "kinds": [item for item in KINDS.items() if any(row.kind == item[0] for row in room.rows)],
        "rows": [_row(room, row, listed, queries) for row in room.rows],
    }
    return Template(Path(__file__).with_name("report.html").read_text()).substitute(
        title=html.escape(room.scene.name),
        script=script,
        link=LINK_CAMERAS,
        head=json.dumps(head).replace("<", "\\u003c"),
        data=base64.b64encode(gzip.compress(blob, mtime=0)).decode(),
    )


def _points(trace: go.Scatter3d) -> Int[np.ndarray, " n"]:
    """The points of the scene that a trace shows."""
    data = np.asarray(trace.customdata)
    return data if data.ndim == 1 else data[:, 0]


def _query(room: Inspection, row: Row) -> int:
    """Whose mask a row shows: its own query's, or of a missed object the nearest one's."""
    return row.query if row.query >= 0 else room.closest(row.instance)


def _row(room: Inspection, row: Row, listed: list[Entry], queries: list[int]) -> dict[str, Any]:
    """What report.html takes for a row of the table."""
    k = row.place
    instance = (
        row.instance
        if row.instance >= 0
        else int(room.decoded.judgement.iou[k].argmax())
        if row.iou > 0
        else -1
    )
    of_instance = [e for e, entry in enumerate(listed) if instance in entry.instances]
    own = [
        e
        for e, entry in enumerate(listed)
        if (k in entry.places if row.instance < 0 else instance in entry.instances)
    ]
    query = _query(room, row) if queries else row.query
    return {
        "cells": row.cells,
        "classes": [name for name in dict.fromkeys([row.label, row.found_label]) if name],
        # a missed object stays, whatever the threshold
        "score": row.score if row.query >= 0 else 1.0,
        "entry": str(own[0]),
        "bright": [*own, *of_instance],
        "mask": queries.index(query) if queries else -1,
        "title": html.escape(about_query(room, query)) if queries else "",
        "why": why(room, row),
    }
