from collections import Counter

import pytest

from herodex.errors import UserError
from herodex.generator.split import hash_sample, require_every_part, split
from herodex.params import SplitNamesParams

BY_GENERATION = SplitNamesParams(by="generation", test=[3], test_share=0.2, min_test=1, validation=0.1)
AT_RANDOM = BY_GENERATION.model_copy(update={"by": "random"})


def names(count: int = 100, generations: int = 4) -> list[dict[str, str]]:
    return [
        {"text": f"name{i}", "generation": str(i % generations + 1) if generations else "", "kept": "1"}
        for i in range(count)
    ]


def test_test_part_is_exactly_the_held_out_generation() -> None:
    rows = split(names(), BY_GENERATION, seed=1)
    assert {row["generation"] for row in rows if row["part"] == "test"} == {"3"}
    assert {row["generation"] for row in rows if row["part"] != "test"} == {"1", "2", "4"}
    assert Counter(row["part"] for row in rows) == {"train": 67, "validation": 8, "test": 25}


def test_split_assigns_each_kept_name_to_one_part() -> None:
    rows = split([*names(), {"text": "dropped", "generation": "1", "kept": "0"}], AT_RANDOM, seed=1)
    assert [row["text"] for row in rows] == [row["text"] for row in names()]
    assert Counter(row["part"] for row in rows) == {"train": 72, "validation": 8, "test": 20}


def test_names_without_generations_are_split_at_random() -> None:
    rows = split(names(generations=0), BY_GENERATION, seed=1)
    assert rows == split(names(generations=0), AT_RANDOM, seed=1)


def test_split_depends_on_seed_and_not_on_order() -> None:
    parts = {row["text"]: row["part"] for row in split(names(), AT_RANDOM, seed=1)}
    assert parts == {row["text"]: row["part"] for row in split(names()[::-1], AT_RANDOM, seed=1)}
    assert parts != {row["text"]: row["part"] for row in split(names(), AT_RANDOM, seed=2)}


def test_hash_sample_differs_by_purpose() -> None:
    texts = [f"name{i}" for i in range(200)]
    test, validation = (hash_sample(texts, 0.25, 1, purpose) for purpose in ("test", "validation"))
    assert len(test) == len(validation) == 50
    assert len(test & validation) < 30


def test_smallest_allowed_list_fills_every_part() -> None:
    rows = split(names(20, generations=0), AT_RANDOM, seed=1)
    require_every_part(rows, AT_RANDOM)


@pytest.mark.parametrize(("test", "empty"), [([], "test"), ([7], "test"), ([1, 2, 3, 4], "train")])
def test_empty_part_is_explained_with_available_generations(test: list[int], empty: str) -> None:
    params = BY_GENERATION.model_copy(update={"test": test})
    with pytest.raises(UserError, match=f"no name for {empty}; the names are of the generations 1, 2, 3, 4"):
        require_every_part(split(names(), params, seed=1), params)


def test_too_few_names_are_explained() -> None:
    for params in (AT_RANDOM, AT_RANDOM.model_copy(update={"min_test": 5})):
        with pytest.raises(UserError, match=r"Too few usable names \(1\): none is left for train"):
            require_every_part(split(names(1), params, seed=1), params)
    params = AT_RANDOM.model_copy(update={"test_share": 0.9})
    with pytest.raises(UserError, match=r"Too few usable names \(2\): none is left for train"):
        require_every_part(split(names(2), params, seed=1), params)


def test_short_list_has_no_test_part() -> None:
    params = AT_RANDOM.model_copy(update={"min_test": 20})
    rows = split(names(97), params, seed=1)
    assert Counter(row["part"] for row in rows) == {"train": 87, "validation": 10}
    require_every_part(rows, params)
    assert Counter(row["part"] for row in split(names(98), params, seed=1))["test"] == 20


def test_held_out_generation_may_be_smaller_than_min_test() -> None:
    params = BY_GENERATION.model_copy(update={"min_test": 100})
    assert Counter(row["part"] for row in split(names(), params, seed=1))["test"] == 25


def test_validation_part_has_at_most_a_thousand_names() -> None:
    rows = split(names(20_000, generations=0), AT_RANDOM, seed=1)
    assert Counter(row["part"] for row in rows) == {"train": 15_000, "validation": 1000, "test": 4000}
