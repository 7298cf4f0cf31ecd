"""Record sections: every trace at its distance and at its time since the origin."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from steadkit.errors import InputError
from steadkit.plots import section_figure
from steadkit.plots.section import since_origin, trace_height

ORIGIN = "2020-01-01 00:00:00.50"
STARTS = ("2020-01-01 00:00:02.00", "2020-01-01 00:00:12.50", "2020-01-01 00:00:07.00")
DISTANCES = (20.0, 120.0, 70.0)


def table(**changes):
    columns = {
        "trace_name": ["A.XX_1_EV", "B.XX_1_EV", "C.XX_1_EV"],
        "network_code": ["XX"] * 3,
        "receiver_code": ["A", "B", "C"],
        "source_id": ["77"] * 3,
        "source_origin_time": [ORIGIN] * 3,
        "trace_start_time": list(STARTS),
        "source_distance_km": list(DISTANCES),
        "source_magnitude": [4.1] * 3,
        "p_arrival_sample": [200.0, 700.0, 500.0],
        "s_arrival_sample": [450.0, np.nan, 1300.0],
        "p_travel_sec": [np.nan] * 3,
    }
    return pd.DataFrame(columns | changes)


def waveforms():
    """Make a spike at the P arrival of each Z."""
    made = np.zeros((3, 6000, 3), np.float32)
    for i, sample in enumerate((200, 700, 500)):
        made[i, sample, 2] = 10.0 ** (i + 1)
    return made


def drawn(figure):
    """Give (distance, height, second of the peak) of each trace, from near to far."""
    traces = []
    for line in figure.axes[0].lines:
        seconds, km = line.get_data()
        base = float(np.median(km))
        traces.append((base, float(km.max() - base), float(seconds[km.argmax()])))
    return traces


def ticks(figure, phase):
    """Give (second, distance) of the marks of a phase."""
    collections = figure.axes[0].collections
    segments = next(c for c in collections if c.get_label() == phase).get_segments()
    return [(float(s[0, 0]), pytest.approx(float(s[:, 1].mean()))) for s in segments]


def test_traces_stand_at_distance_and_time_since_origin():
    traces = drawn(section_figure(waveforms(), table()))
    assert [base for base, _, _ in traces] == [20, 70, 120]
    assert [second for _, _, second in traces] == pytest.approx([3.5, 11.5, 19.0])


def test_each_trace_is_normalised():
    heights = [height for _, height, _ in drawn(section_figure(waveforms(), table()))]
    assert heights == pytest.approx([trace_height(np.array(DISTANCES))] * 3)


def test_p_and_s_are_marked_where_they_are_known():
    figure = section_figure(waveforms(), table())
    assert ticks(figure, "P") == [(3.5, 20.0), (11.5, 70.0), (19.0, 120.0)]
    assert ticks(figure, "S") == [(6.0, 20.0), (19.5, 70.0)]


def test_the_figure_says_what_it_is():
    ax = section_figure(waveforms(), table(), "E").axes[0]
    assert ax.get_title(loc="left") == (
        f"earthquake 77, {ORIGIN}, M 4.1\n3 traces, component E, each normalised"
    )
    assert ax.get_xlabel() == "time since origin (s)"
    assert ax.get_ylabel() == "epicentral distance (km)"
    assert [text.get_text() for text in ax.texts] == ["XX.A", "XX.C", "XX.B"]


def test_an_unknown_origin_time_follows_from_the_travel_time():
    rows = table(source_origin_time=["", "None", ORIGIN], p_travel_sec=[3.5, np.nan, 99.0])
    assert since_origin(rows) == pytest.approx([1.5, np.nan, 6.5], nan_ok=True)


def test_traces_without_distance_or_time_are_left_out_and_told():
    rows = table(source_distance_km=[20.0, np.nan, 70.0], source_magnitude=[np.nan] * 3)
    figure = section_figure(waveforms(), rows)
    assert [base for base, _, _ in drawn(figure)] == [20, 70]
    assert "1 without distance or origin time left out" in figure.axes[0].get_title(loc="left")


def test_nothing_to_draw_is_refused():
    with pytest.raises(InputError, match=r"no trace of earthquake 77 .*--event"):
        section_figure(waveforms(), table(source_distance_km=[np.nan] * 3))


def test_silent_traces_and_a_lone_one_are_drawn():
    figure = section_figure(waveforms()[:1] * 0, table().iloc[:1])
    assert drawn(figure)[0][:2] == (20.0, 0.0)


def test_the_order_of_the_rows_changes_nothing():
    order = [2, 0, 1]
    plain = section_figure(waveforms(), table())
    mixed = section_figure(waveforms()[order], table().iloc[order].reset_index(drop=True))
    assert drawn(plain) == drawn(mixed)
    assert ticks(plain, "S") == ticks(mixed, "S")


def test_labels_that_would_overlap_are_left_out():
    count = 200
    rows = pd.concat([table().iloc[:1]] * count, ignore_index=True)
    rows["source_distance_km"] = np.linspace(10, 11, count)
    rows["trace_name"] = [f"T{i:03d}" for i in range(count)]
    figure = section_figure(np.zeros((count, 6000, 3), np.float32), rows)
    assert len(figure.axes[0].lines) == count
    figure.draw_without_rendering()
    boxes = sorted((t.get_window_extent() for t in figure.axes[0].texts), key=lambda b: b.y0)
    assert 10 < len(boxes) < count
    assert all(above.y0 >= below.y1 - 1 for below, above in pairwise(boxes))
