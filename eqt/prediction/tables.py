"""Output tables of a prediction, written unit by unit: memory does not grow with their number.

========================  ================================================================
picks.csv                 picks, the columns of `eqt.picking.station_picks.PICK_COLUMNS`
picks.parquet             the same
candidates.parquet        picks and less probable arrivals, for thresholds chosen later
detections.csv            detections with the times of their P and S
unused.csv, coverage.csv  stretches of record that were not used, with the reason, or used
other tables              picks as other programs have them: `eqt.prediction.exchange_tables`
========================  ================================================================
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

from eqt.picking.picks import Thresholds
from eqt.picking.station_picks import DETECTION_COLUMNS, PICK_COLUMNS
from eqt.prediction import exchange_tables as exchange
from eqt.prediction.neighbourhood import Neighbourhood, neighbourhoods
from eqt.prediction.table_text import format_table
from eqt.prediction.units import STRETCH_COLUMNS, UnitTables
from steadkit.catalog.write import csv_text

if TYPE_CHECKING:
    import pyarrow

TIME_UNCERTAINTY_S: Final = {"P": 0.03, "S": 0.11}
"""Standard deviation of EQTransformer's picks from those of analysts, in its authors' test.

Mousavi et al. (2020), doi:10.1038/s41467-020-17591-w. A pick's probability, or the uncertainty of
that, is no error of its time.
"""

ROW_GROUP_ROWS: Final = 50_000
"""Rows after which a Parquet table is flushed to its file."""


@dataclass(frozen=True)
class TableContext:
    """Facts about a prediction that its tables need besides the units.

    Parameters
    ----------
    digest
        Of the weights.
    stations
        Coordinates by network and station code.
    thresholds
        Minimum probabilities, where they are known.
    amplitude_unit
        ``counts`` or ``m/s``.
    time_uncertainty_s
        Standard error of picks by phase.
    """

    digest: str
    stations: exchange.Stations = field(default_factory=dict)
    thresholds: Thresholds | None = None
    amplitude_unit: str = "counts"
    time_uncertainty_s: Mapping[str, float] = field(default_factory=TIME_UNCERTAINTY_S.copy)


class TableCounts(NamedTuple):
    """Rows of ``picks.csv``, ``detections.csv`` and ``candidates.parquet``, and units."""

    picks: int
    detections: int
    candidates: int
    units: int


class CsvTable(NamedTuple):
    """A table's columns, and the function that returns its rows of a unit."""

    columns: tuple[str, ...]
    rows: Callable[[Neighbourhood, exchange.Stations], pd.DataFrame]


CSV_TABLES: Final[Mapping[str, CsvTable]] = {
    "picks.csv": CsvTable(PICK_COLUMNS, lambda units, _: format_table(units.picks)),
    "detections.csv": CsvTable(
        DETECTION_COLUMNS, lambda units, _: format_table(units.tables.detections)
    ),
    "unused.csv": CsvTable(
        (*STRETCH_COLUMNS, "reason"), lambda units, _: format_table(units.tables.unused)
    ),
    "coverage.csv": CsvTable(STRETCH_COLUMNS, lambda units, _: format_table(units.tables.coverage)),
    "X_prediction_results.csv": CsvTable(
        exchange.EQTRANSFORMER_COLUMNS, exchange.eqtransformer_rows
    ),
    "picks_phasenet.csv": CsvTable(exchange.PHASENET_COLUMNS, exchange.phasenet_rows),
    "picks_gamma.csv": CsvTable(exchange.GAMMA_COLUMNS, exchange.gamma_rows),
    "picks_pyocto.csv": CsvTable(exchange.PYOCTO_COLUMNS, exchange.pyocto_rows),
}

PARQUET_COLUMNS: Final = {
    "picks.parquet": PICK_COLUMNS,
    "candidates.parquet": (*PICK_COLUMNS, "is_pick"),
}

STATION_TABLES: Final = {
    "stations_gamma.csv": (exchange.GAMMA_STATION_COLUMNS, exchange.gamma_stations),
    "stations_pyocto.csv": (exchange.PYOCTO_STATION_COLUMNS, exchange.pyocto_stations),
}

