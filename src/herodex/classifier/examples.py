"""Images to learn from, or to judge: their features, and what they show."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from herodex.classifier.projection import RowSpace, turn


@dataclass(frozen=True)
class Examples:
    """Features float32 [n, features] and what each image shows, int [n]."""

    features: np.ndarray
    labels: np.ndarray

    @cached_property
    def turned(self) -> RowSpace:
        """The features as linear models fit them; worked out once, which takes as long as to fit a head."""
        return turn(self.features)

    def chosen(self, which: np.ndarray) -> "Examples":
        """Those that `which` names, bool [n] or int [any number]."""
        return Examples(self.features[which], self.labels[which])
