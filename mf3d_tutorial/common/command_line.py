"""What a command calls itself in its help and its errors."""

import sys


def program_name(command: str) -> str:
    """`mf3d <command>` if that is how it was started (see __main__.py), else `python -m
    mf3d_tutorial.<command>`."""
    short = f"mf3d {command}"
    return short if sys.argv[0] == short else f"python -m mf3d_tutorial.{command}"
