"""Stage `train_classifier`: fit the softmax head on frozen features and calibrate its answers."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float32

from herodex import paths, tracking
from herodex.classifier.dropout_head import fit_dropout_head
from herodex.classifier.examples import Examples
from herodex.classifier.head import fold_standardisation, keras_head
from herodex.classifier.labels import head_labels
from herodex.classifier.lda import fit_whitening
from herodex.classifier.linear import LinearHead, assign_folds, fit_heads
from herodex.classifier.model_selection import Selection, select
from herodex.classifier.recipes import Recipe, find_recipe, list_recipes, read_recipe_features
from herodex.classifier.training_plot import training_figure
from herodex.command import run_command
from herodex.dataset.manifest import read_manifest
from herodex.inference.decision import answer_positions
from herodex.inference.ood import Whitening
from herodex.inference.predict import GALLERY_COLUMNS, model_hash
from herodex.params import UNKNOWN, Params, load_params
from herodex.plotting import save_figure

log = logging.getLogger(__name__)


def recipe_to_follow(params: Params, tuned: bool) -> Recipe:
    """Read which recipe `compare_recipes` chose; a fine-tuned backbone fits the params' own recipe alone."""
    if tuned:
        return list_recipes(params.classifier.embed)[-1]
    compared = json.loads((paths.CLASSIFIER_REPORTS / "recipes.json").read_text(encoding="utf-8"))
    return find_recipe(compared["chosen"], params.classifier.embed)


def fit_final(recipe: Recipe, examples: Examples, label_count: int, l2: float, params: Params) -> LinearHead:
    """Fit the head that is served."""
    if recipe.dropout:
        return fit_dropout_head(examples, label_count, params.classifier.compare, params.seed)
    (head,) = fit_heads(examples, label_count, [l2])
    return head


def select_settings(
    everything: Examples,
    in_train: Bool[np.ndarray, " n"],
    groups: list[str],
    recipe: Recipe,
    labels: list[str],
    tuned: bool,
    params: Params,
) -> Selection:
    """Select weight decay, temperature, OOD score and confidence sets on the training and validation parts.

    Args:
        everything: both parts.
        in_train: marks the training part.
        groups: the duplicate group of each image.
        recipe: how heads are fitted.
        labels: of the head.
        tuned: whether the backbone was fine-tuned on the training part; only the validation part can
            evaluate a head on its features then.
        params: of the project.
    """
    fold = assign_folds(groups, params.classifier.train.folds)
    if tuned:
        fold = np.where(in_train, -1, 0)
    classes = len(params.classes)
    return select(everything, fold, classes, labels, recipe, params.classifier, params.seed)


def describe_model(
    labels: list[str], selection: Selection, recipe: Recipe, backbone: dict[str, Any], params: Params
) -> dict[str, Any]:
    """Collect the contents of `classifier.json`, the settings that the service reads."""
    return {
        "classes": params.classes,
        "labels": labels,
        "temperature": selection.decision.temperature,
        "ood": {
            "weights": selection.decision.detector.weights.tolist(),
            "bias": selection.decision.detector.bias,
            "neighbours": params.classifier.train.neighbours,
        },
        "set": {"least": selection.decision.least, "coverage": params.classifier.decision.coverage},
        "recipe": recipe.name,
        "l2": selection.l2,
        "backbone": backbone,
        "embed": recipe.embed.model_dump(),
        "max_side": params.classifier.clean.max_side,
    }


