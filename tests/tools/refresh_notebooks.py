"""Run every notebook from top to bottom and keep its outputs: `make refresh-notebooks`.

Widget state, timings and the versions of this machine are taken out, so that a second run changes
little. Pictures are reduced to 256 colours, which makes those of scenes four times smaller. Lessons
get their cell for Colab. With files as arguments it takes only these.
"""

import argparse
import base64
import io
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

from . import colab_cell
from .book.build import repository

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def with_few_colors(png: str) -> str:
    """A PNG in base64, with a palette of 256 colours, chosen so that thin lines keep theirs."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    file = io.BytesIO()
    few = picture.quantize(256, Image.Quantize.MAXCOVERAGE, 1, dither=Image.Dither.NONE)
    few.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def refresh(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    if path.resolve().parent == NOTEBOOKS:
        colab_cell.put_first(notebook, repository())
    client = NotebookClient(
        notebook,
        timeout=900,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": path.parent}},
    )
    client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for data in (
            output.data
            for output in cell.get("outputs", ())
            if "image/png" in output.get("data", {})
        ):
            data["image/png"] = with_few_colors(data["image/png"])
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    nbformat.write(notebook, path)
    print(path.name)


def write_thumbnail(path: Path) -> None:
    """The picture of the cell tagged `thumbnail` as notebooks/images/<number>.png, at most 480
    pixels wide."""
    for cell in nbformat.read(path, as_version=4).cells:
        if "thumbnail" in cell.metadata.get("tags", []):
            png = next(
                output.data["image/png"]
                for output in cell.outputs
                if "image/png" in output.get("data", {})
            )
            picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
            picture.thumbnail((480, 240))
            picture.quantize(64).save(
                NOTEBOOKS / "images" / f"{path.name.partition('_')[0]}.png", optimize=True
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="default: all notebooks")
    for path in parser.parse_args().files or sorted(NOTEBOOKS.rglob("*.ipynb")):
        refresh(path)
        write_thumbnail(path)
