"""The traces of a stream: arrivals, coda end and SNR at once, samples when they are asked for."""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.catalog import checked_pieces, columns_of
from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.pipeline.columns import Columns, Names, pack
from steadkit.pipeline.memory import Shared
from steadkit.schema import COMPONENTS, EVENT, N_SAMPLES, TRACE_SHAPE
from steadkit.sources import source_of
from steadkit.store import DTYPE, TRACE_BYTES, Waveforms
from steadkit.transforms import Donors
from steadkit.types import component_columns, number_column

COLUMNS = ("trace_name", "trace_category", "p_arrival_sample", "s_arrival_sample")
EXTRAS = ("coda_end_sample", "snr_db")
"""What augmentation asks for, where the CSV has it."""
ARRIVALS = {"p": "p_arrival_sample", "s": "s_arrival_sample", "coda_end": "coda_end_sample"}


class Records:
    """Some traces of one or several STEAD files, by number.

    Names, offsets of the samples and what labels need are one table, 100 bytes a trace, which
    processes that make batches share.

    Parameters
    ----------
    data
        STEAD files, HDF5 with the CSV beside each.
    names
        The traces, each in one of the files.

    Raises
    ------
    InputError
        A file or trace cannot be used, or an event lacks its P arrival.
    """

    def __init__(self, data: Sequence[Path], names: Sequence[str]):
        if not len(names):
            raise InputError(f"no trace of {_listed(data)} selected: at least one is needed")
        self.data, self._hdf5 = list(data), [source_of(path).hdf5 for path in data]
        columns = _read_tables(self.data, pack(names))
        columns["offset"] = np.empty(len(names), np.int64)
        for owner, path in enumerate(self._hdf5):
            own = columns["owner"] == owner
            columns["offset"][own] = Waveforms(path, Names(columns["name"][own])).offsets
        self._set(Columns(columns))

    def _set(self, columns: Columns, samples: Shared | None = None) -> None:
        self._columns, self._samples = columns, samples
        self.names = Names(columns["name"])
        self.is_event, self.p, self.s = (columns[name] for name in ("is_event", "p", "s"))
        self.coda_end, self.snr_db = columns["coda_end"], columns["snr_db"]
        self.offsets, self._owners = columns["offset"], columns["owner"]
        self._parts = [Waveforms(path, self.names, self.offsets) for path in self._hdf5]

    def __getstate__(self) -> tuple[list[Path], list[Path], Columns, Shared | None]:
        return self.data, self._hdf5, self._columns, self._samples

    def __setstate__(self, state: tuple[list[Path], list[Path], Columns, Shared | None]) -> None:
        self.data, self._hdf5, columns, samples = state
        self._set(columns, samples)

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: np.ndarray) -> "Records":
        """Take some of the traces, by their numbers; their files are not read again."""
        taken = Records.__new__(Records)
        taken.__setstate__((self.data, self._hdf5, self._columns.take(rows), None))
        return taken

    def keep(self) -> "Records":
        """Read all samples into memory, 72 kB a trace."""
        if self._samples is None:
            shared = Shared(len(self) * TRACE_BYTES)
            self.read(np.arange(len(self)), _waveforms_in(shared))
            self._samples = shared
        return self

    @cached_property
    def file_order(self) -> np.ndarray:
        """The numbers of the traces as their samples lie in the files, one file after another.

        Traces whose samples are not in one piece come first in a file, in the order of its CSV.
        """
        return np.lexsort((self._columns["row"], self.offsets, self._owners))

    @property
    def descriptors(self) -> list[int]:
        """What a process of ours needs besides, to use these records."""
        samples = [] if self._samples is None else [self._samples.descriptor]
        return [self._columns.descriptor, *samples]

    def read(self, numbers: np.ndarray, out: np.ndarray) -> None:
        """Read waveforms into an array, shape (len(numbers), 6000, 3), float32, counts.

        Raises
        ------
        InputError
            A waveform holds NaN or infinity, or a file has changed meanwhile.
        """
        if self._samples is not None:
            np.take(_waveforms_in(self._samples), numbers, axis=0, out=out)
            return
        owners = self._owners[numbers]
        for owner in np.unique(owners).tolist():
            rows = np.flatnonzero(owners == owner)
            self._parts[owner].read_into(numbers[rows].tolist(), out, rows.tolist())

    def read_ahead(self, numbers: np.ndarray) -> None:
        """Ask the system to read these waveforms while this process does something else."""
        if self._samples is not None or not hasattr(os, "posix_fadvise"):
            return
        owners = self._owners[numbers]
        for owner in np.unique(owners).tolist():
            offsets = np.sort(self.offsets[numbers[owners == owner]])
            descriptor = os.open(self._parts[owner].path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                # One call a trace: of a longer range Linux reads the first 128 kB or so alone.
                for offset in offsets[offsets >= 0].tolist():
                    os.posix_fadvise(descriptor, offset, TRACE_BYTES, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(descriptor)

    def example(self, number: int, waveform: np.ndarray) -> Example:
        """Put a waveform together with what is known of its trace."""
        if not self.is_event[number]:
            return Example(waveform, snr_db=self.snr_db[number])
        return Example(
            waveform,
            (float(self.p[number]),),
            (float(self.s[number]),),
            float(self.coda_end[number]),
            self.snr_db[number],
        )

    def donors(self) -> Donors:
        """Let augmentations draw other traces of these."""

        def drawn(numbers: np.ndarray, random: np.random.Generator) -> Example:
            number = numbers[random.integers(len(numbers))]
            waveform = np.empty((1, *TRACE_SHAPE), np.float32)
            self.read(np.array([number]), waveform)
            return self.example(int(number), waveform[0])

        events, noise = np.flatnonzero(self.is_event), np.flatnonzero(~self.is_event)
        return Donors(
            noise=(lambda random: drawn(noise, random).waveform) if len(noise) else None,
            event=partial(drawn, events) if len(events) else None,
        )


def _waveforms_in(shared: Shared) -> np.ndarray:
    (block,) = shared.blocks(shared.size)
    return block.view(DTYPE).reshape(-1, *TRACE_SHAPE)


def _read_tables(data: Sequence[Path], wanted: np.ndarray) -> dict[str, np.ndarray]:
    """Read what the tables of the files say of some traces, in the order of these."""
    order = np.argsort(wanted, kind="stable")
    in_order, count = wanted[order], len(wanted)
    if len(twice := np.flatnonzero(in_order[1:] == in_order[:-1])):
        raise InputError(f"trace {in_order[twice[0]].decode()!r} is listed twice: list it once")
    columns = {
        "name": wanted,
        "owner": np.full(count, -1, np.int16),
        "row": np.zeros(count, np.int32),
        "is_event": np.zeros(count, bool),
        **{name: np.full(count, np.nan) for name in ARRIVALS},
        "snr_db": np.full((count, len(COMPONENTS)), np.nan),
    }
    for owner, path in enumerate(data):
        passed = 0
        for table in _pieces(source_of(path).csv):
            names = pack(table["trace_name"].tolist())
            at = np.minimum(np.searchsorted(in_order, names), count - 1)
            rows = np.flatnonzero(in_order[at] == names)
            _fill(columns, order[at[rows]], table.iloc[rows], owner, data)
            columns["row"][order[at[rows]]] = passed + rows
            passed += len(table)
    if (missing := np.flatnonzero(columns["owner"] < 0)).size:
        csvs = [source_of(path).csv for path in data]
        raise InputError(
            f"{_listed(csvs)} has no trace {wanted[missing[0]].decode()!r}: "
            "is it the file of the list?"
        )
    _check_arrivals(columns)
    return columns


def _pieces(csv: Path) -> Iterator[pd.DataFrame]:
    present = columns_of(csv)
    if set(EXTRAS) <= set(present):
        yield from checked_pieces(csv, (*COLUMNS, *EXTRAS))
    else:
        # A table of one's own may lack them: then nobody knows, and shifts keep to what is known.
        for table in checked_pieces(csv, COLUMNS):
            yield table.assign(**dict.fromkeys(EXTRAS, ""))


def _fill(
    columns: dict[str, np.ndarray],
    rows: np.ndarray,
    table: pd.DataFrame,
    owner: int,
    data: Sequence[Path],
) -> None:
    """Put some rows of a table where their traces are in the columns."""
    if (twice := columns["owner"][rows] >= 0).any():
        name = table["trace_name"].iloc[int(twice.argmax())]
        raise InputError(f"trace {name!r} is in two of {_listed(data)}: name one")
    is_event = (table["trace_category"] == EVENT).to_numpy()
    columns["owner"][rows] = owner
    columns["is_event"][rows] = is_event
    columns["snr_db"][rows] = component_columns(table)
    for name, column in ARRIVALS.items():
        columns[name][rows] = np.where(is_event, number_column(table, column), np.nan)


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(repr(str(path)) for path in paths)


def _check_arrivals(columns: dict[str, np.ndarray]) -> None:
    events, p, s = columns["is_event"], columns["p"], columns["s"]
    outside = (p < 0) | (p >= N_SAMPLES) | (s < 0) | (s >= N_SAMPLES)
    faults = {"no P arrival": np.isnan(p), "an arrival outside": outside, "S before P": s <= p}
    for fault, found in faults.items():
        if (found & events).any():
            row = int(np.flatnonzero(found & events)[0])
            raise InputError(
                f"trace {columns['name'][row].decode()!r} has {fault} "
                f"(P {p[row]:g}, S {s[row]:g}): drop it or repair its row"
            )
