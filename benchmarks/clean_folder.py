"""The stages from `clean_images` to `curate_images` in one call, on pictures in a folder of their own."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from PIL import Image

from herodex import paths
from herodex.classifier.clean import check_all, clean
from herodex.classifier.curate import curate
from herodex.classifier.features import embed, load_embedder
from herodex.classifier.manifest import NO_HASH
from herodex.params import Params
from herodex.progress import track


def clean_folder(
    manifest: pd.DataFrame, raw: Path, work: Path, params: Params
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Clean and curate pictures as the pipeline does.

    Args:
        manifest: a crawl's, with `file` relative to `raw`.
        raw: the folder of downloads.
        work: a folder for the pictures in normal form, and for the features from one call to the next.
        params: the project's.

    Returns:
        the curated manifest, and the features by the sha256 of the pictures' bytes.
    """
    settings = params.classifier.clean
    checks = check_all(list(manifest["file"]), raw, work / "clean", settings)

    def read(file: str) -> np.ndarray:
        return np.asarray(Image.open((work / "clean" / file).with_suffix(".png")))

    cleaned = clean(manifest, checks, settings, read)
    cache = work / "features.npz"
    known = dict(np.load(cache)) if cache.exists() else {}
    rows = cleaned[cleaned["phash"] != NO_HASH].drop_duplicates("sha256")
    missing = rows[~rows["sha256"].isin(known.keys())]
    layout = params.classifier.embed
    embedder = load_embedder(paths.BACKBONE, params.backbone.precision, layout.input_size, layout.pooling)
    starts = range(0, len(missing), layout.batch_size)
    for start in track(starts, len(starts), "embed", "batches"):
        batch = missing.iloc[start : start + layout.batch_size]
        vectors = embed(embedder, [read(file) for file in batch["file"]])
        known |= dict(zip(batch["sha256"], vectors, strict=True))
    np.savez(cache, **cast(Any, known))
    features = {sha256: known[sha256] for sha256 in rows["sha256"]}
    return curate(cleaned, features, {}, params, read=read), features
