"""STEAD traces as a folder of miniSEED files, with their picks as CSV and QuakeML."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from steadkit.atomic import atomic_write, check_targets, input_scope, note_input
from steadkit.atomic.kinds import TRACES
from steadkit.atomic.kinds import table as table_kind
from steadkit.capacity import SAMPLE_BYTES, require_disk
from steadkit.catalog import earthquakes_of, order_columns, read_table, write_csv
from steadkit.console import progress
from steadkit.convert.dataset_writer import output_folder
from steadkit.convert.streams import pick_time, start_of, to_stream, value_of
from steadkit.errors import InputError
from steadkit.records.picks import SOURCE_COLUMNS
from steadkit.records.quakeml import write_quakeml
from steadkit.records.stead_text import is_known
from steadkit.schema import COLUMNS, EVENT, TEXT_COLUMNS
from steadkit.sources import Source
from steadkit.store import open_data, read_waveform

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

    Beside them stand ``picks.csv`` (in the columns that `steadkit.records.picks` reads),
    ``stations.csv``, and ``metadata.csv`` with all columns of the source, so nothing is lost.
    Waveforms are held one at a time, the table as a whole.

    Parameters
    ----------
    source
        A STEAD file.
    folder
        Where to write; made if it does not exist.
    names
        Which traces; all of them by default.
    quakeml
        Whether to write ``events.xml`` too, with picks, origins and magnitudes.
    overwrite
        Whether existing files may be replaced.

    Returns
    -------
    int
        How many traces were written.

    Raises
    ------
    InputError
        A trace is missing or cannot be written as miniSEED; then no file is left behind.
    """
    note_input(source.csv, source.hdf5)
    kinds = [table_kind(PICK_COLUMNS), table_kind(list(STATION_COLUMNS.values())), TRACES]
    tables = [folder / name for name in TABLES]
    if folder.is_dir():
        check_targets([*tables, *([folder / QUAKEML] if quakeml else [])], overwrite, kinds)
    table = _select_rows(source, names)
    records = [folder / f"{name}.mseed" for name in table["trace_name"]]
    # The tables first: under their name all are staged, so two exports to a folder exclude another.
    targets = [*tables, *records]
    if quakeml:
        targets.append(folder / QUAKEML)
    require_disk(folder, len(table) * SAMPLE_BYTES, f"a copy of {len(table):,} traces")
    full = table.reindex(columns=order_columns([*COLUMNS, *table.columns]), fill_value="")
    with output_folder(folder), atomic_write(targets, overwrite, kinds=kinds) as staging:
        picks, stations, metadata = staging[: len(TABLES)]
        _write_records(source, full, staging[len(TABLES) : len(TABLES) + len(records)])
        write_csv(picks, PICK_COLUMNS, [pd.DataFrame(_picks_as_text(full), dtype=str)])
        write_csv(stations, list(STATION_COLUMNS.values()), [_stations(full)])
        write_csv(metadata, list(table.columns), [table])
        if quakeml:
            write_quakeml(staging[-1], _earthquakes(full))
    return len(table)


def _select_rows(source: Source, names: Sequence[str]) -> pd.DataFrame:
    table = read_table(source.csv)
    if strangers := sorted(set(names) - set(table["trace_name"])):
        raise InputError(f"{str(source.csv)!r} lists no trace {strangers[0]!r}: check the name")
    chosen = table[table["trace_name"].isin(set(names))] if names else table
    if chosen.empty:
        raise InputError(f"{str(source.csv)!r} lists no trace: name another file")
    return chosen.reset_index(drop=True)


def _write_records(source: Source, table: pd.DataFrame, paths: Sequence[Path]) -> None:
    rows = zip(table.to_dict("records"), paths, strict=True)
    with open_data(source.hdf5) as group:
        for row, path in progress(rows, f"copying {source}", len(paths)):
            stream = to_stream(row, read_waveform(group, row["trace_name"]))
            for trace in stream:
                trace.data = np.ascontiguousarray(trace.data, np.float32)
            # In memory first: a fault of the disk would be lost in libmseed.
            content = io.BytesIO()
            stream.write(content, format="MSEED", encoding="FLOAT32", reclen=RECORD_BYTES)
            path.write_bytes(content.getvalue())


def _stations(table: pd.DataFrame) -> pd.DataFrame:
    stations = table[list(STATION_COLUMNS)].rename(columns=STATION_COLUMNS)
    return stations.drop_duplicates().sort_values(["network", "station"])


def _picks(row: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Tell the picks of one trace, their times exact."""
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
                "weight": value_of(row, f"{wave}_weight"),
                "name": row["trace_name"],
            }


def _picks_as_text(table: pd.DataFrame) -> Iterator[dict[str, str]]:
    for row in table.to_dict("records"):
        source = {column: row[column] for column in SOURCE_COLUMNS}
        for pick in _picks(row):
            weight = row[f"{pick['phase'].lower()}_weight"]
            text = {key: str(value) for key, value in pick.items() if key != "name"}
            yield text | source | {"weight": weight, "trace_name": pick["name"]}


def _earthquakes(table: pd.DataFrame) -> Iterator[list[dict[str, Any]]]:
    """Put the picks of all traces of an earthquake together, one earthquake after the other."""
    events = table[table["trace_category"] == EVENT]
    for name, group in events.groupby(earthquakes_of(events), sort=True):
        rows = group.to_dict("records")
        source = _source(rows[0], str(name))
        picks = [pick | {"source": source} for row in rows for pick in _picks(row)]
        if picks:
            yield picks


def _source(row: dict[str, str], name: str) -> dict[str, Any]:
    numeric = [column for column in SOURCE_COLUMNS if column not in TEXT_COLUMNS]
    values = {column: value_of(row, column) for column in numeric}
    source: dict[str, Any] = {column: v for column, v in values.items() if v == v}
    for column in ("source_magnitude_type", "source_magnitude_author"):
        if is_known(row[column]):
            source[column] = row[column]
    if is_known(row["source_origin_time"]):
        source["time"] = start_of(row | {"trace_start_time": row["source_origin_time"]})
    return source | {"source_id": name.partition(" ")[2]}
