"""The plot command: every kind writes its figure, and bad input is one clear line."""

import click
import numpy as np
import pandas as pd
import pytest
from conftest import as_csv, names_of, refused, row

from steadkit.info import describe, read_numbers
from steadkit.plots import overview_figure, read_clear_event
from steadkit.plots.overview import sheet_facts
from steadkit.sources import source_from_path

NAME = names_of(1)[0]
MAGIC = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


@pytest.fixture
def placed(stead):
    """Write a small STEAD file whose traces have places, times and magnitudes."""

    def write(events=6, noise=2):
        names = names_of(events, noise)
        source = stead("small.hdf5", names)
        rows = []
        for number, name in enumerate(names):
            known = {"receiver_latitude": 40.0 + number / 10, "receiver_longitude": 10.0}
            if name.endswith("_EV"):
                known |= {
                    "source_latitude": 40.5,
                    "source_longitude": 10.5,
                    "source_magnitude": 2.5,
                    "source_depth_km": 7.0,
                    "back_azimuth_deg": 30.0 * number,
                    "source_distance_km": 20.0 + 10 * number,
                    "source_origin_time": "2019-12-31 23:59:58.00",
                }
            rows.append(row(name, number) | known)
        as_csv(rows).to_csv(source.csv, index=False)
        return source

    return write


FIGURES = [
    ("trace", (NAME,), f"{NAME}.png"),
    ("trace", (NAME, "--spectrogram", "--component", "E", "--from", "5", "--to", "12"), None),
    ("trace", tuple(names_of(2)), "small-traces.pdf"),
    ("spectrogram", (NAME,), f"{NAME}-spectrogram.png"),
    ("section", (), "small-section.png"),
    ("section", ("--event", "source1", "--component", "N"), None),
    ("map", (), "small-map.png"),
    ("distributions", (), "small-distributions.png"),
    ("overview", (), "small-overview.png"),
]


@pytest.mark.parametrize(("figure", "options", "name"), FIGURES)
def test_every_kind_is_written_under_its_own_name(placed, run, tmp_path, figure, options, name):
    source = placed()
    before = set(tmp_path.iterdir())
    result = run("steadkit", "plot", figure, source.hdf5, *options)
    assert result.exit_code == 0, result.output
    (written,) = set(tmp_path.iterdir()) - before
    assert result.stdout.strip() == written.name
    assert name in (None, written.name)
    assert written.read_bytes().startswith(MAGIC[written.suffix[1:]])


@pytest.mark.parametrize("ending", MAGIC)
def test_the_name_chooses_the_format(placed, run, tmp_path, ending):
    run("steadkit", "plot", "map", placed().csv, "-o", f"a.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes().startswith(MAGIC[ending])


@pytest.mark.parametrize("figure", ["map", "distributions", "overview"])
def test_a_table_alone_suffices_for_places_and_figures(placed, run, tmp_path, figure):
    source = placed()
    source.hdf5.unlink()
    assert run("steadkit", "plot", figure, source.csv).exit_code == 0
    assert (tmp_path / f"small-{figure}.png").is_file()


@pytest.mark.parametrize("arguments", [("trace", NAME), ("spectrogram", NAME), ("section",)])
def test_a_trace_without_its_waveform_is_refused(placed, run, arguments):
    source = placed()
    source.hdf5.unlink()
    figure, *names = arguments
    refused(run("steadkit", "plot", figure, source.csv, *names), "no 'small.hdf5'", "waveform")


def test_what_exists_is_replaced_only_when_told(placed, run, tmp_path):
    source = placed()
    content = b"\x89PNG\r\n\x1a\n of mine"
    (tmp_path / "a.png").write_bytes(content)
    refused(run("steadkit", "plot", "map", source.csv, "-o", "a.png"), "exists", "--overwrite")
    assert (tmp_path / "a.png").read_bytes() == content
    assert run("steadkit", "plot", "map", source.csv, "-o", "a.png", "--overwrite").exit_code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(MAGIC["png"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("trace",), f"name a trace to draw, {NAME}"),
        (("trace", "S0.XX_2020010100000_EV"), f"did you mean '{NAME}'"),
        (("trace", "../x"), "'../x'"),
        (("trace", NAME, "--from", "9", "--to", "3"), "from 9 to 3 s"),
        (("trace", NAME, "--to", "nan"), "nan"),
        (("trace", *names_of(2), "-o", "a.png"), "use .pdf"),
        (("map", "-o", "a.jpg"), "use .png, .pdf or .svg"),
        (("map", "-o", "nowhere/a.png"), "nowhere"),
        (("section", "--event", "none"), "'none'"),
        (("section", "--component", "R"), "R"),
    ],
)
def test_what_cannot_be_drawn_is_one_clear_line(placed, run, tmp_path, arguments, message):
    source = placed()
    before = sorted(tmp_path.iterdir())
    figure, *names = arguments
    refused(run("steadkit", "plot", figure, source.hdf5, *names), message)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("odd", ["1e308", "-1e12", "inf", "1e-320", "[]", "-90", "$x$", " "])
