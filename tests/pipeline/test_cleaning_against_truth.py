"""The checks and hashes against what is known of every picture of a smaller embedded web."""

import pytest
from demo_web_params import ONE_OF_EACH, demo_params

from benchmarks.cleaning import Score, score_copies, score_faults
from benchmarks.demo_crawl import write_crawl
from crawlers.demo_web.truth import plan_web
from herodex.classifier.clean import check_all, clean

PARAMS = demo_params(results=40, shares=ONE_OF_EACH)
EASY_COPIES = ("exact copy", "reencoded", "resized", "mirrored", "letterboxed", "shared")


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Score]:
    """Scores after `clean_images` on 200 results, with the files as the web would have sent them."""
    raw, plan = tmp_path_factory.mktemp("raw"), plan_web(PARAMS)
    manifest = write_crawl(raw, plan, PARAMS)
    settings = PARAMS.classifier.clean
    checks = check_all(list(manifest["file"]), raw, tmp_path_factory.mktemp("clean"), settings, workers=2)
    cleaned = clean(manifest, checks, settings.near_distance)
    found = [*score_faults(cleaned, [picture.kind for picture in plan]), *score_copies(cleaned, plan)]
    return {score.fault: score for score in found}


@pytest.mark.parametrize(
    "fault",
    [
        "no download",
        "truncated",
        "not a picture",
        "bomb",
        "one pixel",
        "strip",
        "dark",
        "light",
        "blank",
        "blurry",
    ],
)
def test_every_file_of_no_use_is_found_and_no_other_one(scores, fault):
    score = scores[fault]
    assert score.recalled == score.wanted > 0
    assert score.right == score.found


@pytest.mark.parametrize("kind", EASY_COPIES)
def test_copies_that_hardly_differ_are_found_by_their_hashes(scores, kind):
    assert scores[kind].recalled == scores[kind].wanted > 0


def test_no_two_pictures_are_taken_for_copies_that_are_none(scores):
    every = scores["all copies, originals too"]
    assert every.right == every.found > 40
