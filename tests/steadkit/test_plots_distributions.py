"""Distributions: every value is in its bin, the rose points where the traces come from."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadkit.info import SNR_COLUMNS, read_numbers
from steadkit.plots import distributions_figure, save
from steadkit.plots.overview import bin_edges

PANELS = {
    "source_magnitude": 0,
    "source_distance_km": 1,
    "source_depth_km": 2,
    "p_arrival_sample": 4,
    "s_minus_p_sec": 5,
}


def table(count=400):
    random = np.random.default_rng(0)
    columns = {column: random.gamma(4, 1, count) for column in PANELS}
    columns |= {column: random.normal(30, 10, count) for column in SNR_COLUMNS}
    columns["back_azimuth_deg"] = np.full(count, 95.0)
    return pd.DataFrame(columns)


@pytest.mark.parametrize("column", PANELS)
def test_every_bar_counts_what_lies_in_it(column):
    values = table()[column].to_numpy()
    ax = distributions_figure(table()).axes[PANELS[column]]
    shown = 0
    for bar in ax.patches:
        left, right = bar.get_x(), bar.get_x() + bar.get_width()
        assert bar.get_height() == ((values >= left) & (values < right)).sum()
        shown += bar.get_height()
    beyond = sum(int(text.get_text().split()[0]) for text in ax.texts)
    assert shown + beyond == len(values)
    assert beyond <= 0.005 * len(values)
    assert ax.get_ylabel() == "traces"


def test_panels_say_what_they_show():
    figure = distributions_figure(table())
    assert [ax.get_xlabel() for ax in figure.axes[:7]] == [
        "magnitude",
        "epicentral distance (km)",
        "source depth (km)",
        "SNR (dB)",
        "P arrival (sample)",
        "S minus P (s)",
        "epicentral distance (km)",
    ]
    assert figure.axes[7].get_title() == "back azimuth"
    legend = figure.axes[3].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["E", "N", "Z"]


def test_the_rose_points_where_the_traces_come_from():
    ax = distributions_figure(table()).axes[7]
    petals = {round(np.degrees(bar.get_x())): bar.get_height() for bar in ax.patches}
    assert {degrees: height for degrees, height in petals.items() if height} == {90: 400}
    assert ax.get_theta_offset() == pytest.approx(np.pi / 2)  # north is up
    assert ax.get_theta_direction() == -1  # and east is right


@pytest.mark.parametrize(("azimuth", "petal"), [(360.0, 0), (0.0, 0), (-10.0, 350), (359.99, 350)])
def test_the_rose_goes_round(azimuth, petal):
    ax = distributions_figure(pd.DataFrame({"back_azimuth_deg": [azimuth]})).axes[7]
    assert [round(np.degrees(bar.get_x())) for bar in ax.patches if bar.get_height()] == [petal]


def test_each_component_has_its_own_outline():
    data = table().assign(snr_db_Z=np.nan)
    outlines = list(distributions_figure(data).axes[3].patches)
    heights = [max(outline.get_xy()[:, 1], default=0) for outline in outlines]
    assert len(heights) == 3
    assert heights[0] > 0 and heights[1] > 0 and heights[2] == 0


def test_s_minus_p_against_distance_counts_each_trace():
    data = pd.DataFrame({"source_distance_km": [80.0] * 30 + [8.0], "s_minus_p_sec": [10.0] * 31})
    (cells,) = distributions_figure(data).axes[6].collections
    assert sorted(cells.get_array()) == [1, 30]


@pytest.mark.parametrize("data", [pd.DataFrame(), table() * np.nan])
def test_what_is_not_known_is_said(data, tmp_path):
    figure = distributions_figure(data)
    assert [ax.texts[0].get_text() for ax in figure.axes] == ["not known"] * 8
    save([figure], tmp_path / "a.png")


def test_one_trace_is_a_distribution_too(tmp_path):
    save([distributions_figure(table(1))], tmp_path / "a.svg")


@given(st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=200))
def test_bins_are_even_and_hold_all_but_a_tail(numbers):
    values = np.array(numbers)
    edges = bin_edges(values)
    assert np.diff(edges) == pytest.approx(edges[1] - edges[0])
    assert edges[0] <= values.min() + 1e-9
    assert (values > edges[-1]).sum() <= np.ceil(0.005 * len(values))
    assert 2 <= len(edges) <= 70


def test_the_order_of_the_rows_changes_nothing(tmp_path):
    mixed = table().sample(frac=1, random_state=1)
    for name, data in (("a", table()), ("b", mixed)):
        save([distributions_figure(data)], tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_real_p_arrivals_lie_on_whole_seconds(shared_data):
    numbers = read_numbers(shared_data / "stead_100samples.csv")
    bars = distributions_figure(numbers).axes[PANELS["p_arrival_sample"]].patches
    filled = [round(bar.get_x()) for bar in bars if bar.get_height()]
    assert filled == [400, 500, 600, 700, 800, 900]
