"""Tables of answers: a row for each image with its label, the answer, all probabilities and the OOD score."""

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from herodex.params import UNKNOWN

MOST_COLUMNS = 100
"""Classes up to which each has a column."""
FEW_ROWS = 100
"""Images up to which each class has a column all the same."""
LIKELIEST = 10
"""Classes of an image whose probabilities are kept otherwise."""


def answers_table(
    rows: pd.DataFrame,
    positions: Int[np.ndarray, " n"],
    probabilities: Float[np.ndarray, "n answers"],
    scores: Float[np.ndarray, " n"],
    classes: list[str],
) -> pd.DataFrame:
    """Make a table of answers.

    Of many images and more than 100 classes, the column `likeliest` holds the probabilities of the 10
    likeliest, by position; a column for each would make the table as large as the features.

    Args:
        rows: of the manifest.
        positions: of the answers.
        probabilities: of the classes, then of `unknown`.
        scores: of the OOD detector.
        classes: in order.
    """
    answers = [*classes, UNKNOWN]
    table = rows[["sha256", "query", "label"]].assign(predicted=np.array(answers)[positions])
    if len(classes) > MOST_COLUMNS and len(rows) > FEW_ROWS:
        table["likeliest"] = likeliest_classes(probabilities)
        table[f"p_{UNKNOWN}"] = probabilities[:, -1].round(6)
        return table.assign(ood_score=scores.round(6))
    columns = pd.DataFrame(
        probabilities.round(6), index=table.index, columns=[f"p_{name}" for name in answers]
    )
    return pd.concat([table, columns], axis=1).assign(ood_score=scores.round(6))


def read_probabilities(table: pd.DataFrame, classes: list[str]) -> Float[np.ndarray, "n answers"]:
    """Read the probabilities of the classes, then of `unknown`, from a table with every cell as text."""
    if "likeliest" not in table:
        return table[[f"p_{name}" for name in [*classes, UNKNOWN]]].to_numpy(float)
    unknown = table[f"p_{UNKNOWN}"].to_numpy(float)
    found = np.zeros((len(table), len(classes) + 1))
    for row, text in enumerate(table["likeliest"]):
        for pair in text.split():
            place, probability = pair.split(":")
            found[row, int(place)] = float(probability)
    # The other classes share the rest evenly.
    rest = np.maximum(1 - unknown - found.sum(axis=1), 0) / max(len(classes) - LIKELIEST, 1)
    found += np.where(found > 0, 0, rest[:, None])
    found[:, -1] = unknown
    return found


def likeliest_classes(probabilities: Float[np.ndarray, "n answers"]) -> list[str]:
    """Write the positions and probabilities of each image's likeliest classes, the likeliest first."""
    found: list[str] = []
    for row in probabilities[:, :-1]:
        places: list[int] = np.argsort(-row, kind="stable")[:LIKELIEST].tolist()
        found.append(" ".join(f"{place}:{row[place]:.6f}" for place in places))
    return found
