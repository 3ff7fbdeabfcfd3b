"""Stage `evaluate_classifier`: the exported classifier on the test part, images in, figures out."""

import json
import logging
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_curve, roc_curve

from herodex import paths, tracking
from herodex.command import run_command
from herodex.curation.contact_sheets import Cell, contact_sheet
from herodex.dataset.manifest import read_clean, read_manifest
from herodex.embedding.embed import run_on_all
from herodex.errors import UserError
from herodex.evaluation.baseline import predict_by_colour
from herodex.evaluation.corruptions import CORRUPTIONS
from herodex.evaluation.metrics import (
    accuracy,
    brier_score,
    calibration,
    expected_calibration_error,
    risk_coverage,
)
from herodex.evaluation.plots import (
    comparison_figure,
    confusion_figure,
    curves_figure,
    reliability_figure,
)
from herodex.evaluation.slices import slices
from herodex.inference.predict import Classifier, load_classifier, model_hash
from herodex.params import UNKNOWN, load_params
from herodex.plotting import save_figure
from herodex.progress import track
from herodex.statistics import Estimate, auroc, share

log = logging.getLogger(__name__)

MEASURED = {"accuracy", "accuracy_known", "auroc_known"}
CHANGED = 60
"""Test images that are changed on purpose, the first in the order of their hashes."""
WORST = 20
"""Wrong answers on the contact sheet."""


def measure(actual: np.ndarray, probabilities: np.ndarray, labels: list[str], seed: int) -> dict[str, Any]:
    """Compute the figures of a classifier on labelled images.

    Args:
        actual: the true labels, text [n].
        probabilities: float [n, labels].
        labels: the classes, then `unknown`.
        seed: of the bootstrap.

    Returns:
        `accuracy` over all labels; `accuracy_known`: of images of the classes, when only a class can
        be answered; `auroc_known`: how well 1 - p(unknown) tells the classes from anything else, where
        the part holds both; `f1_macro`; `recall` of each label.
    """
    predicted = np.array(labels)[probabilities.argmax(axis=1)]
    known = actual != UNKNOWN
    best_class = np.array(labels[:-1])[probabilities[:, :-1].argmax(axis=1)]
    figures: dict[str, Any] = {
        "accuracy": accuracy(actual, predicted),
        "accuracy_known": accuracy(actual[known], best_class[known]),
        "f1_macro": round(float(f1_score(actual, predicted, labels=sorted(set(actual)), average="macro")), 4),
        "recall": {
            label: share(int((predicted[actual == label] == label).sum()), int((actual == label).sum()))
            for label in labels
            if (actual == label).any()
        },
    }
    if not known.all():
        figures["auroc_known"] = auroc(known, 1 - probabilities[:, -1], seed)
    return figures


def curves(
    actual: np.ndarray, probabilities: np.ndarray, labels: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute the ROC and the precision-recall curve of each label against the others.

    Returns:
        a table of `label`, `false_positive_rate`, `true_positive_rate`, and one of `label`, `recall`,
        `precision`.
    """
    roc, precision_recall = [], []
    for column, label in enumerate(labels):
        positive = actual == label
        if not positive.any():
            continue
        false, true, _ = roc_curve(positive, probabilities[:, column])
        roc.append(pd.DataFrame({"label": label, "false_positive_rate": false, "true_positive_rate": true}))
        precision, recall, _ = precision_recall_curve(positive, probabilities[:, column])
        precision_recall.append(pd.DataFrame({"label": label, "recall": recall, "precision": precision}))
    return pd.concat(roc).round(6), pd.concat(precision_recall).round(6)


def decisions(actual: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, Any]:
    """Say how often the service's word whether it knows an image is wrong.

    Args:
        actual: the true labels, text [n].
        scores: how familiar each image is, float [n].
        threshold: from which on it counts as known.
    """
    known, taken = actual != UNKNOWN, scores >= threshold
    figures: dict[str, Any] = {"false_reject_rate": share(int((known & ~taken).sum()), int(known.sum()))}
    if not known.all():
        figures["false_accept_rate"] = share(int((~known & taken).sum()), int((~known).sum()))
    return figures


def look_at_all(classifier: Classifier, files: list[str], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Classify images by their names in the manifest.

    Returns:
        probabilities, float [n, labels], and how familiar each is, float [n].
    """

    def look(images: list[np.ndarray]) -> np.ndarray:
        seen = classifier.look(images)
        return np.column_stack([seen.probabilities, seen.scores])

    seen = run_on_all(look, files, size, "evaluate")
    return seen[:, :-1], seen[:, -1]


def corruption_robustness(
    classifier: Classifier, images: list[np.ndarray], actual: np.ndarray, labels: list[str]
) -> dict[str, Estimate]:
    """Measure the accuracy on images that were changed on purpose, by the name of the change."""
    figures = {}
    for name, change in track(CORRUPTIONS.items(), len(CORRUPTIONS), "change", "changes"):
        changed = np.concatenate([classifier.probabilities([change(image)]) for image in images])
        figures[name] = accuracy(actual, np.array(labels)[changed.argmax(axis=1)])
    return figures


def worst_errors(
    test: pd.DataFrame, images: list[np.ndarray], probabilities: np.ndarray, labels: list[str]
) -> list[Cell]:
    """Caption the wrong answers for a contact sheet, those first that were the surest."""
    actual = np.array([labels.index(label) for label in test["label"]])
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != actual)
    surest = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:WORST]
    queries, hashes = test["query"].tolist(), test["sha256"].tolist()
    return [
        (
            [images[i]],
            f"{queries[i]} → {labels[int(probabilities[i].argmax())]} {probabilities[i].max():.2f}\n"
            f"{hashes[i][:12]}",
        )
        for i in surest
    ]


