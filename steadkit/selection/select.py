"""Row selection: filters, strata and groups, and stratified sampling of a table."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from steadkit.catalog import GROUP_COLUMNS, KEY_COLUMNS, earthquakes_of
from steadkit.errors import InputError
from steadkit.expressions import check_columns, columns, csv_column, mask, parse
from steadkit.sampling import allocate, draw_per_stratum, majority_stratum, stratum_counts
from steadkit.schema import CATEGORIES
from steadkit.selection.filters import NameSet, in_box, in_circle
from steadkit.selection.selection import Selection
from steadkit.selection.strata import parse_stratum, stratum_labels, value_groups
from steadkit.types import number_column


def needed_columns(selection: Selection, csv_columns: Sequence[str] | None = None) -> list[str]:
    """Return the columns of the CSV that `select` reads.

    Parameters
    ----------
    selection
        The selection.
    csv_columns
        The columns that the CSV has; a missing one is refused.

    Raises
    ------
    InputError
        A column is not in `csv_columns`.

    >>> needed_columns(Selection(where="source_magnitude > 3"))
    ['trace_name', 'trace_category', 'source_magnitude']
    """
    names = [*KEY_COLUMNS]
    if selection.where:
        names += columns(parse(selection.where))
    if selection.box or selection.circle:
        names += _coordinates(selection)
    names += [csv_column(parse_stratum(spec)[0]) for spec in selection.stratify]
    if selection.group == GROUP_COLUMNS[0]:
        names += _group_columns(csv_columns)
    elif selection.group:
        names.append(selection.group)
    if csv_columns is not None:
        check_columns(names, csv_columns)
    return list(dict.fromkeys(names))


def _coordinates(selection: Selection) -> tuple[str, str]:
    return f"{selection.at}_latitude", f"{selection.at}_longitude"


def _group_columns(csv_columns: Sequence[str] | None) -> list[str]:
    """Return the columns that identify an earthquake: the id, the origin time, or both."""
    usable_columns = [
        column for column in GROUP_COLUMNS if csv_columns is None or column in csv_columns
    ]
    return usable_columns or [GROUP_COLUMNS[0]]


def select(table: pd.DataFrame, selection: Selection) -> np.ndarray:
    """Select rows of a text table.

    Filters (where, box, circle, exclude) come first. Then each stratum of the remaining rows is
    sampled; balance changes the counts per stratum, and groups are taken complete or not at all.

    Parameters
    ----------
    table
        As `steadkit.catalog.read_table` reads it, with at least `needed_columns`.
    selection
        The selection.

    Returns
    -------
    numpy.ndarray
        Positions of rows, int64, in shuffled order.

    Raises
    ------
    InputError
        Nothing matches or would be taken, or there are fewer traces than requested.
    """
    needed_columns(selection, table.columns)
    return sample_rows(table, filter_rows(table, selection), selection)


def sample_rows(table: pd.DataFrame, rows: np.ndarray, selection: Selection) -> np.ndarray:
    """Sample the rows that pass the filters; return positions, int64, in shuffled order."""
    if not len(rows):
        raise InputError(f"none of the {len(table):,} traces match {_filters_text(selection)}")
    candidates = table.iloc[rows] if len(rows) < len(table) else table
    groups = _groups_of(candidates, selection.group)
    counts, strata = _counts_per_stratum(candidates, groups, selection)
    positions = draw_per_stratum(candidates["trace_name"], strata, counts, selection.seed, groups)
    if not len(positions):
        fraction = selection.fraction
        amount = f"count {selection.count}" if fraction is None else f"fraction {float(fraction):g}"
        raise InputError(f"{amount} of {len(candidates)} traces is none: use a larger one")
    return rows[positions]


def filter_rows(table: pd.DataFrame, selection: Selection) -> np.ndarray:
    """Return the positions of the rows that pass the filters, int64, in the table's order."""
    is_selected = np.ones(len(table), dtype=bool)
    if selection.where:
        is_selected &= mask(parse(selection.where), table)
    if selection.box or selection.circle:
        latitudes, longitudes = (number_column(table, name) for name in _coordinates(selection))
        if selection.box:
            is_selected &= in_box(latitudes, longitudes, selection.box)
        if selection.circle:
            is_selected &= in_circle(latitudes, longitudes, selection.circle)
    if selection.exclude:
        is_selected[excluded_rows(table, selection.exclude)] = False
    return np.flatnonzero(is_selected)


