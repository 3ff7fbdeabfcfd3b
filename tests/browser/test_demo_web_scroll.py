"""The demo web's search in a browser: scrolling loads further results."""

import json
import shutil
from collections.abc import Iterator

import pytest
from demo_web_params import demo_params
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from crawlers.browser import browser_arguments
from demo_web import hosts
from demo_web.pages import BATCH_SIZE
from demo_web.server import running_web
from demo_web.truth import plan_web

PARAMS = demo_params(results=80)


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    with running_web(PARAMS) as proxy:
        for argument in browser_arguments("herodex-test", proxy):
            options.add_argument(argument)
        driver = webdriver.Chrome(options, Service(shutil.which("chromedriver") or "chromedriver"))
        yield driver
        driver.quit()


def results(browser: webdriver.Chrome) -> list[dict[str, object]]:
    links = browser.find_elements(By.CSS_SELECTOR, "#results a.result")
    return [json.loads(link.get_attribute("data-result") or "") for link in links]


def scroll_to_the_bottom(browser: webdriver.Chrome) -> None:
    browser.execute_script("window.scrollTo(0, document.body.scrollHeight)")


def test_page_has_only_the_first_results_without_scrolling(browser: webdriver.Chrome) -> None:
    browser.get(f"http://{hosts.SEARCH}/search?q=ant")
    # The page's own request ends after any batch that the page has requested by itself.
    browser.execute_async_script("fetch('/robots.txt').then(arguments[0])")
    assert len(results(browser)) == BATCH_SIZE


def test_scrolling_loads_every_result_in_order_and_the_end(browser: webdriver.Chrome) -> None:
    browser.get(f"http://{hosts.SEARCH}/search?q=bee")
    waiting = WebDriverWait(browser, 20, poll_frequency=0.05)
    assert not browser.find_elements(By.ID, "end")

    def at_the_end(driver: webdriver.Chrome) -> bool:
        scroll_to_the_bottom(driver)
        return bool(driver.find_elements(By.ID, "end"))

    waiting.until(at_the_end)
    planned = [image.image_url for image in plan_web(PARAMS) if image.query == "bee"]
    assert [result["image"] for result in results(browser)] == planned


def test_one_scroll_loads_one_batch(browser: webdriver.Chrome) -> None:
    browser.get(f"http://{hosts.SEARCH}/search?q=cat")
    scroll_to_the_bottom(browser)
    WebDriverWait(browser, 20, poll_frequency=0.05).until(lambda driver: len(results(driver)) > BATCH_SIZE)
    browser.execute_async_script("fetch('/robots.txt').then(arguments[0])")
    assert len(results(browser)) == 2 * BATCH_SIZE
