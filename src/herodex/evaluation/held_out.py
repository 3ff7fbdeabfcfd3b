"""The classifier without a fold of its images, to answer changed versions of them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Int

from herodex import paths
from herodex.classifier.ood_calibration import Method, fit_model
from herodex.classifier.recipes import find_recipe, fitter_for
from herodex.classifier.train import read_images, rows_to_answer, served_model
from herodex.inference.classifier_file import read_record
from herodex.inference.predict import Classifier, Head
from herodex.params import Params


def classifiers_without(
    classifier: Classifier, asked: pd.DataFrame, manifest: pd.DataFrame, params: Params
) -> Iterator[tuple[Int[np.ndarray, " of_fold"], Classifier]]:
    """Fit the classifier again without each fold of some images, one fold at a time.

    Head, whitening and training images are those of cross-validation. Temperature and OOD score are the
    served ones, which were fitted to all out-of-fold answers.

    Args:
        classifier: that is served.
        asked: rows of the manifest that it has learned from.
        manifest: of `split_images`.
        params: of the project.

    Returns:
        the positions of a fold's images in `asked`, and the classifier that has not learned from the fold.
    """
    tuned, classes = paths.TUNED_FEATURES.exists(), len(params.classes)
    record = read_record(paths.CLASSIFIER / "classifier.json")
    recipe = find_recipe(record.recipe, params.classifier.embed)
    rows = rows_to_answer(manifest, tuned)
    labels, images = read_images(rows, recipe, tuned, params)
    fit = fitter_for(recipe, params.classifier, [record.l2], classes, params.seed)
    method = Method(classes, len(labels), fit, params.classifier.train)
    keys = ["sha256", "query"]
    fold_of = dict(zip(rows[keys].itertuples(index=False, name=None), images.fold.tolist(), strict=True))
    fold = np.array([fold_of[key] for key in asked[keys].itertuples(index=False, name=None)], int)
    for number in np.unique(fold):
        taught = images.examples.select((images.fold != number) & images.learnt)
        weights, (whitening, gallery) = served_model(fit_model(taught, method), taught)
        head = Head(weights[:-1], weights[-1])
        without = replace(classifier, head=head, whitening=whitening, gallery=gallery)
        yield np.flatnonzero(fold == number), without
