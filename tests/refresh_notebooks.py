"""Run every notebook from top to bottom and keep its outputs: `make refresh-notebooks`.

Widget state, timings and the versions of this machine are taken out, so that a second run changes little.
"""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def refresh(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": path.parent}})
    client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    nbformat.write(notebook, path)
    print(path.name)


if __name__ == "__main__":
    for path in sorted(NOTEBOOKS.rglob("*.ipynb")):
        refresh(path)
