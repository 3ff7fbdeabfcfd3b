"""The classes that a folder of images names."""

from pathlib import Path

import pytest

from herodex.class_folders import check_test_folders, class_folders, part_folders
from herodex.errors import UserError


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


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        ([("tea", False), ("coffee", False)], "no folder named test holds an image of a class"),
        (
            [("tea", False), ("coffee", False), ("milk", True)],
            "no folder named test holds an image of a class",
        ),
        ([("tea", False), ("tea", True), ("coffee", False)], "No test image of coffee"),
        ([("tea", False), ("tea", True), ("coffee", True)], "All images of coffee lie in folders named test"),
    ],
    ids=["none", "none of a class", "one class without", "one class with no others"],
)
def test_class_without_test_images_or_others_is_an_error(images, problem):
    with pytest.raises(UserError) as caught:
        check_test_folders(["coffee", "tea"], images)
    assert problem in caught.value.problem


def test_each_class_has_test_images_and_others():
    check_test_folders(["tea"], [("tea", False), ("tea", True), ("milk", True)])
