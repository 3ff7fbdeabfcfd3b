"""Select weight decay, temperature, OOD score and confidence sets without the test split."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from herodex.classifier.examples import Examples
from herodex.classifier.linear import (
    FitHeads,
    correct_answers,
    fit_temperature,
    log_loss,
    out_of_fold_logits,
)
from herodex.classifier.ood_calibration import (
    HeldOut,
    Left,
    bound_error,
    fit_detector,
    leave_one_query_out,
    out_of_fold,
)
from herodex.classifier.recipes import Recipe, fitter_for, weight_decays_for
from herodex.inference.decision import (
    answer_positions,
    confidence_sets,
    known_answers,
    posterior,
    set_threshold,
)
from herodex.inference.ood import OodDetector
from herodex.params import ClassifierParams, DecisionParams
from herodex.statistics import auroc, proportion


class Decision(NamedTuple):
    """What turns a model's outputs into answers: temperature, OOD score, least probability in a set."""

    temperature: float
    detector: OodDetector
    least: float


@dataclass(frozen=True)
class Selection:
    """The selected settings, and the results that they were selected by.

    Attributes:
        l2: the head's weight decay; 0 for a head with dropout.
        decision: of the final model.
        by_l2: a table with out-of-fold `log_loss` and `accuracy` of each `l2`.
        rows: positions of the images with an out-of-fold answer.
        probabilities: these answers: of the classes, then of `unknown`. No image's answer comes from a
            head or a decision that was fitted to it; `l2` alone was selected on the same folds.
        ood: a table with `left_out` (a label's position, -1 for none), `ood` (0 or 1) and `score`.
        metrics: for the report.
    """

    l2: float
    decision: Decision
    by_l2: pd.DataFrame
    rows: Int[np.ndarray, " held_out"]
    probabilities: Float[np.ndarray, "held_out answers"]
    ood: pd.DataFrame
    metrics: dict[str, Any]


def select(
    examples: Examples,
    fold: Int[np.ndarray, " n"],
    classes: int,
    labels: list[str],
    recipe: Recipe,
    settings: ClassifierParams,
    seed: int,
) -> Selection:
    """Select the settings by cross-validation and by leave-one-query-out calibration.

    Args:
        examples: the training and validation parts.
        fold: of each image; images with a fold below 0 are always in training, and have no prediction.
        classes: how many labels are classes; they come first.
        labels: of the head.
        recipe: says how heads are fitted.
        settings: weight decays to choose from, similarity, and the error to bound.
        seed: of heads with dropout, and of bootstrap intervals.
    """
    decays = weight_decays_for(recipe, settings)
    fit = fitter_for(recipe, settings, decays, seed)
    by_l2, best, _ = cross_validate(examples, fold, classes, len(labels), fit)
    by_l2.insert(0, "l2", decays)
    fit = fitter_for(recipe, settings, [decays[best]], seed)
    parts = out_of_fold(examples, fold, classes, len(labels), fit, settings.train)
    left = list(leave_one_query_out(examples, fold, classes, len(labels), fit, settings.train))
    decision = fit_decision(parts, left, examples.labels, classes, settings.decision)
    rows, probabilities, least = nested_answers(parts, left, examples.labels, classes, settings.decision)
    unseen, scores = nested_unseen(parts, left, examples.labels, classes, settings.decision)
    metrics = answer_metrics(examples.labels[rows], probabilities, least, classes)
    return Selection(
        l2=decays[best],
        decision=decision,
        by_l2=by_l2,
        rows=rows,
        probabilities=probabilities,
        ood=tabulate_ood(parts, left, examples.labels, classes, decision.detector),
        metrics={
            **metrics,
            "l2": decays[best],
            "temperature": decision.temperature,
            "ood": ood_metrics(examples.labels[rows], probabilities, unseen, scores, classes, labels, seed),
        },
    )


