import hashlib
import io
import subprocess
import sys

import numpy as np
import pytest

from herodex.dataset import feature_table
from herodex.dataset.feature_table import (
    BLOCK,
    open_table,
    read_columns,
    read_features,
    vectors_of,
    write_features,
)
from herodex.errors import UserError

HASHES = [f"{number:064}" for number in range(50)]
HASHES_OF_FILES = [hashlib.sha256(sha256.encode()).hexdigest() for sha256 in HASHES]
COLUMNS = {
    "features": np.random.default_rng(1).random((50, 6), np.float32),
    "average": np.random.default_rng(2).random((50, 3), np.float32),
}


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_table, "BLOCK", 7)
    write_features(tmp_path / "features.npy", HASHES, COLUMNS)
    return tmp_path / "features.npy"


def test_write_features_writes_the_bytes_of_numpy(table):
    whole = np.zeros(50, [("sha256", "U64"), ("features", "f4", (6,)), ("average", "f4", (3,))])
    whole["sha256"] = HASHES
    for name, values in COLUMNS.items():
        whole[name] = values
    expected = io.BytesIO()
    np.save(expected, whole)
    assert table.read_bytes() == expected.getvalue()


def test_read_features_maps_each_image_to_its_features(table):
    features = read_features(table)
    assert list(features) == HASHES
    assert HASHES[3] in features
    assert "another" not in features
    assert all((features[sha256] == COLUMNS["features"][row]).all() for row, sha256 in enumerate(HASHES))
    assert (read_features(table, "average")[HASHES[9]] == COLUMNS["average"][9]).all()
    with pytest.raises(KeyError):
        features["another"]


def test_stored_vectors_are_those_of_a_dictionary(table):
    asked, places = HASHES[::-3], np.array([4, 0, 9, 9])
    stored = vectors_of(read_features(table), asked)
    in_memory = vectors_of(dict(zip(HASHES, COLUMNS["features"], strict=True)), asked)
    assert len(stored) == len(in_memory) == len(asked)
    assert (stored[places] == in_memory[places]).all()
    assert stored[places[:0]].shape == (0, 6)


def test_read_columns_puts_columns_side_by_side(table):
    found = read_columns(table, ["average", "features"], HASHES[20:40])
    assert (found == np.concatenate([COLUMNS["average"], COLUMNS["features"]], axis=1)[20:40]).all()


def test_shards_have_the_features_of_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_table, "BLOCK", 7)
    write_features(tmp_path / "one.npy", HASHES_OF_FILES, COLUMNS)
    write_features(tmp_path / "many.npy", HASHES_OF_FILES, COLUMNS, 4)
    one, many = (open_table(tmp_path / name) for name in ("one.npy", "many.npy"))
    assert len(many.parts) > 5
    assert many.row_of == one.row_of
    rows = np.random.default_rng(3).integers(0, 50, 200)
    for column in COLUMNS:
        assert (many.read(column, rows) == one.read(column, rows)).all()
    assert (read_columns(tmp_path / "many.npy", [*COLUMNS], HASHES_OF_FILES[9:31])[:, 6:]).shape == (22, 3)


def test_shards_that_are_there_are_not_written_again(tmp_path):
    path, less = tmp_path / "features.npy", {name: values[1:] for name, values in COLUMNS.items()}
    write_features(path, HASHES_OF_FILES[1:], less, 4)
    before = {file.name: file.stat().st_mtime_ns for file in path.glob("*.npy")}
    write_features(path, HASHES_OF_FILES, COLUMNS, 4)
    after = {file.name: file.stat().st_mtime_ns for file in path.glob("*.npy")}
    assert 1 <= len(after.items() - before.items()) <= 2
    assert list(read_features(path)) == HASHES_OF_FILES


def test_missing_or_short_shard_is_an_error(tmp_path):
    path = tmp_path / "features.npy"
    write_features(path, HASHES_OF_FILES, COLUMNS, 4)
    shard = sorted(path.glob("*.npy"))[0]
    shard.write_bytes(shard.read_bytes()[:-4])
    with pytest.raises(UserError, match=f"{shard.name} is damaged"):
        open_table(path)
    shard.unlink()
    with pytest.raises(UserError, match=f"{shard.name} is missing"):
        open_table(path)


def test_table_replaces_one_of_the_other_layout(tmp_path):
    path = tmp_path / "features.npy"
    for shard_rows in (None, 4, None):
        write_features(path, HASHES_OF_FILES, COLUMNS, shard_rows)
        assert path.is_dir() == (shard_rows is not None)
        assert (read_features(path)[HASHES_OF_FILES[30]] == COLUMNS["features"][30]).all()


READ_ALL = """
import resource, sys
from pathlib import Path
import numpy as np
from herodex.dataset.feature_table import open_table
table = open_table(Path(sys.argv[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for start in range(0, len(table.row_of), 1000):
    table.read("features", np.arange(start, start + 1000))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB on Linux only")
def test_memory_for_reading_does_not_grow_with_the_table(tmp_path):
    path = tmp_path / "features.npy"
    columns = {name: np.zeros((10_000, 1024), np.float32) for name in ("features", "average")}
    write_features(path, [f"{number:064}" for number in range(10_000)], columns)
    done = subprocess.run([sys.executable, "-c", READ_ALL, path], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 30_000 < path.stat().st_size / 2000
    assert len(open_table(path).row_of) == 10_000


def test_rows_are_asked_for_a_block_at_a_time_and_give_the_same_bytes(tmp_path):
    asked: list[slice] = []
    hashes = [f"{number:064}" for number in range(BLOCK + 2)]
    vectors = np.arange(2 * len(hashes), dtype=np.float32).reshape(-1, 2)

    def rows(part: slice) -> dict[str, np.ndarray]:
        asked.append(part)
        return {"features": vectors[part]}

    write_features(tmp_path / "blocks.npy", hashes, rows)
    write_features(tmp_path / "whole.npy", hashes, {"features": vectors})
    assert asked == [slice(0, BLOCK), slice(BLOCK, BLOCK + 2)]
    assert (tmp_path / "blocks.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
