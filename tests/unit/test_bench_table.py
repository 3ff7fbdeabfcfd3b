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


def test_a_figure_is_noted_as_the_median_of_its_rounds_with_the_least_and_the_most():
    note("fast", [3.0, 9.0, 1.0])
    (figure,) = read_record()
    assert (figure["ratio"], figure["low"], figure["high"], figure["rounds"]) == (3.0, 1.0, 9.0, 3)


def test_a_figure_that_was_measured_again_stands_once_and_in_its_place():
    note("first", [1.0])
    note("second", [2.0])
    note("first", [3.0])
    assert [(figure["figure"], figure["ratio"]) for figure in read_record()] == [
        ("first", 3.0),
        ("second", 2.0),
    ]


def test_the_table_is_printed_and_written_with_the_name_of_the_cpu_and_a_plot(folder, capsys):
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


def test_every_mark_of_the_plot_lies_within_its_axes():
    note("much faster than anything else that there is", [1000.0, 2000.0])
    note("slower", [0.01])
    plot = draw(read_record(), "a CPU")
    plot.draw_without_rendering()
    (axes,) = plot.axes
    inside = axes.get_window_extent()
    for mark in axes.texts:
        assert inside.contains(*mark.get_window_extent().min)
        assert inside.contains(*mark.get_window_extent().max)


def test_without_figures_one_message_says_what_to_do():
    with pytest.raises(UserError, match="Nothing has been measured"):
        main()
