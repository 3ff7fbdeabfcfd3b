import pytest

from herodex.stage_times import read_times, repro_key, timed


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """An empty folder, in which a stage of DVC runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_STAGE", "clean_images")


def test_time_of_a_stage_is_recorded(stage):
    with timed("stage"):
        pass
    (entry,) = read_times("stage")
    assert entry["stage"] == "clean_images"
    assert entry["running"] < 5 < entry["started"]


def test_time_until_an_error_is_not_recorded(stage):
    with pytest.raises(KeyboardInterrupt), timed("stage"):
        raise KeyboardInterrupt
    assert read_times("stage") == []


def test_process_outside_dvc_has_no_run():
    assert repro_key() == ""
