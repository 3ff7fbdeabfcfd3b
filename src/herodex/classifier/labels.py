"""What a head tells apart, made of what images were searched for and of a person's verdicts."""

import numpy as np
import pandas as pd

from herodex.dataset.manifest import subjects
from herodex.params import UNKNOWN, Params


def labels_of(rows: pd.DataFrame, params: Params, fine: bool) -> tuple[list[str], np.ndarray]:
    """Name what the head tells apart: the classes, and what is none of them.

    Args:
        rows: of the manifest, with images to learn from.
        params: with the classes and distractors.
        fine: each distractor is a label of its own, because what is none of the classes has little in common;
            an answer gives the sum of them. Else all of it is one label.

    Returns:
        the labels that have an image in `rows`, and the classes in any case; and each row's label, int [n].
    """
    shown = np.where(subjects(rows, params) == "", UNKNOWN, subjects(rows, params))
    if not fine:
        shown = np.where(np.isin(shown, params.classes), shown, UNKNOWN)
    others = [name for name in [*params.distractors, UNKNOWN] if (shown == name).any()]
    labels = [*params.classes, *others]
    return labels, np.array([labels.index(name) for name in shown], int)
