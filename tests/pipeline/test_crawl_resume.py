"""A crawl that is killed repeatedly has the outputs of an undisturbed one."""

import random
import signal
import subprocess
import time
from contextlib import suppress
from urllib.parse import urlsplit

from crawl_through import THROUGH
from observed_web import ObservedWeb, running_observed_web
from workspace import Workspace

from crawlers.journal import open_journal

KILLS = 20
IMAGES = 500
WEB = {
    "classes": ["ant", "bee"],
    "distractors": ["cat", "dog", "eel"],
    "crawl.images.per_query": IMAGES // 5,
    "demo_web.results_per_query": IMAGES // 5,
}
PROGRESS = 0.5
"""The average share of an undisturbed crawl's work that the killed crawls have time for."""


def asked_of_the_web(web: ObservedWeb) -> int:
    """Count all requests except for Chromium's own to Google."""
    return sum((urlsplit(url).hostname or "").endswith(".herodex.test") for url in web.requests)


def crawl_undisturbed(project: Workspace, web: ObservedWeb) -> tuple[float, float]:
    """Crawl; return the seconds until the first request and those from it to the end."""
    started = time.monotonic()
    done = project.run(THROUGH, "images", web.url)
    assert done.code == 0, done.log
    return web.first_request - started, time.monotonic() - web.first_request


def longest_life(start_s: float, work_s: float) -> float:
    """Return the longest lifetime with which `KILLS` random lifetimes do `PROGRESS` of the work.

    A uniform lifetime up to L works (L - start)² / 2L on average; this is solved for L.
    """
    each = work_s * PROGRESS / KILLS
    return start_s + each + (each**2 + 2 * each * start_s) ** 0.5


def crawl_with_kills(project: Workspace, web: ObservedWeb, longest_s: float, seed: int) -> int:
    """Kill a crawl at random moments, then let it end; return the number of kills."""
    rng, kills = random.Random(seed), 0
    for _ in range(KILLS):
        with project.start(THROUGH, "images", web.url) as crawl:
            with suppress(subprocess.TimeoutExpired):
                crawl.wait(rng.uniform(0, longest_s))
            crawl.kill()
            if crawl.wait() != -signal.SIGKILL:
                break
        kills += 1
    done = project.run(THROUGH, "images", web.url)
    assert done.code == 0, done.log
    return kills


def test_twenty_kills_change_no_output_and_cost_under_three_percent_requests(workspace_factory):
    undisturbed = workspace_factory()
    params = undisturbed.write_params(WEB)
    with running_observed_web(params) as web:
        longest_s = longest_life(*crawl_undisturbed(undisturbed, web))
        expected = asked_of_the_web(web)
    assert expected > IMAGES

    # On a busy machine, more requests are in flight, and the lifetimes may be too long, so that the crawl
    # ends before its last kill: such an attempt is repeated with shorter ones.
    for seed in (1, 2, 3):
        killed = workspace_factory()
        killed.write_params(WEB)
        with running_observed_web(params) as web:
            kills = crawl_with_kills(killed, web, longest_s, seed)
            asked = asked_of_the_web(web)
        assert killed.tree("crawled") == undisturbed.tree("crawled")
        assert asked >= expected
        if kills == KILLS and asked < 1.03 * expected:
            break
        longest_s *= 0.9
    assert kills == KILLS
    assert asked < 1.03 * expected


def test_second_crawl_on_a_journal_is_an_error(workspace):
    workspace.write_params(WEB)
    with open_journal(workspace.folder / "state"):
        run = workspace.run(THROUGH, "images", "http://127.0.0.1:9")
    assert run.code == 1
    assert "Another crawl is running in state." in run.log
    assert "Traceback" not in run.log
