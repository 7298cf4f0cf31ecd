"""STEAD's CSV, read and written as text without altering a cell."""

from steadkit.catalog.read import (
    KEY_COLUMNS,
    MAX_NAME_BYTES,
    check_name,
    check_names,
    columns_of,
    csv_digest,
    iter_checked_chunks,
    iter_chunks,
    iter_lines_at,
    iter_rows_at,
    iter_rows_named,
    read_table,
    read_tables,
    repeated_error,
)
from steadkit.catalog.validate import CheckedLines, LineStarts
from steadkit.catalog.values import (
    GROUP_COLUMNS,
    SOURCE_LIST,
    TRACE_PREFIX,
    counts,
    earthquakes_of,
    list_sources,
    order_columns,
)
from steadkit.catalog.write import CellsDigest, csv_text, write_csv

__all__ = [
    "GROUP_COLUMNS",
    "KEY_COLUMNS",
    "MAX_NAME_BYTES",
    "SOURCE_LIST",
    "TRACE_PREFIX",
    "CellsDigest",
    "CheckedLines",
    "LineStarts",
    "check_name",
    "check_names",
    "columns_of",
    "counts",
    "csv_digest",
    "csv_text",
    "earthquakes_of",
    "iter_checked_chunks",
    "iter_chunks",
    "iter_lines_at",
    "iter_rows_at",
    "iter_rows_named",
    "list_sources",
    "order_columns",
    "read_table",
    "read_tables",
    "repeated_error",
    "write_csv",
]
