"""The miniature on disk: STEAD's layout, the same bytes for a seed, resumed where it stopped."""

import h5py
import numpy as np
import pytest
from conftest import refused

from steadkit import demo as demo_module
from steadkit.catalog import read_table
from steadkit.demo import cell_text
from steadkit.schema import COLUMNS
from steadkit.types import typed_table

FILES = [f"chunk{n}{suffix}" for n in (1, 2) for suffix in (".csv", ".hdf5", ".manifest")]


def make(run, folder="d", *options, events=6, noise=3):
    return run("steadkit", "demo", folder, "--events", events, "--noise", noise, *options)


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_steads_layout(run, tmp_path):
    assert make(run).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == FILES
    for chunk, count, ending in ((1, 3, "_NO"), (2, 6, "_EV")):
        table = read_table(tmp_path / f"d/chunk{chunk}.csv")
        assert tuple(table.columns) == COLUMNS
        with h5py.File(tmp_path / f"d/chunk{chunk}.hdf5") as file:
            assert list(file["data"]) == sorted(table["trace_name"])
            assert len(file["data"]) == count
            for name, dataset in file["data"].items():
                assert name.endswith(ending)
                assert (dataset.shape, dataset.dtype) == ((6000, 3), np.float32)
                assert dataset.chunks is None
                assert set(dataset.attrs) == set(COLUMNS)


def test_the_csv_says_what_the_attributes_say(run, tmp_path):
    make(run)
    table = read_table(tmp_path / "d/chunk2.csv").set_index("trace_name", drop=False)
    with h5py.File(tmp_path / "d/chunk2.hdf5") as file:
        for name, dataset in file["data"].items():
            attributes = {key: cell_text(value) for key, value in dataset.attrs.items()}
            assert table.loc[name].to_dict() == attributes
    typed = typed_table(table.reset_index(drop=True))
    assert (typed["s_arrival_sample"] > typed["p_arrival_sample"]).all()
    assert typed[["snr_db_E", "snr_db_Z", "coda_end_sample"]].notna().to_numpy().any(axis=1).all()


def test_the_same_seed_gives_the_same_bytes(run, tmp_path):
    make(run, "one", "--seed", 5)
    make(run, "two", "--seed", 5)
    make(run, "three", "--seed", 6)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert bytes_of(tmp_path / "one")["chunk2.hdf5"] != bytes_of(tmp_path / "three")["chunk2.hdf5"]


def test_what_was_cut_off_is_completed(run, tmp_path, monkeypatch):
    monkeypatch.setattr(demo_module, "CHUNK_EVENTS", 4)
    make(run)
    whole = bytes_of(tmp_path / "d")
    assert "chunk3.hdf5" in whole
    before = (tmp_path / "d/chunk2.hdf5").stat().st_ino
    for name in ("chunk3.hdf5", "chunk3.csv", "chunk3.manifest"):
        (tmp_path / "d" / name).unlink()
    make(run)
    assert bytes_of(tmp_path / "d") == whole
    assert (tmp_path / "d/chunk2.hdf5").stat().st_ino == before


def test_chunks_of_another_recipe_are_not_replaced(run, tmp_path):
    make(run)
    before = bytes_of(tmp_path / "d")
    refused(make(run, "d", "--seed", 1), "chunk1.hdf5", "--overwrite")
    assert bytes_of(tmp_path / "d") == before
    assert make(run, "d", "--seed", 1, "--overwrite").exit_code == 0
    assert bytes_of(tmp_path / "d") != before


def test_no_traces_at_all_are_refused(run):
    refused(make(run, events=0, noise=0), "ask for some")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (893.0, "893.0"),
        ("", ""),
        ("1845", "1845"),
        (np.array([46.33, 48.2, 40.61]), "[46.33 48.2  40.61]"),
        (np.array([[1789.0]]), "[[1789.]]"),
    ],
)
def test_values_are_written_as_stead_does(value, text):
    assert cell_text(value) == text
