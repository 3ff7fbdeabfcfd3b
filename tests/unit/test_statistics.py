import pytest

from herodex.statistics import share


def test_wilsons_interval_matches_the_published_example():
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, table I: 81 of 263.
    figure = share(81, 263)
    assert (round(figure["low"], 4), round(figure["high"], 4), figure["n"]) == (0.2553, 0.3662, 263)


@pytest.mark.parametrize("hits", [0, 7])
def test_the_interval_stays_a_share_at_the_ends(hits):
    figure = share(hits, 7)
    assert 0 <= figure["low"] < figure["high"] <= 1
