"""Round trips through SeisBench's format: bits, columns, splits, and malformed files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import attributes_in, names_of, refused, waveforms_in
from hypothesis import given
from hypothesis import strategies as st

from steadkit.catalog import read_table
from steadkit.convert import from_seisbench, to_seisbench
from steadkit.convert.from_seisbench import shift_arrivals
from steadkit.convert.seisbench_columns import NAMES, extra_columns, to_stead
from steadkit.convert.seisbench_files import find_chunks, open_chunk, parse_slice
from steadkit.dataset_files import dataset_files
from steadkit.demo import demo
from steadkit.errors import InputError
from steadkit.manifest import load, manifest_of
from steadkit.records.resample import UnusableError
from steadkit.schema import COLUMNS
from steadkit.sources import Source, source_from_path

FORMAT = {"dimension_order": "CW", "component_order": "ZNE", "sampling_rate": 100}


def write_seisbench(
    folder: Path,
    rows: list[dict],
    data: dict[str, np.ndarray],
    chunk: str = "",
    **data_format: object,
) -> Path:
    """Write a data set in SeisBench's format."""
    folder.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / f"metadata{chunk}.csv", index=False)
    with h5py.File(folder / f"waveforms{chunk}.hdf5", "w") as file:
        for name, samples in data.items():
            file[f"data/{name}"] = samples
        for key, value in (FORMAT | data_format).items():
            if value is not None:
                file[f"data_format/{key}"] = value
    return folder


def event(name: str, p: float, s: float, **more: object) -> dict:
    """Make a metadata row of an event in SeisBench's format."""
    return {
        "trace_name": name,
        "trace_start_time": "2020-01-01T00:00:10.000Z",
        "trace_p_arrival_sample": p,
        "trace_s_arrival_sample": s,
        "trace_coda_end_sample": s + 500,
        "station_code": "ABC",
        "station_network_code": "XX",
        "source_magnitude": 2.5,
    } | more


def spike(length: int, *indices: int, components: int = 3) -> np.ndarray:
    """Make samples, (components, length), that are zero except at the given indices."""
    samples = np.zeros((components, length), np.float32)
    samples[:, list(indices)] = np.arange(1, components + 1)[:, None]
    return samples


def imported(folder: Path, seed: int = 0, **options: object) -> tuple[pd.DataFrame, dict]:
    """Import a folder; returns the rows by station and time, and the waveforms."""
    files = dataset_files(folder.parent / f"{folder.name}-{seed}.hdf5")
    from_seisbench(folder, files, seed, **options)
    return read_table(files.csv), waveforms_in(files.hdf5)


@pytest.fixture
def round_trip_of(tmp_path: Path) -> Callable[[Source], Source]:
    def round_trip(source: Source, **options: object) -> Source:
        to_seisbench([source], tmp_path / "sb", **options)
        from_seisbench(tmp_path / "sb", dataset_files(tmp_path / "back.hdf5"))
        return source_from_path(tmp_path / "back.hdf5")

    return round_trip


def assert_same(source_a: Source, source_b: Source) -> None:
    """Assert that two STEAD files hold the same bits, attributes and rows."""
    waveforms_a, waveforms_b = waveforms_in(source_a.hdf5), waveforms_in(source_b.hdf5)
    assert waveforms_a.keys() == waveforms_b.keys()
    for name, samples in waveforms_a.items():
        assert samples.tobytes() == waveforms_b[name].tobytes()
    pd.testing.assert_frame_equal(read_table(source_a.csv), read_table(source_b.csv))
    attributes_a, attributes_b = attributes_in(source_a.hdf5), attributes_in(source_b.hdf5)
    for name, attributes in attributes_a.items():
        assert {k: v for k, v in attributes_b[name].items() if v != ""} == {
            k: v for k, v in attributes.items() if v != ""
        }


