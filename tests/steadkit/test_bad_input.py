"""Bad input to subset and merge: one clear line, exit code 1 or 2, no file left behind."""

import h5py
import numpy as np
import pytest
from conftest import names_of, refused

NAMES = names_of(8, 4)


def missing(source):
    source.hdf5.unlink()
    source.csv.unlink()


def without_hdf5(source):
    source.hdf5.unlink()


def without_csv(source):
    source.csv.unlink()


def not_hdf5(source):
    source.hdf5.write_text("trace_name,trace_category\n")


def truncated(source):
    whole = source.hdf5.read_bytes()
    source.hdf5.write_bytes(whole[: len(whole) * 2 // 3])


def no_dataset(source):
    with h5py.File(source.hdf5, "r+") as file:
        del file["data"][NAMES[3]]


def wrong_shape(source):
    no_dataset(source)
    with h5py.File(source.hdf5, "r+") as file:
        file["data"][NAMES[3]] = np.zeros((3, 6000), "f4")


def not_a_number(source):
    with h5py.File(source.hdf5, "r+") as file:
        file["data"][NAMES[3]][5, 0] = np.nan


def empty_csv(source):
    source.csv.write_text("")


CASES = {
    missing: "no file",
    without_hdf5: "no 'chunk.hdf5'",
    without_csv: "no 'chunk.csv'",
    not_hdf5: "not an HDF5 file",
    truncated: "truncated",
    no_dataset: NAMES[3],
    wrong_shape: "(3, 6000)",
    not_a_number: "NaN",
    empty_csv: "not a STEAD CSV",
}


@pytest.mark.parametrize("command", [("subset", "--fraction", "1"), ("merge",)], ids=" ".join)
@pytest.mark.parametrize(
    ("spoil", "words"), CASES.items(), ids=lambda x: getattr(x, "__name__", "")
)
def test_one_clear_line_and_nothing_left(stead, run, tmp_path, spoil, words, command):
    source = stead()
    spoil(source)
    named = source.csv if spoil is without_hdf5 else source.hdf5
    before = sorted(tmp_path.iterdir())
    refused(run("steadkit", command[0], named, *command[1:], "-o", "out.hdf5"), words)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("output", ["out.csv", ".", "nowhere/out.hdf5"])
def test_outputs_that_cannot_be(stead, run, output):
    stead()
    refused(run("steadkit", "subset", "chunk.hdf5", "--fraction", "1", "-o", output))
