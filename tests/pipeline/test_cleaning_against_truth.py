"""The checks and hashes against what is known of every picture of a smaller embedded web."""

import hashlib

import pandas as pd
import pytest
from demo_web_params import ONE_OF_EACH, demo_params

from benchmarks.cleaning import Score, score_copies, score_faults
from crawlers.demo_web.faults import Kind, Outcome
from crawlers.demo_web.pictures import picture_file
from crawlers.demo_web.truth import plan_web
from herodex.classifier.clean import check_all, clean

PARAMS = demo_params(results=40, shares=ONE_OF_EACH)
STATUS = {
    Outcome.HTTP_ERROR: "http_error",
    Outcome.TRUNCATED: "truncated",
    Outcome.NOT_AN_IMAGE: "not_an_image",
    Outcome.DISALLOWED: "refused",
}
EASY_COPIES = ("exact copy", "reencoded", "resized", "mirrored", "letterboxed", "shared")


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Score]:
    """Scores after `clean_images` on 200 results, with the files as the web would have sent them."""
    raw, plan, rows = tmp_path_factory.mktemp("raw"), plan_web(PARAMS), []
    for picture in plan:
        status, sha256, file = STATUS.get(picture.outcome, "ok"), "", ""
        if status == "ok":
            owner = next(one for one in plan if one.id == picture.id and one.kind is not Kind.SHARED)
            data = picture_file(owner, PARAMS.demo_web.seed)[1]
            sha256 = hashlib.sha256(data).hexdigest()
            file = f"{picture.query}-{sha256}.img"
            (raw / file).write_bytes(data)
        label = PARAMS.label_of(picture.query)
        rows.append(
            {"query": picture.query, "status": status, "sha256": sha256, "file": file, "label": label}
        )
    manifest = pd.DataFrame(rows)
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
