import asyncio
import json
from pathlib import Path

import httpx
from starlette.applications import Starlette

from herodex.serving.lineage import COMMIT, lineage_route

LINEAGE = {"classifier": {"model": "abc"}, "generator": {"model": "def"}}


def ask(models: Path) -> httpx.Response:
    """Request the lineage of a model folder."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=Starlette(routes=[lineage_route(models)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://models") as client:
            return await client.get("/api/lineage")

    return asyncio.run(send())


def test_models_without_lineage_return_404_with_a_hint(tmp_path):
    answer = ask(tmp_path)
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "These models have no lineage.",
        "hint": "Run `make run`, which records it.",
    }


def test_commit_is_null_outside_a_bento(tmp_path):
    (tmp_path / "lineage.json").write_text(json.dumps(LINEAGE), encoding="utf-8")
    assert ask(tmp_path).json() == {"commit": None, **LINEAGE}


def test_lineage_of_a_bento_includes_its_commit(tmp_path):
    (tmp_path / "lineage.json").write_text(json.dumps(LINEAGE), encoding="utf-8")
    (tmp_path / COMMIT).write_text(json.dumps({"commit": "0123abcd"}), encoding="utf-8")
    assert ask(tmp_path).json() == {"commit": "0123abcd", **LINEAGE}
