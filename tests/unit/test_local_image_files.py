"""Files in folders are found in a stable order, whatever their names, and nothing is left out in silence."""

import os
import subprocess
from pathlib import Path

import pytest

from herodex.errors import UserError
from herodex.local.image_files import (
    UnreadableError,
    find_files,
    printable,
    read_image_file,
    show_path,
)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def names(folder: Path, found: list[Path]) -> list[str]:
    return [str(path.relative_to(folder)) for path in found]


def test_folders_are_read_at_any_depth_in_the_order_of_names(tmp_path):
    touch(tmp_path, "b.png", "a/z.png", "a/b/c.png", "ä.png", "B.png", "a.png")
    expected = ["B.png", "a/b/c.png", "a/z.png", "a.png", "b.png", "ä.png"]
    assert names(tmp_path, find_files([tmp_path]).files) == expected


def test_arguments_keep_their_order_and_each_file_comes_once(tmp_path):
    touch(tmp_path, "b/1", "b/2", "a/1")
    found = find_files([tmp_path / "b/2", tmp_path / "b", tmp_path, tmp_path / "a/../a/1"]).files
    assert names(tmp_path, found) == ["b/2", "b/1", "a/1"]


def test_folders_deeper_than_pythons_calls_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = Path(*["d"] * 1500)
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    Path("x").touch()
    monkeypatch.chdir(tmp_path)
    found = find_files([Path("d")]).files
    # Python's own functions, which delete the test's folder, do not go as deep.
    subprocess.run(["rm", "-r", "d"], check=True)
    assert found == [place / "x"]


def test_hidden_files_and_links_to_folders_are_counted(tmp_path):
    touch(tmp_path, ".DS_Store", ".cache/a", "Thumbs.db", "x/a")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "file").symlink_to(tmp_path / "x/a")
    found = find_files([tmp_path])
    assert (names(tmp_path, found.files), found.hidden, found.linked) == (["file", "x/a"], 3, 1)


def test_hidden_file_that_is_named_is_taken(tmp_path):
    touch(tmp_path, ".a.png")
    assert find_files([tmp_path / ".a.png"]).files == [tmp_path / ".a.png"]


def test_table_of_answers_is_no_image_of_its_folder(tmp_path):
    touch(tmp_path, "out.csv", "a.png")
    assert names(tmp_path, find_files([tmp_path], tmp_path / "x/../out.csv").files) == ["a.png"]


@pytest.mark.parametrize("name", [b"\xff\xfe.png", b"a\nb.png", b'=1,;".png', b"x" * 255])
def test_odd_names_are_found_and_shown_in_utf_8(tmp_path, name):
    (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    (path,) = find_files([tmp_path]).files
    assert read_image_file(path) == b"x"
    assert show_path(path).encode().endswith(name.replace(b"\xff\xfe", rb"\xff\xfe"))
    assert "\n" not in printable(show_path(path))


def test_empty_folder_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match=f"There is no file in {tmp_path}"):
        find_files([tmp_path])
    touch(tmp_path, ".a")
    with pytest.raises(UserError, match="except hidden ones"):
        find_files([tmp_path])


def test_missing_argument_is_a_user_error_that_names_it(tmp_path):
    with pytest.raises(UserError, match=r"missing\.png does not exist"):
        find_files([tmp_path, tmp_path / "missing.png"])


def test_folder_that_cannot_be_listed_is_an_error_of_its_own(tmp_path, monkeypatch):
    touch(tmp_path, "a/1", "b/1")
    listdir = os.listdir

    def refuse(path: Path) -> list[str]:
        if path == tmp_path / "a":
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    # Root, as in containers, may list any folder.
    monkeypatch.setattr(os, "listdir", refuse)
    found = find_files([tmp_path])
    assert names(tmp_path, found.files) == ["a", "b/1"]
    assert found.unreadable == {tmp_path / "a": "it cannot be read (permission denied)"}


def test_files_that_cannot_be_read_say_why(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "empty").touch()
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(300 * 2**20)
    reasons = {
        "pipe": "not a regular file",
        "dangling": "no such file",
        "empty": "it is empty",
        "huge": "300 MB, more than 256",
        "null\0": "null",
        "x" * 300: "name too long",
    }
    for name, reason in reasons.items():
        with pytest.raises(UnreadableError, match=reason):
            read_image_file(tmp_path / name)
