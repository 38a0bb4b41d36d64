"""The explorer's pictures: three views of the same points in one WebGL canvas, recoloured by one
byte per point.

A widget of our own: other widgets in JupyterLab recolour 3 x 30,000 points too slowly for a slider,
see docs/inside/decisions.md.
"""

from pathlib import Path

import anywidget
import numpy as np
import traitlets
from jaxtyping import Float, UInt16

from mf3d_tutorial.viz.colors import Paint
from mf3d_tutorial.viz.figure_parts import extent

VIEWER = Path(__file__).with_name("viewer.js").read_text()


class Panels(anywidget.AnyWidget):
    """Three pictures of the same points, drawn by viewer.js."""

    _esm = (
        VIEWER
        + """
export default { render({ model, el }) {
  const add = tag => el.appendChild(document.createElement(tag));
  const [titles, canvas] = ["div", "canvas"].map(add);
  titles.style = "display: flex; font-weight: 600; text-align: center";
  canvas.style = "width: 100%; height: 380px; background: #fff; cursor: grab";
  const bytes = name => {
    const d = model.get(name);
    return new Uint8Array(d.buffer, d.byteOffset, d.byteLength);
  };
  const name = () => titles.replaceChildren(...model.get("titles").map(text =>
    Object.assign(document.createElement("div"),
      { textContent: text, style: "flex: 1; min-width: 0" })));
  let viewer = null;
  const paint = v => viewer.paint(
    v, bytes("index" + v), bytes("palette" + v), bytes(v < 2 ? "alpha" : "alpha2"));
  const cut = () => { [viewer.ceiling, viewer.near] = model.get("cut"); viewer.draw(); };
  const open = () => {
    const last = viewer;
    const grid = new Uint16Array(bytes("grid").slice().buffer);
    viewer = new Viewer(canvas, grid, model.get("extent"), model.get("spacing"), 3);
    if (last) Object.assign(viewer, { turn: last.turn, tilt: last.tilt, frames: last.frames });
    viewer.picked = n => model.send({ picked: n });
    viewer.hovered = n => model.send({ hovered: n });
    viewer.turned = (turn, tilt) => { model.set("camera", { turn, tilt }); model.save_changes(); };
    [0, 1, 2].forEach(paint); cut();
  };
  name(); open();
  model.on("change:grid", open); model.on("change:titles", name); model.on("change:cut", cut);
  for (const v of [0, 1, 2]) model.on(`change:index${v}`, () => paint(v));
  model.on("change:alpha", () => { paint(0); paint(1); });
  model.on("change:alpha2", () => paint(2));
} };
"""
    )
    grid = traitlets.Bytes(b"").tag(sync=True)
    extent = traitlets.List().tag(sync=True)
    spacing = traitlets.Float().tag(sync=True)
    titles = traitlets.List(["scan", "truth", "prediction"]).tag(sync=True)
    # share of the height that is shown, of the depth that is cut
    cut = traitlets.List([1.0, 0.0]).tag(sync=True)
    camera = traitlets.Dict({"turn": -0.6, "tilt": 0.9}).tag(sync=True)
    index0, index1, index2 = (traitlets.Bytes(b"").tag(sync=True) for _ in range(3))
    palette0, palette1, palette2 = (traitlets.Bytes(b"").tag(sync=True) for _ in range(3))
    # How opaque each point is, 0..255, in scan and truth, and in the right panel; empty: all are.
    alpha, alpha2 = (traitlets.Bytes(b"").tag(sync=True) for _ in range(2))

    def show_points(self, coord: Float[np.ndarray, "N 3"]) -> None:
        """Show these points (metres)."""
        grid, self.extent, self.spacing = as_grid(coord)
        self.grid = grid.tobytes()

    def paint(self, view: int, paint: Paint) -> None:
        """Colour the points of one panel."""
        with self.hold_sync():
            setattr(self, f"palette{view}", paint.palette.tobytes())
            setattr(self, f"index{view}", paint.index.tobytes())


def as_grid(
    coord: Float[np.ndarray, "N 3"],
) -> tuple[UInt16[np.ndarray, "N 4"], list[float], float]:
    """What viewer.js takes: places in the box of the points, its edges (metres), the size of a
    point (metres)."""
    low = coord.min(0) if len(coord) else np.zeros(3)
    edges = extent(coord)
    grid = np.zeros((len(coord), 4), np.uint16)
    grid[:, :3] = np.round((coord - low) / edges * 65535)
    return grid, edges.tolist(), float(2 * np.sqrt(edges[0] * edges[1] / max(len(coord), 1)))
