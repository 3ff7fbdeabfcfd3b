"""The page and its files from a real server: compressed, and cached as long as they stay the same."""

import gzip
import io
import re
from pathlib import Path

import httpx
import pytest
from PIL import Image

from herodex.serving.site import WEB
from herodex.serving.static_files import (
    STYLES,
    load_static_files,
    load_thumbnails,
    render_page,
    version_of,
)

NAMES = sorted(file.name for file in (WEB / "static").iterdir())


def addresses(html: str) -> list[str]:
    """Return the addresses of the page's static files."""
    return re.findall(r'(?:src|href)="(static/[^"]+)"', html)


def test_page_names_its_files_by_their_hash_and_loads_all_modules(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    found = addresses(page.text)
    # All stylesheets are in one file.
    named = {name for name in NAMES if not name.endswith(".css")} | {STYLES}
    assert {address.rpartition("/")[2] for address in found} == named
    (folder,) = {address.rpartition("/")[0] for address in found}
    assert re.fullmatch("static/[0-9a-f]{16}", folder)
    preloaded = re.findall(r'rel="modulepreload" href="[^"]+/(\w+\.js)"', page.text)
    assert {*preloaded, "app.js"} == {name for name in NAMES if name.endswith(".js")}
    assert client.get("/names").content == page.content
    assert "$" not in page.text


@pytest.mark.parametrize("name", NAMES)
def test_file_of_this_version_is_cached_for_ever(client: httpx.Client, name: str) -> None:
    folder = addresses(client.get("/").text)[0].rpartition("/")[0]
    response = client.get(f"/{folder}/{name}")
    assert response.content == (WEB / "static" / name).read_bytes()
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert response.headers["content-type"].startswith(kinds[name.rpartition(".")[2]])
    assert response.headers["x-content-type-options"] == "nosniff"


def test_file_of_another_version_is_answered_but_not_cached(client: httpx.Client) -> None:
    response = client.get("/static/0123456789abcdef/app.js")
    assert response.content == (WEB / "static/app.js").read_bytes()
    assert response.headers["cache-control"] == "no-store"
    assert client.get("/static/app.js").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/%2e%2e/%2e%2e/params.py",
        "/static/0123456789abcdef/%2e%2e/app.js",
        "/static/0123456789abcdef/no.js",
        "/static/other/app.js",
    ],
)
def test_address_without_a_file_is_refused(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["error"] == "There is no such file."
    assert "immutable" not in response.headers["cache-control"]


@pytest.mark.parametrize("path", ["/", "/static/app.js"])
def test_files_are_sent_compressed_to_clients_that_accept_it(client: httpx.Client, path: str) -> None:
    plain = client.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with client.stream("GET", path, headers={"accept-encoding": "gzip, br"}) as response:
        raw = b"".join(response.iter_raw())
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["vary"] == "Accept-Encoding"
        assert int(response.headers["content-length"]) == len(raw) < 0.6 * len(plain.content)
    assert gzip.decompress(raw) == plain.content


@pytest.mark.parametrize("path", ["/", "/names", "/static/app.js", "/static/0123456789abcdef/app.js"])
def test_unchanged_file_is_not_sent_again(client: httpx.Client, path: str) -> None:
    etag = client.get(path).headers["etag"]
    again = client.get(path, headers={"if-none-match": f'"other", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")


def test_thumbnails_of_examples_are_small_and_cached(client: httpx.Client) -> None:
    folder = addresses(client.get("/").text)[0].rpartition("/")[0]
    for example in client.get("/api/about").json()["examples"]:
        response = client.get(f"/{folder}/{Path(example['address']).name}.webp")
        assert response.headers["content-type"] == "image/webp"
        assert "immutable" in response.headers["cache-control"]
        assert max(Image.open(io.BytesIO(response.content)).size) <= 96
        assert client.get(f"/{example['address']}").status_code == 200


def test_thumbnail_of_a_large_image_is_scaled_down_and_a_damaged_one_kept(tmp_path: Path) -> None:
    Image.effect_noise((256, 256), 90).save(tmp_path / "0-a noise.png")
    (tmp_path / "1-damaged.jpg").write_bytes(b"damaged")
    thumbnails = load_thumbnails(sorted(tmp_path.iterdir()))
    assert list(thumbnails) == ["0-a noise.png.webp", "1-damaged.jpg.webp"]
    noise = thumbnails["0-a noise.png.webp"]
    assert Image.open(io.BytesIO(noise.body)).size == (96, 96)
    assert len(noise.body) < 0.2 * (tmp_path / "0-a noise.png").stat().st_size
    assert thumbnails["1-damaged.jpg.webp"].body == b"damaged"


def test_every_change_of_a_file_changes_the_version(tmp_path: Path) -> None:
    versions = set()
    for name, text in (("a.js", "1"), ("a.js", "2"), ("b.js", "2"), ("c.css", "")):
        (tmp_path / name).write_text(text)
        versions.add(version_of(load_static_files(tmp_path)))
    assert len(versions) == 4
    files = load_static_files(tmp_path)
    page = render_page("$static $modules $max_side", files, version_of(files), 300, {})
    assert page.body.decode().endswith(
        f'a.js">\n    <link rel="modulepreload" href="static/{version_of(files)}/b.js"> 300'
    )
