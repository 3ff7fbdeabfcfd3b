"""Select weight decay, temperature, OOD score and confidence sets without the test split."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from herodex.classifier.distractor_searches import MANY_CLASSES, count_classes
from herodex.classifier.examples import Examples, OodExamples
from herodex.classifier.linear import (
    FEW_FOLDS,
    FitHeads,
    correct_answers,
    fit_temperature,
    log_loss,
    out_of_fold_logits,
)
from herodex.classifier.ood_calibration import (
    FALSE_REJECT_RATE,
    FAR_SHARE,
    HeldOut,
    Left,
    Method,
    bound_error,
    fit_detector,
    leave_one_query_out,
    out_of_fold,
    possible_labels,
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
from herodex.params import ClassifierParams, DecisionParams, ScaleParams
from herodex.scale.engine import LOCAL
from herodex.statistics import auroc, grouped_mean, grouped_proportion, mean_proportion

log = logging.getLogger(__name__)

MOST_CALIBRATED = 20_000
"""Out-of-fold predictions that a decision is fitted to; their probabilities are in memory several times."""


class Decision(NamedTuple):
    """What turns a model's outputs into answers: temperature, OOD score, least probability in a set."""

    temperature: float
    detector: OodDetector
    least: float


class Images(NamedTuple):
    """The images that settings are selected on.

    Attributes:
        examples: their features and labels.
        fold: of each; images with a fold below 0 are always in training, and have no prediction.
        learnt: marks the images that models learn from; the others, which a label check has set aside, are
            answered as well.
        groups: the duplicate group of each.
    """

    examples: OodExamples
    fold: Int[np.ndarray, " n"]
    learnt: Bool[np.ndarray, " n"]
    groups: Shaped[np.ndarray, " n"]


class Answers(NamedTuple):
    """Out-of-fold answers, in the order of the images.

    Attributes:
        rows: positions of the images.
        probabilities: of the classes, then of `unknown`.
        scores: of the OOD detector.
        least: least probability of an answer in each image's set.
    """

    rows: Int[np.ndarray, " held_out"]
    probabilities: Float[np.ndarray, "held_out answers"]
    scores: Float[np.ndarray, " held_out"]
    least: Float[np.ndarray, " held_out"]


@dataclass(frozen=True)
class Selection:
    """The selected settings, and the results that they were selected by.

    Attributes:
        l2: the head's weight decay; 0 for a head with dropout.
        decision: of the final model.
        by_l2: a table with out-of-fold `log_loss` and `accuracy` of each `l2`.
        answers: out of fold. No image's answer comes from a head or a decision that was fitted to it; `l2`
            alone was selected on the same folds.
        ood: a table with `left_out` (a label's position, -1 for none), `ood` (0 or 1) and `score`.
        metrics: for the report.
    """

    l2: float
    decision: Decision
    by_l2: pd.DataFrame
    answers: Answers
    ood: pd.DataFrame
    metrics: dict[str, Any]


class Unseen(NamedTuple):
    """Answers to the images of a left-out label.

    Attributes:
        rows: positions of the images.
        probabilities: of the classes that the model has learnt from, then of `unknown`.
        without: all labels that it has not learnt from.
    """

    rows: Int[np.ndarray, " n"]
    probabilities: Float[np.ndarray, "n answers"]
    without: tuple[int, ...]


