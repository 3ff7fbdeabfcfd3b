"""Stage `scrape_names`: write the names to imitate, from `params.yaml`, a text file, or a Pokédex.

Writes `data/names/raw.csv` with the columns number, name, generation and page_url, and
`reports/name_sources.md` with a comparison of the sources. The rows of a crawl are sorted by number; names
that the user lists keep their order, and their other columns are empty. An interrupted crawl of the live web
continues from `.cache/crawl`.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crawlers.cross_check import complete, cross_check_report, find_disagreements, given_report
from crawlers.items import NameList, SpeciesName
from crawlers.journal import Journal, discard_journal, open_journal
from crawlers.names_file import read_names_file
from crawlers.run import Job, run_spiders, spider_settings
from crawlers.snapshot import keep_snapshot, name_settings, record_snapshot
from crawlers.spiders.demo_pokedex import DemoPokedexSpider
from crawlers.spiders.names import NamesSpider
from crawlers.spiders.pokeapi import PokeApiSpider
from crawlers.spiders.pokemondb import PokemonDbSpider
from crawlers.table import write_table
from crawlers.web import LIVE_WEB, check_web, may_crawl_live
from demo_web.server import running_web
from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.forgotten_list import read_forgotten
from herodex.params import Params, load_params

log = logging.getLogger(__name__)

NAME_SOURCES: dict[str, type[NamesSpider]] = {
    spider.name: spider for spider in (PokeApiSpider, PokemonDbSpider)
}
"""The sources of the live web by their names in `params.yaml`."""
STAGE = "scrape_names"
OUTPUTS = (paths.RAW_NAMES, paths.NAME_SOURCES)
STATE = paths.CRAWL_STATE / "names-live"

# Unlike images, text compresses well, which saves the sources traffic.
_COMPRESSED = {"COMPRESSION_ENABLED": True}


def main() -> None:
    """Write the names that the user lists, or crawl them if there are none."""
    params = load_params()
    names, where = given_names(params)
    if names:
        rows = [SpeciesName(number=None, name=name, generation=None, page_url="") for name in names]
        write(rows, given_report(len(rows), where))
        return
    check_web(params)
    if params.crawl.web == LIVE_WEB:
        if may_crawl_live():
            crawl_live(params, None)
        else:
            keep_snapshot(STAGE, name_settings(params), OUTPUTS)
    else:
        with running_web(params) as proxy:
            write_crawled(crawl(params, proxy, None))


def given_names(params: Params) -> tuple[list[str], str]:
    """Return the names that `params.yaml` or its `names_file` lists, and where; [] if neither lists any.

    Raises:
        UserError: both list names, or the file cannot be read as names.
    """
    listed = read_names_file(Path(params.names_file))
    if params.names and listed:
        raise UserError(
            f"names in params.yaml and the file {params.names_file} both list names.",
            "Empty one of them.",
        )
    return (params.names, "params.yaml") if params.names else (listed, params.names_file)


def crawl_live(params: Params, proxy: str | None, pace: Mapping[str, Any] | None = None) -> None:
    """Crawl the live web's sources and write the names; tests pass a `proxy` URL that plays the live web.

    Raises:
        UserError: no source is complete. The next try continues from the pages fetched so far.
    """
    if STATE.exists():
        log.info("continuing an interrupted crawl of names (remove %s to start over)", STATE)
    with open_journal(STATE) as journal:
        write_crawled(crawl(params, proxy, journal, pace))
    record_snapshot(STAGE, name_settings(params), OUTPUTS)
    discard_journal(STATE)


def crawl(
    params: Params, proxy: str | None, journal: Journal | None, pace: Mapping[str, Any] | None = None
) -> list[NameList]:
    """Crawl all sources concurrently.

    Args:
        params: the sources, and how to crawl them.
        proxy: the URL of the proxy that plays the web; None to crawl the live web itself.
        journal: stores the pages, so that a killed crawl requests none of them again.
        pace: Scrapy settings that override those derived from `params`.

    Returns:
        the list of each source, in the order of preference.

    Raises:
        UserError: the crawl was interrupted.
    """
    lists: dict[str, NameList] = {}
    forgotten = read_forgotten()

    def jobs() -> list[Job]:
        return [Job(source, arguments(source), keep, _COMPRESSED) for source in asked]

    def arguments(source: type[NamesSpider]) -> dict[str, Any]:
        accepted = source.name in params.crawl.accepted_terms
        return {
            "language": params.crawl.names.language,
            "journal": journal,
            "terms_accepted": accepted,
            "forgotten": forgotten,
        }

    def keep(item: SpeciesName | NameList) -> None:
        if isinstance(item, NameList):
            lists[item.source] = item

    sources = sources_of(params)
    asked = [source for source in sources if speaks(source, params)]
    if asked:
        run_spiders(spider_settings(params.crawl, proxy) | dict(pace or {}), [jobs])
    unasked = f"it has no names in the language '{params.crawl.names.language}'"
    missing = {
        source.name: NameList(source.name, error="it ended early" if source in asked else unasked)
        for source in sources
    }
    return [(missing | lists)[source.name] for source in sources]


def sources_of(params: Params) -> list[type[NamesSpider]]:
    """Return the spiders of the sources, in the order of preference."""
    if params.crawl.web != LIVE_WEB:
        return [DemoPokedexSpider]
    return [NAME_SOURCES[name] for name in params.crawl.names.sources]


def speaks(source: type[NamesSpider], params: Params) -> bool:
    """Tell whether a source has names in the language of `params`."""
    return source.languages is None or params.crawl.names.language in source.languages


def write_crawled(lists: Sequence[NameList]) -> None:
    """Write the first complete list and its comparison with the others; log problems of each source.

    Raises:
        UserError: no list is complete.
    """
    for names in lists:
        if names.error:
            log.warning("%s is skipped: %s", names.source, names.error)
        elif names.faults:
            log.warning("%s lacks %d of its names", names.source, len(names.faults))
    usable = complete(lists)
    if not usable:
        reasons = "; ".join(f"{names.source}: {names.error}" for names in lists)
        raise UserError(
            f"No source gave a complete list of names: {reasons}.",
            "Run it again to continue, set other sources in crawl.names.sources, or fill the names_file.",
        )
    write(usable[0].species, cross_check_report(lists))
    log.info("%d names from %s", len(usable[0].species), usable[0].source)
    if len(usable) > 1:
        others = ", ".join(names.source for names in usable[1:])
        differing = len({each.number for each in find_disagreements(usable)})
        log.info("compared with %s: %d disagreements, see %s", others, differing, paths.NAME_SOURCES)


def write(names: Sequence[SpeciesName], report: str) -> None:
    """Write the table and the report, each completely or not at all."""
    for path in (paths.RAW_NAMES, paths.NAME_SOURCES):
        path.parent.mkdir(parents=True, exist_ok=True)
    table, text = (path.with_suffix(".part") for path in (paths.RAW_NAMES, paths.NAME_SOURCES))
    write_table(table, SpeciesName, names)
    text.write_text(report, encoding="utf-8")
    table.replace(paths.RAW_NAMES)
    text.replace(paths.NAME_SOURCES)


if __name__ == "__main__":
    run_command(main)
