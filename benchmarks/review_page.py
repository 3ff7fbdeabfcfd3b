"""Times of the review page with many classes and images, in Chromium.

`python -m benchmarks.review_page` draws a dataset, serves its review page, and prints the size of the first
load and how long steps take until the next frame is painted. Browser and server share the machine.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import yaml
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from benchmarks.chromium import started_chromium
from benchmarks.review_server import reviewing
from benchmarks.table import cpu_name
from herodex import paths
from herodex.command import run_command
from herodex.dataset.feature_table import write_features
from herodex.dataset.manifest import write_manifest

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 120
WINDOW = "--window-size=1440,1000"
FEATURES, FILES, SIDE, SEED = 512, 48, 224, 5
REASONS = ("label_error", "near_duplicate", "outlier", "blurry", "")
"""Findings of equal shares; the empty one is a low label quality."""

UNTIL_PAINTED = """
const done = arguments[arguments.length - 1];
const start = performance.now();
(() => { %s })();
const ran = performance.now();
requestAnimationFrame(() => setTimeout(() => done([ran - start, performance.now() - start]), 0));
"""
PRESS = 'document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "%s", bubbles: true }));'
TYPE = """
const label = document.querySelector("#label");
label.value = "%s";
label.dispatchEvent(new Event("input"));
"""
DRAG = """
const plot = document.querySelector("#plot");
plot.setPointerCapture = () => undefined;
const box = plot.getBoundingClientRect();
const at = (type, across, down) => plot.dispatchEvent(new PointerEvent(type, {
  bubbles: true, pointerId: 1, clientX: box.left + across * box.width, clientY: box.top + down * box.height,
}));
at("pointerdown", 0.02, 0.02);
at("pointermove", 0.98, 0.98);
at("pointerup", 0.98, 0.98);
"""
HOVER = """
const plot = document.querySelector("#plot");
const box = plot.getBoundingClientRect();
const [clientX, clientY] = [box.left + box.width / 3, box.top + box.height / 3];
plot.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX, clientY }));
"""
WHEEL = """
const plot = document.querySelector("#plot");
const box = plot.getBoundingClientRect();
const [clientX, clientY] = [box.left + box.width / 3, box.top + box.height / 3];
const wheel = { bubbles: true, cancelable: true, deltaY: -100, clientX, clientY };
plot.dispatchEvent(new WheelEvent("wheel", wheel));
"""


def draw_dataset(folder: Path, images: int, classes: int, share: float) -> None:
    """Write a project with random features around a centre per class; a share of images has findings."""
    generator = np.random.default_rng(SEED)
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    names = [f"species {place:04d}" for place in range(classes)]
    values |= {"classes": names, "distractors": []}
    (folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    for place in range(FILES):
        file = folder / paths.CLEAN_IMAGES / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 255, (SIDE, SIDE, 3), np.uint8)).save(file)
    hashes = [generator.bytes(32).hex() for _ in range(images)]
    own = np.arange(images) % classes
    found = generator.random(images) < share
    reason = np.where(found, generator.choice(REASONS, images), "")
    label = np.array(names)[own]
    rows = pd.DataFrame({"sha256": hashes, "query": label, "label": label, "dropped_for": reason})
    rows = rows.assign(
        kept=np.where(reason == "", "1", "0"),
        score=np.where(reason == "", "", np.round(generator.random(images), 4).astype(str)),
        label_quality=np.round(np.where(found, 0.3, 0.9) * generator.random(images) ** 0.1, 4).astype(str),
        duplicate_of=np.where(reason == "near_duplicate", np.roll(hashes, classes), ""),
        file=[f"{place % FILES}.jpg" for place in range(images)],
        looks_like=generator.choice(names, images),
        page_url=[f"https://images.example/photos/{sha256[:24]}" for sha256 in hashes],
        title=[f"A photo of an animal in the wild, number {place}" for place in range(images)],
        author="Somebody Somewhere",
        license="CC BY-SA 4.0",
        source="commons",
        phash="p",
        width="800",
        height="600",
        decided_by="",
    )
    write_manifest(rows, folder / paths.CURATED_IMAGES)
    centres = generator.normal(size=(classes, FEATURES))
    vectors = (centres[own] + generator.normal(size=(images, FEATURES))).astype(np.float32)
    write_features(folder / paths.FEATURES, hashes, {"features": vectors})


def ask(url: str, body: dict[str, Any] | None = None) -> tuple[bytes, float]:
    """Return an answer of the server, and the seconds that it took."""
    started = time.monotonic()
    answer = httpx.request("GET" if body is None else "POST", url, json=body, timeout=TIMEOUT_S)
    answer.raise_for_status()
    return answer.content, time.monotonic() - started


def time_server(url: str, hashes: list[str], report: Callable[[str, str], None]) -> None:
    """Time the server's answers, and decide on images."""
    for path in ("/state", "/map", f"/facts/{hashes[0]}"):
        for again in ("first", "again"):
            read, seconds = ask(url + path)
            report(f"{path[:7]}, {again}", f"{len(read) / 1e6:.2f} MB, {1000 * seconds:.0f} ms")
    decisions = [{"sha256": sha256, "decision": "drop", "class": ""} for sha256 in hashes]
    for first in range(0, len(hashes), 1000):
        ask(f"{url}/decide", {"decisions": decisions[first : first + 1000]})
    read, seconds = ask(f"{url}/decide", {"decisions": decisions[:1]})
    text = f"{len(read) / 1e6:.3f} MB, {1000 * seconds:.0f} ms"
    report(f"a decision after {len(hashes)} others", text)


