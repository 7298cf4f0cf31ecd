"""Import of SeisBench's public data sets, from small sets with the columns of each."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import refused, waveforms_in
from public_sets import CEED, EXOTIC, INSTANCE, LAYOUTS, PNW, Layout

from steadkit.catalog import earthquakes_of, list_sources, read_table
from steadkit.convert import from_seisbench, to_seisbench
from steadkit.convert.from_seisbench import shift_arrivals
from steadkit.convert.seisbench_columns import to_stead
from steadkit.convert.seisbench_plan import classify_source
from steadkit.dataset_files import dataset_files
from steadkit.errors import InputError
from steadkit.manifest import load
from steadkit.sources import source_from_path
from steadkit.split import SplitConfig, assign, audit, list_rows, split_manifest
from steadkit.split.groups import link_earthquakes
from steadkit.types import parse_components


def write_set(
    folder: Path,
    rows: Sequence[Mapping[str, object]],
    data: Mapping[str, np.ndarray],
    **data_format,
) -> Path:
    """Write a data set in SeisBench's format."""
    folder.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    with h5py.File(folder / "waveforms.hdf5", "w") as file:
        file.create_group("data")
        for name, samples in data.items():
            file[f"data/{name}"] = samples
        described = {"dimension_order": "CW", "component_order": "ZNE", "sampling_rate": 100}
        for key, value in (described | data_format).items():
            if value is not None:
                file[f"data_format/{key}"] = value
    return folder


def write_layout(layout: Layout, folder: Path) -> Path:
    """Write one trace of a public set, with a spike at its P arrival."""
    samples = np.zeros(layout.shape, np.float32)
    samples[:, round(layout.p)] = 1.0
    block, _, place = str(layout.row["trace_name"]).partition("$")
    return write_set(
        folder, [layout.row], {block: samples[None] if place else samples}, **layout.data_format
    )


def pnw(folder: Path, rows: Sequence[Mapping[str, object]], length: int = 6000) -> Path:
    """Write rows of PNW as one bucket."""
    listed = [
        PNW
        | {
            "trace_P_arrival_sample": 600.0,
            "trace_S_arrival_sample": 900.0,
            "trace_name": f"bucket1${number},:3,:{length}",
            "station_code": f"S{number}",
        }
        | row
        for number, row in enumerate(rows)
    ]
    random = np.random.default_rng(0)
    samples = random.normal(size=(len(rows), 3, length)).astype(np.float32)
    return write_set(folder, listed, {"bucket1": samples}, component_order="ENZ")


@pytest.fixture
def imported(tmp_path: Path) -> Callable[..., pd.DataFrame]:
    """Import a folder and return its rows."""

    def convert(folder: Path, **options: object) -> pd.DataFrame:
        files = dataset_files(tmp_path / "imported.hdf5")
        from_seisbench(folder, files, overwrite=True, **options)
        return read_table(files.csv)

    return convert


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_trace_of_each_public_set_has_the_right_values(tmp_path, imported, name):
    layout = LAYOUTS[name]
    folder = write_layout(layout, tmp_path / "set")
    table = imported(folder)
    (row,) = table.to_dict("records")
    assert {column: row[column] for column in layout.expected} == layout.expected
    assert row["trace_category"] == "earthquake_local"
    # The samples moved along with the pick.
    p = float(row["p_arrival_sample"])
    samples = waveforms_in(tmp_path / "imported.hdf5")[row["trace_name"]]
    assert abs(int(np.abs(samples[:, 2]).argmax()) - p) <= layout.ratio
    start = layout.row.get("trace_start_time")
    if start is not None:
        shift_s = (layout.p * layout.ratio - p) / 100
        shifted = pd.Timestamp(row["trace_start_time"], tz="UTC") - pd.Timestamp(start)
        assert shifted.total_seconds() == pytest.approx(shift_s, abs=0.011)


def test_no_optional_column_costs_a_trace(tmp_path, imported, run):
    bad = {
        "trace_snr_db": "10.1|19.5",
        "source_depth_km": "shallow",
        "station_elevation_m": "1e999",
        "source_origin_time": "yesterday",
        "trace_start_time": "soon",
        "preferred_source_magnitude": "ml 2",
        "source_horizontal_uncertainty_km": "inf",
    }
    folder = pnw(tmp_path / "set", [bad, {}])
    table = imported(folder)
    assert len(table) == 2
    emptied = ("snr_db", "source_depth_km", "receiver_elevation_m", "source_origin_time")
    assert table.iloc[0][list(emptied)].tolist() == [""] * 4
    assert table.iloc[1]["snr_db"] == "[10.102 19.541 9.825]"
    converted = from_seisbench(folder, dataset_files(tmp_path / "counted.hdf5"))
    assert converted.unread == dict.fromkeys(bad, 1)
    assert not converted.skipped
    result = run("steadkit", "convert", "from-seisbench", folder, "-o", "out")
    assert result.exit_code == 0, result.output
    assert "cells that cannot be read, left empty 7: 1 preferred_source_magnitude" in result.output


