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
