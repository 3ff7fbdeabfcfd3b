"""Stage `embed_images`: the features of every readable picture, from the frozen backbone."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from herodex import paths
from herodex.classifier.features import embed, load_embedder
from herodex.classifier.manifest import read_clean, read_manifest
from herodex.command import run_command
from herodex.params import load_params
from herodex.progress import track


def batches(files: list[str], size: int) -> Iterator[list[np.ndarray]]:
    """Read normalised pictures in batches of `size`, the next batch while the last one is used."""
    starts = range(0, len(files), size)
    with ThreadPoolExecutor() as pool:
        reading = pool.map(read_clean, files[:size])
        for start in starts:
            batch = list(reading)
            reading = pool.map(read_clean, files[start + size : start + 2 * size])
            yield batch


def run_on_all(
    network: Callable[[list[np.ndarray]], np.ndarray], files: list[str], size: int, label: str
) -> np.ndarray:
    """Run `network` on normalised pictures, `size` at a time, and show under `label` how far it is.

    Args:
        network: from uint8 RGB pictures [h, w, 3] to an array [pictures, …].
        files: the pictures' names in the manifest.
        size: pictures a batch.
        label: what the work is called.

    Returns:
        what `network` gave for each of `files`, in their order.
    """
    count = (len(files) + size - 1) // size
    results = (network(batch) for batch in batches(files, size))
    return np.concatenate(list(track(results, count, label, "batches")))


def read_features(path: Path) -> dict[str, np.ndarray]:
    """Read the features that this stage wrote: sha256 of a picture's bytes → float32 [channels]."""
    table = np.load(path)
    return dict(zip(table["sha256"].tolist(), table["features"], strict=True))


def main() -> None:
    """Write `features.npy`: a table [n] with `sha256`, sorted, and `features` float32 [channels]."""
    params = load_params()
    manifest = read_manifest(paths.CLEAN_IMAGES / paths.MANIFEST)
    pictures = manifest[manifest["phash"] != ""].drop_duplicates("sha256").sort_values("sha256")
    settings = params.classifier.embed
    embedder = load_embedder(paths.BACKBONE, params.backbone.precision, settings.input_size, settings.pooling)
    features = run_on_all(partial(embed, embedder), list(pictures["file"]), settings.batch_size, "embed")
    # No .npz, whose zip headers differ between releases of Python.
    table = np.zeros(len(pictures), [("sha256", "U64"), ("features", "f4", features.shape[1:])])
    table["sha256"], table["features"] = pictures["sha256"], features
    np.save(paths.FEATURES, table)


if __name__ == "__main__":
    run_command(main)
