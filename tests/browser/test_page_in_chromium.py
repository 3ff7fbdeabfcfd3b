"""The page as a visitor meets it: a real browser and a real server with tiny models."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from tiny_service import COLOURS

PATIENCE_S = 15
LAYOUT_SHIFT = """
const done = arguments[arguments.length - 1];
let shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
requestAnimationFrame(() => requestAnimationFrame(() => done(shift)));
"""


class Page:
    """The page in a browser, by what a visitor sees of it."""

    def __init__(self, driver: WebDriver, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, width: int = 1280, theme: str = "light") -> "Page":
        """Load the page and wait until it knows what it is about."""
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(self.url)
        self.wait(lambda: self.all(".bars li") and self.text("blockquote"))
        return self

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until something holds."""
        WebDriverWait(self.driver, PATIENCE_S, poll_frequency=0.05).until(lambda _: condition())

    def one(self, selector: str) -> WebElement:
        """The first element."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Every element."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """What the first element says."""
        return self.one(selector).text

    def upload(self, file: Path) -> None:
        """Choose a picture, and wait for the answer."""
        self.one("#picture").send_keys(str(file))
        self.wait(lambda: self.one(".verdict").get_attribute("data-state") not in {"waiting", None})

    def bars(self) -> dict[str, str]:
        """The probabilities by their labels."""
        labels = [element.text for element in self.all(".bars .label")]
        return dict(zip(labels, [element.text for element in self.all(".bars .value")], strict=True))

    def invent(self, **fields: str) -> None:
        """Fill the fields and ask for names."""
        for field, value in fields.items():
            box = self.one(f"#{field}")
            box.send_keys(Keys.CONTROL, "a")
            box.send_keys(value)
        self.one("#names button").click()
        self.wait(lambda: self.one("#names button").is_enabled())

    def complaints(self) -> list[str]:
        """What the browser complained of: blocked code, unknown files, uncaught errors."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def page(chromium: WebDriver, service: str) -> Iterator[Page]:
    """The page, opened; at the end the browser must have had nothing to complain of."""
    page = Page(chromium, service).open()
    yield page
    assert page.complaints() == []


@pytest.fixture
def deaf_page(chromium: WebDriver, service: str) -> Iterator[Page]:
    """The page in a browser that can be cut off from the API."""
    chromium.execute_cdp_cmd("Network.enable", {})
    page = Page(chromium, service).open()
    yield page
    chromium.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    page.complaints()


def block(page: Page, *addresses: str) -> None:
    """Let requests to these addresses fail."""
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": list(addresses)})


@pytest.fixture
def cherry(tmp_path: Path) -> Path:
    """A picture of the first class."""
    file = tmp_path / "cherry.png"
    Image.new("RGB", (160, 120), COLOURS["cherry"]).save(file)
    return file


def test_an_upload_shows_a_preview_the_answer_and_all_probabilities(page: Page, cherry: Path) -> None:
    assert page.bars() == {**{label.title(): "–" for label in COLOURS}, "None of these": "–"}
    page.upload(cherry)
    assert page.text(".answer") == "Cherry"
    assert "with a probability of 9" in page.text(".detail")
    bars = page.bars()
    assert set(bars) == {*(label.title() for label in COLOURS), "None of these"}
    assert next(iter(bars)) == "Cherry"
    page.wait(lambda: page.one(".preview").is_displayed())
    assert page.one(".preview").get_attribute("alt") == "Your picture: cherry.png"
    widths = [
        page.driver.execute_script("return arguments[0].style.getPropertyValue('--share')", row)
        for row in page.all(".bars li")
    ]
    assert sorted(map(float, widths), reverse=True) == [float(width) for width in widths]
    assert sum(map(float, widths)) == pytest.approx(1, abs=1e-5)


