import numpy as np
import pytest

from herodex.embedding.feature_cache import look_up, open_cache, store, view_key
from herodex.inference.views import View

MIDDLE = View("middle", mirrored=False)


def test_what_is_stored_is_found_again_by_key_and_image(tmp_path):
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
def test_another_network_precision_size_or_view_has_another_key(other):
    assert view_key("net", "f32", 224, MIDDLE) == view_key("net", "f32", 224, MIDDLE)
    assert view_key(*other) != view_key("net", "f32", 224, MIDDLE)


def test_a_spoilt_cache_is_made_anew(tmp_path):
    (tmp_path / "features.db").write_text("this is no database, whatever its name says" * 50)
    with open_cache(tmp_path / "features.db") as cache:
        store(cache, ["a"], {"1": np.ones((1, 2), np.float32)})
        assert look_up(cache, "a", ["1"])["1"].tolist() == [1, 1]
