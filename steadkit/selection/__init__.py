"""Which traces a subset takes: the selection as data, and as rows of a table."""

from steadkit.selection.name_list import Names, listed, read_names
from steadkit.selection.select import draw, excluded_rows, matching_rows, needed_columns, select
from steadkit.selection.selection import Selection
from steadkit.selection.strata import parse_strata

__all__ = [
    "Names",
    "Selection",
    "draw",
    "excluded_rows",
    "listed",
    "matching_rows",
    "needed_columns",
    "parse_strata",
    "read_names",
    "select",
]
