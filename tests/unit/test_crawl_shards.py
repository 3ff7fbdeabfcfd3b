"""The shards of hosts: a stable assignment, and how people name shards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.items import SearchResult
from crawlers.shards import by_shard, host_name, listed, parse_shards, shard_of, shard_of_host
from demo_web.hosts import gallery
from herodex.errors import UserError

HOSTS = [f"host-{number}.test" for number in range(300)]


def test_shards_of_known_hosts_are_those_of_earlier_crawls():
    hosts = ["upload.wikimedia.org", "live.staticflickr.com", *map(gallery, range(1, 4)), ""]
    assert [shard_of_host(host, 64) for host in hosts] == [9, 48, 11, 54, 63, 44]


def test_another_number_of_shards_moves_only_hosts_of_new_or_removed_shards():
    before = {host: shard_of_host(host, 64) for host in HOSTS}
    after = {host: shard_of_host(host, 80) for host in HOSTS}
    moved = [host for host in HOSTS if before[host] != after[host]]
    assert moved
    assert all(after[host] >= 64 for host in moved)
    assert len(set(before.values())) > 55


@pytest.mark.parametrize(
    "url",
    [
        "http://images.test/1.jpg",
        "https://IMAGES.test:8443/2.jpg?x=y",
        "HTTP://images.test./3.jpg",
    ],
)
def test_host_is_the_same_for_any_port_scheme_and_case(url):
    assert host_name(url) == "images.test"
    assert shard_of(url, 64) == shard_of_host("images.test", 64)


def test_international_name_is_the_same_in_both_forms():
    assert host_name("http://bücher.test/1.jpg") == host_name("http://xn--bcher-kva.test/1.jpg")


@given(st.text(max_size=40))
def test_any_text_has_a_shard(url):
    assert 0 <= shard_of(url, 64) < 64


def test_results_of_a_host_are_in_one_shard_in_their_order():
    hosts = HOSTS[:20]
    urls = [f"http://{host}/{number}.jpg" for number in range(3) for host in hosts]
    results = [SearchResult("q", "s", rank, url, "", "", "", "", "") for rank, url in enumerate(urls)]
    parts = by_shard(results, 64)
    assert list(parts) == sorted(parts)
    assert sorted(result.rank for part in parts.values() for result in part) == list(range(60))
    for shard, part in parts.items():
        assert [result.rank for result in part] == sorted(result.rank for result in part)
        assert {shard_of(result.image_url, 64) for result in part} == {shard}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("7/64", [7]),
        ("0-31/64", list(range(32))),
        ("63,0,2-4/64", [0, 2, 3, 4, 63]),
        ("0-63/64", list(range(64))),
        ("5-5,5/64", [5]),
    ],
)
def test_shards_are_read_as_numbers_and_ranges(text, numbers):
    assert parse_shards(text, 64) == numbers
    assert parse_shards(listed(numbers, 64), 64) == numbers


def test_shards_are_listed_by_ranges():
    assert listed([0, 1, 2, 5, 7, 8], 64) == "0-2,5,7-8/64"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("7", "names no shard"),
        ("seven/64", "names no shard"),
        ("-1/64", "names no shard"),
        ("1,/64", "names no shard"),
        ("7/", "names no shard"),
        ("7/32", "is one of 32 shards, and scale.crawl_shards in params.yaml is 64"),
        ("64/64", "names a shard that does not exist"),
        ("60-70/64", "names a shard that does not exist"),
        ("9-7/64", "names a shard that does not exist"),
    ],
)
def test_wrong_shards_are_an_error_that_says_what_to_write(text, problem):
    with pytest.raises(UserError, match="shard") as caught:
        parse_shards(text, 64)
    assert problem in caught.value.problem
    assert "64" in caught.value.hint or "63" in caught.value.hint