def test_an_arrival_that_cannot_be_read_costs_its_trace(tmp_path, run):
    folder = pnw(tmp_path / "set", [{"trace_P_arrival_sample": "soon", "trace_snr_db": "x"}, {}])
    result = run("steadkit", "convert", "from-seisbench", folder, "-o", "out")
    assert "left out 1: 1 a p_arrival_sample that is not a number" in result.output
    # What is left out is not counted among the cells of what is written.
    assert "left empty" not in result.output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1|19.5|9.8", "[10.1 19.5 9.8]"),
        ("11.917|10.175|nan", "[11.917 10.175 nan]"),
        ("[ 56.8 55.4  47.4]", "[ 56.8 55.4  47.4]"),
        ("[1.1, 2.2, 3.3]", "[1.1 2.2 3.3]"),
        ("[4.5]", "[4.5 4.5 4.5]"),
        ("7", "[7.0 7.0 7.0]"),
        ("1|2", ""),
        ("[1 2 inf]", ""),
        ("high", ""),
    ],
)
def test_the_snr_of_every_set_is_one_value_a_component(text, expected):
    snr = to_stead({"trace_snr_db": text}, [])["snr_db"]
    assert snr == expected
    _, malformed = parse_components(pd.Series([snr]))
    assert not malformed.any()


@pytest.mark.parametrize(
    ("text", "components", "expected"),
    [
        ("1|2|3", "ENZ", "[1.0 2.0 3.0]"),  # PNW
        ("1|2|3", "ZNE", "[3.0 2.0 1.0]"),
        ("[1.0, 2.0, 3.0]", "ZNE", "[3.0 2.0 1.0]"),  # VCSEIS
        ("[1.0, 2.0, 3.0, 4.0]", "Z12H", "[3.0 2.0 1.0]"),
        ("[1.0 2.0 3.0]", "ZNE", "[1.0 2.0 3.0]"),  # STEAD as SeisBench has it
        ("1|2", "NE", "[2.0 1.0 nan]"),
    ],
)
def test_lists_of_snr_are_in_the_order_of_the_components_or_of_stead(text, components, expected):
    assert to_stead({"trace_snr_db": text}, [], None, components)["snr_db"] == expected


TYPES = ("explosion", "thunder", "sonic_boom", "surface event")


def test_sources_that_are_no_earthquakes_are_left_out_and_counted(tmp_path, imported, run):
    rows = [{}] + [EXOTIC | {"source_type": text, "event_id": f"pnsn{text}"} for text in TYPES]
    folder = pnw(tmp_path / "set", [*rows, rows[1]], 8000)
    result = run("steadkit", "convert", "from-seisbench", folder, "-o", "out")
    assert result.exit_code == 0, result.output
    assert "earthquake_local: 1" in " ".join(result.output.split())
    message = "left out 5: 2 a source that is no earthquake: 'explosion', 1 a source that is no"
    assert message in " ".join(result.output.split())
    assert load(tmp_path / "out.manifest").recipe["left_out"] == {
        f"a source that is no earthquake: {text.replace('_', ' ')!r}": 1 + (text == "explosion")
        for text in TYPES
    }


def test_other_sources_are_taken_by_option_and_keep_their_type(tmp_path, run):
    rows = [{}] + [EXOTIC | {"source_type": text, "event_id": f"pnsn{text}"} for text in TYPES]
    folder = pnw(tmp_path / "set", rows, 8000)
    options = ("--source-types", "explosion,Surface_Event", "--source-types", "sonic boom")
    result = run("steadkit", "convert", "from-seisbench", folder, "-o", "out", *options)
    assert result.exit_code == 0, result.output
    assert "left out 1: 1 a source that is no earthquake: 'thunder'" in result.output
    table = read_table(tmp_path / "out.csv")
    assert table["trace_category"].tolist() == ["earthquake_local"] * 4
    types = ["earthquake", "explosion", "sonic_boom", "surface event"]
    assert table["source_type"].tolist() == types
    assert load(tmp_path / "out.manifest").recipe["source_types"] == [
        "Surface_Event",
        "explosion",
        "sonic boom",
    ]


