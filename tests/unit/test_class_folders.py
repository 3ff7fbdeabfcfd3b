"""The classes that a folder of images names."""

from pathlib import Path

import pytest

from herodex.class_folders import class_folders, part_folders


def tree(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


@pytest.mark.parametrize(
    ("files", "queries", "classes"),
    [
        (["tea/1.jpg", "coffee/1.jpg", ".git/1", "__MACOSX/tea/1.jpg", "notes.txt"], [], ["coffee", "tea"]),
        (["Golden Delicious/1.jpg", "か/1.jpg"], [], ["Golden Delicious", "か"]),
        (["train/tea/1.jpg", "Test/tea/1.jpg", "val/coffee/1.jpg"], [], ["coffee", "tea"]),
        (["train/1.jpg", "car/1.jpg"], [], ["car", "train"]),
        (["train/.DS_Store", "train/labels.csv", "train/tea/1.jpg"], [], ["tea"]),
        (["train/steam/1.jpg", "car/1.jpg"], ["train", "car"], ["car", "train"]),
    ],
    ids=[
        "plain",
        "any script",
        "parts",
        "a class named like a part",
        "stray files",
        "a query named like a part",
    ],
)
def test_classes_of_a_folder(tmp_path, files, queries, classes):
    assert list(class_folders(tree(tmp_path, *files), queries)) == classes


def test_class_has_its_folders_of_all_parts(tmp_path):
    root = tree(tmp_path, "tea/1.jpg", "train/tea/1.jpg", "validation/tea/1.jpg")
    folders = [root / "tea", root / "train/tea", root / "validation/tea"]
    assert class_folders(root) == {"tea": folders}
    assert part_folders(root) == [root / "train", root / "validation"]
