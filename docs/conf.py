"""Sphinx's settings. `make site` calls it; see docs/inside/book.md."""

import shutil
import sys
import typing
from importlib.util import find_spec
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
typing.GENERATING_DOCUMENTATION = True  # jaxtyping then prints shapes as they are written

_project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
project, release = "MaskFormer-3D", _project["version"]
author = copyright = "The MaskFormer-3D tutorial developers"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
exclude_patterns = ["generated"]
nb_execution_mode = "off"  # the committed outputs are shown
nb_merge_streams = True
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = "MaskFormer-3D"
html_static_path = [str(ROOT / "docs/_static")]
html_css_files = ["book.css"]
html_show_search_summary = False  # summaries are fetched, which pages without a server cannot do
html_copy_source = html_show_sourcelink = False
html_theme_options = {"footer_icons": [], "top_of_page_buttons": []}

# MathJax 2 as Jupyter ships it: all of it lies beside the pages.
mathjax_path = "mathjax/MathJax.js"
mathjax2_config = {
    "config": ["TeX-AMS-MML_HTMLorMML-full.js"],
    "showMathMenu": False,
    "messageStyle": "none",
    "tex2jax": {"inlineMath": [["\\(", "\\)"]], "processClass": "math", "ignoreClass": "document"},
    "HTML-CSS": {
        "availableFonts": [],
        "imageFont": None,
        "preferredFont": None,
        "webFont": "STIX-Web",
    },
}
myst_update_mathjax = False


def copy_scripts(app, error) -> None:
    """What pages load beside Sphinx's own scripts: Plotly and MathJax, from the installed
    packages."""
    if error or app.builder.format != "html":
        return
    from plotly.offline import get_plotlyjs

    (app.outdir / "_static/plotly.min.js").write_text(get_plotlyjs())
    mathjax = Path(find_spec("jupyter_server_mathjax").submodule_search_locations[0]) / "static"
    leave_out = shutil.ignore_patterns("localization", "mathmaps", "SVG")
    shutil.copytree(mathjax, app.outdir / "_static/mathjax", ignore=leave_out, dirs_exist_ok=True)


def setup(app) -> None:
    from tests.tools.book.reference import to_rst

    app.connect("build-finished", copy_scripts)
    app.connect("autodoc-process-docstring", lambda *arguments: to_rst(arguments[-1]))
