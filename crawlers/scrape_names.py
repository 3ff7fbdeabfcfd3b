"""Stage `scrape_names`: write the names to imitate, from `params.yaml` or else from the Pokédex.

Writes `data/names/raw.csv` with the columns number, name, generation and page_url. The rows of a crawl are
sorted by number; names from `params.yaml` keep their order, and their other columns are empty.
"""

from crawlers.demo_web.server import running_web
from crawlers.items import SpeciesName
from crawlers.run import check_web, run_spider, spider_settings
from crawlers.spiders.pokemon_names import PokemonNamesSpider
from crawlers.table import write_table
from herodex import paths
from herodex.command import run_command
from herodex.params import Params, load_params


def main() -> None:
    """Write the names that `params.yaml` lists, or crawl them where it lists none."""
    params = load_params()
    if params.names:
        names = [SpeciesName(number=None, name=name, generation=None, page_url="") for name in params.names]
    else:
        check_web(params.crawl.web)
        with running_web(params) as proxy:
            names = crawl(params, proxy)
    paths.RAW_NAMES.parent.mkdir(parents=True, exist_ok=True)
    partial = paths.RAW_NAMES.with_suffix(".part")
    write_table(partial, SpeciesName, names)
    partial.replace(paths.RAW_NAMES)


def crawl(params: Params, proxy: str) -> list[SpeciesName]:
    """Crawl the Pokédex of the web behind `proxy`, a URL, and return its species, sorted by number.

    Raises:
        UserError: the crawl ended early.
    """
    names = run_spider(PokemonNamesSpider, spider_settings(params.crawl, proxy))
    return sorted(names, key=lambda species: (species.number, species.name))


if __name__ == "__main__":
    run_command(main)
