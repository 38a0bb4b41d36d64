"""The static pages of the course."""

import re
from pathlib import Path

import pytest
from tools.build_site import NOTEBOOKS, build, linked, without_formulas


def test_links_lead_to_pages():
    text = "[a](../05_training.ipynb) [b](solutions/01_x.ipynb) [c](../README.md) [d](https://x.org/a.ipynb)"
    assert (
        linked(text) == "[a](../05_training.html) [b](solutions/01_x.html) [c](index.html) [d](https://x.org/a.ipynb)"
    )


def test_formulas_are_taken_out_and_code_is_not():
    formulas = []
    text = without_formulas("$x$ and `$HOME` and $$\ny_1\n$$", formulas)
    assert text == "FORMULA0. and `$HOME` and FORMULA1."
    assert 'display="inline"' in formulas[0]
    assert "<msub><mi>y</mi><mn>1</mn></msub>" in formulas[1]


# Buys the promise that the pages open without a server or a network, for every notebook.
@pytest.mark.slow
def test_every_page_stands_alone(tmp_path):
    pages = build(tmp_path)
    assert len(pages) == 1 + len(list(NOTEBOOKS.rglob("*.ipynb")))
    drawn = 0
    for page in pages:
        text = page.read_text()
        drawn += text.count("Plotly.newPlot")
        assert "FORMULA" not in text
        assert not re.findall(r'(?:src|href)="https?://[^"]+\.(?:js|css)', text)
        for target in re.findall(r'(?:href|src)="([^"#:]+\.(?:html|js|png))"', text):
            assert (page.parent / target).exists(), f"{Path(page).name}: {target}"
    assert drawn > 0
