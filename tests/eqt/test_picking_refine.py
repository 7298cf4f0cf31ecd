"""Picks moved to where the signal begins: there and no farther, and nothing else is touched."""

import numpy as np
import pytest
from scipy.signal import lfilter

from eqt.picking.refine import (
    AFTER,
    BEFORE,
    MIN_SEGMENT,
    onset_criterion,
    refine_detections,
    refine_picks,
)
from eqt.probabilities import Probabilities

SAMPLES = 1500
ONSET = 700


def event(seed=0, onset=ONSET, components=(0, 1, 2), rise=1):
    """Make noise with a wave that begins at a sample and reaches its full height after `rise`."""
    random = np.random.default_rng(seed)
    waveform = random.normal(size=(SAMPLES, 3))
    wave = 20 * lfilter([1], [1, -0.8], random.normal(size=(SAMPLES, 3)), axis=0)
    envelope = np.clip((np.arange(SAMPLES) - onset + 1) / rise, 0, 1)[:, np.newaxis]
    for component in components:
        waveform[:, component] += (wave * envelope)[:, component]
    return waveform[np.newaxis].astype(np.float32)


def bumps(*picks, height=0.8):
    """Give probabilities of which P's, or S's where column is 2, lie about some samples."""
    probabilities = np.zeros((1, SAMPLES, 3), np.float32)
    probabilities[..., 0] = 0.7
    for sample, column in picks:
        bell = height * np.exp(-0.5 * ((np.arange(SAMPLES) - sample) / 10) ** 2)
        probabilities[0, :, column] = np.maximum(probabilities[0, :, column], bell)
    return Probabilities(probabilities)


def picked(probabilities, column=1):
    return int(probabilities.mean[0, :, column].argmax())


@pytest.mark.parametrize("column", [1, 2])
@pytest.mark.parametrize("late", [-15, -8, -3, 0, 3, 8, 15])
def test_a_pick_goes_to_where_the_signal_begins(late, column):
    """Not beyond, and the more the nearer it was: the probability counts too."""
    refined = [refine_picks(bumps((ONSET + late, column)), event(seed)) for seed in range(20)]
    errors = np.abs([picked(probabilities, column) - ONSET for probabilities in refined])
    assert errors.max() <= max(abs(late), 3)
    assert errors.mean() <= max(0.7 * abs(late), 1)


def test_where_nothing_begins_a_pick_hardly_moves():
    for seed in range(20):
        noise = event(seed, components=())
        assert abs(picked(refine_picks(bumps((ONSET, 1)), noise)) - ONSET) <= 10


def test_a_peak_keeps_its_shape_and_all_else_its_place():
    before = bumps((ONSET + 12, 1), (ONSET + 300, 1), (ONSET + 500, 2))
    copy = before.mean.copy()
    after = refine_picks(before, event(rise=5))
    shift = picked(after) - (ONSET + 12)
    assert shift < 0
    around = slice(ONSET - 20, ONSET + 20)
    np.testing.assert_array_equal(after.mean[0, around, 1], np.roll(copy[0, :, 1], shift)[around])
    assert after.mean.max() == copy.max()
    far = np.r_[0 : ONSET + 12 - BEFORE, ONSET + 12 + AFTER : ONSET + 200]
    np.testing.assert_array_equal(after.mean[0, far], copy[0, far])
    np.testing.assert_array_equal(after.mean[..., 0], copy[..., 0])
    np.testing.assert_array_equal(before.mean, copy)


def test_the_deviation_goes_with_its_peak():
    mean = bumps((ONSET + 12, 1)).mean
    after = refine_picks(Probabilities(mean, mean / 7), event())
    np.testing.assert_allclose(after.std, after.mean / 7, rtol=1e-6)


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_the_unit_does_not_matter(unit):
    before = bumps((ONSET + 9, 1), (ONSET + 200, 2))
    reference, scaled = (refine_picks(before, event() * scale) for scale in (1, unit))
    np.testing.assert_array_equal(reference.mean, scaled.mean)


def test_p_is_looked_for_on_the_vertical_and_elsewhere_where_that_is_dead():
    waveforms = event(components=(0, 1))
    waveforms += event(1, ONSET + 10, (2,))
    assert abs(picked(refine_picks(bumps((ONSET + 4, 1)), waveforms)) - ONSET - 10) <= 3
    assert abs(picked(refine_picks(bumps((ONSET + 4, 2)), waveforms), 2) - ONSET) <= 3
    waveforms[..., 2] = 0
    assert abs(picked(refine_picks(bumps((ONSET + 4, 1)), waveforms)) - ONSET) <= 3
    waveforms[:] = 0
    assert picked(refine_picks(bumps((ONSET + 4, 1)), waveforms)) == ONSET + 4


@pytest.mark.parametrize("value", [0, 5])
def test_the_end_of_a_gap_is_no_arrival(value):
    noise = event(components=())
    noise[0, ONSET - 40 : ONSET - 20] = value
    assert picked(refine_picks(bumps((ONSET, 1)), noise)) == ONSET


@pytest.mark.parametrize("sample", [0, BEFORE - 1, SAMPLES - AFTER + 1, SAMPLES - 1])
def test_peaks_near_the_edge_stay(sample):
    before = bumps((sample, 1))
    np.testing.assert_array_equal(refine_picks(before, event(onset=sample)).mean, before.mean)


def test_a_peak_beside_a_higher_one_is_not_moved_for_itself():
    mean = np.maximum(bumps((ONSET + 5, 1)).mean, bumps((ONSET + 80, 1), height=0.3).mean)
    after = refine_picks(Probabilities(mean), event())
    assert abs(picked(after) - ONSET) <= 3
    rest = slice(ONSET + 60, ONSET + 120)
    np.testing.assert_array_equal(after.mean[0, rest], mean[0, rest])


def test_faint_peaks_stay_and_no_peak_is_no_fault():
    before = bumps((ONSET + 9, 1), height=0.04)
    np.testing.assert_array_equal(refine_picks(before, event()).mean, before.mean)
    nothing = Probabilities(np.zeros((3, SAMPLES, 3)))
    assert not refine_picks(nothing, np.zeros((3, SAMPLES, 3))).mean.any()


def test_each_trace_for_itself():
    onsets = [600, 800, 1000]
    waveforms = np.concatenate([event(seed, onset) for seed, onset in enumerate(onsets)])
    mean = np.concatenate([bumps((onset + 8, 1)).mean for onset in onsets])
    together = refine_detections(lambda w: Probabilities(mean))(waveforms)
    for number in range(3):
        alone = refine_picks(Probabilities(mean[[number]]), waveforms[[number]])
        np.testing.assert_array_equal(together.mean[number], alone.mean[0])


@pytest.mark.parametrize("scale", [1, 1e-6, 1e6])
def test_the_criterion_is_the_formula(scale):
    samples = scale * event()[0, ONSET - BEFORE : ONSET + AFTER, 2].astype(float)
    count, criterion = len(samples), onset_criterion(samples)
    for onset in range(MIN_SEGMENT, count - MIN_SEGMENT):
        quiet, loud = samples[:onset], samples[onset:]
        expected = onset * np.log(quiet.var()) + (count - onset - 1) * np.log(loud.var())
        assert criterion[onset] == pytest.approx(expected, rel=1e-6)
    assert np.isinf(criterion[:MIN_SEGMENT]).all() and np.isinf(criterion[-MIN_SEGMENT:]).all()
