"""Many images at once: a table that fills within the service's rate limit, and files with the results."""

import csv
import io
import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from every_mode import check_every_mode
from page_in_chromium import Page, stubbed
from PIL import Image
from selenium.webdriver.chrome.webdriver import WebDriver
from test_page_intake_in_chromium import drop, table
from tiny_service import COLOURS, make_project, serving

IMAGES = 200
NO_LIMITS = """
const about = await (await send(path)).json();
return Response.json({ ...about, requests_per_minute: 0 });
"""
"""Hide the rate limit from the page, which then learns of it by refusals."""


def png(label: str) -> bytes:
    """Encode a small image of a class."""
    file = io.BytesIO()
    Image.new("RGB", (40, 40), COLOURS[label]).save(file, "PNG")
    return file.getvalue()


def write_images(folder: Path, count: int) -> Path:
    """Write images of all classes in turn into a new folder."""
    folder.mkdir()
    for place in range(count):
        (folder / f"{place:03}.png").write_bytes(png(list(COLOURS)[place % len(COLOURS)]))
    return folder


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that allows 60 requests in any 3 s, five times the default rate."""
    with serving(make_project(tmp_path_factory.mktemp("limited"), requests_per_minute=1200, burst=60)) as url:
        yield url


def test_two_hundred_images_are_answered_while_the_page_stays_usable(
    chromium: WebDriver, limited: str, tmp_path: Path, axe: str
) -> None:
    page = Page(chromium, limited)
    page.browser_errors()
    page.open(360)
    folder = write_images(tmp_path / "many", IMAGES)
    (folder / "007.png").write_text("no image")
    drop(page, ".drop", [folder])
    page.wait(lambda: len(page.all(".batch tbody tr")) == IMAGES)
    for _ in range(3):
        page.invent(count="2")
        assert page.names()
        assert not page.one("#names .error").is_displayed()
    page.go("recognise")
    rows = table(page)
    expected = [list(COLOURS)[place % len(COLOURS)].title() for place in range(IMAGES)]
    assert "not an image" in rows[7][1]
    assert [row[1] for row in rows[:7] + rows[8:]] == expected[:7] + expected[8:]
    assert page.text(".batch-state") == f"{IMAGES} images: {IMAGES - 1} answered, 1 failed."
    # Only the file that is no image was refused: the page keeps below the limit.
    assert [error.count("415") for error in page.browser_errors()] == [1]
    check_every_mode(page, axe, f"{IMAGES} images")


def test_refused_images_are_sent_again_when_the_service_says(
    chromium: WebDriver, limited: str, tmp_path: Path
) -> None:
    page = Page(chromium, limited)
    with stubbed(page, "api/about", NO_LIMITS):
        page.open()
        page.browser_errors()
        drop(page, ".drop", [write_images(tmp_path / "many", 100)])
        page.wait(lambda: len(page.all(".batch tbody tr")) == 100)
        assert {row[1] for row in table(page)} == {label.title() for label in COLOURS}
        assert page.text(".batch-state") == "100 images: 100 answered."
    page.browser_errors()


def test_results_are_saved_without_formulas(page: Page, tmp_path: Path) -> None:
    chosen, saved = tmp_path / "chosen", tmp_path / "saved"
    chosen.mkdir()
    names = ["=1+1.png", "@a.png", '-"b", c.png', "+d.png", "plain.png"]
    for name in names:
        (chosen / name).write_bytes(png("ocean"))
    (chosen / "plain.png").write_text("no image")
    behaviour = {"behavior": "allow", "downloadPath": str(saved)}
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
    drop(page, ".drop", [chosen / name for name in names])
    table(page)
    for button, file in ((".save-csv", "herodex.csv"), (".save-json", "herodex.json")):
        page.one(button).click()
        page.wait((saved / file).exists)
    with (saved / "herodex.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["'=1+1.png", "'@a.png", '\'-"b", c.png', "'+d.png", "plain.png"]
    assert [row["answer"] for row in rows] == ["ocean"] * 4 + [""]
    assert 0.5 < float(rows[0]["probability"]) < 1
    assert "not an image" in rows[4]["problem"]
    records = json.loads((saved / "herodex.json").read_text(encoding="utf-8"))
    assert [record["file"] for record in records] == names
    assert records[0]["answer"]["label"] == "ocean"
    assert records[4]["state"] == "failed"
    page.browser_errors()


def test_least_certain_answers_come_first_on_request(page: Page, tmp_path: Path) -> None:
    mixes = {"sure": 0, "vague": 0.25, "unsure": 0.12}
    for name, amount in mixes.items():
        colour = tuple(
            round(a + amount * (b - a)) for a, b in zip(COLOURS["cherry"], COLOURS["ocean"], strict=True)
        )
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{name}.png")
    drop(page, ".drop", [tmp_path / f"{name}.png" for name in mixes])
    assert [row[0] for row in table(page)] == ["sure.png", "vague.png", "unsure.png"]
    page.one(".sort").click()
    assert [row[0] for row in table(page)] == ["vague.png", "unsure.png", "sure.png"]
    page.all(".batch .open")[2].click()
    page.wait(lambda: page.text(".answer") == "Cherry")
    assert page.one(".preview").get_attribute("alt") == "Your image: sure.png"
    page.one(".batch .remove").click()
    assert not page.one(".batch").is_displayed()


def test_stopped_images_are_classified_later(page: Page, tmp_path: Path, axe: str) -> None:
    with stubbed(page, "api/classify", "await window.go; return send(path, options);"):
        page.driver.execute_script("window.go = new Promise((resolve) => { window.start = resolve; })")
        drop(page, ".drop", [write_images(tmp_path / "many", 5)])
        page.wait(lambda: page.all(".batch tbody tr"))
        check_every_mode(page, axe, "waiting images")
        page.one(".batch .stop").click()
        check_every_mode(page, axe, "stopped images")
        assert {row[1] for row in table(page)} == {"Not classified"}
        assert page.text(".batch .retry") == "Continue"
        page.driver.execute_script("window.start()")
        page.one(".batch .retry").click()
        page.wait(lambda: page.text(".batch-state") == "5 images: 5 answered.")


def archive(file: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a ZIP archive."""
    with zipfile.ZipFile(file, "w", method) as written:
        for name, data in entries.items():
            written.writestr(name, data)
    return file


