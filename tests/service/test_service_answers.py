"""Valid requests to a real server over HTTP."""

import io
import json
import math
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image
from tiny_service import COLOURS, NAMES, ROOT

from herodex.serving.quotes import load_bundled_quotes

BUNDLED = {quote.id for quote in load_bundled_quotes()}


def image(colour: tuple[int, int, int], kind: str = "PNG", size: tuple[int, int] = (90, 60)) -> bytes:
    """Encode an image of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return file.getvalue()


def classify(client: httpx.Client, data: bytes) -> dict[str, object]:
    """Upload an image and return the answer."""
    response = client.post("/api/classify", files={"image": ("image", data)})
    assert response.status_code == 200, response.text
    return response.json()


def names(client: httpx.Client, **request: object) -> httpx.Response:
    """Request names."""
    return client.post("/api/names", json=request)


@pytest.mark.parametrize("label", COLOURS)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_image_gets_its_class_with_probabilities_that_sum_to_one(
    client: httpx.Client, label: str, kind: str
) -> None:
    answer = classify(client, image(COLOURS[label], kind))
    assert (answer["label"], answer["known"], answer["set"]) == (label, True, [label])
    probabilities = answer["probabilities"]
    assert isinstance(probabilities, dict)
    assert set(probabilities) == set(COLOURS)
    assert math.isclose(sum(probabilities.values()) + answer["unknown"], 1, abs_tol=1e-5)  # type: ignore[operator]
    assert len(str(answer["model"])) == 12


def test_image_of_no_class_is_unknown(client: httpx.Client) -> None:
    answer = classify(client, image((250, 250, 250)))
    assert answer["known"] is False
    assert answer["unknown"] > 0.99  # type: ignore[operator]
    assert answer["label"] in COLOURS
    assert answer["set"] == ["unknown"]


def test_transparent_image_is_classified_on_white(client: httpx.Client) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (64, 64), (220, 20, 20, 0)).save(file, "PNG")
    assert classify(client, file.getvalue())["known"] is False


def test_large_image_within_the_limits_is_classified(client: httpx.Client) -> None:
    data = image(COLOURS["ocean"], "PNG", (5000, 5000))
    assert classify(client, data)["label"] == "ocean"


def test_requested_number_of_distinct_names_is_returned(client: httpx.Client) -> None:
    for count in (1, 15):
        answer = names(client, count=count, temperature=1).json()
        invented = [entry["name"] for entry in answer["names"]]
        assert len(set(invented)) == count
        assert all(invented)


def test_each_name_has_novelty_nearest_name_and_score(client: httpx.Client) -> None:
    answers = [names(client, count=15, temperature=0.5, seed=seed, novel=False).json() for seed in range(5)]
    entries = [entry for answer in answers for entry in answer["names"]]
    for entry in entries:
        assert set(entry) == {"name", "novel", "nearest", "distance", "nats"}
        assert entry["nearest"] in NAMES
        assert entry["novel"] == (entry["name"] not in NAMES)
        assert (entry["distance"] == 0) == (not entry["novel"])
        assert 0 < entry["nats"] < 10
    assert not all(entry["distance"] > 1 for entry in entries)


def test_names_meet_the_constraints_and_are_new_by_default(client: httpx.Client) -> None:
    constraints = {"prefix": "Co", "min_length": 4, "max_length": 7, "top_k": 5, "top_p": 0.95}
    answer = names(client, count=10, temperature=1.5, seed=3, **constraints)
    assert answer.status_code == 200, answer.text
    for entry in answer.json()["names"]:
        assert entry["name"].startswith("Co")
        assert 4 <= len(entry["name"]) <= 7
        assert entry["distance"] > len(entry["name"]) / 5


def test_constraints_that_no_name_meets_are_refused(client: httpx.Client) -> None:
    answer = names(client, count=3, temperature=0.5, prefix="Anemo", max_length=5)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("No new name of at most 5 characters starts with 'anemo' (")
    assert "horten the prefix" in answer.json()["hint"]


@pytest.mark.parametrize("prefix", ["\u05e9\u05dc\u05d5\u05dd", "\U0001f600", "a\u202eb", "ミュウ"])
def test_prefix_with_unknown_characters_is_refused_with_the_known_ones(
    client: httpx.Client, prefix: str
) -> None:
    answer = names(client, count=3, temperature=1, prefix=prefix)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("'prefix' has characters that no known name has: ")
    assert "\u202e" not in answer.json()["error"]
    assert answer.json()["hint"].startswith("The known ones are a b c d e")


def test_names_are_scored_in_the_order_of_the_request(client: httpx.Client) -> None:
    answer = client.post("/api/names/score", json={"names": ["Corvin", " CORVIN", "Xqz", "Zażółć"]})
    assert answer.status_code == 200, answer.text
    real, upper, unlikely, foreign = answer.json()["names"]
    assert real == {
        "name": "Corvin",
        "nats": real["nats"],
        "unknown": [],
        "nearest": "Corvin",
        "distance": 0,
        "real": True,
    }
    assert upper | {"name": "Corvin"} == real
    assert unlikely["nats"] is None
    assert unlikely["unknown"] == ["q", "z"]
    assert foreign["unknown"] == ["z", "ó", "ć", "ł", "ż"]
    many = client.post("/api/names/score", json={"names": ["ab" * 50] * 100})
    assert len(many.json()["names"]) == 100


def test_sampled_and_scored_names_have_the_same_score(client: httpx.Client) -> None:
    sampled = names(client, count=10, temperature=1, seed=5).json()["names"]
    scored = client.post("/api/names/score", json={"names": [entry["name"] for entry in sampled]}).json()
    for one, other in zip(sampled, scored["names"], strict=True):
        assert one["nats"] == pytest.approx(other["nats"], abs=2e-3)


def test_case_of_content_types_does_not_matter(client: httpx.Client) -> None:
    body = b'{"count": 2, "temperature": 1, "seed": 3}'
    named = client.post("/api/names", content=body, headers={"content-type": "APPLICATION/JSON"})
    assert named.json() == names(client, count=2, temperature=1, seed=3).json()
    head = b'--b\r\ncontent-disposition: form-data; name="image"; filename="x"\r\n\r\n'
    form = head + image(COLOURS["ocean"]) + b"\r\n--b--\r\n"
    headers = {"content-type": "Multipart/Form-Data; boundary=b"}
    assert client.post("/api/classify", content=form, headers=headers).json()["label"] == "ocean"


def test_returned_seed_reproduces_the_names(client: httpx.Client) -> None:
    first = names(client, count=5, temperature=1.5).json()
    again = names(client, count=5, temperature=1.5, seed=first["seed"]).json()
    assert again == first
    assert names(client, count=5, temperature=1.5).json()["seed"] != first["seed"]


def test_quotes_are_bundled_when_no_api_answers_and_never_repeat(
    client: httpx.Client,
) -> None:
    shown = ""
    for _ in range(20):
        quote = client.get("/api/quote", params={"not": shown}).json()
        assert set(quote) == {"id", "text", "author", "source"}
        assert quote["source"] == "bundled"
        assert quote["id"] in BUNDLED - {shown}
        shown = quote["id"]


def test_page_settings_come_from_the_params(client: httpx.Client) -> None:
    about = client.get("/api/about").json()
    assert about["thing"] == "colour"
    assert about["name"] == "Elf"
    assert about["classes"] == list(COLOURS)
    assert about["display_names"] == {}
    assert (about["max_names"], about["min_temperature"], about["max_temperature"]) == (15, 0.5, 5)


@pytest.mark.parametrize("path", ["/", "/static/icon.svg", "/api/about", "/static/none.js", "/docs.json"])
def test_documents_and_answers_have_all_security_headers(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", ["/static/app.js", "/static/base.css", "/static/style.css"])
def test_scripts_and_styles_have_the_security_headers_that_browsers_heed_there(
    client: httpx.Client, path: str
) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert "content-security-policy" not in response.headers


def test_only_files_of_the_page_are_served(client: httpx.Client) -> None:
    for path in ("/static/../index.html", "/static/%2e%2e/__init__.py", "/static/", "/params.yaml"):
        assert client.get(path).status_code == 404


def test_probes_metrics_and_openapi_document_are_available(client: httpx.Client) -> None:
    for path in ("/readyz", "/livez", "/metrics"):
        assert client.get(path).status_code == 200
    paths = client.get("/docs.json").json()["paths"]
    form = paths["/api/classify"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert list(form["properties"]) == ["image"]
    assert "\n    " not in paths["/api/names"]["post"]["description"]
    body = paths["/api/names"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["count", "temperature"]
    fields = {"count", "temperature", "seed", "top_k", "top_p", "prefix", "min_length", "max_length", "novel"}
    assert set(body["properties"]) == fields
    assert body["properties"]["count"]["maximum"] == 15
    assert body["properties"]["prefix"]["maxLength"] == 50
    score = paths["/api/names/score"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert (score["properties"]["names"]["minItems"], score["properties"]["names"]["maxItems"]) == (1, 100)


def test_metrics_count_answers_and_durations(client: httpx.Client) -> None:
    classify(client, image(COLOURS["ocean"]))
    classify(client, image((250, 250, 250)))
    names(client, count=7, temperature=1)
    client.get("/api/quote")
    text = client.get("/metrics").text
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    for sample in (
        'herodex_requests_total{route="/api/classify",status="200"}',
        'herodex_request_seconds_count{route="/api/names"}',
        'herodex_model_seconds_count{model="classifier"}',
        'herodex_batch_size_sum{model="generator"}',
        'herodex_images_total{answer="known"}',
        'herodex_images_total{answer="unknown"}',
        'herodex_quotes_total{source="bundled"}',
    ):
        assert float(samples[sample]) >= 1, sample
    assert samples["herodex_requests_in_progress"] == "1.0"


def test_bentoml_client_can_use_the_service(client: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "meadow.png"
    file.write_bytes(image(COLOURS["meadow"]))
    script = (
        "import bentoml, json, sys\n"
        "with bentoml.SyncHTTPClient(sys.argv[1]) as client:\n"
        "    answer = client.classify(image=sys.argv[2])\n"
        "    names = client.names(count=2, temperature=1.0, seed=3)\n"
        "print(json.dumps([answer['label'], len(names['names'])]))"
    )
    command = [sys.executable, "-c", script, str(client.base_url), str(file)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(output.stdout.splitlines()[-1]) == ["meadow", 2]


def test_service_imports_no_training_or_crawling_library(tiny_project: Path) -> None:
    script = "import service, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", script]
    output = subprocess.run(command, cwd=tiny_project, capture_output=True, text=True, check=True)
    loaded = set(output.stdout.split())
    assert {"herodex", "bentoml", "openvino"} <= loaded
    unwanted = {
        "tensorflow",
        "keras",
        "mlflow",
        "dvc",
        "scrapy",
        "selenium",
        "pandas",
        "matplotlib",
        "sklearn",
    }
    assert not loaded & unwanted


def test_page_files_name_no_other_host_and_no_default_class() -> None:
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    words = [word.strip(" []") for word in params.split("classes:")[1].split("#")[0].split(",")]
    for file in sorted((ROOT / "src/herodex/web").rglob("*.*")):
        if file.suffix in {".html", ".js", ".css", ".svg"}:
            text = file.read_text(encoding="utf-8").lower().replace("http://www.w3.org/2000/svg", "")
            assert "://" not in text, file
            assert not [word for word in [*words, "pokémon", "superhero"] if word in text], file


def test_explanation_is_added_on_request(client: httpx.Client) -> None:
    form = {"image": ("image", image(COLOURS["ocean"]))}
    explained = client.post("/api/classify?explain=true", files=form).json()
    nearest, heat_map = explained.pop("nearest"), explained.pop("heat_map")
    assert explained == classify(client, image(COLOURS["ocean"]))
    assert nearest[0]["label"] == heat_map["label"] == explained["label"] == "ocean"
    assert nearest[0]["page_url"] == "http://a.test/ocean"
    assert heat_map["box"] == [0, 0, 1, 1]
    assert {len(row) for row in heat_map["grid"]} == {len(heat_map["grid"])}
