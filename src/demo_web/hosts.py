"""The demo web's hosts and their robots.txt."""

SEARCH = "search.herodex.test"
POKEDEX = "pokedex.herodex.test"

_SEARCH_ROBOTS = """\
User-agent: *
Disallow: /search/more
Disallow: /private/
"""
_GALLERY_ROBOTS = """\
User-agent: *
Disallow: /private/
"""
_POKEDEX_ROBOTS = """\
User-agent: *
Disallow: /admin/
"""


def gallery(number: int) -> str:
    """Return the name of the `number`-th image host, counted from 1."""
    return f"gallery-{number}.herodex.test"


def all_robots(image_hosts: int) -> dict[str, str]:
    """Map every host of the demo web to its robots.txt (RFC 9309)."""
    galleries = {gallery(number): _GALLERY_ROBOTS for number in range(1, image_hosts + 1)}
    return {SEARCH: _SEARCH_ROBOTS, POKEDEX: _POKEDEX_ROBOTS} | galleries
