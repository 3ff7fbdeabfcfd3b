"""Stage `evaluate_classifier`: measure the exported classifier, from images to metrics.

With a test part, the exported classifier answers its images. Without one, all images have been learnt from:
then the out-of-fold answers of `train_classifier` are measured.
"""

import json
import logging
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_curve, roc_curve

from herodex import paths, tracking
from herodex.command import run_command
from herodex.curation.contact_sheets import Cell, contact_sheet
from herodex.dataset.answers_table import answers_table
from herodex.dataset.manifest import TEST_SET_ASIDE, read_clean, read_manifest
from herodex.evaluation.answered import (
    TEST_PART,
    Answered,
    answer_test_part,
    export_difference,
    read_out_of_fold,
)
from herodex.evaluation.baseline import (
    colour_histogram,
    colour_histograms,
    cross_predict_by_colour,
    predict_by_colour,
)
from herodex.evaluation.corruptions import CORRUPTIONS
from herodex.evaluation.held_out import classifiers_without
from herodex.evaluation.metrics import (
    LISTED,
    MANY_ANSWERS,
    accuracy,
    brier_score,
    calibration,
    expected_calibration_error,
    extremes,
    risk_coverage,
)
from herodex.evaluation.plots import (
    comparison_figure,
    confusion_figure,
    curves_figure,
    reliability_figure,
)
from herodex.evaluation.slices import measure_traits, slices
from herodex.inference.classifier_file import read_record
from herodex.inference.decision import answer_positions, confidence_sets, known_answers
from herodex.inference.predict import Classifier, load_classifier, model_hash
from herodex.params import UNKNOWN, Params, load_params
from herodex.plotting import save_figure
from herodex.progress import track
from herodex.statistics import Estimate, auroc, grouped_proportion, in_words, mean_proportion

log = logging.getLogger(__name__)

CORRUPTED = 60
"""Images that are corrupted, the first in the order of their hashes."""
WORST = 20
"""Wrong answers on the contact sheet."""


def label_metrics(
    actual: Shaped[np.ndarray, " n"],
    probabilities: Float[np.ndarray, "n answers"],
    groups: Shaped[np.ndarray, " n"],
    answers: list[str],
    seed: int,
) -> dict[str, Any]:
    """Compute the metrics of answers to labelled images.

    Args:
        actual: the true answers.
        probabilities: of the answers.
        groups: the duplicate group of each image.
        answers: the classes, then `unknown`.
        seed: of the bootstrap.

    Returns:
        `accuracy` over all answers; `balanced_accuracy`, the mean recall of the answers;
        `accuracy_known`: of images of the classes, over the classes alone;
        `auroc_known`: of 1 - p(unknown) for the classes against all else, where the part holds both;
        `f1_macro`; `recall` of each answer.
    """
    predicted = np.array(answers)[answer_positions(probabilities)]
    known = actual != UNKNOWN
    best_class = np.array(answers[:-1])[probabilities[:, :-1].argmax(axis=1)]
    f1 = f1_score(actual, predicted, labels=sorted(set(actual.tolist())), average="macro")
    recall = {
        label: grouped_proportion(predicted[actual == label] == label, groups[actual == label])
        for label in answers
        if (actual == label).any()
    }
    found: dict[str, Any] = {
        "accuracy": accuracy(actual, predicted, groups),
        "balanced_accuracy": mean_proportion(list(recall.values())),
        "accuracy_known": accuracy(actual[known], best_class[known], groups[known]),
        "f1_macro": round(float(f1), 4),
        "recall": recall,
    }
    if not known.all():
        found["auroc_known"] = auroc(known, 1 - probabilities[:, -1], groups, seed)
    return found


def ood_metrics(
    actual: Shaped[np.ndarray, " n"],
    probabilities: Float[np.ndarray, "n answers"],
    groups: Shaped[np.ndarray, " n"],
) -> dict[str, Estimate]:
    """Estimate the false reject rate, and the false accept rate where the part holds distractors.

    Args:
        actual: the true answers.
        probabilities: of the answers.
        groups: the duplicate group of each image.
    """
    known, accepted = actual != UNKNOWN, known_answers(probabilities)
    found = {"false_reject_rate": grouped_proportion(~accepted[known], groups[known])}
    if not known.all():
        found["false_accept_rate"] = grouped_proportion(accepted[~known], groups[~known])
    return found


