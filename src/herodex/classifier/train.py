"""Stage `train_classifier`: fit the softmax head on frozen features and calibrate its answers."""

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Float32

from herodex import paths, tracking
from herodex.classifier.distractor_searches import suggest_searches
from herodex.classifier.examples import OodExamples, reduce_features
from herodex.classifier.head import fold_standardisation, keras_head
from herodex.classifier.labels import head_labels
from herodex.classifier.linear import assign_folds, fold_count
from herodex.classifier.model_selection import Images, Selection, answer, select
from herodex.classifier.ood_calibration import (
    FALSE_REJECT_RATE,
    LEAST_CLASSES,
    Method,
    Model,
    Reference,
    fit_model,
    left_out_labels,
    predict,
)
from herodex.classifier.recipes import (
    Recipe,
    find_recipe,
    fitter_for,
    list_recipes,
    read_means,
    read_recipe_features,
)
from herodex.classifier.training_plot import training_figure
from herodex.command import run_command
from herodex.dataset.answers_table import answers_table
from herodex.dataset.manifest import SET_ASIDE, read_manifest
from herodex.inference.classifier_file import FORMAT
from herodex.inference.decision import answer_positions
from herodex.inference.predict import GALLERY_COLUMNS, model_hash
from herodex.json_record import read_json
from herodex.params import Params, load_params
from herodex.plotting import save_figure
from herodex.statistics import in_words

log = logging.getLogger(__name__)

NOTHING_LEFT_OUT = (
    f"decision.max_false_accept needs a distractor, or {LEAST_CLASSES} classes to leave one out; "
    f"{FALSE_REJECT_RATE:.0%} false rejects are bounded instead"
)
CHECKED = 60
"""Training images whose answers are recorded, so that those of the exported classifier can be compared."""


def recipe_to_follow(params: Params, tuned: bool) -> tuple[Recipe, pd.DataFrame | None]:
    """Read which recipe `compare_recipes` chose, with the table of its weight decays.

    A fine-tuned backbone fits the params' own recipe alone, whose weight decays are still to be compared.
    """
    if tuned:
        return list_recipes(params.classifier.embed)[-1], None
    compared = read_json(paths.CLASSIFIER_REPORTS / "recipes.json")
    recipe = find_recipe(compared["chosen"], params.classifier.embed)
    return recipe, pd.DataFrame(compared["cross_validation"])


def rows_to_answer(manifest: pd.DataFrame, tuned: bool) -> pd.DataFrame:
    """Select the rows that models learn from or that are answered out of fold; arguments as in `read_images`.

    The test part alone stays out; images that a label check has set aside are answered, not learnt from.
    """
    asked = ["validation"] if tuned else ["train", "validation", SET_ASIDE]
    return manifest[manifest["part"].isin({*asked, "train"})]


def read_images(rows: pd.DataFrame, recipe: Recipe, tuned: bool, params: Params) -> tuple[list[str], Images]:
    """Read the head's labels, and the images that it learns from or that a label check has set aside.

    Args:
        rows: of the manifest, the test part left out.
        recipe: says which features.
        tuned: whether the backbone was fine-tuned on the training part; only the validation part can
            evaluate a head on its features then.
        params: of the project.
    """
    table = paths.TUNED_FEATURES if tuned else paths.FEATURES
    hashes = rows["sha256"].tolist()
    labels, own = head_labels(rows, params, recipe.label_per_distractor)
    learnt = (rows["part"] != SET_ASIDE).to_numpy(bool)
    features, components = reduce_features(read_recipe_features(recipe, hashes, table), learnt)
    means = read_means(recipe, hashes, table)
    if components is not None:
        # Half the memory; cosines change by less than 0.001.
        means = means.astype(np.float16)
    groups = rows["duplicate_group"].to_numpy(str)
    fold = assign_folds(groups.tolist(), fold_count(len(rows), len(labels), params.classifier.train.folds))
    if tuned:
        fold = np.where(rows["part"] == "train", -1, 0)
    examples = OodExamples(features, own, means, components=components)
    return labels, Images(examples, fold, learnt, groups)


