from pathlib import Path

import pytest

from herodex.curation.review_decisions import Decision, read_review
from herodex.errors import UserError
from herodex.params import UNKNOWN, load_params

PARAMS = load_params()
CAT = PARAMS.classes[0]


def review(folder: Path, *lines: str) -> Path:
    path = folder / "review.csv"
    path.write_text("\n".join(["sha256,decision,class", *lines]) + "\n", encoding="utf-8")
    return path


def test_read_review_reads_every_kind_of_decision(tmp_path):
    path = review(tmp_path, "a,keep,", "b,drop,", f"c,keep,{CAT}", f"d,keep,{UNKNOWN}")
    assert read_review(path, PARAMS) == {
        "a": Decision(True, ""),
        "b": Decision(False, ""),
        "c": Decision(True, CAT),
        "d": Decision(True, UNKNOWN),
    }


def test_missing_review_file_holds_no_decisions(tmp_path):
    assert read_review(tmp_path / "review.csv", PARAMS) == {}


@pytest.mark.parametrize("line", ["b,maybe,", "b,keep,dragon"])
def test_malformed_line_is_reported_with_its_number(tmp_path, line):
    with pytest.raises(UserError, match=r"line 3: '(maybe|dragon)'"):
        read_review(review(tmp_path, "a,keep,", line), PARAMS)


def test_missing_header_is_reported(tmp_path):
    path = tmp_path / "review.csv"
    path.write_text("a,keep,\n", encoding="utf-8")
    with pytest.raises(UserError, match="first line"):
        read_review(path, PARAMS)
