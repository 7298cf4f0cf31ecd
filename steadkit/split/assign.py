"""Assignment of groups to splits: by shares in a keyed order, by time, or by boxes."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.manifest import UNKNOWN
from steadkit.sampling import SPLITS, majority_stratum, shuffled_order
from steadkit.selection.filters import in_box
from steadkit.selection.strata import stratum_labels
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
    table: pd.DataFrame, config: SplitConfig, waveforms: Sequence[str] = ()
) -> tuple[np.ndarray, SplitConfig]:
    """Assign every trace to a split.

    Parameters
    ----------
    table
        Rows as text, with the columns that `config` needs.
    config
        The rules of the split.
    waveforms
        The digest of each trace's samples, or ``-``; traces with the same samples stay together.

    Returns
    -------
    tuple of numpy.ndarray and SplitConfig
        Train, validation, test or ``-`` (in a gap) for each row, as text; and the configuration
        with the instants computed from the shares.

    Raises
    ------
    InputError
        A split would be empty, or a group is larger than any share.
    """
    if table.empty:
        raise InputError("there is no trace to split: the table has a header only")
    labels = [group_labels(table, group_type, config) for group_type in config.groups_by]
    groups = join_groups([*labels, *([duplicate_waveforms(waveforms)] if len(waveforms) else [])])
    if TIME in config.by:
        splits, config = _split_by_time(groups, start_times(table), config)
    elif config.test_box:
        splits = expected_by_boxes(groups, table, config)
    else:
        splits = split_by_shares(groups, stratum_labels(table, config.stratify), config)
    _refuse_empty(splits, groups, config)
    return splits, config


def _refuse_empty(splits: np.ndarray, groups: np.ndarray, config: SplitConfig) -> None:
    for split, share in zip(SPLITS, config.shares, strict=True):
        if split not in splits and (share or not config.uses_shares):
            raise InputError(
                f"no trace left for the {split} split: there are {len(set(groups)):,} groups by "
                f"{' and '.join(config.by)}; use more data, other shares, instants or boxes"
            )


def split_by_shares(groups: np.ndarray, strata: Sequence[str], config: SplitConfig) -> np.ndarray:
    """Assign complete groups to splits by their shares, stratum by stratum.

    A group belongs to the stratum of most of its traces. The strata follow in the order of their
    names, and the groups of each in their keyed order: to the split of the smallest share while
    that brings it nearer to its share of all traces so far, then likewise to the next; the largest
    share gets the remaining groups. The next stratum compensates for rounding. So the two smaller
    splits are within half a group of their shares, or have one group. A group larger than twice a
    share would move the split away from it, and is not assigned to it if there are smaller ones.

    The assignment depends on seed, names and sizes of the groups. If groups are added, only those
    next to a boundary of the order change their split: as many as hold the share of the new
    traces, and up to one more for every boundary of every stratum.

    Parameters
    ----------
    groups, strata
        The group and the stratum of each trace, as text.
    config
        Shares and seed.

    Returns
    -------
    numpy.ndarray
        The split of each trace, as text.

    Raises
    ------
    InputError
        One group holds more traces than the largest share.

    >>> quakes = np.array([f"e{i // 2}" for i in range(20)], dtype=object)
    >>> config = SplitConfig(shares=(Fraction(3, 5), Fraction(1, 5), Fraction(1, 5)))
    >>> splits = split_by_shares(quakes, ["event"] * 20, config)
    >>> [int((splits == split).sum()) for split in SPLITS]
    [12, 4, 4]
    """
    codes, names = pd.factorize(groups, sort=True)
    sizes = np.bincount(codes)
    stratum_of = np.empty(len(names), dtype=object)
    stratum_of[codes] = majority_stratum(groups, strata)
    _refuse_large_groups(sizes, config)
    order = shuffled_order(names.tolist(), config.seed, "split")
    # The smallest share first: what fits into it would fit into the others too.
    *small, (_, rest_split) = sorted(
        zip(config.shares, SPLITS, strict=True), key=lambda pair: pair[0]
    )
    split_of = np.full(len(names), rest_split, dtype=object)
    # Cumulative over strata, so that each compensates for the rounding of those before.
    n_assigned, n_passed = dict.fromkeys(SPLITS, 0), 0
    for stratum in sorted(set(stratum_of)):
        queue = order[stratum_of[order] == stratum]
        n_passed += int(sizes[queue].sum())
        for share, split in small:
            fitting = queue[_is_small_enough(sizes, share, config)[queue]]
            assigned = fitting[: _n_nearest(sizes[fitting], share * n_passed, n_assigned[split])]
            split_of[assigned] = split
            n_assigned[split] += int(sizes[assigned].sum())
            queue = queue[~np.isin(queue, assigned)]
    return split_of[codes]


def _is_small_enough(sizes: np.ndarray, share: Fraction, config: SplitConfig) -> np.ndarray:
    """Return which groups may be assigned to a split that is not the largest."""
    total = int(sizes.sum())
    is_within = sizes <= int(2 * share * total)
    # In a tiny data set any group may be too large: then those less than all small shares.
    return is_within if is_within.any() else sizes <= max(int((1 - max(config.shares)) * total), 1)


def _n_nearest(sizes: np.ndarray, target: Fraction, n_assigned: int) -> int:
    """Return how many of the next groups bring a split nearest to its target, at least one.

    >>> _n_nearest(np.array([3, 3, 3]), Fraction(7), 0)
    2
    >>> _n_nearest(np.array([3, 3]), Fraction(1), 0)
    1
    """
    if not target:
        return 0
    n_before = n_assigned + np.cumsum(sizes) - sizes
    # A group helps while its middle lies before the target; in halves, to stay with integers.
    helps = (2 * n_before + sizes <= int(2 * target)) | (n_before == 0)
    return len(helps) if helps.all() else int(helps.argmin())


def _refuse_large_groups(sizes: np.ndarray, config: SplitConfig) -> None:
    total, share = int(sizes.sum()), max(config.shares)
    if int(sizes.max()) > share * total:
        raise InputError(
            f"one group by {' and '.join(config.by)} holds {int(sizes.max()):,} of {total:,} "
            f"traces, more than the largest share, {float(share):.0%}: "
            "use more data, or something finer"
        )


def _split_by_time(
    groups: np.ndarray, times: np.ndarray, config: SplitConfig
) -> tuple[np.ndarray, SplitConfig]:
    """Assign complete groups by the time of their first trace; return also the instants."""
    first = first_starts(groups, times)
    config = replace(config, cut=config.cut or _cut_by_shares(first, config))
    begins = [instant(text) for text in config.cut or ()]
    return expected_by_time(first, begins, config.gap_days), config


def expected_by_time(
    first: np.ndarray, begins: Sequence[np.datetime64], gap_days: float = 0.0
) -> np.ndarray:
    """Return the split of groups that start at `first`; ``-`` in the gap after either begin."""
    gap = np.timedelta64(round(gap_days * 86_400_000_000), "us")
    conditions = [
        first < begins[0],
        (first >= begins[0] + gap) & (first < begins[1]),
        first >= begins[1] + gap,
    ]
    return np.select(conditions, SPLITS, UNKNOWN).astype(object)


def first_starts(groups: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return, for each trace, the start of the first trace of its group."""
    return pd.Series(times).groupby(np.asarray(groups)).transform("min").to_numpy("datetime64[us]")


