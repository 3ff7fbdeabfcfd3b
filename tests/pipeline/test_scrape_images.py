"""The stage `scrape_images` on the demo web, on a folder, and with bad input."""

import csv
import hashlib
import io
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from crawl_through import THROUGH
from observed_web import running_observed_web
from PIL import Image
from workspace import Workspace

from demo_web.faults import Kind, Outcome
from demo_web.truth import PlannedImage, plan_web

STAGE = ("-m", "crawlers.scrape_images")
QUERIES = {"classes": ["hulk", "batman"], "distractors": ["iron-man"]}
FAULTS = [kind for kind in Kind if kind is not Kind.SOUND]
LIVE = {"crawl.web": "live", "crawl.contact": "mailto:test@example.org"}
FOLDER_ALONE = {"crawl.images.sources": ["folder"]}
RESULTS = 40
EVERY_FAULT = {
    **QUERIES,
    "crawl.images.per_query": RESULTS,
    "demo_web.results_per_query": RESULTS,
    "demo_web.slow_s": 0.2,
    **{f"demo_web.shares.{kind}": 0.03 for kind in FAULTS},
}
STATUS = {
    Outcome.OK: "ok",
    Outcome.OK_AFTER_RETRY: "ok",
    Outcome.HTTP_ERROR: "http_error",
    Outcome.TRUNCATED: "truncated",
    Outcome.NOT_AN_IMAGE: "not_an_image",
    Outcome.DISALLOWED: "refused",
}


Observed = tuple[Workspace, list[PlannedImage], list[str]]


@pytest.fixture(scope="module")
def observed(workspace_factory: Callable[[], Workspace]) -> Observed:
    """One crawl of a demo web with every fault: the workspace, the truth, and all requests."""
    workspace = workspace_factory()
    params = workspace.write_params(EVERY_FAULT)
    with running_observed_web(params) as web:
        run = workspace.run(THROUGH, "images", web.url)
    assert run.code == 0, run.log
    return workspace, plan_web(params), web.requests


