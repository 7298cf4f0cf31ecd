"""Processes that help: the same bytes with them, without them, and when they are gone."""

import errno
import os
import signal
from threading import Event

import numpy as np
import pytest
from conftest import names_of, row, waveform

from steadkit.errors import InputError
from steadkit.processes import Worker
from steadkit.store import TRACE_BYTES, CopyPlan, Writer, copy, copy_traces, copy_worker
from steadkit.store.copy_worker import CopyProcess, CopyWorker

NAMES = names_of(150, 20)


@pytest.fixture
def order(tmp_path):
    path = tmp_path / "all.hdf5"
    with Writer(path) as writer:
        for number, name in enumerate(NAMES):
            writer.add(name, waveform(name), row(name, number))
    return CopyPlan([path], NAMES[::-1], [0] * len(NAMES))


@pytest.fixture
def undisturbed(tmp_path, order):
    return copied(tmp_path / "undisturbed", order)


def copied(folder, order):
    folder.mkdir()
    copy_traces(order, folder / "a.hdf5", folder / "journal", block=64)
    return (folder / "a.hdf5").read_bytes()


@pytest.fixture
def helped(monkeypatch):
    """Let even small copies be helped, by two processes; lists what they did."""
    tasks, call = [], Worker.call
    monkeypatch.setattr(copy, "_n_processes", lambda traces: 2)

    def recorded(self, task):
        result = call(self, task)
        tasks.append(task)
        return result

    monkeypatch.setattr(Worker, "call", recorded)
    return tasks


def test_help_does_not_matter(tmp_path, order, undisturbed, helped):
    assert copied(tmp_path / "copy", order) == undisturbed
    assert helped


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_helper_that_is_killed_is_replaced(
    tmp_path, order, undisturbed, helped, monkeypatch, when
):
    call = Worker.call

    def killed(self, task):
        if when == "before":
            os.kill(self.process.pid, signal.SIGKILL)
        result = call(self, task)
        os.kill(self.process.pid, signal.SIGKILL)
        return result

    monkeypatch.setattr(Worker, "call", killed)
    assert copied(tmp_path / "copy", order) == undisturbed
    assert bool(helped) == (when == "after")


@pytest.mark.parametrize("answers", [1, 2, 3])
def test_what_a_killed_helper_had_not_written_yet_is_not_missing(
    tmp_path, order, undisturbed, helped, monkeypatch, answers
):
    """Its last two runs may be on their way to the disk when it has answered."""
    call, copy_batch, tasks_by_process, both_gone = Worker.call, CopyWorker.copy_batch, {}, Event()
    monkeypatch.setattr(copy, "TASK_TRACES", 8)

    def call_and_lose(self, task):
        result = call(self, task)
        if task is not None:
            done = tasks_by_process.setdefault(self, [])
            done.append(task)
            if len(done) == answers:
                self.process.kill()
                self.process.wait()
                with (tmp_path / "copy" / "a.hdf5").open("r+b") as file:
                    for task_done in done[-2:]:
                        file.seek(task_done.target)
                        file.write(bytes(len(task_done.names) * TRACE_BYTES))
            if [len(done) for done in tasks_by_process.values()] == [answers] * 2:
                both_gone.set()
        return result

    def carry_afterwards(self, task):
        assert both_gone.wait(60)
        return copy_batch(self, task)

    monkeypatch.setattr(Worker, "call", call_and_lose)
    monkeypatch.setattr(CopyWorker, "copy_batch", carry_afterwards)
    assert copied(tmp_path / "copy", order) == undisturbed
    assert {len(done) for done in tasks_by_process.values()} == {answers}


def test_a_helper_whose_disk_is_full_says_so(tmp_path, order, helped, monkeypatch):
    call = Worker.call

    def full(self, task):
        result = call(self, task)
        if task is None:
            raise OSError(errno.ENOSPC, "no space")
        return result

    monkeypatch.setattr(Worker, "call", full)
    with pytest.raises(OSError, match="no space"):
        copied(tmp_path / "copy", order)


def test_what_a_helper_finds_wrong_is_said_as_ever(tmp_path, order, helped, monkeypatch):
    path = tmp_path / "nan.hdf5"
    with Writer(path) as writer:
        for number, name in enumerate(NAMES):
            bad = waveform(name) * np.float32(np.nan if number == 100 else 1)
            writer.add(name, bad, row(name, number))
    with pytest.raises(InputError, match=f"{NAMES[100]}.*NaN"):
        copied(tmp_path / "copy", CopyPlan([path], NAMES, [0] * len(NAMES)))


def test_a_source_put_in_place_of_another_is_not_read(
    tmp_path, order, undisturbed, helped, monkeypatch
):
    monkeypatch.setattr(copy_worker, "_identity", lambda path: (0, 0))
    assert copied(tmp_path / "copy", order) == undisturbed
    assert not helped


def test_a_helper_ends_with_whoever_asked(tmp_path, order):
    target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    child = CopyProcess(order.sources, order.n_traces, target)._process
    child._connection.close()
    assert child.process.wait(30) == 0
    os.close(target)


@pytest.mark.parametrize(("traces", "cores", "number"), [(10**6, 8, 3), (10**6, 2, 1), (100, 8, 0)])
def test_only_long_copies_are_helped(monkeypatch, traces, cores, number):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert copy._n_processes(traces) == number
