import asyncio
import json
from pathlib import Path

import httpx
from starlette.applications import Starlette

from herodex.serving.lineage import COMMIT, lineage_route

LINEAGE = {"classifier": {"model": "abc"}, "generator": {"model": "def"}}


def ask(models: Path) -> httpx.Response:
    """Ask for the lineage of a folder of models, through real HTTP messages but no socket."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=Starlette(routes=[lineage_route(models)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://models") as client:
            return await client.get("/api/lineage")

    return asyncio.run(send())


def test_models_without_a_lineage_are_a_404_that_says_what_to_do(tmp_path):
    answer = ask(tmp_path)
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "These models have no lineage.",
        "hint": "Run `make run`, which records it.",
    }


def test_outside_of_a_bento_the_commit_is_unknown(tmp_path):
    (tmp_path / "lineage.json").write_text(json.dumps(LINEAGE), encoding="utf-8")
    assert ask(tmp_path).json() == {"commit": None, **LINEAGE}


def test_the_lineage_of_a_bento_comes_with_its_commit(tmp_path):
    (tmp_path / "lineage.json").write_text(json.dumps(LINEAGE), encoding="utf-8")
    (tmp_path / COMMIT).write_text(json.dumps({"commit": "0123abcd"}), encoding="utf-8")
    assert ask(tmp_path).json() == {"commit": "0123abcd", **LINEAGE}
