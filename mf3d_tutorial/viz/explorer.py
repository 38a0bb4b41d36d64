"""Look at a trained model's masks in JupyterLab: three linked panels, and controls that decode
live.

    model, cfg = load_model("runs/first/best.ckpt")
    val_set = ScanNetScenes("data_samples", "val", voxel_size=cfg.data.voxel_size)
    MaskExplorer([inspect_scene(model, cfg, scene, val_set.labels) for scene in val_set])

What is shown is worked out by `Inspection`; here are only the widgets.
"""

import html
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np

from mf3d_tutorial.common.errors import UserError
from mf3d_tutorial.viz.colors import Paint
from mf3d_tutorial.viz.explain import about_point, about_query, object_name, why
from mf3d_tutorial.viz.failures import FAILURES, KINDS
from mf3d_tutorial.viz.figure_parts import legend, thin
from mf3d_tutorial.viz.inspection import VIEWS, Inspection, Row
from mf3d_tutorial.viz.panels import Panels
from mf3d_tutorial.viz.report import report_scene
from mf3d_tutorial.viz.static import scene_panels

_ALL = "all classes"
_COLUMNS = "{:<13}{:<20}{:<32}{:<7}{}"
_HINT = (
    "drag: turn · wheel: zoom · shift-drag: move · rest on a point: what it is · click it: its"
    " query's mask"
)
_FADED = 40  # of 255: what is not selected
_STYLE = """<style>.mf3d-table select, .mf3d-head { font-family: monospace; white-space: pre }
.mf3d-head { font-weight: 600; padding-left: 10px }</style>"""


