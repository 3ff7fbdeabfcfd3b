"""Reporting a wrong answer on the page, and reviewing it, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from page_in_chromium import Page, violations
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.keys import Keys
from tiny_service import make_project, serving

from herodex import paths
from herodex.feedback_inbox import read_inbox

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
    assert "does not store them" in page.one(".no-history").get_attribute("textContent")


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
    for width, theme in ((1280, "light"), (360, "dark")):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        assert violations(page, axe) == []
    choice.send_keys(Keys.ESCAPE)
    assert not page.one(".correction").is_displayed()
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.one(".send").click()  # Without a class, the browser sends nothing.
    assert not feedback.exists()
    page.one("#right-class").send_keys("Oc")
    page.one(".send").send_keys(Keys.ENTER)
    page.wait(lambda: "Thank you" in page.text(".feedback-state"))
    assert page.driver.switch_to.active_element.get_attribute("class") == "feedback-state"
    assert violations(page, axe) == []
    ((_, [report]),) = read_inbox(feedback).items()
    assert (report.label, report.answered, report.license) == ("ocean", "cherry", "CC0 1.0")
    assert f"Model {report.model}" == page.text(".model")


def test_failed_report_is_explained_and_can_be_sent_again(
    reporting_page: Page, project: Path, cherry: Path
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
    assert read_inbox(project / paths.FEEDBACK) == stored
    page.one(".send").click()
    page.wait(lambda: "Thank you" in page.text(".feedback-state"))
    assert {
        report.label for reports in read_inbox(project / paths.FEEDBACK).values() for report in reports
    } >= {"unknown"}
