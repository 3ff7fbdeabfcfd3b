import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from herodex.params import load_params
from herodex.summary import describe_classifier, describe_sample, unread_folders

CLEAN: dict[str, Any] = {"images_to_learn_from": {"cat": 90, "dog": 80}}
NONE_LEFT_OUT: dict[str, Any] = {"ood": {}, "searches": {"taken_for": {}, "titles": 0, "words": []}}


def estimate(value: float, n: int = 100) -> dict[str, float]:
    return {"value": value, "low": max(value - 0.05, 0), "high": min(value + 0.05, 1), "n": n}


def metrics(**recall: float) -> dict[str, Any]:
    return {
        "answers": "images, out of fold",
        "backbone": {"name": "ResNet50", "weights": "ImageNet", "source": "npm"},
        "accuracy": estimate(0.91),
        "balanced_accuracy": estimate(0.87),
        "baseline": {"accuracy": estimate(0.5)},
        "ood": {"false_reject_rate": estimate(0.04)},
        "sets": {"coverage": estimate(0.95)},
        "recall": {name: estimate(value) for name, value in recall.items()},
    }


def left_out(**taken_for: tuple[str, float]) -> dict[str, Any]:
    each: dict[str, Any] = {
        name: {"false_accept_rate": estimate(rate), "taken_for": other}
        for name, (other, rate) in taken_for.items()
    }
    worst = max(each, key=lambda name: each[name]["false_accept_rate"]["value"])
    accepted: dict[str, dict[str, int]] = {}
    for name, (other, rate) in sorted(taken_for.items(), key=lambda item: -item[1][1]):
        accepted.setdefault(other, {})[name] = round(100 * rate)
    accepted = dict(sorted(accepted.items(), key=lambda item: -sum(item[1].values())))
    return {
        "ood": {
            "false_accept_rate": estimate(0.6, 100 * len(each)),
            "left_out": each,
            "worst_left_out": {"label": worst, **each[worst]},
        },
        "searches": {"taken_for": accepted, "titles": 0, "words": []},
    }


def test_without_distractors_both_rates_and_the_distractors_to_add_are_printed():
    found = metrics(cat=0.9, dog=0.9, eel=0.9)
    text = describe_classifier(found, left_out(cat=("dog", 0.7), dog=("cat", 0.5), eel=("cat", 0.4)), CLEAN)
    assert "images of the classes rejected              0.040" in text
    assert "classes left out in turn accepted           0.600" in text
    assert "If cat were not among the searches, 70% would be accepted, most as dog." in text
    assert "may take for cat" in " ".join(text.split())


def test_with_distractors_the_worst_of_them_is_named():
    found = metrics(cat=0.9, dog=0.9, unknown=0.9)
    text = describe_classifier(found, left_out(fox=("dog", 0.3), wolf=("dog", 0.8)), CLEAN)
    assert "unseen similar things accepted              0.600" in text
    assert "If wolf were not among the searches, 80% would be accepted, most as dog." in text
    assert "Without distractors" not in text


def lines_about_searches(
    validation: dict[str, Any], unread: Sequence[str] = (), shown: Callable[[str], str] = str
) -> list[str]:
    text = describe_classifier(metrics(cat=0.9, dog=0.9, unknown=0.9), validation, CLEAN, shown, unread)
    return text.partition("sets that hold the true answer")[2].splitlines()[1:]


def test_class_that_left_out_distractors_are_hardly_taken_for_is_named():
    # The counts of a run on four heroes and six distractors of the demo web.
    validation = left_out(panther=("dog", 0.64), widow=("cat", 0.22))
    validation["searches"]["taken_for"] = {
        "batman": {"black-panther": 34},
        "superman": {"wonder-woman": 20, "black-widow": 6, "captain-america": 4, "iron-man": 1},
        "spider-man": {"black-widow": 11, "black-panther": 10, "the-flash": 4, "iron-man": 1},
        "hulk": {"iron-man": 6, "black-panther": 1},
    }
    assert lines_about_searches(validation) == [
        "  If panther were not among the searches, 64% would be accepted, most as dog.",
        "  Add to `distractors` what people may take for hulk (7): hardly any of the 98 accepted",
        "    images were. Each distractor helps most against things like itself.",
        "  No search is named, as titles name nothing; reports/classifier/worst.png shows wrong",
        "    answers.",
    ]


