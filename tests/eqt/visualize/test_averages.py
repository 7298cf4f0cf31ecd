"""Mean attention: against a mean taken by hand, events and noise apart."""

from dataclasses import replace

import numpy as np
from conftest import TINY

from eqt.visualize.mean_attention import SECONDS_FROM_P, mean_attention
from eqt.visualize.time_axis import steps_of
from eqt.visualize.traces import SelectedTraces

CONFIG = replace(TINY, filters=(2,) * 7, kernels=(3,) * 7)
STEPS = steps_of("attentionD", CONFIG)


def part(kinds, seed):
    """Make traces of these kinds; the waveform's first sample tells which it is."""
    rows = [
        {"trace_category": "earthquake_local", "p_arrival_sample": 1000.0 + seed}
        if kind == "event"
        else {"trace_category": "noise"}
        for kind in kinds
    ]
    waveforms = np.zeros((len(kinds), 6000, 3), np.float32)
    waveforms[:, 0, 0] = np.arange(len(kinds)) + 10 * seed
    return SelectedTraces([str(i) for i in range(len(kinds))], waveforms, rows)


def attention(waveforms):
    """Attend, in each trace, to one step alone: that of its number."""
    weights = np.zeros((len(waveforms), 1, STEPS.count, STEPS.count), np.float32)
    for trace, number in enumerate(waveforms[:, 0, 0].astype(int)):
        weights[trace, 0, :, number] = 1
    return {"attentionD": weights}


def test_the_mean_is_over_all_parts_and_by_kind():
    parts = [part(["event", "noise"], 0), part(["event", "event"], 1)]
    found = mean_attention(attention, CONFIG, parts)["attentionD"]
    assert found.counts == (3, 1)
    events = np.zeros(STEPS.count)
    events[[0, 10, 11]] = 1 / 3
    np.testing.assert_allclose(found.events[0], np.tile(events, (STEPS.count, 1)))
    assert (found.noise[0].argmax(axis=1) == 1).all()


def test_what_is_received_is_told_by_seconds_after_p():
    found = mean_attention(attention, CONFIG, [part(["event", "noise", "event"], 1)])["attentionD"]
    assert found.about_p.shape == (2, len(SECONDS_FROM_P))
    # Step 10 of the first event and 12 of the other receive all; P is at 10.01 s.
    for curve, step in zip(found.about_p, (10, 12), strict=True):
        after = SECONDS_FROM_P[np.nanargmax(curve)]
        assert abs(after - (STEPS.seconds[step] - 10.01)) <= 0.13


def test_a_set_without_noise_has_no_mean_of_it():
    found = mean_attention(attention, CONFIG, [part(["event"], 0)])["attentionD"]
    assert np.isnan(found.noise).all() and np.isfinite(found.events).all()
