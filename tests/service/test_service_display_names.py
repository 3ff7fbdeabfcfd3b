"""Display names of classes reach the page's settings alone; the API keeps the names of the classes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from tiny_service import COLOURS, FAILED, serving, started

DISPLAY_NAMES = {"cherry": "<b>Kirsche</b> 🍒", "ocean": "Океан", "grey": "Grau"}


def project_with(display_names: dict[str, str], tiny_project: Path, folder: Path) -> Path:
    """Copy the tiny project, with display names of its classes and its distractor."""
    project = folder / "project"
    shutil.copytree(tiny_project, project)
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    values["page"]["display_names"], values["distractors"] = display_names, ["grey"]
    (project / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return project


@pytest.fixture(scope="module")
def client(tiny_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service with display names, and an example of a class called `c#`."""
    project = project_with(DISPLAY_NAMES, tiny_project, tmp_path_factory.mktemp("display_names"))
    shutil.copy(project / "data/examples/0-cherry.png", project / "data/examples/3-c# 100%.png")
    with serving(project) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def test_about_has_the_display_names_beside_the_classes(client: httpx.Client) -> None:
    about = client.get("/api/about").json()
    assert about["display_names"] == DISPLAY_NAMES
    assert about["classes"] == list(COLOURS)
    assert [example["subject"] for example in about["examples"]] == [*COLOURS, "c# 100%"]


def test_answers_have_the_names_of_the_classes(client: httpx.Client) -> None:
    example = client.get("/examples/0-cherry.png").content
    answer = client.post("/api/classify?explain=true", files={"image": ("image", example)}).json()
    assert answer["label"] == answer["heat_map"]["label"] == answer["nearest"][0]["label"] == "cherry"
    assert set(answer["probabilities"]) == set(COLOURS)
    assert answer["set"] == ["cherry"]


def test_example_of_a_class_with_special_characters_is_served(client: httpx.Client) -> None:
    *_, special = client.get("/api/about").json()["examples"]
    assert client.get(special["address"]).headers["content-type"] == "image/png"
    thumbnail = f"/static/{special['address'].rpartition('/')[2]}.webp"
    assert client.get(thumbnail).headers["content-type"] == "image/webp"


def test_display_name_of_no_class_stops_the_service_with_one_message(
    tiny_project: Path, tmp_path: Path
) -> None:
    project = project_with({"chery": "Kirsche"}, tiny_project, tmp_path)
    with started(project) as (_, server):
        assert server.wait(timeout=60) == 1
    log = (project / "server.log").read_text(encoding="utf-8")
    assert "'page.display_names' has the key 'chery', which is no class or distractor" in log
    assert "did you mean 'cherry'?" in log
    assert "Traceback" not in log
    assert FAILED not in log
