"""Select weight decay, temperature and OOD threshold without the test split."""

from dataclasses import dataclass
from typing import Any

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
from herodex.classifier.ood_calibration import LeftOut, fit_ood_detector, leave_one_query_out
from herodex.classifier.recipes import Recipe, fitter_for, weight_decays_for
from herodex.inference.ood import OodDetector, class_probabilities
from herodex.params import ClassifierParams
from herodex.statistics import auroc, proportion


@dataclass(frozen=True)
class Selection:
    """The selected settings, and the results that they were selected by.

    Attributes:
        l2: the head's weight decay; 0 for a head with dropout.
        temperature: divides the logits.
        detector: the OOD score and its threshold.
        by_l2: a table with out-of-fold `log_loss` and `accuracy` of each `l2`.
        probabilities: out-of-fold probabilities of the classes, then of `unknown`.
        ood: a table with `left_out` (a label's position), `ood` (0 or 1) and `score`.
        metrics: for the report.
    """

    l2: float
    temperature: float
    detector: OodDetector
    by_l2: pd.DataFrame
    probabilities: Float[np.ndarray, "held_out answers"]
    ood: pd.DataFrame
    metrics: dict[str, Any]


def select(
    examples: Examples,
    fold: Int[np.ndarray, " n"],
    train: Examples,
    validation: Examples,
    classes: int,
    label_count: int,
    recipe: Recipe,
    settings: ClassifierParams,
    seed: int,
) -> Selection:
    """Select the settings by cross-validation and by leave-one-query-out calibration.

    Args:
        examples: to cross-validate the head on.
        fold: of each of them, as in `cross_validate`.
        train: the training part.
        validation: the validation part.
        classes: how many labels are classes; they come first.
        label_count: labels of the head.
        recipe: says how heads are fitted.
        settings: weight decays to choose from, similarity and false accept rate.
        seed: of heads with dropout, and of bootstrap intervals.
    """
    decays = weight_decays_for(recipe, settings)
    fit = fitter_for(recipe, settings, decays, seed)
    by_l2, best, logits = cross_validate(examples, fold, classes, label_count, fit)
    by_l2.insert(0, "l2", decays)
    labels = examples.labels[fold >= 0]
    l2, temperature = decays[best], fit_temperature(logits, labels, classes)
    fit = fitter_for(recipe, settings, [l2], seed)
    rounds = list(leave_one_query_out(train, validation, classes, label_count, fit, settings.train))
    figures, is_ood = (np.concatenate([part[i] for part in rounds]) for i in (1, 2))
    detector = fit_ood_detector(figures, is_ood, settings.train.false_accept_rate)
    scores = detector.score(figures)
    correct = correct_answers(logits, labels, classes, temperature)
    return Selection(
        l2=l2,
        temperature=temperature,
        detector=detector,
        by_l2=by_l2,
        probabilities=class_probabilities(logits, classes, temperature),
        ood=tabulate_ood(rounds, scores),
        metrics={
            "accuracy": proportion(int(correct.sum()), len(correct)),
            "l2": l2,
            "temperature": temperature,
            "ood": ood_metrics(scores, is_ood, detector.threshold, seed) if 0 < is_ood.mean() < 1 else {},
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


def tabulate_ood(rounds: list[LeftOut], scores: Float[np.ndarray, " n"]) -> pd.DataFrame:
    """Make a row for each image of each round: the label `left_out`, whether it is `ood`, its `score`."""
    left_out = [np.full(len(one.is_ood), one.label) for one in rounds]
    is_ood = [one.is_ood.astype(int) for one in rounds]
    columns = {"left_out": np.concatenate(left_out), "ood": np.concatenate(is_ood), "score": scores.round(6)}
    return pd.DataFrame(columns)


def ood_metrics(
    scores: Float[np.ndarray, " n"], is_ood: Bool[np.ndarray, " n"], threshold: float, seed: int
) -> dict[str, Any]:
    """Measure how well scores separate images of the classes from others."""
    known, others = scores[~is_ood], scores[is_ood]
    at_two_percent = float(np.quantile(known, 0.02))
    return {
        "auroc": auroc(~is_ood, scores, seed),
        "false_accept_rate": proportion(int((others >= threshold).sum()), len(others)),
        "false_reject_rate": proportion(int((known < threshold).sum()), len(known)),
        "false_accept_rate_at_2_percent": proportion(int((others >= at_two_percent).sum()), len(others)),
    }
