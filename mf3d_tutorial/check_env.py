"""Check that this machine has what the course needs.

    python -m mf3d_tutorial.check_env [--data DIR]

Prints an [OK] or [FAIL] line for each part, and below each failure the command that fixes it.
Exit code: 0 if all is well, 1 if something failed, 2 for wrong arguments.
"""

import argparse
import re
import shutil
import sys
import warnings
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from mf3d_tutorial.common.command_line import program_name

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 13)

# Extra of pyproject.toml -> a package of it, and what needs it.
EXTRAS = {
    "notebook": ("papermill", "the notebooks, and sweeps over them"),
    "rooms": ("embreex", "make_rooms"),
    "live": ("viser", "viz.enabled=true"),
}


class Failure(Exception):
    """A problem, as the message, and the command that fixes it."""

    def __init__(self, problem: str, command: str):
        super().__init__(problem)
        self.command = command


def with_note(package: str, version: str) -> str:
    """`version`, and beside it those in constraints*.txt (which only a checkout has) if that is
    another."""
    lines = "\n".join(path.read_text() for path in sorted(ROOT.glob("constraints*.txt")))
    pins = re.findall(rf"^{package}==([^ ;\n]+)", lines, re.MULTILINE)
    return (
        version
        if not pins or version.split("+")[0] in pins
        else f"{version} (tested with {' and '.join(pins)})"
    )


def load(module: str, name: str, command: str = "make install"):
    """The imported `module`; Failure, with the `command` that fixes it, if it cannot be
    imported."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return import_module(module)
    except Exception as error:
        raise Failure(f"{name} cannot be imported: {error}".splitlines()[0], command) from error


def check_python() -> str:
    """Python's version; Failure if it is too old or too new."""
    version = "Python {}.{}.{}".format(*sys.version_info[:3])
    if not OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        raise Failure(f"{version}, but 3.10 to 3.13 is needed", "PYTHON=python3.12 make install")
    return version


def check_torch() -> str:
    """PyTorch's version; Failure if it cannot be imported."""
    return "torch " + with_note("torch", load("torch", "torch").__version__)


def check_gpu() -> str:
    """The GPU, or that there is none; Failure if there is one that torch cannot use."""
    torch = load("torch", "torch")
    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_properties(0)
        return f"GPU {gpu.name}, {gpu.total_memory / 2**30:.0f} GiB"
    if not shutil.which("nvidia-smi"):
        return "no GPU found: everything runs on the CPU"
    if torch.version.cuda is None:
        raise Failure(
            f"this machine has a GPU, but torch {torch.__version__} is a CPU build",
            "make clean gpu",
        )
    raise Failure(
        f"torch is built for CUDA {torch.version.cuda}, but cannot use the GPU: see its driver",
        "nvidia-smi",
    )


def check_warpconvnet() -> str:
    """WarpConvNet's version; Failure if it cannot be imported, or not be used as this project
    does."""
    torch = load("torch", "torch")
    load(
        "mf3d_tutorial.warp",
        "WarpConvNet",
        "make gpu" if torch.cuda.is_available() else "make install",
    )
    return "WarpConvNet " + with_note("warpconvnet", load("warpconvnet", "WarpConvNet").__version__)


def convolve(device: str) -> list:
    """Output, input gradient and weight gradient of one small sparse convolution, on the CPU."""
    torch, warp = load("torch", "torch"), load("mf3d_tutorial.warp", "WarpConvNet")
    random = torch.Generator().manual_seed(0)
    coords = torch.randint(0, 8, (200, 3), generator=random, dtype=torch.int32).unique(dim=0)
    features = torch.randn(len(coords), 16, generator=random).to(device).requires_grad_()
    conv = warp.SparseConv3d(16, 16, kernel_size=3, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.randn(conv.weight.shape, generator=random) / 16)
    out = conv.to(device)(warp.Voxels([coords.to(device)], [features])).feature_tensor
    out.square().sum().backward()
    return [tensor.detach().cpu() for tensor in (out, features.grad, conv.weight.grad)]


def check_convolution() -> str:
    """Failure if WarpConvNet's CUDA extension is missing, or gives other results than the CPU."""
    torch, warp = load("torch", "torch"), load("mf3d_tutorial.warp", "WarpConvNet")
    on_cpu = convolve("cpu")
    if not torch.cuda.is_available():
        return "WarpConvNet runs on the CPU (no GPU found)"
    if not warp.HAS_EXTENSION:
        raise Failure(
            "WarpConvNet runs on the CPU, but its CUDA extension is not compiled", "make gpu"
        )
    for cpu, cuda in zip(on_cpu, convolve("cuda")):
        # TF32 keeps 10 bits
        if not torch.allclose(cpu, cuda, rtol=1e-2, atol=1e-2 * cpu.abs().max().item()):
            raise Failure(
                "WarpConvNet's CUDA extension gives other results than the CPU", "make gpu"
            )
    return "WarpConvNet's CUDA extension works: forward and backward agree with the CPU"


def check_data(folder: Path) -> str:
    """How many scenes `folder` holds; Failure if a split that training needs has none."""
    make = f"python -m mf3d_tutorial.make_rooms --out {folder} --train 8 --val 4"
    if not folder.is_dir():
        raise Failure(
            f"data folder {folder} {'is not a folder' if folder.exists() else 'does not exist'}",
            make,
        )
    counts = {
        split: len(list(folder.glob(f"{split}/*/coord.npy"))) for split in ("train", "val", "test")
    }
    for split in ("train", "val"):
        if not counts[split]:
            raise Failure(
                f"data folder {folder} has no scene in {split}/ (no {split}/*/coord.npy)", make
            )
    return f"data folder {folder}: scenes: " + ", ".join(
        f"{count} {split}" for split, count in counts.items() if count
    )


def check_extras() -> str:
    """Packages that only some parts need; without them the rest works."""
    missing = [
        f"{extra} ({part})"
        for extra, (package, part) in EXTRAS.items()
        if find_spec(package) is None
    ]
    if missing:
        raise Failure(f"optional packages are missing: {', '.join(missing)}", "make install")
    return f"optional packages are there: {', '.join(EXTRAS)}"


CHECKS = (check_python, check_torch, check_gpu, check_warpconvnet, check_convolution, check_extras)


def main() -> int:
    """Print a line for each check; the exit code."""
    parser = argparse.ArgumentParser(
        prog=program_name("check_env"), description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--data",
        default=ROOT / "data_samples",
        metavar="DIR",
        help="dataset to check (default: data_samples)",
    )
    data = Path(parser.parse_args().data).expanduser()
    failures = 0
    for check in (*CHECKS, lambda: check_data(data)):
        try:
            print(f"[OK] {check()}", flush=True)
        except Exception as error:  # whatever breaks in a check is a finding
            failures += 1
            command = error.command if isinstance(error, Failure) else "make clean install"
            print(
                f"[FAIL] {error or type(error).__name__}\n       fix it with: {command}",
                flush=True,
            )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