def rows_of(workspace: Workspace, folder: str) -> list[dict[str, str]]:
    with (workspace.folder / folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_result_has_a_row_ordered_by_query_and_rank(observed):
    workspace, truth, _ = observed
    rows = rows_of(workspace, "crawled")
    assert [(row["query"], int(row["rank"])) for row in rows] == [
        (query, rank) for query in ["hulk", "batman", "iron-man"] for rank in range(1, RESULTS + 1)
    ]
    for row, planned in zip(rows, truth, strict=True):
        assert (row["image_url"], row["page_url"]) == (planned.image_url, planned.page_url)
        assert (row["title"], row["author"]) == (planned.credit.title, planned.credit.author)
        assert (row["license"], row["license_url"]) == (planned.credit.license, planned.credit.license_url)


@pytest.mark.parametrize("kind", Kind)
def test_planned_fault_has_its_status(observed, kind):
    workspace, truth, _ = observed
    planned = [
        (row, plan)
        for row, plan in zip(rows_of(workspace, "crawled"), truth, strict=True)
        if plan.kind is kind
    ]
    assert planned
    for row, plan in planned:
        assert row["status"] == STATUS[plan.outcome]
        assert bool(row["reason"]) == (row["status"] != "ok")
        assert bool(row["file"]) == (row["status"] == "ok")


def test_kept_files_are_named_by_their_hash(observed):
    workspace, _, _ = observed
    files = workspace.tree("crawled")
    kept = [row for row in rows_of(workspace, "crawled") if row["status"] == "ok"]
    assert {row["file"] for row in kept} | {"manifest.csv", "sources.md"} == set(files)
    for row in kept:
        data = files[row["file"]]
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        assert row["file"].startswith(f"{row['query']}/{row['sha256']}.")


@pytest.mark.parametrize(
    ("kind", "extension"),
    [
        (Kind.ANIMATED_GIF, "gif"),
        (Kind.CMYK_JPEG, "jpg"),
        (Kind.WEBP, "webp"),
        (Kind.BOMB, "png"),
        (Kind.PIXEL, "png"),
    ],
)
def test_unusual_images_are_kept_unchanged(observed, kind, extension):
    workspace, truth, _ = observed
    rows = rows_of(workspace, "crawled")
    files = [row["file"] for row, plan in zip(rows, truth, strict=True) if plan.kind is kind]
    assert files
    assert {file.rpartition(".")[2] for file in files} == {extension}


def test_robots_txt_is_read_once_per_host_and_followed(observed):
    _, truth, requests = observed
    disallowed = {plan.image_url for plan in truth if plan.kind is Kind.DISALLOWED}
    assert disallowed
    assert not disallowed & set(requests)
    # Chromium's own requests to Google end at the proxy.
    hosts = {host for url in requests if (host := urlsplit(url).hostname or "").endswith(".herodex.test")}
    assert len(hosts) > 2
    for host in hosts:
        assert requests.count(f"http://{host}/robots.txt") == 1


def test_sound_image_is_fetched_once_for_several_queries(observed):
    _, truth, requests = observed
    shared = {plan.image_url for plan in truth if plan.kind is Kind.SHARED}
    assert shared
    for url in shared | {plan.image_url for plan in truth if plan.kind is Kind.SOUND}:
        assert requests.count(url) == 1


def test_stage_writes_the_same_bytes_as_another_crawl_and_a_summary(observed, workspace):
    workspace.write_params(EVERY_FAULT)
    run = workspace.run(*STAGE)
    assert run.code == 0, run.log
    crawled = observed[0].tree("crawled")
    assert workspace.tree("reports") == {"sources.md": crawled.pop("sources.md")}
    assert workspace.tree("data/images/raw") == crawled
    assert [path.name for path in (workspace.folder / "data/images").iterdir()] == ["raw"]
    table = run.log[run.log.index("query ") :].splitlines()
    assert [line.split()[:2] for line in table[1:]] == [
        *([query, str(RESULTS)] for query in ["hulk", "batman", "iron-man"]),
        ["all", str(3 * RESULTS)],
    ]


def jpeg(colour: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "JPEG")
    return file.getvalue()


def test_folder_of_images_is_crawled_by_the_demo_search(workspace):
    expected = set()
    for index, query in enumerate(["cat", "dog"]):
        (workspace.folder / "mine" / query).mkdir(parents=True)
        for number in range(40):  # more than the search page shows without scrolling
            data = jpeg((index * 200, number * 6, 0))
            (workspace.folder / "mine" / query / f"{number}.jpg").write_bytes(data)
            expected.add((query, data))
    workspace.write_params({"classes": ["cat", "dog"], "distractors": [], "crawl.web": "mine"})
    run = workspace.run(*STAGE)
    assert run.code == 0, run.log
    kept = workspace.tree("data/images/raw")
    del kept["manifest.csv"]
    assert {(path.split("/")[0], data) for path, data in kept.items()} == expected


def test_folder_is_read_whole_without_a_browser(workspace):
    mine = workspace.folder / "mine"
    for query in ("Cat", "か"):
        (mine / query / "more").mkdir(parents=True)
        (mine / query / "more" / "deeper.jpg").write_bytes(jpeg((9, 9, 9)))
        (mine / query / ".hidden.jpg").write_bytes(jpeg((8, 8, 8)))
    cats = [jpeg((50 * number, 0, 0)) for number in range(4)]
    for name, data in zip(["b é.jpg", "a.png", "c.jpg", "d.jpg"], cats, strict=True):
        (mine / "Cat" / name).write_bytes(data)
        (mine / "か" / name).write_bytes(data)
    (mine / "か" / "notes.txt").write_bytes(b"no image")
    (mine / "か" / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (mine / "か" / "too large.jpg").write_bytes(jpeg((1, 1, 1)) + bytes(2_000_000))
    workspace.write_params(
        {
            "classes": "folder",
            "distractors": [],
            "crawl.web": "mine",
            "crawl.max_image_mb": 1,
            "crawl.images.per_query": 3,
            **FOLDER_ALONE,
        }
    )
    run = workspace.run(*STAGE, HERODEX_CHROMIUM="/nowhere")
    assert run.code == 0, run.log
    rows = rows_of(workspace, "data/images/raw")
    assert [(row["query"], row["source"], row["rank"], row["image_url"], row["status"]) for row in rows] == [
        ("Cat", "folder", "1", "Cat/a.png", "ok"),
        ("Cat", "folder", "2", "Cat/b é.jpg", "ok"),
        ("Cat", "folder", "3", "Cat/c.jpg", "ok"),
        ("Cat", "folder", "4", "Cat/d.jpg", "ok"),
        ("Cat", "folder", "5", "Cat/more/deeper.jpg", "ok"),
        ("か", "folder", "1", "か/a.png", "ok"),
        ("か", "folder", "2", "か/b é.jpg", "ok"),
        ("か", "folder", "3", "か/c.jpg", "ok"),
        ("か", "folder", "4", "か/d.jpg", "ok"),
        ("か", "folder", "5", "か/more/deeper.jpg", "ok"),
        ("か", "folder", "6", "か/photo.heic", "not_an_image"),
        ("か", "folder", "7", "か/too large.jpg", "too_large"),
    ]
    files = workspace.tree("data/images/raw")
    assert [files[row["file"]] for row in rows[:4]] == [cats[1], cats[0], cats[2], cats[3]]
    assert (rows[0]["title"], rows[0]["label"], rows[5]["label"]) == ("a.png", "Cat", "か")
    report = (workspace.folder / "reports/sources.md").read_text(encoding="utf-8")
    assert "- か: 1 other file, no images: 1 .txt" in report
    assert "か: か/photo.heic: HEIC images are not decoded; convert them to JPEG" in run.log
    assert not list(workspace.folder.glob(".cache/crawl/*"))


def test_folder_without_its_source_warns_that_the_browser_takes_the_first_files(workspace):
    for query in ("cat", "dog"):
        (workspace.folder / "mine" / query).mkdir(parents=True)
        (workspace.folder / "mine" / query / "1.jpg").write_bytes(jpeg((0, 0, 0)))
    workspace.write_params({"classes": "folder", "distractors": [], "crawl.web": "mine"})
    run = workspace.run(*STAGE, HERODEX_CHROMIUM="/nowhere")
    assert "the browser takes the first 100 files of each folder in mine" in run.log
    assert "set crawl.images.sources to [folder]" in run.log


def test_class_without_images_is_an_error_and_old_images_stay(workspace):
    for query, name, data in [("cat", "1.jpg", jpeg((0, 0, 0))), ("dog", "notes.jpg", b"no image")]:
        (workspace.folder / "mine" / query).mkdir(parents=True)
        (workspace.folder / "mine" / query / name).write_bytes(data)
    old = workspace.folder / "data/images/raw/manifest.csv"
    old.parent.mkdir(parents=True)
    old.write_text("what was there", encoding="utf-8")
    workspace.write_params({"classes": ["cat", "dog"], "distractors": [], "crawl.web": "mine"})
    run = workspace.run(*STAGE)
    assert_one_clear_message(run, "The crawl kept no image of dog (dog: 1 not_an_image).")
    assert workspace.tree("data/images") == {"raw/manifest.csv": b"what was there"}


@pytest.mark.parametrize(
    ("changes", "environment", "message"),
    [
        ({"crawl.web": "live"}, {}, "crawl.web in params.yaml is 'live', and crawl.contact is empty"),
        (LIVE, {}, "scrape_images has no snapshot of the live web"),
        (LIVE | FOLDER_ALONE, {}, "crawl.images.sources in params.yaml is [folder], and crawl.web is 'live'"),
        (FOLDER_ALONE, {}, "crawl.images.sources in params.yaml is [folder], and crawl.web is 'demo'"),
        ({"crawl.web": "no/such/folder"}, {}, "neither 'demo' nor 'live' nor a folder"),
        ({"crawl.web": "."}, {}, "has no sub-folder for hulk, batman, iron-man"),
        ({}, {"HERODEX_CHROMIUM": "/nowhere"}, "apt-get install chromium chromium-driver"),
        ({}, {"HERODEX_CHROMEDRIVER": "/nowhere"}, "apt-get install chromium chromium-driver"),
        ({"crawl.retries": 0}, {"HERODEX_CHROMIUM": "/bin/false"}, "the search of demo failed: session"),
    ],
    ids=[
        "no contact", "no consent", "a live folder", "a demo folder", "no folder", "no sub-folder",
        "no browser", "no driver", "a browser that does not start",
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_message_and_changes_nothing(workspace, changes, environment, message):
    workspace.write_params(QUERIES | changes)
    run = workspace.run(*STAGE, **environment)
    assert_one_clear_message(run, message)
    assert {path for path in workspace.tree(".") if not path.startswith(".cache/")} == {"params.yaml"}


def assert_one_clear_message(run, message):
    assert run.code == 1
    assert message in run.log
    assert run.log.count("error: ") == 1
    assert run.log.count("  fix: ") == 1
    assert "Traceback" not in run.log
