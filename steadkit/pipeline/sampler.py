"""Order of the traces in an epoch and random generator of each example, functions of the seed."""

import hashlib
import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

KEY_FORMAT = struct.Struct("<3Q")


class EpochOrder(NamedTuple):
    """Order of the traces in an epoch."""

    traces: np.ndarray
    """Number of each trace."""
    repetitions: np.ndarray
    """How often the trace has occurred before in this epoch."""
    unshuffled: np.ndarray | None = None
    """The same traces before the shuffle within blocks; None without blocks."""


def natural_order(
    count: int, seed: int | None, epoch: int, file_order: np.ndarray | None = None, block: int = 0
) -> EpochOrder:
    """Return every trace once, shuffled by seed and epoch, or in order without a seed.

    Parameters
    ----------
    count
        Number of traces.
    seed, epoch
        Key of the order.
    file_order, block
        For an order in blocks (`shuffle_in_blocks`): the trace numbers in the order of the file,
        and the number of traces in a block.

    >>> natural_order(3, None, 0).traces.tolist()
    [0, 1, 2]
    """
    repetitions = np.zeros(count, np.int64)
    if seed is None:
        return EpochOrder(np.arange(count), repetitions)
    if file_order is None:
        return EpochOrder(_shuffled(seed, epoch, count=count), repetitions)
    return EpochOrder(shuffle_in_blocks(file_order, block, seed, epoch), repetitions, file_order)


def balanced_order(
    is_event: np.ndarray,
    seed: int,
    epoch: int,
    file_order: np.ndarray | None = None,
    block: int = 0,
) -> EpochOrder:
    """Alternate events and noise; the smaller class is repeated, each time in another order.

    In blocks, each class is read from front to back, the smaller one once per repetition.

    >>> order = balanced_order(np.array([True, True, True, False]), 0, 0)
    >>> order.traces[1::2].tolist(), order.repetitions[1::2].tolist()
    ([3, 3, 3], [0, 1, 2])
    """
    traces_in_order = np.arange(len(is_event)) if file_order is None else file_order
    classes = [
        traces_in_order[is_event[traces_in_order]],
        traces_in_order[~is_event[traces_in_order]],
    ]
    n_larger = max(map(len, classes))
    traces, repetitions, unshuffled = np.empty((3, 2 * n_larger), np.int64)
    for class_index, members in enumerate(classes):
        n_rounds = -(-n_larger // len(members))
        # The larger class has one round; the last round of the smaller one is used in part.
        keys = [(seed, epoch, class_index, repetition) for repetition in range(n_rounds)]
        if file_order is None:
            orders = [members[_shuffled(*key, count=len(members))] for key in keys]
        else:
            orders = [shuffle_in_blocks(members, block, *key) for key in keys]
        traces[class_index::2] = np.concatenate(orders)[:n_larger]
        repetitions[class_index::2] = np.repeat(np.arange(n_rounds), len(members))[:n_larger]
        unshuffled[class_index::2] = np.tile(members, n_rounds)[:n_larger]
    return EpochOrder(traces, repetitions, None if file_order is None else unshuffled)


def shuffle_in_blocks(traces: np.ndarray, block: int, *key: int) -> np.ndarray:
    """Shuffle traces within blocks of neighbours; blocks stay in order.

    The end of the first block is random, so that no boundary separates the same neighbours in every
    epoch. One block that holds all traces is a random permutation.

    Parameters
    ----------
    traces
        Trace numbers in the order of the file.
    block
        Traces in a block; the first and the last block may have fewer.
    key
        Key of the order: seed, epoch, and further numbers that distinguish orders.

    >>> shuffle_in_blocks(np.arange(10), 4, 0, 0).tolist()
    [0, 2, 1, 3, 4, 7, 5, 6, 8, 9]
    """
    random, count = np.random.default_rng(key), len(traces)
    first = int(random.integers(block)) if block < count else 0
    blocks = (np.arange(count) + first) // block
    # A random number for each trace, sorted within its block: a permutation for each block would
    # take seconds for a million traces in small blocks.
    return traces[np.lexsort((random.random(count), blocks))]


def _shuffled(*key: int, count: int) -> np.ndarray:
    return np.random.default_rng(key).permutation(count)


def generator_factory(seed: int) -> Callable[[int, int, int], np.random.Generator]:
    """Return a function from epoch, trace and variant to the random generator of an example.

    The generator depends on seed, epoch, trace and variant only. Its state (SFC64) is their keyed
    hash (BLAKE2b), as a new generator seeded in NumPy's own way would take ten times as long. The
    same generator object is returned each time: it is valid until the next call.

    >>> generator_for = generator_factory(0)
    >>> first = generator_for(3, 7, 0).random()
    >>> generator_for(3, 8, 0).random() == first, generator_for(3, 7, 0).random() == first
    (False, True)
    """
    bits = np.random.SFC64(0)
    random, state, key = np.random.Generator(bits), bits.state, str(seed).encode()

    def generator_for(epoch: int, trace: int, variant: int) -> np.random.Generator:
        message = KEY_FORMAT.pack(epoch, trace, variant)
        digest = hashlib.blake2b(message, key=key, digest_size=24).digest()
        # SFC64's fourth word is a counter, which starts at one. A half of a 64-bit draw that an
        # earlier example left over must not reach this one.
        state["state"]["state"][:] = *np.frombuffer(digest, "<u8"), 1
        state["has_uint32"] = 0
        bits.state = state
        return random

    return generator_for
