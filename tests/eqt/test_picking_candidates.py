"""Candidates: what is kept gives the same detections as all probabilities, at any threshold."""

import numpy as np
import pytest
from reference_picker import detect

from eqt.picking.candidates import extract_candidates
from eqt.picking.picks import Thresholds
from eqt.probabilities import Probabilities
from steadkit.errors import InputError


def bumps(seed, traces=12, samples=6000):
    """Make probabilities with runs and peaks of all heights, some at the edges."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(traces, samples // 40, 3))
    smooth = np.stack([np.repeat(noise[..., c], 40, axis=1) for c in range(3)], axis=-1)
    smooth += random.normal(0, 0.2, smooth.shape)
    return (1 / (1 + np.exp(3 - 2 * smooth))).astype(np.float32)


def in_batches(*arrays, size=5):
    for first in range(0, len(arrays[0]), size):
        batch = [array[first : first + size] for array in arrays]
        yield Probabilities(*batch)


@pytest.mark.parametrize("thresholds", [Thresholds(0.2, 0.1, 0.1), Thresholds(0.05, 0.02, 0.7)])
def test_what_is_kept_is_enough_at_any_threshold(thresholds):
    mean, std = bumps(1), bumps(2) * 0.1
    candidates = extract_candidates(in_batches(mean, std), Thresholds())
    references = [detect(m, thresholds, s) for m, s in zip(mean, std, strict=True)]
    assert sum(map(len, references)) > 50
    for detections, expected in zip(candidates.detections(thresholds), references, strict=True):
        assert [(d.start, d.end, d.p, d.s) for d in detections] == [
            (d.start, d.end, d.p, d.s) for d in expected
        ]
        for d, reference in zip(detections, expected, strict=True):
            assert d.probability == pytest.approx(reference.probability, rel=1e-9)
            assert d.uncertainty == pytest.approx(reference.uncertainty, rel=1e-9)


def test_the_highest_probabilities_are_kept():
    mean = bumps(3)
    candidates = extract_candidates(in_batches(mean), Thresholds())
    np.testing.assert_array_equal(candidates.highest, mean.max(axis=1))
    assert len(candidates) == 12
    assert candidates.detections(Thresholds())[0][0].uncertainty is None


def test_a_threshold_below_the_floor_is_asked_for_beforehand():
    low = Thresholds(1e-6, 1e-6, 1e-6)
    mean = bumps(4) * np.float32(0.005)
    candidates = extract_candidates(in_batches(mean), low)
    expected = [detect(window, low) for window in mean]
    assert [len(d) for d in candidates.detections(low)] == [len(d) for d in expected]
    assert candidates.detections(low)[0][0].p == expected[0][0].p is not None


def test_a_detection_threshold_nobody_asked_for_is_refused():
    with pytest.raises(InputError, match=r"0\.123 was not looked at"):
        extract_candidates(in_batches(bumps(5)), Thresholds()).detections(Thresholds(0.123))


def test_no_trace_at_all_is_refused():
    with pytest.raises(InputError, match="no trace to pick"):
        extract_candidates(iter(()), Thresholds())


def test_quiet_traces_offer_nothing():
    candidates = extract_candidates(
        iter([Probabilities(np.zeros((3, 6000, 3), np.float32))]), Thresholds()
    )
    assert candidates.detections(Thresholds()) == [[], [], []]
    assert len(candidates.p.trace) == len(candidates.s.trace) == 0


def test_runs_at_the_seam_of_two_traces_stay_apart():
    mean = np.zeros((2, 6000, 3), np.float32)
    mean[0, 5900:, 0], mean[1, :100, 0] = 0.8, 0.6
    mean[0, 5999, 1], mean[1, 0, 1] = 0.9, 0.7
    detections = extract_candidates(iter([Probabilities(mean)]), Thresholds()).detections(
        Thresholds()
    )
    assert [
        [(d.start, d.end, d.p.sample) for d in trace_detections] for trace_detections in detections
    ] == [
        [(5900, 5999, 5999)],
        [(0, 99, 0)],
    ]
    assert [trace_detections[0].probability for trace_detections in detections] == pytest.approx(
        [0.8, 0.6]
    )
