"""The command `check` on whole files: findings, exit codes, repaired copies, clean lists."""

import shutil
from dataclasses import replace
from random import Random

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import attributes_in, names_of, refused, waveforms_in

from steadkit.check import ISSUES, check, selected_issues
from steadkit.demo import demo
from steadkit.manifest import load
from steadkit.sources import source_from_path

NAMES = names_of(6) + names_of(0, 3, "N")
COORDINATES = {
    "receiver_latitude": 32.8889,
    "receiver_longitude": -117.1051,
    "source_latitude": 33.7496,
    "source_longitude": -117.4938,
    "source_distance_km": 102.09,
    "source_distance_deg": 0.92,
    "back_azimuth_deg": 339.3,
}
REVERSED = COORDINATES | {"back_azimuth_deg": 159.3}


def read(csv):
    return pd.read_csv(csv, dtype=str, keep_default_na=False)


def edit(source, name, attributes=None, **cells):
    """Change cells of one trace in the CSV, and, unless others are given, in its attributes."""
    table = read(source.csv)
    for column, value in cells.items():
        table.loc[table["trace_name"] == name, column] = str(value)
    table.to_csv(source.csv, index=False)
    with h5py.File(source.hdf5, "r+") as file:
        for column, value in (cells if attributes is None else attributes).items():
            file["data"][name].attrs[column] = value


def samples_of(source, name, values):
    with h5py.File(source.hdf5, "r+") as file:
        file["data"][name][...] = values


def findings(result_csv):
    table = read(result_csv)
    return list(zip(table["trace_name"], table["fault"], strict=True))


@pytest.fixture
def sound(stead):
    return stead("chunk.hdf5", NAMES)


# ---------------------------------------------------------------- what is found


def test_a_sound_file(sound, run, tmp_path):
    before = sorted(tmp_path.iterdir())
    result = run("steadkit", "check", sound.hdf5)
    assert result.exit_code == 0, result.output
    assert result.output == "9 traces checked: 0 errors, 0 warnings, 0 suspects\n"
    assert sorted(tmp_path.iterdir()) == before


def test_a_table_a_report_and_exit_code_1(sound, run, tmp_path):
    edit(sound, NAMES[1], **REVERSED)
    edit(sound, NAMES[2], s_arrival_sample=100.0)
    result = run("steadkit", "check", sound.hdf5, "-o", "found.csv")
    assert result.exit_code == 1
    for message in ("back-azimuth-reversed", "s-before-p", "2 errors", "1 of them can be repaired"):
        assert message in result.output
    assert (tmp_path / "found.csv").read_text() == (
        "trace_name,fault,severity,value,expected\n"
        f"{NAMES[1]},back-azimuth-reversed,error,back_azimuth_deg 159.3,339.3\n"
        f"{NAMES[2]},s-before-p,error,p_arrival_sample 602.0 s_arrival_sample 100.0,P before S\n"
    )


def test_the_order_of_the_rows_does_not_matter(sound, run, tmp_path):
    edit(sound, NAMES[1], **REVERSED)
    samples_of(sound, NAMES[3], 0)
    samples_of(sound, NAMES[4], waveforms_in(sound.hdf5)[NAMES[0]])
    run("steadkit", "check", sound.hdf5, "-o", "one.csv")
    read(sound.csv).sample(frac=1, random_state=1).to_csv(sound.csv, index=False)
    run("steadkit", "check", sound.hdf5, "-o", "two.csv")
    assert findings("one.csv") == [
        (NAMES[1], "back-azimuth-reversed"),
        (NAMES[3], "dead-trace"),
        (NAMES[4], "duplicate-waveform"),
    ]
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


