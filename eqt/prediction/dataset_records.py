"""Traces of data sets as stretches of continuous record: STEAD's layout and SeisBench's.

Each trace is a record at its own time. STEAD's are band-passed already, from 1 to 45 Hz; filtering
them once more changes them little.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from steadkit.convert.seisbench_columns import component_letters
from steadkit.convert.seisbench_files import find_chunks, open_chunk
from steadkit.convert.seisbench_plan import sampling_rate_of
from steadkit.dataset import Dataset
from steadkit.records.gapless import NANO, Piece
from steadkit.records.instruments import Instrument, clean_location
from steadkit.records.resample import UnusableError
from steadkit.records.text import is_known, iter_text_chunks
from steadkit.records.waveform_files import RecordHeader
from steadkit.schema import COMPONENTS, N_SAMPLES, SAMPLING_RATE
from steadkit.types import parse_nanoseconds

STEAD: Final = "STEAD"
SEISBENCH: Final = "SEISBENCH"

UNKNOWN_START: Final = "traces whose start time is not known"

READ_TRACES: Final = 64


class TraceRecord(NamedTuple):
    """Place of a trace in its data set, and in time; its end is at most the true one's."""

    place: tuple[int, str]
    instrument: Instrument
    start: int
    end: int
    rate: float
    components: tuple[str, ...]


def dataset_format(path: Path) -> str | None:
    """Return the layout of a data set; None for any other file or folder."""
    if path.is_dir():
        has_metadata = any(path.glob("metadata*.csv")) and any(path.glob("waveforms*.hdf5"))
        return SEISBENCH if has_metadata else None
    return STEAD if path.suffix.lower() in (".hdf5", ".h5") else None


def index_dataset(path: Path, skipped: Counter[str]) -> list[RecordHeader]:
    """List the traces of a data set, a header for each component.

    Parameters
    ----------
    path
        A STEAD ``.hdf5``, or a folder in SeisBench's layout.
    skipped
        Counts traces that cannot be used, by reason.

    Raises
    ------
    InputError
        It is damaged.
    """
    layout = dataset_format(path) or STEAD
    records, unusable = _records(str(path))
    skipped.update(unusable)
    return [
        RecordHeader(
            str(path),
            layout,
            record.instrument,
            component,
            record.instrument.receiver_type + component,
            record.start,
            record.end,
            record.rate,
        )
        for record in records
        for component in record.components
    ]


def read_dataset_pieces(
    headers: Sequence[RecordHeader], start: int, end: int
) -> tuple[dict[str, list[Piece]], Counter[str]]:
    """Read the traces of one instrument in a span of time.

    Components of zeros alone are left out: they were not recorded. See
    `steadkit.records.waveform_files.read_pieces` for parameters and return values.
    """
    pieces: dict[str, list[Piece]] = {}
    failed: Counter[str] = Counter()
    instruments = {header.instrument for header in headers}
    for source, layout in dict.fromkeys(header[:2] for header in headers):
        inside = [
            record
            for record in _records(source)[0]
            if record.instrument in instruments and record.start <= end and record.end >= start
        ]
        read = _read_stead if layout == STEAD else _read_seisbench
        for record, samples in read(source, inside, failed):
            for column, component in enumerate(COMPONENTS):
                if samples[:, column].any():
                    piece = Piece(record.start, record.rate, samples[:, column].astype(float))
                    pieces.setdefault(component, []).append(piece)
    return pieces, failed


@lru_cache(maxsize=8)
def _records(source: str) -> tuple[tuple[TraceRecord, ...], Counter[str]]:
    path = Path(source)
    unusable: Counter[str] = Counter()
    of_layout = _stead_records if dataset_format(path) == STEAD else _seisbench_records
    return tuple(of_layout(path, unusable)), unusable


def _stead_records(path: Path, unusable: Counter[str]) -> Iterator[TraceRecord]:
    columns = ["trace_name", "network_code", "receiver_code", "receiver_type", "trace_start_time"]
    rows = Dataset.from_paths([path]).table(columns)
    span = round((N_SAMPLES - 1) * NANO / SAMPLING_RATE)
    for number, row in enumerate(rows.to_dict("records")):
        start = _start(row["trace_start_time"])
        if start is None:
            unusable[UNKNOWN_START] += 1
            continue
        codes = (row["network_code"].strip(), row["receiver_code"].strip(), "")
        instrument = Instrument(*codes, row["receiver_type"].strip())
        yield TraceRecord(
            (number, row["trace_name"]), instrument, start, start + span, SAMPLING_RATE, COMPONENTS
        )


def _start(text: str) -> int | None:
    try:
        return parse_nanoseconds(text.replace("/", "-")) if is_known(text) else None
    except ValueError:
        return None


def _read_stead(
    source: str, records: Sequence[TraceRecord], failed: Counter[str]
) -> Iterator[tuple[TraceRecord, np.ndarray]]:
    dataset = Dataset.from_paths([source])
    for first in range(0, len(records), READ_TRACES):
        batch = records[first : first + READ_TRACES]
        waveforms = dataset.get_waveforms(np.array([record.place[0] for record in batch]))
        yield from zip(batch, waveforms, strict=True)


def _seisbench_records(path: Path, unusable: Counter[str]) -> Iterator[TraceRecord]:
    for number, chunk in enumerate(find_chunks(path)):
        with open_chunk(chunk) as reader:
            for rows in iter_text_chunks(chunk.metadata):
                for row in rows.to_dict("records"):
                    start = _start(row.get("trace_start_time", ""))
                    rate = sampling_rate_of(row, reader.layout)
                    if start is None or not rate > 0:
                        unusable[UNKNOWN_START if start is None else "traces without a rate"] += 1
                        continue
                    try:
                        n_samples = reader.max_samples(row["trace_name"])
                    except UnusableError as reason:
                        unusable[str(reason)] += 1
                        continue
                    yield TraceRecord(
                        (number, row["trace_name"]),
                        _seisbench_instrument(row),
                        start,
                        start + round((n_samples - 1) * NANO / rate),
                        rate,
                        tuple(component_letters(row.get("trace_component_order", "")))
                        or tuple(reader.layout.components),
                    )


def _seisbench_instrument(row: dict[str, str]) -> Instrument:
    def code(column: str) -> str:
        return row[column].strip() if is_known(row.get(column, "")) else ""

    kind = code("trace_channel") or code("station_type")
    return Instrument(
        code("station_network_code"),
        code("station_code"),
        clean_location(code("station_location_code")),
        kind[:2],
    )


def _read_seisbench(
    source: str, records: Sequence[TraceRecord], failed: Counter[str]
) -> Iterator[tuple[TraceRecord, np.ndarray]]:
    for number, chunk in enumerate(find_chunks(Path(source))):
        of_chunk = [record for record in records if record.place[0] == number]
        if not of_chunk:
            continue
        with open_chunk(chunk) as reader:
            for record in of_chunk:
                try:
                    yield record, reader.read(record.place[1], record.components)
                except UnusableError as reason:
                    failed[str(reason)] += 1
