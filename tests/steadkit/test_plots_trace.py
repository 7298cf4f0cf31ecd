"""Plots of traces: what is drawn stands at its second, its frequency and in its counts."""

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadkit.errors import InputError
from steadkit.plots import save, spectrogram_figure, trace_figure
from steadkit.plots.trace import heading, spectral_density

ROW = {
    "trace_name": "109C.TA_20060723155859_EV",
    "trace_start_time": "2006-07-23 15:59:00.960000",
    "p_arrival_sample": 700.0,
    "s_arrival_sample": 1894.0,
    "coda_end_sample": 2896.0,
    "source_magnitude": 3.6,
    "source_magnitude_type": "ml",
    "source_distance_km": 102.09,
    "source_depth_km": np.nan,
    "snr_db_E": 56.8,
    "snr_db_N": 55.4,
    "snr_db_Z": 47.4,
}


def spike(sample=700, component=2):
    waveform = np.zeros((6000, 3), np.float32)
    waveform[sample, component] = 250.0
    return waveform


def noise():
    return np.random.default_rng(0).normal(size=(6000, 3)).astype(np.float32)


def marks(ax):
    """Give the seconds of the upright lines by their label."""
    return {
        line.get_label(): line.get_xdata()[0]
        for line in ax.lines
        if not line.get_label().startswith("_")
    }


def texts(ax):
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("component", range(3))
def test_a_spike_and_the_p_mark_stand_at_the_same_second(component):
    axes = trace_figure(spike(700, component), ROW).axes
    assert len(axes) == 3
    seconds, counts = axes[component].lines[0].get_data()
    assert seconds[counts.argmax()] == 7.0
    assert counts.max() == 250.0
    for ax in axes:
        assert marks(ax) == {"P": 7.0, "S": 18.94, "coda end": 28.96}
        assert ax.get_xlim() == (0, 60)


def test_panels_say_what_they_are():
    figure = trace_figure(noise(), ROW)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["E, SNR 56.8 dB", "N, SNR 55.4 dB", "Z, SNR 47.4 dB"]
    assert [ax.get_ylabel() for ax in figure.axes] == ["counts"] * 3
    assert figure.axes[-1].get_xlabel() == "time since 2006-07-23 15:59:00.96 UTC (s)"
    assert figure.get_suptitle() == "109C.TA_20060723155859_EV\nM 3.6 ml, distance 102.1 km"
    assert texts(figure.axes[0]) == ["P", "S", "coda end"]
    assert texts(figure.axes[1]) == []


@pytest.mark.parametrize(
    ("start", "shown"),
    [
        ("2006-07-23 15:59:00.000000", "time since 2006-07-23 15:59:00 UTC (s)"),
        ("2006-07-23 15:50:00", "time since 2006-07-23 15:50:00 UTC (s)"),
        ("2006-07-23 15:50:10.5", "time since 2006-07-23 15:50:10.5 UTC (s)"),
        ("", "time (s)"),
    ],
)
def test_the_start_is_written_without_idle_zeros(start, shown):
    figure = trace_figure(noise(), ROW | {"trace_start_time": start})
    assert figure.axes[-1].get_xlabel() == shown


def test_a_trace_of_which_nothing_is_known_is_drawn(tmp_path):
    figure = trace_figure(noise(), {"trace_name": "A_NO", "p_arrival_sample": np.nan})
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["E", "N", "Z"]
    assert all(marks(ax) == {} for ax in figure.axes)
    save([figure], tmp_path / "a.png")


def test_a_component_of_zeros_is_drawn_flat_and_named():
    ax = trace_figure(spike(), ROW).axes[0]
    assert ax.get_title(loc="left") == "E, SNR 56.8 dB, all zero"
    assert ax.get_ylim() == (-1, 1)
    assert not ax.lines[0].get_ydata().any()


def test_an_arrival_at_sample_0_is_an_arrival():
    assert marks(trace_figure(noise(), {"p_arrival_sample": 0.0}).axes[0]) == {"P": 0.0}


@settings(max_examples=15)
@given(start=st.integers(0, 50), length=st.integers(1, 10))
def test_a_part_shows_its_samples_and_its_marks_alone(start, length):
    end = start + length
    for ax in trace_figure(noise(), ROW, start, end).axes:
        seconds = ax.lines[0].get_xdata()
        assert ax.get_xlim() == (start, end)
        assert seconds[0] == start
        assert seconds[-1] == pytest.approx(min(end, 59.99))
        assert len(seconds) == min(100 * length + 1, 6000 - 100 * start)
        arrivals = {"P": 7.0, "S": 18.94, "coda end": 28.96}
        assert marks(ax) == {k: v for k, v in arrivals.items() if start <= v <= end}


@pytest.mark.parametrize(
    ("start", "end"), [(-1, 5), (5, 5), (7, 3), (0, 61), (np.nan, 5), (0, np.inf), (0, 0.01)]
)
def test_parts_that_are_none_are_refused(start, end):
    for draw in (trace_figure, spectrogram_figure):
        with pytest.raises(InputError, match="cannot draw"):
            draw(noise(), ROW, start, end)


