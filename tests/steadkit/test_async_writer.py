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
from steadkit.hdf5.direct_io import AsyncWriter
from steadkit.hdf5.writer import FIRST_BLOCK
from steadkit.store import TRACE_BYTES, CopyPlan, Reader, copy_traces, open_data
from steadkit.store.copy_worker import CopyTask, CopyWorker
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


def put(writer, address, count):
    """Write parts of random bytes; returns them."""
    buffers = writer.buffers(address, count)
    content = np.random.default_rng(address).bytes(count * SIZE)
    for number, buffer in enumerate(buffers):
        buffer[:] = content[number * SIZE : (number + 1) * SIZE]
    writer.submit()
    return content


def in_file(descriptor, address, content):
    return os.pread(descriptor, len(content), address) == content


@pytest.mark.parametrize("address", [0, 1, 7, 512, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 100])
@pytest.mark.parametrize("count", [1, 4, 5, 64])
def test_bytes_are_where_they_belong_and_nowhere_else(file, address, count):
    os.pwrite(file, b"x" * 100_000, 0)
    writer = AsyncWriter(file, SIZE, 64)
    content = put(writer, address, count)
    writer.wait()
    writer.close()
    assert in_file(file, address, content)
    assert in_file(file, 0, b"x" * address)
    end = address + len(content)
    assert in_file(file, end, b"x" * (100_000 - end))


def test_one_stretch_after_another(file):
    writer = AsyncWriter(file, SIZE, 64)
    address, written = 123, []
    for count in (64, 1, 17, 64, 3):
        written.append((address, put(writer, address, count)))
        address += count * SIZE
    writer.close()  # what is being written will be
    assert all(in_file(file, batch_address, content) for batch_address, content in written)


@pytest.mark.parametrize("piece", [1, SIZE, 5000, 10 * SIZE, 10**9])
@pytest.mark.parametrize("order", [range(64), reversed(range(64)), [*range(1, 64), 0], [0, 2]])
def test_places_filled_one_by_one(file, monkeypatch, piece, order):
    """What is ready is written meanwhile, and never anything that is not there yet."""
    monkeypatch.setattr(direct_io, "MAX_WRITE_BYTES", piece)
    writer = AsyncWriter(file, SIZE, 64)
    content = np.random.default_rng(0).bytes(64 * SIZE)
    buffers = writer.buffers(333, 64)
    for number in order:
        buffers[number][:] = content[number * SIZE : (number + 1) * SIZE]
        writer.mark_filled(number)
    for number, buffer in enumerate(buffers):
        buffer[:] = content[number * SIZE : (number + 1) * SIZE]
    writer.submit()
    writer.wait()
    assert in_file(file, 333, content)
    for buffer in buffers:
        buffer[:] = bytes(SIZE)
    writer.submit()
    writer.close()
    assert in_file(file, 333, bytes(64 * SIZE))


def test_what_is_ready_is_written_before_the_rest_is_there(file, monkeypatch):
    monkeypatch.setattr(direct_io, "MAX_WRITE_BYTES", 10 * SIZE)
    writer = AsyncWriter(file, SIZE, 64)
    buffers = writer.buffers(0, 64)
    for number in range(30):
        buffers[number][:] = b"x" * SIZE
        writer.mark_filled(number)
    writer.wait()
    assert in_file(file, 0, b"x" * (20 * SIZE))  # all but what is no whole piece yet
    writer.close()


def test_no_more_parts_than_there_is_room_for(file):
    with pytest.raises(ValueError, match="65 parts are more than 64"):
        AsyncWriter(file, SIZE, 64).buffers(0, 65)


@pytest.mark.parametrize("cause", ["short", "system"])
def test_what_cannot_go_past_the_cache_goes_through_it(file, monkeypatch, cause):
    if cause == "short":
        monkeypatch.setattr(direct_io, "MIN_DIRECT_BYTES", 65 * SIZE)
    else:
        monkeypatch.delattr(os, "O_DIRECT")
    writer, real, through = AsyncWriter(file, SIZE, 64), os.pwritev, []

    def pwritev(descriptor, parts, address):
        through.append((descriptor, sum(map(len, parts))))
        return real(descriptor, parts, address)

    monkeypatch.setattr(os, "pwritev", pwritev)
    content = put(writer, 777, 64)
    writer.close()
    assert in_file(file, 777, content)
    assert {descriptor for descriptor, _ in through} == {file}
    assert sum(size for _, size in through) == len(content)


def test_a_fault_of_the_disk_is_said_once_and_in_time(file, monkeypatch):
    writer = AsyncWriter(file, SIZE, 64)
    put(writer, 0, 64)
    monkeypatch.setattr(
        direct_io.DirectWriter, "write", fault := Mock(side_effect=OSError("no space"))
    )
    put(writer, 64 * SIZE, 64)
    put(writer, 128 * SIZE, 64)
    with pytest.raises(OSError, match="no space"):
        writer.buffers(192 * SIZE, 64)  # in the memory of the one that could not be written
    with pytest.raises(OSError, match="no space"):
        writer.wait()
    writer.wait()
    assert fault.call_count == 2
    writer.close()