def test_real_traces_come_back_to_the_bit(round_trip_of, shared_data):
    source = source_from_path(shared_data / "ncedc_a.hdf5")
    back = round_trip_of(source)
    assert_same(source, back)
    assert back.csv.read_bytes() == source.csv.read_bytes()


@pytest.mark.parametrize("bucket", [0, 1, 7, 1024])
def test_simulated_traces_come_back_to_the_bit(round_trip_of, tmp_path, bucket):
    demo(tmp_path / "demo", events=12, noise=4, seed=1)
    assert_same(
        source_from_path(tmp_path / "demo" / "chunk2.hdf5"),
        round_trip_of(source_from_path(tmp_path / "demo" / "chunk2.hdf5"), bucket=bucket),
    )


def test_all_real_rows_keep_all_their_columns(shared_data):
    table = read_table(shared_data / "stead_100samples.csv")
    renamed = table.rename(columns={column: names[0] for column, names in NAMES.items()})
    for row, original in zip(renamed.to_dict("records"), table.to_dict("records"), strict=True):
        back = to_stead(row, [])
        assert back == {column: original[column] for column in NAMES}
    assert set(NAMES) | {"trace_name"} == set(COLUMNS)


def test_a_time_without_fraction_gets_one_so_that_seisbench_can_read_the_column(stead, tmp_path):
    source = stead()
    table = read_table(source.csv)
    table["source_origin_time"] = ["2020-01-01 00:00:01", "2020-01-01 00:00:01.25"] * 6
    table.to_csv(source.csv, index=False)
    to_seisbench([source], tmp_path / "sb")
    times = pd.read_csv(tmp_path / "sb" / "metadata.csv")["source_origin_time"]
    assert pd.to_datetime(times).dt.microsecond.tolist() == [0, 250_000] * 6


def test_buckets_are_as_seisbench_writes_them(stead, tmp_path):
    to_seisbench([stead(names=names_of(5, 2))], tmp_path / "sb", bucket=3)
    table = pd.read_csv(tmp_path / "sb" / "metadata.csv")
    assert table["trace_name"].iloc[4] == "bucket1$1,:3,:6000"
    with h5py.File(tmp_path / "sb" / "waveforms.hdf5") as file:
        assert [file[f"data/bucket{i}"].shape for i in range(3)] == [(3, 3, 6000)] * 2 + [
            (1, 3, 6000)
        ]
        assert file["data_format/component_order"][()] == b"ZNE"
        assert file["data_format/sampling_rate"][()] == 100


def test_splits_have_buckets_of_their_own_and_come_back(stead, tmp_path):
    source = stead(names=names_of(6, 3))
    names = read_table(source.csv)["trace_name"].tolist()
    parts = ["train", "validation", "test", "-", "train", "test", "validation", "train", "train"]
    categories = read_table(source.csv)["trace_category"]
    # In another order than the rows, as a shuffled manifest is.
    listed = manifest_of("x", {}, names[::-1], categories, parts[::-1])
    source.hdf5.with_suffix(".manifest").write_text(listed.to_text())
    to_seisbench([source], tmp_path / "sb")
    table = pd.read_csv(tmp_path / "sb" / "metadata.csv", keep_default_na=False)
    splits = {"train": "train", "validation": "dev", "test": "test", "-": ""}
    assert table["split"].tolist() == [splits[part] for part in parts]
    assert table.groupby(table["trace_name"].str.partition("$")[0])["split"].nunique().max() == 1
    converted = from_seisbench(tmp_path / "sb", dataset_files(tmp_path / "back.hdf5"))
    assert list(load(tmp_path / "back.manifest").splits) == parts
    assert list(converted.manifest.traces) == names


def test_a_manifest_of_other_data_is_refused(stead, tmp_path, run):
    source = stead()
    manifest = manifest_of("x", {}, ["A_EV"], ["earthquake_local"], ["train"])
    source.hdf5.with_suffix(".manifest").write_text(manifest.to_text())
    result = run("steadkit", "convert", "to-seisbench", source.hdf5, "-o", "sb")
    refused(result, "does not list trace")
    assert not (tmp_path / "sb").exists()


