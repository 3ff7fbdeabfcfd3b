import json

import pytest

from benchmarks.overhead import Share, longest_repro, shares
from herodex.errors import UserError
from herodex.stage_times import TIMES, Part, StageTime


def entry(
    stage: str,
    started: float,
    starting: float = 1.0,
    running: float = 4.0,
    repro: str = "a",
    part: Part = "stage",
) -> StageTime:
    return StageTime(
        part=part,
        stage=stage,
        repro=repro,
        started=started,
        starting=starting,
        running=running,
        cpu=running,
    )


def write(entries: list[StageTime]) -> None:
    TIMES.parent.mkdir(exist_ok=True)
    TIMES.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")


def test_run_is_split_into_dvc_python_logging_and_work():
    found = shares([entry("clean", 100), entry("train", 107)], {"train": 1.5})
    assert found == [Share("clean", 0, 1, 0, 4), Share("train", 2, 1, 1.5, 2.5)]
    assert [share.own for share in found] == [1, 4.5]


def test_shares_add_up_to_the_time_from_first_start_to_last_end():
    found = shares([entry("clean", 100), entry("embed", 105.5), entry("train", 112)], {"embed": 0.5})
    assert sum(share.own + share.work for share in found) == pytest.approx(117 - 100)


def test_overlapping_stage_has_no_negative_time_before_it():
    assert shares([entry("clean", 100), entry("train", 103)], {})[1].before == 0


def test_longest_repro_is_the_last_one_with_most_stages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(
        [
            *(entry(stage, 100, repro="old") for stage in ("clean", "train")),
            entry("train", 100, running=1.0, repro="old", part="logging"),
            *(entry(stage, 200, running=9.0, repro="new") for stage in ("clean", "train")),
            entry("train", 200, running=2.0, repro="new", part="logging"),
            entry("train", 300, repro="part"),
        ],
    )
    assert [(share.stage, share.logging) for share in longest_repro()] == [("clean", 0), ("train", 2)]
    assert [share.work for share in longest_repro()] == [9, 7]


def test_stage_that_restarts_itself_counts_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write([entry("crawl", 101, running=2.0), entry("crawl", 100, running=5.0)])
    assert [share.work for share in longest_repro()] == [5]


def test_missing_times_are_a_user_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="No stage has run"):
        longest_repro()
