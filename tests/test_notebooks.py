"""What every committed notebook must be (the outputs themselves are compared by nbval, see `make
test`)."""

import re
from pathlib import Path

import nbformat
import papermill
import pytest
from tools import colab_cell
from tools.book.build import repository
from tools.reading_time import reading_time

from mf3d_tutorial.common.errors import ConfigError
from mf3d_tutorial.common.notebook import check_answer, check_parameters, digest

FOLDER = Path(__file__).parents[1] / "notebooks"
LESSONS, SOLUTIONS = sorted(FOLDER.glob("*.ipynb")), sorted((FOLDER / "solutions").glob("*.ipynb"))
NOTEBOOKS = LESSONS + SOLUTIONS
PICTURE = re.compile(
    r"pipeline_figure\(|scene_panels\(|training_curves\(|^plt\.show\(|\bscenes\(", re.MULTILINE
)
FORMATS = {"image/png", "application/vnd.plotly.v1+json"}


def identifier(path):
    return str(path.relative_to(FOLDER).with_suffix(""))


@pytest.fixture(params=NOTEBOOKS, ids=identifier)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert (FOLDER / "05_training.ipynb") in LESSONS
    assert {path.name for path in SOLUTIONS} <= {path.name for path in LESSONS}


def test_cells_were_run_in_order_without_an_error_or_a_warning(notebook):
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [out for cell in cells for out in cell.outputs]
    assert not [out for out in outputs if out.output_type == "error" or out.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=identifier)
def test_one_cell_has_typed_and_explained_parameters(path):
    tagged = [
        cell
        for cell in code_cells(nbformat.read(path, as_version=4))
        if "parameters" in cell.metadata.get("tags", [])
    ]
    assert len(tagged) == 1
    for line in tagged[0].source.splitlines():
        assert re.fullmatch(r"\w+: \w+ = .+  # .+", line), line


@pytest.mark.parametrize("path", LESSONS, ids=identifier)
def test_the_first_cell_of_a_lesson_is_for_colab(path):
    first, *others = code_cells(nbformat.read(path, as_version=4))
    assert first.source == colab_cell.source(repository())
    assert (first.metadata.tags, first.outputs) == (colab_cell.TAGS, [])
    assert not [cell for cell in others if "colab" in cell.metadata.get("tags", [])]


def test_nothing_of_this_machine_is_saved(notebook):
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    text = nbformat.writes(notebook)
    assert "/work/" not in text
    assert "/home/" not in text


def test_cells_are_short_enough_to_read(notebook):
    lengths = sorted(len(cell.source.splitlines()) for cell in code_cells(notebook))
    assert lengths[int(0.9 * (len(lengths) - 1))] <= 25


def test_pictures_are_saved_and_not_compared(notebook):
    for cell in code_cells(notebook):
        shown = {form for out in cell.outputs for form in out.get("data", {})} & FORMATS
        if shown or PICTURE.search(cell.source):
            assert "nbval-ignore-output" in cell.metadata.tags
            assert shown


def given(**parameters):
    """What `check_parameters` sees of a notebook whose parameters have these values (and types)."""
    annotations = {name: type(value) for name, value in parameters.items()}
    return {"__annotations__": annotations, "In": ["", "# Parameters\nsize = 1\n"], **parameters}


@pytest.mark.parametrize("path", LESSONS, ids=identifier)
def test_reading_times_are_what_counting_gives(path):
    counted = reading_time(path)
    row = next(
        line
        for line in (FOLDER / "README.md").read_text().splitlines()
        if f"]({path.name})" in line
    )
    said = [[int(minutes) for minutes in re.findall(r"(\d+) min", row)[-2:]]]
    said += re.findall(
        r"\*Reading time:\* about (\d+) minutes, and (\d+) for",
        nbformat.read(path, 4).cells[0].source,
    )
    assert all(abs(int(a) - b) <= 5 for pair in said for a, b in zip(pair, counted)), counted


def test_lessons_are_linked_in_order_and_listed_in_both_tables():
    names = [path.name for path in LESSONS]
    for before, path, after in zip([None, *names], LESSONS, [*names[1:], None]):
        first, *_, last = nbformat.read(path, as_version=4).cells
        links = dict(re.findall(r"\[(previous|next): [^\]]+\]\(([^)]+)\)", first.source))
        assert (links.get("previous"), links.get("next")) == (before, after), path.name
        assert after is None or f"]({after})" in last.source.rpartition("Next:")[2], path.name
    for readme, folder in ((FOLDER / "README.md", ""), (FOLDER.parent / "README.md", "notebooks/")):
        rows = [line for line in readme.read_text().splitlines() if line.startswith("|")]
        listed = re.findall(rf"\[\d\d[^\]]*\]\({folder}(\w+\.ipynb)\)", "\n".join(rows))
        assert listed == names, readme


@pytest.mark.parametrize("path", LESSONS, ids=identifier)
def test_sections_of_other_lessons_that_a_text_names_are_there(path):
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for lesson, section in re.findall(r"\b(\d\db?), section (\d+)", text):
        (other,) = FOLDER.glob(f"{lesson}_*.ipynb")
        headings = [cell.source for cell in nbformat.read(other, as_version=4).cells]
        assert re.search(rf"^## {section}\. ", "\n".join(headings), re.MULTILINE), (lesson, section)


