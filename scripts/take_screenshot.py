"""Take the README's screenshot of the page: both views, one above the other.

Start `make serve` first, then run `python -m scripts.take_screenshot`.
"""

import argparse
import io
import tempfile
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from crawlers.browser import find_browser
from demo_web.drawing.draw import draw
from herodex.command import run_command
from herodex.params import load_params

TARGET = Path("docs/page.png")
WIDTH = 1200
COLOURS = 128
"""Size of the palette; the page has flat colours, so a small one suffices."""
TIMEOUT_S = 30


def take(url: str, image: Path, target: Path) -> None:
    """Open the page, classify `image`, invent names, and save both views."""
    browser = find_browser()
    options = webdriver.ChromeOptions()
    options.binary_location = str(browser.executable)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, Service(str(browser.driver)))
    try:
        still = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", still)
        resize(driver)
        driver.get(url)
        wait = WebDriverWait(driver, TIMEOUT_S)
        wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, ".bars li"))
        driver.find_element(By.ID, "image").send_keys(str(image))
        wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, ".recent li"))
        wait.until(lambda page: page.find_element(By.CSS_SELECTOR, ".preview").is_displayed())
        classified = capture(driver)
        driver.find_element(By.CSS_SELECTOR, "[data-view=names]").click()
        driver.find_element(By.CSS_SELECTOR, "#names-form button").click()
        wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, ".cards li"))
        stack(classified, capture(driver)).save(target)
    finally:
        driver.quit()


def resize(driver: webdriver.Chrome, height: int = 600) -> None:
    """Set the size of the window."""
    size = {"width": WIDTH, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def capture(driver: webdriver.Chrome) -> Image.Image:
    """Return a screenshot of the whole page."""
    driver.execute_script("document.activeElement.blur()")
    resize(driver, driver.execute_script("return document.body.scrollHeight"))
    shot = Image.open(io.BytesIO(driver.get_screenshot_as_png()))
    resize(driver)
    return shot


def stack(above: Image.Image, below: Image.Image) -> Image.Image:
    """Return one image above another."""
    both = Image.new("RGB", (WIDTH, above.height + below.height))
    both.paste(above, (0, 0))
    both.paste(below, (0, above.height))
    return both


def main() -> None:
    """Draw an image of a class, let the page classify it, and save the screenshot."""
    params = load_params()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:3000/")
    parser.add_argument("--subject", default=params.classes[0], choices=params.classes)
    parser.add_argument("--seed", default="readme3", help="seed of the drawing")
    options = parser.parse_args()
    TARGET.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.png"
        draw(options.subject, options.seed).save(image)
        take(options.url, image, TARGET)
    with Image.open(TARGET) as shot:
        shot.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(TARGET, optimize=True)


if __name__ == "__main__":
    run_command(main)
