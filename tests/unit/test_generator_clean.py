from herodex.generator.clean import clean, summarise


def test_clean_marks_unusable_names_and_keeps_their_rows() -> None:
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


def test_clean_keeps_name_of_maximum_length() -> None:
    assert [row["kept"] for row in clean([{"name": "abcd"}, {"name": "abcde"}], max_length=4)] == ["1", "0"]


def test_clean_reports_no_duplicates_of_too_long_name() -> None:
    rows = clean([{"name": "abcde"}, {"name": "Abcde"}], max_length=4)
    assert [row["reason"] for row in rows] == ["too long", "too long"]


def test_clean_treats_variants_with_notes_as_duplicates() -> None:
    rows = clean([{"name": "Deoxys"}, {"name": "Deoxys (Attack)"}], max_length=20)
    assert [row["duplicate_of"] for row in rows] == ["", "Deoxys"]


def test_summary_counts_and_lists_changed_and_dropped_names() -> None:
    names = ["Farfetch’d", "Mew", "Farfetch'd", "Crabominable", "Ho\u2013Oh (red)"]
    summary, listed = summarise(clean([{"name": name} for name in names], max_length=10))
    assert summary == {
        "found": 5,
        "kept": 3,
        "dropped": {"duplicate": 1, "too long": 1},
        "changed_by": {"apostrophes": 1, "hyphens": 1, "notes": 1},
    }
    assert [(row["name"], row["rules"], row["reason"]) for row in listed] == [
        ("Farfetch’d", "apostrophes", ""),
        ("Farfetch'd", "", "duplicate"),
        ("Crabominable", "", "too long"),
        ("Ho\u2013Oh (red)", "hyphens notes", ""),
    ]
