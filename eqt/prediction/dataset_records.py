"""Traces of data sets as stretches of continuous record: STEAD's layout and SeisBench's.

Each trace is a record at its own time. STEAD's traces are band-passed to 1 to 45 Hz already;
`steadkit.records.gapless` filters them to that band once more, which is harmless: it changes little
but near the corners of the band.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from steadkit.catalog import KEY_COLUMNS, columns_of, iter_checked_chunks
from steadkit.convert.seisbench_columns import NAMES, component_letters
from steadkit.convert.seisbench_files import Chunk, ChunkReader, find_chunks, open_chunk
from steadkit.convert.seisbench_plan import sampling_rate_of
from steadkit.errors import InputError
from steadkit.records.gapless import NANO, Piece
from steadkit.records.instruments import Instrument, clean_location, reject_channel
from steadkit.records.resample import UnusableError, component_indices, is_known_order
from steadkit.records.text import is_known, iter_text_chunks
from steadkit.records.waveform_files import RecordHeader
from steadkit.schema import COMPONENTS, N_SAMPLES, SAMPLING_RATE
from steadkit.sources import HDF5_SUFFIXES, source_from_path
from steadkit.store.open import open_data, read_dataset
from steadkit.types import parse_nanoseconds

STEAD: Final = "STEAD"
SEISBENCH: Final = "SEISBENCH"

UNKNOWN_START: Final = "traces whose start time is not known"
UNREADABLE: Final = "traces that cannot be read"

LOCATION_COLUMN: Final = "station_location_code"
"""SeisBench's name; STEAD has no location codes, but files converted from SeisBench keep it."""

CODE_COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    name: (name, *NAMES[name]) for name in ("network_code", "receiver_code", "receiver_type")
}
"""STEAD's and SeisBench's names of the codes of an instrument."""


def dataset_format(path: Path) -> str | None:
    """Return the layout of a data set by its names; None for any other file or folder."""
    if path.is_dir():
        is_seisbench = any(path.glob("metadata*.csv")) and any(path.glob("waveforms*.hdf5"))
        return SEISBENCH if is_seisbench else None
    return STEAD if path.suffix.lower() in HDF5_SUFFIXES else None


def index_dataset(path: Path, skipped: Counter[str]) -> list[RecordHeader]:
    """List the traces of a data set: a header for each component.

    Whether a component is zero, which means that it was not recorded, is seen only when its samples
    are read.

    Parameters
    ----------
    path
        A STEAD ``.hdf5`` next to its CSV, or a folder in SeisBench's layout.
    skipped
        Counts traces, or components of them, that cannot be used, by reason.

    Raises
    ------
    InputError
        It is no data set, or is damaged.
    """
    layout = dataset_format(path)
    if layout is None:
        raise InputError(f"{str(path)!r} is no data set: name its .hdf5, or SeisBench's folder")
    headers = _iter_stead(path, skipped) if layout == STEAD else _iter_seisbench(path, skipped)
    return sorted(headers, key=lambda header: (header.instrument, header.channel, header.start))


def _iter_stead(path: Path, skipped: Counter[str]) -> Iterator[RecordHeader]:
    source = source_from_path(path)
    with open_data(source.hdf5):
        pass  # a damaged file is refused here, not in the middle of a prediction
    names = {*KEY_COLUMNS, *CODE_COLUMNS, LOCATION_COLUMN, "trace_start_time"}
    columns = [name for name in columns_of(source.csv) if name in names]
    hdf5, sampling = str(source.hdf5), (SAMPLING_RATE, N_SAMPLES)
    for rows in iter_checked_chunks(source.csv, columns):
        for row in rows.to_dict("records"):
            place = (hdf5, STEAD, row["trace_name"])
            yield from _headers_of(row, place, sampling, COMPONENTS, skipped)


def _iter_seisbench(path: Path, skipped: Counter[str]) -> Iterator[RecordHeader]:
    for chunk in find_chunks(path):
        waveforms = str(chunk.waveforms)
        with open_chunk(chunk) as reader:
            for rows in iter_text_chunks(chunk.metadata):
                for row in rows.to_dict("records"):
                    order = component_letters(row.get("trace_component_order", ""))
                    order = order or [*reader.layout.components]
                    try:
                        components = _known_components(order)
                        n_samples = _count_samples(reader, row["trace_name"])
                    except UnusableError as reason:
                        skipped["traces with " + str(reason)] += 1
                        continue
                    # To read a trace takes its order too; that has no space, a name may have one.
                    place = (waveforms, SEISBENCH, f"{''.join(order)} {row['trace_name']}")
                    sampling = (sampling_rate_of(row, reader.layout), n_samples)
                    yield from _headers_of(row, place, sampling, components, skipped)


def _known_components(order: Sequence[str]) -> list[str]:
    if not order or not is_known_order(order):
        raise UnusableError("a component order that is not known")
    indices = component_indices(order)
    return [name for name, index in zip(COMPONENTS, indices, strict=True) if index is not None]