TABLE_NAMES: Final = (*CSV_TABLES, *PARQUET_COLUMNS, *STATION_TABLES)
"""Files that `write_tables` makes, also of a prediction without a pick."""


def write_tables(units: Iterable[UnitTables], folder: Path, context: TableContext) -> TableCounts:
    """Write all tables in one pass over the units.

    Parameters
    ----------
    units
        In the order of `eqt.prediction.units.plan_units`. The same units give the same bytes.
    folder
        An existing folder; the caller publishes it once all files are there.
    context
        Its stations are those of the station tables, as far as they were recorded.
    """
    counts = np.zeros(len(TableCounts._fields), int)
    codes: set[tuple[str, str, str]] = set()
    with ExitStack() as stack:
        texts = {
            name: stack.enter_context(_csv_file(folder / name, table.columns))
            for name, table in CSV_TABLES.items()
        }
        parquet = {
            name: stack.enter_context(_parquet_file(folder / name, columns))
            for name, columns in PARQUET_COLUMNS.items()
        }
        for unit in neighbourhoods(units):
            for name, table in CSV_TABLES.items():
                _append(texts[name], table.columns, table.rows(unit, context.stations))
            parquet["picks.parquet"](unit.picks)
            parquet["candidates.parquet"](unit.tables.arrivals)
            counts += [len(unit.picks), len(unit.tables.detections), len(unit.tables.arrivals), 1]
            for rows in (unit.picks, unit.tables.coverage):
                columns = (rows[name] for name in ("network", "station", "location"))
                codes.update(zip(*columns, strict=True))
    places = exchange.known_places(codes, context.stations)
    for name, (station_columns, station_table) in STATION_TABLES.items():
        with _csv_file(folder / name, station_columns) as file:
            _append(file, station_columns, station_table(places))
    return TableCounts(*counts.tolist())


@contextmanager
def _csv_file(path: Path, columns: Iterable[str]) -> Iterator[IO[str]]:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(columns) + "\n")
        yield file


def _append(file: IO[str], columns: Iterable[str], rows: pd.DataFrame) -> None:
    file.write(csv_text(rows[[*columns]]))


@contextmanager
def _parquet_file(path: Path, columns: Iterable[str]) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Open a Parquet file; yield the function that appends rows, many units in a row group."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(name, _arrow_type(name)) for name in columns])
    texts = [column.name for column in schema if column.type == pa.string()]
    buffer: list[pa.Table] = []

    def flush() -> None:
        if buffer:
            writer.write_table(pa.concat_tables(buffer).combine_chunks())
            buffer.clear()

    def append(rows: pd.DataFrame) -> None:
        arrays = [_arrow_array(rows[column.name], column.type) for column in schema]
        buffer.append(pa.Table.from_arrays(arrays, schema=schema))
        if sum(map(len, buffer)) >= ROW_GROUP_ROWS:
            flush()

    with parquet.ParquetWriter(path, schema, compression="zstd", use_dictionary=texts) as writer:
        yield append
        flush()


def _arrow_type(column: str) -> "pyarrow.DataType":
    import pyarrow as pa

    types: dict[str, Any] = {
        "time": pa.timestamp("ns", "UTC"),
        "is_pick": pa.bool_(),
        # As precise as the network's outputs; four bytes a number.
        **dict.fromkeys(("probability", "uncertainty", "snr_db", "amplitude"), pa.float32()),
    }
    return types.get(column, pa.string())


def _arrow_array(values: pd.Series, arrow_type: "pyarrow.DataType") -> "pyarrow.Array":
    import pyarrow as pa

    if arrow_type == pa.float32():
        return pa.array(values.to_numpy(np.float32), arrow_type, from_pandas=True)
    if arrow_type == pa.bool_():
        return pa.array(values.to_numpy(bool))
    if arrow_type == pa.string():
        return pa.array(values.tolist(), arrow_type)
    return pa.array(values.to_numpy(np.int64)).cast(arrow_type)
