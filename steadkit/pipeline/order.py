"""Which traces come when, and the random generator that augments each: functions of the seed."""

import hashlib
import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

PLACE = struct.Struct("<3Q")


class Order(NamedTuple):
    """The traces of an epoch in their order."""

    traces: np.ndarray
    """The number of each trace."""
    times: np.ndarray
    """How often in the epoch it has come before."""


def natural(count: int, seed: int | None, epoch: int) -> Order:
    """Take every trace once, shuffled by seed and epoch, or as they are without a seed.

    >>> natural(3, None, 0).traces.tolist()
    [0, 1, 2]
    """
    traces = np.arange(count) if seed is None else _shuffled(seed, epoch, count=count)
    return Order(traces, np.zeros(count, np.int64))


def balanced(is_event: np.ndarray, seed: int, epoch: int) -> Order:
    """Let events and noise alternate, the rarer kind coming again in another order.

    >>> traces, times = balanced(np.array([True, True, True, False]), 0, 0)
    >>> traces[1::2].tolist(), times[1::2].tolist()
    ([3, 3, 3], [0, 1, 2])
    """
    kinds = [np.flatnonzero(is_event), np.flatnonzero(~is_event)]
    most = max(map(len, kinds))
    traces, times = np.empty((2, 2 * most), np.int64)
    for kind, members in enumerate(kinds):
        rounds = -(-most // len(members))
        orders = [_shuffled(seed, epoch, kind, r, count=len(members)) for r in range(rounds)]
        traces[kind::2] = members[np.concatenate(orders)[:most]]
        times[kind::2] = np.repeat(np.arange(rounds), len(members))[:most]
    return Order(traces, times)


def _shuffled(*key: int, count: int) -> np.ndarray:
    return np.random.default_rng(key).permutation(count)


def generators(seed: int) -> Callable[[int, int, int], np.random.Generator]:
    """Make the generator of each example: a function of seed, epoch, trace and variant.

    A keyed hash of epoch, trace and variant is the state of a small fast generator (SFC64); to
    seed a new one by NumPy's own way would take ten times as long. What it gives is good until it
    is asked for the next one.

    >>> one = generators(0)
    >>> first = one(3, 7, 0).random()
    >>> one(3, 8, 0).random() == first, one(3, 7, 0).random() == first
    (False, True)
    """
    bits = np.random.SFC64(0)
    random, state, key = np.random.Generator(bits), bits.state, str(seed).encode()

    def at(epoch: int, trace: int, variant: int) -> np.random.Generator:
        message = PLACE.pack(epoch, trace, variant)
        words = hashlib.blake2b(message, key=key, digest_size=24).digest()
        # The last word counts the draws, and begins at one.
        state["state"]["state"][:] = *np.frombuffer(words, "<u8"), 1
        state["has_uint32"] = 0
        bits.state = state
        return random

    return at
