"""The tables of the page's texts agree with each other and with the code, which has no texts of its own."""

import asyncio
import json
import re
import typing
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from herodex.params import AUTO, load_params
from herodex.serving.client_error import Reason
from herodex.serving.messages import QuoteMessage
from herodex.serving.page_texts import (
    PageTemplate,
    Table,
    accepted_language,
    language_links,
    load_tables,
    template_values,
    with_words,
)
from herodex.serving.site import WEB, create_site

TABLES = load_tables(WEB / "strings")
TEMPLATE = (WEB / "index.html").read_text(encoding="utf-8")
MODULES = {file.name: file.read_text(encoding="utf-8") for file in sorted((WEB / "static").glob("*.js"))}
PROPER_NAMES = {"curl", "Python", "JavaScript (Node)", "HTML", "Herodex", "image", *"rnohlic?"}
READ_OUT = {"alt", "aria-label", "content", "placeholder", "title"}
"""Attributes that people see or hear."""
NO_WORDS = {"code.js", "save.js"}
"""Modules whose long texts are programs and formats, in no human language."""
WITHOUT_TEXT = {"content_type", "form", "method"}
"""Reasons of refusals that a visitor can do nothing about; the page then has a general text."""
SERVICE_VALUES = {*typing.get_args(Reason), *typing.get_args(QuoteMessage.model_fields["source"].annotation)}
"""Values of the API that keys end with."""
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`')
COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`\\/])//[^\n]*", re.DOTALL)
SENTENCE = re.compile(
    r"^[^\w<]*[A-Z][a-z]+(…|\.|,? [a-z“(])|[a-z]{2,} (a|an|the|is|of|and|or|to|in) [a-z]|[a-z] [a-z]+[.…]$"
)
"""Text that reads as English: a capitalised beginning, a function word between others, or a full stop."""


def placeholders(entry: str | dict[str, str]) -> set[str]:
    """Return the placeholders of a text, or of any of its plural forms."""
    texts = [entry] if isinstance(entry, str) else entry.values()
    return {name for text in texts for name in re.findall(r"\{(\w+)\}", text)}


def is_used(key: str, code: str) -> bool:
    """Return whether code or template have a key, whole or put together as in `batch.${state}`."""
    key = key.removesuffix(".hint")
    if f'"{key}"' in code or f"{{{key}}}" in code:
        return True
    cuts = (end for end in range(key.find(".") + 1, len(key) + 1) if f"`{key[:end]}${{" in code)
    return any(is_named(key[end:], code) for end in cuts)


def is_named(part: str, code: str) -> bool:
    """Return whether code names the rest of a key, whole or in parts, as a text or in a pattern."""
    return all(
        word in SERVICE_VALUES or re.search(rf"""[`"'|(]{word}["'|)]""", code)
        for word in ([part] if f'"{part}"' in code or part in SERVICE_VALUES else part.split("_"))
        if word
    )


class Texts(HTMLParser):
    """Collects the texts of HTML, and the attributes that people see or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect attributes."""
        named = dict(attrs).get("name") in {"viewport", "color-scheme"}
        self.found += [value or "" for name, value in attrs if name in READ_OUT and not named]

    def handle_data(self, data: str) -> None:
        """Collect a text."""
        self.found.append(data)


def own_texts(html: str) -> list[str]:
    """Return the texts of a template that are neither a value nor a proper name."""
    parser = Texts()
    parser.feed(re.sub(r"\$(\{[\w.]+\}|\w+)", "", html))
    stripped = (text.strip() for text in parser.found)
    return [text for text in stripped if re.search(r"\w", text) and text not in PROPER_NAMES]


def own_sentences(code: str) -> list[str]:
    """Return the texts of a module that read as English."""
    literals = (one or other for one, other in LITERAL.findall(COMMENT.sub("", code)))
    return [text for text in literals if SENTENCE.search(re.sub(r"\$\{[^{}]*\}", "x", text))]


@pytest.mark.parametrize("language", sorted(set(TABLES) - {"en"}))
def test_tables_have_the_same_keys_and_placeholders(language: str) -> None:
    table, english = TABLES[language], TABLES["en"]
    assert set(table) == set(english)
    assert {key: placeholders(table[key]) for key in table} == {
        key: placeholders(english[key]) for key in table
    }
    assert [key for key in table if isinstance(table[key], str) != isinstance(english[key], str)] == []


@pytest.mark.parametrize("language", TABLES)
def test_plural_forms_have_the_form_for_all_other_numbers(language: str) -> None:
    forms = [entry for entry in TABLES[language].values() if not isinstance(entry, str)]
    assert forms
    assert all("other" in entry and "count" in placeholders(entry) for entry in forms)
    assert not any(set(entry) - {"zero", "one", "two", "few", "many", "other"} for entry in forms)