@pytest.mark.parametrize(
    ("attributes", "cells", "code"),
    [
        ({"source_magnitude": 3.4}, {"source_magnitude": "3.6"}, "attributes-differ"),
        ({"p_status": "manual"}, {"p_status": "autopicker"}, "attributes-differ"),
        ({"snr_db": [20.0, 21.0, 22.0]}, {}, "attributes-differ"),
        ({"coda_end_sample": "None"}, {}, "attributes-differ"),
        ({"trace_start_time": "2020-01-01 00:00:01"}, {}, "attributes-differ"),
        ({"source_magnitude": ""}, {"source_magnitude": "None"}, None),
        ({"source_magnitude": np.float32(3.6)}, {"source_magnitude": "3.60"}, None),
        ({"source_id": 8556349}, {"source_id": "8556349"}, None),
        ({"trace_start_time": "2020-01-01 00:00:00"}, {}, None),
        ({"snr_db": np.float32([56.8, 55.4, 47.4])}, {"snr_db": "[56.79999924 55.4 47.4]"}, None),
    ],
    ids=str,
)
def test_csv_and_attributes(sound, attributes, cells, code):
    edit(sound, NAMES[1], attributes, **cells)
    report = check([sound])
    assert report.findings["fault"].tolist() == [code] * (code is not None)
    assert set(report.findings["trace_name"]) <= {NAMES[1]}


def test_attributes_that_are_not_there(sound):
    with h5py.File(sound.hdf5, "r+") as file:
        del file["data"][NAMES[1]].attrs["coda_end_sample"]
        del file["data"][NAMES[1]].attrs["source_magnitude"]  # the CSV has none either
    report = check([sound])
    assert report.findings[["fault", "value"]].values.tolist() == [
        ["attributes-missing", "coda_end_sample"]
    ]


def test_duplicates_between_files(stead):
    source_a, source_b = stead("one.hdf5", names_of(3)), stead("two.hdf5", names_of(3, prefix="T"))
    samples_of(source_b, "T1.XX_20200101000001_EV", waveforms_in(source_a.hdf5)[names_of(3)[2]])
    report = check([source_a, source_b])
    assert report.findings[["trace_name", "fault", "value"]].values.tolist() == [
        ["T1.XX_20200101000001_EV", "duplicate-waveform", f"same as {names_of(3)[2]}"]
    ]
    assert check([source_b]).findings.empty


def test_the_simulated_miniature_has_no_error(tmp_path):
    demo(tmp_path, events=40, noise=15, seed=3)
    sources = [source_from_path(tmp_path / f"chunk{number}.hdf5") for number in (1, 2)]
    report = check(sources)
    assert len(report.traces) == 55
    planted = {"dead-component", "identical-components", "weak-component", "default-depth"}
    assert set(report.findings["fault"]) <= planted


def test_the_98_real_records(shared_data, run):
    # Read one by one: components that hold only zeros, ends filled with one value, and noise cut
    # from the window of an event of the same station. All of it is so.
    result = run("steadkit", "check", shared_data / "ncedc_a.hdf5", "-o", "found.csv")
    assert result.exit_code == 0, result.output
    counts = read("found.csv")["fault"].value_counts().to_dict()
    assert counts == {
        "dead-component": 26,
        "weak-component": 22,
        "gap": 16,
        "duplicate-window": 16,
    }
    silent = {
        name
        for name, samples in waveforms_in(shared_data / "ncedc_a.hdf5").items()
        if (samples.max(axis=0) == samples.min(axis=0)).any()
    }
    table = read("found.csv")
    assert set(table["trace_name"][table["fault"] == "dead-component"]) == silent


# ---------------------------------------------------------------- the command line


def test_every_issue_is_listed(run):
    result = run("steadkit", "check", "--list")
    assert result.exit_code == 0
    assert all(code in result.output for code in ISSUES)


def test_the_csv_alone_suffices(sound, run):
    edit(sound, NAMES[1], **REVERSED)
    sound.hdf5.unlink()
    assert run("steadkit", "check", sound.csv, "--metadata-only").exit_code == 1
    assert run("steadkit", "check", sound.csv, "--only", "back-azimuth-reversed").exit_code == 1
    assert run("steadkit", "check", sound.csv, "--only", "s-before-p").exit_code == 0
    ignoring = ("--metadata-only", "--ignore", "back-azimuth-reversed")
    assert run("steadkit", "check", sound.csv, *ignoring).exit_code == 0


