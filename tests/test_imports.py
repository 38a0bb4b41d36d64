"""Imports go one way: a part may import from the parts above it in this list, and no module from
itself in a circle."""

import ast
import graphlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mf3d_tutorial"
PARTS = [
    "common",
    "kernels",
    "warp",
    "data",
    "config",
    "rooms",
    "model",
    "evaluation",
    "training",
    "viz",
    "commands",
]
# training/engine.py opens the live viewer, which watches a run, only if viz.enabled asks for it.
ALLOWED = {("training/engine.py", "viz")}


def part_of(module: str) -> str:
    """`mf3d_tutorial.data.scannet` is of the part "data"; a module of the top folder is a
    command."""
    name = module.split(".")[1] if "." in module else "common"
    return name if (PACKAGE / name).is_dir() else "commands"


def imports(path: Path, everywhere: bool) -> set[str]:
    """Modules of the package that a file imports: at its top, or `everywhere` in it, annotations
    left out."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    nodes = ast.walk(tree) if everywhere else tree.body
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = ["mf3d_tutorial", *path.relative_to(PACKAGE).parts[:-1]]
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            found |= {
                name if is_module(name := f"{module}.{alias.name}") else module
                for alias in node.names
            }
    return {name for name in found if name.split(".")[0] == "mf3d_tutorial"}


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_part_imports_only_from_the_parts_above_it(path):
    name = str(path.relative_to(PACKAGE))
    part = (
        path.relative_to(PACKAGE).parts[0]
        if len(path.relative_to(PACKAGE).parts) > 1
        else "commands"
    )
    wrong = [
        module
        for module in imports(path, everywhere=True)
        if PARTS.index(part_of(module)) > PARTS.index(part)
        and (name, part_of(module)) not in ALLOWED
    ]
    assert not wrong


def test_no_module_imports_itself_in_a_circle():
    graph = {}
    for path in FILES:
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        graph[name] = {module for module in imports(path, everywhere=False) if module != name}
    assert len(graph) > 50
    graphlib.TopologicalSorter(graph).prepare()  # CycleError names the circle


def public_definitions(path: Path) -> dict[str, ast.AST]:
    """Public classes, functions and methods of a file by their qualified names."""
    found, waiting = {}, [("", ast.parse(path.read_text()))]
    while waiting:
        inside, parent = waiting.pop()
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_":
                found[inside + node.name] = node
                if isinstance(node, ast.ClassDef):
                    waiting.append((f"{inside}{node.name}.", node))
    return found


def test_everything_public_is_explained():
    missing = [
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name, node in public_definitions(path).items()
        if not ast.get_docstring(node)
    ]
    assert not missing