def set_metrics(
    actual: Int[np.ndarray, " n"],
    probabilities: Float[np.ndarray, "n answers"],
    least: Float[np.ndarray, " n"],
    groups: Shaped[np.ndarray, " n"],
) -> dict[str, Any]:
    """Estimate the coverage of the confidence sets, and compute their mean size.

    Args:
        actual: positions of the true answers.
        probabilities: of the answers.
        least: least probability of an answer in each image's set.
        groups: the duplicate group of each image.
    """
    sets = confidence_sets(probabilities, least)
    covered = sets[np.arange(len(actual)), actual]
    return {
        "coverage": grouped_proportion(covered, groups),
        "mean_size": round(float(sets.sum(axis=1).mean()), 6),
    }


def curves(
    actual: Shaped[np.ndarray, " n"], probabilities: Float[np.ndarray, "n answers"], answers: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute the ROC and the precision-recall curve of each answer against the others.

    Of more than 30 answers, those are the 10 with the lowest recall.

    Returns:
        a table of `label`, `false_positive_rate`, `true_positive_rate`, and one of `label`, `recall`,
        `precision`.
    """
    shown = lowest_recall(actual, probabilities, answers)
    roc: list[pd.DataFrame] = []
    precision_recall: list[pd.DataFrame] = []
    many = len(answers) > MANY_ANSWERS
    for column, label in enumerate(answers):
        positive = actual == label
        if not positive.any() or label not in shown:
            continue
        false, true, _ = roc_curve(positive, probabilities[:, column])
        roc.append(pd.DataFrame({"label": label, "false_positive_rate": false, "true_positive_rate": true}))
        precision, recall, _ = precision_recall_curve(
            positive, probabilities[:, column], drop_intermediate=many
        )
        precision_recall.append(pd.DataFrame({"label": label, "recall": recall, "precision": precision}))
    return pd.concat(roc).round(6), pd.concat(precision_recall).round(6)


def lowest_recall(
    actual: Shaped[np.ndarray, " n"], probabilities: Float[np.ndarray, "n answers"], answers: list[str]
) -> list[str]:
    """List the answers that curves are drawn of: all, or the 10 with the lowest recall of more than 30."""
    if len(answers) <= MANY_ANSWERS:
        return answers
    correct = np.array(answers)[answer_positions(probabilities)] == actual
    recall = pd.Series(correct).groupby(actual).mean().sort_values(kind="stable")
    return recall.index[:LISTED].tolist()


def corruption_robustness(
    classifiers: Iterable[tuple[Int[np.ndarray, " _asked"], Classifier]],
    rows: pd.DataFrame,
    answers: list[str],
) -> dict[str, Estimate]:
    """Estimate the accuracy on corrupted images, by the corruption's name.

    Args:
        classifiers: each with the positions of the images that it answers and has not learned from.
        rows: of the manifest.
        answers: the classes, then `unknown`.
    """
    files, correct = rows["file"].tolist(), {name: np.zeros(len(rows), bool) for name in CORRUPTIONS}
    actual, groups = rows["label"].to_numpy(str), rows["duplicate_group"].to_numpy(str)
    work = ((int(row), classifier) for asked, classifier in classifiers for row in asked)
    for row, classifier in track(work, len(rows), "corrupt", "images"):
        image = read_clean(files[row])
        for name, corrupt in CORRUPTIONS.items():
            (position,) = answer_positions(classifier.probabilities([corrupt(image)]))
            correct[name][row] = answers[position] == actual[row]
    return {name: grouped_proportion(marked, groups) for name, marked in correct.items()}


def worst_errors(
    rows: pd.DataFrame, probabilities: Float[np.ndarray, "n answers"], answers: list[str]
) -> list[Cell]:
    """Caption the most confident wrong answers for a contact sheet."""
    actual = np.array([answers.index(label) for label in rows["label"]])
    wrong = np.flatnonzero(answer_positions(probabilities) != actual)
    worst = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:WORST]
    files, queries, hashes = (rows[column].tolist() for column in ("file", "query", "sha256"))
    return [
        (
            [read_clean(files[i])],
            f"asked: {queries[i]}\n"
            f"answer: {probabilities[i].max():.2f} {answers[int(probabilities[i].argmax())]}\n"
            f"{hashes[i][:12]}",
        )
        for i in worst
    ]


def calibration_metrics(
    actual: Int[np.ndarray, " n"], probabilities: Float[np.ndarray, "n answers"], bins: pd.DataFrame
) -> dict[str, float]:
    """Compute the expected calibration error and the Brier score, with the count."""
    return {
        "ece": expected_calibration_error(bins),
        "brier": brier_score(actual, probabilities),
        "n": len(actual),
    }


def baseline_accuracy(
    answered: Answered,
    histograms: Float[np.ndarray, "n colours"],
    train: pd.DataFrame,
    params: Params,
) -> Estimate:
    """Estimate the accuracy of a linear classifier of colour histograms.

    Args:
        answered: the images to predict.
        histograms: of those that are kept.
        train: the rows of the training part, to learn from where the images are a test part.
        params: of the project.
    """
    rows = answered.rows[answered.kept]
    labels, groups = rows["label"].to_numpy(str), rows["duplicate_group"].to_numpy(str)
    if answered.source == TEST_PART:
        learnt = colour_histograms(train["file"], partial(read_clean, in_order=True))
        predicted = predict_by_colour(learnt, train["label"].to_numpy(str), histograms, params.seed)
    else:
        folds = params.classifier.train.folds
        predicted = cross_predict_by_colour(histograms, labels, groups, folds, params.seed)
    return accuracy(labels, predicted, groups)


def save_plots(
    folder: Path, found: dict[str, Any], tables: dict[str, pd.DataFrame], answers: list[str]
) -> None:
    """Save the plots of an evaluation, from its metrics and tables."""
    predictions = tables["predictions"]
    about = f"{found['backbone']['name']}, {len(predictions)} {found['answers']}"
    counts = np.asarray(confusion_matrix(predictions["label"], predictions["predicted"], labels=answers))
    save_figure(confusion_figure(counts, answers, about), folder / "confusion.png")
    shown = tables["roc"]["label"].nunique()
    which = f"\nthe {shown} answers with the lowest recall" if len(answers) > MANY_ANSWERS else ""
    curves_of = curves_figure(tables["roc"], tables["precision_recall"], about + which)
    save_figure(curves_of, folder / "curves.png")
    reliability = reliability_figure(tables["calibration"], tables["risk_coverage"], about)
    save_figure(reliability, folder / "reliability.png")
    estimates = {
        "accuracy": found["accuracy"],
        "balanced accuracy": found["balanced_accuracy"],
        "colour histogram": found["baseline"]["accuracy"],
        "accuracy, classes only": found["accuracy_known"],
        **({"AUROC known / unknown": found["auroc_known"]} if "auroc_known" in found else {}),
        **{f"recall {label}": value for label, value in extremes(found["recall"]).items()},
        **found["slices"],
        **found["corruptions"],
    }
    save_figure(comparison_figure(estimates), folder / "figures.png")


def logged_metrics(found: dict[str, Any]) -> dict[str, float]:
    """Select the metrics for MLflow, named by the source of the answers."""
    prefix = "test" if found["answers"] == TEST_PART else "out_of_fold"
    names = ("accuracy", "balanced_accuracy", "accuracy_known", "auroc_known")
    estimates = [name for name in names if name in found]
    return {
        **{f"{prefix}_{name}": found[name]["value"] for name in estimates},
        f"{prefix}_f1_macro": found["f1_macro"],
        f"{prefix}_baseline_accuracy": found["baseline"]["accuracy"]["value"],
        **{f"{prefix}_{name}": found["calibration"][name] for name in ("ece", "brier")},
    }


def log_metrics(run: tracking.Run, found: dict[str, Any], folder: Path) -> None:
    """Log the metrics and the folder of reports to the stage's run."""
    run.metrics(logged_metrics(found))
    run.tags({"model": model_hash(paths.CLASSIFIER), "backbone": found["backbone"]["name"]})
    run.artifact(folder)


def evaluate(
    classifier: Classifier, answered: Answered, manifest: pd.DataFrame, params: Params
) -> tuple[dict[str, Any], dict[str, pd.DataFrame], list[Cell]]:
    """Measure answers.

    Args:
        classifier: to be tested with corrupted images.
        answered: the answers.
        manifest: of all images.
        params: of the project.

    Returns:
        the metrics, the tables by their names, and the cells of the contact sheet of worst errors.
    """
    answers, kept = [*params.classes, UNKNOWN], answered.kept
    rows, probabilities = answered.rows[kept], answered.probabilities[kept]
    actual, files = rows["label"].to_numpy(str), rows["file"].tolist()
    groups = rows["duplicate_group"].to_numpy(str)
    places = {label: place for place, label in enumerate(answers)}
    position = np.array([places[label] for label in actual])
    correct = answer_positions(probabilities) == position
    bins = calibration(position, probabilities, groups)
    images = (read_clean(file, in_order=True) for file in files)
    measured = [(measure_traits(image), colour_histogram(image)) for image in images]
    traits, histograms = zip(*measured, strict=True)
    train = manifest[manifest["part"] == "train"]
    baseline = baseline_accuracy(answered, np.stack(histograms), train, params)
    roc, precision_recall = curves(actual, probabilities, answers)
    found: dict[str, Any] = {
        "answers": answered.source,
        **label_metrics(actual, probabilities, groups, answers, params.seed),
        "ood": ood_metrics(actual, probabilities, groups),
        "sets": set_metrics(position, probabilities, answered.least[kept], groups),
        "calibration": calibration_metrics(position, probabilities, bins),
        "slices": {
            name: grouped_proportion(correct[chosen], groups[chosen])
            for name, chosen in slices(rows, traits).items()
        },
        "corruptions": {},
        "baseline": {"name": "colour histogram", "accuracy": baseline},
        "model": classifier.model,
    }
    if not kept.all():
        everything = answered.rows["label"].to_numpy(str)
        predicted = np.array(answers)[answer_positions(answered.probabilities)]
        all_groups = answered.rows["duplicate_group"].to_numpy(str)
        found["as_crawled"] = {"accuracy": accuracy(everything, predicted, all_groups)}
    if params.classifier.evaluate.corruptions:
        first = rows.iloc[np.argsort(rows["sha256"].to_numpy(str), kind="stable")[:CORRUPTED]]
        classifiers = classifiers_without(classifier, first, manifest, params)
        if answered.source == TEST_PART:
            classifiers = [(np.arange(len(first)), classifier)]
        found["corruptions"] = corruption_robustness(classifiers, first, answers)
    recall: dict[str, Estimate] = found["recall"]
    found["recall"] = extremes(recall)
    if len(found["recall"]) < len(recall):
        found["recall_listed"] = {"listed": len(found["recall"]), "of": len(recall)}
    tables = {
        "recall": pd.DataFrame([{"answer": name, **one} for name, one in recall.items()]),
        "predictions": answers_table(
            rows, answer_positions(probabilities), probabilities, answered.scores[kept], params.classes
        ),
        "roc": roc,
        "precision_recall": precision_recall,
        "calibration": bins,
        "risk_coverage": risk_coverage(correct, probabilities.max(axis=1)),
    }
    return found, tables, worst_errors(rows, probabilities, answers)


def main() -> None:
    """Write `metrics.json`, the predictions, the curves and their plots to `reports/classifier`."""
    params = load_params()
    manifest, folder = read_manifest(paths.SPLIT_IMAGES), paths.CLASSIFIER_REPORTS
    test = manifest[manifest["part"].isin(["test", TEST_SET_ASIDE])]
    classifier = load_classifier(paths.MODELS, params.backbone.precision)
    # A fine-tuned backbone is part of the classifier.
    backbone = read_record(paths.CLASSIFIER / "classifier.json").backbone
    fitted = read_manifest(folder / "fitted.csv")
    file_of = dict(zip(manifest["sha256"], manifest["file"], strict=True))
    with tracking.run("evaluate_classifier", params.backbone) as run:
        checked = [file_of[sha256] for sha256 in fitted["sha256"]]
        difference = export_difference(classifier, fitted, checked, params)
        if len(test):
            answered = answer_test_part(classifier, test, params)
        else:
            answered = read_out_of_fold(manifest, read_manifest(folder / "out_of_fold.csv"), params)
        found, tables, worst = evaluate(classifier, answered, manifest, params)
        found["backbone"] = {key: backbone[key] for key in ("name", "weights", "source")}
        found["export_difference"] = difference
        text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
        (folder / "metrics.json").write_text(text, encoding="utf-8")
        for name, table in tables.items():
            table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        save_plots(folder, found, tables, [*params.classes, UNKNOWN])
        predictions = tables["predictions"]
        wrong = int((predictions["label"] != predictions["predicted"]).sum())
        title = f"wrong answers to {answered.source}, the most confident first ({wrong} in all)"
        contact_sheet(title, worst).save(folder / "worst.png", optimize=False)
        log_metrics(run, found, folder)
    log.info("accuracy: %s", in_words(found["accuracy"]))
    log.info("accuracy on images of the classes: %s", in_words(found["accuracy_known"]))
    baseline = found["baseline"]
    log.info("accuracy of the %s baseline: %s", baseline["name"], in_words(baseline["accuracy"]))


if __name__ == "__main__":
    run_command(main)
