"""Crawl through a test's proxy: `crawl_through.py images|names PROXY [AT_A_TIME]` in a workspace.

The stages start the demo web themselves; here, a test provides another web, or one that it observes.
"""

import sys
from pathlib import Path

from crawlers import scrape_names
from crawlers.image_crawl import crawl
from crawlers.items import ImageRecord
from crawlers.journal import open_journal
from crawlers.manifest import count_statuses, write_images
from crawlers.scrape_images import report_end
from crawlers.sources_report import sources_report
from crawlers.table import write_table
from herodex.command import run_command
from herodex.params import load_params

THROUGH = __file__
AT_ONCE = {"AUTOTHROTTLE_ENABLED": False, "DOWNLOAD_DELAY": 0}
"""No pauses, because every web here is the test's own."""


def main() -> None:
    """Write the stage's outputs to the folder `crawled`."""
    _, what, proxy, *at_a_time = sys.argv
    # One by one unless told otherwise, so that the order of requests is known.
    pace = AT_ONCE | {"IMAGES_AT_A_TIME": at_a_time[0] if at_a_time else 1}
    params, folder = load_params(), Path("crawled")
    folder.mkdir(exist_ok=True)
    if what == "images":
        with open_journal(Path("state")) as journal:
            searches, images = crawl(params, proxy, journal, pace)
            report_end(searches, images, count_statuses(images, params.queries, "query"))
            write_images(images, journal.images, folder)
        write_table(folder / "manifest.csv", ImageRecord, images)
        (folder / "sources.md").write_text(sources_report(images, searches), encoding="utf-8")
    else:
        scrape_names.write_crawled(scrape_names.crawl(params, proxy, None))


if __name__ == "__main__":
    run_command(main)
