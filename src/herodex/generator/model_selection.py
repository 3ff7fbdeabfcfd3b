"""Select initial weights and number of epochs by cross-validation."""

import logging
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int, Num

from herodex.generator.folds import Fold
from herodex.generator.metrics import count_characters, per_character
from herodex.generator.trainer import Start, Trainer
from herodex.generator.training_loop import nats_per_character
from herodex.params import TrainGeneratorParams
from herodex.statistics import in_words

log = logging.getLogger(__name__)

TRIAL_NAMES = 150
"""The first folds with at least this many held-out names compare the initial weights."""
TRIAL_EPOCHS = 5
"""A rival is given up if it needs more epochs than this, at its current rate, to catch up.

On Pokémon names, an epoch gains about three quarters as much as the one before, so all later epochs together
gain three times as much as the last one.
"""
MIN_TRIAL_EPOCHS = 6
"""Epochs before a rival is given up, because the averaged weights improve slowly at first."""


class CrossValidation(NamedTuple):
    """Cross-entropy of held-out texts by epoch.

    Attributes:
        history: `epoch`, `train_nats` (with dropout) and `validation_nats`, in nats per character over all
            folds.
        folds: The folds.
        by_epoch: Nats of the held-out texts of all folds after each epoch.
    """

    history: pd.DataFrame
    folds: list[Fold]
    by_epoch: Float64[np.ndarray, "epochs texts"]

    @property
    def epochs(self) -> int:
        """Number of epochs with the least cross-entropy."""
        return int(np.argmin(self.history["validation_nats"])) + 1


class Selection(NamedTuple):
    """Selected initial weights.

    Attributes:
        start: The initial weights.
        cross_validation: Their cross-validation over all folds.
        record: Figures of the comparison, for `validation.json`.
    """

    start: Start
    cross_validation: CrossValidation
    record: dict[str, Any]


def select(trainer: Trainer, starts: Sequence[Start], folds: list[Fold], seed: int) -> Selection:
    """Select initial weights and the number of epochs.

    The first of `starts` is cross-validated over all folds, the second over the first folds only, where it
    must have a lower cross-entropy to be selected.

    Args:
        trainer: Network, vocabulary and settings.
        starts: One or two initial weights, the preferred one first.
        folds: Folds of the names.
        seed: Seed of the batch order and the bootstrap.
    """
    first, *others = starts
    validated = cross_validate(trainer, first, folds, seed)
    if not others:
        return Selection(first, validated, {"selected": first.name, "compared": False})
    (rival,) = others
    trial_folds = take_folds(folds, TRIAL_NAMES)
    count = sum(len(fold.held_out) for fold in trial_folds)
    first_nats = best_nats(validated.by_epoch[:, :count])
    texts = [text for fold in trial_folds for text in fold.held_out]
    trial = cross_validate(trainer, rival, trial_folds, seed, nats_per_character(first_nats, texts))
    rival_nats = best_nats(trial.by_epoch)
    record = comparison({first.name: first_nats, rival.name: rival_nats}, texts, len(trial_folds), seed)
    log.info("initial weights: %s", record["selected"])
    log.info("%s weights cost %s nats per character more", rival.name, in_words(record["gain"]))
    if record["selected"] == first.name:
        return Selection(first, validated, record)
    if len(trial_folds) < len(folds):
        trial = cross_validate(trainer, rival, folds, seed)
    return Selection(rival, trial, record)


def take_folds(folds: Sequence[Fold], names: int) -> list[Fold]:
    """Take the first folds until they hold out at least so many names, or all folds."""
    before = np.cumsum([0, *(len(fold.held_out) for fold in folds)])[:-1]
    return [fold for fold, held_out in zip(folds, before, strict=True) if held_out < names]


def best_nats(by_epoch: Float64[np.ndarray, "epochs texts"]) -> Float64[np.ndarray, " texts"]:
    """Return the nats of each text at the epoch with the least sum."""
    return by_epoch[by_epoch.sum(axis=1).argmin()]


def comparison(
    nats: dict[str, Float64[np.ndarray, " texts"]], texts: list[str], folds: int, seed: int
) -> dict[str, Any]:
    """Compare two initial weights on the same held-out texts.

    Returns:
        `selected`, the name of the one with less nats (the first if equal); nats per character of both;
        `gain`, the paired difference of the second to the first; and the number of `folds`.
    """
    characters = count_characters(texts)
    (first, first_nats), (second, second_nats) = nats.items()
    return {
        "selected": second if second_nats.sum() < first_nats.sum() else first,
        "compared": True,
        "folds": folds,
        **{name: per_character(values, characters, seed) for name, values in nats.items()},
        "gain": per_character(second_nats - first_nats, characters, seed),
    }


