"""Look at a trained model's masks in JupyterLab: three linked panels, and controls that decode live.

    model, cfg = load_model("runs/first/best.ckpt")
    val_set = ScanNetScenes("data_samples", "val", voxel_size=cfg.data.voxel_size)
    MaskExplorer([inspect_scene(model, cfg, scene, val_set.labels) for scene in val_set])

What is shown is worked out by `Inspection`; here are only the widgets.
"""

from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets

from mf3d_tutorial.common.errors import UserError
from mf3d_tutorial.viz.colors import Paint
from mf3d_tutorial.viz.inspection import VIEWS, Inspection
from mf3d_tutorial.viz.plotly import legend, thin
from mf3d_tutorial.viz.report import VIEWER, as_grid, report_scene
from mf3d_tutorial.viz.static import scene_panels

FAILURES = ("missed", "wrong class", "loose", "double", "invented")
_ALL = "all classes"


class Panels(anywidget.AnyWidget):
    """Three pictures of the same points, drawn by viewer.js. A recolour is one message of one byte a point.

    (Plotly's FigureWidget rebuilds every panel for a recolour: seconds where WebGL runs in software.)
    """

    _esm = (
        VIEWER
        + """
export default { render({ model, el }) {
  const [titles, canvas] = ["div", "canvas"].map(tag => el.appendChild(document.createElement(tag)));
  titles.style = "display: flex; font-weight: 600; text-align: center";
  canvas.style = "width: 100%; height: 380px; background: #fff";
  for (const text of ["RGB", "truth", "right panel"]) {
    const title = titles.appendChild(document.createElement("div"));
    title.textContent = text; title.style.flex = 1;
  }
  const bytes = name => { const d = model.get(name); return new Uint8Array(d.buffer, d.byteOffset, d.byteLength); };
  let viewer = null;
  const paint = v => {
    const palette = bytes("palette" + v);
    viewer.paint(v, bytes("index" + v), i => palette.subarray(3 * i, 3 * i + 3));
  };
  const open = () => {
    const last = viewer;
    const grid = new Uint16Array(bytes("grid").slice().buffer);
    viewer = new Viewer(canvas, grid, model.get("extent"), model.get("spacing"), 3);
    if (last) Object.assign(viewer, { turn: last.turn, tilt: last.tilt, frames: last.frames });
    viewer.picked = n => model.send({ picked: n });
    viewer.turned = (turn, tilt) => { model.set("camera", { turn, tilt }); model.save_changes(); };
    [0, 1, 2].forEach(paint);
  };
  open();
  model.on("change:grid", open);
  for (const v of [0, 1, 2]) model.on(`change:index${v}`, () => paint(v));
} };
"""
    )
    grid = traitlets.Bytes(b"").tag(sync=True)
    extent = traitlets.List().tag(sync=True)
    spacing = traitlets.Float().tag(sync=True)
    camera = traitlets.Dict({"turn": -0.6, "tilt": 0.9}).tag(sync=True)
    index0, index1, index2 = (traitlets.Bytes(b"").tag(sync=True) for _ in range(3))
    palette0, palette1, palette2 = (traitlets.Bytes(b"").tag(sync=True) for _ in range(3))

    def paint(self, view: int, paint: Paint) -> None:
        """Colour the points of one panel."""
        with self.hold_sync():
            setattr(self, f"palette{view}", paint.palette.tobytes())
            setattr(self, f"index{view}", paint.index.tobytes())


