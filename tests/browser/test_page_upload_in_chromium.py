"""Uploads: images are scaled in the browser without another answer, and slow connections have time."""

import base64
import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from page_in_chromium import Page, injected, stubbed
from PIL import Image, ImageOps
from tiny_service import COLOURS

from herodex.inference.image_decoding import open_image, to_rgb

SLOW = 750_000 // 8
"""Bytes per second of a slow connection."""
MAX_SIDE = 512
SENT = """
const done = arguments[arguments.length - 1];
const reader = new FileReader();
reader.onload = () => done(reader.result.split(",")[1]);
reader.readAsDataURL(window.sent);
"""
KEEP_SENT = """
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (body) {
  if (body instanceof FormData) window.sent = body.get("image");
  send.call(this, body);
};"""
"""Keep the file of the last upload, which is sent as before."""
SOON = """
const later = window.setTimeout;
window.setTimeout = (run, ms, ...more) => later(run, ms === 30_000 ? 1_000 : ms, ...more);
"""
"""Let the page wait for 1 s where it waits for 30 s."""


def noise(width: int, height: int, colour: tuple[int, int, int], amount: float = 0.25) -> Image.Image:
    """Draw a noisy image that is darker on the left, so that its orientation shows."""
    grain = Image.effect_noise((width, height), 90).convert("RGB")
    shade = ImageOps.colorize(
        Image.linear_gradient("L").rotate(90).resize((width, height)), (0, 0, 0), colour
    )
    return Image.blend(Image.blend(Image.new("RGB", grain.size, colour), shade, 0.4), grain, amount)


def orientation(value: int) -> Image.Exif:
    """Create Exif data with an orientation."""
    exif = Image.Exif()
    exif[274] = value
    return exif


def see_through(image: Image.Image) -> Image.Image:
    """Make an image transparent towards its top."""
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


@contextlib.contextmanager
def slow_connection(page: Page) -> Iterator[None]:
    """Slow the browser's connection down."""
    page.driver.execute_cdp_cmd("Network.enable", {})
    limits = {"offline": False, "latency": 20, "downloadThroughput": -1, "uploadThroughput": SLOW}
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", limits)
    try:
        yield
    finally:
        page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", limits | {"uploadThroughput": -1})


def sent(page: Page) -> bytes:
    """Return the file that the page has sent."""
    return base64.b64decode(page.driver.execute_async_script(SENT))


def seen(data: bytes) -> np.ndarray:
    """Decode a file as the service does."""
    return to_rgb(open_image(data, 60_000_000), MAX_SIDE).astype(float)


CHERRY, MEADOW, OCEAN = COLOURS.values()
IMAGES = {
    "photo": (noise(2400, 1800, OCEAN), "JPEG", {"quality": 92}),
    "photo on its side": (noise(2400, 1800, MEADOW), "JPEG", {"quality": 92, "exif": orientation(6)}),
    "transparent PNG": (see_through(noise(900, 700, CHERRY)), "PNG", {}),
    "PNG on its side": (noise(900, 700, CHERRY), "PNG", {"exif": orientation(8)}),
    "grey photo": (noise(1800, 1800, OCEAN).convert("L"), "JPEG", {"quality": 95}),
    "WebP": (noise(2400, 1800, OCEAN), "WEBP", {"quality": 90}),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_scaled_image_gets_the_answer_of_the_original(
    page: Page, client: httpx.Client, tmp_path: Path, kind: str
) -> None:
    image, form, options = IMAGES[kind]
    file = tmp_path / "image"
    image.save(file, form, **options)
    original = file.read_bytes()
    assert len(original) > 300_000
    direct = client.post("/api/classify", files={"image": original}).json()
    with injected(page, KEEP_SENT):
        page.upload(file)
        reduced = sent(page)
        shown = page.bars()
    assert len(reduced) < 0.6 * len(original)
    assert max(Image.open(io.BytesIO(reduced)).size) <= 1024
    assert seen(reduced).shape == seen(original).shape
    assert np.abs(seen(reduced) - seen(original)).mean() < 5
    shares = {**direct["probabilities"], "None of the three": direct["unknown"]}
    for label, share in shares.items():
        text = shown[label if label == "None of the three" else label.title()]
        percent = float(text.strip("<>% \u00a0"))
        assert percent == pytest.approx(100 * share, abs=2), (shown, shares)


def test_photo_of_three_megabytes_is_sent_in_a_tenth(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    noise(4000, 3000, OCEAN, 0.15).save(file, quality=93)
    assert file.stat().st_size > 3_000_000
    with injected(page, KEEP_SENT):
        page.upload(file)
        assert page.text(".answer") == "Ocean"
        assert len(sent(page)) < 300_000


@pytest.mark.parametrize("kind", ["small", "turned WebP", "TIFF", "truncated"])
def test_file_that_the_browser_need_not_or_cannot_scale_is_sent_as_it_is(
    page: Page, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "image"
    if kind == "small":
        noise(250, 250, OCEAN).save(file, "PNG")
    elif kind == "turned WebP":
        noise(2400, 1800, OCEAN).save(file, "WEBP", quality=90, exif=orientation(6))
    elif kind == "TIFF":
        noise(600, 600, OCEAN).save(file, "TIFF")
    else:
        noise(2400, 1800, OCEAN).save(file, "JPEG", quality=92)
        file.write_bytes(file.read_bytes()[:300_000])
    with injected(page, KEEP_SENT):
        page.upload(file)
        assert sent(page) == file.read_bytes()
    page.browser_errors()


def test_file_that_has_changed_since_it_was_chosen_is_reported(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "image.jpg"
    noise(1200, 900, OCEAN).save(file, quality=95)
    page.driver.execute_script(
        "document.querySelector('#image').addEventListener("
        "'change', (event) => event.stopImmediatePropagation(), { capture: true, once: true })"
    )
    page.one("#image").send_keys(str(file))
    # The browser refuses to read a file with another time than when it was chosen.
    page.driver.execute_script("return document.querySelector('#image').files[0].size")
    os.utime(file, (1, 1))
    page.driver.execute_script("document.querySelector('#image').dispatchEvent(new Event('change'))")
    page.wait(lambda: page.one(".verdict").get_attribute("data-state") == "failed")
    assert page.text(".answer") == "The file cannot be read."
    page.browser_errors()


def test_slow_upload_shows_progress_and_has_time_while_bytes_move(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "ocean.png"
    noise(310, 310, OCEAN, 0.2).save(file)
    assert SLOW * 2 < file.stat().st_size < 250_000
    with injected(page, SOON), slow_connection(page):
        page.one("#image").send_keys(str(file))
        page.wait(lambda: page.one(".upload progress").is_displayed())
        assert page.text(".answer") == "Uploading…"
        progress = page.one(".upload progress")
        assert progress.accessible_name == "Upload"
        page.wait(lambda: float(str(progress.get_attribute("value"))) > 0.4)
        assert page.text(".upload .sent").replace("\u00a0", " ").endswith("% of " + size(file))
        page.wait(lambda: page.text(".answer") == "Ocean")
        assert not page.one(".upload").is_displayed()


def size(file: Path) -> str:
    """Format a request with a file, which adds less than 1 kB of form."""
    return f"{-(-(file.stat().st_size + 200) // 1000)} kB"


def test_service_that_stays_silent_is_reported(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "ocean.png"
    noise(90, 90, OCEAN).save(file)
    with (
        stubbed(page, "api/classify", "return new Promise(() => {});"),
        injected(page, SOON),
    ):
        page.upload(file)
        assert page.text(".answer").startswith("The service did not answer within 30 s.")