def test_other_splits_are_kept_as_a_column(tmp_path):
    rows = [event("a", 500, 900, split="fold1"), event("b", 500, 900, split="test")]
    folder = write_seisbench(tmp_path / "sb", rows, {n: spike(6000, 500) for n in "ab"})
    table, _ = imported(folder)
    assert table["split"].tolist() == ["fold1", "test"]
    assert list(load(tmp_path / "sb-0.manifest").splits) == ["-", "test"]


def test_several_files_become_chunks_and_come_back(stead, tmp_path):
    sources = [stead("one.hdf5", names_of(3, 0, "A")), stead("two.hdf5", names_of(2, 2, "B"))]
    assert to_seisbench(sources, tmp_path / "sb") == 7
    assert (tmp_path / "sb" / "chunks").read_text() == "_one\n_two\n"
    assert [chunk.name for chunk in find_chunks(tmp_path / "sb")] == ["_one", "_two"]
    back = from_seisbench(tmp_path / "sb", dataset_files(tmp_path / "back.hdf5"))
    waveforms = waveforms_in(tmp_path / "back.hdf5")
    assert len(back.manifest.traces) == 7
    for source in sources:
        for name, samples in waveforms_in(source.hdf5).items():
            assert samples.tobytes() == waveforms[name].tobytes()
    # Without the list the files' names tell.
    (tmp_path / "sb" / "chunks").unlink()
    assert len(find_chunks(tmp_path / "sb")) == 2


def test_a_real_data_set_of_20_hz_is_taken_to_100_hz(shared_data, tmp_path):
    converted = from_seisbench(shared_data / "seisbench_dummy", dataset_files(tmp_path / "d.hdf5"))
    manifest = converted.manifest
    assert dict(converted.skipped) == {}
    assert {part: list(manifest.splits).count(part) for part in set(manifest.splits)} == {
        "train": 60,
        "validation": 10,
        "test": 30,
    }
    table = read_table(tmp_path / "d.csv")
    first = table.iloc[0]
    assert first["trace_name"] == "PB01.CX_20070101014245_EV"
    assert first["trace_start_time"] == "2007-01-01 01:42:45.080000"
    assert first["trace_name_source"] == "2007_01_01 01_42_45_08"
    assert first["source_event_category"] == "ID"
    assert first["receiver_type"] == "BH"
    assert first["trace_source_sampling_rate_hz"] == "20.0"
    with h5py.File(shared_data / "seisbench_dummy" / "waveforms.hdf5") as file:
        recorded = file["data/bucket0"][0].T[:, ::-1]
    # A fifth of the samples are at the recorded times: below 9 Hz they are the recorded ones.
    ours = waveforms_in(tmp_path / "d.hdf5")[first["trace_name"]]
    assert np.corrcoef(ours[::5, 2], recorded[:, 2])[0, 1] > 0.9999


def test_a_long_record_is_cut_and_everything_moves_along(tmp_path):
    row = event("a", 2500, 2700, trace_Pg_arrival_sample=2510, trace_sampling_rate_hz=50)
    folder = write_seisbench(
        tmp_path / "sb", [row], {"a": spike(8000, 2500, 2700)}, sampling_rate=None
    )
    table, waveforms = imported(folder)
    converted = table.iloc[0]
    p, s = float(converted["p_arrival_sample"]), float(converted["s_arrival_sample"])
    assert 400 <= p <= 900
    assert s == p + 400
    assert converted["coda_end_sample"] == f"[[{p + 1400:.0f}.]]"
    assert float(converted["trace_Pg_arrival_sample"]) == p + 20
    shift_s = (5000 - p) / 100
    start = pd.Timestamp(converted["trace_start_time"])
    assert start == pd.Timestamp("2020-01-01 00:00:10") + pd.Timedelta(seconds=shift_s)
    samples = waveforms[converted["trace_name"]]
    # E, N, Z of a record that was Z, N, E; both spikes where the arrivals say.
    assert np.abs(samples).argmax(axis=0).tolist() in ([int(p)] * 3, [int(s)] * 3)
    assert samples[int(p), 0] == pytest.approx(3 * samples[int(p), 2])
    assert converted["trace_sampling_rate_hz"] == "100.0"