def _count_samples(reader: ChunkReader, trace_name: str) -> int:
    """Return the length of a trace: the end of its slice, at most that of its block."""
    n_samples = reader.max_samples(trace_name)
    # The last two indices of ``block$17,:3,:1200`` are those of the layout's axes.
    slices = trace_name.rpartition("$")[2].split(",")[-2:] if "$" in trace_name else []
    if len(slices) == 2:
        last = slices[list(reader.layout.dimensions).index("W")].rpartition(":")[2].strip()
        n_samples = min(n_samples, int(last)) if last.isdecimal() else n_samples
    return n_samples


def _headers_of(
    row: Mapping[str, str],
    place: tuple[str, str, str],
    sampling: tuple[float, int],
    components: Sequence[str],
    skipped: Counter[str],
) -> Iterator[RecordHeader]:
    """Make the headers of a trace of a source, format and name, with a rate and a length."""
    start = _parse_start(row.get("trace_start_time", ""))
    (rate, n_samples), (source, source_format, trace) = sampling, place
    if start is None or n_samples < 1:
        skipped[UNKNOWN_START if start is None else "traces without samples"] += 1
        return
    end = start + round((n_samples - 1) * NANO / rate) if rate > 0 else start
    codes = (_first_known(row, name) for name in (*CODE_COLUMNS, LOCATION_COLUMN))
    instrument, channels = _instrument_of(*codes)
    for component in components:
        channel = channels[component]
        if reason := reject_channel(channel, rate):
            skipped[reason] += 1
            continue
        yield RecordHeader(
            source, source_format, instrument, component, channel, start, end, rate, trace
        )


@lru_cache(maxsize=100_000)
def _instrument_of(
    network: str, station: str, receiver_type: str, location: str
) -> tuple[Instrument, Mapping[str, str]]:
    """Return an instrument and the channel of each component, the same objects for all traces."""
    # Some data sets have the channel of a component, or HH?, where others have the receiver's type.
    kind = receiver_type[:2].upper()
    instrument = Instrument(network, station, clean_location(location), kind)
    return instrument, {component: kind + component for component in COMPONENTS}


def _first_known(row: Mapping[str, str], column: str) -> str:
    names = CODE_COLUMNS.get(column, (column,))
    return next((row[name].strip() for name in names if is_known(row.get(name, ""))), "")


def _parse_start(text: str) -> int | None:
    try:
        return parse_nanoseconds(text.replace("/", "-")) if is_known(text) else None
    except ValueError:
        return None


def read_dataset_pieces(
    headers: Sequence[RecordHeader], start: int, end: int
) -> tuple[dict[str, list[Piece]], Counter[str]]:
    """Read the traces of one instrument in a span of time.

    Components that are zero throughout were not recorded, and are left out.

    Parameters
    ----------
    headers
        From `index_dataset`, of one instrument.
    start, end
        Limits in ns since 1970.

    Returns
    -------
    pieces
        By component letter.
    failed
        Number of traces by the reason why they cannot be read.

    Raises
    ------
    InputError
        A file has become unusable.
    """
    sources: dict[tuple[str, str], dict[str, list[RecordHeader]]] = {}
    for header in headers:
        if header.start <= end and header.end >= start:
            traces = sources.setdefault(header[:2], {})
            traces.setdefault(header.trace, []).append(header)
    pieces: dict[str, list[Piece]] = {}
    failed: Counter[str] = Counter()
    for (source, source_format), traces in sources.items():
        with _OPENERS[source_format](Path(source)) as read_trace:
            for trace, of_trace in traces.items():
                try:
                    samples = read_trace(trace)
                except (InputError, UnusableError):
                    failed[UNREADABLE] += 1
                    continue
                for header in of_trace:
                    values = samples[:, COMPONENTS.index(header.component)].astype(float)
                    if values.any():
                        piece = Piece(header.start, header.rate, values)
                        pieces.setdefault(header.component, []).append(piece)
    return pieces, failed


@contextmanager
def _open_stead(path: Path) -> Iterator[Callable[[str], np.ndarray]]:
    """Open a STEAD file; yield the function that reads a trace, finite or not, by its name."""
    with open_data(path) as group:
        yield lambda trace: read_dataset(group, trace)


@contextmanager
def _open_seisbench(path: Path) -> Iterator[Callable[[str], np.ndarray]]:
    """Open waveforms of SeisBench's; yield the function that reads a trace by order and name."""
    with open_chunk(Chunk("", path.parent, path)) as reader:

        def read_trace(trace: str) -> np.ndarray:
            order, _, name = trace.partition(" ")
            return reader.read(name, order)

        yield read_trace


_OPENERS: Final[
    Mapping[str, Callable[[Path], AbstractContextManager[Callable[[str], np.ndarray]]]]
] = {STEAD: _open_stead, SEISBENCH: _open_seisbench}
