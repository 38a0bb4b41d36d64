"""Set-up: the files that name versions agree, and make and check_env say clearly what is wrong."""

import os
import pkgutil
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mf3d_tutorial import __main__ as console
from mf3d_tutorial import check_env

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
REQUIREMENTS = [line for line in REQUIREMENTS if Requirement(line).name != PROJECT["name"]]
PIN_LINES = (ROOT / "constraints.txt").read_text().splitlines()
PINS = [Requirement(line) for line in PIN_LINES if line.strip()]
GPU_LINES = (ROOT / "constraints-gpu.txt").read_text().splitlines()
GPU_TORCH = next(line for line in GPU_LINES if line.startswith("torch==")).removeprefix("torch==")
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def pins_for(name: str, python: str) -> list[str]:
    """The versions that constraints.txt allows for a package on Linux with this Python."""
    machine = {
        "python_version": python,
        "python_full_version": f"{python}.5",
        "sys_platform": "linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "implementation_name": "cpython",
    }
    fitting = [pin for pin in PINS if pin.marker is None or pin.marker.evaluate(machine)]
    return [
        str(pin.specifier).removeprefix("==")
        for pin in fitting
        if canonicalize_name(pin.name) == name
    ]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("line", REQUIREMENTS)
def test_every_dependency_has_one_pin_that_satisfies_it(line, python):
    requirement = Requirement(line)
    versions = pins_for(canonicalize_name(requirement.name), python)
    assert len(versions) == 1, (
        f"{line}: constraints.txt pins {versions} for Python {python}; run `make lock`"
    )
    assert requirement.specifier.contains(versions[0])


def test_the_same_pythons_are_named_everywhere():
    supported = SpecifierSet(PROJECT["requires-python"])
    assert [f"3.{minor}" for minor in range(5, 25) if supported.contains(f"3.{minor}")] == PYTHONS
    assert (check_env.OLDEST_PYTHON, check_env.NEWEST_PYTHON) == ((3, 10), (3, 13))
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())
    tests = workflow["jobs"]["tests"]
    assert tests["strategy"]["matrix"]["python"] == [PYTHONS[0], PYTHONS[-1]]
    assert "bash .ci/run" in [step.get("run") for step in tests["steps"]]


def test_conda_users_get_what_make_install_gives():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == "mf3d"
    *conda, by_pip = environment["dependencies"]
    python = next(line for line in conda if line.startswith("python=")).removeprefix("python=")
    assert python in PYTHONS
    installed = re.search(
        r"pip install -q (-c \S+) (-e) '(\.\[.*\])'", (ROOT / "Makefile").read_text()
    )
    constraints, editable, package = installed.groups()
    assert by_pip == {"pip": ["-c constraints.txt", f"{editable} {package}"]}
    assert constraints == "-c $(PINS)"  # constraints.txt, or the file made for a GPU machine
    assert set(package[2:-1].split(",")) <= set(EXTRAS)


def test_the_console_command_is_installed():
    assert pkgutil.resolve_name(PROJECT["scripts"]["mf3d"]) is console.main


def test_versions_are_written_down_once():
    for file in ("Makefile", "environment.yml", ".ci/run", ".github/workflows/tests.yml"):
        assert not re.search(r"(torch|warpconvnet)==\d", (ROOT / file).read_text()), file


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    clean = {
        key: value
        for key, value in os.environ.items()
        if key not in ("PYTHON", "RUN", "MAKEFLAGS", "MAKELEVEL")
    }
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=clean | environment, capture_output=True, text=True
    )


@pytest.fixture
def bare(tmp_path):
    """A checkout's build files, with no .venv."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "constraints-gpu.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@needs_make
def test_make_lists_every_target():
    listed = re.findall(r"^  make ([a-z-]+) +\S", make(ROOT).stdout, re.MULTILINE)
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed == targets


@needs_make
def test_make_says_that_python_is_missing(bare):
    result = make(bare, "install", PYTHON="python3.77")
    assert result.returncode == 2
    assert result.stderr.startswith(
        "There is no python3.77 here: run 'apt-get install python3 python3-venv', or"
    )


@needs_make
@pytest.mark.parametrize("version", [(3, 9), (3, 14)])
def test_make_refuses_a_python_that_is_too_old_or_too_new(bare, version):
    number = "Python {}.{}.0".format(*version)
    python = bare / "python3"
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -V ] && echo {number} && exit\n'
        f'exec {sys.executable} -c "import sys; sys.version_info = {(*version, 0)}; $2"\n'
    )
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    result = make(bare, "install", PYTHON=str(python))
    assert result.returncode == 2
    assert result.stderr.startswith(f"{python} is {number}, but 3.10 to 3.13 is needed")
    assert not (bare / ".venv").exists()


@needs_make
def test_make_says_which_package_brings_venv(bare):
    (bare / "ensurepip.py").write_text("raise ImportError")
    result = make(bare, "install", PYTHON=sys.executable, PYTHONPATH=str(bare))
    package = f"{Path(sys.executable).name}-venv"
    assert result.returncode == 2
    assert f"cannot make virtual environments: run 'apt-get install {package}'" in result.stderr
    assert not (bare / ".venv").exists()


FAKE_PYTHON = """#!/bin/sh
# A Python whose venv holds itself, and which writes down what pip is asked for.
case "$*" in
    -V) echo Python 3.12.0 ;;
    "-m venv --clear .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *version*torch*) echo none ;;
    *"pip install"*) echo "$*" >> pip.txt ;;