def main() -> None:
    """Write `metrics.json`, the predictions, the curves and their plots to `reports/classifier`."""
    params = load_params()
    labels = [*params.classes, UNKNOWN]
    manifest = read_manifest(paths.SPLIT_IMAGES)
    test, train = (manifest[manifest["part"] == part] for part in ("test", "train"))
    if test.empty:
        raise UserError(
            "evaluate_classifier: no image is in the test part.",
            "Raise classifier.split.test, or crawl.images.per_query for more images.",
        )
    actual = test["label"].to_numpy(str)
    classifier = load_classifier(paths.MODELS, params.backbone.precision)
    backbone = json.loads((paths.BACKBONE / "backbone.json").read_text(encoding="utf-8"))
    with tracking.run("evaluate_classifier", params.backbone) as run:
        batch_size = params.classifier.embed.batch_size
        probabilities, scores = look_at_all(classifier, list(test["file"]), batch_size)
        images = [read_clean(file) for file in test["file"]]
        place = np.array([labels.index(label) for label in actual])
        right = probabilities.argmax(axis=1) == place
        figures = measure(actual, probabilities, labels, params.seed)
        figures["decisions"] = decisions(actual, scores, classifier.judge.threshold)
        bins = calibration(place, probabilities)
        figures["calibration"] = {
            "ece": expected_calibration_error(bins),
            "brier": brier_score(place, probabilities),
            "n": len(test),
        }
        figures["slices"] = {
            name: share(int(right[chosen].sum()), int(chosen.sum()))
            for name, chosen in slices(test, images).items()
        }
        some = np.argsort(test["sha256"].to_numpy(str), kind="stable")[:CHANGED]
        figures["changed"] = corruption_robustness(
            classifier, [images[i] for i in some], actual[some], labels
        )
        by_colour = predict_by_colour(
            [read_clean(file) for file in train["file"]],
            train["label"].to_numpy(str),
            images,
            params.seed,
        )
        figures["baseline"] = {"name": "colour histogram", "accuracy": accuracy(actual, by_colour)}
        figures["backbone"] = {key: backbone[key] for key in ("name", "weights", "source")}
        figures["model"] = classifier.model

        folder = paths.CLASSIFIER_REPORTS
        text = json.dumps(figures, indent=2, ensure_ascii=False) + "\n"
        (folder / "metrics.json").write_text(text, encoding="utf-8")
        predicted = np.array(labels)[probabilities.argmax(axis=1)]
        table = test[["sha256", "query", "label"]].assign(predicted=predicted)
        for column, label in enumerate(labels):
            table[f"p_{label}"] = probabilities[:, column].round(6)
        table["familiarity"] = scores.round(6)
        roc, precision_recall = curves(actual, probabilities, labels)
        risk = risk_coverage(right, probabilities.max(axis=1))
        for name, rows in (
            ("predictions", table),
            ("roc", roc),
            ("precision_recall", precision_recall),
            ("calibration", bins),
            ("risk_coverage", risk),
        ):
            rows.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")

        about = f"{backbone['name']}, {len(test)} test images"
        counts = confusion_matrix(actual, predicted, labels=labels)
        save_figure(confusion_figure(counts, labels, about), folder / "confusion.png")
        save_figure(curves_figure(roc, precision_recall, about), folder / "curves.png")
        save_figure(reliability_figure(bins, risk, about), folder / "reliability.png")
        measured = {
            "accuracy": figures["accuracy"],
            "colour histogram": figures["baseline"]["accuracy"],
            "accuracy, classes only": figures["accuracy_known"],
            **({"AUC known / unknown": figures["auroc_known"]} if "auroc_known" in figures else {}),
            **{f"recall {label}": value for label, value in figures["recall"].items()},
            **figures["slices"],
            **figures["changed"],
        }
        save_figure(comparison_figure(measured), folder / "figures.png")
        worst = worst_errors(test, images, probabilities, labels)
        title = f"wrong answers on the test part, the surest first ({(~right).sum()} in all)"
        contact_sheet(title, worst).save(folder / "worst.png", optimize=False)

        scalars = {name: figures[name]["value"] for name in figures.keys() & MEASURED}
        baseline = figures["baseline"]["accuracy"]["value"]
        run.metrics({**scalars, "f1_macro": figures["f1_macro"], "baseline_accuracy": baseline})
        run.metrics({"ece": figures["calibration"]["ece"], "brier": figures["calibration"]["brier"]})
        run.tags({"model": model_hash(paths.CLASSIFIER), "backbone": backbone["name"]})
        run.artifact(folder)
    log.info("%s", {name: figures[name] for name in ("accuracy", "accuracy_known", "baseline")})


if __name__ == "__main__":
    run_command(main)
