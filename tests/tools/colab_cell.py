"""The first code cell of every lesson: on Colab it installs the package, elsewhere it does nothing.

`make refresh-notebooks` writes it into the lessons; tests/test_notebooks.py compares them with it.
"""

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

TAGS = ["colab", "remove-cell"]  # `remove-cell` keeps it out of the book


def source(repository: str) -> str:
    """The cell: on Colab it fetches the repository, installs it and enters notebooks/."""
    return f"""# On Google Colab: fetch the course and install its package. Elsewhere: nothing.
import sys
from pathlib import Path

if "google.colab" in sys.modules:
    repository, folder = "{repository}", Path("/content/course")
    if not folder.exists():
        !git clone -q {{repository}} {{folder}}
        !pip install -q {{folder}}
    %cd -q {{folder}}/notebooks"""


def put_first(notebook: NotebookNode, repository: str) -> None:
    """Make it the notebook's first code cell. Outputs stay; code cells are numbered anew."""
    cells = [cell for cell in notebook.cells if "colab" not in cell.metadata.get("tags", [])]
    metadata = {"tags": TAGS, "jupyter": {"source_hidden": True}, "cellView": "form"}
    cell = new_code_cell(source(repository), metadata=metadata, id="colab")
    first = next(i for i, other in enumerate(cells) if other.cell_type == "code")
    notebook.cells = [*cells[:first], cell, *cells[first:]]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
