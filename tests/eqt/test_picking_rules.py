"""Rules one by one on windows made by hand, by both rule sets; random windows three ways."""

from dataclasses import fields, replace

import numpy as np
import pytest
from campaigns.picking import differences, found_in
from reference_picker import detect

from eqt.picking.candidates import extract_candidates
from eqt.picking.picks import Detection, Pick, Thresholds, select_row
from eqt.picking.rules import CORRECTED, PUBLISHED, TABLE, Rules
from eqt.probabilities import Probabilities

RULE_SETS = {"published": PUBLISHED, "corrected": CORRECTED}
NAN = float("nan")
DETECTED = {range(700, 1500): 0.9}
TWO = {range(700, 801): 0.9, range(850, 1001): 0.9}
LOW = Thresholds(1e-5, 1e-5, 1e-5)


def window(detection=(), p=(), s=()):
    """Make probabilities; the keys are samples or ranges of them."""
    probabilities = np.zeros((6000, 3), np.float32)
    for column, values in enumerate((detection, p, s)):
        for key, value in dict(values).items():
            probabilities[list(key) if isinstance(key, range) else key, column] = value
    return probabilities


# Columns, what is found as published, as corrected: start, end, P and S of each detection.
CASES = {
    "a run of 9": (
        ({range(700, 709): 0.9}, {705: 0.5}, {}),
        [],
        [],
    ),
    "a run of 10": (
        ({range(700, 710): 0.9}, {705: 0.5}, {}),
        [],
        [(700, 709, 705, None)],
    ),
    "a run of 11": (
        ({range(700, 711): 0.9}, {705: 0.5}, {}),
        [(700, 710, 705, None)],
        [(700, 710, 705, None)],
    ),
    "a run at the detection threshold": (
        ({range(700, 1500): 0.2}, {705: 0.5}, {}),
        [(700, 1499, 705, None)],
        [],
    ),
    "a run with a hole": (
        ({range(700, 720): 0.9, range(721, 800): 0.9}, {705: 0.5}, {760: 0.5}),
        [(700, 719, 705, None), (721, 799, 705, 760)],
        [(700, 719, None, None), (721, 799, 705, 760)],
    ),
    "a run with a NaN": (
        ({range(700, 800): 0.9, 720: NAN}, {}, {760: 0.5}),
        [(721, 799, None, 760)],
        [(700, 719, None, None), (721, 799, None, 760)],
    ),
    "a run to the end of the window": (
        ({range(5900, 6000): 0.9}, {5900: 0.5}, {5950: 0.5}),
        [(5900, 5999, 5900, 5950)],
        [(5900, 5999, 5900, 5950)],
    ),
    "a peak at the threshold": (
        (DETECTED, {705: 0.1}, {900: 0.1}),
        [(700, 1499, 705, 900)],
        [(700, 1499, 705, 900)],
    ),
    "a peak below the threshold": (
        (DETECTED, {705: 0.099}, {900: 0.5}),
        [(700, 1499, None, 900)],
        [(700, 1499, None, 900)],
    ),
    "a flat top": (
        (DETECTED, {range(705, 710): 0.5}, {range(900, 904): 0.5}),
        [(700, 1499, 705, 900)],
        [(700, 1499, 707, 901)],
    ),
    "a shelf on the way up": (
        (DETECTED, {704: 0.3, 705: 0.3, 706: 0.6}, {900: 0.3, 901: 0.3, 902: 0.6}),
        [(700, 1499, 706, 900)],
        [(700, 1499, 706, 902)],
    ),
    "equal maxima": (
        (DETECTED, {705: 0.5, 715: 0.5}, {900: 0.5, 950: 0.5}),
        [(700, 1499, 705, 900)],
        [(700, 1499, 705, 900)],
    ),
    "maxima that are equal when rounded": (
        (DETECTED, {705: 0.5001, 715: 0.5004}, {900: 0.5}),
        [(700, 1499, 705, 900)],
        [(700, 1499, 715, 900)],
    ),
    "a NaN next to a peak": (
        (DETECTED, {705: 0.5, 706: NAN}, {899: NAN, 900: 0.5}),
        [],
        [(700, 1499, None, None)],
    ),
    "a NaN two samples from a peak": (
        (DETECTED, {705: 0.5, 707: NAN}, {898: NAN, 900: 0.5}),
        [(700, 1499, 705, 900)],
        [(700, 1499, 705, 900)],
    ),
    "a NaN at the end of a flat top": (
        (DETECTED, {705: 0.5, 706: 0.5, 707: NAN}, {}),
        [(700, 1499, 705, None)],
        [(700, 1499, None, None)],
    ),
    "peaks at both edges": (
        ({range(6000): 0.9}, {0: 0.9}, {5999: 0.8}),
        [],
        [(0, 5999, 0, 5999)],
    ),
    "peaks next to both edges": (
        ({range(6000): 0.9}, {1: 0.9}, {5998: 0.8}),
        [(0, 5999, 1, 5998)],
        [(0, 5999, 1, 5998)],
    ),
    "a flat top that begins at the edge": (
        ({range(6000): 0.9}, {0: 0.9, 1: 0.9}, {900: 0.5}),
        [(0, 5999, None, 900)],
        [(0, 5999, 0, 900)],
    ),
    "P 100 samples before": (
        (DETECTED, {600: 0.5}, {900: 0.5}),
        [(700, 1499, None, 900)],
        [(700, 1499, 600, 900)],
    ),
    "P 99 samples before": (
        (DETECTED, {601: 0.5}, {900: 0.5}),
        [(700, 1499, 601, 900)],
        [(700, 1499, 601, 900)],
    ),
    "P 101 samples before": (
        (DETECTED, {599: 0.5}, {900: 0.5}),
        [(700, 1499, None, 900)],
        [(700, 1499, None, 900)],
    ),
    "P at the end": (
        (DETECTED, {1499: 0.5}, {}),
        [],
        [(700, 1499, 1499, None)],
    ),
    "S at the start": (
        (DETECTED, {}, {700: 0.5}),
        [],
        [(700, 1499, None, 700)],
    ),
    "S at the end": (
        (DETECTED, {705: 0.5}, {1499: 0.5}),
        [(700, 1499, 705, None)],
        [(700, 1499, 705, 1499)],
    ),
    "P before the detection and S in it": (
        (DETECTED, {640: 0.5}, {900: 0.5}),
        [(700, 1499, 640, 900)],
        [(700, 1499, 640, 900)],
    ),
    "P and S before the detection": (
        (DETECTED, {640: 0.5}, {680: 0.5}),
        [(700, 1499, 640, None)],
        [(700, 1499, 640, 680)],
    ),
    "S before the detection without P": (
        (DETECTED, {}, {680: 0.5}),
        [],
        [(700, 1499, None, None)],
    ),
    "S 10 samples after P": (
        (DETECTED, {705: 0.5}, {715: 0.5}),
        [(700, 1499, None, 715)],
        [(700, 1499, 705, 715)],
    ),
    "S 11 samples after P": (
        (DETECTED, {705: 0.5}, {716: 0.5}),
        [(700, 1499, 705, 716)],
        [(700, 1499, 705, 716)],
    ),
    "P and S at the same sample": (
        (DETECTED, {705: 0.5}, {705: 0.4}),
        [(700, 1499, None, 705)],
        [(700, 1499, 705, None)],
    ),
    "S before P": (
        (DETECTED, {800: 0.9}, {750: 0.9}),
        [(700, 1499, None, 750)],
        [(700, 1499, 800, None)],
    ),
    "a small S before P and one after it": (
        (DETECTED, {800: 0.9}, {750: 0.9, 1000: 0.2}),
        [(700, 1499, None, 750)],
        [(700, 1499, 800, 1000)],
    ),
    "two S": (
        (DETECTED, {705: 0.9}, {900: 0.2, 1000: 0.8}),
        [(700, 1499, 705, 900)],
        [(700, 1499, 705, 1000)],
    ),
    "two P": (
        (DETECTED, {650: 0.3, 720: 0.6}, {900: 0.5}),
        [(700, 1499, 720, 900)],
        [(700, 1499, 720, 900)],
    ),
    "a P head that fires on S": (
        (DETECTED, {705: 0.3, 1010: 0.6}, {1000: 0.5}),
        [(700, 1499, 705, 1000)],
        [(700, 1499, 705, 1000)],
    ),
    "a P head that fires on S, far surer of it": (
        (DETECTED, {705: 0.11, 1010: 0.99}, {1000: 0.11}),
        [(700, 1499, 705, 1000)],
        [(700, 1499, 705, 1000)],
    ),
    "a P head that fires on S, before another S": (
        (DETECTED, {705: 0.3, 1010: 0.6}, {1000: 0.5, 1200: 0.2}),
        [(700, 1499, 705, 1000)],
        [(700, 1499, 1010, 1200)],
    ),
    "a P head that fires on S alone": (
        (DETECTED, {1010: 0.6}, {1000: 0.5}),
        [(700, 1499, None, 1000)],
        [(700, 1499, 1010, None)],
    ),
    "a pair before the detection is not preferred": (
        (DETECTED, {640: 0.3, 690: 0.6}, {680: 0.5}),
        [(700, 1499, 690, None)],
        [(700, 1499, 690, None)],
    ),
    "no pick at all": (
        (DETECTED, {}, {}),
        [],
        [(700, 1499, None, None)],
    ),
    "two detections": (
        (
            {range(700, 1500): 0.9, range(1700, 2500): 0.8},
            {700: 0.7, 1690: 0.9},
            {1000: 0.6, 1900: 0.9},
        ),
        [(700, 1499, 700, 1000), (1700, 2499, 1690, 1900)],
        [(700, 1499, 700, 1000), (1700, 2499, 1690, 1900)],
    ),
    "two detections that touch": (
        ({range(700, 1500): 0.9, range(1501, 2500): 0.8}, {710: 0.7, 1480: 0.9}, {1400: 0.5}),
        [(700, 1499, 710, 1400), (1501, 2499, 1480, None)],
        [(700, 1499, 710, 1400), (1501, 2499, 1480, None)],
    ),
    "a P in the bounds of two": (
        (TWO, {760: 0.9}, {}),
        [(700, 800, 760, None), (850, 1000, 760, None)],
        [(700, 800, None, None), (850, 1000, 760, None)],
    ),
    "a P of two, S of each": (
        (TWO, {760: 0.9}, {780: 0.9, 900: 0.5}),
        [(700, 800, 760, 780), (850, 1000, 760, 900)],
        [(700, 800, None, 780), (850, 1000, 760, 900)],
    ),
}

