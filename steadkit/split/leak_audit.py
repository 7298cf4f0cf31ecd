"""Leaks: what stands in two parts of a split, counted and named, whether it may or may not."""

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
    """What one kind of group has in each part, and in two.

    Attributes
    ----------
    what
        The kind of group: earthquake, station, ..., or time.
    groups
        How many groups have traces in each part.
    shared
        For each pair of parts, the names of the groups in both; by time or box, of those in the
        first that belong into the second or the reverse.
    forbidden
        Whether one in two parts is a leak.
    unknown
        How many events in the parts have no known earthquake; each counts as a group of its own,
        and whether two of them are one earthquake in two parts cannot be told.
    """

    what: str
    groups: Mapping[str, int]
    shared: Mapping[tuple[str, str], Sequence[str]]
    forbidden: bool
    unknown: int = 0

    @property
    def names(self) -> list[str]:
        """All that is shared, each once, sorted."""
        return sorted({name for names in self.shared.values() for name in names})


def audit(
    table: pd.DataFrame,
    parts: Sequence[str] | np.ndarray,
    rule: SplitConfig,
    waveforms: Sequence[str] = (),
    strict: bool = False,
) -> list[Overlap]:
    """Look for everything that stands in two parts.

    Parameters
    ----------
    table
        Rows as text, with the columns that `rule` needs.
    parts
        The part of each row; rows with ``-`` are in none.
    rule
        What is a leak: the groups it goes by.
    waveforms
        The digest of each trace's samples, or ``-``; the same in two parts is always a leak.
    strict
        Whether an earthquake in two parts is a leak too where the rule does not go by it.

    Returns
    -------
    list of Sharing
        One for each of the rule's groups, for earthquakes, and for the same samples.
    """
    own = np.asarray(parts, dtype=object)
    found = []
    for what in dict.fromkeys((*rule.by, EARTHQUAKE)):
        forbidden = strict or what in rule.by or what in rule.groups_by
        if what == TIME or (what == REGION and rule.test_box):
            found.append(_misplaced_groups(table, own, rule, what))
        else:
            labels, unknown = group_labels(table, what, rule), 0
            if what == EARTHQUAKE:
                # Noise has none: each trace would count as an earthquake of its own.
                labels[(table["trace_category"] != EVENT).to_numpy()] = None
                in_parts = labels[own != UNKNOWN]
                unknown = sum(str(label).startswith(TRACE_PREFIX) for label in in_parts)
            found.append(replace(_count_overlap(what, labels, own, forbidden), unknown=unknown))
    if not set(waveforms) <= {UNKNOWN}:
        found.append(_count_overlap(WAVEFORM, duplicate_waveforms(waveforms), own, forbidden=True))
    return found


def _count_overlap(what: str, labels: np.ndarray, parts: np.ndarray, forbidden: bool) -> Overlap:
    codes, names = pd.factorize(labels, sort=True)
    present = {}
    for part in SPLITS:
        present[part] = np.zeros(len(names), dtype=bool)
        present[part][codes[(codes >= 0) & (parts == part)]] = True
    shared = {(a, b): names[present[a] & present[b]].tolist() for a, b in PAIRS}
    return Overlap(what, {part: int(present[part].sum()) for part in SPLITS}, shared, forbidden)


def _misplaced_groups(
    table: pd.DataFrame, parts: np.ndarray, rule: SplitConfig, what: str
) -> Overlap:
    """Compare with where instants or boxes would place each group."""
    groups = join_groups([group_labels(table, label, rule) for label in rule.groups_by])
    if what == TIME:
        first = first_starts(groups, start_times(table))
        expected = expected_by_time(first, _split_starts(first, parts, rule), rule.gap_days)
    else:
        expected = expected_by_boxes(groups, table, rule)
    shared = {}
    for a, b in PAIRS:
        astray = ((parts == a) & (expected == b)) | ((parts == b) & (expected == a))
        shared[a, b] = sorted(set(groups[astray]))
    counts = {part: len(set(groups[parts == part])) for part in SPLITS}
    return Overlap(what, counts, shared, forbidden=True)


def _split_starts(first: np.ndarray, parts: np.ndarray, rule: SplitConfig) -> list[np.datetime64]:
    """When validation and test begin; where the rule does not say, as their first groups do."""
    if rule.cut:
        return [instant(text) for text in rule.cut]
    return [first[parts == part].min(initial=first.max()) for part in SPLITS[1:]]


def refuse_leaks(found: Iterable[Overlap], what: str) -> None:
    """Raise where anything forbidden is shared.

    Raises
    ------
    InputError
        With the first leak's parts, number and names.
    """
    for sharing in found:
        for (a, b), names in sharing.shared.items():
            if names and sharing.forbidden:
                listed = ", ".join(names[:MAX_NAMES]) + (", ..." if len(names) > MAX_NAMES else "")
                raise InputError(
                    f"{what} leaks: {a} and {b} share, by {sharing.what}, {listed} "
                    f"({len(names):,} in all); split it by {_remedy(sharing.what)} anew"
                )


def _remedy(what: str) -> str:
    return "its manifest" if what == WAVEFORM else what
