import logging

from herodex.progress import track


def test_track_yields_every_item_in_order():
    assert list(track(iter("abc"), 3, "spell", "letters")) == ["a", "b", "c"]


def test_track_logs_one_line_at_the_end_outside_a_terminal(caplog):
    caplog.set_level(logging.INFO)
    list(track(range(5), 5, "count", "numbers"))
    assert [record.getMessage().split(" in ")[0] for record in caplog.records] == ["count: 5 numbers"]


def test_track_logs_rate_and_time_left(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr("herodex.progress.time.monotonic", lambda: next(clock))
    list(track(range(2), 4, "count", "numbers"))
    assert caplog.records[0].getMessage() == "count: 1/4 numbers, 0.1/s, 60 s left"
