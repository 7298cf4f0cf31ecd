"""Runs: the parts of a sequence whose items belong together."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

Item = TypeVar("Item")


def consecutive_ranges(
    items: Sequence[Item], are_adjacent: Callable[[Item, Item], bool]
) -> Iterator[tuple[int, int]]:
    """Cut a sequence wherever an item does not belong to the one before it.

    >>> list(consecutive_ranges([3, 4, 5, 9, 2], lambda one, other: other == one + 1))
    [(0, 3), (3, 4), (4, 5)]
    """
    start = 0
    for stop, (previous, item) in enumerate(pairwise(items), 1):
        if not are_adjacent(previous, item):
            yield start, stop
            start = stop
    if items:
        yield start, len(items)