def cross_validate(
    examples: Examples, fold: Int[np.ndarray, " n"], classes: int, label_count: int, fit: FitHeads
) -> tuple[pd.DataFrame, int, Float[np.ndarray, "held_out labels"]]:
    """Cross-validate heads.

    Args:
        examples: to fit and to predict.
        fold: of each of them; examples with a fold below 0 are always in training, and have no prediction.
        classes: how many labels are classes; they come first.
        label_count: labels of the head.
        fit: fits the heads.

    Returns:
        a table with out-of-fold `log_loss` and `accuracy`, a row for each head; the row of the least loss;
        and its out-of-fold logits.
    """
    logits = out_of_fold_logits(examples, label_count, fold, fit)
    labels = examples.labels[fold >= 0]
    rows = [
        {
            "log_loss": log_loss(of_head, labels, classes),
            "accuracy": float(correct_answers(of_head, labels, classes).mean()),
        }
        for of_head in logits
    ]
    table = pd.DataFrame(rows).round(6)
    best = int(np.argmin(table["log_loss"].to_numpy()))
    return table, best, logits[best]


def of_classes(parts: list[HeldOut], labels: Int[np.ndarray, " n"], classes: int) -> list[HeldOut]:
    """Keep the predictions of images of the classes."""
    kept: list[HeldOut] = []
    for part in parts:
        known = labels[part.rows] < classes
        kept.append(HeldOut(part.rows[known], part.logits[known], part.figures[known]))
    return kept


def fit_decision(
    parts: list[HeldOut],
    left: list[Left],
    labels: Int[np.ndarray, " n"],
    classes: int,
    params: DecisionParams,
) -> Decision:
    """Fit temperature, OOD score with its bounded error, and the sets' threshold to held-out predictions.

    Args:
        parts: out-of-fold predictions.
        left: predictions of left-out labels.
        labels: of all images.
        classes: how many labels are classes.
        params: the error to bound, and the sets' coverage.
    """
    known, unseen = of_classes(parts, labels, classes), [one.held_out for one in left]
    rows = np.concatenate([part.rows for part in known])
    logits = np.concatenate([part.logits[:, :classes] for part in known])
    temperature = fit_temperature(logits, labels[rows], classes)
    seen = [part.figures[labels[part.rows] >= classes] for part in parts]
    detector = fit_detector(
        np.concatenate([part.figures for part in known]),
        [np.concatenate([one.figures for one in unseen] or [np.zeros((0, 3))]), np.concatenate(seen)],
    )
    detector = bound_error(detector, known, unseen, classes, temperature, params)
    decision = Decision(temperature, detector, 0.0)
    true: list[float] = []
    for part in parts:
        probabilities = answers_of(part, classes, decision)
        true += probabilities[np.arange(len(part.rows)), np.minimum(labels[part.rows], classes)].tolist()
    return decision._replace(least=set_threshold(np.array(true), params.coverage))


def answers_of(part: HeldOut, classes: int, decision: Decision) -> Float[np.ndarray, "n answers"]:
    """Compute the posterior of held-out images."""
    scores = decision.detector.score(part.figures)
    return posterior(part.logits, scores, min(classes, part.logits.shape[1]), decision.temperature)


def nested_answers(
    parts: list[HeldOut],
    left: list[Left],
    labels: Int[np.ndarray, " n"],
    classes: int,
    params: DecisionParams,
) -> tuple[
    Int[np.ndarray, " held_out"], Float[np.ndarray, "held_out answers"], Float[np.ndarray, " held_out"]
]:
    """Answer each image by a decision fitted to the other folds; arguments as in `fit_decision`.

    With a single fold, the decision is fitted to the images that it answers.

    Returns:
        positions of the images in order, their probabilities, and the least probability in their sets.
    """
    rows: list[np.ndarray] = []
    answers: list[np.ndarray] = []
    least: list[np.ndarray] = []
    for place, part in enumerate(parts):
        others = [*parts[:place], *parts[place + 1 :]] or parts
        decision = fit_decision(others, left, labels, classes, params)
        rows.append(part.rows)
        answers.append(answers_of(part, classes, decision))
        least.append(np.full(len(part.rows), decision.least))
    order = np.argsort(np.concatenate(rows), kind="stable")
    return tuple(np.concatenate(of)[order] for of in (rows, answers, least))  # pyright: ignore[reportReturnType]


