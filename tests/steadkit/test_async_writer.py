"""Samples written past the system's cache: the same bytes in the file, wherever they belong."""

import errno
import os
from unittest.mock import Mock

import h5py
import numpy as np
import pytest
from conftest import names_of, waveform

from steadkit.errors import InputError
from steadkit.hdf5 import PAGE, direct_io
from steadkit.hdf5.writer import FIRST_BLOCK
from steadkit.store import TRACE_BYTES, CopyPlan, Reader, async_writer, copy_traces, open_data
from steadkit.store.async_writer import AsyncWriter
from steadkit.store.copy_task import CopyWorker, Task
from steadkit.store.trace_index import find_headers

SIZE = 1000
NAMES = names_of(12)


@pytest.fixture(autouse=True)
def past_the_cache(monkeypatch):
    """Let also short stretches go past the cache, where the disk of the tests can."""
    monkeypatch.setattr(direct_io, "MIN_DIRECT_BYTES", 1)


@pytest.fixture
def file(tmp_path):
    descriptor = os.open(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def put(placer, address, count):
    """Write parts of random bytes; returns them."""
    places = placer.places(address, count)
    content = np.random.default_rng(address).bytes(count * SIZE)
    for number, place in enumerate(places):
        place[:] = content[number * SIZE : (number + 1) * SIZE]
    placer.begin()
    return content


def in_file(descriptor, address, content):
    return os.pread(descriptor, len(content), address) == content


@pytest.mark.parametrize("address", [0, 1, 7, 512, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 100])
@pytest.mark.parametrize("count", [1, 4, 5, 64])
def test_bytes_are_where_they_belong_and_nowhere_else(file, address, count):
    os.pwrite(file, b"x" * 100_000, 0)
    placer = AsyncWriter(file, SIZE, 64)
    content = put(placer, address, count)
    placer.wait()
    placer.close()
    assert in_file(file, address, content)
    assert in_file(file, 0, b"x" * address)
    end = address + len(content)
    assert in_file(file, end, b"x" * (100_000 - end))


def test_one_stretch_after_another(file):
    placer = AsyncWriter(file, SIZE, 64)
    at, written = 123, []
    for count in (64, 1, 17, 64, 3):
        written.append((at, put(placer, at, count)))
        at += count * SIZE
    placer.close()  # what is being written will be
    assert all(in_file(file, address, content) for address, content in written)


@pytest.mark.parametrize("piece", [1, SIZE, 5000, 10 * SIZE, 10**9])
@pytest.mark.parametrize("order", [range(64), reversed(range(64)), [*range(1, 64), 0], [0, 2]])
def test_places_filled_one_by_one(file, monkeypatch, piece, order):
    """What is ready is written meanwhile, and never anything that is not there yet."""
    monkeypatch.setattr(async_writer, "MAX_WRITE_BYTES", piece)
    placer = AsyncWriter(file, SIZE, 64)
    content = np.random.default_rng(0).bytes(64 * SIZE)
    places = placer.places(333, 64)
    for number in order:
        places[number][:] = content[number * SIZE : (number + 1) * SIZE]
        placer.fill(number)
    for number, place in enumerate(places):
        place[:] = content[number * SIZE : (number + 1) * SIZE]
    placer.begin()
    placer.wait()
    assert in_file(file, 333, content)
    for place in places:
        place[:] = bytes(SIZE)
    placer.begin()
    placer.close()
    assert in_file(file, 333, bytes(64 * SIZE))


def test_what_is_ready_is_written_before_the_rest_is_there(file, monkeypatch):
    monkeypatch.setattr(async_writer, "MAX_WRITE_BYTES", 10 * SIZE)
    placer = AsyncWriter(file, SIZE, 64)
    places = placer.places(0, 64)
    for number in range(30):
        places[number][:] = b"x" * SIZE
        placer.fill(number)
    placer.wait()
    assert in_file(file, 0, b"x" * (20 * SIZE))  # all but what is no whole piece yet
    placer.close()


def test_no_more_parts_than_there_is_room_for(file):
    with pytest.raises(ValueError, match="65 parts are more than 64"):
        AsyncWriter(file, SIZE, 64).places(0, 65)


@pytest.mark.parametrize("cause", ["short", "system"])
def test_what_cannot_go_past_the_cache_goes_through_it(file, monkeypatch, cause):
    if cause == "short":
        monkeypatch.setattr(direct_io, "MIN_DIRECT_BYTES", 65 * SIZE)
    else:
        monkeypatch.delattr(os, "O_DIRECT")
    placer, real, through = AsyncWriter(file, SIZE, 64), os.pwritev, []

    def pwritev(descriptor, parts, address):
        through.append((descriptor, sum(map(len, parts))))
        return real(descriptor, parts, address)

    monkeypatch.setattr(os, "pwritev", pwritev)
    content = put(placer, 777, 64)
    placer.close()
    assert in_file(file, 777, content)
    assert {descriptor for descriptor, _ in through} == {file}
    assert sum(size for _, size in through) == len(content)


def test_a_fault_of_the_disk_is_said_once_and_in_time(file, monkeypatch):
    placer = AsyncWriter(file, SIZE, 64)
    put(placer, 0, 64)
    monkeypatch.setattr(
        direct_io.DirectWriter, "write", fault := Mock(side_effect=OSError("no space"))
    )
    put(placer, 64 * SIZE, 64)
    put(placer, 128 * SIZE, 64)
    with pytest.raises(OSError, match="no space"):
        placer.places(192 * SIZE, 64)  # in the memory of the one that could not be written
    with pytest.raises(OSError, match="no space"):
        placer.wait()
    placer.wait()
    assert fault.call_count == 2
    placer.close()


@pytest.mark.parametrize("how", ["unable", "short", "full"])
def test_a_disk_that_cannot(file, monkeypatch, how):
    placer = AsyncWriter(file, SIZE, 64)
    real = os.pwrite

    def pwrite(descriptor, content, address):
        if descriptor == file:
            return real(descriptor, content, address)
        if how == "short":
            return real(file, content[:PAGE], address)
        raise OSError(errno.EINVAL if how == "unable" else errno.ENOSPC, "no")

    monkeypatch.setattr(os, "pwrite", pwrite)
    content = put(placer, 777, 64)
    if how == "full":
        with pytest.raises(OSError, match="no"):
            placer.wait()
    else:
        placer.wait()
        assert in_file(file, 777, content)
    placer.close()


def mixed(path, chunked=(), longer=()):
    """Write traces by h5py; some lie where their headers do not say, some far behind these."""
    with h5py.File(path, "w") as file:
        for number, name in enumerate(NAMES):
            chunks = (600, 3) if number in chunked else None
            dataset = file.create_dataset(f"data/{name}", data=waveform(name), chunks=chunks)
            for attribute in range(20 if number in longer else 2):
                dataset.attrs[f"a{attribute}"] = "x" * 50


@pytest.mark.parametrize(
    "options",
    [{}, {"longer": (3, 4)}, {"chunked": (0,)}, {"chunked": (5, 11)}, {"chunked": range(12)}],
)
def test_samples_are_read_to_their_places_or_brought_there(tmp_path, options):
    source = tmp_path / "source.hdf5"
    mixed(source, **options)
    with open_data(source) as group:
        reader = Reader(group)
        names = sorted(NAMES, key=reader.address)
        for count in (5, 7):  # what is learned of the first one is expected of the others
            some, names = names[:count], names[count:]
            traces = [(name, reader.address(name)) for name in some]
            memory = np.zeros((count, 6000, 3), np.float32)
            places = [one.data.cast("B") for one in memory]
            windows = reader.ahead(traces, None, places)
            found = reader.many(traces, windows)
            expected = [waveform(name) for name in some]
            samples = reader.samples(found)
            assert [*map(bytes, samples)] == [one.tobytes() for one in expected]
            if reader.are_in_place(found):
                np.testing.assert_array_equal(memory, expected)
        amiss = {NAMES[number] for number in options.get("chunked", ())}
        assert reader.are_in_place(found) == amiss.isdisjoint(some)


def test_headers_that_lead_to_the_same_samples_or_each_others(tmp_path):
    source = tmp_path / "source.hdf5"
    mixed(source)
    content = bytearray(source.read_bytes())
    with open_data(source) as group:
        reader = Reader(group)
        stored = {name: reader.stored(name) for name in NAMES}
        fields = {
            name: content.index(one.offset.to_bytes(8, "little")) for name, one in stored.items()
        }
    for name, other in ((8, 9), (9, 8), (10, 11)):
        at, there = fields[NAMES[name]], stored[NAMES[other]].offset
        content[at : at + 8] = there.to_bytes(8, "little")
    source.write_bytes(content)
    copy_traces(CopyPlan([source], NAMES, [0] * 12), tmp_path / "a.hdf5", tmp_path / "journal")
    copied = np.fromfile(tmp_path / "a.hdf5", np.uint8)[
        FIRST_BLOCK : FIRST_BLOCK + 12 * TRACE_BYTES
    ]
    there = [*range(8), 9, 8, 11, 11]
    wanted = np.stack([waveform(NAMES[number]) for number in there])
    np.testing.assert_array_equal(copied.view("<f4").reshape(wanted.shape), wanted)


def test_a_source_that_becomes_shorter_is_not_taken_for_whole(tmp_path, file):
    """What is missing must never be what was read to its place before."""
    source = tmp_path / "source.hdf5"
    mixed(source)
    with open_data(source) as group:
        reader = Reader(group)
        names = sorted(NAMES, key=reader.address)
        hand = CopyWorker([reader], file)
        headers = find_headers(reader, names).tolist()
        hand.carry(Task(names[:6], [0] * 6, headers[:6], 0))
        os.truncate(source, reader.stored(names[-1]).offset + TRACE_BYTES - 1)
        with pytest.raises(InputError, match="has become shorter"):
            hand.carry(Task(names[6:], [0] * 6, headers[6:], 6 * TRACE_BYTES))
        hand.close()


@pytest.mark.parametrize("seed", range(3))
def test_a_run_out_of_several_sources_in_any_order(tmp_path, file, seed):
    random = np.random.default_rng(seed)
    sources = [tmp_path / "a.hdf5", tmp_path / "b.hdf5"]
    mixed(sources[0], longer=(1, 5))
    mixed(sources[1], chunked=(int(random.integers(12)),))
    with open_data(sources[0]) as one, open_data(sources[1]) as other:
        readers = [Reader(one), Reader(other)]
        hand = CopyWorker(readers, file)
        for _ in range(3):
            names = random.permutation(NAMES).tolist()
            owners = random.integers(2, size=12).tolist()
            pairs = zip(owners, names, strict=True)
            headers = [readers[owner].address(name) for owner, name in pairs]
            hand.carry(Task(names, owners, headers, 345))
            hand.settle()
            wanted = np.stack([waveform(name) for name in names])
            assert in_file(file, 345, wanted.tobytes())
        hand.close()
