"""The cleaning against the ground truth of a small demo web."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from demo_web_params import ONE_OF_EACH, demo_params
from PIL import Image

from benchmarks.cleaning import Score, score_duplicates, score_faults
from benchmarks.demo_crawl import write_crawl
from demo_web.truth import plan_web
from herodex.curation.clean import check_all, clean
from herodex.curation.curate import curate
from herodex.curation.split import split
from herodex.dataset.manifest import NO_HASH, ReadImage
from herodex.evaluation.baseline import colour_histogram

PARAMS = demo_params(results=40, shares=ONE_OF_EACH)
PLAN = plan_web(PARAMS)
EASY_DUPLICATES = ("exact duplicate", "reencoded", "resized", "mirrored", "letterboxed", "shared")


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Path]:
    """The manifest of 200 results and the folder of their files, as a crawl would leave them."""
    raw = tmp_path_factory.mktemp("raw")
    return write_crawl(raw, PLAN, PARAMS), raw


def reader(target: Path) -> ReadImage:
    return lambda file: np.asarray(Image.open((target / file).with_suffix(".png")))


def run_clean(manifest: pd.DataFrame, raw: Path, target: Path, workers: int) -> pd.DataFrame:
    settings = PARAMS.classifier.clean
    checks = check_all(list(manifest["file"]), raw, target, settings, workers)
    return clean(manifest, checks, settings, reader(target))


@pytest.fixture(scope="module")
def cleaned(
    crawl: tuple[pd.DataFrame, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[pd.DataFrame, Path]:
    """The outputs of `clean_images`, by two workers."""
    target = tmp_path_factory.mktemp("clean")
    return run_clean(*crawl, target, workers=2), target


@pytest.fixture(scope="module")
def scores(cleaned: tuple[pd.DataFrame, Path]) -> dict[str, Score]:
    """Scores after `clean_images`."""
    manifest, _ = cleaned
    found = [*score_faults(manifest, [image.kind for image in PLAN]), *score_duplicates(manifest, PLAN)]
    return {score.fault: score for score in found}


def run_others(cleaned: pd.DataFrame, target: Path) -> pd.DataFrame:
    """Curate and split, with colour histograms as features."""
    read = reader(target)
    readable = cleaned[cleaned["phash"] != NO_HASH]
    colours = [colour_histogram(read(file)).astype(np.float32) for file in readable["file"]]
    features = dict(zip(readable["sha256"], colours, strict=True))
    curated = curate(cleaned, features, {}, PARAMS, read=read)
    return split(curated, 0.15, 0.2, PARAMS.seed)


def test_result_does_not_depend_on_the_order_of_rows_or_the_number_of_workers(crawl, cleaned, tmp_path):
    manifest, raw = crawl

    def run_all(manifest: pd.DataFrame, target: Path, workers: int) -> pd.DataFrame:
        return run_others(run_clean(manifest, raw, target, workers), target)

    one = run_all(manifest, tmp_path / "one", workers=1)
    again = run_others(*cleaned)
    assert one.equals(again)
    shuffled = manifest.sample(frac=1, random_state=1).reset_index(drop=True)
    other = run_all(shuffled, tmp_path / "other", workers=2)
    keys = ["query", "rank"]
    one, other = (table.sort_values(keys).reset_index(drop=True) for table in (one, other))
    # If one query found the same bytes twice, the order decides which result is kept.
    repeated = one.duplicated(["query", "sha256"], keep=False) | one.duplicated(
        ["label", "sha256"], keep=False
    )
    pd.testing.assert_frame_equal(one[~repeated], other[~repeated])
    kept = [
        set(table[["sha256", "part"]][table["kept"] == "1"].itertuples(index=False)) for table in (one, other)
    ]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    "fault",
    [
        "no download",
        "truncated",
        "not an image",
        "bomb",
        "one pixel",
        "strip",
        "dark",
        "light",
        "blank",
        "blurry",
    ],
)
def test_every_planned_fault_is_found_without_false_alarms(scores, fault):
    score = scores[fault]
    assert score.recalled == score.wanted > 0
    assert score.right == score.found


@pytest.mark.parametrize("kind", EASY_DUPLICATES)
def test_slightly_changed_duplicates_are_found_by_hash(scores, kind):
    assert scores[kind].recalled == scores[kind].wanted > 0


def test_different_images_are_never_grouped(scores):
    every = scores["duplicates and originals"]
    assert every.right == every.found > 40
