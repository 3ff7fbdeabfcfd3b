"""Crawl the live web's sources of names through a proxy: `python names_through.py PROXY` in a workspace.

It does the same as the stage, without pauses.
"""

import sys

from crawl_through import AT_ONCE

from crawlers.scrape_names import crawl_live
from herodex.command import run_command
from herodex.params import load_params

NAMES_THROUGH = __file__


def main() -> None:
    """Write the stage's outputs."""
    crawl_live(load_params(), sys.argv[1], AT_ONCE)


if __name__ == "__main__":
    run_command(main)
