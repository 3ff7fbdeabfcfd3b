import pandas as pd
import pytest

from herodex.classifier.split import position, require_every_part, split
from herodex.errors import UserError
from herodex.params import SplitImagesParams, load_params

SHARES = SplitImagesParams(validation=0.2, test=0.3)


def table(clusters: list[str], query: str = "cat", kept: str = "1") -> pd.DataFrame:
    return pd.DataFrame({"query": query, "cluster": clusters, "kept": kept, "label": query})


def names(n: int, prefix: str = "c") -> list[str]:
    return [f"{prefix}{i}" for i in range(n)]


def test_each_query_is_split_in_the_wanted_shares():
    manifest = pd.concat([table(names(40)), table(names(20, "d"), "dog")], ignore_index=True)
    counts = split(manifest, SHARES, seed=1).groupby("query")["part"].value_counts().to_dict()
    assert counts == {
        ("cat", "train"): 20,
        ("cat", "test"): 12,
        ("cat", "validation"): 8,
        ("dog", "train"): 10,
        ("dog", "test"): 6,
        ("dog", "validation"): 4,
    }


def test_a_cluster_never_straddles_parts_even_under_two_queries():
    manifest = pd.concat([table(names(30) * 2), table(names(30), "dog")], ignore_index=True)
    parts = split(manifest, SHARES, seed=1).groupby("cluster")["part"].nunique()
    assert (parts == 1).all()


def test_the_order_of_rows_does_not_matter():
    manifest = table(names(50))
    forward = split(manifest, SHARES, seed=1).set_index("cluster")["part"]
    backward = split(manifest.iloc[::-1], SHARES, seed=1).set_index("cluster")["part"]
    assert forward.to_dict() == backward.to_dict()


def test_another_seed_gives_another_split():
    manifest = table(names(50))
    assert list(split(manifest, SHARES, 1)["part"]) != list(split(manifest, SHARES, 2)["part"])


def test_rows_that_are_not_kept_stay_and_get_no_part():
    manifest = pd.concat([table(names(10)), table(["gone"], kept="0")], ignore_index=True)
    parts = split(manifest, SHARES, seed=1)
    assert len(parts) == 11
    assert parts["part"].iloc[-1] == ""


def test_positions_are_spread_over_the_unit_interval():
    values = [position(name, 5) for name in names(1000)]
    assert 0 <= min(values) < 0.01
    assert 0.99 < max(values) < 1


def test_a_class_without_a_test_picture_is_reported():
    params = load_params()
    *others, last = params.classes
    rows = [(label, part) for label in others for part in ("train", "validation", "test")]
    manifest = pd.DataFrame([*rows, (last, "train")], columns=["label", "part"])
    with pytest.raises(UserError, match=f"'{last}' has 1 pictures, none of them for validation"):
        require_every_part(manifest, params)
