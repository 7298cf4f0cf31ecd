"""Carry runs of traces: their samples to where they belong, all else back to who asked."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from steadkit.hdf5 import Table
from steadkit.store.journal import ROW
from steadkit.store.reading import (
    DTYPE,
    NEAR,
    TRACE_BYTES,
    Reader,
    check_finite,
    waveform_digest,
)
from steadkit.store.runs import runs

RUN: Final = 128
"""Traces carried at once."""

Write = Callable[..., object]
"""Writes parts one behind the other, given the address of the first."""


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


def new_memory() -> np.ndarray:
    """Make what a run is read into."""
    return np.empty(RUN * (TRACE_BYTES + 2 * NEAR), np.uint8)


def carry(reader: Reader, write: Write, task: Task, memory: np.ndarray) -> Carried:
    """Write the samples of some traces where they belong, if they are finite; read attributes.

    Parameters
    ----------
    reader
        Of the source.
    write
        Called with an address and the bytes that belong there, in parts.
    task
        What to carry.
    memory
        What to read into.

    Raises
    ------
    InputError
        A trace cannot be used.
    """
    found = reader.many(list(zip(task.names, task.addresses, strict=True)), memory)
    samples = reader.samples(found)
    for one, waveform in zip(found.stored, samples, strict=True):
        check_finite(np.frombuffer(waveform, DTYPE), one.name, reader.path)
    for start, stop in runs(task.targets, _are_neighbours):
        write(task.targets[start], *samples[start:stop])
    targets, rows = np.array(task.targets), np.empty(len(samples), ROW)
    rows["waveform"] = [waveform_digest(waveform) for waveform in samples]
    attributes = []
    for numbers, table in found.attributes:
        rows["attributes"][numbers] = table.digests()
        attributes.append((targets[numbers], table))
    return Carried(targets, rows, attributes)


def _are_neighbours(one: Any, other: Any) -> bool:
    return bool(other == one + TRACE_BYTES)
