"""Leak audit of a split: groups with traces in two splits, allowed or not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from steadkit.catalog import TRACE_PREFIX
from steadkit.errors import InputError
from steadkit.manifest import UNKNOWN
from steadkit.sampling import SPLITS
from steadkit.schema import EVENT
from steadkit.split.assign import expected_by_boxes, expected_by_time, first_starts
from steadkit.split.config import EARTHQUAKE, REGION, TIME, SplitConfig, instant
from steadkit.split.groups import duplicate_waveforms, group_labels, join_groups, start_times

WAVEFORM = "same samples"
PAIRS = tuple(combinations(SPLITS, 2))
MAX_NAMES = 5
"""How many shared groups a refusal names."""


@dataclass(frozen=True)
class Overlap:
    """Groups of one type in each split and in pairs of splits.

    Attributes
    ----------
    group_type
        Earthquake, station, ..., or time.
    groups
        Number of groups with traces in each split.
    shared_groups
        For each pair of splits, the names of the groups in both; by time or box, of those in the
        first that belong in the second or the reverse.
    is_leak
        Whether a group in two splits is a leak.
    n_unknown
        Number of events in the splits without a known earthquake. Each counts as a group of its
        own; two of them may be one earthquake in two splits.
    """

    group_type: str
    groups: Mapping[str, int]
    shared_groups: Mapping[tuple[str, str], Sequence[str]]
    is_leak: bool
    n_unknown: int = 0

    @property
    def names(self) -> list[str]:
        """Names of all shared groups, sorted, without repeats."""
        return sorted({name for names in self.shared_groups.values() for name in names})


def audit(
    table: pd.DataFrame,
    splits: Sequence[str] | np.ndarray,
    config: SplitConfig,
    waveforms: Sequence[str] = (),
    strict: bool = False,
) -> list[Overlap]:
    """Find all groups with traces in two splits.

    Parameters
    ----------
    table
        Rows as text, with the columns that `config` needs.
    splits
        The split of each row; rows with ``-`` are in none.
    config
        Defines a leak: the groups that it keeps together.
    waveforms
        The digest of each trace's samples, or ``-``; the same in two splits is always a leak.
    strict
        Whether an earthquake in two splits is a leak too where `config` does not keep it together.

    Returns
    -------
    list of Overlap
        One for each group type of `config`, for earthquakes, and for the same samples.
    """
    split_of = np.asarray(splits, dtype=object)
    overlaps = []
    for group_type in dict.fromkeys((*config.by, EARTHQUAKE)):
        is_leak = strict or group_type in config.by or group_type in config.groups_by
        if group_type == TIME or (group_type == REGION and config.test_box):
            overlaps.append(_misplaced_groups(table, split_of, config, group_type))
        else:
            labels, n_unknown = group_labels(table, group_type, config), 0
            if group_type == EARTHQUAKE:
                # Noise has none: each trace would count as an earthquake of its own.
                labels[(table["trace_category"] != EVENT).to_numpy()] = None
                in_splits = labels[split_of != UNKNOWN]
                n_unknown = sum(str(label).startswith(TRACE_PREFIX) for label in in_splits)
            overlaps.append(
                replace(_count_overlap(group_type, labels, split_of, is_leak), n_unknown=n_unknown)
            )
    if not set(waveforms) <= {UNKNOWN}:
        overlaps.append(
            _count_overlap(WAVEFORM, duplicate_waveforms(waveforms), split_of, is_leak=True)
        )
    return overlaps


def _count_overlap(
    group_type: str, labels: np.ndarray, splits: np.ndarray, is_leak: bool
) -> Overlap:
    codes, names = pd.factorize(labels, sort=True)
    is_present = {}
    for split in SPLITS:
        is_present[split] = np.zeros(len(names), dtype=bool)
        is_present[split][codes[(codes >= 0) & (splits == split)]] = True
    shared = {(a, b): names[is_present[a] & is_present[b]].tolist() for a, b in PAIRS}
    return Overlap(
        group_type, {split: int(is_present[split].sum()) for split in SPLITS}, shared, is_leak
    )


def _misplaced_groups(
    table: pd.DataFrame, splits: np.ndarray, config: SplitConfig, group_type: str
) -> Overlap:
    """Compare each group's split with that of its instant or box."""
    groups = join_groups([group_labels(table, label, config) for label in config.groups_by])
    if group_type == TIME:
        first = first_starts(groups, start_times(table))
        expected = expected_by_time(first, _split_starts(first, splits, config), config.gap_days)
    else:
        expected = expected_by_boxes(groups, table, config)
    # Traces in no split or in a gap have `-`, which is in none of the pairs: they do not leak.
    shared = {}
    for a, b in PAIRS:
        is_misplaced = ((splits == a) & (expected == b)) | ((splits == b) & (expected == a))
        shared[a, b] = sorted(set(groups[is_misplaced]))
    counts = {split: len(set(groups[splits == split])) for split in SPLITS}
    return Overlap(group_type, counts, shared, is_leak=True)


def _split_starts(
    first: np.ndarray, splits: np.ndarray, config: SplitConfig
) -> list[np.datetime64]:
    """Return when validation and test begin; by default with their first groups."""
    if config.cut:
        return [instant(text) for text in config.cut]
    return [first[splits == split].min(initial=first.max()) for split in SPLITS[1:]]


def refuse_leaks(overlaps: Iterable[Overlap], what: str) -> None:
    """Raise an error for the first leak.

    Raises
    ------
    InputError
        The message has the leak's splits, number and names.
    """
    for overlap in overlaps:
        for (a, b), names in overlap.shared_groups.items():
            if names and overlap.is_leak:
                listed = ", ".join(names[:MAX_NAMES]) + (", ..." if len(names) > MAX_NAMES else "")
                remedy = "its manifest" if overlap.group_type == WAVEFORM else overlap.group_type
                raise InputError(
                    f"{what} leaks: {a} and {b} share, by {overlap.group_type}, {listed} "
                    f"({len(names):,} in all); split it by {remedy} anew"
                )
