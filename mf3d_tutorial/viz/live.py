"""The live viewer: what the model finds in a scene while it is trained (`viz.enabled=true`, package
`viser`).

    python -m mf3d_tutorial.train recipe=tiny paths.data_dir=data_samples viz.enabled=true

Open the address that it prints. Three panels side by side, as in WarpConvNet's example: input
colours, ground truth, prediction. It listens on this machine only (from elsewhere: `ssh -L
8080:localhost:8080 host`). Nothing is computed while no browser looks on, and less than 1 % of the
time is spent while one does.
"""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.config import Config
from mf3d_tutorial.data import ScanNetScenes, collate
from mf3d_tutorial.data.scannet import voxel_downsample
from mf3d_tutorial.evaluation.inference import forward_scene
from mf3d_tutorial.training.run_state import Log, Run
from mf3d_tutorial.viz.colors import (
    Paint,
    instance_paint,
    rgb_paint,
    scalar_paint,
    touching_colors,
)
from mf3d_tutorial.viz.inspection import Layers

if TYPE_CHECKING:
    import viser

PANELS = ("input", "ground truth", "prediction")
_HISTORY_BYTES = 200e6
_SHARE = 0.01  # of the training time


class Snapshot(NamedTuple):
    """What the viewer keeps of one look at the model."""

    title: str
    layers: Layers  # float16, on the CPU


