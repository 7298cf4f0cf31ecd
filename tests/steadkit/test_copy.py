"""Copying: the same bytes from whatever sources, and from a copy cut off anywhere."""

import errno
import os
import random
import resource
import shutil
from contextlib import contextmanager, suppress

import h5py
import numpy as np
import pytest
from conftest import as_csv, attributes_in, names_of, refused, row, waveform, waveforms_in

from steadkit.errors import InputError
from steadkit.hdf5 import encode
from steadkit.store import (
    ATTRIBUTES_DIGEST,
    TRACE_BYTES,
    WAVEFORM_DIGEST,
    CopyPlan,
    Writer,
    copy_traces,
    digest,
)
from steadkit.store import copy as copy_module
from steadkit.store.copy_worker import CopyWorker

NAMES = names_of(7, 4)
BLOCK = 3
PAGE = 4096
"""What stands before the first block: superblock and nothing else."""


def values(name):
    return row(name, NAMES.index(name))


def by_us(path, names):
    with Writer(path) as writer:
        for name in names:
            writer.add(name, waveform(name), values(name))


def by_h5py(path, names, chunks=None, **options):
    with h5py.File(path, "w", **options) as file:
        for name in names:
            dataset = file.create_dataset(f"data/{name}", data=waveform(name), chunks=chunks)
            dataset.attrs.update(values(name))


WAYS = {
    "by us": by_us,
    "backwards": lambda path, names: by_us(path, names[::-1]),
    "by h5py": by_h5py,
    "newest": lambda path, names: by_h5py(path, names, libver="latest"),
    "user block": lambda path, names: by_h5py(path, names, userblock_size=512),
    "tracked": lambda path, names: by_h5py(path, names, track_order=True),
    "chunked": lambda path, names: by_h5py(path, names[::-1], chunks=(600, 3)),
}


def copy(folder, order, check=None, block=BLOCK):
    """Copy into a folder; returns the bytes of the file."""
    folder.mkdir(exist_ok=True)
    copied = copy_traces(order, folder / "a.hdf5", folder / "journal", check, block)
    assert len(copied.waveforms) == len(order.names) * WAVEFORM_DIGEST
    assert len(copied.attributes) == len(order.names) * ATTRIBUTES_DIGEST
    return (folder / "a.hdf5").read_bytes()


@pytest.fixture
def order(tmp_path):
    """Two sources, and their traces in an order of its own."""
    by_us(tmp_path / "one.hdf5", NAMES[::2])
    by_h5py(tmp_path / "two.hdf5", NAMES[1::2])
    names_in_order = random.Random(1).sample(NAMES, len(NAMES))
    numbers = [NAMES.index(name) % 2 for name in names_in_order]
    return CopyPlan([tmp_path / "one.hdf5", tmp_path / "two.hdf5"], names_in_order, numbers)


@pytest.fixture
def undisturbed(tmp_path, order):
    return copy(tmp_path / "undisturbed", order)


@pytest.fixture
def read(monkeypatch):
    """Count the waveforms that are read."""
    names = []
    copy_batch = CopyWorker.copy_batch

    def counted(self, task):
        names.extend(task.names)
        return copy_batch(self, task)

    monkeypatch.setattr(CopyWorker, "copy_batch", counted)
    return names


def test_what_is_copied_is_all_there(tmp_path, order):
    copied = copy_traces(order, tmp_path / "a.hdf5", tmp_path / "journal")
    assert set(waveforms_in(tmp_path / "a.hdf5")) == set(NAMES)
    assert all((w == waveform(n)).all() for n, w in waveforms_in(tmp_path / "a.hdf5").items())
    attributes = attributes_in(tmp_path / "a.hdf5")
    for number, name in enumerate(order.names):
        known = {key: np.asarray(value).tolist() for key, value in values(name).items()}
        assert attributes[name] == known
        assert copied.waveforms[number * 16 :][:16].hex() == digest(waveform(name))
        assert copied.attributes[number * 8 :][:8] == encode(values(name)).digest()


