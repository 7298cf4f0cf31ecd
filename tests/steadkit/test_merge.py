"""Merge: every trace once; what differs between two files is refused with both names."""

import h5py
import numpy as np
import pytest
from conftest import attributes_in, names_of, refused, waveforms_in

from steadkit.catalog import read_table


def test_chunks_are_joined_in_their_order(stead, run, tmp_path):
    names = names_of(6, 3)
    stead("chunk1.hdf5", names[6:])
    stead("chunk2.hdf5", names[:6])
    assert run("steadkit", "merge").exit_code == 0
    assert read_table(tmp_path / "merged.csv")["trace_name"].tolist() == names[6:] + names[:6]
    assert len(waveforms_in(tmp_path / "merged.hdf5")) == 9


def test_real_records_are_taken_once(shared_data, run, tmp_path):
    source = shared_data / "ncedc_a.hdf5"
    run("steadkit", "subset", source, "--fraction", "0.5", "-o", "half.hdf5")
    result = run("steadkit", "merge", "half.hdf5", source, "-o", "all.hdf5")
    assert result.exit_code == 0, result.output
    merged, given = waveforms_in(tmp_path / "all.hdf5"), waveforms_in(source)
    assert merged.keys() == given.keys()
    assert len(merged) == 98
    assert all((merged[name] == given[name]).all() for name in given)
    assert attributes_in(tmp_path / "all.hdf5") == attributes_in(source)


def alter_waveform(dataset):
    dataset[17, 1] += 1


def alter_attribute(dataset):
    dataset.attrs["p_arrival_sample"] = 1.0


@pytest.mark.parametrize(
    ("alter", "words"), [(alter_waveform, "waveforms"), (alter_attribute, "attributes")]
)
def test_a_difference_is_refused_with_both_files(stead, run, tmp_path, alter, words):
    stead("one.hdf5")
    other = stead("two.hdf5", names_of(3))
    with h5py.File(other.hdf5, "r+") as file:
        alter(file["data"][names_of(3)[2]])
    before = sorted(tmp_path.iterdir())
    refused(run("steadkit", "merge", "one.hdf5", "two.hdf5"), words, "one.hdf5", "two.hdf5")
    assert sorted(tmp_path.iterdir()) == before


def test_rows_that_differ_are_refused_with_both_files(stead, run, tmp_path):
    stead("one.hdf5")
    other = stead("two.hdf5")
    other.csv.write_text(other.csv.read_text().replace(",602.0,", ",603.0,"))
    result = run("steadkit", "merge", "one.hdf5", "two.hdf5")
    refused(result, "p_arrival_sample", "one.csv", "two.csv")
    assert not (tmp_path / "merged.hdf5").exists()


def test_values_not_known_do_not_differ(stead, run):
    for name in ("one", "two"):
        source = stead(f"{name}.hdf5")
        with h5py.File(source.hdf5, "r+") as file:
            file["data"][names_of(8, 4)[0]].attrs["source_depth_km"] = np.nan
    assert run("steadkit", "merge", "one.hdf5", "two.hdf5").exit_code == 0


def test_columns_that_only_one_file_has_are_kept(stead, run, tmp_path):
    names = names_of(4)
    stead("one.hdf5", names[:2])
    other = stead("two.hdf5", names[2:])
    table = read_table(other.csv).assign(operator="me")
    table.to_csv(other.csv, index=False)
    assert run("steadkit", "merge", "one.hdf5", "two.hdf5").exit_code == 0
    merged = read_table(tmp_path / "merged.csv")
    assert merged["operator"].tolist() == ["", "", "me", "me"]
    assert merged.columns[-1] == "operator"
