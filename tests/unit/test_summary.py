import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from herodex.summary import describe_classifier, describe_sample

CLEAN = {"class_sizes": []}


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
    return {
        "ood": {
            "false_accept_rate": estimate(0.6),
            "left_out": each,
            "worst_left_out": {"label": worst, **each[worst]},
        }
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


def test_two_classes_alone_leave_the_false_accepts_unknown():
    text = describe_classifier(metrics(cat=0.9, dog=0.9), {"ood": {}}, CLEAN)
    assert "images of the classes rejected" in text
    assert "not known: leaving a class out takes three classes" in " ".join(text.split())


def test_balanced_accuracy_weak_classes_and_small_ones_are_printed():
    clean = {"class_sizes": ["Fewer than 20 images to learn from: 'eel' (7)."]}
    text = describe_classifier(metrics(cat=0.95, dog=0.93, eel=0.4), {"ood": {}}, clean)
    assert "mean recall of the answers                  0.870" in text
    assert "Low recall: eel 0.40 [0.35, 0.45], n = 100." in text
    assert "Low recall: cat" not in text
    assert "  Fewer than 20 images to learn from: 'eel' (7)." in text
    assert max(map(len, text.splitlines())) <= 90


def test_display_names_stand_for_classes_and_distractors():
    shown = {"cat": "Cat 🐈", "dog": "German Shepherd", "eel": "Aal", "wolf": "Волк"}.get
    sizes = "Fewer than 20 images: 'dog' (7). Less than a tenth of the images of 'cat' (90): 'dog' (7)."
    found = metrics(cat=0.95, dog=0.4, eel=0.95, unknown=0.9)
    failing = left_out(fox=("dog", 0.3), wolf=("dog", 0.8))
    text = describe_classifier(found, failing, {"class_sizes": [sizes]}, lambda name: shown(name) or name)
    plain = " ".join(text.split())
    assert "If Волк were not among the searches, 80% would be accepted, most as German Shepherd." in plain
    assert "Low recall: German Shepherd 0.40" in plain
    assert (
        "Fewer than 20 images: 'German Shepherd' (7). Less than a tenth of the images of 'Cat 🐈' (90): "
        "'German Shepherd' (7)." in plain
    )
    failing = left_out(cat=("dog", 0.7), dog=("cat", 0.5), eel=("cat", 0.4))
    text = describe_classifier(
        metrics(cat=0.9, dog=0.9, eel=0.9), failing, CLEAN, lambda name: shown(name) or name
    )
    assert "people may take for Cat 🐈" in " ".join(text.split())


def test_command_shows_the_display_names_of_the_params(tmp_path):
    found = metrics(cat=0.95, dog=0.4)
    reports = {"classifier/metrics": found, "classifier/validation": {"ood": {}}, "clean/summary": CLEAN}
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


@pytest.mark.parametrize(("file", "field"), [("validation", "ood"), ("metrics", "sets")])
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
