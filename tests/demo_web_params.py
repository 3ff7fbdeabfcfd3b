"""Parameters for tests of the demo web, independent of the user's classes."""

from pathlib import Path
from typing import Any

from demo_web.faults import Kind
from herodex.params import Params, load_params

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"
QUERIES = ["ant", "bee", "cat", "dog", "eel"]
ONE_OF_EACH = {kind.value: 0.028 for kind in Kind if kind is not Kind.SOUND}
"""Shares with every fault and some sound images."""


def demo_params(results: int = 50, shares: dict[str, float] | None = None, **demo_web: Any) -> Params:
    """Load the project's parameters with the test's queries and `results` results each."""
    values = load_params(PARAMS).model_dump()
    values |= {"classes": QUERIES[:2], "distractors": QUERIES[2:]}
    values["crawl"]["web"] = "demo"
    values["crawl"]["images"]["per_query"] = results
    values["demo_web"] |= {"seed": 7, "results_per_query": results} | demo_web
    values["demo_web"]["shares"] |= shares or {}
    return Params.model_validate(values)


def folder_params(folder: Path) -> Params:
    """Load the project's parameters with the test's queries and images from `folder`."""
    values = demo_params().model_dump()
    values["crawl"] |= {"web": str(folder)}
    return Params.model_validate(values)
