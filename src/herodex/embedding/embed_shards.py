"""Compute the pooled feature maps of images, a shard at a time."""

from collections.abc import Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from herodex.dataset.manifest import ReadImage, read_clean
from herodex.embedding.feature_cache import view_key
from herodex.inference.features import Embedder, feature_maps, pool
from herodex.inference.openvino_runtime import Network, compile_network
from herodex.inference.views import View
from herodex.params import EmbedParams, ScaleParams
from herodex.scale.engine import map_shards
from herodex.scale.shard_results import finished, shard_key, written

SHARD_IMAGES = 64
"""Images of a shard: some seconds of work, which a killed process loses."""
VECTORS = "pooled.npy"


def batches(
    files: Sequence[str], size: int, read: ReadImage = read_clean
) -> Iterator[list[UInt8[np.ndarray, "_h _w 3"]]]:
    """Read normalised images in batches, the next batch while the current one is processed."""
    starts = range(0, len(files), size)
    with ThreadPoolExecutor() as pool:
        reading = pool.map(read, files[:size])
        for start in starts:
            batch = list(reading)
            reading = pool.map(read, files[start + size : start + 2 * size])
            yield batch


@dataclass(frozen=True)
class Work:
    """The inputs and settings of all shards.

    Attributes:
        backbone: its folder.
        ir_sha256: of its weights.
        precision: of inference, not `auto`, which another CPU could resolve otherwise.
        settings: the input's size and the batch size.
        views: to compute.
        read: reads an image.
        threads: of inference; None for all CPUs.
    """

    backbone: Path
    ir_sha256: str
    precision: str
    settings: EmbedParams
    views: tuple[View, ...]
    read: ReadImage
    threads: int | None

    def view_keys(self) -> list[str]:
        """Return the key of each view in the feature cache."""
        side = self.settings.input_size
        return [view_key(self.ir_sha256, self.precision, side, view) for view in self.views]


@dataclass(frozen=True)
class Shard:
    """A few images that one task embeds.

    Attributes:
        files: their names in the manifest.
        hashes: of their pixels.
        result: the folder for the pooled vectors.
    """

    files: tuple[str, ...]
    hashes: tuple[str, ...]
    result: Path


@lru_cache(maxsize=1)
def loaded_network(
    backbone: Path, _ir_sha256: str, precision: str, side: int, threads: int | None
) -> Network:
    """Compile the backbone once for all shards of a process."""
    return compile_network(backbone / "backbone.xml", precision, [-1, side, side, 3], threads)


def divide(images: pd.DataFrame, known: Container[str], work: Work, results: Path) -> list[Shard]:
    """Divide images into shards and leave out those whose vectors are known.

    The division comes first, so that it is the same after a stopped run, which has stored a part.
    """
    batch = work.settings.batch_size
    size = max(1, SHARD_IMAGES // batch) * batch
    settings = [*work.view_keys(), str(batch)]
    unique = images.drop_duplicates("pixel_sha256")
    shards: list[Shard] = []
    for start in range(0, len(unique), size):
        part = unique.iloc[start : start + size]
        missing = part[[sha256 not in known for sha256 in part["pixel_sha256"]]]
        if len(missing):
            files, hashes = tuple(missing["file"]), tuple(missing["pixel_sha256"])
            shards.append(Shard(files, hashes, results.absolute() / shard_key([*settings, *hashes])))
    return shards


def embed_shard(work: Work, shard: Shard) -> None:
    """Write the pooled vectors of a shard's images, [images, views, values]."""
    network = loaded_network(
        work.backbone, work.ir_sha256, work.precision, work.settings.input_size, work.threads
    )
    embedder, pooled = Embedder(network, work.settings), list[np.ndarray]()
    with written(shard.result) as folder:
        for batch in batches(shard.files, work.settings.batch_size, work.read):
            with feature_maps(embedder, batch, work.views) as maps:
                pooled.append(pool(maps))
        np.save(folder / VECTORS, np.concatenate(pooled))


def compute(shards: Sequence[Shard], work: Work, scale: ScaleParams) -> Iterator[Shard]:
    """Compute the vectors of shards; yield each shard when its result is written."""
    left = finished(shards[0].result.parent) if shards else set[str]()
    yield from (shard for shard in shards if shard.result.name in left)
    missing = [shard for shard in shards if shard.result.name not in left]
    # OpenVINO itself uses all CPUs of this machine, so the local engine runs one shard at a time.
    done = map_shards(partial(embed_shard, work), missing, scale, "embed", threads=1)
    for _, shard in zip(done, missing, strict=True):
        yield shard
    loaded_network.cache_clear()
