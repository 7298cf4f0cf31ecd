"""Picks: runs, peaks, which pick belongs to which earthquake, both edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_picker import detect, peaks, runs

from eqt.picking.picks import Thresholds, best
from steadkit.errors import InputError


def window(**columns):
    """Make probabilities; the keys are samples or ranges of them."""
    probabilities = np.zeros((6000, 3))
    for column, name in enumerate(("detection", "p", "s")):
        for key, value in columns.get(name, {}).items():
            probabilities[list(key) if isinstance(key, range) else key, column] = value
    return probabilities


def test_a_plain_earthquake():
    detections = detect(
        window(detection={range(700, 1500): 0.9}, p={700: 0.8}, s={1200: 0.7}), Thresholds()
    )
    assert len(detections) == 1
    assert (detections[0].start, detections[0].end) == (700, 1499)
    assert detections[0].probability == pytest.approx(0.9)
    assert (detections[0].p.sample, detections[0].s.sample) == (700, 1200)


def test_noise_has_nothing():
    assert detect(window(), Thresholds()) == []


def test_a_run_must_be_long_enough():
    short, enough = (
        detect(window(detection={range(100, 100 + n): 1}), Thresholds()) for n in (9, 10)
    )
    assert (len(short), len(enough)) == (0, 1)


@pytest.mark.parametrize(("lead", "belongs"), [(0, True), (100, True), (101, False)])
def test_p_may_come_a_second_before_the_detection(lead, belongs):
    detections = detect(
        window(detection={range(700, 1500): 0.9}, p={700 - lead: 0.8}), Thresholds()
    )
    assert (detections[0].p is not None) == belongs


def test_the_most_probable_peak_wins_not_the_first():
    detections = detect(
        window(
            detection={range(700, 1500): 0.9},
            p={650: 0.2, 720: 0.6, 730: 0.3},
            s={900: 0.3, 1000: 0.8, 1100: 0.5},
        ),
        Thresholds(),
    )[0]
    assert (detections.p.sample, detections.s.sample) == (720, 1000)


def test_s_comes_after_p():
    detections = detect(
        window(detection={range(700, 1500): 0.9}, p={800: 0.9}, s={750: 0.9, 1000: 0.2}),
        Thresholds(),
    )[0]
    assert detections.s.sample == 1000


def test_two_earthquakes_have_their_own_picks():
    detections = detect(
        window(
            detection={range(700, 1500): 0.9, range(1550, 2500): 0.8},
            p={700: 0.7, 1520: 0.9},
            s={1000: 0.6, 1900: 0.9},
        ),
        Thresholds(),
    )
    assert [(d.p.sample, d.s.sample) for d in detections] == [(700, 1000), (1520, 1900)]
    assert best(detections) == detections[1]


@pytest.mark.parametrize(
    ("detection", "p", "s"),
    [
        ({range(700, 801): 0.9, range(850, 1001): 0.9}, {760: 0.9}, {780: 0.9}),
        ({range(700, 721): 0.9, range(740, 901): 0.9}, {690: 0.9}, {}),
    ],
)
def test_no_pick_belongs_to_two_earthquakes(detection, p, s):
    detections = detect(window(detection=detection, p=p, s=s), Thresholds())
    assert len(detections) == 2
    assert sum(d.p is not None for d in detections) <= 1
    assert sum(d.s is not None for d in detections) <= 1


def test_edges_of_the_window_count():
    detections = detect(
        window(detection={range(0, 6000): 0.9}, p={0: 0.9}, s={5999: 0.8}), Thresholds()
    )[0]
    assert (detections.start, detections.end, detections.p.sample, detections.s.sample) == (
        0,
        5999,
        0,
        5999,
    )


def test_the_threshold_itself_is_not_above_it():
    assert detect(window(detection={range(700, 1500): 0.2}), Thresholds()) == []


@given(st.lists(st.booleans(), max_size=200))
def test_runs_cover_exactly_the_long_stretches(values):
    above = np.array(values, dtype=bool)
    covered = np.zeros_like(above)
    for first, last in runs(above):
        assert last - first + 1 >= 10
        assert above[first : last + 1].all()
        assert first == 0 or not above[first - 1]
        assert last == len(above) - 1 or not above[last + 1]
        covered[first : last + 1] = True
    text = "".join("x" if value else " " for value in above & ~covered)
    assert "x" * 10 not in text


def test_a_flat_top_is_one_peak():
    values = np.zeros(100)
    values[40:45] = 0.5
    assert [pick.sample for pick in peaks(values, 0.1)] == [42]


@pytest.mark.parametrize("value", [0, 1, -0.5, 2, float("nan")])
def test_thresholds_lie_between_0_and_1(value):
    with pytest.raises(InputError, match="p threshold"):
        Thresholds(p=value)


def test_no_detections_have_no_best():
    assert best([]) is None
