from crawlers.items import Search, SearchResult
from crawlers.merge import merge


def search(source: str, *addresses: str) -> Search:
    results = tuple(
        SearchResult("tea", source, rank, address, "", "", "", "", "")
        for rank, address in enumerate(addresses, start=1)
    )
    return Search(source, "tea", results)


def taken(searches: list[Search], count: int, largest_share: float = 1) -> list[tuple[str, str]]:
    return [(each.source, each.image_url) for each in merge(searches, count, largest_share)]


def test_the_first_source_comes_first_and_the_next_one_fills_up():
    assert taken([search("a", "1", "2"), search("b", "3", "4")], 3) == [("a", "1"), ("a", "2"), ("b", "3")]


def test_a_source_gives_no_more_than_its_share():
    many = [search("a", *"12345678"), search("b", *"abcdefgh")]
    assert [source for source, _ in taken(many, 8, 0.6)] == ["a"] * 5 + ["b"] * 3


def test_a_single_source_gives_all():
    assert len(taken([search("a", *"12345")], 5, 0.2)) == 5


def test_what_two_sources_found_is_taken_once_and_from_the_first():
    both = [search("a", "1", "2"), search("b", "2", "3")]
    assert taken(both, 5) == [("a", "1"), ("a", "2"), ("b", "3")]


def test_a_source_that_failed_leaves_its_place_to_the_next():
    assert taken([Search("a", "tea", error="it died"), search("b", "1", "2")], 2) == [("b", "1"), ("b", "2")]


def test_shares_are_reached_or_nothing_more_is_to_be_had():
    assert len(taken([search("a", *"123"), search("b", *"abc")], 10, 0.2)) == 4
