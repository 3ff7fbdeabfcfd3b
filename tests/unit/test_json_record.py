import json
import re
from pathlib import Path

import pytest

from herodex import paths
from herodex.errors import UserError
from herodex.generator.initial_weights import load_pretrained
from herodex.generator.language_model import MODEL_FILES, load_language_model
from herodex.json_record import parse_json, read_json
from herodex.lineage.bentos import read_commit
from herodex.lineage.promote import current
from herodex.params import NetworkParams

PROJECT = Path(__file__).resolve().parents[2]
READ_DIRECTLY = {
    # The module's own cache, whose key holds the code.
    "src/herodex/curation/check_downloads.py",
    "src/herodex/inference/classifier_file.py",
    "src/herodex/json_record.py",
    "src/herodex/serving/lineage.py",
    "src/herodex/serving/page_texts.py",
    "src/herodex/serving/start.py",
    "src/herodex/tracking.py",
}
"""Modules that check a version themselves, that read no field, or that read no model and no report."""


def test_fields_of_nested_objects_are_read(tmp_path):
    file = tmp_path / "metrics.json"
    file.write_text('{"a": {"b": [{"c": 1}]}}', encoding="utf-8")
    found = read_json(file)
    assert found["a"]["b"][0]["c"] == 1
    assert found.get("d") is None
    assert "d" not in found
    assert json.dumps(found | {"e": 2}) == '{"a": {"b": [{"c": 1}]}, "e": 2}'


@pytest.mark.parametrize("read", [lambda found: found["d"], lambda found: found["a"]["b"][0]["d"]])
def test_missing_field_at_any_depth_names_the_record_and_the_remedy(read):
    found = parse_json('{"a": {"b": [{"c": 1}]}}', "metrics.json", "Make it again.")
    with pytest.raises(UserError) as error:
        read(found)
    assert error.value.problem == "metrics.json was written by another version: it has no 'd'."
    assert error.value.hint == "Make it again."


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (None, r"metrics\.json is missing"),
        (b"", r"metrics\.json is damaged: Expecting value"),
        (b'{"a": 1', r"metrics\.json is damaged"),
        (b'"\xff"', r"metrics\.json is damaged"),
        (b"[1]", r"metrics\.json is damaged: it is no JSON object"),
    ],
)
def test_missing_or_damaged_file_is_one_message(tmp_path, contents, message):
    file = tmp_path / "metrics.json"
    if contents is not None:
        file.write_bytes(contents)
    with pytest.raises(UserError, match=message):
        read_json(file)


def test_models_and_lineage_of_another_version_are_named(tmp_path, monkeypatch):
    for name in (*MODEL_FILES, "pretrained.json", "commit.json"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    sizes = NetworkParams(embedding=1, units=1)
    for read in (
        lambda: load_language_model(tmp_path),
        lambda: load_pretrained(tmp_path, sizes),
        lambda: read_commit(tmp_path),
    ):
        with pytest.raises(UserError, match=r"json was written by another version: it has no '\w+'"):
            read()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"lineage\.json is missing"):
        current("classifier")
    paths.MODELS.mkdir()
    paths.LINEAGE.write_text('{"generator": {}}', encoding="utf-8")
    with pytest.raises(UserError, match=r"lineage\.json has no classifier. Run `make run PART=classifier`"):
        current("classifier")
    with pytest.raises(UserError, match=r"lineage\.json was written by another version: it has no 'model'"):
        current("generator")


def test_models_and_reports_are_read_by_this_module_alone():
    modules = [path for folder in ("src/herodex", "benchmarks") for path in (PROJECT / folder).rglob("*.py")]
    direct = {
        str(path.relative_to(PROJECT))
        for path in modules
        # Examples run without Herodex.
        if "examples" not in path.parts
        and re.search(r"json\.loads\([^\n]*read_text\(", path.read_text(encoding="utf-8"))
    }
    # The benchmarks' own record of figures has a line for each.
    assert direct - READ_DIRECTLY == {"benchmarks/bench_record.py"}
