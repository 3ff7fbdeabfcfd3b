import json
import re
from pathlib import Path

import pytest
from PIL import Image

from herodex.errors import UserError
from herodex.lineage.report_page import MAX_CHARACTERS, MAX_ROWS, collect, main, page
from herodex.stage_times import StageTime

METRIC = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 8}


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Reports of two folders, and one beside them."""
    for place in ("generator", "classifier/contact_sheets"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "sources.md").write_text("# Sources\n\n<script>alert(1)</script>\n", encoding="utf-8")
    for name in ("classifier/curves.png", "classifier/contact_sheets/worst.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "classifier/metrics.json").write_text(json.dumps({"recall": {"tea": METRIC}, "count": 3}))
    (tmp_path / "generator/small.csv").write_text("name,nats\nA<b>,2.5\n")
    (tmp_path / "generator/large.csv").write_text("name\n" + "a\n" * (MAX_ROWS + 1))
    return tmp_path


def test_sections_follow_the_pipeline_and_other_files_come_last(reports):
    assert [section.title for section in collect(reports)] == ["classifier", "generator", "data"]


def test_plots_contact_sheets_metrics_and_small_tables_are_shown_and_other_files_linked(reports):
    classifier, generator, _ = collect(reports)
    assert [str(plot) for plot in classifier.plots] == ["classifier/curves.png"]
    assert [str(file) for file in classifier.contact_sheets] == ["classifier/contact_sheets/worst.png"]
    assert classifier.metrics == {"metrics.json": {"recall.tea": METRIC}}
    assert list(generator.tables) == ["small"]
    assert [str(file) for file in generator.files] == ["generator/large.csv"]


def test_metrics_of_files_that_share_names_are_all_shown(reports):
    for name, value in (("metrics", 0.96), ("validation", 0.87), ("recipes", 0.78)):
        metrics = {"accuracy": {**METRIC, "value": value}}
        (reports / f"classifier/{name}.json").write_text(json.dumps(metrics))
    html = page(collect(reports), [])
    shown = re.findall(r"<summary>(\w+\.json): .*?</summary>|<td>accuracy</td>.*?>([\d.]+)<", html)
    found = [file or value for file, value in shown]
    assert found == ["metrics.json", "0.960", "recipes.json", "0.780", "validation.json", "0.870"]


def test_html_in_reports_is_escaped(reports):
    html = page(collect(reports), [])
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "A&lt;b&gt;" in html


def test_front_matter_of_model_cards_is_left_out(reports):
    (reports / "classifier/card.md").write_text(
        "---\nlicense: other\n---\n\n# A card\n\n---\n", encoding="utf-8"
    )
    html = page(collect(reports), [])
    assert "<h1>A card</h1>" in html
    assert "license: other" not in html


def test_page_refers_only_to_local_files_that_exist(reports):
    html = page(collect(reports), [])
    named = re.findall(r'(?:src|href)="([^"#]+)"', html)
    assert len(named) >= 4
    assert [name for name in named if not (reports / name).is_file()] == []


def test_page_does_not_list_itself(reports):
    (reports / "index.html").write_text("old")
    assert "index.html" not in page(collect(reports), [])


def test_long_report_is_cut_and_linked(reports):
    (reports / "long.md").write_text("a line\n" * MAX_CHARACTERS, encoding="utf-8")
    (*_, data) = collect(reports)
    assert len(data.texts["long"]) < 2 * MAX_CHARACTERS
    assert '<a href="long.md">long.md</a>' in data.texts["long"]


def test_stage_times_have_bars_relative_to_the_longest(reports):
    times = [
        StageTime(part="stage", stage=stage, repro="", started=0, starting=1.0, running=running, cpu=2.5)
        for stage, running in (("clean", 2.0), ("train", 5.0))
    ]
    html = page(collect(reports), times)
    assert "9 s in all" in html
    assert re.findall(r'class="bar" style="width: ([\d.]+)%', html) == ["50.0", "100.0"]


def test_missing_reports_are_a_user_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="reports is missing"):
        main()
