"""The book: its pages work in a browser without a network, and what is wrong in its sources is said
in one sentence."""

import re
import sys
from pathlib import Path

import nbformat
import pytest
from tools.book import build as book
from tools.book.pages import Source, place
from tools.book.reference import options_of, to_rst
from tools.colab_cell import source
from viz.test_browser import CHROMIUM, FLAGS, colored, picture

from mf3d_tutorial.common.errors import UserError
from mf3d_tutorial.config import load_config

ROOT = Path(__file__).parents[1]
LESSON = "01_data_loading.ipynb"  # it has a Plotly figure and formulas
INDEX = "# A book\n\n```{toctree}\ncourse/01_data_loading\nguides/page\n```\n"
needs_sphinx = pytest.mark.skipif(
    not all(map(book.find_spec, book.PACKAGES)), reason="needs the extra docs: run 'make install'"
)


@pytest.fixture
def small(tmp_path):
    """A repository with one page and one notebook."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "docs/index.md").write_text(INDEX)
    (tmp_path / "docs/page.md").write_text(
        "# A page\n\nThe aardvark reads [a lesson](../notebooks/01_data_loading.ipynb).\n"
    )
    notebook = nbformat.read(ROOT / "notebooks" / LESSON, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":  # its links lead to notebooks that are not here
            cell.source = re.sub(r"\]\([^)]+\)", f"]({LESSON})", cell.source)
    nbformat.write(notebook, tmp_path / "notebooks" / LESSON)
    return tmp_path


@pytest.mark.browser
@pytest.mark.slow
@needs_sphinx
@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium")
def test_a_course_page_draws_its_figure_and_the_search_finds_words(small):
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install playwright"
    )
    assert book.build(small, small / "site", code=False) >= 3
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page, errors, wanted = browser.new_page(), [], []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: wanted.append(request.url))
        page.set_default_timeout(120_000)
        look_at(page, small)
        browser.close()
    assert not errors
    assert not [url for url in wanted if url.startswith(("http:", "https:"))]


def look_at(page, small):
    """The figure is drawn, formulas are set, the search finds a page."""
    page.goto((small / "site/course/01_data_loading.html").as_uri())
    figure = page.locator(".js-plotly-plot").first
    figure.scroll_into_view_if_needed()
    page.wait_for_selector(".js-plotly-plot canvas")
    page.wait_for_timeout(2000)
    assert colored(picture(page, "book-figure", ".js-plotly-plot")) > 0.01
    page.wait_for_selector("span.MathJax")
    assert page.locator("span.MathJax").count() > 3
    page.goto((small / "site/search.html").as_uri() + "?q=aardvark")
    page.wait_for_selector("#search-results li a")
    assert page.locator("#search-results li a").all_inner_texts() == ["A page"]


def test_links_lead_to_pages_or_to_the_repository(small):
    (small / "data.csv").touch()
    (small / "docs/x.png").touch()
    written = Source(small, small / "source", "https://host/repo")
    text = (
        "[a](../notebooks/01_data_loading.ipynb#b) [c](../data.csv) ![d](x.png)"
        " [e](https://x.org/a.md) `[f](g)`"
    )
    assert (
        written.linked(text, "docs/page.md")
        == "[a](../course/01_data_loading.ipynb#b) [c](https://host/repo/blob/main/data.csv)"
        " ![d](../files/docs/x.png) [e](https://x.org/a.md) `[f](g)`"
    )
    assert (small / "source/files/docs/x.png").exists()


def test_every_page_of_the_repository_can_be_written(tmp_path):
    places = Source(ROOT, tmp_path / "source", "https://host/repo").write()
    assert {
        "index.md",
        "course/index.md",
        "course/05_training.ipynb",
        "inside/changelog.md",
    } <= set(places)
    assert len(places) == len(set(places))


def test_a_broken_link_is_named(small):
    (small / "docs/page.md").write_text("[a](nowhere.md)")
    with pytest.raises(UserError, match=r"docs/page.md: the link nowhere.md leads nowhere"):
        book.build(small, small / "site", code=False)


def test_a_notebook_without_outputs_is_named(small):
    path = small / "notebooks" / LESSON
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    nbformat.write(notebook, path)
    with pytest.raises(
        UserError,
        match=r"notebooks/01_data_loading.ipynb has no outputs to show: run 'make refresh",
    ):
        book.build(small, small / "site", code=False)


def test_missing_packages_are_named(small, monkeypatch):
    monkeypatch.setattr(book, "find_spec", lambda name: None if name == "furo" else object())
    with pytest.raises(
        UserError,
        match="the book needs furo, not installed here: run 'make install', then this again",
    ):
        book.build(small, small / "site", code=False)


def test_built_pages_are_searched_for_dead_links_and_for_the_network(tmp_path):
    (tmp_path / "b.html").write_text('<p id="here">')
    page = tmp_path / "a.html"
    page.write_text('<a href="b.html#here">1</a> <a href="https://x.org">2</a>')
    assert book.check_links(tmp_path) == 1
    page.write_text('<a href="b.html#there">')
    with pytest.raises(UserError, match=r"a.html: the link b.html#there leads nowhere"):
        book.check_links(tmp_path)
    page.write_text('<script src="https://cdn.org/x.js"></script>')
    with pytest.raises(UserError, match=r"a.html loads https://cdn.org/x.js"):
        book.check_links(tmp_path)


def test_the_reference_lists_every_option_of_train():
    options = {key: default for key, _, default in options_of("train")}
    assert options["model.num_queries"] == "100"
    cfg = load_config(["paths.data_dir=x", f"train.lr={options['train.lr']}"])
    assert cfg.train.lr == 1e-4


def test_docstrings_become_restructuredtext():
    lines = ["Costs of `q`s * 2:", "", "    cost = a * b", "", "The end."]
    to_rst(lines)
    assert lines == [
        "Costs of ``q``\\ s \\* 2:",
        "",
        "::",
        "",
        "    cost = a * b",
        "",
        "The end.",
        "",
    ]


def test_the_repository_is_named_alike_everywhere():
    owner_and_name = book.repository().removeprefix("https://github.com/")
    for name in ("README.md", "CITATION.cff"):
        text = (ROOT / name).read_text()
        assert owner_and_name in text
        found = re.findall(
            r"(?:github/|/gh/|repository-code: \"https://github.com/)([\w.-]+/[\w.-]+)", text
        )
        assert set(found) == {owner_and_name}, name


def test_the_colab_cell_does_nothing_elsewhere_and_installs_there(tmp_path, monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell

    cell = source("https://host/repo")
    monkeypatch.chdir(tmp_path)
    shell = InteractiveShell()
    ran = []
    monkeypatch.setattr(shell, "system", lambda command: ran.append(shell.var_expand(command)))
    assert shell.run_cell(cell).success
    assert ran == []
    monkeypatch.setitem(sys.modules, "google.colab", object())
    shell.run_cell(cell)
    folder = "/content/course"
    assert ran == [f"git clone -q https://host/repo {folder}", f"pip install -q {folder}"]


def test_pages_straight_in_docs_are_guides():
    assert place("docs/inputs.md") == "guides/inputs.md"
    assert place("docs/results/speed.md") == "results/speed.md"
    assert place("docs/conf.py") is None
