"""Tables of answers: a row for each image with its label, the answer, all probabilities and the OOD score."""

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from herodex.params import UNKNOWN


def answers_table(
    rows: pd.DataFrame,
    positions: Int[np.ndarray, " n"],
    probabilities: Float[np.ndarray, "n answers"],
    scores: Float[np.ndarray, " n"],
    classes: list[str],
) -> pd.DataFrame:
    """Make a table of answers.

    Args:
        rows: of the manifest.
        positions: of the answers.
        probabilities: of the classes, then of `unknown`.
        scores: of the OOD detector.
        classes: in order.
    """
    answers = [*classes, UNKNOWN]
    table = rows[["sha256", "query", "label"]].assign(predicted=np.array(answers)[positions])
    for place, name in enumerate(answers):
        table[f"p_{name}"] = probabilities[:, place].round(6)
    return table.assign(ood_score=scores.round(6))


def read_probabilities(table: pd.DataFrame, classes: list[str]) -> Float[np.ndarray, "n answers"]:
    """Read the probabilities of the classes, then of `unknown`, from a table with every cell as text."""
    return table[[f"p_{name}" for name in [*classes, UNKNOWN]]].to_numpy(float)
