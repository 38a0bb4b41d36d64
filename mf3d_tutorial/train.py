"""Train a MaskFormer3D on scenes in the ScanNet layout.

    python -m mf3d_tutorial.train recipe=tiny paths.data_dir=data_samples paths.output_dir=runs/first
    python -m mf3d_tutorial.train paths.data_dir=/data/scannet data.label_set=scannet200
    torchrun --nproc-per-node=4 -m mf3d_tutorial.train paths.data_dir=/data/scannet train.batch_size=8

Options are `key=value`. Exit code 2 and one sentence for anything wrong with them, the data or the run folder.
"""

from mf3d_tutorial.config import Config, load_config
from mf3d_tutorial.distributed import rank
from mf3d_tutorial.engine import describe, fit
from mf3d_tutorial.errors import exit_on_user_error
from mf3d_tutorial.options import command_line


@exit_on_user_error
def main() -> None:
    metrics = fit(load_config(command_line(Config, "train", __doc__)))
    if rank() == 0:
        print(f"best validation, of epoch {metrics['epoch']}: {describe(metrics)}")


if __name__ == "__main__":
    main()
