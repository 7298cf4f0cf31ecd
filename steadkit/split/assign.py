"""The part of each trace: whole groups, by shares in a keyed order, by time, or by boxes."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.manifest import UNKNOWN
from steadkit.sampling import SPLITS, majority_stratum, shuffled_order
from steadkit.selection.geography import in_box
from steadkit.selection.strata import labels as strata_of
from steadkit.split.config import TIME, SplitConfig, instant
from steadkit.split.groups import (
    duplicate_waveforms,
    group_labels,
    join_groups,
    start_times,
    trace_coordinates,
)

TRAIN, VALIDATION, TEST = SPLITS


def assign(
    table: pd.DataFrame, rule: SplitConfig, waveforms: Sequence[str] = ()
) -> tuple[np.ndarray, SplitConfig]:
    """Give every trace its part.

    Parameters
    ----------
    table
        Rows as text, with the columns that `rule` needs.
    rule
        What to go by.
    waveforms
        The digest of each trace's samples, or ``-``; the same samples go together.

    Returns
    -------
    tuple of numpy.ndarray and Rule
        Train, validation, test or ``-`` (in a gap) for each row, as text; and the rule, with the
        instants that the shares have led to.

    Raises
    ------
    InputError
        A part would stay empty, or what hangs together is too much for any share.
    """
    if table.empty:
        raise InputError("there is no trace to split: the table has a header only")
    units = [group_labels(table, what, rule) for what in rule.groups_by]
    groups = join_groups([*units, *([duplicate_waveforms(waveforms)] if len(waveforms) else [])])
    if TIME in rule.by:
        parts, rule = _split_by_time(groups, start_times(table), rule)
    elif rule.test_box:
        parts = expected_by_boxes(groups, table, rule)
    else:
        parts = split_by_shares(groups, strata_of(table, rule.stratify), rule)
    _refuse_empty(parts, groups, rule)
    return parts, rule


def _refuse_empty(parts: np.ndarray, groups: np.ndarray, rule: SplitConfig) -> None:
    for part, share in zip(SPLITS, rule.shares, strict=True):
        if part not in parts and (share or not rule.uses_shares):
            raise InputError(
                f"no trace left for the {part} part: there are {len(set(groups)):,} groups by "
                f"{' and '.join(rule.by)}; use more data, other shares, instants or boxes"
            )


def split_by_shares(groups: np.ndarray, strata: Sequence[str], rule: SplitConfig) -> np.ndarray:
    """Cut whole groups by the shares, each stratum by itself.

    A group belongs to the stratum of most of its traces. In each stratum, the first in name
    first, groups go in their keyed order: to the part of the smallest share while that brings it
    nearer to its share of all traces so far, then to the next likewise; the largest share gets the
    rest. What one stratum cannot divide is made up by the next. So the two smaller parts are
    within half a group of their shares, or have one group. A group of more than twice a share is
    further from it than nothing, and stays out, if there are smaller ones.

    Who goes where depends on seed, names and sizes of the groups. Where groups are added, only
    those next to a boundary of the order change their part: as many as hold the share of the new
    traces, and up to one more for every boundary of every stratum.

    Parameters
    ----------
    groups, strata
        The group and the stratum of each trace, as text.
    rule
        Shares and seed.

    Returns
    -------
    numpy.ndarray
        The part of each trace, as text.

    Raises
    ------
    InputError
        One group holds more traces than the largest share.

    >>> quakes = np.array([f"e{i // 2}" for i in range(20)], dtype=object)
    >>> rule = SplitConfig(shares=(Fraction(3, 5), Fraction(1, 5), Fraction(1, 5)))
    >>> parts = split_by_shares(quakes, ["event"] * 20, rule)
    >>> [int((parts == part).sum()) for part in SPLITS]
    [12, 4, 4]
    """
    codes, names = pd.factorize(groups, sort=True)
    sizes = np.bincount(codes)
    stratum_of = np.empty(len(names), dtype=object)
    stratum_of[codes] = majority_stratum(groups, strata)
    _refuse_large_groups(sizes, rule)
    order = shuffled_order(names.tolist(), rule.seed, "split")
    # The smallest share first: what fits into it would fit into the others too.
    *small, (_, rest) = sorted(zip(rule.shares, SPLITS, strict=True), key=lambda pair: pair[0])
    part_of = np.full(len(names), rest, dtype=object)
    got, passed = dict.fromkeys(SPLITS, 0), 0
    for stratum in sorted(set(stratum_of)):
        queue = order[stratum_of[order] == stratum]
        passed += int(sizes[queue].sum())
        for share, part in small:
            fitting = queue[_is_small_enough(sizes, share, rule)[queue]]
            taken = fitting[: _n_nearest(sizes[fitting], share * passed, got[part])]
            part_of[taken] = part
            got[part] += int(sizes[taken].sum())
            queue = queue[~np.isin(queue, taken)]
    return part_of[codes]


def _is_small_enough(sizes: np.ndarray, share: Fraction, rule: SplitConfig) -> np.ndarray:
    """Tell which groups may go into a small part."""
    total = int(sizes.sum())
    within = sizes <= int(2 * share * total)
    # In a tiny data set any group may be too large: then those less than all small shares.
    return within if within.any() else sizes <= max(int((1 - max(rule.shares)) * total), 1)


def _n_nearest(sizes: np.ndarray, target: Fraction, got: int) -> int:
    """How many of the next groups bring a part nearest to its target; at least one if it has none.

    >>> _n_nearest(np.array([3, 3, 3]), Fraction(7), 0), _n_nearest(np.array([3, 3]), Fraction(1), 0)
    (2, 1)
    """
    if not target:
        return 0
    before = got + np.cumsum(sizes) - sizes
    # A group helps while its middle lies before the target; in halves, to stay with integers.
    helps = (2 * before + sizes <= int(2 * target)) | (before == 0)
    return len(helps) if helps.all() else int(helps.argmin())


def _refuse_large_groups(sizes: np.ndarray, rule: SplitConfig) -> None:
    total, share = int(sizes.sum()), max(rule.shares)
    if int(sizes.max()) > share * total:
        raise InputError(
            f"one group by {' and '.join(rule.by)} holds {int(sizes.max()):,} of {total:,} traces, "
            f"more than the largest share, {float(share):.0%}: use more data, or something finer"
        )


def _split_by_time(
    groups: np.ndarray, times: np.ndarray, rule: SplitConfig
) -> tuple[np.ndarray, SplitConfig]:
    """Put whole groups on the side of their first trace; returns also the instants used."""
    first = first_starts(groups, times)
    rule = replace(rule, cut=rule.cut or _cut_by_shares(first, rule))
    begins = [instant(text) for text in rule.cut or ()]
    return expected_by_time(first, begins, rule.gap_days), rule


def expected_by_time(
    first: np.ndarray, begins: Sequence[np.datetime64], gap_days: float = 0.0
) -> np.ndarray:
    """Tell the part of what starts at `first`; ``-`` in the gap after either begin."""
    gap = np.timedelta64(round(gap_days * 86_400_000_000), "us")
    conditions = [
        first < begins[0],
        (first >= begins[0] + gap) & (first < begins[1]),
        first >= begins[1] + gap,
    ]
    return np.select(conditions, SPLITS, UNKNOWN).astype(object)


def first_starts(groups: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Find, for each trace, when the first trace of its group starts."""
    return pd.Series(times).groupby(np.asarray(groups)).transform("min").to_numpy("datetime64[us]")


