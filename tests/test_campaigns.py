"""The long campaigns, a little of each with a fixed seed."""

from campaigns import kills, overfit


def test_a_few_kills_lose_nothing():
    seen = kills.campaign(kills=4, seed=1, events=80)
    assert sum(seen.values()) == 8


def test_a_few_real_traces_are_learnt_by_heart(shared_data):
    batches = overfit.events_of(shared_data / "ncedc_a.hdf5", 4)
    p, s = overfit.overfit(batches, steps=500, rate=4e-3)
    # By chance 20 of 6000 samples would do; the whole campaign asks for 90 % of 32 traces.
    assert min(p, s) >= 0.5
