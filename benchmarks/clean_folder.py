"""The stages from `clean_images` to `curate_images` in one call, on images in a folder of their own."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from herodex.curation.clean import check_all, clean
from herodex.curation.curate import curate
from herodex.dataset.manifest import NO_HASH
from herodex.embedding.embed import pooled_views
from herodex.inference.features import parts_of
from herodex.inference.openvino_runtime import resolve_precision
from herodex.inference.views import MIDDLE
from herodex.params import Params


def clean_folder(
    manifest: pd.DataFrame, raw: Path, work: Path, params: Params
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Clean and curate images as the pipeline does.

    Args:
        manifest: a crawl's, with `file` relative to `raw`.
        raw: the folder of downloads.
        work: a folder for the images in normal form, and for the features from one call to the next.
        params: the project's.

    Returns:
        the curated manifest, and the features by the sha256 of the images' bytes.
    """
    checking = params.classifier.clean
    checks = check_all(list(manifest["file"]), raw, work / "clean", checking)

    def read(file: str) -> np.ndarray:
        return np.asarray(Image.open((work / "clean" / file).with_suffix(".png")))

    cleaned = clean(manifest, checks, checking, read)
    rows = cleaned[cleaned["phash"] != NO_HASH].drop_duplicates("sha256")
    settings, precision = params.classifier.embed, resolve_precision(params.backbone.precision)
    cache = work / "features.db"
    pooled, channels = pooled_views(rows, settings, precision, [MIDDLE], cache, read=read)
    vectors = pooled[:, 0, parts_of(channels)[5, "max"]]
    features = dict(zip(rows["sha256"], vectors, strict=True))
    return curate(cleaned, features, {}, params, read=read), features