def test_a_short_record_is_filled_with_zeros(tmp_path):
    folder = write_seisbench(tmp_path / "sb", [event("a", 100, 900)], {"a": spike(3000, 100, 900)})
    table, waveforms = imported(folder)
    p = int(float(table["p_arrival_sample"].iloc[0]))
    samples = next(iter(waveforms.values()))
    assert 400 <= p <= 900
    assert np.flatnonzero(samples[:, 0]).tolist() == [p, p + 800]
    before = 10 - (p - 100) / 100
    assert pd.Timestamp(table["trace_start_time"].iloc[0]).timestamp() % 60 == pytest.approx(before)


def test_the_window_follows_from_the_seed_and_the_name_not_from_the_order(tmp_path):
    rows = [event(f"t{i}", 9000, 9500, station_code=f"S{i}") for i in range(8)]
    data = {f"t{i}": spike(20_000, 9000) for i in range(8)}
    first_table, _ = imported(write_seisbench(tmp_path / "one", rows, data))
    reversed_table, _ = imported(write_seisbench(tmp_path / "two", rows[::-1], data))
    reseeded, _ = imported(tmp_path / "one", seed=1)
    assert first_table.set_index("trace_name").equals(
        reversed_table.set_index("trace_name").loc[first_table["trace_name"]]
    )
    column = "p_arrival_sample"
    assert first_table[column].nunique() > 5
    assert (first_table[column] != reseeded[column]).sum() > 5


@pytest.mark.parametrize(("order", "axes"), [("CW", (0, 1)), ("WC", (1, 0))])
@pytest.mark.parametrize("components", ["ENZ", "ZNE", "Z12H", "Z", "NE"])
def test_any_order_of_components_and_dimensions_becomes_e_n_z(tmp_path, order, axes, components):
    samples = spike(6000, 500, components=len(components))
    folder = write_seisbench(
        tmp_path / "sb",
        [event("a", 500, 900)],
        {"a": samples.transpose(axes)},
        dimension_order=order,
        component_order=components,
    )
    _, waveforms = imported(folder)
    letters = components.replace("1", "N").replace("2", "E")
    expected = [letters.index(c) + 1 if c in letters else 0 for c in "ENZ"]
    assert next(iter(waveforms.values()))[500].tolist() == expected


def test_the_component_order_of_a_row_counts_before_that_of_the_file(tmp_path):
    row = event("a", 500, 900, trace_component_order="NZE")
    folder = write_seisbench(tmp_path / "sb", [row], {"a": spike(6000, 500)})
    _, waveforms = imported(folder)
    assert next(iter(waveforms.values()))[500].tolist() == [3, 1, 2]


