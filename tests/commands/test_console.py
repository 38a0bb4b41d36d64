"""`mf3d <command>` and `python -m mf3d_tutorial.<command>` are the same command."""

import ast
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import mf3d_tutorial
from mf3d_tutorial import __main__ as console


def help_of(monkeypatch, capsys, main, *argv: str) -> str:
    # where a usage line is broken depends on the command's length
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setattr(sys, "argv", list(argv))
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    return capsys.readouterr().out


@pytest.mark.parametrize("command", console.COMMANDS)
def test_both_forms_print_the_same_help_but_for_their_name(monkeypatch, capsys, command):
    long, short = f"python -m mf3d_tutorial.{command}", f"mf3d {command}"
    module = import_module(f"mf3d_tutorial.{command}")
    theirs = help_of(monkeypatch, capsys, module.main, module.__file__, "--help")
    ours = help_of(
        monkeypatch,
        capsys,
        console.main,
        "/somewhere/bin/mf3d",
        command.replace("_", "-"),
        "--help",
    )
    assert theirs.startswith(f"usage: {long} ")
    assert ours == theirs.replace(f"usage: {long} ", f"usage: {short} ")


def test_every_command_is_listed_with_a_line_of_its_own(monkeypatch, capsys):
    listed = help_of(monkeypatch, capsys, console.main, "mf3d", "--help")
    modules = [
        module.name for module in pkgutil.iter_modules(mf3d_tutorial.__path__) if not module.ispkg
    ]
    sources = {
        name: ast.parse((Path(console.__file__).with_name(name + ".py")).read_text())
        for name in modules
    }
    functions = {
        name: {getattr(node, "name", "") for node in tree.body} for name, tree in sources.items()
    }
    assert set(console.COMMANDS) == {name for name in modules if "main" in functions[name]} - {
        "__main__"
    }
    for command in console.COMMANDS:
        sentence = ast.get_docstring(sources[command]).splitlines()[0]
        assert f"\n  {command:<15}  {sentence}\n" in listed
        assert sentence.endswith(".")  # whole, and on one line


def test_the_list_is_quick_because_torch_stays_out():
    code = "import sys; from mf3d_tutorial.__main__ import main; sys.argv = ['mf3d', '--help']\n"
    code += "try: main()\nfinally: assert not {'torch', 'hydra', 'numpy'} & sys.modules.keys()"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.parametrize("short", [False, True])
def test_a_command_gets_its_arguments_and_its_exit_code_is_passed_on(tmp_path, short):
    start = ["mf3d_tutorial", "runs"] if short else ["mf3d_tutorial.runs"]
    done = subprocess.run(
        [sys.executable, "-m", *start, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert (
        done.stderr
        == f"error: there is no run below {tmp_path}: a run folder holds a config.yaml\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"), [(["trian"], "invalid choice: 'trian'"), ([], "required: <command>")]
)
def test_a_command_that_does_not_exist_is_refused(monkeypatch, capsys, arguments, sentence):
    monkeypatch.setattr(sys, "argv", ["mf3d", *arguments])
    with pytest.raises(SystemExit) as end:
        console.main()
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


def test_check_env_passes_its_number_on(monkeypatch, tmp_path, capsys):
    from mf3d_tutorial import check_env

    monkeypatch.setattr(check_env, "CHECKS", ())
    monkeypatch.setattr(sys, "argv", ["mf3d", "check-env", "--data", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        console.main()
    assert end.value.code == 1
    assert "[FAIL] data folder" in capsys.readouterr().out
