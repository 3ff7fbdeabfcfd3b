"""Paths of the service and the HTTP method of each."""

CLASSIFY = "/api/classify"
FEEDBACK = "/api/feedback"
NAMES = "/api/names"
SCORE = "/api/names/score"
QUOTE = "/api/quote"
ABOUT = "/api/about"
LINEAGE = "/api/lineage"

METHODS = {
    CLASSIFY: "POST",
    FEEDBACK: "POST",
    NAMES: "POST",
    SCORE: "POST",
    QUOTE: "GET",
    ABOUT: "GET",
    LINEAGE: "GET",
}

API = "/api/"
PAGES = ("/", "/names")
STATIC = "/static/"
EXAMPLES = "/examples/"
NEIGHBOURS = "/neighbours/"
FILES = (STATIC, EXAMPLES, NEIGHBOURS)
PROBES = ("/livez", "/readyz", "/healthz")
METRICS = "/metrics"
DESCRIPTIONS = ("/docs.json", "/schema.json")
"""BentoML's descriptions of the service: OpenAPI, and the schema that its Python client reads."""


def method_of(path: str) -> str | None:
    """Return the method of a path, or None if there is no such path."""
    if path.startswith(FILES) or path in (*PAGES, *PROBES, METRICS, *DESCRIPTIONS):
        return "GET"
    return METHODS.get(path)


def route_of(path: str) -> str:
    """Return a path's name in logs and metrics, which a client cannot make up."""
    if path in PAGES:
        return "page"
    if path.startswith(FILES):
        return "static"
    return path if method_of(path) else "other"
