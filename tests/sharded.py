"""Cleaned images of tests in shards, and stages that write and read them."""

import hashlib
import io
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from herodex.curation.check_downloads import check_all
from herodex.curation.clean import clean
from herodex.curation.curate import curate
from herodex.curation.split import find_leaks, split
from herodex.dataset.bucket_cache import remote_of
from herodex.dataset.feature_table import read_features, write_features
from herodex.dataset.image_shards import CleanImage, write_shards
from herodex.dataset.manifest import read_clean
from herodex.params import Params, StorageParams, load_params


def move_into_shards(folder: Path, mean: int = 16) -> None:
    """Replace the PNG files of a folder by shards; a file named by a SHA-256 keeps it as the download's."""
    files = sorted(folder.rglob("*.png"))
    stems = [file.stem for file in files]
    hashes = [stem if len(stem) == 64 else hashlib.sha256(stem.encode()).hexdigest() for stem in stems]
    names = [file.relative_to(folder).as_posix() for file in files]
    write_shards(map(CleanImage, names, hashes, files), folder, mean)
    for file in files:
        file.unlink()


def two_classes() -> Params:
    params = load_params()
    return params.model_copy(update={"classes": params.classes[:2], "distractors": []})


def write_downloads(folder: Path, params: Params) -> pd.DataFrame:
    """Draw downloads of two classes, with two duplicates and a damaged one; return their manifest."""
    rows = []
    for number in range(40):
        query = params.classes[number % 2]
        blobs = np.random.default_rng(number % 38).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        data = io.BytesIO()
        Image.fromarray(blobs).resize((160, 120), Image.Resampling.NEAREST).save(data, "PNG")
        content = data.getvalue()[: 300 if number == 7 else None]
        sha256 = hashlib.sha256(content).hexdigest()
        rows.append({"query": query, "label": query, "status": "ok", "sha256": sha256})
        rows[-1]["file"] = f"{query}/{sha256}.png"
        (folder / rows[-1]["file"]).parent.mkdir(parents=True, exist_ok=True)
        (folder / rows[-1]["file"]).write_bytes(content)
    return pd.DataFrame(rows)


def run_stages(work: Path, raw: Path, manifest: pd.DataFrame, storage: StorageParams) -> pd.DataFrame:
    """Clean, embed by random numbers, curate, split and search for leaks."""
    params, folder = two_classes(), work / "clean"
    settings = params.classifier.clean
    checks = check_all(
        manifest["file"].tolist(), raw, folder, settings, results=work / "results", storage=storage
    )
    read = partial(read_clean, folder=folder)
    cleaned = clean(manifest, checks, settings, read)
    hashes = sorted(set(cleaned["sha256"][cleaned["phash"] != ""]))
    vectors = np.random.default_rng(0).random((len(hashes), 8), np.float32)
    remote = remote_of(work / "features.npy")
    write_features(work / "features.npy", hashes, {"features": vectors}, storage.shard_rows, remote)
    features = read_features(work / "features.npy")
    curated = curate(cleaned, features, {}, params, read)
    parts = split(curated, 0.2, 0.2, params.seed)
    assert find_leaks(parts, features, params.classifier, read) == []
    return parts