def test_a_format_of_lists_and_no_buckets_is_read(tmp_path):
    folder = write_seisbench(
        tmp_path / "sb",
        [event("group/a", 500, 900)],
        {"group/a": spike(6000, 500)},
        component_order=np.array(["Z", "N", "E"], dtype="S1"),
        dimension_order=np.array(["C", "W"], dtype="S1"),
    )
    table, _ = imported(folder)
    assert table["trace_name"].tolist() == ["ABC.XX_20200101000010_EV"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trace_p_arrival_sample": "soon"}, "not a number"),
        ({"trace_p_arrival_sample": 9000}, "arrival outside"),
        ({"trace_s_arrival_sample": 6500}, "S too late after P"),
        ({"trace_p_arrival_sample": "", "trace_s_arrival_sample": ""}, "no P arrival"),
        ({"trace_category": "quarry blast"}, "category that STEAD has not"),
        ({"trace_name": "nowhere"}, "no samples of that name"),
        ({"trace_name": "../../x"}, "no samples of that name"),
        ({"trace_name": "bucket$9,:3"}, "beyond its block"),
        ({"trace_name": "bucket$0;1"}, "place in its block"),
        ({"trace_name": "broken"}, "no samples of that name"),
        ({"trace_name": "away"}, "no samples of that name"),
        ({"trace_name": "nan"}, "NaN or infinity"),
        ({"trace_name": "text"}, "not components by time"),
        ({"trace_name": "complex"}, "samples that are complex numbers"),
        ({"trace_name": "huge"}, "more samples than a record has"),
        ({"trace_sampling_rate_hz": 0}, "sampling rate"),
        ({"trace_sampling_rate_hz": "fast"}, "sampling rate"),
        ({"trace_component_order": "ZNEX"}, "component order"),
        ({"trace_component_order": "ABC"}, "component order"),
    ],
)
def test_a_trace_that_cannot_be_used_is_counted_and_the_others_are_written(
    tmp_path, run, change, reason
):
    good = event("good", 500, 900, station_code="GOOD")
    folder = write_seisbench(
        tmp_path / "sb",
        [good | {"trace_category": "earthquake"}, event("bad", 500, 900) | change],
        {"good": spike(6000, 500), "bad": spike(7000, 500), "bucket": np.zeros((2, 3, 7000))},
    )
    with h5py.File(folder / "waveforms.hdf5", "a") as file:
        file["data/broken"] = h5py.SoftLink("/data/nothing")
        file["data/complex"] = np.zeros((3, 6000), "c8")
        file["data/away"] = h5py.ExternalLink("/etc/passwd", "/")
        file["data/nan"] = np.full((3, 6000), np.nan)
        file["data/text"] = np.array([[b"a"] * 6000] * 3)
        file["data"].create_dataset("huge", (3, 10**12), "f4", chunks=(1, 1000))
    result = run("steadkit", "convert", "from-seisbench", folder, "-o", "out")
    assert result.exit_code == 0, result.output
    assert "left out 1: 1 " in result.output
    assert reason in result.output
    assert list(waveforms_in(tmp_path / "out.hdf5")) == ["GOOD.XX_20200101000010_EV"]
    assert load(tmp_path / "out.manifest").recipe["left_out"]


def test_when_nothing_is_left_the_reasons_are_told_and_no_file_is(tmp_path, run):
    rows = [event("a", 500, 900, trace_category="blast")] * 2
    folder = write_seisbench(tmp_path / "sb", rows, {"a": spike(6000, 500)})
    result = run("steadkit", "convert", "from-seisbench", folder, "-o", "out.hdf5")
    refused(result, "no trace to write", "category that STEAD has not")
    assert [path.name for path in tmp_path.iterdir()] == ["sb"]


def test_a_row_listed_twice_is_taken_once(tmp_path):
    rows = [event("a", 500, 900)] * 2
    folder = write_seisbench(tmp_path / "sb", rows, {"a": spike(6000, 500)})
    files = dataset_files(tmp_path / "out.hdf5")
    assert from_seisbench(folder, files).skipped == {"listed twice": 1}


def test_traces_of_one_station_and_second_get_names_of_their_own(tmp_path):
    rows = [event(name, 500, 900) for name in "ab"]
    folder = write_seisbench(tmp_path / "sb", rows, {n: spike(6000, 500) for n in "ab"})
    table, waveforms = imported(folder)
    assert table["trace_name"].nunique() == len(waveforms) == 2
    assert table["trace_name"].str.fullmatch(r"ABC\.XX_20200101000010-\w{8}_EV").all()
    assert table["trace_name_source"].tolist() == ["a", "b"]


