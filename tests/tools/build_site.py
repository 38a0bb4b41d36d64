"""Render the course to static pages: `make site` writes site/, which opens without a server and without a network.

Plotly figures are drawn by the plotly.min.js that lies beside the pages, formulas are MathML, which browsers draw
themselves; links between notebooks become links between pages. index.html is notebooks/README.md.
"""

import re
import shutil
from pathlib import Path

import nbformat
import plotly.graph_objects as go
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html
from plotly.offline import get_plotlyjs

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PLOTLY = "application/vnd.plotly.v1+json"
STYLE = "body {font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em} td {padding: 0.3em 0.8em}"


def page_of(path: Path) -> str:
    """A notebook as html, its Plotly outputs as figures that the page draws itself."""
    notebook, up = nbformat.read(path, as_version=4), "../" * len(path.parent.relative_to(NOTEBOOKS).parts)
    formulas = []
    for cell in notebook.cells:
        for data in (output.data for output in cell.get("outputs", ()) if PLOTLY in output.get("data", {})):
            stored = data.pop(PLOTLY)
            figure = go.Figure(data=stored["data"], layout=stored["layout"])
            data["text/html"] = figure.to_html(full_html=False, include_plotlyjs=f"{up}plotly.min.js")
        if cell.cell_type == "markdown":
            cell.source = without_formulas(linked(cell.source), formulas)
    exporter = HTMLExporter(embed_images=True)
    exporter.mathjax_url = exporter.require_js_url = ""
    page = exporter.from_notebook_node(notebook)[0]
    return re.sub(r"FORMULA(\d+)\.", lambda found: formulas[int(found[1])], page)


def linked(markdown: str) -> str:
    """Links to notebooks as links to their pages, links to the folders above as links to the index."""
    markdown = re.sub(r"\]\(((?:\.\./)?[\w/]+)\.ipynb\)", r"](\1.html)", markdown)
    return re.sub(r"\]\((?:\.\./)*README\.md\)", "](index.html)", markdown)


def without_formulas(markdown: str, formulas: list[str]) -> str:
    """The text with a place holder for each $...$ and $$...$$, whose MathML is added to `formulas`; code is left alone.

    nbconvert would take the MathML apart, so it is put in afterwards.
    """

    def formula(found: re.Match) -> str:
        if found["code"]:
            return found["code"]
        display = "block" if found["block"] else "inline"
        formulas.append(convert((found["block"] or found["inline"]).strip(), display=display))
        return f"FORMULA{len(formulas) - 1}."

    parts = r"(?P<code>```.*?```|`[^`\n]*`)|\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\n]+)\$"
    return re.sub(parts, formula, markdown, flags=re.DOTALL)


def build(folder: Path) -> list[Path]:
    """Write every page; their paths."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(NOTEBOOKS / "images", folder / "images")
    (folder / "plotly.min.js").write_text(get_plotlyjs())
    pages = []
    for path in sorted(NOTEBOOKS.rglob("*.ipynb")):
        page = (folder / path.relative_to(NOTEBOOKS)).with_suffix(".html")
        page.parent.mkdir(exist_ok=True)
        page.write_text(page_of(path))
        pages.append(page)
    body = markdown2html(linked((NOTEBOOKS / "README.md").read_text()))
    title = "MaskFormer-3D: the course"
    index = f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>{body}"
    (folder / "index.html").write_text(index)
    return [folder / "index.html", *pages]


if __name__ == "__main__":
    pages = build(NOTEBOOKS.parent / "site")
    print(f"{len(pages)} pages: open {pages[0]}")
