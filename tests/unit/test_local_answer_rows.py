"""No cell of the table of answers is a formula, and each text comes back from it."""

import csv
import io
import json
import tempfile
from pathlib import Path

from fuzzing import same_examples
from hypothesis import given
from hypothesis import strategies as st

from herodex.csv_table import open_table
from herodex.inference.predict import Prediction
from herodex.local.answer_rows import COLUMNS, csv_writer, safe_cell, text_table, to_json
from herodex.local.models import FileAnswer

CLASSES = ["=tea", "cup"]
KNOWN = Prediction("=tea", True, {"=tea": 0.75, "cup": 0.2000004}, 0.05, ["=tea", "cup"], "", "abc")
UNSEEN = Prediction("cup", False, {"=tea": 0.0, "cup": 0.25}, 0.75, ["unknown"], "mug", "abc")
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def written(*answers: FileAnswer) -> str:
    with tempfile.NamedTemporaryFile() as file:
        with open_table(Path(file.name)) as rows:
            write = csv_writer(rows, CLASSES)
            for answer in answers:
                write(answer)
        return file.read().decode()


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_row_holds_the_decision_and_all_probabilities():
    (row,) = read(written(FileAnswer("a.png", KNOWN)))
    assert list(row) == [*COLUMNS, "p_=tea", "p_cup", "p_unknown"]
    assert row == {
        "file": "a.png",
        "label": "'=tea",
        "known": "true",
        "set": "'=tea/cup",
        "looks_like": "",
        "error": "",
        "model": "abc",
        "p_=tea": "0.75",
        "p_cup": "0.2",
        "p_unknown": "0.05",
    }


def test_file_without_an_answer_has_its_error_and_empty_cells():
    (row,) = read(written(FileAnswer("a.txt", None, "it is not an image")))
    assert {key: cell for key, cell in row.items() if cell} == {
        "file": "a.txt",
        "error": "it is not an image",
    }


@same_examples(300)
@given(name=st.one_of(TEXT, st.tuples(st.sampled_from("=+-@\t\r\n＝'"), TEXT).map("".join)), error=TEXT)
def test_hostile_names_are_no_formulas_and_come_back(name, error):
    text = written(FileAnswer(name, None, error), FileAnswer("b", KNOWN))
    row, after = read(text)
    for cell, given_text in ((row["file"], name), (row["error"], error)):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
        assert cell.removeprefix("'") == given_text
        assert cell in {given_text, f"'{given_text}"}
    assert after["file"] == "b"


def test_cells_stay_whole_where_semicolons_separate():
    text = written(FileAnswer('a;=cmd|" /C calc"!A0;.png', None, "no"))
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert [len(row) for row in rows] == [1, 1]


def test_ordinary_cells_are_not_marked():
    assert [safe_cell(text) for text in ("", "a=b", "photos/=1.png", "'a")] == [
        "",
        "a=b",
        "photos/=1.png",
        "''a",
    ]


def test_json_has_the_fields_of_the_service_or_an_error():
    assert json.loads(to_json(FileAnswer("ä\n.png", UNSEEN))) == {
        "file": "ä\n.png",
        "label": "cup",
        "known": False,
        "probabilities": {"=tea": 0.0, "cup": 0.25},
        "unknown": 0.75,
        "set": ["unknown"],
        "looks_like": "mug",
        "model": "abc",
    }
    line = to_json(FileAnswer("a\nb", None, "it is empty"))
    assert "\n" not in line
    assert json.loads(line) == {"file": "a\nb", "error": "it is empty"}


def test_text_table_has_a_line_for_each_file():
    answers = [
        FileAnswer("a\x1b[31m.png", KNOWN),
        FileAnswer("b.png", UNSEEN),
        FileAnswer("x/" * 50 + "c.png", None, "it is empty"),
    ]
    header, known, unseen, failed = text_table(answers, str.upper)
    assert header.split() == ["file", "answer", "probability"]
    assert known.split() == [r"a\x1b[31m.png", "=TEA", "0.750", "or", "CUP"]
    assert unseen.split() == ["b.png", "none", "of", "these", "0.750", "looks", "like", "MUG"]
    assert failed.startswith("…")
    assert failed.endswith("c.png  no answer                   it is empty")
    assert len(failed) < 110