def test_warnings_and_suspects_are_no_errors(sound, run):
    edit(sound, NAMES[1], source_depth_km=10.0, coda_end_sample="")
    result = run("steadkit", "check", sound.hdf5)
    assert result.exit_code == 0
    assert "0 errors, 1 warnings, 1 suspects" in result.output


def test_hostile_cells_are_shown_harmlessly(sound, run):
    edit(sound, NAMES[1], {}, source_magnitude="[bold]\x1b[2J" + "9" * 5000)
    result = run("steadkit", "check", sound.hdf5, "--metadata-only", "-o", "found.csv")
    assert result.exit_code == 1
    assert "[bold]" in result.output and "\x1b" not in result.output
    assert len(read("found.csv")["value"][0]) < 200


def no_file(source):
    source.hdf5.unlink()


def cut_short(source):
    content = source.hdf5.read_bytes()
    source.hdf5.write_bytes(content[: len(content) // 2])


def no_csv(source):
    source.csv.write_bytes(b"\x00\xff nothing")


@pytest.mark.parametrize("spoil", [no_file, cut_short, no_csv])
def test_what_cannot_be_checked_exits_with_2(sound, run, spoil):
    spoil(sound)
    result = run("steadkit", "check", "chunk.hdf5")
    refused(result)
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "nonsense"), "no issue"),
        (("--fix", "a", "--drop", "b"), "exclude each other"),
        (("-o", "a.hdf5", "--fix", "a"), "two outputs would be 'a.hdf5'"),
        (("-o", "b.manifest", "--drop", "b"), "two outputs would be 'b.manifest'"),
        (("--fix", "a", "--metadata-only"), "exclude each other"),
        (("-o", "chunk.csv"), "is a source"),
        (("-o", "chunk.csv", "--overwrite"), "is a source"),
        (("--drop", "nowhere/clean"), "no folder"),
        (("-o", "/"), "is a folder"),
        (("-o", "."), "is a folder"),
        (("--fix", "copy.csv"), "must be an HDF5"),
        (("--fix", "copy"), "nothing to do"),
    ],
)
def test_what_cannot_be_done_exits_with_2(sound, run, tmp_path, arguments, message):
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = run("steadkit", "check", sound.hdf5, *arguments)
    refused(result, message)
    assert result.exit_code == 2
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_listing_is_kept_where_there_is_nothing_to_repair(sound, run, tmp_path):
    result = run("steadkit", "check", sound.hdf5, "-o", "list.csv", "--fix", "copy")
    assert result.exit_code == 0 and "nothing that --fix can repair" in result.output
    assert (tmp_path / "list.csv").is_file() and not (tmp_path / "copy.hdf5").exists()


def test_a_trace_in_two_files_is_refused(stead, run):
    stead("one.hdf5")
    stead("two.hdf5")
    refused(run("steadkit", "check", "one.hdf5", "two.hdf5"), "one.csv", "two.csv")


def damaged(content, random):
    """Overwrite a few bytes, most of them where HDF5 keeps its structure, or cut the end off."""
    content = bytearray(content)
    for _ in range(random.choice([1, 4, 30])):
        zones = (range(3000), range(max(0, len(content) - 20_000), len(content)))
        content[random.choice(random.choice(zones) or [0]) % len(content)] = random.randrange(256)
    return content[: random.randrange(len(content))] if random.random() < 0.1 else content


