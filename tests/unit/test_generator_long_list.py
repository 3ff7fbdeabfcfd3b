import pytest

from herodex.generator.long_list import (
    TIMED_STEPS,
    WARM_UP_STEPS,
    Workload,
    describe_time,
    log_estimate,
    plan,
    rough_minutes,
)
from herodex.params import load_params

PARAMS = load_params().generator
LONG_LIST = PARAMS.train.long_list


def test_epochs_of_a_long_list_are_bounded_by_its_characters():
    params = LONG_LIST.model_copy(update={"epochs": 9, "max_characters": 1000, "batch_size": 20})
    expected = {10: 9, 50: 4, 1000: 1}
    for names, epochs in expected.items():
        work = plan(["abcd"] * names, PARAMS.network, params)
        assert work == Workload(epochs, -(-names // 20), 5 * names, LONG_LIST.units)


def test_rough_time_grows_with_epochs_characters_and_units():
    work = plan(["abcdef"] * 60_000, PARAMS.network, LONG_LIST)
    assert 5 < rough_minutes(work) < 20
    assert rough_minutes(work._replace(characters=2 * work.characters)) == 2 * rough_minutes(work)
    assert rough_minutes(work._replace(epochs=1)) == rough_minutes(work) / work.epochs
    assert rough_minutes(work._replace(units=2 * work.units)) == pytest.approx(2**1.5 * rough_minutes(work))


def test_time_above_twenty_minutes_names_a_setting_that_makes_it_shorter():
    work = Workload(epochs=10, steps=100, characters=500_000, units=384)
    assert describe_time(0.2, work) == "1 min"
    assert describe_time(20, work) == "20 min"
    assert describe_time(50, work) == (
        "50 min; generator.train.long_list.max_characters: 2000000 makes it about 20 min, by fewer epochs"
    )
    assert describe_time(50, work._replace(epochs=1)) == (
        "50 min for a single epoch; a lower generator.train.long_list.units or a shorter list"
        " makes it shorter"
    )


def test_estimate_is_logged_once_and_changes_no_batch(caplog):
    caplog.set_level("INFO", "herodex")
    batches = [[[place]] for place in range(WARM_UP_STEPS + TIMED_STEPS + 9)]
    work = Workload(epochs=1, steps=len(batches), characters=100, units=1)
    assert list(log_estimate(iter(batches), work)) == batches
    assert [record.getMessage() for record in caplog.records] == [
        "training takes about 1 min on this machine"
    ]