def test_parameters_of_another_name_or_type_are_refused():
    notebook = given(steps=3, size=1.0)
    check_parameters(notebook | {"size": 1})
    with pytest.raises(ConfigError, match=r"parameter steps must be of type int, but it is '3'"):
        check_parameters(notebook | {"steps": "3"})
    notebook["In"].append("# Parameters\nstep = 5\n")
    with pytest.raises(ConfigError, match=r"no parameter 'step': it has steps, size"):
        check_parameters(notebook)


def test_a_tilde_in_a_parameter_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    notebook = given(size=1, output_dir="~/a b", data_dir="/a~b", empty="")
    check_parameters(notebook)
    paths = [notebook[name] for name in ("output_dir", "data_dir", "empty")]
    assert paths == ["/home/me/a b", "/a~b", ""]


def test_parameters_that_are_too_small_or_name_nothing_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notebook = given(seed=0, size=1.0, data_dir="rooms")
    with pytest.raises(ConfigError, match=r"seed=-1 must be at least 0"):
        check_parameters(notebook | {"seed": -1})
    with pytest.raises(ConfigError, match=r"size=1.0 must be at least 2"):
        check_parameters(notebook, least={"size": 2})
    with pytest.raises(
        ConfigError,
        match=rf"data_dir='rooms': there is no {tmp_path}/rooms \(paths count from {tmp_path}",
    ):
        check_parameters(notebook, existing=["data_dir"])
    (tmp_path / "rooms").mkdir()
    check_parameters(notebook, least={"size": 1}, existing=["data_dir"])


def test_a_list_may_come_as_words():
    notebook = given(size=1.0, overrides=[])
    notebook["overrides"] = "train.lr=1e-3 'model.backbone={_target_: a.B}'"
    check_parameters(notebook)
    assert notebook["overrides"] == ["train.lr=1e-3", "model.backbone={_target_: a.B}"]


def test_answers_get_the_hint_that_fits_them():
    hints = {
        "right": digest(42),
        "wrong": {digest(41): "you left one out"},
        "otherwise": "look again",
    }
    assert check_answer(None, **hints).startswith("not answered yet")
    assert check_answer(41, **hints) == "not correct: you left one out"
    assert check_answer(7, **hints) == "not correct: look again"
    assert check_answer(42, **hints) == "correct"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=identifier)
def test_size_and_links(path):
    assert path.stat().st_size < (2e6 if path.stem[:2] in ("05", "06") else 1e6)
    for cell in nbformat.read(path, as_version=4).cells:
        for target in re.findall(
            r"\]\(([^)#:]+)\)", cell.source if cell.cell_type == "markdown" else ""
        ):
            assert (path.parent / target).exists(), target


# Buys the promise that a parameterised run works: papermill, another recipe's options, the run
# folder.
@pytest.mark.slow
def test_training_runs_by_papermill(tmp_path):
    parameters = {
        "data_dir": str(FOLDER.parent / "data_samples"),
        "output_dir": str(tmp_path / "run"),
        "num_steps": 4,
        "overfit_steps": 2,
        "seed": 1,
        "overrides": ["data.voxel_size=0.16", "model.backbone_voxel_size=0.16"],
    }
    known = papermill.inspect_notebook(FOLDER / "05_training.ipynb")
    assert set(parameters) <= set(known)  # papermill only warns of others
    papermill.execute_notebook(
        FOLDER / "05_training.ipynb",
        tmp_path / "out.ipynb",
        parameters,
        progress_bar=False,
        cwd=str(FOLDER),
    )
    assert {"config.yaml", "metrics.json", "metrics.jsonl", "last.ckpt", "best.ckpt"} <= {
        path.name for path in (tmp_path / "run").iterdir()
    }


# Buys that the job of a sweep or a cluster, which is no lesson, trains by papermill too.
@pytest.mark.slow
def test_the_training_job_runs_by_papermill(tmp_path):
    job = FOLDER / "jobs" / "train.ipynb"
    parameters = {
        "data_dir": str(FOLDER.parent / "data_samples"),
        "output_dir": str(tmp_path / "run"),
        "num_steps": 2,
        "overrides": "data.voxel_size=0.16 model.backbone_voxel_size=0.16",
    }
    assert set(parameters) <= set(papermill.inspect_notebook(job))
    papermill.execute_notebook(
        job, tmp_path / "out.ipynb", parameters, progress_bar=False, cwd=str(job.parent)
    )
    assert {"metrics.json", "best.ckpt", "room.html"} <= {
        p.name for p in (tmp_path / "run").iterdir()
    }


# Buys the same for the notebook that itself starts papermill runs.
@pytest.mark.slow
def test_experiments_run_by_papermill(tmp_path):
    parameters = {"data_dir": str(FOLDER.parent / "data_samples"), "num_steps": 2}
    assert set(parameters) <= set(papermill.inspect_notebook(FOLDER / "07_experiments.ipynb"))
    done = papermill.execute_notebook(
        FOLDER / "07_experiments.ipynb",
        tmp_path / "out.ipynb",
        parameters,
        progress_bar=False,
        cwd=str(FOLDER),
    )
    assert all(cell.metadata.papermill.status == "completed" for cell in code_cells(done))