@pytest.mark.parametrize("seed", range(25))
def test_damage_is_a_finding_or_one_clear_line(sound, run, tmp_path, seed):
    random = Random(seed)
    edit(sound, NAMES[1], **REVERSED)
    damage = sound.csv if seed % 3 == 0 else sound.hdf5
    damage.write_bytes(damaged(damage.read_bytes(), random))
    before = sorted(tmp_path.iterdir())
    for more in ((), ("--suspects", "--fix", "fixed"), ("--drop", "clean")):
        result = run("steadkit", "check", sound.hdf5, *more)  # a traceback would fail
        if result.exit_code == 2:
            refused(result)
        assert result.exit_code in (0, 1, 2)
    written = {path.name for path in set(tmp_path.iterdir()) - set(before)}
    assert written <= {"fixed.hdf5", "fixed.csv", "fixed.manifest", "clean.manifest"}


# ---------------------------------------------------------------- --fix


def test_the_repaired_copy(sound, run, tmp_path):
    edit(sound, NAMES[1], **REVERSED)
    edit(sound, NAMES[2], **COORDINATES)
    edit(sound, NAMES[4], **REVERSED)
    with h5py.File(sound.hdf5, "r+") as file:
        file["data"][NAMES[4]].attrs["back_azimuth_deg"] = np.float32(159.3)
    source = {path: path.read_bytes() for path in (sound.csv, sound.hdf5)}
    result = run("steadkit", "check", sound.hdf5, "--fix", "fixed")
    assert result.exit_code == 0, result.output
    assert {path: path.read_bytes() for path in source} == source

    before, after = attributes_in(sound.hdf5), attributes_in(tmp_path / "fixed.hdf5")
    for name in (NAMES[1], NAMES[4]):
        assert after[name].pop("back_azimuth_deg") == pytest.approx(339.3, abs=1e-4)
        before[name].pop("back_azimuth_deg")
    assert after == before
    with h5py.File(sound.hdf5) as old, h5py.File(tmp_path / "fixed.hdf5") as new:
        for name in NAMES:
            assert (new["data"][name][()] == old["data"][name][()]).all()
            for column, value in old["data"][name].attrs.items():
                assert type(new["data"][name].attrs[column]) is type(value)
                assert np.asarray(new["data"][name].attrs[column]).dtype == np.asarray(value).dtype
    rows = read(sound.csv)
    rows.loc[[1, 4], "back_azimuth_deg"] = "339.3"
    assert read("fixed.csv").equals(rows)
    assert run("steadkit", "check", "fixed.hdf5").exit_code == 0


def test_the_manifest_of_the_copy(sound, run, tmp_path):
    edit(sound, NAMES[1], **REVERSED)
    run("steadkit", "check", sound.hdf5, "--fix", "fixed.hdf5")
    manifest = load(tmp_path / "fixed.manifest")
    assert list(manifest.traces) == NAMES
    assert manifest.recipe["operation"] == "fix"
    assert manifest.recipe["repaired"] == {"back-azimuth-reversed": 1}
    assert len(manifest.recipe["source_csv"]) == 32
    report_of_copy = check([source_from_path(tmp_path / "fixed.hdf5")])
    assert list(manifest.waveforms) == report_of_copy.digests.astype(str).tolist()
    assert list(manifest.attributes) == report_of_copy.attributes.astype(str).tolist()
    # The same source gives the same bytes.
    first = (tmp_path / "fixed.hdf5").read_bytes()
    run("steadkit", "check", sound.hdf5, "--fix", "fixed.hdf5", "--overwrite")
    assert (tmp_path / "fixed.hdf5").read_bytes() == first


def test_what_is_not_repaired_is_still_an_error(sound, run):
    edit(sound, NAMES[1], **REVERSED)
    edit(sound, NAMES[2], s_arrival_sample=100.0)
    assert run("steadkit", "check", sound.hdf5, "--fix", "fixed").exit_code == 1
    result = run("steadkit", "check", "fixed.hdf5", "-o", "left.csv")
    assert result.exit_code == 1
    assert findings("left.csv") == [(NAMES[2], "s-before-p")]


