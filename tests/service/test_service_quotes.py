"""The service with a quote API over HTTPS."""

import json
from collections.abc import Iterator

import httpx
import pytest
from certificate import server_context, write_certificate
from quote_api import QUOTES, QuoteApi, running_quote_api
from tiny_service import make_project, serving


@pytest.fixture(scope="module")
def quoting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, QuoteApi]]:
    """A service whose model knows two names, and the quote API that it asks at every request."""
    folder = tmp_path_factory.mktemp("quoting")
    certificate = write_certificate(folder)
    with running_quote_api(server_context(certificate)) as api:
        project = make_project(
            folder / "project", ["Ab", "Cd"], quote_urls=[api.url], quote_ttl_s=0.001, quote_timeout_s=10
        )
        with (
            serving(project, SSL_CERT_FILE=str(certificate)) as url,
            httpx.Client(base_url=url, timeout=60) as client,
        ):
            yield client, api


def test_quotes_are_fetched_then_cached_also_after_the_api_fails(
    quoting: tuple[httpx.Client, QuoteApi],
) -> None:
    client, api = quoting
    texts = {quote["q"] for quote in QUOTES}
    first = client.get("/api/quote").json()
    assert (first["source"], first["text"] in texts) == ("upstream", True)
    for status, body in [(500, b""), (302, b""), (200, b"<html>"), (200, json.dumps([{"q": 1}]).encode())]:
        api.status, api.body = status, body
        answer = client.get("/api/quote", params={"not": first["id"]}).json()
        assert (answer["source"], answer["text"] in texts - {first["text"]}) == ("cache", True)


def test_slow_quote_api_does_not_delay_other_requests(
    quoting: tuple[httpx.Client, QuoteApi],
) -> None:
    client, api = quoting
    api.slow = True
    assert client.get("/api/quote").status_code == 200
    assert client.get("/api/about").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_model_with_too_few_names_returns_422(quoting: tuple[httpx.Client, QuoteApi]) -> None:
    client, _ = quoting
    response = client.post("/api/names", json={"count": 15, "temperature": 0.5, "seed": 1})
    assert response.status_code == 422
    assert set(response.json()) == {"error", "hint"}
    assert "another seed" in response.json()["hint"]
