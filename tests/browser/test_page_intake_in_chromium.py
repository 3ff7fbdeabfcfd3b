"""Files that are dropped or pasted on the page, by real drags and a real clipboard."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from every_mode import check_every_mode
from page_in_chromium import Page
from PIL import Image
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from tiny_service import COLOURS, serving

PASTE = """
const data = new DataTransfer();
for (const [type, text] of Object.entries(arguments[1])) data.setData(type, text);
for (const name of arguments[2]) data.items.add(new File(["x"], name, { type: "image/png" }));
const event = new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: data });
return arguments[0].dispatchEvent(event);
"""
"""Paste texts and files on an element; returns whether the browser then pastes as well."""


def drop(page: Page, target: str, files: Sequence[Path] = (), **texts: str) -> None:
    """Drag files, or texts by the names of their types, onto an element and drop them."""
    names = {"address": "text/uri-list", "plain": "text/plain", "html": "text/html"}
    items = [{"mimeType": names[name], "data": text} for name, text in texts.items()]
    data = {"items": items, "files": [str(file) for file in files], "dragOperationsMask": 1}
    page.driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", page.one(target))
    box = page.driver.execute_script("return arguments[0].getBoundingClientRect().toJSON()", page.one(target))
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    for kind in ("dragEnter", "dragOver", "drop"):
        page.driver.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, "data": data, **place})


def paste(page: Page, target: str, files: Sequence[str] = (), **texts: str) -> bool:
    """Paste on an element; return whether the page leaves the rest to the browser."""
    named = {f"text/{kind}": text for kind, text in texts.items()}
    return page.driver.execute_script(PASTE, page.one(target), named, list(files))


@pytest.fixture
def images(tmp_path: Path) -> dict[str, Path]:
    """An image file of each class."""
    for label, colour in COLOURS.items():
        Image.new("RGB", (60, 60), colour).save(tmp_path / f"{label}.png")
    return {label: tmp_path / f"{label}.png" for label in COLOURS}


def table(page: Page) -> list[list[str]]:
    """Return the texts of the table of many images once every row has its outcome."""
    page.wait(lambda: page.all(".batch tbody tr") and not page.one(".batch .stop").is_displayed())
    rows = "return [...document.querySelectorAll('.batch tbody tr')].map((row) => [...row.cells].map(%s))"
    return page.driver.execute_script(rows % "(cell) => cell.textContent")


def test_several_dropped_images_are_classified_in_a_table(page: Page, images: dict[str, Path]) -> None:
    drop(page, "footer", list(images.values()))
    assert [row[:2] for row in table(page)] == [[f"{label}.png", label.title()] for label in images]
    assert page.text(".remark") == "3 images are classified in the table below."
    assert page.text(".answer") == "No image yet"


def test_chosen_images_are_classified_in_a_table(page: Page, images: dict[str, Path]) -> None:
    page.one("#image").send_keys("\n".join(map(str, images.values())))
    assert [row[1] for row in table(page)] == [label.title() for label in images]


def test_image_among_other_dropped_things_is_taken(
    page: Page, images: dict[str, Path], tmp_path: Path
) -> None:
    notes, folder = tmp_path / "notes.txt", tmp_path / "folder"
    notes.write_text("notes")
    folder.mkdir()
    drop(page, ".drop", [folder, notes, images["meadow"]])
    page.wait(lambda: page.text(".answer") == "Meadow")
    assert page.text(".remark") == "1 other file left out, because it is no image."
    page.upload(images["ocean"])
    assert not page.one(".remark").is_displayed()


def test_left_out_files_are_named_also_if_the_taken_one_is_refused(page: Page, tmp_path: Path) -> None:
    for name in ("a.png", "b.txt"):
        (tmp_path / name).write_text("no image")
    drop(page, ".drop", [tmp_path / "a.png", tmp_path / "b.txt"])
    page.wait(lambda: page.one(".verdict").get_attribute("data-state") == "failed")
    assert "1 other file left out" in page.text(".remark")
    page.browser_errors()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            {"address": "https://a.test/cat.jpg"},
            "A web address was dropped, not an image file. Save",
        ),
        (
            {"address": "https://a.test/cat.jpg", "html": '<img src="https://a.test/cat.jpg">'},
            "A web address was dropped, not an image file. Save the image to your device first",
        ),
        ({"plain": "https://a.test/cat.jpg"}, "A web address was dropped"),
        ({"plain": "a cat"}, "Text was dropped, not an image file. Choose, drop or paste an image file."),
    ],
)
def test_dropped_thing_that_is_no_file_is_refused_with_advice(
    page: Page, texts: dict[str, str], message: str
) -> None:
    address = page.driver.current_url
    drop(page, ".drop", [], **texts)
    page.wait(lambda: page.one(".remark").is_displayed())
    assert page.text(".remark").startswith(message)
    assert page.text(".answer") == "No image yet"
    assert page.driver.current_url == address


def test_remark_and_progress_are_accessible(page: Page, axe: str) -> None:
    drop(page, ".drop", plain="words")
    page.wait(lambda: page.one(".remark").is_displayed())
    assert "dragging" not in str(page.one("#recognise").get_attribute("class"))
    page.driver.execute_script("document.querySelector('.upload').hidden = false")
    check_every_mode(page, axe, "remark and progress")


@pytest.mark.parametrize("files", [[], ["notes.txt", ".hidden.png"]])
def test_dropped_folder_without_images_is_refused_with_advice(
    page: Page, tmp_path: Path, files: list[str]
) -> None:
    folder = tmp_path / "holiday"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("no image")
    drop(page, ".drop", [folder])
    page.wait(lambda: page.text(".remark").startswith("There is no image among"))
    count = "1 file" if files else "0 files"
    assert page.text(".remark") == f"There is no image among {count}. Choose, drop or paste an image file."


def test_message_about_a_drop_leaves_the_answer(page: Page, images: dict[str, Path]) -> None:
    page.upload(images["ocean"])
    drop(page, ".drop", plain="words")
    page.wait(lambda: page.one(".remark").is_displayed())
    assert page.text(".answer") == "Ocean"


def test_pasted_thing_that_is_no_image_is_refused_with_advice(page: Page) -> None:
    for texts, message in (
        ({"plain": "https://a.test/cat.jpg"}, "A web address was pasted, not an image file."),
        ({"plain": "a cat"}, "Text was pasted, not an image file."),
        ({}, "No image was pasted. Choose, drop or paste an image file."),
    ):
        assert not paste(page, "body", **texts)
        assert page.text(".remark").startswith(message)


def test_several_pasted_images_are_classified_in_a_table(page: Page) -> None:
    paste(page, "body", ["a.png", "b.png"])
    assert [row[0] for row in table(page)] == ["a.png", "b.png"]
    assert all("not an image" in row[1] for row in table(page))
    page.browser_errors()


def test_text_can_be_pasted_and_dropped_into_a_text_field(page: Page) -> None:
    page.go("names")
    field: WebElement = page.one("#prefix")
    field.send_keys("co", Keys.CONTROL, "a", "c", "v", "v")
    assert field.get_attribute("value") == "coco"
    # A spreadsheet's cell is text with an image of it.
    assert paste(page, "#prefix", ["cell.png"], plain="el")
    drop(page, "#prefix", plain="fe")
    page.wait(lambda: "fe" in str(field.get_attribute("value")))
    assert not page.one("#recognise").is_displayed()
    assert paste(page, "#names", plain="el")
    assert not page.one("#recognise").is_displayed()


def test_image_dropped_on_the_names_is_classified_on_its_own_page(
    page: Page, images: dict[str, Path]
) -> None:
    page.go("names")
    drop(page, "#names h1", [images["meadow"]])
    page.wait(lambda: page.one("#recognise").is_displayed() and page.text(".answer") == "Meadow")
    assert not page.driver.current_url.endswith("names")
    page.driver.back()
    page.wait(lambda: page.one("#names").is_displayed())
    drop(page, "#prefix", [images["ocean"]])
    page.wait(lambda: page.one("#recognise").is_displayed() and page.text(".answer") == "Ocean")
    page.go("names")
    paste(page, "body", ["a.png"])
    page.wait(lambda: page.one(".verdict").get_attribute("data-state") == "failed")
    page.go("names")
    drop(page, "#names h1", address="https://a.test/cat.jpg")
    page.wait(lambda: page.one(".remark").is_displayed())
    assert "web address" in page.text(".remark")
    page.browser_errors()


def test_image_dropped_on_a_page_without_classifier_is_refused(
    tiny_project: Path, tmp_path: Path, chromium, images: dict[str, Path]
) -> None:
    project = tmp_path / "project"
    shutil.copytree(tiny_project, project)
    shutil.rmtree(project / "models/classifier")
    with serving(project) as url:
        page = Page(chromium, url)
        chromium.get(f"{url}/names")
        page.wait(lambda: page.one("#names").is_displayed() and page.text(".tagline"))
        drop(page, "#names h1", [images["ocean"]])
        page.wait(lambda: page.one("#notice").is_displayed())
        assert page.text("#notice") == "This service cannot classify images; it only invents names."
        assert chromium.current_url == f"{url}/names"
