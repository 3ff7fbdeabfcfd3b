import numpy as np
import pandas as pd
import pytest

from herodex.classifier.distractor_searches import (
    count_classes,
    pattern_of_names,
    suggest_searches,
    taken_for,
    telling_words,
    title_words,
)

QUERIES = ["batman", "spider-man", "hulk", "iron-man"]
NAMES = ["batman", "spider man", "hulk", "iron man"]


def answered(
    titles: list[str], misfits: int, source: str = "openverse", query: str = "batman"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make a table of answers and its rows of the manifest; the first images are misfits."""
    n = len(titles)
    answers = pd.DataFrame(
        {
            "query": query,
            "label": query,
            "predicted": ["unknown"] * misfits + [query] * (n - misfits),
            "duplicate_group": [f"{place:012d}" for place in range(n)],
        }
    )
    column = "image_url" if source == "folder" else "title"
    rows = pd.DataFrame({"source": source, "title": "IMG_0001.jpg", "image_url": "1.jpg"}, range(n))
    return answers, rows.assign(**{column: titles})


LOOKALIKES = ["Batman & Robin, Dragon Con 2012"] * 5 + [f"Batman cosplay {n}.jpg" for n in range(60)]


def test_word_of_misfits_is_named_with_its_evidence():
    found = suggest_searches({}, *answered(LOOKALIKES, 6), QUERIES)
    assert [one for one in found["words"] if one["word"] == "robin"] == [
        {
            "word": "robin",
            "query": "batman",
            "images": 5,
            "misfits": 5,
            "title": "Batman & Robin, Dragon Con 2012",
        }
    ]
    assert found["titles"] == 65
    assert "cosplay" not in {one["word"] for one in found["words"]}


def test_word_is_not_named_where_wrong_answers_are_as_common_without_it():
    answers, rows = answered(LOOKALIKES, 0)
    answers.loc[::3, "predicted"] = "hulk"
    assert suggest_searches({}, answers, rows, QUERIES)["words"] == []


def test_images_of_one_duplicate_group_count_once():
    answers, rows = answered(LOOKALIKES, 6)
    answers.loc[:4, "duplicate_group"] = "000000000000"
    found = suggest_searches({}, answers, rows, QUERIES)
    assert found["words"] == []
    assert found["titles"] == 61


def test_folders_and_file_names_of_the_users_images_are_read():
    paths = [f"espresso/macchiato/{n}.jpg" for n in range(5)] + [f"espresso/IMG_{n}.jpg" for n in range(60)]
    found = suggest_searches({}, *answered(paths, 6, "folder", "espresso"), ["espresso", "latte"])
    assert [one["word"] for one in found["words"]] == ["macchiato"]


@pytest.mark.parametrize("title", ["{:04d}.jpg", "Untitled", "Batman {}", "IMG_{:04d}.JPG"])
def test_titles_that_name_nothing_are_not_counted(title):
    found = suggest_searches({}, *answered([title.format(n) for n in range(30)], 5), QUERIES)
    assert (found["titles"], found["words"]) == (0, [])


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Batman & Robin.jpg", {"robin"}),
        ("SPIDER-MAN vs. Spider_Woman", {"vs", "spider", "woman"}),
        ("She-Hulk", {"she"}),
        ("Iron Man (2008) 4K", set()),
        ("batman batman batman", set()),
        ("Человек-паук и Бэтмен", {"человек", "паук", "бэтмен"}),
        ("", set()),
    ],
)
def test_title_words_leave_out_queries_digits_and_extensions(title, words):
    assert title_words(title, pattern_of_names(NAMES)) == words


def test_random_titles_name_a_word_in_few_runs():
    rng = np.random.default_rng(1)
    vocabulary = np.array([f"{first}{second}" for first in "abcdefgh" for second in "klmnop"])
    named = 0
    for _ in range(100):
        titles = [" ".join(rng.choice(vocabulary, 4)) for _ in range(120)]
        answers, rows = answered(titles, 0)
        answers["predicted"] = np.where(rng.random(120) < 0.1, "hulk", "batman")
        named += bool(suggest_searches({}, answers, rows, QUERIES)["words"])
    assert named <= 10


def test_images_are_counted_by_their_class():
    assert count_classes(np.array([0, 1, 0]), ["cat", "dog"]) == {"cat": 2, "dog": 1}
    assert count_classes(np.zeros(0, int), ["cat", "dog"]) == {"cat": 0, "dog": 0}


def test_classes_without_an_image_are_not_listed_among_many():
    names = [f"c{i}" for i in range(1000)]
    assert count_classes(np.array([7, 7, 900]), names) == {"c7": 2, "c900": 1}


def test_classes_are_ordered_by_the_images_taken_for_them():
    left_out = {
        "fox": {"accepted_as": {"cat": 1, "dog": 30, "eel": 0}},
        "lynx": {"accepted_as": {"cat": 20, "dog": 2, "eel": 0}},
    }
    found = taken_for(left_out)
    assert found == {"dog": {"fox": 30, "lynx": 2}, "cat": {"lynx": 20, "fox": 1}, "eel": {}}
    assert [list(found), list(found["cat"])] == [["dog", "cat", "eel"], ["lynx", "fox"]]
    assert taken_for({}) == {}


def test_without_images_no_word_is_named():
    assert telling_words([]) == []