esac
"""


@needs_make
@pytest.mark.parametrize("gpu", [False, True])
def test_a_gpu_machine_gets_the_torch_that_cuda_work_was_done_with(bare, tmp_path, gpu):
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("bash", "sh", "sed", "cut", "cat", "grep", "touch", "mkdir", "cp", "date"):
        (tools / tool).symlink_to(shutil.which(tool))
    for name, code in {
        "python3": FAKE_PYTHON,
        **({"nvidia-smi": "#!/bin/sh\n"} if gpu else {}),
    }.items():
        (tools / name).write_text(code)
        (tools / name).chmod(0o755)
    command = [shutil.which("make"), "install"]
    done = subprocess.run(
        command, cwd=bare, env={"PATH": str(tools)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    torch, others = (bare / "pip.txt").read_text().splitlines()
    if not gpu:
        assert torch.endswith(
            "--index-url https://download.pytorch.org/whl/cpu"
            f" torch=={pins_for('torch', '3.11')[0]}"
        )
        assert "-c constraints.txt -e" in others
        return
    assert torch.endswith(f"-c .venv/constraints.txt torch=={GPU_TORCH}")
    assert "-c .venv/constraints.txt -e" in others
    lines = (bare / ".venv/constraints.txt").read_text().splitlines()
    of_torch = ("nvidia-", "cuda-", "triton", "torch==", "setuptools==")
    assert lines == [line for line in PIN_LINES if not line.startswith(of_torch)] + GPU_LINES


def test_what_is_optional_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setattr(
        check_env, "find_spec", lambda name: None if name in ("papermill", "embreex") else name
    )
    with pytest.raises(check_env.Failure) as failure:
        check_env.check_extras()
    sentence = (
        "optional packages are missing: notebook (the notebooks, and sweeps over them), rooms"
        " (make_rooms)"
    )
    assert (str(failure.value), failure.value.command) == (sentence, "make install")
    for extra, (package, _) in check_env.EXTRAS.items():
        assert package in {Requirement(line).name for line in EXTRAS[extra]}


@pytest.mark.parametrize(
    "module", ["train", "evaluate", "predict", "sweep", "runs", "checkpoint", "prepare_scannet"]
)
def test_a_command_needs_no_optional_package(module):
    # None: cannot be imported
    code = "import importlib, sys; sys.modules.update(dict.fromkeys(sys.argv[2:]))\n"
    code += "importlib.import_module(sys.argv[1])"
    optional = ["anywidget", "ipywidgets", "jupyterlab", "papermill", "embreex", "viser"]
    command = [sys.executable, "-c", code, f"mf3d_tutorial.{module}", *optional]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def run_check(*arguments, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mf3d_tutorial.check_env", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )


@pytest.fixture
def layout(tmp_path):
    for scene in ("train/a", "train/b", "val/c"):
        (tmp_path / scene).mkdir(parents=True)
        (tmp_path / scene / "coord.npy").touch()
    return tmp_path


def test_check_env_finds_all_well(layout):
    result = run_check("--data", layout)
    lines = result.stdout.splitlines()
    starts = [
        "Python 3.",
        "torch ",
        ("no GPU", "GPU"),
        f"WarpConvNet {pins_for('warpconvnet', '3.11')[0]}",
    ]
    starts += ["WarpConvNet", "optional packages are there: notebook, rooms, live", "data folder"]
    for line, start in zip(lines, starts, strict=True):
        assert line.removeprefix("[OK] ").startswith(start)
    assert lines[-1] == f"[OK] data folder {layout}: scenes: 2 train, 1 val"
    assert result.returncode == 0
    assert "Traceback" not in result.stderr


def test_check_env_names_the_command_that_mends_a_data_folder(layout):
    shutil.rmtree(layout / "val")
    result = run_check("--data", layout)
    assert result.returncode == 1
    problem, command = result.stdout.splitlines()[-2:]
    assert problem == f"[FAIL] data folder {layout} has no scene in val/ (no val/*/coord.npy)"
    assert command.split("fix it with: ")[1].startswith("python -m mf3d_tutorial.")
    with pytest.raises(check_env.Failure, match="does not exist"):
        check_env.check_data(layout / "nowhere")
    with pytest.raises(check_env.Failure, match="is not a folder"):
        check_env.check_data(layout / "train/a/coord.npy")


def test_check_env_survives_a_missing_torch(layout, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('no torch today')")
    result = run_check("--data", layout, PYTHONPATH=str(tmp_path))
    assert result.returncode == 1
    assert (
        "[FAIL] torch cannot be imported: no torch today\n       fix it with: make install\n"
        in result.stdout
    )
    assert "[OK] data folder" in result.stdout
    assert "Traceback" not in result.stderr


def test_check_env_refuses_unknown_arguments():
    assert run_check("--dta", "x").returncode == 2


def test_another_torch_than_the_pinned_one_is_only_a_note(monkeypatch):
    import torch

    tested = [GPU_TORCH, pins_for("torch", "3.11")[0]]
    for version in tested:
        monkeypatch.setattr(torch, "__version__", f"{version}+cu130")
        assert check_env.check_torch() == f"torch {version}+cu130"
    monkeypatch.setattr(torch, "__version__", "2.12.0+cu130")
    assert (
        check_env.check_torch() == f"torch 2.12.0+cu130 (tested with {tested[0]} and {tested[1]})"
    )


def test_a_gpu_that_cannot_be_used_is_a_failure(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(check_env.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(check_env.Failure, match="CPU build") as failure:
        check_env.check_gpu()
    assert failure.value.command == "make clean gpu"


@pytest.mark.cuda
def test_check_env_runs_the_cuda_extension():
    assert "works" in check_env.check_convolution()
