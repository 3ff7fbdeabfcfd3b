"""Labels of the head: the classes, then the distractors."""

import numpy as np
import pandas as pd
from jaxtyping import Int

from herodex.dataset.manifest import subjects
from herodex.params import UNKNOWN, Params


def head_labels(
    rows: pd.DataFrame, params: Params, label_per_distractor: bool
) -> tuple[list[str], Int[np.ndarray, " n"]]:
    """List the head's labels, and each image's label.

    Args:
        rows: of the manifest.
        params: with the classes and distractors.
        label_per_distractor: each distractor is a label of its own, because distractors have little in
            common; an answer adds up their probabilities. Otherwise all of them are `unknown`.

    Returns:
        the classes, and the other labels that have an image in `rows`; each row's position among them.
    """
    subject = np.where(subjects(rows, params) == "", UNKNOWN, subjects(rows, params))
    if not label_per_distractor:
        subject = np.where(np.isin(subject, params.classes), subject, UNKNOWN)
    others = [name for name in [*params.distractors, UNKNOWN] if (subject == name).any()]
    labels = [*params.classes, *others]
    return labels, np.array([labels.index(name) for name in subject], int)
