"""Out-of-distribution score: does the image belong to any known class?

A softmax names a class for any image. Three figures tell more: the log probability of the likeliest class,
the energy of the logits (Liu et al. 2020, https://arxiv.org/abs/2010.03759), and the cosine similarity to the
nearest training images of that class, after whitening within classes (linear discriminant analysis).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

FEW_ROWS = 64
"""Rows up to which a matrix product does without BLAS."""


@dataclass(frozen=True)
class Whitening:
    """A linear map after which features vary alike within every class.

    Attributes:
        projection: multiplies features.
        origin: is subtracted afterwards.
    """

    projection: Float32[np.ndarray, "features dimensions"]
    origin: Float32[np.ndarray, " dimensions"]

    def embed(self, features: Float[np.ndarray, "n features"]) -> Float32[np.ndarray, "n dimensions"]:
        """Map features to unit vectors, whose products are cosines."""
        mapped = product(features, self.projection) - self.origin
        return mapped / np.maximum(np.linalg.norm(mapped, axis=1, keepdims=True), 1e-12)


@dataclass(frozen=True)
class Gallery:
    """The training images, to which an image is compared.

    Attributes:
        vectors: their whitened features, of length 1.
        labels: what each shows.
        label_count: how many labels there are.
        neighbours: nearest images of a label whose similarity is averaged.
    """

    vectors: Float32[np.ndarray, "images dimensions"]
    labels: Int[np.ndarray, " images"]
    label_count: int
    neighbours: int


@dataclass(frozen=True)
class OodDetector:
    """A logistic score of three figures, whose weights are not negative."""

    weights: Float[np.ndarray, " figures"]
    bias: float

    def score(self, figures: Float[np.ndarray, "n figures"]) -> Float[np.ndarray, " n"]:
        """Compute the log-odds of known against unknown; higher means more likely in distribution."""
        return figures @ self.weights + self.bias


def product(rows: Float[np.ndarray, "n k"], matrix: Float[np.ndarray, "k m"]) -> Float[np.ndarray, "n m"]:
    """Multiply matrices, few rows on one thread.

    BLAS's threads keep spinning after their work and take the cores from the backbone, which runs in turn
    with them: answers would take 1.8 times as long.
    """
    return np.einsum("nk,km->nm", rows, matrix) if len(rows) <= FEW_ROWS else rows @ matrix


def similarities(
    gallery: Gallery, vectors: Float32[np.ndarray, "n dimensions"]
) -> Float32[np.ndarray, "n labels"]:
    """Compute the mean cosine of images with their nearest training images of each label.

    A label without training images has similarity -1.
    """
    cosines = product(vectors, gallery.vectors.T)
    found = np.full((len(vectors), gallery.label_count), -1, np.float32)
    for label in range(gallery.label_count):
        of_label = cosines[:, gallery.labels == label]
        if of_label.shape[1]:
            found[:, label] = np.sort(of_label, axis=1)[:, -gallery.neighbours :].mean(axis=1)
    return found


def ood_features(
    logits: Float[np.ndarray, "n labels"], similarity: Float[np.ndarray, "n labels"], classes: int
) -> Float[np.ndarray, "n 3"]:
    """Collect the figures that the OOD score weighs.

    Args:
        logits: of the head, the classes first.
        similarity: to each label, from `similarities`.
        classes: how many of the labels are classes.

    Returns:
        log probability of the likeliest class, energy of the classes, greatest similarity to a class.
    """
    energy = log_sum_exp(logits[:, :classes])
    log_probability = logits[:, :classes].max(axis=1) - log_sum_exp(logits)
    return np.stack([log_probability, energy, similarity[:, :classes].max(axis=1)], axis=1)


def log_sum_exp(logits: Float[np.ndarray, "n labels"]) -> Float[np.ndarray, " n"]:
    """Compute the logarithm of each row's sum of exponentials without overflow."""
    greatest = logits.max(axis=1)
    return greatest + np.log(np.exp(logits - greatest[:, None]).sum(axis=1))


def class_probabilities(
    logits: Float[np.ndarray, "n labels"], classes: int, temperature: float
) -> Float[np.ndarray, "n answers"]:
    """Turn logits into probabilities of the classes, and of all other labels together in the last column."""
    scaled = logits.astype(np.float64) / temperature
    each = np.exp(scaled - log_sum_exp(scaled)[:, None])
    return np.concatenate([each[:, :classes], each[:, classes:].sum(axis=1, keepdims=True)], axis=1)