def describe_model(
    labels: list[str], selection: Selection, recipe: Recipe, backbone: dict[str, Any], params: Params
) -> dict[str, Any]:
    """Collect the contents of `classifier.json`, the settings that the service reads."""
    return {
        "format": FORMAT,
        "classes": params.classes,
        "labels": labels,
        "temperature": selection.decision.temperature,
        "ood": {
            "weights": selection.decision.detector.weights.tolist(),
            "bias": selection.decision.detector.bias,
            "far_weight": selection.decision.detector.far_weight,
            "far_bias": selection.decision.detector.far_bias,
            "neighbours": params.classifier.train.neighbours,
        },
        "set": {"least": selection.decision.least, "coverage": params.classifier.decision.coverage},
        "recipe": recipe.name,
        "l2": selection.l2,
        "backbone": backbone,
        "embed": recipe.embed.model_dump(),
        "max_side": params.classifier.clean.max_side,
    }


def served_model(model: Model, taught: OodExamples) -> tuple[Float32[np.ndarray, "rows labels"], Reference]:
    """Return the head and the reference as the service applies them, to features as they are.

    Args:
        model: fitted to the images.
        taught: all images that it learnt from.
    """
    weights, (whitening, gallery) = fold_standardisation(model.head), model.reference
    if len(gallery.labels) < len(taught.labels):
        gallery = replace(gallery, everyone=whitening.embed(taught.features))
    if (components := taught.components) is not None:
        weights, whitening = components.compose_head(weights), components.compose_whitening(whitening)
    return weights, Reference(whitening, gallery)


def write_model(
    folder: Path,
    head: Float32[np.ndarray, "rows labels"],
    reference: Reference,
    sources: pd.DataFrame,
    record: dict[str, Any],
) -> None:
    """Write the files that the service loads.

    Args:
        folder: of the classifier.
        head: the weights, with the bias as the last row.
        reference: the whitening and the training images.
        sources: these images' sources and labels, a row each.
        record: `classifier.json`.
    """
    whitening, gallery = reference
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "head.npy", head)
    np.save(folder / "whitening.npy", np.vstack([whitening.projection, whitening.origin]))
    np.save(folder / "gallery.npy", gallery.searched)
    np.save(folder / "means.npy", gallery.means)
    sources.to_csv(folder / "gallery.csv", index=False, lineterminator="\n")
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (folder / "classifier.json").write_text(text, encoding="utf-8")


