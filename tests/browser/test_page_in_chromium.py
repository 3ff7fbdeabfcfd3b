"""The page as a visitor meets it: a real browser and a real server with tiny models."""

import contextlib
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

from herodex.npm import Package, fetch_package

PATIENCE_S = 15
AXE = Package("axe-core@4.14.1", "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745")
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

    def open(self, width: int = 1280, theme: str = "light", address: str = "") -> "Page":
        """Load the page and wait until it knows what it is about."""
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(f"{self.url}/{address}")
        self.wait(lambda: self.all(".bars li") and self.one("blockquote").get_attribute("textContent"))
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
        """Choose an image, and wait for the answer."""
        self.one("#image").send_keys(str(file))
        self.wait(lambda: self.one(".verdict").get_attribute("data-state") not in {"waiting", None})

    def bars(self) -> dict[str, str]:
        """The probabilities by their labels."""
        labels = [element.text for element in self.all(".bars .label")]
        return dict(zip(labels, [element.text for element in self.all(".bars .value")], strict=True))

    def go(self, view: str) -> None:
        """Follow the link to a view."""
        self.one(f"[data-view={view}]").click()

    def names(self) -> list[str]:
        """The names on the cards."""
        script = "return [...document.querySelectorAll('.cards strong')].map((name) => name.textContent)"
        return self.driver.execute_script(script)

    def invent(self, **fields: str) -> None:
        """Go to the names, fill the fields and ask for some."""
        self.go("names")
        for field, value in fields.items():
            box = self.one(f"#{field}")
            box.send_keys(Keys.CONTROL, "a")
            box.send_keys(value)
        self.one("#wish button").click()
        self.wait(lambda: self.one("#wish button").is_enabled())

    def complaints(self) -> list[str]:
        """What the browser complained of: blocked code, unknown files, uncaught errors."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def page(chromium: WebDriver, service: str) -> Iterator[Page]:
    """The page, opened; at the end the browser must have had nothing to complain of."""
    page = Page(chromium, service)
    page.complaints()  # of pages that other tests have left
    page.open()
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


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility engine, to be run in the page."""
    return fetch_package(AXE)["package/axe.min.js"].decode()


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core finds wrong with what is shown."""
    # Colours are looked at once they have stopped changing.
    page.driver.execute_script("document.getAnimations().forEach((animation) => animation.finish())")
    page.driver.execute_script(axe)
    found = page.driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    return [
        f"{entry['id']}: {node['html']} {node['failureSummary']}"
        for entry in found["violations"]
        for node in entry["nodes"]
    ]


@contextlib.contextmanager
def stubbed(page: Page, path: str, script: str) -> Iterator[None]:
    """Let requests to a path be answered by a script, which has the real `answer` at hand."""
    source = f"""
    const send = window.fetch;
    window.fetch = async (path, options) => {{
      if (!String(path).startsWith("{path}")) return send(path, options);
      {script}
    }};"""
    added = page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
    page.open()
    try:
        yield
    finally:
        page.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


@pytest.fixture
def cherry(tmp_path: Path) -> Path:
    """An image of the first class."""
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
    assert page.one(".preview").get_attribute("alt") == "Your image: cherry.png"
    widths = [
        page.driver.execute_script("return arguments[0].style.getPropertyValue('--share')", row)
        for row in page.all(".bars li")
    ]
    assert sorted(map(float, widths), reverse=True) == [float(width) for width in widths]
    assert sum(map(float, widths)) == pytest.approx(1, abs=1e-5)


def test_an_image_of_something_else_is_called_none_of_these(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "white.png"
    Image.new("RGB", (50, 50), "white").save(file)
    page.upload(file)
    assert page.text(".answer") == "None of these"
    assert page.text(".detail").startswith("The nearest is ")


def test_a_second_image_replaces_the_first(page: Page, cherry: Path, tmp_path: Path) -> None:
    page.upload(cherry)
    file = tmp_path / "ocean.webp"
    Image.new("RGB", (90, 90), COLOURS["ocean"]).save(file)
    page.one("#image").send_keys(str(file))
    page.wait(lambda: page.text(".answer") == "Ocean")


def test_what_is_no_image_is_told_in_words(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "notes.png"
    file.write_text("These are notes.")
    page.one("#image").send_keys(str(file))
    page.wait(lambda: page.one(".verdict").get_attribute("data-state") == "failed")
    assert "not an image" in page.text(".answer")
    assert "JPEG, PNG or WebP" in page.text(".detail")
    assert set(page.bars().values()) == {"–"}
    # The browser logs every status above 399.
    assert all("415" in complaint for complaint in page.complaints())


def test_a_file_that_is_too_large_is_not_even_sent(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(bytes(11 * 2**20))
    page.one("#image").send_keys(str(file))
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
    page.go("names")
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
    page.go("names")
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
    page.go("names")
    for _ in range(3):
        shown = page.text("blockquote")
        page.one("#quote button").click()
        page.wait(lambda shown=shown: page.text("blockquote") != shown)
    assert page.text(".source") == "from the built-in collection"


def test_the_page_says_what_the_params_say_it_is_about(page: Page) -> None:
    assert page.text("h1") == "Which colour is this?"
    assert page.one("#names h1").get_attribute("textContent") == "New Elf names"
    assert page.text(".tagline") == "Colour images in, Elf names out."


def test_nothing_is_asked_of_another_host(page: Page, cherry: Path) -> None:
    page.upload(cherry)
    page.invent()
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    asked = page.driver.execute_script(script)
    assert asked
    assert all(address.startswith((page.url, "blob:")) for address in asked)


def test_every_control_has_a_name_and_the_keyboard_reaches_it(page: Page) -> None:
    pages = ["Skip to the content", "Recognise", "Names"]
    drawings = [f"A drawing of {label}" for label in COLOURS]
    links = ["Where these models come from", "The API, described in OpenAPI"]
    for name in [*pages, "Choose an image", *drawings, *links]:
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        assert page.driver.switch_to.active_element.accessible_name.startswith(name)
    page.open(address="names")
    for name in [
        *pages,
        "How many",
        "How many, as a slider",
        "Temperature",
        "Temperature, as a slider",
        "Starts with",
        "Invent names",
        "Another quote",
        "Where these models come from",
        "The API, described in OpenAPI",
    ]:
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        assert page.driver.switch_to.active_element.accessible_name.startswith(name)


@pytest.mark.parametrize("width", [320, 360, 768, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits_every_width_nothing_jumps_and_axe_finds_nothing_to_mend(
    page: Page, cherry: Path, tmp_path: Path, axe: str, width: int, theme: str
) -> None:
    page.open(width, theme)
    assert page.driver.execute_async_script(LAYOUT_SHIFT) < 0.02
    page.upload(cherry)
    page.wait(lambda: page.all(".seen li"))
    assert page.driver.execute_async_script(LAYOUT_SHIFT) < 0.02
    assert violations(page, axe) == []
    fits = "return document.documentElement.scrollWidth"
    assert page.driver.execute_script(fits) <= width
    assert page.driver.save_screenshot(str(tmp_path / f"recognise-{width}-{theme}.png"))
    page.invent()
    page.wait(lambda: page.names())
    assert page.driver.execute_async_script(LAYOUT_SHIFT) < 0.02
    assert violations(page, axe) == []
    assert page.driver.execute_script(fits) <= width
    assert page.driver.save_screenshot(str(tmp_path / f"names-{width}-{theme}.png"))


def test_a_service_out_of_reach_is_told_in_words(deaf_page: Page, cherry: Path) -> None:
    block(deaf_page, "*/api/*")
    deaf_page.upload(cherry)
    assert deaf_page.text(".answer") == "The service cannot be reached."
    assert not deaf_page.all(".seen li")
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


def test_a_drawing_can_be_tried_with_one_click(page: Page) -> None:
    drawings = page.all(".examples button")
    assert [drawing.accessible_name for drawing in drawings] == [f"A drawing of {label}" for label in COLOURS]
    drawings[1].click()
    page.wait(lambda: page.text(".answer") == "Meadow")
    assert page.one(".preview").get_attribute("alt") == "Your image: A drawing of meadow"


def test_a_photo_can_be_taken_where_there_is_a_camera(page: Page, cherry: Path) -> None:
    assert not page.one(".camera").is_displayed()
    page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        page.open(360)
        assert page.one(".camera").is_displayed()
        assert page.one("#photo").get_attribute("capture") == "environment"
        page.one("#photo").send_keys(str(cherry))
        page.wait(lambda: page.text(".answer") == "Cherry")
    finally:
        page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_a_photo_larger_than_the_service_takes_is_scaled_down_first(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    # Noise in the last bits keeps the file large; the colour stays what it is.
    noise = Image.effect_noise((2200, 2200), 2).convert("RGB")
    image = Image.blend(noise, Image.new("RGB", noise.size, COLOURS["ocean"]), 0.9)
    image.save(file, compress_level=0)
    assert file.stat().st_size > 10 * 2**20
    page.one("#image").send_keys(str(file))
    page.wait(lambda: page.text(".answer") == "Ocean")


def test_an_image_that_is_pasted_or_dropped_is_recognised(page: Page) -> None:
    script = """
    const [kind, colour] = arguments, done = arguments[arguments.length - 1];
    const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
    const context = canvas.getContext("2d");
    context.fillStyle = colour;
    context.fillRect(0, 0, 64, 64);
    canvas.toBlob((blob) => {
      const data = new DataTransfer();
      data.items.add(new File([blob], "x.png", { type: "image/png" }));
      const options = { bubbles: true, cancelable: true };
      document.body.dispatchEvent(
        kind === "paste"
          ? new ClipboardEvent("paste", { ...options, clipboardData: data })
          : new DragEvent("drop", { ...options, dataTransfer: data }));
      done();
    });"""
    for kind, label in (("paste", "ocean"), ("drop", "meadow")):
        page.driver.execute_async_script(script, kind, f"rgb{COLOURS[label]}")
        page.wait(lambda label=label: page.text(".answer") == label.title())


def test_what_was_shown_in_this_visit_can_be_seen_again_without_asking_again(
    page: Page, cherry: Path
) -> None:
    assert page.one(".none-yet").is_displayed()
    page.upload(cherry)
    page.all(".examples button")[2].click()
    page.wait(lambda: len(page.all(".seen li")) == 2)
    assert [entry.text.split("\n")[0] for entry in page.all(".seen li")] == ["Ocean", "Cherry"]
    asked = (
        "return performance.getEntriesByType('resource').filter((e) => e.name.includes('classify')).length"
    )
    before = page.driver.execute_script(asked)
    page.all(".seen button")[1].send_keys(Keys.ENTER)
    page.wait(lambda: page.text(".answer") == "Cherry")
    assert page.one(".preview").get_attribute("alt") == "Your image: cherry.png"
    assert page.driver.execute_script(asked) == before


def test_both_views_have_addresses_and_the_back_button_goes_between_them(page: Page) -> None:
    assert page.one("#recognise").is_displayed()
    assert not page.one("#names").is_displayed()
    page.go("names")
    assert page.driver.current_url == f"{page.url}/names"
    assert page.driver.title == "Names · Herodex"
    assert page.one("[data-view=names]").get_attribute("aria-current") == "page"
    assert page.driver.switch_to.active_element.text == "New Elf names"
    page.driver.back()
    page.wait(lambda: page.one("#recognise").is_displayed())
    assert page.driver.title == "Herodex"
    page.open(address="names")
    assert page.one("#names").is_displayed()
    assert not page.one("#recognise").is_displayed()


def test_the_address_of_names_gives_them_again_and_so_does_the_back_button(page: Page) -> None:
    page.invent(count="4", prefix="co")
    page.wait(lambda: len(page.names()) == 4 and "seed=" in page.driver.current_url)
    first, address = page.names(), page.driver.current_url
    page.invent(count="3", prefix="el")
    page.wait(lambda: len(page.names()) == 3 and page.driver.current_url != address)
    page.driver.back()
    page.wait(lambda: page.names() == first)
    assert page.one("#prefix").get_attribute("value") == "co"
    page.open(address="names?" + address.partition("?")[2])
    page.wait(lambda: page.names() == first)
    assert page.driver.current_url == address


NEAREST = """
const answer = await (await send(path, options)).json();
answer.nearest = [
  { label: "cherry", similarity: 0.93, page_url: "https://images.example/1", title: "<b>Red</b>",
    author: "Ada", license: "CC BY 4.0", license_url: "https://licences.example/by", source: "a gallery" },
  { label: "ocean", similarity: 0.5, page_url: "javascript:alert(1)", title: "", author: "", license: "",
    license_url: "", source: "" },
];
answer.heat_map = { label: "cherry", grid: [[0, 0], [0, 1]], box: [0.5, 0, 1, 1] };
return Response.json(answer);
"""


def test_the_nearest_images_are_named_with_their_authors_as_mere_text(
    page: Page, cherry: Path, axe: str
) -> None:
    with stubbed(page, "api/classify", NEAREST):
        assert not page.one(".nearest").is_displayed()
        page.upload(cherry)
        page.wait(lambda: page.one(".nearest").is_displayed())
        first, second = page.all(".neighbours li")
        assert first.text == "Cherry 93% alike\n<b>Red</b>\nby Ada, a gallery, CC BY 4.0"
        assert second.text == "Ocean 50% alike\nUntitled\nauthor unknown"
        links = first.find_elements(By.TAG_NAME, "a")
        addresses = [link.get_attribute("href") for link in links]
        assert addresses == ["https://images.example/1", "https://licences.example/by"]
        assert {link.get_attribute("rel") for link in links} == {"noopener noreferrer"}
        assert not second.find_elements(By.TAG_NAME, "a")
        assert violations(page, axe) == []


def test_the_heat_map_lies_over_the_part_of_the_image_that_it_speaks_of(page: Page, cherry: Path) -> None:
    with stubbed(page, "api/classify", NEAREST):
        page.upload(cherry)
        page.wait(lambda: page.one(".look").is_displayed() and page.one(".preview").is_displayed())
        assert not page.one(".heat").is_displayed()
        page.one(".look").click()
        assert page.one(".look").get_attribute("aria-pressed") == "true"
        alpha = """
        const heat = document.querySelector(".heat"), pixels = heat.getContext("2d");
        return arguments[0].map(([x, y]) =>
          pixels.getImageData(x * heat.width, y * heat.height, 1, 1).data[3]);"""
        left, weak, strong = page.driver.execute_script(alpha, [[0.4, 0.9], [0.55, 0.1], [0.95, 0.95]])
        assert (left, weak) == (0, 0)
        assert strong > 150
        page.all(".examples button")[0].click()
        page.wait(lambda: not page.one(".heat").is_displayed())


@pytest.mark.parametrize("nonsense", ["{}", "[]", '"no"', "null", '{"probabilities": {}}', "<html>"])
def test_an_answer_that_is_nonsense_is_told_in_words(page: Page, cherry: Path, nonsense: str) -> None:
    answer = f"return new Response({nonsense!r});"
    with stubbed(page, "api/classify", answer):
        page.upload(cherry)
        assert page.text(".answer") == "The service gave an answer that this page cannot read."
        assert not page.all(".seen li")
        page.invent()
        page.wait(lambda: page.names())


def test_while_the_service_is_slow_the_page_says_so_and_the_rest_of_it_works(
    page: Page, cherry: Path
) -> None:
    with stubbed(page, "api/classify", "return new Promise(() => {});"):
        page.one("#image").send_keys(str(cherry))
        page.wait(lambda: page.text(".answer") == "Looking…")
        assert page.one(".findings").get_attribute("aria-busy") == "true"
        page.invent()
        page.wait(lambda: page.names())
