"""Promotion by cross-validation, with MLflow in a database."""

from pathlib import Path

import pytest

from herodex import tracking
from herodex.lineage.lock import StageRecord
from herodex.lineage.promote import MIN_SHARED, promote
from herodex.lineage.registry import CHAMPION, by_alias, register
from herodex.lineage.runs import log_lineage
from herodex.params import load_params

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml").classifier.train
IMAGES = 40
REPORTS = {"classifier": "out_of_fold.csv", "generator": "cross_validation.csv"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def answers(correct: int, first: int = 0) -> str:
    """Return a report with the first answers correct, for images counted from `first`."""
    predicted = ["tea"] * correct + ["coffee"] * (IMAGES - correct)
    rows = (f"{first + place},tea,{answer}\n" for place, answer in enumerate(predicted))
    return "sha256,label,predicted\n" + "".join(rows)


def nats(each: float) -> str:
    """Return a report of names, which cost 20 nats and `each` more."""
    return "fold,text,nats\n" + "".join(f"1,name {place},{20 + place + each}\n" for place in range(IMAGES))


def add_version(name: str, model: str, held_out: str | None, evaluated: dict[str, str] | None = None) -> None:
    """Log a training and an evaluation with their reports, and register the model."""
    reports = Path(name)
    reports.mkdir(exist_ok=True)
    with tracking.run(f"train_{name}", PARAMS) as run:
        run.tags({"model": model})
        if held_out is not None:
            Path(REPORTS[name]).write_text(held_out)
            run.artifact(Path(REPORTS[name]))
    for file, text in (evaluated or {}).items():
        (reports / file).write_text(text)
    with tracking.run(f"evaluate_{name}", PARAMS) as run:
        run.tags({"model": model})
        run.artifact(reports)
    with tracking.connect() as store:
        register(store, name, model, store.search(stage=f"train_{name}", model=model)[0])


def champion(name: str) -> str:
    found = by_alias(name, CHAMPION)
    assert found
    return found.number


def test_held_out_answers_select_the_champion_and_test_answers_do_not(folder):
    add_version("classifier", "a", answers(20), {"predictions.csv": answers(IMAGES)})
    add_version("classifier", "b", answers(35), {"predictions.csv": answers(0)})
    add_version("classifier", "c", answers(10), {"predictions.csv": answers(IMAGES)})
    assert "there was none" in promote("classifier", 0, "1")
    better = promote("classifier", 0, "2")
    assert "15 corrected, 0 newly wrong" in better
    assert champion("classifier") == "2"
    # A named version that can be compared must be better.
    assert "The champion stays" in promote("classifier", 0, "3")
    assert champion("classifier") == "2"


def test_held_out_names_select_the_champion_and_test_names_do_not(folder):
    add_version("generator", "a", nats(1.0), {"test_nats.csv": "text,nats\nmew,1\n"})
    add_version("generator", "b", nats(0.5), {"test_nats.csv": "text,nats\nmew,9\n"})
    promote("generator", 0, "1")
    assert "paired permutation test" in promote("generator", 0, "2")
    assert champion("generator") == "2"


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (None, "MLflow has no out_of_fold.csv of version 1"),
        (answers(20, first=IMAGES - MIN_SHARED + 1), f"they share {MIN_SHARED - 1} held-out images"),
        (answers(20, first=IMAGES), "they share 0 held-out images"),
    ],
)
def test_models_that_cannot_be_compared_are_promoted_only_if_named(folder, monkeypatch, before, reason):
    add_version("classifier", "a", before)
    add_version("classifier", "b", answers(IMAGES))
    promote("classifier", 0, "1")
    lineage = folder / "models" / "lineage.json"
    lineage.parent.mkdir()
    lineage.write_text('{"classifier": {"model": "b"}}')
    stays = promote("classifier", 0)
    assert reason in stays
    assert 'The champion stays; `make promote MODEL="classifier=2"` promotes without a comparison' in stays
    assert champion("classifier") == "1"
    assert reason in promote("classifier", 0, "2")
    assert champion("classifier") == "2"


def test_reports_of_the_evaluation_are_read_where_the_training_has_none(folder):
    add_version("classifier", "a", None, {"out_of_fold.csv": answers(20)})
    add_version("classifier", "b", answers(35))
    promote("classifier", 0, "1")
    assert "15 corrected, 0 newly wrong" in promote("classifier", 0, "2")


def test_runs_of_restored_stages_keep_held_out_answers_and_name_test_metrics(folder):
    for name in ("models", "reports"):
        (folder / name / "classifier").mkdir(parents=True)
    (folder / "reports/classifier/out_of_fold.csv").write_text(answers(20))
    entry = {"model": "a", "metrics": {"accuracy": {"value": 0.9, "low": 0.8, "high": 1.0, "n": IMAGES}}}
    record = StageRecord(code="c", params={}, libraries={}, inputs={}, outputs={})
    stages: dict[str, StageRecord] = dict.fromkeys(("train_classifier", "evaluate_classifier"), record)
    log_lineage({"classifier": entry}, stages, {"classifier": {"accuracy": 0.9}})
    with tracking.connect() as store:
        (evaluated,) = store.search(stage="evaluate_classifier")
    assert evaluated.data.metrics == {"test_accuracy": 0.9}
    add_version("classifier", "b", answers(35))
    promote("classifier", 0, "1")
    assert "15 corrected, 0 newly wrong" in promote("classifier", 0, "2")
