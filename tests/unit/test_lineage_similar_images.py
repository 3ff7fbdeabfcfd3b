from pathlib import Path

import pytest
from PIL import Image
from tiny_service import COLOURS, image_hash, write_classifier

from herodex.errors import UserError
from herodex.lineage.similar_images import trace_answer
from herodex.lineage.tree import render
from herodex.params import Params, load_params

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A project whose classifier returns the nearest of three colours."""
    monkeypatch.chdir(tmp_path)
    write_classifier(tmp_path / "models")
    return tmp_path


def image(folder: Path, colour: tuple[int, int, int]) -> Path:
    path = folder / "asked.png"
    Image.new("RGB", (64, 64), colour).save(path)
    return path


def test_answer_lists_similar_images_with_their_pages(folder):
    drawn = render(trace_answer(image(folder, COLOURS["ocean"]), [], PARAMS, most=2))
    first, heading, *nearest = drawn.splitlines()
    assert "ocean 0.940, none of the classes 0.060" in first
    assert "by cosine" in heading
    assert len(nearest) == 2
    assert "1.000 ocean, http://a.test/ocean (A ocean, Ann, cc0)" in nearest[0]


def test_table_of_images_adds_details(folder):
    row = {
        "sha256": image_hash("meadow"),
        "page_url": "",
        "file": "meadow/1.jpg",
        "title": "",
        "author": "Bo",
        "license": "",
    }
    drawn = render(trace_answer(image(folder, COLOURS["meadow"]), [row], PARAMS, most=1))
    assert "1.000 meadow, meadow/1.jpg (Bo)" in drawn


def test_file_that_is_no_image_is_a_user_error(folder):
    (folder / "text.png").write_text("no image")
    with pytest.raises(UserError, match="cannot be read"):
        trace_answer(folder / "text.png", [], PARAMS, most=1)


def test_image_over_the_limit_of_pixels_is_not_decoded(folder):
    small: Params = PARAMS.model_copy(
        update={"serve": PARAMS.serve.model_copy(update={"max_pixels_mp": 0.001})}
    )
    with pytest.raises(UserError, match="cannot be read"):
        trace_answer(image(folder, COLOURS["ocean"]), [], small, most=1)


def test_missing_model_is_a_user_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="missing"):
        trace_answer(image(tmp_path, COLOURS["ocean"]), [], PARAMS, most=1)
