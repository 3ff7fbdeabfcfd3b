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


def test_next_source_fills_up_the_first():
    assert taken([search("a", "1", "2"), search("b", "3", "4")], 3) == [("a", "1"), ("a", "2"), ("b", "3")]


def test_source_gives_at_most_its_share():
    many = [search("a", *"12345678"), search("b", *"abcdefgh")]
    assert [source for source, _ in taken(many, 8, 0.6)] == ["a"] * 5 + ["b"] * 3


def test_single_source_gives_all():
    assert len(taken([search("a", *"12345")], 5, 0.2)) == 5


def test_shared_result_is_taken_once_from_the_first_source():
    both = [search("a", "1", "2"), search("b", "2", "3")]
    assert taken(both, 5) == [("a", "1"), ("a", "2"), ("b", "3")]


def test_next_source_replaces_a_failed_one():
    assert taken([Search("a", "tea", error="it failed"), search("b", "1", "2")], 2) == [
        ("b", "1"),
        ("b", "2"),
    ]


def test_shares_limit_the_total():
    assert len(taken([search("a", *"123"), search("b", *"abc")], 10, 0.2)) == 4
