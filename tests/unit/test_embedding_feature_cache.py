import sqlite3

import numpy as np
import PIL
import pytest

from herodex.embedding import feature_cache
from herodex.embedding.feature_cache import (
    complete_images,
    look_up,
    open_cache,
    read_vectors,
    store,
    view_key,
)
from herodex.errors import UserError
from herodex.inference.views import View

MIDDLE = View("middle", mirrored=False)


def test_stored_vectors_are_found_by_key_and_image(tmp_path):
    vector = np.arange(3, dtype=np.float32)
    with open_cache(tmp_path / "cache" / "features.db") as cache:
        store(cache, ["a", "b"], {"1": np.stack([vector, 2 * vector])})
    with open_cache(tmp_path / "cache" / "features.db") as cache:
        assert look_up(cache, "a", ["1", "2"]).keys() == {"1"}
        assert look_up(cache, "b", ["1"])["1"].tolist() == [0, 2, 4]
        assert look_up(cache, "c", ["1"]) == {}


@pytest.mark.parametrize(
    "other",
    [
        ("other", "f32", 224, MIDDLE),
        ("net", "bf16", 224, MIDDLE),
        ("net", "f32", 320, MIDDLE),
        ("net", "f32", 224, View("whole", mirrored=False)),
        ("net", "f32", 224, View("middle", mirrored=True)),
    ],
)
def test_the_key_depends_on_network_precision_size_and_view(other):
    assert view_key("net", "f32", 224, MIDDLE) == view_key("net", "f32", 224, MIDDLE)
    assert view_key(*other) != view_key("net", "f32", 224, MIDDLE)


def test_a_damaged_cache_is_replaced(tmp_path):
    (tmp_path / "features.db").write_text("this is not a database, whatever its name says" * 50)
    with open_cache(tmp_path / "features.db") as cache:
        store(cache, ["a"], {"1": np.ones((1, 2), np.float32)})
        assert look_up(cache, "a", ["1"])["1"].tolist() == [1, 1]


def test_the_key_depends_on_the_library_that_scales_images(monkeypatch):
    before = view_key("net", "f32", 224, MIDDLE)
    monkeypatch.setattr(PIL, "__version__", "0.0")
    assert view_key("net", "f32", 224, MIDDLE) != before
    assert feature_cache.PIL is PIL


def test_a_locked_cache_is_kept_and_reported(tmp_path):
    path = tmp_path / "features.db"
    with open_cache(path) as cache:
        store(cache, ["a"], {"1": np.ones((1, 2), np.float32)})
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(UserError, match="locked"), open_cache(path, patience_s=0.05):
            pass
    finally:
        other.close()
    with open_cache(path) as cache:
        assert look_up(cache, "a", ["1"])["1"].tolist() == [1, 1]


def test_a_cache_in_a_folder_without_permission_is_reported(tmp_path):
    (tmp_path / "features.db").mkdir()
    with pytest.raises(UserError, match="cannot be used"), open_cache(tmp_path / "features.db"):
        pass


def filled(path, count=300):
    """Make a cache of many pages."""
    with open_cache(path) as cache:
        store(
            cache,
            ["a"],
            {f"image-{number}": np.full((1, 512), number, np.float32) for number in range(count)},
        )
    return [f"image-{number}" for number in range(count)]


def damage(path, at, content):
    """Overwrite bytes of a file from this place on."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.parametrize("page", [1, 2, 30, 100])
def test_a_cache_that_is_damaged_on_any_page_is_replaced(tmp_path, page):
    path = tmp_path / "features.db"
    images = filled(path)
    damage(path, page * 4096, b"\xff" * 4096)
    with open_cache(path) as cache:
        found = look_up(cache, "a", images)
        assert all((vector == int(image.split("-")[1])).all() for image, vector in found.items())
        store(cache, ["a"], {image: np.ones((1, 2), np.float32) for image in images})
        assert look_up(cache, "a", images).keys() == set(images)


def test_a_cache_that_is_cut_off_is_replaced(tmp_path):
    path = tmp_path / "features.db"
    images = filled(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with open_cache(path) as cache:
        store(cache, ["a"], {image: np.ones((1, 2), np.float32) for image in images})
        assert look_up(cache, "a", images).keys() == set(images)


def test_a_vector_with_a_flipped_bit_is_not_found(tmp_path, caplog):
    path = tmp_path / "features.db"
    filled(path)
    value = np.float32(77).tobytes()
    damage(path, path.read_bytes().index(value * 4), b"\x01")
    with open_cache(path) as cache:
        assert look_up(cache, "a", ["image-76", "image-77", "image-78"]).keys() == {"image-76", "image-78"}
        assert "1 vectors in the feature cache are damaged" in caplog.text
        store(cache, ["a"], {"image-77": np.full((1, 512), 77, np.float32)})
        assert (look_up(cache, "a", ["image-77"])["image-77"] == 77).all()


def test_a_cache_of_an_earlier_release_loses_its_vectors_without_checksums(tmp_path):
    path = tmp_path / "features.db"
    old = sqlite3.connect(path)
    old.execute(
        "CREATE TABLE pooled (key TEXT, image TEXT, vector BLOB, PRIMARY KEY (key, image)) WITHOUT ROWID"
    )
    old.execute("INSERT INTO pooled VALUES ('a', '1', ?)", (bytes(8),))
    old.commit()
    old.close()
    with open_cache(path) as cache:
        assert look_up(cache, "a", ["1"]) == {}
        assert [name for (name,) in cache.execute("SELECT name FROM sqlite_master")] == ["vectors"]


def test_read_vectors_gives_the_views_of_images_in_order(tmp_path):
    vectors = {"a": np.full((2, 3), 1, np.float32), "b": np.full((2, 3), 2, np.float32)}
    with open_cache(tmp_path / "features.db") as cache:
        store(cache, ["middle", "whole"], vectors)
        store(cache, ["middle"], {"c": np.zeros((1, 3), np.float32)})
        assert complete_images(cache, ["middle", "whole"], ["a", "b", "c"]) == {"a", "b"}
        found = read_vectors(cache, ["middle", "whole"], ["b", "a"])
        assert np.array_equal(found, np.stack([vectors["b"], vectors["a"]]))
        with pytest.raises(UserError, match="has lost vectors"):
            read_vectors(cache, ["middle", "whole"], ["c"])
