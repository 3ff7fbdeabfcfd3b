from pathlib import Path

import pytest

from crawlers.names_file import read_names_file
from crawlers.scrape_names import given_names
from herodex.errors import UserError
from herodex.params import load_params

NAMES = [f"Name {number}" for number in range(20)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "byte order mark"])
def test_names_file_is_read_with_any_line_ends_and_byte_order_mark(tmp_path, end, mark):
    path = tmp_path / "names.txt"
    path.write_bytes(mark + end.join(["# a comment", "", "  ", *NAMES, "  # another"]).encode())
    assert read_names_file(path) == NAMES


def test_names_keep_their_unicode_without_surrounding_white_space(tmp_path):
    odd = [
        "Flabébé",
        "Flabe\u0301be\u0301",
        "人\u2028名",
        "a\u0085b",
        "ﬁ",
        "Nidoran♀",
        "A # b",
        "Ⅳ",
        "\u200dx",
        "🐉",
    ]
    path = tmp_path / "names.txt"
    path.write_text("\n".join(f"\t{name} " for name in odd * 2), encoding="utf-8")
    assert read_names_file(path) == odd * 2


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing yet\n", "\ufeff"])
def test_file_without_names_is_empty(tmp_path, content):
    path = tmp_path / "names.txt"
    path.write_text(content, encoding="utf-8")
    assert read_names_file(path) == []


def test_names_file_of_the_project_is_empty():
    path = Path(load_params().names_file)
    assert read_names_file(path) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("\n".join(NAMES[:19]).encode(), "lists 19 names"),
        ("\n".join(NAMES).encode("utf-16"), "is not UTF-8, see byte 1"),
        ("\n".join(NAMES).encode("utf-16-le"), "is not UTF-8, see character 2"),
        ("Ada\nÉva\n".encode("latin-1"), "is not UTF-8, see byte 5"),
    ],
)
def test_malformed_names_file_is_an_error_with_its_reason(tmp_path, content, problem):
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=problem) as caught:
        read_names_file(path)
    assert str(path) in caught.value.problem


def test_missing_file_and_folder_are_errors(tmp_path):
    with pytest.raises(UserError, match=r"missing\.txt.* is missing"):
        read_names_file(tmp_path / "missing.txt")
    with pytest.raises(UserError, match=r"cannot be read: Is a directory"):
        read_names_file(tmp_path)


def test_names_come_from_params_or_the_file_but_not_both(tmp_path):
    path = tmp_path / "names.txt"
    path.touch()
    neither = load_params().model_copy(update={"names_file": str(path), "names": []})
    listed = neither.model_copy(update={"names": NAMES})
    assert given_names(neither)[0] == []
    assert given_names(listed) == (NAMES, "params.yaml")
    path.write_text("\n".join(NAMES), encoding="utf-8")
    assert given_names(neither) == (NAMES, str(path))
    with pytest.raises(UserError, match=r"params\.yaml and the file .*names\.txt both list names"):
        given_names(listed)