def write_reports(
    folder: Path, selection: Selection, tables: dict[str, pd.DataFrame], searches: dict[str, Any]
) -> None:
    """Write the tables by their names, the training plot, and the validation metrics with the searches.

    `selection.json` has the few of the metrics that experiments are compared by.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    text = json.dumps({**selection.metrics, "searches": searches}, indent=2) + "\n"
    (folder / "validation.json").write_text(text, encoding="utf-8")
    text = json.dumps(selection_figures(selection.metrics), indent=2) + "\n"
    (folder / "selection.json").write_text(text, encoding="utf-8")
    figure = training_figure(tables["history"], selection.by_l2, tables["ood_calibration"])
    save_figure(figure, folder / "training.png")


def selection_lines(metrics: dict[str, Any]) -> list[str]:
    """Describe the cross-validated figures that decide, a line each."""
    ood = metrics["ood"]
    figures = {
        "accuracy": metrics["accuracy"],
        "false rejects": ood["false_reject_rate"],
        "false accepts": ood.get("false_accept_rate"),
        "AUROC": ood.get("auroc"),
    }
    described = [f"cross-validated {name}: {in_words(found)}" for name, found in figures.items() if found]
    return [*described, f"weight decay {metrics['l2']:g}, temperature {metrics['temperature']:.3g}"]


def selection_figures(metrics: dict[str, Any]) -> dict[str, float]:
    """Select the cross-validated figures that experiments are compared by, flat."""
    accuracy, ood = metrics["accuracy"], metrics["ood"]
    rates = {
        "auroc": ood.get("auroc"),
        "false_accepts": ood.get("false_accept_rate"),
        "false_rejects": ood["false_reject_rate"],
    }
    return {
        "accuracy": accuracy["value"],
        "accuracy_low": accuracy["low"],
        "accuracy_high": accuracy["high"],
        **{name: found["value"] for name, found in rates.items() if found},
        "l2": metrics["l2"],
        "temperature": metrics["temperature"],
    }


def tabulate(
    selection: Selection, model: Model, labels: list[str], rows: pd.DataFrame, images: Images, params: Params
) -> dict[str, pd.DataFrame]:
    """Make the tables of the report, by their names.

    Args:
        selection: with the out-of-fold answers.
        model: that is served.
        labels: of the head.
        rows: the manifest's rows of the images.
        images: their features.
        params: of the project.
    """
    left_out = [labels[i] if i >= 0 else "" for i in selection.ood["left_out"].astype(int).tolist()]
    losses, classes = model.head.losses, params.classes
    learnt = np.flatnonzero(images.learnt)
    checked = learnt[np.argsort(rows["sha256"].to_numpy(str)[learnt], kind="stable")[:CHECKED]]
    part = predict(model, images.examples, checked, len(classes))
    fitted, scores = answer(part, len(classes), selection.decision)
    found = selection.answers
    group = images.groups[found.rows]
    out_of_fold = answers_table(
        rows.iloc[found.rows],
        answer_positions(found.probabilities),
        found.probabilities,
        found.scores,
        classes,
    )
    return {
        "history": pd.DataFrame({"step": range(1, len(losses) + 1), "loss": losses}).round(6),
        "cross_validation": selection.by_l2,
        "ood_calibration": selection.ood.assign(left_out=left_out),
        "out_of_fold": out_of_fold.assign(least_in_set=found.least.round(6), duplicate_group=group),
        "fitted": answers_table(rows.iloc[checked], answer_positions(fitted), fitted, scores, classes),
    }


def ood_quantiles(images: Images, selection: Selection, classes: int) -> Float[np.ndarray, " percent"]:
    """Compute the percentiles, 0 to 100, of the OOD scores out of fold of images of the classes."""
    found = selection.answers
    known = found.scores[images.examples.labels[found.rows] < classes]
    return np.quantile(known, np.linspace(0, 1, 101)).round(6)


def main() -> None:
    """Write the head, the settings of its answers, and reports of the training."""
    params = load_params()
    settings = params.classifier.train
    manifest = read_manifest(paths.SPLIT_IMAGES)
    tuned = paths.TUNED_FEATURES.exists()
    recipe, compared = recipe_to_follow(params, tuned)
    backbone = read_json(paths.TUNED / "backbone.json")
    rows = rows_to_answer(manifest, tuned)
    labels, images = read_images(rows, recipe, tuned, params)
    taught, sources = images.examples.select(images.learnt), rows[images.learnt]
    subjects: list[int] = taught.labels.tolist()
    with tracking.run("train_classifier", settings) as run:
        if params.classifier.decision.max_false_accept is not None and not left_out_labels(
            len(params.classes), len(labels)
        ):
            log.warning(NOTHING_LEFT_OUT)
        classes = len(params.classes)
        selection = select(
            images, classes, labels, recipe, params.classifier, params.seed, compared, params.scale
        )
        fit = fitter_for(recipe, params.classifier, [selection.l2], len(params.classes), params.seed)
        model = fit_model(taught, Method(len(params.classes), len(labels), fit, settings))
        weights, reference = served_model(model, taught)
        sources = sources[GALLERY_COLUMNS].assign(shows=[labels[i] for i in subjects])
        record = describe_model(labels, selection, recipe, backbone, params)
        write_model(paths.CLASSIFIER, weights, reference, sources, record)
        # The service compares the scores of its images with them, to notice drift.
        np.save(paths.CLASSIFIER / "ood_quantiles.npy", ood_quantiles(images, selection, len(params.classes)))
        if tuned:
            for name in ("backbone.xml", "backbone.bin"):
                shutil.copy(paths.TUNED / name, paths.CLASSIFIER)
        tables = tabulate(selection, model, labels, rows, images, params)
        left_out = selection.metrics["ood"].get("left_out", {})
        answered = rows.iloc[selection.answers.rows]
        searches = suggest_searches(left_out, tables["out_of_fold"], answered, params.queries)
        write_reports(paths.CLASSIFIER_REPORTS, selection, tables, searches)

        run.metric_by_epoch("loss", model.head.losses)
        run.metrics({"cross_validated_accuracy": selection.metrics["accuracy"]["value"], "l2": selection.l2})
        run.tags({"model": model_hash(paths.CLASSIFIER), "backbone": backbone["name"], "recipe": recipe.name})
        run.artifact(paths.CLASSIFIER)
        run.artifact(paths.CLASSIFIER_REPORTS / "training.png")
        run.artifact(paths.CLASSIFIER_REPORTS / "out_of_fold.csv")
        table = paths.TUNED_FEATURES if tuned else paths.FEATURES
        example = read_recipe_features(recipe, rows[images.learnt]["sha256"].tolist()[:2], table)
        run.keras_model(keras_head(weights), "head", example)
    for line in selection_lines(selection.metrics):
        log.info("%s", line)


if __name__ == "__main__":
    run_command(main)
