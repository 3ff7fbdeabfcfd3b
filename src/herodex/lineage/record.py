"""Stage `record_lineage`: where both models come from, in `models/lineage.json` and on a card for each.

The file holds contents by their hashes, and neither commit nor time: the commit that contains `dvc.lock`
cannot be known to what `dvc.lock` lists, and the same data, params and code would else give another file each
day. The commit is noted where it is known: with each run in MLflow, and with a bento when that is built.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herodex import paths
from herodex.command import run_command
from herodex.generator.language_model import MODEL_FILES as GENERATOR_FILES
from herodex.generator.language_model import model_hash as generator_hash
from herodex.inference.predict import MODEL_FILES as CLASSIFIER_FILES
from herodex.inference.predict import model_hash as classifier_hash
from herodex.lineage.cards import classifier_card, generator_card
from herodex.lineage.counts import Row, count_images, count_names, estimates_in, read_rows
from herodex.lineage.lock import StageRecord, read_lock, upstream
from herodex.lineage.runs import log_lineage
from herodex.model_files import content_hash
from herodex.params import load_params
from herodex.stage_times import timed_logging

log = logging.getLogger(__name__)

Lineage = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Room:
    """One of the two models: where it and its figures lie, and the table of what it learnt from."""

    folder: Path
    files: tuple[str, ...]
    hash: Callable[[Path], str]
    reports: Path
    table: Path
    count: Callable[[list[Row]], dict[str, Any]]
    last_stage: str


ROOMS = {
    "classifier": Room(
        paths.CLASSIFIER,
        CLASSIFIER_FILES,
        classifier_hash,
        paths.CLASSIFIER_REPORTS,
        paths.SPLIT_IMAGES,
        count_images,
        "evaluate_classifier",
    ),
    "generator": Room(
        paths.GENERATOR,
        GENERATOR_FILES,
        generator_hash,
        paths.GENERATOR_REPORTS,
        paths.SPLIT_NAMES,
        count_names,
        "evaluate_generator",
    ),
}


def describe_room(room: Room, stages: dict[str, StageRecord]) -> dict[str, Any]:
    """Say where one model comes from.

    Returns:
        `model`: its sha256, of which the service gives the first digits; `files` with theirs; `backbone`,
        where it has one; `data`: what it learnt from, in numbers; `metrics` on the test part, with intervals;
        `stages`: code, params, inputs and outputs of all that it depends on, in the order in which they run.
    """
    described: dict[str, Any] = {
        "model": room.hash(room.folder),
        "files": {name: content_hash([room.folder / name]) for name in room.files},
    }
    settings = json.loads((room.folder / room.files[0]).read_text(encoding="utf-8"))
    if "backbone" in settings:
        described["backbone"] = settings["backbone"]
    figures = json.loads((room.reports / "metrics.json").read_text(encoding="utf-8"))
    return described | {
        "data": room.count(read_rows(room.table)),
        "metrics": estimates_in(figures),
        "stages": {name: stages[name] for name in upstream(stages, [room.last_stage])},
    }


def main() -> None:
    """Write lineage and model cards; then tell MLflow which runs the outputs came from, and both models."""
    params = load_params()
    stages = read_lock()
    lineage: Lineage = {name: describe_room(room, stages) for name, room in ROOMS.items()}
    text = json.dumps(lineage, indent=2, ensure_ascii=False) + "\n"
    paths.LINEAGE.write_text(text, encoding="utf-8")
    paths.CARDS.mkdir(parents=True, exist_ok=True)
    for name, card in (("classifier", classifier_card), ("generator", generator_card)):
        (paths.CARDS / f"{name}.md").write_text(card(lineage[name], params), encoding="utf-8")
    with timed_logging():
        log_lineage(lineage, {name: record for name, record in stages.items() if name != "record_lineage"})
    for name, described in lineage.items():
        log.info("%s %s: %d stages", name, described["model"][:12], len(described["stages"]))


if __name__ == "__main__":
    run_command(main)
