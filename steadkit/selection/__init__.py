"""Selection of traces for a subset: its options as data, and its rows of a table."""

from steadkit.selection.filters import NameSet, name_set, read_names
from steadkit.selection.select import (
    excluded_rows,
    filter_rows,
    needed_columns,
    sample_rows,
    select,
)
from steadkit.selection.selection import Selection
from steadkit.selection.strata import parse_strata

__all__ = [
    "NameSet",
    "Selection",
    "excluded_rows",
    "filter_rows",
    "name_set",
    "needed_columns",
    "parse_strata",
    "read_names",
    "sample_rows",
    "select",
]
