"""STEAD's CSV, read and written as text, so that nothing is altered."""

from steadkit.catalog.cells import CellsDigest
from steadkit.catalog.read import (
    KEY_COLUMNS,
    MAX_NAME_BYTES,
    check_name,
    check_names,
    checked_pieces,
    columns_of,
    csv_digest,
    lines_at,
    pieces,
    read_table,
    row_parts,
    rows_at,
)
from steadkit.catalog.validate import LineStarts
from steadkit.catalog.values import (
    GROUP_COLUMNS,
    SOURCE_LIST,
    TRACE_PREFIX,
    counts,
    earthquakes_of,
    in_order,
    list_sources,
)
from steadkit.catalog.write import csv_text, write_csv

__all__ = [
    "GROUP_COLUMNS",
    "KEY_COLUMNS",
    "MAX_NAME_BYTES",
    "SOURCE_LIST",
    "TRACE_PREFIX",
    "CellsDigest",
    "LineStarts",
    "check_name",
    "check_names",
    "checked_pieces",
    "columns_of",
    "counts",
    "csv_digest",
    "csv_text",
    "earthquakes_of",
    "in_order",
    "lines_at",
    "list_sources",
    "pieces",
    "read_table",
    "row_parts",
    "rows_at",
    "write_csv",
]