def test_what_has_no_category_is_an_event_if_it_has_a_source(tmp_path):
    noise = {"trace_name": "b", "station_code": "N", "trace_start_time": "2020-01-01"}
    folder = write_seisbench(
        tmp_path / "sb", [event("a", 500, 900), noise], {n: spike(6000, 500) for n in "ab"}
    )
    table, _ = imported(folder)
    assert table["trace_category"].tolist() == ["earthquake_local", "noise"]


def test_the_earliest_of_several_phases_is_taken_and_snr_is_put_together():
    row = {
        "trace_P_arrival_sample": "",
        "trace_Pg_arrival_sample": "700",
        "trace_Pn_arrival_sample": "650",
        "trace_S_arrival_sample": "900",
        "trace_E_snr_db": "10",
        "trace_Z_snr_db": "12.5",
        "trace_coda_end_sample": "2000",
        "path_ep_distance_km": "12",
    }
    stead = to_stead(row, extra_columns(row))
    assert stead["p_arrival_sample"] == "650"
    assert stead["s_arrival_sample"] == "900"
    assert stead["snr_db"] == "[10.0 nan 12.5]"
    assert stead["coda_end_sample"] == "[[2000.]]"
    assert stead["source_distance_km"] == "12"
    assert stead["trace_Pg_arrival_sample"] == "700"
    assert to_stead({"trace_snr_db": "7"}, [])["snr_db"] == "[7.0 7.0 7.0]"


@given(
    p=st.floats(0, 5000), ratio=st.sampled_from([0.5, 1.0, 2.0, 5.0]), start=st.integers(-900, 900)
)
def test_arrivals_move_with_rate_and_window(p, ratio, start):
    row = to_stead({"trace_p_arrival_sample": str(p), "trace_coda_end_sample": "100"}, [])
    shifted = shift_arrivals(row, ratio, start, 6000)
    if ratio == 1 and start == 0:
        assert shifted == row
    else:
        assert float(shifted["p_arrival_sample"]) == pytest.approx(p * ratio - start, abs=0.0051)
        coda = float(shifted["coda_end_sample"].strip("[]"))
        assert coda == min(max(100 * ratio - start, 0), 6000)


def bounds(size: int) -> st.SearchStrategy:
    """Draw an index or a slice of an axis."""
    edge = st.none() | st.integers(-size - 2, size + 2)
    return st.integers(-size, size - 1) | st.builds(slice, edge, edge)


def spell(index: int | slice) -> str:
    if isinstance(index, int):
        return str(index)
    return ":".join("" if edge is None else str(edge) for edge in (index.start, index.stop))


@given(st.tuples(bounds(4), bounds(3), bounds(50)), st.integers(1, 3))
def test_a_place_in_a_block_is_what_numpy_makes_of_it(indices, count):
    block = np.arange(600).reshape(4, 3, 50)
    location = ",".join(map(spell, indices[:count]))
    assert np.array_equal(block[parse_slice(location, block.shape)], block[indices[:count]])


@given(st.text("0123456789:,- $;[]x", max_size=12))
def test_any_other_text_is_a_place_in_the_block_or_refused(location):
    try:
        place = parse_slice(location, (4, 3, 50))
    except UnusableError:
        return
    assert np.arange(600).reshape(4, 3, 50)[place].size <= 600


@pytest.mark.parametrize("chunk", ["../x", "a/b", "a b", "\x01"])
def test_a_hostile_name_of_a_chunk_is_refused(tmp_path, run, chunk):
    (tmp_path / "sb").mkdir()
    (tmp_path / "sb" / "chunks").write_text(chunk)
    refused(run("steadkit", "convert", "from-seisbench", "sb", "-o", "out"), "names a chunk")


