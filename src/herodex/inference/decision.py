"""One posterior over the classes and `unknown`, and the decision made from it.

The OOD score is the log-odds of known against unknown, so it gives the probability of `unknown`; the classes
share the rest by the head's softmax over classes. Answers, confidence sets and reports read this posterior.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from herodex.inference.ood import log_sum_exp


def posterior(
    logits: Float[np.ndarray, "n labels"],
    scores: Float[np.ndarray, " n"],
    classes: int,
    temperature: float,
) -> Float[np.ndarray, "n answers"]:
    """Compute the probabilities of the classes, then of `unknown`.

    Args:
        logits: of the head, the classes first.
        scores: log-odds of known against unknown.
        classes: how many of the labels are classes.
        temperature: divides the classes' logits.
    """
    known = 1 / (1 + np.exp(-np.clip(scores.astype(np.float64), -500, 500)))
    shares = class_shares(logits, classes, temperature)
    return np.concatenate([shares * known[:, None], 1 - known[:, None]], axis=1)


def class_shares(
    logits: Float[np.ndarray, "n labels"], classes: int, temperature: float
) -> Float[np.ndarray, "n classes"]:
    """Compute the probabilities of the classes among themselves."""
    scaled = logits[:, :classes].astype(np.float64) / temperature
    return np.exp(scaled - log_sum_exp(scaled)[:, None])


def decision_margin(
    logits: Float[np.ndarray, "n labels"],
    scores: Float[np.ndarray, " n"],
    classes: int,
    temperature: float,
) -> Float[np.ndarray, " n"]:
    """Compute the log ratio of the likeliest class to `unknown`; a class wins where it is at least 0."""
    return scores + np.log(class_shares(logits, classes, temperature).max(axis=1))


def known_answers(probabilities: Float[np.ndarray, "n answers"]) -> Bool[np.ndarray, " n"]:
    """Mark the images whose likeliest answer is a class; a tie goes to the class."""
    return probabilities[:, :-1].max(axis=1) >= probabilities[:, -1]


def answer_positions(probabilities: Float[np.ndarray, "n answers"]) -> Int[np.ndarray, " n"]:
    """Return the position of each image's answer: the likeliest class if it is known, else the last."""
    positions = probabilities[:, :-1].argmax(axis=1)
    positions[~known_answers(probabilities)] = probabilities.shape[1] - 1
    return positions


def confidence_sets(
    probabilities: Float[np.ndarray, "n answers"], least: float | Float[np.ndarray, " n"]
) -> Bool[np.ndarray, "n answers"]:
    """Mark the answers in each image's confidence set; `least` is one for all, or one for each image.

    The set holds each answer of at least `least`, and the answer itself, so it is never empty (the
    least-ambiguous set-valued classifier of Sadinle, Lei, Wasserman 2019, https://arxiv.org/abs/1609.00451).
    """
    sets = probabilities >= np.reshape(least, (-1, 1))
    sets[np.arange(len(sets)), answer_positions(probabilities)] = True
    return sets


def set_threshold(true: Float[np.ndarray, " n"], coverage: float) -> float:
    """Compute the least probability of an answer in the set (split conformal prediction).

    Args:
        true: probabilities of the true answers of held-out images.
        coverage: share of new images whose set holds the true answer, for images like the held-out ones.
    """
    rank = int(np.floor((len(true) + 1) * (1 - coverage)))
    return float(np.sort(true)[rank - 1]) if rank >= 1 else 0.0
