"""Answers of the demo web, without HTTP."""

import json
import re
from html import unescape
from itertools import count
from urllib.robotparser import RobotFileParser

import pytest
from demo_web_params import ONE_OF_EACH, demo_params

from demo_web import hosts
from demo_web.faults import Kind
from demo_web.pages import BATCH_SIZE
from demo_web.site import Site, answer, build_site
from demo_web.truth import plan_web

PARAMS = demo_params(results=50, shares=ONE_OF_EACH)
PLAN = plan_web(PARAMS)
SEARCH = f"http://{hosts.SEARCH}"
POKEDEX = f"http://{hosts.POKEDEX}"


@pytest.fixture(scope="module")
def site() -> Site:
    return build_site(PARAMS)


def read(site: Site, url: str) -> str:
    reply = answer(site, url, first_time=True)
    assert reply.status == 200
    return reply.body.decode()


def species_of(page: str) -> list[tuple[int, str, int]]:
    cells = re.findall(
        r'<tr class="species"><td class="number">(\d+)</td><td class="name">(.+?)</td>'
        r'<td class="generation">(\d)</td></tr>',
        page,
    )
    return [(int(number), unescape(name), int(generation)) for number, name, generation in cells]


def test_pokedex_pages_list_every_species_once(site: Site) -> None:
    species = []
    for number in count(1):
        page = read(site, f"{POKEDEX}/pokemon?page={number}")
        species += species_of(page)
        if f'<a rel="next" href="/pokemon?page={number + 1}">' not in page:
            break
    assert [number for number, _, _ in species] == list(range(1, 1026))
    assert sum(generation == 9 for *_, generation in species) == 120
    assert len({name for _, name, _ in species}) == 1025


@pytest.mark.parametrize(
    ("number", "name", "generation"),
    [
        (29, "Nidoran♀", 1),
        (32, "Nidoran♂", 1),
        (83, "Farfetch’d", 1),
        (151, "Mew", 1),
        (152, "Chikorita", 2),
        (669, "Flabébé", 6),
        (772, "Type: Null", 7),
        (905, "Enamorus", 8),
        (906, "Sprigatito", 9),
    ],
)
def test_species_are_spelt_as_in_the_games(site: Site, number: int, name: str, generation: int) -> None:
    page = read(site, f"{POKEDEX}/pokemon?page={(number - 1) // 50 + 1}")
    assert (number, name, generation) in species_of(page)


@pytest.mark.parametrize("page", ["0", "22", "-1", "two", ""])
def test_pages_out_of_range_are_not_found(site: Site, page: str) -> None:
    assert answer(site, f"{POKEDEX}/pokemon?page={page}&", first_time=True).status == (
        200 if not page else 404
    )


def test_search_page_and_batches_contain_all_results(site: Site) -> None:
    page = read(site, f"{SEARCH}/search?q=cat")
    results = [json.loads(unescape(data)) for data in re.findall(r'data-result="(.*?)"', page)]
    assert 'id="end"' not in page
    assert len(results) == BATCH_SIZE
    offset: int | None = BATCH_SIZE
    while offset is not None:
        batch = json.loads(read(site, f"{SEARCH}/search/more?q=cat&offset={offset}"))
        results += batch["results"]
        offset = batch["next"]
    planned = [image for image in PLAN if image.query == "cat"]
    assert results == [
        {
            "image": image.image_url,
            "page": image.page_url,
            "title": image.credit.title,
            "author": image.credit.author,
            "license": image.credit.license,
            "license_url": image.credit.license_url,
            "rank": image.rank,
        }
        for image in planned
    ]


def test_unknown_query_has_an_empty_result_page(site: Site) -> None:
    page = read(site, f"{SEARCH}/search?q=<b>nothing</b>")
    assert 'class="result"' not in page
    assert 'id="end"' in page
    assert "<b>" not in page


def test_work_page_names_author_and_license(site: Site) -> None:
    for image in PLAN[:10]:
        page = unescape(read(site, image.page_url))
        assert f'<span class="author">{image.credit.author}</span>' in page
        assert f'href="{image.credit.license_url}">{image.credit.license}</a>' in page
        assert f'href="{image.image_url}"' in page


def test_robots_may_fetch_all_except_private_images_and_batches(site: Site) -> None:
    rules = {}
    for host in site.robots:
        rules[host] = RobotFileParser()
        rules[host].parse(read(site, f"http://{host}/robots.txt").splitlines())

    def may_fetch(url: str) -> bool:
        return rules[url.split("/")[2]].can_fetch("herodex", url)

    assert may_fetch(f"{SEARCH}/search?q=cat")
    assert not may_fetch(f"{SEARCH}/search/more?q=cat&offset=20")
    assert may_fetch(f"{POKEDEX}/pokemon?page=2")
    for image in PLAN:
        assert may_fetch(image.page_url)
        assert may_fetch(image.image_url) == (image.kind is not Kind.DISALLOWED)


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://example.com/", 502),
        ("http://gallery-99.herodex.test/", 502),
        ("https://search.herodex.test/", 502),
        ("/search?q=cat", 502),
        ("http://[", 400),
        (f"{SEARCH}/nothing", 404),
        (f"{SEARCH}/search/more?q=cat&offset=-20", 400),
        (f"{POKEDEX}/nothing", 404),
        ("http://gallery-1.herodex.test/images/0.jpg", 404),
    ],
)
def test_unknown_urls_are_errors(site: Site, url: str, status: int) -> None:
    assert answer(site, url, first_time=True).status == status
