"""Figures of the answers for images of several sets, with intervals.

An image may be classified in several splits, by different classifiers. Intervals count each image once:
answers are averaged by image first, and the AUROC is resampled by image.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from sklearn.metrics import roc_auc_score

from benchmarks.other_domains_baselines import BASELINES
from herodex.statistics import CONFIDENCE, Estimate, bootstrap_mean, estimate, proportion

ALL = "all"
RESAMPLES = 500
AGREEMENT = {"held out in CV's interval": "held_out_in_cv", "CV in held out's interval": "cv_in_held_out"}
"""Figures that count runs, and their columns."""


class Figure(NamedTuple):
    """A figure of one set or of all: its name, value, 95 % interval and number of observations."""

    of: str
    name: str
    value: float
    low: float
    high: float
    n: int


def share(answers: pd.DataFrame, holds: "pd.Series[bool]") -> Estimate:
    """Estimate how often something holds, with Wilson's interval for the number of distinct images."""
    by_image = _by_image(answers, holds)
    value = float(by_image.mean())
    bounds = proportion(round(value * len(by_image)), len(by_image))
    return estimate(value, min(bounds["low"], value), max(bounds["high"], value), len(by_image))


def difference(answers: pd.DataFrame, baseline: str, seed: int) -> Estimate:
    """Estimate how much higher Herodex's accuracy is than a baseline's, over the same images."""
    gain = _right(answers, "label").astype(float) - _right(answers, baseline).astype(float)
    return bootstrap_mean(_by_image(answers, gain), seed)


def _right(answers: pd.DataFrame, column: str) -> "pd.Series[bool]":
    return answers[column] == answers["true"]


def _by_image(answers: pd.DataFrame, values: "pd.Series[float] | pd.Series[bool]") -> np.ndarray:
    return values.astype(float).groupby(answers["image"]).mean().to_numpy(float)


def ood_auroc(answers: pd.DataFrame, seed: int) -> Estimate:
    """Estimate the AUROC of the probability of `unknown`, other sets' images against a set's own.

    It is the mean over the classifiers, because each has its own probabilities. The bootstrap draws images.
    """
    codes, images = pd.factorize(answers["image"])
    classifiers = [
        (~rows["own"].to_numpy(bool), rows["unknown"].to_numpy(float), rows["code"].to_numpy(int))
        for _, rows in answers.assign(code=codes).groupby(["set", "split"])
    ]
    rng = np.random.default_rng(seed)
    draws: list[float] = []
    for _ in range(RESAMPLES):
        weights = np.bincount(rng.integers(len(images), size=len(images)), minlength=len(images))
        draws.append(_mean_auroc(classifiers, weights.astype(float)))
    low, high = np.nanquantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return estimate(_mean_auroc(classifiers, np.ones(len(images))), float(low), float(high), len(images))


def _mean_auroc(
    classifiers: list[tuple[Bool[np.ndarray, " n"], Float[np.ndarray, " n"], Int[np.ndarray, " n"]]],
    weights: Float[np.ndarray, " images"],
) -> float:
    areas: list[float] = []
    for is_other, score, image in classifiers:
        weight = weights[image]
        if weight[is_other].any() and weight[~is_other].any():
            areas.append(float(roc_auc_score(is_other, score, sample_weight=weight)))
    return float(np.mean(areas)) if areas else float("nan")


def held_out_right(answers: pd.DataFrame) -> "pd.Series[bool]":
    """Mark answers that are right as served: the true class, and known."""
    return _right(answers, "label") & answers["known"]


