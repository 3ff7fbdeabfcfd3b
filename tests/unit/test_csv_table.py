"""Any text comes back from a table as it was written."""

import csv
from dataclasses import dataclass
from pathlib import Path

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.table import write_table
from herodex.dataset.manifest import read_manifest, write_manifest
from herodex.generator.names_table import read_names, write_names

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ROWS = st.lists(st.tuples(TEXT, TEXT))


@dataclass(frozen=True)
class Pair:
    """A row of a crawl's table."""

    one: str
    two: str


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables") / "table.csv"


@given(rows=ROWS)
def test_crawl_table_holds_any_text(path, rows):
    write_table(path, Pair, [Pair(*row) for row in rows])
    assert [(row["one"], row["two"]) for row in read_names(path, ["one", "two"])] == rows
    assert list(read_manifest(path).itertuples(index=False, name=None)) == rows


@given(rows=ROWS)
def test_table_of_names_holds_any_text(path, rows):
    write_names(path, ["one", "two"], [{"one": one, "two": two} for one, two in rows])
    assert [(row["one"], row["two"]) for row in read_names(path, ["one", "two"])] == rows


@given(rows=ROWS)
def test_manifest_holds_any_text(path, rows):
    write_manifest(pandas.DataFrame(rows, columns=["one", "two"], dtype=str), path)
    assert list(read_manifest(path).itertuples(index=False, name=None)) == rows
    with path.open(encoding="utf-8", newline="") as file:
        assert [tuple(row) for row in csv.reader(file)][1:] == rows


def test_rows_end_with_lf(path):
    write_table(path, Pair, [Pair("a", "b\r"), Pair("c\r\nd", "")])
    assert path.read_bytes() == b'one,two\na,"b\r"\n"c\r\nd",\n'
