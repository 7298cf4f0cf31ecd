"""Tables of a prediction, read back and checked: picks, candidates and covered stretches.

Nothing here needs TensorFlow: the tables are read where no network is.
"""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from eqt.metrics import PHASES
from steadkit.errors import InputError, damage_remedy
from steadkit.paths import require_file
from steadkit.records.picks import MAX_TIME_NS, MIN_TIME_NS
from steadkit.records.text import iter_text_chunks, read_csv_header, require_columns
from steadkit.types import parse_numbers, parse_times

if TYPE_CHECKING:
    import pyarrow

CODES: Final = ("network", "station", "location", "channel")
REQUIRED_COLUMNS: Final = (*CODES, "phase", "time", "probability")
MEASURES: Final = ("uncertainty", "snr_db", "amplitude")
OPTIONAL_COLUMNS: Final = (*MEASURES, "detection_id")
CANDIDATE_COLUMNS: Final = (*REQUIRED_COLUMNS, "is_pick")
STRETCH_COLUMNS: Final = (*CODES, "start", "end")

# Times of our tables, which `parse_times` reads twenty times as fast without the zone of UTC.
_UTC_TIME: Final = r"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?)Z$"
_CLOCK: Final = r"\d[T ]\d"


def read_continuous_picks(path: Path) -> pd.DataFrame:
    """Read and check the ``picks.csv`` of a prediction of continuous records.

    Parameters
    ----------
    path
        A CSV with the columns `REQUIRED_COLUMNS`, and those of `OPTIONAL_COLUMNS` that are known.

    Returns
    -------
    pandas.DataFrame
        A row a pick in the order of the file: network, station, location, channel, phase (``P`` or
        ``S``), ``time_ns`` (int64 since 1970, UTC, whole microseconds), probability, uncertainty,
        snr_db, amplitude (float64, NaN where not known) and detection_id.

    Raises
    ------
    InputError
        The file is a table of `eqt evaluate` or no CSV, a column is missing, or a time,
        probability, phase or number cannot be.
    """
    columns = read_csv_header(path)
    if "trace_name" in columns and "time" not in columns:
        raise InputError(
            f"{str(path)!r} is a table of eqt evaluate, with a row a trace of a data set: name the "
            "picks.csv of eqt predict"
        )
    require_columns(path, REQUIRED_COLUMNS, "table of picks")
    present = [name for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if name in columns]
    # All columns are read: pandas drops the surplus cells of a row where some are chosen.
    chunks = [_typed_picks(chunk[present], path) for chunk in iter_text_chunks(path)]
    return pd.concat(chunks, ignore_index=True)


