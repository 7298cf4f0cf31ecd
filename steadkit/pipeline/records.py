"""The traces of a stream: arrivals, coda end and SNR at once, samples when they are asked for."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.catalog import read_table
from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.pipeline.memory import Shared
from steadkit.schema import EVENT, N_SAMPLES, TRACE_SHAPE
from steadkit.sources import source_of
from steadkit.store import DTYPE, TRACE_BYTES, Waveforms
from steadkit.transforms import Donors
from steadkit.types import component_columns, number_column

COLUMNS = ("trace_name", "trace_category", "p_arrival_sample", "s_arrival_sample")
EXTRAS = ("coda_end_sample", "snr_db")
"""What augmentation asks for, where the CSV has it."""


class Records:
    """Some traces of one or several STEAD files, by number.

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
        if not names:
            raise InputError(f"no trace of {_listed(data)} selected: at least one is needed")
        self.data, self.names = list(data), list(names)
        self._read_tables()
        self._shared: Shared | None = None
        self._parts: list[Waveforms] = []
        self._places = np.empty(len(names), np.int64)
        for owner, path in enumerate(self.data):
            own = np.flatnonzero(self._owners == owner)
            self._places[own] = np.arange(len(own))
            hdf5 = source_of(path).hdf5
            self._parts.append(Waveforms(hdf5, [self.names[n] for n in own.tolist()]))

    def __len__(self) -> int:
        return len(self.names)

    def _read_tables(self) -> None:
        wanted = pd.Index(self.names)
        self._owners = np.full(len(wanted), -1)
        tables = []
        for owner, path in enumerate(self.data):
            csv = source_of(path).csv
            table = _table(csv)
            here = wanted.get_indexer(pd.Index(table["trace_name"]))
            table, here = table[here >= 0], here[here >= 0]
            if (twice := self._owners[here] >= 0).any():
                name = self.names[here[twice][0]]
                raise InputError(f"trace {name!r} is in two of {_listed(self.data)}: name one")
            self._owners[here] = owner
            tables.append(table)
        if (missing := np.flatnonzero(self._owners < 0)).size:
            csvs = [source_of(path).csv for path in self.data]
            raise InputError(
                f"{_listed(csvs)} has no trace {self.names[missing[0]]!r}: "
                "is it the file of the list?"
            )
        self._take(pd.concat(tables).set_index("trace_name", drop=False).loc[self.names])

    def _take(self, rows: pd.DataFrame) -> None:
        p, s = (number_column(rows, f"{phase}_arrival_sample") for phase in "ps")
        self.is_event = (rows["trace_category"] == EVENT).to_numpy()
        _check_arrivals(rows, self.is_event, p, s)
        self.p = np.where(self.is_event, p, np.nan)
        self.s = np.where(self.is_event, s, np.nan)
        self.coda_end = np.where(self.is_event, number_column(rows, "coda_end_sample"), np.nan)
        self.snr_db = component_columns(rows)

    def keep(self) -> "Records":
        """Read all samples into memory, 72 kB a trace."""
        if self._shared is None:
            shared = Shared(len(self) * TRACE_BYTES)
            self.read(np.arange(len(self)), _waveforms_in(shared))
            self._shared = shared
        return self

    @property
    def descriptors(self) -> list[int]:
        """What a process of ours needs besides, to use these records."""
        return [] if self._shared is None else [self._shared.descriptor]

    def read(self, numbers: np.ndarray, out: np.ndarray) -> None:
        """Read waveforms into an array, shape (len(numbers), 6000, 3), float32, counts.

        Raises
        ------
        InputError
            A waveform holds NaN or infinity, or a file has changed meanwhile.
        """
        if self._shared is not None:
            np.take(_waveforms_in(self._shared), numbers, axis=0, out=out)
            return
        owners = self._owners[numbers]
        for owner in np.unique(owners).tolist():
            rows = np.flatnonzero(owners == owner)
            self._parts[owner].read_into(self._places[numbers[rows]].tolist(), out, rows.tolist())

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


def _table(csv: Path) -> pd.DataFrame:
    try:
        return read_table(csv, (*COLUMNS, *EXTRAS))
    except InputError:
        # A table of one's own may lack them: then nobody knows, and shifts keep to what is known.
        table = read_table(csv, COLUMNS)
        return table.assign(**dict.fromkeys(EXTRAS, ""))


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(repr(str(path)) for path in paths)


def _check_arrivals(rows: pd.DataFrame, events: np.ndarray, p: np.ndarray, s: np.ndarray) -> None:
    outside = (p < 0) | (p >= N_SAMPLES) | (s < 0) | (s >= N_SAMPLES)
    faults = {"no P arrival": np.isnan(p), "an arrival outside": outside, "S before P": s <= p}
    for fault, found in faults.items():
        if (found & events).any():
            row = int(np.flatnonzero(found & events)[0])
            raise InputError(
                f"trace {rows['trace_name'].iloc[row]!r} has {fault} "
                f"(P {p[row]:g}, S {s[row]:g}): drop it or repair its row"
            )
