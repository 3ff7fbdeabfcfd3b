"""The review page in a headless Chromium, as tests use it."""

import csv
from pathlib import Path

from page_in_chromium import Page
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains

from herodex import paths


class ReviewPage(Page):
    """The review page in the browser, loaded."""

    def __init__(self, driver: WebDriver, url: str) -> None:
        super().__init__(driver, url)
        driver.get(url)
        self.wait(lambda: self.text("#summary") != "")

    def press(self, *keys: str) -> None:
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def shown(self) -> str:
        """Return the sha256 of the large image."""
        image = self.one("#image")
        return (image.get_attribute("src") or "").rpartition("/")[2]

    def press_with(self, modifier: str, key: str) -> None:
        ActionChains(self.driver).key_down(modifier).send_keys(key).key_up(modifier).perform()

    def filter(self, reason: str) -> None:
        """Show the images with a reason."""
        next(item for item in self.all("#filters button") if item.text.startswith(reason)).click()

    def open_map(self) -> None:
        self.press("m")
        self.wait(lambda: "in sight" in self.text("#in-sight"))

    def drag_over_map(self) -> None:
        """Draw a rectangle over the whole map."""
        plot = self.one("#plot")
        self.driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", plot)
        right, down = plot.size["width"] // 2 - 3, plot.size["height"] // 2 - 3
        drag = ActionChains(self.driver).move_to_element_with_offset(plot, -right, -down).click_and_hold()
        drag.move_by_offset(2 * right, 2 * down).release().perform()

    def decided(self) -> int:
        return int(self.text("#summary").split()[0])


def review_of(folder: Path) -> dict[str, tuple[str, str]]:
    with (folder / paths.REVIEW).open(encoding="utf-8", newline="") as file:
        return {row["sha256"]: (row["decision"], row["class"]) for row in csv.DictReader(file)}
