"""What the data is that the classifier learns from, after a whole run of the pipeline."""

import pandas as pd
import pytest

from demo_web.faults import Kind
from demo_web.truth import plan_web
from herodex.dataset.manifest import REASONS, read_manifest
from herodex.params import load_params


@pytest.fixture(scope="module")
def manifest(project) -> pd.DataFrame:
    return read_manifest(project.folder / "data" / "images" / "split.csv")


def test_no_search_result_is_lost_on_the_way(project, manifest):
    raw = read_manifest(project.folder / "data" / "images" / "raw" / "manifest.csv")
    assert len(raw) == 72
    assert manifest[["query", "rank", "image_url"]].equals(raw[["query", "rank", "image_url"]])
    assert (manifest["dropped_for"] != "").sum() == (manifest["kept"] == "0").sum() > 0


def test_copies_never_straddle_two_parts(manifest):
    used = manifest[manifest["part"] != ""]
    assert (used.groupby("cluster")["part"].nunique() == 1).all()
    assert set(used["part"]) == {"train", "validation", "test"}


def test_copies_and_only_copies_share_a_cluster(project, manifest):
    plan = plan_web(load_params(project.folder / "params.yaml"))
    readable = manifest["cluster"].where(manifest["phash"] != "", "")
    cluster = {
        planned.id: found
        for planned, found in zip(plan, readable, strict=True)
        if found and planned.subject and planned.kind is not Kind.SHARED
    }
    copies = [planned for planned in plan if planned.original in cluster and planned.id in cluster]
    assert len(copies) >= 5
    assert [copy.kind for copy in copies if cluster[copy.id] != cluster[copy.original]] == []
    sound = [cluster[planned.id] for planned in plan if planned.id in cluster and not planned.original]
    assert len(sound) == len(set(sound))


def test_every_reason_is_one_that_is_explained(manifest):
    assert set(manifest["dropped_for"]) - {""} <= set(REASONS)


def test_the_report_shows_each_reason_that_has_images(project, manifest):
    folder = project.folder / "reports" / "clean"
    shown = {sheet.stem for sheet in (folder / "sheets").iterdir()}
    assert shown == set(manifest["dropped_for"][manifest["phash"] != ""]) - {""}
    counts = pd.read_csv(folder / "counts.csv", index_col="query")
    assert counts.loc["all", "results"] == len(manifest)
    assert counts.loc["all", "kept"] == (manifest["kept"] == "1").sum()


def test_only_the_allowed_labels_are_used(manifest):
    assert set(manifest["label"]) == {"tea", "coffee", "unknown"}
