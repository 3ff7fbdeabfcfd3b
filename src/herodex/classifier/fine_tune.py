"""Stage `fine_tune_backbone`: fine-tune the backbone's last stage on the training part, if the params ask."""

import json
import logging
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from herodex import paths
from herodex.classifier.compare import cross_validate_recipe
from herodex.classifier.examples import Examples
from herodex.classifier.labels import head_labels
from herodex.classifier.linear import assign_folds, correct_answers, fit_heads
from herodex.classifier.recipes import fitter_for, list_recipes, read_recipe_features
from herodex.classifier.tune import tune, tuned_features
from herodex.command import run_command
from herodex.dataset.manifest import read_manifest
from herodex.embedding.backbone import early_stages, last_stage, rebuild, weights_hash
from herodex.embedding.embed import view_columns, work_with, write_views
from herodex.embedding.quantize import write_backbone
from herodex.errors import UserError
from herodex.export import export_ir
from herodex.inference.features import Embedder, load_embedder, views_of
from herodex.inference.openvino_runtime import resolve_precision
from herodex.json_record import read_json
from herodex.params import Params, load_params
from herodex.statistics import grouped_mean, grouped_proportion, in_words

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


def correct_when_tuned(
    stage: "keras.Model",
    embedder: Embedder,
    train: pd.DataFrame,
    examples: Examples,
    l2: float,
    params: Params,
) -> Bool[np.ndarray, " n"]:
    """Mark the images that are classified correctly after fine-tuning on the other folds.

    Args:
        stage: the backbone's last one; its weights are restored at the end.
        embedder: computes its input.
        train: the training part's rows.
        examples: their features by the frozen backbone, and labels.
        l2: the head's weight decay.
        params: of the project.
    """
    settings, classes = params.classifier, len(params.classes)
    fit = fitter_for(list_recipes(settings.embed)[-1], settings, [l2], classes, params.seed)
    fold = assign_folds(train["duplicate_group"].tolist(), settings.train.folds)
    labels, label_count = examples.labels, int(examples.labels.max()) + 1
    files, weights = train["file"].to_numpy(str), stage.get_weights()
    correct = np.zeros(len(train), bool)
    for number in np.unique(fold):
        learnt, held_out = fold != number, fold == number
        (head,) = fit_heads(examples.select(learnt), label_count, [l2])
        stage.set_weights(weights)
        log.info("fold %d of %d", number + 1, settings.train.folds)
        tune(stage, embedder, list(files[learnt]), labels[learnt], head, l2, settings.fine_tune, params.seed)
        features = tuned_features(stage, embedder, list(files), settings.embed.batch_size)
        (head,) = fit(Examples(features[learnt], labels[learnt]), label_count)
        correct[held_out] = correct_answers(head.logits(features[held_out]), labels[held_out], classes)
    stage.set_weights(weights)
    return correct


def write_tuned(network: "keras.Model", rows: pd.DataFrame, record: dict[str, Any], params: Params) -> None:
    """Write the fine-tuned backbone as IR with its record, and the features of `rows` by it."""
    settings, precision = params.classifier.embed, resolve_precision(params.backbone.precision)
    with tempfile.TemporaryDirectory() as folder:
        export_ir(network, Path(folder) / "backbone.xml")
        written = write_backbone(Path(folder), paths.TUNED, params.backbone.precision)
    weights = f"{record['weights']}, last stage tuned"
    write_record(record | {"weights": weights, "weights_sha256": weights_hash(network)} | written)
    images = rows.drop_duplicates("sha256").sort_values("sha256")
    work, channels = work_with(paths.TUNED, settings, precision, views_of(settings))
    write_views(paths.TUNED_FEATURES, images, work, partial(view_columns, channels=channels), None)


def write_record(record: dict[str, Any]) -> None:
    """Write which backbone the classifier uses."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (paths.TUNED / "backbone.json").write_text(text, encoding="utf-8")


def write_report(report: dict[str, Any]) -> None:
    """Write the gain of fine-tuning, and whether it is used."""
    paths.CLASSIFIER_REPORTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2) + "\n"
    (paths.CLASSIFIER_REPORTS / "fine_tune.json").write_text(text, encoding="utf-8")


def embedder_before(network: "keras.Model", params: Params) -> Embedder:
    """Compile a network without its last stage, to compute the last stage's inputs."""
    precision = resolve_precision(params.backbone.precision)
    with tempfile.TemporaryDirectory() as folder:
        export_ir(early_stages(network), Path(folder) / "backbone.xml")
        return load_embedder(Path(folder), precision, params.classifier.embed)


def fine_tune(record: dict[str, Any], params: Params) -> dict[str, Any]:
    """Measure the gain of fine-tuning, write the tuned backbone where it is used, and return the report."""
    settings, use = params.classifier, params.classifier.fine_tune.use
    manifest = read_manifest(paths.SPLIT_IMAGES)
    train = manifest[manifest["part"] == "train"]
    recipe = list_recipes(settings.embed)[-1]
    labels, own = head_labels(train, params, recipe.label_per_distractor)
    examples = Examples(read_recipe_features(recipe, train["sha256"].tolist()), own)
    frozen = cross_validate_recipe(recipe, train, params)

    network = rebuild(record)
    embedder, stage = embedder_before(network, params), last_stage(network)
    tuned = correct_when_tuned(stage, embedder, train, examples, frozen.l2, params)
    gain = grouped_mean(tuned.astype(float) - frozen.correct, frozen.groups, params.seed)
    used = use == "always" or gain["low"] > 0
    if used:
        (head,) = fit_heads(examples, len(labels), [frozen.l2])
        files = train["file"].tolist()
        tune(stage, embedder, files, own, head, frozen.l2, settings.fine_tune, params.seed)
        write_tuned(network, manifest[manifest["part"].isin(["train", "validation"])], record, params)
    else:
        write_record(record)
    log.info("fine-tuning: %s, gain in accuracy %s", "used" if used else "not used", in_words(gain))
    return {
        "use": use,
        "tuned": used,
        "accuracy": grouped_proportion(frozen.correct, frozen.groups),
        "accuracy_tuned": grouped_proportion(tuned, frozen.groups),
        "gain": gain,
    }


def main() -> None:
    """Write which backbone the classifier uses, and the fine-tuned backbone where it is used."""
    params = load_params()
    use = params.classifier.fine_tune.use
    record = read_json(paths.BACKBONE / "backbone.json")
    shutil.rmtree(paths.TUNED, ignore_errors=True)
    paths.TUNED.mkdir(parents=True)
    if use == "never":
        write_record(record)
        write_report({"use": use, "tuned": False})
        return
    if 5 not in params.classifier.embed.stages:
        raise UserError(
            "classifier.fine_tune tunes stage 5, which is not in classifier.embed.stages.",
            "Add 5 to classifier.embed.stages, or set classifier.fine_tune.use to never.",
        )
    write_report(fine_tune(record, params))


if __name__ == "__main__":
    run_command(main)