def _cut_by_shares(first: np.ndarray, config: SplitConfig) -> tuple[str, ...]:
    """Choose the two instants that meet the shares best; the earlier of equal ones."""
    moments, counts = np.unique(first, return_counts=True)
    n_before = np.cumsum(counts) - counts
    texts = []
    for cumulative_share in (config.shares[0], config.shares[0] + config.shares[1]):
        nearest = int(np.abs(n_before - float(cumulative_share * len(first))).argmin())
        texts.append(f"{np.datetime_as_string(moments[nearest], unit='us')}Z")
    if texts[0] == texts[1] or not config.shares[2]:
        raise InputError(
            f"{len(moments):,} start times cannot be cut into shares "
            f"{','.join(str(float(share)) for share in config.shares)}: "
            "give the instants with --cut"
        )
    return tuple(texts)


def expected_by_boxes(groups: np.ndarray, table: pd.DataFrame, config: SplitConfig) -> np.ndarray:
    """Assign a group to test if any of its traces is in the test box; likewise validation."""
    validation, test = (
        in_box(*trace_coordinates(table), box)
        for box in (config.validation_box, config.test_box)
        if box
    )
    if (validation & test).any():
        name = table["trace_name"].iloc[int((validation & test).argmax())]
        raise InputError(f"{name!r} lies in both boxes: choose boxes that do not overlap")
    inside = pd.DataFrame({VALIDATION: validation, TEST: test}).groupby(groups).transform("any")
    return np.select([inside[TEST], inside[VALIDATION]], [TEST, VALIDATION], TRAIN).astype(object)
