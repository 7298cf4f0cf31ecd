"""Reproducible sampling: order and selection by a keyed hash of seed and trace name.

A trace's rank does not depend on row order, chunking, platform or library version. So a smaller
fraction of the same seed lies within a larger one, chunks and the merged file give the same
selection, and adding traces moves none.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import pandas as pd

Names: TypeAlias = Sequence[str] | pd.Series
"""Names in a list or in a column of a table; a column takes a third of the memory."""

BATCH_ROWS = 65_536


def rank(names: Names, seed: int, purpose: str = "sample") -> np.ndarray:
    """Return the rank of each name in a pseudorandom order, as uint64.

    The rank is the first 8 bytes of BLAKE2b of the name, keyed with the seed (RFC 7693).

    Parameters
    ----------
    names
        Trace names, or any other text.
    seed
        Any integer; another seed gives another order.
    purpose
        Separates orders that must be independent, such as sampling and splitting.

    >>> rank(["109C.TA_20060723155859_EV"], seed=0)
    array([7699935477808438987], dtype=uint64)
    """
    keyed = hashlib.blake2b(
        digest_size=8, key=str(seed).encode(), person=purpose.encode().ljust(16, b"\0")
    )
    digests = bytearray()
    for name in _iter_names(names):
        hashed = keyed.copy()
        hashed.update(name.encode())
        digests += hashed.digest()
    return np.frombuffer(bytes(digests), dtype=">u8").astype(np.uint64)


def _iter_names(names: Names) -> Iterator[str]:
    if not isinstance(names, pd.Series):
        yield from names
        return
    for start in range(0, len(names), BATCH_ROWS):
        yield from names.iloc[start : start + BATCH_ROWS].tolist()


def shuffled_order(names: Names, seed: int, purpose: str = "sample") -> np.ndarray:
    """Return the indices of names in the order of their ranks, int64; ties are sorted by name."""
    ranks = rank(names, seed, purpose)
    order = np.argsort(ranks, kind="stable")
    # Equal 64-bit ranks are rare, so names are compared only where there are any.
    sorted_ranks = ranks[order]
    if (sorted_ranks[1:] == sorted_ranks[:-1]).any():
        name_list = list(names)
        order = np.array(sorted(order, key=lambda i: (ranks[i], name_list[i])), dtype=np.int64)
    return order


def draw_rows(
    names: Sequence[str], strata: Sequence[str], fraction: Fraction, seed: int
) -> np.ndarray:
    """Sample a fraction of each stratum, rounded down, in shuffled order.

    Parameters
    ----------
    names
        Trace names, no two alike.
    strata
        The stratum of each trace, its category for example.
    fraction
        Above 0, at most 1, exact: 29/100 of 100 is 29.
    seed
        Selects the order.

    Returns
    -------
    numpy.ndarray
        Indices into `names`, int64, in the order of their ranks over all strata.

    >>> names = [f"T{i}_EV" for i in range(8)]
    >>> draw_rows(names, ["a", "a", "a", "a", "b", "b", "b", "c"], Fraction(1, 2), seed=0)
    array([5, 3, 0])
    """
    return draw_per_stratum(names, strata, stratum_counts(Counter(strata), fraction), seed)


def draw_per_stratum(
    names: Names,
    strata: Sequence[str],
    counts: Mapping[str, int],
    seed: int,
    groups: Sequence[str] | None = None,
) -> np.ndarray:
    """Sample the lowest-ranked traces of each stratum, in shuffled order.

    Parameters
    ----------
    names
        Trace names, no two alike.
    strata
        The stratum of each trace; all traces of a group must have one (see `majority_stratum`).
    counts
        Number of traces to take of each stratum.
    seed
        Selects the order.
    groups
        The group of each trace, its earthquake for example; groups are taken complete or not at
        all, in the order of the ranks of their names, while those before hold fewer traces than
        `counts`. So the last group may exceed the count by less than its size.

    Returns
    -------
    numpy.ndarray
        Indices into `names`, int64, in the order of the traces' ranks over all strata.

    >>> draw_per_stratum(["a", "b", "c", "d"], ["x", "x", "x", "y"], {"x": 2, "y": 0}, seed=0)
    array([2, 0])
    >>> groups = ["one", "one", "two", "two"]
    >>> draw_per_stratum(["a", "b", "c", "d"], [""] * 4, {"": 1}, 0, groups=groups)
    array([0, 1])
    """
    order = shuffled_order(names, seed)
    codes, labels = pd.factorize(np.asarray(strata, object))
    limits = np.array([counts[label] for label in labels], dtype=np.int64)
    if groups is None:
        trace_codes = codes[order]
        return order[
            _sizes_before(trace_codes, np.ones(len(order), np.int64)) < limits[trace_codes]
        ]
    members, group_names = pd.factorize(np.asarray(groups, object))
    stratum = np.zeros(len(group_names), np.int64)
    stratum[members] = codes
    by_rank = shuffled_order(group_names.tolist(), seed, "group")
    n_before = _sizes_before(stratum[by_rank], np.bincount(members)[by_rank])
    is_selected = np.zeros(len(group_names), dtype=bool)
    is_selected[by_rank[n_before < limits[stratum[by_rank]]]] = True
    return order[is_selected[members[order]]]


def _sizes_before(codes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the total size of the earlier entries with the same code."""
    by_code = np.argsort(codes, kind="stable")
    sorted_codes = codes[by_code]
    total_before = np.cumsum(sizes[by_code]) - sizes[by_code]
    first_of_code = np.searchsorted(sorted_codes, sorted_codes)
    sums = np.empty(len(codes), np.int64)
    sums[by_code] = total_before - total_before[first_of_code]
    return sums


