"""Chooses what the classifier needs beside its head, without a look at what it will be tested on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from herodex.classifier.examples import Examples
from herodex.classifier.linear import Fit, are_right, fit_temperature, log_loss, out_of_fold
from herodex.classifier.ood_calibration import fit_ood_detector, leave_one_query_out
from herodex.classifier.recipes import Recipe, fitter_for, weight_decays_for
from herodex.inference.ood import OodDetector, class_probabilities
from herodex.params import ClassifierParams
from herodex.statistics import auroc, share


@dataclass(frozen=True)
class Selection:
    """What was chosen, and by what.

    Attributes:
        l2: the head's weight decay; 0 where it has dropout instead.
        temperature: by which its logits are divided.
        judge: of what is familiar.
        by_l2: a table with `l2`, `log_loss` and `accuracy` out of fold.
        probabilities: of the classes and of none of them, out of fold, float [judged, classes + 1].
        strangers: a table with `left_out` (a label's position), `strange` (0 or 1) and `score`.
        figures: what came of it, for people.
    """

    l2: float
    temperature: float
    judge: OodDetector
    by_l2: pd.DataFrame
    probabilities: np.ndarray
    strangers: pd.DataFrame
    figures: dict[str, Any]


def choose(
    judged: Examples,
    fold: np.ndarray,
    train: Examples,
    validation: Examples,
    classes: int,
    count: int,
    recipe: Recipe,
    settings: ClassifierParams,
    seed: int,
) -> Selection:
    """Choose by what was held out of folds, and by strangers beside the classes' validation images.

    Args:
        judged: what the head is cross-validated on.
        fold: of each of these, as `cross_validate` takes them.
        train: the training part.
        validation: the validation part.
        classes: how many labels, from the first on, are classes.
        count: of labels.
        recipe: how heads are fitted.
        settings: weight decays to choose from, similarity and threshold.
        seed: of heads with dropout, and of the bootstrap of intervals.
    """
    decays = weight_decays_for(recipe, settings)
    fit = fitter_for(recipe, settings, decays, seed)
    by_l2, best, logits = cross_validate(judged, fold, classes, count, fit)
    by_l2.insert(0, "l2", decays)
    labels = judged.labels[fold >= 0]
    l2, temperature = decays[best], fit_temperature(logits, labels, classes)
    fit = fitter_for(recipe, settings, [l2], seed)
    seen = list(leave_one_query_out(train, validation, classes, count, fit, settings.train))
    figures, strange = (np.concatenate([part[i] for part in seen]) for i in (1, 2))
    judge = fit_ood_detector(figures, strange, settings.train.false_accept_rate)
    scores = judge.score(figures)
    told = ood_metrics(scores, strange, judge.threshold, seed) if 0 < strange.mean() < 1 else {}
    probabilities = class_probabilities(logits, classes, temperature)
    right = are_right(logits, labels, classes, temperature)
    return Selection(
        l2=l2,
        temperature=temperature,
        judge=judge,
        by_l2=by_l2,
        probabilities=probabilities,
        strangers=pd.DataFrame(
            {
                "left_out": np.concatenate([np.full(len(part[2]), part[0]) for part in seen]),
                "strange": strange.astype(int),
                "score": scores.round(6),
            }
        ),
        figures={
            "accuracy": share(int(right.sum()), len(right)),
            "l2": l2,
            "temperature": temperature,
            "strangers": told,
        },
    )


def cross_validate(
    examples: Examples, fold: np.ndarray, classes: int, count: int, fit: Fit
) -> tuple[pd.DataFrame, int, np.ndarray]:
    """Cross-validate heads.

    Args:
        examples: to learn from and to judge.
        fold: of each of them, held out in turn, int [n]; below 0: learnt from at all times, and not judged.
        classes: how many labels, from the first on, are classes.
        count: of labels.
        fit: makes the heads.

    Returns:
        a table with `log_loss` and `accuracy` out of fold, a row for each head; the row of the least loss;
        and its logits of those that are judged, float [judged, count].
    """
    logits = out_of_fold(examples, count, fold, fit)
    labels = examples.labels[fold >= 0]
    rows = [
        {
            "log_loss": log_loss(of_head, labels, classes),
            "accuracy": float(are_right(of_head, labels, classes).mean()),
        }
        for of_head in logits
    ]
    table = pd.DataFrame(rows).round(6)
    best = int(table["log_loss"].argmin())
    return table, best, logits[best]


def ood_metrics(scores: np.ndarray, strange: np.ndarray, threshold: float, seed: int) -> dict[str, Any]:
    """Say how well scores [n] tell strangers, bool [n], from images of the classes."""
    familiar, unfamiliar = scores[~strange], scores[strange]
    at_two_percent = float(np.quantile(familiar, 0.02))
    return {
        "auroc": auroc(~strange, scores, seed),
        "false_accept_rate": share(int((unfamiliar >= threshold).sum()), len(unfamiliar)),
        "false_reject_rate": share(int((familiar < threshold).sum()), len(familiar)),
        "false_accept_rate_at_2_percent": share(int((unfamiliar >= at_two_percent).sum()), len(unfamiliar)),
    }
