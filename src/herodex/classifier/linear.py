"""Linear heads that judge images which they have not seen: what settings are chosen by.

The head that is served is trained in Keras. These have the same loss, with its minimum found by
scikit-learn in a fraction of the time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from herodex.classifier.examples import Examples
from herodex.hashing import position
from herodex.inference.ood import class_probabilities
from herodex.progress import track


@dataclass(frozen=True)
class LinearHead:
    """Logits of standardised features: `kernel` [features, labels], `bias` [labels]."""

    mean: np.ndarray
    deviation: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Give the logits of features [n, features], float [n, labels]."""
        return ((features - self.mean) / self.deviation) @ self.kernel + self.bias


Fit = Callable[[Examples, int], Iterable[LinearHead]]
"""Fits heads, one for each setting there is to choose from, to examples of as many labels as there are."""


def fit_heads(examples: Examples, count: int, l2: list[float]) -> Iterator[LinearHead]:
    """Fit a softmax head for each weight decay: mean cross-entropy + l2 / 2 · the sum of squared weights.

    Args:
        examples: of at least two labels.
        count: of labels that there are; one without an image is never answered.
        l2: the weight decays.
    """
    turned, labels = examples.turned, examples.labels
    # Of two labels scikit-learn weighs the second alone, which is the same at half the weight decay.
    two = 2 if len(np.unique(labels)) == 2 else 1
    for decay in l2:
        model = LogisticRegression(C=two / (decay * len(labels)), max_iter=500, tol=1e-4)
        # On several threads sums would come out in another order, and other digits with them.
        with threadpool_limits(1):
            model.fit(turned.rows, labels)
            kernel, bias = np.zeros((turned.basis.shape[1], count)), np.full(count, -np.inf)
            coefficients, intercepts = model.coef_, np.asarray(model.intercept_)
            if len(model.classes_) == 2:
                coefficients = np.concatenate([-coefficients, coefficients]) / 2
                intercepts = np.concatenate([-intercepts, intercepts]) / 2
            kernel[:, model.classes_], bias[model.classes_] = coefficients.T, intercepts
            kernel = turned.basis @ kernel
        yield LinearHead(turned.mean, turned.deviation, kernel, bias)


def fold_numbers(clusters: np.ndarray, folds: int) -> np.ndarray:
    """Give each image the fold of its cluster, int [n]: it depends on the cluster's id alone."""
    return np.array([int(folds * position(cluster, "head")) for cluster in clusters], int)


def out_of_fold(examples: Examples, count: int, fold: np.ndarray, fit: Fit) -> np.ndarray:
    """Let heads that were fitted to the other folds judge each image.

    Args:
        examples: to learn from and to judge.
        count: of labels.
        fold: of each image, int [n]; below 0: learnt from at all times, and not judged.
        fit: makes the heads.

    Returns:
        logits of those that are judged, float [heads, judged, count].
    """
    numbers, judged = np.unique(fold[fold >= 0]), []
    for number in track(numbers, len(numbers), "cross-validate", "folds"):
        asked = examples.features[fold == number]
        judged.append([head.logits(asked) for head in fit(examples.chosen(fold != number), count)])
    logits = np.zeros((len(judged[0]), len(fold), count))
    for number, of_fold in zip(numbers, judged, strict=True):
        logits[:, fold == number] = of_fold
    return logits[:, fold >= 0]


def are_right(logits: np.ndarray, labels: np.ndarray, classes: int, temperature: float = 1.0) -> np.ndarray:
    """Say which answers are true, a class or none of them, bool [n]; the arguments are `log_loss`'s."""
    answers = class_probabilities(logits, classes, temperature).argmax(axis=1)
    return answers == np.minimum(labels, classes)


def log_loss(logits: np.ndarray, labels: np.ndarray, classes: int, temperature: float = 1.0) -> float:
    """The mean negative log-probability of the true answers, a class or none of them.

    Args:
        logits: float [n, labels], the classes first.
        labels: int [n].
        classes: how many of the labels are classes.
        temperature: by which the logits are divided.
    """
    probabilities = class_probabilities(logits, classes, temperature)
    true = probabilities[np.arange(len(labels)), np.minimum(labels, classes)]
    return float(-np.log(np.maximum(true, 1e-12)).mean())


def fit_temperature(logits: np.ndarray, labels: np.ndarray, classes: int) -> float:
    """Find the temperature by which probabilities fit what is true best (Guo et al. 2017).

    https://arxiv.org/abs/1706.04599; the arguments are `log_loss`'s.
    """
    found = minimize_scalar(
        lambda exponent: log_loss(logits, labels, classes, float(np.exp(exponent))),
        bounds=(-3, 3),
        method="bounded",
    )
    return round(float(np.exp(found.x)), 4)
