"""`make report`: one page, `reports/index.html`, that shows all there is, without any network.

It takes whatever figures, plots and small tables lie in `reports/`, so a new one appears by itself. Times are
on it too, so it is no output of the pipeline.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from jinja2 import Environment
from markdown_it import MarkdownIt

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.lineage.counts import Row, estimates_in, read_rows
from herodex.stage_times import StageTime, read_stage_times

log = logging.getLogger(__name__)

PAGE = "index.html"
FIRST = ("cards", "clean", "classifier", "generator")
"""The order of the folders; others come after these, by their names."""
MOST_ROWS, MOST_COLUMNS = 40, 8
LONGEST_TEXT = 8000
"""Characters of a report that are shown; of a longer one, the whole is a click away."""


@dataclass
class Part:
    """What one folder of reports holds, ready to be shown."""

    title: str
    texts: dict[str, str] = field(default_factory=dict)
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    plots: list[Path] = field(default_factory=list)
    sheets: list[Path] = field(default_factory=list)
    tables: dict[str, list[Row]] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


def collect(reports: Path) -> list[Part]:
    """Read what lies in the folder of reports: first what lies in it itself, then its folders."""
    folders = sorted(folder for folder in reports.iterdir() if folder.is_dir())
    folders.sort(key=lambda folder: FIRST.index(folder.name) if folder.name in FIRST else len(FIRST))
    parts = [read_part(folder, reports, folder.rglob("*")) for folder in folders]
    return [*parts, read_part(reports, reports, reports.glob("*"))]


def read_part(folder: Path, reports: Path, files: Iterator[Path]) -> Part:
    """Read one folder; paths on the page are relative to the folder of reports."""
    part = Part("data" if folder == reports else folder.name)
    for file in sorted(file for file in files if file.is_file() and file.name != PAGE):
        place = file.relative_to(reports)
        match file.suffix:
            case ".png" | ".jpg":
                (part.plots if file.parent == folder else part.sheets).append(place)
            case ".md":
                part.texts[file.stem] = markdown(file)
            case ".json":
                found = estimates_in(json.loads(file.read_text(encoding="utf-8")))
                part.figures |= {name: figure for name, figure in found.items() if name}
            case ".csv" if (
                len(rows := read_rows(file)) <= MOST_ROWS and rows and len(rows[0]) <= MOST_COLUMNS
            ):
                part.tables[file.stem] = rows
            case _:
                part.files.append(place)
    return part


def markdown(file: Path) -> str:
    """Turn a report in Markdown into HTML, without any HTML that stands in it itself."""
    text = file.read_text(encoding="utf-8")
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT].rpartition("\n")[0] + f"\n\n… the rest is in [{file.name}]({file.name})."
    return MarkdownIt("js-default").render(text)


def page(parts: list[Part], times: list[StageTime]) -> str:
    """Write the page."""
    template = resources.files("herodex.lineage").joinpath("page.html.j2").read_text(encoding="utf-8")
    total = sum(entry["starting"] + entry["running"] for entry in times)
    longest = max((entry["starting"] + entry["running"] for entry in times), default=1)
    # Without it, what stands in a report could be read as HTML.
    environment = Environment(autoescape=True)
    return environment.from_string(template).render(parts=parts, times=times, total=total, longest=longest)


def main() -> None:
    """Write `reports/index.html`."""
    if not paths.REPORTS.is_dir():
        raise UserError(f"{paths.REPORTS} is missing.", "Run `make run`, which makes it.")
    times = sorted(read_stage_times().values(), key=lambda entry: entry["started"])
    file = paths.REPORTS / PAGE
    file.write_text(page(collect(paths.REPORTS), times), encoding="utf-8")
    log.info("all reports on one page: %s", file)


if __name__ == "__main__":
    run_command(main)
