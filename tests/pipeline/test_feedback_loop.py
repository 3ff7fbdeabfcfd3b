"""From a visitor's report of a wrong answer to a model that has learnt from it, with real parts."""

import json
import re
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from mlflow import MlflowClient
from page_in_chromium import Page
from project_copy import TINY, ProjectCopy
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from tiny_service import DOWN, serving

from benchmarks.chromium import started_chromium
from demo_web.drawing.draw import draw
from herodex.accepted_feedback import read_rows as read_accepted
from herodex.feedback_inbox import read_inbox
from herodex.lineage.counts import read_rows
from herodex.params import UNKNOWN

LICENSE = "Visitors' licence 1.0"
SERVED = {
    **TINY,
    # All images are learnt from, the reported one too.
    "classifier.split.test": 0,
    "serve.feedback.enabled": True,
    "serve.feedback.license": LICENSE,
    "serve.quote_urls": [DOWN],
    "serve.requests_per_minute": 0,
    "serve.workers": 1,
}
SUBJECT = "tea"
"""One of the classes."""


class Loop(NamedTuple):
    """What came of a report.

    Attributes:
        image: the visitor's.
        wrong: the answer that was reported.
        sha256: of the stored image.
        promoted: outputs of `herodex promote`, before and after learning from the report.
        answer: of the service that was started again, to the same image.
    """

    image: Path
    wrong: dict[str, Any]
    sha256: str
    promoted: list[str]
    answer: dict[str, Any]


def ask(url: str, image: Path) -> dict[str, Any]:
    """Ask a service for the class of an image, with reasons."""
    with image.open("rb") as file:
        answer = httpx.post(f"{url}/api/classify?explain=true", files={"image": file}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def find_wrong_answer(url: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Draw images of a class, none of them on the demo web, until the service answers one wrongly."""
    image = folder / "visitor.png"
    for number in range(40):
        draw(SUBJECT, f"visitor {number}").save(image)
        answer = ask(url, image)
        if (answer["label"] if answer["known"] else UNKNOWN) != SUBJECT:
            return image, answer
    raise AssertionError("All answers were right.")


def report(browser: WebDriver, url: str, image: Path) -> None:
    """Report the answer to an image as wrong, on the page."""
    page = Page(browser, url).open()
    page.upload(image)
    page.wait(lambda: page.one(".wrong").is_enabled())
    page.one(".wrong").send_keys(Keys.ENTER)
    assert LICENSE in page.text("#feedback-use")
    Select(page.one("#right-class")).select_by_value(SUBJECT)
    page.one(".send").send_keys(Keys.ENTER)
    page.wait(lambda: "Thank you" in page.text(".feedback-state"))


@contextmanager
def reviewing(folder: Path) -> Generator[str]:
    """Run the review page of a project on a free port; yield its address."""
    command = [sys.executable, "-m", "herodex.review.server", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().split()[2]
        finally:
            process.terminate()


def accept(browser: WebDriver, url: str) -> None:
    """Accept the only reported image as the class that the visitor chose, on the review page."""
    browser.get(url)
    page = Page(browser, url)
    page.wait(lambda: page.text("#inbox-title") == "Reported by visitors: 1")
    assert Select(browser.find_element(By.ID, "inbox-label")).first_selected_option.text == SUBJECT
    page.one("#inbox .accept").send_keys(Keys.ENTER)
    page.wait(lambda: page.text("#inbox-state") == f"Accepted as {SUBJECT}.")


def herodex(project: ProjectCopy, *words: str) -> str:
    done = project.command("herodex", *words, BENTOML_HOME=str(project.folder / "bentoml"))
    assert done.code == 0, done.output + done.log
    return done.output


def run_loop(project: ProjectCopy, browser: WebDriver, folder: Path) -> Loop:
    """Report, review, learn, promote, and serve again."""
    project.write_params(SERVED)
    promoted = [herodex(project, "promote", "classifier")]
    with serving(project.folder) as url:
        image, wrong = find_wrong_answer(url, folder)
        report(browser, url, image)
    (sha256,) = read_inbox(project.folder / "data/feedback")
    with reviewing(project.folder) as url:
        accept(browser, url)
    done = project.dvc("repro")
    assert done.code == 0, done.output + done.log
    promoted.append(herodex(project, "promote", "classifier"))
    with serving(project.folder) as url:
        answer = ask(url, image)
    return Loop(image, wrong, sha256, promoted, answer)


@pytest.fixture(scope="module")
def loop(project: ProjectCopy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Go once through the loop in a browser."""
    with started_chromium() as browser:
        yield run_loop(project, browser, tmp_path_factory.mktemp("visitor"))


def model(project: ProjectCopy) -> str:
    return json.loads(project.text("models/lineage.json"))["classifier"]["model"]


def test_accepted_report_is_learnt_from_with_its_licence(project, loop):
    (accepted,) = read_accepted(project.folder / "data/feedback/accepted")
    answered = loop.wrong["label"] if loop.wrong["known"] else UNKNOWN
    assert (accepted.sha256, accepted.label, accepted.answered) == (loop.sha256, SUBJECT, answered)
    rows = read_rows(project.folder / "data/images/split.csv")
    (row,) = [row for row in rows if row["source"] == "feedback"]
    assert (row["sha256"], row["label"], row["license"]) == (loop.sha256, SUBJECT, LICENSE)
    assert (row["kept"], row["dropped_for"], row["part"] in {"train", "validation"}) == ("1", "", True)
    assert LICENSE in project.text("reports/sources.md")
    data = json.loads(project.text("models/lineage.json"))["classifier"]["data"]
    assert (data["by_source"]["feedback"], data["by_license"][LICENSE]) == (1, 1)


def test_promotion_is_decided_by_the_paired_test(project, loop):
    first, second = loop.promoted
    assert "champion, because there was none" in first
    found = re.search(r"gain ([+-][\d.]+).*\n.*p = ([\d.]+), required: below ([\d.]+)", second)
    assert found, second
    gain, p, level = map(float, found.groups())
    better = gain > 0 and p < level
    assert ("is now champion" in second) == better
    assert ("The champion stays" in second) == (not better)
    registry = MlflowClient(f"sqlite:///{project.folder}/mlflow.db")
    champion = registry.get_model_version_by_alias("classifier", "champion")
    assert (champion.tags["model"] == model(project)) == better
    # Both models stay registered, so that either can be packaged.
    versions = {version.tags["model"] for version in registry.search_model_versions("name = 'classifier'")}
    assert model(project) in versions
    assert any(each.startswith(loop.wrong["model"]) for each in versions)


def test_restarted_service_answers_with_the_new_model_and_knows_the_image(project, loop):
    assert model(project).startswith(loop.answer["model"])
    assert loop.answer["model"] != loop.wrong["model"]
    assert (loop.answer["known"], loop.answer["label"]) == (True, SUBJECT)
    nearest = loop.answer["nearest"][0]
    assert nearest["similarity"] > 0.99
    assert nearest["license"] == LICENSE
    assert nearest["author"] == "a visitor of the service"


def test_trace_of_answer_and_image_names_the_report(project, loop):
    answer = herodex(project, "trace", loop.answer["model"])
    assert re.search(r"source: .*\bfeedback 1\b", answer)
    image = herodex(project, "trace", loop.sha256)
    assert f"source feedback: reported by a visitor, accepted as {SUBJECT}" in image
    assert f"(a visitor of the service, {LICENSE})" in image
    assert f"classifier {model(project)}, trained on it" in image
    similar = herodex(project, "trace", str(loop.image))
    assert re.search(rf"{SUBJECT}, .*{re.escape(LICENSE)}", similar), similar
