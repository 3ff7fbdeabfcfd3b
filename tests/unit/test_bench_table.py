import csv
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.bench_record import note, read_record
from benchmarks.table import draw, main
from herodex.errors import UserError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_note_records_median_minimum_and_maximum():
    note("fast", [3.0, 9.0, 1.0])
    (figure,) = read_record()
    assert (figure["ratio"], figure["low"], figure["high"], figure["rounds"]) == (3.0, 1.0, 9.0, 3)


def test_repeated_figure_replaces_the_earlier_one_in_place():
    note("first", [1.0])
    note("second", [2.0])
    note("first", [3.0])
    assert [(figure["figure"], figure["ratio"]) for figure in read_record()] == [
        ("first", 3.0),
        ("second", 2.0),
    ]


def test_table_is_printed_and_written_with_cpu_and_plot(folder, capsys):
    note("fast", [2.0, 4.00001, 3.0])
    note("a longer name", [0.5])
    main()
    with (folder / "reports/bench.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["figure"], row["ratio"], row["high"]) for row in rows] == [
        ("fast", "3.0", "4.0"),
        ("a longer name", "0.5", "0.5"),
    ]
    assert all(row["cpu"] for row in rows)
    with Image.open(folder / "reports/bench.png") as plot:
        assert plot.format == "PNG"
    printed = capsys.readouterr().out
    assert rows[0]["cpu"] in printed
    assert printed.index("fast") < printed.index("a longer name")


def test_all_marks_are_within_the_axes():
    note("a very long name of a figure that is much faster", [1000.0, 2000.0])
    note("slower", [0.01])
    plot = draw(read_record(), "a CPU")
    plot.draw_without_rendering()
    (axes,) = plot.axes
    inside = axes.get_window_extent()
    for mark in axes.texts:
        assert inside.contains(*mark.get_window_extent().min)
        assert inside.contains(*mark.get_window_extent().max)


def test_missing_figures_are_a_user_error():
    with pytest.raises(UserError, match="No benchmark has run"):
        main()
