"""Export of STEAD traces as a folder of miniSEED files, with picks as CSV and QuakeML."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from steadkit.atomic import atomic_write, check_targets, input_scope, note_input
from steadkit.atomic.kinds import TRACES, csv_kind
from steadkit.capacity import require_disk
from steadkit.catalog import earthquakes_of, order_columns, read_table, write_csv
from steadkit.console import progress
from steadkit.convert.dataset_writer import new_folder
from steadkit.convert.streams import pick_time, read_number, start_time, to_stream
from steadkit.errors import InputError
from steadkit.records.picks import SOURCE_COLUMNS
from steadkit.records.quakeml import write_quakeml
from steadkit.records.text import is_known
from steadkit.schema import COLUMNS, EVENT, TEXT_COLUMNS
from steadkit.sources import Source
from steadkit.store import TRACE_BYTES, open_data, read_waveform

TABLES: Final = ("picks.csv", "stations.csv", "metadata.csv")
QUAKEML: Final = "events.xml"
RECORD_BYTES: Final = 4096

PICK_COLUMNS: Final = (
    *("network", "station", "channel", "phase", "time", "status", "weight"),
    *SOURCE_COLUMNS,
    "trace_name",
)

STATION_COLUMNS: Final = {
    "network_code": "network",
    "receiver_code": "station",
    "receiver_latitude": "latitude",
    "receiver_longitude": "longitude",
    "receiver_elevation_m": "elevation_m",
}


@input_scope()
def to_miniseed(
    source: Source,
    folder: Path,
    names: Sequence[str] = (),
    quakeml: bool = False,
    overwrite: bool = False,
) -> int:
    """Write each trace as ``<trace name>.mseed``, samples as float32, bit for bit.

    Tables next to them: ``picks.csv`` (in the columns that `steadkit.records.picks` reads),
    ``stations.csv``, and ``metadata.csv`` with all columns of the source, so nothing is lost.
    Memory holds one waveform at a time and the complete table.

    Parameters
    ----------
    source
        A STEAD file.
    folder
        Target folder; made if it does not exist.
    names
        Names of the traces; all by default.
    quakeml
        Whether to write ``events.xml`` too, with picks, origins and magnitudes.
    overwrite
        Whether existing files may be replaced.

    Returns
    -------
    int
        Number of traces written.

    Raises
    ------
    InputError
        A trace is missing or cannot be written as miniSEED; then no file is left behind.
    """
    note_input(source.csv, source.hdf5)
    kinds = [csv_kind(PICK_COLUMNS), csv_kind(list(STATION_COLUMNS.values())), TRACES]
    tables = [folder / name for name in TABLES]
    if folder.is_dir():
        check_targets([*tables, *([folder / QUAKEML] if quakeml else [])], overwrite, kinds)
    table = _select_rows(source, names)
    records = [folder / f"{name}.mseed" for name in table["trace_name"]]
    # Tables first: the staging area is named after the first target, so two exports to one folder
    # exclude each other.
    targets = [*tables, *records]
    if quakeml:
        targets.append(folder / QUAKEML)
    require_disk(folder, len(table) * TRACE_BYTES, f"a copy of {len(table):,} traces")
    full = table.reindex(columns=order_columns([*COLUMNS, *table.columns]), fill_value="")
    with new_folder(folder), atomic_write(targets, overwrite, kinds=kinds) as staging:
        picks, stations, metadata = staging[: len(TABLES)]
        _write_records(source, full, staging[len(TABLES) : len(TABLES) + len(records)])
        write_csv(picks, PICK_COLUMNS, [pd.DataFrame(_iter_pick_rows(full), dtype=str)])
        write_csv(stations, list(STATION_COLUMNS.values()), [_station_table(full)])
        # The source's columns in its order, without those that were added for the other tables.
        write_csv(metadata, list(table.columns), [table])
        if quakeml:
            write_quakeml(staging[-1], _iter_earthquake_picks(full))
    return len(table)


def _select_rows(source: Source, names: Sequence[str]) -> pd.DataFrame:
    table = read_table(source.csv)
    if unlisted := sorted(set(names) - set(table["trace_name"])):
        raise InputError(f"{str(source.csv)!r} lists no trace {unlisted[0]!r}: check the name")
    selected = table[table["trace_name"].isin(set(names))] if names else table
    if selected.empty:
        raise InputError(f"{str(source.csv)!r} lists no trace: name another file")
    return selected.reset_index(drop=True)


def _write_records(source: Source, table: pd.DataFrame, paths: Sequence[Path]) -> None:
    rows = zip(table.to_dict("records"), paths, strict=True)
    with open_data(source.hdf5) as group:
        for row, path in progress(rows, f"copying {source}", len(paths)):
            stream = to_stream(row, read_waveform(group, row["trace_name"]))
            for trace in stream:
                trace.data = np.ascontiguousarray(trace.data, np.float32)
            # In memory first: libmseed does not report a write error of the disk.
            content = io.BytesIO()
            stream.write(content, format="MSEED", encoding="FLOAT32", reclen=RECORD_BYTES)
            path.write_bytes(content.getvalue())


def _station_table(table: pd.DataFrame) -> pd.DataFrame:
    stations = table[list(STATION_COLUMNS)].rename(columns=STATION_COLUMNS)
    return stations.drop_duplicates().sort_values(["network", "station"])


def _iter_picks(row: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Return the picks of one trace as dicts, with `obspy.UTCDateTime`."""
    for phase in "PS":
        wave = phase.lower()
        time = pick_time(row, phase)
        if time is not None:
            yield {
                "network": row["network_code"],
                "station": row["receiver_code"],
                "channel": f"{row['receiver_type']}Z",
                "phase": phase,
                "time": time,
                "status": row[f"{wave}_status"],
                "weight": read_number(row, f"{wave}_weight"),
                "name": row["trace_name"],
            }


def _iter_pick_rows(table: pd.DataFrame) -> Iterator[dict[str, str]]:
    for row in table.to_dict("records"):
        source = {column: row[column] for column in SOURCE_COLUMNS}
        for pick in _iter_picks(row):
            weight = row[f"{pick['phase'].lower()}_weight"]
            text = {key: str(value) for key, value in pick.items() if key != "name"}
            yield text | source | {"weight": weight, "trace_name": pick["name"]}


def _iter_earthquake_picks(table: pd.DataFrame) -> Iterator[list[dict[str, Any]]]:
    """Yield the picks of all traces of each earthquake."""
    events = table[table["trace_category"] == EVENT]
    # Sorted, so that the same table gives the same bytes.
    for name, group in events.groupby(earthquakes_of(events), sort=True):
        rows = group.to_dict("records")
        source = _source(rows[0], str(name))
        picks = [pick | {"source": source} for row in rows for pick in _iter_picks(row)]
        if picks:
            yield picks


def _source(row: dict[str, str], name: str) -> dict[str, Any]:
    numeric = [column for column in SOURCE_COLUMNS if column not in TEXT_COLUMNS]
    values = {column: read_number(row, column) for column in numeric}
    source: dict[str, Any] = {column: v for column, v in values.items() if v == v}
    for column in ("source_magnitude_type", "source_magnitude_author"):
        if is_known(row[column]):
            source[column] = row[column]
    if is_known(row["source_origin_time"]):
        source["time"] = start_time(row | {"trace_start_time": row["source_origin_time"]})
    return source | {"source_id": name.partition(" ")[2]}
