import logging
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from herodex.csv_table import write_rows
from herodex.dataset.image_store import read_png
from herodex.params import PageParams
from herodex.thumbnails import even_sample, existing_thumbnails, may_be_shown, write_thumbnails

COLUMNS = ["sha256", "file", "part", "source", "license"]
PAGE = PageParams(thing="bird", name="tree")
ROWS = [
    dict(zip(COLUMNS, cells, strict=True))
    for cells in (
        ("aa", "ant/a.jpg", "train", "openverse", "CC BY 4.0"),
        ("bb", "ant/b.jpg", "validation", "commons", "Public domain"),
        ("cc", "ant/c.jpg", "test", "openverse", "CC0 1.0"),
        ("dd", "ant/d.jpg", "train", "bing", ""),
        ("ee", "ant/e.jpg", "train", "folder", ""),
        ("ff", "ant/f.jpg", "train", "feedback", "CC0 1.0"),
        ("ab", "ant/g.jpg", "", "openverse", "CC0 1.0"),
    )
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the images and their table."""
    for row in ROWS:
        file = (tmp_path / "clean" / row["file"]).with_suffix(".png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((300, 150), 90).save(file)
    write_rows(tmp_path / "split.csv", COLUMNS, ROWS)
    return tmp_path


def names_written(project: Path, page: PageParams, most: int = 10) -> set[str]:
    """Write the thumbnails; return the hashes of their images."""
    write_thumbnails(
        project / "out", project / "split.csv", partial(read_png, folder=project / "clean"), page, most
    )
    return {file.stem for file in (project / "out").iterdir()}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"aa", "bb"}),
        ({"own_neighbours": True}, {"aa", "bb", "ee"}),
        ({"neighbours": False, "own_neighbours": True}, set()),
    ],
)
def test_thumbnails_are_of_images_that_visitors_may_see(project, settings, expected):
    page = PAGE.model_copy(update=settings)
    assert names_written(project, PAGE.model_copy(update={"own_neighbours": True})) == {"aa", "bb", "ee"}
    # The service decides by its own settings, also on thumbnails of before.
    assert set(existing_thumbnails(project / "out", ROWS, page)) == expected
    assert names_written(project, page) == expected


def test_thumbnail_is_small(project):
    names_written(project, PAGE)
    with Image.open(project / "out" / "aa.webp") as image:
        assert (image.format, image.size) == ("WEBP", (96, 48))
    assert (project / "out" / "aa.webp").stat().st_size < 6_000


def test_log_says_how_many_images_have_no_thumbnail(project, caplog):
    with caplog.at_level(logging.INFO):
        assert len(names_written(project, PAGE, most=1)) == 1
    assert "1 thumbnails of 5 training images" in caplog.text
    assert "3 without one: of your own folder" in caplog.text
    assert "1 without one: above the limit of 1" in caplog.text


def test_many_images_are_sampled_evenly():
    rows = [{"sha256": f"{place}"} for place in range(10)]
    assert [row["sha256"] for row in even_sample(rows, 5)] == ["0", "2", "4", "6", "8"]
    assert even_sample([], 5) == []


@pytest.mark.parametrize("license", ["", "all rights reserved", "not stated"])
def test_image_of_the_web_without_a_free_licence_is_not_shown(license):
    assert not may_be_shown({"source": "bing", "license": license}, PAGE)
