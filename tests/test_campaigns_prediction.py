"""The long campaigns of predictions, a little of each with a fixed seed."""

from collections import Counter

from campaigns import continuous_cuts, odd_files, prediction_kills, prediction_memory
from continuous_records import earthquake_times, predict_station, record
from loud_network import save_loud_network

START = "2024-02-03T05:00:00"


def test_a_record_that_is_cut_has_the_same_picks():
    times = earthquake_times(START, 130, 250, 251.5, 300, 388)
    stream = record(START, 520, times)
    compared, found = continuous_cuts.campaign(stream, predict_station, n_cuts=4, seed=1)
    assert compared > 50
    assert found == []


def test_the_cuts_are_compared_by_time_and_probability():
    whole = continuous_cuts.pd.DataFrame(
        {"phase": ["P", "P"], "time": [10**9, 3 * 10**9], "probability": [0.5, 0.3]}
    )
    later = whole.assign(time=whole["time"] + [20_000_000, 0])
    span = (0, 5 * 10**9)
    assert continuous_cuts.differences(whole, whole, span, 0.1) == []
    assert len(continuous_cuts.differences(whole, later, span, 0.1)) == 2  # one lost, one made
    assert len(continuous_cuts.differences(whole, whole.iloc[:1], span, 0.2995)) == 0
    assert len(continuous_cuts.differences(whole, whole.iloc[:1], span, 0.2)) == 1


def test_odd_files_are_counted_and_the_others_picked():
    found = odd_files.campaign(n_files=60, seed=2)
    kinds = found["kinds"]
    assert len(kinds) == len(set(odd_files.KINDS))
    assert found["picked"] == found["earthquakes"] == kinds["good"]
    assert found["other picks"] == 0
    assert found["could not be read"]["empty files"] == kinds["empty"]
    assert found["passed over"]["channels of long periods, LH"] == kinds["long period"]
    seconds = {"NaN or infinity": 40 * kinds["NaN"], "a constant value": 40 * kinds["constant"]}
    assert found["unused seconds"] == Counter(seconds)


def test_a_killed_prediction_ends_with_the_same_bytes():
    seen = prediction_kills.campaign(kills=1, seed=4, hours=0.1, workers=[1])
    assert seen["killed"] == 1
    assert seen["ended with the undisturbed run's bytes"] == 1


def test_memory_is_measured(tmp_path):
    weights = save_loud_network(tmp_path / "loud.keras")
    (memory,) = prediction_memory.campaign(weights, (1,), hours=0.05)
    assert 2e8 < memory < 8e9
