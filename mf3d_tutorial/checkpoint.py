"""Make a small checkpoint to share: config, float16 weights and metrics.

It leaves out the optimiser's state, so training cannot resume from it.

    python -m mf3d_tutorial.checkpoint runs/first/best.ckpt small.ckpt

In Python, `from mf3d_tutorial.checkpoint import load_model` reads either of them. The code is in
training/checkpoint.py; here are the command and the public names.
"""

from pathlib import Path

from mf3d_tutorial.common.errors import exit_on_user_error
from mf3d_tutorial.config.options import argument_parser
from mf3d_tutorial.training.checkpoint import (
    CheckpointError,
    load_checkpoint,
    load_model,
    save_checkpoint,
    strip,
)

__all__ = ["CheckpointError", "load_checkpoint", "load_model", "save_checkpoint", "strip"]


@exit_on_user_error
def main() -> None:
    """Strip the checkpoint that the arguments name."""
    parser = argument_parser("checkpoint", __doc__)
    parser.add_argument("source", help="last.ckpt or best.ckpt of a run")
    parser.add_argument("target", help="checkpoint to write")
    arguments = parser.parse_args()
    strip(arguments.source, arguments.target)
    print(f"written: {arguments.target}, {Path(arguments.target).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
