import numpy as np
import pandas as pd
import pytest

from herodex.dataset.feature_table import write_features
from herodex.review.image_map import build_map, project, scale_to_unit, select_points


def points_on_a_line(count: int, dimensions: int) -> np.ndarray:
    """Points that differ most along the first axis, less along the second, hardly along the others."""
    generator = np.random.default_rng(1)
    spread = np.array([10, 3, *[0.01] * (dimensions - 2)])
    return (generator.normal(size=(count, dimensions)) * spread + 7).astype(np.float32)


@pytest.mark.parametrize(("count", "dimensions"), [(40, 5), (5, 40)], ids=["many images", "few images"])
def test_coordinates_are_those_of_a_singular_value_decomposition(count, dimensions):
    vectors = points_on_a_line(count, dimensions)
    places, share = project(vectors)
    left, values, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    expected = left[:, :2] * values[:2]
    np.testing.assert_allclose(np.abs(places), np.abs(expected), atol=1e-4)
    assert share == pytest.approx((values[:2] ** 2).sum() / (values**2).sum(), abs=1e-6)
    assert places[np.abs(places[:, 0]).argmax(), 0] > 0


def test_coordinates_are_the_same_each_time():
    vectors = points_on_a_line(30, 4)
    places, _ = project(vectors)
    again, _ = project(vectors.copy())
    np.testing.assert_array_equal(places, again)


@pytest.mark.parametrize("vectors", [np.ones((1, 3)), np.ones((4, 3)), np.ones((4, 1))])
def test_images_without_differences_lie_in_the_middle(vectors):
    places, share = project(vectors.astype(np.float32))
    assert share == 0
    np.testing.assert_array_equal(scale_to_unit(places), 0.5)


def manifest(count: int = 6) -> pd.DataFrame:
    """Images: the third is in question, the fourth is dropped, the last was found a second time."""
    hashes = [f"{number:064x}" for number in range(count - 1)]
    table = pd.DataFrame({"sha256": [*hashes, hashes[0]], "query": "tea", "label": "tea"})
    table = table.assign(kept="1", dropped_for="", score="", label_quality="0.9", duplicate_of="")
    table = table.assign(decided_by="", phash="p", looks_like="tea")
    table.loc[2, ["label_quality", "looks_like"]] = ["0.1", "coffee"]
    table.loc[3, ["kept", "dropped_for", "score"]] = ["0", "label_error", "0.05"]
    table.loc[count - 1, ["kept", "dropped_for", "duplicate_of"]] = ["0", "exact_duplicate", hashes[0]]
    return table


def test_map_has_one_point_per_image_with_features(tmp_path):
    table = manifest()
    hashes = list(table["sha256"][:4])
    write_features(tmp_path / "f.npy", hashes, {"features": points_on_a_line(4, 3)})
    found = build_map(table, tmp_path / "f.npy")
    assert (found["problem"], found["images"], found["without_features"]) == ("", 5, 1)
    points = found["points"]
    assert [point["sha256"] for point in points] == hashes
    assert all(0 <= point[axis] <= 1 for point in points for axis in "xy")
    assert [point["marked"] for point in points] == [False, False, True, True]
    assert [point["dropped"] for point in points] == [False, False, False, True]
    assert [point["reason"] for point in points][1:] == ["no_finding", "low_label_quality", "label_error"]


@pytest.mark.parametrize(("limit", "drawn"), [(2, [0, 3]), (4, [0, 1, 2, 3]), (5, [0, 1, 2, 3, 4])])
def test_map_of_too_many_images_draws_the_worst_findings_and_others(tmp_path, limit, drawn):
    table = manifest()
    hashes = list(table["sha256"][:5])
    write_features(tmp_path / "f.npy", hashes, {"features": points_on_a_line(5, 3)})
    found = build_map(table, tmp_path / "f.npy", limit)
    assert [point["sha256"] for point in found["points"]] == [hashes[place] for place in drawn]
    assert (found["images"], found["without_features"]) == (5, 0)


def test_selection_of_points_does_not_depend_on_the_order_of_rows():
    rows = manifest().head(5).assign(shown_reason="no_finding", shown_score=1.0)
    backwards = select_points(rows[::-1], 3)
    assert list(select_points(rows, 3)["sha256"]) == list(backwards["sha256"])


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "is missing"), (b"no table", "is damaged"), (b"\x93NUMPY\x01\x00", "is damaged")],
)
def test_unusable_features_are_explained_in_one_sentence(tmp_path, content, problem):
    file = tmp_path / "features.npy"
    if content is not None:
        file.write_bytes(content)
    found = build_map(manifest(), file)
    assert problem in found["problem"]
    assert "make run" in found["problem"]
    assert found["points"] == []


def test_features_of_other_images_are_explained(tmp_path):
    write_features(tmp_path / "f.npy", ["f" * 64], {"features": points_on_a_line(1, 3)})
    assert "no image of the manifest" in build_map(manifest(), tmp_path / "f.npy")["problem"]
