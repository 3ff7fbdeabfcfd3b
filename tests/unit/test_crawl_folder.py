"""Reading the user's folder: every image is taken, and everything else is said."""

import csv
import io
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from demo_web_params import demo_params
from PIL import Image

from crawlers.folder import check_folder, folder_part, read_folder, sample, shown, unused
from crawlers.groups import read_groups
from crawlers.items import FolderContents, ImageRecord, Status
from crawlers.journal import open_journal
from crawlers.scrape_images import check_contents, check_no_groups, folder_remarks
from crawlers.sources_report import folder_notes, sources_report
from crawlers.state import state_folder
from crawlers.table import write_table
from herodex.errors import UserError
from herodex.params import Params

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400)
Read = Callable[..., tuple[Params, list[FolderContents], list[ImageRecord]]]


def png(number: int) -> bytes:
    """Make a small image, another one for each number."""
    file = io.BytesIO()
    Image.new("RGB", (2, 2), (number % 256, number // 256, 9)).save(file, "PNG")
    return file.getvalue()


def params_of(root: Path, test: object = None, **images: Any) -> Params:
    values: dict[str, Any] = demo_params().model_dump() | {"classes": ["coffee", "tea"], "distractors": []}
    values["classifier"]["split"] |= {"test": test}
    values["crawl"] |= {"web": str(root)}
    values["crawl"]["images"] |= {"sources": ["folder"]} | images
    return Params.model_validate(values)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with two classes of six images."""
    for place, query in enumerate(("coffee", "tea")):
        (tmp_path / "own" / query).mkdir(parents=True)
        for number in range(6):
            (tmp_path / "own" / query / f"{number}.png").write_bytes(png(100 * place + number))
    return tmp_path / "own"


@pytest.fixture
def read(root: Path, tmp_path: Path) -> Read:
    """Read the folder with changes of `crawl.images`."""

    def read_with(**images: Any) -> tuple[Params, list[FolderContents], list[ImageRecord]]:
        params = params_of(root, **images)
        check_folder(params)
        assert state_folder(params)
        with open_journal(tmp_path / "journal") as journal:
            folders, rows = read_folder(params, journal, read_groups(root))
        write_table(tmp_path / "table.csv", ImageRecord, rows)
        with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
            assert len(list(csv.reader(file))) == len(rows) + 1
        return params, folders, rows

    return read_with


def taken(rows: list[ImageRecord], query: str = "tea") -> list[str]:
    return [row.image_url for row in rows if row.query == query and row.status is Status.OK]


def failed(rows: list[ImageRecord]) -> dict[str, str]:
    return {row.image_url: row.reason for row in rows if row.status is not Status.OK}


def test_per_query_does_not_cut_a_folder(root, read):
    for number in range(250):
        (root / "tea" / f"{number}.png").write_bytes(png(1000 + number))
    assert len(taken(read(per_query=100)[2])) == 250


def test_folder_limit_takes_images_at_even_distances_and_says_how_many_are_left_out(root, read):
    for number in range(40):
        (root / "tea" / f"a{number:02}.txt").write_text("a cup", encoding="utf-8")
    _, folders, rows = read(folder_limit=3)
    assert taken(rows) == ["tea/0.png", "tea/2.png", "tea/4.png"]
    assert "tea: 3 of 6 images left out by crawl.images.folder_limit" in folder_notes(folders)
    assert sample([], 3) == []


def test_other_files_are_counted_and_are_no_failures(root, read):
    for number in range(100):
        (root / "tea" / f"000_{number}.txt").write_text("a cup", encoding="utf-8")
    (root / "tea" / "labels.JSON").write_text("{}", encoding="utf-8")
    _, folders, rows = read()
    assert len(taken(rows)) == 6
    assert failed(rows) == {}
    assert folder_notes(folders) == ["tea: 101 other files, no images: 1 .json, 100 .txt"]


@pytest.mark.parametrize(
    "name", [".hidden.png", ".DS_Store", "Thumbs.db", "desktop.ini", "Icon\r", "__MACOSX/._0.png"]
)
def test_files_of_operating_systems_are_skipped(root, read, name):
    (root / "tea" / name).parent.mkdir(exist_ok=True)
    (root / "tea" / name).write_bytes(png(999))
    _, folders, rows = read()
    assert len(taken(rows)) == 6
    assert folder_notes(folders) == []


def test_images_in_deeper_folders_are_taken_with_their_path(root, read):
    (root / "tea/green/cold").mkdir(parents=True)
    (root / "tea/green/cold/a.png").write_bytes(png(999))
    _, folders, rows = read()
    assert "tea/green/cold/a.png" in taken(rows)
    report = sources_report(rows, [], folders)
    assert "13 images were kept of 13 files." in report
    assert "| tea/green/cold | tea | 1 | 0 | 0 |" in report
    assert "Attributions" not in report


def test_parts_of_a_data_set_are_read_together_and_can_be_told_apart(root, read):
    for part in ("train", "test"):
        (root / part).mkdir()
    for query in ("tea", "coffee"):
        (root / query).rename(root / "train" / query)
        (root / "test" / query).mkdir()
        (root / "test" / query / "0.png").write_bytes(png(2000 + len(query)))
    params, _, rows = read()
    assert len(taken(rows)) == 7
    assert {"train/tea/0.png", "test/tea/0.png"} <= set(taken(rows))
    assert unused(params) == []


def test_link_to_a_folder_is_followed_but_in_no_circle(root, read, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(png(999))
    (root / "tea/more").symlink_to(tmp_path / "elsewhere")
    (root / "tea/circle").symlink_to(root / "tea")
    _, _, rows = read()
    assert "tea/more/a.png" in taken(rows)
    assert failed(rows) == {"tea/circle": "a link to a folder that holds it"}


def test_files_that_cannot_be_read_have_a_row_and_the_others_are_taken(root, read):
    (root / "tea/gone.png").symlink_to("nowhere.png")
    (root / "tea/self.png").symlink_to("self.png")
    os.mkfifo(root / "tea/pipe.png")
    _, folders, rows = read()
    assert len(taken(rows)) == 6
    assert failed(rows) == {
        "tea/gone.png": "a link that leads nowhere",
        "tea/pipe.png": "no regular file",
        "tea/self.png": "a link that leads nowhere",
    }
    assert folder_notes(folders) == [
        "tea: tea/gone.png and 1 other file: a link that leads nowhere",
        "tea: tea/pipe.png: no regular file",
    ]


def test_names_that_a_table_cannot_hold_are_escaped(root, read):
    (root / "tea" / "a\rb\n.png").write_bytes(png(997))
    Path(os.fsdecode(os.fsencode(root / "tea") + b"/caf\xe9.png")).write_bytes(png(998))
    (root / "tea" / "か é.png").write_bytes(png(999))
    _, _, rows = read()
    assert {r"tea/a\rb\n.png", r"tea/caf\xe9.png", "tea/か é.png"} <= set(taken(rows))
    assert shown(Path("a\u2028b")) == r"a\u2028b"


def test_formats_that_are_not_decoded_are_named_with_a_way_to_convert_them(root, read):
    (root / "tea/holiday.heic").write_bytes(HEIC)
    (root / "tea/really_heic.jpg").write_bytes(HEIC)
    (root / "tea/empty.jpg").touch()
    (root / "tea/large.png").write_bytes(png(5) + bytes(11_000_000))
    _, folders, rows = read()
    heic = "HEIC images are not decoded; convert them to JPEG, e.g. with heif-convert of libheif-examples"
    assert failed(rows) == {
        "tea/empty.jpg": "the file is empty",
        "tea/holiday.heic": heic,
        "tea/large.png": "larger than crawl.max_image_mb",
        "tea/really_heic.jpg": heic,
    }
    assert f"tea: tea/holiday.heic and 1 other file: {heic}" in folder_notes(folders)
    assert r"tea/really\_heic.jpg" not in sources_report(rows, [], folders)


def test_class_of_heic_alone_is_an_error_that_says_how_to_convert(root, read):
    for file in (root / "tea").iterdir():
        file.write_bytes(HEIC)
    params, folders, rows = read()
    with pytest.raises(UserError) as caught:
        check_contents(params, folders, rows)
    assert "tea has 0. A class needs at least 5" in caught.value.problem
    assert "tea/0.png and 5 other files: HEIC images are not decoded; convert" in caught.value.problem


def test_too_few_different_images_are_an_error_with_the_least_number(root, read):
    for number in range(1, 6):
        (root / "tea" / f"{number}.png").write_bytes(png(number % 3))
    params, folders, rows = read()
    with pytest.raises(UserError, match=r"tea has 4\. A class needs at least 5") as caught:
        check_contents(params, folders, rows)
    assert str(root / "tea") in caught.value.hint


def test_one_image_of_a_distractor_is_enough(root, read):
    for number in range(1, 6):
        (root / "tea" / f"{number}.png").unlink()
    params, folders, rows = read()
    distractor = params.model_copy(update={"classes": ["coffee"], "distractors": ["tea"]})
    check_contents(distractor, folders, rows)


def test_what_belongs_to_no_query_is_said(root):
    (root / "milk").mkdir()
    (root / "a.png").write_bytes(png(1))
    assert unused(params_of(root)) == [
        f"in neither classes nor distractors: 1 folder of {root}: milk",
        f"in no class's folder: {root}/a.png",
    ]


def test_folder_named_in_decomposed_form_is_found(root, read):
    (root / "tea").rename(root / unicodedata.normalize("NFD", "thé"))
    values = params_of(root).model_dump() | {"classes": ["coffee", "thé"]}
    params = Params.model_validate(values)
    check_folder(params)
    assert unused(params) == []


def write_groups(root: Path, groups: dict[str, str]) -> None:
    lines = ["path,group", *(f"{path},{group}" for path, group in groups.items())]
    (root / "groups.csv").write_text("\n".join(lines), encoding="utf-8")


def test_groups_are_columns_of_the_manifest_and_a_line_of_the_report(root, read):
    write_groups(root, {"tea/0.png": "p1", "coffee/0.png": "p1", "tea/1.png": "p2"})
    params, folders, rows = read()
    assert {row.image_url: row.group for row in rows if row.group} == {
        "tea/0.png": "p1",
        "coffee/0.png": "p1",
        "tea/1.png": "p2",
    }
    groups = read_groups(root)
    # The file is read once, before the images.
    (root / "groups.csv").unlink()
    notes, remarks = folder_remarks(params, groups, rows)
    assert notes == []
    line = "Images in groups of groups.csv: 3 in 2 groups. Images without a line, each a group of its own: 9."
    assert remarks == [line]
    assert line in sources_report(rows, [], folders, notes, remarks)


def test_path_of_groups_csv_that_is_not_in_the_folder_is_an_error(root, read):
    write_groups(root, {"tea/0.png": "p1", "tea/00.png": "p1"})
    with pytest.raises(UserError, match=r"groups.csv, line 3: 'tea/00.png' is not in"):
        read()


def test_too_few_groups_are_an_error_with_the_least_number(root, read):
    write_groups(root, {f"tea/{number}.png": f"p{number % 2}" for number in range(4)})
    with pytest.raises(UserError, match=r"tea has images of 4\. A class needs images of at least 5"):
        check_contents(*read())
    write_groups(root, {f"tea/{number}.png": "p1" for number in range(2)})
    check_contents(*read())


def test_groups_csv_is_not_ignored_by_the_browser(root):
    check_no_groups(root)
    write_groups(root, {"tea/0.png": "p1"})
    with pytest.raises(UserError, match="would be ignored, because the browser searches the folder"):
        check_no_groups(root)


@pytest.mark.parametrize(
    ("place", "part"),
    [
        ("tea/1.png", ""),
        ("train/tea/1.png", "train"),
        ("Test/tea/green/1.png", "test"),
        ("tea/val/1.png", "validation"),
        ("tea/green/test/1.png", "test"),
        ("train/tea/test/1.png", "test"),
        ("tea/test.png", ""),
        ("tea", ""),
    ],
)
def test_folders_above_and_below_the_class_name_its_part(place, part):
    assert folder_part(Path(place), "tea") == part


def test_class_named_test_is_no_test_folder():
    assert folder_part(Path("test/1.png"), "test") == ""
    assert folder_part(Path("train/test/1.png"), "test") == "train"


def hold_out(root: Path, query: str, count: int) -> None:
    (root / "test" / query).mkdir(parents=True)
    for number in range(count):
        (root / "test" / query / f"{number}.png").write_bytes(png(3000 + len(query) * 100 + number))


def test_report_says_whether_test_folders_are_learnt_from(root, read):
    hold_out(root, "tea", 2)
    params, folders, rows = read()
    notes, remarks = folder_remarks(params, {}, rows)
    (line,) = remarks
    assert line.startswith("Images in folders named test: 2. They are learnt from like the others, unless")
    assert r"Images in folders named test: 2." in sources_report(rows, [], folders, notes, remarks)


def test_test_folders_are_held_out_beside_enough_other_images(root, read):
    for query in ("tea", "coffee"):
        hold_out(root, query, 1)
    _, folders, rows = read()
    params = params_of(root, test="folder")
    check_contents(params, folders, rows)
    for number in range(2):
        (root / "tea" / f"{number}.png").unlink()
    _, folders, rows = read()
    with pytest.raises(UserError, match=r"images outside test folders: tea has 4\. A class needs at least 5"):
        check_contents(params, folders, rows)
    check_contents(params_of(root), folders, rows)


def test_class_without_a_test_folder_is_an_error(root, read):
    hold_out(root, "tea", 1)
    _, folders, rows = read()
    with pytest.raises(UserError, match="No test image of coffee") as caught:
        check_contents(params_of(root, test="folder"), folders, rows)
    assert "test/coffee or coffee/test" in caught.value.hint