@pytest.mark.parametrize("how", ["unable", "short", "full"])
def test_a_disk_that_cannot(file, monkeypatch, how):
    writer = AsyncWriter(file, SIZE, 64)
    real = os.pwrite

    def pwrite(descriptor, content, address):
        if descriptor == file:
            return real(descriptor, content, address)
        if how == "short":
            return real(file, content[:PAGE], address)
        raise OSError(errno.EINVAL if how == "unable" else errno.ENOSPC, "no")

    monkeypatch.setattr(os, "pwrite", pwrite)
    content = put(writer, 777, 64)
    if how == "full":
        with pytest.raises(OSError, match="no"):
            writer.wait()
    else:
        writer.wait()
        assert in_file(file, 777, content)
    writer.close()


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
            chunk, names = names[:count], names[count:]
            traces = [(name, reader.address(name)) for name in chunk]
            memory = np.zeros((count, 6000, 3), np.float32)
            buffers = [samples_of_trace.data.cast("B") for samples_of_trace in memory]
            read_ahead = reader.read_ahead(traces, None, buffers)
            batch = reader.read_batch(traces, read_ahead)
            expected = [waveform(name) for name in chunk]
            samples = reader.samples(batch)
            assert [*map(bytes, samples)] == [
                samples_of_trace.tobytes() for samples_of_trace in expected
            ]
            if reader.all_prefilled(batch):
                np.testing.assert_array_equal(memory, expected)
        chunked = {NAMES[number] for number in options.get("chunked", ())}
        assert reader.all_prefilled(batch) == chunked.isdisjoint(chunk)


def test_headers_that_lead_to_the_same_samples_or_each_others(tmp_path):
    source = tmp_path / "source.hdf5"
    mixed(source)
    content = bytearray(source.read_bytes())
    with open_data(source) as group:
        reader = Reader(group)
        locations = {number: reader.locate(number) for number in NAMES}
        fields = {
            number: content.index(location.offset.to_bytes(8, "little"))
            for number, location in locations.items()
        }
    for number, target in ((8, 9), (9, 8), (10, 11)):
        position, offset = fields[NAMES[number]], locations[NAMES[target]].offset
        content[position : position + 8] = offset.to_bytes(8, "little")
    source.write_bytes(content)
    copy_traces(CopyPlan([source], NAMES, [0] * 12), tmp_path / "a.hdf5", tmp_path / "journal")
    copied = np.fromfile(tmp_path / "a.hdf5", np.uint8)[
        FIRST_BLOCK : FIRST_BLOCK + 12 * TRACE_BYTES
    ]
    offset = [*range(8), 9, 8, 11, 11]
    expected = np.stack([waveform(NAMES[number]) for number in offset])
    np.testing.assert_array_equal(copied.view("<f4").reshape(expected.shape), expected)


def test_a_source_that_becomes_shorter_is_not_taken_for_whole(tmp_path, file):
    """What is missing must never be what was read to its place before."""
    source = tmp_path / "source.hdf5"
    mixed(source)
    with open_data(source) as group:
        reader = Reader(group)
        names = sorted(NAMES, key=reader.address)
        worker = CopyWorker([reader], file)
        headers = find_headers(reader, names).tolist()
        worker.copy_batch(CopyTask(names[:6], [0] * 6, headers[:6], 0))
        os.truncate(source, reader.locate(names[-1]).offset + TRACE_BYTES - 1)
        with pytest.raises(InputError, match="has become shorter"):
            worker.copy_batch(CopyTask(names[6:], [0] * 6, headers[6:], 6 * TRACE_BYTES))
        worker.close()


@pytest.mark.parametrize("seed", range(3))
def test_a_run_out_of_several_sources_in_any_order(tmp_path, file, seed):
    random = np.random.default_rng(seed)
    sources = [tmp_path / "a.hdf5", tmp_path / "b.hdf5"]
    mixed(sources[0], longer=(1, 5))
    mixed(sources[1], chunked=(int(random.integers(12)),))
    with open_data(sources[0]) as group_a, open_data(sources[1]) as group_b:
        readers = [Reader(group_a), Reader(group_b)]
        worker = CopyWorker(readers, file)
        for _ in range(3):
            names = random.permutation(NAMES).tolist()
            owners = random.integers(2, size=12).tolist()
            pairs = zip(owners, names, strict=True)
            headers = [readers[owner].address(name) for owner, name in pairs]
            worker.copy_batch(CopyTask(names, owners, headers, 345))
            worker.flush()
            expected = np.stack([waveform(name) for name in names])
            assert in_file(file, 345, expected.tobytes())
        worker.close()
