"""Crawl through a proxy that a test runs: `python crawl_through.py images|names PROXY` in a workspace.

The stages start the embedded web themselves; a test can give another here, or one that it observes.
"""

import sys
from pathlib import Path

from crawlers import scrape_images, scrape_names
from crawlers.browser import find_browser
from crawlers.items import Picture, SpeciesName
from crawlers.table import write_table
from herodex.command import run_command
from herodex.params import load_params

THROUGH = __file__


def main() -> None:
    """Write what the stage would write, into the folder `crawled`."""
    _, what, proxy = sys.argv
    params, folder = load_params(), Path("crawled")
    folder.mkdir()
    if what == "images":
        pictures = scrape_images.crawl(params, find_browser(), proxy, folder)
        write_table(folder / "manifest.csv", Picture, pictures)
    else:
        write_table(folder / "raw.csv", SpeciesName, scrape_names.crawl(params, proxy))


if __name__ == "__main__":
    run_command(main)
