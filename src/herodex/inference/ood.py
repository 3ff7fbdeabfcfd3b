"""Out-of-distribution score: does the image belong to any known class?

A softmax names a class for any image. Two scores tell more, and the lower one counts:

- The near score separates the classes from similar things. It weighs the log probability of the likeliest
  class, the energy of the logits (Liu et al. 2020, https://arxiv.org/abs/2010.03759), the cosine similarity
  to the nearest training images of a class after whitening within classes (linear discriminant analysis),
  and its lead over the similarity to the distractors.
- The far score separates them from everything else: the cosine similarity of mean-pooled features to the
  nearest training images of the classes (Sun et al. 2022, https://arxiv.org/abs/2204.06507). Whitening and
  the head ignore all directions in which training images do not differ, so the near score of a bear among
  heroes is as good as any.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, Int

FEW_ROWS = 64
"""Rows up to which a matrix product does without BLAS."""
MOST_COMPARED = 10_000
"""Training images that scores compare an image with."""
ROWS_AT_A_TIME = 2048
"""Images that are compared at a time: 80 MiB of cosines with 10,000 training images."""


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
        return unit(product(features, self.projection) - self.origin)


@dataclass(frozen=True)
class Gallery:
    """The training images, to which an image is compared; of more than 10,000, an even sample.

    Attributes:
        vectors: their whitened features, of length 1.
        means: their mean-pooled features of the last stage, of length 1.
        labels: what each shows.
        label_count: how many labels there are.
        neighbours: nearest images of a label whose similarity is averaged.
        everyone: the whitened features of all training images, if the others are a sample.
    """

    vectors: Float32[np.ndarray, "images dimensions"]
    means: Float32[np.ndarray, "images channels"]
    labels: Int[np.ndarray, " images"]
    label_count: int
    neighbours: int
    everyone: Float32[np.ndarray, "all dimensions"] | None = None

    @property
    def searched(self) -> Float32[np.ndarray, "all dimensions"]:
        """The whitened features of all training images, to find the most similar ones."""
        return self.vectors if self.everyone is None else self.everyone

    @cached_property
    def by_label(self) -> list[Int[np.ndarray, " of_label"]]:
        """The positions of each label's images."""
        order = np.argsort(self.labels, kind="stable")
        return np.split(order, np.searchsorted(self.labels[order], np.arange(1, self.label_count)))


def sample_gallery(
    labels: Int[np.ndarray, " images"], label_count: int, neighbours: int
) -> Int[np.ndarray, " sample"]:
    """Return the positions of the training images that scores compare with: all, or an even sample.

    The cost of an answer and the memory of the service do not grow beyond the sample's. Each label keeps at
    least four times as many images as are averaged.

    Args:
        labels: of all training images.
        label_count: how many labels there are.
        neighbours: nearest images of a label whose similarity is averaged.
    """
    if len(labels) <= MOST_COMPARED:
        return np.arange(len(labels))
    most = max(4 * neighbours, MOST_COMPARED // label_count)
    chosen: list[np.ndarray] = []
    for label in range(label_count):
        own = np.flatnonzero(labels == label)
        count = min(most, len(own))
        chosen.append(own[np.arange(count) * len(own) // max(count, 1)])
    return np.sort(np.concatenate(chosen))


@dataclass(frozen=True)
class OodDetector:
    """The log-odds of known against unknown: the lower one of two linear scores without negative weights.

    Attributes:
        weights: of the near score's figures.
        bias: of the near score.
        far_weight: of the last figure, the similarity by mean-pooled features.
        far_bias: of the far score.
    """

    weights: Float[np.ndarray, " 4"]
    bias: float
    far_weight: float
    far_bias: float

    def near_score(self, figures: Float[np.ndarray, "n 5"]) -> Float[np.ndarray, " n"]:
        """Compute the score that separates the classes from similar things."""
        return figures[:, :-1] @ self.weights + self.bias

    def far_score(self, figures: Float[np.ndarray, "n 5"]) -> Float[np.ndarray, " n"]:
        """Compute the score that separates the classes from everything else."""
        return figures[:, -1] * self.far_weight + self.far_bias

    def score(self, figures: Float[np.ndarray, "n 5"]) -> Float[np.ndarray, " n"]:
        """Compute the log-odds of known against unknown; higher means more likely in distribution."""
        return np.minimum(self.near_score(figures), self.far_score(figures))


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
    found = np.full((len(vectors), gallery.label_count), -1, np.float32)
    for start in range(0, len(vectors), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        cosines = product(vectors[rows], gallery.vectors.T)
        for label, positions in enumerate(gallery.by_label):
            if len(positions):
                found[rows, label] = mean_of_greatest(cosines[:, positions], gallery.neighbours)
    return found


def far_similarity(
    gallery: Gallery, means: Float[np.ndarray, "n channels"], classes: int
) -> Float32[np.ndarray, " n"]:
    """Compute the mean cosine of mean-pooled features with the nearest training images of the classes."""
    chosen = gallery.labels < classes
    of_classes = gallery.means if chosen.all() else gallery.means[chosen]
    found = np.empty(len(means), np.float32)
    for start in range(0, len(means), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        cosines = product(unit(means[rows]), of_classes.T)
        found[rows] = mean_of_greatest(cosines, gallery.neighbours)
    return found


def mean_of_greatest(values: Float32[np.ndarray, "n m"], count: int) -> Float32[np.ndarray, " n"]:
    """Compute the mean of the greatest values of each row, added up in ascending order."""
    if count < values.shape[1]:
        values = np.partition(values, -count, axis=1)[:, -count:]
    return np.sort(values, axis=1).mean(axis=1)


def unit(rows: Float[np.ndarray, "n k"]) -> Float32[np.ndarray, "n k"]:
    """Scale rows to length 1; sums of squares in half precision would overflow."""
    rows = rows.astype(np.float32) if rows.dtype == np.float16 else rows
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def ood_figures(
    logits: Float[np.ndarray, "n labels"],
    similarity: Float[np.ndarray, "n labels"],
    far: Float[np.ndarray, " n"],
    classes: int,
) -> Float[np.ndarray, "n 5"]:
    """Collect the figures that the OOD score weighs.

    Args:
        logits: of the head, the classes first.
        similarity: to each label, from `similarities`.
        far: from `far_similarity`.
        classes: how many of the labels are classes.

    Returns:
        log probability of the likeliest class, energy of the classes, greatest similarity to a class,
        its lead over the distractors (0 without distractors), and `far`.
    """
    energy = log_sum_exp(logits[:, :classes])
    log_probability = logits[:, :classes].max(axis=1) - log_sum_exp(logits)
    nearest, others = similarity[:, :classes].max(axis=1), similarity[:, classes:]
    lead = nearest - others.max(axis=1) if others.shape[1] else np.zeros(len(nearest))
    return np.stack([log_probability, energy, nearest, lead, far], axis=1)


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
