"""Train a MaskFormer3D on scenes in the ScanNet layout.

    python -m mf3d_tutorial.train recipe=tiny paths.data_dir=data_samples paths.output_dir=runs/first
    python -m mf3d_tutorial.train paths.data_dir=/data/scannet data.label_set=scannet200

Options are `key=value`. Exit code 2 and one sentence for anything wrong with them, the data or the run folder.
"""

import argparse

from mf3d_tutorial.config import describe_options, load_config
from mf3d_tutorial.engine import describe, fit
from mf3d_tutorial.errors import exit_on_user_error


@exit_on_user_error
def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m mf3d_tutorial.train",
        description=__doc__,
        epilog="options (meaning, [default]):\n" + describe_options(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="see below")
    metrics = fit(load_config(parser.parse_args().overrides))
    print(f"best validation, of epoch {metrics['epoch']}: {describe(metrics)}")


if __name__ == "__main__":
    main()
