"""Labels: against the original generator's, at both edges, with arrivals missing."""

import numpy as np
import pytest

from steadkit.catalog import numbers, read_table
from steadkit.errors import InputError
from steadkit.labels import TARGETS, LabelConfig, targets

SHAPES = ("gaussian", "triangle", "box")


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_to_the_original_but_for_its_missing_last_sample(shared_data, shape):
    reference = np.load(shared_data / "eqt_reference.npz")
    table = read_table(shared_data / "ncedc_a.csv").set_index("trace_name", drop=False)
    table = table.loc[[name.decode() for name in reference["trace_name"]]]
    p, s = numbers(table, "p_arrival_sample"), numbers(table, "s_arrival_sample")
    ours = targets(p, s, LabelConfig(shape))
    # The original leaves out the last sample of each span: its Python slices end before it.
    last = {"detector": s + 0.4 * (s - p), "picker_P": p + 20, "picker_S": s + 20}
    for column, name in enumerate(TARGETS):
        wanted = reference[f"label_{shape}"][..., column].astype(float)
        for row in range(len(p)):
            differs = np.flatnonzero(np.abs(ours[name][row, :, 0] - wanted[row]) > 1e-3)
            allowed = [] if np.isnan(p[row]) else [int(last[name][row])]
            assert set(differs) <= set(allowed)


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
    reach = min(sample, 5999 - sample, 25)
    left, right = p[sample - reach : sample], p[sample + 1 : sample + 1 + reach]
    np.testing.assert_array_equal(left, right[::-1])


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


def test_what_has_no_arrival_has_no_label():
    label = targets(np.array([np.nan, 700.0]), np.array([np.nan, np.nan]), LabelConfig())
    assert label["picker_P"][0].max() == 0
    assert label["picker_P"][1].max() == 1
    assert label["picker_S"].max() == label["detector"].max() == 0


@pytest.mark.parametrize(
    "wrong", [{"shape": "cone"}, {"half_width": 0}, {"half_width": 9999}, {"tail": -1}]
)
def test_shapes_that_cannot_be(wrong):
    with pytest.raises(InputError):
        LabelConfig(**wrong)