class MaskExplorer(widgets.VBox):
    """`MaskExplorer([inspection, ...])`, displayed, is the explorer; `budget`: points shown in each
    panel.

    All numbers are of all points. Click a point, or a row of the table, to see its query.
    """

    def __init__(self, inspections: Sequence[Inspection], budget: int = 30_000):
        self.inspections, self.budget = list(inspections), budget
        if not self.inspections:
            raise UserError(
                "there is no scene to explore: give MaskExplorer at least one Inspection"
            )
        self.quiet, self.now = False, self.inspections[0]
        self.opacities: dict[int, float] = {}  # of queries; 1 where nothing is said
        self.instance = -1  # that is highlighted
        self._make_controls()
        self._observe()
        self.panels = Panels()
        self.panels.on_msg(lambda widget, content, buffers: self._on_message(content))
        self._open_scene()
        kinds = "".join(f"<br><b>{kind}</b>: {meaning}" for kind, meaning in KINDS.items())
        super().__init__(
            [
                widgets.HBox(
                    [
                        self.scene,
                        self.view,
                        self.only,
                        self.next,
                        self.everything,
                        self.html,
                        self.png,
                    ]
                ),
                widgets.HBox([self.query, self.layer, self.score, self.mask]),
                widgets.HBox([self.opacity, self.ceiling, self.near, self.largest]),
                self.count,
                self.panels,
                widgets.HTML(f"<small>{_HINT}</small>"),
                self.hover,
                self.legend,
                self.status,
                widgets.HTML(
                    f'{_STYLE}<div class="mf3d-head">{_COLUMNS.format(*Row.COLUMNS)}</div>'
                ),
                self.table,
                widgets.HTML(f"<details><summary>what the words mean</summary>{kinds}</details>"),
            ]
        )

    # Dropdowns whose value is never None, though their type allows it
    scene: Any
    view: Any
    only: Any

    def _make_controls(self) -> None:
        number = {
            "layout": {"width": "25%"},
            "style": {"description_width": "initial"},
            "readout_format": ".2f",
        }
        whole = number | {"readout_format": "d"}
        short = {"layout": {"width": "auto", "flex": "0 0 auto"}}
        choice = {
            "layout": {"flex": "1 1 0", "min_width": "0"},
            "style": {"description_width": "initial"},
        }
        names = [(inspection.scene.name, i) for i, inspection in enumerate(self.inspections)]
        self.scene = widgets.Dropdown(options=names, description="scene", **choice)
        self.view = widgets.Dropdown(
            options=VIEWS, value="prediction", description="right panel", **choice
        )
        self.only = widgets.Dropdown(
            options=[_ALL, *self.now.labels.names], description="class", **choice
        )
        self.query = widgets.IntSlider(description="query", max=len(self.now.logits) - 1, **whole)
        self.layer = widgets.IntSlider(description="decoder layer", min=1, max=1, **whole)
        self.score = widgets.FloatSlider(0.3, description="score above", max=1, step=0.02, **number)
        self.mask = widgets.FloatSlider(
            0, description="mask logit above", min=-5, max=5, step=0.1, **number
        )
        self.opacity = widgets.FloatSlider(
            1, description="opacity of this mask", max=1, step=0.1, **number
        )
        self.ceiling = widgets.FloatSlider(
            1, description="show up to", min=0.1, max=1, step=0.05, **number
        )
        self.near = widgets.FloatSlider(
            0, description="cut near side", max=0.9, step=0.05, **number
        )
        tip = "keep the largest connected part of each mask; as AP judges it, if the run does so"
        self.largest = widgets.Checkbox(
            description="largest part only", tooltip=tip, indent=False, layout=short["layout"]
        )
        self.next = widgets.Button(description="next failure", icon="forward", **short)
        self.everything = widgets.Button(
            description="show all", tooltip="no selection, all masks opaque", **short
        )
        self.html = widgets.Button(
            description="html", icon="save", tooltip="write this scene as a page", **short
        )
        self.png = widgets.Button(
            description="png", icon="image", tooltip="write these panels as a picture", **short
        )
        self.table = widgets.Select(options=[], rows=10, layout={"width": "100%"})
        self.table.add_class("mf3d-table")
        self.legend, self.status, self.count, self.hover = (widgets.HTML() for _ in range(4))

    def _observe(self) -> None:
        self.scene.observe(lambda _: self._open_scene(), "value")
        for control in (self.layer, self.score, self.mask, self.largest):
            control.observe(lambda _: self._decode(), "value")
        self.view.observe(lambda _: self._draw(), "value")
        self.only.observe(lambda _: self._filter(), "value")
        self.query.observe(lambda _: self.show_query(self.query.value), "value")
        self.table.observe(lambda _: self._pick_row(), "value")
        self.opacity.observe(lambda _: self._set_opacity(), "value")
        for control in (self.ceiling, self.near):
            control.observe(
                lambda _: setattr(self.panels, "cut", [self.ceiling.value, self.near.value]),
                "value",
            )
        self.next.on_click(lambda _: self.next_failure())
        self.everything.on_click(lambda _: self.show_all())
        self.html.on_click(lambda _: self._say(f"wrote {self.export('html')}"))
        self.png.on_click(lambda _: self._say(f"wrote {self.export('png')}"))

    @contextmanager
    def _silent(self):
        """Controls that are set in here do not draw."""
        before, self.quiet = self.quiet, True
        try:
            yield
        finally:
            self.quiet = before

    def _open_scene(self) -> None:
        self.now = self.inspections[self.scene.value]
        layers = len(self.now.layers)
        with self._silent():
            self.layer.max, self.query.max = layers, len(self.now.logits) - 1
            self.layer.value, self.query.value = layers, min(self.query.value, self.query.max)
            self.largest.value = self.now.largest_component
        self.shown = thin(self.now.truth, self.budget)
        coord, megabytes = self.now.scene.coord, self.now.nbytes / 1e6
        self.count.value = (
            f"shown: {len(self.shown):,} of {len(coord):,} points; {megabytes:.0f} MB in memory,"
            f" {layers} layer(s)"
        )
        with self.panels.hold_sync():
            self.panels.show_points(coord[self.shown])
            self._decode()

    def _decode(self) -> None:
        """Apply layer and thresholds: new masks, new table."""
        if self.quiet:
            return
        self.now.largest_component = self.largest.value
        self.now.update(self.layer.value - 1, self.score.value, self.mask.value)
        self.instance = -1
        self._fill_table()
        found = sum(row.kind == "found" for row in self.now.rows)
        objects = sum(row.instance >= 0 for row in self.now.rows)
        broken = (
            f"; {self.now.decoded.broken} queries with NaN outputs are left out"
            if self.now.decoded.broken
            else ""
        )
        count = (
            f"{found} of {objects} instances found, {len(self.now.decoded.queries)} predictions"
            " shown"
        )
        if not len(self.now.decoded.queries):
            count = "no prediction scores above the threshold"
        self._say(count + broken)
        self._draw()

    def _fill_table(self) -> None:
        """The rows of the class that is chosen; the value of an option is its place in
        `now.rows`."""
        only = self.only.value
        rows = [
            (i, row)
            for i, row in enumerate(self.now.rows)
            if only in (_ALL, row.label, row.found_label)
        ]
        with self._silent():
            self.table.options = [(_COLUMNS.format(*row.cells), i) for i, row in rows]
            self.table.value = None

    def _filter(self) -> None:
        if not self.quiet:
            self._fill_table()
            self._draw()

    def _paint(self, view: str) -> Paint:
        paint = self.now.paint(view, "" if self.only.value == _ALL else self.only.value)
        return paint._replace(index=paint.index[self.shown])

    def _alpha(self, view: str) -> bytes:
        """How opaque each shown point is, 0..255; empty: all are. In scan and truth a selected
        object stands out."""
        d = self.now.decoded
        if view in ("prediction", "error") and self.opacities:
            alpha = np.array(
                [255 * self.opacities.get(int(query), 1.0) for query in d.queries] + [255.0]
            )[d.found]
        elif view == "truth" and self.instance >= 0:
            alpha = np.where(self.now.truth == self.instance, 255, _FADED)
        else:
            return b""
        return alpha[self.shown].astype(np.uint8).tobytes()

    def _draw(self) -> None:
        if self.quiet:
            return
        view = self.view.value
        named = f": {object_name(self.now, self.instance)}" if self.instance >= 0 else ""
        paint = self._paint(view)
        self.legend.value = f"{view}: {legend(paint, 200)}"
        right = about_query(self.now, self.query.value) if view == "query" else view
        with self.panels.hold_sync():
            self.panels.titles = ["scan" + named, "truth" + named, right]
            self.panels.alpha = self._alpha("truth")
            self.panels.alpha2 = self._alpha(view) if view != "truth" else b""
            for place, each in enumerate((self._paint("RGB"), self._paint("truth"), paint)):
                self.panels.paint(place, each)

    def show_query(self, query: int, instance: int | None = None) -> None:
        """Show the mask probabilities of one query at the right, and its partner (or `instance`) in
        the others."""
        if self.quiet:
            return
        self.now.query = query
        k = self.now.place_of(query)
        partner = int(self.now.decoded.judgement.partner[k]) if k >= 0 else -1
        self.instance = partner if instance is None else instance
        with self._silent():
            self.query.value, self.view.value = query, "query"
            self.opacity.value = self.opacities.get(query, 1.0)
            rows = [
                i for _, i in self.table.options if query == self.now.rows[i].query and query >= 0
            ]
            if instance is None:
                self.table.value = rows[0] if rows else None
        self._say(about_query(self.now, query))
        self._draw()

    def show_all(self) -> None:
        """Back to the prediction: nothing is selected, all masks are opaque."""
        self.opacities.clear()
        self.instance = -1
        with self._silent():
            self.view.value, self.opacity.value, self.table.value = "prediction", 1.0, None
        self._draw()

    def _set_opacity(self) -> None:
        """Of the mask of the query that is selected; 0 hides it in prediction and error."""
        if self.quiet:
            return
        self.opacities[self.query.value] = self.opacity.value
        with self._silent():
            self.view.value = (
                self.view.value if self.view.value in ("prediction", "error") else "prediction"
            )
        self._draw()

    def next_failure(self) -> None:
        """Select the next row of the table that is not "found", within the class that is chosen."""
        start = -1 if self.table.value is None else self.table.value
        bad = [i for _, i in self.table.options if self.now.rows[i].kind in FAILURES]
        if not bad:
            self._say(
                "no failure at these thresholds"
                + f" in class {self.only.value}" * (self.only.value != _ALL)
            )
            return
        self.table.value = next((i for i in bad if i > start), bad[0])
        if len(bad) == 1:
            self._pick_row()

    def _pick_row(self) -> None:
        if self.quiet or self.table.value is None:
            return
        row = self.now.rows[self.table.value]
        query = row.query if row.query >= 0 else self.now.closest(row.instance)
        self.show_query(query, row.instance)
        self._say(why(self.now, row))

    def _on_message(self, content: dict) -> None:
        if "picked" in content:
            self.pick(content["picked"])
        else:
            self.point_at(content["hovered"])

    def point_at(self, place: int) -> None:
        """Say what a point is on which the mouse rests: the `place`-th of those shown; -1: none."""
        self.hover.value = (
            html.escape(about_point(self.now, int(self.shown[place]))) if place >= 0 else ""
        )

    def pick(self, place: int) -> None:
        """Show the query that owns a point: the `place`-th of those shown; -1: none was hit."""
        if place < 0:
            return
        n = int(self.shown[place])
        owner = self.now.decoded.found[n]
        if owner >= 0:
            self.show_query(int(self.now.decoded.queries[owner]))
        self._say(about_point(self.now, n))

    def export(self, kind: str, folder: str | Path = ".") -> Path:
        """Write the scene as an html page, or the three panels as a png, into `folder`; gives the
        file's path."""
        path = Path(folder) / f"{self.now.scene.name}.{kind}"
        if kind == "html":
            return report_scene(path, self.now)
        angles = {
            "azimuth": -np.degrees(self.panels.camera["turn"]),
            "elevation": np.degrees(self.panels.camera["tilt"]),
        }
        views = ("RGB", "truth", self.view.value)
        panels = {view: self.now.paint(view).colors for view in views}
        scene_panels(self.now.scene.coord, panels, **angles).savefig(path, bbox_inches="tight")
        return path

    def _say(self, text: str) -> None:
        self.status.value = f"<b>{html.escape(text)}</b>"
