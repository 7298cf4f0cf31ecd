"""The CSV against the attributes: what is the same number, time or text, however written."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from steadkit.check.faults import FAULTS
from steadkit.check.findings import found, of_faults, together
from steadkit.check.waveforms import LIBRARY_FAULTS
from steadkit.schema import COLUMNS, MISSING
from steadkit.store import Reader, open_data
from steadkit.types import TIME_COLUMNS, is_numeric, parse_components, parse_numbers, parse_times

TOLERANCE: Final = 1e-6
"""As a share: the CSV writes float32 with eight decimals."""

ROWS: Final = 5000
"""Compared at once."""

ABSENT: Final = "\0absent"
"""Stands for an attribute that is not there."""


def check_agreement(
    path: Path, table: pd.DataFrame, wanted: Collection[str] = tuple(FAULTS)
) -> pd.DataFrame:
    """Compare rows of the CSV with the attributes of their traces.

    Traces that cannot be found or read are left to `steadkit.check.waveforms`.

    Parameters
    ----------
    path
        The HDF5 file.
    table
        Rows of the CSV as text.
    wanted
        Codes of the faults to look for.

    Raises
    ------
    InputError
        The file as a whole cannot be read.
    """
    columns = [column for column in COLUMNS if column in table]
    parts = []
    with open_data(path) as group:
        reader = Reader(group)
        for start in range(0, len(table), ROWS):
            rows = table.iloc[start : start + ROWS].set_index("trace_name", drop=False)
            told, broken = _attributes(reader, rows.index, columns)
            parts += [broken, *_differences(rows.loc[told.index], told)]
    return of_faults(together(parts), wanted)


def _attributes(
    reader: Reader, names: Sequence[str] | pd.Index, columns: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read attributes as text, a row a trace that has readable ones; and findings."""
    told: dict[str, list[str]] = {}
    broken: dict[str, str] = {}
    heaps = reader.heaps()
    for name in names:
        try:
            stored = reader.stored(name)
        except LIBRARY_FAULTS:
            continue
        try:
            values = reader.attributes(stored, heaps).decoded()
            told[name] = [as_text(values[c]) if c in values else ABSENT for c in columns]
        except LIBRARY_FAULTS as error:
            broken[name] = str(error)
    table = pd.DataFrame.from_dict(told, orient="index", columns=list(columns), dtype=str)
    return table, found("attributes-unreadable", broken, broken.values())


def as_text(value: object) -> str:
    """Write an attribute as text; arrays without brackets, every digit kept.

    >>> as_text(700.0), as_text(np.array([[2896.0]])), as_text([56.79999923706055, 55.4])
    ('700.0', '2896.0', '56.79999923706055 55.4')
    """
    return " ".join(str(item) for item in np.asarray(value).ravel().tolist())


def _differences(rows: pd.DataFrame, told: pd.DataFrame) -> Iterator[pd.DataFrame]:
    missing: dict[str, list[str]] = {}
    for column in told.columns:
        absent = told[column] == ABSENT
        for name in rows.index[absent & ~rows[column].str.strip().isin(MISSING)]:
            missing.setdefault(name, []).append(column)
        different = ~absent & ~same_value(column, rows[column], told[column])
        yield found(
            "attributes-differ",
            rows.index[different],
            f"{column} " + told[column][different],
            f"{column} " + rows[column][different],
        )
    yield found("attributes-missing", missing, map(" ".join, missing.values()))


def same_value(column: str, one: pd.Series, other: pd.Series) -> pd.Series:
    """Tell where two columns of text mean the same.

    >>> csv, attribute = pd.Series(["[ 1.5  2.  3.]", "None"]), pd.Series(["1.5 2.0 3.0", ""])
    >>> same_value("snr_db", csv, attribute).tolist()
    [True, True]
    """
    one, other = one.str.strip(), other.str.strip()
    same = (one == other) | (one.isin(MISSING) & other.isin(MISSING))
    # Most are written alike: what is left is read.
    left = ~same
    if not left.any():
        return same
    if column in TIME_COLUMNS:
        same[left] = parse_times(one[left])[0] == parse_times(other[left])[0]
    elif column == "snr_db":
        levels = (parse_components(text[left])[0] for text in (one, other))
        same[left] = _close(*levels).all(axis=1)
    elif is_numeric(column) or column == "source_id":
        same[left] = _close(*(parse_numbers(text[left])[0] for text in (one, other)))
    return same


def _close(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    # What is not known in an array of three is NaN in both.
    close: np.ndarray = np.isclose(one, other, rtol=TOLERANCE, atol=1e-9, equal_nan=one.ndim == 2)
    return close & ~np.isnan(one).all(axis=-1, keepdims=True) if one.ndim == 2 else close
