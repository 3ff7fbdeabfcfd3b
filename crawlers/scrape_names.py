"""Stage `scrape_names`: write the names to imitate, from `params.yaml`, from a file or from the Pokédex.

Writes `data/names/raw.csv` with the columns number, name, generation and page_url. The rows of a crawl are
sorted by number; names from `params.yaml` or the file keep their order, and their other columns are empty.
"""

from pathlib import Path

from crawlers.demo_web.server import running_web
from crawlers.items import SpeciesName
from crawlers.run import check_web, run_spider, spider_settings
from crawlers.spiders.pokemon_names import PokemonNamesSpider
from crawlers.table import write_table
from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.params import FEWEST_NAMES, Params, load_params


def main() -> None:
    """Write the names that `params.yaml` or else the file lists; crawl them where neither lists any."""
    params = load_params()
    if own := params.names or read_lines(paths.OWN_NAMES):
        names = [SpeciesName(number=None, name=name, generation=None, page_url="") for name in own]
    else:
        check_web(params.crawl.web)
        with running_web(params) as proxy:
            names = crawl(params, proxy)
    paths.RAW_NAMES.parent.mkdir(parents=True, exist_ok=True)
    partial = paths.RAW_NAMES.with_suffix(".part")
    write_table(partial, SpeciesName, names)
    partial.replace(paths.RAW_NAMES)


def read_lines(path: Path) -> list[str]:
    """Read names, one a line; lines without any are skipped, and there need not be a file.

    Raises:
        UserError: the file is no UTF-8, or has a few names, but too few.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n") if path.exists() else []
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: line {line} is not UTF-8.", "Save the file as UTF-8.") from None
    names = [line.strip() for line in lines if line.strip()]
    if 0 < len(names) < FEWEST_NAMES:
        raise UserError(
            f"{path} has {len(names)} names; a model of names needs {FEWEST_NAMES} or more.",
            "Add names, one a line, or empty the file to crawl the Pokédex.",
        )
    return names


def crawl(params: Params, proxy: str) -> list[SpeciesName]:
    """Crawl the Pokédex of the web behind `proxy`, a URL, and return its species, sorted by number.

    Raises:
        UserError: the crawl ended early.
    """
    names = run_spider(PokemonNamesSpider, spider_settings(params.crawl, proxy))
    return sorted(names, key=lambda species: (species.number, species.name))


if __name__ == "__main__":
    run_command(main)
