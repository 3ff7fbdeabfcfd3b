"""The page in a real browser, from a real server with tiny models."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from every_mode import check_every_mode
from page_in_chromium import Page, block, stubbed
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from tiny_service import COLOURS, serving

LAYOUT_SHIFT = """
const done = arguments[arguments.length - 1];
let shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
requestAnimationFrame(() => requestAnimationFrame(() => done(shift)));
"""


def test_upload_shows_preview_answer_and_probabilities(page: Page, cherry: Path) -> None:
    assert page.bars() == {**{label.title(): "–" for label in COLOURS}, "None of the three": "–"}
    page.upload(cherry)
    assert page.text(".answer") == "Cherry"
    assert page.text(".detail").startswith("Probability: 9")
    bars = page.bars()
    assert set(bars) == {*(label.title() for label in COLOURS), "None of the three"}
    assert next(iter(bars)) == "Cherry"
    page.wait(lambda: page.one(".preview").is_displayed())
    assert page.one(".preview").get_attribute("alt") == "Your image: cherry.png"
    widths = [
        page.driver.execute_script("return arguments[0].style.getPropertyValue('--share')", row)
        for row in page.all(".bars li")
    ]
    assert sorted(map(float, widths), reverse=True) == [float(width) for width in widths]
    assert sum(map(float, widths)) == pytest.approx(1, abs=1e-5)


def test_image_of_no_class_is_called_none_of_the_three(page: Page, tmp_path: Path, axe: str) -> None:
    file = tmp_path / "white.png"
    Image.new("RGB", (50, 50), "white").save(file)
    page.upload(file)
    assert page.text(".answer") == "None of the three: looks like Grey"
    assert re.fullmatch(
        r"Probability: .+ %\. Closest class: (Cherry|Meadow|Ocean) \(.+ %\)\.", page.text(".detail")
    )
    assert next(iter(page.bars())) == "None of the three"
    page.wait(lambda: page.all(".recent .caption"))
    assert page.text(".recent .caption").startswith("None of the three: looks like Grey")
    check_every_mode(page, axe, "no class")


def test_second_image_replaces_the_first(page: Page, cherry: Path, tmp_path: Path) -> None:
    page.upload(cherry)
    file = tmp_path / "ocean.webp"
    Image.new("RGB", (90, 90), COLOURS["ocean"]).save(file)
    page.one("#image").send_keys(str(file))
    page.wait(lambda: page.text(".answer") == "Ocean")


def test_file_that_is_not_an_image_is_reported(page: Page, tmp_path: Path, axe: str) -> None:
    file = tmp_path / "notes.png"
    file.write_text("These are notes.")
    page.one("#image").send_keys(str(file))
    page.wait(lambda: page.one(".verdict").get_attribute("data-state") == "failed")
    assert "not an image" in page.text(".answer")
    assert "JPEG, PNG or WebP" in page.text(".detail")
    assert set(page.bars().values()) == {"–"}
    check_every_mode(page, axe, "refused file")
    # The browser logs every status above 399.
    assert all("415" in error for error in page.browser_errors())


def test_file_that_is_too_large_is_not_sent(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(bytes(11 * 2**20))
    page.one("#image").send_keys(str(file))
    page.wait(lambda: page.one(".verdict").get_attribute("data-state") == "failed")
    assert "larger than 10 MB" in page.text(".answer")


def test_requested_number_of_names_is_shown_with_closest_names_and_scores(page: Page) -> None:
    page.invent(count="9", temperature="0.7")
    page.wait(lambda: len(page.all(".cards li")) == 9)
    assert page.one("#count-slider").get_attribute("value") == "9"
    for card in page.all(".cards .closest"):
        assert "closest real name: " in card.text
    for score in page.all(".cards .score"):
        assert re.fullmatch(r"\d\.\d\d nats per character", score.text)
    assert page.text(".seed").startswith("Seed ")


def test_names_have_the_prefix_and_invent_more_shows_others(page: Page) -> None:
    page.go("names")
    assert not page.one(".more").is_displayed()
    page.invent(count="4", prefix="co")
    page.wait(lambda: len(page.all(".cards li")) == 4)
    first, seed = [name.text for name in page.all(".cards strong")], page.text(".seed")
    assert all(name.startswith("Co") for name in first)
    again = page.one(".more")
    again.send_keys(Keys.ENTER)
    page.wait(lambda: page.text(".seed") != seed and again.is_enabled())
    assert [name.text for name in page.all(".cards strong")] != first
    assert all(name.text.startswith("Co") for name in page.all(".cards strong"))
    # The focus stays on the button for keyboard users.
    assert page.driver.switch_to.active_element == again


@pytest.mark.parametrize("secure", [True, False])
def test_click_copies_a_name(page: Page, secure: bool) -> None:
    if not secure:
        # As on a page loaded over plain HTTP from another machine.
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


def test_prefix_with_unknown_characters_is_reported(page: Page, axe: str) -> None:
    page.invent(prefix="жa")
    page.wait(lambda: page.one("#names .error").is_displayed())
    assert page.text("#names .error").startswith("“Starts with” has characters that no known name has: ж.")
    assert "The known ones are a b c" in page.text("#names .error")
    assert page.one("#prefix").get_attribute("maxlength") == "50"
    check_every_mode(page, axe, "refused letters")
    assert all("422" in error for error in page.browser_errors())


def test_slider_changes_the_number_by_keyboard(page: Page) -> None:
    page.go("names")
    slider = page.one("#count-slider")
    slider.send_keys(Keys.END)
    assert page.one("#count").get_attribute("value") == "15"
    slider.send_keys(Keys.HOME)
    assert page.one("#count").get_attribute("value") == "1"


def test_number_out_of_bounds_is_reported(page: Page, axe: str) -> None:
    page.invent(count="99")
    page.wait(lambda: page.one("#names .error").is_displayed())
    assert page.text("#names .error") == "“How many” must be a whole number from 1 to 15."
    assert page.driver.switch_to.active_element == page.one("#count")
    check_every_mode(page, axe, "number out of bounds")
    page.invent(count="2.5")
    assert page.text("#names .error") == "“How many” must be a whole number from 1 to 15."
    page.invent(count="3", temperature="9")
    page.wait(lambda: page.text("#names .error") == "“Temperature” must be a number from 0.5 to 5.")
    page.invent(count="3", temperature="1.25")
    page.wait(lambda: len(page.all(".cards li")) == 3)
    assert not page.one("#names .error").is_displayed()


def test_another_quote_differs_and_shows_its_source(page: Page) -> None:
    page.go("names")
    for _ in range(3):
        shown = page.text("blockquote")
        page.one("#quote button").click()
        page.wait(lambda shown=shown: page.text("blockquote") != shown)
    assert page.text(".source") == "from the built-in collection"


def test_page_uses_the_words_of_the_params(page: Page) -> None:
    assert page.text("h1") == "Which colour is this?"
    assert page.one("#names h1").get_attribute("textContent") == "New Elf names"
    assert page.text(".tagline") == "Classifies colour images and invents Elf names."


def test_page_requests_nothing_from_other_hosts(page: Page, cherry: Path) -> None:
    page.upload(cherry)
    page.invent()
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    asked = page.driver.execute_script(script)
    assert asked
    assert all(address.startswith((page.url, "blob:")) for address in asked)


def test_every_control_has_a_name_and_is_reachable_by_keyboard(page: Page) -> None:
    pages = ["Skip to content", "Recognise", "Names", "Deutsch", "English"]
    examples = [f"Example: {label.title()}" for label in COLOURS]
    links = ["Use it from code", "Model lineage", "API description (OpenAPI)", "Keyboard shortcuts"]
    for name in [*pages, "Choose images", "Live camera", "Folder", "ZIP", *examples, *links]:
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        assert page.driver.switch_to.active_element.accessible_name.startswith(name)
    page.open(address="names")
    for name in [
        *pages,
        "How many",
        "How many (slider)",
        "Temperature",
        "Temperature (slider)",
        "Starts with",
        "Invent names",
        "Another quote",
        *links,
    ]:
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        assert page.driver.switch_to.active_element.accessible_name.startswith(name)


@pytest.mark.parametrize("width", [320, 360, 768, 1440])
def test_nothing_moves_when_the_page_is_loaded_or_an_answer_arrives(
    page: Page, cherry: Path, width: int
) -> None:
    page.open(width)
    assert page.driver.execute_async_script(LAYOUT_SHIFT) < 0.02
    page.upload(cherry)
    page.wait(lambda: page.all(".recent li"))
    assert page.driver.execute_async_script(LAYOUT_SHIFT) < 0.02
    page.invent()
    page.wait(page.names)
    assert page.driver.execute_async_script(LAYOUT_SHIFT) < 0.02


def test_views_are_accessible_and_fit_in_every_mode(page: Page, cherry: Path, axe: str) -> None:
    check_every_mode(page, axe, "no image yet")
    page.upload(cherry)
    page.wait(lambda: page.all(".recent li") and len(page.all(".neighbours li")) == 3)
    check_every_mode(page, axe, "known class")
    page.go("names")
    check_every_mode(page, axe, "no names yet")
    page.invent(count="15")
    page.wait(page.names)
    check_every_mode(page, axe, "names")


def test_unreachable_service_is_reported(offline_page: Page, cherry: Path, axe: str) -> None:
    block(offline_page, "*/api/*")
    offline_page.upload(cherry)
    assert offline_page.text(".answer") == "The service cannot be reached."
    assert not offline_page.all(".recent li")
    check_every_mode(offline_page, axe, "recognise offline")
    offline_page.invent()
    assert "cannot be reached" in offline_page.text("#names .error")
    offline_page.one("#quote button").click()
    offline_page.wait(lambda: offline_page.text("blockquote") == "The service cannot be reached.")
    check_every_mode(offline_page, axe, "names offline")


def test_page_without_service_shows_a_notice(offline_page: Page, axe: str) -> None:
    block(offline_page, "*/api/*")
    offline_page.driver.get(offline_page.url)
    offline_page.wait(lambda: offline_page.one("#notice").is_displayed())
    assert "cannot be reached" in offline_page.text("#notice")
    assert not offline_page.one("#recognise").is_displayed()
    check_every_mode(offline_page, axe, "no service")


def test_page_without_scripts_says_that_it_needs_them(page: Page, axe: str) -> None:
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.driver.get(page.url)
    finally:
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert page.text("h1") == "This page needs JavaScript."
    assert not page.one("#recognise").is_displayed()
    # With scripts, as the check needs them, the browser hides the element.
    page.driver.execute_script(
        "const hidden = document.querySelector('noscript');hidden.replaceWith(...hidden.childNodes)"
    )
    check_every_mode(page, axe, "no scripts")


def test_click_classifies_an_example(page: Page) -> None:
    examples = page.all(".examples button")
    assert [example.accessible_name for example in examples] == [
        f"Example: {label.title()}" for label in COLOURS
    ]
    examples[1].click()
    page.wait(lambda: page.text(".answer") == "Meadow")
    assert page.one(".preview").get_attribute("alt") == "Your image: Example: Meadow"


def test_photo_can_be_taken_on_touch_screens(page: Page, cherry: Path, axe: str) -> None:
    assert not page.one(".camera").is_displayed()
    page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        page.open(360)
        assert page.one(".camera").is_displayed()
        assert page.one("#photo").get_attribute("capture") == "environment"
        check_every_mode(page, axe, "touch screen")
        page.one("#photo").send_keys(str(cherry))
        page.wait(lambda: page.text(".answer") == "Cherry")
    finally:
        page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_photo_above_the_size_limit_is_scaled_down(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    # Noise in the last bits keeps the file large; the colour stays what it is.
    noise = Image.effect_noise((2200, 2200), 2).convert("RGB")
    image = Image.blend(noise, Image.new("RGB", noise.size, COLOURS["ocean"]), 0.9)
    image.save(file, compress_level=0)
    assert file.stat().st_size > 10 * 2**20
    page.one("#image").send_keys(str(file))
    page.wait(lambda: page.text(".answer") == "Ocean")


def test_pasted_or_dropped_image_is_classified(page: Page) -> None:
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


def test_recent_image_is_shown_again_without_a_request(page: Page, cherry: Path, axe: str) -> None:
    assert page.one(".no-history").is_displayed()
    page.upload(cherry)
    page.all(".examples button")[2].click()
    page.wait(lambda: len(page.all(".recent li")) == 2)
    assert [entry.text.split("\n")[0] for entry in page.all(".recent li")] == ["Ocean", "Cherry"]
    asked = (
        "return performance.getEntriesByType('resource').filter((e) => e.name.includes('classify')).length"
    )
    before = page.driver.execute_script(asked)
    page.all(".recent button")[1].send_keys(Keys.ENTER)
    page.wait(lambda: page.text(".answer") == "Cherry")
    assert page.one(".preview").get_attribute("alt") == "Your image: cherry.png"
    assert page.driver.execute_script(asked) == before
    for count in range(3, 13):
        page.all(".examples button")[count % 3].click()
        page.wait(lambda count=count: len(page.all(".recent li")) == count)
    check_every_mode(page, axe, "history")


def test_views_have_addresses_and_the_back_button_switches_between_them(page: Page) -> None:
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


def test_address_and_back_button_show_the_same_names_again(page: Page) -> None:
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
    author: "Ada", license: "CC BY 4.0", license_url: "https://licences.example/by", source: "a gallery",
    thumbnail: "examples/0-cherry.png" },
  { label: "ocean", similarity: 0.5, page_url: "javascript:alert(1)", title: "", author: "", license: "",
    license_url: "", source: "" },
  { label: "ocean", similarity: 0.25, page_url: "http://gallery.herodex.test/1", title: "Sea", author: "Bo",
    license: "CC0", license_url: "https://licences.example/cc0", source: "demo", thumbnail: "" },
];
answer.heat_map = { label: "cherry", grid: [[0, 0], [0, 1]], box: [0.5, 0, 1, 1] };
return Response.json(answer);
"""