def select(
    images: Images,
    classes: int,
    labels: list[str],
    recipe: Recipe,
    settings: ClassifierParams,
    seed: int,
    compared: pd.DataFrame | None = None,
    scale: ScaleParams = LOCAL,
) -> Selection:
    """Select the settings by cross-validation and by leave-one-query-out calibration.

    Args:
        images: to select on.
        classes: how many labels are classes; they come first.
        labels: of the head.
        recipe: says how heads are fitted.
        settings: weight decays to choose from, similarity, and the error to bound.
        seed: of heads with dropout, and of bootstrap intervals.
        compared: `l2`, `log_loss` and `accuracy` of the weight decays, if they were cross-validated already;
            only the best one is then.
        scale: the engine that runs a task for each fold and each label that is left out.
    """
    examples, fold, learnt, groups = images
    decays = weight_decays_for(recipe, settings)
    if compared is not None:
        decays = [float(compared["l2"].iloc[least_loss(compared)])]
    method = Method(classes, len(labels), fitter_for(recipe, settings, decays, classes, seed), settings.train)
    predictions = out_of_fold(examples, fold, learnt, method, scale)
    kept_by_head = [[part.select(learnt[part.rows]) for part in parts] for parts in predictions]
    rows = np.concatenate([part.rows for part in kept_by_head[0]])
    logits = [np.concatenate([part.logits for part in parts]) for parts in kept_by_head]
    by_head = rate_heads(logits, examples.labels[rows], classes)
    by_head.insert(0, "l2", decays)
    by_l2, best = by_head if compared is None else compared, least_loss(by_head)
    parts, kept = predictions[best], kept_by_head[best]
    del predictions, kept_by_head, logits
    chosen = replace(method, fit=fitter_for(recipe, settings, [decays[best]], classes, seed))
    left = leave_one_query_out(examples, fold, learnt, groups, chosen, scale)
    fit_to = partial(fit_decision, labels=examples.labels, classes=classes, params=settings.decision)
    decision = fit_to(kept, left)
    answers = nested_answers(parts, kept, left, classes, fit_to)
    unseen = nested_unseen(kept, left, classes, partial(fit_to, temperature=decision.temperature))
    kept_rows = learnt[answers.rows]
    of_learnt = answers if kept_rows.all() else Answers(*(values[kept_rows] for values in answers))
    metrics = answer_metrics(of_learnt, examples.labels, groups, classes)
    metrics["ood"] = ood_metrics(of_learnt, examples.labels, groups, unseen, classes, labels, seed)
    possible = len(possible_labels(classes, len(labels)))
    if len(left) < possible:
        metrics["ood"]["labels_left_out"] = {"used": len(left), "of": possible}
        log.info("%d of %d labels are left out in turn, an even sample", len(left), possible)
    if len(parts) == FEW_FOLDS < settings.train.folds:
        metrics["folds"] = {"used": len(parts), "of": settings.train.folds}
        log.info("cross-validated over %d folds in place of %d", len(parts), settings.train.folds)
    if not learnt[answers.rows].all():
        metrics["as_crawled"] = answer_metrics(answers, examples.labels, groups, classes)
    return Selection(
        l2=decays[best],
        decision=decision,
        by_l2=by_l2,
        answers=answers,
        ood=tabulate_ood(kept, left, examples.labels, classes, decision.detector),
        metrics={**metrics, "l2": decays[best], "temperature": decision.temperature},
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
    table = rate_heads(logits, examples.labels[fold >= 0], classes)
    best = least_loss(table)
    return table, best, logits[best]


def rate_heads(
    logits: Iterable[Float[np.ndarray, "n labels"]], labels: Int[np.ndarray, " n"], classes: int
) -> pd.DataFrame:
    """Make a table with `log_loss` and `accuracy` of each head, from its out-of-fold logits."""
    rows = [
        {
            "log_loss": log_loss(of_head, labels, classes),
            "accuracy": float(correct_answers(of_head, labels, classes).mean()),
        }
        for of_head in logits
    ]
    return pd.DataFrame(rows).round(6)


def least_loss(table: pd.DataFrame) -> int:
    """Return the row of a table with the least log loss."""
    return int(np.argmin(table["log_loss"].to_numpy()))


def of_classes(parts: list[HeldOut], labels: Int[np.ndarray, " n"], classes: int) -> list[HeldOut]:
    """Keep the predictions of images of the classes."""
    return [part.select(labels[part.rows] < classes) for part in parts]


def fit_decision(
    parts: list[HeldOut],
    left: list[Left],
    labels: Int[np.ndarray, " n"],
    classes: int,
    params: DecisionParams,
    temperature: float | None = None,
) -> Decision:
    """Fit temperature, OOD score with its bounded error, and the sets' threshold to held-out predictions.

    Of more than 20,000 predictions, an even sample is used.

    Args:
        parts: out-of-fold predictions.
        left: predictions of left-out labels.
        labels: of all images.
        classes: how many labels are classes.
        params: the error to bound, and the sets' coverage.
        temperature: if it was fitted to the same predictions already.
    """
    parts = thin_out(parts)
    known, unseen = of_classes(parts, labels, classes), [one.held_out for one in left]
    rows = np.concatenate([part.rows for part in known])
    if temperature is None:
        logits = np.concatenate([part.logits[:, :classes] for part in known])
        temperature = fit_temperature(logits, labels[rows], classes)
    seen = [part.figures[labels[part.rows] >= classes] for part in parts]
    distractors = [one.held_out.figures for one in left if one.label >= classes]
    detector = fit_detector(
        np.concatenate([part.figures for part in known]),
        [np.concatenate(group) for group in (distractors, seen) if group],
        FAR_SHARE * (params.max_false_reject or FALSE_REJECT_RATE),
    )
    detector = bound_error(detector, known, unseen, classes, temperature, params)
    decision = Decision(temperature, detector, 0.0)
    true: list[float] = []
    for part in parts:
        probabilities, _ = answer(part, classes, decision)
        true += probabilities[np.arange(len(part.rows)), np.minimum(labels[part.rows], classes)].tolist()
    return decision._replace(least=set_threshold(np.array(true), params.coverage))


def thin_out(parts: list[HeldOut]) -> list[HeldOut]:
    """Keep an even sample of predictions, if there are more than 20,000."""
    total = sum(len(part.rows) for part in parts)
    if total <= MOST_CALIBRATED:
        return parts
    step = -(-total // MOST_CALIBRATED)
    return [part.select(np.arange(len(part.rows)) % step == 0) for part in parts]


def answer(
    part: HeldOut, classes: int, decision: Decision
) -> tuple[Float[np.ndarray, "n answers"], Float[np.ndarray, " n"]]:
    """Compute the posterior and the OOD scores of held-out images."""
    scores = decision.detector.score(part.figures)
    known = min(classes, part.logits.shape[1])
    return posterior(part.logits, scores, known, decision.temperature), scores


def nested_answers(
    parts: list[HeldOut],
    kept: list[HeldOut],
    left: list[Left],
    classes: int,
    fit_to: Callable[[list[HeldOut], list[Left]], Decision],
) -> Answers:
    """Answer each image of `parts` by a decision fitted to the other folds of `kept`.

    `kept` holds the images of `parts` that are learnt from. With a single fold, the decision is fitted to the
    images that it answers.
    """
    found: list[tuple[np.ndarray, ...]] = []
    for place, part in enumerate(parts):
        decision = fit_to([*kept[:place], *kept[place + 1 :]] or kept, left)
        probabilities, scores = answer(part, classes, decision)
        found.append((part.rows, probabilities, scores, np.full(len(part.rows), decision.least)))
    columns = [np.concatenate(column) for column in zip(*found, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Answers(*(column[order] for column in columns))


def nested_unseen(
    parts: list[HeldOut],
    left: list[Left],
    classes: int,
    fit_to: Callable[[list[HeldOut], list[Left]], Decision],
) -> dict[int, Unseen]:
    """Answer the images of each left-out label by a decision fitted to the other labels.

    Returns:
        for each left-out label, the answers to its images; a label that is a class is none of them.
    """
    found: dict[int, Unseen] = {}
    for place, one in enumerate(left):
        decision = fit_to(parts, [*left[:place], *left[place + 1 :]])
        probabilities, _ = answer(one.held_out, classes, decision)
        found[one.label] = Unseen(one.held_out.rows, probabilities, one.without)
    return found


def answer_metrics(
    answers: Answers, labels: Int[np.ndarray, " n"], groups: Shaped[np.ndarray, " n"], classes: int
) -> dict[str, Any]:
    """Measure answers and confidence sets; each image counts once, intervals are over duplicate groups.

    Args:
        answers: out of fold.
        labels: of all images.
        groups: the duplicate group of each image.
        classes: how many labels are classes.

    Returns:
        `accuracy` over all answers; `balanced_accuracy`, the mean recall of the answers; `set_coverage` and
        `set_size`.
    """
    true, group = np.minimum(labels[answers.rows], classes), groups[answers.rows]
    correct = answer_positions(answers.probabilities) == true
    sets = confidence_sets(answers.probabilities, answers.least)
    covered = sets[np.arange(len(true)), true]
    recalls = [grouped_proportion(correct[true == label], group[true == label]) for label in np.unique(true)]
    return {
        "accuracy": grouped_proportion(correct, group),
        "balanced_accuracy": mean_proportion(recalls),
        "set_coverage": grouped_proportion(covered, group),
        "set_size": round(float(sets.sum(axis=1).mean()), 6),
    }


def ood_metrics(
    answers: Answers,
    labels: Int[np.ndarray, " n"],
    groups: Shaped[np.ndarray, " n"],
    unseen: dict[int, Unseen],
    classes: int,
    names: list[str],
    seed: int,
) -> dict[str, Any]:
    """Measure false rejects of the classes, and false accepts of left-out labels, all together and each.

    Args:
        answers: out of fold.
        labels: of all images.
        groups: the duplicate group of each image.
        unseen: from `nested_unseen`.
        classes: how many labels are classes.
        names: of the labels.
        seed: of the bootstrap over left-out labels.
    """
    known = labels[answers.rows] < classes
    rejected = ~known_answers(answers.probabilities[known])
    group = groups[answers.rows[known]]
    found: dict[str, Any] = {"false_reject_rate": grouped_proportion(rejected, group)}
    images = {label: of_label for label, of_label in unseen.items() if len(of_label.rows)}
    if not images:
        return found
    accepted = {label: known_answers(of_label.probabilities) for label, of_label in images.items()}
    left_out = np.repeat(list(accepted), [len(of) for of in accepted.values()])
    everywhere = np.concatenate(list(accepted.values()))
    unknown = np.concatenate([of_label.probabilities[:, -1] for of_label in images.values()])
    both = np.concatenate([1 - answers.probabilities[known, -1], 1 - unknown])
    of_both = np.concatenate([group, unseen_groups(images, groups, classes)])
    each = {
        names[label]: left_out_metrics(of_label, groups[of_label.rows], classes, names)
        for label, of_label in images.items()
    }
    if classes > MANY_CLASSES:
        found["left_out_are"] = "classes" if min(images) < classes else "distractors"
    worst = max(each, key=lambda name: each[name]["false_accept_rate"]["value"])
    return found | {
        "false_accept_rate": grouped_mean(everywhere.astype(float), left_out, seed),
        "worst_left_out": {"label": worst, **each[worst]},
        "left_out": each,
        "auroc": auroc(np.arange(len(both)) < known.sum(), both, of_both, seed),
    }


def unseen_groups(
    unseen: dict[int, Unseen], groups: Shaped[np.ndarray, " n"], classes: int
) -> Shaped[np.ndarray, " unseen"]:
    """Return the group of each left-out image; arguments as in `ood_metrics`.

    An image of a class that is left out is answered twice, by models with and without its class. Both answers
    vary alike, so that different groups for them make the interval wider rather than too narrow.
    """
    of_images = np.concatenate([groups[of_label.rows] for of_label in unseen.values()])
    if min(unseen) >= classes:
        return of_images
    return np.array([f"left out: {group}" for group in of_images.tolist()])


def left_out_metrics(
    unseen: Unseen, groups: Shaped[np.ndarray, " n"], classes: int, names: list[str]
) -> dict[str, Any]:
    """Measure how many images of a left-out label are accepted, and find the class that they are taken for.

    Args:
        unseen: the answers to its images.
        groups: the duplicate group of each image.
        classes: how many labels are classes.
        names: of the labels.
    """
    others = [name for place, name in enumerate(names[:classes]) if place not in unseen.without]
    likeliest = unseen.probabilities[:, :-1].argmax(axis=1)
    accepted = known_answers(unseen.probabilities)
    return {
        "false_accept_rate": grouped_proportion(accepted, groups),
        "taken_for": others[int(np.bincount(likeliest, minlength=len(others)).argmax())],
        "accepted_as": count_classes(likeliest[accepted], others),
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