def test_a_picture_of_something_else_is_called_none_of_these(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "white.png"
    Image.new("RGB", (50, 50), "white").save(file)
    page.upload(file)
    assert page.text(".answer") == "None of these"
    assert page.text(".detail").startswith("The nearest is ")


def test_a_second_picture_replaces_the_first(page: Page, cherry: Path, tmp_path: Path) -> None:
    page.upload(cherry)
    file = tmp_path / "ocean.webp"
    Image.new("RGB", (90, 90), COLOURS["ocean"]).save(file)
    page.one("#picture").send_keys(str(file))
    page.wait(lambda: page.text(".answer") == "Ocean")


def test_what_is_no_picture_is_told_in_words(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "notes.png"
    file.write_text("These are notes.")
    page.one("#picture").send_keys(str(file))
    page.wait(lambda: page.one(".verdict").get_attribute("data-state") == "failed")
    assert "not a picture" in page.text(".answer")
    assert "JPEG, PNG or WebP" in page.text(".detail")
    assert set(page.bars().values()) == {"–"}
    # The browser logs every status above 399.
    assert all("415" in complaint for complaint in page.complaints())


def test_a_file_that_is_too_large_is_not_even_sent(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(bytes(11 * 2**20))
    page.one("#picture").send_keys(str(file))
    page.wait(lambda: page.one(".verdict").get_attribute("data-state") == "failed")
    assert "larger than 10 MB" in page.text(".answer")


def test_names_come_as_many_as_asked_for_with_what_they_are_near(page: Page) -> None:
    page.invent(count="9", temperature="0.7")
    page.wait(lambda: len(page.all(".cards li")) == 9)
    assert page.one("#count-slider").get_attribute("value") == "9"
    for card in page.all(".cards .kin"):
        assert "nearest to" in card.text
    for score in page.all(".cards .score"):
        assert re.fullmatch(r"\d\.\d\d nats a letter", score.text)
    assert page.text(".seed").startswith("Seed ")


def test_names_start_as_asked_for_and_again_gives_others_like_them(page: Page) -> None:
    assert not page.one(".once-more").is_displayed()
    page.invent(count="4", prefix="co")
    page.wait(lambda: len(page.all(".cards li")) == 4)
    first, seed = [name.text for name in page.all(".cards strong")], page.text(".seed")
    assert all(name.startswith("Co") for name in first)
    again = page.one(".once-more")
    again.send_keys(Keys.ENTER)
    page.wait(lambda: page.text(".seed") != seed and again.is_enabled())
    assert [name.text for name in page.all(".cards strong")] != first
    assert all(name.text.startswith("Co") for name in page.all(".cards strong"))
    # Whoever uses the keyboard can press it once more.
    assert page.driver.switch_to.active_element == again


@pytest.mark.parametrize("secure", [True, False])
def test_one_click_copies_a_name(page: Page, secure: bool) -> None:
    if not secure:
        # As in a page that came over plain HTTP from another machine.
        page.driver.execute_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.invent(count="3")
    page.wait(lambda: len(page.all(".cards li")) == 3)
    name = page.all(".cards strong")[1].text
    button = page.all(".cards .copy")[1]
    assert button.accessible_name == f"Copy {name}"
    button.click()
    page.wait(lambda: button.text == "Copied")
    assert page.driver.switch_to.active_element == button
    page.wait(lambda: button.text == "Copy")
    page.one("#prefix").send_keys(Keys.CONTROL, "v")
    assert page.one("#prefix").get_attribute("value") == name


def test_a_start_that_no_name_can_have_is_told_in_words(page: Page) -> None:
    page.invent(prefix="жa")
    page.wait(lambda: page.one("#names .error").is_displayed())
    assert page.text("#names .error").startswith("“Starts with” has characters that no known name has: ж.")
    assert "The known ones are a b c" in page.text("#names .error")
    assert page.one("#prefix").get_attribute("maxlength") == "50"
    assert all("422" in complaint for complaint in page.complaints())


def test_the_slider_moves_the_number_with_the_keyboard(page: Page) -> None:
    slider = page.one("#count-slider")
    slider.send_keys(Keys.END)
    assert page.one("#count").get_attribute("value") == "15"
    slider.send_keys(Keys.HOME)
    assert page.one("#count").get_attribute("value") == "1"


def test_a_number_out_of_bounds_is_told_in_words(page: Page) -> None:
    page.invent(count="99")
    page.wait(lambda: page.one("#names .error").is_displayed())
    assert page.text("#names .error") == "“How many” takes a number from 1 to 15."
    assert page.driver.switch_to.active_element == page.one("#count")
    page.invent(count="2.5")
    page.wait(lambda: "'count' should be a valid integer" in page.text("#names .error"))
    page.invent(count="3")
    page.wait(lambda: len(page.all(".cards li")) == 3)
    assert not page.one("#names .error").is_displayed()
    assert all("400" in complaint for complaint in page.complaints())


def test_another_quote_is_another_one_and_says_where_it_is_from(page: Page) -> None:
    for _ in range(3):
        shown = page.text("blockquote")
        page.one("#quote button").click()
        page.wait(lambda shown=shown: page.text("blockquote") != shown)
    assert page.text(".source") == "from the built-in collection"


def test_the_page_says_what_the_params_say_it_is_about(page: Page) -> None:
    assert page.text("h1") == "Which colour is this?"
    assert page.text("#names h2") == "New Elf names"
    assert page.text(".tagline") == "Colour pictures in, Elf names out."


def test_nothing_is_asked_of_another_host(page: Page, cherry: Path) -> None:
    page.upload(cherry)
    page.invent()
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    asked = page.driver.execute_script(script)
    assert asked
    assert all(address.startswith((page.url, "blob:")) for address in asked)


def test_every_control_has_a_name_and_the_keyboard_reaches_it(page: Page) -> None:
    expected = [
        "Skip to the content",
        "Choose a picture",
        "How many",
        "How many, as a slider",
        "Temperature",
        "Temperature, as a slider",
        "Starts with",
        "Invent names",
        "Another quote",
        "The API, described in OpenAPI",
    ]
    for name in expected:
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        assert page.driver.switch_to.active_element.accessible_name.startswith(name)


@pytest.mark.parametrize("width", [320, 360, 768, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits_every_width_and_nothing_jumps(
    page: Page, cherry: Path, tmp_path: Path, width: int, theme: str
) -> None:
    page.open(width, theme)
    assert page.driver.execute_async_script(LAYOUT_SHIFT) < 0.02
    page.upload(cherry)
    page.invent()
    assert page.driver.execute_async_script(LAYOUT_SHIFT) < 0.02
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.driver.save_screenshot(str(tmp_path / f"{width}-{theme}.png"))


def test_a_service_out_of_reach_is_told_in_words(deaf_page: Page, cherry: Path) -> None:
    block(deaf_page, "*/api/*")
    deaf_page.upload(cherry)
    assert deaf_page.text(".answer") == "The service cannot be reached."
    deaf_page.invent()
    assert "cannot be reached" in deaf_page.text("#names .error")
    deaf_page.one("#quote button").click()
    deaf_page.wait(lambda: deaf_page.text("blockquote") == "The service cannot be reached.")


def test_a_page_that_opens_without_the_service_says_so(deaf_page: Page) -> None:
    block(deaf_page, "*/api/*")
    deaf_page.driver.get(deaf_page.url)
    deaf_page.wait(lambda: deaf_page.one("#notice").is_displayed())
    assert "cannot be reached" in deaf_page.text("#notice")
    assert not deaf_page.one("main").is_displayed()
