from herodex.generator.clean import clean


def test_a_name_that_cannot_be_used_is_marked_and_kept_in_the_table() -> None:
    names = ["Farfetch’d", "Mew", " \t", "FARFETCH'D", "Crabominable"]
    rows = clean([{"number": str(n), "name": name} for n, name in enumerate(names)], max_length=10)
    assert [row["name"] for row in rows] == names
    assert [row["number"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert [(row["text"], row["kept"], row["reason"], row["duplicate_of"]) for row in rows] == [
        ("farfetch'd", "1", "", ""),
        ("mew", "1", "", ""),
        ("", "0", "empty", ""),
        ("farfetch'd", "0", "duplicate", "Farfetch’d"),
        ("crabominable", "0", "too long", ""),
    ]


def test_the_longest_allowed_name_is_kept() -> None:
    assert [row["kept"] for row in clean([{"name": "abcd"}, {"name": "abcde"}], max_length=4)] == ["1", "0"]


def test_a_name_that_was_dropped_as_too_long_has_no_duplicates() -> None:
    rows = clean([{"name": "abcde"}, {"name": "Abcde"}], max_length=4)
    assert [row["reason"] for row in rows] == ["too long", "too long"]
