"""Download images as from the live web, without a proxy: `python fetch_directly.py URL…` in a workspace.

Writes the downloads to stdout as JSON.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from scrapy.resolver import dnscache

from crawlers.items import Download, SearchResult
from crawlers.journal import open_journal
from crawlers.run import Job, run_spiders, spider_settings
from crawlers.spiders.images import ImagesSpider
from herodex.command import run_command
from herodex.params import load_params

DIRECTLY = __file__
TREACHEROUS = "treacherous.test"
"""A name that resolves to this machine."""


def main() -> None:
    """Run the spider with the settings for the live web."""
    results = [
        SearchResult("one", "test", rank, url, "", "", "", "", "")
        for rank, url in enumerate(sys.argv[1:], start=1)
    ]
    for name in (TREACHEROUS, f"{TREACHEROUS}."):
        dnscache[name] = "127.0.0.1"
    downloads: list[Download] = []
    with open_journal(Path("state")) as journal:
        job = Job(ImagesSpider, {"results": results, "done": {}, "journal": journal}, downloads.append)
        settings = spider_settings(load_params().crawl, None) | {"AUTOTHROTTLE_ENABLED": False}
        run_spiders(settings, [lambda: [job]])
    sys.stdout.write(json.dumps([asdict(download) for download in downloads]))


if __name__ == "__main__":
    run_command(main)