@pytest.mark.parametrize("way", WAYS)
def test_the_way_of_storage_does_not_matter(tmp_path, order, undisturbed, way):
    WAYS[way](tmp_path / "all.hdf5", NAMES)
    alone = CopyPlan([tmp_path / "all.hdf5"], order.names, [0] * len(NAMES))
    assert copy(tmp_path / "copy", alone) == undisturbed


@pytest.mark.parametrize("count", [3, 11])
def test_the_number_of_sources_does_not_matter(tmp_path, order, undisturbed, count):
    ways = list(WAYS.values())
    for number in range(count):
        ways[number % len(ways)](tmp_path / f"{number}.hdf5", NAMES[number::count])
    paths = [tmp_path / f"{number}.hdf5" for number in range(count)]
    numbers = np.array([NAMES.index(name) % count for name in order.names])
    assert copy(tmp_path / "copy", CopyPlan(paths, order.names, numbers)) == undisturbed


@pytest.mark.parametrize("size", [1, 2, 64])
@pytest.mark.parametrize("constant", ["THREADS", "TASK_TRACES"])
def test_how_the_work_is_shared_out_does_not_matter(
    tmp_path, order, undisturbed, constant, size, monkeypatch
):
    monkeypatch.setattr(copy_module, constant, size)
    assert copy(tmp_path / "copy", order) == undisturbed


@pytest.mark.parametrize("seed", [None, 2])
def test_many_runs_of_traces_with_attributes_of_many_kinds(tmp_path, seed):
    """More traces than a thread takes at a time, and kinds that come and go between them."""
    names = [f"S{i:04d}_EV" for i in range(700)]
    path = tmp_path / "all.hdf5"
    with h5py.File(path, "w") as file:
        for number, name in enumerate(names):
            dataset = file.create_dataset(f"data/{name}", data=np.full((6000, 3), number, "f4"))
            dataset.attrs["name"] = name
            dataset.attrs[f"kind{number % 90}"] = ["x" * (number % 50), number / 7][number % 2]
    names_in_order = names if seed is None else random.Random(seed).sample(names, len(names))
    copy(tmp_path / "copy", CopyPlan([path], names_in_order, [0] * len(names)), block=8192)
    assert attributes_in(tmp_path / "copy" / "a.hdf5") == attributes_in(path)
    waveforms = waveforms_in(tmp_path / "copy" / "a.hdf5")
    assert all((waveforms[name] == number).all() for number, name in enumerate(names))


class FullDiskError(OSError):
    pass


def cut_off(folder, order, after):
    """Copy, and stop when so many traces have been checked."""
    seen = []

    def check(name, *_):
        seen.append(name)
        if len(seen) == after:
            raise FullDiskError

    with pytest.raises(FullDiskError):
        copy(folder, order, check)


@pytest.mark.parametrize("after", range(1, len(NAMES) + 1))
def test_a_copy_cut_off_goes_on(tmp_path, order, undisturbed, read, after):
    cut_off(tmp_path / "copy", order, after)
    assert not h5py.is_hdf5(tmp_path / "copy" / "a.hdf5")
    n_complete = (after - 1) // BLOCK * BLOCK
    read.clear()
    checked = []
    assert (
        copy(tmp_path / "copy", order, lambda *arguments: checked.append(arguments)) == undisturbed
    )
    assert not set(read) & set(order.names[:n_complete])  # what was done is not read again
    assert len(read) == len(set(read))
    assert [name for name, *_ in checked] == list(order.names)
    assert checked[0][1].hex() == digest(waveform(order.names[0]))


