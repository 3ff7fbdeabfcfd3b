"""Labelled features, for training or for evaluation."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from herodex.classifier.projection import RowSpace, project


@dataclass(frozen=True)
class Examples:
    """The features of some images, and their labels."""

    features: Float[np.ndarray, "n features"]
    labels: Int[np.ndarray, " n"]

    @cached_property
    def row_space(self) -> RowSpace:
        """The features in their row space; computed once, because it takes as long as fitting a head."""
        return project(self.features)

    def select(self, which: Bool[np.ndarray, " n"] | Int[np.ndarray, " chosen"]) -> "Examples":
        """Select examples by a mask or by positions."""
        return Examples(self.features[which], self.labels[which])


@dataclass(frozen=True)
class OodExamples(Examples):
    """Examples with the mean-pooled features of the last stage, which the far score compares."""

    means: Float[np.ndarray, "n channels"]

    def select(self, which: Bool[np.ndarray, " n"] | Int[np.ndarray, " chosen"]) -> "OodExamples":
        """Select examples by a mask or by positions."""
        return OodExamples(self.features[which], self.labels[which], self.means[which])

    def relabel(self, labels: Int[np.ndarray, " n"]) -> "OodExamples":
        """Return the same features with other labels."""
        return OodExamples(self.features, labels, self.means)
