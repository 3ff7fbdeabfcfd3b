import json
from pathlib import Path
from typing import Any

from herodex.lineage.headline_metrics import headline_metrics

FIGURE = {"value": 0.51234567, "low": 0.4, "high": 0.6, "n": 8}


def write(reports: Path, name: str, **records: dict[str, Any]) -> None:
    (reports / name).mkdir()
    for record, fields in records.items():
        (reports / name / f"{record}.json").write_text(json.dumps(fields))


def test_headline_of_the_classifier_has_accuracy_with_interval_and_ood_rates(tmp_path):
    metrics = {
        "accuracy": FIGURE,
        "recall": {"tea": FIGURE},
        "ood": {"false_reject_rate": FIGURE},
        "baseline": {"accuracy": {**FIGURE, "value": 0.25}},
    }
    ood = {"auroc": {**FIGURE, "value": 0.9}, "false_accept_rate": {**FIGURE, "value": 0.1}}
    write(tmp_path, "classifier", metrics=metrics, validation={"ood": ood})
    expected = {"accuracy": 0.5123, "accuracy_low": 0.4, "accuracy_high": 0.6}
    rates = {"auroc": 0.9, "false_accepts": 0.1, "false_rejects": 0.5123, "accuracy_baseline": 0.25}
    assert headline_metrics(tmp_path, "classifier") == expected | rates


def test_headline_leaves_out_figures_that_two_classes_without_distractors_do_not_have(tmp_path):
    metrics = {"accuracy": FIGURE, "ood": {"false_reject_rate": FIGURE}, "baseline": {"accuracy": FIGURE}}
    write(tmp_path, "classifier", metrics=metrics, validation={"ood": {"false_reject_rate": FIGURE}})
    assert not {"auroc", "false_accepts"} & headline_metrics(tmp_path, "classifier").keys()


def test_headline_of_the_generator_has_nats_with_interval_and_the_baseline(tmp_path):
    write(tmp_path, "generator", metrics={"nats": FIGURE, "trigram": {**FIGURE, "value": 3}})
    expected = {"nats": 0.5123, "nats_low": 0.4, "nats_high": 0.6, "nats_trigram": 3}
    assert headline_metrics(tmp_path, "generator") == expected
