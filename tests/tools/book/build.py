"""Build the book: `make site` writes site/, which opens without a server and without a network.

Sphinx makes it of docs/, the notebooks with their committed outputs, pages made from the code
(reference.py) and from committed measurements (tables.py). Warnings are errors; every link inside
the book is followed.
"""

import argparse
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mf3d_tutorial.common.errors import UserError, exit_on_user_error

from .pages import Source

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[3]
PACKAGES = ("sphinx", "myst_nb", "furo", "jupyter_server_mathjax")


def repository() -> str:
    """Address of the repository: the one place where it is written down is pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


def write_generated(folder: Path) -> None:
    """The pages and tables that are made from code and measurements."""
    from .. import colab_cell
    from . import reference, tables

    parts = {f"reference/api/{name}.md": text for name, text in reference.api_pages().items()}
    cell = f"```ipython3\n{colab_cell.source(repository())}\n```\n"
    fragments = {
        "colab_cell": cell,
        "commands": reference.commands(),
        "recipes": reference.recipes_table(),
        "configuration": reference.configuration_tables(),
    }
    parts |= {
        f"generated/{name}.md": text for name, text in (fragments | tables.generated()).items()
    }
    for name, text in parts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def run_sphinx(source: Path, out: Path) -> None:
    """Pages in `out`. UserError, after Sphinx's own lines, if there is anything that it warns
    of."""
    cache = source.with_name("cache")
    options = ["-b", "html", "-W", "--keep-going", "-q", "-d", str(cache), "-c", str(ROOT / "docs")]
    command = [sys.executable, "-m", "sphinx", *options, str(source), str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        warned = [line for line in said if ": WARNING: " in line or ": ERROR: " in line] or said[
            -5:
        ]
        print("\n".join(warned).replace(f"{source}/", ""), file=sys.stderr)
        raise UserError(
            f"the book has {len(warned)} mistakes (above, by page and line): correct them, then"
            " run this again"
        )


class Links(HTMLParser):
    """Ids and links of a page, and what it loads."""

    def __init__(self, page: Path):
        super().__init__()
        self.ids, self.links, self.loads = set(), [], []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids |= {values[key] for key in ("id", "name") if values.get(key)}
        if tag in ("script", "img", "iframe") or (
            tag == "link" and "stylesheet" in (values.get("rel") or "")
        ):
            self.loads += [values[key] for key in ("src", "href") if values.get(key)]
        elif tag == "a" and values.get("href"):
            self.links.append(values["href"])


def check_links(out: Path) -> int:
    """The number of links inside the book. UserError for one to nowhere, and for anything loaded
    from a network."""
    pages = {
        page.resolve(): Links(page)
        for page in sorted(out.rglob("*.html"))
        if "_static" not in page.parts
    }
    count = 0
    for page, found in pages.items():
        name = page.relative_to(out.resolve())
        for address in found.loads:
            if urlsplit(address).scheme in ("http", "https") or address.startswith("//"):
                raise UserError(
                    f"{name} loads {address}, but the book has to work without a network: ship the"
                    " file"
                )
        for address in found.links + found.loads:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            known = pages.get(target)
            if not target.exists() or (
                parts.fragment and known and unquote(parts.fragment) not in known.ids
            ):
                raise UserError(
                    f"{name}: the link {address} leads nowhere: correct it, or take it out"
                )
            count += 1
    return count


def build(root: Path, out: Path, code: bool = True) -> int:
    """The book of the repository at `root`, with the pages made from the code or without; the
    number of its pages."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise UserError(
            f"the book needs {', '.join(missing)}, not installed here: run 'make install', then"
            " this again"
        )
    source, html = (out.parent / "build/book" / name for name in ("source", "html"))
    shutil.rmtree(html, ignore_errors=True)
    Source(root, source, repository()).write()
    if code:
        write_generated(source)
    run_sphinx(source, html)
    check_links(html)
    shutil.rmtree(out, ignore_errors=True)
    shutil.move(html, out)
    return len([page for page in out.rglob("*.html") if "_static" not in page.parts])


@exit_on_user_error
def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    out = ROOT / "site"
    print(f"{build(ROOT, out)} pages: open {out / 'index.html'}")


if __name__ == "__main__":
    main()
