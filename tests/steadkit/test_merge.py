"""Merge: every trace once; a difference between two files is refused with both names."""

import errno
import os

import h5py
import numpy as np
import pytest
from conftest import attributes_in, names_of, refused, waveforms_in

from steadkit.catalog import read_table
from steadkit.hdf5 import DirectWriter


def test_chunks_are_joined_in_their_order(stead, run, tmp_path):
    names = names_of(6, 3)
    stead("chunk1.hdf5", names[6:])
    stead("chunk2.hdf5", names[:6])
    assert run("steadkit", "merge").exit_code == 0
    assert read_table(tmp_path / "merge.csv")["trace_name"].tolist() == names[6:] + names[:6]
    assert len(waveforms_in(tmp_path / "merge.hdf5")) == 9


def test_real_records_are_taken_once(shared_data, run, tmp_path):
    source = shared_data / "ncedc_a.hdf5"
    run("steadkit", "subset", source, "--fraction", "0.5", "-o", "half.hdf5")
    result = run("steadkit", "merge", "half.hdf5", source, "-o", "all.hdf5")
    assert result.exit_code == 0, result.output
    merged, original = waveforms_in(tmp_path / "all.hdf5"), waveforms_in(source)
    assert merged.keys() == original.keys()
    assert len(merged) == 98
    assert all((merged[name] == original[name]).all() for name in original)
    assert attributes_in(tmp_path / "all.hdf5") == attributes_in(source)


def alter_waveform(dataset):
    dataset[17, 1] += 1


def alter_attribute(dataset):
    dataset.attrs["p_arrival_sample"] = 1.0


@pytest.mark.parametrize(
    ("alter", "message"), [(alter_waveform, "waveforms"), (alter_attribute, "attributes")]
)
def test_a_difference_is_refused_with_both_files(stead, run, tmp_path, alter, message):
    stead("one.hdf5")
    second = stead("two.hdf5", names_of(3))
    with h5py.File(second.hdf5, "r+") as file:
        alter(file["data"][names_of(3)[2]])
    before = sorted(tmp_path.iterdir())
    refused(run("steadkit", "merge", "one.hdf5", "two.hdf5"), message, "one.hdf5", "two.hdf5")
    assert sorted(tmp_path.iterdir()) == before


def test_rows_that_differ_are_refused_with_both_files(stead, run, tmp_path):
    stead("one.hdf5")
    second = stead("two.hdf5")
    second.csv.write_text(second.csv.read_text().replace(",602.0,", ",603.0,"))
    result = run("steadkit", "merge", "one.hdf5", "two.hdf5")
    refused(result, "p_arrival_sample", "one.csv", "two.csv")
    assert not (tmp_path / "merge.hdf5").exists()


def test_values_not_known_do_not_differ(stead, run):
    for name in ("one", "two"):
        source = stead(f"{name}.hdf5")
        with h5py.File(source.hdf5, "r+") as file:
            file["data"][names_of(8, 4)[0]].attrs["source_depth_km"] = np.nan
    assert run("steadkit", "merge", "one.hdf5", "two.hdf5").exit_code == 0


def test_columns_that_only_one_file_has_are_kept(stead, run, tmp_path):
    names = names_of(4)
    stead("one.hdf5", names[:2])
    second = stead("two.hdf5", names[2:])
    table = read_table(second.csv).assign(operator="me")
    table.to_csv(second.csv, index=False)
    assert run("steadkit", "merge", "one.hdf5", "two.hdf5").exit_code == 0
    merged = read_table(tmp_path / "merge.csv")
    assert merged["operator"].tolist() == ["", "", "me", "me"]
    assert merged.columns[-1] == "operator"


def rewritten(source, **options):
    """Let h5py store a file's traces anew, its own way."""
    path = source.hdf5.with_name("new.hdf5")
    with h5py.File(source.hdf5) as old, h5py.File(path, "w", **options) as new:
        for name in reversed(old["data"]):
            dataset = new.create_dataset(f"data/{name}", data=old["data"][name][()])
            for key, value in list(old["data"][name].attrs.items())[::-1]:
                dataset.attrs[key] = value
    path.replace(source.hdf5)


@pytest.mark.parametrize("options", [{}, {"libver": "latest"}, {"track_order": True}], ids=str)
def test_the_same_bytes_however_the_sources_are_stored(stead, run, tmp_path, options):
    names = names_of(6, 3)
    sources = [stead("one.hdf5", names[:5]), stead("two.hdf5", names)]
    assert run("steadkit", "merge", "one.hdf5", "two.hdf5", "-o", "a.hdf5").exit_code == 0
    for source in sources:
        rewritten(source, **options)
    result = run("steadkit", "merge", "one.hdf5", "two.hdf5", "-o", "b.hdf5")
    assert result.exit_code == 0, result.output
    for end in (".hdf5", ".csv"):
        first, second = ((tmp_path / f"{name}{end}").read_bytes() for name in "ab")
        assert first == second


def test_a_merge_that_a_full_disk_ends_is_repeated(stead, run, tmp_path, monkeypatch):
    stead("chunk1.hdf5", names_of(0, 5))
    stead("chunk2.hdf5", names_of(7))
    assert run("steadkit", "merge", "-o", "undisturbed.hdf5").exit_code == 0
    write = DirectWriter.write

    def full(self, address, content):
        if address + len(content) > 5 * 72_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, address, content)

    monkeypatch.setattr(DirectWriter, "write", full)
    refused(run("steadkit", "merge"), "no space left")
    assert not list(tmp_path.glob("merge*"))
    monkeypatch.setattr(DirectWriter, "write", write)
    assert run("steadkit", "merge").exit_code == 0
    for end in (".hdf5", ".csv"):
        first, second = ((tmp_path / f"{n}{end}").read_bytes() for n in ("merge", "undisturbed"))
        assert first == second
    assert not (tmp_path / ".merge.partial").exists()


def test_a_merge_of_what_is_merged_changes_nothing(stead, run, tmp_path):
    stead("chunk1.hdf5", names_of(0, 5))
    stead("chunk2.hdf5", names_of(7))
    assert run("steadkit", "merge").exit_code == 0
    assert run("steadkit", "merge", "merge.hdf5", "chunk2.hdf5", "-o", "more.hdf5").exit_code == 0
    for end in (".hdf5", ".csv"):
        first, second = ((tmp_path / f"{name}{end}").read_bytes() for name in ("merge", "more"))
        assert first == second
