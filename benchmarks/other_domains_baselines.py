"""Two plain classifiers on the same frozen backbone, and the features that they learn from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float32, UInt8
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.other_domains_sets import LabelledImage
from herodex.curation.check_downloads import check
from herodex.dataset.manifest import NO_HASH
from herodex.embedding.embed import pooled_views
from herodex.inference.features import features_of, slices_of, views_of
from herodex.inference.image_decoding import ImageError, normalise, open_image
from herodex.inference.views import MIDDLE
from herodex.params import Params
from herodex.progress import track
from herodex.serving.guard import FORMATS

BASELINES = ("mean_pooling", "same_features")
"""Logistic regression on mean-pooled features, and on the features that `params.yaml` asks for."""
STEPS = 5000
AT_A_TIME = 256
"""Images whose pooled feature maps are in memory at a time."""


@dataclass
class FeatureTable:
    """Features of image files; those that were asked for once are kept.

    Attributes:
        params: of the features.
        backbone: folder of the network in float32, which tutorials use.
        cache: file that keeps pooled features between runs.
        vectors: by file, the features of each baseline.
        refused: files that the service does not accept, with the reason.
    """

    params: Params
    backbone: Path
    cache: Path
    vectors: dict[Path, dict[str, np.ndarray]] = field(default_factory=dict[Path, dict[str, np.ndarray]])
    refused: dict[Path, str] = field(default_factory=dict[Path, str])

    def add(self, files: Sequence[Path]) -> None:
        """Compute the features of files that are not in the table yet."""
        new = [file for file in dict.fromkeys(files) if file not in self.vectors and file not in self.refused]
        if not new:
            return
        hashes: dict[Path, str] = {}
        for file in track(new, len(new), "decode", "images"):
            data = file.read_bytes()
            try:
                open_image(data, int(self.params.serve.max_pixels_mp * 1e6), FORMATS)
            except ImageError as error:
                self.refused[file] = str(error)
            hashes[file] = check(data, self.params.classifier.clean).pixel_sha256
        # The stages learn from more formats than the service accepts.
        readable = [file for file in hashes if hashes[file] != NO_HASH]
        for start in range(0, len(readable), AT_A_TIME):
            self._embed({file: hashes[file] for file in readable[start : start + AT_A_TIME]})

    def _embed(self, hashes: dict[Path, str]) -> None:
        settings = self.params.classifier.embed
        wanted = views_of(settings)
        views = wanted if MIDDLE in wanted else [*wanted, MIDDLE]
        rows = pd.DataFrame({"file": [str(file) for file in hashes], "pixel_sha256": list(hashes.values())})
        pooled, channels = pooled_views(
            rows, settings, "f32", views, self.cache, self.backbone, read=self._read
        )
        average = pooled[:, views.index(MIDDLE), slices_of(channels)[5, "avg"]]
        own = features_of(settings, pooled[:, : len(wanted)], channels)
        for file, *vectors in zip(hashes, average, own, strict=True):
            self.vectors[file] = dict(zip(BASELINES, vectors, strict=True))

    def _read(self, file: str) -> UInt8[np.ndarray, "h w 3"]:
        clean = self.params.classifier.clean
        image = open_image(Path(file).read_bytes(), int(clean.max_pixels_mp * 1e6))
        return normalise(image, clean.max_side)

    def of(self, images: Sequence[LabelledImage], baseline: str) -> Float32[np.ndarray, "n features"]:
        """Return the features that a baseline learns from."""
        return np.stack([self.vectors[image.path][baseline] for image in images])


def baseline_answers(
    table: FeatureTable, train: Sequence[LabelledImage], test: Sequence[LabelledImage]
) -> dict[str, list[str]]:
    """Fit both baselines to all training images as they are; return their answers for test images."""
    usable = [image for image in train if image.path in table.vectors]
    labels = [image.label for image in usable]
    models = {
        "mean_pooling": make_pipeline(StandardScaler(), LogisticRegression(max_iter=STEPS)),
        "same_features": LogisticRegression(C=1, max_iter=STEPS),
    }
    return {
        name: [
            str(label) for label in model.fit(table.of(usable, name), labels).predict(table.of(test, name))
        ]
        for name, model in models.items()
    }
