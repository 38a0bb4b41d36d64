"""Train a MaskFormer3D on scenes in the ScanNet layout.

    python -m mf3d_tutorial.train recipe=tiny paths.data_dir=data_samples
    python -m mf3d_tutorial.train paths.data_dir=/data/scannet data.label_set=scannet200
    torchrun --nproc-per-node=4 -m mf3d_tutorial.train paths.data_dir=scans train.batch_size=8
    python -m mf3d_tutorial.train --multirun paths.data_dir=scans train.lr=1e-3,3e-3 seed=0,1

Options are `key=value`. With --multirun, `key=a,b` gives several values: one run per combination,
one after another, each in its own folder below paths.output_dir (mf3d_tutorial.sweep can do more).
Exit code 2 and one sentence if options, data or run folder cannot be used.
"""

from torch.distributed import is_torchelastic_launched

from mf3d_tutorial.common.errors import exit_on_user_error
from mf3d_tutorial.config import Config, load_config
from mf3d_tutorial.config.options import options_parser, require
from mf3d_tutorial.sweep import multirun, run_and_compare
from mf3d_tutorial.training.distributed import rank
from mf3d_tutorial.training.engine import describe, fit


@exit_on_user_error
def main() -> None:
    """Train as the arguments say."""
    parser = options_parser(Config, "train", __doc__)
    parser.add_argument(
        "-m", "--multirun", action="store_true", help="one run per combination of values"
    )
    arguments = parser.parse_intermixed_args()
    if arguments.multirun:
        alone = not is_torchelastic_launched()
        require(
            alone,
            "--multirun starts processes of its own: begin the command with python, not with"
            " torchrun",
        )
        run_and_compare(multirun(arguments.overrides))
        return
    metrics = fit(load_config(arguments.overrides))
    if rank() == 0:
        print(f"best validation, of epoch {metrics['epoch']}: {describe(metrics)}")


if __name__ == "__main__":
    main()
