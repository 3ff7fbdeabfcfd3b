"""Metrics of drift of a running service."""

import io
import re
from pathlib import Path

import httpx
from PIL import Image
from tiny_service import COLOURS, GREY, serving

IMAGES = 5


def near(colour: tuple[int, int, int], step: int) -> tuple[int, int, int]:
    """Return a slightly brighter colour."""
    red, green, blue = colour
    return red + step, green + step, blue + step


def count(client: httpx.Client, metric: str) -> float:
    """Read a metric with its labels; 0 before its first value."""
    found = re.search(rf"^{re.escape(metric)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0


def shares_after(client: httpx.Client, colours: list[tuple[int, int, int]]) -> tuple[float, float]:
    """Classify images; return their shares of `unknown` and of scores below 90 % of the training images."""
    metrics = ('herodex_images_total{answer="unknown"}', 'herodex_ood_rank_bucket{le="0.1"}')
    before = [count(client, metric) for metric in metrics]
    for colour in colours:
        data = io.BytesIO()
        Image.new("RGB", (64, 64), colour).save(data, "PNG")
        assert client.post("/api/classify", files={"image": ("x", data.getvalue())}).status_code == 200
    unknown, low = (
        (count(client, metric) - earlier) / len(colours)
        for metric, earlier in zip(metrics, before, strict=True)
    )
    return unknown, low


def test_images_unlike_the_training_images_move_the_metrics(client: httpx.Client) -> None:
    like = [near(COLOURS["meadow"], step) for step in range(IMAGES)]
    unlike = [near(GREY, step) for step in range(IMAGES)]
    assert shares_after(client, like) == (0, 0)
    assert shares_after(client, unlike) == (1, 1)
    mixed = shares_after(client, [*like[:3], *unlike[:2]])
    assert mixed == (0.4, 0.4)


def test_every_classified_image_has_a_rank(client: httpx.Client) -> None:
    ranked, images = count(client, "herodex_ood_rank_count"), 0.0
    for answer in ("known", "unknown"):
        images += count(client, f'herodex_images_total{{answer="{answer}"}}')
    assert ranked == images > 0


def test_second_service_in_the_project_leaves_the_metrics_of_the_first(
    client: httpx.Client, tiny_project: Path
) -> None:
    before = count(client, "herodex_ood_rank_count")
    assert before > 0
    with serving(tiny_project) as url:
        assert httpx.get(f"{url}/metrics").status_code == 200
        assert count(client, "herodex_ood_rank_count") == before
