"""Labels: against the original generator's, at both edges, with missing arrivals."""

from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadkit.catalog import read_table
from steadkit.errors import InputError
from steadkit.labels import SHAPES as FORMULAS
from steadkit.labels import TARGETS, UNKNOWN, LabelConfig, shape_targets, targets
from steadkit.types import number_column

SHAPES = ("gaussian", "triangle", "box")


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_to_the_original_but_for_its_missing_last_sample(shared_data, shape):
    reference = np.load(shared_data / "eqt_reference.npz")
    table = read_table(shared_data / "ncedc_a.csv").set_index("trace_name", drop=False)
    table = table.loc[[name.decode() for name in reference["trace_name"]]]
    p, s = number_column(table, "p_arrival_sample"), number_column(table, "s_arrival_sample")
    made_targets = targets(p, s, LabelConfig(shape))
    # The original leaves out the last sample of each span: its Python slices end before it.
    last = {"detector": s + 0.4 * (s - p), "picker_P": p + 20, "picker_S": s + 20}
    for column, name in enumerate(TARGETS):
        expected = reference[f"label_{shape}"][..., column].astype(float)
        for row in range(len(p)):
            differs = np.flatnonzero(np.abs(made_targets[name][row, :, 0] - expected[row]) > 1e-3)
            span_ends = [] if np.isnan(p[row]) else [int(last[name][row])]
            # A triangle is zero there, and a detection may end with the window.
            inside = [
                end for end in span_ends if end < 6000 and made_targets[name][row, end, 0] > 0
            ]
            assert differs.tolist() == inside


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sample", [0, 1, 19, 20, 2999, 5979, 5980, 5998, 5999])
def test_the_peak_is_at_the_arrival_up_to_both_edges(shape, sample):
    label = targets(np.array([float(sample)]), np.array([np.nan]), LabelConfig(shape))
    p = label["picker_P"][0, :, 0]
    assert p[sample] == 1
    assert p.max() == 1
    inside = np.flatnonzero(p)
    width = 19 if shape == "triangle" else 20
    assert (inside.min(), inside.max()) == (max(sample - width, 0), min(sample + width, 5999))
    n_samples = min(sample, 5999 - sample, 25)
    before, after = p[sample - n_samples : sample], p[sample + 1 : sample + 1 + n_samples]
    np.testing.assert_array_equal(before, after[::-1])


def test_an_arrival_between_two_samples_is_symmetric_about_it():
    p = targets(np.array([100.5]), np.array([200.0]), LabelConfig("triangle"))["picker_P"][0, :, 0]
    assert p[100] == p[101] == p.max()
    assert p[99] == p[102]


def test_detection_runs_from_p_to_beyond_s():
    label = targets(np.array([1000.0]), np.array([2000.0]), LabelConfig(tail=0.5))["detector"]
    inside = np.flatnonzero(label[0, :, 0])
    assert (inside[0], inside[-1], len(inside)) == (1000, 2500, 1501)


def test_detection_ends_with_the_window():
    label = targets(np.array([4000.0]), np.array([5900.0]), LabelConfig())["detector"]
    assert np.flatnonzero(label[0, :, 0])[-1] == 5999


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sample", range(5980, 6000))
def test_late_picks_stop_the_original_s_gaussians_and_not_ours(shape, sample):
    label = targets(np.array([600.0]), np.array([float(sample)]), LabelConfig(shape))
    s = label["picker_S"][0, :, 0]
    distance = np.arange(6000) - sample
    np.testing.assert_allclose(s, FORMULAS[shape](distance, 20), atol=1e-7)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_pick_at_sample_0_is_missing_to_the_original_and_not_to_us(shape):
    label = targets(np.array([0.0]), np.array([100.0]), LabelConfig(shape))
    assert label["picker_P"][0, 0, 0] == 1
    assert np.flatnonzero(label["detector"][0, :, 0]).tolist() == list(range(141))


# Exact in binary, so that an end falls on the same side of a sample however it is computed.
sixty_fourths = st.integers(-7000 * 64, 13000 * 64).map(lambda number: number / 64)


@given(
    p=st.lists(st.one_of(st.just(nan), sixty_fourths), max_size=3),
    gaps=st.lists(st.one_of(st.just(nan), sixty_fourths.map(abs)), min_size=3, max_size=3),
    shape=st.sampled_from(SHAPES),
    half_width=st.integers(1, 60),
    tail=st.sampled_from([0.0, 0.4, 1.4]),
)
def test_any_events_as_the_definition_says(p, gaps, shape, half_width, tail):
    s = [its_p + gap for its_p, gap in zip(p, gaps, strict=False)]
    config = LabelConfig(shape, half_width, tail)
    rows, expected = np.zeros((2, 3, 6000), np.float32)
    shape_targets(*rows, p, s, config)
    samples = np.arange(6000)
    for its_p, its_s in zip(p, s, strict=True):
        end = its_p + config.duration if np.isnan(its_s) else its_s + tail * (its_s - its_p)
        expected[0][(samples >= its_p) & (samples <= end)] = 1
        for row, arrival in ((expected[1], its_p), (expected[2], its_s)):
            if -0.5 <= arrival < 5999.5:
                np.maximum(row, FORMULAS[shape](samples - arrival, half_width), out=row)
    np.testing.assert_allclose(rows, expected, atol=1e-6)