@pytest.mark.parametrize(
    ("file", "content", "messages"),
    [
        ("metadata.csv", b"", ("not a CSV",)),
        ("metadata.csv", b"\xff\xfe", ("not a text file",)),
        ("metadata.csv", b"\xff\xfe\x00", ("NUL", "no CSV")),
        ("metadata.csv", b"station_code\nA\n", ("no column 'trace_name'",)),
        ("metadata.csv", b"trace_name\n", ("lists no trace",)),
        ("metadata.csv", b"trace_name,x\x01\na,b\n", ("strange name",)),
        ("metadata.csv", b"trace_name,b\na,b,c,d\n", ("not a CSV",)),
        ("waveforms.hdf5", b"\x89HDF\r\n\x1a\n cut short", ("cannot be opened",)),
        ("waveforms.hdf5", b"text", ("not an HDF5 file",)),
        ("chunks", b"_a\n_b\n", ("no 'metadata_a.csv'",)),
        ("chunks", b"\xff\xfe", ("not a list of chunks",)),
    ],
)
def test_a_damaged_data_set_is_one_clear_line(tmp_path, run, file, content, messages):
    folder = write_seisbench(tmp_path / "sb", [event("a", 500, 900)], {"a": spike(6000, 500)})
    (folder / file).write_bytes(content)
    refused(run("steadkit", "convert", "from-seisbench", folder, "-o", "out"), *messages)
    assert not (tmp_path / "out.hdf5").exists()


@pytest.mark.parametrize(
    ("data_format", "messages"),
    [
        ({"dimension_order": "NCW"}, "dimension order 'NCW'"),
        ({"sampling_rate": "fast"}, "sampling rate"),
        ({"component_order": None}, "component order"),
    ],
)
def test_a_format_that_cannot_be_used_is_refused(tmp_path, run, data_format, messages):
    folder = write_seisbench(
        tmp_path / "sb", [event("a", 500, 900)], {"a": spike(6000, 500)}, **data_format
    )
    refused(run("steadkit", "convert", "from-seisbench", folder, "-o", "out"), messages)


def test_folders_that_are_none_are_refused(tmp_path, run, stead):
    source = stead()
    refused(run("steadkit", "convert", "from-seisbench", "nowhere", "-o", "x"), "no folder")
    (tmp_path / "empty").mkdir()
    refused(run("steadkit", "convert", "from-seisbench", "empty", "-o", "x"), "no metadata*.csv")
    refused(run("steadkit", "convert", "to-seisbench", source.hdf5, "-o", source.csv), "folder")


def test_existing_files_and_sources_are_not_overwritten(tmp_path, run, stead):
    source = stead()
    assert run("steadkit", "convert", "to-seisbench", source.hdf5, "-o", "sb").exit_code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "sb").iterdir()}
    refused(run("steadkit", "convert", "to-seisbench", source.hdf5, "-o", "sb"), "exists")
    assert {path: path.read_bytes() for path in (tmp_path / "sb").iterdir()} == before
    again = run("steadkit", "convert", "to-seisbench", source.hdf5, "-o", "sb", "--overwrite")
    assert again.exit_code == 0
    in_place = ("convert", "from-seisbench", "sb", "-o", "sb/waveforms.hdf5", "--overwrite")
    refused(run("steadkit", *in_place), "belongs to the data set")
    shutil.copy(source.hdf5, tmp_path / "sb" / "waveforms.hdf5")
    shutil.copy(source.csv, tmp_path / "sb" / "waveforms.csv")
    to_itself = ("convert", "to-seisbench", "sb/waveforms.hdf5", "-o", "sb", "--overwrite")
    refused(run("steadkit", *to_itself), "is a source")


def test_a_damaged_source_leaves_nothing_behind(tmp_path, run, stead):
    source = stead()
    with h5py.File(source.hdf5, "a") as file:
        del file["data"][names_of(8)[-1]]
    refused(run("steadkit", "convert", "to-seisbench", source.hdf5, "-o", "new/sb"), "no trace")
    assert not (tmp_path / "new").exists()


