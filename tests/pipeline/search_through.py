"""Search one source through a test's proxy: `python search_through.py SOURCE PROXY` in a workspace.

Writes the source's searches to stdout as JSON.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crawl_through import AT_ONCE
from workspace import Workspace

from crawlers.browser import find_browser
from crawlers.image_crawl import browser_settings, wanted_of
from crawlers.items import Search, SearchResult
from crawlers.journal import open_journal
from crawlers.run import Job, run_spiders, spider_settings
from crawlers.sources import IMAGE_SOURCES
from herodex.command import run_command
from herodex.params import load_params

THROUGH = __file__


def write_live_params(
    workspace: Workspace, queries: Sequence[str], per_query: int, changes: Mapping[str, Any]
) -> None:
    """Write parameters for a search of the live web, with `changes`."""
    workspace.write_params(
        {
            "classes": queries,
            "distractors": [],
            "crawl.web": "live",
            "crawl.contact": "crawler@example.org",
            "crawl.images.per_query": per_query,
            "crawl.retries": 1,
            **changes,
        }
    )


def searches_in(output: str) -> dict[str, Search]:
    """Parse the searches in stdout, by query."""
    found = {}
    for fields in json.loads(output):
        results = tuple(SearchResult(**result) for result in fields["results"])
        found[fields["query"]] = Search(**fields | {"results": results, "faults": tuple(fields["faults"])})
    return found


def main() -> None:
    """Run the source's spider like the stage."""
    _, name, proxy = sys.argv
    params, source = load_params(), IMAGE_SOURCES[name]
    searches: list[Search] = []
    with open_journal(Path("state")) as journal:
        arguments = {
            "queries": params.queries,
            "wanted": wanted_of(params),
            "journal": journal,
            "terms_accepted": name in params.crawl.accepted_terms,
        }
        own = browser_settings(find_browser(), params, proxy) if source.needs_browser else {}
        # Chromium requests some hosts by TLS only.
        own.get("SELENIUM_DRIVER_ARGUMENTS", []).append("--ignore-certificate-errors")
        settings = spider_settings(params.crawl, proxy) | AT_ONCE
        run_spiders(settings, [lambda: [Job(source, arguments, searches.append, own)]])
    sys.stdout.write(json.dumps([asdict(search) for search in searches]))


if __name__ == "__main__":
    run_command(main)
