"""The page of reports in Chromium, at all widths, themes and zooms."""

import csv
import json
from pathlib import Path

from every_mode import check_every_mode
from page_in_chromium import Page
from PIL import Image

from herodex.lineage.headlines import read_lead
from herodex.lineage.report_page import collect, page
from herodex.stage_times import StageTime

METRIC = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 80}
LONG = "balanced_accuracy.worst_left_out.false_accept_rate"
CARD = f"# A card\n\n## Metrics\n\n| metric | value | interval | n |\n|--|--|--|--|\n| {LONG} | 1 | 2 | 3 |\n"
TIMES = [
    StageTime(part="stage", stage=stage, repro="", started=0, starting=1.0, running=running, cpu=2.5)
    for stage, running in (("clean_images", 2.0), ("train_classifier", 250.0))
]


def write(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = value if isinstance(value, str) else json.dumps(value)
    file.write_text(text, encoding="utf-8")


def write_reports(folder: Path) -> Path:
    """Write reports of every kind, and their page; return its file."""
    reports = folder / "reports"
    baseline = {"name": "colour histogram", "accuracy": METRIC}
    metrics = {"accuracy": METRIC, "answers": "test images", "baseline": baseline, "ood": {LONG: METRIC}}
    write(reports / "classifier/metrics.json", metrics)
    write(reports / "generator/metrics.json", {"nats": METRIC, "trigram": METRIC})
    write(reports / "generator/samples.csv", "name,status\n" + "".join(f"Name{n},new\n" for n in range(9)))
    write(reports / "cards/classifier.md", CARD)
    write(reports / "classifier/recipes.json", {"chosen": "all views"})
    columns = [f"a_column_of_recipes_{place}" for place in range(10)]
    with (reports / "classifier/recipes.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, ["mean", *"123456789"], ["all views", *"123456789"]])
    write(reports / "classifier/many.csv", "name\n" + "a\n" * 50)
    write(
        reports / "classifier/predictions.csv",
        "sha256,query,label,predicted,p_cup,p_unknown\na,tea,tea,cup,0.7,0\nb,tea,tea,unknown,0,0.8\n",
    )
    write(folder / "split.csv", "sha256,query,file\na,tea,tea/a.jpg\nb,tea,tea/b.jpg\n")
    for image in (
        "reports/classifier/recipes.png",
        "reports/classifier/confusion.png",
        "reports/clean/contact_sheets/too_dark.png",
        "images/tea/a.png",
        "images/tea/b.png",
    ):
        (folder / image).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (900, 400), "teal").save(folder / image)
    lead = read_lead(reports, folder / "images", folder / "split.csv")
    write(reports / "index.html", page(collect(reports), TIMES, lead))
    return reports / "index.html"


def test_page_of_reports_fits_and_is_accessible_in_every_mode(chromium, axe, tmp_path):
    shown = Page(chromium, write_reports(tmp_path).as_uri())
    chromium.get(shown.url)
    assert len(shown.all(".errors img")) == 2
    # At the top, where the links at the edge of the window lie over no text.
    chromium.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    check_every_mode(shown, axe, "reports")
    assert shown.browser_errors() == []


def test_plots_and_wide_tables_scroll_by_keys_on_a_phone(chromium, tmp_path):
    shown = Page(chromium, write_reports(tmp_path).as_uri())
    chromium.get(shown.url)
    size = {"width": 360, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wide = """return [...document.querySelectorAll('.scroll, .plots a')]
      .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth)
      .map((each) => each.tabIndex);"""
    found = chromium.execute_script(wide)
    assert len(found) >= 3
    assert set(found) == {0}
