"""More names than the metadata cache of HDF5's library holds by default, in both ways of writing.

The library keeps the list of names of a group as one entry of its cache, 32 MB at most. From
720,896 names on (by the library, whose list doubles) or 1,048,575 (by us) it would read all of it
again for each name. Nothing here is timed: what is read is counted, in bytes.
"""

from pathlib import Path

import numpy as np
import pytest
from scale_file import WAYS
from scale_names import GROUP_BYTES, Nodes, write_group

from steadkit.dataset_files import dataset_files
from steadkit.hdf5 import AttributeTable, Hdf5Writer, encode
from steadkit.hdf5.global_heap import n_words
from steadkit.schema import DATA_GROUP, TRACE_SHAPE
from steadkit.selection import Selection
from steadkit.sources import source_from_path
from steadkit.store import TRACE_BYTES, Reader, Waveforms, open_data, read_waveform
from steadkit.store.trace_index import CACHE_VARIABLE, find_headers, find_offsets
from steadkit.subset import subset

COUNT = 1_060_000
BLOCK = 1 << 16
N_SAMPLED = 20

IO = Path("/proc/self/io")
pytestmark = pytest.mark.skipif(not IO.exists(), reason="the system does not count what is read")

LIST_BYTES = 48 << 20
"""More than the list of names takes, as the library lays it out and as we do."""


def bytes_read():
    """Return how many bytes this process has read so far, from disk or cache."""
    counted = dict(line.split(": ") for line in IO.read_text().splitlines())
    return int(counted["rchar"])


def headers_of(file, names):
    """Lay out a header for each name, its name the one attribute; the samples are holes."""
    form, body, _ = encode({"trace_name": names[0]})
    headers = []
    for start in range(0, len(names), BLOCK):
        block = np.array(names[start : start + BLOCK], "S32")
        lengths = np.char.str_len(block)[:, np.newaxis]
        integers = block.view("<u8").reshape(len(block), -1)
        is_used = np.arange(integers.shape[1]) < n_words(lengths)
        bodies = np.repeat(np.frombuffer(body, np.uint8)[np.newaxis], len(block), axis=0)
        base = file.reserve(len(block))
        addresses = base + TRACE_BYTES * np.arange(len(block))
        content, placed = file.layout(
            [(addresses, AttributeTable(form, bodies, lengths, integers[is_used]))]
        )
        file.append(content)
        headers.append(placed.astype(np.uint64))
    return np.concatenate(headers)


@pytest.fixture(scope="module", params=WAYS)
def scale_file(request, tmp_path_factory):
    """Write a file of many names, the samples of a few of them not zero; returns it and these."""
    path = tmp_path_factory.mktemp("many") / "merge.hdf5"
    suffixes = ("NO", "EV", "EV", "EV", "EV")
    names = [f"S{i % 907:03d}.XX_{20_000_101_000_000 + i}_{suffixes[i % 5]}" for i in range(COUNT)]
    file = Hdf5Writer(path, TRACE_SHAPE, DATA_GROUP)
    if request.param == "h5py":
        file.end += GROUP_BYTES * COUNT
    headers = headers_of(file, names)
    sampled_rows = np.random.default_rng(0).choice(COUNT, N_SAMPLED, replace=False).tolist()
    if request.param == "h5py":
        nowhere = Nodes(*[np.empty(0, np.int64)] * 2)
        write_group(file.descriptor, names, headers, nowhere, file.end)
    else:
        file.finalize(names, headers)
    with open_data(path) as group:
        reader = Reader(group)
        for number in sampled_rows:
            stored = reader.locate(names[number], int(headers[number]))
            file.write(stored.offset, np.full(TRACE_SHAPE, number, np.float32).data)
    file.close()
    lines = [f"{name},{'noise' if name[-1] == 'O' else 'earthquake_local'}\n" for name in names]
    with path.with_suffix(".csv").open("w") as csv:
        csv.writelines(["trace_name,trace_category\n", *lines])
    yield path, names, sampled_rows
    path.unlink()


def test_look_ups_read_the_list_of_names_once(scale_file):
    path, names, sampled_rows = scale_file
    with open_data(path) as group:
        reader, before = Reader(group), bytes_read()
        addresses = [reader.address(names[number]) for number in sampled_rows * 10]
        assert bytes_read() - before < 2 * LIST_BYTES
    assert len(set(addresses)) == N_SAMPLED and addresses == addresses[:N_SAMPLED] * 10


def test_traces_are_what_they_are_called(scale_file):
    path, names, sampled_rows = scale_file
    before = bytes_read()
    with open_data(path) as group:
        reader = Reader(group)
        for number in sampled_rows:
            stored = reader.locate(names[number])
            attributes = reader.attributes(stored, reader.heaps()).decode()
            assert attributes == {"trace_name": names[number]}
            assert (read_waveform(group, names[number]) == number).all()
    assert bytes_read() - before < 2 * LIST_BYTES + 4 * N_SAMPLED * TRACE_BYTES


def test_all_names_are_listed(scale_file):
    path, names, _ = scale_file
    before = bytes_read()
    with open_data(path) as group:
        assert len(group) == COUNT
        assert sorted(group) == sorted(names)
    assert bytes_read() - before < 20 * LIST_BYTES


def test_all_traces_are_found_and_found_again_by_an_index(scale_file, tmp_path, monkeypatch):
    path, names, sampled_rows = scale_file
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    with open_data(path) as group:
        reader, before = Reader(group), bytes_read()
        headers = find_headers(reader, names)
        # The list of names, and the leaves of the B-tree, half full at the least.
        assert bytes_read() - before < 2 * LIST_BYTES + 82 * COUNT
        assert len(np.unique(headers)) == COUNT
        assert headers[sampled_rows].tolist() == [
            reader.address(names[number]) for number in sampled_rows
        ]
        places = find_offsets(reader, names)
        assert (np.diff(places.samples[np.argsort(headers)]) >= TRACE_BYTES).all()
        before = bytes_read()
        offsets = find_offsets(reader, names)
        assert bytes_read() - before < 3 * LIST_BYTES + 24 * COUNT
    assert (offsets.headers == headers).all() and (offsets.samples == places.samples).all()


def test_waveforms_of_few_are_found_and_read(scale_file):
    path, names, sampled_rows = scale_file
    before = bytes_read()
    read = Waveforms(path, [names[number] for number in sampled_rows]).read(range(N_SAMPLED))
    assert (read == np.array(sampled_rows, np.float32)[:, np.newaxis, np.newaxis]).all()
    assert bytes_read() - before < 2 * LIST_BYTES + 4 * N_SAMPLED * TRACE_BYTES


def test_a_subset_of_few_reads_little_more_than_the_csv(scale_file, tmp_path):
    path, names, _ = scale_file
    files, before = dataset_files(tmp_path / "few.hdf5"), bytes_read()
    chosen = subset([source_from_path(path)], files, Selection(count=N_SAMPLED, seed=3)).traces
    csv = path.with_suffix(".csv").stat().st_size
    assert bytes_read() - before < 3 * csv + 2 * LIST_BYTES + 8 * N_SAMPLED * TRACE_BYTES
    assert len(chosen) == N_SAMPLED and set(chosen) <= set(names)
    with open_data(files.hdf5) as group:
        assert {name: group[name].attrs["trace_name"] for name in group} == {c: c for c in chosen}
