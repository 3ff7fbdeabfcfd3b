"""How familiar an image is: whether it shows a class at all, or something that was never heard of.

A softmax must name something, however strange the image. Three figures tell more: how sure the head is
of a class, how much evidence it has (the energy of Liu et al. 2020, https://arxiv.org/abs/2010.03759), and
how close the nearest images of the class are that were learnt from. They are compared by the cosine in a
space in which features vary alike within every class (the metric of linear discriminant analysis).
"""

from dataclasses import dataclass

import numpy as np

FEW = 64
"""Rows up to which a product is computed without BLAS."""


@dataclass(frozen=True)
class Whitening:
    """A linear map into the space in which images are compared.

    Attributes:
        projection: float32 [features, dimensions].
        origin: float32 [dimensions], subtracted after it.
    """

    projection: np.ndarray
    origin: np.ndarray

    def unit(self, features: np.ndarray) -> np.ndarray:
        """Map features [n, features] to vectors of length 1, float32 [n, dimensions]."""
        mapped = product(features, self.projection) - self.origin
        return mapped / np.maximum(np.linalg.norm(mapped, axis=1, keepdims=True), 1e-12)


@dataclass(frozen=True)
class Gallery:
    """The images that were learnt from, as they lie in the space.

    Attributes:
        units: float32 [images, dimensions], of length 1.
        labels: of what each shows, int [images].
        count: how many labels there are.
        neighbours: images of a label that an image is compared with.
    """

    units: np.ndarray
    labels: np.ndarray
    count: int
    neighbours: int


@dataclass(frozen=True)
class OodDetector:
    """Weighs the three figures of an image, and says from which sum on it is familiar."""

    weights: np.ndarray
    bias: float
    threshold: float

    def score(self, figures: np.ndarray) -> np.ndarray:
        """Sum up figures [n, 3]; the more, the more familiar, float [n]."""
        return figures @ self.weights + self.bias


def product(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiply [n, k] by [k, m]; of few rows on one thread.

    The threads of BLAS go on waiting busily after their work, and take the cores from the backbone, which is
    asked in turn with them: answers would take 1.8 times as long.
    """
    return np.einsum("nk,km->nm", rows, matrix) if len(rows) <= FEW else rows @ matrix


def similarities(gallery: Gallery, units: np.ndarray) -> np.ndarray:
    """Say how close images are to each label: the mean cosine with its nearest ones, float32 [n, labels].

    A label without an image is as far as can be, -1.
    """
    cosines = product(units, gallery.units.T)
    close = np.full((len(units), gallery.count), -1, np.float32)
    for label in range(gallery.count):
        of_label = cosines[:, gallery.labels == label]
        if of_label.shape[1]:
            close[:, label] = np.sort(of_label, axis=1)[:, -gallery.neighbours :].mean(axis=1)
    return close


def ood_features(logits: np.ndarray, close: np.ndarray, classes: int) -> np.ndarray:
    """Collect the figures by which an image is familiar.

    Args:
        logits: of the head, float [n, labels], the classes first.
        close: what `similarities` gave, float [n, labels].
        classes: how many of the labels are classes.

    Returns:
        float [n, 3]: log of the likeliest class's probability, energy of the classes, greatest similarity.
    """
    energy = log_sum_exp(logits[:, :classes])
    surest = logits[:, :classes].max(axis=1) - log_sum_exp(logits)
    return np.stack([surest, energy, close[:, :classes].max(axis=1)], axis=1)


def log_sum_exp(logits: np.ndarray) -> np.ndarray:
    """The logarithm of the sum of exponentials of each row [n, k], float [n], without overflow."""
    greatest = logits.max(axis=1)
    return greatest + np.log(np.exp(logits - greatest[:, None]).sum(axis=1))


def class_probabilities(logits: np.ndarray, classes: int, temperature: float) -> np.ndarray:
    """Turn logits [n, labels] into probabilities of the classes, and of all other labels together.

    Returns:
        float [n, classes + 1], rows sum to 1.
    """
    scaled = logits.astype(np.float64) / temperature
    each = np.exp(scaled - log_sum_exp(scaled)[:, None])
    return np.concatenate([each[:, :classes], each[:, classes:].sum(axis=1, keepdims=True)], axis=1)
