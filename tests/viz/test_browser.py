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
from mf3d_tutorial.inspect_run import summary, write_list
from mf3d_tutorial.training.engine import load_datasets
from mf3d_tutorial.training.run_state import Run
from mf3d_tutorial.viz.explain import object_name
from mf3d_tutorial.viz.report import report_scene

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium"),
]
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--ignore-gpu-blocklist",
]
FLAGS += ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SCREENSHOTS = os.environ.get("MF3D_SCREENSHOTS")  # a folder, to look at what the tests saw


@pytest.fixture
def page(tmp_path):
    """A page of a fresh browser; the test fails if the page throws or logs an error."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install playwright"
    )
    errors = []
    with sync_api.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            tmp_path / "home/profile",
            executable_path=CHROMIUM,
            args=FLAGS,
            viewport={"width": 1400, "height": 900},
        )
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda message: errors.append(message.text) if message.type == "error" else None,
        )
        yield page
        context.close()
    assert not errors


def picture(page, name: str, selector: str) -> np.ndarray:
    if SCREENSHOTS:
        getattr(page, "page", page).screenshot(path=Path(SCREENSHOTS) / f"{name}.png")
    return np.asarray(
        Image.open(io.BytesIO(page.locator(selector).first.screenshot())).convert("RGB")
    ).astype(int)


def share_changed(before: np.ndarray, after: np.ndarray) -> float:
    return float((np.abs(before - after).max(2) > 40).mean())


def colored(image: np.ndarray) -> float:
    return float((np.ptp(image, axis=2) > 40).mean())


def visible(view) -> dict[str, list]:
    """For each legend entry, whether its line and its traces are shown, panel by panel."""
    return view.evaluate(
        "() => document.querySelector('.js-plotly-plot').data.reduce((all, t) => "
        "({ ...all, [t.legendgroup]: [...(all[t.legendgroup] ?? []), t.visible ?? true] }), {})"
    )


def hover(page, view, room) -> str:
    """What Plotly says of the first point of an object that the mouse meets in the middle panel; it
    must be true."""
    box = view.locator("#scene2").first.bounding_box()
    for x, y in ((x, y) for y in (0.5, 0.6, 0.4, 0.7) for x in np.linspace(0.3, 0.7, 9)):
        page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        page.wait_for_timeout(250)
        text = " ".join(view.locator(".hovertext").all_text_contents())
        if "query" in text:
            point = int(re.search(r"point (\d+)", text)[1])
            assert f"{object_name(room, room.truth[point])}:" in text
            return text
    raise AssertionError("the mouse met no object")


def check_figure(page, view, room, name: str) -> None:
    """Hover, legend, cameras and slider of `mask_figure`; `view`: the page, or the frame that shows
    it."""
    text = hover(page, view, room)
    assert "matched with" in text
    svg = "getComputedStyle(document.querySelector('.hovertext').ownerSVGElement).overflow"
    assert view.evaluate(svg) == "visible"  # not cut off at the edge of a narrow panel
    assert re.search(r"class: \w+ 0\.\d\d.*, no object 0\.\d\d", text)
    before = picture(view, name, "#scene3")
    entry = view.locator(".legend .traces").filter(has_text="sofa 3").locator(".legendtoggle")
    group = view.evaluate(
        "() => document.querySelector('.js-plotly-plot').data.find(t => t.name.startsWith('sofa"
        " 3')).legendgroup"
    )
    entry.click()
    page.wait_for_timeout(3000)
    assert visible(view)[group] == ["legendonly"] * 4
    assert share_changed(before, picture(view, f"{name}-without-sofa", "#scene3")) > 0.005
    entry.click()
    page.wait_for_timeout(3000)
    assert visible(view)[group] == [True] * 4
    entry.dblclick()
    page.wait_for_timeout(3000)
    shown = visible(view)
    assert shown.pop(group) == [True] * 4
    assert {value for values in shown.values() for value in values} <= {"legendonly", False}
    picture(view, f"{name}-sofa-alone", "#scene3")
    entry.dblclick()
    page.wait_for_timeout(3000)
    check_cameras(page, view)
    entries = view.locator(".legend .traces").filter(has_text="query")
    before = entries.count()
    box = view.locator(".slider-rail-touch-rect").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
    page.wait_for_timeout(3000)
    assert entries.count() == before - 1  # the mask that no object has; objects stay
    picture(view, f"{name}-slider", "#scene3")


def check_cameras(page, view) -> None:
    """Who turns one panel turns all."""
    box = view.locator("#scene").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 10, steps=4)
    page.mouse.up()
    page.wait_for_timeout(3000)
    cameras = view.evaluate(
        "() => ['scene', 'scene2', 'scene3'].map(s =>"
        " document.querySelector('.js-plotly-plot').layout[s].camera.eye)"
    )
    assert abs(cameras[0]["x"] - 0.7) > 0.05
    for other in cameras[1:]:
        assert other == pytest.approx(cameras[0])


def with_an_invented_mask():
    """Cubes, and a mask on points that belong to no object, with the lowest score of all."""
    room = made_up_inspection(2000)
    logits, masks = (x.clone() for x in room.layers[-1])
    logits[7, 9], masks[7, room.target.instance == -1] = 9.0, 3.0
    room.layers[-1] = (logits, masks)
    room.update()
    return room


def test_the_html_page_answers_without_a_network(page, tmp_path):
    page.context.set_offline(True)
    room = with_an_invented_mask()
    page.goto(report_scene(tmp_path / "cubes.html", room).as_uri(), timeout=90_000)
    page.wait_for_selector("body[data-ready]", timeout=90_000)
    page.wait_for_timeout(2000)
    check_figure(page, page, room, "page")
    page.locator("#all").click()
    page.locator("#next").click()
    page.wait_for_timeout(3000)
    assert page.locator("tr.on td").first.inner_text() == "missed"
    assert "cabinet 0 is missed. Nearest is query" in page.inner_text("#about")
    page.locator("#all").click()
    page.wait_for_timeout(2000)
    name = re.match(r"\w+ \d+", hover(page, page, room))[0]
    page.mouse.down()
    page.wait_for_timeout(500)
    page.mouse.up()
    page.wait_for_timeout(3000)
    assert page.locator("tr.on td").nth(1).inner_text() == name
    page.locator("#kind").select_option("wrong class")
    assert page.locator("tbody tr:visible").count() == 1
    page.locator("#next").click()
    page.wait_for_timeout(3000)
    assert "bed 1 is wrong class. Query 1: class: chair" in page.inner_text("#about")
    before = picture(page, "page-wrong-class", "#scene2")
    page.locator("#ceiling").focus()
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(3000)
    assert share_changed(before, picture(page, "page-ceiling", "#scene2")) > 0.01


def test_three_clicks_lead_from_a_run_to_the_cause_of_a_failure(page, tmp_path):
    """What a user does who has the pages alone: scene, kind of failure, next failure."""
    room = with_an_invented_mask()
    pages = report_scene(tmp_path / "cubes.html", room)
    write_list(tmp_path / "index.html", "a run", [(summary(room), pages.name)])
    began = time.monotonic()
    page.goto((tmp_path / "index.html").as_uri())
    page.get_by_role("link", name="cubes").click()
    page.wait_for_selector("body[data-ready]", timeout=90_000)
    swatches = "() => [...document.querySelectorAll('.legendpoints path')].map(p => p.style.fill)"
    before = page.evaluate(swatches)
    for kind, query, cause in (
        ("wrong class", "bed 1 is wrong class. Query 1: class: chair", "class should be bed"),
        ("missed", "cabinet 0 is missed. Nearest is query 0", "Some query should say cabinet"),
        ("invented", "query 7: class: bookshelf", "It should say no object"),
    ):
        page.locator("#kind").select_option(kind)
        page.locator("#next").click()
        page.wait_for_function(
            "text => document.querySelector('#about').textContent.includes(text)", arg=query
        )
        page.wait_for_timeout(1000)
        assert page.inner_text("#about").endswith(cause)
        assert page.locator("tr.on").count() == 1
        assert page.evaluate(swatches) == before  # a line keeps the colour of its object
        picture(page, f"trial-{kind}", "#scene2")
    print(f"three failures from the list of scenes on: {time.monotonic() - began:.0f} s")
    assert len(set(before)) == 8


# To hide and show what a legend entry switches, until the frame after the one that is drawn.
TOGGLE = """async group => {
    const gd = document.querySelector('.js-plotly-plot'), times = [];
    const own = gd.data.flatMap((trace, t) => trace.legendgroup == group ? [t] : []);
    const frame = () => new Promise(done => requestAnimationFrame(done));
    for (const visible of ['legendonly', true, 'legendonly', true, 'legendonly']) {
        const began = performance.now();
        await Plotly.restyle(gd, { visible }, own); await frame(); await frame();
        times.push(performance.now() - began);
    }
    return times;
}"""


def test_hover_is_quick_with_twenty_thousand_points_a_panel(page, tmp_path):
    path = report_scene(
        tmp_path / "many.html", made_up_inspection(20_000, instances=30, queries=40)
    )
    page.goto(path.as_uri(), timeout=90_000)
    page.wait_for_selector("body[data-ready]", timeout=90_000)
    page.evaluate(
        "() => { window.late = []; addEventListener('mousemove', () => window.moved ="
        " performance.now(), true);document.querySelector('.js-plotly-plot').on('plotly_hover', ()"
        " => late.push(performance.now() - moved)); }"
    )
    box = page.locator("#scene2").first.bounding_box()
    for x in np.linspace(0.3, 0.7, 12):
        page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] / 2)
        page.wait_for_timeout(300)
    delays = page.evaluate("window.late")
    print(f"mouse to hover, 3 x 20,000 points: {', '.join(f'{delay:.0f}' for delay in delays)} ms")
    assert len(delays) >= 3
    group = page.evaluate("() => document.querySelector('.js-plotly-plot').data[0].legendgroup")
    times = page.evaluate(TOGGLE, group)
    print(f"to hide or show an entry: {', '.join(f'{ms:.0f}' for ms in times)} ms")
    assert set(visible(page)[group]) == {"legendonly"}


@contextmanager
def jupyter_lab(folder: Path):
    """A JupyterLab server on this machine only, with a token; gives the address of a notebook of
    `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, root = secrets.token_hex(16), Path(__file__).parents[2]
    options = [
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
    ]
    options += [f"--IdentityProvider.token={token}", "--no-browser", "--allow-root"]
    paths = [str(root), str(root / "tests")]
    names = (
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_RUNTIME_DIR",
        "JUPYTERLAB_SETTINGS_DIR",
    )
    homes = {name: str(folder / "home" / name) for name in names}
    news = (
        folder
        / "home/JUPYTERLAB_SETTINGS_DIR/@jupyterlab/apputils-extension"
        / "notification.jupyterlab-settings"
    )
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
                urllib.request.urlopen(
                    f"http://127.0.0.1:{port}/api/status?token={token}", timeout=5
                ).close()
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
    const note = () => window.delays.push(performance.now() - window.pressed);
    new MutationObserver(() => requestAnimationFrame(note))
        .observe(document.querySelector('canvas[data-frames]'),
                 { attributeFilter: ['data-frames'] });
}"""


@contextmanager
def cell_in_jupyterlab(page, folder: Path, source: str, shown: str):
    """A notebook with one cell, run in a JupyterLab of its own until the selector `shown` is
    there."""
    late = pytest.importorskip("playwright.sync_api").TimeoutError
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(notebook, folder / "explore.ipynb")
    with jupyter_lab(folder) as address:
        page.goto(address, timeout=90_000)
        # on a busy machine the key may come before the kernel, and nothing happens
        for _ in range(5):
            page.locator(".jp-CodeCell .cm-content").first.click(timeout=90_000)
            page.keyboard.press("Control+Enter")
            with suppress(late):
                page.wait_for_selector(shown, timeout=40_000)
                break
        page.wait_for_timeout(3000)
        yield
        page.close()  # before its server goes


def test_the_mask_figure_answers_in_jupyterlab(page, tmp_path):
    source = (
        "import sys\nsys.path.append('TESTS')\nfrom viz.test_browser import with_an_invented_mask\n"
        "from mf3d_tutorial.viz.report import show_page\nshow_page(with_an_invented_mask())"
    ).replace("TESTS", str(Path(__file__).parents[1]))
    with cell_in_jupyterlab(page, tmp_path, source, "iframe[srcdoc]"):
        frame = page.locator("iframe[srcdoc]").element_handle().content_frame()
        frame.wait_for_selector("body[data-ready]", timeout=90_000)
        page.wait_for_timeout(2000)
        check_figure(page, frame, with_an_invented_mask(), "jupyterlab")


def test_the_explorer_works_in_jupyterlab(page, tmp_path):
    source = (
        "from helpers import made_up_inspection\nfrom mf3d_tutorial.viz.explorer import"
        " MaskExplorer\nMaskExplorer([made_up_inspection(40_000, queries=40)], budget=50_000)"
    )
    with cell_in_jupyterlab(page, tmp_path, source, "canvas[data-frames]"):
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
        print(
            "slider to pixels, 40,000 points a panel:"
            f" {', '.join(f'{delay:.0f}' for delay in delays)} ms"
        )
        assert len(delays) == 5
        box = page.locator("canvas[data-frames]").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.get_by_text(re.compile(r"^point \d+: .*Strongest mask queries")).wait_for()
        page.get_by_role("button", name="next failure").click()
        page.get_by_text("is missed. Nearest is query").wait_for()
        picture(page, "explorer-failure", "canvas[data-frames]")


def test_the_live_viewer_shows_three_panels_and_a_query(page, tmp_path):
    pytest.importorskip("viser", reason="needs viser: pip install 'viser>=1'")
    from mf3d_tutorial.viz.live import LiveViewer

    samples, said = Path(__file__).parents[2] / "data_samples", []
    cfg = load_config(
        ["recipe=tiny", f"paths.data_dir={samples}", "paths.output_dir=unused", "device=cpu"]
    )
    viewer = LiveViewer(cfg, load_datasets(cfg)[::-1], said.append)
    run = Run.create(cfg, torch.device("cpu"), 8)
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
