import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure

from herodex.evaluation.plots import confusion_figure
from herodex.plotting import characters_in, default_font, drawable, save_figure

KANA = "あ"
DRAW = f"""
import sys
import numpy as np
from pathlib import Path
from herodex.curation.contact_sheets import contact_sheet
from herodex.evaluation.plots import confusion_figure
from herodex.plotting import drawable, fonts_for, save_figure
folder = Path(sys.argv[1])
save_figure(confusion_figure(np.eye(2, dtype=int), ["{KANA}", "7"], "title"), folder / "plot.png")
contact_sheet("wrong", [([np.zeros((9, 9, 3), np.uint8)], "{KANA}")]).save(folder / "contact_sheet.png")
print(drawable("{KANA}"), len(fonts_for("{KANA}")))
"""


@pytest.fixture
def font(tmp_path) -> Path:
    """Make a font that has one kana."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in [(0, 700), (500, 700), (500, 0)]:
        pen.lineTo(corner)
    pen.closePath()
    box, build = pen.glyph(), FontBuilder(1000)
    build.setupGlyphOrder([".notdef", "kana"])
    build.setupCharacterMap({ord(KANA): "kana"})
    build.setupGlyf({".notdef": box, "kana": box})
    build.setupHorizontalMetrics({".notdef": (600, 0), "kana": (600, 0)})
    build.setupHorizontalHeader(ascent=800, descent=-200)
    build.setupNameTable({"familyName": "Herodex Test", "styleName": "Regular"})
    build.setupOS2(sTypoAscender=800, sTypoDescender=-200)
    build.setupPost()
    file = tmp_path / "home" / "fonts" / "HerodexTest-Regular.ttf"
    file.parent.mkdir(parents=True)
    build.save(file)
    return file


def draw(folder: Path, home: Path) -> list[str]:
    """Draw in a process of its own, because Matplotlib looks for fonts once, and return what it prints."""
    folder.mkdir()
    environment = os.environ | {"XDG_DATA_HOME": str(home), "PYTHONWARNINGS": "error:Glyph"}
    command = [sys.executable, "-c", DRAW, str(folder)]
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert "Glyph" not in found.stderr
    return found.stdout.split()


def test_font_of_the_machine_draws_names_that_the_default_lacks(tmp_path, font):
    assert draw(tmp_path / "with", font.parents[1]) == [KANA, "1"]
    draw(tmp_path / "without", tmp_path / "none")
    for name in ("plot.png", "contact_sheet.png"):
        assert (tmp_path / "with" / name).read_bytes() != (tmp_path / "without" / name).read_bytes()


@pytest.mark.parametrize("name", ["batman", "Бэтмен", "pokémon 7", "a$b$c"])
def test_names_that_the_default_font_has_stay_as_they_are(name):
    assert drawable(name) == name


def test_characters_without_a_font_become_code_points_in_their_place():
    lacking = next(chr(point) for point in range(0x1F000, 0x2FFFF) if unknown_to_all(point))
    point = f"U+{ord(lacking):04X}"
    assert drawable(f"recall {lacking}{lacking} (n = 3)") == f"recall {point} {point} (n = 3)"
    assert drawable(lacking * 20).count(point) == 8


def unknown_to_all(point: int) -> bool:
    character = chr(point)
    return character.isprintable() and drawable(character) != character


def test_a_name_with_an_underscore_in_front_stays_in_legends():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], label=drawable("_batman"))
    assert [text.get_text() for text in axes.legend().get_texts()] == [" _batman"]


def test_plots_of_names_without_a_font_give_no_warning(tmp_path):
    labels = ["あ", "漢字", "🦸 hero", "a$b$c", "$x", "unknown"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(confusion_figure(np.eye(6, dtype=int), labels, "title"), tmp_path / "plot.png")
    assert ord("a") in characters_in(default_font())
