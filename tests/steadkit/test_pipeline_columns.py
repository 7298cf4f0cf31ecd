"""Trace tables: one shared buffer for all processes, with names as bytes."""

import os
import pickle

import numpy as np
import pytest
from conftest import as_csv, names_of, row
from hypothesis import given
from hypothesis import strategies as st

from steadkit import packed_names as module
from steadkit.errors import InputError
from steadkit.packed_names import PackedNames, find_rows, pack
from steadkit.pipeline import BatchConfig, BatchLoader, TraceSource
from steadkit.pipeline.buffers import Columns
from steadkit.transforms import PRESETS

NAMES = names_of(12, 5)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(TEXT), st.integers(1, 4))
def test_names_are_what_was_packed(names_listed, at_once):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH_ROWS", at_once)
        names = PackedNames(pack(names_listed))
        assert [*names] == names_listed == names[:] and len(names) == len(names_listed)
    assert names == names_listed and names != [*names_listed, "x"]
    assert [names[number] for number in range(len(names_listed))] == names_listed
    assert names[::-2] == names_listed[::-2]
    even = np.arange(0, len(names_listed), 2)
    assert names[even] == names_listed[::2]


def test_columns_are_the_same_memory_when_pickled():
    arrays = {"a": np.arange(5), "b": np.eye(3), "c": np.array([True, False])}
    columns = Columns(arrays)
    unpickled = pickle.loads(pickle.dumps(columns))
    columns._shared.descriptor = os.dup(columns.descriptor)  # each closes one of its own
    for name, array in arrays.items():
        np.testing.assert_array_equal(columns[name], array)
        np.testing.assert_array_equal(unpickled[name], array)
        assert columns[name].dtype == array.dtype
    columns._view("b")[1, 1] = 7
    assert unpickled["b"][1, 1] == 7
    with pytest.raises(ValueError, match="read-only"):
        columns["a"][0] = 1
    np.testing.assert_array_equal(columns.take(np.array([1, 0]))["c"], [False, True])


def test_what_processes_are_given_does_not_grow_with_the_traces(stead):
    sizes = []
    for count in (2, 40):
        records = TraceSource([stead(f"{count}.hdf5", names_of(count)).hdf5], names_of(count))
        sizes.append(len(pickle.dumps(records)))
    assert abs(sizes[0] - sizes[1]) < 38 and max(sizes) < 2000


def test_traces_that_were_taken_make_the_batches_of_their_list(stead):
    path, rows = stead("all.hdf5", NAMES).hdf5, np.array([16, 3, 5, 12, 0])
    selected = TraceSource([path], NAMES).take(rows)
    by_name = TraceSource([path], [NAMES[number] for number in rows])
    assert selected.names == by_name.names
    config = BatchConfig(5, augment=PRESETS["robust"], shuffle_block=2)
    arrays, expected = (
        BatchLoader(source, config=config, seed=0).arrays(1) for source in (selected, by_name)
    )
    for array, expected_array in zip(arrays, expected, strict=True):
        np.testing.assert_array_equal(array, expected_array)


def test_a_trace_that_is_listed_twice_is_refused(stead):
    path = stead("all.hdf5", NAMES).hdf5
    with pytest.raises(InputError, match=f"{NAMES[4]}.*twice"):
        TraceSource([path], [*NAMES, NAMES[4]])


def test_rows_in_any_order_and_more_of_them_than_are_wanted(stead, monkeypatch):
    source = stead("all.hdf5", NAMES)
    expected = TraceSource([source.hdf5], NAMES[3:15])
    shuffled = [row(name, NAMES.index(name)) for name in NAMES[::-1]]
    as_csv(shuffled).to_csv(source.csv, index=False)
    monkeypatch.setattr("steadkit.catalog.read.CHUNK_ROWS", 4)
    source = TraceSource([source.hdf5], NAMES[3:15])
    for name in ("p", "s", "coda_end", "snr_db", "is_event", "offsets", "file_order"):
        np.testing.assert_array_equal(getattr(source, name), getattr(expected, name))


def test_all_traces_of_all_files_where_none_are_named(stead):
    first, second = stead("a.hdf5", NAMES[:7]), stead("b.hdf5", NAMES[7:])
    data = [second.hdf5, first.hdf5]
    source, expected = TraceSource(data), TraceSource(data, [*NAMES[7:], *NAMES[:7]])
    assert source.names == expected.names
    for name in ("p", "s", "coda_end", "snr_db", "is_event", "offsets", "file_order"):
        np.testing.assert_array_equal(getattr(source, name), getattr(expected, name))
    with pytest.raises(InputError, match=f"{NAMES[0]}.* is in both .*: merge them"):
        TraceSource([first.hdf5, stead("c.hdf5", NAMES[:2]).hdf5])


@given(st.lists(TEXT, unique=True), st.lists(TEXT))
def test_rows_of_names(names_listed, requested):
    in_order = sorted(names_listed, key=str.encode)
    expected = [in_order.index(name) if name in in_order else -1 for name in requested]
    assert find_rows(pack(in_order), pack(requested)).tolist() == expected
    assert find_rows(pack(in_order), pack(PackedNames(pack(names_listed)))).tolist() == [
        in_order.index(name) for name in names_listed
    ]