@pytest.mark.parametrize("counts", [(8, 7, 7), (3, 0, 0), (40, 30, 20)])
def test_no_class_is_named_where_few_images_or_even_ones_are_taken_for_them(counts):
    validation = left_out(wolf=("dog", 0.04))
    names = ("cat", "dog", "eel")
    validation["searches"]["taken_for"] = {
        name: {"wolf": count} if count else {} for name, count in zip(names, counts, strict=True)
    }
    validation["ood"]["false_accept_rate"] = estimate(0.6, 50)
    plain = " ".join(" ".join(lines_about_searches(validation)).split())
    assert "Add to `distractors` further kinds of things that people may take for your classes." in plain


def test_words_of_titles_and_folders_at_hand_are_named_in_five_lines():
    validation = left_out(wolf=("dog", 0.8), lynx=("cat", 0.6))
    word = {"word": "jackal", "query": "dog", "images": 7, "misfits": 6, "title": "Dog or jackal?"}
    validation["searches"] |= {"titles": 300, "words": [word, word | {"word": "coyote"}]}
    lines = lines_about_searches(validation, ["dingo", "hyena", "otter", "serval", "wolverine"])
    assert len(lines) <= 6
    plain = " ".join(" ".join(lines).split())
    assert (
        "Words in titles of images that are answered otherwise: 'jackal' (6 of 7 of dog), 'coyote'" in plain
    )
    assert "Folders at hand that are no search yet: dingo, hyena, otter and 2 more." in plain
    assert "No search is named" not in plain


def test_no_search_is_named_where_no_word_marks_wrong_answers():
    validation = left_out(wolf=("dog", 0.8), lynx=("cat", 0.6))
    validation["searches"]["titles"] = 774
    plain = " ".join(" ".join(lines_about_searches(validation)).split())
    assert "No search is named, as no word marks wrong answers in 774 titles;" in plain


@pytest.mark.parametrize("taken_for", [{"dog": {"wolf": 3}, "cat": {}}, {"dog": {}, "cat": {}}])
def test_none_is_suggested_where_few_images_of_left_out_searches_are_accepted(taken_for):
    validation = left_out(wolf=("dog", 0.04), lynx=("dog", 0.0))
    validation["searches"]["taken_for"] = taken_for
    count = sum(taken_for["dog"].values())
    assert lines_about_searches(validation) == [
        f"  Only {count} of 200 images of left-out searches would be accepted, so none is suggested."
    ]


def test_folders_that_no_search_reads_are_listed(tmp_path):
    for name in ("cat", "dog", "fox", "train/cat", "train/wolf", ".cache"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "notes.txt").touch()
    values = load_params(Path("params.yaml"))
    changed = {"classes": ["cat", "dog"], "distractors": []}
    params = values.model_copy(update=changed)
    assert unread_folders(params) == []
    for web, expected in ((str(tmp_path), ["fox", "wolf"]), (str(tmp_path / "gone"), [])):
        crawl = params.crawl.model_copy(update={"web": web})
        assert unread_folders(params.model_copy(update={"crawl": crawl})) == expected


def test_two_classes_alone_leave_the_false_accepts_unknown():
    text = describe_classifier(metrics(cat=0.9, dog=0.9), NONE_LEFT_OUT, CLEAN)
    assert "images of the classes rejected" in text
    assert "not known: leaving a class out takes three classes" in " ".join(text.split())


