"""Matching by hand: one pick an arrival, several earthquakes a trace, detections that overlap."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_scores import score_picks

from eqt.metrics import list_earthquakes, match_detections, match_picks

NAN = float("nan")


def pick_table(*pairs):
    return pd.DataFrame(pairs, columns=["trace_name", "seconds"])


def test_picks_right_in_time_by_hand():
    score, residuals = score_picks(
        {"a": 7.0, "b": 8.0, "c": 9.0},
        pick_table(("a", 7.1), ("a", 7.05), ("b", 8.6), ("n", 3.0)),
    )
    # One of a's picks is right, the nearer; b's is 0.6 s off, c has none, n is noise.
    assert (score.tp, score.fp, score.fn) == (1, 3, 2)
    np.testing.assert_allclose(residuals, [0.05])


@pytest.mark.parametrize(("seconds", "right"), [(7.5, 1), (6.5, 1), (7.51, 0), (6.49, 0)])
def test_the_tolerance_is_inclusive_on_both_sides(seconds, right):
    assert score_picks({"a": 7.0}, pick_table(("a", seconds)))[0].tp == right


def test_no_picks_and_no_arrivals():
    nothing, _ = score_picks({"a": 7.0}, pick_table())
    assert (nothing.tp, nothing.fp, nothing.fn) == (0, 0, 1)
    only_false, _ = score_picks({}, pick_table(("n", 3.0)))
    assert (only_false.tp, only_false.fp, only_false.fn) == (0, 1, 0)


def matched(arrivals, picks, tolerance=0.5, first=None):
    """Match pairs of (trace, seconds); returns pairs of numbers in order."""
    a, p = (np.array(pairs, float).reshape(-1, 2).T for pairs in (arrivals, picks))
    result = match_picks(a[0].astype(int), a[1], p[0].astype(int), p[1], tolerance, first)
    return sorted(zip(result.arrivals.tolist(), result.picks.tolist(), strict=True))


def test_two_earthquakes_in_a_trace_have_a_pick_each():
    arrivals = [(0, 7.0), (0, 30.0), (1, 7.0)]
    assert matched(arrivals, [(0, 30.1), (0, 7.1), (1, 7.2)]) == [(0, 1), (1, 0), (2, 2)]


def test_two_picks_for_one_arrival_are_one_right_and_one_wrong():
    score, residuals = score_picks(
        {"a": [7.0, 30.0]}, pick_table(("a", 7.2), ("a", 6.9), ("a", 50.0))
    )
    assert (score.tp, score.fp, score.fn) == (1, 2, 1)
    np.testing.assert_allclose(residuals, [-0.1])


def test_a_pick_counts_for_one_arrival_alone():
    assert matched([(0, 7.0), (0, 7.4)], [(0, 7.3)]) == [(1, 0)]


def test_of_two_that_are_as_near_the_first_is_taken():
    assert matched([(0, 7.0)], [(0, 7.1), (0, 6.9)]) == [(0, 0)]


def test_the_most_probable_may_choose_first():
    picks = [(0, 7.0), (0, 7.3)]
    assert matched([(0, 7.0)], picks) == [(0, 0)]
    assert matched([(0, 7.0)], picks, first=-np.array([0.2, 0.9])) == [(0, 1)]


def nearest_first(arrivals, picks, tolerance):
    """Match by the definition: the nearest pair, then the nearest of what is left."""
    pairs = [
        (round(abs(p - a), 6), i, j)
        for i, (t, a) in enumerate(arrivals)
        for j, (u, p) in enumerate(picks)
        if t == u and round(abs(p - a), 6) <= tolerance
    ]
    pairs_chosen = []
    for _, i, j in sorted(pairs):
        if all(i != k and j != m for k, m in pairs_chosen):
            pairs_chosen.append((i, j))
    return sorted(pairs_chosen)


pairs = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20).map(lambda n: n / 10)), max_size=8)


@given(pairs, pairs)
def test_matching_is_the_nearest_first(arrivals, picks):
    assert matched(arrivals, picks) == nearest_first(arrivals, picks, 0.5)


@pytest.mark.parametrize("order", [*permutations([(0, 5.0), (0, 5.2), (1, 5.1)])])
def test_the_order_of_picks_does_not_matter(order):
    right = matched([(0, 5.15), (1, 5.0)], order)
    assert {order[pick] for _, pick in right} == {(0, 5.2), (1, 5.1)}


def overlaps(p, s, spans, traces=None):
    truth = list_earthquakes(np.array(p, float), np.array(s, float))
    traces = np.zeros(len(spans), int) if traces is None else np.array(traces)
    events, detections = match_detections(
        truth.p, truth.s, truth.trace, np.array(spans).reshape(-1, 2), traces
    )
    return sorted(zip(events.tolist(), detections.tolist(), strict=True))


@pytest.mark.parametrize(
    ("span", "right"),
    [
        ((600, 1300), True),  # P 600, S 1100, and 0.4 times 500 beyond
        ((600, 950), True),  # 351 of 701 samples
        ((600, 949), False),
        ((0, 1400), True),  # 701 of 1401
        ((0, 1401), True),  # a half to the digit
        ((0, 1402), False),
        ((1500, 2500), False),
    ],
)
def test_a_detection_is_right_from_an_iou_of_a_half(span, right):
    assert overlaps([600], [1100], [span]) == ([(0, 0)] if right else [])


def test_a_second_detection_of_one_earthquake_is_wrong():
    assert overlaps([600], [1100], [(600, 1000), (600, 1300)]) == [(0, 1)]


def test_two_earthquakes_in_a_trace_have_their_own_detections():
    spans = [(3000, 3700), (600, 1300)]
    assert overlaps([[600, 3000]], [[1100, 3500]], spans) == [(0, 1), (1, 0)]


def test_the_end_of_the_window_cuts_the_earthquake():
    # From 5000 to 7100, of which 1000 samples are inside.
    assert overlaps([5000], [6500 - 1], [(5400, 5999)]) == [(0, 0)]


@pytest.mark.parametrize(
    ("span", "right"),
    [((650, 700), True), ((700, 800), True), ((701, 800), False), ((0, 599), False)],
)
def test_without_s_a_detection_has_to_hold_p(span, right):
    assert overlaps([600], [NAN], [span]) == ([(0, 0)] if right else [])


def test_nothing_there_and_nothing_found():
    assert overlaps([NAN], [NAN], [(600, 900)]) == []
    assert overlaps([600], [900], []) == []
    assert list_earthquakes(np.array([NAN]), np.array([NAN])).is_event.tolist() == [False]
