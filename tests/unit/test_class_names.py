"""Names of classes and distractors, and their display names, as `params.yaml` states them."""

import json
import os
import re
import unicodedata
from pathlib import Path

import pytest
import yaml

from herodex.class_names import check_display_name, list_names
from herodex.errors import UserError
from herodex.params import Params, load_params
from herodex.serving.site import describe_example, example_files

TEXT = Path("params.yaml").read_text(encoding="utf-8")
STAGES = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
DECOMPOSED = unicodedata.normalize("NFD", "café")


def loaded(folder: Path, classes: str = "tshirt, gs-dog", display_names: str = "{}") -> Params:
    """Load the project's params with classes and display names as written here."""
    text = re.sub(r"(?m)^classes: .*", lambda _: f"classes: [{classes}]", TEXT)
    text = re.sub(r"(?m)^distractors: .*", "distractors: [boot]", text)
    text = re.sub(r"(?m)^  display_names: .*", lambda _: f"  display_names: {display_names}", text)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    return load_params(folder / "params.yaml")


def problem(folder: Path, **written: str) -> str:
    """Return the message about names that are refused."""
    with pytest.raises(UserError) as raised:
        loaded(folder, **written)
    assert raised.value.hint
    assert "\n" not in raised.value.problem
    return raised.value.problem


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("T-shirt", "T-shirt"),
        ("Футболка", "Футболка"),
        ("Ｔシャツ", "Ｔシャツ"),
        ("قميص", "قميص"),
        ('"👕 <b>&amp;"', "👕 <b>&amp;"),
        (DECOMPOSED, "café"),
        ("x" * 60, "x" * 60),
        ('"no"', "no"),
    ],
)
def test_display_name_may_have_any_script(tmp_path, written, text):
    page = loaded(tmp_path, display_names=f"{{tshirt: {written}}}").page
    assert page.display_name("tshirt") == text
    assert page.display_name("gs-dog") == "gs-dog"


