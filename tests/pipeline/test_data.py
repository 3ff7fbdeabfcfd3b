"""The classifier's data after a run of the whole pipeline."""

import pandas as pd
import pytest

from demo_web.faults import Kind
from demo_web.truth import plan_web
from herodex.dataset.manifest import REASONS, read_manifest
from herodex.params import load_params


@pytest.fixture(scope="module")
def manifest(project) -> pd.DataFrame:
    return read_manifest(project.folder / "data" / "images" / "split.csv")


def test_every_search_result_reaches_the_split(project, manifest):
    raw = read_manifest(project.folder / "data" / "images" / "raw" / "manifest.csv")
    assert len(raw) == 72
    assert manifest[["query", "rank", "image_url"]].equals(raw[["query", "rank", "image_url"]])
    assert (manifest["dropped_for"] != "").sum() == (manifest["kept"] == "0").sum() > 0


def test_duplicates_are_in_one_part(manifest):
    used = manifest[manifest["part"].isin(["train", "validation", "test"])]
    assert (used.groupby("duplicate_group")["part"].nunique() == 1).all()
    assert set(used["part"]) == {"train", "validation", "test"}
    aside = manifest[manifest["part"].isin(["set_aside", "test_set_aside"])]
    assert set(aside["dropped_for"]) <= {"label_error", "outlier"}
    assert set(aside["kept"]) <= {"0"}


def test_planned_duplicates_and_no_others_share_a_group(project, manifest):
    plan = plan_web(load_params(project.folder / "params.yaml"))
    readable = manifest["duplicate_group"].where(manifest["phash"] != "", "")
    group = {
        planned.id: found
        for planned, found in zip(plan, readable, strict=True)
        if found and planned.subject and planned.kind is not Kind.SHARED
    }
    duplicates = [planned for planned in plan if planned.original in group and planned.id in group]
    assert len(duplicates) >= 5
    assert [planned.kind for planned in duplicates if group[planned.id] != group[planned.original]] == []
    sound = [group[planned.id] for planned in plan if planned.id in group and not planned.original]
    assert len(sound) == len(set(sound))


def test_every_reason_is_documented(manifest):
    assert set(manifest["dropped_for"]) - {""} <= set(REASONS)


def test_report_has_a_contact_sheet_for_each_reason(project, manifest):
    folder = project.folder / "reports" / "clean"
    shown = {file.stem for file in (folder / "contact_sheets").iterdir()}
    assert shown == set(manifest["dropped_for"][manifest["phash"] != ""]) - {""}
    counts = pd.read_csv(folder / "counts.csv", index_col="query")
    assert counts.loc["all", "results"] == len(manifest)
    assert counts.loc["all", "kept"] == (manifest["kept"] == "1").sum()


def test_labels_are_the_classes_and_unknown(manifest):
    assert set(manifest["label"]) == {"tea", "coffee", "unknown"}