def test_a_copy_cut_off_again_and_again_arrives(tmp_path, order, undisturbed, read):
    for after in (2, BLOCK + 1, BLOCK + 2, 2 * BLOCK + 1, len(NAMES)):
        cut_off(tmp_path / "copy", order, after)
    read.clear()
    assert copy(tmp_path / "copy", order) == undisturbed
    assert not set(read) & set(order.names[: len(NAMES) // BLOCK * BLOCK])


@pytest.mark.parametrize("file", ["a.hdf5", "journal"])
@pytest.mark.parametrize("category", ["flipped", "cut", "longer", "zeroed"])
def test_damage_to_what_was_left_never_leads_to_a_wrong_result(
    tmp_path, order, undisturbed, file, category
):
    cut_off(tmp_path / "left", order, 2 * BLOCK)
    chance = random.Random(f"{file} {category}")
    size = (tmp_path / "left" / file).stat().st_size
    first = PAGE if file == "a.hdf5" else 0
    for number in range(25):
        folder = tmp_path / f"copy{number}"
        shutil.copytree(tmp_path / "left", folder)
        damage(folder / file, category, chance.randrange(first, size), chance)
        assert copy(folder, order) == undisturbed
        shutil.rmtree(folder)


def damage(path, category, position, chance):
    content = bytearray(path.read_bytes())
    if category == "flipped":
        content[position] ^= 1 << chance.randrange(8)
    elif category == "cut":
        del content[position:]
    elif category == "longer":
        content[position:position] = chance.randbytes(chance.randrange(1, 200))
    else:
        content[position : position + 200] = bytes(len(content[position : position + 200]))
    path.write_bytes(content)


@pytest.mark.parametrize("lost", ["a.hdf5", "journal"])
def test_one_file_left_of_two_is_of_no_use(tmp_path, order, undisturbed, read, lost):
    cut_off(tmp_path / "copy", order, 2 * BLOCK)
    (tmp_path / "copy" / lost).unlink()
    read.clear()
    assert copy(tmp_path / "copy", order) == undisturbed
    assert len(read) == len(NAMES)


def alter(path, name):
    with h5py.File(path, "r+") as file:
        file[f"data/{name}"][17, 1] += 1
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def test_sources_changed_meanwhile_are_copied_anew(tmp_path, order, undisturbed, read):
    cut_off(tmp_path / "copy", order, 2 * BLOCK)
    alter(order.sources[order.numbers[0]], order.names[0])
    read.clear()
    changed = copy(tmp_path / "copy", order)
    assert len(read) == len(NAMES)
    assert changed != undisturbed
    assert changed == copy(tmp_path / "again", order)


@pytest.mark.parametrize("change", ["order", "block"])
def test_another_copy_does_not_go_on_with_this_one(tmp_path, order, read, change):
    cut_off(tmp_path / "copy", order, 2 * BLOCK)
    block = BLOCK + 1 if change == "block" else BLOCK
    if change == "order":
        order = CopyPlan(order.sources, order.names[::-1], order.numbers[::-1])
    expected = copy(tmp_path / "fresh", order, block=block)
    read.clear()
    assert copy(tmp_path / "copy", order, block=block) == expected
    assert len(read) == len(NAMES)


def test_a_trace_refused_by_the_check_is_said(tmp_path, order):
    def check(name, *_):
        raise InputError(f"trace {name!r} is another")

    with pytest.raises(InputError, match=order.names[0]):
        copy(tmp_path / "copy", order, check)


@contextmanager
def room_for(size):
    """Let files grow to this size and no further, as a full disk does."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("traces", [0, 1, 3.5, 6.5, 10.9])
def test_a_full_disk_costs_little(tmp_path, order, undisturbed, read, traces, monkeypatch):
    room = [int(traces * (TRACE_BYTES + 4000))]
    write = os.pwritev

    def until_full(descriptor, contents, address):
        room[0] -= sum(map(len, contents))
        if room[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, contents, address)

    monkeypatch.setattr(os, "pwritev", until_full)
    with pytest.raises(OSError, match="No space"):
        copy(tmp_path / "copy", order)
    room[0] = 10**9
    read.clear()
    assert copy(tmp_path / "copy", order) == undisturbed
    # A block is being read while the one before it is written.
    blocks = max(0, int(traces // BLOCK) - 1)
    assert not set(read) & set(order.names[: blocks * BLOCK])


def test_a_full_disk_leaves_the_old_state_and_a_rerun_arrives(stead, run, tmp_path):
    source = stead("all.hdf5", names_of(12, 6))
    subset = ("steadkit", "subset", source.hdf5, "--fraction", "0.5", "-o", "half.hdf5")
    assert run(*subset).exit_code == 0
    files = [tmp_path / f"half{end}" for end in (".hdf5", ".csv", ".manifest")]
    undisturbed = [file.read_bytes() for file in files]
    old = [b"\x89HDF\r\n\x1a\ndata\0", b"trace_name,trace_category\n", b"# steadkit manifest 1\n"]
    for file, content in zip(files, old, strict=True):
        file.write_bytes(content)
    for traces in (0, 1, 5):
        with room_for(PAGE + traces * TRACE_BYTES):
            refused(run(*subset, "--overwrite"), "ile too large")
        assert [file.read_bytes() for file in files] == old
    assert run(*subset, "--overwrite").exit_code == 0
    assert [file.read_bytes() for file in files] == undisturbed
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("lib", ["earliest", "latest"])
@pytest.mark.parametrize("category", ["reference", "compound", "empty"])
def test_attributes_that_cannot_be_copied_are_one_line(tmp_path, run, lib, category):
    path = tmp_path / "odd.hdf5"
    by_h5py(path, NAMES, libver=lib)
    with h5py.File(path, "r+", libver=lib) as file:
        dataset = file[f"data/{NAMES[3]}"]
        dataset.attrs["odd"] = {
            "reference": dataset.ref,
            "compound": np.zeros(2, "i4,f4"),
            "empty": h5py.Empty("f4"),
        }[category]
    as_csv([values(name) for name in NAMES]).to_csv(path.with_suffix(".csv"), index=False)
    before = sorted(tmp_path.iterdir())
    result = run("steadkit", "subset", path, "--fraction", "1", "-o", "copy.hdf5")
    refused(result, NAMES[3], "odd.hdf5", "'odd'")
    assert sorted(tmp_path.iterdir()) == before


def test_a_source_that_loses_a_trace_meanwhile(tmp_path, order):
    cut_off(tmp_path / "copy", order, 1)
    with h5py.File(order.sources[order.numbers[-1]], "r+") as file:
        del file[f"data/{order.names[-1]}"]
    with pytest.raises(InputError, match=order.names[-1]):
        copy(tmp_path / "copy", order)
    with suppress(FileNotFoundError):
        assert not h5py.is_hdf5(tmp_path / "copy" / "a.hdf5")


def test_a_copy_killed_when_it_was_complete_is_completed_again(tmp_path, order, undisturbed, read):
    copy(tmp_path / "copy", order)
    read.clear()
    assert copy(tmp_path / "copy", order) == undisturbed
    assert read == []


def test_nothing_to_copy_is_an_empty_file(tmp_path, order):
    copy(tmp_path / "copy", CopyPlan(order.sources, [], []))
    assert waveforms_in(tmp_path / "copy" / "a.hdf5") == {}


def test_traces_without_attributes(tmp_path):
    names = [f"S{i:04d}_EV" for i in range(700)]
    with h5py.File(tmp_path / "all.hdf5", "w") as file:
        for name in names:
            tracked = int(name[1:5]) % 3 == 0  # a header of the newer kind among them
            options = {"track_order": True} if tracked else {}
            dataset = file.create_dataset(f"data/{name}", data=np.ones((6000, 3), "f4"), **options)
            if tracked:
                dataset.attrs["name"] = name
    copy(tmp_path / "copy", CopyPlan([tmp_path / "all.hdf5"], names, [0] * 700), block=8192)
    assert attributes_in(tmp_path / "copy" / "a.hdf5") == attributes_in(tmp_path / "all.hdf5")


def test_damage_before_the_first_block(tmp_path, order, undisturbed):
    cut_off(tmp_path / "copy", order, 2 * BLOCK)
    path = tmp_path / "copy" / "a.hdf5"
    content = bytearray(path.read_bytes())
    content[200] = 1
    path.write_bytes(content)
    assert copy(tmp_path / "copy", order) == undisturbed
