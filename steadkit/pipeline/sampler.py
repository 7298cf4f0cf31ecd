"""Which traces come when, and the random generator that augments each: functions of the seed."""

import hashlib
import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

PLACE = struct.Struct("<3Q")


class EpochOrder(NamedTuple):
    """The traces of an epoch in their order."""

    traces: np.ndarray
    """The number of each trace."""
    repetitions: np.ndarray
    """How often in the epoch it has come before."""
    unshuffled: np.ndarray | None = None
    """The same traces as they would come without a shuffle within blocks, where there are any."""


def natural_order(
    count: int, seed: int | None, epoch: int, file_order: np.ndarray | None = None, block: int = 0
) -> EpochOrder:
    """Take every trace once, shuffled by seed and epoch, or as they are without a seed.

    Parameters
    ----------
    count
        How many traces there are.
    seed, epoch
        What the order depends on.
    file_order, block
        For an order in blocks (`shuffle_in_blocks`): the traces as they lie in the file, and how many of
        them are shuffled at a time.

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
    """Alternate events and noise, the rarer kind coming again in another order.

    In blocks each kind is read from front to back, the rarer one once for each time it comes.

    >>> order = balanced_order(np.array([True, True, True, False]), 0, 0)
    >>> order.traces[1::2].tolist(), order.repetitions[1::2].tolist()
    ([3, 3, 3], [0, 1, 2])
    """
    traces_in_order = np.arange(len(is_event)) if file_order is None else file_order
    categories = [
        traces_in_order[is_event[traces_in_order]],
        traces_in_order[~is_event[traces_in_order]],
    ]
    n_most = max(map(len, categories))
    traces, repetitions, unshuffled = np.empty((3, 2 * n_most), np.int64)
    for category, members in enumerate(categories):
        rounds = -(-n_most // len(members))
        keys = [(seed, epoch, category, repetition) for repetition in range(rounds)]
        if file_order is None:
            orders = [members[_shuffled(*key, count=len(members))] for key in keys]
        else:
            orders = [shuffle_in_blocks(members, block, *key) for key in keys]
        traces[category::2] = np.concatenate(orders)[:n_most]
        repetitions[category::2] = np.repeat(np.arange(rounds), len(members))[:n_most]
        unshuffled[category::2] = np.tile(members, rounds)[:n_most]
    return EpochOrder(traces, repetitions, None if file_order is None else unshuffled)


def shuffle_in_blocks(traces: np.ndarray, block: int, *key: int) -> np.ndarray:
    """Shuffle traces within blocks of neighbours; the blocks keep their order.

    Where the first block ends is drawn too, so that no border parts the same neighbours in every
    epoch. One block that holds all traces is a random order of all.

    Parameters
    ----------
    traces
        The traces as they lie in the file.
    block
        How many make a block; the first and the last may have fewer.
    key
        What the order depends on: seed, epoch, and what else tells orders apart.

    >>> shuffle_in_blocks(np.arange(10), 4, 0, 0).tolist()
    [0, 2, 1, 3, 4, 7, 5, 6, 8, 9]
    """
    random, count = np.random.default_rng(key), len(traces)
    first = int(random.integers(block)) if block < count else 0
    blocks = (np.arange(count) + first) // block
    # A random number for each trace, sorted within the blocks: a generator for each block would
    # take seconds for a million traces in small ones.
    return traces[np.lexsort((random.random(count), blocks))]


def _shuffled(*key: int, count: int) -> np.ndarray:
    return np.random.default_rng(key).permutation(count)


def generator_factory(seed: int) -> Callable[[int, int, int], np.random.Generator]:
    """Make the generator of each example: a function of seed, epoch, trace and variant.

    A keyed hash of epoch, trace and variant is the state of a small fast generator (SFC64); to
    seed a new one by NumPy's own way would take ten times as long. What it gives is good until it
    is asked for the next one.

    >>> one = generator_factory(0)
    >>> first = one(3, 7, 0).random()
    >>> one(3, 8, 0).random() == first, one(3, 7, 0).random() == first
    (False, True)
    """
    bits = np.random.SFC64(0)
    random, state, key = np.random.Generator(bits), bits.state, str(seed).encode()

    def generator_for(epoch: int, trace: int, variant: int) -> np.random.Generator:
        message = PLACE.pack(epoch, trace, variant)
        digest = hashlib.blake2b(message, key=key, digest_size=24).digest()
        # The last word counts the draws, and begins at one.
        state["state"]["state"][:] = *np.frombuffer(digest, "<u8"), 1
        state["has_uint32"] = 0
        bits.state = state
        return random

    return generator_for
