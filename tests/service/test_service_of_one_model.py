"""A service with one of both models serves it, and says what it lacks."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tiny_service import COLOURS, serving

IMAGE = "data/examples/0-cherry.png"
MODELS = ("classifier", "generator")


@pytest.fixture(scope="module", params=MODELS)
def lacking(
    request: pytest.FixtureRequest, tiny_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path, httpx.Client]]:
    """The name of the missing model, the project and a client of its service."""
    project = tmp_path_factory.mktemp("half") / "project"
    shutil.copytree(tiny_project, project)
    shutil.rmtree(project / "models" / request.param)
    with serving(project) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield request.param, project, client


def answers(project: Path, client: httpx.Client) -> dict[str, list[httpx.Response]]:
    """Ask each model's endpoints."""
    with (project / IMAGE).open("rb") as image:
        classified = client.post("/api/classify", files={"image": image})
    invented = client.post("/api/names", json={"count": 2, "temperature": 1})
    scored = client.post("/api/names/score", json={"names": ["Anemo"]})
    return {"classifier": [classified], "generator": [invented, scored]}


def test_present_model_answers_and_missing_one_is_refused(lacking):
    missing, project, client = lacking
    for model, responses in answers(project, client).items():
        for response in responses:
            assert response.status_code == (404 if model == missing else 200), response.text
            if model == missing:
                assert response.json()["error"] == f"This service has no {missing}."
                assert f"make run PART={missing}" in response.json()["hint"]


def test_page_learns_which_model_there_is(lacking):
    missing, _, client = lacking
    about = client.get("/api/about").json()
    assert about["models"] == [model for model in MODELS if model != missing]
    assert about["classes"] == ([] if missing == "classifier" else list(COLOURS))
    assert bool(about["examples"]) == (missing == "generator")


def test_start_says_which_model_is_missing(lacking):
    missing, project, _ = lacking
    log = (project / "server.log").read_text(encoding="utf-8")
    assert f"serving without a {missing}: models/{missing} is missing" in log
