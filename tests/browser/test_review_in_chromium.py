"""The review page in Chromium: decisions by keyboard, applied by `dvc repro`."""

import hashlib
import io
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import yaml
from demo_web_params import ONE_OF_EACH
from every_mode import check_every_mode
from page_in_chromium import violations
from PIL import Image
from review_in_chromium import ReviewPage, review_of
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from benchmarks.demo_crawl import write_crawl
from benchmarks.review_page import draw_dataset
from benchmarks.review_server import reviewing
from demo_web.truth import plan_web
from herodex import paths
from herodex.curation.clean import check_all, clean
from herodex.dataset.manifest import NO_HASH, read_manifest, write_manifest
from herodex.evaluation.baseline import colour_histogram
from herodex.feedback_inbox import Report, store_report
from herodex.params import load_params

PROJECT = Path(__file__).resolve().parents[2]
CLASSES, DISTRACTORS, RESULTS = ["tea", "coffee"], ["cocoa"], 40


def repro(folder: Path) -> None:
    """Run `curate_images` by DVC, on the inputs as they are."""
    done = subprocess.run(
        ["dvc", "repro", "--single-item", "curate_images"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with curated images and colour histograms as features."""
    folder = tmp_path_factory.mktemp("review")
    for name in ("src", "crawlers", "dvc.yaml", "versions.yaml", ".dvc/config", "data/review.csv"):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
        copy(PROJECT / name, target)
    values = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    values |= {"classes": CLASSES, "distractors": DISTRACTORS}
    values["crawl"]["images"]["per_query"] = values["demo_web"]["results_per_query"] = RESULTS
    values["demo_web"]["shares"] |= ONE_OF_EACH
    (folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    params = load_params(folder / "params.yaml")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)

    raw, target = folder / paths.RAW_IMAGES, folder / paths.CLEAN_IMAGES
    manifest = write_crawl(raw, plan_web(params), params)
    settings = params.classifier.clean
    checks = check_all(list(manifest["file"]), raw, target, settings)

    def read(file: str) -> np.ndarray:
        return np.asarray(Image.open((target / file).with_suffix(".png")))

    cleaned = clean(manifest, checks, settings, read)
    write_manifest(cleaned, target / paths.MANIFEST)
    images = cleaned[cleaned["phash"] != NO_HASH].drop_duplicates("sha256").sort_values("sha256")
    vectors = [colour_histogram(read(file)) for file in images["file"]]
    table = np.zeros(len(images), [("sha256", "U64"), ("features", "f4", (512,))])
    table["sha256"], table["features"] = images["sha256"], np.stack(vectors)
    np.save(folder / paths.FEATURES, table)
    repro(folder)
    return folder


@pytest.fixture
def no_decisions(project: Path) -> None:
    """Start without decisions."""
    (project / paths.REVIEW).write_text("sha256,decision,class\n", encoding="utf-8")


@pytest.mark.usefixtures("no_decisions")
def test_decisions_by_keyboard_survive_a_restart_and_are_applied(chromium, project):
    wanted: dict[str, tuple[str, str]] = {}
    with reviewing(project) as url:
        page = ReviewPage(chromium, url)
        for number in range(10):
            sha256 = page.shown()
            keys, decision = (
                [("k",), ("d",), ("r", "2")][number % 3],
                [
                    ("keep", ""),
                    ("drop", ""),
                    ("keep", CLASSES[1]),
                ][number % 3],
            )
            page.press(*keys)
            wanted[sha256] = decision
            page.wait(lambda: review_of(project) == wanted)
            page.press("n")
        assert len(wanted) == 10
        page.wait(lambda: page.decided() == 10)
    with reviewing(project) as url:
        assert ReviewPage(chromium, url).decided() == 10
    repro(project)
    curated = read_manifest(project / paths.CURATED_IMAGES)
    for sha256, (decision, label) in wanted.items():
        rows = curated[curated["sha256"] == sha256]
        assert set(rows["decided_by"]) == {"person"}
        assert ("1" in set(rows["kept"])) == (decision == "keep")
        if label:
            assert set(rows["label"]) == {label}
        if decision == "drop":
            assert set(rows["dropped_for"]) == {"review"}


@pytest.mark.usefixtures("no_decisions")
def test_undo_withdraws_the_last_decisions_one_by_one(chromium, project):
    with reviewing(project) as url:
        page = ReviewPage(chromium, url)
        first = page.shown()
        page.press("k", "d")
        page.wait(lambda: len(review_of(project)) == 2)
        page.press("u")
        page.wait(lambda: review_of(project) == {first: ("keep", "")})
        page.press("u")
        page.wait(lambda: review_of(project) == {})
        assert page.shown() == first
        page.wait(lambda: page.decided() == 0)


@pytest.mark.usefixtures("no_decisions")
def test_arrow_keys_reach_every_query_and_image(chromium, project):
    with reviewing(project) as url:
        page = ReviewPage(chromium, url)
        names = []
        for _ in CLASSES + DISTRACTORS:
            names.append(page.text("#queries [aria-current] .name"))
            page.press(Keys.ARROW_DOWN)
        assert names == CLASSES + DISTRACTORS
        first = page.shown()
        page.press(Keys.ARROW_RIGHT)
        assert page.shown() != first
        page.press(Keys.ARROW_LEFT)
        assert page.shown() == first
        scores = [float(value) for value in _scores(page)]
        assert scores == sorted(scores)
        assert {"score", "label", "licence"} <= set(page.text("#details").split())


COUNT_PIXELS = """
const canvas = document.querySelector("#canvas");
const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
const hex = getComputedStyle(document.documentElement).getPropertyValue(arguments[0]).trim();
const wanted = [1, 3, 5].map((place) => Number.parseInt(hex.slice(place, place + 2), 16));
let count = 0;
for (let at = 0; at < data.length; at += 4) {
  if (wanted.every((value, part) => Math.abs(data[at + part] - value) < 8) && data[at + 3] > 200) count += 1;
}
return count;
"""
"""Counts pixels of the map in the colour of a property."""


def _scores(page: ReviewPage) -> list[str]:
    scores = []
    for _ in range(5):
        scores.append(page.text("#details dd"))
        page.press(Keys.ARROW_RIGHT)
    return scores


@pytest.mark.usefixtures("no_decisions")
def test_page_contacts_no_other_host_and_logs_no_error(chromium, project):
    # The page of the last test may still ask for images of a server that has stopped.
    chromium.get("about:blank")
    chromium.get_log("browser")
    with reviewing(project) as url:
        page = ReviewPage(chromium, url)
        page.press("k")
        page.wait(lambda: page.decided() == 1)
        asked = page.driver.execute_script(
            "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        )
        assert asked
        assert all(address.startswith(url) for address in asked)
        assert chromium.get_log("browser") == []


@contextmanager
def emulated(driver: WebDriver, width: int, **media: str) -> Iterator[None]:
    """Set the width of the window and media features."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        yield
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


BOXES = """return [...document.querySelectorAll(arguments[0])].map((button) => {
  const { left, top, width, height } = button.getBoundingClientRect();
  return [left, top, width, height];
});"""
BUTTONS = "main button:not(.whole)"
"""The large images, which open when pressed, are one or two."""
BESIDE_CARDS = "main button:not(.whole, .card), #strip"
"""The cards scroll in their list, so that the current one is in sight."""


@pytest.mark.usefixtures("no_decisions")
@pytest.mark.parametrize("width", [360, 1440])
def test_pressing_a_button_moves_none_and_keeps_the_focus(chromium, project, width):
    def boxes(of: str) -> list[list[float]]:
        return chromium.execute_script(BOXES, of)

    with reviewing(project) as url, emulated(chromium, width):
        page = ReviewPage(chromium, url)
        before = boxes(BESIDE_CARDS)
        # The first images have different findings, and facts of different length.
        for key in "kdkuu":
            pressed = page.one(f"#actions [data-key={key}]")
            pressed.click()
            assert chromium.switch_to.active_element == pressed
            assert boxes(BESIDE_CARDS) == before
        card = page.all("#strip .card")[1]
        chromium.execute_script("arguments[0].scrollIntoView({ block: 'center' })", card)
        before, others = boxes(BUTTONS), boxes(BESIDE_CARDS)
        card.click()
        assert page.one("#strip [aria-current]") == card == chromium.switch_to.active_element
        assert boxes(BUTTONS) == before
        page.press("d")
        assert chromium.switch_to.active_element == page.one("#strip [aria-current]") != card
        assert boxes(BESIDE_CARDS) == others
        page.wait(lambda: len(review_of(project)) == 2)


def test_page_loads_thumbnails_and_the_whole_image_on_request(chromium, project):
    requests = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    with reviewing(project) as url:
        page = ReviewPage(chromium, url)
        page.wait(lambda: chromium.execute_script("return document.querySelector('#image').naturalWidth"))
        assert any("/thumbnail/192/" in address for address in chromium.execute_script(requests))
        assert not any("/image/" in address for address in chromium.execute_script(requests))
        page.press(Keys.ENTER)
        assert page.one("#whole").is_displayed()
        assert page.one("#whole-image").get_attribute("src") == f"{url}/image/{page.shown()}"
        page.press(Keys.ESCAPE)
        page.wait(lambda: not page.one("#whole").is_displayed())
        page.one("#image").click()
        assert page.one("#whole").is_displayed()


@pytest.mark.usefixtures("no_decisions")
def test_one_undo_takes_back_decisions_made_together(chromium, project):
    with reviewing(project) as url:
        page = ReviewPage(chromium, url)
        first = page.shown()
        page.press("k", "x")
        page.press_with(Keys.SHIFT, Keys.ARROW_RIGHT)
        page.press_with(Keys.SHIFT, Keys.ARROW_RIGHT)
        assert page.text("#selected").startswith("3 selected")
        page.press("d")
        page.wait(lambda: len(review_of(project)) == 4)
        kept, *dropped = review_of(project).items()
        assert kept == (first, ("keep", ""))
        assert {decision for _, decision in dropped} == {("drop", "")}
        assert page.text("#selected").startswith("None selected")
        page.press_with(Keys.CONTROL, "z")
        page.wait(lambda: review_of(project) == {first: ("keep", "")})
        assert page.text("#selected").startswith("3 selected")
        page.press("u")
        page.wait(lambda: review_of(project) == {})
        page.press("u")
        assert page.text("#said") == "There is nothing to undo."


@pytest.mark.usefixtures("no_decisions")
def test_decision_that_cannot_be_saved_is_reported_and_taken_back(chromium, project):
    with reviewing(project) as url:
        page = ReviewPage(chromium, url)
        page.press("k")
        page.wait(lambda: len(review_of(project)) == 1)
        saved = (project / paths.REVIEW).read_text(encoding="utf-8")
        (project / paths.REVIEW).write_text("nonsense\n", encoding="utf-8")
        page.press("a", "d")
        page.wait(lambda: "Not saved" in page.text("#notice") and page.decided() == 1)
        (project / paths.REVIEW).write_text(saved, encoding="utf-8")
        page.press("u")
        page.wait(lambda: review_of(project) == {})
        page.wait(lambda: not page.one("#notice").is_displayed())


@pytest.mark.usefixtures("no_decisions")
def test_pointer_selects_with_shift_control_and_checkboxes(chromium, project):
    with reviewing(project) as url:
        page = ReviewPage(chromium, url)
        cards = page.all("#strip .card")
        for modifier, place, count in ((Keys.CONTROL, 0, 1), (Keys.SHIFT, 2, 3), (Keys.CONTROL, 1, 2)):
            click = ActionChains(chromium).key_down(modifier).click(cards[place]).key_up(modifier)
            click.perform()
            assert page.text("#selected").startswith(f"{count} selected")
        page.all("#strip .tick")[1].click()
        assert page.text("#selected").startswith("3 selected")
        page.press(Keys.ESCAPE)
        assert page.text("#selected").startswith("None selected")


@pytest.fixture
def many_labels(project: Path, tmp_path: Path) -> Path:
    """The same images in a project with twelve classes and without features."""
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    values["classes"] = [*CLASSES, *(f"brew-{letter}" for letter in "abcdefghij")]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    images = tmp_path / paths.CURATED_IMAGES.parent
    images.mkdir(parents=True)
    for name in (paths.CURATED_IMAGES.name, paths.CLEAN_IMAGES.name):
        (images / name).symlink_to(project / paths.CURATED_IMAGES.parent / name)
    return tmp_path


def test_label_is_chosen_by_typed_letters_among_more_than_nine(chromium, many_labels, axe):
    with reviewing(many_labels) as url:
        page = ReviewPage(chromium, url)
        wanted = {}
        for keys, label in (
            (["3"], "brew-a"),
            ([*"w-J", Keys.ENTER], "brew-j"),
            ([*"ew", Keys.DOWN], "brew-b"),
        ):
            wanted[page.shown()] = ("keep", label)
            page.press("r", *keys)
            if keys[-1] == Keys.DOWN:
                assert violations(page, axe) == []
                page.press(Keys.ENTER)
            assert not page.one("#chooser").is_displayed()
        page.wait(lambda: review_of(many_labels) == wanted)
        page.press("r", "q", Keys.ENTER)
        assert page.text("#choices-left") == "No label has these letters."
        page.press(Keys.ESCAPE)
        assert not page.one("#chooser").is_displayed()
        page.press("m")
        page.wait(lambda: "features.npy is missing" in page.text("#map-summary"))
        assert not page.one("#plot").is_displayed()


def test_kept_image_of_a_pair_is_named_and_shown(chromium, project):
    curated = read_manifest(project / paths.CURATED_IMAGES)
    with reviewing(project) as url:
        page = ReviewPage(chromium, url)
        page.filter("near duplicate")
        dropped = curated[curated["sha256"] == page.shown()].iloc[0]
        kept = curated[curated["sha256"] == dropped["duplicate_of"]].iloc[0]
        assert page.one("#original").get_attribute("src") == f"{url}/thumbnail/480/{kept['sha256']}"
        assert page.text("#original-caption").startswith(f"kept: {kept['title']} · query {kept['query']}")


@pytest.mark.usefixtures("no_decisions")
def test_part_of_the_map_is_decided_on_by_pointer_and_keyboard(chromium, project):
    chromium.get_log("browser")
    with reviewing(project) as url, emulated(chromium, 1280):
        page = ReviewPage(chromium, url)
        page.open_map()
        count = len(np.load(project / paths.FEATURES))
        assert page.text("#map-summary").startswith(f"All {count} images")
        page.drag_over_map()
        assert len(page.all("#strip .card")) == count
        plot = page.one("#plot")
        chromium.execute_script("arguments[0].focus()", plot)
        page.press(Keys.ARROW_RIGHT, Keys.ENTER)
        assert len(page.all("#strip .card")) == 24
        named = page.text("#nearest-text")
        page.press(Keys.ARROW_LEFT)
        assert page.text("#nearest-text") != named
        # Every image can be decided on, also one without findings.
        page.press("a", "d")
        page.wait(lambda: len(review_of(project)) == 24)
        assert chromium.switch_to.active_element == plot
        page.press("u")
        page.wait(lambda: review_of(project) == {})
        page.wait(lambda: page.text("#verdict .meaning") and "licence" in page.text("#details"))
        page.one("#pick-marked").click()
        assert 0 < len(page.all("#strip .card")) < count
        assert chromium.get_log("browser") == []


def place_in_plot(page: ReviewPage, across: float, down: float) -> dict[str, float]:
    """The place of a share of the plot in the window."""
    box = page.driver.execute_script("return document.querySelector('#plot').getBoundingClientRect()")
    return {"x": box["x"] + across * box["width"], "y": box["y"] + down * box["height"]}


def turn_wheel(page: ReviewPage, across: float, down: float, pixels: int) -> None:
    """Turn the wheel over a share of the plot."""
    place = place_in_plot(page, across, down)
    turned = {"type": "mouseWheel", "deltaX": 0, "deltaY": pixels, **place}
    page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", turned)


def nearest_place(page: ReviewPage) -> list[float]:
    """The position in the plot of the point that pointer or keys are at."""
    return page.driver.execute_script(
        "const { x, y, width, height } = document.querySelector('#points .here').getBBox();"
        "return [x + width / 2, y + height / 2]"
    )


def drag_moves_the_map(page: ReviewPage, *modifiers: str) -> None:
    """Drag from the middle of the plot, and wait until the map has moved as far."""
    # The pointer names what it passes over until a button is pressed.
    ActionChains(page.driver).move_to_element(page.one("#plot")).perform()
    left, top = nearest_place(page)
    action = ActionChains(page.driver)
    for modifier in modifiers:
        action.key_down(modifier)
    action.click_and_hold().move_by_offset(-60, -40).release()
    for modifier in modifiers:
        action.key_up(modifier)
    action.perform()
    page.wait(lambda: nearest_place(page) == pytest.approx([left - 60, top - 40], abs=3))


def count_in_sight(page: ReviewPage) -> int:
    return int(page.text("#in-sight").partition(": ")[2].split()[0])


@pytest.mark.usefixtures("no_decisions")
def test_map_zooms_about_the_pointer_moves_and_returns_with_focus_and_cards(chromium, project):
    with reviewing(project) as url, emulated(chromium, 1280):
        page = ReviewPage(chromium, url)
        page.open_map()
        whole = page.text("#in-sight")
        plot = page.one("#plot")
        chromium.execute_script(
            "arguments[0].scrollIntoView({ block: 'center' }); arguments[0].focus()", plot
        )
        page.press(Keys.ARROW_RIGHT, Keys.ENTER)
        cards = [card.get_attribute("data-key") for card in page.all("#strip li")]
        before = nearest_place(page)
        size = plot.size
        share = before[0] / size["width"], before[1] / size["height"]
        turn_wheel(page, *share, -400)
        page.wait(lambda: page.text("#in-sight").startswith("Zoom 2.2"))
        assert nearest_place(page) == pytest.approx(before, abs=3)
        assert count_in_sight(page) < int(whole.split()[2])
        drag_moves_the_map(page, Keys.CONTROL)
        page.one("#pan").click()
        drag_moves_the_map(page)
        page.one("#pan").click()
        assert [card.get_attribute("data-key") for card in page.all("#strip li")] == cards
        chromium.execute_script("arguments[0].focus()", plot)
        at = nearest_place(page)
        page.press_with(Keys.SHIFT, Keys.ARROW_LEFT)
        page.wait(lambda: nearest_place(page)[0] > at[0] + 100)
        page.press("0")
        page.wait(lambda: page.text("#in-sight") == whole)
        assert chromium.switch_to.active_element == plot
        for key, text in (("+", "Zoom 1.5"), ("+", "Zoom 2.3"), ("-", "Zoom 1.5")):
            page.press(key)
            page.wait(lambda text=text: page.text("#in-sight").startswith(text))
        page.one("#zoom [data-zoom='0']").click()
        page.wait(lambda: page.text("#in-sight") == whole)
        assert chromium.switch_to.active_element == page.one("#zoom [data-zoom='0']")
        assert [card.get_attribute("data-key") for card in page.all("#strip li")] == cards
        # The whole map cannot become smaller, so the wheel scrolls the page.
        scrolled = chromium.execute_script("return scrollY")
        turn_wheel(page, 0.5, 0.5, 100)
        page.wait(lambda: chromium.execute_script("return scrollY") > scrolled)


@pytest.mark.usefixtures("no_decisions")
def test_rectangle_on_a_zoomed_map_selects_what_is_in_sight(chromium, project):
    with reviewing(project) as url, emulated(chromium, 1280):
        page = ReviewPage(chromium, url)
        page.open_map()
        chromium.execute_script("document.querySelector('#plot').scrollIntoView({ block: 'center' })")
        turn_wheel(page, 0.1, 0.7, -400)
        page.wait(lambda: page.text("#in-sight").startswith("Zoom 2.2"))
        page.drag_over_map()
        assert (
            0 < len(page.all("#strip .card")) <= count_in_sight(page) < len(np.load(project / paths.FEATURES))
        )


def test_fingers_pinch_and_move_the_map(chromium, project):
    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [place_in_plot(page, *place) | {"id": number} for number, place in enumerate(places)]
        chromium.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    with reviewing(project) as url, emulated(chromium, 1280):
        page = ReviewPage(chromium, url)
        page.open_map()
        chromium.execute_script("document.querySelector('#plot').scrollIntoView({ block: 'center' })")
        touch("touchStart", (0.4, 0.5), (0.6, 0.5))
        touch("touchMove", (0.3, 0.5), (0.7, 0.5))
        touch("touchEnd")
        page.wait(lambda: page.text("#in-sight").startswith("Zoom 2.0"))
        # The fingers that pinched have selected nothing.
        assert page.all("#strip .card") == []


@pytest.mark.usefixtures("no_decisions")
def test_decided_images_are_marked_counted_and_can_be_hidden_on_the_map(chromium, project):
    def legend(start: str) -> int:
        (entry,) = (item.text for item in page.all("#legend li") if item.text.startswith(start))
        return int(entry.rpartition(" ")[2])

    def colours(name: str) -> int:
        """Count the canvas's pixels of a decision's colour."""
        return chromium.execute_script(COUNT_PIXELS, name)

    with reviewing(project) as url, emulated(chromium, 1280):
        page = ReviewPage(chromium, url)
        page.open_map()
        count = len(np.load(project / paths.FEATURES))
        assert (legend("underlined"), legend("struck through"), colours("--keep")) == (0, 0, 0)
        page.drag_over_map()
        page.press("k", "k", "d")
        page.wait(lambda: (legend("underlined"), legend("struck through")) == (2, 1))
        chromium.execute_script("arguments[0].focus()", page.one("#plot"))
        page.press(Keys.ARROW_RIGHT, Keys.ENTER)
        undecided = page.text("#nearest-text")
        page.press("d")
        page.wait(
            lambda: page.text("#nearest-text") == f"{undecided.partition(', decided')[0]}, decided: drop"
        )
        page.press("u")
        page.wait(lambda: page.text("#nearest-text") == undecided)
        assert colours("--keep") > 10
        page.one("#undecided-only").click()
        page.wait(
            lambda: (
                page.text("#in-sight") == f"Whole map: {count - 3} of {count - 3} undecided images in sight"
            )
        )
        assert colours("--keep") == 0
        page.drag_over_map()
        assert len(page.all("#strip .card")) == count - 3


@pytest.mark.usefixtures("no_decisions")
def test_list_is_accessible_and_fits_in_every_mode(chromium, project, axe):
    with reviewing(project) as url:
        page = ReviewPage(chromium, url)
        page.filter("near duplicate")
        page.press("k", "x")
        check_every_mode(page, axe, "list, a pair of duplicates, one image selected")
        page.press("a", "d", "u")
        check_every_mode(page, axe, "list, all selected, after undo")
        page.press("r")
        check_every_mode(page, axe, "choice of a label")
        page.press(*"qq")
        check_every_mode(page, axe, "choice of a label, without a match")
        page.press(Keys.ESCAPE, "o")
        page.wait(
            lambda: chromium.execute_script("return document.querySelector('#whole-image').naturalWidth")
        )
        check_every_mode(page, axe, "whole image")


@pytest.mark.usefixtures("no_decisions")
def test_every_filter_is_accessible_and_fits(chromium, project, axe):
    with reviewing(project) as url:
        page = ReviewPage(chromium, url)
        reasons = [button.text.rpartition(" ")[0] for button in page.all("#filters button")]
        assert len(reasons) > 5
        for reason in reasons:
            page.filter(reason)
            assert violations(page, axe) == [], reason


@pytest.mark.usefixtures("no_decisions")
def test_map_is_accessible_and_fits_in_every_mode(chromium, project, axe):
    with reviewing(project) as url, emulated(chromium, 1280):
        page = ReviewPage(chromium, url)
        page.open_map()
        check_every_mode(page, axe, "map, nothing selected")
        page.drag_over_map()
        page.press("a", "d", "u", "k")
        page.wait(lambda: page.decided() > 0)
        chromium.execute_script("arguments[0].focus()", page.one("#plot"))
        page.press(Keys.ARROW_RIGHT, Keys.ENTER, "d", "d", "+", "+", "+")
        page.wait(lambda: page.text("#in-sight").startswith("Zoom 3.4"))
        check_every_mode(page, axe, "map, zoomed, some decided")


@pytest.mark.usefixtures("no_decisions")
def test_end_and_errors_are_accessible_and_fit_in_every_mode(chromium, project, axe):
    with reviewing(project) as url:
        page = ReviewPage(chromium, url)
        for _ in CLASSES + DISTRACTORS:
            page.press("a", "k", Keys.ARROW_DOWN)
        page.press("n")
        assert page.text("#said") == "All images are decided."
        page.wait(lambda: page.text("#summary") == "{0} of {0} decided".format(page.decided()))
        check_every_mode(page, axe, "all decided")
        page.wait(lambda: len(review_of(project)) == page.decided())
        saved = (project / paths.REVIEW).read_text(encoding="utf-8")
        (project / paths.REVIEW).write_text(f"{saved}{'a' * 64},keep,dragon\n", encoding="utf-8")
        page.press("d")
        page.wait(lambda: "'dragon' is not a class" in page.text("#notice"))
        check_every_mode(page, axe, "file changed by hand")
        (project / paths.REVIEW).write_text(saved, encoding="utf-8")
    page.press("d")
    page.wait(lambda: "the server does not answer" in page.text("#notice"))
    check_every_mode(page, axe, "server stopped")
    page.browser_errors()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn images of 40 classes, all with findings, and two reports of visitors."""
    folder = tmp_path_factory.mktemp("large")
    draw_dataset(folder, 600, 40, 1)
    for label in ("unknown", "species 0001"):
        file = io.BytesIO()
        Image.new("RGB", (400, 300), "purple" if label == "unknown" else "teal").save(file, "PNG")
        name = hashlib.sha256(file.getvalue()).hexdigest()
        report = Report(name, label, "species 0000", "0123abcd", "CC0 1.0", "2026-01-02T03:04Z")
        store_report(folder / paths.FEEDBACK, report, file.getvalue(), 1e9)
    return folder


def test_inbox_many_queries_and_many_cards_are_accessible_and_fit_in_every_mode(chromium, large, axe):
    with reviewing(large) as url, emulated(chromium, 1280):
        page = ReviewPage(chromium, url)
        page.wait(lambda: page.one("#inbox").is_displayed())
        page.one("#find").send_keys("003")
        assert page.text("#found") == "11 of 40 queries"
        check_every_mode(page, axe, "inbox, and a query found by letters")
        for _ in range(2):
            shown = page.one("#inbox").get_attribute("data-sha256")
            page.one("#inbox .reject").click()
            page.wait(
                lambda shown=shown: (
                    page.one("#inbox").get_attribute("data-sha256") != shown
                    or not page.one("#inbox").is_displayed()
                )
            )
        check_every_mode(page, axe, "inbox, after the last report")
        page.open_map()
        page.drag_over_map()
        assert page.text("#page") == "Images 1 to 200 of 600"
        page.one("#page-after").click()
        assert page.text("#page") == "Images 201 to 400 of 600"
        assert len(page.all("#strip .card")) == 200
        check_every_mode(page, axe, "map of many classes, and the second page of cards")
