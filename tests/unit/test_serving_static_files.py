from pathlib import Path

from herodex.serving.site import WEB
from herodex.serving.static_files import STYLES, load_static_files, order_styles


def test_one_file_has_all_stylesheets_in_the_order_of_the_cascade(tmp_path: Path):
    for name in ("forced.css", "other.css", "style.css", "base.css", "a.js"):
        (tmp_path / name).write_text(f"/* {name} */")
    body = load_static_files(tmp_path)[STYLES].body.decode()
    assert body.split("\n") == [f"/* {name}.css */" for name in ("base", "style", "other", "forced")]


def test_stylesheets_of_the_page_are_all_in_it():
    files = load_static_files(WEB / "static")
    styles = order_styles(name for name in files if name.endswith(".css") and name != STYLES)
    assert len(files[STYLES].body) == sum(len(files[name].body) + 1 for name in styles) - 1


def test_folder_without_stylesheets_has_no_such_file(tmp_path: Path):
    (tmp_path / "a.js").write_text("1")
    assert list(load_static_files(tmp_path)) == ["a.js"]