def test_two_sources_of_one_name_are_refused(stead, tmp_path):
    (tmp_path / "b").mkdir()
    sources = [stead("a.hdf5"), stead("b/a.hdf5", names_of(2, prefix="B"))]
    with pytest.raises(InputError, match="two sources are called 'a'"):
        to_seisbench(sources, tmp_path / "sb")


def test_a_name_with_a_dollar_needs_a_bucket(stead, tmp_path):
    source = stead(names=["A$.XX_20200101000000_EV"])
    with pytest.raises(InputError, match="use buckets"):
        to_seisbench([source], tmp_path / "sb", bucket=0)
    to_seisbench([source], tmp_path / "sb")
    _, waveforms = imported(tmp_path / "sb")
    assert waveforms_in(source.hdf5)["A$.XX_20200101000000_EV"].tobytes() in [
        samples.tobytes() for samples in waveforms.values()
    ]


def test_unit_and_measurement_survive_the_way_there_and_back(tmp_path):
    folder = write_seisbench(
        tmp_path / "sb",
        [event("a", 500, 900)],
        {"a": spike(6000, 500)},
        unit="mps",
        measurement="v",
    )
    imported(folder)
    to_seisbench([source_from_path(tmp_path / "sb-0.hdf5")], tmp_path / "again")
    with h5py.File(tmp_path / "again" / "waveforms.hdf5") as file:
        assert file["data_format/unit"][()] == b"mps"
        assert file["data_format/measurement"][()] == b"v"


# SeisBench's own calls warn under new versions of pandas.
@pytest.mark.filterwarnings("default")
def test_seisbench_opens_what_we_write(tmp_path):
    seisbench = pytest.importorskip("seisbench.data", reason="the extra 'seisbench' is not there")
    source = simulated(tmp_path)
    names = read_table(source.csv)["trace_name"].tolist()
    categories = read_table(source.csv)["trace_category"]
    parts = ["train", "validation", "test"] * 20
    manifest = manifest_of("x", {}, names, categories, parts[: len(names)])
    source.hdf5.with_suffix(".manifest").write_text(manifest.to_text())
    to_seisbench([source], tmp_path / "sb", bucket=4)
    opened = seisbench.WaveformDataset(tmp_path / "sb", component_order="ENZ")
    waveforms = opened.get_waveforms()
    assert waveforms.shape == (len(names), 3, 6000)
    for name, samples in zip(opened.metadata["trace_name_original"], waveforms, strict=True):
        assert (waveforms_in(source.hdf5)[name] == samples.T).all()
    assert len(opened.dev()) == parts[: len(names)].count("validation")
    assert opened.metadata["trace_sampling_rate_hz"].eq(100).all()


def simulated(tmp_path: Path) -> Source:
    """Write simulated events and noise, one file."""
    demo(tmp_path, events=10, noise=0, seed=2)
    return source_from_path(tmp_path / "chunk2.hdf5")


def test_what_a_description_keeps_in_another_file_is_not_read(tmp_path):
    folder = write_seisbench(tmp_path / "sb", [event("a", 500, 900)], {"a": spike(6000, 500)})
    os.mkfifo(tmp_path / "pipe")  # whoever opens it waits for ever
    outside = [(str(tmp_path / "pipe"), 0, h5py.h5f.UNLIMITED)]
    with h5py.File(folder / "waveforms.hdf5", "r+") as file:
        del file["data_format/component_order"]
        group = file["data_format"]
        group.create_dataset("component_order", (3,), "S1", external=outside)
        group["unit"] = h5py.ExternalLink(str(tmp_path / "pipe"), "unit")
    (chunk,) = find_chunks(folder)
    with open_chunk(chunk) as samples:
        assert samples.layout.components == ()
        assert not samples.layout.entries.get("unit")
