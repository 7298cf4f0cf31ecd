"""Geodesics on WGS84: known lines, and what obspy computes for any two points."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steadkit.geodesy import geodesics

# Four decimals, as catalogues have: 11 m.
latitudes = st.integers(-900_000, 900_000).map(lambda number: number / 10_000)
longitudes = st.integers(-1_800_000, 1_800_000).map(lambda number: number / 10_000)


def geodesic(*point):
    return [float(values[0]) for values in geodesics(*np.array(point, float)[:, None])]


# Computed with obspy.geodetics.gps2dist_azimuth of obspy 1.5.1.
LINES = {
    (32.8889, -117.1051, 33.7496, -117.4938): (102.091, 339.342, 159.129),
    (0, 0, 0, 90): (10018.754, 90.0, 270.0),
    (90, 0, 45, 10): (5017.021, 170.0, 0.0),
}


@pytest.mark.parametrize(("points", "expected"), LINES.items())
def test_known_lines(points, expected):
    km, azimuth, back_azimuth = geodesic(*points)
    assert km == pytest.approx(expected[0], abs=1e-3)
    assert turn(azimuth, expected[1]) < 1e-3
    assert turn(back_azimuth, expected[2]) < 1e-3


def turn(angle_a, angle_b):
    return abs((angle_a - angle_b + 180) % 360 - 180)


@given(latitudes, longitudes, latitudes, longitudes)
@example(90.0, 0.0, -90.0, 0.0)
@example(90.0, 10.0, 89.0, 100.0)
@example(0.0, 0.0, 0.0, 179.0)
@example(30.0, 10.0, -29.0, -171.5)
@example(45.0, 179.9, 45.0, -179.9)
@example(12.5, -70.25, 12.5, -70.25)
@example(90.0, 0.0, 90.0, 0.0001)
def test_agrees_with_obspy(latitude, longitude, to_latitude, to_longitude):
    base = pytest.importorskip("obspy.geodetics.base")
    try:
        metres, azimuth, back_azimuth = base.calc_vincenty_inverse(
            latitude, longitude, to_latitude, to_longitude
        )
    except StopIteration:
        return  # nearly antipodal: a test below
    line = geodesic(latitude, longitude, to_latitude, to_longitude)
    if metres > 1e-3:  # obspy also names a direction of no distance, from pole to pole too
        assert turn(line[1], azimuth) < 1e-3
        assert turn(line[2], back_azimuth) < 1e-3
        assert line[0] == pytest.approx(metres / 1000, rel=1e-6, abs=1e-6)


def test_nearly_antipodal_points_have_a_line_too():
    # Vincenty's iteration does not converge here.
    km, azimuth, back_azimuth = geodesic(0.0, 0.0, 0.5, 179.7)
    assert 19_900 < km < 20_010
    reverse = geodesic(0.5, 179.7, 0.0, 0.0)
    assert reverse == pytest.approx([km, back_azimuth, azimuth], abs=1e-9)


def test_equal_points():
    assert geodesic(45.0, 7.0, 45.0, 7.0) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("points", [(np.nan, 0, 1, 1), (0, 0, 91, 1), (0, np.nan, 1, 1)])
def test_what_is_no_point_has_no_line(points):
    assert np.isnan(geodesic(*points)).all()


def test_rows_do_not_disturb_one_another():
    rng = np.random.default_rng(0)
    points = rng.uniform(-80, 80, (4, 50))
    points[:, 7] = (0.0, 0.0, 0.5, 179.7)
    together = geodesics(*points)
    for i in range(50):
        alone = geodesic(*points[:, i])
        assert alone == pytest.approx([v[i] for v in together], abs=1e-9, nan_ok=True)
