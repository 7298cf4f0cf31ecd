"""Places: names read from the B-tree as h5py lists them, samples found in headers, the index."""

import os
import struct
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import names_of, row, waveform, write_stead

from steadkit.errors import InputError
from steadkit.hdf5 import DamageError, FileReader, NewStyleError
from steadkit.hdf5 import symbol_table as tables
from steadkit.store import Waveforms, open_data, trace_index
from steadkit.store.reader import Reader
from steadkit.store.trace_index import find_headers, find_offsets, index_file

NAMES = names_of(90, 30)


def by_h5py(path: Path, names: list[str] = NAMES, **options: object) -> Path:
    with h5py.File(path, "w", **options) as file:
        group = file.create_group("data")
        for name in np.random.default_rng(0).permutation(names).tolist():
            group[name] = waveform(name)
            # HDF5's library moves messages about in a header to make room for attributes.
            for key, value in row(name, NAMES.index(name)).items():
                group[name].attrs[key] = value
    return path


@pytest.fixture(scope="module", params=["ours", "h5py", "user block"])
def path(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("places") / "data.hdf5"
    if request.param == "ours":
        return write_stead(path, NAMES).hdf5
    return by_h5py(path, userblock_size=512 if request.param == "user block" else 0)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """Make an empty cache, and all files large enough for an index."""
    monkeypatch.setenv("STEADKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trace_index, "MIN_INDEXED", 40)
    monkeypatch.setattr(trace_index, "MIN_LOADED", 2)
    return tmp_path / "cache"


def table_of(group: h5py.Group) -> tables.SymbolTable:
    reader = Reader(group)
    address = h5py.h5o.get_info(group.id).addr
    return tables.read_symbol_table(reader.raw, tables.read_group(reader.raw, address))


def test_names_and_headers_are_those_that_h5py_knows(path):
    with open_data(path) as group:
        table = table_of(group)
        assert [name.decode() for name in table.names] == list(group)
        known = [group.id.links.get_info(name).u for name in table.names.tolist()]
        assert table.headers.tolist() == known
        assert table.find([*NAMES, "absent", ""]).tolist()[-2:] == [-1, -1]


@pytest.mark.parametrize("names", [NAMES, NAMES[:3], [], NAMES[::-1]])
def test_places_are_where_h5py_says(path, names, monkeypatch):
    monkeypatch.setattr(Reader, "locate", lambda *_: pytest.fail("one was looked at by itself"))
    with open_data(path) as group:
        offsets = find_offsets(Reader(group), names)
        known = [group[name].id.get_offset() for name in names]
        assert offsets.samples.tolist() == known
        assert offsets.headers.tolist() == [Reader(group).address(name) for name in names]


def test_an_index_is_made_once_and_used(path, monkeypatch):
    first = Waveforms(path, NAMES).read([5, 50])
    index = index_file(path)
    assert index is not None and index.stat().st_size == 91 + 24 * len(NAMES)
    for name in ("_read_table", "_samples_in_one_piece"):
        monkeypatch.setattr(trace_index, name, lambda *_: pytest.fail("the index was not used"))
    np.testing.assert_array_equal(Waveforms(path, NAMES).read([5, 50]), first)
    np.testing.assert_array_equal(first, [waveform(NAMES[5]), waveform(NAMES[50])])


def test_few_traces_of_a_file_make_no_index(path):
    Waveforms(path, NAMES[:20])
    assert not index_file(path).exists()


def rewritten(path: Path) -> None:
    """Replace all traces by others under the same names, sizes and modification time."""
    before = path.stat()
    path.unlink()
    by_h5py(path, NAMES[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def touched(path: Path) -> None:
    os.utime(path)


def renamed(path: Path) -> None:
    """Swap two names in the heap of names, the modification time kept."""
    before = path.stat()
    content = path.read_bytes()
    name_a, name_b = NAMES[10].encode(), NAMES[11].encode()
    start = content.index(b"HEAP", content.index(b"HEAP") + 1)
    heap = content[start:].replace(name_a, b"#").replace(name_b, name_a).replace(b"#", name_b)
    with path.open("r+b") as file:  # the same inode
        file.seek(start)
        file.write(heap[: len(content) - start])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [touched, rewritten])
def test_an_index_of_a_file_that_has_changed_is_made_again(tmp_path, change):
    path = by_h5py(tmp_path / "data.hdf5")
    Waveforms(path, NAMES)
    before = index_file(path).read_bytes()
    change(path)
    made = Waveforms(path, NAMES).read(range(len(NAMES)))
    np.testing.assert_array_equal(made, [waveform(name) for name in NAMES])
    assert index_file(path).read_bytes() != before


def test_names_that_changed_in_place_are_noticed(tmp_path):
    path = by_h5py(tmp_path / "data.hdf5")
    with open_data(path) as group:
        reader = Reader(group)
        before = trace_index._key(reader, trace_index._group(reader))
    renamed(path)
    with open_data(path) as group:
        reader = Reader(group)
        assert trace_index._key(reader, trace_index._group(reader)) != before


def torn(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    return content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]


def empty(content: bytes) -> bytes:
    return b""


def short(content: bytes) -> bytes:
    return content[:-8]


@pytest.mark.parametrize("damage", [torn, flipped, empty, short])
def test_a_damaged_index_is_made_again(path, damage):
    Waveforms(path, NAMES)
    index = index_file(path)
    content = index.read_bytes()
    index.write_bytes(damage(content))
    Waveforms(path, NAMES)
    assert index.read_bytes() == content


@pytest.mark.parametrize("column", range(3))
@pytest.mark.parametrize("value", [-2, -(2**63), 2**40, 2**63 - 1])
def test_an_index_that_points_out_of_the_file_is_not_believed(path, column, value):
    """Its digest is right: whoever planted it knows how to make one."""
    Waveforms(path, NAMES)
    index = index_file(path)
    content = index.read_bytes()
    start = len(trace_index._FIRST_LINE) + 32
    body = bytearray(content[start:])
    struct.pack_into("<q", body, 32 + 8 * (column * len(NAMES) + 7), value)
    head = content[: len(trace_index._FIRST_LINE)]
    index.write_bytes(head + trace_index.blake3(bytes(body)).digest(32) + bytes(body))
    read = Waveforms(path, NAMES).read(range(len(NAMES)))
    np.testing.assert_array_equal(read, [waveform(name) for name in NAMES])
    assert index.read_bytes() == content


@pytest.mark.parametrize("folder", ["", "relative"])
def test_no_index_is_kept_where_no_folder_is_named(path, folder, monkeypatch):
    monkeypatch.setenv("STEADKIT_CACHE", folder)
    assert index_file(path) is None
    assert len(Waveforms(path, NAMES)) == len(NAMES)


def test_a_cache_that_cannot_be_written_does_no_harm(path, cache):
    cache.write_text("a file where the folder belongs")
    read = Waveforms(path, NAMES).read([3])
    np.testing.assert_array_equal(read, [waveform(NAMES[3])])


def test_what_is_unusual_is_left_to_h5py(tmp_path):
    path = tmp_path / "new.hdf5"
    by_h5py(path, libver="latest")
    with h5py.File(path, "r+") as file:
        name = NAMES[4]
        del file["data"][name]
        file["data"].create_dataset(name, data=waveform(name), chunks=(100, 3), compression=1)
    with open_data(path) as group:
        with pytest.raises(NewStyleError):
            table_of(group)
        assert find_offsets(Reader(group), NAMES).samples[4] == -1
    read = Waveforms(path, NAMES).read(range(len(NAMES)))
    np.testing.assert_array_equal(read, [waveform(name) for name in NAMES])


def test_a_soft_link_is_refused(tmp_path):
    path = by_h5py(tmp_path / "data.hdf5")
    with h5py.File(path, "r+") as file:
        file["data"]["A_link_EV"] = h5py.SoftLink(f"/data/{NAMES[0]}")
    with open_data(path) as group:
        with pytest.raises(NewStyleError):
            table_of(group)
        with pytest.raises(InputError, match="link"):
            find_headers(Reader(group), [*NAMES, "A_link_EV"])


@pytest.mark.parametrize("names", [["absent"], [*NAMES, "absent"]])
def test_an_absent_trace_is_named(path, names):
    with open_data(path) as group, pytest.raises(InputError, match="no trace 'absent'"):
        find_headers(Reader(group), names)


def test_a_damaged_group_never_leads_out_of_the_file(tmp_path):
    """Bytes of its B-tree, symbol nodes and heap are changed at random, one at a time."""
    path = tmp_path / "data.hdf5"
    with h5py.File(path, "w") as file:
        for name in NAMES:
            file[f"data/{name}"] = 1.0
    with open_data(path) as group:
        known = table_of(group).names.tolist()
        root = tables.read_group(Reader(group).raw, h5py.h5o.get_info(group.id).addr)
    content = path.read_bytes()
    starts = [
        position
        for position in range(len(content))
        if content[position : position + 4] in (b"SNOD", b"TREE")
    ]
    random, refused = np.random.default_rng(0), 0
    for _ in range(300):
        changed = bytearray(content)
        start = int(random.choice([*starts, root.heap]))
        changed[start + int(random.integers(64))] = int(random.integers(256))
        with tempfile.TemporaryFile() as file:
            file.write(changed)
            file.flush()
            raw = FileReader(file.fileno(), 0, len(changed))
            try:
                table = tables.read_symbol_table(raw, root)
            except (DamageError, NewStyleError):
                refused += 1
                continue
        assert (table.headers < len(content)).all()
        assert len(table.names) <= len(known)
    assert 50 < refused < 290
