"""Carry runs of traces: their samples to where they belong, all else back to who asked."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from steadkit.hdf5 import Table, write_at
from steadkit.store.journal import ROW
from steadkit.store.placing import Placer
from steadkit.store.reading import NEAR, Reader
from steadkit.store.runs import runs
from steadkit.store.samples import DTYPE, TRACE_BYTES, are_finite, not_finite, waveform_digest

RUN: Final = 256
"""Traces carried at once."""


class Task(NamedTuple):
    """Traces of one source to be carried, in the order in which they lie in it."""

    source: int
    names: Sequence[str]
    addresses: Sequence[int]
    """Where the header of each is."""
    targets: Sequence[int]
    """Where in the new file the samples of each belong."""


class Carried(NamedTuple):
    """What is known of traces whose samples are in their place."""

    targets: np.ndarray
    rows: np.ndarray
    """What the journal will say of each; where its header will be is not known yet."""
    attributes: list[tuple[np.ndarray, Table]]
    """Where the samples of some of them are, and their attributes."""


class Look(NamedTuple):
    """What is to be known of samples."""

    is_finite: bool
    digest: bytes


def _look(samples: memoryview) -> Look:
    # One behind the other, while they are in the cache of the core.
    return Look(are_finite(np.frombuffer(samples, DTYPE)), waveform_digest(samples))


class Hand:
    """Carries one task at a time into a new file.

    Parameters
    ----------
    readers
        Of the sources, by number.
    descriptor
        The file to write.
    """

    def __init__(self, readers: Sequence[Reader], descriptor: int):
        self._readers = readers
        self._memory = np.empty(RUN * (TRACE_BYTES + 2 * NEAR), np.uint8)
        self._file = descriptor
        self._placer = Placer(descriptor, TRACE_BYTES, RUN)

    def carry(self, task: Task) -> Carried:
        """Write the samples of some traces where they belong; read their attributes.

        Raises
        ------
        InputError
            A trace cannot be used; one that is not finite may have been written.
        """
        reader, placer = self._readers[task.source], self._placer
        places = placer.places(task.targets)

        def look(samples: memoryview, number: int) -> Look:
            placer.fill(number)
            return _look(samples)

        windows = reader.ahead(task.addresses, self._memory, places, look)
        if windows.holes:
            placer.begin()  # the disk is at work while the rest is looked at
        found = reader.many(list(zip(task.names, task.addresses, strict=True)), windows)
        samples = reader.samples(found)
        looks = windows.looks
        if not places:
            for start, stop in runs(task.targets, _are_neighbours):
                write_at(self._file, task.targets[start], *samples[start:stop])
        elif not reader.are_in_place(found):
            placer.wait()
            # Some may lie where others belong.
            apart = [bytes(waveform) for waveform in samples]
            for place, content in zip(places, apart, strict=True):
                place[:] = content
            samples = [*places]
            placer.begin()
            looks = []
        looks = looks or [*map(_look, samples)]
        targets, rows = np.array(task.targets), np.empty(len(samples), ROW)
        for one, seen in zip(found.stored, looks, strict=True):
            if not seen.is_finite:
                raise not_finite(one.name, reader.path)
        rows["waveform"] = [seen.digest for seen in looks]
        attributes = []
        for numbers, table in found.attributes:
            rows["attributes"][numbers] = table.digests()
            attributes.append((targets[numbers], table))
        placer.wait()
        return Carried(targets, rows, attributes)

    def close(self) -> None:
        """Give back what this needs."""
        self._placer.close()


def _are_neighbours(one: Any, other: Any) -> bool:
    return bool(other == one + TRACE_BYTES)