def test_the_spectrogram_stands_below_on_the_same_time_axis():
    figure = trace_figure(noise(), ROW, with_spectrogram="N")
    figure.draw_without_rendering()
    traces, below = figure.axes[:3], figure.axes[3]
    assert below.get_title(loc="left") == "spectrogram of N"
    for ax in traces:
        assert ax.get_xlim() == below.get_xlim()
        left, right = ax.get_position().intervalx
        assert below.get_position().intervalx == pytest.approx((left, right))
    assert {"P": 7.0, "S": 18.94}.items() <= marks(below).items()


def test_a_spectrogram_of_no_component_is_refused():
    with pytest.raises(InputError, match="'X' is none of E, N, Z"):
        trace_figure(noise(), ROW, with_spectrogram="X")


@pytest.mark.parametrize("hertz", [5, 12.5, 40])
def test_a_burst_is_brightest_at_its_time_and_frequency(hertz):
    time = np.arange(6000) / 100
    burst = np.sin(2 * np.pi * hertz * time) * np.exp(-((time - 21) ** 2))
    seconds, frequencies, decibels = spectral_density(burst)
    row, column = np.unravel_index(decibels.argmax(), decibels.shape)
    assert frequencies[row] == pytest.approx(hertz, abs=0.4)
    assert seconds[column] == pytest.approx(21, abs=0.1)
    assert decibels.max() - decibels.min() == pytest.approx(70)


def test_power_adds_up_to_the_variance():
    samples = np.random.default_rng(1).normal(scale=3, size=6000)
    _, frequencies, decibels = spectral_density(samples)
    density = 10 ** (decibels / 10)
    assert density.mean(axis=1).sum() * frequencies[1] == pytest.approx(9, rel=0.05)


def test_small_units_are_seen_as_well_as_counts():
    samples = np.random.default_rng(1).normal(size=6000)
    assert spectral_density(samples * 1e-6)[2] == pytest.approx(spectral_density(samples)[2] - 120)


def test_three_spectrograms_share_their_scale():
    waveform = noise() * np.float32([1, 10, 100])
    figure = spectrogram_figure(waveform, ROW)
    limits = {ax.collections[0].get_clim() for ax in figure.axes}
    assert len(figure.axes) == 3
    assert len(limits) == 1
    assert limits.pop()[1] == max(spectral_density(samples)[2].max() for samples in waveform.T)


@pytest.mark.parametrize("waveform", [np.zeros((6000, 3), np.float32), spike(), noise() * 0 + 5])
def test_silence_has_no_colour(waveform, tmp_path):
    figure = spectrogram_figure(waveform, ROW)
    assert np.ma.getmaskarray(figure.axes[0].collections[0].get_array()).all()
    save([figure, trace_figure(waveform, ROW, with_spectrogram="E")], tmp_path / "a.pdf")


def test_a_heading_leaves_out_what_is_not_known():
    assert heading({"trace_name": "A"}) == "A"
    assert heading({"source_depth_km": 10.0, "back_azimuth_deg": 7.4}) == (
        "depth 10.0 km, back azimuth 7°"
    )


def test_a_name_with_dollar_signs_stays_a_name(tmp_path):
    figure = trace_figure(noise(), {"trace_name": r"bucket0$1,:$\frac"})
    save([figure], tmp_path / "a.svg")
    assert figure.get_suptitle() == r"bucket0$1,:$\frac"


def test_the_callers_settings_stay_as_they_are(tmp_path):
    with matplotlib.rc_context({"font.size": 17, "text.parse_math": True}):
        before = dict(matplotlib.rcParams)
        figure = trace_figure(noise(), ROW)
        save([figure], tmp_path / "a.png")
        assert dict(matplotlib.rcParams) == before
        assert figure.axes[0].yaxis.label.get_size() == 8


def test_no_window_can_open():
    code = "import steadkit.plots, sys; print('matplotlib.pyplot' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_the_same_figure_is_the_same_bytes(tmp_path, ending):
    for name in "ab":
        save([trace_figure(noise(), ROW)], tmp_path / f"{name}.{ending}")
    first, second = ((tmp_path / f"{name}.{ending}").read_bytes() for name in "ab")
    assert first == second
    assert len(first) > 5000


def test_several_figures_are_pages_of_a_pdf(tmp_path):
    figures = [trace_figure(spike(sample), ROW) for sample in (100, 200, 300)]
    save(figures, tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().count(b"/Type /Page ") == 3
    with pytest.raises(InputError, match=r"3 figures.*use \.pdf"):
        save(figures, tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.hdf5", ".png"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"use \.png, \.pdf or \.svg"):
        save([trace_figure(noise(), ROW)], tmp_path / name)
    assert list(tmp_path.iterdir()) == []
