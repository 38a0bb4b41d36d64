"""How long it takes to read each notebook, by counting: `python -m tests.tools.reading_time`.

Prose at 200 words per minute, code at 800 characters (some 15 full lines) per minute, 15 seconds
for a picture, 5 minutes for an exercise. Both numbers are rounded to 5 minutes.
tests/test_notebooks.py compares them with what the notebooks and their README say.
"""

import argparse
import re
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WORDS, LETTERS, PICTURES, EXERCISES = 1 / 200, 1 / 800, 1 / 4, 5.0  # minutes for one of each


def reading_time(path: Path) -> tuple[int, int]:
    """Minutes for the text, code and pictures of a notebook, and for its exercises."""
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    words = len(
        re.findall(
            r"[A-Za-z]{2,}",
            re.sub(r"\$\$?.*?\$\$?|<[^>]*>|\]\([^)]*\)", " ", prose, flags=re.DOTALL),
        )
    )
    code = [cell for cell in cells if cell.cell_type == "code"]
    letters = sum(len("".join(cell.source.split())) for cell in code)
    pictures = sum(len(out.get("data", ())) > 1 for cell in code for out in cell.outputs)
    exercises = len(re.findall(r"^\*\*\d+\. ", prose, flags=re.MULTILINE))
    minutes = words * WORDS + letters * LETTERS + pictures * PICTURES
    return 5 * round(minutes / 5), 5 * round(exercises * EXERCISES / 5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="default: all lessons")
    for path in parser.parse_args().files or sorted(NOTEBOOKS.glob("*.ipynb")):
        text, exercises = reading_time(path)
        print(f"{path.stem:28} about {text} minutes, and {exercises} for the exercises")