def test_similar_training_images_are_credited_as_plain_text(page: Page, cherry: Path, axe: str) -> None:
    with stubbed(page, "api/classify", NEAREST):
        assert not page.one(".nearest").is_displayed()
        page.upload(cherry)
        page.wait(lambda: page.one(".nearest").is_displayed())
        first, second, third = page.all(".neighbours li")
        assert first.text == "Cherry similarity 0.93\n<b>Red</b>\nby Ada, a gallery, CC BY 4.0"
        assert second.text == "Ocean similarity 0.50\nUntitled\nunknown author"
        links = first.find_elements(By.TAG_NAME, "a")
        addresses = [link.get_attribute("href") for link in links]
        assert addresses == ["https://images.example/1", "https://licences.example/by"]
        assert {link.get_attribute("rel") for link in links} == {"noopener noreferrer"}
        assert not second.find_elements(By.TAG_NAME, "a")
        # The demo web's hosts exist nowhere, so that only the licence is a link.
        assert [link.text for link in third.find_elements(By.TAG_NAME, "a")] == ["CC0"]
        assert [len(each.find_elements(By.TAG_NAME, "img")) for each in (first, second, third)] == [1, 0, 0]
        check_every_mode(page, axe, "credits")


def test_similar_training_images_are_shown_by_their_thumbnails(page: Page, cherry: Path) -> None:
    page.upload(cherry)
    widths = "return [...document.querySelectorAll('.neighbours img')].map((image) => image.naturalWidth)"
    page.wait(lambda: page.driver.execute_script(widths) == [96, 96])
    # The service has no thumbnail of the third one.
    assert len(page.all(".neighbours li")) == 3


