"""Info: counts, ranges, quartiles and gaps, of any table that can be read at all."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import as_csv, names_of, refused, row
from hypothesis import given, settings
from hypothesis import strategies as st

from steadkit.errors import InputError
from steadkit.info import describe, read_numbers
from steadkit.manifest import load, manifest_of
from steadkit.schema import EVENT, NOISE


def write(path, **columns):
    """Write a CSV of these columns alone, with names and categories."""
    count = len(next(iter(columns.values())))
    table = {"trace_name": [f"T{i}_EV" for i in range(count)], "trace_category": [EVENT] * count}
    pd.DataFrame(table | columns).to_csv(path, index=False)
    return path


def spread_of(info, figure):
    return next(spread for spread in info.spreads if spread.figure == figure)


def gaps_of(info, column):
    return next(gap for gap in info.gaps if gap.column == column)


def test_what_a_small_data_set_holds(stead):
    info = describe(stead(names=names_of(8, 4)).csv)
    assert info.counts == {
        "traces": 12,
        "earthquake_local": 8,
        "noise": 4,
        "earthquakes": 3,  # the fixture's earthquakes have three traces each
        "stations": 8,
        "networks": 1,
    }
    assert info.first == info.last == "2020-01-01 00:00:00"
    assert spread_of(info, "P arrival").median == 603.5
    assert spread_of(info, "SNR Z").greatest == 22.5
    assert gaps_of(info, "p_arrival_sample").missing == {EVENT: 0, NOISE: 4}
    assert gaps_of(info, "source_magnitude").missing == {EVENT: 8, NOISE: 4}


def test_the_real_rows_agree_with_pandas(shared_data):
    path = shared_data / "stead_100samples.csv"
    info, plain = describe(path), pd.read_csv(path, na_values=["None"])
    for figure, column in (
        ("magnitude", "source_magnitude"),
        ("distance", "source_distance_km"),
        ("depth", "source_depth_km"),
    ):
        expected = plain[column].describe()
        spread = spread_of(info, figure)
        assert spread.known == expected["count"]
        assert [spread.least, spread.lower_quartile, spread.median] == pytest.approx(
            expected[["min", "25%", "50%"]].tolist()
        )
        assert [spread.upper_quartile, spread.greatest] == pytest.approx(
            expected[["75%", "max"]].tolist()
        )
    waits = (plain["s_arrival_sample"] - plain["p_arrival_sample"]) / 100
    assert spread_of(info, "S minus P").greatest == pytest.approx(waits.max())
    assert info.counts["earthquakes"] == plain["source_id"].nunique()
    for gap in info.gaps:
        assert sum(gap.missing.values()) == plain[gap.column].isna().sum(), gap.column
        assert gap.unreadable == 0


def test_snr_is_told_by_component(tmp_path):
    ratios = ["[ 10.  20.  30.]", "[20. 40. 60.]", "None", "[1. 2.]"]
    info = describe(write(tmp_path / "a.csv", snr_db=ratios))
    assert [spread_of(info, f"SNR {c}").median for c in "ENZ"] == [15.0, 30.0, 45.0]
    assert gaps_of(info, "snr_db").unreadable == 1
    assert gaps_of(info, "snr_db").missing == {EVENT: 1, NOISE: 0}


def test_what_cannot_be_read_is_counted_and_left_out(tmp_path):
    magnitudes = ["1.0", "ml", "3.0", "", "inf", "-1e400"]
    info = describe(write(tmp_path / "a.csv", source_magnitude=magnitudes))
    assert spread_of(info, "magnitude").known == 2
    assert spread_of(info, "magnitude").greatest == 3.0
    assert gaps_of(info, "source_magnitude").unreadable == 3
    assert gaps_of(info, "source_magnitude").missing == {EVENT: 1, NOISE: 0}


def test_a_table_of_names_alone_is_described(tmp_path):
    info = describe(write(tmp_path / "a.csv", p_status=["manual", "None"]))
    assert info.counts["traces"] == info.counts["earthquakes"] == 2
    assert info.counts["stations"] == 0
    assert info.first is None
    assert all(spread.known == 0 and spread.median is None for spread in info.spreads)


def test_an_empty_table_is_described(tmp_path):
    (tmp_path / "a.csv").write_text("trace_name,trace_category\n")
    assert describe(tmp_path / "a.csv").counts["traces"] == 0


def test_times_of_several_manners_span_the_data(tmp_path):
    starts = ["2006-07-23 15:59:00.960000", "2001-01-01T00:00:00Z", "2020-05-05", "soon", "None"]
    info = describe(write(tmp_path / "a.csv", trace_start_time=starts))
    assert (info.first, info.last) == ("2001-01-01 00:00:00", "2020-05-05 00:00:00")


def test_a_table_in_several_pieces_is_one(tmp_path):
    count = 50_003  # more than is read at once
    depths = np.arange(count) % 1000
    path = write(
        tmp_path / "a.csv", source_depth_km=depths.astype(str), source_id=(depths // 2).astype(str)
    )
    info = describe(path)
    assert info.counts["traces"] == count
    assert info.counts["earthquakes"] == 500
    assert spread_of(info, "depth").upper_quartile == np.percentile(depths, 75)
    assert len(read_numbers(path)) == count


@settings(max_examples=20)
@given(order=st.permutations(range(9)))
def test_the_order_of_the_rows_changes_nothing(tmp_path_factory, order):
    folder = tmp_path_factory.mktemp("rows")
    table = as_csv([row(name, number) for number, name in enumerate(names_of(6, 3))])
    infos = []
    for rows in (range(9), order):
        table.iloc[list(rows)].to_csv(folder / "a.csv", index=False)
        infos.append(describe(folder / "a.csv"))
    assert infos[0] == infos[1]


def test_numbers_of_columns_that_are_missing_are_nan(tmp_path):
    table = read_numbers(write(tmp_path / "a.csv", p_arrival_sample=["600", "700"]))
    assert table["p_arrival_sample"].tolist() == [600, 700]
    assert table["snr_db_N"].isna().all()
    assert table["s_minus_p_sec"].isna().all()
    assert table["is_event"].all()


def test_waveforms_beside_the_table_are_counted(stead):
    source = stead(names=names_of(3, 2))
    for named in (source.csv, source.hdf5):
        waveforms = describe(named).waveforms
        assert waveforms["traces"] == 5
        assert waveforms["bytes"] == source.hdf5.stat().st_size
    source.hdf5.unlink()
    assert describe(source.csv).waveforms is None


def with_manifest(source, names):
    """Write a manifest beside a data set, with parts."""
    path = source.csv.with_suffix(".manifest")
    parts = ["train"] * (len(names) - 1) + ["test"]
    categories = [EVENT if name.endswith("_EV") else NOISE for name in names]
    manifest = manifest_of("small", {"operation": "subset", "seed": 7}, names, categories, parts)
    path.write_text(manifest.to_text())
    return path


def test_the_manifest_beside_is_told(stead):
    names = names_of(3, 2)
    source = stead(names=names)
    path = with_manifest(source, names)
    for named in (source.csv, source.hdf5, path):
        manifest = describe(named).manifest
        assert manifest["name"] == "small"
        assert manifest["recipe"]["seed"] == 7
        assert manifest["parts"] == {"test": 1, "train": 4}
        assert manifest["digest"] == load(path).digest


def test_a_manifest_alone_tells_what_it_lists(stead, run):
    names = names_of(3, 2)
    source = stead(names=names)
    path = with_manifest(source, names)
    source.csv.unlink()
    info = describe(path)
    assert info.counts == {"traces": 5, EVENT: 3, NOISE: 2}
    assert info.spreads == ()
    assert "small" in run("steadkit", "info", path).stdout


def test_an_altered_manifest_hides_no_data_but_is_named(stead, run):
    names = names_of(3, 2)
    source = stead(names=names)
    path = with_manifest(source, names)
    path.write_text(path.read_text().replace("\ttest\t", "\ttrain\t"))
    info = describe(source.csv)
    assert "altered" in info.manifest["fault"]
    assert info.counts["traces"] == 5
    source.csv.unlink()
    refused(run("steadkit", "info", path), "altered")


def test_json_says_what_python_says(stead, run):
    source = stead()
    result = run("steadkit", "info", source.csv, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads(json.dumps(describe(source.csv).as_dict()))


def test_the_table_shows_counts_and_quartiles(stead, run):
    shown = run("steadkit", "info", stead().hdf5).stdout
    lines = {line.split("│")[1].strip(): line for line in shown.splitlines() if "│" in line}
    assert "traces: 12" in shown
    assert lines["P arrival (samples)"].split("│")[2:6] == [
        f" {text:>{width}} " for text, width in (("8", 5), ("600.00", 6), ("601.75", 6))
    ] + [" 603.50 "]
    assert "12" not in lines["p_arrival_sample"]  # four noise traces lack it, no event does


def test_hostile_column_names_are_shown_as_text(tmp_path, run):
    path = write(tmp_path / "a.csv", **{"[/red]\x1b[31m": ["", "1"]})
    result = run("steadkit", "info", path)
    assert result.exit_code == 0, result.output
    assert r"[/red]\x1b[31m" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("trace_name,trace_category\nA_EV,quake\n", "quake"),
        ("a,b\n1,2\n", "trace_name"),
        ("", "not a STEAD CSV"),
        (b"\xff\xfe\x00", "a.csv"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, run, content, message):
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(run("steadkit", "info", path), message)


@pytest.mark.parametrize("name", ["nowhere.csv", "nowhere.hdf5", "nowhere.manifest", "a.txt", "."])
def test_files_that_are_not_there_are_refused(run, name):
    refused(run("steadkit", "info", name))


def test_an_hdf5_that_is_none_is_refused(stead):
    source = stead()
    source.hdf5.write_text("nothing")
    with pytest.raises(InputError, match="not an HDF5"):
        describe(source.csv)
