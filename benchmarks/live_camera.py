"""Answers per second of the page's live camera, in Chromium with its fake camera.

`python -m benchmarks.live_camera` serves the trained models, once with the rate limit of params.yaml and once
without one, and counts the answers that the page shows. Browser and service share the machine.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from benchmarks.chromium import started_chromium
from benchmarks.served_project import ROOT, lay_out, served
from benchmarks.table import cpu_name
from herodex.command import run_command
from herodex.params import load_params

TIMEOUT_S = 60
COUNT = """
const [seconds, done] = arguments;
const times = [];
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (body) {
  if (body instanceof FormData) {
    this.addEventListener("loadend", () => { if (this.status === 200) times.push(performance.now()); });
  }
  send.call(this, body);
};
setTimeout(() => done(times), 1000 * seconds);
"""


def answers_per_second(driver: WebDriver, url: str, seconds: float) -> float:
    """Turn the live camera on, and count the answers after the first one."""
    driver.get(url)
    wait = WebDriverWait(driver, TIMEOUT_S)
    wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, ".bars li"))
    driver.find_element(By.CSS_SELECTOR, ".live-toggle").click()
    wait.until(
        lambda page: page.find_element(By.CSS_SELECTOR, ".verdict").get_attribute("data-state") != "waiting"
    )
    times: list[float] = driver.execute_async_script(COUNT, seconds)
    return 1000 * (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0


def main() -> None:
    """Print the answers per second with and without a rate limit."""
    parser = argparse.ArgumentParser(prog="benchmarks.live_camera")
    parser.add_argument("--seconds", type=float, default=20, help="of counting")
    seconds = parser.parse_args().seconds
    usual = load_params().serve.requests_per_minute
    sys.stdout.write(f"{cpu_name()}\n")
    for limit in (usual, 0):
        with (
            tempfile.TemporaryDirectory() as folder,
            served(
                lay_out(Path(folder) / "project", ROOT / "service.py", requests_per_minute=limit)
            ) as service,
            started_chromium(timeout_s=seconds + TIMEOUT_S) as driver,
        ):
            rate = answers_per_second(driver, service.url, seconds)
        shown = f"requests_per_minute: {limit:g}" if limit else "no rate limit"
        sys.stdout.write(f"{rate:.1f} answers per second, {shown}\n")


if __name__ == "__main__":
    run_command(main)
