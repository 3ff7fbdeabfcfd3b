"""Reporting a wrong answer on the page, and reviewing it, in a real browser."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from every_mode import check_every_mode
from page_in_chromium import Page, violations
from PIL import Image
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.keys import Keys
from tiny_service import make_project, serving, wait_for

from herodex import paths
from herodex.accepted_feedback import read_rows
from herodex.feedback_inbox import read_inbox, rejected
from herodex.params import FeedbackParams, load_params
from herodex.review.loopback import listen
from herodex.review.manifest_review import Review
from herodex.review.server import create_server
from herodex.serving.feedback import keep

PARAMS = load_params()
COLUMNS = [
    *("query", "sha256", "file", "label", "kept", "dropped_for", "score", "label_quality"),
    *("duplicate_of", "decided_by", "phash", "looks_like"),
]
FEEDBACK = {"enabled": True, "license": "CC0 1.0"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("feedback"), feedback=FEEDBACK)


@pytest.fixture
def reporting_page(chromium: WebDriver, project: Path) -> Iterator[Page]:
    """The page of a service that takes reports; fails if the browser reports an error."""
    with serving(project) as url:
        page = Page(chromium, url)
        page.browser_errors()  # discards errors of earlier tests
        yield page.open()
        assert page.browser_errors() == []


def test_page_offers_no_report_by_default(page: Page, cherry: Path) -> None:
    page.upload(cherry)
    assert not page.one(".feedback").is_displayed()
    assert "does not store them" in str(page.one(".no-history").get_attribute("textContent"))


def test_wrong_answer_is_reported_by_keyboard(
    reporting_page: Page, project: Path, cherry: Path, axe: str
) -> None:
    page, feedback = reporting_page, project / paths.FEEDBACK
    assert not page.one(".wrong").is_enabled()
    page.upload(cherry)
    page.wait(lambda: page.one(".wrong").is_enabled())
    page.one(".wrong").send_keys(Keys.ENTER)
    choice = page.driver.switch_to.active_element
    assert choice.get_attribute("id") == "right-class"
    assert choice.text.split("\n") == ["Choose…", "Meadow", "Ocean", "None of the three"]
    assert "CC0 1.0" in page.text("#feedback-use")
    check_every_mode(page, axe, "report")
    choice.send_keys(Keys.ESCAPE)
    assert not page.one(".correction").is_displayed()
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.one(".send").click()  # Without a class, the browser sends nothing.
    assert not feedback.exists()
    page.one("#right-class").send_keys("Oc")
    page.one(".send").send_keys(Keys.ENTER)
    page.wait(lambda: "Thank you" in page.text(".feedback-state"))
    assert page.driver.switch_to.active_element.get_attribute("class") == "feedback-state"
    check_every_mode(page, axe, "report sent")
    ((_, [report]),) = read_inbox(feedback).items()
    assert (report.label, report.answered, report.license) == ("ocean", "cherry", "CC0 1.0")
    assert f"Model {report.model}" == page.text(".model")


def test_failed_report_is_explained_and_can_be_sent_again(
    reporting_page: Page, project: Path, cherry: Path, axe: str
) -> None:
    page = reporting_page
    stored = read_inbox(project / paths.FEEDBACK)
    page.upload(cherry)
    page.one(".wrong").click()
    page.one("#right-class").send_keys("None")
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/api/feedback"]})
    page.one(".send").click()
    page.wait(lambda: "cannot be reached" in page.text(".feedback-state"))
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    page.browser_errors()
    check_every_mode(page, axe, "report not sent")
    assert read_inbox(project / paths.FEEDBACK) == stored
    page.one(".send").click()
    page.wait(lambda: "Thank you" in page.text(".feedback-state"))
    reports = [report for each in read_inbox(project / paths.FEEDBACK).values() for report in each]
    assert "unknown" in {report.label for report in reports}


@pytest.fixture
def review(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a review page with two reported images, and the folder of feedback."""
    feedback = tmp_path / "feedback"
    for colour in ("red", "blue"):
        fields = {"class": PARAMS.classes[0], "answered": "<b>unknown", "model": "abc123"}
        settings = FeedbackParams(enabled=True, license="CC0 1.0")
        keep(feedback, settings, Image.new("RGB", (90, 60), colour), fields)
    manifest = pd.DataFrame(columns=COLUMNS, dtype=str)
    server = create_server(Review(manifest, PARAMS, tmp_path, tmp_path / "review.csv", feedback))
    with listen(0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", feedback
        finally:
            wait_for(lambda: server.started or not thread.is_alive(), 60)
            server.should_exit = True
            thread.join()


def test_person_accepts_and_rejects_reported_images(
    chromium: WebDriver, review: tuple[str, Path], axe: str
) -> None:
    url, feedback = review
    page, name = Page(chromium, url), PARAMS.classes[1]
    page.browser_errors()
    chromium.get(url)
    page.wait(lambda: page.one("#inbox").is_displayed())
    assert page.text("#inbox-title") == "Reported by visitors: 2"
    assert "<b>unknown" in page.text("#reports")
    page.wait(lambda: chromium.execute_script("return document.querySelector('#reported').naturalWidth"))
    assert violations(page, axe) == []
    first, second = read_inbox(feedback)
    # The letters of a class are no shortcuts of the page.
    page.one("#inbox-label").send_keys(name)
    page.one("#inbox .accept").send_keys(Keys.ENTER)
    page.wait(lambda: page.text("#inbox-title") == "Reported by visitors: 1")
    page.wait(lambda: page.text("#inbox-state") == f"Accepted as {name}.")
    page.one("#inbox .reject").click()
    page.wait(lambda: page.text("#inbox-state") == "Rejected and deleted.")
    assert not page.one("#inbox").is_displayed()
    assert [(row.sha256, row.label) for row in read_rows(feedback / "accepted")] == [(first, name)]
    assert rejected(feedback) == {second}
    assert page.browser_errors() == []
