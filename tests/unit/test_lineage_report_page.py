import json
import re
from pathlib import Path

import pytest
from PIL import Image

from herodex.errors import UserError
from herodex.lineage.report_page import LONGEST_TEXT, MOST_ROWS, collect, main, page
from herodex.stage_times import StageTime

FIGURE = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 8}


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Reports of two rooms, and one that lies beside them."""
    for place in ("generator", "classifier/sheets"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "sources.md").write_text("# Sources\n\n<script>alert(1)</script>\n", encoding="utf-8")
    for name in ("classifier/curves.png", "classifier/sheets/worst.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "classifier/metrics.json").write_text(json.dumps({"recall": {"tea": FIGURE}, "count": 3}))
    (tmp_path / "generator/small.csv").write_text("name,nats\nA<b>,2.5\n")
    (tmp_path / "generator/large.csv").write_text("name\n" + "a\n" * (MOST_ROWS + 1))
    return tmp_path


def test_parts_come_in_the_order_of_the_pipeline_and_what_lies_beside_them_last(reports):
    assert [part.title for part in collect(reports)] == ["classifier", "generator", "data"]


def test_plots_sheets_figures_and_small_tables_are_shown_and_the_rest_is_linked(reports):
    classifier, generator, _ = collect(reports)
    assert [str(plot) for plot in classifier.plots] == ["classifier/curves.png"]
    assert [str(sheet) for sheet in classifier.sheets] == ["classifier/sheets/worst.png"]
    assert classifier.figures == {"recall.tea": FIGURE}
    assert list(generator.tables) == ["small"]
    assert [str(file) for file in generator.files] == ["generator/large.csv"]


def test_what_stands_in_a_report_is_shown_and_never_run(reports):
    html = page(collect(reports), [])
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "A&lt;b&gt;" in html


def test_the_page_needs_no_network_and_each_file_it_names_is_there(reports):
    html = page(collect(reports), [])
    named = re.findall(r'(?:src|href)="([^"#]+)"', html)
    assert len(named) >= 4
    assert [name for name in named if not (reports / name).is_file()] == []


def test_the_page_is_no_part_of_itself(reports):
    (reports / "index.html").write_text("old")
    assert "index.html" not in page(collect(reports), [])


def test_of_a_long_report_the_start_is_shown_and_the_whole_is_linked(reports):
    (reports / "long.md").write_text("a line\n" * LONGEST_TEXT, encoding="utf-8")
    (*_, data) = collect(reports)
    assert len(data.texts["long"]) < 2 * LONGEST_TEXT
    assert '<a href="long.md">long.md</a>' in data.texts["long"]


def test_each_stage_has_its_time_and_a_bar_beside_the_longest(reports):
    times = [
        StageTime(stage=stage, repro="", started=0, starting=1.0, running=running, cpu=2.5)
        for stage, running in (("clean", 2.0), ("train", 5.0))
    ]
    html = page(collect(reports), times)
    assert "9 s in all" in html
    assert re.findall(r'class="bar" style="width: ([\d.]+)%', html) == ["50.0", "100.0"]


def test_without_reports_one_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="reports is missing"):
        main()
