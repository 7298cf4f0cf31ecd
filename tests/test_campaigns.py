"""The long campaigns, a little of each with a fixed seed."""

from campaigns import kills


def test_a_few_kills_lose_nothing():
    seen = kills.campaign(kills=4, seed=1, events=80)
    assert sum(seen.values()) == 8
