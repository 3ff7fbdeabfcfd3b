"""The addresses of the service, and the one method that each answers to."""

CLASSIFY = "/api/classify"
NAMES = "/api/names"
SCORE = "/api/names/score"
QUOTE = "/api/quote"
ABOUT = "/api/about"
LINEAGE = "/api/lineage"

METHODS = {CLASSIFY: "POST", NAMES: "POST", SCORE: "POST", QUOTE: "GET", ABOUT: "GET", LINEAGE: "GET"}

API = "/api/"
PAGES = ("/", "/names")
STATIC = "/static/"
EXAMPLES = "/examples/"
PROBES = ("/livez", "/readyz", "/healthz")
METRICS = "/metrics"
DESCRIPTIONS = ("/docs.json", "/schema.json")
"""What BentoML says about the service: the OpenAPI document, and what its Python client reads."""


def method_of(path: str) -> str | None:
    """The method that an address answers to; None where there is no such address."""
    if path.startswith((STATIC, EXAMPLES)) or path in (*PAGES, *PROBES, METRICS, *DESCRIPTIONS):
        return "GET"
    return METHODS.get(path)


def route_of(path: str) -> str:
    """What an address is called in logs and metrics: never what a client made up."""
    if path in PAGES:
        return "page"
    if path.startswith((STATIC, EXAMPLES)):
        return "static"
    return path if method_of(path) else "other"
