from pathlib import Path

import pytest
from PIL import Image
from tiny_service import COLOURS, write_classifier

from herodex.errors import UserError
from herodex.lineage.similar_images import trace_answer
from herodex.lineage.tree import render
from herodex.params import Params, load_params

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A project with a classifier that knows an image by the nearest of three colours."""
    monkeypatch.chdir(tmp_path)
    write_classifier(tmp_path / "models")
    return tmp_path


def image(folder: Path, colour: tuple[int, int, int]) -> Path:
    path = folder / "asked.png"
    Image.new("RGB", (64, 64), colour).save(path)
    return path


def test_the_answer_and_the_nearest_images_come_with_their_pages(folder):
    drawn = render(trace_answer(image(folder, COLOURS["ocean"]), [], PARAMS, most=2))
    first, heading, *nearest = drawn.splitlines()
    assert "ocean 0.928, none of the classes 0.072" in first
    assert "by cosine" in heading
    assert len(nearest) == 2
    assert "1.000 ocean, http://a.test/ocean (A ocean, Ann, cc0)" in nearest[0]


def test_where_the_table_of_images_is_there_it_tells_more_than_the_model(folder):
    place = list(COLOURS).index("meadow")
    row = {
        "sha256": f"{place}",
        "page_url": "",
        "file": "meadow/1.jpg",
        "title": "",
        "author": "Bo",
        "license": "",
    }
    drawn = render(trace_answer(image(folder, COLOURS["meadow"]), [row], PARAMS, most=1))
    assert "1.000 meadow, meadow/1.jpg (Bo)" in drawn


def test_a_file_that_is_no_image_is_one_clear_message(folder):
    (folder / "text.png").write_text("no image")
    with pytest.raises(UserError, match="cannot be read"):
        trace_answer(folder / "text.png", [], PARAMS, most=1)


def test_an_image_of_more_pixels_than_the_service_takes_is_not_decoded(folder):
    small: Params = PARAMS.model_copy(
        update={"serve": PARAMS.serve.model_copy(update={"max_pixels_mp": 0.001})}
    )
    with pytest.raises(UserError, match="cannot be read"):
        trace_answer(image(folder, COLOURS["ocean"]), [], small, most=1)


def test_without_a_model_one_message_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="missing"):
        trace_answer(image(tmp_path, COLOURS["ocean"]), [], PARAMS, most=1)
