"""Inspect in a browser what a trained model finds in a split, the worst scene first.

    python -m mf3d_tutorial.inspect_run run=runs/first
    python -m mf3d_tutorial.inspect_run run=runs/first max_scenes=20 open=false

Writes <run>/inspect/index.html, a list of the scenes, and one page for each of the worst: scan,
truth and prediction as an interactive figure, and a table of what was found, missed, merged or
invented, by which query and why. Needs no server and no network. Exit code 2 and one sentence if
run or scenes cannot be used.
"""

import html
import webbrowser
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import MISSING
from tqdm import tqdm

from mf3d_tutorial.common.atomic_files import write_text, writing
from mf3d_tutorial.common.errors import DataError, exit_on_user_error, memory_advice
from mf3d_tutorial.config.options import Checked, load_options, option, options_parser
from mf3d_tutorial.data import ScanNetScenes
from mf3d_tutorial.evaluation.inference import MEMORY_ADVICE
from mf3d_tutorial.training.checkpoint import load_model
from mf3d_tutorial.viz.failures import FAILURES
from mf3d_tutorial.viz.inspection import Inspection, inspect_scene
from mf3d_tutorial.viz.report import report_scene
from mf3d_tutorial.warp.device import choose_device


@dataclass
class InspectPaths:
    """Folders that scenes are read from and pages go to."""

    data_dir: str | None = option(
        None, "dataset root with a folder for the split; null: as in the run", path=True
    )
    output_dir: str | None = option(None, "folder for the pages; null: <run>/inspect", path=True)


@dataclass
class InspectOptions(Checked):
    """Options of `inspect_run`."""

    run: str = option(MISSING, "a run folder, or a checkpoint (required)", path=True)
    split: str = option("val", "folder of paths.data_dir")
    max_scenes: int = option(50, "read at most this many scenes, from the first on", least=1)
    max_pages: int = option(12, "write pages for at most this many scenes, the worst ones", least=1)
    score_threshold: float = option(0.3, "hide predictions with a lower score", least=0, below=1)
    device: str = option("auto", "auto, cpu, cuda or cuda:N; auto takes a GPU that works")
    open: bool = option(True, "open the list in a browser")
    paths: InspectPaths = field(default_factory=InspectPaths)


def inspect_run(options: InspectOptions) -> Path:
    """Write the pages and the list of scenes; gives the list's path. UserError if run or scenes
    cannot be used."""
    checkpoint = find_checkpoint(Path(options.run))
    model, cfg = load_model(checkpoint, choose_device(options.device))
    labels = cfg.data.labels
    root = options.paths.data_dir or cfg.paths.data_dir
    scenes = ScanNetScenes(
        root, options.split, labels, cfg.data.voxel_size, None, cfg.data.ignore_index
    )
    folder = Path(options.paths.output_dir or checkpoint.parent / "inspect")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lines, worst = [], []  # outputs stay in memory only of the scenes in `worst`
    with memory_advice(MEMORY_ADVICE):
        for index in tqdm(range(min(len(scenes), options.max_scenes)), unit="scene", disable=None):
            room = inspect_scene(model, cfg, scenes[index], labels)
            room.update(score_threshold=options.score_threshold)
            lines.append((badness(room), summary(room)))
            worst = sorted(
                [*worst, (badness(room), index, room)], key=lambda each: (-each[0], each[1])
            )
            worst = worst[: options.max_pages]
    pages = {
        room.scene.name: report_scene(folder / f"{room.scene.name}.html", room).name
        for _, _, room in worst
    }
    rows = [(line, pages.get(line[0])) for _, line in sorted(lines, key=lambda each: -each[0])]
    write_list(folder / "index.html", f"{checkpoint}, {options.split}", rows)
    return folder / "index.html"


def find_checkpoint(run: Path) -> Path:
    """The best checkpoint of a run folder, or else its last one; a file is taken as it is."""
    if run.is_file():
        return run
    for name in ("best.ckpt", "last.ckpt"):
        if (run / name).is_file():
            return run / name
    raise DataError(
        f"{run.absolute()} holds neither best.ckpt nor last.ckpt: set run to a run folder or a"
        " checkpoint"
    )


def badness(room: Inspection) -> float:
    """The share of the objects that are not found, and a little for each other failure."""
    objects = [row.kind == "found" for row in room.rows if row.instance >= 0]
    others = sum(row.kind in FAILURES for row in room.rows if row.instance < 0)
    return (1 - sum(objects) / len(objects) if objects else 0.0) + 0.001 * others


def summary(room: Inspection) -> list[str]:
    """A line of the list: scene, found of all objects, count of each failure."""
    kinds = [row.kind for row in room.rows]
    objects = sum(row.instance >= 0 for row in room.rows)
    return [
        room.scene.name,
        f"{kinds.count('found')} of {objects}",
        *(str(kinds.count(kind)) for kind in FAILURES),
    ]


def write_list(path: Path, title: str, rows: list[tuple[list[str], str | None]]) -> None:
    """index.html: the scenes, the worst first, those with a page as links."""
    head = "".join(f"<th>{name}</th>" for name in ("scene", "found", *FAILURES))
    body = []
    for (name, *cells), page in rows:
        link = (
            f'<a href="{html.escape(page)}">{html.escape(name)}</a>' if page else html.escape(name)
        )
        body.append(
            f"<tr><td>{link}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        )
    style = (
        "body { font: 14px system-ui, sans-serif; margin: 12px } td, th { padding: 2px 12px;"
        " text-align: left }"
    )
    text = f"""<!doctype html><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>{style}</style>
<h1 style="font-size: 18px">{html.escape(title)}: scenes with most objects missed first</h1>
<table><tr>{head}</tr>{"".join(body)}</table>
"""
    with writing(path):
        write_text(text, path)


@exit_on_user_error
def main() -> None:
    """Write the pages, say where they are, and open the list."""
    parser = options_parser(InspectOptions, "inspect_run", __doc__)
    options = load_options(InspectOptions, parser.parse_args().overrides)
    page = inspect_run(options)
    print(f"written: {page}")
    if options.open:
        webbrowser.open(page.absolute().as_uri())


if __name__ == "__main__":
    main()