def test_absurd_values_are_drawn_around(placed, run, odd):
    source = placed()
    table = pd.read_csv(source.csv, dtype=str, keep_default_na=False)
    kept_columns = ["trace_name", "trace_category", "source_id"]
    table.loc[2, [column for column in table if column not in kept_columns]] = odd
    table.to_csv(source.csv, index=False)
    for figure in ("map", "distributions", "overview", "section"):
        assert run("steadkit", "plot", figure, source.hdf5).exit_code == 0
    assert run("steadkit", "plot", "trace", source.hdf5, names_of(3)[2]).exit_code == 0


def test_a_table_without_places_has_no_map_but_an_overview(stead, run):
    source = stead("small.hdf5")
    refused(run("steadkit", "plot", "map", source.csv), "nothing to map")
    assert run("steadkit", "plot", "overview", source.csv).exit_code == 0


def test_the_figure_is_opened_only_when_asked(placed, run, monkeypatch):
    opened = []
    monkeypatch.setattr(click, "launch", lambda path: opened.append(path) or 0)
    source = placed()
    run("steadkit", "plot", "map", source.csv)
    assert opened == []
    run("steadkit", "plot", "map", source.csv, "-o", "b.png", "--show")
    assert opened == ["b.png"]


def test_where_nothing_opens_figures_it_is_said(placed, run, monkeypatch):
    monkeypatch.setattr(click, "launch", lambda path: 1)
    result = run("steadkit", "plot", "map", placed().csv, "-o", "b.png", "--show")
    assert result.exit_code == 0
    assert "open it yourself" in result.stderr


def test_the_overview_has_map_figures_distributions_and_a_trace(placed):
    source = placed()
    numbers = read_numbers(source.csv)
    figure = overview_figure(describe(source.csv), numbers, read_clear_event(source, numbers))
    by_label = {ax.get_xlabel(): ax for ax in figure.axes}
    assert {"magnitude", "SNR (dB)", "S minus P (s)"} <= set(by_label)
    (trace,) = (ax for label, ax in by_label.items() if label.startswith("time since"))
    assert trace.get_title(loc="left") == "Z, SNR 22.5 dB"
    assert len(figure.axes[0].collections[0].get_offsets()) == 1
    assert len(figure.axes) == 1 + 8 + 3
    assert len(overview_figure(describe(source.csv), numbers).axes) == 1 + 8


def test_the_overview_says_what_info_says(placed):
    listed_facts = dict(sheet_facts(describe(placed(6, 2).csv)))
    assert listed_facts["traces"] == "8"
    assert listed_facts["events"] == "6"
    assert listed_facts["magnitude"] == "2.5 to 2.5, median 2.5"
    assert listed_facts["distance (km)"] == "20 to 70, median 45"
    assert listed_facts["from"] == "2020-01-01"


def test_the_real_records_are_drawn(shared_data, run, tmp_path):
    source = source_from_path(shared_data / "ncedc_a.hdf5")
    assert run("steadkit", "plot", "overview", source.hdf5, "-o", "a.pdf").exit_code == 0
    dead = "B066.PB_20100820165252_EV"  # two of its components are zeros
    for figure in ("trace", "spectrogram"):
        assert run("steadkit", "plot", figure, source.hdf5, dead).exit_code == 0
    noise = "AR.PG_19970801101412_NO"
    assert run("steadkit", "plot", "trace", source.hdf5, noise, "--spectrogram").exit_code == 0
    assert len(list(tmp_path.glob("*.png"))) == 3
    assert np.isnan(read_numbers(source.csv)["source_magnitude"]).all()
