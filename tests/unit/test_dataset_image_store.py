"""Cleaned images as files and in shards: the same images, stable shards, and clear errors."""

import hashlib
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sharded import move_into_shards, run_stages, two_classes, write_downloads

from herodex.curation.check_downloads import check_all
from herodex.dataset.image_shards import CleanImage, write_shards
from herodex.dataset.image_store import has_image, in_shards, read_png
from herodex.dataset.manifest import read_clean
from herodex.dataset.shards import divide, read_list
from herodex.errors import UserError
from herodex.forgotten_list import ForgottenList
from herodex.lineage.traces import Wanted, find_traces
from herodex.params import StorageParams, load_params

PARAMS = Path(__file__).parents[2] / "params.yaml"
MEAN = 16
IMAGES = 300
ADDED = 5


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[CleanImage]:
    """Small images; the last ones are those that tests add."""
    folder = tmp_path_factory.mktemp("drawn")
    found = []
    for number in range(IMAGES + ADDED):
        file = folder / f"{number}.png"
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (5, 7, 3), dtype=np.uint8)).save(file)
        found.append(CleanImage(f"tea {number % 3}/{digest(number)}.png", digest(number), file))
    return found


@pytest.fixture
def stored(images: list[CleanImage], tmp_path: Path) -> Path:
    """A folder with all but the added images."""
    write_shards(images[:IMAGES], tmp_path / "clean", MEAN)
    return tmp_path / "clean"


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_shards_have_the_same_bytes_each_time(images, stored, tmp_path):
    write_shards(images[:IMAGES], tmp_path / "again", MEAN)
    assert contents(stored) == contents(tmp_path / "again")
    assert len(read_list(stored)) > 10
    for shard in read_list(stored):
        data = (stored / shard.name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (shard.bytes, shard.sha256)


def test_images_read_from_shards_are_those_of_the_files(images, stored):
    for image in images[:IMAGES]:
        assert read_png(image.name, stored) == image.png.read_bytes()
    file = images[3].name.replace(".png", ".jpg")
    assert (read_clean(file, stored) == np.asarray(Image.open(images[3].png))).all()
    assert in_shards(stored)
    assert has_image(file, stored)
    assert not has_image(images[IMAGES].name, stored)


def test_pandas_reads_a_shard(images, stored):
    tables = [pd.read_parquet(stored / shard.name) for shard in read_list(stored)]
    whole = pd.concat(tables)
    assert whole["file"].tolist() == [image.name for image in images[:IMAGES]]
    assert whole["sha256"].tolist() == [image.sha256 for image in images[:IMAGES]]
    assert whole["png"].iloc[7] == images[7].png.read_bytes()


READ_WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = sys.modules["pandas"] = None
from pathlib import Path
from herodex.dataset.manifest import read_clean
print(read_clean(sys.argv[2], Path(sys.argv[1])).shape)
"""


def test_reading_takes_no_pyarrow(images, stored):
    command = [sys.executable, "-c", READ_WITHOUT_PYARROW, stored, images[0].name]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "(5, 7, 3)\n"


def test_divide_covers_all_rows_in_shards_of_bounded_size():
    hashes = [digest(number) for number in range(20_000)]
    parts = divide(hashes, 100)
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == len(hashes)
    rows = [part.stop - part.start for part in parts]
    assert max(rows) <= 400
    assert min(rows[:-1]) > 25
    assert 85 < np.mean(rows) < 115
    assert divide([], 100) == []
    assert [part.stop for part in divide(["0" * 64] * 5, 1)] == [1, 2, 3, 4, 5]
    assert [part.stop for part in divide(["f" * 63 + "e"] * 900, 100)] == [400, 800, 900]


def test_added_images_change_few_shards(images, stored):
    before = {shard.name: (stored / shard.name).stat() for shard in read_list(stored)}
    mixed = images[:IMAGES]
    for image in images[IMAGES:]:
        mixed.insert(random.Random(image.name).randrange(len(mixed)), image)
    write_shards(mixed, stored, MEAN)
    after = {shard.name for shard in read_list(stored)}
    assert {file.name for file in stored.glob("*.parquet")} == after
    assert len(after - before.keys()) <= 2 * ADDED < len(after) / 1.5
    for name in after & before.keys():
        # The shard was not written again.
        assert (stored / name).stat().st_mtime_ns == before[name].st_mtime_ns
        assert (stored / name).stat().st_ino == before[name].st_ino
    assert all(read_png(image.name, stored) == image.png.read_bytes() for image in mixed)


def test_damaged_shard_of_an_earlier_run_is_written_again(images, stored):
    expected = contents(stored)
    shard = stored / read_list(stored)[2].name
    shard.write_bytes(shard.read_bytes()[:-700])
    (stored / "killed.part").write_bytes(b"PAR1")
    write_shards(images[:IMAGES], stored, MEAN)
    assert contents(stored) == expected


def test_withdrawn_image_is_in_no_shard_after_a_rebuild(images, stored):
    gone = images[40]
    write_shards([image for image in images[:IMAGES] if image != gone], stored, MEAN)
    assert not has_image(gone.name, stored)
    assert not any(gone.png.read_bytes() in data for data in contents(stored).values())
    assert not traces(stored, gone.sha256)


def traces(folder: Path, sha256: str) -> dict[Path, Counter[str]]:
    """Search the files of a folder for a withdrawn image."""
    sought = Wanted(ForgottenList({sha256: "image"}), "", load_params(PARAMS).classifier.clean)
    return find_traces((file for file in folder.rglob("*") if file.is_file()), sought)


def test_search_for_traces_looks_inside_shards(images, stored):
    gone = images[40]
    found = traces(stored, gone.sha256)
    (shard,) = (shard for shard in stored.glob("*.parquet") if gone.png.read_bytes() in shard.read_bytes())
    assert found == {shard: {"sha256": 1}, stored / "index.csv": {"sha256": 1}}
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(UserError, match=f"{shard.name} is damaged"):
        traces(stored, gone.sha256)


def test_search_for_traces_reads_other_parquet_files_as_bytes(images, tmp_path):
    pd.DataFrame({"found": [images[0].sha256]}).to_parquet(tmp_path / "own.parquet", compression=None)
    found = traces(tmp_path, images[0].sha256)
    assert found.keys() == {tmp_path / "own.parquet"}


def read_all(images: list[CleanImage], folder: Path) -> list[bytes]:
    return [read_png(image.name, folder) for image in images]


def damage(file: Path) -> None:
    data = bytearray(file.read_bytes())
    at = data.index(b"IDAT") + 9
    data[at] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        (Path.unlink, "is missing"),
        (lambda file: file.write_bytes(file.read_bytes()[:-9]), "bytes instead of"),
        (damage, "is damaged"),
        (lambda file: (file.parent / "index.csv").unlink(), "index.csv is missing or damaged"),
        (lambda file: (file.parent / "index.csv").write_text("file,shard\na,b\n"), "missing or damaged"),
        (lambda file: (file.parent / "shards.json").write_text("{"), "shards.json is damaged"),
    ],
    ids=["missing", "short", "other byte", "no index", "other index", "other list"],
)
def test_missing_or_damaged_part_is_an_error_that_says_how_to_restore_it(images, stored, harm, problem):
    first = read_list(stored)[0]
    harm(stored / first.name)
    with pytest.raises(UserError, match=problem) as caught:
        read_all(images[: first.rows], stored)
    assert str(stored) in caught.value.problem
    assert "dvc checkout" in caught.value.hint


def test_missing_image_is_an_error_in_either_layout(images, stored, tmp_path):
    for folder in (stored, tmp_path / "files"):
        with pytest.raises(UserError, match=f"{images[IMAGES].name} is missing in {folder}"):
            read_png(images[IMAGES].name, folder)


def test_stages_make_the_same_tables_in_either_layout(tmp_path):
    manifest = write_downloads(tmp_path / "raw", two_classes())
    sharded = StorageParams(layout="shards", shard_images=MEAN)
    made = {
        name: run_stages(tmp_path / name, tmp_path / "raw", manifest, storage)
        for name, storage in (("files", StorageParams()), ("shards", sharded))
    }
    pd.testing.assert_frame_equal(made["files"], made["shards"])
    assert made["files"]["dropped_for"].value_counts()["exact_duplicate"] == 2
    assert len(list((tmp_path / "shards/features.npy").glob("*.npy"))) > 1
    assert not list((tmp_path / "shards/clean").rglob("*.png"))
    moved = tmp_path / "moved"
    shutil.copytree(tmp_path / "files/clean", moved)
    move_into_shards(moved)
    readable = made["files"]["file"][made["files"]["phash"] != ""]
    for file in readable:
        assert read_png(file, moved) == read_png(file, tmp_path / "shards/clean")


def test_stage_replaces_the_other_layout(tmp_path):
    params = two_classes()
    files = write_downloads(tmp_path / "raw", params)["file"].tolist()[:6]
    sharded = StorageParams(layout="shards", shard_images=MEAN)
    folder, settings = tmp_path / "clean", params.classifier.clean
    for storage in (sharded, StorageParams()):
        check_all(files, tmp_path / "raw", folder, settings, results=tmp_path / "results", storage=storage)
        assert in_shards(folder) == (storage is sharded)
        assert has_image(files[0], folder)
    assert {file.suffix for file in folder.iterdir() if file.is_file()} == set()
