"""Put the cell that installs the package on Colab before the other code of each notebook, or bring
it up to date.

    python -m tests.tools.colab_cell [FILE ...]        # without files: every notebook

Outputs stay; execution counts are set to 1, 2, 3 ... again. Elsewhere than on Colab the cell does
nothing and prints nothing. It stands before the parameters, so papermill leaves it alone.
"""

import argparse
from pathlib import Path

import nbformat

from mf3d_tutorial.common.errors import UserError, exit_on_user_error

from .book.build import repository

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TAG = "colab"


def source(folder: str, repository: str) -> str:
    """The cell for notebooks in `folder`: on Colab it fetches the repository, installs it and
    enters the folder."""
    name = repository.rpartition("/")[2]
    return f"""import os
import sys

# Does nothing anywhere else.
if "google.colab" in sys.modules and not os.path.exists("/content/{name}"):
    !git clone -q {repository} /content/{name}
    !pip install -q /content/{name}
    %cd -q /content/{name}/{folder}"""


def insert(path: Path) -> None:
    """Write the notebook with its Colab cell: the first code cell, after the title."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if TAG not in cell.metadata.get("tags", [])]
    folder = str(path.resolve().parent.relative_to(NOTEBOOKS.parent))
    cell = nbformat.v4.new_code_cell(
        source(folder, repository()), metadata={"tags": [TAG]}, id="colab"
    )
    first = next(index for index, other in enumerate(cells) if other.cell_type == "code")
    notebook.cells = [*cells[:first], cell, *cells[first:]]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    nbformat.write(notebook, path)


@exit_on_user_error
def main() -> None:
    """Write the cell into the notebooks that the command names, or into all."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a notebook")
    files = parser.parse_args().files or sorted(NOTEBOOKS.rglob("*.ipynb"))
    if missing := [str(path) for path in files if not path.is_file()]:
        raise UserError(f"there is no notebook {', '.join(missing)}: name existing ones")
    for path in files:
        insert(path)


if __name__ == "__main__":
    main()
