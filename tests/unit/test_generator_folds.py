from herodex.generator.folds import make_folds, random_groups
from herodex.generator.names_table import Row


def rows(*generations: str) -> list[Row]:
    """Make a name per generation: 9 is the test part, every third other name the validation part."""
    return [
        {
            "text": f"name {place}",
            "generation": generation,
            "part": "test" if generation == "9" else "validation" if place % 3 == 0 else "train",
        }
        for place, generation in enumerate(generations)
    ]


def test_folds_hold_out_each_generation_once_without_test_part() -> None:
    names = rows("1", "10", "2", "9", "2", "1", "10", "9")
    folds = make_folds(names, max_folded=100, folds=3, seed=1)
    assert [fold.name for fold in folds] == ["1", "2", "10"]
    assert [fold.held_out for fold in folds] == [
        ["name 0", "name 5"],
        ["name 2", "name 4"],
        ["name 1", "name 6"],
    ]
    for fold in folds:
        assert sorted(fold.train + fold.held_out) == [f"name {place}" for place in (0, 1, 2, 4, 5, 6)]


def test_folds_are_random_and_similar_in_size_without_generations() -> None:
    names = rows(*[""] * 20)
    folds = make_folds(names, max_folded=100, folds=3, seed=1)
    assert sorted(len(fold.held_out) for fold in folds) == [6, 7, 7]
    assert sorted(text for fold in folds for text in fold.held_out) == sorted(row["text"] for row in names)
    assert folds != make_folds(names, max_folded=100, folds=3, seed=2)


def test_random_groups_do_not_depend_on_order() -> None:
    texts = [f"name {place}" for place in range(10)]
    assert random_groups(texts, 4, seed=1) == random_groups(texts[::-1], 4, seed=1)


def test_random_groups_have_one_text_each_when_texts_are_few() -> None:
    assert sorted(map(len, random_groups(["a", "b"], 8, seed=1).values())) == [1, 1]


def test_folds_hold_out_only_validation_part_above_max_folded() -> None:
    names = rows(*["1", "2"] * 6)
    (fold,) = make_folds(names, max_folded=11, folds=3, seed=1)
    assert fold.held_out == ["name 0", "name 3", "name 6", "name 9"]
    assert not set(fold.held_out) & set(fold.train)