def test_every_key_of_the_template_is_in_the_table() -> None:
    values = template_values("en", TABLES) | {"static": "", "modules": "", "max_side": "", "embedded": ""}
    assert set(PageTemplate(TEMPLATE).get_identifiers()) <= set(values)


def test_keys_of_the_code_are_in_the_table_and_all_of_the_table_are_used() -> None:
    code = "\n".join(MODULES.values())
    called = set(re.findall(r'\bt\(\s*"([^"]+)"', code))
    hinted = {f"{key}{end}" for key in re.findall(r'\bwithHint\(\s*"([^"]+)"', code) for end in ("", ".hint")}
    assert sorted((called | hinted) - set(TABLES["en"])) == []
    assert not is_used("batch.waited", code)
    by_service = {"language", "languages"}
    assert [key for key in TABLES["en"] if not is_used(key, TEMPLATE + code) and key not in by_service] == []


@pytest.mark.parametrize("reason", typing.get_args(Reason))
def test_every_reason_of_a_refusal_has_a_text(reason: Reason) -> None:
    has_text = {f"error.{reason}", f"error.{reason}.hint"} <= set(TABLES["en"])
    assert has_text == (reason not in WITHOUT_TEXT)


def test_template_has_no_text_of_its_own() -> None:
    assert own_texts(TEMPLATE) == []
    assert own_texts('<p title="A tip">$x</p><b>${a.b} Hello</b>') == ["A tip", "Hello"]


@pytest.mark.parametrize("module", sorted(set(MODULES) - NO_WORDS))
def test_module_has_no_text_of_its_own(module: str) -> None:
    assert own_sentences(MODULES[module]) == []


@pytest.mark.parametrize(
    "text",
    [
        '"Choose a file."',
        '"Sending…"',
        "`Seed ${seed}. Share it`",
        '"unknown author."',
        "`${a} of the ${b} images`",
    ],
)
def test_text_in_code_is_found(text: str) -> None:
    assert own_sentences(f"show({text});") != []


def test_project_words_are_filled_in_and_other_placeholders_stay() -> None:
    table: Table = {"a": "Which {thing}? {count}", "b": {"other": "{count} {thing}"}}
    filled = with_words(table, {"thing": "<tea> & {count}", "name": "x"})
    assert filled == {"a": "Which <tea> & {count}? {count}", "b": {"other": "{count} <tea> & {count}"}}


def test_texts_cannot_break_out_of_the_page() -> None:
    values = template_values("xx", {"xx": {"a": '</script><b title="1">', "language": "X", "languages": "L"}})
    assert values["a"] == "&lt;/script&gt;&lt;b title=&quot;1&quot;&gt;"
    assert "<" not in values["strings"]
    assert json.loads(values["strings"])["a"] == '</script><b title="1">'


def test_one_language_needs_no_links() -> None:
    assert language_links("en", {"en": TABLES["en"]}) == ""
    assert 'lang="de" aria-current="true">Deutsch</a>' in language_links("de", TABLES)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr, en;q=0.3, de;q=0.5", "de"),
        ("EN-gb", "en"),
        ("de;q=0, en;q=0.1", "en"),
        ("fr", "en"),
        ("", "en"),
        ("de;q=often, *", "en"),
    ],
)
def test_browser_prefers_a_language(header: str, language: str) -> None:
    assert accepted_language(header, ["de", "en"], "en") == language


def load(default: str, project: Path, address: str, **headers: str) -> httpx.Response:
    """Load the page with a default language."""
    params = load_params()
    page = params.page.model_copy(update={"language": default})
    site = create_site(params.model_copy(update={"page": page}), project)
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://a.test") as client:
            return await client.get(address, headers=named)

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("default", "address", "accepted", "language"),
    [
        ("en", "/", "de", "en"),
        ("de", "/names", "en", "de"),
        ("en", "/?lang=DE", "en", "de"),
        ("de", "/?lang=xx", "en", "de"),
        (AUTO, "/", "de-CH", "de"),
        (AUTO, "/", "fr", "en"),
        (AUTO, "/?lang=en", "de", "en"),
    ],
)
def test_page_is_sent_in_the_language(
    tmp_path: Path, default: str, address: str, accepted: str, language: str
) -> None:
    response = load(default, tmp_path, address, accept_language=accepted)
    assert f'<html lang="{language}" dir="ltr">' in response.text
    assert response.headers["cache-control"] == "no-cache"


def test_caches_know_that_an_automatic_language_depends_on_the_browser(tmp_path: Path) -> None:
    german = load(AUTO, tmp_path, "/", accept_language="de")
    assert german.headers["vary"] == "Accept-Encoding, Accept-Language"
    etag = german.headers["etag"]
    assert load(AUTO, tmp_path, "/", accept_language="de", if_none_match=etag).status_code == 304
    assert load(AUTO, tmp_path, "/", accept_language="en", if_none_match=etag).status_code == 200
    assert load(AUTO, tmp_path, "/?lang=de").headers["vary"] == "Accept-Encoding"
