"""Random access to traces: arrivals, coda end and SNR in memory, samples read on request."""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from steadkit.catalog import columns_of, iter_checked_chunks, repeated_error
from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.packed_names import PackedNames, find_rows, pack
from steadkit.pipeline.buffers import Columns, SharedBuffer
from steadkit.schema import EVENT, N_SAMPLES, TRACE_SHAPE
from steadkit.sources import source_from_path
from steadkit.store import DTYPE, TRACE_BYTES, Waveforms
from steadkit.transforms import AuxiliaryTraces
from steadkit.types import component_columns, number_column

COLUMNS = ("trace_name", "trace_category", "p_arrival_sample", "s_arrival_sample")
EXTRAS = ("coda_end_sample", "snr_db")
"""Optional columns, used by augmentations."""
ARRIVALS = {"p": "p_arrival_sample", "s": "s_arrival_sample", "coda_end": "coda_end_sample"}


class TraceSource:
    """Random access by number to traces of one or several STEAD files.

    Names, offsets of the samples and the columns for labels are one table of 100 bytes per trace,
    in memory that worker processes share.

    Parameters
    ----------
    data
        STEAD files, HDF5 with the CSV next to each.
    names
        The traces, each in one of the files; all of all files by default.

    Raises
    ------
    InputError
        A file or trace cannot be used, or an event lacks its P arrival.
    """

    def __init__(self, data: Sequence[Path], names: Sequence[str] | None = None):
        self.data, self._hdf5 = list(data), [source_from_path(path).hdf5 for path in data]
        columns = _read_tables(self.data, None if names is None else pack(names))
        # Looked up once, here: all workers share the result.
        columns["offset"] = np.empty(len(columns["name"]), np.int64)
        for owner, path in enumerate(self._hdf5):
            is_owned = columns["owner"] == owner
            columns["offset"][is_owned] = Waveforms(
                path, PackedNames(columns["name"][is_owned])
            ).offsets
        self._set(Columns(columns))

    def _set(self, columns: Columns, samples: SharedBuffer | None = None) -> None:
        self._columns, self._samples = columns, samples
        self.names = PackedNames(columns["name"])
        self.is_event, self.p, self.s = (columns[name] for name in ("is_event", "p", "s"))
        self.coda_end, self.snr_db = columns["coda_end"], columns["snr_db"]
        self.offsets, self._owners = columns["offset"], columns["owner"]
        self._readers = [Waveforms(path, self.names, self.offsets) for path in self._hdf5]

    # A worker process gets paths and shared memory; it opens the files itself.
    def __getstate__(self) -> tuple[list[Path], list[Path], Columns, SharedBuffer | None]:
        return self.data, self._hdf5, self._columns, self._samples

    def __setstate__(
        self, state: tuple[list[Path], list[Path], Columns, SharedBuffer | None]
    ) -> None:
        self.data, self._hdf5, columns, samples = state
        self._set(columns, samples)

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: np.ndarray) -> "TraceSource":
        """Select traces by their numbers, without reading their files again."""
        selected = TraceSource.__new__(TraceSource)
        selected.__setstate__((self.data, self._hdf5, self._columns.take(rows), None))
        return selected

    def load_into_memory(self) -> "TraceSource":
        """Read all samples into shared memory, 72 kB per trace; returns itself."""
        if self._samples is None:
            shared = SharedBuffer(len(self) * TRACE_BYTES)
            # Set only once it is filled, as `read` takes samples from it from then on.
            self.read(np.arange(len(self)), _waveforms_in(shared))
            self._samples = shared
        return self

    @cached_property
    def file_order(self) -> np.ndarray:
        """Trace numbers in the order of their samples in the files, one file after another.

        Traces whose samples are not contiguous come first in a file, in the order of its CSV.
        """
        # They share a negative offset, so the row in the CSV decides.
        return np.lexsort((self._columns["row"], self.offsets, self._owners))

    @property
    def lacks_s(self) -> np.ndarray:
        """Mask of the events without a known S."""
        return self.is_event & np.isnan(self.s)

    @property
    def lacks_signal_end(self) -> np.ndarray:
        """Mask of the events whose end is not known; see `Example.signal_end`."""
        return self.lacks_s & ~((self.p < self.coda_end) & (self.coda_end < np.inf))

    @property
    def lacks_snr(self) -> np.ndarray:
        """Mask of the events with a component without SNR."""
        return self.is_event & np.isnan(self.snr_db).any(axis=1)

    @property
    def descriptors(self) -> list[int]:
        """File descriptors that a worker process must inherit to use this source."""
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
            self._readers[owner].read_into(numbers[rows].tolist(), out, rows.tolist())

    def read_ahead(self, numbers: np.ndarray) -> None:
        """Prefetch these waveforms into the page cache, without waiting (`posix_fadvise`)."""
        if self._samples is not None or not hasattr(os, "posix_fadvise"):
            return
        owners = self._owners[numbers]
        for owner in np.unique(owners).tolist():
            offsets = np.sort(self.offsets[numbers[owners == owner]])
            descriptor = os.open(self._readers[owner].path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                # One call per trace: of a longer range, Linux reads only the first 128 kB or so.
                for offset in offsets[offsets >= 0].tolist():
                    os.posix_fadvise(descriptor, offset, TRACE_BYTES, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(descriptor)

    def example(self, number: int, waveform: np.ndarray) -> Example:
        """Combine a waveform with the arrivals, coda end and SNR of its trace."""
        if not self.is_event[number]:
            return Example(waveform, snr_db=self.snr_db[number])
        return Example(
            waveform,
            (float(self.p[number]),),
            (float(self.s[number]),),
            float(self.coda_end[number]),
            self.snr_db[number],
        )

    def auxiliary(self) -> AuxiliaryTraces:
        """Return these traces as those that augmentations draw from."""

        def draw_example(numbers: np.ndarray, random: np.random.Generator) -> Example:
            number = numbers[random.integers(len(numbers))]
            waveform = np.empty((1, *TRACE_SHAPE), np.float32)
            self.read(np.array([number]), waveform)
            return self.example(int(number), waveform[0])

        events, noise = np.flatnonzero(self.is_event), np.flatnonzero(~self.is_event)
        return AuxiliaryTraces(
            noise=(lambda random: draw_example(noise, random).waveform) if len(noise) else None,
            event=partial(draw_example, events) if len(events) else None,
        )


def _waveforms_in(shared: SharedBuffer) -> np.ndarray:
    (block,) = shared.blocks(shared.size)
    return block.view(DTYPE).reshape(-1, *TRACE_SHAPE)


def _read_tables(data: Sequence[Path], requested: np.ndarray | None) -> dict[str, np.ndarray]:
    """Read the columns of the requested traces, in their order; of all traces for None."""
    sorted_names = None if requested is None else np.sort(requested)
    if sorted_names is not None and (index := _first_repeated(sorted_names)) is not None:
        raise InputError(f"trace {sorted_names[index].decode()!r} is listed twice: list it once")
    chunks = [
        chunk
        for owner, path in enumerate(data)
        for chunk in _read_columns(path, owner, sorted_names)
    ]
    columns = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    if not len(columns["name"] if requested is None else requested):
        raise InputError(f"no trace of {_format_paths(data)} selected: at least one is needed")
    if requested is not None or len(data) > 1:
        # Names are packed bytes: sorting them once finds repeats and all rows, without a dict of a
        # million strings.
        by_name = np.argsort(columns["name"], kind="stable")
        in_order = columns["name"][by_name]
        if (index := _first_repeated(in_order)) is not None:
            files = [data[number] for number in columns["owner"][by_name[index : index + 2]]]
            raise repeated_error(in_order[index].decode(), files)
    if requested is not None:
        rows = find_rows(in_order, requested)
        _refuse_missing(requested[rows < 0], data)
        columns = {name: column[by_name[rows]] for name, column in columns.items()}
    _check_arrivals(columns)
    return columns


def _first_repeated(in_order: np.ndarray) -> int | None:
    """Return the index of the first name that the next one equals."""
    repeated = np.flatnonzero(in_order[1:] == in_order[:-1])
    return int(repeated[0]) if len(repeated) else None


def _refuse_missing(missing: np.ndarray, data: Sequence[Path]) -> None:
    if len(missing):
        csvs = [source_from_path(path).csv for path in data]
        raise InputError(
            f"{_format_paths(csvs)} has no trace {missing[0].decode()!r}: "
            "is it the file of the list?"
        )


def _read_columns(
    path: Path, owner: int, sorted_names: np.ndarray | None
) -> Iterator[dict[str, np.ndarray]]:
    """Read the columns of a file in chunks, reduced to the given names."""
    csv, n_read = source_from_path(path).csv, 0
    # A CSV of another origin may lack the optional columns: their values are then unknown, and
    # augmentations that need them leave the trace unchanged.
    present = [column for column in EXTRAS if column in columns_of(csv)]
    missing = dict.fromkeys(set(EXTRAS) - set(present), "")
    for table in iter_checked_chunks(csv, (*COLUMNS, *present)):
        names = pack(table["trace_name"].tolist())
        rows = np.arange(len(names))
        if sorted_names is not None:
            rows = rows[find_rows(sorted_names, names) >= 0]
            table = table.iloc[rows]
        table = table.assign(**missing)
        is_event = (table["trace_category"] == EVENT).to_numpy()
        yield {
            "name": names[rows],
            "owner": np.full(len(rows), owner, np.int16),
            "row": (n_read + rows).astype(np.int32),
            "is_event": is_event,
            **{
                name: np.where(is_event, number_column(table, column), np.nan)
                for name, column in ARRIVALS.items()
            },
            "snr_db": component_columns(table),
        }
        n_read += len(names)


def _format_paths(paths: Sequence[Path]) -> str:
    return ", ".join(repr(str(path)) for path in paths)


def _check_arrivals(columns: dict[str, np.ndarray]) -> None:
    events, p, s = columns["is_event"], columns["p"], columns["s"]
    outside = (p < 0) | (p >= N_SAMPLES) | (s < 0) | (s >= N_SAMPLES)
    problems = {"no P arrival": np.isnan(p), "an arrival outside": outside, "S before P": s <= p}
    for problem, is_affected in problems.items():
        if (is_affected & events).any():
            row = int(np.flatnonzero(is_affected & events)[0])
            raise InputError(
                f"trace {columns['name'][row].decode()!r} has {problem} "
                f"(P {p[row]:g}, S {s[row]:g}): drop it or repair its row"
            )
