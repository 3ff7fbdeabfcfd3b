"""Answers of models that have not learnt from the images: of the test part, or out of fold."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from herodex.dataset.answers_table import read_probabilities
from herodex.dataset.manifest import SET_ASIDE
from herodex.embedding.embed import run_on_all
from herodex.errors import UserError
from herodex.inference.predict import Classifier
from herodex.params import Params

TEST_PART, OUT_OF_FOLD = "test images", "images, out of fold"
"""Sources of the answers, as the plots name them."""
TOLERANCE = 1e-3
"""Greatest difference of a probability between the exported classifier and the fitted one."""


@dataclass(frozen=True)
class Answered:
    """Images with answers of models that have not learnt from them.

    Attributes:
        source: `TEST_PART` or `OUT_OF_FOLD`.
        rows: of the manifest.
        kept: marks those that the label checks have kept; the others are as crawled.
        probabilities: of the classes, then of `unknown`.
        scores: of the OOD detector.
        least: least probability of an answer in each image's set.
    """

    source: str
    rows: pd.DataFrame
    kept: Bool[np.ndarray, " n"]
    probabilities: Float[np.ndarray, "n answers"]
    scores: Float[np.ndarray, " n"]
    least: Float[np.ndarray, " n"]


def run_classifier(
    classifier: Classifier, files: list[str], batch_size: int
) -> tuple[Float[np.ndarray, "n answers"], Float[np.ndarray, " n"]]:
    """Compute the probabilities and OOD scores of images, by their names in the manifest."""

    def run(images: list[np.ndarray]) -> np.ndarray:
        outputs = classifier.run(images)
        return np.column_stack([outputs.probabilities, outputs.ood_scores])

    both = run_on_all(run, files, batch_size, "evaluate")
    return both[:, :-1], both[:, -1]


def answer_test_part(classifier: Classifier, rows: pd.DataFrame, params: Params) -> Answered:
    """Answer the test part and the images set aside beside it by the exported classifier."""
    files, size = rows["file"].tolist(), params.classifier.embed.batch_size
    probabilities, scores = run_classifier(classifier, files, size)
    kept, least = (rows["part"] == "test").to_numpy(bool), np.full(len(rows), classifier.least)
    return Answered(TEST_PART, rows, kept, probabilities, scores, least)


def read_out_of_fold(manifest: pd.DataFrame, table: pd.DataFrame, params: Params) -> Answered:
    """Read the out-of-fold answers; `table` is that of `train_classifier`, with every cell as text."""
    used = manifest[manifest["part"] != ""]
    joined = table[["sha256", "query"]].merge(used, on=["sha256", "query"], validate="one_to_one")
    return Answered(
        OUT_OF_FOLD,
        joined,
        (joined["part"] != SET_ASIDE).to_numpy(bool),
        read_probabilities(table, params.classes),
        table["ood_score"].to_numpy(float),
        table["least_in_set"].to_numpy(float),
    )


def export_difference(
    classifier: Classifier, fitted: pd.DataFrame, files: list[str], params: Params
) -> float:
    """Compute the greatest difference of probabilities between the exported and the fitted classifier.

    Args:
        classifier: the exported one.
        fitted: the answers of the fitted one.
        files: the images, in the order of `fitted`.
        params: of the project.

    Raises:
        UserError: it is above the tolerance.
    """
    probabilities, _ = run_classifier(classifier, files, params.classifier.embed.batch_size)
    found = float(np.abs(probabilities - read_probabilities(fitted, params.classes)).max())
    if found > TOLERANCE:
        raise UserError(
            f"evaluate_classifier: the exported classifier is off the fitted one by up to {found:.3f}.",
            "Run `dvc repro -f embed_images train_classifier evaluate_classifier`.",
        )
    return round(found, 6)
