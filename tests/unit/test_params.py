import re
import unicodedata
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
        ("split", "test", True),
        ("split", "test", ["folder"]),
        ("embed", "pooling", "median"),
        ("clean", "min_side", 0),
    ],
)
def test_a_value_out_of_bounds_is_named_with_its_place(values, tmp_path, section, key, value):
    values["classifier"][section][key] = value
    assert f"'classifier.{section}.{key}'" in problem_with(values, tmp_path)


def test_test_folders_need_a_folder_that_is_read_directly(values, tmp_path):
    values["classifier"]["split"]["test"] = "folder"
    assert "'classifier.split.test' is folder, which needs a folder of your own" in problem_with(
        values, tmp_path
    )
    values["crawl"]["images"]["sources"] = ["folder"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    assert load_params(tmp_path / "params.yaml").classifier.split.test == "folder"


def test_shares_that_leave_nothing_to_train_on_are_refused(values, tmp_path):
    values["classifier"]["split"] = {"validation": 0.6, "test": 0.6}
    assert "leave nothing to train on" in problem_with(values, tmp_path)


def test_a_query_named_twice_is_refused(values, tmp_path):
    values["distractors"].append(values["classes"][0])
    assert f"name {values['classes'][0]} more than once" in problem_with(values, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../up",
        "",
        "a/b",
        "unknown",
        ".hidden",
        "..",
        " tea",
        "a\\b",
        "a\nb",
        "All",
        "None of these",
        "é" * 101,
    ],
)
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


@pytest.mark.parametrize("name", ["Golden Delicious", "か", "Spider-Man", "c++", "Ångström", "7 Up"])
def test_class_may_have_any_script_capitals_and_blanks(values, tmp_path, name):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values | {"classes": [name, "tea"]}, allow_unicode=True), encoding="utf-8")
    params = load_params(path)
    assert params.classes == [unicodedata.normalize("NFC", name), "tea"]
    assert params.label_of(params.classes[0]) == params.classes[0]


@pytest.mark.parametrize(
    ("written", "part"),
    [
        ("no", "'classes.0' is no, which YAML does not read as text; put it in quotes: \"no\""),
        ("1.0", 'put it in quotes: "1.0"'),
        ("2024-01-01", 'put it in quotes: "2024-01-01"'),
        ("~", 'put it in quotes: "~"'),
        ("a/b", "'classes.0' is 'a/b'; it should name a folder"),
        ("all", "'all', which is reserved for the totals of reports"),
        ("Tea", "'Tea' and 'tea', which differ in upper and lower case only"),
    ],
)
def test_message_on_a_class_shows_the_value_and_the_rule(tmp_path, written, part):
    text = Path("params.yaml").read_text(encoding="utf-8")
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"(?m)^classes: .*", f"classes: [{written}, tea]", text), encoding="utf-8")
    with pytest.raises(UserError) as raised:
        load_params(path)
    assert part in raised.value.problem


def test_message_on_a_value_shows_it(values, tmp_path):
    values["crawl"]["names"]["language"] = "English"
    assert "'crawl.names.language' is 'English'; it" in problem_with(values, tmp_path)


def folder_of(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "1.jpg").touch()
    return root


def test_classes_are_the_sub_folders_apart_from_the_distractors(values, tmp_path):
    folder_of(tmp_path / "mine", "tea", "Green Tea", "milk", ".git", "__MACOSX")
    values |= {"classes": "folder", "distractors": ["milk"]}
    values["crawl"]["web"] = "mine"
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    assert load_params(path).queries == ["Green Tea", "tea", "milk"]


def test_classes_of_a_missing_folder_are_those_of_the_classifier(values, tmp_path):
    values |= {"classes": "folder"}
    values["crawl"]["web"] = "mine"
    assert "'mine', is no folder" in problem_with(values, tmp_path)
    (tmp_path / "models/classifier").mkdir(parents=True)
    record = tmp_path / "models/classifier/classifier.json"
    record.write_text('{"classes": ["tea", "coffee"]}', encoding="utf-8")
    assert load_params(tmp_path / "params.yaml").classes == ["tea", "coffee"]