def test_display_names_are_optional(tmp_path):
    values = yaml.safe_load(TEXT)
    del values["page"]["display_names"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    assert load_params(tmp_path / "params.yaml").page.display_names == {}


def test_key_of_a_display_name_may_be_decomposed_or_a_distractor(tmp_path):
    page = loaded(tmp_path, "café, 猫", f"{{{DECOMPOSED}: Coffee shop, boot: Boots}}").page
    assert page.display_names == {"café": "Coffee shop", "boot": "Boots"}


@pytest.mark.parametrize(
    ("written", "part"),
    [
        ("{tshrit: X}", "has the key 'tshrit', which is no class or distractor (did you mean 'tshirt'?)"),
        ("{TSHIRT: X}", "(did you mean 'tshirt'?)"),
        (
            "{unknown: X}",
            "has the key 'unknown', which is no class or distractor (there are tshirt, gs-dog, boot)",
        ),
        (
            "{no: X}",
            "a key of 'page.display_names' is no, which YAML does not read as text; put it in quotes: \"no\"",
        ),
        ("{1.0: X}", 'put it in quotes: "1.0"'),
        ("{2024-01-01: X}", 'put it in quotes: "2024-01-01"'),
        ("{~: X}", 'put it in quotes: "~"'),
        ("{0: X}", 'put it in quotes: "0"'),
        (
            "{tshirt: no}",
            "'page.display_names.tshirt' is no, which YAML does not read as text; put it in quotes",
        ),
        ("{tshirt: 1.0}", 'put it in quotes: "1.0"'),
        ("{tshirt: 2024-01-01}", 'put it in quotes: "2024-01-01"'),
        ("{tshirt: }", "'page.display_names.tshirt' should be text"),
        ("{tshirt: [X]}", "'page.display_names.tshirt' should be text"),
        ("", "'page.display_names' should map classes to texts, as in {tshirt: T-shirt}, or be {}"),
        ("[tshirt]", "'page.display_names' should map classes to texts"),
        ("T-shirt", "'page.display_names' is 'T-shirt'; it should map classes to texts"),
        ('{tshirt: ""}', "'page.display_names.tshirt' is ''; it should have 1 to 60 characters"),
        (f"{{tshirt: {'x' * 61}}}", "it should have 1 to 60 characters"),
        ('{tshirt: " "}', "it should have a visible character"),
        (r'{tshirt: "\u200b\u3164"}', "it should have a visible character"),
        ('{tshirt: " T"}', "it should have no blank in front or at the end"),
        (r'{tshirt: "a\nb"}', r"is 'a\nb'; it should have no line breaks and no control characters"),
        (r'{tshirt: "a\u2028b"}', "it should have no line breaks"),
        (r'{tshirt: "\u202etrihs"}', "no control characters"),
        (r'{tshirt: "\ud800"}', "no control characters"),
        ("{tshirt: None of these}", "is 'None of these'; it should be another text"),
        ("{tshirt: Unknown}", "is 'Unknown'; it should be another text"),
        ("{tshirt: Dog, gs-dog: dog}", "shows 'tshirt' and 'gs-dog' both as 'dog'; give each its own text"),
        ("{tshirt: GS-Dog}", "shows 'tshirt' and 'gs-dog' both as 'GS-Dog'"),
        ("{tshirt: Boot}", "shows 'tshirt' and 'boot' both as 'Boot'"),
        ("{tshirt: A, tshirt: B}", "key 'page.display_names.tshirt' is there twice; remove one"),
    ],
)
def test_wrong_display_name_is_reported_with_place_and_value(tmp_path, written, part):
    assert part in problem(tmp_path, display_names=written)


def test_two_forms_of_a_key_are_reported(tmp_path):
    written = f"{{café: A, {DECOMPOSED}: B}}"
    assert "has two texts for 'café'" in problem(tmp_path, classes="café, 猫", display_names=written)


def test_display_names_may_be_swapped(tmp_path):
    page = loaded(tmp_path, display_names="{tshirt: gs-dog, gs-dog: tshirt}").page
    assert page.display_name("tshirt") == "gs-dog"


def with_folder(project: Path, *folders: str, display_names: dict[str, str] | None = None) -> Path:
    """Write params that take the classes from the folders in `mine`."""
    for name in folders:
        (project / "mine" / name).mkdir(parents=True)
    values = yaml.safe_load(TEXT) | {"classes": "folder", "distractors": []}
    values["page"]["display_names"] = display_names or {}
    values["crawl"]["web"] = "mine"
    values["crawl"]["images"]["sources"] = ["folder"]
    path = project / "params.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_display_names_are_checked_against_the_folders(tmp_path):
    path = with_folder(tmp_path, "tea", DECOMPOSED, display_names={"café": "Coffee"})
    assert load_params(path).page.display_name("café") == "Coffee"
    path = with_folder(tmp_path / "other", "tea", "cocoa", display_names={"coca": "Cocoa"})
    with pytest.raises(UserError, match=r"the key 'coca', .* \(did you mean 'cocoa'\?\)"):
        load_params(path)


def test_display_names_of_other_classes_than_the_models_are_ignored_with_a_message(tmp_path, caplog):
    path = with_folder(tmp_path, display_names={"tea": "Tee", "mate": "Maté"})
    (tmp_path / "models/classifier").mkdir(parents=True)
    record = {"classes": ["tea", "cocoa"]}
    (tmp_path / "models/classifier/classifier.json").write_text(json.dumps(record), encoding="utf-8")
    assert load_params(path).page.display_name("tea") == "Tee"
    assert (
        "'page.display_names' has keys that are no class of this model, and have no effect: mate"
        in caplog.text
    )


def test_only_the_lineage_depends_on_display_names():
    settings = {
        name: [
            key
            for entry in stage["params"]
            if isinstance(entry, dict)
            for key in entry.get("params.yaml") or []
        ]
        + [entry for entry in stage["params"] if isinstance(entry, str)]
        for name, stage in STAGES.items()
        if "params" in stage
    }
    readers = [name for name, keys in settings.items() if {"page", "page.display_names"} & set(keys)]
    assert readers == ["record_lineage"]
    written = STAGES["record_lineage"]["outs"]
    assert not [name for name, stage in STAGES.items() if set(written) & set(stage["deps"])]


@pytest.mark.parametrize(
    "classes",
    [
        'кошка, 猫, "café"',
        "🍎, 🍏, 👩🏽‍🚀",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿, 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
        "con, nul",
        "tea., St. John's",
        'c#, c++, 100%, "what?"',
        "a|b, <b>",
        '"2", ²',
        "all day, unknown things",
        "İzmir, izmir2",
    ],
)
def test_class_may_have_any_characters_of_a_folder(tmp_path, classes):
    names = [name.strip().strip('"') for name in classes.split(",")]
    assert loaded(tmp_path, classes).classes == names
    path = with_folder(tmp_path, *names)
    assert load_params(path).classes == sorted(names)


@pytest.mark.parametrize(
    ("classes", "part"),
    [
        (f"café, {DECOMPOSED}", "classes and distractors name café more than once; remove one"),
        ("Straße, STRASSE", "'Straße' and 'STRASSE', which differ in upper and lower case only; rename one"),
        ("Кошка, кошка", "'Кошка' and 'кошка', which differ in upper and lower case only"),
        (
            r'tea, "tea\u200b"',
            r"'tea' and 'tea\u200b', which differ in invisible characters only; rename one",
        ),
        ("❤, ❤️", "which differ in invisible characters only"),
        ("tea, Boot", "'Boot' and 'boot', which differ in upper and lower case only"),
        (r'tea, "\u200b"', r"'classes.1' is '\u200b'; it should have a visible character"),
        ("tea, a/b", "'classes.1' is 'a/b'; it should name a folder: no slash"),
        (
            "tea, 'milk '",
            "'classes.1' is 'milk '; it should name a folder: no slash, no dot in front, no blank",
        ),
        ("tea, .milk", "'classes.1' is '.milk'; it should name a folder"),
        ("tea, ALL", "'ALL', which is reserved for the totals of reports; choose another name"),
        ("tea, Unknown", "'Unknown', which is reserved for images of no class; choose another name"),
        ("tea, --", "name '--', which has no word to search for; choose another name"),
        ("tea, a: b", "'classes.1' should be text; put text with a colon, # or & in quotes"),
        ("tea, &a", "'classes.1' should be text"),
        ("tea, [a]", "'classes.1' should be text"),
        ("tea, 2024-01-01", 'put it in quotes: "2024-01-01"'),
    ],
)
def test_wrong_class_name_is_reported_with_value_and_rule(tmp_path, classes, part):
    assert part in problem(tmp_path, classes=classes)


def test_folder_may_be_a_hyphen(tmp_path):
    assert load_params(with_folder(tmp_path, "-", "+")).classes == ["+", "-"]


@pytest.mark.parametrize(
    ("folder", "part"),
    [
        (
            "unknown",
            "'unknown', and with classes: folder it is a class; this name is reserved for images of no class",
        ),
        (
            "All",
            "'All', and with classes: folder it is a class; this name is reserved for the totals of reports",
        ),
        ("tea ", "'tea ', and with classes: folder it is a class; it should name a folder: no slash"),
        ("a\nb", r"'a\nb', and with classes: folder it is a class; it should name a folder in UTF-8"),
        (
            os.fsdecode(b"caf\xe9"),
            r"'caf\udce9', and with classes: folder it is a class; it should name a folder in UTF-8",
        ),
    ],
)
def test_wrong_name_of_a_folder_of_classes_is_reported(tmp_path, folder, part):
    path = with_folder(tmp_path, folder, "milk")
    with pytest.raises(UserError) as raised:
        load_params(path)
    assert f"crawl.web, 'mine', has a folder {part}" in raised.value.problem
    assert raised.value.hint.startswith("Rename the folder")


def test_folders_that_differ_in_case_are_reported(tmp_path):
    with pytest.raises(UserError, match="'Tea' and 'tea', which differ in upper and lower case") as raised:
        load_params(with_folder(tmp_path, "Tea", "tea"))
    assert "folders" in raised.value.hint


def test_composed_and_decomposed_folders_are_one_class(tmp_path):
    assert load_params(with_folder(tmp_path, "café", DECOMPOSED, "tea")).classes == ["café", "tea"]


def test_address_of_an_example_is_encoded(tmp_path):
    (tmp_path / "0-c# 100%.png").touch()
    (example,) = map(describe_example, example_files(tmp_path))
    assert (example.address, example.subject) == ("examples/0-c%23%20100%25.png", "c# 100%")


def test_display_name_with_a_reserved_total_is_free():
    assert check_display_name("All") == "All"


def test_list_of_names_counts_those_beyond_the_first():
    assert list_names(["cat", "dog"], 2) == "cat, dog"
    assert list_names([f"c{i}" for i in range(1000)], 2) == "c0, c1 and 998 more"
