import pytest

from herodex.errors import UserError
from herodex.lineage.lock import StageRecord, cause, read_lock, stage_record, upstream

ENTRY = {
    "deps": [
        {"path": "src/herodex/clean.py", "md5": "1"},
        {"path": "data/raw", "md5": "2.dir"},
    ],
    "params": {"params.yaml": {"clean": {"max": 3}, "seed": 1}},
    "outs": [{"path": "data/clean", "md5": "3.dir"}],
}


def stage(inputs: list[str], outputs: list[str]) -> StageRecord:
    return StageRecord(
        code="", params={}, libraries={}, inputs=dict.fromkeys(inputs, ""), outputs=dict.fromkeys(outputs, "")
    )


def test_code_is_told_from_data():
    record = stage_record(ENTRY)
    assert record["inputs"] == {"data/raw": "2.dir"}
    assert record["outputs"] == {"data/clean": "3.dir"}
    assert record["params"] == {"clean.max": 3, "seed": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"deps": [{"path": "src/herodex/clean.py", "md5": "9"}, ENTRY["deps"][1]]},
        {"deps": [ENTRY["deps"][0], {"path": "data/raw", "md5": "9.dir"}]},
        {"params": {"params.yaml": {"clean": {"max": 4}, "seed": 1}}},
    ],
)
def test_the_cause_changes_with_code_inputs_and_params(change):
    assert cause(stage_record(ENTRY | change)) != cause(stage_record(ENTRY))


def test_the_cause_does_not_change_with_the_outputs():
    assert cause(stage_record(ENTRY | {"outs": []})) == cause(stage_record(ENTRY))


def test_stages_come_after_what_they_depend_on_and_others_not_at_all():
    stages = {
        "measure": stage(["model/weights", "clean"], ["figures"]),
        "train": stage(["clean"], ["model"]),
        "clean": stage(["raw"], ["clean"]),
        "other": stage(["raw"], ["aside"]),
    }
    assert upstream(stages, ["measure"]) == ["clean", "train", "measure"]


def test_a_stage_that_has_not_run_is_one_clear_message(tmp_path):
    with pytest.raises(UserError, match="measure has not been run"):
        upstream({}, ["measure"])
    with pytest.raises(UserError, match="no stage has been run"):
        read_lock(tmp_path / "dvc.lock")
