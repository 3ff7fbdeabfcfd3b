from herodex.generator.folds import make_folds, random_parts
from herodex.generator.names_table import Row


def rows(*generations: str) -> list[Row]:
    """A name for each generation given: every third is for validation, those of generation 9 for testing."""
    return [
        {
            "text": f"name {place}",
            "generation": generation,
            "part": "test" if generation == "9" else "validation" if place % 3 == 0 else "train",
        }
        for place, generation in enumerate(generations)
    ]


def test_each_generation_is_held_out_once_and_the_test_part_never_seen() -> None:
    names = rows("1", "10", "2", "9", "2", "1", "10", "9")
    folds = make_folds(names, most_repeated=100, parts=3, seed=1)
    assert [fold.name for fold in folds] == ["1", "2", "10"]
    assert [fold.held_out for fold in folds] == [
        ["name 0", "name 5"],
        ["name 2", "name 4"],
        ["name 1", "name 6"],
    ]
    for fold in folds:
        assert sorted(fold.train + fold.held_out) == [f"name {place}" for place in (0, 1, 2, 4, 5, 6)]


def test_names_without_generations_are_held_out_in_random_parts_of_like_size() -> None:
    names = rows(*[""] * 20)
    folds = make_folds(names, most_repeated=100, parts=3, seed=1)
    assert sorted(len(fold.held_out) for fold in folds) == [6, 7, 7]
    assert sorted(text for fold in folds for text in fold.held_out) == sorted(row["text"] for row in names)
    assert folds != make_folds(names, most_repeated=100, parts=3, seed=2)


def test_the_parts_do_not_depend_on_the_order_of_the_names() -> None:
    texts = [f"name {place}" for place in range(10)]
    assert random_parts(texts, 4, seed=1) == random_parts(texts[::-1], 4, seed=1)


def test_fewer_names_than_parts_make_a_part_each() -> None:
    assert sorted(map(len, random_parts(["a", "b"], 8, seed=1).values())) == [1, 1]


def test_of_many_names_the_validation_part_alone_is_held_out() -> None:
    names = rows(*["1", "2"] * 6)
    (fold,) = make_folds(names, most_repeated=11, parts=3, seed=1)
    assert fold.held_out == ["name 0", "name 3", "name 6", "name 9"]
    assert not set(fold.held_out) & set(fold.train)
