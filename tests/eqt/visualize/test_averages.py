"""Mean attention: against a mean taken by hand, events and noise apart."""

from dataclasses import replace

import numpy as np
from conftest import TINY

from eqt.visualize.activations import SECONDS_FROM_P, mean_attention
from eqt.visualize.time_axis import steps_of
from eqt.visualize.traces import SelectedTraces

CONFIG = replace(TINY, filters=(2,) * 7, kernels=(3,) * 7)
STEPS = steps_of("attentionD", CONFIG)


def make_traces(categories, seed):
    """Make traces of these kinds; the waveform's first sample tells which it is."""
    rows = [
        {"trace_category": "earthquake_local", "p_arrival_sample": 1000.0 + seed}
        if category == "event"
        else {"trace_category": "noise"}
        for category in categories
    ]
    waveforms = np.zeros((len(categories), 6000, 3), np.float32)
    waveforms[:, 0, 0] = np.arange(len(categories)) + 10 * seed
    return SelectedTraces([str(i) for i in range(len(categories))], waveforms, rows)


def attention(waveforms):
    """Attend, in each trace, to one step alone: that of its number."""
    weights = np.zeros((len(waveforms), 1, STEPS.count, STEPS.count), np.float32)
    for trace, number in enumerate(waveforms[:, 0, 0].astype(int)):
        weights[trace, 0, :, number] = 1
    return {"attentionD": weights}


def test_the_mean_is_over_all_parts_and_by_kind():
    chunks = [make_traces(["event", "noise"], 0), make_traces(["event", "event"], 1)]
    mean = mean_attention(attention, CONFIG, chunks)["attentionD"]
    assert mean.counts == (3, 1)
    events = np.zeros(STEPS.count)
    events[[0, 10, 11]] = 1 / 3
    np.testing.assert_allclose(mean.events[0], np.tile(events, (STEPS.count, 1)))
    assert (mean.noise[0].argmax(axis=1) == 1).all()


def test_what_is_received_is_told_by_seconds_after_p():
    mean = mean_attention(attention, CONFIG, [make_traces(["event", "noise", "event"], 1)])[
        "attentionD"
    ]
    assert mean.about_p.shape == (2, len(SECONDS_FROM_P))
    # Step 10 of the first event and 12 of the other receive all; P is at 10.01 s.
    for curve, step in zip(mean.about_p, (10, 12), strict=True):
        after = SECONDS_FROM_P[np.nanargmax(curve)]
        assert abs(after - (STEPS.seconds[step] - 10.01)) <= 0.13


def test_a_set_without_noise_has_no_mean_of_it():
    mean = mean_attention(attention, CONFIG, [make_traces(["event"], 0)])["attentionD"]
    assert np.isnan(mean.noise).all() and np.isfinite(mean.events).all()
