"""Stage `fine_tune_backbone`: tunes the backbone's last stage on the training part, if the params want it."""

import hashlib
import json
import logging
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from herodex import paths
from herodex.classifier.compare import cross_validate_recipe
from herodex.classifier.examples import Examples
from herodex.classifier.labels import labels_of
from herodex.classifier.linear import are_right, fit_heads, fold_numbers
from herodex.classifier.recipes import features_for, list_recipes
from herodex.classifier.tune import tune, tuned_features
from herodex.command import run_command
from herodex.dataset.feature_table import write_features
from herodex.dataset.manifest import read_manifest
from herodex.embedding.backbone import last_stage, rebuild, weights_hash
from herodex.embedding.embed import pooled_views
from herodex.errors import UserError
from herodex.export import export_ir
from herodex.inference.features import Embedder, features_of, load_embedder, views_of
from herodex.inference.openvino_runtime import resolve_precision
from herodex.params import Params, load_params
from herodex.statistics import bootstrap_mean, share

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


def right_when_tuned(
    stage: "keras.Model",
    embedder: Embedder,
    train: pd.DataFrame,
    examples: Examples,
    l2: float,
    params: Params,
) -> np.ndarray:
    """Say of each image whether it is recognised after tuning on the other folds, bool [n].

    Args:
        stage: the backbone's last one; it is as it was in the end.
        embedder: gives what comes before it.
        train: the training part's rows.
        examples: their features, of the backbone as it was, and labels.
        l2: the head's weight decay.
        params: of this project.
    """
    settings, classes = params.classifier, len(params.classes)
    fold = fold_numbers(train["duplicate_group"].to_numpy(str), settings.train.folds)
    labels, count = examples.labels, int(examples.labels.max()) + 1
    files, weights = train["file"].to_numpy(str), stage.get_weights()
    right = np.zeros(len(train), bool)
    for number in np.unique(fold):
        learnt, asked = fold != number, fold == number
        (head,) = fit_heads(examples.chosen(learnt), count, [l2])
        stage.set_weights(weights)
        log.info("fold %d of %d", number + 1, settings.train.folds)
        tune(stage, embedder, list(files[learnt]), labels[learnt], head, l2, settings.fine_tune, params.seed)
        features = tuned_features(stage, embedder, list(files), settings.embed.batch_size)
        (head,) = fit_heads(Examples(features[learnt], labels[learnt]), count, [l2])
        right[asked] = are_right(head.logits(features[asked]), labels[asked], classes)
    stage.set_weights(weights)
    return right


def write_tuned(network: "keras.Model", rows: pd.DataFrame, record: dict[str, Any], params: Params) -> None:
    """Write the tuned backbone as IR with its record, and the features of `rows` by it."""
    settings, precision = params.classifier.embed, resolve_precision(params.backbone.precision)
    export_ir(network, paths.TUNED / "backbone.xml")
    network_hash = hashlib.sha256((paths.TUNED / "backbone.bin").read_bytes()).hexdigest()
    tuned = {
        "weights": f"{record['weights']}, last stage tuned",
        "weights_sha256": weights_hash(network),
        "ir_sha256": network_hash,
    }
    write_record(record | tuned)
    images = rows.drop_duplicates("sha256").sort_values("sha256")
    pooled, channels = pooled_views(
        images, settings, precision, views_of(settings), paths.FEATURE_CACHE, paths.TUNED
    )
    columns = {"views": features_of(settings, pooled, channels)}
    write_features(paths.TUNED_FEATURES, images["sha256"].tolist(), columns)


def write_record(record: dict[str, Any]) -> None:
    """Write which backbone the classifier has."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (paths.TUNED / "backbone.json").write_text(text, encoding="utf-8")


def write_report(report: dict[str, Any]) -> None:
    """Write what tuning was worth, and whether it is used."""
    paths.CLASSIFIER_REPORTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2) + "\n"
    (paths.CLASSIFIER_REPORTS / "fine_tune.json").write_text(text, encoding="utf-8")


def main() -> None:
    """Write which backbone the classifier has: its record alone, or also the tuned one and features by it."""
    params = load_params()
    settings, use = params.classifier, params.classifier.fine_tune.use
    record = json.loads((paths.BACKBONE / "backbone.json").read_text(encoding="utf-8"))
    shutil.rmtree(paths.TUNED, ignore_errors=True)
    paths.TUNED.mkdir(parents=True)
    if use == "never":
        write_record(record)
        write_report({"use": use, "tuned": False})
        return
    if 5 not in settings.embed.stages:
        raise UserError(
            "classifier.fine_tune tunes stage 5, which is not in classifier.embed.stages.",
            "Add 5 to classifier.embed.stages, or set classifier.fine_tune.use to never.",
        )
    manifest = read_manifest(paths.SPLIT_IMAGES)
    train = manifest[manifest["part"] == "train"]
    recipe = list_recipes(settings.embed)[-1]
    labels, shown = labels_of(train, params, recipe.fine)
    examples = Examples(features_for(recipe, train["sha256"].tolist()), shown)
    frozen = cross_validate_recipe(recipe, train, params)
    l2 = frozen.l2

    precision = resolve_precision(params.backbone.precision)
    embedder = load_embedder(paths.BACKBONE, precision, settings.embed)
    network = rebuild(record)
    stage = last_stage(network)
    tuned = right_when_tuned(stage, embedder, train, examples, l2, params)
    gain = bootstrap_mean(tuned.astype(float) - frozen.right, params.seed)
    used = use == "always" or gain["low"] > 0
    if used:
        (head,) = fit_heads(examples, len(labels), [l2])
        files = train["file"].tolist()
        tune(stage, embedder, files, shown, head, l2, settings.fine_tune, params.seed)
        write_tuned(network, manifest[manifest["part"].isin(["train", "validation"])], record, params)
    else:
        write_record(record)
    report = {"accuracy": share(int(frozen.right.sum()), len(frozen.right))}
    report |= {"accuracy_tuned": share(int(tuned.sum()), len(tuned)), "gain": gain}
    write_report({"use": use, "tuned": used, **report})
    log.info("tuning: %s, gain in accuracy %s", "used" if used else "not used", gain)


if __name__ == "__main__":
    run_command(main)
