"""Find the folder of each class and the test images in a user's folder of images."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from herodex.errors import UserError

PARTS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
"""Parts of a data set by the names of their folders; at the top, each has a folder for each class."""
_NOT_THE_USERS = {"__macosx", "@eadir", "$recycle.bin", "thumbs.db", "desktop.ini", "icon\r"}
"""Names in lower case of files and folders that operating systems add."""


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder is hidden, or was added by an operating system."""
    return name.startswith(".") or name.casefold() in _NOT_THE_USERS


def sub_folders(folder: Path) -> list[Path]:
    """List the visible sub-folders of a folder by name."""
    return sorted(path for path in folder.iterdir() if os.path.isdir(path) and not is_hidden(path.name))


def folder_name(folder: Path) -> str:
    """Return a folder's name in Unicode's composed form, because macOS stores it decomposed."""
    return unicodedata.normalize("NFC", folder.name)


def part_named(name: str) -> str:
    """Return the part of a data set that the name of a folder means; empty if none."""
    return PARTS.get(name.casefold(), "")


def part_folders(root: Path, queries: Sequence[str] = ()) -> list[Path]:
    """List the folders of the parts of a data set at the top of `root`.

    A folder named like a part is one if it is no query itself, and holds folders and no image.
    """
    return [
        folder
        for folder in sub_folders(root)
        if part_named(folder.name) and folder_name(folder) not in queries and _holds_classes(folder)
    ]


def _holds_classes(folder: Path) -> bool:
    return bool(sub_folders(folder)) and not any(
        path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"} and not is_hidden(path.name)
        for path in folder.iterdir()
    )


def class_folders(root: Path, queries: Sequence[str] = ()) -> dict[str, list[Path]]:
    """Map the name of each class to its folders: at the top of `root`, and in each part of a data set.

    Args:
        root: the user's folder of images.
        queries: names that are classes or distractors, even if they are named like a part.

    Raises:
        OSError: a folder cannot be listed.
    """
    parts = part_folders(root, queries)
    found: dict[str, list[Path]] = {}
    for folder in [*(top for top in sub_folders(root) if top not in parts), *parts]:
        for each in sub_folders(folder) if folder in parts else [folder]:
            found.setdefault(folder_name(each), []).append(each)
    return dict(sorted(found.items()))


def check_test_folders(classes: Sequence[str], images: Iterable[tuple[str, bool]]) -> None:
    """Check that each class has images in test folders, and others to learn from.

    Args:
        classes: to check.
        images: the label of each image, and whether it lies in a test folder.

    Raises:
        UserError: a class lacks either.
    """
    counts = Counter(images)
    advice = "Or set classifier.split.test in params.yaml to null or to a share."
    if not any(counts[name, True] for name in classes):
        raise UserError(
            "classifier.split.test in params.yaml is 'folder', and no folder named test holds an image of a "
            "class.",
            f"Put test images of each class into test/{classes[0]} or {classes[0]}/test. {advice}",
        )
    if untested := [name for name in classes if not counts[name, True]]:
        raise UserError(
            f"No test image of {', '.join(untested)}: classifier.split.test in params.yaml is 'folder', and "
            "each class needs images in a folder named test.",
            f"Put some into test/{untested[0]} or {untested[0]}/test. {advice}",
        )
    if unlearnt := [name for name in classes if not counts[name, False]]:
        raise UserError(
            f"All images of {', '.join(unlearnt)} lie in folders named test, which are never learnt from.",
            f"Put other images into train/{unlearnt[0]} or {unlearnt[0]}. {advice}",
        )