def test_a_type_in_the_category_is_taken_and_kept_too(tmp_path, imported):
    row = {"trace_category": "mine blast", "source_type": ""}
    folder = pnw(tmp_path / "set", [row, {"trace_category": "earthquake"}])
    table = pd.read_csv(folder / "metadata.csv").drop(columns="source_type")
    table.to_csv(folder / "metadata.csv", index=False)
    assert len(imported(folder)) == 1
    table = imported(folder, source_types=["mine blast"])
    assert table["source_type"].tolist() == ["mine blast", ""]
    assert set(table["trace_category"]) == {"earthquake_local"}


def test_a_set_without_any_earthquake_says_how_to_take_it(tmp_path, run):
    folder = pnw(tmp_path / "set", [EXOTIC | {"source_type": "thunder"}], 8000)
    result = run("steadkit", "convert", "from-seisbench", folder, "-o", "out")
    refused(result, "no trace to write", "'thunder'", "--source-types")
    assert not (tmp_path / "out.hdf5").exists()


def test_a_type_that_no_trace_has_is_refused_with_those_there_are(tmp_path, run):
    folder = pnw(tmp_path / "set", [{}, {"source_type": "explosion"}])
    options = ("from-seisbench", folder, "-o", "out", "--source-types", "explsion")
    refused(run("steadkit", "convert", *options), "'explsion'", "name one of explosion")
    with pytest.raises(InputError, match="name one of explosion"):
        from_seisbench(folder, dataset_files(tmp_path / "x.hdf5"), source_types=["quake"])


@pytest.mark.parametrize(
    ("row", "category"),
    [
        ({"source_type": "noise"}, "noise"),  # VCSEIS
        ({"source_type": "lp"}, "earthquake_local"),
        ({"source_type": "not reported", "source_magnitude": "2"}, "earthquake_local"),
        ({"source_id": "7", "trace_E_snr_db": "1"}, "noise"),  # INSTANCE's noise
        ({"source_id": "7", "trace_P_arrival_sample": ""}, "earthquake_local"),
        ({"event_id": "7", "source_latitude_deg": "1"}, "earthquake_local"),
        ({"source_id_list": "['a']", "trace_p_arrival_sample": ""}, "earthquake_local"),
        ({"trace_category": "noise", "source_type": ""}, "noise"),
        ({"trace_category": "earthquake", "source_type": "explosion"}, ""),
    ],
)
def test_event_and_noise_are_told_apart(row, category):
    assert classify_source(row).category == category


def test_noise_of_instance_is_noise_though_it_has_an_id(tmp_path, imported):
    sources = ("source_", "path_", "trace_P", "trace_S", "trace_eval")
    noise = {k: v for k, v in INSTANCE.items() if not k.startswith(sources)}
    noise |= {"source_id": "20050411051430.IV.ATBU", "trace_name": "noise1", "trace_npts": 12000}
    folder = write_set(
        tmp_path / "set", [noise], {"noise1": np.ones((3, 12000))}, component_order="ENZ"
    )
    (row,) = imported(folder).to_dict("records")
    assert row["trace_category"] == "noise"
    assert row["trace_name"].endswith("_NO")