def _typed_picks(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    phases = rows["phase"].str.strip()
    _refuse(rows["phase"], ~phases.isin(PHASES), path, "P or S is needed")
    probability = _numbers(rows["probability"], path)
    wrong = ~((probability >= 0) & (probability <= 1))
    _refuse(rows["probability"], wrong, path, "a number from 0 to 1 is needed")
    texts = {name: rows[name].str.strip() for name in CODES}
    measures = {
        name: _numbers(rows[name], path) if name in rows else np.full(len(rows), np.nan)
        for name in MEASURES
    }
    detections = rows["detection_id"] if "detection_id" in rows else [""] * len(rows)
    typed = {
        **texts,
        "phase": phases,
        "time_ns": _times(rows["time"], path),
        "probability": probability,
        **measures,
        "detection_id": pd.Series(detections, index=rows.index, dtype=str),
    }
    return pd.DataFrame(typed)


def read_coverage(path: Path) -> pd.DataFrame:
    """Read and check the ``coverage.csv`` of a prediction.

    Returns
    -------
    pandas.DataFrame
        A row a stretch of a channel: network, station, location, channel, ``start_ns`` and
        ``end_ns`` (int64 since 1970, UTC).

    Raises
    ------
    InputError
        The file is no CSV, a column is missing, a time cannot be read, or an end is before its
        start.
    """
    require_columns(path, STRETCH_COLUMNS, "table of covered stretches")
    chunks = [
        pd.DataFrame(
            {
                **{name: rows[name].str.strip() for name in CODES},
                "start_ns": _times(rows["start"], path),
                "end_ns": _times(rows["end"], path),
            }
        )
        for rows in iter_text_chunks(path)
    ]
    table = pd.concat(chunks, ignore_index=True)
    is_wrong = table["end_ns"] < table["start_ns"]
    if is_wrong.any():
        row = table[is_wrong].iloc[0]
        codes = ".".join(row[name] for name in CODES)
        raise InputError(f"{str(path)!r} has a stretch of {codes} that ends before it starts")
    return table


def read_candidates(path: Path, stations: Collection[str]) -> pd.DataFrame:
    """Read and check the ``candidates.parquet`` of a prediction, part by part.

    Parameters
    ----------
    path
        The file.
    stations
        ``NET.STA`` of the stations to read: of a network, the candidates of all may be too many.

    Returns
    -------
    pandas.DataFrame
        Network, station, location, channel, phase, ``time_ns``, probability (float32) and is_pick.

    Raises
    ------
    InputError
        The file is missing or damaged, or has other columns.
    """
    require_file(path)
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            # Names alone: columns of other types are refused below.
            names = file.schema_arrow.names
            parts = [
                _part(batch, path, stations)
                for batch in file.iter_batches(
                    columns=[name for name in CANDIDATE_COLUMNS if name in names]
                )
            ]
            empty = file.schema_arrow.empty_table()
    except InputError:
        raise
    except Exception as error:  # pyarrow raises whatever its parser meets
        raise InputError(
            f"{str(path)!r} cannot be read: run eqt predict again, or {damage_remedy(error)}"
        ) from error
    return pd.concat([_part(empty, path, stations), *parts], ignore_index=True)


def _part(
    part: "pyarrow.RecordBatch | pyarrow.Table", path: Path, stations: Collection[str]
) -> pd.DataFrame:
    import pyarrow as pa

    kinds = {
        **dict.fromkeys((*CODES, "phase"), pa.types.is_string),
        "time": pa.types.is_timestamp,
        "probability": pa.types.is_float32,
        "is_pick": pa.types.is_boolean,
    }
    for name, is_kind in kinds.items():
        if name not in part.schema.names:
            raise InputError(f"{str(path)!r} has no column {name!r}: name a folder of eqt predict")
        if not is_kind(part.schema.field(name).type) or part.column(name).null_count:
            raise InputError(
                f"{str(path)!r} has a column {name!r} that eqt predict does not write: run it again"
            )
    time = part.column("time").cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    columns = {name: part.column(name).to_pandas() for name in kinds if name != "time"}
    rows = pd.DataFrame(columns).assign(time_ns=time.to_numpy(zero_copy_only=False))
    return rows[(rows["network"] + "." + rows["station"]).isin(stations)]


def _times(texts: pd.Series, path: Path) -> np.ndarray:
    """Parse times as ns since 1970, to the microsecond."""
    times, _ = parse_times(texts.str.replace(_UTC_TIME, r"\1", regex=True))
    microseconds = times.astype("datetime64[us]").astype(np.int64)
    # Bounds before the product: nanoseconds of the year 9999 overflow. NaT is below both.
    is_in_range = (microseconds >= MIN_TIME_NS // 1000) & (microseconds < MAX_TIME_NS // 1000)
    wrong = ~is_in_range | ~texts.str.contains(_CLOCK, regex=True).to_numpy(bool)
    _refuse(texts, wrong, path, "a time of 1680 to 2260 such as 2024-02-03T05:24:31.2Z is needed")
    return np.where(wrong, 0, microseconds) * 1000


def _numbers(texts: pd.Series, path: Path) -> np.ndarray:
    values, malformed = parse_numbers(texts)
    _refuse(texts, malformed, path, "a number is needed")
    return values


def _refuse(texts: pd.Series, is_wrong: pd.Series | np.ndarray, path: Path, remedy: str) -> None:
    numbers = np.flatnonzero(is_wrong)
    if len(numbers):
        text = texts.iloc[int(numbers[0])]
        raise InputError(f"{str(path)!r} has {texts.name} = {text[:60]!r}: {remedy}")
