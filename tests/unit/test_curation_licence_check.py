"""Images whose licence does not fit the use are set aside, before duplicates are merged."""

import pandas as pd
import pytest

from herodex.curation.licence_check import check_licences, fits
from herodex.curation.report import count_reasons
from herodex.dataset.manifest import REASONS
from herodex.lineage.cards import licence_note


@pytest.mark.parametrize(
    ("license", "commercial", "research"),
    [
        ("CC0 1.0", True, True),
        ("Public domain", True, True),
        ("Public Domain Mark 1.0", True, True),
        ("CC BY 4.0", True, True),
        ("CC BY-SA 3.0 DE", True, True),
        ("CC BY", True, True),
        ("CC BY-NC 4.0", False, True),
        ("CC BY-NC-SA 4.0", False, True),
        ("CC BY-ND 2.0", False, True),
        ("CC BY-NC-ND 2.0", False, True),
        ("", False, False),
        ("All rights reserved", False, False),
    ],
)
def test_terms_of_the_licence_decide(license, commercial, research):
    assert fits(license, "commercial") is commercial
    assert fits(license, "research") is research


def manifest() -> pd.DataFrame:
    rows = [
        ("a", "commons", "CC BY-NC 4.0", "1", ""),
        ("b", "commons", "CC BY 4.0", "1", ""),
        ("c", "folder", "", "1", ""),
        ("d", "bing", "", "0", "exact_duplicate"),
        ("e", "commons", "CC BY-NC 4.0", "0", "blurry"),
        ("f", "commons", "CC BY-NC 4.0", "1", ""),
    ]
    table = pd.DataFrame(rows, columns=["sha256", "source", "license", "kept", "dropped_for"])
    decided = ["", "", "", "", "", "person"]
    return table.assign(query="cat", score="", duplicate_of="", decided_by=decided)


@pytest.mark.parametrize(
    ("use", "dropped"),
    [
        ("any", ["", "", "", "exact_duplicate", "blurry", ""]),
        ("research", ["", "", "", "license", "blurry", ""]),
        ("commercial", ["license", "", "", "license", "blurry", "license"]),
    ],
)
def test_unfit_images_are_set_aside_even_if_a_person_kept_them(use, dropped):
    checked = check_licences(manifest(), use)
    assert checked["dropped_for"].tolist() == dropped
    assert checked["kept"].tolist() == ["0" if reason else "1" for reason in dropped]


def test_default_changes_nothing():
    pd.testing.assert_frame_equal(check_licences(manifest(), "any"), manifest())


def test_reports_count_the_reason():
    counts = count_reasons(check_licences(manifest(), "commercial"))
    assert counts.set_index("query").loc["all", "license"] == 3
    assert "use" in REASONS["license"]


def test_card_states_the_use_and_the_count():
    assert licence_note("any", {}) == ""
    note = licence_note("commercial", {"license": 3})
    assert "`use: commercial`" in note
    assert "3 images" in note