def nested_unseen(
    parts: list[HeldOut],
    left: list[Left],
    labels: Int[np.ndarray, " n"],
    classes: int,
    params: DecisionParams,
) -> tuple[dict[int, Bool[np.ndarray, " _n"]], dict[int, Float[np.ndarray, " _n"]]]:
    """Answer the images of each left-out label by a decision fitted to the other labels.

    Arguments as in `fit_decision`.

    Returns:
        for each left-out label, which of its images are accepted as known, and their probability of a class.
    """
    accepted: dict[int, np.ndarray] = {}
    scores: dict[int, np.ndarray] = {}
    for place, one in enumerate(left):
        others = [*left[:place], *left[place + 1 :]]
        decision = fit_decision(parts, others, labels, classes, params)
        probabilities = answers_of(one.held_out, classes, decision)
        accepted[one.label], scores[one.label] = known_answers(probabilities), 1 - probabilities[:, -1]
    return accepted, scores


def answer_metrics(
    labels: Int[np.ndarray, " n"],
    probabilities: Float[np.ndarray, "n answers"],
    least: Float[np.ndarray, " n"],
    classes: int,
) -> dict[str, Any]:
    """Measure answers and confidence sets out of fold; each image counts once.

    Args:
        labels: of the images.
        probabilities: of the answers.
        least: least probability in each image's set.
        classes: how many labels are classes.
    """
    true = np.minimum(labels, classes)
    correct = answer_positions(probabilities) == true
    sets = np.stack(
        [confidence_sets(p[None], float(t))[0] for p, t in zip(probabilities, least, strict=True)]
    )
    covered = sets[np.arange(len(true)), true]
    return {
        "accuracy": proportion(int(correct.sum()), len(correct)),
        "set_coverage": proportion(int(covered.sum()), len(covered)),
        "set_size": round(float(sets.sum(axis=1).mean()), 6),
    }


def ood_metrics(
    labels: Int[np.ndarray, " n"],
    probabilities: Float[np.ndarray, "n answers"],
    accepted: dict[int, Bool[np.ndarray, " _n"]],
    scores: dict[int, Float[np.ndarray, " _n"]],
    classes: int,
    names: list[str],
    seed: int,
) -> dict[str, Any]:
    """Measure false rejects of the classes, and false accepts of left-out labels, the worst one by name.

    Args:
        labels: of the images with out-of-fold answers.
        probabilities: these answers.
        accepted: of each left-out label, which images are accepted.
        scores: of each left-out label, the images' probability of a class.
        classes: how many labels are classes.
        names: of the labels.
        seed: of the bootstrap.
    """
    known = labels < classes
    rejected = ~known_answers(probabilities[known])
    found: dict[str, Any] = {"false_reject_rate": proportion(int(rejected.sum()), len(rejected))}
    everywhere = np.concatenate([np.zeros(0, bool), *accepted.values()])
    if not len(everywhere):
        return found
    rates = {label: proportion(int(of.sum()), len(of)) for label, of in accepted.items() if len(of)}
    worst = max(rates, key=lambda label: rates[label]["value"])
    unseen = np.concatenate(list(scores.values()))
    both = np.concatenate([1 - probabilities[known, -1], unseen])
    return found | {
        "false_accept_rate": proportion(int(everywhere.sum()), len(everywhere)),
        "worst_left_out": {"label": names[worst], "false_accept_rate": rates[worst]},
        "auroc": auroc(np.arange(len(both)) < known.sum(), both, seed),
    }


def tabulate_ood(
    parts: list[HeldOut],
    left: list[Left],
    labels: Int[np.ndarray, " n"],
    classes: int,
    detector: OodDetector,
) -> pd.DataFrame:
    """Make a row for each image of a class and of a left-out label: `left_out`, `ood`, `score`."""
    tables: list[pd.DataFrame] = []
    rounds = [(-1, part) for part in of_classes(parts, labels, classes)]
    rounds += [(one.label, one.held_out) for one in left]
    for label, part in rounds:
        scores = detector.score(part.figures).round(6)
        tables.append(pd.DataFrame({"left_out": label, "ood": int(label >= 0), "score": scores}))
    return pd.concat(tables, ignore_index=True)
