"""The console command `mf3d <command>`, which is `python -m mf3d_tutorial.<command>` under a
shorter name."""

import argparse
import ast
import sys
from importlib import import_module
from pathlib import Path

# The order in which `mf3d --help` lists them; what it says of each is the first line of the
# module's docstring.
COMMANDS = (
    "check_env",
    "make_rooms",
    "prepare_scannet",
    "train",
    "evaluate",
    "predict",
    "inspect_run",
    "sweep",
    "runs",
    "checkpoint",
)


def summary(command: str) -> str:
    """The first line of a command's docstring, read without importing it: `mf3d --help` needs no
    torch."""
    source = Path(__file__).with_name(f"{command}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def main() -> None:
    """Run the command that the first argument names, with the others; `make-rooms` is
    `make_rooms`."""
    wide = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        "mf3d",
        usage="mf3d <command> [arguments]    (mf3d <command> --help lists the arguments)",
        epilog="commands:\n"
        + "\n".join(f"  {command:<{wide}}  {summary(command)}" for command in COMMANDS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command",
        metavar="<command>",
        help="one of the commands below",
        type=underscored,
        choices=COMMANDS,
    )
    command = parser.parse_args(sys.argv[1:2]).command
    sys.argv = [f"mf3d {command}", *sys.argv[2:]]
    sys.exit(import_module(f"mf3d_tutorial.{command}").main())


def underscored(command: str) -> str:
    """The module's name for a command that was typed with hyphens."""
    return command.replace("-", "_")


if __name__ == "__main__":
    main()
