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
        some = [array[first : first + size] for array in arrays]
        yield Probabilities(*some)


@pytest.mark.parametrize("thresholds", [Thresholds(0.2, 0.1, 0.1), Thresholds(0.05, 0.02, 0.7)])
def test_what_is_kept_is_enough_at_any_threshold(thresholds):
    mean, std = bumps(1), bumps(2) * 0.1
    kept = extract_candidates(in_batches(mean, std), Thresholds())
    one_by_one = [detect(m, thresholds, s) for m, s in zip(mean, std, strict=True)]
    assert sum(map(len, one_by_one)) > 50
    for ours, theirs in zip(kept.detections(thresholds), one_by_one, strict=True):
        assert [(d.start, d.end, d.p, d.s) for d in ours] == [
            (d.start, d.end, d.p, d.s) for d in theirs
        ]
        for d, other in zip(ours, theirs, strict=True):
            assert d.probability == pytest.approx(other.probability, rel=1e-9)
            assert d.uncertainty == pytest.approx(other.uncertainty, rel=1e-9)


def test_the_highest_probabilities_are_kept():
    mean = bumps(3)
    kept = extract_candidates(in_batches(mean), Thresholds())
    np.testing.assert_array_equal(kept.highest, mean.max(axis=1))
    assert len(kept) == 12
    assert kept.detections(Thresholds())[0][0].uncertainty is None


def test_a_threshold_below_the_floor_is_asked_for_beforehand():
    low = Thresholds(1e-6, 1e-6, 1e-6)
    mean = bumps(4) * np.float32(0.005)
    kept = extract_candidates(in_batches(mean), low)
    theirs = [detect(one, low) for one in mean]
    assert [len(d) for d in kept.detections(low)] == [len(d) for d in theirs]
    assert kept.detections(low)[0][0].p == theirs[0][0].p is not None


def test_a_detection_threshold_nobody_asked_for_is_refused():
    with pytest.raises(InputError, match=r"0\.123 was not looked at"):
        extract_candidates(in_batches(bumps(5)), Thresholds()).detections(Thresholds(0.123))


def test_no_trace_at_all_is_refused():
    with pytest.raises(InputError, match="no trace to pick"):
        extract_candidates(iter(()), Thresholds())


def test_quiet_traces_offer_nothing():
    kept = extract_candidates(
        iter([Probabilities(np.zeros((3, 6000, 3), np.float32))]), Thresholds()
    )
    assert kept.detections(Thresholds()) == [[], [], []]
    assert len(kept.p.trace) == len(kept.s.trace) == 0


def test_runs_at_the_seam_of_two_traces_stay_apart():
    mean = np.zeros((2, 6000, 3), np.float32)
    mean[0, 5900:, 0], mean[1, :100, 0] = 0.8, 0.6
    mean[0, 5999, 1], mean[1, 0, 1] = 0.9, 0.7
    found = extract_candidates(iter([Probabilities(mean)]), Thresholds()).detections(Thresholds())
    assert [[(d.start, d.end, d.p.sample) for d in one] for one in found] == [
        [(5900, 5999, 5999)],
        [(0, 99, 0)],
    ]
    assert [one[0].probability for one in found] == pytest.approx([0.8, 0.6])