@pytest.mark.parametrize("web", ["", "demo", "live"])
def test_classes_of_no_folder_are_refused(values, tmp_path, web):
    values |= {"classes": "folder"}
    values["crawl"]["web"] = web
    assert f"classes in params.yaml is 'folder', and crawl.web is '{web}'" in problem_with(values, tmp_path)


def test_folder_with_one_class_is_refused(values, tmp_path):
    folder_of(tmp_path / "mine", "tea")
    values |= {"classes": "folder"}
    values["crawl"]["web"] = "mine"
    assert "'mine' has 1 folders of classes" in problem_with(values, tmp_path)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_file_that_is_not_utf8_is_reported_with_the_place(tmp_path, encoding):
    path = tmp_path / "params.yaml"
    path.write_bytes("seed: 1729\npage:\n  name: Pokémon\n".encode(encoding))
    with pytest.raises(UserError, match="is not UTF-8, see byte") as raised:
        load_params(path)
    assert "UTF-8" in raised.value.hint


def test_folder_in_place_of_the_file_is_reported(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        load_params(tmp_path)


def test_name_with_a_line_break_is_refused(values, tmp_path):
    values["names"] = ["Ada\rGrace", *(f"name {number}" for number in range(20))]
    assert "list each name by itself" in problem_with(values, tmp_path)


@pytest.mark.parametrize("place", ["seed", "page.thing", "classifier.train.folds"])
def test_key_that_is_there_twice_is_named_with_its_place(tmp_path, place):
    *sections, key = place.split(".")
    text, start = Path("params.yaml").read_text(encoding="utf-8"), 0
    for section in sections:
        start = text.index("\n", text.index(f"{section}:", start)) + 1
    (tmp_path / "params.yaml").write_text(text[:start] + "  " * len(sections) + f"{key}: 5\n" + text[start:])
    with pytest.raises(UserError, match=f"key '{place}' is there twice"):
        load_params(tmp_path / "params.yaml")


def test_key_beside_a_merged_one_is_not_there_twice(values, tmp_path):
    values["page"]["thing"] = "bird"
    text = yaml.safe_dump(values).replace("page:\n", "page:\n  <<: {thing: tree}\n")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    assert load_params(tmp_path / "params.yaml").page.thing == values["page"]["thing"]


@pytest.mark.parametrize("language", ["fr", "EN", ""])
def test_language_without_a_table_is_named_with_the_available_ones(values, tmp_path, language):
    values["page"]["language"] = language
    problem = problem_with(values, tmp_path)
    assert problem.endswith("'page.language' is '" + language + "'; it should be one of de, en, or auto.")


def test_words_of_the_page_may_differ_by_language(values, tmp_path):
    values["page"] |= {"thing": {"de": "Kaffee", "en": "coffee"}, "name": {"de": "Bohnen"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    page = load_params(tmp_path / "params.yaml").page
    assert (page.thing, page.name) == ("coffee", "Bohnen")
    assert page.words("de") == {"thing": "Kaffee", "name": "Bohnen"}
    assert page.words("en") == {"thing": "coffee", "name": "Bohnen"}


@pytest.mark.parametrize("words", [{}, {"fr": "café"}, {"en": 5}])
def test_words_of_no_language_are_refused(values, tmp_path, words):
    values["page"]["thing"] = words
    problem = problem_with(values, tmp_path)
    assert "'page' needs a text for 'thing', or one for each language (de, en) as in {en: coffee" in problem


@pytest.mark.parametrize(
    ("storage", "part"),
    [
        ({"layout": "bucket"}, "'storage' has the layout bucket and no bucket; set storage.bucket"),
        ({"bucket": "https://example.org/x"}, "it should be s3://BUCKET/PREFIX, or empty"),
        ({"bucket": "s3://"}, "it should be s3://BUCKET/PREFIX, or empty"),
        ({"bucket": "s3://key:secret@bucket"}, "it should be s3://BUCKET/PREFIX, or empty"),
        ({"cache_gb": 0}, "storage.cache_gb"),
    ],
)
def test_storage_needs_the_address_of_its_bucket(values, tmp_path, storage, part):
    values["storage"] = storage
    assert part in problem_with(values, tmp_path)
    values["storage"] |= {"layout": "bucket", "bucket": "s3://my.bucket/a/b/", "cache_gb": 1}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    assert load_params(tmp_path / "params.yaml").storage.bucket == "s3://my.bucket/a/b"
