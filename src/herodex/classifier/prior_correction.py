"""Prior correction: rare classes are answered as if they were less rare.

A head that learns from few images of a class takes most of its new images for a larger class. Adding the log
ratio of the priors to the rare class's bias undoes that (Menon et al. 2021,
https://arxiv.org/abs/2007.07314). Weights in the loss do less, because a linear head fits few images with
many features whatever they weigh (Byrd, Lipton 2019, https://arxiv.org/abs/1812.03372).
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from jaxtyping import Int

from herodex.classifier.examples import Examples
from herodex.classifier.linear import FitHeads, LinearHead


def correct_prior(
    head: LinearHead, labels: Int[np.ndarray, " n"], classes: int, max_ratio: float
) -> LinearHead:
    """Raise the biases of rare classes, so that no class is `max_ratio` times more probable than another.

    Classes within that ratio, and the other labels, stay as they are.

    Args:
        head: fitted to images of `labels`.
        labels: of these images.
        classes: how many of the head's labels are classes; they come first.
        max_ratio: of the classes' prior probabilities.
    """
    counts = np.bincount(labels, minlength=len(head.bias))[:classes]
    rise = np.zeros(len(head.bias))
    seen = np.flatnonzero(counts)
    rise[seen] = np.log(np.maximum(counts.max(initial=0) / (max_ratio * counts[seen]), 1))
    return replace(head, bias=head.bias + rise)


def with_prior_correction(fit: FitHeads, classes: int, max_ratio: float) -> FitHeads:
    """Return a function that fits heads and corrects their priors; arguments as in `correct_prior`."""
    return partial(_fit_corrected, fit=fit, classes=classes, max_ratio=max_ratio)


def _fit_corrected(
    examples: Examples, label_count: int, fit: FitHeads, classes: int, max_ratio: float
) -> Iterator[LinearHead]:
    for head in fit(examples, label_count):
        yield correct_prior(head, examples.labels, classes, max_ratio)
