"""The page of the service in a headless Chromium, as tests use it."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

TIMEOUT_S = 60


class Page:
    """The page in a browser."""

    def __init__(self, driver: WebDriver, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, width: int = 1280, theme: str = "light", address: str = "") -> "Page":
        """Load the page and wait until its settings are shown."""
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(f"{self.url}/{address}")
        self.wait(lambda: self.all(".bars li") and self.one("blockquote").get_attribute("textContent"))
        return self

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until a condition is true; one on an element that the page replaces meanwhile is not."""
        waiting = WebDriverWait(self.driver, TIMEOUT_S, 0.05, [StaleElementReferenceException])
        waiting.until(lambda _: condition())

    def one(self, selector: str) -> WebElement:
        """Return the first matching element."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Return all matching elements."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Return the text of the first matching element."""
        return self.one(selector).text

    def upload(self, file: Path) -> None:
        """Choose an image and wait for the answer."""
        self.one("#image").send_keys(str(file))
        self.wait(lambda: self.one(".verdict").get_attribute("data-state") not in {"waiting", None})

    def bars(self) -> dict[str, str]:
        """Return the probabilities by label."""
        labels = [element.text for element in self.all(".bars .label")]
        return dict(zip(labels, [element.text for element in self.all(".bars .value")], strict=True))

    def go(self, view: str) -> None:
        """Open a view by its link."""
        self.one(f"[data-view={view}]").click()

    def names(self) -> list[str]:
        """Return the names on the cards."""
        script = "return [...document.querySelectorAll('.cards strong')].map((name) => name.textContent)"
        return self.driver.execute_script(script)

    def invent(self, **fields: str) -> None:
        """Open the names, fill in fields and submit the form."""
        self.go("names")
        for field, value in fields.items():
            box = self.one(f"#{field}")
            box.send_keys(Keys.CONTROL, "a")
            box.send_keys(value)
        self.one("#names-form button").click()
        self.wait(lambda: self.one("#names-form button").is_enabled())

    def browser_errors(self) -> list[str]:
        """Return the browser's errors: blocked code, missing files, uncaught exceptions."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


def block(page: Page, *addresses: str) -> None:
    """Block requests to addresses."""
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": list(addresses)})


def violations(page: Page, axe: str) -> list[str]:
    """Return the accessibility violations that axe-core finds in the page."""
    # axe-core checks colours, which must have stopped changing.
    page.driver.execute_script("document.getAnimations().forEach((animation) => animation.finish())")
    page.driver.execute_script(axe)
    found = page.driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    return [
        f"{entry['id']}: {node['html']} {node['failureSummary']}"
        for entry in found["violations"]
        for node in entry["nodes"]
    ]


@contextlib.contextmanager
def injected(page: Page, script: str) -> Iterator[None]:
    """Run a script before those of the page."""
    added = page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
    page.open()
    try:
        yield
    finally:
        page.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def stubbed(page: Page, path: str, script: str) -> contextlib.AbstractContextManager[None]:
    """Let a script answer requests to a path; its function `send` makes the real request."""
    source = f"""
    window.XMLHttpRequest = class extends XMLHttpRequest {{
      open(method, path) {{
        Object.assign(this, {{ method, path }});
        super.open(method, path);
      }}
      send(body) {{
        if (this.path.startsWith("{path}")) this.answer({{ method: this.method, body }});
        else super.send(body);
      }}
      async answer(options) {{
        const response = await this.stub(fetch, this.path, options);
        const value = await response.text();
        Object.defineProperties(this, {{ status: {{ value: response.status }}, responseText: {{ value }} }});
        for (const type of ["load", "loadend"]) this.dispatchEvent(new Event(type));
      }}
      async stub(send, path, options) {{
        {script}
      }}
    }};"""
    return injected(page, source)
