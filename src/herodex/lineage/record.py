"""Stage `record_lineage`: write lineage, headline figures and a card of both models, and others' formats.

`models/lineage.json` has content hashes, but neither commit nor time: the commit contains `dvc.lock` and so
cannot be known here, and a time would change the file in every run. MLflow runs and bentos name the commit.
"""

import argparse
import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herodex import paths
from herodex.command import run_command
from herodex.generator.language_model import MODEL_FILES as GENERATOR_FILES
from herodex.generator.language_model import model_hash as generator_hash
from herodex.inference.predict import MODEL_FILES as CLASSIFIER_FILES
from herodex.inference.predict import model_hash as classifier_hash
from herodex.json_record import read_json
from herodex.lineage.bom import BOM, write_project_bom
from herodex.lineage.cards import classifier_card, generator_card
from herodex.lineage.counts import Row, count_images, count_names, estimates_in, read_rows
from herodex.lineage.croissant import CROISSANT, IMAGES, write_croissant
from herodex.lineage.headline_metrics import headline_metrics
from herodex.lineage.lock import ModelLineage, StageRecord, read_lock, upstream
from herodex.lineage.runs import log_lineage
from herodex.lineage.slsa import state_project, write_statement
from herodex.model_files import content_hash
from herodex.params import Params, load_params
from herodex.stage_times import timed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Model:
    """Where one of the two models, its reports and its data table are."""

    folder: Path
    files: tuple[str, ...]
    hash: Callable[[Path], str]
    reports: Path
    table: Path
    count: Callable[[list[Row]], dict[str, Any]]
    last_stage: str


MODELS = {
    "classifier": Model(
        paths.CLASSIFIER,
        CLASSIFIER_FILES,
        classifier_hash,
        paths.CLASSIFIER_REPORTS,
        paths.SPLIT_IMAGES,
        count_images,
        "evaluate_classifier",
    ),
    "generator": Model(
        paths.GENERATOR,
        GENERATOR_FILES,
        generator_hash,
        paths.GENERATOR_REPORTS,
        paths.SPLIT_NAMES,
        count_names,
        "evaluate_generator",
    ),
}


def describe_model(model: Model, stages: dict[str, StageRecord]) -> ModelLineage:
    """Describe the lineage of one model.

    Returns:
        `model`: its sha256, whose first digits the service returns; `files` with their sha256; `backbone`, if
        it has one; `data`: counts; `metrics` on the test split, with intervals; `stages`: the records of all
        stages that it depends on, in topological order.
    """
    lineage: ModelLineage = {
        "model": model.hash(model.folder),
        "files": {name: content_hash([model.folder / name]) for name in model.files},
    }
    settings = read_json(model.folder / model.files[0])
    if "backbone" in settings:
        lineage["backbone"] = settings["backbone"]
    metrics = read_json(model.reports / "metrics.json")
    return lineage | {
        "data": model.count(read_rows(model.table)),
        "metrics": estimates_in(metrics),
        "stages": {name: stages[name] for name in upstream(stages, [model.last_stage])},
    }


def earlier_lineage(names: Collection[str]) -> dict[str, ModelLineage]:
    """Read the lineage of the other models than `names` that are still those in `models/`."""
    if not paths.LINEAGE.exists():
        return {}
    earlier: dict[str, ModelLineage] = read_json(paths.LINEAGE)
    others = {name: MODELS[name] for name in earlier if name not in names}
    return {
        name: earlier[name]
        for name, model in others.items()
        if model.folder.exists() and model.hash(model.folder) == earlier[name]["model"]
    }


def write_provenance(lineage: dict[str, ModelLineage], recorded: Collection[str], params: Params) -> None:
    """Write data, models and their making in formats of others into `reports/provenance`.

    Args:
        lineage: of all models in `models/`, by name.
        recorded: the models among them that have just been made; images are described with their classifier.
        params: of the project.
    """
    paths.PROVENANCE.mkdir(parents=True, exist_ok=True)
    if "classifier" not in lineage:
        for file in (CROISSANT, IMAGES):
            (paths.PROVENANCE / file).unlink(missing_ok=True)
    if "classifier" in recorded:
        cleaned = lineage["classifier"]["stages"]["clean_images"]["outputs"][str(paths.CLEAN_IMAGES)]
        write_croissant(read_rows(paths.SPLIT_IMAGES), cleaned, params.page.thing)
    write_project_bom(lineage, paths.PROVENANCE / BOM)
    # The last one, because it names all the others with their hashes.
    write_statement(paths.PROVENANCE, state_project(lineage))


def write_headline(headlines: dict[str, dict[str, float]]) -> None:
    """Write the headline figures of all models as one flat record, for `dvc metrics show`."""
    figures = {figure: value for found in headlines.values() for figure, value in found.items()}
    paths.HEADLINE.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Write lineage, headline figures and model cards, then log the lineage to MLflow.

    As a stage this is about both models; after a run of one half, about its model, named as an argument.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", choices=MODELS, help="record this model alone")
    only = parser.parse_args().model
    names = [only] if only else list(MODELS)
    params = load_params()
    stages = read_lock()
    if only:
        stages = {name: stages[name] for name in upstream(stages, [MODELS[only].last_stage])}
    recorded = {name: describe_model(MODELS[name], stages) for name in names}
    lineage = recorded | (earlier_lineage(names) if only else {})
    text = json.dumps(lineage, indent=2, ensure_ascii=False) + "\n"
    paths.LINEAGE.write_text(text, encoding="utf-8")
    paths.CARDS.mkdir(parents=True, exist_ok=True)
    for name, card in (("classifier", classifier_card), ("generator", generator_card)):
        if name in recorded:
            (paths.CARDS / f"{name}.md").write_text(card(recorded[name], params), encoding="utf-8")
    headlines = {name: headline_metrics(paths.REPORTS, name) for name in lineage}
    write_headline(headlines)
    write_provenance(lineage, names, params)
    with timed("logging"):
        stages.pop("record_lineage", None)
        log_lineage(recorded, stages, headlines)
    for name, entry in recorded.items():
        log.info("%s %s: %d stages", name, entry["model"][:12], len(entry["stages"]))


if __name__ == "__main__":
    run_command(main)
