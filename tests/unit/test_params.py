import re
from pathlib import Path

import pytest
import yaml

from herodex.errors import UserError
from herodex.params import REMOVED, RENAMED, load_params


@pytest.fixture
def values() -> dict:
    return yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))


def problem_with(values: dict, folder: Path) -> str:
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(UserError) as raised:
        load_params(path)
    return raised.value.problem


def test_the_projects_own_file_is_valid():
    assert load_params().classes


def test_every_key_of_the_projects_own_file_has_a_comment():
    lines = Path("params.yaml").read_text(encoding="utf-8").splitlines()
    values = [line for line in lines if re.match(r"\s*\w+: *[^ #]", line)]
    assert len(values) > 40
    assert [line for line in values if "#" not in line] == []


def test_an_unknown_key_is_named_with_its_place_and_the_nearest_known_one(values, tmp_path):
    values["classifier"]["train"]["neigbours"] = 5
    problem = problem_with(values, tmp_path)
    assert "unknown key 'classifier.train.neigbours'" in problem
    assert "did you mean 'neighbours'?" in problem


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_renamed_key_is_answered_by_its_new_name(values, tmp_path, old, new):
    *sections, name = old.split(".")
    section = values
    for part in sections:
        section = section[part]
    section[name] = 0.5
    assert f"'{old}' is now called '{new}'" in problem_with(values, tmp_path)


@pytest.mark.parametrize(("reject", "accept"), [(0.05, 0.2), (None, None)])
def test_exactly_one_error_is_bounded(values, tmp_path, reject, accept):
    values["classifier"]["decision"] |= {"max_false_reject": reject, "max_false_accept": accept}
    assert "needs a number for max_false_reject or max_false_accept" in problem_with(values, tmp_path)


@pytest.mark.parametrize("old", REMOVED)
def test_a_removed_key_is_answered_by_the_reason(values, tmp_path, old):
    values["classifier"]["train"][old.split(".")[-1]] = 1
    assert REMOVED[old] in problem_with(values, tmp_path)


def test_a_missing_key_is_named_with_its_place(values, tmp_path):
    del values["crawl"]["web"]
    assert "key 'crawl.web' is missing" in problem_with(values, tmp_path)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("split", "test", 1.5),
        ("split", "test", "much"),
        ("embed", "pooling", "median"),
        ("clean", "min_side", 0),
    ],
)
def test_a_value_out_of_bounds_is_named_with_its_place(values, tmp_path, section, key, value):
    values["classifier"][section][key] = value
    assert f"'classifier.{section}.{key}'" in problem_with(values, tmp_path)


def test_shares_that_leave_nothing_to_train_on_are_refused(values, tmp_path):
    values["classifier"]["split"] = {"validation": 0.6, "test": 0.6}
    assert "leave nothing to train on" in problem_with(values, tmp_path)


def test_a_query_named_twice_is_refused(values, tmp_path):
    values["distractors"].append(values["classes"][0])
    assert f"name {values['classes'][0]} more than once" in problem_with(values, tmp_path)


@pytest.mark.parametrize("name", ["../up", "Big Name", "", "a/b", "unknown"])
def test_a_class_that_cannot_be_a_folder_or_is_reserved_is_refused(values, tmp_path, name):
    values["classes"][0] = name
    assert problem_with(values, tmp_path)


def test_a_class_list_of_one_is_refused(values, tmp_path):
    values["classes"] = ["cat"]
    assert "'classes'" in problem_with(values, tmp_path)


def test_a_handful_of_names_is_refused(values, tmp_path):
    values["names"] = ["Ada", "Grace"]
    assert "needs 20 or more" in problem_with(values, tmp_path)


def test_broken_yaml_is_reported_with_its_line(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("seed: 1\nclasses: [a,\n", encoding="utf-8")
    with pytest.raises(UserError, match="line"):
        load_params(path)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(UserError, match="is missing"):
        load_params(tmp_path / "params.yaml")
