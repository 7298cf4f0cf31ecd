"""The CSV against the attributes: what is the same number, time or text, however written."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from steadkit.check.findings import concatenate, findings_table
from steadkit.hdf5 import Attributes, AttributeTable
from steadkit.schema import COLUMNS, MISSING
from steadkit.store.scanner import ERRORS
from steadkit.types import TIME_COLUMNS, is_numeric, parse_components, parse_numbers, parse_times

TOLERANCE: Final = 1e-6
"""As a share: the CSV writes float32 with eight decimals."""

ABSENT: Final = "\0absent"
"""Stands for an attribute that is not there."""


class AttributeTexts:
    """The attributes of some traces as text, filled in as they are read.

    Parameters
    ----------
    cells
        Rows of the CSV as text.
    """

    def __init__(self, cells: pd.DataFrame):
        self._cells = cells
        columns = [column for column in COLUMNS if column in cells]
        self._texts = {column: np.full(len(cells), ABSENT, object) for column in columns}
        self._known = np.zeros(len(cells), bool)
        self._broken: dict[int, str] = {}

    def add(self, rows: np.ndarray, table: AttributeTable) -> None:
        """Take in the attributes of some rows."""
        try:
            values = table.values(self._texts)
        except ERRORS:
            for row, number in zip(rows.tolist(), range(len(table)), strict=True):
                self._add_one(row, table.attributes(number))
            return
        for column, listed in values.items():
            self._texts[column][rows] = np.array([*map(as_text, listed)], object)
        self._known[rows] = True

    def _add_one(self, row: int, attributes: Attributes) -> None:
        try:
            texts = {key: as_text(value) for key, value in attributes.decoded().items()}
        except ERRORS as error:
            self.add_broken(row, str(error))
            return
        for column in self._texts.keys() & texts.keys():
            self._texts[column][row] = texts[column]
        self._known[row] = True

    def add_broken(self, row: int, reason: str) -> None:
        """Take in that the attributes of a row cannot be read."""
        self._broken[row] = reason

    def findings(self) -> pd.DataFrame:
        """Compare the cells with the attributes; what cannot be found is left to others."""
        names = self._cells["trace_name"].to_numpy(object)
        broken = findings_table(
            "attributes-unreadable", names[list(self._broken)], self._broken.values()
        )
        return concatenate([broken, *self._differences(names)])

    def _differences(self, names: np.ndarray) -> Iterator[pd.DataFrame]:
        missing: dict[str, list[str]] = {}
        for column, texts in self._texts.items():
            cells = self._cells[column].to_numpy(object)
            # Most are written alike; what is left is read.
            left = np.flatnonzero((cells != texts) & self._known)
            absent = texts[left] == ABSENT
            here = pd.Series(cells[left[absent]], dtype=str)
            for name in names[left[absent]][~here.str.strip().isin(MISSING)]:
                missing.setdefault(name, []).append(column)
            rows = left[~absent]
            one, other = (pd.Series(values[rows], dtype=str) for values in (cells, texts))
            different = ~same_value(column, one, other)
            yield findings_table(
                "attributes-differ",
                names[rows[different]],
                f"{column} " + other[different],
                f"{column} " + one[different],
            )
        yield findings_table("attributes-missing", missing, map(" ".join, missing.values()))


def as_text(value: object) -> str:
    """Write an attribute as text; arrays without brackets, every digit kept.

    >>> as_text(700.0), as_text(np.array([[2896.0]])), as_text([56.79999923706055, 55.4])
    ('700.0', '2896.0', '56.79999923706055 55.4')
    """
    if isinstance(value, str):
        return value.rstrip("\0")
    if isinstance(value, int | float):
        return str(value)
    return " ".join(str(item) for item in np.asarray(value).ravel().tolist())


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
        same[left] = _is_close(*levels).all(axis=1)
    elif is_numeric(column) or column == "source_id":
        same[left] = _is_close(*(parse_numbers(text[left])[0] for text in (one, other)))
    return same


def _is_close(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    # What is not known in an array of three is NaN in both.
    close: np.ndarray = np.isclose(one, other, rtol=TOLERANCE, atol=1e-9, equal_nan=one.ndim == 2)
    return close & ~np.isnan(one).all(axis=-1, keepdims=True) if one.ndim == 2 else close
