"""`make report`: write `reports/index.html`, one offline page with all reports and stage times.

It begins with the main figures, then shows every metric, plot and small table in `reports/`; a new one needs
no change here, only a caption. Because the page also shows times, it is not an output of the pipeline.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from jinja2 import Environment
from markdown_it import MarkdownIt

from herodex import paths
from herodex.command import run_command
from herodex.dataset.manifest import REASONS
from herodex.errors import UserError
from herodex.json_record import read_json
from herodex.lineage.counts import Row, estimates_in, read_rows
from herodex.lineage.headlines import Lead, percent, read_lead
from herodex.params import load_params
from herodex.stage_times import StageTime, read_times

log = logging.getLogger(__name__)

NO_LEAD = Lead([], [], [])

PAGE = "index.html"
FIRST = ("cards", "clean", "classifier", "generator")
"""The order of the folders; others follow by name."""
SCROLLS = 'role="group" aria-label="table" tabindex="0"'
"""Of a wide table's box, which keys scroll."""
MAX_ROWS, MAX_COLUMNS = 40, 10
MAX_CHARACTERS = 8000
"""Longer reports are cut, with a link to the whole."""

CAPTIONS = {
    "bench": "Ratios measured by `make bench`, with the least and most of the rounds; 1 is no difference.",
    "clean/counts": "Search results of each class and distractor: kept, or set aside for one of three kinds "
    "of reasons; the contact sheets below show the images of each reason.",
    "classifier/confusion": "Rows are what images show, columns the answers; off the diagonal are errors.",
    "classifier/curves": "Each answer against all others, over all thresholds; near the corner is good.",
    "classifier/figures": "Accuracy and recall, by kind of image and on corrupted ones, with 95 % intervals.",
    "classifier/recipes": "Accuracy of each recipe for features and head; the simplest of the best is used.",
    "classifier/reliability": "Left: share of right answers by their probability, with 95 % intervals and "
    "counts; on the dotted line, probabilities are true. Right: share of errors among the most certain "
    "answers.",
    "classifier/training": "Left: loss while fitting. Middle: selection of the weight decay. Right: OOD "
    "scores of images of the classes, and of distractors left out of training.",
    "classifier/worst": "The most confident wrong answers: what was asked for, the answer, the image's hash.",
    "generator/history": "Loss on training names and on held-out names; training stops at the best epoch.",
    "generator/lengths": "Lengths of sampled names at several temperatures, and of real names.",
    "generator/nats": "Nats per character on real names, lower is more likely: the GRU beside n-gram models.",
}
"""Captions of plots by folder and name; contact sheets of a reason say its meaning, others their names."""

Estimates = dict[str, dict[str, float]]


@dataclass
class Section:
    """The contents of one folder of reports; paths are relative to `reports/`.

    Attributes:
        metrics: by the file's name, because files share names of metrics.
        chosen: first cell of the row that was chosen in a table, by the table's name.
    """

    title: str
    texts: dict[str, str] = field(default_factory=dict[str, str])
    metrics: dict[str, Estimates] = field(default_factory=dict[str, Estimates])
    plots: list[Path] = field(default_factory=list[Path])
    contact_sheets: list[Path] = field(default_factory=list[Path])
    tables: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])
    chosen: dict[str, str] = field(default_factory=dict[str, str])
    files: list[Path] = field(default_factory=list[Path])


def collect(reports: Path) -> list[Section]:
    """Read a folder of reports: its folders, then the files in it."""
    folders = sorted(folder for folder in reports.iterdir() if folder.is_dir())
    folders.sort(key=lambda folder: FIRST.index(folder.name) if folder.name in FIRST else len(FIRST))
    sections = [read_section(folder, reports, folder.rglob("*")) for folder in folders]
    return [*sections, read_section(reports, reports, reports.glob("*"))]


def read_section(folder: Path, reports: Path, files: Iterator[Path]) -> Section:
    """Read the files of one folder."""
    section = Section("data" if folder == reports else folder.name)
    for file in sorted(file for file in files if file.is_file() and file.name != PAGE):
        place = file.relative_to(reports)
        match file.suffix:
            case ".png" | ".jpg":
                (section.plots if file.parent == folder else section.contact_sheets).append(place)
            case ".md":
                section.texts[file.stem] = markdown(file)
            case ".json":
                record = read_json(file)
                found = estimates_in(record)
                if isinstance(record.get("chosen"), str):
                    section.chosen[file.stem] = record["chosen"]
                if named := {name: metric for name, metric in found.items() if name}:
                    section.metrics[file.relative_to(folder).as_posix()] = named
            case ".csv" if len(rows := read_rows(file)) <= MAX_ROWS and rows and len(rows[0]) <= MAX_COLUMNS:
                section.tables[file.stem] = rows
            case _:
                section.files.append(place)
    return section


def markdown(file: Path) -> str:
    """Render a Markdown report as HTML; HTML inside it is escaped."""
    text = re.sub(r"\A---\n.*?\n---\n", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    if len(text) > MAX_CHARACTERS:
        text = text[:MAX_CHARACTERS].rpartition("\n")[0] + f"\n\n… continued in [{file.name}]({file.name})."
    parser = MarkdownIt("js-default")
    parser.add_render_rule("table_open", lambda *_: f'<div class="scroll" {SCROLLS}><table>')
    parser.add_render_rule("table_close", lambda *_: "</table></div>")
    tokens = parser.parse(text)
    for token in tokens:
        # Below the heading of the section.
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    return parser.renderer.render(tokens, parser.options, {})


def caption(plot: Path) -> str:
    """Say in words what a plot or contact sheet shows."""
    name = plot.stem.replace("_", " ")
    if plot.stem in REASONS:
        return f"{name.capitalize()}: {REASONS[plot.stem]}."
    return CAPTIONS.get(plot.with_suffix("").as_posix()) or name


def page(sections: list[Section], times: list[StageTime], lead: Lead = NO_LEAD) -> str:
    """Render the page."""
    template = resources.files("herodex.lineage").joinpath("page.html.j2").read_text(encoding="utf-8")
    total = sum(entry["starting"] + entry["running"] for entry in times)
    longest = max((entry["starting"] + entry["running"] for entry in times), default=1)
    # Text of reports must not be read as HTML.
    environment = Environment(autoescape=True)
    return environment.from_string(template).render(
        sections=sections,
        times=times,
        total=total,
        longest=longest,
        lead=lead,
        caption=caption,
        percent=percent,
    )


def main() -> None:
    """Write `reports/index.html`."""
    if not paths.REPORTS.is_dir():
        raise UserError(f"{paths.REPORTS} is missing.", "Run `make run`.")
    last = {entry["stage"]: entry for entry in read_times("stage")}
    times = sorted(last.values(), key=lambda entry: entry["started"])
    file = paths.REPORTS / PAGE
    shown = load_params().page.display_name
    lead = read_lead(paths.REPORTS, paths.CLEAN_IMAGES, paths.SPLIT_IMAGES, shown)
    file.write_text(page(collect(paths.REPORTS), times, lead), encoding="utf-8")
    log.info("all reports on one page: %s", file)


if __name__ == "__main__":
    run_command(main)
