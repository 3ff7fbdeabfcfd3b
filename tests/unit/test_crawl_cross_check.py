import pytest

from crawlers.cross_check import cross_check_report, find_disagreements, given_report
from crawlers.items import NameList, SpeciesName


def listed(source, *species, **rest):
    return NameList(source, tuple(SpeciesName(*each, page_url="https://p.test/") for each in species), **rest)


def about(*lists):
    return [(each.number, each.about, each.said) for each in find_disagreements(lists)]


def test_equal_lists_do_not_disagree():
    assert about(listed("a", (1, "Ivy", 1), (2, "Oak", 2)), listed("b", (2, "Oak", 2), (1, "Ivy", 1))) == []


def test_species_missing_from_one_list_is_a_disagreement():
    assert about(listed("a", (1, "Ivy", 1)), listed("b", (2, "Oak", 1))) == [
        (1, "listing", ("Ivy", "")),
        (2, "listing", ("", "Oak")),
    ]


def test_name_and_generation_can_both_differ():
    assert about(listed("a", (1, "Ivy", 1)), listed("b", (1, "Oak", 2))) == [
        (1, "name", ("Ivy", "Oak")),
        (1, "generation", ("1", "2")),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Farfetch’d", "Farfetch'd"), ("Flabébé", "Flabe\u0301be\u0301"), ("Ho-Oh", "Ho‑oh"), ("Ivy", "IVY")],
)
def test_differently_typed_names_differ_in_spelling_only(one, other):
    assert about(listed("a", (1, one, 1)), listed("b", (1, other, 1))) == [(1, "spelling", (one, other))]


@pytest.mark.parametrize(
    ("one", "other"), [("Nidoran♀", "Nidoran♂"), ("Flabebe", "Flabébé"), ("Mr. Mime", "Mr Mime")]
)
def test_different_names_are_a_name_disagreement(one, other):
    assert about(listed("a", (1, one, 1)), listed("b", (1, other, 1)))[0][1] == "name"


def test_three_sources_are_compared():
    lists = [listed("a", (1, "Ivy", 1)), listed("b"), listed("c", (1, "Oak", 1))]
    assert about(*lists) == [(1, "listing", ("Ivy", "", "Oak")), (1, "name", ("Ivy", "", "Oak"))]


def test_single_list_has_no_disagreements():
    assert find_disagreements([listed("a", (1, "Ivy", 1))]) == []
    assert find_disagreements([]) == []


def test_report_lists_sources_and_disagreements():
    lists = [
        listed("dead", (1, "Ivy", 1), error="it answered 503"),
        listed("a", (1, "Ivy", 1), (2, "Oak", 1), faults=("record 3 is left out: no name",)),
        listed("b", (1, "Ivy", 1), (2, "Oak | <b>", 1)),
    ]
    assert cross_check_report(lists).splitlines() == [
        "# Sources of names",
        "",
        "2 names were taken from a.",
        "",
        "| source | names | records left out | complete |",
        "|---|---:|---:|---|",
        "| dead | 1 | 0 | no: it answered 503 |",
        "| a | 2 | 1 | yes |",
        "| b | 2 | 0 | yes |",
        "",
        "## Left out",
        "",
        "- a: record 3 is left out: no name",
        "",
        "## Comparison",
        "",
        "The sources disagree on 1 of 2 species.",
        "",
        "| number | about | a | b |",
        "|---:|---|---|---|",
        "| 2 | name | Oak | Oak \\| \\<b\\> |",
    ]


def test_report_states_agreement_and_missing_comparison():
    one, other = listed("a", (1, "Ivy", 1)), listed("b", (1, "Ivy", 1))
    assert "The sources agree on all 1 species." in cross_check_report([one, other])
    assert "Nothing was compared" in cross_check_report([one])
    assert "No source is complete." in cross_check_report([listed("a", error="it is down")])


def test_report_on_listed_names():
    assert "20 names were taken from params.yaml. No source was crawled." in given_report(20, "params.yaml")
