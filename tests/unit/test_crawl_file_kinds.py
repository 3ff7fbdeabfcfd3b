"""What a file in the user's folder is where its name matters too."""

import pytest

from crawlers.file_kinds import Found, inspect_file
from herodex import file_kind as kinds
from herodex.file_kind import FileKind

TIFF = b"II*\0" + bytes(100)


@pytest.mark.parametrize(
    ("head", "suffix", "kind"),
    [
        (TIFF, "nef", kinds.RAW),
        (b"no known signature", "cr3", kinds.RAW),
        (bytes(18), "tga", kinds.TARGA),
        (b"\x1f\x8b\x08", "svgz", kinds.SVG),
        (b"\x1f\x8b\x08", "gz", kinds.ARCHIVE),
        (b"", "heic", kinds.HEIC),
    ],
)
def test_suffix_names_the_format_where_the_content_does_not(head: bytes, suffix: str, kind: FileKind):
    assert inspect_file(head, suffix) == Found(reason=kind.refusal)


@pytest.mark.parametrize("suffix", ["nef", "heic", "svg", "txt", ""])
def test_image_is_taken_whatever_its_suffix(suffix):
    assert inspect_file(b"\xff\xd8\xff\xe0", suffix) == Found("jpg")


@pytest.mark.parametrize(
    ("head", "reason"), [(b"", "the file is empty"), (b"<html>", "not in a known image format")]
)
def test_damaged_image_is_told_from_a_file_that_is_no_image(head, reason):
    assert inspect_file(head, "jpg") == Found(reason=reason)
    assert inspect_file(head, "txt") == Found()
    assert inspect_file(b"<?xml?><annotation>", "xml") == Found()