def test_thumbnail_that_is_gone_leaves_the_text(page: Page, cherry: Path) -> None:
    with stubbed(page, "api/classify", NEAREST.replace("examples/0-cherry.png", "neighbours/0.webp")):
        page.upload(cherry)
        page.wait(lambda: page.all(".neighbours li") and not page.all(".neighbours img"))
        assert page.text(".neighbours li").startswith("Cherry similarity 0.93")
        page.browser_errors()


def test_heat_map_covers_its_part_of_the_image(page: Page, cherry: Path, axe: str) -> None:
    with stubbed(page, "api/classify", NEAREST):
        page.upload(cherry)
        page.wait(lambda: page.one(".heat-toggle").is_displayed() and page.one(".preview").is_displayed())
        assert not page.one(".heat").is_displayed()
        page.one(".heat-toggle").click()
        assert page.one(".heat-toggle").get_attribute("aria-pressed") == "true"
        alpha = """
        const heat = document.querySelector(".heat"), pixels = heat.getContext("2d");
        return arguments[0].map(([x, y]) =>
          pixels.getImageData(x * heat.width, y * heat.height, 1, 1).data[3]);"""
        left, weak, strong = page.driver.execute_script(alpha, [[0.4, 0.9], [0.55, 0.1], [0.95, 0.95]])
        assert (left, weak) == (0, 0)
        assert strong > 150
        preview, heat = (page.one(part).rect for part in (".preview", ".heat"))
        assert heat["x"] >= preview["x"] + preview["width"] - 1
        assert heat["width"] == preview["width"]
        check_every_mode(page, axe, "heat map")
        page.all(".examples button")[0].click()
        page.wait(lambda: not page.one(".heat").is_displayed())