def cross_validate(
    trainer: Trainer, start: Start, folds: list[Fold], seed: int, target: float | None = None
) -> CrossValidation:
    """Train on all folds in parallel until their common validation cross-entropy stops falling.

    Args:
        trainer: Network, vocabulary and settings; its variables are those of `start` afterwards.
        start: Initial weights.
        folds: Folds of the names.
        seed: Seed of the batch order.
        target: Cross-entropy of a competitor; training stops too when it is out of reach.
    """
    params = trainer.params
    states = [start.state] * len(folds)
    rngs = [np.random.default_rng((seed, place)) for place in range(len(folds))]
    texts = [text for fold in folds for text in fold.held_out]
    history: list[dict[str, float]] = []
    by_epoch: list[Float64[np.ndarray, " texts"]] = []
    curve: list[float] = []
    started = time.perf_counter()
    for epoch in range(1, params.epochs + 1):
        label = f"names, epoch {epoch}" if len(folds) == 1 else ""
        train_nats, nats = train_folds(trainer, folds, states, rngs, label)
        by_epoch.append(nats)
        curve.append(nats_per_character(nats, texts))
        history.append({"epoch": epoch, "train_nats": train_nats, "validation_nats": curve[-1]})
        log.info(
            "%s weights, epoch %d: %.3f nats per character, %.3f on held-out names",
            start.name,
            epoch,
            train_nats,
            curve[-1],
        )
        if epoch == 1 and len(folds) > 1 and target is None:
            seconds = time.perf_counter() - started
            log.info(describe_bound(seconds, len(folds), params))
        if epoch - 1 - int(np.argmin(curve)) >= params.patience:
            break
        if target is not None and out_of_reach(curve, target):
            break
    trainer.restore(start.state)
    return CrossValidation(pd.DataFrame(history).round(6), folds, np.stack(by_epoch))


def describe_bound(seconds: float, folds: int, params: TrainGeneratorParams) -> str:
    """Say how long cross-validation takes at most, from the time of its first epoch."""
    minutes = params.epochs * seconds / 60
    return (
        f"an epoch over {folds} folds takes about {seconds:.0f} s; cross-validation ends after"
        f" {params.patience} epochs without improvement, or after {params.epochs} epochs"
        f" ({max(1, minutes):.0f} min)"
    )


def out_of_reach(curve: Sequence[float], target: float) -> bool:
    """Return whether a curve needs more than TRIAL_EPOCHS further epochs at its current rate.

    The rate is averaged over two epochs. Learning curves flatten, so the true number is higher.
    """
    if len(curve) < MIN_TRIAL_EPOCHS:
        return False
    rate = (curve[-3] - curve[-1]) / 2
    return curve[-1] - target > TRIAL_EPOCHS * max(rate, 0.0)


def held_out_table(validated: CrossValidation) -> pd.DataFrame:
    """List `fold`, `text` and `nats` of each held-out text at the epoch that the other folds select."""
    folds = validated.folds
    names = [fold.name for fold in folds for _ in fold.held_out]
    texts = [text for fold in folds for text in fold.held_out]
    place = np.repeat(np.arange(len(folds)), [len(fold.held_out) for fold in folds])
    nats = nested_nats(validated.by_epoch, place)
    return pd.DataFrame({"fold": names, "text": texts, "nats": nats}).round(6)


def nested_nats(
    by_epoch: Float64[np.ndarray, "epochs texts"], fold: Int[np.ndarray, " texts"]
) -> Float64[np.ndarray, " texts"]:
    """Return the nats of each text at the epoch that the other folds select.

    The epoch with the least nats on the text's own fold would make the estimate too low. A single fold has no
    others, so it selects its epoch itself.

    Args:
        by_epoch: Nats of the held-out texts after each epoch.
        fold: Fold of each text.
    """
    nested = np.empty(by_epoch.shape[1])
    for own in (fold == place for place in np.unique(fold)):
        others = own if own.all() else ~own
        epoch = by_epoch[:, others].sum(axis=1).argmin()
        nested[own] = by_epoch[epoch, own]
    return nested


def train_folds(
    trainer: Trainer,
    folds: list[Fold],
    states: list[list[Num[np.ndarray, "..."]]],
    rngs: list[np.random.Generator],
    label: str,
) -> tuple[float, Float64[np.ndarray, " texts"]]:
    """Train for one epoch on each fold, and update its state.

    Returns:
        The mean training cross-entropy, and the nats of the held-out texts of all folds.
    """
    train_nats: list[float] = []
    held_out_nats: list[Float64[np.ndarray, " held_out"]] = []
    for place, fold in enumerate(folds):
        trainer.restore(states[place])
        train_nats.append(trainer.train(fold.train, rngs[place], label))
        states[place] = trainer.save()
        held_out_nats.append(trainer.averaged_nats(fold.held_out))
    return float(np.mean(train_nats)), np.concatenate(held_out_nats)
