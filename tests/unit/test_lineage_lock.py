from typing import Any

import pytest

from herodex.errors import UserError
from herodex.lineage.lock import StageRecord, cause, read_lock, stage_record, upstream

ENTRY: dict[str, Any] = {
    "deps": [
        {"path": "src/herodex/clean.py", "md5": "1"},
        {"path": "data/raw", "md5": "2.dir"},
    ],
    "params": {"params.yaml": {"clean": {"max": 3}, "seed": 1}, "versions.yaml": {"pillow": "11.0.0"}},
    "outs": [{"path": "data/clean", "md5": "3.dir"}],
}


def stage(inputs: list[str], outputs: list[str]) -> StageRecord:
    return StageRecord(
        code="", params={}, libraries={}, inputs=dict.fromkeys(inputs, ""), outputs=dict.fromkeys(outputs, "")
    )


def test_record_separates_code_from_inputs():
    record = stage_record(ENTRY)
    assert record["inputs"] == {"data/raw": "2.dir"}
    assert record["outputs"] == {"data/clean": "3.dir"}
    assert record["params"] == {"clean.max": 3, "seed": 1}
    assert record["libraries"] == {"pillow": "11.0.0"}


def test_record_of_a_stage_without_libraries_has_none():
    assert stage_record({"outs": []})["libraries"] == {}


@pytest.mark.parametrize(
    "change",
    [
        {"deps": [{"path": "src/herodex/clean.py", "md5": "9"}, ENTRY["deps"][1]]},
        {"deps": [ENTRY["deps"][0], {"path": "data/raw", "md5": "9.dir"}]},
        {"params": ENTRY["params"] | {"params.yaml": {"clean": {"max": 4}, "seed": 1}}},
        {"params": ENTRY["params"] | {"versions.yaml": {"pillow": "12.0.0"}}},
    ],
)
def test_cause_changes_with_code_inputs_params_and_libraries(change):
    assert cause(stage_record(ENTRY | change)) != cause(stage_record(ENTRY))


def test_cause_ignores_outputs():
    assert cause(stage_record(ENTRY | {"outs": []})) == cause(stage_record(ENTRY))


def test_upstream_sorts_dependencies_first_and_omits_other_stages():
    stages = {
        "measure": stage(["model/weights", "clean"], ["figures"]),
        "train": stage(["clean"], ["model"]),
        "clean": stage(["raw"], ["clean"]),
        "other": stage(["raw"], ["aside"]),
    }
    assert upstream(stages, ["measure"]) == ["clean", "train", "measure"]


def test_stage_that_has_not_run_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="measure has not run"):
        upstream({}, ["measure"])
    with pytest.raises(UserError, match="no stage has run"):
        read_lock(tmp_path / "dvc.lock")