DISPLAY_NAMES = {
    "cherry": '<b>Kirsche</b> <img src="x"> & 🍒',
    "meadow": "草原のとても長い名前 Donaudampfschifffahrtskapitänsmützenaaaaaaa",
    "grey": "Grau <i>",
}
BETWEEN_TWO = """
const answer = await (await send(path, options)).json();
answer.set = ["cherry", "meadow", "ocean", "unknown"];
answer.nearest = [{ label: "meadow", similarity: 0.5, page_url: "", title: "" }];
answer.heat_map = { label: "cherry", grid: [[0, 1]], box: [0, 0, 1, 1] };
return Response.json(answer);
"""


def test_display_names_are_shown_everywhere_as_plain_text(tiny_project, tmp_path, chromium, cherry, axe):
    project = tmp_path / "project"
    shutil.copytree(tiny_project, project)
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    params["page"]["display_names"], params["distractors"] = DISPLAY_NAMES, ["grey"]
    (project / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    white = tmp_path / "white.png"
    Image.new("RGB", (50, 50), "white").save(white)
    shown = [DISPLAY_NAMES["cherry"], DISPLAY_NAMES["meadow"], "Ocean"]
    with serving(project) as url:
        page = Page(chromium, url)
        page.browser_errors()
        page.open()
        assert list(page.bars()) == [*shown, "None of the three"]
        examples = page.all(".examples button")
        assert [example.accessible_name for example in examples] == [f"Example: {text}" for text in shown]
        examples[0].click()
        page.wait(lambda: page.text(".answer") == shown[0])
        assert page.one(".preview").get_attribute("alt") == f"Your image: Example: {shown[0]}"
        page.upload(white)
        page.wait(lambda: page.text(".answer") == "None of the three: looks like Grau <i>")
        assert any(f"Closest class: {text} (" in page.text(".detail") for text in shown)
        entries = [entry.get_attribute("textContent") or "" for entry in page.all(".recent .caption")]
        assert entries[0].startswith("None of the three")
        assert entries[1].startswith(shown[0])
        check_every_mode(page, axe, "display names, no class")
        with stubbed(page, "api/classify", BETWEEN_TWO):
            page.open()
            page.upload(cherry)
            page.wait(lambda: page.one(".heat-toggle").is_displayed())
            assert page.text(".answer") == shown[0]
            others = f"Could also be {shown[1]} or Ocean or none of the three."
            assert page.text(".detail").endswith(others)
            assert set(page.bars()) == {*shown, "None of the three"}
            assert page.one(".heat-toggle").get_attribute("title") == f"Evidence for {shown[0]}"
            assert page.text(".neighbours .likeness") == f"{shown[1]} similarity 0.50"
            assert not page.all("#recognise :is(b, i, img[src=x])")
            check_every_mode(page, axe, "display names, one of several")
        assert page.browser_errors() == []


@pytest.mark.parametrize("nonsense", ["{}", "[]", '"no"', "null", '{"probabilities": {}}', "<html>"])
def test_unexpected_response_is_reported(page: Page, cherry: Path, nonsense: str) -> None:
    answer = f"return new Response({nonsense!r});"
    with stubbed(page, "api/classify", answer):
        page.upload(cherry)
        assert page.text(".answer") == "The service returned an unexpected response."
        assert not page.all(".recent li")
        page.invent()
        page.wait(page.names)


def test_page_shows_progress_and_stays_usable_while_the_service_is_slow(
    page: Page, cherry: Path, axe: str
) -> None:
    with stubbed(page, "api/classify", "return new Promise(() => {});"):
        page.one("#image").send_keys(str(cherry))
        page.wait(lambda: page.text(".answer") == "Classifying…")
        assert page.one(".findings").get_attribute("aria-busy") == "true"
        check_every_mode(page, axe, "classifying")
        page.invent()
        page.wait(page.names)


@pytest.mark.parametrize(("missing", "view"), [("classifier", "names"), ("generator", "recognise")])
def test_page_of_one_model_hides_the_other_part(tiny_project, tmp_path, chromium, missing, view, axe):
    project = tmp_path / "project"
    shutil.copytree(tiny_project, project)
    shutil.rmtree(project / "models" / missing)
    with serving(project) as url:
        page = Page(chromium, url)
        for address in ("", "names"):
            chromium.get(f"{url}/{address}")
            page.wait(lambda: page.one(f"#{view}").is_displayed() and page.one(".tagline").text)
            shown = [each.get_attribute("id") for each in page.all(".view") if each.is_displayed()]
            assert shown == [view]
            assert not page.one("nav").is_displayed()
            assert not page.one("#notice").is_displayed()
        tasks = {"classifier": "Classifies colour images.", "generator": "Invents Elf names."}
        assert page.one(".tagline").text == next(text for model, text in tasks.items() if model != missing)
        check_every_mode(page, axe, f"only {view}")
