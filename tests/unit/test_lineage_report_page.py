import base64
import io
import json
import re
import shutil
from html import unescape
from pathlib import Path

import pytest
import yaml
from PIL import Image
from sharded import move_into_shards

from herodex.errors import UserError
from herodex.lineage.headlines import Lead, read_lead
from herodex.lineage.report_page import CAPTIONS, MAX_CHARACTERS, MAX_ROWS, caption, collect, main, page
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
    shown = re.findall(r"<summary>(\w+\.json): .*?</summary>|<td[^>]*>accuracy</td>.*?>([\d.]+)<", html)
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
    assert "<h3>A card</h3>" in html
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


def test_plots_have_captions_in_words(reports):
    html = page(collect(reports), [])
    assert "Each answer against all others" in html
    assert "<figcaption>worst</figcaption>" in html
    assert caption(Path("clean/contact_sheets/too_dark.png")) == "Too dark: the image is almost black."


def test_every_caption_is_of_a_plot_that_a_stage_writes():
    stages = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text(encoding="utf-8"))[
        "stages"
    ].values()
    plots = {str(plot) for stage in stages for kind in ("outs", "plots") for plot in stage.get(kind, [])}
    # `make bench` draws one more.
    missing = {f"reports/{name}.png" for name in CAPTIONS} - plots - {"reports/bench.png"}
    assert {name for name in missing if not name.startswith("reports/clean/")} == set()


def test_chosen_recipe_is_marked(reports):
    (reports / "classifier/recipes.json").write_text('{"chosen": "all views"}')
    (reports / "classifier/recipes.csv").write_text(
        "recipe,l2,log_loss,n,accuracy,accuracy_low,accuracy_high,gain,gain_low,gain_high\n"
        "mean,1,2,5,1,1,1,,,\nall views,1,2,5,1,1,1,0,0,0\n"
    )
    Image.new("RGB", (4, 4)).save(reports / "classifier/recipes.png")
    html = page(collect(reports), [])
    assert "“all views” is used" in html
    assert "the simplest of the best is used. In use: <b>all views</b>.</figcaption>" in html
    assert re.findall(r'<tr class="chosen"><td>(.*?)</td>', html) == ["all views (used)"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Reports of both models with three wrong answers, and the images of two of them."""
    for folder in ("reports/classifier", "reports/generator", "images/tea"):
        (tmp_path / folder).mkdir(parents=True)
    baseline = {"name": "colours", "accuracy": {**METRIC, "value": 0.25}}
    metrics = {"accuracy": METRIC, "answers": "test images", "baseline": baseline}
    (tmp_path / "reports/classifier/metrics.json").write_text(json.dumps(metrics))
    metrics = {"nats": {**METRIC, "value": 2.5}, "trigram": {**METRIC, "value": 3}}
    (tmp_path / "reports/generator/metrics.json").write_text(json.dumps(metrics))
    names = "".join(f"N{number},new\n" for number in range(9))
    (tmp_path / "reports/generator/samples.csv").write_text(f"name,status\nOld,real\n{names}")
    (tmp_path / "reports/classifier/predictions.csv").write_text(
        "sha256,query,label,predicted,p_tea,p_cup,p_unknown\n"
        "a,tea,tea,tea,1,0,0\nb,tea,tea,cup,0.3,0.7,0\nc,<mug>,unknown,tea,0.9,0.1,0\nd,tea,tea,unknown,0,0,1\n"
    )
    (tmp_path / "split.csv").write_text(
        "sha256,query,file\n"
        + "".join(
            f"{each},{query},tea/{each}.jpg\n"
            for each, query in (("a", "tea"), ("b", "tea"), ("c", "<mug>"), ("d", "tea"))
        )
    )
    for name in "cd":
        Image.new("RGB", (900, 300), "red").save(tmp_path / f"images/tea/{name}.png")
    return tmp_path


def lead_of(project: Path) -> Lead:
    return read_lead(project / "reports", project / "images", project / "split.csv", str.upper)


def test_errors_are_read_from_answers_over_many_classes_too(project):
    expected = lead_of(project).errors
    (project / "reports/classifier/predictions.csv").write_text(
        "sha256,query,label,predicted,likeliest,p_unknown\n"
        "a,tea,tea,tea,0:1.0 1:0.0,0\nb,tea,tea,cup,1:0.7 0:0.3,0\n"
        "c,<mug>,unknown,tea,0:0.9 1:0.1,0\nd,tea,tea,unknown,0:0.0 1:0.0,1\n"
    )
    assert lead_of(project).errors == expected


def test_page_leads_with_both_figures_names_and_the_most_confident_errors(project):
    lead = lead_of(project)
    assert lead.names == [f"N{number}" for number in range(8)]
    assert [(each.shows, each.answer, each.probability) for each in lead.errors] == [
        ("TEA", "none of these", 1.0),
        ("<MUG>", "TEA", 0.9),
    ]
    html = page(collect(project / "reports"), [], lead)
    before_sections = html[: html.index("<nav ")]
    words = re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", before_sections)))
    assert " 50.0 % " in words
    assert "95 % interval 25.0 % to 75.0 %; n = 8 test images. Baseline, colours: 25.0 %." in words
    assert "95 % interval 0.250 to 0.750; n = 8 held-out names. Baseline, trigram model: 3.000." in words
    assert "Found as <MUG>, answered TEA with probability 0.90." in words


def test_images_of_errors_are_small_and_inside_the_page(project):
    (first, second) = (each.image for each in lead_of(project).errors)
    kind, data = first.split(",")
    assert kind == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (320, 107)
    assert second == first


def test_images_of_errors_are_found_in_shards(project):
    before = lead_of(project)
    move_into_shards(project / "images")
    assert lead_of(project) == before


def test_page_of_one_model_or_without_images_has_no_empty_parts(project):
    shutil.rmtree(project / "images")
    shutil.rmtree(project / "reports/generator")
    lead = lead_of(project)
    assert ([each.title for each in lead.headlines], lead.names, lead.errors) == (["Classifier"], [], [])
    html = page(collect(project / "reports"), [], lead)
    assert "Invented names" not in html
    assert "Most confident errors" not in html
