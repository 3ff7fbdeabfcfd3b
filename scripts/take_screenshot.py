"""Takes the README's picture of the page.

Start `make serve` first, then run `python -m scripts.take_screenshot`.
"""

import argparse
import tempfile
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from crawlers.browser import find_browser
from crawlers.demo_web.drawing.draw import draw
from herodex.command import run_command
from herodex.params import load_params

TARGET = Path("docs/page.png")
WIDTH, HEIGHT = 1200, 1180
COLOURS = 128
"""Few enough for a small file; the page is drawn in flat colours."""
PATIENCE_S = 30


def take(url: str, picture: Path, target: Path) -> None:
    """Open the page, let it recognise `picture` and invent names, and write what it then looks like."""
    browser = find_browser()
    options = webdriver.ChromeOptions()
    options.binary_location = str(browser.executable)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, Service(str(browser.driver)))
    try:
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        still = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", still)
        driver.get(url)
        wait = WebDriverWait(driver, PATIENCE_S)
        wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, ".bars li"))
        driver.find_element(By.ID, "picture").send_keys(str(picture))
        driver.find_element(By.CSS_SELECTOR, "#names button").click()
        wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, ".bars .top"))
        wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, ".cards li"))
        wait.until(lambda page: page.find_element(By.CSS_SELECTOR, ".preview").is_displayed())
        driver.execute_script("document.activeElement.blur()")
        driver.save_screenshot(str(target))
    finally:
        driver.quit()


def main() -> None:
    """Draw a picture of one of the classes and show it to the page."""
    params = load_params()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:3000/")
    parser.add_argument("--subject", default=params.classes[0], choices=params.classes)
    parser.add_argument("--seed", default="readme3", help="another seed draws another picture")
    options = parser.parse_args()
    TARGET.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.png"
        draw(options.subject, options.seed).save(picture)
        take(options.url, picture, TARGET)
    with Image.open(TARGET) as shot:
        shot.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(TARGET, optimize=True)


if __name__ == "__main__":
    run_command(main)
