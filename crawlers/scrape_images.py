"""Stage `scrape_images`: search for every class and distractor, and keep what is found.

Writes `data/images/raw/<query>/<sha256>.<extension>`, the manifest beside them (see `crawlers.manifest`),
and `reports/sources.md` with the pictures' licences and attributions.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crawlers.attributions import attribution_report
from crawlers.browser import Browser, browser_arguments, find_browser
from crawlers.demo_web.server import running_web
from crawlers.items import Picture, Status
from crawlers.manifest import count_statuses, in_order, summarise
from crawlers.run import EMBEDDED_WEB, check_web, run_spider, spider_settings
from crawlers.spiders.hero_images import HeroImagesSpider
from crawlers.staging import staged_folder
from crawlers.table import write_table
from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.params import Params, load_params

log = logging.getLogger(__name__)


def main() -> None:
    """Crawl the pictures that `params.yaml` asks for."""
    params = load_params()
    queries = params.classes + params.distractors
    check_web(params.crawl.web)
    if params.crawl.web != EMBEDDED_WEB:
        check_folder(Path(params.crawl.web), queries)
    browser = find_browser()
    with staged_folder(paths.RAW_IMAGES) as folder:
        with running_web(params) as proxy:
            pictures = crawl(params, browser, proxy, folder)
        write_table(folder / paths.MANIFEST, Picture, pictures)
        counts = count_statuses(pictures, queries)
        log.info("%s", summarise(counts))
        check_counts(counts)
    paths.SOURCES.parent.mkdir(exist_ok=True)
    paths.SOURCES.write_text(attribution_report(pictures), encoding="utf-8")


def check_folder(folder: Path, queries: Sequence[str]) -> None:
    """Check that a folder that plays the web has a sub-folder for each query.

    Raises:
        UserError: it names those that are missing.
    """
    if missing := [query for query in queries if not (folder / query).is_dir()]:
        raise UserError(
            f"crawl.web is the folder '{folder}', which has no sub-folder for {', '.join(missing)}.",
            f"Put pictures into {folder / missing[0]}, or take {missing[0]} out of params.yaml.",
        )


def crawl(params: Params, browser: Browser, proxy: str, folder: Path) -> list[Picture]:
    """Crawl the web behind `proxy`, a URL.

    Pictures go to `folder`. Returns the rows of the manifest, in their order.

    Raises:
        UserError: the crawl ended early.
    """
    queries = params.classes + params.distractors
    settings = {
        **spider_settings(params.crawl, proxy),
        "FILES_STORE": str(folder),
        "SELENIUM_DRIVER_NAME": "chrome",
        "SELENIUM_DRIVER_EXECUTABLE_PATH": str(browser.driver),
        "SELENIUM_BROWSER_EXECUTABLE_PATH": str(browser.executable),
        "SELENIUM_DRIVER_ARGUMENTS": browser_arguments(params.crawl.user_agent, proxy),
    }
    pictures = run_spider(HeroImagesSpider, settings, queries=queries, count=params.crawl.images_per_query)
    labelled = [replace(picture, label=params.label_of(picture.query)) for picture in pictures]
    return in_order(labelled, queries)


def check_counts(counts: dict[str, Counter[Status]]) -> None:
    """Check that a picture of every query was kept.

    Raises:
        UserError: it names the queries of which none was, and what became of their results.
    """
    empty = {query: count for query, count in counts.items() if not count[Status.OK]}
    if empty:
        fates = "; ".join(f"{query}: {describe(count)}" for query, count in empty.items())
        raise UserError(
            f"The crawl kept no picture of {', '.join(empty)} ({fates}).",
            "Search for something else in classes and distractors, raise crawl.images_per_query, "
            "or look at crawl.timeout_s and crawl.max_image_mb. What was there before is unchanged.",
        )


def describe(count: Counter[Status]) -> str:
    """Put the statuses of one query's results into words."""
    return ", ".join(f"{number} {status}" for status, number in sorted(count.items())) or "no results"


if __name__ == "__main__":
    run_command(main)