class MaskExplorer(widgets.VBox):
    """`MaskExplorer([inspection, ...])`, displayed, is the explorer; `budget`: points shown in each panel.

    All numbers are of all points. Click a point, or a row of the table, to see its query.
    """

    def __init__(self, inspections: Sequence[Inspection], budget: int = 30_000):
        self.inspections, self.budget = list(inspections), budget
        if not self.inspections:
            raise UserError("there is no scene to explore: give MaskExplorer at least one Inspection")
        self.quiet = False
        self.now = self.inspections[0]
        self._controls()
        self.panels, self.count = Panels(), widgets.HTML()
        self.panels.on_msg(lambda widget, content, buffers: self.pick(content["picked"]))
        self._open_scene()
        top = widgets.HBox([self.scene, self.view, self.only, self.next, self.html, self.png])
        sliders = widgets.HBox([self.query, self.layer, self.score, self.mask])
        super().__init__([top, sliders, self.count, self.panels, self.legend, self.status, self.table, self.style])

    def _controls(self) -> None:
        number = {"layout": {"width": "25%"}, "style": {"description_width": "initial"}}
        short = {"layout": {"width": "auto", "flex": "0 0 auto"}}
        choice = {"layout": {"flex": "1 1 0", "min_width": "0"}, "style": {"description_width": "initial"}}
        names = [(inspection.scene.name, i) for i, inspection in enumerate(self.inspections)]
        self.scene = widgets.Dropdown(options=names, description="scene", **choice)
        self.view = widgets.Dropdown(options=VIEWS, value="prediction", description="right panel", **choice)
        self.only = widgets.Dropdown(options=[_ALL, *self.now.labels.names], description="class", **choice)
        self.query = widgets.IntSlider(description="query", max=len(self.now.logits) - 1, **number)
        self.layer = widgets.IntSlider(description="decoder layer", min=1, max=1, **number)
        self.score = widgets.FloatSlider(0.3, description="score above", max=1, step=0.02, **number)
        self.mask = widgets.FloatSlider(0, description="mask logit above", min=-5, max=5, step=0.1, **number)
        self.next = widgets.Button(description="next failure", icon="forward", **short)
        self.html = widgets.Button(description="html", icon="save", tooltip="write this scene as a page", **short)
        self.png = widgets.Button(description="png", icon="image", tooltip="write these panels as a picture", **short)
        self.table = widgets.Select(options=[], rows=10, layout={"width": "100%"})
        self.table.add_class("mf3d-table")
        self.legend, self.status = widgets.HTML(), widgets.HTML()
        self.style = widgets.HTML("<style>.mf3d-table select { font-family: monospace }</style>")
        self.scene.observe(lambda _: self._open_scene(), "value")
        for control in (self.layer, self.score, self.mask):
            control.observe(lambda _: self._decode(), "value")
        for control in (self.view, self.only):
            control.observe(lambda _: self._draw(), "value")
        self.query.observe(lambda _: self.show_query(self.query.value), "value")
        self.table.observe(lambda _: self._pick_row(), "value")
        self.next.on_click(lambda _: self.next_failure())
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
        self.shown = thin(self.now.truth, self.budget)
        coord = self.now.scene.coord
        self.count.value = f"shown: {len(self.shown):,} of {len(coord):,} points"
        with self.panels.hold_sync():
            grid, self.panels.extent, self.panels.spacing = as_grid(coord[self.shown])
            self.panels.grid = grid.tobytes()
            self.panels.paint(0, self._paint("RGB"))
            self._decode()

    def _decode(self) -> None:
        """Apply layer and thresholds: new masks, new table."""
        if self.quiet:
            return
        self.now.update(self.layer.value - 1, self.score.value, self.mask.value)
        with self._silent():
            self.table.options = [
                ("{:<13}{:<20}{:<32}{:<7}IoU {}".format(*row.cells), i) for i, row in enumerate(self.now.rows)
            ]
            self.table.value = None
        found = sum(row.kind == "found" for row in self.now.rows)
        broken = f"; {self.now.decoded.broken} queries with NaN outputs are left out" if self.now.decoded.broken else ""
        count = f"{found} of {len(self.now.target)} instances found, {len(self.now.decoded.queries)} predictions shown"
        self._say(
            count + broken if len(self.now.decoded.queries) else f"no prediction scores above the threshold{broken}"
        )
        self._draw()

    def _paint(self, view: str) -> Paint:
        paint = self.now.paint(view, "" if self.only.value == _ALL else self.only.value)
        return paint._replace(index=paint.index[self.shown])

    def _draw(self) -> None:
        if self.quiet:
            return
        paint = self._paint(self.view.value)
        self.legend.value = f"right panel, {self.view.value}: {legend(paint, 200)}"
        with self.panels.hold_sync():
            self.panels.paint(1, self._paint("truth"))
            self.panels.paint(2, paint)

    def show_query(self, query: int) -> None:
        """Show the mask probabilities of one query in the right panel."""
        if self.quiet:
            return
        self.now.query = query
        with self._silent():
            self.query.value, self.view.value = query, "query"
        self._say(self.now.about_query(query))
        self._draw()

    def next_failure(self) -> None:
        """Select the next row of the table that is not "found"."""
        rows, start = self.now.rows, -1 if self.table.value is None else self.table.value
        bad = [i for i, row in enumerate(rows) if row.kind in FAILURES]
        if not bad:
            self._say("no failure at these thresholds")
            return
        self.table.value = next((i for i in bad if i > start), bad[0])

    def _pick_row(self) -> None:
        if self.quiet or self.table.value is None:
            return
        row = self.now.rows[self.table.value]
        if row.query >= 0:
            self.show_query(row.query)
            return
        nearest = self.now.closest(row.instance)
        self.show_query(nearest)
        self._say(f"{row.label} {row.instance} is {row.kind}; nearest is {self.now.about_query(nearest)}")

    def pick(self, place: int) -> None:
        """Show the query that owns a point: the `place`-th of those shown; -1: none was hit."""
        if place < 0:
            return
        n = int(self.shown[place])
        owner = self.now.decoded.found[n]
        if owner >= 0:
            self.show_query(int(self.now.decoded.queries[owner]))
        self._say(self.now.about_point(n))

    def export(self, kind: str, folder: str | Path = ".") -> Path:
        """Write the scene as an html page, or the three panels as a png, into `folder`; gives the file's path."""
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
        self.status.value = f"<b>{text}</b>"
