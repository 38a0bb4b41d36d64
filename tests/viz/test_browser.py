"""The explorer in a real JupyterLab, the live viewer and the html page, in headless Chromium.

Buys what no Python test can: that the pages open without an error and that a slider changes pixels.
"""

import io
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from helpers import made_up_inspection
from PIL import Image

from mf3d_tutorial.config import load_config
from mf3d_tutorial.training.engine import load_datasets
from mf3d_tutorial.training.run_state import Run
from mf3d_tutorial.viz.report import report_scene

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium"),
]
FLAGS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--ignore-gpu-blocklist"]
FLAGS += ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SCREENSHOTS = os.environ.get("MF3D_SCREENSHOTS")  # a folder, to look at what the tests saw


@pytest.fixture
def page(tmp_path):
    """A page of a fresh browser; the test fails if the page throws or logs an error."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    errors = []
    with sync_api.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            tmp_path / "home/profile", executable_path=CHROMIUM, args=FLAGS, viewport={"width": 1400, "height": 900}
        )
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        yield page
        context.close()
    assert not errors


def picture(page, name: str, selector: str) -> np.ndarray:
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")
    return np.asarray(Image.open(io.BytesIO(page.locator(selector).first.screenshot())).convert("RGB")).astype(int)


def share_changed(before: np.ndarray, after: np.ndarray) -> float:
    return float((np.abs(before - after).max(2) > 40).mean())


def colored(image: np.ndarray) -> float:
    return float((np.ptp(image, axis=2) > 40).mean())


def test_the_html_page_shows_the_scene_and_its_masks_without_a_network(page, tmp_path):
    page.context.set_offline(True)
    page.goto(report_scene(tmp_path / "cubes.html", made_up_inspection()).as_uri())
    page.wait_for_selector("body[data-ready]")
    before = picture(page, "report", "canvas")
    assert colored(before) > 0.02
    assert page.locator("tr").count() == 1 + 6
    page.locator("#mask").focus()
    page.keyboard.press("ArrowRight")
    one = picture(page, "report-mask", "canvas")
    third = before.shape[1] // 3
    assert share_changed(before[:, 2 * third :], one[:, 2 * third :]) > 0.01
    assert share_changed(before[:, : 2 * third], one[:, : 2 * third]) == 0
    assert page.inner_text("#about").startswith("query ")
    page.locator("tr.link").nth(3).click()
    assert page.locator("tr.on").count() == 1
    page.mouse.move(200, 250)
    page.mouse.down()
    page.mouse.move(300, 250)
    page.mouse.up()
    turned = picture(page, "report-turned", "canvas")
    for panel in range(3):  # all cameras turn together
        assert share_changed(one[:, panel * third :][:, :third], turned[:, panel * third :][:, :third]) > 0.005


@contextmanager
def jupyter_lab(folder: Path):
    """A JupyterLab server on this machine only, with a token; gives the address of a notebook of `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, root = secrets.token_hex(16), Path(__file__).parents[2]
    options = [f"--ServerApp.root_dir={folder}", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    options += [f"--IdentityProvider.token={token}", "--no-browser", "--allow-root"]
    paths = [str(root), str(root / "tests")]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR")
    homes = {name: str(folder / "home" / name) for name in names}
    news = folder / "home/JUPYTERLAB_SETTINGS_DIR/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text('{"fetchNews": "false"}')
    environment = {**os.environ, **homes, "PYTHONPATH": os.pathsep.join(paths)}
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment, stdout=log, stderr=log
        )
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status?token={token}", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (folder / "server.log").read_text()
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/lab/tree/explore.ipynb?token={token}"
    finally:
        server.terminate()
        server.wait(30)


# From a key press on the slider to the frame after the one that shows the new colours.
CLOCK = """() => {
    window.delays = [];
    document.addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
    new MutationObserver(() => requestAnimationFrame(() => window.delays.push(performance.now() - window.pressed)))
        .observe(document.querySelector('canvas[data-frames]'), { attributeFilter: ['data-frames'] });
}"""


def test_the_explorer_works_in_jupyterlab(page, tmp_path):
    late = pytest.importorskip("playwright.sync_api").TimeoutError
    source = (
        "from helpers import made_up_inspection\nfrom mf3d_tutorial.viz.explorer import MaskExplorer\n"
        "MaskExplorer([made_up_inspection(40_000, queries=40)], budget=50_000)"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "explore.ipynb")
    with jupyter_lab(tmp_path) as address:
        page.goto(address, timeout=90_000)
        for _ in range(5):  # on a busy machine the key may come before the kernel, and nothing happens
            page.locator(".jp-CodeCell .cm-content").first.click(timeout=90_000)
            page.keyboard.press("Control+Enter")
            with suppress(late):
                page.wait_for_selector("canvas[data-frames]", timeout=40_000)
                break
        page.wait_for_timeout(3000)
        before = picture(page, "explorer", "canvas[data-frames]")
        assert colored(before) > 0.02
        page.evaluate(CLOCK)
        page.locator(".noUi-handle").first.focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(1000)
        after = picture(page, "explorer-query", "canvas[data-frames]")
        third = before.shape[1] * 2 // 3
        assert share_changed(before[:, third:], after[:, third:]) > 0.01
        delays = page.evaluate("window.delays")
        print(f"slider to pixels, 40,000 points a panel: {', '.join(f'{delay:.0f}' for delay in delays)} ms")
        assert len(delays) == 5
        page.close()  # before its server goes


def test_the_live_viewer_shows_three_panels_and_a_query(page, tmp_path):
    pytest.importorskip("viser", reason="needs viser: pip install 'viser>=1'")
    from mf3d_tutorial.viz.live import LiveViewer

    samples, said = Path(__file__).parents[2] / "data_samples", []
    cfg = load_config(["recipe=tiny", f"paths.data_dir={samples}", "paths.output_dir=unused", "device=cpu"])
    viewer, run = LiveViewer(cfg, load_datasets(cfg)[::-1], said.append), Run.create(cfg, torch.device("cpu"), 8)
    try:
        page.goto(re.search(r"http://\S+", said[0])[0])
        page.wait_for_selector("canvas", timeout=60_000)
        deadline = time.monotonic() + 60
        while not viewer.history and time.monotonic() < deadline:
            viewer.update(run, {"loss": torch.tensor(1.0)})
            page.wait_for_timeout(200)
        page.get_by_text(f"step 0/{run.total_steps}").wait_for()
        page.wait_for_timeout(3000)
        before = picture(page, "live", "canvas")
        assert colored(before) > 0.02
        page.locator("[role=slider]").nth(2).focus()
        page.keyboard.press("ArrowRight")
        page.get_by_text("query 0:").wait_for()
        page.wait_for_timeout(3000)
        after = picture(page, "live-query", "canvas")
        assert share_changed(before, after) > 0.001
        assert len(said) == 1
        page.close()
    finally:
        viewer.close()
