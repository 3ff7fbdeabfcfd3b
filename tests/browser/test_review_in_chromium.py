"""The review page in Chromium: decisions by keyboard, applied by `dvc repro`."""

import csv
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import yaml
from demo_web_params import ONE_OF_EACH
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from benchmarks.demo_crawl import write_crawl
from demo_web.truth import plan_web
from herodex import paths
from herodex.curation.clean import check_all, clean
from herodex.dataset.manifest import NO_HASH, read_manifest, write_manifest
from herodex.evaluation.baseline import colour_histogram
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


@contextmanager
def reviewing(folder: Path) -> Iterator[str]:
    """Run the command of `make review` on a free port, and yield the page's address."""
    with subprocess.Popen(
        [sys.executable, "-m", "herodex.review.server", "--port", "0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().split()[2]
        finally:
            process.terminate()


class Page:
    """The review page in the browser."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver, self.url = driver, url
        driver.get(url)
        self.wait(lambda: self.text("#summary") != "")

    def wait(self, until) -> None:
        WebDriverWait(self.driver, 20, poll_frequency=0.02).until(lambda _: until())

    def text(self, selector: str) -> str:
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def press(self, *keys: str) -> None:
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def shown(self) -> str:
        """Return the sha256 of the large image."""
        image = self.driver.find_element(By.ID, "image")
        return (image.get_attribute("src") or "").rpartition("/")[2]

    def decided(self) -> int:
        return int(self.text("#summary").split()[0])


def review_of(folder: Path) -> dict[str, tuple[str, str]]:
    with (folder / paths.REVIEW).open(encoding="utf-8", newline="") as file:
        return {row["sha256"]: (row["decision"], row["class"]) for row in csv.DictReader(file)}


@pytest.fixture
def no_decisions(project: Path) -> None:
    """Start without decisions."""
    (project / paths.REVIEW).write_text("sha256,decision,class\n", encoding="utf-8")


@pytest.mark.usefixtures("no_decisions")
def test_decisions_by_keyboard_survive_a_restart_and_are_applied(chromium, project):
    wanted: dict[str, tuple[str, str]] = {}
    with reviewing(project) as url:
        page = Page(chromium, url)
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
        assert Page(chromium, url).decided() == 10
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
        page = Page(chromium, url)
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
        page = Page(chromium, url)
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


def _scores(page: Page) -> list[str]:
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
        page = Page(chromium, url)
        page.press("k")
        page.wait(lambda: page.decided() == 1)
        asked = page.driver.execute_script(
            "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        )
        assert asked
        assert all(address.startswith(url) for address in asked)
        assert chromium.get_log("browser") == []


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_page_fits_the_window(chromium, project, width, theme, tmp_path):
    chromium.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    chromium.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    )
    try:
        with reviewing(project) as url:
            page = Page(chromium, url)
            assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
            assert page.driver.save_screenshot(str(tmp_path / f"{width}-{theme}.png"))
    finally:
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