def test_balanced_accuracy_weak_classes_and_small_ones_are_printed():
    clean = {"images_to_learn_from": {"cat": 60, "dog": 50, "eel": 7}}
    text = describe_classifier(metrics(cat=0.95, dog=0.93, eel=0.4), NONE_LEFT_OUT, clean)
    assert "mean recall of the answers                  0.870" in text
    assert "Low recall: eel 0.40 [0.35, 0.45], n = 100." in text
    assert "Low recall: cat" not in text
    assert "  Fewer than 20 images to learn from: 'eel' (7)." in text
    assert max(map(len, text.splitlines())) <= 90


def test_display_names_stand_for_classes_and_distractors():
    shown = {"cat": "Cat 🐈", "dog": "German Shepherd", "eel": "Aal", "wolf": "Волк"}.get
    clean = {"images_to_learn_from": {"cat": 90, "dog": 7}}
    found = metrics(cat=0.95, dog=0.4, eel=0.95, unknown=0.9)
    failing = left_out(fox=("dog", 0.3), wolf=("dog", 0.8))
    failing["searches"]["taken_for"]["cat"] = {}
    text = describe_classifier(found, failing, clean, lambda name: shown(name) or name)
    plain = " ".join(text.split())
    assert "If Волк were not among the searches, 80% would be accepted, most as German Shepherd." in plain
    assert "Low recall: German Shepherd 0.40" in plain
    assert "Fewer than 20 images to learn from: 'German Shepherd' (7)." in plain
    assert "Less than a tenth of the images of 'Cat 🐈' (90): 'German Shepherd' (7)." in plain
    assert "what people may take for Cat 🐈 (0): hardly any of the 110 accepted images were." in plain
    failing = left_out(cat=("dog", 0.7), dog=("cat", 0.5), eel=("cat", 0.4))
    text = describe_classifier(
        metrics(cat=0.9, dog=0.9, eel=0.9), failing, CLEAN, lambda name: shown(name) or name
    )
    assert "people may take for Cat 🐈" in " ".join(text.split())


def test_command_shows_the_display_names_of_the_params(tmp_path):
    found = metrics(cat=0.95, dog=0.4)
    reports = {"classifier/metrics": found, "classifier/validation": NONE_LEFT_OUT, "clean/summary": CLEAN}
    done = summarise(tmp_path, reports, {"dog": "German Shepherd"})
    assert done.returncode == 0
    assert "Low recall: German Shepherd 0.40" in done.stdout


def summarise(
    folder: Path, reports: dict[str, dict[str, Any]], display_names: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Write reports and parameters into a folder and run the command there."""
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    values |= {"classes": ["cat", "dog"], "distractors": []}
    values["page"]["display_names"] = display_names
    (folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    for name, report in reports.items():
        file = folder / "reports" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(report), encoding="utf-8")
    command = [sys.executable, "-m", "herodex.summary", "classifier"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_sampled_name_that_exists_is_marked():
    assert describe_sample({"name": "Sarron", "status": "new"}) == "Sarron"
    assert describe_sample({"name": "Aron", "status": "in train"}) == "Aron (real)"


@pytest.mark.parametrize(
    ("file", "field"), [("validation", "ood"), ("validation", "searches"), ("metrics", "sets")]
)
def test_report_of_another_version_is_one_message(tmp_path, file, field):
    reports = {
        "classifier/metrics": metrics(cat=0.9, dog=0.9),
        "classifier/validation": left_out(cat=("dog", 0.7), dog=("cat", 0.5)),
        "clean/summary": CLEAN,
    }
    del reports[f"classifier/{file}"][field]
    done = summarise(tmp_path, reports, {})
    place = Path("reports", "classifier", f"{file}.json")
    assert done.stderr == (
        f"error: {place} was written by another version: it has no '{field}'.\n  fix: Run `make run`.\n"
    )
    assert (done.returncode, done.stdout) == (1, "")