def time_page(driver: WebDriver, url: str, report: Callable[[str, str], None]) -> None:
    """Time steps in the page."""

    def step(name: str, script: str, times: int = 3) -> None:
        found = [driver.execute_async_script(UNTIL_PAINTED % script) for _ in range(times)]
        ran, painted = np.median(found, axis=0)
        report(name, f"{ran:.0f} ms of script, {painted:.0f} ms until painted")

    started = time.monotonic()
    driver.get(url)
    wait = WebDriverWait(driver, TIMEOUT_S, 0.02)
    wait.until(lambda page: page.find_element(By.ID, "summary").text)
    report("page with its first query", f"{1000 * (time.monotonic() - started):.0f} ms")
    elements = driver.execute_script("return document.querySelectorAll('*').length")
    report("elements in the page", str(elements))
    step("next image", PRESS % "ArrowRight")
    step("keep", PRESS % "k")
    step("next query", PRESS % "ArrowDown")
    step("next undecided", PRESS % "n")
    driver.execute_script(PRESS % "r")
    for typed in ("", "s", "77", "0777"):
        step(f"label, typed '{typed}'", TYPE % typed)
    driver.execute_script(PRESS % "Escape")
    started = time.monotonic()
    driver.execute_script(PRESS % "m")
    wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, "#legend li"))
    report("map, loaded and drawn", f"{1000 * (time.monotonic() - started):.0f} ms")
    step("map: redraw", 'document.querySelector("#highlight").dispatchEvent(new Event("change"));', 5)
    step(
        "map: highlight a class",
        'document.querySelector("#highlight").selectedIndex = 3;'
        + ('document.querySelector("#highlight").dispatchEvent(new Event("change"));'),
    )
    step("map: point at an image", HOVER)
    step("map: zoom by the wheel", WHEEL, 5)
    driver.execute_script("document.querySelector('[data-zoom=\"0\"]')?.click()")
    step("map: rectangle around all", DRAG, 1)
    step("map: rectangle around all, again", DRAG)
    driver.execute_script("document.activeElement.blur()")
    step("map: keep one of the cards", PRESS % "k")
    step("map: select all cards", PRESS % "a")
    step("map: drop all cards", PRESS % "d", 1)


def main() -> None:
    """Print sizes and times."""
    parser = argparse.ArgumentParser(prog="benchmarks.review_page")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--findings", type=float, default=0.2, help="share of images with findings")
    args = parser.parse_args()

    def report(name: str, value: str) -> None:
        sys.stdout.write(f"{name:36} {value}\n")
        sys.stdout.flush()

    load = os.getloadavg()[0]
    report("machine", f"{cpu_name()}, {os.cpu_count()} cores, load {load:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_dataset(folder, args.images, args.classes, args.findings)
        hashes = pd.read_csv(folder / paths.CURATED_IMAGES)["sha256"].tolist()
        started = time.monotonic()
        with reviewing(folder) as url:
            report("server, until it listens", f"{time.monotonic() - started:.1f} s")
            time_server(url, hashes[: args.images // 4], report)
            with started_chromium(WINDOW, timeout_s=TIMEOUT_S) as driver:
                time_page(driver, url, report)


if __name__ == "__main__":
    run_command(main)