def test_a_copy_of_what_cannot_be_read_is_refused(sound, run, tmp_path):
    edit(sound, NAMES[1], **REVERSED)
    samples_of(sound, NAMES[3], np.nan)
    before = sorted(tmp_path.iterdir())
    for only in ((), ("--only", "back-azimuth-reversed")):
        refused(run("steadkit", "check", sound.hdf5, "--fix", "fixed", *only), NAMES[3])
    assert sorted(tmp_path.iterdir()) == before


def test_one_file_at_a_time_is_fixed(stead, run):
    stead("one.hdf5")
    stead("two.hdf5", names_of(2, prefix="T"))
    refused(run("steadkit", "check", "one.hdf5", "two.hdf5", "--fix", "x"), "one file, not 2")


@pytest.mark.parametrize("output", ["chunk.hdf5", "chunk.h5"])
def test_a_source_is_never_fixed_in_place(sound, run, output):
    edit(sound, NAMES[1], **REVERSED)
    before = sound.csv.read_bytes(), sound.hdf5.read_bytes()
    refused(run("steadkit", "check", sound.hdf5, "--fix", output, "--overwrite"), "is a source")
    assert (sound.csv.read_bytes(), sound.hdf5.read_bytes()) == before


# ---------------------------------------------------------------- --drop


def test_a_clean_list_is_built(sound, run, tmp_path):
    samples_of(sound, NAMES[3], np.nan)
    samples_of(sound, NAMES[0], 0)
    edit(sound, NAMES[2], source_depth_km=10.0)
    result = run("steadkit", "check", sound.hdf5, "--drop", "clean")
    assert result.exit_code == 0, result.output
    manifest = load(tmp_path / "clean.manifest")
    left = sorted(set(NAMES) - {NAMES[0], NAMES[3]})
    assert list(manifest.traces) == left
    assert manifest.recipe["operation"] == "drop" and manifest.recipe["dropped"] == 2
    assert "-" not in [*manifest.waveforms, *manifest.attributes]
    result = run("steadkit", "build", "clean.manifest", "--source", sound.hdf5)
    assert result.exit_code == 0, result.output
    assert sorted(waveforms_in(tmp_path / "clean.hdf5")) == left


def test_named_issues_are_dropped_whatever_their_severity(sound, run, tmp_path):
    edit(sound, NAMES[1], source_depth_km=10.0)
    edit(sound, NAMES[2], s_arrival_sample=100.0)
    drop = ("--drop", "clean.manifest", "--only", "default-depth", "--metadata-only")
    assert run("steadkit", "check", sound.hdf5, *drop).exit_code == 0
    assert set(load(tmp_path / "clean.manifest").traces) == set(NAMES) - {NAMES[1]}


def test_a_list_of_nothing_is_refused(stead, run, tmp_path):
    source = stead("chunk.hdf5", names_of(2))
    for name in names_of(2):
        samples_of(source, name, 0)
    result = run("steadkit", "check", source.hdf5, "--drop", "clean")
    refused(result, "all 2 traces")
    assert result.exit_code == 2 and not (tmp_path / "clean.manifest").exists()


def test_the_order_of_the_rows_does_not_matter_to_the_list(sound, run, tmp_path):
    shutil.copy(sound.hdf5, tmp_path / "other.hdf5")
    rows = read(sound.csv).sample(frac=1, random_state=2)
    rows.to_csv(tmp_path / "other.csv", index=False)
    run("steadkit", "check", "chunk.hdf5", "--drop", "one")
    run("steadkit", "check", "other.hdf5", "--drop", "two")
    manifest_a, manifest_b = (load(tmp_path / f"{name}.manifest") for name in ("one", "two"))
    assert replace(manifest_a, name="two") == manifest_b


def test_only_what_is_wanted_is_looked_for(sound):
    samples_of(sound, NAMES[0], 0)
    report = check([sound], selected_issues(only=["clipped"]))
    assert report.findings.empty
    assert check([sound], ["dead-trace"]).findings["trace_name"].tolist() == [NAMES[0]]
