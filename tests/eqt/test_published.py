"""The published weights pick as well as they are known to, on real and on simulated records."""

import numpy as np
import pytest
from campaigns import published

from eqt.formats import keras_v2

EVENTS = 100


@pytest.fixture(scope="module", params=published.NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(shared_data, name):
    return keras_v2.load(shared_data / f"eqt_{name}.h5")


@pytest.fixture(scope="module")
def real(shared_data):
    return published.real_records(shared_data)


# Hits in percent and their mean error in samples, of P and of S, and the traces detected.
KNOWN = {
    "original": ((91.5, 9.2), (92.7, 6.1), (78, 2)),
    "conservative": ((93.9, 10.2), (98.8, 6.2), (82, 16)),
}


def test_hits_and_errors_on_real_records(name, model, real):
    found = published.outputs(model, real.waveforms)
    is_event = np.isfinite(real.p)
    p, s, detected = KNOWN[name]
    for place, arrivals, known in ((1, real.p, p), (2, real.s, s)):
        share, error = published.hits(found[is_event, :, place], arrivals[is_event])
        assert (round(100 * share, 1), round(error, 1)) == known
    triggered = found[..., 0].max(axis=1) > published.DETECTED
    assert (triggered[is_event].sum(), triggered[~is_event].sum()) == detected


def test_the_position_bias_shows(name, model, real):
    errors = {}
    for position in (600, 650):
        moved = published.moved_to(real.events(), position)
        found = published.outputs(model, moved.waveforms)
        errors[position] = published.hits(found[..., 1], moved.p).error
    assert errors[600] < 1.5
    assert errors[650] > 9


def test_simulated_earthquakes_look_like_real_ones(shared_data):
    model = keras_v2.load(shared_data / "eqt_original.h5")
    events, noise = published.simulated_records(EVENTS), published.simulated_noise(EVENTS)
    assert len(np.unique(events.p)) > 0.9 * EVENTS
    found = published.outputs(model, events.waveforms)
    assert (found[..., 0].max(axis=1) > published.DETECTED).mean() >= 0.95
    assert published.hits(found[..., 1], events.p).share >= 0.90
    assert published.hits(found[..., 2], events.s).share >= 0.80
    silent = published.outputs(model, noise)[..., 0].max(axis=1) <= published.DETECTED
    assert silent.mean() >= 0.95
