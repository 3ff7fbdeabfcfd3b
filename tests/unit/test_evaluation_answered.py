from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from herodex.dataset.answers_table import answers_table
from herodex.dataset.manifest import read_manifest, write_manifest
from herodex.evaluation.answered import OUT_OF_FOLD, read_out_of_fold
from herodex.params import load_params


@pytest.mark.parametrize("classes", [["0", "1"], ["1.0", "01"], ["nan", "None"], ["cat", "true"]])
def test_out_of_fold_answers_of_classes_with_any_name_are_read_as_they_were_written(tmp_path: Path, classes):
    params = load_params().model_copy(update={"classes": classes})
    rows = pd.DataFrame(
        {
            "sha256": ["a", "b", "c"],
            "query": [*classes, classes[0]],
            "label": [*classes, classes[0]],
            "part": ["train", "validation", "set_aside"],
        }
    )
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]])
    table = answers_table(rows, np.array([0, 1, 2]), probabilities, np.arange(3.0), classes)
    write_manifest(table.assign(least_in_set=0.1), tmp_path / "out_of_fold.csv")
    write_manifest(rows, tmp_path / "split.csv")

    manifest, read = (read_manifest(tmp_path / name) for name in ("split.csv", "out_of_fold.csv"))
    found = read_out_of_fold(manifest, read, params)
    assert found.source == OUT_OF_FOLD
    assert found.rows["label"].tolist() == [*classes, classes[0]]
    assert found.kept.tolist() == [True, True, False]
    assert (found.probabilities == probabilities).all()
    assert (found.scores.tolist(), found.least.tolist()) == ([0, 1, 2], [0.1] * 3)
