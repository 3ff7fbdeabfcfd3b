"""Thumbnails of the training images that an answer names."""

import io

import httpx
import pytest
from PIL import Image
from tiny_service import COLOURS, image_hash


@pytest.fixture(scope="module")
def thumbnails(client: httpx.Client) -> dict[str, str]:
    """The addresses of the thumbnails by class."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), COLOURS["cherry"]).save(file, "PNG")
    answer = client.post("/api/classify?explain=true", files={"image": ("image", file.getvalue())})
    return {each["label"]: each["thumbnail"] for each in answer.json()["nearest"]}


def test_answer_names_the_thumbnails_that_the_service_has(thumbnails: dict[str, str]) -> None:
    with_thumbnail = {label: f"neighbours/{image_hash(label)}.webp" for label in ("cherry", "meadow")}
    assert thumbnails == {**with_thumbnail, "ocean": ""}


def test_thumbnail_is_cached_for_a_day_only(client: httpx.Client, thumbnails: dict[str, str]) -> None:
    response = client.get(f"/{thumbnails['cherry']}")
    assert response.headers["content-type"] == "image/webp"
    assert response.headers["cache-control"] == "public, max-age=86400"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(response.content)).size == (96, 64)
    unchanged = {"if-none-match": response.headers["etag"]}
    assert client.get(f"/{thumbnails['cherry']}", headers=unchanged).status_code == 304


@pytest.mark.parametrize(
    "name",
    [f"{image_hash('ocean')}.webp", "%2e%2e%2fclean.webp", "", "cherry.png", f"{image_hash('cherry')}"],
)
def test_other_addresses_are_refused(client: httpx.Client, name: str) -> None:
    response = client.get(f"/neighbours/{name}")
    assert (response.status_code, response.json()["error"]) == (404, "There is no such file.")


def test_openapi_describes_the_thumbnail(client: httpx.Client) -> None:
    schemas = client.get("/docs.json").json()["components"]["schemas"]
    fields = next(schema for name, schema in schemas.items() if name.endswith("Neighbour"))["properties"]
    assert fields["thumbnail"]["type"] == "string"
    assert "thumbnail" in str(schemas)
