"""A crawl never asks for withdrawn addresses and hosts, and keeps no image with withdrawn bytes."""

import csv
import hashlib
from urllib.parse import urlsplit

from crawl_through import THROUGH
from odd_web import Answer, give, result, running_odd_web, search_page
from workspace import Workspace

from herodex.forgotten_list import AUTHOR, HOST, IMAGE, LICENSE, add_forgotten, url_hash, value_hash

JPEG = b"\xff\xd8\xff\xe0 an image as far as its first bytes go"
WITHDRAWN = JPEG + b" withdrawn"
SEARCH = "http://search.herodex.test/search?q="


def image(name: str) -> str:
    return f"http://images.test/{name}"


def test_withdrawn_sources_are_neither_asked_for_nor_kept(workspace: Workspace):
    workspace.write_params({"classes": ["one", "two"], "distractors": [], "crawl.images.per_query": 3})
    host = "http://withdrawn.test/1.jpg"
    results = [
        result(host, author="Di"),
        result(image("page.jpg"), page="http://withdrawn.test/page", author="Di"),
        result(image("author.jpg"), author="Ann  LEE"),
        result(image("licence.jpg"), license="CC BY-NC 4.0"),
        result(image("address.jpg")),
        result(image("redirected.jpg"), title="to a withdrawn host"),
        result(image("elsewhere.jpg"), title="withdrawn bytes"),
        result(image("kept.jpg"), author="Bo", title="kept"),
    ]
    answers: dict[str, Answer] = {
        f"{SEARCH}one": search_page(results),
        f"{SEARCH}two": search_page([result(image("kept.jpg"), author="Bo", title="kept")]),
        image("redirected.jpg"): give(302, b"", {"Location": host}),
        image("elsewhere.jpg"): give(200, WITHDRAWN),
        **{
            image(f"{name}.jpg"): give(200, JPEG) for name in ("page", "author", "licence", "address", "kept")
        },
        host: give(200, JPEG),
    }
    for digest, reason in (
        (value_hash(HOST, "withdrawn.test"), HOST),
        (value_hash(AUTHOR, "ann lee"), AUTHOR),
        (value_hash(LICENSE, "CC BY-NC 4.0"), LICENSE),
        (url_hash(image("address.jpg")), IMAGE),
        (hashlib.sha256(WITHDRAWN).hexdigest(), IMAGE),
    ):
        add_forgotten(workspace.folder / "data" / "forgotten.csv", [digest], reason, "2026-11-28")
    with running_odd_web(lambda _: answers) as web:
        done = workspace.run(THROUGH, "images", web.proxy)
    assert done.code == 0, done.log
    # Chromium asks hosts of its own.
    asked = {url for url in web.requests if urlsplit(url).hostname in {"images.test", "withdrawn.test"}}
    assert asked == {
        "http://images.test/robots.txt", image("redirected.jpg"), image("elsewhere.jpg"), image("kept.jpg")
    }  # fmt: skip
    files = workspace.tree("crawled")
    rows = list(csv.DictReader(files["manifest.csv"].decode().splitlines()))
    assert [(row["query"], row["title"], row["status"]) for row in rows] == [
        ("one", "kept", "ok"), ("two", "kept", "ok")
    ]  # fmt: skip
    assert WITHDRAWN not in [*files.values(), *workspace.tree("state").values()]
    # The search went on until it had three results; two of these turned out to be withdrawn.
    assert "one: 7 results of withdrawn sources" in files["sources.md"].decode()
    assert "one: 7 results of withdrawn sources left out" in done.log
    kept = files["manifest.csv"] + files["sources.md"]
    assert not [text for text in (b"withdrawn.test", b"LEE", b"BY-NC", b"address.jpg") if text in kept]


def test_withdrawn_host_of_names_is_not_asked(workspace: Workspace):
    digest = value_hash(HOST, "*.herodex.test")
    add_forgotten(workspace.folder / "data" / "forgotten.csv", [digest], HOST, "2026-11-28")
    workspace.write_params({"classes": ["one", "two"], "distractors": []})
    with running_odd_web(lambda _: {}) as web:
        done = workspace.run(THROUGH, "names", web.proxy)
    assert done.code == 1
    assert "withdrawn: data/forgotten.csv has it" in done.log
    assert not [url for url in web.requests if "herodex.test" in url]
