import json

import pytest
from parsel import Selector
from scrapy.http import HtmlResponse, Response, TextResponse

from crawlers.items import SpeciesName
from crawlers.spiders.demo_pokedex import read_species as read_row
from crawlers.spiders.names import html_page
from crawlers.spiders.pokeapi import ListPage, address_of, read_json, read_list, read_species
from crawlers.spiders.pokemondb import read_card

URL = "https://pokeapi.co/api/v2/pokemon-species/25/"
NEXT = "https://pokeapi.co/api/v2/pokemon-species?offset=100&limit=100"
RECORD = {
    "id": 25,
    "name": "pikachu",
    "generation": {"name": "generation-i", "url": "https://pokeapi.co/api/v2/generation/1/"},
    "names": [
        {"language": {"name": "ja"}, "name": "ピカチュウ"},
        {"language": {"name": "en"}, "name": " Pika\nchu "},
    ],
}
RESULTS = [{"name": "pikachu", "url": URL}]
PAGE = {"count": 1025, "next": NEXT, "previous": None, "results": RESULTS}


def test_pokeapi_species_is_read_in_the_requested_language():
    assert read_species(RECORD, "en", URL) == SpeciesName(25, "Pika chu", 1, URL)
    assert read_species(RECORD, "ja", URL).name == "ピカチュウ"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, "no JSON object"),
        ([RECORD], "no JSON object"),
        ({}, "its number is 'None'"),
        (RECORD | {"id": 26}, "its number is '26'"),
        (RECORD | {"id": "25"}, "its number is '25'"),
        (RECORD | {"id": 25.0}, "its number is"),
        (RECORD | {"names": None}, "no name in the language 'en'"),
        (RECORD | {"names": [None, {}, {"language": "en"}, {"language": {}}]}, "no name in the language"),
        (RECORD | {"names": [{"language": {"name": "en"}, "name": " \0"}]}, "no name in the language"),
        (RECORD | {"names": [{"language": {"name": "en"}, "name": 5}]}, "no name in the language"),
        (RECORD | {"generation": None}, "of no generation"),
        (RECORD | {"generation": {"name": "generation-i"}}, "of no generation"),
        (RECORD | {"generation": {"url": "https://pokeapi.co/api/v2/generation/one/"}}, "of no generation"),
        (RECORD | {"generation": {"url": 1}}, "of no generation"),
    ],
)
def test_malformed_pokeapi_species_is_an_error_with_its_reason(record, reason):
    with pytest.raises(ValueError, match=reason):
        read_species(record, "en", URL)


def test_list_page_is_read():
    assert read_list(PAGE) == ListPage(1025, RESULTS, NEXT)
    assert read_list(PAGE | {"next": None}).following is None


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (None, "no page of a list"),
        ({}, "no page of a list"),
        (PAGE | {"results": {}}, "no page of a list"),
        (PAGE | {"results": []}, "lists no species"),
        (PAGE | {"count": "many"}, "does not state its length"),
        (PAGE | {"count": True}, "does not state its length"),
        (PAGE | {"next": 2}, "no page of the list"),
        (PAGE | {"next": "https://elsewhere.test/api/v2/pokemon-species?offset=100"}, "no page of the list"),
        (PAGE | {"next": "file:///etc/passwd"}, "no page of the list"),
        (PAGE | {"next": NEXT + "0" * 3000}, "no page of the list"),
    ],
)
def test_malformed_list_page_is_an_error_with_its_reason(page, reason):
    with pytest.raises(ValueError, match=reason):
        read_list(page)


@pytest.mark.parametrize(
    "record",
    [
        None,
        {},
        {"url": 25},
        {"url": "https://elsewhere.test/api/v2/pokemon-species/25/"},
        {"url": "https://pokeapi.co.elsewhere.test/api/v2/pokemon-species/25/"},
        {"url": "http://127.0.0.1/api/v2/pokemon-species/25/"},
        {"url": "https://pokeapi.co/api/v2/pokemon-species/../../admin"},
        {"url": "https://pokeapi.co/api/v2/pokemon-species/25/?limit=1"},
    ],
)
def test_species_urls_of_other_sites_are_rejected(record):
    assert address_of({"url": URL}) == URL
    with pytest.raises(ValueError, match="without an address in the API"):
        address_of(record)


def test_json_is_read_with_any_content_type():
    response = TextResponse(URL, headers={"Content-Type": "text/plain"}, body=json.dumps(RECORD).encode())
    assert read_json(response) == RECORD


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"id": 25', b"\xff\xfe\0", b"[" * 100_000])
def test_invalid_json_is_an_error_with_its_content_type(body):
    with pytest.raises(ValueError, match="no JSON but 'image/png'"):
        read_json(Response(URL, headers={"Content-Type": "image/png"}, body=body))


def card(number="#0025", name="Pikachu", href="/pokedex/pikachu", heading="Generation 1 Pokémon"):
    return Selector(
        f'<h1>Generation 7</h1><h2>{heading}</h2><div class="infocard-list"><div class="infocard">'
        f'<small>{number}</small> <a class="ent-name" href="{href}">{name}</a> <small>Electric</small>'
        "</div></div><h2>Generation 2 Pokémon</h2>"
    ).css(".infocard")[0]


def test_pokemondb_card_is_read_with_the_generation_above():
    national = "https://pokemondb.net/pokedex/national"
    assert read_card(card(name=" <b>Pika</b>chu "), national) == SpeciesName(
        25, "Pikachu", 1, "https://pokemondb.net/pokedex/pikachu"
    )


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"number": "25"}, "has no number"),
        ({"number": "#२५"}, "has no number"),
        ({"number": ""}, "has no number"),
        ({"name": " "}, "without a name"),
        ({"heading": "Pokémon"}, "no generation"),
        ({"href": "javascript:alert(1)"}, "not on the web"),
    ],
)
def test_malformed_pokemondb_card_is_an_error_with_its_reason(cells, reason):
    with pytest.raises(ValueError, match=reason):
        read_card(card(**cells), "https://pokemondb.net/pokedex/national")


def row(number="#0001", name="Bulbasaur", generation="1"):
    cells = {"number": number, "name": name, "generation": generation}
    columns = "".join(f'<td class="{column}">{text}</td>' for column, text in cells.items())
    return Selector(f"<table><tr>{columns}</tr></table>").css("tr")[0]


def test_demo_pokedex_row_is_read():
    assert read_row(row(name=" Mr. Mime "), "http://p.test/") == SpeciesName(
        1, "Mr. Mime", 1, "http://p.test/"
    )


@pytest.mark.parametrize("cells", [{"number": "one"}, {"name": " "}, {"generation": ""}])
def test_incomplete_demo_pokedex_row_is_an_error(cells):
    with pytest.raises(ValueError, match=r"."):
        read_row(row(**cells), "http://p.test/")


def test_image_response_is_no_html_page():
    assert html_page(HtmlResponse(URL, body=b"<p>text", encoding="utf-8")).css("p::text").get() == "text"
    with pytest.raises(ValueError, match="no HTML but 'image/png'"):
        html_page(Response(URL, headers={"Content-Type": "image/png"}, body=b"\x89PNG"))
