"""The book's source: Markdown and notebooks of the repository, with links that lead to a page or to
the repository."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import plotly.graph_objects as go

from mf3d_tutorial.common.errors import UserError

PLOTLY, WIDGET = "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"
# Where files of the repository stand in the book. Pages straight in docs/ are guides.
PLACES = {
    "docs/index.md": "index.md",
    "notebooks/README.md": "course/index.md",
    "CONTRIBUTING.md": "inside/contributing.md",
    "CHANGELOG.md": "inside/changelog.md",
    "data_samples/README.md": "reference/data_samples.md",
    "data_samples/checkpoints/README.md": "results/checkpoints.md",
}
# A code block, code in a line, or the target of a link or an image; only the last has a name.
LINK = re.compile(
    r"^(?P<fence>```+|~~~+).*?^(?P=fence)|`[^`\n]*`|(?<=\]\()(?P<target>[^)\s#]*)(?=[)#])",
    re.M | re.S,
)


def place(path: str) -> str | None:
    """Where a file of the repository stands in the book; None if it is no page of it."""
    if path in PLACES:
        return PLACES[path]
    folder, _, name = path.partition("/")
    if not name.endswith((".md", ".ipynb")):
        return None
    if folder == "notebooks":
        return f"course/{name}"
    return (name if "/" in name else f"guides/{name}") if folder == "docs" else None


class Source:
    """Writes the pages of the repository at `root` into `folder`, from which Sphinx makes the
    book."""

    def __init__(self, root: Path, folder: Path, repository: str):
        self.root, self.folder, self.repository = root, folder, repository

    def paths(self) -> Iterator[str]:
        """Every file of the repository that is a page, as a path from its root."""
        yield from (
            path
            for path in PLACES
            if not path.startswith(("docs/", "notebooks/")) and self.has(path)
        )
        for folder, pattern in (("docs", "*.md"), ("notebooks", "*.md"), ("notebooks", "*.ipynb")):
            found = sorted((self.root / folder).rglob(pattern))
            yield from (
                str(path.relative_to(self.root))
                for path in found
                if ".ipynb_checkpoints" not in path.parts
            )

    def has(self, path: str) -> bool:
        return (self.root / path).exists()

    def write(self) -> list[str]:
        """Write all pages; their places. UserError for a link to nowhere and for a notebook without
        outputs."""
        shutil.rmtree(self.folder, ignore_errors=True)
        written = []
        for path in self.paths():
            target = self.folder / place(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text((self.notebook if path.endswith(".ipynb") else self.markdown)(path))
            written.append(place(path))
        return written

    def markdown(self, path: str) -> str:
        return self.linked((self.root / path).read_text(), path)

    def notebook(self, path: str) -> str:
        """The notebook, its Plotly figures as html that draws itself; of a widget only its text
        stays."""
        notebook = nbformat.read(self.root / path, as_version=4)
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
        if not outputs:
            raise UserError(
                f"{path} has no outputs to show: run 'make refresh-notebooks', then this again"
            )
        script = "../" * place(path).count("/") + "_static/plotly.min.js"
        for data in (output.data for output in outputs if "data" in output):
            data.pop(WIDGET, None)
            if stored := data.pop(PLOTLY, None):
                figure = go.Figure(data=stored["data"], layout=stored["layout"])
                data["text/html"] = figure.to_html(full_html=False, include_plotlyjs=script)
                script = False  # once a page is enough
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = self.linked(cell.source, path)
        return nbformat.writes(notebook)

    def linked(self, text: str, path: str) -> str:
        """`text` of the file `path`, each of its links as the book needs it."""

        def link(found: re.Match) -> str:
            target = found["target"]
            return found[0] if not target or ":" in target else self.target(target, path)

        return LINK.sub(link, text)

    def target(self, target: str, path: str) -> str:
        """A link of the file `path`: to a page, to a picture, which is copied, or else to the
        repository."""
        wanted = os.path.normpath(os.path.join(os.path.dirname(path), target))
        if not self.has(wanted):
            raise UserError(f"{path}: the link {target} leads nowhere: correct it, or take it out")
        wanted = "docs/index.md" if wanted == "README.md" else wanted
        stands = place(wanted)
        if wanted.endswith((".png", ".jpg", ".svg")):
            stands = f"files/{wanted}"
            (self.folder / stands).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.root / wanted, self.folder / stands)
        if stands is None:
            kind = "tree" if (self.root / wanted).is_dir() else "blob"
            return f"{self.repository}/{kind}/main/{wanted}"
        return os.path.relpath(stands, os.path.dirname(place(path)))