class LiveViewer:
    """`viewer.update(run, losses)` after every step; it returns at once unless it is time for a new
    picture.

    Whatever goes wrong in here ends the viewer, never the training.
    """

    def __init__(self, cfg: Config, datasets: Sequence[ScanNetScenes], log: Log):
        try:
            import viser
        except ImportError as error:
            sentence = (
                "viz.enabled=true needs the package viser: run `pip install 'viser>=1'`, or leave"
                " it false"
            )
            raise ConfigError(sentence) from error
        self.cfg, self.log, self.lock = cfg, log, Lock()
        self.choices = {
            f"{d.split}/{folder.name}": (d, i)
            for d in datasets
            for i, folder in enumerate(d.folders)
        }
        self.due, self.scene_name, self.history = 0.0, "", deque()
        with redirect_stdout(StringIO()):  # its banner
            self.server = viser.ViserServer(
                "127.0.0.1", cfg.viz.port, label="MaskFormer-3D", verbose=False
            )
        port = self.server.get_port()
        taken = "" if port == cfg.viz.port else f" (port {cfg.viz.port} is taken)"
        log(f"live viewer: http://127.0.0.1:{port}{taken}")
        self.server.scene.set_up_direction("+z")
        self.server.initial_camera.position = (1.5, -5.5, 6.0)
        self.server.initial_camera.look_at = (1.5, 0.0, 0.0)
        self._controls(self.server.gui)

    def _controls(self, gui: "viser.GuiApi") -> None:
        viz = self.cfg.viz
        self.text = gui.add_markdown("waiting for the next step")
        self.scene = gui.add_dropdown("scene", list(self.choices))
        self.score = gui.add_slider("score above", 0.0, 1.0, 0.01, viz.score_thresh)
        self.mask = gui.add_slider(
            "mask logit above", -5.0, 5.0, 0.1, min(max(viz.mask_thresh, -5.0), 5.0)
        )
        self.query = gui.add_slider("query (-1: all)", -1, self.cfg.model.num_queries - 1, 1, -1)
        self.layer = gui.add_slider(
            "decoder layer", 1, max(self.cfg.model.num_decoders, 2), 1, self.cfg.model.num_decoders
        )
        self.age = gui.add_slider("pictures ago", 0, 20, 1, 0)
        for control in (self.score, self.mask, self.query, self.layer, self.age):
            control.on_update(lambda _: self._guarded(self._draw_prediction))

        @self.scene.on_update
        def _(_) -> None:
            self.due = 0.0  # at the next step, not in ten seconds

    def update(self, run: Run, losses: dict[str, Tensor]) -> None:
        """Show what the model finds now, if a browser looks on and the last picture is old
        enough."""
        start = time.monotonic()
        if self.server is None or start < self.due or not self.server.get_clients():
            return
        self._guarded(self._take, run, losses)
        now = time.monotonic()
        self.due = now + max(self.cfg.viz.interval_seconds, (now - start) / _SHARE)

    def close(self) -> None:
        """Stop the server."""
        if self.server is not None:
            with redirect_stdout(StringIO()):
                self.server.stop()
            self.server = None

    def _guarded(self, work, *arguments) -> None:
        try:
            with self.lock:
                work(*arguments)
        except Exception as error:
            self.log(f"the live viewer stopped ({type(error).__name__}: {error}); training goes on")
            self.close()

    def _take(self, run: Run, losses: dict[str, Tensor]) -> None:
        """Run the model on the chosen scene and keep what it says. The run's random numbers are not
        touched."""
        if self.scene.value != self.scene_name:
            self._open_scene(self.scene.value)
        model = run.averaged or run.model
        training = model.training
        model.eval()
        try:
            outputs = forward_scene(model, self.batch.points, run.precision)
        finally:
            model.train(training)
        layers = [(logits.cpu().half(), masks.cpu().half()) for logits, masks in outputs]
        best = (
            f"best AP {run.best['ap']:.3f} (epoch {run.best['epoch']})"
            if run.best
            else "no validation yet"
        )
        title = (
            f"epoch {run.epoch + 1}, step {run.step}/{run.total_steps}  \nloss {losses['loss']:.3f}"
            f"  \n{best}"
        )
        self.history.appendleft(Snapshot(title, layers))
        size = sum(tensor.nbytes for layer in layers for tensor in layer)
        while len(self.history) > max(1, min(21, int(_HISTORY_BYTES / size))):
            self.history.pop()
        self._draw_prediction()

    def _open_scene(self, name: str) -> None:
        dataset, index = self.choices[name]
        scene = voxel_downsample(dataset.read(index), self.cfg.data.voxel_size)
        data = self.cfg.data
        self.batch = collate([scene], len(dataset.labels), data.stuff, self.cfg.model.in_features)
        self.scene_name = name
        self.history.clear()
        cell = np.floor(scene.coord / self.cfg.viz.voxel_size).astype(np.int64)
        self.shown = np.unique(cell, axis=0, return_index=True)[1]
        self.coord = scene.coord - (scene.coord.min(0) + scene.coord.max(0)) / 2
        target = self.batch.targets[0]
        truth = target.instance.numpy()
        colors = touching_colors(scene.coord, truth, len(target))
        self._panel(0, rgb_paint(scene.color))
        self._panel(1, instance_paint(truth, colors))

    def _panel(self, place: int, paint: Paint) -> None:
        """Draw the points at the left (0), in the middle (1) or at the right (2)."""
        if self.server is None:
            return
        width = float(np.ptp(self.coord[:, 0])) + 1.0
        shift = np.array([(place - 1) * width, 0, 0])
        points, colors = (self.coord + shift)[self.shown], paint.colors[self.shown]
        size = max(self.cfg.viz.voxel_size, self.cfg.data.voxel_size)
        top = [0, 0, self.coord[:, 2].max() + 0.5]
        self.server.scene.add_point_cloud(
            f"/panel{place}", points, colors, point_size=size, point_shape="square"
        )
        self.server.scene.add_label(f"/title{place}", PANELS[place], position=shift + top)

    def _draw_prediction(self) -> None:
        if not self.history:
            return
        shot = self.history[min(self.age.value, len(self.history) - 1)]
        logits, masks = (
            x.float() for x in shot.layers[min(self.layer.value, len(shot.layers)) - 1]
        )
        if self.query.value < 0:
            owner = point_queries(logits, masks, self.score.value, self.mask.value)
            paint = instance_paint(owner)
            what = f"{len(np.unique(owner[owner >= 0]))} queries shown"
        else:
            chance = logits[self.query.value].softmax(-1)[:-1]
            paint = scalar_paint(masks[self.query.value].sigmoid().numpy(), 0.0, 1.0)
            name = self.choices[self.scene_name][0].labels.names[chance.argmax()]
            what = f"query {self.query.value}: {name} {chance.max():.2f}"
        self.text.content = f"{shot.title}  \n{what}"
        self._panel(2, paint)


def point_queries(
    logits: Float[Tensor, "Q classes"],
    masks: Float[Tensor, "Q N"],
    score_threshold: float,
    mask_threshold: float,
) -> Int[np.ndarray, " N"]:
    """The query that owns each point, -1: none, as in WarpConvNet's example.

    A query is shown if its best class probability is above `score_threshold`. A point goes to the
    shown query with the highest product of that probability and its mask logit, if the logit is
    above `mask_threshold`. A query with NaN owns nothing.
    """
    score = logits.softmax(-1)[:, :-1].amax(1)
    shown = ((score > score_threshold) & masks.isfinite().all(1)).nonzero().squeeze(1)
    if not len(shown):
        return np.full(masks.shape[1], -1)
    best = (masks[shown] * score[shown, None]).argmax(0)
    logit = masks[shown].gather(0, best[None])[0]
    return torch.where(logit > mask_threshold, shown[best], -1).numpy()
