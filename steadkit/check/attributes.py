"""Comparison of the CSV with the HDF5 attributes: as numbers, times or text, however written."""

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
"""Relative: the CSV writes float32 with eight decimals."""

ABSENT: Final = "\0absent"
"""Placeholder for a missing attribute."""


class AttributeTexts:
    """Attributes of a chunk of traces as text, collected while the file is read.

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
        """Add the attributes of some rows."""
        try:
            values = table.values(self._texts)
        except ERRORS:
            for row, number in zip(rows.tolist(), range(len(table)), strict=True):
                self._add_one(row, table.attributes(number))
            return
        for column, items in values.items():
            self._texts[column][rows] = np.array([*map(as_text, items)], object)
        self._known[rows] = True

    def _add_one(self, row: int, attributes: Attributes) -> None:
        try:
            texts = {key: as_text(value) for key, value in attributes.decode().items()}
        except ERRORS as error:
            self.add_broken(row, str(error))
            return
        for column in self._texts.keys() & texts.keys():
            self._texts[column][row] = texts[column]
        self._known[row] = True

    def add_broken(self, row: int, reason: str) -> None:
        """Record why the attributes of a row cannot be read."""
        self._broken[row] = reason

    def findings(self) -> pd.DataFrame:
        """Compare the cells with the attributes of the rows that were read."""
        names = self._cells["trace_name"].to_numpy(object)
        broken = findings_table(
            "attributes-unreadable", names[list(self._broken)], self._broken.values()
        )
        return concatenate([broken, *self._differences(names)])

    def _differences(self, names: np.ndarray) -> Iterator[pd.DataFrame]:
        missing: dict[str, list[str]] = {}
        for column, texts in self._texts.items():
            cells = self._cells[column].to_numpy(object)
            # Most cells are written as the attributes are: only the rest is parsed.
            rows_to_compare = np.flatnonzero((cells != texts) & self._known)
            absent = texts[rows_to_compare] == ABSENT
            present = pd.Series(cells[rows_to_compare[absent]], dtype=str)
            for name in names[rows_to_compare[absent]][~present.str.strip().isin(MISSING)]:
                missing.setdefault(name, []).append(column)
            rows = rows_to_compare[~absent]
            csv_text, attribute_text = (
                pd.Series(values[rows], dtype=str) for values in (cells, texts)
            )
            different = ~same_value(column, csv_text, attribute_text)
            yield findings_table(
                "attributes-differ",
                names[rows[different]],
                f"{column} " + attribute_text[different],
                f"{column} " + csv_text[different],
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


def same_value(column: str, csv_text: pd.Series, attribute_text: pd.Series) -> pd.Series:
    """Return where two columns of text have the same value.

    >>> csv, attribute = pd.Series(["[ 1.5  2.  3.]", "None"]), pd.Series(["1.5 2.0 3.0", ""])
    >>> same_value("snr_db", csv, attribute).tolist()
    [True, True]
    """
    csv_text, attribute_text = csv_text.str.strip(), attribute_text.str.strip()
    same = (csv_text == attribute_text) | (csv_text.isin(MISSING) & attribute_text.isin(MISSING))
    # Most are written alike: only the rest is parsed.
    unequal = ~same
    if not unequal.any():
        return same
    if column in TIME_COLUMNS:
        same[unequal] = parse_times(csv_text[unequal])[0] == parse_times(attribute_text[unequal])[0]
    elif column == "snr_db":
        levels = (parse_components(text[unequal])[0] for text in (csv_text, attribute_text))
        same[unequal] = _is_close(*levels).all(axis=1)
    elif is_numeric(column) or column == "source_id":
        same[unequal] = _is_close(
            *(parse_numbers(text[unequal])[0] for text in (csv_text, attribute_text))
        )
    return same


def _is_close(values_a: np.ndarray, values_b: np.ndarray) -> np.ndarray:
    # An unknown component of the three of snr_db is NaN in both.
    is_close: np.ndarray = np.isclose(
        values_a, values_b, rtol=TOLERANCE, atol=1e-9, equal_nan=values_a.ndim == 2
    )
    return (
        is_close & ~np.isnan(values_a).all(axis=-1, keepdims=True)
        if values_a.ndim == 2
        else is_close
    )