def _cut_by_shares(first: np.ndarray, rule: SplitConfig) -> tuple[str, ...]:
    """Choose the two instants at which the shares are met best; ties go to the earlier."""
    moments, counts = np.unique(first, return_counts=True)
    before = np.cumsum(counts) - counts
    texts = []
    for wanted in (rule.shares[0], rule.shares[0] + rule.shares[1]):
        nearest = int(np.abs(before - float(wanted * len(first))).argmin())
        texts.append(f"{np.datetime_as_string(moments[nearest], unit='us')}Z")
    if texts[0] == texts[1] or not rule.shares[2]:
        raise InputError(
            f"{len(moments):,} start times cannot be cut into shares "
            f"{','.join(str(float(share)) for share in rule.shares)}: give the instants with --cut"
        )
    return tuple(texts)


def expected_by_boxes(groups: np.ndarray, table: pd.DataFrame, rule: SplitConfig) -> np.ndarray:
    """Put a group into test if any of its traces lies in the test box, and so on."""
    validation, test = (
        in_box(*trace_coordinates(table), box)
        for box in (rule.validation_box, rule.test_box)
        if box
    )
    if (validation & test).any():
        name = table["trace_name"].iloc[int((validation & test).argmax())]
        raise InputError(f"{name!r} lies in both boxes: choose boxes that do not overlap")
    inside = pd.DataFrame({VALIDATION: validation, TEST: test}).groupby(groups).transform("any")
    return np.select([inside[TEST], inside[VALIDATION]], [TEST, VALIDATION], TRAIN).astype(object)