def test_without_s_detection_ends_with_the_coda_or_after_a_stated_length():
    p, s = np.array([600.0, 600.0, 600.0, 5500.0]), np.full(4, nan)
    ends = np.array([1500.0, nan, 500.0, nan])
    detector = targets(p, s, LabelConfig(duration=300), ends)["detector"][..., 0]
    spans = [np.flatnonzero(row)[[0, -1]].tolist() for row in detector]
    # A coda that has ended before P is not known.
    assert spans == [[600, 1500], [600, 900], [600, 900], [5500, 5800]]
    later = targets(np.array([5500.0]), np.array([nan]), LabelConfig())["detector"]
    assert np.flatnonzero(later[0, :, 0])[[0, -1]].tolist() == [5500, 5999]


def test_an_s_that_nobody_has_picked_is_marked_where_it_may_be():
    config = LabelConfig("box", mark_unknown=True)
    rows = np.zeros((3, 6000), np.float32)
    shape_targets(*rows, [600.5, 1300.0], [nan, 1400.0], config, 1500.0)
    assert (rows[:2] >= 0).all()
    marked = np.flatnonzero(rows[2] == UNKNOWN)
    around = np.arange(1380, 1421)  # the S of the other event is known
    assert marked.tolist() == np.setdiff1d(np.arange(601, 1501), around).tolist()
    assert (rows[2][around] == 1).all()
    label = targets(np.array([600.0, nan]), np.array([nan, nan]), config)["picker_S"][..., 0]
    assert np.flatnonzero(label[0] == UNKNOWN).tolist() == list(range(600, 6000))
    assert not label[1].any()  # of noise it is known that there is none


def test_several_events_of_a_trace_are_all_labelled():
    p = np.array([[600.0, 3000.0, 620.0], [700.0, nan, nan], [nan, nan, nan]])
    s = np.array([[900.0, 3100.0, nan], [nan, nan, nan], [nan, nan, nan]])
    label = targets(p, s, LabelConfig("triangle"))
    assert [int((label["picker_P"][row] == 1).sum()) for row in range(3)] == [3, 1, 0]
    assert [int((label["picker_S"][row] == 1).sum()) for row in range(3)] == [2, 0, 0]
    # Where two peaks overlap the larger one stands; halfway both are a half.
    assert label["picker_P"][0, 610, 0] == 0.5
    assert label["detector"][0, :, 0].sum() == (620 + 1000) - 600 + 1 + 141
    single = targets(p[:, 0], s[:, 0], LabelConfig("triangle"))
    np.testing.assert_array_equal(single["picker_P"][1:], label["picker_P"][1:])


@pytest.mark.parametrize("shape", SHAPES)
def test_targets_are_the_rows_that_shape_targets_writes(shape):
    p, s = np.array([[10.0, 5990.25]]), np.array([[400.5, nan]])
    label = targets(p, s, LabelConfig(shape))
    columns = np.zeros((6000, 3), np.float32)
    shape_targets(*columns.T, p[0].tolist(), s[0].tolist(), LabelConfig(shape))
    for column, name in enumerate(TARGETS):
        np.testing.assert_array_equal(label[name][0, :, 0], columns[:, column])


def test_arrivals_outside_have_no_peak_but_a_detection():
    label = targets(np.array([-5.0, 5900.0]), np.array([100.0, 6005.0]), LabelConfig())
    assert not label["picker_P"][0].any()
    assert label["picker_S"][0].argmax() == 100
    assert label["detector"][0].sum() == 143
    assert not label["picker_S"][1].any()
    assert label["detector"][1].sum() == 100


def test_p_and_s_that_do_not_go_together():
    for p, s in (((2,), (3,)), ((2, 2), (2,)), ((1, 2, 3), (1, 2, 3)), ((), ())):
        with pytest.raises(InputError, match="do not go together"):
            targets(np.zeros(p), np.zeros(s), LabelConfig())


def test_what_has_no_arrival_has_no_label():
    label = targets(np.array([np.nan, 700.0]), np.array([np.nan, np.nan]), LabelConfig())
    assert label["picker_P"][0].max() == label["detector"][0].max() == 0
    assert label["picker_P"][1].max() == label["detector"][1].max() == 1
    assert label["picker_S"].max() == label["picker_S"].min() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": "cone"},
        {"half_width": 0},
        {"half_width": 9999},
        {"half_width": 2.5},
        {"tail": -1},
        {"duration": -1},
    ],
)
def test_shapes_that_cannot_be(wrong):
    with pytest.raises(InputError):
        LabelConfig(**wrong)