def figures_of(name: str, answers: pd.DataFrame, runs: pd.DataFrame, seed: int) -> list[Figure]:
    """Compute all figures of a set, or of all sets.

    Args:
        name: of the set, or ALL.
        answers: a row for each answer: `set`, `split`, `image`, `own`, `true`, `copied`, `label`, `known`,
            `unknown`, and the baselines' answers for the set's own images.
        runs: a row for each classifier, see `compare_with_cross_validation`.
        seed: of the bootstraps.
    """
    own, other = answers[answers["own"]], answers[~answers["own"]]
    found: dict[str, Estimate] = {"accuracy": share(own, _right(own, "label"))}
    for baseline in BASELINES:
        found[f"accuracy of {baseline}"] = share(own, _right(own, baseline))
        found[f"gain over {baseline}"] = difference(own, baseline, seed)
    if own["copied"].any():
        fresh = own[~own["copied"]]
        found["accuracy, not copied"] = share(fresh, _right(fresh, "label"))
        for baseline in BASELINES:
            found[f"gain over {baseline}, not copied"] = difference(fresh, baseline, seed)
    found["known"] = share(own, own["known"])
    found["right as served"] = share(own, held_out_right(own))
    if len(other):
        found["false accepts"] = share(other, other["known"])
        found["AUROC of unknown"] = ood_auroc(answers, seed)
    found |= cross_validation_figures(runs)
    for column in ("cpu_s", "wall_s"):
        mean = float(runs[column].mean())
        found[f"{column} per run"] = estimate(mean, mean, mean, len(runs))
    return [
        Figure(name, label, one["value"], one["low"], one["high"], one["n"]) for label, one in found.items()
    ]


def compare_with_cross_validation(
    answers: pd.DataFrame, cross_validated: Estimate
) -> dict[str, float | bool]:
    """Put a run's cross-validated share of right answers beside the held-out one.

    Args:
        answers: of one run.
        cross_validated: from the run's own report.

    Returns:
        both estimates, and whether each value lies in the interval of the other one.
    """
    own = answers[answers["own"]]
    held_out = share(own, held_out_right(own))
    row: dict[str, float | bool] = {}
    for name, one in (("cv", cross_validated), ("held_out", held_out)):
        row |= {f"{name}_{key}": one[key] for key in ("value", "low", "high", "n")}
    return row | {
        "held_out_in_cv": cross_validated["low"] <= held_out["value"] <= cross_validated["high"],
        "cv_in_held_out": held_out["low"] <= cross_validated["value"] <= held_out["high"],
    }


def cross_validation_figures(runs: pd.DataFrame) -> dict[str, Estimate]:
    """Average cross-validated figures over runs; count where they agree with held-out ones."""
    value, low, high = (float(runs[f"cv_{key}"].mean()) for key in ("value", "low", "high"))
    found = {"cross-validated right": estimate(value, low, high, int(runs["cv_n"].mean()))}
    for name, column in AGREEMENT.items():
        agreeing = float(runs[column].astype(float).mean())
        found[name] = estimate(agreeing, agreeing, agreeing, len(runs))
    return found


def summarise(answers: pd.DataFrame, runs: pd.DataFrame, seed: int) -> list[Figure]:
    """Compute the figures of each set, then of all sets together."""
    names = list(dict.fromkeys(runs["set"]))
    found = [
        figure
        for name in names
        for figure in figures_of(name, answers[answers["set"] == name], runs[runs["set"] == name], seed)
    ]
    return found + (figures_of(ALL, answers, runs, seed) if len(names) > 1 else [])


def table(figures: list[Figure]) -> str:
    """Format figures as a table with a column for each set."""
    columns = list(dict.fromkeys(figure.of for figure in figures))
    cells = {(figure.name, figure.of): cell(figure) for figure in figures}
    rows = list(dict.fromkeys(figure.name for figure in figures))
    lines = ["".join([f"{'':<40}", *(f"{column:>32}" for column in columns)])]
    lines += [
        "".join([f"{row:<40}", *(f"{cells.get((row, of), '–'):>32}" for of in columns)]) for row in rows
    ]
    return "\n".join(lines)


def cell(figure: Figure) -> str:
    """Format one figure: value, interval and count; a mean over runs has no interval."""
    if figure.name.endswith("per run"):
        return f"{figure.value:.0f}"
    if figure.name in AGREEMENT:
        return f"{round(figure.value * figure.n)} of {figure.n}"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}] {figure.n:>4}"
