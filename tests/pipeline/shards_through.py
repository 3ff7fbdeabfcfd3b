"""Do one part of a sharded crawl through a test's proxy: `shards_through.py PART PROXY [PACE]`.

PART is `search`, with names of sources or without, shards such as `0-31/64`, or `merge`. The command `herodex
crawl` starts the demo web itself; here, a test provides another web, or one that it observes. PACE is JSON:
Scrapy settings that replace the pauses of the live web.
"""

import json
import sys
from contextlib import nullcontext

from crawl_through import AT_ONCE

from crawlers.sharded_crawl import download, finish, merge, search
from crawlers.shards import parse_shards
from herodex.command import run_command
from herodex.params import load_params

SHARDS_THROUGH = __file__


def main() -> None:
    """Write the files that the command writes."""
    _, part, proxy, *pace = sys.argv
    settings = json.loads(pace[0]) if pace else AT_ONCE
    params = load_params()
    if part.startswith("search"):
        search(params, part.split()[1:], lambda: nullcontext(proxy), settings)
    elif part == "merge":
        finish(params, merge(params, lambda: nullcontext(proxy), settings))
    else:
        download(params, parse_shards(part, params.scale.crawl_shards), lambda: nullcontext(proxy), settings)


if __name__ == "__main__":
    run_command(main)
