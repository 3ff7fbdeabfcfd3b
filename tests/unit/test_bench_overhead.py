import json
from pathlib import Path

import pytest

from benchmarks.overhead import Share, longest_repro, shares
from herodex.errors import UserError
from herodex.stage_times import LOGGING_TIMES, STAGE_TIMES, StageTime


def entry(
    stage: str, started: float, starting: float = 1.0, running: float = 4.0, repro: str = "a"
) -> StageTime:
    return StageTime(
        stage=stage, repro=repro, started=started, starting=starting, running=running, cpu=running
    )


def write(path: Path, entries: list) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")


def test_the_time_of_a_run_is_split_into_dvc_python_logging_and_work():
    found = shares([entry("clean", 100), entry("train", 107)], {"train": 1.5})
    assert found == [Share("clean", 0, 1, 0, 4), Share("train", 2, 1, 1.5, 2.5)]
    assert [share.own for share in found] == [1, 4.5]


def test_the_parts_add_up_to_the_time_from_the_first_start_to_the_last_end():
    found = shares([entry("clean", 100), entry("embed", 105.5), entry("train", 112)], {"embed": 0.5})
    assert sum(share.own + share.work for share in found) == pytest.approx(117 - 100)


def test_a_stage_that_overlaps_the_one_before_takes_nothing_back():
    assert shares([entry("clean", 100), entry("train", 103)], {})[1].before == 0


def test_the_run_with_most_stages_is_told_and_of_several_the_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(
        STAGE_TIMES,
        [
            *(entry(stage, 100, repro="old") for stage in ("clean", "train")),
            *(entry(stage, 200, running=9.0, repro="new") for stage in ("clean", "train")),
            entry("train", 300, repro="part"),
        ],
    )
    write(
        LOGGING_TIMES,
        [{"stage": "train", "repro": repro, "seconds": s} for repro, s in (("old", 1), ("new", 2))],
    )
    assert [(share.stage, share.logging) for share in longest_repro()] == [("clean", 0), ("train", 2)]
    assert [share.work for share in longest_repro()] == [9, 7]


def test_a_stage_that_starts_itself_again_counts_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(STAGE_TIMES, [entry("crawl", 101, running=2.0), entry("crawl", 100, running=5.0)])
    assert [share.work for share in longest_repro()] == [5]


def test_without_a_run_one_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="No stage has been run"):
        longest_repro()
