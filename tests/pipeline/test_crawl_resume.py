"""A crawl that is killed again and again ends like one that never was."""

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
"""The share of an undisturbed crawl's work for which the killed ones have time, on average."""


def asked_of_the_web(web: ObservedWeb) -> int:
    """Count all requests but those that Chromium makes to its maker, whatever one tells it."""
    return sum((urlsplit(url).hostname or "").endswith(".herodex.test") for url in web.requests)


def crawl_undisturbed(project: Workspace, web: ObservedWeb) -> tuple[float, float]:
    """Crawl; return the seconds until the first request, and from then to the end."""
    started = time.monotonic()
    done = project.run(THROUGH, "images", web.url)
    assert done.code == 0, done.log
    return web.first_request - started, time.monotonic() - web.first_request


def longest_life(start_s: float, work_s: float) -> float:
    """How long a process may live, so that `KILLS` of random lives up to that do `PROGRESS` of the work.

    A life up to L spends (L - start)² / 2L on work, on average; that is solved for L.
    """
    each = work_s * PROGRESS / KILLS
    return start_s + each + (each**2 + 2 * each * start_s) ** 0.5


def crawl_with_kills(project: Workspace, web: ObservedWeb, longest_s: float, seed: int) -> int:
    """Kill a crawl at random moments, then let it end; returns the number of kills that it took."""
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


def test_twenty_kills_change_nothing_and_cost_less_than_three_percent_more_requests(workspace_factory):
    undisturbed = workspace_factory()
    params = undisturbed.write_params(WEB)
    with running_observed_web(params) as web:
        longest_s = longest_life(*crawl_undisturbed(undisturbed, web))
        expected = asked_of_the_web(web)
    assert expected > IMAGES

    # On a machine that is busy otherwise, more is under way at a time, and the lives measured before may be
    # too long, so that the crawl ends before its last kill: such a try is made again, with shorter ones.
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


def test_two_crawls_do_not_work_on_the_same_journal(workspace):
    workspace.write_params(WEB)
    with open_journal(workspace.folder / "state"):
        run = workspace.run(THROUGH, "images", "http://127.0.0.1:9")
    assert run.code == 1
    assert "Another crawl is at work in state." in run.log
    assert "Traceback" not in run.log
