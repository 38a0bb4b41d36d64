"""What the notebooks do first: look at the parameters that they were given."""

import ast
from typing import Any

from mf3d_tutorial.common.errors import ConfigError


def check_parameters(notebook: dict[str, Any]) -> None:
    """ConfigError for a parameter that a notebook, given as its globals(), does not have, or that has another type.

    Its parameters cell annotates each name; what papermill puts in comes as a cell that begins with "# Parameters".
    """
    types = notebook["__annotations__"]
    injected = "".join(cell for cell in notebook["In"] if cell.startswith("# Parameters"))
    for name in (target.id for line in ast.parse(injected).body for target in line.targets):
        if name not in types:
            raise ConfigError(f"this notebook has no parameter {name!r}: it has {', '.join(types)}")
    for name, kind in types.items():
        value = notebook[name]
        if not (type(value) is kind or (kind is float and type(value) is int)):
            raise ConfigError(f"the parameter {name} must be of type {kind.__name__}, but it is {value!r}")