def majority_stratum(groups: Sequence[str] | np.ndarray, strata: Sequence[str]) -> list[str]:
    """Return, for each trace, the stratum of most traces of its group.

    Of equally frequent strata the first by name counts.

    >>> majority_stratum(["one", "one", "one", "two"], ["b", "a", "b", "a"])
    ['b', 'b', 'b', 'a']
    """
    codes, _ = pd.factorize(np.asarray(groups, object))
    stratum_codes, names = pd.factorize(np.asarray(strata, object), sort=True)
    pairs, counts = np.unique(codes * len(names) + stratum_codes, return_counts=True)
    group, stratum = np.divmod(pairs, len(names))
    order = np.lexsort((stratum, -counts, group))
    _, first = np.unique(group[order], return_index=True)
    majority: list[str] = names[stratum[order[first]]][codes].tolist()
    return majority


ROUNDINGS = ("floor", "nearest")


def fraction_count(count: int, fraction: Fraction, rounding: str = "floor") -> int:
    """Return a fraction of `count`, exactly, rounded down or to the nearest with halves up.

    >>> fraction_count(100, Fraction("0.29")), fraction_count(1030231, Fraction("0.01"))
    (29, 10302)
    >>> fraction_count(235426, Fraction("0.1")), fraction_count(235426, Fraction("0.1"), "nearest")
    (23542, 23543)
    """
    half = Fraction(1, 2) if rounding == "nearest" else 0
    return int(count * fraction + half)


def stratum_counts(
    sizes: Mapping[str, int], fraction: Fraction, rounding: str = "floor"
) -> dict[str, int]:
    """Return the same fraction of every stratum's size.

    >>> stratum_counts({"earthquake_local": 25, "noise": 4}, Fraction(1, 10))
    {'earthquake_local': 2, 'noise': 0}
    """
    return {stratum: fraction_count(size, fraction, rounding) for stratum, size in sizes.items()}


def allocate(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """Allocate a number of traces to strata in proportion to their sizes (Sainte-Lague).

    The k-th trace of a stratum of n has the mark (k - 1/2) / n, and the `count` lowest marks of
    all strata are taken; of equal ones that of the larger stratum, then of the first by name.
    This is the divisor method of Webster and Sainte-Lague. Unlike the largest remainder it never
    takes a trace away from a stratum when `count` grows, and no stratum gets more than it has.

    Parameters
    ----------
    sizes
        Number of traces in each stratum.
    count
        Number to take, at most all.

    >>> allocate({"earthquake_local": 1030231, "noise": 235426}, 1000)
    {'earthquake_local': 814, 'noise': 186}
    """
    strata = sorted(sizes, key=lambda stratum: (-sizes[stratum], stratum))
    n_traces = np.array([sizes[stratum] for stratum in strata], dtype=np.int64)
    stratum_index = np.repeat(np.arange(len(strata)), n_traces)
    first = np.cumsum(n_traces) - n_traces
    # A quotient is rounded correctly, so equal marks stay equal, and below 30 million traces
    # unlike ones stay apart: the order is exact.
    marks = (np.arange(len(stratum_index)) - first[stratum_index] + 0.5) / n_traces[stratum_index]
    lowest = np.lexsort((stratum_index, marks))[:count]
    allocated = np.bincount(stratum_index[lowest], minlength=len(strata)).tolist()
    return dict(zip(strata, allocated, strict=True))


SPLITS = ("train", "validation", "test")