def excluded_rows(table: pd.DataFrame, exclude: NameSet) -> np.ndarray:
    """Return the rows of excluded traces; names that are not in the table are ignored.

    Raises
    ------
    InputError
        The names are not known, as after `Selection.from_recipe`.
    """
    if exclude.names is None:
        raise InputError(
            f"the recipe excludes {exclude.number} names of digest {exclude.digest[:12]}... "
            "without listing them: give the list again with --exclude"
        )
    return np.flatnonzero(table["trace_name"].isin(exclude.names).to_numpy())


def _filters_text(selection: Selection) -> str:
    """Describe the filters for an error message."""
    filter_texts = [f"where {selection.where}"] if selection.where else []
    places = {"box": selection.box, "circle": selection.circle}
    filter_texts += [
        f"{shape} {', '.join(f'{figure:g}' for figure in figures)}"
        for shape, figures in places.items()
        if figures
    ]
    if selection.exclude:
        filter_texts.append(f"without {selection.exclude.number:,} names")
    at_source = (selection.box or selection.circle) and selection.at == "source"
    noise = " (noise has no source: try --at receiver)" if at_source else ""
    return f"{' and '.join(filter_texts)}{noise}: loosen it"


def _groups_of(table: pd.DataFrame, column: str) -> list[str] | None:
    """Return the group of each row; a trace without one is a group of its own."""
    if not column:
        return None
    is_earthquake = column == GROUP_COLUMNS[0]
    return (earthquakes_of(table) if is_earthquake else value_groups(table, column)).tolist()


def _counts_per_stratum(
    table: pd.DataFrame, groups: list[str] | None, selection: Selection
) -> tuple[dict[str, int], list[str]]:
    """Return the number of traces to take per stratum, and the stratum of each row."""
    specs = selection.stratify
    if selection.balance and "trace_category" not in specs:
        specs = ("trace_category", *specs)
    strata = stratum_labels(table, specs)
    trace_strata = strata
    # A group is taken complete, so all of its traces count in one stratum.
    if groups is not None:
        strata = majority_stratum(groups, strata)
    sizes = Counter(strata)
    counts = _unbalanced_counts(sizes, selection)
    if selection.balance:
        category_of = dict(zip(trace_strata, table["trace_category"].tolist(), strict=True))
        counts = _balanced_counts(sizes, counts, category_of, selection.count)
    return counts, strata


def _unbalanced_counts(sizes: Mapping[str, int], selection: Selection) -> dict[str, int]:
    if selection.fraction is not None:
        return stratum_counts(sizes, selection.fraction, selection.rounding)
    if selection.count is None:
        return dict(sizes)
    total = sum(sizes.values())
    if selection.count > total:
        matching = " that match" if selection.filters else ""
        raise InputError(
            f"count {selection.count} of {total} traces{matching}: use at most {total}"
        )
    return allocate(sizes, selection.count)


def _balanced_counts(
    sizes: Mapping[str, int],
    unbalanced: Mapping[str, int],
    category_of: Mapping[str, str],
    count: int | None,
) -> dict[str, int]:
    """Return equal counts per category: half the count, or the smaller by the fraction.

    The count is allocated to the strata of each category again: taking the lowest ranks over
    several strata would not give nested subsets.
    """
    by_category = {
        category: {stratum: n for stratum, n in sizes.items() if category_of[stratum] == category}
        for category in CATEGORIES
    }
    category_sizes = {category: sum(strata.values()) for category, strata in by_category.items()}
    if not all(category_sizes.values()):
        found_text = " and ".join(
            f"{count} {category}" for category, count in category_sizes.items()
        )
        raise InputError(
            f"balance needs events and noise, here are {found_text}: noise lies in no box or "
            "circle of sources, use --at receiver for these"
        )
    if count is None:
        n_per_category = min(
            sum(unbalanced[stratum] for stratum in strata) for strata in by_category.values()
        )
    elif count // 2 > min(category_sizes.values()):
        raise InputError(
            f"count {count} balanced is {count // 2} of each category, there are "
            f"{min(category_sizes.values())} of one: use at most {2 * min(category_sizes.values())}"
        )
    else:
        n_per_category = count // 2
    return {
        stratum: count
        for strata in by_category.values()
        for stratum, count in allocate(strata, n_per_category).items()
    }
