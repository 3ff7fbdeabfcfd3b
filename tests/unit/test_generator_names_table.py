from pathlib import Path

import pytest

from herodex.errors import UserError
from herodex.generator.names_table import RAW_COLUMNS, read_names, texts_of, write_names


def test_names_table_round_trip(tmp_path: Path) -> None:
    rows = [
        {"number": "772", "name": 'Type: "Null", NA', "generation": "7", "page_url": ""},
        {"number": "", "name": "null", "generation": "", "page_url": "http://x/\nb"},
    ]
    write_names(tmp_path / "new" / "names.csv", RAW_COLUMNS, rows)
    assert read_names(tmp_path / "new" / "names.csv", RAW_COLUMNS) == rows


def test_write_names_ends_lines_with_newline(tmp_path: Path) -> None:
    write_names(tmp_path / "names.csv", ("name",), [{"name": "é", "other": "left out"}])
    assert (tmp_path / "names.csv").read_bytes() == "name\né\n".encode()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "is missing"),
        (b"", "has no column number, name"),
        (b"number,generation,page_url\n1,1,x\n", "has no column name"),
        (b"number,name,generation,page_url\n1,Mew,1\n", "row 1 has more or fewer cells"),
        (b"number,name,generation,page_url\n1,Mew,1,x,y\n", "row 1 has more or fewer cells"),
        (b"number,name,generation,page_url\n1,M\xffew,1,x\n", "is not UTF-8 CSV"),
        (b'number,name,generation,page_url\n1,"Mew,1,x\n', "is not UTF-8 CSV"),
    ],
)
def test_read_names_explains_missing_or_damaged_table(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / "names.csv").write_bytes(content)
    with pytest.raises(UserError, match=problem) as caught:
        read_names(tmp_path / "names.csv", RAW_COLUMNS)
    assert "dvc repro" in caught.value.hint


def test_texts_of_keeps_table_order() -> None:
    rows = [
        {"text": "b", "part": "train"},
        {"text": "c", "part": "test"},
        {"text": "a", "part": "validation"},
    ]
    assert texts_of(rows, "train", "validation") == ["b", "a"]
