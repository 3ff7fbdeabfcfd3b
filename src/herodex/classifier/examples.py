"""Labelled features, for training or for evaluation."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from herodex.classifier.principal_components import Components, fit_components, has_many_images
from herodex.classifier.projection import RowSpace, centre, project


@dataclass(frozen=True)
class Examples:
    """The features of some images, and their labels.

    Attributes:
        features: of the images.
        labels: of the images.
        components: the map that reduced the features to principal components, if there are many images.
    """

    features: Float[np.ndarray, "n features"]
    labels: Int[np.ndarray, " n"]
    components: Components | None = field(default=None, kw_only=True)

    @property
    def reduced(self) -> bool:
        """Whether the features are principal components."""
        return self.components is not None

    @cached_property
    def row_space(self) -> RowSpace:
        """The features in their row space; computed once, because it takes as long as fitting a head."""
        return centre(self.features) if self.reduced else project(self.features)

    def select(self, which: Bool[np.ndarray, " n"] | Int[np.ndarray, " chosen"]) -> "Examples":
        """Select examples by a mask or by positions."""
        return replace(self, features=self.features[which], labels=self.labels[which])


@dataclass(frozen=True)
class OodExamples(Examples):
    """Examples with the mean-pooled features of the last stage, which the far score compares."""

    means: Float[np.ndarray, "n channels"]

    def select(self, which: Bool[np.ndarray, " n"] | Int[np.ndarray, " chosen"]) -> "OodExamples":
        """Select examples by a mask or by positions."""
        return replace(
            self, features=self.features[which], labels=self.labels[which], means=self.means[which]
        )

    def relabel(self, labels: Int[np.ndarray, " n"]) -> "OodExamples":
        """Return the same features with other labels."""
        return replace(self, labels=labels)


def reduce_features(
    features: Float[np.ndarray, "n features"], learnt: Bool[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "n dimensions"], Components | None]:
    """Reduce the features of many images to principal components; those of fewer images stay as they are.

    Args:
        features: of all images.
        learnt: marks the images that models learn from.
    """
    if not has_many_images(int(learnt.sum()), features.shape[1]):
        return features, None
    components = fit_components(features, learnt)
    return components.transform(features), components