LOW_CASES = {
    "several P that round to 0.000": (
        ({range(700, 1500): 2e-5}, {705: 2e-4, 720: 3e-4}, {900: 1e-3}),
        [(700, 1499, None, 900)],
        [(700, 1499, 720, 900)],
    ),
    "one P that rounds to 0.000": (
        ({range(700, 1500): 2e-5}, {705: 2e-4}, {900: 2e-4, 950: 3e-4}),
        [(700, 1499, 705, 900)],
        [(700, 1499, 705, 950)],
    ),
    "several P, one of which rounds to 0.001": (
        ({range(700, 1500): 2e-5}, {705: 4e-4, 720: 6e-4}, {900: 1e-3}),
        [(700, 1499, 720, 900)],
        [(700, 1499, 720, 900)],
    ),
}


@pytest.mark.parametrize("name", RULE_SETS)
@pytest.mark.parametrize(
    ("thresholds", "case"),
    [(Thresholds(), case) for case in CASES.items()] + [(LOW, case) for case in LOW_CASES.items()],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_window_by_hand(name, thresholds, case):
    columns, *expected = case[1]
    probabilities, rules = window(*columns), RULE_SETS[name]
    expected = expected[list(RULE_SETS).index(name)]
    assert found_in(detect(probabilities, thresholds, rules=rules)) == expected
    outputs = iter(
        [Probabilities(np.stack([probabilities, np.zeros_like(probabilities), probabilities]))]
    )
    detections = extract_candidates(outputs, thresholds, rules=rules).detections(thresholds)
    assert [found_in(trace_detections) for trace_detections in detections] == [
        expected,
        [],
        expected,
    ]


def test_probabilities_are_means_to_the_end_or_before_it():
    probabilities = window({range(700, 710): 0.5, 710: 1.0}, {705: 0.12345}, {})
    std = probabilities / 10
    published, corrected = (
        detect(probabilities, Thresholds(), std, rules)[0] for rules in (PUBLISHED, CORRECTED)
    )
    assert (published.probability, published.uncertainty) == (0.5, 0.05)
    assert published.p == Pick(705, 0.123, 0.012)
    assert corrected.probability == pytest.approx(6 / 11)
    assert corrected.uncertainty == pytest.approx(0.6 / 11)
    assert corrected.p.probability == pytest.approx(0.12345)
    assert corrected.p.uncertainty == pytest.approx(0.012345)


def test_the_row_of_a_trace_is_the_first_or_the_most_probable():
    detections = [
        Detection(700, 800, 0.3, Pick(700, 0.2)),
        Detection(2000, 2900, 0.9, Pick(2000, 0.9)),
    ]
    assert select_row(detections, PUBLISHED) == detections[0]
    assert select_row(detections, CORRECTED) == detections[1]
    assert select_row([], PUBLISHED) is select_row([], CORRECTED) is None


def test_the_table_sets_every_field_once_and_explains_it():
    names = [name for rule in TABLE for name in rule.values]
    assert sorted(names) == sorted({field.name for field in fields(Rules)} - {"name"})
    for rule in TABLE:
        assert all((rule.subject, rule.published, rule.corrected, rule.reason, rule.source))
        assert rule.published != rule.corrected
        for name, (published, corrected) in rule.values.items():
            assert (getattr(PUBLISHED, name), getattr(CORRECTED, name)) == (published, corrected)
            assert published != corrected


@pytest.mark.parametrize("seed", [1, 2])
def test_random_windows_are_picked_the_same_three_ways(seed):
    assert list(differences(300, seed)) == []


SEEN = sorted({field.name for field in fields(Rules)} - {"name", "first_row", "includes_end"})


@pytest.mark.parametrize("field", SEEN)
def test_random_windows_show_every_rule(field):
    """A picker with any rule of the other set differs from the loops."""
    changed = [
        replace(rules, **{field: getattr(other_rules, field)})
        for rules, other_rules in ((PUBLISHED, CORRECTED), (CORRECTED, PUBLISHED))
    ]
    assert any(True for _ in differences(1000, 3, changed))
