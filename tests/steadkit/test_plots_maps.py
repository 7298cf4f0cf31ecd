"""Maps: places once each, the right shape, across the date line, sizes by magnitude."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadkit.errors import InputError
from steadkit.plots import map_figure, save
from steadkit.plots.maps import (
    KM_PER_DEGREE,
    marker_area,
    unique_places,
    unwrap_longitudes,
    western_edge,
)

COLUMNS = (
    "receiver_latitude",
    "receiver_longitude",
    "source_latitude",
    "source_longitude",
    "source_magnitude",
)


def table(*rows):
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=float)


CALIFORNIA = table(
    (33.0, -117.0, 33.5, -116.5, 2.0),
    (33.0, -117.0, 34.0, -117.5, 4.0),
    (33.2, -117.2, 34.0, -117.5, 4.0),
    (np.nan, np.nan, 33.1, -117.1, np.nan),
)
FIJI = table((-17.0, 178.0, -17.5, -178.0, 5.0), (-18.0, 179.5, -16.0, 179.9, np.nan))


def stations(ax):
    return sorted(map(tuple, np.round(np.transpose(ax.lines[0].get_data()), 4)))


def sources(ax):
    return sorted(map(tuple, np.round(ax.collections[0].get_offsets(), 4)))


def test_every_place_is_drawn_once():
    ax = map_figure(CALIFORNIA).axes[0]
    assert stations(ax) == [(-117.2, 33.2), (-117.0, 33.0)]
    assert sources(ax) == [(-117.5, 34.0), (-117.1, 33.1), (-116.5, 33.5)]


def test_the_legend_counts_and_gives_the_scale():
    (legend,) = map_figure(CALIFORNIA).legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["2 stations", "3 sources", "M 2", "M 3", "M 4"]
    sizes = [handle.get_markersize() for handle in legend.legend_handles[2:]]
    assert np.square(sizes) == pytest.approx(marker_area(np.array([2.0, 3.0, 4.0])))


def test_circles_grow_with_magnitude():
    circles = map_figure(CALIFORNIA).axes[0].collections[0]
    offsets = np.round(circles.get_offsets(), 4)
    by_place = dict(zip(map(tuple, offsets), circles.get_sizes(), strict=True))
    assert by_place[(-117.5, 34.0)] == marker_area(np.array([4.0]))[0]
    assert by_place[(-116.5, 33.5)] == marker_area(np.array([2.0]))[0]
    assert by_place[(-117.1, 33.1)] == by_place[(-116.5, 33.5)]  # unknown is drawn as 2


def test_a_degree_of_longitude_is_as_wide_as_it_is_there():
    ax = map_figure(CALIFORNIA).axes[0]
    middle = sum(ax.get_ylim()) / 2
    assert ax.get_aspect() == pytest.approx(1 / math.cos(math.radians(middle)))


def test_the_scale_bar_is_as_long_as_it_says():
    ax = map_figure(CALIFORNIA).axes[0]
    (left, right), (height, _) = ax.lines[1].get_data()
    kilometres = float(ax.texts[0].get_text().removesuffix(" km"))
    middle = math.cos(math.radians(sum(ax.get_ylim()) / 2))
    assert (right - left) * middle * KM_PER_DEGREE == pytest.approx(kilometres)
    assert height < min(latitude for _, latitude in stations(ax) + sources(ax))


def test_a_map_across_the_date_line_is_in_one_piece():
    ax = map_figure(FIJI).axes[0]
    assert stations(ax) == [(178, -17), (179.5, -18)]
    assert sources(ax) == [(179.9, -16), (182, -17.5)]
    assert np.ptp(ax.get_xlim()) < 6
    labels = [ax.xaxis.get_major_formatter()(degrees) for degrees in (178, 180, 182)]
    assert labels == ["178°E", "180°", "178°W"]


def test_latitudes_and_longitudes_are_written_with_their_letters():
    ax = map_figure(CALIFORNIA).axes[0]
    assert ax.yaxis.get_major_formatter()(-33.5) == "33.5°S"
    assert ax.yaxis.get_major_formatter()(0) == "0°"
    assert ax.xaxis.get_major_formatter()(-117) == "117°W"


@given(st.lists(st.floats(-360, 360), min_size=1, max_size=40))
def test_a_map_begins_east_of_the_widest_empty_stretch(longitudes):
    array = np.array(longitudes)
    west = western_edge(array)
    shifted = unwrap_longitudes(array, west)
    assert -180 <= west <= 180
    assert np.cos(np.radians(shifted)) == pytest.approx(np.cos(np.radians(array)), abs=1e-6)
    assert west - 1e-5 <= shifted.min() <= shifted.max() < west + 360
    if west != -180:
        assert 360 - np.ptp(shifted) >= np.diff(np.sort(shifted)).max(initial=0) - 1e-5


def test_the_whole_globe_begins_at_the_date_line(tmp_path):
    longitudes = np.arange(-180.0, 180, 10)
    world = table(*((0.5 * x, x, -0.5 * x, x, 3.0) for x in longitudes.clip(-170)))
    figure = map_figure(world)
    assert np.ptp(figure.axes[0].get_xlim()) <= 360
    assert min(figure.axes[0].get_ylim()) >= -90
    assert len(figure.axes[0].lines) == 1  # no scale bar: it would hold at one latitude alone
    save([figure], tmp_path / "a.png")


def test_places_that_cannot_be_are_left_out():
    wrong = table((91.0, 10.0, 45.0, 400.0, 3.0), (45.0, 10.0, 45.5, 10.5, 3.0))
    ax = map_figure(wrong).axes[0]
    assert stations(ax) == [(10, 45)]
    assert sources(ax) == [(10.5, 45.5)]


@pytest.mark.parametrize(
    "single", [table((45.0, 10.0, *[np.nan] * 3)), table((np.nan, np.nan, -89.9, 10.0, np.nan))]
)
def test_a_lone_place_is_drawn(single, tmp_path):
    save([map_figure(single)], tmp_path / "a.png")


def test_a_table_without_places_is_refused():
    with pytest.raises(InputError, match="nothing to map"):
        map_figure(CALIFORNIA * np.nan)


def test_large_sources_lie_below_small_ones_whatever_the_order():
    sources = unique_places(CALIFORNIA.iloc[::-1], "source", "source_magnitude")
    assert sources.equals(unique_places(CALIFORNIA, "source", "source_magnitude"))
    assert sources["source_magnitude"].dropna().is_monotonic_decreasing


def test_many_sources_are_drawn_as_pixels(tmp_path):
    random = np.random.default_rng(0)
    many = pd.DataFrame(random.uniform(30, 40, (6000, 5)), columns=list(COLUMNS))
    figure = map_figure(many)
    assert figure.axes[0].collections[0].get_rasterized()
    save([figure], tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").stat().st_size < 2e6