def claim(file: Path, size: int) -> Path:
    """Let an archive claim an unpacked size for each file."""
    data = bytearray(file.read_bytes())
    at = data.find(b"PK\1\2")
    while at >= 0:
        struct.pack_into("<L", data, at + 24, size)
        at = data.find(b"PK\1\2", at + 1)
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_images_in_an_archive_are_classified(page: Page, tmp_path: Path, method: int, way: str) -> None:
    file = archive(
        tmp_path / "images.zip",
        {
            "a/": b"",
            "a/Möwe.png": png("ocean"),
            "b.png": png("cherry"),
            "__MACOSX/a/b.png": b"x",
            "notes.txt": b"x",
        },
        method,
    )
    if way == "chosen":
        page.one("#archive").send_keys(str(file))
    else:
        drop(page, ".drop", [file])
    assert [row[:2] for row in table(page)] == [["Möwe.png", "Ocean"], ["b.png", "Cherry"]]
    assert page.text(".remark") == (
        "2 images are classified in the table below. 1 other file left out, because it is no image."
    )


def test_file_of_an_archive_that_unpacks_to_too_much_fails_alone(page: Page, tmp_path: Path) -> None:
    file = archive(tmp_path / "images.zip", {"bomb.png": bytes(65 * 2**20), "b.png": png("cherry")})
    drop(page, ".drop", [file])
    assert [row[1] for row in table(page)] == [
        "The file unpacks to more than 64 MB. Unpack it on your device, then choose the folder.",
        "Cherry",
    ]


def test_file_of_an_archive_that_hides_its_size_is_refused(page: Page, tmp_path: Path) -> None:
    file = claim(archive(tmp_path / "x.zip", {"a.png": bytes(10**6), "b.png": bytes(10**6)}), 1000)
    drop(page, ".drop", [file])
    assert all(row[1].startswith("x.zip is damaged or is no ZIP archive.") for row in table(page))


def many_files(file: Path) -> Path:
    """Write an archive of too many files."""
    return archive(file, {f"{place}.png": b"" for place in range(5001)})


def large_files(file: Path) -> Path:
    """Write an archive whose files claim more than 2 GB together."""
    return claim(archive(file, {f"{place}.png": b"x" for place in range(40)}), 60 * 2**20)


def no_archive(file: Path) -> Path:
    """Write a file that is no archive."""
    file.write_bytes(bytes(1000))
    return file


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (many_files, "x.zip has more than 5,000 files. Unpack it"),
        (large_files, "x.zip unpacks to more than 2 GB. Unpack it"),
        (no_archive, "x.zip is damaged or is no ZIP archive. Create it again"),
    ],
)
def test_unusable_archive_is_refused_with_advice(page: Page, tmp_path: Path, write, message: str) -> None:
    drop(page, ".drop", [write(tmp_path / "x.zip")])
    page.wait(lambda: page.text(".remark").startswith(message))
    assert not page.one(".batch").is_displayed()


def test_table_is_accessible_and_shows_states_in_forced_colours(page: Page, tmp_path: Path, axe: str) -> None:
    folder = write_images(tmp_path / "many", 4)
    (folder / "an image with a long name that nobody can read.png").write_text("no image")
    drop(page, ".drop", [folder])
    table(page)
    forced = {"features": [{"name": "forced-colors", "value": "active"}]}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", forced)
    seen = """
    const canvas = getComputedStyle(document.body).backgroundColor;
    const colour = getComputedStyle(document.querySelector(arguments[0])).backgroundColor;
    return colour !== canvas && colour !== "rgba(0, 0, 0, 0)";"""
    page.one(".batch .sort").click()
    for selector in ("[data-view=recognise]", ".batch .sort", ".bars li:not(.none) .fill"):
        assert page.driver.execute_script(seen, selector), selector
    check_every_mode(page, axe, "sorted images")
    page.browser_errors()
