"""The addresses of the API, and the one method that each answers to."""

CLASSIFY = "/api/classify"
NAMES = "/api/names"
SCORE = "/api/names/score"
QUOTE = "/api/quote"
ABOUT = "/api/about"
LINEAGE = "/api/lineage"

METHODS = {CLASSIFY: "POST", NAMES: "POST", SCORE: "POST", QUOTE: "GET", ABOUT: "GET", LINEAGE: "GET"}
