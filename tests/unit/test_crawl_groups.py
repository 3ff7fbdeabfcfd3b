"""Reading the user's `groups.csv`: which images belong together, and every mistake by its line."""

import unicodedata
from pathlib import Path

import pytest

from crawlers.groups import (
    GROUPS,
    check_places,
    groups_summary,
    place_key,
    read_groups,
    unused_rows,
)
from crawlers.items import ImageRecord, Status
from herodex.errors import UserError


def write(folder: Path, text: str | bytes) -> Path:
    (folder / GROUPS).write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def groups_of(folder: Path) -> dict[str, str]:
    return {key: row.group for key, row in read_groups(folder).items()}


def image(place: str, group: str = "", status: Status = Status.OK) -> ImageRecord:
    return ImageRecord("tea", "folder", 1, place, "", "", "", "", "", status, group=group)


def test_without_a_file_there_are_no_groups(tmp_path):
    assert read_groups(tmp_path) == {}


@pytest.mark.parametrize(
    "text",
    [
        "path,group\ntea/1.jpg,patient 7\ntea/2.jpg,b\n",
        "\ufeffgroup,age,path\r\npatient 7,61,tea/1.jpg\r\n\r\nb,,tea/2.jpg\r\n",
        'path,group\n"./tea/1.jpg", patient 7 \ntea\\2.jpg,"b"\n',
    ],
    ids=["plain", "a spreadsheet's", "other ways to write a path"],
)
def test_groups_are_read_by_path(tmp_path, text):
    assert groups_of(write(tmp_path, text)) == {"tea/1.jpg": "patient 7", "tea/2.jpg": "b"}


def test_names_and_groups_agree_in_composed_and_decomposed_form(tmp_path):
    decomposed = unicodedata.normalize("NFD", "thé/é.png")
    write(tmp_path, f"path,group\nthé/é.png,é\n{decomposed}x,{unicodedata.normalize('NFD', 'é')}\n")
    assert groups_of(tmp_path) == {place_key(decomposed): "é", place_key("thé/é.pngx"): "é"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("path,group\n", "lists no image"),
        (
            "tea/1.jpg,a\n",
            "line 1: no column path and no column group, or several; the line is 'tea/1.jpg,a'",
        ),
        ("path;group\ntea/1.jpg;a\n", "line 1: no column path and no column group"),
        ("path,patient\ntea/1.jpg,a\n", "line 1: no column group"),
        ("path,group\ntea/1.jpg,a\ntea/2.jpg\n", "line 3: 1 value instead of 2"),
        ("path,group\ntea/1.jpg,a\n\ntea/2.jpg,a,b\n", "line 4: 3 values instead of 2"),
        ("path,group\ntea/1.jpg,\n", "line 2: the group is empty"),
        ("path,group\n ,a\n", "line 2: the path is empty"),
        ("path,group\ntea/1.jpg,a\n./tea/1.jpg,a\n", "line 3: './tea/1.jpg' is already in line 2"),
        (b"path,group\ncaf\xe9.jpg,a\n", "is not valid CSV in UTF-8"),
        ('path,group\n"tea/1.jpg,a\n', "is not valid CSV in UTF-8"),
    ],
)
def test_mistake_is_an_error_with_file_and_line(tmp_path, text, problem):
    with pytest.raises(UserError) as caught:
        read_groups(write(tmp_path, text))
    assert str(tmp_path / GROUPS) in caught.value.problem
    assert problem in caught.value.problem
    assert caught.value.hint


@pytest.mark.parametrize("path", ["tea/9.jpg", "/etc/passwd", "../own/tea/1.jpg", "tea/1.JPG"])
def test_path_that_is_not_in_the_folder_is_an_error_with_its_line(tmp_path, path):
    write(tmp_path, f"path,group\ntea/1.jpg,a\n{path},a\ntea/8.jpg,a\n")
    with pytest.raises(UserError, match=r"line 3: .* nor are the paths of 1 other line") as caught:
        check_places(tmp_path, read_groups(tmp_path), ["tea/1.jpg"])
    assert f"'{path}' is not in {tmp_path}" in caught.value.problem


def test_file_of_the_folder_that_is_no_image_of_a_class_is_said(tmp_path):
    (tmp_path / "milk").mkdir()
    (tmp_path / "milk/1.jpg").touch()
    write(tmp_path, "path,group\ntea/1.jpg,a\nmilk/1.jpg,a\n")
    groups = read_groups(tmp_path)
    check_places(tmp_path, groups, ["tea/1.jpg"])
    assert unused_rows(groups, [image("tea/1.jpg")]) == ["groups.csv: no image that was taken: milk/1.jpg"]
    assert unused_rows(groups, [image("tea/1.jpg"), image("milk/1.jpg")]) == []


def test_summary_counts_groups_and_images():
    images = [
        image("1", "a"),
        image("2", "a"),
        image("3", "b"),
        image("4"),
        image("5", "c", Status.UNREADABLE),
    ]
    assert groups_summary(images) == [
        "Images in groups of groups.csv: 3 in 2 groups. Images without a line, each a group of its own: 1."
    ]
    assert groups_summary([image("1")]) == []