def twenty(column: str, value: Callable[[int], str]) -> list[dict[str, object]]:
    """List 80 rows of PNW of 20 earthquakes, which one column alone tells apart."""
    unknown = {"event_id": "", "source_origin_time": "", "trace_snr_db": ""}
    return [unknown | {column: value(number // 4)} for number in range(80)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("event_id", "uw{}".format),
        ("source_id", "{}".format),
        ("source_id_list", "['nc{0}' 'nc{0}']".format),
        ("source_origin_time", "2020-01-01T00:{:02d}:00.320000Z".format),
    ],
)
def test_no_earthquake_stands_in_two_parts_whatever_tells_it(tmp_path, run, column, value):
    folder = pnw(tmp_path / "set", twenty(column, value))
    assert run("steadkit", "convert", "from-seisbench", folder, "-o", "out").exit_code == 0
    result = run("steadkit", "split", "out.hdf5", "--fractions", "0.5,0.25,0.25")
    assert result.exit_code == 0, result.output
    manifest, rows = list_rows(tmp_path / "out.split.manifest")
    quake = rows["trace_name"].str.extract(r"^S(\d+)\.")[0].astype(int).to_numpy() // 4
    parts = pd.Series(list(manifest.splits)).groupby(quake).nunique()
    assert len(parts) == 20 and (parts == 1).all()
    (earthquake, *_) = audit(rows, manifest.splits, SplitConfig())
    assert sum(earthquake.groups.values()) == 20
    assert earthquake.n_unknown == 0
    assert "not known" not in result.output


def test_split_says_where_earthquakes_are_not_known(tmp_path, run):
    rows = twenty("source_magnitude", str)
    folder = pnw(tmp_path / "set", rows)
    assert run("steadkit", "convert", "from-seisbench", folder, "-o", "out").exit_code == 0
    result = run("steadkit", "split", "out.hdf5")
    assert result.exit_code == 0, result.output
    lines = [line.split("│") for line in result.output.splitlines()]
    verdict = {cells[1].strip(): cells[-2].strip() for cells in lines if len(cells) == 7}
    assert verdict["earthquake"] == "earthquakes not known for 80 traces"
    assert verdict["same samples"] == "none"
    proof = run("steadkit", "split", "--check", "out.hdf5")
    assert proof.exit_code == 0
    assert "no leak is known; earthquakes not known for 80 traces" in proof.output
    base, table = list_rows(tmp_path / "out.hdf5")
    _, found = split_manifest(base, table, SplitConfig())
    assert [sharing.n_unknown for sharing in found] == [80, 0]


def test_noise_and_known_earthquakes_are_not_among_the_unknown(tmp_path):
    table = pd.DataFrame(
        {
            "trace_name": ["a_EV", "b_EV", "c_EV", "d_NO"],
            "trace_category": ["earthquake_local"] * 3 + ["noise"],
            "source_id": ["1", "None", "", ""],
            "source_origin_time": ["", "2020-01-01 00:00:00.0", "", ""],
        }
    )
    (found,) = audit(table, ["train", "test", "train", "test"], SplitConfig())
    assert found.n_unknown == 1
    (found,) = audit(table, ["train", "test", "-", "test"], SplitConfig())
    assert found.n_unknown == 0


def test_earthquakes_that_one_trace_shows_go_together():
    lists = ["['a' 'b']", "", "['c']", "['b' 'd']", "", ""]
    ids = ["a", "b", "c", "d", "e", "d"]
    table = pd.DataFrame(
        {
            "trace_name": [f"t{number}_EV" for number in range(6)],
            "trace_category": "earthquake_local",
            "source_id": ids,
            "source_id_list": lists,
        }
    )
    names = link_earthquakes(earthquakes_of(table), lists)
    assert names.tolist() == [f"source_id {name}" for name in "aacaea"]
    shares = (Fraction(2, 3), Fraction(1, 6), Fraction(1, 6))
    parts, _ = assign(table, SplitConfig(shares=shares), ())
    assert len(set(parts[[0, 1, 3, 5]])) == 1
    # A split that tears them apart leaks.
    (found,) = audit(table, ["train", "test", "train", "train", "train", "train"], SplitConfig())
    assert found.names == ["source_id a"]


def test_several_earthquakes_in_the_column_of_one_are_listed(tmp_path, imported):
    table = imported(pnw(tmp_path / "set", [{"event_id": "['uw1' 'uw2']"}, {"event_id": "uw3"}]))
    assert table["source_id"].tolist() == ["uw1", "uw3"]
    assert [list_sources(text) for text in table["source_id_list"]] == [["uw1", "uw2"], []]


def test_samples_of_ceed_move_along_with_the_window():
    row = to_stead({name: str(value) for name, value in CEED.items()}, list(CEED))
    shifted = shift_arrivals(row, 1.0, 2400, 6000)
    assert shifted["trace_phase_arrival_sample_list"] == "[-1200.0 600.0 900.0]"
    assert shifted["source_origin_time_sample"] == "118.0"
    assert shifted["p_arrival_sample"] == "600.0"


def test_a_column_of_samples_that_cannot_be_moved_is_emptied(tmp_path):
    row = {"trace_pP_arrival_sample": "late", "trace_P_arrival_sample": 3000}
    folder = pnw(tmp_path / "set", [row | {"trace_S_arrival_sample": 3300}], 9000)
    converted = from_seisbench(folder, dataset_files(tmp_path / "out.hdf5"))
    assert converted.unread == {"trace_pP_arrival_sample": 1}
    assert read_table(tmp_path / "out.csv")["trace_pP_arrival_sample"].tolist() == [""]


def ceed(folder: Path, link: str | h5py.SoftLink | h5py.ExternalLink) -> Path:
    """Write a chunk of CEED as SeisBench leaves it: events at the root, and a link called data."""
    folder.mkdir()
    pd.DataFrame([CEED]).to_csv(folder / "metadata.csv", index=False)
    with h5py.File(folder / "waveforms.hdf5", "w") as file:
        file["nc73001/NC.GAS..HN"] = np.arange(36_000, dtype=np.float32).reshape(3, 12_000)
        file["data_format/dimension_order"] = "CW"
        file["data"] = h5py.SoftLink(link) if isinstance(link, str) else link
        file["loop"] = h5py.SoftLink("/loop2")
        file["loop2"] = h5py.SoftLink("loop")
    return folder


@pytest.mark.parametrize("link", ["/", "/.", "."])
def test_links_within_the_file_are_followed(tmp_path, imported, link):
    table = imported(ceed(tmp_path / "set", link))
    p = int(float(table["p_arrival_sample"].iloc[0]))
    (samples,) = waveforms_in(tmp_path / "imported.hdf5").values()
    assert samples[p].tolist() == [3000, 15_000, 27_000]


@pytest.mark.parametrize(("named", "row"), [("Z", 2), ("Z", 0), ("E", 0)])
def test_components_that_ceed_does_not_name_are_zeros(tmp_path, imported, named, row):
    folder = ceed(tmp_path / "set", "/")
    pd.DataFrame([CEED | {"trace_component_order": named}]).to_csv(
        folder / "metadata.csv", index=False
    )
    with h5py.File(folder / "waveforms.hdf5", "a") as file:
        samples = np.zeros((3, 12_000), np.float32)
        samples[row] = 7.0
        file["nc73001/NC.GAS..HN"][...] = samples
    imported(folder)
    (samples,) = waveforms_in(tmp_path / "imported.hdf5").values()
    assert samples[500].tolist() == [7.0 * (letter == named) for letter in "ENZ"]


def test_a_link_to_a_trace_and_a_link_behind_a_link(tmp_path, imported):
    folder = pnw(tmp_path / "set", [{"trace_name": "linked"}, {"trace_name": "twice/bucket$0"}])
    with h5py.File(folder / "waveforms.hdf5", "a") as file:
        file["elsewhere/bucket"] = file["data/bucket1"][()]
        file["elsewhere/trace"] = file["data/bucket1"][1]
        file["data/linked"] = h5py.SoftLink("/elsewhere/trace")
        file["data/twice"] = h5py.SoftLink("../data/once")  # HDF5 knows no parent
        file["data/once"] = h5py.SoftLink("/elsewhere")
    table = imported(folder)
    assert table["receiver_code"].tolist() == ["S0"]
    with h5py.File(folder / "waveforms.hdf5", "a") as file:
        del file["data/twice"]
        file["data/twice"] = h5py.SoftLink("once")
    assert imported(folder)["receiver_code"].tolist() == ["S0", "S1"]


@pytest.mark.parametrize(
    "link", ["/loop", "/nowhere", "/nc73001/NC.GAS..HN", h5py.ExternalLink("other.hdf5", "/")]
)
def test_a_link_out_of_the_file_or_to_nothing_is_not_followed(tmp_path, run, link):
    folder = ceed(tmp_path / "set", link)
    with h5py.File(folder / "other.hdf5", "w") as file:
        file["nc73001/NC.GAS..HN"] = np.zeros((3, 12_000))
    refused(run("steadkit", "convert", "from-seisbench", folder, "-o", "out"), "no group 'data'")


def test_a_soft_link_through_another_file_is_not_followed(tmp_path, run):
    folder = ceed(tmp_path / "set", "/away/group")
    with h5py.File(folder / "other.hdf5", "w") as file:
        file["group/nc73001/NC.GAS..HN"] = np.zeros((3, 12_000))
    with h5py.File(folder / "waveforms.hdf5", "a") as file:
        file["away"] = h5py.ExternalLink("other.hdf5", "/")
    refused(run("steadkit", "convert", "from-seisbench", folder, "-o", "out"), "no group 'data'")


def test_what_came_from_a_public_set_goes_back_and_comes_again(tmp_path, imported):
    folder = pnw(tmp_path / "set", [{}, {"event_id": "uw2"}])
    first = imported(folder)
    to_seisbench([source_from_path(tmp_path / "imported.hdf5")], tmp_path / "again")
    second = imported(tmp_path / "again")
    assert first["source_id"].tolist() == second["source_id"].tolist() == ["uw61896586", "uw2"]
    assert first["snr_db"].tolist() == second["snr_db"].tolist()
    assert first["receiver_type"].tolist() == second["receiver_type"].tolist() == ["HH", "HH"]
