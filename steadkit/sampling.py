"""Which traces are taken, and in what order: by a keyed hash of seed and name, nothing else.

A trace's rank does not depend on row order, chunking, platform or library version. So a smaller
fraction of the same seed lies within a larger one, chunks and the merged file give the same
selection, and adding traces moves none.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from steadkit.errors import InputError


def rank(names: Sequence[str], seed: int, purpose: str = "sample") -> np.ndarray:
    """Give each name its place in a random order, as uint64.

    The rank is the first 8 bytes of BLAKE2b of the name, keyed with the seed (RFC 7693).

    Parameters
    ----------
    names
        Trace names, or any other text.
    seed
        Any integer; another seed is another order.
    purpose
        Separates orders that must not follow one another, such as sampling and splitting.

    >>> rank(["109C.TA_20060723155859_EV"], seed=0)
    array([7699935477808438987], dtype=uint64)
    """
    keyed = hashlib.blake2b(
        digest_size=8, key=str(seed).encode(), person=purpose.encode().ljust(16, b"\0")
    )
    digests = bytearray()
    for name in names:
        hashed = keyed.copy()
        hashed.update(name.encode())
        digests += hashed.digest()
    return np.frombuffer(bytes(digests), dtype=">u8").astype(np.uint64)


def shuffled(names: Sequence[str], seed: int, purpose: str = "sample") -> np.ndarray:
    """Order names by their rank; returns their indices, int64. Ties go by name."""
    ranks = rank(names, seed, purpose)
    order = np.argsort(ranks, kind="stable")
    in_order = ranks[order]
    if (in_order[1:] == in_order[:-1]).any():
        order = np.array(sorted(order, key=lambda i: (ranks[i], names[i])), dtype=np.int64)
    return order


def take(names: Sequence[str], strata: Sequence[str], fraction: Fraction, seed: int) -> np.ndarray:
    """Take a fraction of each stratum, rounded down, in shuffled order.

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
    >>> take(names, ["a", "a", "a", "a", "b", "b", "b", "c"], Fraction(1, 2), seed=0)
    array([5, 3, 0])
    """
    labels = np.asarray(strata, dtype=object)
    order = shuffled(names, seed)
    kept = np.zeros(len(labels), dtype=bool)
    for stratum in dict.fromkeys(strata):
        members = order[labels[order] == stratum]
        kept[members[: share(len(members), fraction)]] = True
    return order[kept[order]]


def share(count: int, fraction: Fraction) -> int:
    """How many of `count` a fraction is, exactly, rounded down.

    >>> share(100, Fraction("0.29")), share(1030231, Fraction("0.01"))
    (29, 10302)
    """
    return count * fraction.numerator // fraction.denominator


def parse_fraction(text: str) -> Fraction:
    """Read ``0.01``, ``1e-2`` or ``1/100`` exactly.

    Raises
    ------
    InputError
        It is no number, or not above 0 and at most 1.

    >>> parse_fraction("0.29")
    Fraction(29, 100)
    """
    # A huge exponent or numerator would be expanded digit by digit: refuse before it is.
    if len(text) > 40 or len(text.lower().partition("e")[2]) > 4:
        raise InputError(f"fraction {text[:40]!r} is too long: use at most 40 characters")
    try:
        fraction = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"fraction {text!r} is not a number: use one such as 0.01") from error
    if not 0 < fraction <= 1:
        raise InputError(f"fraction {text} is not above 0 and at most 1: use one such as 0.01")
    return fraction


PARTS = ("train", "validation", "test")


def split(
    groups: Sequence[str],
    strata: Sequence[str],
    shares: Sequence[Fraction],
    seed: int,
) -> np.ndarray:
    """Cut traces into training, validation and test so that no group is in two of them.

    Whole groups go, in an order that depends on the seed alone, first to the test part until it
    has its share of the stratum's traces, then to validation, the rest to training.

    Parameters
    ----------
    groups
        The earthquake (or station, or region) of each trace.
    strata
        The category of each trace; every category is cut by itself.
    shares
        The shares of train, validation and test; they add up to 1.
    seed
        Selects the order.

    Returns
    -------
    numpy.ndarray
        The part of each trace, as text.
    """
    if len(shares) != len(PARTS) or sum(shares) != 1 or min(shares) < 0:
        raise InputError(f"shares {[str(s) for s in shares]} must be three that add up to 1")
    stratum_of = dict(zip(groups, strata, strict=True))
    sizes = Counter(groups)
    part_of: dict[str, str] = {}
    for stratum in dict.fromkeys(strata):
        own = {group: sizes[group] for group in sizes if stratum_of[group] == stratum}
        part_of |= _split_groups(own, shares, seed)
    return np.array([part_of[group] for group in groups], dtype=object)


def _split_groups(sizes: dict[str, int], shares: Sequence[Fraction], seed: int) -> dict[str, str]:
    names = list(sizes)
    queue = [names[i] for i in shuffled(names, seed, "split")]
    total = sum(sizes.values())
    part_of = {}
    for part, part_share in reversed(list(zip(PARTS, shares, strict=True))):
        # A share may end within a trace: the nearest whole number of traces, halves up.
        missing = int(total * part_share + Fraction(1, 2))
        while queue and (missing > 0 or part == PARTS[0]):
            group = queue.pop()
            part_of[group] = part
            missing -= sizes[group]
    return part_of
