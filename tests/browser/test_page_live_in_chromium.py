"""The camera as a stream; Chromium's fake camera shows a green clock."""

import re
import time
from pathlib import Path

from every_mode import check_every_mode
from page_in_chromium import Page, injected, stubbed

COUNT = """
window.inFlight = 0;
window.most = 0;
window.answers = 0;
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (body) {
  if (body instanceof FormData) {
    window.inFlight += 1;
    window.most = Math.max(window.most, window.inFlight);
    this.addEventListener("loadend", () => { window.inFlight -= 1; window.answers += 1; });
  }
  send.call(this, body);
};"""
NO_CAMERA = """
navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotAllowedError"); };
"""
BUSY_ONCE = """
window.tries = (window.tries ?? 0) + 1;
return window.tries === 1 ? new Response("{}", { status: 429 }) : send(path, options);
"""


def start(page: Page) -> None:
    """Turn the camera on and wait for an answer."""
    page.one(".live-toggle").click()
    page.wait(lambda: page.one(".verdict").get_attribute("data-state") in {"known", "unknown"})


def test_camera_gives_several_answers_one_at_a_time(page: Page, axe: str) -> None:
    with injected(page, COUNT):
        start(page)
        page.wait(lambda: page.driver.execute_script("return window.answers") >= 5)
        assert page.driver.execute_script("return window.most") == 1
        assert page.one("video.live").is_displayed()
        assert page.text(".live-toggle") == "Stop camera"
        check_every_mode(page, axe, "camera")
        answer = page.text(".answer")
        page.one(".live-toggle").click()
        page.wait(lambda: page.one(".remark").is_displayed())
        assert re.fullmatch(r"The camera is off; it gave \d+ answers\.", page.text(".remark"))
        # The last frame stays, with its answer.
        page.wait(lambda: page.one(".preview").is_displayed() and page.all(".recent li"))
        assert page.text(".answer") == answer
        assert not page.driver.execute_script("return document.querySelector('video').srcObject")


def test_another_image_turns_the_camera_off(page: Page, cherry: Path) -> None:
    start(page)
    page.one("#image").send_keys(str(cherry))
    page.wait(lambda: page.text(".answer") == "Cherry")
    page.wait(lambda: page.text(".remark").startswith("The camera is off"))
    assert not page.one("video.live").is_displayed()
    assert page.one(".preview").get_attribute("alt") == "Your image: cherry.png"


def test_other_view_turns_the_camera_off(page: Page) -> None:
    start(page)
    page.go("names")
    page.wait(lambda: page.one(".live-toggle").get_attribute("aria-pressed") == "false")


def test_camera_that_is_not_allowed_is_reported(page: Page) -> None:
    with injected(page, NO_CAMERA):
        page.one(".live-toggle").click()
        page.wait(lambda: page.one(".verdict").get_attribute("data-state") == "failed")
        assert page.text(".answer") == "The browser does not let this page use the camera."
        assert page.text(".live-toggle") == "Live camera"


def test_camera_waits_when_the_service_refuses(page: Page) -> None:
    with stubbed(page, "api/classify", BUSY_ONCE):
        started = time.monotonic()
        start(page)
        assert time.monotonic() - started > 4