def write_model(
    folder: Path,
    head: Float32[np.ndarray, "rows labels"],
    whitening: Whitening,
    vectors: Float32[np.ndarray, "n dimensions"],
    gallery: pd.DataFrame,
    record: dict[str, Any],
) -> None:
    """Write the files that the service loads.

    Args:
        folder: of the classifier.
        head: the weights, with the bias as the last row.
        whitening: of features.
        vectors: the training images' whitened features.
        gallery: the training images' sources and labels, a row each.
        record: `classifier.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "head.npy", head)
    np.save(folder / "whitening.npy", np.vstack([whitening.projection, whitening.origin]))
    np.save(folder / "gallery.npy", vectors)
    gallery.to_csv(folder / "gallery.csv", index=False, lineterminator="\n")
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (folder / "classifier.json").write_text(text, encoding="utf-8")


def write_reports(folder: Path, selection: Selection, tables: dict[str, pd.DataFrame]) -> None:
    """Write the tables by their names, the training plot and the validation metrics."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    text = json.dumps(selection.metrics, indent=2) + "\n"
    (folder / "validation.json").write_text(text, encoding="utf-8")
    figure = training_figure(tables["history"], selection.by_l2, tables["ood_calibration"])
    save_figure(figure, folder / "training.png")


def tabulate(
    selection: Selection, head: LinearHead, labels: list[str], rows: pd.DataFrame, params: Params
) -> dict[str, pd.DataFrame]:
    """Make the tables of the report, by their names; `rows` are the manifest's rows of the images."""
    answers = np.array([*params.classes, UNKNOWN])[answer_positions(selection.probabilities)]
    held_out = rows.iloc[selection.rows]
    left_out = [labels[i] if i >= 0 else "" for i in selection.ood["left_out"].astype(int).tolist()]
    history = pd.DataFrame({"step": range(1, len(head.losses) + 1), "loss": head.losses})
    return {
        "history": history.round(6),
        "cross_validation": selection.by_l2,
        "ood_calibration": selection.ood.assign(left_out=left_out),
        "out_of_fold": held_out[["sha256", "query", "label"]].assign(predicted=answers),
    }


def main() -> None:
    """Write the head, the settings of its answers, and reports of the training."""
    params = load_params()
    settings = params.classifier.train
    manifest = read_manifest(paths.SPLIT_IMAGES)
    tuned = paths.TUNED_FEATURES.exists()
    recipe = recipe_to_follow(params, tuned)
    backbone = json.loads((paths.TUNED / "backbone.json").read_text(encoding="utf-8"))
    # The selected settings are fitted to both parts; the test part alone stays out.
    rows = manifest[manifest["part"].isin(["train", "validation"])]
    labels, own = head_labels(rows, params, recipe.label_per_distractor)
    subjects: list[int] = own.tolist()
    table = paths.TUNED_FEATURES if tuned else paths.FEATURES
    everything = Examples(read_recipe_features(recipe, rows["sha256"].tolist(), table), own)
    in_train = (rows["part"] == "train").to_numpy(bool)
    with tracking.run("train_classifier", settings) as run:
        groups = rows["duplicate_group"].tolist()
        selection = select_settings(everything, in_train, groups, recipe, labels, tuned, params)
        whitening = fit_whitening(everything, settings.shrinkage)
        head = fit_final(recipe, everything, len(labels), selection.l2, params)
        weights = fold_standardisation(head)
        gallery = rows[GALLERY_COLUMNS].assign(shows=[labels[i] for i in subjects])
        record = describe_model(labels, selection, recipe, backbone, params)
        vectors = whitening.embed(everything.features).astype(np.float32)
        write_model(paths.CLASSIFIER, weights, whitening, vectors, gallery, record)
        if tuned:
            for name in ("backbone.xml", "backbone.bin"):
                shutil.copy(paths.TUNED / name, paths.CLASSIFIER)
        tables = tabulate(selection, head, labels, rows, params)
        write_reports(paths.CLASSIFIER_REPORTS, selection, tables)

        run.metric_by_epoch("loss", head.losses)
        run.metrics({"cross_validated_accuracy": selection.metrics["accuracy"]["value"], "l2": selection.l2})
        run.tags({"model": model_hash(paths.CLASSIFIER), "backbone": backbone["name"], "recipe": recipe.name})
        run.artifact(paths.CLASSIFIER)
        run.artifact(paths.CLASSIFIER_REPORTS / "training.png")
        run.artifact(paths.CLASSIFIER_REPORTS / "out_of_fold.csv")
        run.keras_model(keras_head(weights), "head", everything.features[:2])
    log.info("cross-validated: %s", selection.metrics)


if __name__ == "__main__":
    run_command(main)
