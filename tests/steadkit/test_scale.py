"""Files of STEAD's true size: the script that makes them, and more names than a cache holds."""

from itertools import chain

import h5py
import numpy as np
import pandas as pd
import pytest
from scale_file import WAYS, make
from scale_library import write_with_h5py
from scale_rows import Pattern, counts

from steadkit.catalog import KEY_COLUMNS, read_table
from steadkit.check import check
from steadkit.demo import cell_text
from steadkit.manifest import load
from steadkit.schema import COLUMNS
from steadkit.sources import source_from_path
from steadkit.verify import verify

TRACES = 24


@pytest.fixture
def few_patterns(monkeypatch):
    """Let a pattern repeat after a few rows."""
    monkeypatch.setattr("scale_rows.PATTERNS", {"noise": 3, "earthquake_local": 7})


def rows_of(traces):
    """Make the rows one by one, as attributes have them."""
    for category, number in counts(traces).items():
        pattern = Pattern(category, number)
        for start in range(0, number, len(pattern)):
            values = pattern.repetition(start // len(pattern))
            yield from (pattern.row(i, values) for i in range(min(len(pattern), number - start)))


def typed(attributes):
    """Return names, types and values, in their order."""
    ids = [(name, attributes.get_id(name)) for name in attributes]
    return [(n, i.dtype.str, i.shape, i.get_type().get_class(), str(attributes[n])) for n, i in ids]


@pytest.mark.parametrize("way", WAYS)
def test_a_file_made_for_scale_is_what_h5py_writes_of_the_same_rows(way, tmp_path, few_patterns):
    rows, path = list(rows_of(TRACES)), tmp_path / "merge.hdf5"
    make(path, TRACES, way)
    write_with_h5py(tmp_path / "true.hdf5", rows)
    with h5py.File(path) as ours, h5py.File(tmp_path / "true.hdf5") as true:
        assert list(ours["data"]) == list(true["data"])
        for name, dataset in true["data"].items():
            made = ours["data"][name]
            assert typed(made.attrs) == typed(dataset.attrs)
            assert (made.shape, made.dtype) == (dataset.shape, dataset.dtype)
            assert made.id.get_space_status() == dataset.id.get_space_status()
            assert not made[()].any()
        offsets = sorted(made.id.get_offset() for made in ours["data"].values())
        assert np.diff(offsets).min() >= 72_000
        assert path.stat().st_size >= offsets[-1] + 72_000
    table = pd.read_csv(path.with_suffix(".csv"), dtype=str, keep_default_na=False)
    assert table.columns.tolist() == list(COLUMNS)
    assert table.to_numpy().tolist() == [[cell_text(v) for v in row.values()] for row in rows]


@pytest.mark.parametrize("way", WAYS)
def test_a_dense_share_is_written_and_nothing_is_wrong_with_it(way, tmp_path, few_patterns):
    path = tmp_path / "merge.hdf5"
    make(path, TRACES, way, dense=0.5)
    with h5py.File(path) as file:
        names = read_table(path.with_suffix(".csv"), KEY_COLUMNS)["trace_name"]
        dense = [file["data"][name][()].any() for name in names]
    # Of every repetition, half of its traces, rounded down.
    expected = [[i % 2 == 1 for i in range(n)] for n in (3, 1, 7, 7, 6)]
    assert dense == list(chain.from_iterable(expected))
    make(path, TRACES, way, dense=1.0)
    codes = set(check([source_from_path(path)]).findings["fault"])
    assert codes <= {"weak-component", "dead-component", "identical-components", "clipped"}


@pytest.mark.parametrize("way", WAYS)
def test_its_manifest_is_true_of_it(way, tmp_path, few_patterns):
    path, listed = tmp_path / "merge.hdf5", tmp_path / "all.manifest"
    make(path, TRACES, way, dense=0.3, manifest=listed)
    manifest = load(listed)
    assert len(manifest.traces) == TRACES
    assert not list(verify(manifest, path, path.with_suffix(".csv")))
    with h5py.File(path, "r+") as file:
        file["data"][manifest.traces[3]][0, 0] += 1
    assert len(list(verify(manifest, path, path.with_suffix(".csv")))) == 1


def test_the_same_seed_gives_the_same_bytes(tmp_path, few_patterns):
    first, again, other = (tmp_path / f"{name}.hdf5" for name in ("first", "again", "other"))
    make(first, TRACES, seed=1)
    make(again, TRACES, seed=1)
    make(other, TRACES, seed=2)
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()
    assert first.with_suffix(".csv").read_bytes() == again.with_suffix(".csv").read_bytes()


def test_names_differ_however_often_the_rows_are_repeated(few_patterns):
    for category, traces in counts(60).items():
        pattern = Pattern(category, traces)
        names = [name for n in range(400) for name in pattern.repetition(n)["trace_name"]]
        assert len(set(names)) == len(names) == 400 * len(pattern)
