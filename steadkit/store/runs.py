"""Ranges of adjacent items of a sequence."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

Item = TypeVar("Item")


def consecutive_ranges(
    items: Sequence[Item], are_adjacent: Callable[[Item, Item], bool]
) -> Iterator[tuple[int, int]]:
    """Yield the start and stop of each range whose neighbours are all adjacent.

    >>> list(consecutive_ranges([3, 4, 5, 9, 2], lambda previous, item: item == previous + 1))
    [(0, 3), (3, 4), (4, 5)]
    """
    start = 0
    for stop, (previous, item) in enumerate(pairwise(items), 1):
        if not are_adjacent(previous, item):
            yield start, stop
            start = stop
    if items:
        yield start, len(items)
