"""Chooses what the classifier needs beside its head, without a look at what it will be tested on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from herodex.classifier.familiarity import Judge, class_probabilities
from herodex.classifier.linear import fit_temperature, fold_numbers, log_loss, out_of_fold
from herodex.classifier.metrics import auc
from herodex.classifier.strangers import Examples, all_figures, fit_judge
from herodex.measured import share
from herodex.params import TrainClassifierParams


@dataclass(frozen=True)
class Choice:
    """What was chosen, and by what.

    Attributes:
        l2: the head's weight decay.
        temperature: by which its logits are divided.
        judge: of what is familiar.
        by_l2: a table with `l2`, `log_loss` and `accuracy` out of fold.
        probabilities: of the classes and of none of them, out of fold, float [train, classes + 1].
        strangers: a table with `left_out` (a label's position), `strange` (0 or 1) and `score`.
        figures: what came of it, for people.
    """

    l2: float
    temperature: float
    judge: Judge
    by_l2: pd.DataFrame
    probabilities: np.ndarray
    strangers: pd.DataFrame
    figures: dict[str, Any]


def choose(
    train: Examples,
    validation: Examples,
    clusters: np.ndarray,
    classes: int,
    count: int,
    settings: TrainClassifierParams,
    seed: int,
) -> Choice:
    """Choose by folds of the training part, and by strangers beside the classes' validation pictures.

    Args:
        train: the training part.
        validation: the validation part.
        clusters: of copies, for each picture of the training part, text [train].
        classes: how many labels, from the first on, are classes.
        count: of labels.
        settings: what there is to choose from.
        seed: of the bootstrap of intervals.
    """
    by_l2, best, logits = choose_l2(train, clusters, classes, count, settings)
    l2, temperature = settings.l2[best], fit_temperature(logits, train.labels, classes)
    seen = list(all_figures(train, validation, classes, count, l2, settings))
    figures, strange = (np.concatenate([part[i] for part in seen]) for i in (1, 2))
    judge = fit_judge(figures, strange, settings.false_acceptance)
    scores = judge.score(figures)
    told = measure_strangers(scores, strange, judge.threshold, seed) if 0 < strange.mean() < 1 else {}
    probabilities = class_probabilities(logits, classes, temperature)
    right = probabilities.argmax(axis=1) == np.minimum(train.labels, classes)
    return Choice(
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


def choose_l2(
    examples: Examples, clusters: np.ndarray, classes: int, count: int, settings: TrainClassifierParams
) -> tuple[pd.DataFrame, int, np.ndarray]:
    """Choose the weight decay by cross-validation over clusters.

    Returns:
        a table with `l2`, `log_loss` and `accuracy` out of fold; the row of the least loss; and its logits,
        float [n, count].
    """
    fold = fold_numbers(clusters, settings.folds)
    logits = out_of_fold(examples.features, examples.labels, count, fold, settings.l2)
    answers = np.minimum(examples.labels, classes)
    rows = [
        {
            "l2": decay,
            "log_loss": log_loss(of_decay, examples.labels, classes),
            "accuracy": float((class_probabilities(of_decay, classes, 1).argmax(axis=1) == answers).mean()),
        }
        for decay, of_decay in zip(settings.l2, logits, strict=True)
    ]
    table = pd.DataFrame(rows).round(6)
    best = int(table["log_loss"].argmin())
    return table, best, logits[best]


def measure_strangers(scores: np.ndarray, strange: np.ndarray, threshold: float, seed: int) -> dict[str, Any]:
    """Say how well scores [n] tell strangers, bool [n], from pictures of the classes."""
    familiar, unfamiliar = scores[~strange], scores[strange]
    at_two_percent = float(np.quantile(familiar, 0.02))
    return {
        "auc": auc(~strange, scores, seed),
        "false_acceptance": share(int((unfamiliar >= threshold).sum()), len(unfamiliar)),
        "false_rejection": share(int((familiar < threshold).sum()), len(familiar)),
        "false_acceptance_at_2_percent": share(int((unfamiliar >= at_two_percent).sum()), len(unfamiliar)),
    }
